//! The exponentially weighted moving average (Roberts 1959, Lucas and Saccucci 1990).

use super::panel::{Sketch, gathered};
use super::{Panel, Statistic, Subgroup};
use crate::quality::error::QualityError;
use crate::quality::rules::Rule;

/// Limits of an EWMA chart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EwmaLimits {
    /// Where the average starts and what it is compared with.
    pub target: f64,
    /// Standard deviation of one reading.
    pub sigma: f64,
    /// Weight of the newest point, in (0, 1].
    pub lambda: f64,
    /// Width of the limits in standard deviations of the average.
    pub limit_l: f64,
    /// Whether the limits of the first points are the narrower exact ones, or asymptotic for all.
    pub exact: bool,
}

impl EwmaLimits {
    /// Checks the settings.
    pub fn checked(self) -> Result<Self, QualityError> {
        let setting = |name, value, allowed| {
            Err(QualityError::Setting {
                name,
                value,
                allowed,
            })
        };
        if !self.target.is_finite() {
            return setting("target", self.target, "a finite number is");
        }
        if !(self.sigma.is_finite() && self.sigma >= 0.0) {
            return setting("sigma", self.sigma, "0 or more is");
        }
        if !(self.lambda > 0.0 && self.lambda <= 1.0) {
            return setting("lambda", self.lambda, "above 0 up to 1 is");
        }
        if !(self.limit_l > 0.0 && self.limit_l.is_finite()) {
            return setting("limit_l", self.limit_l, "above 0 is");
        }
        Ok(self)
    }

    /// The panel of averages of subgroup means. A missing subgroup leaves the average as it is; after a set-up it starts
    /// at the target again.
    pub fn panel(&self, groups: &[Subgroup]) -> Panel {
        let keep = 1.0 - self.lambda;
        let (mut average, mut variance, mut start) = (self.target, 0.0, 0);
        let mut sketches = Vec::with_capacity(groups.len());
        let mut from = Vec::with_capacity(groups.len());
        for (index, group) in groups.iter().enumerate() {
            if group.after_break {
                (average, variance, start) = (self.target, 0.0, index);
            }
            from.push(start);
            let Some(mean) = group.mean() else {
                sketches.push(Sketch::missing(self.target));
                continue;
            };
            let size = group.size() as f64;
            average = self.lambda * mean + keep * average;
            variance = self.lambda * self.lambda / size + keep * keep * variance;
            let shown = if self.exact {
                variance
            } else {
                self.lambda / ((2.0 - self.lambda) * size)
            };
            let sigma = self.sigma * shown.sqrt();
            let reach = self.limit_l * sigma;
            sketches.push(Sketch {
                limits: Some((self.target - reach, self.target + reach)),
                ..Sketch::three_sigma(Some(average), self.target, sigma)
            });
            // The average has crossed its target since the last point: evidence for this side begins here.
            if let [.., a, b] = sketches.as_slice()
                && crosses(a.value, b.value, self.target)
            {
                start = index;
            }
        }
        gathered(Statistic::Ewma, &sketches, Rule::Ewma, &from)
    }
}

fn crosses(before: Option<f64>, now: Option<f64>, target: f64) -> bool {
    before
        .zip(now)
        .is_some_and(|(before, now)| (before > target) != (now > target))
}

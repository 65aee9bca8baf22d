//! Cumulative sums (Page 1954; tabular form, Montgomery 2013, section 9.1).

use super::panel::{Sketch, gathered};
use super::{Panel, Statistic, Subgroup};
use crate::quality::error::QualityError;
use crate::quality::number::tolerance;
use crate::quality::rules::Rule;

/// In what the sums are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CusumScale {
    /// Units of the data; for subgroups of `n` readings.
    Data {
        /// Readings per subgroup, 1 or more.
        n: usize,
    },
    /// Standard errors `sigma / sqrt(n_i)` of each point; for subgroups of any size.
    StandardError,
}

/// Limits of a CUSUM chart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CusumLimits {
    /// What is to be held, in units of the data.
    pub target: f64,
    /// Standard deviation of one reading, above 0.
    pub sigma: f64,
    /// Allowance in standard errors: half the shift to be found.
    pub k: f64,
    /// Decision interval in standard errors.
    pub h: f64,
    /// In what the sums are counted.
    pub scale: CusumScale,
    /// Whether both sums begin at 0 again after a signal.
    pub reset_after_signal: bool,
}

/// The sums of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct CusumRun {
    /// `C+` at each point, `None` where the value is missing.
    pub high: Vec<Option<f64>>,
    /// `C-` at each point, 0 or above.
    pub low: Vec<Option<f64>>,
    /// Last point at which `C+` was 0, for each point: the change happened after it. The first point where it never was.
    pub high_from: Vec<usize>,
    /// The same of `C-`.
    pub low_from: Vec<usize>,
}

/// One of the two sums.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    value: f64,
    last_zero: usize,
}

impl Sum {
    fn add(&mut self, step: f64, index: usize) -> f64 {
        self.value = (self.value + step).max(0.0);
        if self.value <= 0.0 {
            self.last_zero = index;
        }
        self.value
    }

    fn restart(&mut self, index: usize) {
        *self = Self {
            value: 0.0,
            last_zero: index,
        };
    }
}

impl CusumLimits {
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
        if !(self.sigma > 0.0 && self.sigma.is_finite()) {
            return setting("sigma", self.sigma, "above 0 is");
        }
        if !(self.k >= 0.0 && self.k.is_finite()) {
            return setting("k", self.k, "0 or more is");
        }
        if !(self.h > 0.0 && self.h.is_finite()) {
            return setting("h", self.h, "above 0 is");
        }
        if self.scale == (CusumScale::Data { n: 0 }) {
            return setting("n", 0.0, "1 or more is");
        }
        Ok(self)
    }

    /// The target on the scale of the sums.
    pub fn shown_target(&self) -> f64 {
        match self.scale {
            CusumScale::Data { .. } => self.target,
            CusumScale::StandardError => 0.0,
        }
    }

    /// Allowance `K` on the scale of the sums.
    pub fn allowance(&self) -> f64 {
        self.k * self.unit()
    }

    /// Decision interval `H` on the scale of the sums.
    pub fn decision_interval(&self) -> f64 {
        self.h * self.unit()
    }

    fn unit(&self) -> f64 {
        match self.scale {
            CusumScale::Data { n } => self.sigma / (n.max(1) as f64).sqrt(),
            CusumScale::StandardError => 1.0,
        }
    }

    /// The sums of a series of subgroup means. A missing subgroup leaves them as they are; after a set-up they begin at
    /// 0 again.
    pub fn run(&self, groups: &[Subgroup]) -> CusumRun {
        let (allowance, decision) = (self.allowance(), self.decision_interval());
        let slack = tolerance(decision, 0.0);
        let (mut high, mut low) = (Sum::default(), Sum::default());
        let mut run = CusumRun {
            high: Vec::with_capacity(groups.len()),
            low: Vec::with_capacity(groups.len()),
            high_from: Vec::with_capacity(groups.len()),
            low_from: Vec::with_capacity(groups.len()),
        };
        for (index, group) in groups.iter().enumerate() {
            if group.after_break {
                high.restart(index);
                low.restart(index);
            }
            let deviation = group.mean().map(|mean| self.deviation(mean, group.size()));
            run.high
                .push(deviation.map(|deviation| high.add(deviation - allowance, index)));
            run.low
                .push(deviation.map(|deviation| low.add(-deviation - allowance, index)));
            run.high_from.push(high.last_zero);
            run.low_from.push(low.last_zero);
            let signal = high.value > decision + slack || low.value > decision + slack;
            if signal && self.reset_after_signal {
                high.restart(index + 1);
                low.restart(index + 1);
            }
        }
        run
    }

    fn deviation(&self, mean: f64, size: usize) -> f64 {
        match self.scale {
            CusumScale::Data { .. } => mean - self.target,
            CusumScale::StandardError => (mean - self.target) * (size as f64).sqrt() / self.sigma,
        }
    }

    /// The panels of both sums.
    pub fn panels(&self, groups: &[Subgroup]) -> Vec<Panel> {
        let run = self.run(groups);
        let decision = self.decision_interval();
        let panel = |statistic, values: &[Option<f64>], from: &[usize]| {
            let sketch = |value: &Option<f64>| Sketch {
                value: *value,
                center: 0.0,
                sigma: 0.0,
                limits: Some((0.0, decision)),
                z: None,
            };
            let sketches: Vec<Sketch> = values.iter().map(sketch).collect();
            gathered(statistic, &sketches, Rule::Cusum, from)
        };
        vec![
            panel(Statistic::CusumHigh, &run.high, &run.high_from),
            panel(Statistic::CusumLow, &run.low, &run.low_from),
        ]
    }
}

//! Charts of subgroups: means with ranges or standard deviations.

use super::panel::{Sketch, ruled};
use super::series::check_readings;
use super::{ChartKind, Panel, Statistic, Subgroup};
use crate::quality::constants::{ChartConstants, c4};
use crate::quality::error::QualityError;
use crate::quality::number::mean;
use crate::quality::rules::RuleSet;

/// Limits of an X-bar/R or X-bar/S chart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SubgroupLimits {
    /// Readings per subgroup; `None` where it changes.
    pub n: Option<usize>,
    /// Subgroups the limits are made of.
    pub k: usize,
    /// Centre line of the means: their mean, weighted by size.
    pub center: f64,
    /// Standard deviation of one reading within a subgroup.
    pub sigma_within: f64,
    /// Mean range, of subgroups of one size of 2 to 25.
    pub mean_range: Option<f64>,
    /// Mean standard deviation, of subgroups of one size.
    pub mean_deviation: Option<f64>,
    /// Square root of the pooled variance within subgroups.
    pub pooled_sigma: f64,
    /// Degrees of freedom of the pooled variance: readings less subgroups.
    pub pooled_df: usize,
}

impl SubgroupLimits {
    /// Limits from the ranges; subgroups of one size of 2 to 25. Empty subgroups are left out.
    pub fn from_ranges(groups: &[Subgroup]) -> Result<Self, QualityError> {
        let common = Common::of(groups)?;
        let n = common.one_size(groups, ChartKind::XbarR)?;
        let constants = ChartConstants::of(n)?;
        let mean_range = common.mean_range.ok_or(too_spread())?;
        Ok(common.limits(Some(n), mean_range / constants.d2))
    }

    /// Limits from the standard deviations: from their mean for subgroups of one size, from the pooled variance else.
    /// Empty subgroups are left out; a subgroup of one reading has no spread, but counts for the centre line.
    pub fn from_deviations(groups: &[Subgroup]) -> Result<Self, QualityError> {
        let common = Common::of(groups)?;
        let Ok(n) = common.one_size(groups, ChartKind::XbarS) else {
            return Ok(common.limits(None, common.pooled_sigma));
        };
        let c4 = c4(n).ok_or(QualityError::SubgroupSize(n))?;
        let mean_deviation = common.mean_deviation.ok_or(too_spread())?;
        Ok(common.limits(Some(n), mean_deviation / c4))
    }

    /// The panel of means, with limits for the size of each subgroup.
    pub(crate) fn means(&self, groups: &[Subgroup], breaks: &[bool], rules: &RuleSet) -> Panel {
        let sketch = |group: &Subgroup| {
            let sigma = self.sigma_within / (group.size().max(1) as f64).sqrt();
            match group.mean() {
                Some(mean) => Sketch::three_sigma(Some(mean), self.center, sigma),
                None => Sketch::missing(self.center),
            }
        };
        let sketches: Vec<Sketch> = groups.iter().map(sketch).collect();
        ruled(Statistic::Mean, &sketches, breaks, rules)
    }

    /// The panel of ranges; a subgroup of one reading or of more than 25 has none.
    pub(crate) fn ranges(&self, groups: &[Subgroup], breaks: &[bool], rules: &RuleSet) -> Panel {
        let usual = self.n.and_then(|n| ChartConstants::of(n).ok());
        let center = usual.map_or(0.0, |constants| constants.d2 * self.sigma_within);
        let sketch = |group: &Subgroup| match ChartConstants::of(group.size()) {
            Ok(own) => Sketch::not_negative(
                group.range(),
                own.d2 * self.sigma_within,
                own.d3 * self.sigma_within,
            ),
            Err(_) => Sketch::missing(center),
        };
        let sketches: Vec<Sketch> = groups.iter().map(sketch).collect();
        ruled(Statistic::Range, &sketches, breaks, rules)
    }

    /// The panel of standard deviations; a subgroup of one reading has none.
    pub(crate) fn deviations(
        &self,
        groups: &[Subgroup],
        breaks: &[bool],
        rules: &RuleSet,
    ) -> Panel {
        let usual = self.n.and_then(c4).unwrap_or(1.0) * self.sigma_within;
        let sketch = |group: &Subgroup| match (c4(group.size()), group.variance()) {
            (Some(c4), Some(variance)) => Sketch::not_negative(
                Some(variance.sqrt()),
                c4 * self.sigma_within,
                (1.0 - c4 * c4).sqrt() * self.sigma_within,
            ),
            _ => Sketch::missing(usual),
        };
        let sketches: Vec<Sketch> = groups.iter().map(sketch).collect();
        ruled(Statistic::Deviation, &sketches, breaks, rules)
    }
}

/// What both kinds of limits begin with.
struct Common {
    k: usize,
    center: f64,
    mean_range: Option<f64>,
    mean_deviation: Option<f64>,
    pooled_sigma: f64,
    pooled_df: usize,
}

impl Common {
    fn of(groups: &[Subgroup]) -> Result<Self, QualityError> {
        check_readings(groups)?;
        let filled: Vec<&Subgroup> = groups.iter().filter(|group| group.size() > 0).collect();
        let spread: Vec<&&Subgroup> = filled.iter().filter(|group| group.size() > 1).collect();
        if spread.len() < 2 {
            return Err(QualityError::TooFew {
                what: "a chart of subgroups of two readings or more",
                have: spread.len(),
                needed: 2,
            });
        }
        let all: Vec<f64> = filled
            .iter()
            .flat_map(|group| group.readings.iter().copied())
            .collect();
        let ranges: Option<Vec<f64>> = spread.iter().map(|group| group.range()).collect();
        let variances: Option<Vec<f64>> = spread.iter().map(|group| group.variance()).collect();
        let variances = variances.ok_or(too_spread())?;
        let deviations: Vec<f64> = variances.iter().map(|variance| variance.sqrt()).collect();
        let pooled_df = spread.iter().map(|group| group.size() - 1).sum::<usize>();
        let squares: f64 = spread
            .iter()
            .zip(&variances)
            .map(|(group, variance)| (group.size() - 1) as f64 / pooled_df as f64 * variance)
            .sum();
        Ok(Self {
            k: filled.len(),
            center: mean(&all).ok_or(too_spread())?,
            mean_range: ranges.and_then(|ranges| mean(&ranges)),
            mean_deviation: mean(&deviations),
            pooled_sigma: squares.sqrt(),
            pooled_df,
        })
    }

    /// The size that all subgroups have.
    fn one_size(&self, groups: &[Subgroup], chart: ChartKind) -> Result<usize, QualityError> {
        let mut sizes = groups
            .iter()
            .map(Subgroup::size)
            .enumerate()
            .filter(|(_, size)| *size > 0);
        let (_, first) = sizes.next().unwrap_or((0, self.k));
        match sizes.find(|(_, size)| *size != first) {
            None => Ok(first),
            Some((index, size)) => Err(QualityError::UnequalSizes {
                chart,
                index,
                size: size as f64,
                expected: first as f64,
                instead: ChartKind::XbarS,
            }),
        }
    }

    fn limits(&self, n: Option<usize>, sigma_within: f64) -> SubgroupLimits {
        let ranged = n.is_some_and(|n| ChartConstants::of(n).is_ok());
        SubgroupLimits {
            n,
            k: self.k,
            center: self.center,
            sigma_within,
            mean_range: self.mean_range.filter(|_| ranged),
            mean_deviation: self.mean_deviation.filter(|_| n.is_some()),
            pooled_sigma: self.pooled_sigma,
            pooled_df: self.pooled_df,
        }
    }
}

/// Readings so far apart that their spread is beyond the range of numbers.
pub(super) const fn too_spread() -> QualityError {
    QualityError::NotAllowed {
        what: "the spread of the readings",
        index: 0,
    }
}

//! Charts of single readings with moving ranges.

use super::panel::{Sketch, ruled};
use super::series::check_readings;
use super::variables::too_spread;
use super::{ChartKind, Panel, Statistic, Subgroup};
use crate::quality::constants::{D2_OF_TWO, D3_OF_TWO};
use crate::quality::error::QualityError;
use crate::quality::number::mean;
use crate::quality::rules::RuleSet;

/// Limits of a chart of individuals.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IndividualLimits {
    /// Readings the limits are made of.
    pub k: usize,
    /// Moving ranges the limits are made of: pairs of neighbours without a gap or a set-up between them.
    pub pairs: usize,
    /// Centre line: the mean.
    pub center: f64,
    /// Mean moving range.
    pub mean_moving_range: f64,
    /// `mean moving range / d2(2)`.
    pub sigma_within: f64,
}

impl IndividualLimits {
    /// Limits from single readings; empty subgroups are missing values.
    pub fn fit(groups: &[Subgroup]) -> Result<Self, QualityError> {
        let values = single_readings(groups, ChartKind::IndividualsMr)?;
        let breaks: Vec<bool> = groups.iter().map(|group| group.after_break).collect();
        Self::of(&values, &breaks)
    }

    pub(super) fn of(values: &[Option<f64>], breaks: &[bool]) -> Result<Self, QualityError> {
        let present: Vec<f64> = values.iter().copied().flatten().collect();
        let ranges: Vec<f64> = moving_ranges(values, breaks)
            .into_iter()
            .flatten()
            .collect();
        let Some(mean_moving_range) = mean(&ranges) else {
            return Err(QualityError::TooFew {
                what: "a chart of individuals, in pairs of neighbouring readings,",
                have: 0,
                needed: 1,
            });
        };
        Ok(Self {
            k: present.len(),
            pairs: ranges.len(),
            center: mean(&present).ok_or(too_spread())?,
            mean_moving_range,
            sigma_within: mean_moving_range / D2_OF_TWO,
        })
    }

    /// The panel of readings.
    pub(crate) fn readings(&self, groups: &[Subgroup], breaks: &[bool], rules: &RuleSet) -> Panel {
        let sketch =
            |group: &Subgroup| Sketch::three_sigma(group.mean(), self.center, self.sigma_within);
        let sketches: Vec<Sketch> = groups.iter().map(sketch).collect();
        ruled(Statistic::Individual, &sketches, breaks, rules)
    }

    /// The panel of moving ranges; the first reading and the first after a gap or a set-up have none.
    pub(crate) fn ranges(&self, groups: &[Subgroup], breaks: &[bool], rules: &RuleSet) -> Panel {
        let values: Vec<Option<f64>> = groups.iter().map(Subgroup::mean).collect();
        let sketches: Vec<Sketch> = moving_ranges(&values, breaks)
            .into_iter()
            .map(|range| {
                let sigma = D3_OF_TWO * self.sigma_within;
                Sketch::not_negative(range, self.mean_moving_range, sigma)
            })
            .collect();
        ruled(Statistic::MovingRange, &sketches, breaks, rules)
    }
}

/// Distance of each value from the one before it; `None` over a gap or a break.
pub(super) fn moving_ranges(values: &[Option<f64>], breaks: &[bool]) -> Vec<Option<f64>> {
    let mut before = None;
    let mut ranges = Vec::with_capacity(values.len());
    for (index, value) in values.iter().enumerate() {
        if breaks.get(index).copied().unwrap_or(false) {
            before = None;
        }
        let range = before.zip(*value).map(|(a, b): (f64, f64)| (b - a).abs());
        ranges.push(range.filter(|range| range.is_finite()));
        before = *value;
    }
    ranges
}

/// The readings, one of each subgroup or none.
pub(super) fn single_readings(
    groups: &[Subgroup],
    chart: ChartKind,
) -> Result<Vec<Option<f64>>, QualityError> {
    check_readings(groups)?;
    if groups.iter().any(|group| group.size() > 1) {
        return Err(QualityError::WrongData {
            chart,
            wanted: "one reading per point",
        });
    }
    Ok(groups
        .iter()
        .map(|group| group.readings.first().copied())
        .collect())
}

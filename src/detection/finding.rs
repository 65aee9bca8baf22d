//! What the detectors report.

use super::bank::Slot;
use super::model::ModeId;
use crate::model::{Mono, Severity};

/// Limit ratios at which a finding becomes more urgent. The CUSUM is capped at the first, so a small shift that lasts
/// ends up there; only a large one takes the EWMA beyond the second.
const MEDIUM_RATIO: f64 = 1.5;
const HIGH_RATIO: f64 = 3.0;

/// Something changed about one slot. Per slot they come as `Raised`, any number of `Worse`, at most one
/// `Proposed`, `Cleared`, over and over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Finding {
    /// Which slot.
    pub slot: Slot,
    /// What happened.
    pub change: Change,
    /// The chart that speaks loudest, and the direction.
    pub chart: Chart,
    /// Its statistic over its limit; above 1 it alarms.
    pub ratio: f64,
    /// Limit of the statistic, in standard deviations of what the chart looks at; samples for [`Chart::Stuck`].
    pub limit: f64,
    /// Estimated distance of the level from normal in baseline standard deviations; negative is below.
    pub sigmas: f64,
    /// Level of the baseline, in the tag's unit.
    pub normal: f64,
    /// Spread of the baseline as charted, in the tag's unit; 0 while it is learned.
    pub sigma: f64,
    /// The value that completed the finding, in the tag's unit.
    pub value: f64,
    /// When the shift probably began: the last time the CUSUM of this direction was zero.
    pub onset: Mono,
    /// The mode whose baseline it was held against.
    pub mode: ModeId,
}

impl Finding {
    /// The test statistic, in the unit of [`Finding::limit`].
    pub fn statistic(&self) -> f64 {
        self.ratio * self.limit
    }

    /// Estimated change of the level, in the tag's unit; none where the chart says nothing of it, or no spread is known.
    pub fn shift(&self) -> Option<f64> {
        let says = self.chart.is_level() || self.chart.is_spike();
        (says && self.sigma > 0.0).then_some(self.sigmas * self.sigma)
    }

    /// How urgent the ratio makes it: low, from 1.5 medium, from 3 high.
    pub fn severity(&self) -> Severity {
        severity_of(self.ratio)
    }
}

pub(super) fn severity_of(ratio: f64) -> Severity {
    if ratio >= HIGH_RATIO {
        Severity::High
    } else if ratio >= MEDIUM_RATIO {
        Severity::Medium
    } else {
        Severity::Low
    }
}

/// Transition of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A chart went beyond its limit.
    Raised,
    /// The severity of the raised finding rose.
    Worse,
    /// The level of the raised finding has stood for so long that it may be the new normal; a person decides.
    Proposed,
    /// The signal is back to normal, or in another mode.
    Cleared,
}

/// A chart and its direction. The numbers are on disk and on the wire: never renumber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Chart {
    /// CUSUM, level above normal.
    CusumHigh = 1,
    /// CUSUM, level below normal.
    CusumLow = 2,
    /// EWMA, level above normal.
    EwmaHigh = 3,
    /// EWMA, level below normal.
    EwmaLow = 4,
    /// CUSUM of squares: the signal varies more than normal.
    Spread = 5,
    /// A single value, or two of three, far above what was to be expected.
    SpikeHigh = 6,
    /// The same below.
    SpikeLow = 7,
    /// The value does not move, though the signal never stood still for so long.
    Stuck = 8,
    /// Unusual for a signal without a normal level.
    Unusual = 9,
    /// Group: a tag's smoothed level far from normal.
    GroupLevel = 10,
    /// Group: T² of the innovations, the tags do not go together as they did.
    GroupPattern = 11,
}

impl Chart {
    /// Every chart, in code order.
    pub const ALL: [Self; 11] = [
        Self::CusumHigh,
        Self::CusumLow,
        Self::EwmaHigh,
        Self::EwmaLow,
        Self::Spread,
        Self::SpikeHigh,
        Self::SpikeLow,
        Self::Stuck,
        Self::Unusual,
        Self::GroupLevel,
        Self::GroupPattern,
    ];

    /// The inverse of the number.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|chart| *chart as u8 == code)
    }

    /// Whether it speaks of a value or level above normal.
    pub const fn is_high(self) -> bool {
        matches!(self, Self::CusumHigh | Self::EwmaHigh | Self::SpikeHigh)
    }

    /// Whether it speaks of the level.
    pub const fn is_level(self) -> bool {
        matches!(
            self,
            Self::CusumHigh | Self::CusumLow | Self::EwmaHigh | Self::EwmaLow
        )
    }

    /// Whether it speaks of single values.
    pub const fn is_spike(self) -> bool {
        matches!(self, Self::SpikeHigh | Self::SpikeLow)
    }

    /// The name used in logs and explanations.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CusumHigh => "cusum_high",
            Self::CusumLow => "cusum_low",
            Self::EwmaHigh => "ewma_high",
            Self::EwmaLow => "ewma_low",
            Self::Spread => "spread",
            Self::SpikeHigh => "spike_high",
            Self::SpikeLow => "spike_low",
            Self::Stuck => "stuck",
            Self::Unusual => "unusual",
            Self::GroupLevel => "group_level",
            Self::GroupPattern => "group_pattern",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charts_survive_their_code_and_have_names_of_their_own() {
        let mut names: Vec<&str> = Chart::ALL.into_iter().map(Chart::as_str).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Chart::ALL.len());
        for chart in Chart::ALL {
            assert_eq!(Chart::from_code(chart as u8), Some(chart));
        }
        assert_eq!(Chart::from_code(0), None);
    }

    #[track_caller]
    fn check_shift(chart: Chart, sigma: f64, expected: Option<f64>) {
        let finding = Finding {
            slot: Slot(0),
            change: Change::Raised,
            chart,
            ratio: 1.5,
            limit: 4.0,
            sigmas: -3.0,
            normal: 10.0,
            sigma,
            value: 4.0,
            onset: Mono::default(),
            mode: ModeId::default(),
        };
        assert_eq!((finding.shift(), finding.statistic()), (expected, 6.0));
    }

    #[test]
    fn a_shift_is_known_where_the_chart_speaks_of_the_level_and_a_spread_is_known() {
        check_shift(Chart::CusumLow, 2.0, Some(-6.0));
        check_shift(Chart::EwmaLow, 0.5, Some(-1.5));
        check_shift(Chart::SpikeLow, 2.0, Some(-6.0));
        check_shift(Chart::CusumLow, 0.0, None);
        check_shift(Chart::Spread, 2.0, None);
        check_shift(Chart::Stuck, 2.0, None);
        check_shift(Chart::Unusual, 2.0, None);
    }
}

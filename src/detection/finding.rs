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
    /// Estimated distance of the level from normal in baseline standard deviations; negative is below.
    pub sigmas: f64,
    /// Level of the baseline, in the tag's unit.
    pub normal: f64,
    /// Spread of the baseline as charted, in the tag's unit.
    pub sigma: f64,
    /// The value that completed the finding, in the tag's unit.
    pub value: f64,
    /// When the shift probably began: the last time the CUSUM of this direction was zero.
    pub onset: Mono,
    /// The mode whose baseline it was held against.
    pub mode: ModeId,
}

impl Finding {
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

/// A chart and its direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chart {
    /// CUSUM, level above normal.
    CusumHigh,
    /// CUSUM, level below normal.
    CusumLow,
    /// EWMA, level above normal.
    EwmaHigh,
    /// EWMA, level below normal.
    EwmaLow,
    /// CUSUM of squares: the signal varies more than normal.
    Spread,
    /// A single value, or two of three, far above what was to be expected.
    SpikeHigh,
    /// The same below.
    SpikeLow,
    /// The value does not move, though the signal never stood still for so long.
    Stuck,
    /// Unusual for a signal without a normal level.
    Unusual,
}

impl Chart {
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
        }
    }
}

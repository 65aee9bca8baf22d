//! A fault that stands: how large it is, and whether the signal has come back from it.
//!
//! Charts remember, so they come back late. Whether a fault is over is asked of the samples themselves: a likelihood
//! ratio of "normal" against "as it has been during the fault", accumulated like a CUSUM (Page 1954), ends it.

use super::arrival::Arrival;
use super::bank::Slot;
use super::finding::{Change, Chart, Finding};
use super::model::ModeId;
use crate::model::{Mono, Severity};

/// Evidence for normal that ends a fault, in natural logarithms.
const EVIDENCE: f32 = 8.0;
/// …and a fault that has lasted for this many samples, which are many occasions for a chance.
const LASTING_EVIDENCE: f32 = 12.0;
const LASTING_SAMPLES: u32 = 100;
/// One sample says no more than this: with heavy tails a single one can look like normal during any fault.
const EVIDENCE_MAX: f32 = 3.0;
/// Autocorrelated samples are worth this many times less at most.
const DISCOUNT_MAX: f32 = 8.0;
/// How fast the picture of the fault follows it.
const FOLLOW: f32 = 0.01;
/// Residuals and innovations beyond this say no more.
const RESIDUAL_MAX: f32 = 8.0;
const INNOVATION_MAX: f32 = 4.0;
/// The smallest level that a fault of the level is pictured with, in standard deviations.
const LEVEL_MIN: f32 = 0.5;
/// Statistics below this share of their limit, and mean squares below this, are quiet…
const QUIET_RATIO: f32 = 0.65;
const QUIET_SQUARE: f32 = 1.4;
/// …and this many quiet samples in a row end a fault as well.
const QUIET_SAMPLES: u32 = 60;
/// A level that has stood for this many samples is proposed as the new normal.
const STEADY_SAMPLES: u32 = 600;

/// What charts and model say of a sample during a fault.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Evidence {
    /// Residual and innovation in their standard deviations.
    pub(super) residual: f32,
    pub(super) innovation: f32,
    /// Statistic of the EWMA over its limit, without sign.
    pub(super) level_ratio: f32,
    /// The larger CUSUM of the level over its limit.
    pub(super) cusum_ratio: f32,
    /// EWMA in standard deviations.
    pub(super) level: f32,
    /// Mean squares of innovations and residuals; 1 when normal.
    pub(super) spread_mean: f32,
    pub(super) swing_mean: f32,
    /// Lag-1 correlation.
    pub(super) phi: f32,
    /// Samples of the same value, and whether they are so many that the value is stuck.
    pub(super) run: u32,
    pub(super) is_stuck: bool,
    /// Whether a CUSUM of squares is beyond its limit.
    pub(super) is_restless: bool,
}

/// An open fault of a slot.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fault {
    /// The chart that raised it.
    pub(super) chart: Chart,
    /// The highest severity reported.
    pub(super) severity: Severity,
    /// When it probably began.
    pub(super) onset: Mono,
    /// The value stands still; it is over with the first other value.
    pub(super) is_stuck: bool,
    level: f32,
    lasting: f32,
    variance: f32,
    innovation_variance: f32,
    evidence: f32,
    quiet: u32,
    steady: u32,
    /// A person has said that its level is not the new normal.
    is_rejected: bool,
}

impl Fault {
    /// A fault that `chart` has raised on a sample.
    pub(super) fn new(chart: Chart, severity: Severity, onset: Mono, at: &Evidence) -> Self {
        let is_spike = chart.is_spike();
        let residual = at.residual.clamp(-RESIDUAL_MAX, RESIDUAL_MAX);
        let level = match chart {
            _ if is_spike => residual,
            _ if !chart.is_level() => 0.0,
            _ if at.level.abs() < LEVEL_MIN => {
                LEVEL_MIN.copysign(if chart.is_high() { 1.0 } else { -1.0 })
            }
            _ => at.level,
        };
        let grown = |mean: f32| if is_spike { 1.0 } else { mean.max(1.0) };
        Self {
            chart,
            severity,
            onset,
            level,
            lasting: at.residual,
            variance: if at.is_restless {
                grown(at.swing_mean)
            } else {
                1.0
            },
            is_stuck: at.is_stuck,
            innovation_variance: grown(at.spread_mean),
            evidence: 0.0,
            quiet: 0,
            steady: 0,
            is_rejected: false,
        }
    }

    /// A fault of which nothing is known but that it is there.
    pub(super) fn begun(chart: Chart, severity: Severity, onset: Mono) -> Self {
        let nothing = Evidence {
            residual: 0.0,
            innovation: 0.0,
            level_ratio: 0.0,
            cusum_ratio: 0.0,
            level: 0.0,
            spread_mean: 1.0,
            swing_mean: 1.0,
            phi: 0.0,
            run: 1,
            is_stuck: false,
            is_restless: false,
        };
        Self::new(chart, severity, onset, &nothing)
    }

    /// The finding that ends it from outside.
    pub(super) fn ended(&self, slot: Slot, arrival: &Arrival) -> Finding {
        Finding {
            slot,
            change: Change::Cleared,
            chart: self.chart,
            ratio: 0.0,
            limit: 0.0,
            sigmas: 0.0,
            normal: arrival.level,
            sigma: 0.0,
            value: arrival.level,
            onset: self.onset,
            mode: ModeId::default(),
        }
    }

    /// Takes a sample; true when the fault is over.
    pub(super) fn is_over(&mut self, at: &Evidence) -> bool {
        self.is_stuck |= at.is_stuck;
        if self.is_stuck {
            return at.run < 2;
        }
        let r = at.residual.clamp(-RESIDUAL_MAX, RESIDUAL_MAX);
        let e = at.innovation.clamp(-INNOVATION_MAX, INNOVATION_MAX);
        let distance = r - self.level;
        // A picture that has come near normal must still differ from it.
        let variance = self.variance.max(2.0 - self.level * self.level);
        let by_level = 0.5 * (variance.ln() + distance * distance / variance - r * r);
        let spread = self.innovation_variance;
        let by_innovation = 0.5 * (spread.ln() + e * e / spread - e * e);
        let discount = ((1.0 + at.phi) / (1.0 - at.phi)).min(DISCOUNT_MAX);
        let said = (by_level / discount + by_innovation).min(EVIDENCE_MAX);
        self.evidence = (self.evidence + said).max(0.0);
        self.follow(distance, e);
        let weight = (1.0 / (self.steady as f32 + 1.0)).max(FOLLOW);
        self.lasting += weight * (at.residual - self.lasting);
        let is_quiet = at.level_ratio.max(QUIET_RATIO * at.cusum_ratio) < QUIET_RATIO
            && at.swing_mean < QUIET_SQUARE
            && at.spread_mean < QUIET_SQUARE;
        self.quiet = if is_quiet { self.quiet + 1 } else { 0 };
        let needed = if self.steady < LASTING_SAMPLES {
            EVIDENCE
        } else {
            LASTING_EVIDENCE
        };
        self.evidence > needed || self.quiet >= QUIET_SAMPLES
    }

    fn follow(&mut self, distance: f32, e: f32) {
        self.level += FOLLOW * distance;
        self.variance = (self.variance + FOLLOW * (distance * distance - self.variance)).max(1.0);
        let spread = self.innovation_variance;
        self.innovation_variance = (spread + FOLLOW * (e * e - spread)).max(1.0);
        self.steady += 1;
    }

    /// Its level is not the new normal.
    pub(super) const fn reject(&mut self) {
        self.is_rejected = true;
    }

    /// Mean distance from normal during the fault, in standard deviations.
    pub(super) const fn lasting(&self) -> f32 {
        self.lasting
    }

    /// Whether the level has stood long enough to be proposed as the new normal.
    pub(super) const fn is_proposed(&self) -> bool {
        self.chart.is_level() && self.steady >= STEADY_SAMPLES && !self.is_rejected
    }

    /// Whether this is the sample at which the level has stood long enough to be proposed as the new normal.
    pub(super) fn is_proposal(&self) -> bool {
        self.is_proposed() && self.steady == STEADY_SAMPLES
    }
}

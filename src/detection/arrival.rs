//! What is looked at first when a sample arrives: its time, whether it repeats, and how far it is from the level.

use std::time::Duration;

use crate::model::Mono;

/// Marks a slot that has seen no sample.
const NEVER: u64 = u64::MAX;

/// What becomes of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// It teaches.
    Learning,
    /// It is charted.
    Charted,
    /// It is charted after a look at pattern, settling or introduction.
    Attended,
    /// It goes to the detector of signals without a level.
    Wandering,
    /// It is ignored: the plant has announced that it means nothing.
    Quiet,
}

/// The front of one slot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Arrival {
    /// Level of the mode, in the tag's unit, and one over its spread.
    pub(super) level: f64,
    pub(super) per_spread: f64,
    last_ns: u64,
    period_ns: u64,
    last: f64,
    /// Samples of the same value.
    pub(super) run: u32,
    /// Run at which the value is stuck.
    pub(super) stuck_at: u32,
    pub(super) stage: Stage,
}

impl Arrival {
    pub(super) fn new(period: Duration, stage: Stage) -> Self {
        Self {
            level: 0.0,
            per_spread: 0.0,
            last_ns: NEVER,
            period_ns: u64::try_from(period.as_nanos()).unwrap_or(u64::MAX).max(1),
            last: 0.0,
            run: 0,
            stuck_at: u32::MAX,
            stage,
        }
    }

    /// Takes note of a sample; `None` when it is not newer than the last one, else how many samples are missing before
    /// it.
    #[inline]
    pub(super) fn take(&mut self, value: f64, at: Mono) -> Option<u64> {
        let now = at.as_nanos();
        let before = self.last_ns;
        if before == NEVER {
            self.last_ns = now;
            self.last = value;
            self.run = 1;
            return Some(0);
        }
        if now <= before {
            return None;
        }
        self.last_ns = now;
        let is_same = value.to_bits() == self.last.to_bits();
        self.last = value;
        self.run = if is_same {
            self.run.saturating_add(1)
        } else {
            1
        };
        let passed = now - before;
        if passed <= self.period_ns.saturating_add(self.period_ns / 2) {
            return Some(0);
        }
        self.run = 1;
        Some(passed.saturating_add(self.period_ns / 2) / self.period_ns - 1)
    }

    /// Distance from the level in spreads.
    #[inline]
    pub(super) fn residual(&self, value: f64) -> f64 {
        (value - self.level) * self.per_spread
    }

    /// How long a run of the value lasts, over the run at which it is stuck.
    pub(super) fn stuck_ratio(&self) -> f32 {
        self.run as f32 / self.stuck_at as f32
    }
}

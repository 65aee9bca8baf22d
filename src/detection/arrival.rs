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
        if before != NEVER && now <= before {
            return None;
        }
        self.last_ns = now;
        let is_same = self.run > 0 && value.to_bits() == self.last.to_bits();
        self.last = value;
        self.run = if is_same {
            self.run.saturating_add(1)
        } else {
            1
        };
        if before == NEVER {
            return Some(0);
        }
        let missing = self.missing(now - before);
        if missing > 0 {
            self.run = 1;
        }
        Some(missing)
    }

    /// Samples that are missing when this much time has passed between two.
    #[inline]
    const fn missing(&self, passed_ns: u64) -> u64 {
        if passed_ns <= self.period_ns.saturating_add(self.period_ns / 2) {
            0
        } else {
            passed_ns.saturating_add(self.period_ns / 2) / self.period_ns - 1
        }
    }

    /// The last value.
    pub(super) const fn last(&self) -> f64 {
        self.last
    }

    /// Goes on after a restart: the `last` value came `run` times and `passed` ago. Returns how many samples are missing.
    pub(super) fn resume(&mut self, last: f64, run: u32, passed: Duration) -> u64 {
        let missing = self.missing(u64::try_from(passed.as_nanos()).unwrap_or(u64::MAX));
        self.last = last;
        self.run = if missing == 0 { run } else { 0 };
        missing
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

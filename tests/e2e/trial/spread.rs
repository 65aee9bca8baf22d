//! Percentiles of a handful of durations.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

/// Durations, sorted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spread(Vec<Duration>);

impl Spread {
    /// Of these.
    pub(crate) fn new(mut all: Vec<Duration>) -> Self {
        all.sort_unstable();
        Self(all)
    }

    /// How many there are.
    pub(crate) const fn len(&self) -> usize {
        self.0.len()
    }

    /// The smallest that at least this many per cent do not exceed (nearest rank); zero when there are none.
    pub(crate) fn percentile(&self, per_cent: usize) -> Duration {
        let rank = (self.0.len() * per_cent).div_ceil(100).max(1);
        self.0.get(rank - 1).copied().unwrap_or_default()
    }

    /// In milliseconds.
    pub(crate) fn to_json(&self) -> Value {
        let ms = |per_cent| self.percentile(per_cent).as_secs_f64() * 1e3;
        json!({"count": self.len(), "p50_ms": ms(50), "p99_ms": ms(99), "max_ms": ms(100)})
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |per_cent| self.percentile(per_cent).as_secs_f64() * 1e3;
        write!(
            f,
            "p50 {:8.2} ms  p99 {:8.2} ms  max {:8.2} ms",
            ms(50),
            ms(99),
            ms(100)
        )
    }
}

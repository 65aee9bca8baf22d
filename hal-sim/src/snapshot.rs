//! The readings of the latest tick, for servers that look them up on demand.

use std::sync::{Arc, PoisonError, RwLock};

use crate::plant::Reading;

/// The latest readings. Clones share them; locked for a copy only.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot(Arc<RwLock<Latest>>);

#[derive(Debug, Default)]
struct Latest {
    at_ns: i64,
    readings: Vec<Reading>,
}

impl Snapshot {
    /// Replaces all readings. `at_ns` is the source time, nanoseconds since 1970-01-01 UTC.
    pub(crate) fn publish(&self, at_ns: i64, readings: &[Reading]) {
        // The lock guards plain values: one that a panic left behind is as good as any.
        let mut latest = self.0.write().unwrap_or_else(PoisonError::into_inner);
        latest.at_ns = at_ns;
        latest.readings.clear();
        latest.readings.extend_from_slice(readings);
    }

    /// One reading and its source time.
    pub(crate) fn get(&self, signal: usize) -> Option<(i64, Reading)> {
        let latest = self.0.read().unwrap_or_else(PoisonError::into_inner);
        latest
            .readings
            .get(signal)
            .map(|reading| (latest.at_ns, reading.clone()))
    }

    /// Every reading of one tick.
    pub(crate) fn readings(&self) -> Vec<Reading> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .readings
            .clone()
    }
}

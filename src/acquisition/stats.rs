//! Counters of acquisition, written by the endpoint tasks and read by health and the CLI.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Totals since start.
#[derive(Debug, Default)]
pub struct AcquisitionStats {
    /// Values obtained, Good or not, without those made up for unreachable devices.
    pub values_polled: AtomicU64,
    /// Bad samples made because a device could not be read.
    pub values_unread: AtomicU64,
    /// Grid points at which nothing was read because the endpoint was still busy.
    pub missed_deadlines: AtomicU64,
    /// Samples dropped because the pipeline's queue was full.
    pub overrun_samples: AtomicU64,
    /// Successful connects after the first.
    pub reconnects: AtomicU64,
    /// How late each poll began.
    pub jitter: JitterHistogram,
}

/// Sub-buckets per power of two: 1/8 relative resolution.
const SUB: usize = 8;
/// Powers of two of a microsecond: up to 2^26 µs, about a minute.
const POWERS: usize = 27;

/// Histogram of delays, 1 µs to a minute, with a relative error below 1/8.
#[derive(Debug)]
pub struct JitterHistogram {
    buckets: [AtomicU64; SUB * POWERS],
    max_us: AtomicU64,
}

impl Default for JitterHistogram {
    fn default() -> Self {
        Self {
            buckets: std::array::from_fn(|_| AtomicU64::new(0)),
            max_us: AtomicU64::new(0),
        }
    }
}

/// Quantiles of a [`JitterHistogram`], in microseconds (upper bucket edges).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JitterSummary {
    /// Number of polls.
    pub count: u64,
    /// Median.
    pub p50_us: u64,
    /// 99th percentile.
    pub p99_us: u64,
    /// Largest, exact.
    pub max_us: u64,
}

impl JitterHistogram {
    /// Counts one delay.
    pub fn record(&self, delay: Duration) {
        let us = u64::try_from(delay.as_micros()).unwrap_or(u64::MAX);
        self.max_us.fetch_max(us, Relaxed);
        if let Some(bucket) = self.buckets.get(bucket_of(us)) {
            bucket.fetch_add(1, Relaxed);
        }
    }

    /// Quantiles so far.
    pub fn summary(&self) -> JitterSummary {
        let counts: Vec<u64> = self.buckets.iter().map(|b| b.load(Relaxed)).collect();
        let count: u64 = counts.iter().sum();
        let quantile = |per_mille: u64| {
            let rank = (count * per_mille).div_ceil(1000).max(1);
            let mut seen = 0;
            for (bucket, n) in counts.iter().enumerate() {
                seen += n;
                if seen >= rank {
                    return upper_edge_us(bucket);
                }
            }
            0
        };
        let max_us = self.max_us.load(Relaxed);
        let (p50_us, p99_us) = (quantile(500).min(max_us), quantile(990).min(max_us));
        JitterSummary {
            count,
            p50_us,
            p99_us,
            max_us,
        }
    }
}

fn bucket_of(us: u64) -> usize {
    if us < SUB as u64 {
        return usize::try_from(us).unwrap_or(0);
    }
    let power = us.ilog2();
    let sub = (us >> (power - 3)) & 7;
    let index = (power as usize - 2) * SUB + usize::try_from(sub).unwrap_or(0);
    index.min(SUB * POWERS - 1)
}

fn upper_edge_us(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    let sub = SUB as u64;
    if bucket < sub {
        return bucket;
    }
    let power = bucket / sub + 2;
    ((bucket % sub + sub + 1) << (power - 3)) - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quantiles_of_a_known_population() {
        let histogram = JitterHistogram::default();
        for us in 1..=1000 {
            histogram.record(Duration::from_micros(us));
        }
        let summary = histogram.summary();
        assert_eq!((summary.count, summary.max_us), (1000, 1000));
        assert!((500..=575).contains(&summary.p50_us), "{summary:?}");
        assert!((990..=1000).contains(&summary.p99_us), "{summary:?}");
    }

    #[test]
    fn an_empty_histogram_has_zero_quantiles() {
        assert_eq!(
            JitterHistogram::default().summary(),
            JitterSummary::default()
        );
    }

    proptest! {
        #[test]
        fn a_bucket_holds_what_is_put_into_it(us in 0..60_000_000_u64) {
            let edge = upper_edge_us(bucket_of(us));
            prop_assert!(edge >= us && edge - us <= us / 8, "{us} in bucket up to {edge}");
        }

        #[test]
        fn hours_land_in_the_last_bucket(us in 134_217_728..u64::MAX) {
            prop_assert_eq!(bucket_of(us), SUB * POWERS - 1);
        }
    }
}

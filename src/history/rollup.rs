//! The statistics of one bucket, and how buckets become coarser ones without loss.

use super::number::float_u;

/// Statistics of the samples in a bucket of time. Only Good numbers enter the values; samples of every quality enter the
/// counts and the coverage.
///
/// `m2` is the sum of squared deviations from the mean, which merges exactly (Chan, Golub and `LeVeque` 1979): with
/// `d = mean_b - mean_a`, `m2 = m2_a + m2_b + d² n_a n_b / (n_a + n_b)`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rollup {
    /// Samples of quality Good.
    pub good: u64,
    /// Samples of quality Uncertain.
    pub uncertain: u64,
    /// Samples of quality Bad.
    pub bad: u64,
    /// Good samples that are finite numbers: what the statistics below are of. When it is 0 they mean nothing.
    pub n: u64,
    /// Time for which a sample of any quality stood, milliseconds.
    pub covered_ms: u64,
    /// Time for which a Good number stood, milliseconds.
    pub weighted_ms: u64,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// Mean of the values, each sample weighing the same.
    pub mean: f64,
    /// Sum of squared deviations from the mean.
    pub m2: f64,
    /// Integral over time of the value that stood, value times milliseconds.
    pub integral: f64,
    /// Earliest value.
    pub first: f64,
    /// Latest value.
    pub last: f64,
    /// When the earliest value was, milliseconds since the epoch, whole seconds.
    pub first_ms: i64,
    /// When the latest value was, milliseconds since the epoch, whole seconds.
    pub last_ms: i64,
}

/// From this many values on the time-weighted mean is compared with the error of the mean.
const SETTLE_N: u64 = 8;
/// A time-weighted mean nearer to the mean than this share of the mean's standard error is the mean.
const SETTLE_SHARE: f64 = 1.0 / 64.0;

impl Rollup {
    /// Whether nothing is known of the bucket.
    pub const fn is_empty(&self) -> bool {
        self.good == 0 && self.uncertain == 0 && self.bad == 0 && self.covered_ms == 0
    }

    /// Standard deviation of the values (n - 1); `None` below two values.
    pub fn std(&self) -> Option<f64> {
        (self.n >= 2).then(|| (self.m2.max(0.0) / float_u(self.n - 1)).sqrt())
    }

    /// Mean over time of the value that stood; `None` when none stood.
    pub fn weighted_mean(&self) -> Option<f64> {
        (self.weighted_ms > 0).then(|| self.integral / float_u(self.weighted_ms))
    }

    /// Adds one Good number.
    pub(super) fn add(&mut self, value: f64, time_ms: i64) {
        let second_ms = time_ms - time_ms.rem_euclid(1_000);
        if self.n == 0 {
            (self.min, self.max, self.first) = (value, value, value);
            self.first_ms = second_ms;
        }
        self.n += 1;
        let off = value - self.mean;
        self.mean += off / float_u(self.n);
        self.m2 += off * (value - self.mean);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        (self.last, self.last_ms) = (value, second_ms);
    }

    /// Joins what is known of other samples: of a later bucket, or of the same.
    pub fn merge(&mut self, other: &Self) {
        self.good += other.good;
        self.uncertain += other.uncertain;
        self.bad += other.bad;
        self.covered_ms += other.covered_ms;
        self.weighted_ms += other.weighted_ms;
        self.integral += other.integral;
        if other.n == 0 {
            return;
        }
        if self.n == 0 {
            *self = Self {
                good: self.good,
                uncertain: self.uncertain,
                bad: self.bad,
                covered_ms: self.covered_ms,
                weighted_ms: self.weighted_ms,
                integral: self.integral,
                ..*other
            };
            return;
        }
        let (ours, theirs) = (float_u(self.n), float_u(other.n));
        let off = other.mean - self.mean;
        let share = theirs / (ours + theirs);
        self.m2 += other.m2 + off * off * ours * share;
        self.mean += off * share;
        self.n += other.n;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        if other.first_ms < self.first_ms {
            (self.first, self.first_ms) = (other.first, other.first_ms);
        }
        if other.last_ms >= self.last_ms {
            (self.last, self.last_ms) = (other.last, other.last_ms);
        }
    }

    /// Joins samples that came for a bucket which had been summed up before: together they cannot cover more time than
    /// the bucket has.
    pub(super) fn merge_within(&mut self, other: &Self, bucket_ms: u64) {
        self.merge(other);
        self.covered_ms = self.covered_ms.min(bucket_ms);
        if self.weighted_ms > bucket_ms {
            self.integral *= float_u(bucket_ms) / float_u(self.weighted_ms);
            self.weighted_ms = bucket_ms;
        }
    }

    /// Takes the mean for the time-weighted mean where they differ by less than 1/64 of the mean's standard error, as
    /// they do when only the jitter of the scan sets them apart. The difference says nothing and would cost a byte a row.
    pub(super) fn settle(&mut self) {
        let Some(weighted) = self.weighted_mean() else {
            return;
        };
        let error = self.std().unwrap_or(0.0) / float_u(self.n.max(1)).sqrt();
        let rounding = 1e-12 * self.mean.abs();
        let near = if self.n >= SETTLE_N {
            error * SETTLE_SHARE
        } else {
            0.0
        };
        if self.n > 0 && (weighted - self.mean).abs() <= near.max(rounding) {
            self.integral = self.mean * float_u(self.weighted_ms);
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::history) fn of(values: &[f64], start_ms: i64) -> Rollup {
        let mut rollup = Rollup::default();
        for (value, i) in values.iter().zip(0..) {
            rollup.add(*value, start_ms + i * 1_000);
            rollup.good += 1;
            rollup.covered_ms += 1_000;
            rollup.weighted_ms += 1_000;
            rollup.integral += value * 1_000.0;
        }
        rollup
    }

    #[test]
    fn merging_is_as_if_all_had_been_one() {
        let all = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0];
        for cut in 0..=all.len() {
            let mut merged = of(&all[..cut], 0);
            merged.merge(&of(&all[cut..], 1_000 * i64::try_from(cut).unwrap()));
            let whole = of(&all, 0);
            assert!((merged.mean - whole.mean).abs() < 1e-12);
            assert!((merged.m2 - whole.m2).abs() < 1e-12);
            let exact = Rollup {
                mean: whole.mean,
                m2: whole.m2,
                ..merged
            };
            assert_eq!(exact, whole);
        }
    }

    #[test]
    fn the_standard_deviation_is_of_a_sample() {
        let std = of(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0], 0)
            .std()
            .unwrap();
        assert!((std - (32.0f64 / 7.0).sqrt()).abs() < 1e-12);
        assert_eq!(of(&[1.0], 0).std(), None);
        assert_eq!(Rollup::default().weighted_mean(), None);
    }

    #[test]
    fn late_data_cannot_cover_more_than_the_bucket() {
        let mut rollup = of(&[10.0; 60], 0);
        rollup.merge_within(&of(&[20.0; 60], 0), 60_000);
        assert_eq!(
            (rollup.n, rollup.covered_ms, rollup.weighted_ms),
            (120, 60_000, 60_000)
        );
        assert!((rollup.weighted_mean().unwrap() - 15.0).abs() < 1e-12);
    }

    #[test]
    fn jitter_does_not_set_the_means_apart() {
        let mut rollup = of(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], 0);
        rollup.integral += 20.0;
        rollup.settle();
        assert_eq!(rollup.weighted_mean(), Some(4.5));
        rollup.integral += 1_000.0;
        rollup.settle();
        assert_eq!(rollup.weighted_mean(), Some(4.625));
    }
}

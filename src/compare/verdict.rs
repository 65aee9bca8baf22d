//! From numbers to a verdict: enough data, a difference, and one that matters.

use super::records::Records;
use super::report::{PairEstimate, Verdict};

/// Fewest records of a level.
pub(super) const RECORDS_MIN: usize = 8;
/// Fewest production days of a level.
pub(super) const DAYS_MIN: usize = 5;
/// Fewest records per coefficient of the model.
pub(super) const RECORDS_PER_PARAMETER: usize = 10;
/// Chance of a false difference among all pairs.
const ALPHA: f64 = 0.05;
/// `2 (z_0.975 + z_0.8)^2` rounded up: records per level for a power of 80 % (Lehr 1992).
const POWER_80: f64 = 16.0;
/// Without a threshold a difference of half a standard deviation is planned for (Cohen 1988: medium).
const MEDIUM_EFFECT: f64 = 0.5;
/// No more records than this are asked for; the plan is then hopeless.
const NEEDED_MAX: f64 = 1e9;

/// Whether a level has records and days enough.
pub(super) fn is_enough(records: usize, days: usize) -> bool {
    records >= RECORDS_MIN && days >= DAYS_MIN
}

/// The verdict on an estimated difference.
///
/// Without a threshold: `difference` when the corrected interval excludes 0, else `no_evidence`. With one:
/// `difference` when it excludes 0 and the estimate is at least the threshold; `no_evidence` when the whole interval
/// lies inside the threshold on both sides; `inconclusive` otherwise.
pub(super) fn of_estimate(estimate: &PairEstimate, relevance: Option<f64>) -> Verdict {
    let excludes_zero = estimate.reported_test().p_tukey < ALPHA;
    let Some(relevance) = relevance else {
        return if excludes_zero {
            Verdict::Difference
        } else {
            Verdict::NoEvidence
        };
    };
    if excludes_zero && estimate.difference.abs() >= relevance {
        return Verdict::Difference;
    }
    if estimate.family_low > -relevance && estimate.family_high < relevance {
        return Verdict::NoEvidence;
    }
    Verdict::Inconclusive
}

/// Records per level that show a difference of `relevance` with a power of 80 %: `16 s^2/delta^2`, with the spread `s`
/// of the records within levels; without a threshold `delta = s/2`. At least the smallest number that is judged.
pub(super) fn needed_records(records: &Records, relevance: Option<f64>) -> Option<u64> {
    let spread = spread(records);
    let delta = relevance.or_else(|| spread.map(|spread| spread * MEDIUM_EFFECT));
    let needed = match (spread, delta) {
        (Some(spread), Some(delta)) if delta > 0.0 => POWER_80 * (spread / delta).powi(2),
        // Without any spread two records in a level say nothing about it.
        _ => POWER_80 / MEDIUM_EFFECT.powi(2),
    };
    let least = RECORDS_MIN as f64;
    whole(needed.max(least).ceil())
}

fn whole(count: f64) -> Option<u64> {
    if count.is_nan() || count > NEEDED_MAX {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 8 and a thousand million"
    )]
    Some(count as u64)
}

/// Standard deviation of a record within its level, in units of the outcome; `None` with fewer than two records in
/// every level or when all are equal.
fn spread(records: &Records) -> Option<f64> {
    let mut squares = 0.0;
    let mut free = 0.0;
    for level in super::design::occurring(&records.level) {
        let rows = records
            .level
            .iter()
            .zip(records.value.iter().zip(&records.weight));
        let rows = rows
            .filter(|(of, _)| **of == level)
            .map(|(_, (value, weight))| {
                if records.rates {
                    value / weight
                } else {
                    records.in_units(*value)
                }
            });
        let n = rows.clone().count() as f64;
        let mean = rows.clone().sum::<f64>() / n;
        squares += rows.map(|value| (value - mean).powi(2)).sum::<f64>();
        free += n - 1.0;
    }
    let spread = (squares / free).sqrt();
    (spread > 0.0 && spread.is_finite()).then_some(spread)
}

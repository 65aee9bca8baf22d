//! Time between failures and time to repair (ISO 22400-2).
//!
//! `MTBF = operating time / failures`, `MTTR = mean time from failure to restored`, waiting included. Without a failure
//! there is no MTBF but a lower bound at 95 %: `T / -ln(0.05)`, from a Poisson count of zero. A failure that is open when
//! the window ends is counted as a failure and is in no MTTR.

use std::time::Duration;

use super::span::{Span, elapsed, ratio};
use crate::model::Timestamp;

/// One failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// When the machine failed.
    pub down: Timestamp,
    /// When it was restored; `None` while it is not.
    pub restored: Option<Timestamp>,
}

/// Reliability of a work unit in a window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reliability {
    /// Failures that began in the window.
    pub failures: usize,
    /// Those of them not restored when it ended.
    pub open: usize,
    /// Mean operating time between failures, in seconds; `None` without a failure.
    pub mtbf_s: Option<f64>,
    /// MTBF is at least this with 95 % confidence, in seconds; only without a failure.
    pub mtbf_min_s: Option<f64>,
    /// Mean time to restoration, in seconds; `None` when none was restored.
    pub mttr_s: Option<f64>,
    /// MTBF / (MTBF + MTTR).
    pub inherent_availability: Option<f64>,
}

/// Of `failures` in any order, with `operating` the time APT + AUST in `window`.
pub fn reliability(window: Span, operating: Duration, failures: &[Failure]) -> Reliability {
    let within = || failures.iter().filter(|f| window.contains(f.down));
    let repairs: Vec<Duration> = within()
        .filter_map(|f| Some((f.down, f.restored?)))
        .filter(|(_, restored)| *restored <= window.end)
        .map(|(down, restored)| elapsed(down, restored))
        .collect();
    let failed = within().count();
    let operating_s = operating.as_secs_f64();
    let repair = repairs
        .iter()
        .fold(Duration::ZERO, |sum, r| sum.saturating_add(*r));
    let mtbf_s = ratio(operating_s, failed as f64);
    let mttr_s = ratio(repair.as_secs_f64(), repairs.len() as f64);
    let bound = operating_s / -0.05_f64.ln();
    Reliability {
        failures: failed,
        open: failed - repairs.len(),
        mtbf_s,
        mtbf_min_s: (failed == 0 && operating_s > 0.0).then_some(bound),
        mttr_s,
        inherent_availability: mtbf_s
            .zip(mttr_s)
            .and_then(|(mtbf, mttr)| ratio(mtbf, mtbf + mttr)),
    }
}

/// CMT / (CMT + PMT): share of maintenance time that repairs.
pub fn corrective_maintenance_ratio(corrective: Duration, planned: Duration) -> Option<f64> {
    let corrective = corrective.as_secs_f64();
    ratio(corrective, corrective + planned.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1_000)
    }

    fn of(failures: &[(i64, Option<i64>)]) -> Reliability {
        let failures: Vec<Failure> = failures
            .iter()
            .map(|(down, restored)| Failure {
                down: at(*down),
                restored: restored.map(at),
            })
            .collect();
        let window = Span::new(at(0), at(1_000));
        reliability(window, Duration::from_mins(15), &failures)
    }

    #[test]
    fn no_failure_gives_a_lower_bound_only() {
        let none = of(&[]);
        assert_eq!(
            (none.mtbf_s, none.mttr_s, none.inherent_availability),
            (None, None, None)
        );
        // 900 / 2.995732
        assert!((none.mtbf_min_s.unwrap() - 300.427_3).abs() < 1e-3);
        let window = Span::new(at(0), at(1_000));
        assert_eq!(reliability(window, Duration::ZERO, &[]).mtbf_min_s, None);
    }

    #[test]
    fn an_open_failure_counts_but_is_no_repair() {
        for open in [None, Some(1_001)] {
            let both = of(&[(100, Some(130)), (990, open)]);
            assert_eq!((both.failures, both.open), (2, 1));
            assert_eq!((both.mtbf_s, both.mttr_s), (Some(450.0), Some(30.0)));
            assert_eq!(both.mtbf_min_s, None);
        }
        assert_eq!(of(&[(990, None)]).mttr_s, None);
    }

    #[test]
    fn failures_of_other_windows_do_not_count() {
        assert_eq!(of(&[(-5, Some(10)), (1_000, None)]).failures, 0);
        assert_eq!(of(&[(0, Some(1_000))]).open, 0);
        assert_eq!(of(&[(50, Some(20))]).mttr_s, Some(0.0));
    }

    #[test]
    fn corrective_maintenance_is_a_share_of_all_maintenance() {
        let hours = Duration::from_hours;
        assert_eq!(corrective_maintenance_ratio(hours(1), hours(3)), Some(0.25));
        assert_eq!(corrective_maintenance_ratio(hours(0), hours(0)), None);
    }
}

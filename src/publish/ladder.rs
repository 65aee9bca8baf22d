//! When to connect again. Pure; time is an argument, the generator is seeded by the caller.

use std::collections::VecDeque;
use std::time::Duration;

use crate::model::Mono;

/// Why a connection failed, as far as it decides how soon to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultClass {
    /// The broker or the network is away: it may be back any moment.
    Transient,
    /// Credentials, certificates or settings are wrong: a person must act, and hammering locks accounts.
    Config,
}

/// First upper bound of the wait.
const FIRST: Duration = Duration::from_millis(500);
/// Upper bound during the first minute: a restarted broker is found soon.
const EARLY: Duration = Duration::from_millis(1_500);
const EARLY_FOR: Duration = Duration::from_mins(1);
/// Upper bound for ever after.
const LAST: Duration = Duration::from_mins(1);
/// Never less: a broker that closes at once must not make a busy loop.
const LEAST: Duration = Duration::from_millis(50);
/// Wait on wrong credentials, certificates or settings, ± 10 %.
const CONFIG: Duration = Duration::from_mins(5);

/// Back-off with full jitter: each wait is drawn evenly between almost nothing and a bound that doubles.
#[derive(Debug, Default)]
pub(super) struct Ladder {
    failures: u32,
    down_since: Option<Mono>,
}

impl Ladder {
    /// How long to wait after a failure at `now`.
    pub(super) fn wait(
        &mut self,
        class: FaultClass,
        now: Mono,
        rng: &mut fastrand::Rng,
    ) -> Duration {
        let since = *self.down_since.get_or_insert(now);
        if class == FaultClass::Config {
            return CONFIG.mul_f64(0.9 + 0.2 * rng.f64());
        }
        let doubled = FIRST.saturating_mul(1 << self.failures.min(10));
        self.failures = self.failures.saturating_add(1);
        let bound = if now.since(since) < EARLY_FOR {
            doubled.min(EARLY)
        } else {
            doubled.min(LAST)
        };
        LEAST + bound.saturating_sub(LEAST).mul_f64(rng.f64())
    }

    /// The connection works again.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }
}

/// Wait once a connection is lost too often.
const CHURN_WAIT: Duration = Duration::from_mins(1);
const CHURN_SPAN: Duration = Duration::from_mins(1);
/// More take-overs than this in a minute: another client uses the same client id.
const TAKE_OVERS: usize = 3;
/// The same guess for 3.1.1, where a take-over looks like any other close.
const CLOSES: usize = 6;

/// Notices connections that come up and are lost again and again, as two clients with one id do to each other.
#[derive(Debug, Default)]
pub(super) struct Churn {
    take_overs: VecDeque<Mono>,
    closes: VecDeque<Mono>,
}

impl Churn {
    /// A connection that was up was lost at `now`; the extra wait when that happens too often.
    pub(super) fn lost(&mut self, now: Mono, taken_over: bool) -> Option<Duration> {
        let (times, allowed) = if taken_over {
            (&mut self.take_overs, TAKE_OVERS)
        } else {
            (&mut self.closes, CLOSES)
        };
        while times.front().is_some_and(|t| now.since(*t) > CHURN_SPAN) {
            times.pop_front();
        }
        times.push_back(now);
        if times.len() <= allowed {
            return None;
        }
        times.clear();
        Some(CHURN_WAIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Mono {
        Mono::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn early_waits_stay_below_a_second_and_a_half() {
        let mut rng = fastrand::Rng::with_seed(1);
        let mut ladder = Ladder::default();
        for second in 0..60 {
            let wait = ladder.wait(FaultClass::Transient, at(second), &mut rng);
            assert!(wait >= LEAST && wait <= EARLY, "{wait:?}");
        }
    }

    #[test]
    fn later_waits_grow_to_a_minute_and_differ() {
        let mut rng = fastrand::Rng::with_seed(2);
        let mut ladder = Ladder::default();
        ladder.wait(FaultClass::Transient, at(0), &mut rng);
        let waits: Vec<Duration> = (0..200)
            .map(|n| ladder.wait(FaultClass::Transient, at(61 + n), &mut rng))
            .collect();
        assert!(waits.iter().all(|w| *w <= LAST));
        assert!(waits.iter().any(|w| *w > Duration::from_secs(50)));
        assert!(waits.iter().any(|w| *w < Duration::from_secs(10)));
    }

    #[test]
    fn wrong_settings_are_not_hammered() {
        let mut rng = fastrand::Rng::with_seed(3);
        let mut ladder = Ladder::default();
        for second in 0..50 {
            let wait = ladder.wait(FaultClass::Config, at(second), &mut rng);
            assert!(wait >= Duration::from_secs(270) && wait <= Duration::from_secs(330));
        }
    }

    #[test]
    fn success_starts_the_ladder_anew() {
        let mut rng = fastrand::Rng::with_seed(4);
        let mut ladder = Ladder::default();
        for second in 0..200 {
            ladder.wait(FaultClass::Transient, at(second), &mut rng);
        }
        ladder.reset();
        assert!(ladder.wait(FaultClass::Transient, at(201), &mut rng) <= FIRST);
    }

    #[test]
    fn the_fourth_take_over_in_a_minute_backs_off() {
        let mut churn = Churn::default();
        for second in [0, 10, 20] {
            assert_eq!(churn.lost(at(second), true), None);
        }
        assert_eq!(churn.lost(at(30), true), Some(CHURN_WAIT));
        assert_eq!(churn.lost(at(31), true), None);
    }

    #[test]
    fn slow_losses_are_no_churn() {
        let mut churn = Churn::default();
        for minute in 0..50 {
            assert_eq!(churn.lost(at(minute * 25), true), None);
            assert_eq!(churn.lost(at(minute * 25), false), None);
        }
    }

    #[test]
    fn plain_closes_are_given_more_chances() {
        let mut churn = Churn::default();
        for second in 0..6 {
            assert_eq!(churn.lost(at(second), false), None);
        }
        assert_eq!(churn.lost(at(7), false), Some(CHURN_WAIT));
    }
}

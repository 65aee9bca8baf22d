//! Delays between attempts: exponential with full jitter, so that many gateways do not return as one wave
//! (Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog 2015).

use std::time::Duration;

/// Delay doubling from `base` to `cap`; each delay is drawn uniformly from `floor` to the current ceiling.
#[derive(Debug, Clone)]
pub struct Backoff {
    floor: Duration,
    base: Duration,
    cap: Duration,
    attempt: u32,
}

impl Backoff {
    /// For links that come and go: 0.1 s at least, ceiling 0.5 s doubling to 60 s.
    pub const fn link() -> Self {
        Self::new(
            Duration::from_millis(100),
            Duration::from_millis(500),
            Duration::from_mins(1),
        )
    }

    /// For wrong credentials or certificates, where hammering locks accounts: 30 s at least, up to 5 min.
    pub const fn config() -> Self {
        Self::new(
            Duration::from_secs(30),
            Duration::from_mins(1),
            Duration::from_mins(5),
        )
    }

    /// A custom back-off.
    pub const fn new(floor: Duration, base: Duration, cap: Duration) -> Self {
        Self {
            floor,
            base,
            cap,
            attempt: 0,
        }
    }

    /// The next delay; `random` is uniform in `[0, 1)`.
    pub fn next(&mut self, random: f64) -> Duration {
        let doubled = self.base.saturating_mul(1_u32 << self.attempt.min(20));
        let ceiling = doubled.min(self.cap);
        self.attempt = self.attempt.saturating_add(1);
        ceiling.mul_f64(random.clamp(0.0, 1.0)).max(self.floor)
    }

    /// Attempts since the last success.
    pub const fn attempts(&self) -> u32 {
        self.attempt
    }

    /// Starts over after a success.
    pub const fn reset(&mut self) {
        self.attempt = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ceilings_double_up_to_the_cap() {
        let mut backoff = Backoff::link();
        let ceilings: Vec<f64> = (0..9).map(|_| backoff.next(1.0).as_secs_f64()).collect();
        assert_eq!(ceilings, [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]);
        assert_eq!(backoff.attempts(), 9);
        backoff.reset();
        assert_eq!(backoff.next(1.0), Duration::from_millis(500));
    }

    proptest! {
        #[test]
        fn every_delay_stays_between_floor_and_cap(random in -1.0..2.0_f64, attempts in 0..200_usize) {
            for mut backoff in [Backoff::link(), Backoff::config()] {
                for _ in 0..attempts {
                    backoff.next(0.5);
                }
                let delay = backoff.next(random);
                prop_assert!(delay >= backoff.floor && delay <= backoff.cap);
            }
        }
    }
}

//! Circuit breaker of one unit: after a few silent reads the unit is left alone for a while, so that its
//! timeouts do not eat the time of the units that share its endpoint.

use super::Backoff;
use crate::model::Mono;

/// Silent reads in a row that open the breaker.
const TRIP_AFTER: u32 = 3;

/// Whether a unit may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Asked at every tick.
    Closed,
    /// Not asked until then; after that, one trial.
    OpenUntil(Mono),
}

/// Circuit breaker of one unit.
#[derive(Debug, Clone)]
pub struct Breaker {
    silent_in_a_row: u32,
    state: BreakerState,
    backoff: Backoff,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            silent_in_a_row: 0,
            state: BreakerState::Closed,
            backoff: Backoff::link(),
        }
    }
}

impl Breaker {
    /// Whether the unit may be asked at `now`; an open breaker allows one trial once its time is over.
    pub fn allows(&self, now: Mono) -> bool {
        match self.state {
            BreakerState::Closed => true,
            BreakerState::OpenUntil(until) => now >= until,
        }
    }

    /// Whether the unit is set aside.
    pub const fn is_open(&self) -> bool {
        matches!(self.state, BreakerState::OpenUntil(_))
    }

    /// The unit answered. Returns whether that closed an open breaker.
    pub const fn succeeded(&mut self) -> bool {
        let was_open = self.is_open();
        self.silent_in_a_row = 0;
        self.state = BreakerState::Closed;
        self.backoff.reset();
        was_open
    }

    /// The unit stayed silent. Returns whether that opened a closed breaker. `random` is uniform in `[0, 1)`.
    pub fn failed(&mut self, now: Mono, random: f64) -> bool {
        self.silent_in_a_row = self.silent_in_a_row.saturating_add(1);
        if self.silent_in_a_row < TRIP_AFTER {
            return false;
        }
        let was_open = self.is_open();
        self.state = BreakerState::OpenUntil(now.saturating_add(self.backoff.next(random)));
        !was_open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_silent_reads_open_it_and_one_answer_closes_it() {
        let mut breaker = Breaker::default();
        let now = Mono::from_nanos(0);
        assert!(!breaker.failed(now, 1.0));
        assert!(!breaker.failed(now, 1.0));
        assert!(breaker.allows(now));
        assert!(breaker.failed(now, 1.0));
        assert!(breaker.is_open());
        assert!(!breaker.allows(Mono::from_nanos(499_999_999)));
        let trial = Mono::from_nanos(500_000_000);
        assert!(breaker.allows(trial));
        assert!(
            !breaker.failed(trial, 1.0),
            "a failed trial is no new opening"
        );
        assert!(!breaker.allows(trial));
        assert!(breaker.succeeded());
        assert!(breaker.allows(trial));
        assert!(!breaker.succeeded());
    }

    #[test]
    fn an_answer_in_between_starts_the_count_over() {
        let mut breaker = Breaker::default();
        let now = Mono::from_nanos(0);
        for _ in 0..10 {
            breaker.failed(now, 0.5);
            breaker.failed(now, 0.5);
            breaker.succeeded();
        }
        assert!(!breaker.is_open());
    }
}

//! The only place that asks what time it is.

use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::model::{Mono, Now, Timestamp};

/// A source of both times. Two implementations: the machine's, and a hand-driven one for tests.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Both clocks, read together.
    fn now(&self) -> Now;
}

/// The machine's clocks; monotonic time counts from construction.
#[derive(Debug, Clone)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// Starts monotonic time at zero.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the monotonic clock"
    )]
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    /// The instant at which monotonic time was zero, for timers.
    pub const fn origin(&self) -> Instant {
        self.start
    }
}

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the wall clock"
    )]
    fn now(&self) -> Now {
        let mono = u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let wall = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |n| -n),
        };
        Now {
            mono: Mono::from_nanos(mono),
            wall: Timestamp::from_nanos(wall),
        }
    }
}

/// A clock that moves only when told to.
#[derive(Debug, Default)]
pub struct ManualClock {
    mono_ns: AtomicU64,
    wall_ns: AtomicI64,
}

impl ManualClock {
    /// A clock at monotonic zero and the given wall time.
    pub fn at(wall: Timestamp) -> Self {
        Self {
            mono_ns: AtomicU64::new(0),
            wall_ns: AtomicI64::new(wall.as_nanos()),
        }
    }

    /// Moves both clocks forward.
    pub fn advance(&self, by: Duration) {
        let nanos = i64::try_from(by.as_nanos()).unwrap_or(i64::MAX);
        self.mono_ns
            .fetch_add(nanos.unsigned_abs(), Ordering::SeqCst);
        self.wall_ns.fetch_add(nanos, Ordering::SeqCst);
    }

    /// Steps the wall clock only, as NTP or a person would.
    pub fn step_wall(&self, by_ns: i64) {
        self.wall_ns.fetch_add(by_ns, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Now {
        Now {
            mono: Mono::from_nanos(self.mono_ns.load(Ordering::SeqCst)),
            wall: Timestamp::from_nanos(self.wall_ns.load(Ordering::SeqCst)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn monotonic_time_does_not_go_back() {
        let clock = SystemClock::start();
        let first = clock.now();
        assert!(clock.now().mono >= first.mono);
    }

    #[test]
    fn a_wall_step_leaves_monotonic_time_alone() {
        let clock = ManualClock::at(Timestamp::from_millis(1_000));
        clock.advance(Duration::from_millis(5));
        clock.step_wall(-2_000_000);
        assert_eq!(
            clock.now(),
            Now {
                mono: Mono::from_nanos(5_000_000),
                wall: Timestamp::from_millis(1_003)
            }
        );
    }
}

//! How long pieces of work take.

use std::time::Duration;

use crate::clock::Clock;

/// Time spent, in seconds. The three kinds of work go side by side; waiting for each other is not counted.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Seconds {
    /// From begin to end.
    pub wall: f64,
    /// Reading and decoding.
    pub decode: f64,
    /// Validation, detection, alerting, summaries.
    pub chain: f64,
    /// Of the chain's time, what its ticks took: summaries are made, alarms end by time.
    pub tick: f64,
    /// Results to JSON and to disk.
    pub write: f64,
}

impl Seconds {
    /// Values through validation, detection and alerting.
    pub const fn detect(&self) -> f64 {
        (self.chain - self.tick).max(0.0)
    }

    /// What took which share of all work.
    pub fn shares(&self) -> Shares {
        let work = (self.decode + self.chain + self.write).max(f64::MIN_POSITIVE);
        let (decode, detect) = (self.decode / work, self.detect() / work);
        Shares {
            decode,
            detect,
            rest: (1.0 - decode - detect).max(0.0),
        }
    }
}

/// Shares of the time that all work took, 0 to 1; together 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shares {
    /// Reading and decoding.
    pub decode: f64,
    /// Values through validation, detection and alerting.
    pub detect: f64,
    /// Making summaries, and results to JSON and to disk.
    pub rest: f64,
}

/// Adds up the time that pieces of work take: two looks at the clock for each, so a piece should be many values.
#[derive(Debug)]
pub(super) struct Stopwatch<'c> {
    clock: &'c dyn Clock,
    /// Time taken so far.
    pub(super) total: Duration,
}

impl<'c> Stopwatch<'c> {
    pub(super) const fn new(clock: &'c dyn Clock) -> Self {
        Self {
            clock,
            total: Duration::ZERO,
        }
    }

    /// Does a piece of work.
    pub(super) fn time<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let begin = elapsed(self.clock);
        let result = work();
        self.total += elapsed(self.clock).saturating_sub(begin);
        result
    }
}

/// Time on a clock since its zero.
pub(super) fn elapsed(clock: &dyn Clock) -> Duration {
    Duration::from_nanos(clock.now().mono.as_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn only_the_time_of_the_work_is_added_up() {
        let clock = ManualClock::default();
        let mut stopwatch = Stopwatch::new(&clock);
        for milliseconds in [3, 4] {
            clock.advance(Duration::from_secs(1));
            stopwatch.time(|| clock.advance(Duration::from_millis(milliseconds)));
        }
        assert_eq!(stopwatch.total, Duration::from_millis(7));
    }

    #[test]
    fn shares_are_of_all_work_whatever_went_side_by_side() {
        let seconds = Seconds {
            wall: 6.0,
            decode: 2.0,
            chain: 5.0,
            tick: 1.0,
            write: 1.0,
        };
        let shares = seconds.shares();
        assert_eq!(
            (shares.decode, shares.detect, shares.rest),
            (0.25, 0.5, 0.25)
        );
    }

    #[test]
    fn no_work_has_no_shares_but_adds_up() {
        let shares = Seconds::default().shares();
        assert_eq!((shares.decode, shares.detect, shares.rest), (0.0, 0.0, 1.0));
    }
}

//! Notices when the wall clock steps: NTP after a long outage, a person, a dead battery.

use crate::model::Now;

/// Differences below this are slewing and scheduling noise, not steps (ns).
const STEP_NS: i64 = 1_000_000_000;

/// Compares the progress of both clocks.
#[derive(Debug, Clone, Default)]
pub struct ClockWatch {
    last: Option<Now>,
}

impl ClockWatch {
    /// The size of the step since the last call, in nanoseconds, positive when the wall clock jumped ahead.
    pub fn observe(&mut self, now: Now) -> Option<i64> {
        let last = self.last.replace(now)?;
        let elapsed = i64::try_from(now.mono.since(last.mono).as_nanos()).unwrap_or(i64::MAX);
        let step = now.wall.nanos_since(last.wall).saturating_sub(elapsed);
        (step.saturating_abs() >= STEP_NS).then_some(step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Mono, Timestamp};

    #[test]
    fn only_a_second_or_more_of_difference_is_a_step() {
        let at = |mono_ms: u64, wall_ms: i64| Now {
            mono: Mono::from_nanos(mono_ms * 1_000_000),
            wall: Timestamp::from_millis(wall_ms),
        };
        let mut watch = ClockWatch::default();
        assert_eq!(watch.observe(at(0, 0)), None);
        assert_eq!(watch.observe(at(100, 1_099)), None);
        assert_eq!(watch.observe(at(200, 3_199)), Some(2_000_000_000));
        assert_eq!(watch.observe(at(300, 299)), Some(-3_000_000_000));
        assert_eq!(watch.observe(at(400, 399)), None);
    }
}

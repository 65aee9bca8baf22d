//! The polling grid: each group is due at `start + phase + n × period`, for ever. A late poll does not shift the
//! grid; deadlines that passed meanwhile are skipped and counted, never caught up in a burst.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::driver::GroupId;
use crate::model::Mono;

/// A group and the grid point at which it is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    /// When.
    pub at: Mono,
    /// What.
    pub group: GroupId,
}

/// The next due time of every group of one endpoint.
#[derive(Debug, Clone)]
pub struct Schedule {
    heap: BinaryHeap<Reverse<Due>>,
    periods_ns: Vec<u64>,
}

impl Schedule {
    /// Groups in [`GroupId`] order, each with (period, phase); the grid starts at `start`.
    pub fn new(groups: &[(Duration, Duration)], start: Mono) -> Self {
        let due = |(index, (_, phase)): (usize, &(Duration, Duration))| {
            Reverse(Due {
                at: start.saturating_add(*phase),
                group: GroupId(index),
            })
        };
        let nanos = |period: &Duration| u64::try_from(period.as_nanos()).unwrap_or(u64::MAX).max(1);
        Self {
            heap: groups.iter().enumerate().map(due).collect(),
            periods_ns: groups.iter().map(|(period, _)| nanos(period)).collect(),
        }
    }

    /// The group that is due next; `None` only without groups.
    pub fn next(&self) -> Option<Due> {
        self.heap.peek().map(|Reverse(due)| *due)
    }

    /// Takes the next group off and puts it back at its first grid point after `now`.
    /// Returns how many of its deadlines were skipped.
    pub fn advance(&mut self, now: Mono) -> u64 {
        let Some(mut top) = self.heap.peek_mut() else {
            return 0;
        };
        let due = top.0;
        let period_ns = self.periods_ns.get(due.group.0).copied().unwrap_or(1);
        let late_ns = now.as_nanos().saturating_sub(due.at.as_nanos());
        let skipped = late_ns / period_ns;
        let steps = skipped.saturating_add(1).saturating_mul(period_ns);
        top.0.at = due.at.saturating_add(Duration::from_nanos(steps));
        skipped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: u64 = 1_000_000;

    fn ms(n: u64) -> Mono {
        Mono::from_nanos(n * MS)
    }

    fn two_groups() -> Schedule {
        let groups = [
            (Duration::from_millis(100), Duration::ZERO),
            (Duration::from_millis(250), Duration::from_millis(10)),
        ];
        Schedule::new(&groups, ms(1000))
    }

    #[test]
    fn groups_come_in_the_order_of_their_grid_points() {
        let mut schedule = two_groups();
        let mut order = Vec::new();
        while let Some(due) = schedule.next().filter(|due| due.at < ms(1300)) {
            order.push((due.at.as_nanos() / MS, due.group.0));
            assert_eq!(schedule.advance(due.at), 0);
        }
        assert_eq!(
            order,
            [(1000, 0), (1010, 1), (1100, 0), (1200, 0), (1260, 1)]
        );
    }

    #[test]
    fn a_late_poll_keeps_the_phase_and_counts_what_it_missed() {
        let mut schedule = two_groups();
        assert_eq!(schedule.advance(ms(1350)), 3);
        assert_eq!(schedule.advance(ms(1010)), 0);
        assert_eq!(
            schedule.next(),
            Some(Due {
                at: ms(1260),
                group: GroupId(1)
            })
        );
        schedule.advance(ms(1260));
        assert_eq!(
            schedule.next(),
            Some(Due {
                at: ms(1400),
                group: GroupId(0)
            })
        );
    }

    #[test]
    fn an_empty_schedule_has_nothing_due() {
        let mut schedule = Schedule::new(&[], ms(0));
        assert_eq!(schedule.next(), None);
        assert_eq!(schedule.advance(ms(5)), 0);
    }

    proptest! {
        #[test]
        fn every_grid_point_is_either_polled_or_counted(
            period_ms in 1..500_u64, phase_ms in 0..500_u64, delays in proptest::collection::vec(0..2_000_u64, 1..100)
        ) {
            let groups = [(Duration::from_millis(period_ms), Duration::from_millis(phase_ms))];
            let mut schedule = Schedule::new(&groups, ms(0));
            let mut accounted = 0;
            for delay in delays {
                let due = schedule.next().unwrap().at;
                accounted += 1 + schedule.advance(Mono::from_nanos(due.as_nanos() + delay * MS));
            }
            let next = schedule.next().unwrap().at.as_nanos() / MS;
            prop_assert_eq!(next, phase_ms + accounted * period_ms);
        }
    }
}

//! Time in which something is to be made: shifts without their breaks and other planned stops.

use std::time::Duration;

use super::super::span::{Span, shared, union};
use super::Calendar;
use crate::model::Timestamp;

/// How far ahead busy time is looked for.
const AHEAD: Duration = Duration::from_hours(24 * 400);

impl Calendar {
    /// Busy time in `window`, without `planned` stops besides the breaks.
    pub fn busy(&self, window: Span, planned: &[Span]) -> Duration {
        let planned = union(planned);
        let shifts = self.instances(window.start, window.end);
        let busy = shifts.map(|shift| {
            let credit = shift.credit.clip(&window);
            let pauses = union(&[&shift.breaks[..], &planned].concat());
            credit.length().saturating_sub(shared(&credit, &pauses))
        });
        busy.fold(Duration::ZERO, Duration::saturating_add)
    }

    /// When `time` of busy time will have passed from `from` on; `None` where the calendar has not that much within 400
    /// days.
    pub fn after_busy(
        &self,
        from: Timestamp,
        time: Duration,
        planned: &[Span],
    ) -> Option<Timestamp> {
        let planned = union(planned);
        let ahead = Span::new(from, from.saturating_add(AHEAD));
        let mut left = time;
        for shift in self.instances(ahead.start, ahead.end) {
            let credit = shift.credit.clip(&ahead);
            let mut since = credit.start;
            let pauses = union(&[&shift.breaks[..], &planned].concat());
            let end = Span::new(credit.end, credit.end);
            for pause in pauses.iter().chain([&end]) {
                let busy = Span::new(since, pause.start.min(credit.end)).length();
                if left <= busy {
                    return Some(since.saturating_add(left));
                }
                left = left.saturating_sub(busy);
                since = since.max(pause.end);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::time;

    use super::super::{CalendarDefinition, ShiftDef};
    use super::*;
    use crate::model::Zone;

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_millis(hour * 3_600_000)
    }

    /// Every day from 6 to 14, with a break from 9 to 10.
    fn calendar() -> Calendar {
        let mut shift = ShiftDef::new("day", time(6, 0, 0, 0), time(14, 0, 0, 0));
        shift.breaks = vec![super::super::Break {
            start: time(9, 0, 0, 0),
            end: time(10, 0, 0, 0),
        }];
        Calendar::new(CalendarDefinition::new(Zone::UTC, vec![shift])).unwrap()
    }

    /// Both ways: how much busy time lies between two hours, and when it will have passed.
    #[track_caller]
    fn check(from: i64, to: i64, busy_h: u64, planned: &[Span]) {
        let calendar = calendar();
        let busy = Duration::from_hours(busy_h);
        assert_eq!(calendar.busy(Span::new(at(from), at(to)), planned), busy);
        assert_eq!(calendar.after_busy(at(from), busy, planned), Some(at(to)));
    }

    #[test]
    fn busy_time_is_that_of_shifts_without_planned_stops() {
        check(6, 8, 2, &[]);
        check(6, 11, 4, &[]);
        check(0, 14, 7, &[]);
        check(0, 31, 8, &[]);
        check(9, 11, 1, &[]);
        check(16, 32, 2, &[]);
        let stop = [Span::new(at(8), at(9)), Span::new(at(10), at(12))];
        check(6, 13, 3, &stop);
        check(11, 31, 3, &stop);
    }

    #[test]
    fn a_calendar_may_not_have_so_much() {
        let years = Duration::from_hours(8 * 400);
        assert_eq!(calendar().after_busy(at(0), years, &[]), None);
        let nothing = calendar().after_busy(at(0), Duration::ZERO, &[]);
        assert_eq!(nothing, Some(at(6)));
    }
}

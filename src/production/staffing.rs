//! People by shift, as counts: headcount against plan. Never persons.

use std::time::Duration;

use super::calendar::{HeadcountSource, ShiftInstance, ShiftKey};
use super::span::ratio;

/// Figures of people are shown for groups of at least this many.
pub const GROUP_MIN: u32 = 5;

/// Headcount of one shift.
#[derive(Debug, Clone, PartialEq)]
pub struct Staffed {
    /// Which shift.
    pub shift: ShiftKey,
    /// People present, or planned as a fallback.
    pub headcount: Option<u32>,
    /// People planned.
    pub planned: Option<u32>,
    /// Present less planned; only where the roster says who was present.
    pub gap: Option<i64>,
    /// Whether `headcount` is the plan for want of a roster.
    pub is_fallback: bool,
    /// Share of the people who know the work, 0 to 1.
    pub experience_share: Option<f64>,
}

/// Headcount against plan of each shift.
pub fn staffing(shifts: &[ShiftInstance]) -> Vec<Staffed> {
    let staffed = shifts.iter().map(|shift| {
        let staffing = &shift.staffing;
        let is_known = staffing.source == HeadcountSource::Roster;
        let both = staffing.headcount.zip(staffing.planned);
        Staffed {
            shift: shift.key.clone(),
            headcount: staffing.headcount,
            planned: staffing.planned,
            gap: both
                .filter(|_| is_known)
                .map(|(present, planned)| i64::from(present) - i64::from(planned)),
            is_fallback: staffing.source == HeadcountSource::Planned,
            experience_share: staffing.experience_share,
        }
    });
    staffed.collect()
}

/// APWT / APAT: time that people worked on orders by the time they attended. `None` for fewer than five persons.
pub fn worker_efficiency(worked: Duration, attended: Duration, persons: u32) -> Option<f64> {
    let share = ratio(worked.as_secs_f64(), attended.as_secs_f64());
    share.filter(|_| persons >= GROUP_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Zone;
    use crate::production::calendar::{Calendar, CalendarDefinition, RosterEntry, ShiftDef};
    use jiff::civil::{date, time};

    #[test]
    fn a_gap_needs_a_roster() {
        let mut shift = ShiftDef::new("day", time(6, 0, 0, 0), time(14, 0, 0, 0));
        shift.planned_headcount = Some(8);
        let mut made = CalendarDefinition::new(Zone::UTC, vec![shift]);
        made.roster.push(RosterEntry {
            date: date(2026, 5, 4),
            shift: "day".to_owned(),
            headcount: Some(6),
            experience_share: Some(0.5),
        });
        let calendar = Calendar::new(made).unwrap();
        let of = |day| staffing(&calendar.on(date(2026, 5, day))).remove(0);
        let known = of(4);
        assert_eq!(
            (known.headcount, known.gap, known.is_fallback),
            (Some(6), Some(-2), false)
        );
        let fallback = of(5);
        assert_eq!(
            (fallback.headcount, fallback.gap, fallback.is_fallback),
            (Some(8), None, true)
        );
    }

    #[test]
    fn few_persons_are_not_shown() {
        let hours = Duration::from_hours;
        assert_eq!(worker_efficiency(hours(3), hours(4), 5), Some(0.75));
        assert_eq!(worker_efficiency(hours(3), hours(4), 4), None);
        assert_eq!(worker_efficiency(hours(3), hours(0), 9), None);
    }
}

//! People by shift, as counts: headcount against plan. Never persons.

use super::calendar::{HeadcountSource, ShiftInstance};

/// Headcount of one shift.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Staffed {
    /// People present, or planned as a fallback.
    pub headcount: Option<u32>,
    /// People planned.
    pub planned: Option<u32>,
    /// Present less planned; only where the roster says who was present.
    pub gap: Option<i64>,
    /// Share of the people who know the work, 0 to 1.
    pub experience_share: Option<f64>,
}

/// Headcount against plan of a shift.
pub fn staffing(shift: &ShiftInstance) -> Staffed {
    let staffing = &shift.staffing;
    let both = staffing.headcount.zip(staffing.planned);
    let is_known = staffing.source == HeadcountSource::Roster;
    Staffed {
        headcount: staffing.headcount,
        planned: staffing.planned,
        gap: both
            .filter(|_| is_known)
            .map(|(present, planned)| i64::from(present) - i64::from(planned)),
        experience_share: staffing.experience_share,
    }
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
        let of = |day| {
            let staffed = staffing(&calendar.on(date(2026, 5, day))[0]);
            (staffed.headcount, staffed.gap, staffed.experience_share)
        };
        assert_eq!(of(4), (Some(6), Some(-2), Some(0.5)));
        assert_eq!(of(5), (Some(8), None, None));
    }
}

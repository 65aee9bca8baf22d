//! What a plant writes down about its shifts.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil::{Date, Time, Weekday};

use super::Pattern;
use crate::model::Zone;

/// Everything a [`super::Calendar`] is made of. All values are as the operator wrote them; the calendar checks them.
#[derive(Debug, Clone, PartialEq)]
pub struct CalendarDefinition {
    /// Where the plant's clocks stand.
    pub zone: Zone,
    /// The shifts; names are unique.
    pub shifts: Vec<ShiftDef>,
    /// What names a production day.
    pub production_day: DayAnchor,
    /// How long two shifts may be present together; at most four hours and shorter than any shift.
    pub handover: Duration,
    /// Length of the first and the last part of a shift whose records count as transition; 30 min is usual.
    pub transition: Duration,
    /// Which crew works which shift; none where crews are not told apart.
    pub rotation: Option<Rotation>,
    /// Dated overrides, applied in this order.
    pub exceptions: Vec<Exception>,
    /// Staffing as it was, where it is known.
    pub roster: Vec<RosterEntry>,
}

impl CalendarDefinition {
    /// `shifts` in `zone` without crews, exceptions and roster: production days by the start of a shift, no handover,
    /// half an hour of transition.
    pub fn new(zone: Zone, shifts: Vec<ShiftDef>) -> Self {
        Self {
            zone,
            shifts,
            production_day: DayAnchor::Start,
            handover: Duration::ZERO,
            transition: Duration::from_mins(30),
            rotation: None,
            exceptions: Vec::new(),
            roster: Vec::new(),
        }
    }
}

/// One shift, by the clocks of the plant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShiftDef {
    /// As reports name it.
    pub name: String,
    /// First moment.
    pub start: Time,
    /// First moment after; at or before the start it is on the next day.
    pub end: Time,
    /// Local dates on which it starts.
    pub weekdays: Weekdays,
    /// Planned stops inside it.
    pub breaks: Vec<Break>,
    /// People planned for it.
    pub planned_headcount: Option<u32>,
}

impl ShiftDef {
    /// A shift of every day without breaks.
    pub fn new(name: &str, start: Time, end: Time) -> Self {
        Self {
            name: name.to_owned(),
            start,
            end,
            weekdays: Weekdays::ALL,
            breaks: Vec::new(),
            planned_headcount: None,
        }
    }
}

/// A planned stop of every shift of a name; a time before the start of the shift is on the next day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Break {
    /// First moment.
    pub start: Time,
    /// First moment after.
    pub end: Time,
}

/// A set of days of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weekdays(u8);

impl Weekdays {
    /// Monday to Sunday.
    pub const ALL: Self = Self(0b0111_1111);
    /// Monday to Friday.
    pub const WORKING: Self = Self(0b0001_1111);

    /// These days.
    pub fn of(days: &[Weekday]) -> Self {
        Self(days.iter().fold(0, |set, day| set | bit(*day)))
    }

    /// Whether `day` is one of them.
    pub fn contains(self, day: Weekday) -> bool {
        self.0 & bit(day) != 0
    }
}

fn bit(day: Weekday) -> u8 {
    // Zero to six: the shift stays inside eight bits.
    1 << day.to_monday_zero_offset()
}

/// What names the production day of a shift.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayAnchor {
    /// The local date on which it starts.
    Start,
    /// The local date of its last moment; a shift that ends at midnight belongs to the day before.
    End,
    /// A day lasts from this time to the same of the next date; the start of the shift decides.
    FixedTime(Time),
}

/// A pattern, bound to dates and shifts. A shift that a code stands for takes place on the days a crew works it; other
/// shifts take place without a crew.
#[derive(Debug, Clone, PartialEq)]
pub struct Rotation {
    /// Who does what in a cycle.
    pub pattern: Pattern,
    /// Date of the first day of the cycle.
    pub start: Date,
    /// The name of the shift that each code of the pattern stands for.
    pub shifts: BTreeMap<char, String>,
}

/// A dated override.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// Local date on which the shifts meant start.
    pub date: Date,
    /// For people, as `Labour Day`.
    pub reason: String,
    /// What is different.
    pub change: Change,
}

/// What an [`Exception`] does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// No shift starts on the date: holiday, plant closed.
    Closed,
    /// One shift does not take place.
    Cancelled {
        /// Its name.
        shift: String,
    },
    /// A shift takes place at other times: overtime, early end.
    Times {
        /// Its name.
        shift: String,
        /// First moment.
        start: Time,
        /// First moment after; at or before the start it is on the next day.
        end: Time,
    },
    /// A shift takes place that the rule does not have.
    Extra {
        /// Its name; may be one that is not defined otherwise.
        shift: String,
        /// First moment.
        start: Time,
        /// First moment after; at or before the start it is on the next day.
        end: Time,
    },
    /// Another crew works the shift.
    Crew {
        /// Its name.
        shift: String,
        /// Who works it.
        crew: String,
    },
}

/// Staffing of one shift as it was. Counts only: no persons.
#[derive(Debug, Clone, PartialEq)]
pub struct RosterEntry {
    /// Local date on which the shift starts.
    pub date: Date,
    /// Its name.
    pub shift: String,
    /// People present.
    pub headcount: Option<u32>,
    /// Share of them who know the work, 0 to 1.
    pub experience_share: Option<f64>,
}

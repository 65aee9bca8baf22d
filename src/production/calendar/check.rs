//! What a calendar refuses.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::civil::{Date, Time, date};

use super::lookup::{Calendar, Nominal};
use super::{CalendarDefinition, Change, ShiftDef};

/// Most shift definitions.
const SHIFTS_MAX: usize = 48;
/// Longest name, in bytes.
const NAME_BYTES_MAX: usize = 64;
/// Longest handover and transition.
const HANDOVER_MAX: Duration = Duration::from_hours(4);
/// Most exceptions: ten a day over thirty years, where a roster names the crew of each shift.
const EXCEPTIONS_MAX: usize = 110_000;

/// Why shifts cannot be as written.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CalendarError {
    /// No shift, or too many.
    #[error("a calendar has 1 to 48 shifts, not {0}")]
    Shifts(usize),
    /// A name that cannot be shown.
    #[error("shift name `{0}` must have 1 to 64 bytes without control characters")]
    Name(String),
    /// Two shifts or roster entries of one name, or an extra shift of a name that the date already has.
    #[error("`{0}` is defined twice")]
    Twice(String),
    /// A name that is not one of the shifts.
    #[error("{place} names shift `{shift}`, which is not defined or does not take place then")]
    UnknownShift {
        /// Who names it.
        place: String,
        /// The name.
        shift: String,
    },
    /// A crew that is not one of the pattern's.
    #[error("exception of {date} names crew `{crew}`, which the pattern does not have")]
    UnknownCrew {
        /// When.
        date: Date,
        /// The name.
        crew: String,
    },
    /// A code of the pattern stands for no shift.
    #[error("code `{0}` of the shift pattern stands for no shift")]
    Code(char),
    /// Two shifts share more time than the handover.
    #[error(
        "shift {second} begins {overlap_min} min before {first} ends; the handover allows {allowed_min} min"
    )]
    Overlap {
        /// The outgoing one.
        first: String,
        /// The incoming one.
        second: String,
        /// What they share.
        overlap_min: i64,
        /// What they may share.
        allowed_min: u64,
    },
    /// A handover or transition longer than is possible.
    #[error(
        "{what} of {minutes} min is too long; it must be shorter than the shortest shift and at most 240 min"
    )]
    Handover {
        /// `handover` or `transition`.
        what: &'static str,
        /// How long.
        minutes: u64,
    },
    /// A break that is not inside its shift.
    #[error("break {start} to {end} of shift `{shift}` is not inside the shift")]
    Break {
        /// Whose.
        shift: String,
        /// Its start.
        start: Time,
        /// Its end.
        end: Time,
    },
    /// A share outside 0 to 1.
    #[error("experience share {share} of shift `{shift}` on {date} is outside [0, 1]")]
    Share {
        /// When.
        date: Date,
        /// Whose.
        shift: String,
        /// The share.
        share: f64,
    },
    /// More exceptions than a calendar holds.
    #[error("a calendar has at most {EXCEPTIONS_MAX} exceptions, not {0}")]
    Exceptions(usize),
}

/// Faults that show without expanding the calendar.
pub(super) fn definition(definition: &CalendarDefinition) -> Vec<CalendarError> {
    let mut faults = Vec::new();
    if !(1..=SHIFTS_MAX).contains(&definition.shifts.len()) {
        faults.push(CalendarError::Shifts(definition.shifts.len()));
    }
    if definition.exceptions.len() > EXCEPTIONS_MAX {
        faults.push(CalendarError::Exceptions(definition.exceptions.len()));
    }
    let mut names = BTreeSet::new();
    for shift in &definition.shifts {
        if !is_name(&shift.name) {
            faults.push(CalendarError::Name(shift.name.clone()));
        }
        if !names.insert(shift.name.as_str()) {
            faults.push(CalendarError::Twice(shift.name.clone()));
        }
        faults.extend(breaks(shift));
    }
    faults.extend(lengths(definition));
    faults.extend(rotation(definition, &names));
    faults.extend(roster(definition));
    let mut entries = BTreeSet::new();
    for entry in &definition.roster {
        if !entries.insert((entry.date, entry.shift.as_str())) {
            let name = format!("{} {}", entry.date, entry.shift);
            faults.push(CalendarError::Twice(name));
        }
    }
    faults
}

fn is_name(name: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len()) && !name.chars().any(char::is_control)
}

fn breaks(shift: &ShiftDef) -> impl Iterator<Item = CalendarError> {
    let length = seconds_after(shift.start, shift.end).unwrap_or(DAY_S);
    let outside = move |start: Time, end: Time| {
        let from = seconds_after(shift.start, start).unwrap_or(0);
        let to = seconds_after(shift.start, end).unwrap_or(DAY_S);
        from >= to || to > length
    };
    let bad = shift.breaks.iter().filter(move |b| outside(b.start, b.end));
    bad.map(|b| CalendarError::Break {
        shift: shift.name.clone(),
        start: b.start,
        end: b.end,
    })
}

const DAY_S: i64 = 86_400;

/// Seconds by the clock from `start` to the next time it shows `time`; `None` for the same time.
fn seconds_after(start: Time, time: Time) -> Option<i64> {
    let distance = super::lookup::second_of_day(time) - super::lookup::second_of_day(start);
    (distance != 0).then(|| distance.rem_euclid(DAY_S))
}

fn lengths(definition: &CalendarDefinition) -> impl Iterator<Item = CalendarError> {
    let seconds = |s: &ShiftDef| seconds_after(s.start, s.end).unwrap_or(DAY_S);
    let shortest = definition.shifts.iter().map(seconds).min().unwrap_or(DAY_S);
    let limit = Duration::from_secs(shortest.unsigned_abs());
    [
        ("handover", definition.handover),
        ("transition", definition.transition),
    ]
    .into_iter()
    .filter(move |(_, length)| *length >= limit || *length > HANDOVER_MAX)
    .map(|(what, length)| CalendarError::Handover {
        what,
        minutes: length.as_secs() / 60,
    })
}

fn rotation(definition: &CalendarDefinition, names: &BTreeSet<&str>) -> Vec<CalendarError> {
    let Some(rotation) = &definition.rotation else {
        return Vec::new();
    };
    let codes: BTreeSet<char> = rotation.pattern.codes().collect();
    let missing = codes
        .into_iter()
        .filter(|code| !rotation.shifts.contains_key(code))
        .map(CalendarError::Code);
    let unknown = rotation
        .shifts
        .iter()
        .filter(|(_, shift)| !names.contains(shift.as_str()))
        .map(|(code, shift)| CalendarError::UnknownShift {
            place: format!("code `{code}` of the rotation"),
            shift: shift.clone(),
        });
    missing.chain(unknown).collect()
}

fn roster(definition: &CalendarDefinition) -> impl Iterator<Item = CalendarError> {
    definition.roster.iter().filter_map(|entry| {
        let share = entry.experience_share?;
        (!(0.0..=1.0).contains(&share)).then(|| CalendarError::Share {
            date: entry.date,
            shift: entry.shift.clone(),
            share,
        })
    })
}

/// Faults that show only where shifts take place: names that exceptions use, and overlaps.
pub(super) fn expanded(calendar: &Calendar) -> Vec<CalendarError> {
    let mut faults = exceptions(calendar);
    let mut dates = regular_dates(calendar.definition());
    for exception in &calendar.definition().exceptions {
        let around = [
            exception.date.yesterday(),
            Ok(exception.date),
            exception.date.tomorrow(),
        ];
        dates.extend(around.into_iter().flatten());
    }
    for day in dates {
        let before = day
            .yesterday()
            .map_or_else(|_| Vec::new(), |d| calendar.nominal(d));
        let mut all = before;
        let known = all.len();
        all.extend(calendar.nominal(day));
        for (place, shift) in all.iter().enumerate().skip(known) {
            let earlier = all.iter().take(place);
            faults.extend(earlier.filter_map(|other| overlap(calendar.definition(), other, shift)));
        }
    }
    faults.dedup();
    faults
}

/// Dates that show every way in which shifts follow each other: a week, or seven cycles of the pattern.
fn regular_dates(definition: &CalendarDefinition) -> BTreeSet<Date> {
    let (start, days) = match &definition.rotation {
        Some(rotation) => (rotation.start, 7 * rotation.pattern.days_max() + 1),
        // A Monday; any week is as good.
        None => (date(2001, 1, 1), 8),
    };
    start.series(jiff::Span::new().days(1)).take(days).collect()
}

fn overlap(
    definition: &CalendarDefinition,
    first: &Nominal,
    second: &Nominal,
) -> Option<CalendarError> {
    let (first, second) = if first.start_s() <= second.start_s() {
        (first, second)
    } else {
        (second, first)
    };
    let shared_s = first.end_s().min(second.end_s()) - second.start_s();
    let allowed_s = definition.handover.as_secs();
    let fits =
        shared_s <= 0 || (shared_s.unsigned_abs() <= allowed_s && first.end_s() < second.end_s());
    (!fits).then(|| CalendarError::Overlap {
        first: first.key.to_string(),
        second: second.key.to_string(),
        overlap_min: shared_s / 60,
        allowed_min: allowed_s / 60,
    })
}

fn exceptions(calendar: &Calendar) -> Vec<CalendarError> {
    let definition = calendar.definition();
    let mut faults = Vec::new();
    for (place, exception) in definition.exceptions.iter().enumerate() {
        let before = calendar.nominal_before(exception.date, place);
        let takes_place = |name: &str| before.iter().any(|n| &*n.key.shift == name);
        match &exception.change {
            Change::Closed => {}
            Change::Extra { shift, .. } => {
                if !is_name(shift) {
                    faults.push(CalendarError::Name(shift.clone()));
                }
                if takes_place(shift) {
                    faults.push(CalendarError::Twice(format!("{} {shift}", exception.date)));
                }
            }
            Change::Cancelled { shift } | Change::Times { shift, .. } => {
                if !takes_place(shift) {
                    faults.push(unknown(exception.date, shift));
                }
            }
            Change::Crew { shift, crew } => {
                if !takes_place(shift) {
                    faults.push(unknown(exception.date, shift));
                }
                let pattern = definition.rotation.as_ref().map(|r| &r.pattern);
                if pattern.is_some_and(|p| !p.crews().any(|c| **c == **crew)) {
                    let (date, crew) = (exception.date, crew.clone());
                    faults.push(CalendarError::UnknownCrew { date, crew });
                }
            }
        }
    }
    faults.extend(unknown_roster(calendar));
    faults
}

fn unknown_roster(calendar: &Calendar) -> impl Iterator<Item = CalendarError> {
    let known: BTreeSet<&str> = calendar.shift_names().collect();
    let entries = calendar.definition().roster.iter();
    let unknown = entries.filter(move |entry| !known.contains(entry.shift.as_str()));
    unknown.map(|entry| CalendarError::UnknownShift {
        place: format!("roster of {}", entry.date),
        shift: entry.shift.clone(),
    })
}

fn unknown(date: Date, shift: &str) -> CalendarError {
    CalendarError::UnknownShift {
        place: format!("exception of {date}"),
        shift: shift.to_owned(),
    }
}

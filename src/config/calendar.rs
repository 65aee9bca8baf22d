//! `[calendar]`: shifts, crews and dated exceptions.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::civil::{Date, Time, Weekday};

use super::node::Value;
use super::section::Section;
use super::work_unit::WorkUnit;
use crate::model::Zone;
use crate::production::calendar::{
    Break, Calendar, CalendarDefinition, CalendarError, Change, DayAnchor, Exception, Pattern,
    Rotation, ShiftDef, ShiftInstance, Weekdays,
};

/// Allowed presence of two shifts together.
const HANDOVER: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_hours(4);
/// Allowed first and last parts of a shift that count as transition.
const TRANSITION: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_hours(2);
/// Most people of a shift.
const HEADCOUNT_MAX: u64 = 100_000;

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// `[calendar]`, and the exceptions that hold for some work units only.
#[derive(Debug, Clone, PartialEq)]
pub struct ShiftCalendar {
    /// The shifts of the plant.
    pub plant: Calendar,
    /// Exceptions of single work units, by their names: parts of the plant that are closed, or work overtime.
    own: Vec<(BTreeSet<String>, Exception)>,
}

impl ShiftCalendar {
    /// The shifts of a work unit that runs in those of these names, in all when none are named.
    pub fn of(&self, work_unit: &str, shifts: &[String]) -> Calendar {
        // They were checked when the configuration was read.
        self.checked(work_unit, shifts)
            .unwrap_or_else(|_| self.plant.clone())
    }

    /// The shift of this name that begins on `date` in the plant, or else where some of `work_units` work overtime.
    pub fn shift_on(
        &self,
        date: Date,
        shift: &str,
        work_units: &[WorkUnit],
    ) -> Option<ShiftInstance> {
        let of = |calendar: &Calendar| {
            let mut shifts = calendar.on(date).into_iter();
            shifts.find(|instance| *instance.key.shift == *shift)
        };
        of(&self.plant).or_else(|| {
            let mut units = work_units
                .iter()
                .filter(|unit| self.own.iter().any(|(names, _)| names.contains(&unit.name)));
            units.find_map(|unit| of(&self.of(&unit.name, &unit.shifts)))
        })
    }

    /// Names of the shifts of the rule, and of those that take place by exception.
    pub fn shift_names(&self) -> BTreeSet<&str> {
        let ruled = self.plant.definition().shifts.iter();
        let plant = self.plant.definition().exceptions.iter();
        let exceptions = plant.chain(self.own.iter().map(|(_, exception)| exception));
        let extra = exceptions.filter_map(|exception| match &exception.change {
            Change::Extra { shift, .. } => Some(shift.as_str()),
            _ => None,
        });
        ruled
            .map(|shift| shift.name.as_str())
            .chain(extra)
            .collect()
    }

    /// The crews of the pattern; `None` without one, where a roster may name any.
    pub fn crew_names(&self) -> Option<BTreeSet<&str>> {
        let rotation = self.plant.definition().rotation.as_ref()?;
        Some(rotation.pattern.crews().map(|crew| &**crew).collect())
    }

    /// The same, or why these shifts cannot be.
    pub(super) fn checked(
        &self,
        work_unit: &str,
        shifts: &[String],
    ) -> Result<Calendar, Vec<CalendarError>> {
        let runs_in = |shift: &str| shifts.is_empty() || shifts.iter().any(|name| name == shift);
        let mut definition = self.plant.definition().clone();
        let own = self
            .own
            .iter()
            .filter(|(units, _)| units.contains(work_unit));
        definition
            .exceptions
            .extend(own.map(|(_, exception)| exception.clone()));
        definition
            .exceptions
            .retain(|exception| match &exception.change {
                Change::Closed => true,
                Change::Cancelled { shift }
                | Change::Times { shift, .. }
                | Change::Extra { shift, .. }
                | Change::Crew { shift, .. } => runs_in(shift),
            });
        for shift in &mut definition.shifts {
            if !runs_in(&shift.name) {
                shift.weekdays = Weekdays::of(&[]);
            }
        }
        Calendar::new(definition)
    }

    /// Work units that some exception names.
    pub(super) fn named_units(&self) -> impl Iterator<Item = &str> {
        self.own
            .iter()
            .flat_map(|(units, _)| units)
            .map(String::as_str)
    }
}

/// Reads `[calendar]`; `None` after a fault.
pub(super) fn read_calendar(section: Section<'_>, zone: &Zone) -> Option<ShiftCalendar> {
    let shifts: Vec<ShiftDef> = section.numbered("shift").filter_map(read_shift).collect();
    if !section.has("shift") {
        section.missing(
            "[[calendar.shift]]",
            "it says when people work: name = \"early\", start = \"06:00\", end = \"14:00\"",
        );
    }
    let anchor = section.read("production_day", |value| match value.text() {
        Some("start") => Ok(DayAnchor::Start),
        Some("end") => Ok(DayAnchor::End),
        _ => time(value).map(DayAnchor::FixedTime).map_err(|_other| {
            "is no rule; allowed: \"start\", \"end\" (of the shift), or a time as \"06:00\""
                .to_owned()
        }),
    });
    let rotation = section.section("crews").and_then(read_crews);
    let mut plant = Vec::new();
    let mut own = Vec::new();
    for exception in section.numbered("exception") {
        match read_exception(exception) {
            Some((units, exception)) if units.is_empty() => plant.push(exception),
            read => own.extend(read),
        }
    }
    let fallback = CalendarDefinition::new(zone.clone(), shifts);
    let definition = CalendarDefinition {
        production_day: anchor.unwrap_or(DayAnchor::Start),
        handover: section
            .duration("handover", &HANDOVER)
            .unwrap_or(fallback.handover),
        transition: section
            .duration("transition", &TRANSITION)
            .unwrap_or(fallback.transition),
        rotation,
        exceptions: plant,
        ..fallback
    };
    let calendar = check(&section, &definition, own);
    section.finish();
    calendar
}

/// Makes the calendar of the plant and those of single work units; each way in which they cannot be is a fault.
fn check(
    section: &Section<'_>,
    definition: &CalendarDefinition,
    own: Vec<(BTreeSet<String>, Exception)>,
) -> Option<ShiftCalendar> {
    if definition.shifts.is_empty() {
        return None;
    }
    let mut all = definition.clone();
    all.exceptions
        .extend(own.iter().map(|(_, exception)| exception.clone()));
    let mut errors = Calendar::new(all).err().unwrap_or_default();
    let plant = match Calendar::new(definition.clone()) {
        Ok(plant) => Some(plant),
        Err(found) => {
            errors = found;
            None
        }
    };
    for error in &errors {
        section
            .faults()
            .report(section.at("shift"), format!("{}{error}", section.label()));
    }
    plant
        .filter(|_| errors.is_empty())
        .map(|plant| ShiftCalendar { plant, own })
}

fn read_shift(section: Section<'_>) -> Option<ShiftDef> {
    section.require(
        &["name", "start", "end"],
        "allowed: name = \"early\", start = \"06:00\", end = \"14:00\"",
    );
    let name = section.name("name", 32, "_-");
    let start = section.read("start", time);
    let end = section.read("end", time);
    let days = section.list("days", |value| {
        super::section::choose(value, "a day", &DAYS)
    });
    let breaks = section.list("breaks", read_break);
    let planned = section.integer("headcount", 0..=HEADCOUNT_MAX);
    section.finish();
    Some(ShiftDef {
        name: name?,
        start: start?,
        end: end?,
        weekdays: days.map_or(Weekdays::ALL, |days| Weekdays::of(&days)),
        breaks: breaks.unwrap_or_default(),
        planned_headcount: planned.and_then(|count| u32::try_from(count).ok()),
    })
}

/// `"10:00-10:15"`
fn read_break(value: &Value) -> Result<Break, String> {
    let text = value.text().unwrap_or_default();
    let times = text.split_once('-').and_then(|(start, end)| {
        Some(Break {
            start: parse_time(start.trim())?,
            end: parse_time(end.trim())?,
        })
    });
    times.ok_or_else(|| "is no break; allowed: two times as \"10:00-10:15\"".to_owned())
}

fn read_crews(section: Section<'_>) -> Option<Rotation> {
    section.require(
        &["start", "shifts"],
        "allowed: start = \"2026-01-05\", shifts = { D = \"day\", N = \"night\" }",
    );
    let pattern = read_pattern(&section);
    let start = section.read("start", date);
    let shifts = section.section("shifts").map(|shifts| read_codes(&shifts));
    section.finish();
    Some(Rotation {
        pattern: pattern?,
        start: start?,
        shifts: shifts?,
    })
}

/// `pattern = "3x8"`, or `cycle`, `offset` and `crews`, or `cycles`.
fn read_pattern(section: &Section<'_>) -> Option<Pattern> {
    let named = section.text("pattern");
    let cycle = section.text("cycle");
    let offset = section.integer("offset", 0..=731).unwrap_or(0);
    let crews = section.integer("crews", 1..=26).unwrap_or(1);
    let cycles = section.section("cycles").map(|cycles| {
        let entries = cycles.entries();
        let texts = entries
            .filter_map(|(crew, node)| Some((crew.to_owned(), node.value.text()?.to_owned())));
        texts.collect::<BTreeMap<_, _>>()
    });
    let (key, pattern) = match (named, cycle, cycles) {
        (Some(name), None, None) => ("pattern", Pattern::named(&name)),
        (None, Some(cycle), None) => {
            let [offset, crews] =
                [offset, crews].map(|number| usize::try_from(number).unwrap_or(usize::MAX));
            ("cycle", Pattern::uniform(&cycle, offset, crews))
        }
        (None, None, Some(cycles)) => ("cycles", Pattern::explicit(&cycles)),
        _ => {
            let allowed = "allowed: one of pattern = \"3x8\", cycle = \"DDNN----\" with offset and crews, or cycles = { A = \"DDNN--\" }";
            section.missing("pattern", allowed);
            return None;
        }
    };
    pattern
        .map_err(|error| section.fault(key, &format!("cannot be used: {error}")))
        .ok()
}

/// The shift that each code of a pattern stands for.
fn read_codes(section: &Section<'_>) -> BTreeMap<char, String> {
    let mut codes = BTreeMap::new();
    for (code, node) in section.entries() {
        let mut letters = code.chars();
        match (letters.next(), letters.next(), node.value.text()) {
            (Some(letter), None, Some(shift)) => {
                codes.insert(letter, shift.to_owned());
            }
            _ => section.fault(code, "is no code of a shift; allowed: one letter and the name of a shift, as D = \"day\""),
        }
    }
    codes
}

/// What is different on a date, and the work units it holds for; all when none are named.
fn read_exception(section: Section<'_>) -> Option<(BTreeSet<String>, Exception)> {
    section.require(&["date"], "allowed: date = \"2026-12-25\", closed = true");
    let date = section.read("date", date);
    let reason = section.words("reason", 80).unwrap_or_default();
    let units = section.list("work_units", |value| {
        value
            .text()
            .map(str::to_owned)
            .ok_or_else(|| format!("is {}; allowed: the name of a work unit", value.kind()))
    });
    let change = read_change(&section);
    section.finish();
    let exception = Exception {
        date: date?,
        reason,
        change: change?,
    };
    Some((units.unwrap_or_default().into_iter().collect(), exception))
}

fn read_change(section: &Section<'_>) -> Option<Change> {
    let closed = section.flag("closed").unwrap_or(false);
    let cancelled = section.flag("cancelled").unwrap_or(false);
    let extra = section.flag("extra").unwrap_or(false);
    let shift = section.text("shift");
    let start = section.read("start", time);
    let end = section.read("end", time);
    let crew = section.text("crew");
    match (closed, cancelled, shift, start.zip(end), crew) {
        (true, false, None, None, None) => Some(Change::Closed),
        (false, true, Some(shift), None, None) => Some(Change::Cancelled { shift }),
        (false, false, Some(shift), Some((start, end)), None) if extra => {
            Some(Change::Extra { shift, start, end })
        }
        (false, false, Some(shift), Some((start, end)), None) => {
            Some(Change::Times { shift, start, end })
        }
        (false, false, Some(shift), None, Some(crew)) => Some(Change::Crew { shift, crew }),
        _ => {
            let allowed = "allowed: closed = true; or shift = \"…\" with cancelled = true, with start and end (and extra = true), or with crew = \"B\"";
            section.missing("closed", allowed);
            None
        }
    }
}

fn time(value: &Value) -> Result<Time, String> {
    let parsed = value.text().and_then(parse_time);
    parsed.ok_or_else(|| "is no time of day; allowed: as \"06:00\"".to_owned())
}

/// `HH:MM`; `24:00` is midnight at the end of a day, which is also that at its beginning.
fn parse_time(text: &str) -> Option<Time> {
    if text == "24:00" {
        return Some(Time::midnight());
    }
    let (hour, minute) = text.split_once(':')?;
    let two_digits = |part: &str| (part.len() == 2).then(|| part.parse::<i8>().ok()).flatten();
    Time::new(two_digits(hour)?, two_digits(minute)?, 0, 0).ok()
}

fn date(value: &Value) -> Result<Date, String> {
    let parsed = value.text().and_then(|text| text.parse::<Date>().ok());
    parsed.ok_or_else(|| "is no date; allowed: as \"2026-03-29\"".to_owned())
}

//! Shift calendar against `shift_calendar_cases.json`: shifts of days on which clocks change, lookups, rotating patterns.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, with the place in its message"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use jiff::civil::{Date, Time};
use serde_json::Value;

use andon::model::{Timestamp, Zone};
use andon::production::calendar::{Calendar, CalendarDefinition, Pattern, ShiftDef, ShiftInstance};

/// Checks every case of the file in `dir` and counts them; `None` when there is no such file.
pub(crate) fn check(dir: &Path) -> Option<usize> {
    let text = std::fs::read_to_string(dir.join("shift_calendar_cases.json")).ok()?;
    let file: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(file["schema"], 1, "schema of the calendar cases");
    let list = |key: &str| file[key].as_array().cloned().unwrap_or_default();
    let calendars = list("calendar_cases");
    let patterns = list("pattern_cases");
    calendars.iter().for_each(check_calendar);
    patterns.iter().for_each(check_pattern);
    let checked = calendars.len() + patterns.len();
    assert!(checked > 0, "no calendar case was checked");
    Some(checked)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("`{key}` is missing in {value}"))
}

fn time(text: &str) -> Timestamp {
    let time: jiff::Timestamp = text.parse().unwrap();
    Timestamp::from_nanos(i64::try_from(time.as_nanosecond()).unwrap())
}

fn check_keys(id: &str, value: &Value, allowed: &[&str]) {
    for key in value.as_object().unwrap().keys() {
        assert!(allowed.contains(&key.as_str()), "{id}: unknown key `{key}`");
    }
}

fn check_calendar(case: &Value) {
    let id = text(case, "id");
    let keys = [
        "id",
        "timezone",
        "shift_defs",
        "rule",
        "days",
        "lookups",
        "licence",
        "notes",
        "title",
    ];
    check_keys(id, case, &keys);
    let zone = Zone::named(text(case, "timezone")).unwrap();
    let shifts = case["shift_defs"].as_array().unwrap().iter().map(|def| {
        let clock = |key| text(def, key).parse::<Time>().unwrap();
        ShiftDef::new(text(def, "name"), clock("start"), clock("end"))
    });
    // Only what the case says: no part of a shift is a transition.
    let calendar = Calendar::new(CalendarDefinition {
        transition: Duration::ZERO,
        ..CalendarDefinition::new(zone, shifts.collect())
    });
    let calendar = calendar.unwrap_or_else(|faults| panic!("{id}: {faults:?}"));
    for day in case["days"].as_array().unwrap() {
        check_day(id, &calendar, day);
    }
    for lookup in case["lookups"].as_array().unwrap() {
        check_keys(id, lookup, &["t", "expected"]);
        let t = text(lookup, "t");
        let expected = &lookup["expected"];
        let got = calendar.at(time(t)).as_ref().map(name_and_day);
        if expected.is_null() {
            assert_eq!(got, None, "{id}: shift at {t}");
        } else {
            check_keys(id, expected, &["shift", "production_day"]);
            let wanted = (
                text(expected, "shift").to_owned(),
                text(expected, "production_day").to_owned(),
            );
            assert_eq!(got, Some(wanted), "{id}: shift at {t}");
        }
    }
}

fn name_and_day(shift: &ShiftInstance) -> (String, String) {
    let name = shift.key.shift.to_string();
    (name, shift.production_day.to_string())
}

/// The shift is found by its production day, in its range, and at its first and last moment; not a moment after.
fn check_day(id: &str, calendar: &Calendar, day: &Value) {
    check_keys(
        id,
        day,
        &["shift", "production_day", "start_utc", "end_utc", "hours"],
    );
    let (name, date) = (text(day, "shift"), text(day, "production_day"));
    let place = format!("{id}: {date} {name}");
    let production_day: Date = date.parse().unwrap();
    let shifts = calendar.production_day(production_day);
    let Some(shift) = shifts.iter().find(|shift| &*shift.key.shift == name) else {
        panic!("{place}: does not take place");
    };
    let (start, end) = (time(text(day, "start_utc")), time(text(day, "end_utc")));
    assert_eq!(
        (shift.present.start, shift.present.end),
        (start, end),
        "{place}"
    );
    let hours = day["hours"].as_f64().unwrap();
    assert!(
        (shift.hours() - hours).abs() < 1e-12,
        "{place}: {} h, expected {hours}",
        shift.hours()
    );
    let mut within = calendar.instances(start, end);
    assert_eq!(
        within.next().as_ref(),
        Some(shift),
        "{place}: instances in its range"
    );
    assert_eq!(within.next(), None, "{place}: instances in its range");
    let last = Timestamp::from_nanos(end.as_nanos() - 1);
    for moment in [start, last] {
        assert_eq!(
            calendar.at(moment).as_ref(),
            Some(shift),
            "{place}: at {moment}"
        );
    }
    assert_ne!(
        calendar.at(end).as_ref(),
        Some(shift),
        "{place}: at its end"
    );
}

fn check_pattern(case: &Value) {
    let id = text(case, "pattern");
    check_keys(
        id,
        case,
        &[
            "pattern",
            "definition",
            "cycle_start",
            "assignments",
            "licence",
            "notes",
            "title",
        ],
    );
    let definition = &case["definition"];
    let pattern = if definition["cycles"].is_object() {
        check_keys(id, definition, &["cycles"]);
        let cycles: BTreeMap<String, String> =
            serde_json::from_value(definition["cycles"].clone()).unwrap();
        Pattern::explicit(&cycles).unwrap()
    } else {
        check_keys(id, definition, &["cycle", "offset", "crews"]);
        let cycle = text(definition, "cycle");
        // Crews that are ahead of the one before are as far behind in the next round.
        let round = i64::try_from(cycle.chars().count()).unwrap();
        let offset = definition["offset"].as_i64().unwrap().rem_euclid(round);
        let crews = definition["crews"].as_u64().unwrap();
        let [offset, crews] = [offset.unsigned_abs(), crews].map(|n| usize::try_from(n).unwrap());
        Pattern::uniform(cycle, offset, crews).unwrap()
    };
    let start: Date = text(case, "cycle_start").parse().unwrap();
    for assignment in case["assignments"].as_array().unwrap() {
        check_keys(id, assignment, &["date", "crews"]);
        let date: Date = text(assignment, "date").parse().unwrap();
        let wanted: BTreeMap<String, String> =
            serde_json::from_value(assignment["crews"].clone()).unwrap();
        let got = pattern.on(start, date);
        let got: BTreeMap<String, String> = got
            .map(|(crew, code)| (crew.to_string(), code.to_string()))
            .collect();
        assert_eq!(got, wanted, "{id}: {date}");
    }
}

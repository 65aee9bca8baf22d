//! Behaviour of the calendar beyond the reference cases.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil::{Date, Time, Weekday};
use proptest::prelude::*;

use super::*;
use crate::model::{Timestamp, Zone};
use crate::production::span::Span;

fn clock(text: &str) -> Time {
    text.parse().unwrap()
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn at(text: &str) -> Timestamp {
    let time: jiff::Timestamp = text.parse().unwrap();
    Timestamp::from_nanos(i64::try_from(time.as_nanosecond()).unwrap())
}

fn shifts(defs: &[(&str, &str, &str)]) -> Vec<ShiftDef> {
    defs.iter()
        .map(|(name, start, end)| ShiftDef::new(name, clock(start), clock(end)))
        .collect()
}

const THREE: [(&str, &str, &str); 3] = [
    ("early", "06:00", "14:00"),
    ("late", "14:00", "22:00"),
    ("night", "22:00", "06:00"),
];

fn definition(zone: &str, defs: &[(&str, &str, &str)]) -> CalendarDefinition {
    CalendarDefinition::new(Zone::named(zone).unwrap(), shifts(defs))
}

fn berlin() -> CalendarDefinition {
    definition("Europe/Berlin", &THREE)
}

#[track_caller]
fn check_hours(zone: &str, defs: &[(&str, &str, &str)], date: &str, hours: &[f64]) {
    let calendar = Calendar::new(definition(zone, defs)).unwrap();
    let got: Vec<f64> = calendar
        .on(day(date))
        .iter()
        .map(ShiftInstance::hours)
        .collect();
    assert_eq!(got, hours, "{zone} {date}");
}

#[test]
fn a_shift_lasts_as_long_as_it_really_does() {
    let half = [("a", "00:00", "12:00"), ("b", "12:00", "00:00")];
    // Clocks move by half an hour at 02:00.
    check_hours("Australia/Lord_Howe", &half, "2026-10-04", &[11.5, 12.0]);
    check_hours("Australia/Lord_Howe", &half, "2026-04-05", &[12.5, 12.0]);
    // Midnight itself is skipped, or 23:00 comes twice on the evening before.
    check_hours("America/Sao_Paulo", &half, "2018-11-04", &[11.0, 12.0]);
    check_hours("America/Sao_Paulo", &half, "2018-02-17", &[12.0, 13.0]);
    check_hours("America/Sao_Paulo", &half, "2026-11-01", &[12.0, 12.0]);
    check_hours("Asia/Kolkata", &half, "2026-03-29", &[12.0, 12.0]);
    // A boundary inside the hour that is skipped, and one inside the hour that comes twice.
    let edge = [("a", "18:00", "02:30"), ("b", "02:30", "10:00")];
    check_hours("Europe/Berlin", &edge, "2026-03-28", &[7.5, 8.5]);
    check_hours("Europe/Berlin", &edge, "2026-03-29", &[6.5, 8.5]);
    check_hours("Europe/Berlin", &edge, "2026-10-25", &[8.5, 8.5]);
}

#[test]
fn a_shift_of_the_skipped_hour_alone_does_not_take_place() {
    let only = [("gone", "02:30", "03:00")];
    let mut made = definition("Europe/Berlin", &only);
    made.transition = Duration::ZERO;
    let calendar = Calendar::new(made).unwrap();
    assert_eq!(calendar.on(day("2026-03-29")), []);
    assert_eq!(calendar.on(day("2026-03-30")).len(), 1);
}

#[track_caller]
fn check_day(anchor: DayAnchor, time: &str, wanted: &str) {
    let made = CalendarDefinition {
        production_day: anchor,
        ..berlin()
    };
    let calendar = Calendar::new(made).unwrap();
    let shift = calendar.at(at(time)).unwrap();
    assert_eq!(shift.production_day, day(wanted), "{anchor:?} {time}");
    let of_day = calendar.production_day(shift.production_day);
    assert!(of_day.contains(&shift) && of_day.len() == 3);
}

#[test]
fn the_anchor_names_the_production_day() {
    let night = "2026-05-05T01:00:00Z";
    let early = "2026-05-05T05:00:00Z";
    check_day(DayAnchor::Start, night, "2026-05-04");
    check_day(DayAnchor::Start, early, "2026-05-05");
    check_day(DayAnchor::End, night, "2026-05-05");
    check_day(DayAnchor::End, early, "2026-05-05");
    check_day(DayAnchor::FixedTime(clock("06:00")), night, "2026-05-04");
    check_day(DayAnchor::FixedTime(clock("06:00")), early, "2026-05-05");
    check_day(DayAnchor::FixedTime(clock("07:00")), early, "2026-05-04");
}

#[test]
fn a_shift_that_ends_at_midnight_ends_on_the_day_before() {
    let made = CalendarDefinition {
        production_day: DayAnchor::End,
        ..definition("UTC", &[("late", "16:00", "00:00")])
    };
    let calendar = Calendar::new(made).unwrap();
    let shift = calendar.at(at("2026-05-04T23:59:59Z")).unwrap();
    assert_eq!(shift.production_day, day("2026-05-04"));
}

fn handover() -> Calendar {
    let mut made = definition(
        "UTC",
        &[("day", "06:00", "18:30"), ("night", "18:00", "06:30")],
    );
    made.handover = Duration::from_mins(30);
    made.shifts[0].planned_headcount = Some(8);
    made.roster.push(RosterEntry {
        date: day("2026-05-04"),
        shift: "night".to_owned(),
        headcount: Some(5),
        experience_share: Some(0.6),
    });
    Calendar::new(made).unwrap()
}

#[test]
fn output_of_a_handover_goes_to_the_outgoing_shift() {
    let calendar = handover();
    let during = at("2026-05-04T18:15:00Z");
    assert_eq!(&*calendar.at(during).unwrap().key.shift, "day");
    let after = calendar.at(at("2026-05-04T18:30:00Z")).unwrap();
    assert_eq!(&*after.key.shift, "night");
    assert_eq!(after.present.start, at("2026-05-04T18:00:00Z"));
    assert_eq!(after.credit.start, at("2026-05-04T18:30:00Z"));
    assert_eq!(after.hours().to_bits(), 12.5_f64.to_bits());
}

#[test]
fn staffing_of_a_handover_counts_both_shifts() {
    let calendar = handover();
    let duty = calendar.on(day("2026-05-04"));
    let people: Vec<_> = duty
        .iter()
        .map(|s| (s.staffing.headcount, s.staffing.source))
        .collect();
    assert_eq!(
        people,
        [
            (Some(8), HeadcountSource::Planned),
            (Some(5), HeadcountSource::Roster)
        ]
    );
    assert_eq!(duty[1].staffing.experience_share, Some(0.6));
    let both = at("2026-05-04T18:15:00Z");
    assert!(duty.iter().all(|shift| shift.present.contains(both)));
    let next = calendar.at(at("2026-05-05T18:35:00Z")).unwrap();
    assert_eq!(next.staffing, Staffing::default());
}

#[test]
fn the_first_and_the_last_half_hour_are_transition() {
    let shift = handover().at(at("2026-05-04T12:00:00Z")).unwrap();
    let settled = Span::new(at("2026-05-04T06:30:00Z"), at("2026-05-04T18:00:00Z"));
    assert_eq!(shift.settled(), settled);
}

fn with(exceptions: &[(&str, Change)]) -> Result<Calendar, Vec<CalendarError>> {
    let exceptions = exceptions.iter().map(|(date, change)| Exception {
        date: day(date),
        reason: "test".to_owned(),
        change: change.clone(),
    });
    Calendar::new(CalendarDefinition {
        exceptions: exceptions.collect(),
        ..berlin()
    })
}

fn times(shift: &str, start: &str, end: &str) -> Change {
    Change::Times {
        shift: shift.to_owned(),
        start: clock(start),
        end: clock(end),
    }
}

fn extra(shift: &str, start: &str, end: &str) -> Change {
    Change::Extra {
        shift: shift.to_owned(),
        start: clock(start),
        end: clock(end),
    }
}

fn cancelled(shift: &str) -> Change {
    Change::Cancelled {
        shift: shift.to_owned(),
    }
}

#[track_caller]
fn check_date(calendar: &Calendar, date: &str, wanted: &[(&str, f64, ShiftKind)]) {
    let shifts = calendar.on(day(date));
    let got: Vec<_> = shifts
        .iter()
        .map(|s| (&*s.key.shift, s.hours(), s.kind))
        .collect();
    assert_eq!(got, wanted, "{date}");
}

#[test]
fn exceptions_win_over_the_rule_on_their_date_only() {
    let calendar = with(&[
        ("2026-05-01", Change::Closed),
        ("2026-05-01", extra("stocktaking", "08:00", "12:00")),
        ("2026-05-02", cancelled("night")),
        ("2026-05-02", times("late", "14:00", "23:00")),
        (
            "2026-05-05",
            Change::Crew {
                shift: "early".to_owned(),
                crew: "B".to_owned(),
            },
        ),
    ])
    .unwrap();
    check_date(
        &calendar,
        "2026-05-01",
        &[("stocktaking", 4.0, ShiftKind::Extra)],
    );
    check_date(
        &calendar,
        "2026-05-02",
        &[
            ("early", 8.0, ShiftKind::Regular),
            ("late", 9.0, ShiftKind::Changed),
        ],
    );
    let swapped = &calendar.on(day("2026-05-05"))[0];
    assert_eq!(
        (&*swapped.crews[0], swapped.kind),
        ("B", ShiftKind::Changed)
    );
    assert_eq!(calendar.on(day("2026-05-03")).len(), 3);
    assert_eq!(calendar.at(at("2026-05-01T12:00:00Z")), None);
}

#[track_caller]
fn check_fault(result: Result<Calendar, Vec<CalendarError>>, wanted: &str) {
    let faults = result.unwrap_err();
    let texts: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert!(texts.iter().any(|t| t == wanted), "{texts:#?}");
}

#[test]
fn what_cannot_be_is_refused_with_its_place() {
    check_fault(
        Calendar::new(definition(
            "UTC",
            &[("a", "06:00", "14:30"), ("b", "14:00", "22:00")],
        )),
        "shift 2001-01-01 b begins 30 min before 2001-01-01 a ends; the handover allows 0 min",
    );
    check_fault(
        Calendar::new(definition(
            "UTC",
            &[("a", "20:00", "06:00"), ("b", "05:00", "12:00")],
        )),
        "shift 2001-01-02 b begins 60 min before 2001-01-01 a ends; the handover allows 0 min",
    );
    check_fault(
        Calendar::new(definition("UTC", &[])),
        "a calendar has 1 to 48 shifts, not 0",
    );
    check_fault(
        Calendar::new(definition(
            "UTC",
            &[("a", "06:00", "07:00"), ("a", "08:00", "09:00")],
        )),
        "`a` is defined twice",
    );
    check_fault(
        Calendar::new(definition("UTC", &[("", "06:00", "07:00")])),
        "shift name `` must have 1 to 64 bytes without control characters",
    );
    check_fault(
        with(&[("2026-05-01", cancelled("nigth"))]),
        "exception of 2026-05-01 names shift `nigth`, which is not defined or does not take place then",
    );
    check_fault(
        with(&[
            ("2026-05-01", Change::Closed),
            ("2026-05-01", times("late", "14:00", "23:00")),
        ]),
        "exception of 2026-05-01 names shift `late`, which is not defined or does not take place then",
    );
    check_fault(
        with(&[("2026-05-01", extra("late", "23:00", "23:30"))]),
        "`2026-05-01 late` is defined twice",
    );
    check_fault(
        with(&[("2026-05-01", times("early", "06:00", "16:00"))]),
        "shift 2026-05-01 late begins 120 min before 2026-05-01 early ends; the handover allows 0 min",
    );
    check_fault(
        with(&[("2026-05-01", extra("\n", "06:00", "07:00"))]),
        "shift name `\n` must have 1 to 64 bytes without control characters",
    );
}

#[test]
fn lengths_breaks_and_shares_are_checked() {
    let mut made = berlin();
    made.handover = Duration::from_hours(5);
    check_fault(
        Calendar::new(made),
        "handover of 300 min is too long; it must be shorter than the shortest shift and at most 240 min",
    );
    let mut made = berlin();
    made.shifts[2].breaks.push(Break {
        start: clock("05:30"),
        end: clock("06:30"),
    });
    check_fault(
        Calendar::new(made),
        "break 05:30:00 to 06:30:00 of shift `night` is not inside the shift",
    );
    let mut made = berlin();
    made.roster.push(RosterEntry {
        date: day("2026-05-04"),
        shift: "early".to_owned(),
        headcount: None,
        experience_share: Some(f64::NAN),
    });
    check_fault(
        Calendar::new(made.clone()),
        "experience share NaN of shift `early` on 2026-05-04 is outside [0, 1]",
    );
    made.roster[0].experience_share = None;
    let mut twice = made.clone();
    twice.roster.push(made.roster[0].clone());
    check_fault(Calendar::new(twice), "`2026-05-04 early` is defined twice");
    made.roster[0].shift = "tea".to_owned();
    check_fault(
        Calendar::new(made),
        "roster of 2026-05-04 names shift `tea`, which is not defined or does not take place then",
    );
}

#[test]
fn breaks_lie_inside_their_shift_in_true_time() {
    let mut made = berlin();
    made.shifts[2].breaks = vec![
        Break {
            start: clock("02:00"),
            end: clock("02:30"),
        },
        Break {
            start: clock("23:45"),
            end: clock("00:15"),
        },
    ];
    let calendar = Calendar::new(made).unwrap();
    let night = &calendar.on(day("2026-05-04"))[2];
    let texts: Vec<String> = night
        .breaks
        .iter()
        .map(|b| format!("{} {}", b.start, b.end))
        .collect();
    assert_eq!(
        texts,
        [
            "2026-05-04T21:45:00.000Z 2026-05-04T22:15:00.000Z",
            "2026-05-05T00:00:00.000Z 2026-05-05T00:30:00.000Z"
        ]
    );
}

fn rotating(name: &str, defs: &[(&str, &str, &str)], codes: &str) -> CalendarDefinition {
    let shifts = codes
        .chars()
        .zip(defs)
        .map(|(code, def)| (code, def.0.to_owned()));
    CalendarDefinition {
        rotation: Some(Rotation {
            pattern: Pattern::named(name).unwrap(),
            start: day("2026-01-05"),
            shifts: shifts.collect(),
        }),
        ..definition("Europe/Berlin", defs)
    }
}

#[test]
fn the_rotation_says_which_crew_works() {
    let calendar = Calendar::new(rotating("continental", &THREE, "MAN")).unwrap();
    let crews: Vec<_> = calendar
        .on(day("2026-01-09"))
        .into_iter()
        .map(|s| (s.key.shift.to_string(), s.crews[0].to_string()))
        .collect();
    let wanted = [("early", "C"), ("late", "B"), ("night", "A")];
    assert_eq!(crews, wanted.map(|(s, c)| (s.to_owned(), c.to_owned())));
}

#[test]
fn a_shift_that_no_crew_works_does_not_take_place() {
    let mut made = rotating("3x8", &THREE, "MAN");
    let cycles = BTreeMap::from([("A".to_owned(), "MMMMM--".to_owned())]);
    let rotation = made.rotation.as_mut().unwrap();
    rotation.pattern = Pattern::explicit(&cycles).unwrap();
    rotation.shifts.remove(&'N');
    let calendar = Calendar::new(made).unwrap();
    let names = |date| -> Vec<String> {
        let shifts = calendar.on(day(date));
        shifts.iter().map(|s| s.key.shift.to_string()).collect()
    };
    assert_eq!(names("2026-01-05"), ["early", "night"]);
    assert_eq!(names("2026-01-10"), ["night"]);
}

#[test]
fn a_rotation_must_name_what_there_is() {
    let mut made = rotating("continental", &THREE, "MA");
    check_fault(
        Calendar::new(made.clone()),
        "code `N` of the shift pattern stands for no shift",
    );
    let rotation = made.rotation.as_mut().unwrap();
    rotation.shifts.insert('N', "graveyard".to_owned());
    check_fault(
        Calendar::new(made),
        "code `N` of the rotation names shift `graveyard`, which is not defined or does not take place then",
    );
    let mut made = rotating("continental", &THREE, "MAN");
    made.exceptions.push(Exception {
        date: day("2026-01-05"),
        reason: "swap".to_owned(),
        change: Change::Crew {
            shift: "early".to_owned(),
            crew: "Z".to_owned(),
        },
    });
    check_fault(
        Calendar::new(made),
        "exception of 2026-01-05 names crew `Z`, which the pattern does not have",
    );
}

#[test]
fn weekdays_are_of_the_local_date_of_the_start() {
    let mut made = berlin();
    for shift in &mut made.shifts {
        shift.weekdays = Weekdays::WORKING;
    }
    made.shifts[2].weekdays = Weekdays::of(&[Weekday::Sunday, Weekday::Monday]);
    let calendar = Calendar::new(made).unwrap();
    // A Sunday.
    assert_eq!(calendar.on(day("2026-05-03")).len(), 1);
    assert_eq!(calendar.on(day("2026-05-04")).len(), 3);
    assert_eq!(calendar.on(day("2026-05-05")).len(), 2);
}

#[test]
fn moments_outside_the_calendar_have_no_shift() {
    let calendar = Calendar::new(berlin()).unwrap();
    for nanos in [i64::MIN, i64::MAX] {
        let time = Timestamp::from_nanos(nanos);
        assert!(calendar.at(time).is_none_or(|s| s.credit.contains(time)));
    }
    let (from, to) = (at("2026-05-04T00:00:00Z"), at("2026-05-03T00:00:00Z"));
    assert_eq!(calendar.instances(from, to).count(), 0);
    assert_eq!(calendar.instances(from, from).count(), 0);
    assert_eq!(
        Calendar::new(berlin()).unwrap().definition().shifts.len(),
        3
    );
    let all = calendar.instances(
        Timestamp::from_nanos(i64::MIN),
        Timestamp::from_nanos(i64::MAX),
    );
    assert_eq!(all.take(10).count(), 10);
}

const ZONES: [&str; 7] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Asia/Kathmandu",
    "Africa/Casablanca",
];

proptest! {
    /// Three shifts around the clock cover every moment once, in every zone, over every change of its clocks.
    #[test]
    fn shifts_around_the_clock_leave_no_gap(
        zone in proptest::sample::select(&ZONES[..]),
        start in 0_u32..288,
        lengths in proptest::array::uniform2(12_u32..120),
        second in 1_400_000_000_i64..1_900_000_000,
    ) {
        let place = |five: u32| {
            let minutes = five * 5 % 1_440;
            let hour = i8::try_from(minutes / 60).unwrap();
            Time::constant(hour, i8::try_from(minutes % 60).unwrap(), 0, 0)
        };
        let (b, c) = (start + lengths[0], start + lengths[0] + lengths[1]);
        let defs = vec![
            ShiftDef::new("a", place(start), place(b)),
            ShiftDef::new("b", place(b), place(c)),
            ShiftDef::new("c", place(c), place(start)),
        ];
        let made = CalendarDefinition::new(Zone::named(zone).unwrap(), defs);
        let calendar = Calendar::new(made).unwrap();
        let from = Timestamp::from_millis(second * 1_000);
        let to = from.saturating_add(Duration::from_hours(72));
        let mut covered = None;
        for shift in calendar.instances(from, to) {
            prop_assert!(covered.is_none_or(|end| end == shift.credit.start));
            prop_assert_eq!(shift.credit, shift.present);
            let middle = shift.credit.start.saturating_add(shift.credit.length() / 2);
            prop_assert_eq!(calendar.at(middle), Some(shift.clone()));
            covered = Some(shift.credit.end);
        }
        prop_assert!(covered.unwrap() >= to);
    }
}

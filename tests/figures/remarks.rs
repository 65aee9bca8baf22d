//! What is told later: planned maintenance, late scrap, reasons.

use serde_json::Value;

use crate::press::{STOPPED, USUAL, check, check_flag};
use crate::recorded::Plant;

#[test]
fn planned_maintenance_is_no_downtime_and_what_is_not_planned_is() {
    let minute = |_: u32, at: u32| {
        if (60..180).contains(&at) {
            Some((STOPPED, 2, 0, "A"))
        } else {
            USUAL
        }
    };
    let plant = Plant::of(1, minute);
    let row = plant.row("press", &[]);
    check(&row, "stop_s", 7_200.0);
    assert_eq!(row["failures"], 1);
    let told = plant.take_in(
        "work_unit,start,end,kind\npress,2026-05-05T07:00:00Z,2026-05-05T09:00:00Z,maintenance\n",
    );
    assert_eq!(told[0]["restated"], 1, "{told}");
    let row = plant.row("press", &[]);
    check(&row, "stop_s", 0.0);
    check(&row, "pdot_s", 7_200.0);
    check(&row, "oee", 1.0);
    check(&row, "coverage", 1.0);
    assert_eq!((&row["failures"], &row["revision"]), (&0.into(), &2.into()));
}

#[test]
fn scrap_that_is_found_later_belongs_to_the_shift_that_made_it() {
    let plant = Plant::of(2, |_, _| USUAL);
    let table = "found_at,work_unit,origin_time,product,count\n2026-05-06T09:00:00Z,press,2026-05-05T08:00:00Z,A,48\n";
    let told = plant.take_in(table);
    assert_eq!(
        (&told[0]["taken"], &told[0]["restated"]),
        (&1.into(), &1.into()),
        "{told}"
    );
    let first = plant.row("2026-05-05", &["--by", "day", "--work-unit", "press"]);
    check(&first, "scrap", 48.0);
    check(&first, "quality_ratio", 0.9);
    check(&first, "first_pass_yield", 0.9);
    check_flag(&first, "late_rejects");
    assert_eq!(first["revision"], 2);
    check(
        &plant.row("2026-05-06", &["--by", "day", "--work-unit", "press"]),
        "scrap",
        0.0,
    );
    let again = plant.take_in(table);
    assert_eq!(again[0]["restated"], 0, "{again}");
}

#[test]
fn a_reason_that_is_given_later_is_that_of_its_stop() {
    let minute = |_: u32, at: u32| {
        if (60..90).contains(&at) {
            Some((STOPPED, 1, 0, "A"))
        } else {
            USUAL
        }
    };
    let plant = Plant::of(1, minute);
    let table = "entered_at,work_unit,stop_start,reason\n2026-05-05T12:00:00Z,press,2026-05-05T07:00:00Z,tool/broken\n";
    plant.take_in(table);
    let answer = plant.json(&["oee", "--from", "2026-05-05", "--work-unit", "press"]);
    assert_eq!(answer["pareto"][0]["reason"], "tool/broken", "{answer}");
    assert_eq!(answer["coded"], 1.0);
    let answer = plant.json(&[
        "oee",
        "--from",
        "2026-05-05",
        "--work-unit",
        "press",
        "--level",
        "1",
    ]);
    assert_eq!(answer["pareto"][0]["reason"], "tool", "{answer}");
}

#[test]
fn a_reason_of_another_day_is_not_refused_for_this_one() {
    let minute = |_: u32, at: u32| {
        if (60..90).contains(&at) {
            Some((STOPPED, 1, 0, "A"))
        } else {
            USUAL
        }
    };
    let plant = Plant::of(3, minute);
    let table = "entered_at,work_unit,stop_start,reason\n2026-05-05T12:00:00Z,press,2026-05-05T07:00:00Z,tool/broken\n";
    plant.take_in(table);
    // A part of a shift is worked out anew, and its facts reach a day back at most.
    let args = [
        "oee",
        "--from",
        "2026-05-07T06:00:00Z",
        "--to",
        "2026-05-07T09:00:00Z",
        "--work-unit",
        "press",
    ];
    let answer = plant.json(&args);
    assert_eq!(
        answer["refused_reasons"],
        Value::Array(Vec::new()),
        "{answer}"
    );
    assert_eq!(answer["pareto"][0]["reason"], "stop", "{answer}");
}

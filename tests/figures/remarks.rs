//! What is told later: planned maintenance, late scrap, reasons.

use serde_json::Value;

use crate::press::{Minute, RUN, STOPPED, USUAL, check, check_flag, config};
use crate::recorded::Plant;

/// From seven to nine the press stands in its mode of maintenance.
fn two_hours_of_maintenance(_day: u32, at: u32) -> Minute {
    if (60..180).contains(&at) {
        Some((STOPPED, 2, 0, "A"))
    } else {
        USUAL
    }
}

#[test]
fn planned_maintenance_is_no_downtime_and_what_is_not_planned_is() {
    let plant = Plant::of(1, two_hours_of_maintenance);
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
fn scrap_without_a_product_is_of_what_was_made() {
    let plant = Plant::of(1, |_, at| {
        Some((RUN, 1, 1, if at < 240 { "A" } else { "B" }))
    });
    // Both were made in the shift; at eight it was A.
    plant.take_in("found_at,work_unit,origin_time,count\n2026-05-06T09:00:00Z,press,2026-05-05T08:00:00Z,24\n");
    let press = ["--by", "product", "--work-unit", "press"];
    check(&plant.row("A", &press), "scrap", 24.0);
    check(&plant.row("B", &press), "scrap", 0.0);
}

#[test]
fn scrap_of_a_machine_that_tells_no_product_is_booked_whatever_it_is_said_to_be() {
    let config = config("").replacen("product = \"mill.product\"", "ideal_cycle = \"60s\"", 1);
    let plant = Plant::recorded(&config, 1, |_, _| USUAL, |_, _| "");
    plant.take_in(
        "found_at,work_unit,origin_time,product,order,count\n2026-05-06T09:00:00Z,mill,2026-05-05T08:00:00Z,A,4711,5\n",
    );
    check(&plant.row("mill", &[]), "scrap", 5.0);
}

#[test]
fn scrap_that_cannot_be_booked_is_told() {
    let plant = Plant::of(1, |_, _| USUAL);
    let table = |product: &str, count: u32| {
        format!(
            "found_at,work_unit,origin_time,product,count\n2026-05-06T09:00:00Z,press,2026-05-05T08:00:00Z,{product},{count}\n"
        )
    };
    let unused = "press: 481 to scrap and 0 to rework of 480 good pieces in 2026-05-05 early; 0 to all of them are allowed";
    let told = plant.take_in_partly(&table("A", 481));
    assert_eq!(told[0]["unused"], serde_json::json!([unused]), "{told}");
    let oee = ["oee", "--from", "2026-05-05", "--work-unit", "press"];
    assert_eq!(
        plant.json(&oee)["refused_rejects"],
        serde_json::json!([unused])
    );
    assert!(plant.text(&oee).contains("refused: press: 481 to scrap"));
    check(&plant.row("press", &[]), "scrap", 0.0);
    let told = plant.take_in_partly(&table("B", 1));
    let words = told[0]["unused"].to_string();
    assert!(words.contains("rejects of product B in 2026-05-05 early: nothing of that was made; made were product A"), "{told}");
    // The same row with a count that can be.
    plant.take_in_partly(&table("A", 48));
    check(&plant.row("press", &[]), "scrap", 48.0);
}

#[test]
fn scrap_can_be_booked_when_samples_are_gone() {
    let config = config("\n[history]\nraw = \"1d\"\n");
    let plant = Plant::recorded(&config, 5, |_, _| USUAL, |_, _| "");
    let table = |product: &str, count: u32| {
        format!(
            "found_at,work_unit,origin_time,product,count\n2026-05-09T09:00:00Z,press,2026-05-05T08:00:00Z,{product},{count}\n"
        )
    };
    let first = || plant.row("2026-05-05", &["--by", "day", "--work-unit", "press"]);
    plant.take_in_partly(&table("A", 481));
    check(&first(), "scrap", 0.0);
    assert_eq!(first()["revision"], 1);
    plant.take_in(&table("A", 24));
    check(&first(), "scrap", 24.0);
    plant.take_in(&table("", 24));
    check(&first(), "scrap", 48.0);
    assert_eq!(first()["revision"], 3);
}

#[test]
fn a_planned_stop_changes_every_shift_it_reaches_into() {
    let plant = Plant::of(3, |_, _| Some((STOPPED, 1, 0, "A")));
    let told = plant.take_in(
        "work_unit,start,end,kind\npress,2026-05-05T13:00:00Z,2026-05-07T07:00:00Z,maintenance\n",
    );
    assert_eq!(told[0]["restated"], 3, "{told}");
    let row = plant.row("press", &[]);
    check(&row, "pdot_s", 10.0 * 3_600.0);
    check(&row, "stop_s", 14.0 * 3_600.0);
}

#[test]
fn reasons_that_are_entered_together_are_all_taken() {
    let minute = |_: u32, at: u32| match at {
        60..90 | 120..150 => Some((STOPPED, 1, 0, "A")),
        _ => USUAL,
    };
    let plant = Plant::of(1, minute);
    plant.take_in(
        "entered_at,work_unit,stop_start,reason\n\
         2026-05-05T12:00:00Z,press,2026-05-05T07:00:00Z,tool/broken\n\
         2026-05-05T12:00:00Z,press,2026-05-05T08:00:00Z,material\n",
    );
    let answer = plant.json(&["oee", "--from", "2026-05-05", "--work-unit", "press"]);
    assert_eq!(answer["coded"], 1.0, "{answer}");
    let causes = answer["pareto"].as_array().unwrap().iter();
    let reasons: Vec<&str> = causes
        .filter_map(|cause| cause["reason"].as_str())
        .collect();
    assert_eq!(reasons, ["material", "tool/broken"]);
}

#[test]
fn a_reason_is_that_of_the_whole_stop() {
    let reasons = "\n[[reason]]\ncode = \"power\"\ncounts_as = \"external\"\n";
    let late = "end = \"10:00\"\n\n[[calendar.shift]]\nname = \"late\"\nstart = \"10:00\"\nend = \"14:00\"";
    let config = config(reasons).replacen("end = \"14:00\"", late, 1);
    // Stopped from an hour before the change of shift to an hour after it.
    let minute = |_: u32, at: u32| match at {
        180..300 => Some((STOPPED, 1, 0, "A")),
        _ => USUAL,
    };
    let plant = Plant::recorded(&config, 1, minute, |_, _| "");
    let told = plant.take_in(
        "entered_at,work_unit,stop_start,reason\n2026-05-05T13:00:00Z,press,2026-05-05T09:00:00Z,power\n",
    );
    assert_eq!(told[0]["restated"], 2, "{told}");
    let row = plant.row("press", &[]);
    check(&row, "stop_s", 0.0);
    check(&row, "external_s", 7_200.0);
}

#[test]
fn two_rows_of_a_table_that_contradict_each_other_are_a_mistake() {
    let plant = Plant::of(1, |_, _| USUAL);
    let told = plant.take_in_partly(
        "work_unit,start,end,kind\n\
         press,2026-05-05T07:00:00Z,2026-05-05T08:00:00Z,break\n\
         press,2026-05-05T07:00:00Z,2026-05-05T08:00:00Z,break\n\
         press,2026-05-05T07:00:00Z,2026-05-05T09:00:00Z,break\n",
    );
    assert_eq!(
        (&told[0]["taken"], &told[0]["refused"]),
        (&2.into(), &1.into())
    );
    assert_eq!(told[0]["faults"][0]["line"], 4);
    assert_eq!(
        told[0]["faults"][0]["what"],
        "line 2 says something else of the same work_unit, start"
    );
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

/// Taken in, but in no figure, and told so.
#[track_caller]
fn check_unused(plant: &Plant, table: &str, why: &str) {
    let told = plant.take_in_partly(table);
    let unused = told[0]["unused"].as_array().unwrap();
    assert_eq!(
        (&told[0]["refused"], unused.len()),
        (&0.into(), 1),
        "{told}"
    );
    assert!(unused[0].as_str().unwrap().contains(why), "{told}");
}

#[test]
fn what_is_in_no_figure_is_told() {
    let reason = |start: &str, at: &str| {
        format!("entered_at,work_unit,stop_start,reason\n{at},press,{start},tool\n")
    };
    let origin = |origin: &str| {
        format!("found_at,work_unit,origin_time,count\n2026-05-06T09:00:00Z,press,{origin},3\n")
    };
    for kept in ["", "\n[history]\nraw = \"1d\"\n"] {
        let plant = Plant::recorded(&config(kept), 4, two_hours_of_maintenance, |_, _| "");
        let (seven, eight) = ("2026-05-05T07:00:00Z", "2026-05-05T08:00:00Z");
        check_unused(
            &plant,
            &reason(eight, "2026-05-05T09:00:00Z"),
            "press: no stop begins at",
        );
        check_unused(
            &plant,
            &reason(seven, "2026-05-20T09:00:00Z"),
            "may be coded within 7 days",
        );
        check_unused(&plant, &origin("2020-05-05T08:00:00Z"), "it has no figures");
        plant.take_in(&reason(seven, "2026-05-05T09:00:00Z"));
        let causes = plant.json(&["oee", "--from", "2026-05-05", "--to", "2026-05-05"]);
        assert!(causes.to_string().contains("tool"), "{causes}");
    }
}

#[test]
fn ideal_cycles_that_come_too_late_for_a_shift_are_told() {
    let plant = Plant::recorded(
        &config("\n[history]\nraw = \"1d\"\n"),
        4,
        |_, _| USUAL,
        |_, _| "",
    );
    let table = |cycle_s: u32| {
        format!("product,ideal_cycle_s,valid_from\nA,{cycle_s},2026-01-01T00:00:00Z\n")
    };
    let told = plant.take_in_partly(&table(30));
    let unused = told[0]["unused"].to_string();
    assert!(
        unused.contains("press: 3 shifts are older than single samples are kept"),
        "{unused}"
    );
    // What they were stated with.
    assert_eq!(
        plant.take_in(&table(60))[0]["unused"],
        Value::Array(Vec::new())
    );
}

//! What a shift is judged by: its handover, who is scheduled, and what is too new.

use serde_json::Value;

use crate::press::{RUN, USUAL, check, check_flag, config};
use crate::recorded::Plant;

#[test]
fn a_change_of_shift_costs_what_its_first_and_last_half_hour_lack() {
    // Every other minute a piece in the first and last half hour, else one each minute: half of the rate is lost.
    let minute = |_: u32, at: u32| {
        let is_settled = (30..450).contains(&at);
        Some((RUN, 1, u32::from(is_settled || at.is_multiple_of(2)), "A"))
    };
    let plant = Plant::of(1, minute);
    let day = ["--from", "2026-05-05", "--to", "2026-05-05", "--work-unit"];
    let of = |unit: &str| plant.json(&[&["shifts"][..], &day, &[unit]].concat());
    check(&of("press")["shifts"][0], "transition_loss", 0.5);
    check(&of("press")["shifts"][0], "transition_per_h", 30.0);
    check(&of("press")["shifts"][0], "settled_per_h", 60.0);
    check(&of("mill")["shifts"][0], "transition_loss", 0.0);
    let cut = [
        "--from",
        "2026-05-05T06:00:00Z",
        "--to",
        "2026-05-05T12:00:00Z",
    ];
    let cut = plant.json(&[&["shifts"][..], &cut].concat());
    assert_eq!(cut["shifts"][0]["transition_loss"], Value::Null, "{cut}");
}

#[test]
fn a_part_of_the_plant_that_is_closed_is_in_no_figure() {
    let plant = Plant::of(2, |_, _| USUAL);
    let answer = plant.json(&["oee", "--from", "2026-05-06", "--to", "2026-05-06"]);
    assert_eq!(
        (&answer["scheduled"], &answer["work_units"]),
        (&1.into(), &2.into()),
        "{answer}"
    );
    check(&answer["total"], "pot_s", 28_800.0);
    check(&answer["total"], "oee", 1.0);
    let shifts = plant.json(&["shifts", "--from", "2026-05-06", "--to", "2026-05-06"]);
    assert_eq!(shifts["shifts"][0]["scheduled"], 1, "{shifts}");
}

#[test]
fn a_new_product_is_not_judged() {
    let plant = Plant::of(4, |day, at| {
        if day == 3 && at >= 240 {
            Some((RUN, 1, 1, "B"))
        } else {
            USUAL
        }
    });
    check_flag(&plant.row("B", &["--by", "product"]), "new_product");
    let known = plant.row("A", &["--by", "product"]);
    assert_eq!(known["flags"], Value::Array(Vec::new()), "{known}");
    // Known from earlier days, though the last one alone would say little.
    let last = plant.json(&["oee", "--from", "2026-05-08", "--by", "product"]);
    assert_eq!(last["rows"][0]["flags"], Value::Array(Vec::new()), "{last}");
}

#[test]
fn several_metrics_are_compared_as_one_among_all() {
    let plant = Plant::of(8, |_, _| USUAL);
    let compared = [
        "compare",
        "--from",
        "2026-05-05",
        "--by",
        "work-unit",
        "--of",
    ];
    let of = |metrics: &[&str]| plant.json(&[&compared[..], metrics].concat());
    let both = of(&["rate", "scrap"]);
    let outcomes: Vec<&str> = both
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|report| report["outcome"].as_str())
        .collect();
    assert_eq!(outcomes, ["rate", "scrap"]);
    assert_eq!(of(&["oee"]).as_array().unwrap().len(), 1);
    let told = plant.text(&[&compared[..], &["rate", "scrap"]].concat());
    assert!(
        told.contains("rate (parts/h)") && told.contains("\nscrap ("),
        "{told}"
    );
    plant.refused(
        &[&compared[..], &["rate", "rate"]].concat(),
        "named once each",
    );
}

#[test]
fn steps_of_days_are_days_of_the_clock() {
    let around_the_clock = config("").replacen("end = \"14:00\"", "end = \"06:00\"", 1);
    let plant = Plant::recorded(&around_the_clock, 2, |_, _| USUAL, |_, _| "");
    let query = |step: &str| {
        let of = ["history", "query", "press.count", "--from", "2026-05-05"];
        let answer = plant.json(&[&of[..], &["--to", "2026-05-05", "--step", step]].concat());
        let edge = |row: &Value| row["from"].as_str().unwrap().to_owned();
        let rows = answer["series"][0]["rows"].as_array().unwrap();
        (rows.len(), edge(&rows[0]))
    };
    assert_eq!(query("1d"), (1, "2026-05-05T00:00:00.000Z".to_owned()));
    assert_eq!(query("1h"), (24, "2026-05-05T06:00:00.000Z".to_owned()));
}

#[test]
fn commands_that_read_at_once_wait_for_each_other() {
    let plant = Plant::of(1, |_, _| USUAL);
    std::thread::scope(|scope| {
        for _reader in 0..6 {
            scope.spawn(|| plant.row("press", &[]));
        }
    });
}

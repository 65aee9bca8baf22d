//! What is planned and brought as tables: a mistake in them costs its row, and a corrected row takes the place of the one
//! before.

use serde_json::Value;

use crate::press::{USUAL, check, config};
use crate::recorded::Plant;

const DAY: [&str; 5] = ["shifts", "--from", "2026-05-05", "--to", "2026-05-05"];

/// A table of one row is refused for a reason, and figures go on.
#[track_caller]
fn check_refused(plant: &Plant, header: &str, row: &str, why: &str) {
    let told = plant.take_in_partly(&format!("{header}\n{row}\n"));
    assert_eq!(
        (&told[0]["taken"], &told[0]["refused"]),
        (&0.into(), &1.into()),
        "{told}"
    );
    let fault = told[0]["faults"][0]["what"].as_str().unwrap();
    assert!(fault.contains(why), "{fault}");
    check(&plant.row("press", &[]), "oee", 1.0);
}

#[test]
fn what_is_said_last_of_a_shift_is_its_roster() {
    let plant = Plant::of(1, |_, _| USUAL);
    let roster = |start: &str, headcount: u32| {
        plant.take_in(&format!(
            "shift,start,headcount\nearly,2026-05-05T{start}Z,{headcount}\n"
        ));
        let shifts = plant.json(&DAY);
        assert_eq!(shifts["shifts"][0]["headcount"], headcount, "{shifts}");
    };
    roster("06:00:00", 5);
    // People come earlier; then it was not so after all.
    roster("05:30:00", 7);
    roster("06:00:00", 6);
    check_refused(
        &plant,
        "shift,start,headcount",
        "early,2026-05-05T18:00:00Z,6",
        "is not that of early on 2026-05-05, which is from 2026-05-05T06:00:00.000Z to 2026-05-05T14:00:00.000Z",
    );
    check_refused(
        &plant,
        "shift,start,headcount",
        "eraly,2026-05-05T06:00:00Z,6",
        "shift = eraly is none of the calendar; allowed: early (did you mean \"early\"?)",
    );
}

#[test]
fn a_crew_that_the_pattern_does_not_have_is_a_mistake() {
    let crews = "\n[calendar.crews]\ncycle = \"E\"\noffset = 0\ncrews = 1\nstart = \"2026-05-01\"\nshifts = { E = \"early\" }\n";
    let with_crews = config("").replacen(
        "\n[[calendar.shift]]",
        &format!("{crews}\n[[calendar.shift]]"),
        1,
    );
    let plant = Plant::recorded(&with_crews, 1, |_, _| USUAL, |_, _| "");
    check_refused(
        &plant,
        "shift,start,headcount,crew",
        "early,2026-05-05T06:00:00Z,6,a",
        "crew = a is none of the calendar; allowed: A",
    );
    // It was one once.
    let told = plant.take_in("shift,start,headcount,crew\nearly,2026-05-05T06:00:00Z,6,A\n");
    assert_eq!(told[0]["taken"], 1);
    let renamed = with_crews.replacen(
        "cycle = \"E\"\noffset = 0\ncrews = 1",
        "cycles = { North = \"E\" }",
        1,
    );
    std::fs::write(plant.path("plant.toml"), renamed).unwrap();
    let shifts = plant.json(&DAY);
    assert_eq!(shifts["shifts"][0]["headcount"], 6, "{shifts}");
}

#[test]
fn a_product_or_an_order_that_cannot_be_is_refused() {
    let plant = Plant::of(1, |_, _| USUAL);
    let product = |row: &str, why: &str| {
        check_refused(
            &plant,
            "product,ideal_cycle_s,valid_from,lsl,usl",
            &format!("Q,{row}"),
            why,
        );
    };
    product(
        "99999999,2026-01-01T00:00:00Z,,",
        "must be greater than 0 and at most a year",
    );
    product("0,2026-01-01T00:00:00Z,,", "must be greater than 0");
    product(
        "12,2026-01-01T00:00:00Z,10.1,9.9",
        "lsl = 10.1 must be below usl = 9.9",
    );
    check_refused(
        &plant,
        "order,product,quantity,work_unit,planned_start",
        "4711,A,-5,press,2026-05-05T06:00:00Z",
        "quantity = -5 must be greater than 0",
    );
    assert_ne!(plant.json(&DAY), Value::Null);
}

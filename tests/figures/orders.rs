//! How far orders are.

use serde_json::Value;

use crate::press::{RUN, STOPPED, check};
use crate::recorded::Plant;

/// A plant with four orders.
fn ordered() -> Plant {
    // Two shifts of eight hours. The press makes a piece a minute, but for half an hour of standstill on the first day at
    // 12:00. Order one until 10:00, then two, which goes on the next day until 12:00; then three.
    let minute = |day: u32, at: u32| {
        let stands = day == 0 && (360..390).contains(&at);
        Some((
            if stands { STOPPED } else { RUN },
            1,
            u32::from(!stands),
            "A",
        ))
    };
    let order = |day: u32, at: u32| match (day, at) {
        (0, 0..240) => "one",
        (0, _) | (1, 0..360) => "two",
        _ => "three",
    };
    let plant = Plant::with_orders(2, minute, order);
    let told = plant.take_in(
        "order,product,quantity,work_unit,planned_start,planned_end,actual_end\n\
         one,A,240,press,2026-05-05T06:00:00Z,2026-05-05T10:00:00Z,2026-05-05T10:00:00Z\n\
         two,A,600,press,2026-05-05T10:00:00Z,2026-05-06T12:00:00Z,\n\
         three,A,300,press,2026-05-06T11:00:00Z,2026-05-07T09:00:00Z,\n\
         four,A,60,press,2026-05-06T13:00:00Z,2026-05-06T14:00:00Z,\n",
    );
    assert_eq!(told[0]["taken"], 4, "{told}");
    plant
}

#[test]
fn orders_tell_how_far_they_are_and_whether_they_are_late() {
    let plant = ordered();
    let ask = |args: &[&str]| plant.json(&[&["orders"][..], args].concat());
    let answer = ask(&["--from", "2026-05-05", "--to", "2026-05-06T14:00:00Z"]);
    let rows = answer["orders"].as_array().unwrap();
    let names: Vec<&Value> = rows.iter().map(|row| &row["order"]).collect();
    assert_eq!(names, ["one", "two", "three", "four"], "{answer}");
    let check_words = |row: &Value, state: &str, verdict: &str| {
        assert_eq!(
            (&row["state"], &row["verdict"]),
            (&state.into(), &verdict.into()),
            "{row}"
        );
    };

    check_words(&rows[0], "done", "done, in time");
    check(&rows[0], "good", 240.0);
    check(&rows[0], "progress", 1.0);
    check(&rows[0], "throughput_per_h", 60.0);
    check(&rows[0], "takt_s", 60.0);

    // 240 - 30 pieces on the first day, 360 on the second; 30 are missing, and another order is at the press.
    check(&rows[1], "good", 570.0);
    check(&rows[1], "remaining", 30.0);
    check(&rows[1], "ideal_rest_s", 1_800.0);
    // Ten busy hours for 570 pieces.
    check(&rows[1], "pace_s", 36_000.0 / 570.0);
    let rest_s = 30.0 * 36_000.0 / 570.0;
    // Expected that long after six on the next day, and planned for 12:00 of this one.
    check(&rows[1], "late_s", 18.0 * 3_600.0 + rest_s);
    assert_eq!(rows[1]["earliest_end"], "2026-05-07T06:30:00.000Z");
    check_words(
        &rows[1],
        "interrupted",
        "interrupted, will be 18.5 h late, at the ideal cycle 18.5 h late",
    );

    // Two hours of the order at a piece a minute; 180 more by 09:00.
    check(&rows[2], "good", 120.0);
    check(&rows[2], "progress", 0.4);
    check(&rows[2], "needed_s", 60.0);
    check(&rows[2], "late_s", 0.0);
    assert_eq!(rows[2]["expected_end"], "2026-05-07T09:00:00.000Z");
    check_words(&rows[2], "running", "running, will be in time");

    assert_eq!(rows[3]["has_figures"], false);
    check_words(
        &rows[3],
        "waiting",
        "waiting, should have begun 1.0 h ago, at the ideal cycle 17.0 h late, no figures",
    );

    // What was made before the period counts, and an order may be asked for by name.
    let two = ask(&[
        "two",
        "--from",
        "2026-05-06",
        "--to",
        "2026-05-06T14:00:00Z",
    ]);
    assert_eq!(two["orders"].as_array().unwrap().len(), 1);
    check(&two["orders"][0], "good", 570.0);
    assert_eq!(two["orders"][0]["start"], rows[1]["start"]);
}

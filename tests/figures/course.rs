//! What happens in the course of a shift: gaps, changeovers, stops.

use serde_json::Value;

use crate::press::{RUN, STOPPED, USUAL, check, check_flag};
use crate::recorded::Plant;

#[test]
fn an_ordinary_shift_has_nothing_to_say_about_itself() {
    let plant = Plant::of(1, |_, _| USUAL);
    let row = plant.row("press", &[]);
    for (figure, expected) in [
        ("oee", 1.0),
        ("availability", 1.0),
        ("effectiveness", 1.0),
        ("coverage", 1.0),
        ("pieces", 480.0),
        ("cycles", 60.0),
        ("cycle_min_s", 60.0),
        ("cycle_median_s", 60.0),
        ("cycle_mad_s", 0.0),
        ("cycle_cv", 0.0),
    ] {
        check(&row, figure, expected);
    }
    assert_eq!(row["flags"], Value::Array(Vec::new()), "{row}");
}

#[test]
fn a_gap_lowers_coverage_and_shows_what_it_may_hide() {
    let gap = |from: u32, to: u32| {
        move |_: u32, at: u32| {
            if (from..to).contains(&at) {
                None
            } else {
                USUAL
            }
        }
    };
    let row = Plant::of(1, gap(100, 220)).row("press", &[]);
    // Three polls are waited for.
    check(&row, "unknown_s", (120.0 - 2.0) * 60.0);
    check(&row, "coverage", 1.0 - 118.0 / 480.0);
    check_flag(&row, "low_confidence");
    let of = |figure: &str, key: &str| row[figure][key].as_f64().unwrap();
    assert!(of("availability", "low") < 0.8, "{row}");
    for figure in ["availability", "oee", "nee"] {
        let (low, value, high) = (of(figure, "low"), of(figure, "value"), of(figure, "high"));
        assert!(
            low <= value && value <= high && low < high,
            "{figure}: {row}"
        );
    }

    let row = Plant::of(1, gap(100, 400)).row("press", &[]);
    assert_eq!(row["oee"]["value"], Value::Null);
    assert_eq!(row["oee"]["why"], "less than half of the time has data");
    check_flag(&row, "withheld");
    check_flag(&row, "block");
}

#[test]
fn a_changeover_is_setup_and_no_loss_of_net_effectiveness() {
    let plant = Plant::of(1, |_, at| match at {
        0..240 => USUAL,
        240..300 => Some((STOPPED, 3, 0, "B")),
        _ => Some((RUN, 1, 2, "B")),
    });
    let row = plant.row("press", &[]);
    check(&row, "setup_s", 3_600.0);
    check(&row, "availability", 420.0 / 480.0);
    check(&row, "oee", 420.0 / 480.0);
    check(&row, "nee", 1.0);
    check(&row, "coverage", 1.0);
    assert_eq!(row["failures"], 0);
}

#[test]
fn changeovers_last_from_good_piece_to_good_piece() {
    // A piece a minute: the last of A is seen at 10:00. Setup until 11:00, two pieces of B by 11:01; another product from
    // 12:00 on, whose changeover of a minute is none of setup; then B again after a stop of half an hour.
    let minute = |_: u32, at: u32| match at {
        0..240 | 360..420 => USUAL,
        240..300 => Some((STOPPED, 3, 0, "B")),
        420..450 => Some((STOPPED, 1, 0, "B")),
        _ => Some((RUN, 1, 2, "B")),
    };
    let plant = Plant::of(1, minute);
    let check_answer = |answer: &Value| {
        let found = answer["changeovers"].as_array().unwrap();
        let told: Vec<(&str, &str, &str)> = found
            .iter()
            .map(|one| {
                let text = |key: &str| one[key].as_str().unwrap();
                (text("from"), text("start"), text("end"))
            })
            .collect();
        let expected = [
            ("A", "2026-05-05T10:00:00.000Z", "2026-05-05T11:01:00.000Z"),
            ("B", "2026-05-05T12:00:00.000Z", "2026-05-05T12:01:00.000Z"),
            ("A", "2026-05-05T13:00:00.000Z", "2026-05-05T13:31:00.000Z"),
        ];
        assert_eq!(told, expected, "{answer}");
        check(&found[0], "length_s", 3_660.0);
        check(&found[0], "setup_s", 3_600.0);
        check(&found[2], "setup_s", 0.0);
        check(&found[2], "stop_s", 1_800.0);
        let kind = &answer["kinds"][0];
        assert_eq!((&kind["from"], &kind["to"]), (&"A".into(), &"B".into()));
        assert_eq!(kind["count"], 2);
        // 61 and 31 minutes.
        check(kind, "median_s", 46.0 * 60.0);
        check(kind, "longest_s", 3_660.0);
        check(kind, "total_s", 92.0 * 60.0);
        assert_eq!(answer["unknown_shifts"], 0);
    };
    // Once from what is stated, once from the samples of a part of the shift.
    check_answer(&plant.json(&[
        "changeovers",
        "--work-unit",
        "press",
        "--from",
        "2026-05-05",
    ]));
    let part = [
        "--from",
        "2026-05-05T06:30:00Z",
        "--to",
        "2026-05-05T13:45:00Z",
    ];
    check_answer(&plant.json(&[&["changeovers", "--work-unit", "press"][..], &part].concat()));
    let none = plant.json(&["changeovers", "--work-unit", "mill", "--from", "2026-05-05"]);
    assert_eq!(none["changeovers"], Value::Array(Vec::new()), "{none}");
}

#[test]
fn a_change_of_product_parts_what_is_charted() {
    let plant = Plant::of(1, |_, at| match at {
        240..300 => Some((RUN, 1, 2, "B")),
        _ => USUAL,
    });
    let charts = plant.json(&[
        "spc",
        "press.count",
        "--from",
        "2026-05-05",
        "--subgroup",
        "2",
        "--rules",
        "none",
    ]);
    let breaks = |product: &str| {
        let mut charts = charts.as_array().unwrap().iter();
        let chart = charts.find(|chart| chart["product"] == product).unwrap();
        let points = chart["panels"][0]["points"].as_array().unwrap();
        points
            .iter()
            .filter(|point| point["after_break"] == true)
            .count()
    };
    assert_eq!((breaks("A"), breaks("B")), (1, 1));
}

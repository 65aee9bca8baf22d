//! What went along with a signal.

use serde_json::Value;

use crate::press::{Minute, usual};
use crate::recorded::Plant;

/// A press whose third zone runs hot for ten minutes, and whose width is off five minutes later.
fn with_a_hot_zone() -> Plant {
    Plant::of(1, |_, at| Minute {
        width: usual(at).width + if (245..255).contains(&at) { 2.0 } else { 0.0 },
        zone1: usual(at).zone1 + if (240..250).contains(&at) { 1.0 } else { 0.0 },
        state: if (248..252).contains(&at) { 2 } else { 6 },
        ..usual(at)
    })
}

const AFTER_TEN: &str = "spc press.width --from 2026-05-05T10:00:00Z --explain --lag 5min";

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

impl Plant {
    /// A plant whose limits are those of its first four hours.
    fn frozen_with_a_hot_zone() -> Self {
        let plant = with_a_hot_zone();
        plant.json(&words(
            "spc press.width --from 2026-05-05T06:00:00Z --to 2026-05-05T10:00:00Z --rules limits_only \
             --freeze --by quality --why release",
        ));
        plant
    }
}

#[test]
fn what_went_along_with_a_signal_is_ranked() {
    let plant = Plant::frozen_with_a_hot_zone();
    let answer = plant.json(&words(AFTER_TEN));
    let of = &answer[0]["explained"];
    assert_eq!(
        (&of["work_unit"], &of["left_out"]),
        (&"press".into(), &0.into())
    );
    let windows = of["windows"].as_array().unwrap();
    // From the last point in order, 10:04, to 10:15, when the moving range tells that the width comes back, both five
    // minutes earlier.
    assert_eq!(windows.len(), 1, "{of}");
    let window = &windows[0];
    assert_eq!(
        (&window["from"], &window["to"], &window["product"]),
        (
            &"2026-05-05T09:59:00.000Z".into(),
            &"2026-05-05T10:10:00.000Z".into(),
            &"A".into()
        ),
        "{window}"
    );
    let values = window["values"].as_array().unwrap();
    let each = |key: &str, list: &Value| -> Vec<String> {
        let list = list.as_array().unwrap().iter();
        list.map(|one| one[key].as_str().unwrap().to_owned())
            .collect()
    };
    // The width itself, and what production is accounted by, are no process values of it.
    assert_eq!(each("tag", &window["values"]), ["press.zone1", "press.oil"]);
    // Ten of twelve minutes are 1 above, over a standard deviation near that of the scatter, sqrt(0.005) = 0.0707.
    let away = |place: usize| values[place]["standardised"].as_f64().unwrap();
    assert!((away(0) - 10.0 / 12.0 / 0.0707).abs() < 0.5, "{window}");
    assert!(away(1).abs() < 1.0, "{window}");
    assert_eq!(each("category", &window["states"]), ["run", "stop"]);
    assert_eq!(each("from", &window["stops"]), ["2026-05-05T10:08:00.000Z"]);
}

#[test]
fn an_explanation_is_told_in_words_and_claims_no_cause() {
    let plant = Plant::frozen_with_a_hot_zone();
    let text = plant.text(&words(AFTER_TEN));
    for part in [
        "press from 2026-05-05T09:59:00.000Z to 2026-05-05T10:10:00.000Z (12 signals: nelson_1): product A, order -",
        "  press.zone1 11.",
        "  state 6 (run) since 2026-05-05T09:59:00.000Z",
        "standard deviations above its reference (",
        "  state 2 (stop) since 2026-05-05T10:08:00.000Z",
        "which proves no cause",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let quiet = plant.text(&words(
        "spc press.width --from 2026-05-05T10:20:00Z --explain",
    ));
    assert!(
        quiet.contains("no signal without a recorded cause to explain"),
        "{quiet}"
    );
    for (more, why) in [
        ("--lag 2min..1min", "the first duration is the shortest"),
        ("--lag soon", "allowed: one as 90s, or two as 60s..2min"),
        (
            "--made-at oven",
            "there is no work unit \"oven\"; allowed: press",
        ),
    ] {
        let line = format!("spc press.width --from 2026-05-05 --explain {more}");
        plant.refused(&words(&line), why);
    }
}

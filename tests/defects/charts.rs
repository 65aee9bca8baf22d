//! Scrap and defects on charts of counts, and limits of them.

use serde_json::Value;

use crate::press::{Day, check, defects, with};
use crate::recorded::Plant;

#[test]
fn scrap_of_shifts_is_charted_by_its_share() {
    let plant = Plant::usual();
    let charts = plant.json(&with(&["spc", "--of", "scrap", "--work-unit", "press"]));
    let chart = &charts[0];
    assert_eq!(
        (
            &chart["characteristic"],
            &chart["chart"],
            &chart["product"],
            &chart["machine"]
        ),
        (&"scrap".into(), &"p".into(), &"A".into(), &"press".into()),
        "{charts}"
    );
    // 132 / 2640 = 0.05; 3 sqrt(0.05 * 0.95 / n) is 0.0298433 for 480 pieces and 0.0326917 for 400.
    let points = chart["panels"][0]["points"].as_array().unwrap();
    assert_eq!(points.len(), 6);
    check(&points[0]["value"], 28.0 / 480.0);
    check(&points[0]["center"], 0.05);
    for (point, reach) in [(0, 0.029_843_340), (1, 0.032_691_742)] {
        let limit = |key: &str| points[point][key].as_f64().unwrap();
        assert!(
            (limit("ucl") - 0.05 - reach).abs() < 1e-8,
            "{}",
            points[point]
        );
        assert!(
            (0.05 - limit("lcl") - reach).abs() < 1e-8,
            "{}",
            points[point]
        );
    }
    assert_eq!(chart["in_control"], true);
    assert_eq!(points[1]["at"], "2026-05-06T06:00:00.000Z");
    // A shift a day: by day it is the same.
    let by_day = plant.json(&with(&[
        "spc",
        "--of",
        "scrap",
        "--work-unit",
        "press",
        "--per",
        "day",
    ]));
    assert_eq!(by_day, charts);
    for kind in ["p", "u", "laney_p", "laney_u", "g", "time_between"] {
        let args = with(&[
            "spc",
            "--of",
            "scrap",
            "--work-unit",
            "press",
            "--chart",
            kind,
        ]);
        assert_eq!(plant.json(&args)[0]["chart"], kind);
    }
    let unequal = with(&["spc", "--of", "scrap", "--chart", "np"]);
    plant.refused(
        &unequal,
        "the np chart needs samples of one size; index 1 has 400",
    );
    // The mill counts no scrap: it is not charted as free of it.
    let all = plant.json(&with(&["spc", "--of", "scrap"]));
    assert_eq!(all, charts);
    plant.refused(
        &with(&["spc", "--of", "scrap", "--work-unit", "mill"]),
        "a work unit that counts scrap (scrap = \"<tag>\" in [[work_unit]])",
    );
}

#[test]
fn limits_of_counts_are_kept_and_in_force_later() {
    let plant = Plant::usual();
    let scrap = ["spc", "--of", "scrap", "--work-unit", "press"];
    let first = [
        "--from",
        "2026-05-05T00:00:00Z",
        "--to",
        "2026-05-08T00:00:00Z",
    ];
    let said = ["--try-out", "--by", "quality", "--why", "first weeks"];
    let kept = plant.json(&[&scrap[..], &first, &said, &["--chart", "p"]].concat());
    assert_eq!(kept["versions"][0]["scope"], "product per shift", "{kept}");
    let later = ["--from", "2026-05-08T00:00:00Z"];
    let charts = plant.json(&[&scrap[..], &later].concat());
    let (phase, points) = (&charts[0]["phase"], &charts[0]["panels"][0]["points"]);
    assert_eq!(
        (&phase["name"], &phase["version"]),
        (&"monitoring".into(), &1.into())
    );
    // Of the three days before: 66 of 1360.
    check(&points[0]["center"], 66.0 / 1360.0);
    let listed = plant.json(&["spc", "--of", "scrap", "--limits"]);
    check(&listed["versions"][0]["center"], 66.0 / 1360.0);
    // Samples of days are others: no limits of them are kept.
    let by_day = plant.json(&[&scrap[..], &later, &["--per", "day"]].concat());
    assert_eq!(by_day[0]["phase"]["version"], Value::Null);
    plant.refused(
        &[&scrap[..], &later, &["--chart", "u"]].concat(),
        "is in force; allowed: --chart p as they were learned, or --relearn",
    );
}

#[test]
fn a_shift_of_too_much_scrap_is_told_with_what_went_along() {
    // On the fourth day the oven is 5 degrees too hot, and 80 pieces are scrap in place of 24.
    let day = |place: u32| Day {
        pieces: 480,
        scrap: if place == 3 { 80 } else { 24 },
        b_from: u32::MAX,
    };
    let oven = |date: u32, at: u32| 180.0 + f64::from(at % 3) + if date == 3 { 5.0 } else { 0.0 };
    let plant = Plant::with_oven(&(0..8).map(day).collect::<Vec<_>>(), oven);
    let scrap = ["spc", "--of", "scrap", "--work-unit", "press", "--explain"];
    let charts = plant.json(&with(&scrap));
    let explained = &charts[0]["explained"];
    assert_eq!(
        (&explained["work_unit"], &explained["reference_points"]),
        (&"press".into(), &7.into()),
        "{charts}"
    );
    check(&explained["reference_s"], 7.0 * 8.0 * 3_600.0);
    let windows = explained["windows"].as_array().unwrap();
    assert_eq!(windows.len(), 1, "{explained}");
    assert_eq!(windows[0]["from"], "2026-05-08T06:00:00.000Z");
    assert_eq!(windows[0]["product"], "A");
    assert_eq!(windows[0]["of"], serde_json::json!(["nelson_1 at 3"]));
    let first = &windows[0]["values"][0];
    assert_eq!(first["tag"], "press.oven", "{}", windows[0]);
    let told = plant.text(&with(&scrap));
    assert!(told.contains("press.oven"), "{told}");
    plant.refused(
        &with(&[&scrap[..], &["--made-at", "saw"]].concat()),
        "allowed: press, mill",
    );
}

#[test]
fn defects_of_shifts_are_charted_per_unit() {
    let plant = Plant::usual();
    plant.take_in(&defects());
    let of_press = ["spc", "--of", "defects", "--work-unit", "press"];
    let charts = plant.json(&with(&of_press));
    // 10, 11, 7, 10, 13 and 15 defects: 66 / 2640 = 0.025 a piece; 3 sqrt(0.025 / 480) = 0.0216506.
    assert_eq!(charts[0]["chart"], "u", "{charts}");
    let first = &charts[0]["panels"][0]["points"][0];
    check(&first["value"], 10.0 / 480.0);
    check(&first["center"], 0.025);
    let ucl = first["ucl"].as_f64().unwrap();
    assert!((ucl - 0.046_650_635).abs() < 1e-8, "{first}");
    // Those of the surface, whatever stands below it: 6, 2, 3, 6, 9 and 12.
    let surface = plant.json(&with(
        &[&of_press[..], &["--category", "surface", "--chart", "u"]].concat(),
    ));
    assert_eq!(surface[0]["characteristic"], "defects surface");
    check(
        &surface[0]["panels"][0]["points"][0]["center"],
        38.0 / 2_640.0,
    );
    let uncoded = plant.json(&with(
        &[
            &of_press[..],
            &["--category", "unclassified", "--chart", "u"],
        ]
        .concat(),
    ));
    check(&uncoded[0]["panels"][0]["points"][1]["value"], 6.0 / 400.0);
}

//! Scrap and defects on charts of counts, and limits of them.

use serde_json::Value;

use crate::press::{check, defects, with};
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
    // A sample is a whole shift: there is no window to explain.
    plant.refused(
        &[&scrap[..], &later, &["--explain"]].concat(),
        "cannot be used with",
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

//! Defects by category and by what made them.

use serde_json::Value;

use crate::press::{Day, check, defects, with};
use crate::recorded::Plant;

/// Category and count of each row of a Pareto.
fn counts(answer: &Value) -> Vec<(&str, u64)> {
    let rows = answer["pareto"].as_array().unwrap().iter();
    rows.map(|row| {
        (
            row["category"].as_str().unwrap(),
            row["count"].as_u64().unwrap(),
        )
    })
    .collect()
}

#[test]
fn defects_rank_by_category_on_the_pieces_that_were_made() {
    let plant = Plant::usual();
    let told = plant.take_in(&defects());
    assert_eq!(
        (&told[0]["table"], &told[0]["taken"]),
        (&"defects".into(), &14.into()),
        "{told}"
    );
    // Taking the same table twice changes nothing.
    plant.take_in(&defects());
    let of_press = ["defects", "--work-unit", "press", "--opportunities", "5"];
    let answer = plant.json(&with(&of_press));
    assert_eq!(
        counts(&answer),
        [
            ("scratch", 33),
            ("porosity", 22),
            ("unclassified", 6),
            ("dent", 5)
        ]
    );
    // 66 / 2640, and by five opportunities 66 / 13200 * 1e6.
    check(&answer["units"], 2_640.0);
    check(&answer["dpu"], 0.025);
    check(&answer["dpmo"], 5_000.0);
    check(&answer["coded_share"], 60.0 / 66.0);
    let scratch = &answer["pareto"][0];
    check(&scratch["share"], 0.5);
    check(&scratch["dpu"], 33.0 / 2_640.0);
    check(&scratch["dpmo"], 2_500.0);
    check(&answer["pareto"][1]["cumulative_share"], 55.0 / 66.0);
    let verdict = |row: usize| &answer["pareto"][row]["trend"]["verdict"];
    assert_eq!(
        [verdict(0), verdict(1), verdict(3)],
        ["rising", "no_trend", "too_few"],
        "{answer}"
    );
    assert_eq!(scratch["trend"]["periods"], 6);
    assert_eq!(answer["by_product"][0]["name"], "A");
    assert_eq!(answer["by_shift"][0]["name"], "early");

    let top = plant.json(&with(&["defects", "--work-unit", "press", "--level", "1"]));
    assert_eq!(
        counts(&top),
        [("surface", 38), ("porosity", 22), ("unclassified", 6)]
    );
    assert_eq!(top["dpmo"], Value::Null);

    // The mill has made 6 * 480 pieces and nothing is known against them: a rate of 66 / 5520 overall.
    let all = plant.json(&with(&["defects"]));
    let machines = all["by_machine"].as_array().unwrap();
    let names: Vec<&Value> = machines.iter().map(|row| &row["name"]).collect();
    assert_eq!(names, ["press", "mill"], "{all}");
    check(
        &machines[0]["times_overall"],
        (66.0 / 2_640.0) / (66.0 / 5_520.0),
    );
    check(&machines[1]["units"], 2_880.0);

    let text = plant.text(&with(&of_press));
    for part in [
        "66 defects on 2640 units: 0.0250 per unit, 5000 per million opportunities",
        "scratch (Scratch)       33   50.0        50.0  0.01250  2500  rising by",
        "too little to tell (5 defects, 6 days with production)",
        "90.9 % of defects have a category",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let weeks = plant.json(&with(&["defects", "--work-unit", "press", "--per", "week"]));
    // From Tuesday the fifth to Sunday the tenth.
    assert_eq!(weeks["pareto"][0]["trend"]["periods"], 1, "{weeks}");
}

#[test]
fn a_defect_belongs_to_the_product_and_the_shift_that_made_it() {
    let mixed = Day {
        pieces: 480,
        scrap: 0,
        b_from: 240,
    };
    let whole = Day {
        b_from: u32::MAX,
        ..mixed
    };
    let plant = Plant::of(&[mixed, whole, whole]);
    plant.take_in(
        "found_at,work_unit,category,count,made_at,product\n\
         2026-05-05T08:00:00Z,press,dent,1,,\n\
         2026-05-05T13:00:00Z,press,dent,2,,\n\
         2026-05-07T08:00:00Z,press,dent,4,2026-05-05T11:00:00Z,\n\
         2026-05-07T08:00:00Z,press,dent,8,2026-05-06T13:00:00Z,\n\
         2026-05-07T13:00:00Z,press,dent,16,,A\n\
         2026-05-06T20:00:00Z,press,dent,32,,\n",
    );
    // On the fifth: 1 by A, 2 and 4 by B after ten o'clock; on the sixth A alone was made: 8; 16 say that they are A.
    // Nobody worked in the evening of the sixth: 32 are of no shift and no product.
    let answer = plant.json(&with(&["defects", "--work-unit", "press"]));
    let by = |dimension: &str| -> Vec<(Value, u64)> {
        let rows = answer[dimension].as_array().unwrap().iter();
        rows.map(|row| (row["name"].clone(), row["defects"].as_u64().unwrap()))
            .collect()
    };
    assert_eq!(
        by("by_product"),
        [(Value::Null, 32), ("A".into(), 25), ("B".into(), 6)]
    );
    assert_eq!(by("by_shift"), [(Value::Null, 32), ("early".into(), 31)]);
    // A defect counts to the day on which its unit was made, not to that on which it was found.
    let day = ["--from", "2026-05-05", "--to", "2026-05-05"];
    let first = plant.json(&[&["defects", "--work-unit", "press"][..], &day].concat());
    assert_eq!(first["defects"], 7, "{first}");

    // A count of 0 takes back what was said.
    plant.take_in("found_at,work_unit,category,count\n2026-05-05T08:00:00Z,press,dent,0\n");
    let first = plant.json(&[&["defects", "--work-unit", "press"][..], &day].concat());
    assert_eq!(first["defects"], 6, "{first}");

    // On a chart, a product that was hardly made does not keep the others from it, and what is on none is told.
    let of_press = ["spc", "--of", "defects", "--work-unit", "press"];
    let args = with(&[&of_press[..], &["--chart", "u"]].concat());
    let charts = plant.json(&args);
    let products = charts.as_array().unwrap().iter();
    let products: Vec<&Value> = products.map(|chart| &chart["product"]).collect();
    assert_eq!(products, ["A"], "{charts}");
    let text = plant.text(&args);
    for part in [
        "note: not charted: B on press: a chart of counts, in samples, needs at least 2, has 1",
        "note: 32 of defects of - on press were made where fewer pieces, or none, are known",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let pooled = plant.json(&[&args[..], &["--pooled"]].concat());
    // 6 + 8 + 16 defects on 3 * 480 pieces.
    check(
        &pooled[0]["panels"][0]["points"][0]["center"],
        30.0 / 1_440.0,
    );
}

//! A serial line and its route.

use serde_json::Value;

use crate::press::{STOPPED, USUAL, check, config};
use crate::recorded::Plant;

/// A plant whose press follows its mill.
fn serial() -> Plant {
    // Parts go through the mill first, which makes one a minute. The press stands still for an hour and makes 420; of
    // both, a tenth turns out to be scrap.
    let config = config("\n[[line]]\nname = \"line1\"\nunits = [\"mill\", \"press\"]\n");
    let minute = |_: u32, at: u32| match at {
        240..300 => Some((STOPPED, 1, 0, "A")),
        _ => USUAL,
    };
    let plant = Plant::recorded(&config, 2, minute, |_, _| "");
    let late = "found_at,work_unit,origin_time,product,count\n\
         2026-05-05T14:10:00Z,press,2026-05-05T08:00:00Z,A,42\n\
         2026-05-05T14:10:00Z,mill,2026-05-05T08:00:00Z,A,48\n";
    plant.take_in(late);
    plant
}

/// What is told of lines on one day.
fn by_line(plant: &Plant, day: &str) -> Value {
    plant.json(&["oee", "--from", day, "--to", day, "--by", "line"])
}

#[test]
fn a_serial_line_is_judged_by_its_bottleneck_and_its_route() {
    let plant = serial();
    let answer = by_line(&plant, "2026-05-05");
    for row in [&answer["rows"][0], &answer["total"]] {
        // 432 of 480, and 378 of 420.
        check(row, "rolled_throughput_yield", 0.9 * 0.9);
        assert_eq!(
            (&row["scheduled"], &row["work_units"]),
            (&2.into(), &2.into())
        );
        let line = &row["line"];
        check(line, "good", 378.0);
        check(line, "final_yield", 378.0 / 480.0);
        check(line, "fall_off", 90.0 / 480.0);
        // Both take a minute at best; the last of them is the bottleneck. 378 minutes of 480.
        assert_eq!(line["bottleneck"], "press", "{line}");
        check(line, "bottleneck_s", 60.0);
        check(line, "bottleneck_oee", 378.0 / 480.0);
        check(line, "throughput_per_h", 378.0 / 8.0);
        assert_eq!(line["steps"][0]["work_unit"], "mill", "{line}");
        check(&line["steps"][1], "first_pass_yield", 0.9);
    }
    assert_eq!(answer["rows"][0]["group"], "line1", "{answer}");
}

#[test]
fn a_route_that_is_not_known_or_not_whole_has_no_rolled_yield() {
    let plant = serial();
    // On the next day the mill is closed: nothing entered the route.
    let closed = by_line(&plant, "2026-05-06");
    let row = &closed["rows"][0];
    assert_eq!(
        (&row["scheduled"], &row["work_units"]),
        (&1.into(), &2.into()),
        "{row}"
    );
    assert_eq!(row["rolled_throughput_yield"], Value::Null, "{row}");
    // A work unit alone has a route, two without a line have none.
    let alone = plant.json(&["oee", "--from", "2026-05-05", "--to", "2026-05-05"]);
    check(&alone["rows"][0], "rolled_throughput_yield", 0.9);
    let unknown = Plant::of(1, |_, _| USUAL);
    let answer = unknown.json(&[
        "oee",
        "--from",
        "2026-05-05",
        "--to",
        "2026-05-05",
        "--by",
        "line",
    ]);
    assert_eq!(
        answer["total"]["rolled_throughput_yield"],
        Value::Null,
        "{answer}"
    );
    assert_eq!(answer["total"]["line"], Value::Null, "{answer}");
}

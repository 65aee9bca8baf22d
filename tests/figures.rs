//! What a plant does that is no ordinary production, through the whole pipeline: what the figures make of it, how much of
//! the time they cover, and what they say about themselves.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// One row a minute of an early shift of eight hours.
const MINUTES: u32 = 480;
const RUN: u16 = 6;
const STOPPED: u16 = 2;

const CONFIG: &str = r#"
[gateway]
id = "figures"
asset = "plant"

[calendar]
[[calendar.shift]]
name = "early"
start = "06:00"
end = "14:00"

[[calendar.exception]]
date = "2026-05-06"
closed = true
work_units = ["mill"]

[[product]]
id = "A"
ideal_cycle = "60s"

[[product]]
id = "B"
ideal_cycle = "30s"

[[work_unit]]
name = "press"
state = "press.state"
mode = "press.mode"
count = "press.count"
product = "press.product"
max_rate_per_s = 0.1

[[work_unit]]
name = "mill"
state = "mill.state"
count = "mill.count"
product = "mill.product"
max_rate_per_s = 0.1

[[device]]
name = "press"
asset = "press"
driver = "modbus-tcp"
endpoint = "127.0.0.1:502"
[[device.tag]]
name = "state"
address = "holding:0"
type = "u16"
rate = "60s"
[[device.tag]]
name = "mode"
address = "holding:1"
type = "u16"
rate = "60s"
[[device.tag]]
name = "count"
address = "holding:2"
type = "u32"
rate = "60s"
[[device.tag]]
name = "product"
address = "holding:4"
type = "string:4"
rate = "60s"

[[device.tag]]
name = "order"
address = "holding:8"
type = "string:8"
rate = "60s"

[[device]]
name = "mill"
asset = "mill"
driver = "modbus-tcp"
endpoint = "127.0.0.1:502"
unit = 2
[[device.tag]]
name = "state"
address = "holding:0"
type = "u16"
rate = "60s"
[[device.tag]]
name = "count"
address = "holding:2"
type = "u32"
rate = "60s"
[[device.tag]]
name = "product"
address = "holding:4"
type = "string:4"
rate = "60s"
"#;

/// What the press does in a minute of the shift: state, mode, pieces, product; `None` while nothing is sampled.
type Minute = Option<(u16, u16, u32, &'static str)>;

/// What every test expects of a usual minute.
const USUAL: Minute = Some((RUN, 1, 1, "A"));

/// After the shift: nothing is made.
const IDLING: Minute = Some((RUN, 1, 0, "A"));

/// What the press works at in a minute, where it tells its order; empty for none.
type Order = fn(u32, u32) -> &'static str;

/// Records days of early shifts, and asks about them.
struct Plant(tempfile::TempDir);

impl Plant {
    /// Plays `days` from the fifth of May 2026 on; `minute` says what the press does, the mill runs as usual.
    fn of(days: u32, minute: impl Fn(u32, u32) -> Minute) -> Self {
        Self::recorded(CONFIG, days, minute, |_, _| "")
    }

    /// As [`Plant::of`], where the press tells its order too.
    fn with_orders(days: u32, minute: impl Fn(u32, u32) -> Minute, order: Order) -> Self {
        let mode = "mode = \"press.mode\"";
        let config = CONFIG.replacen(mode, &format!("{mode}\norder = \"press.order\""), 1);
        Self::recorded(&config, days, minute, order)
    }

    fn recorded(
        config: &str,
        days: u32,
        minute: impl Fn(u32, u32) -> Minute,
        order: Order,
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("plant.toml"), config).unwrap();
        let mut rows = String::from(
            "time,press.state,press.mode,press.count,press.product,press.order,mill.state,mill.count,mill.product\n",
        );
        let (mut made, mut milled) = (0, 0);
        for day in 0..days {
            // A quarter of an hour more, so that the shift is over and stated.
            for at in 0..MINUTES + 15 {
                let (hour, clock) = (6 + at / 60, at % 60);
                write!(rows, "2026-05-{:02}T{hour:02}:{clock:02}:00Z,", 5 + day).unwrap();
                let now = if at < MINUTES {
                    minute(day, at)
                } else {
                    IDLING
                };
                match now {
                    Some((state, mode, pieces, product)) => {
                        let order = order(day, at);
                        write!(rows, "{state},{mode},{made},{product},{order},").unwrap();
                        made += pieces;
                    }
                    None => rows.push_str(",,,,,"),
                }
                writeln!(rows, "{RUN},{milled},A").unwrap();
                milled += u32::from(at < MINUTES);
            }
        }
        std::fs::write(dir.path().join("values.csv"), rows).unwrap();
        let plant = Self(dir);
        plant.andon(&[
            "replay",
            "-i",
            &plant.path("values.csv"),
            "--out",
            &plant.path("out"),
        ]);
        plant
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    #[track_caller]
    fn andon(&self, args: &[&str]) -> Value {
        let (config, history) = (self.path("plant.toml"), self.path("out"));
        let output = Command::new(env!("CARGO_BIN_EXE_andon"))
            .args(args)
            .args(["-c", &config, "--history", &history, "--json"])
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {errors}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn take_in(&self, name: &str, table: &str) -> Value {
        std::fs::write(Path::new(&self.path(name)), table).unwrap();
        self.andon(&["intake", &self.path(name)])
    }

    /// The figures of one group.
    #[track_caller]
    fn row(&self, group: &str, args: &[&str]) -> Value {
        let of = [&["oee", "--from", "2026-05-05"][..], args].concat();
        let answer = self.andon(&of);
        let rows = answer["rows"].as_array().unwrap();
        let found = rows.iter().find(|row| row["group"] == group);
        found
            .unwrap_or_else(|| panic!("no {group} in {answer}"))
            .clone()
    }
}

#[track_caller]
fn check(row: &Value, figure: &str, expected: f64) {
    let value = if row[figure].is_object() {
        &row[figure]["value"]
    } else {
        &row[figure]
    };
    let got = value.as_f64().unwrap_or(f64::NAN);
    assert!(
        (got - expected).abs() < 1e-9,
        "{figure}: {got}, expected {expected}; {row}"
    );
}

#[track_caller]
fn check_flag(row: &Value, flag: &str) {
    assert!(
        row["flags"].as_array().unwrap().contains(&flag.into()),
        "{row}"
    );
}

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
    let bounds = |key: &str| row["availability"][key].as_f64().unwrap();
    assert!(bounds("low") < 0.8 && bounds("high") > 0.99, "{row}");

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
    check_answer(&plant.andon(&["changeovers", "press", "--from", "2026-05-05"]));
    let part = [
        "--from",
        "2026-05-05T06:30:00Z",
        "--to",
        "2026-05-05T13:45:00Z",
    ];
    check_answer(&plant.andon(&[&["changeovers", "press"][..], &part].concat()));
    let none = plant.andon(&["changeovers", "mill", "--from", "2026-05-05"]);
    assert_eq!(none["changeovers"], Value::Array(Vec::new()), "{none}");
}

#[test]
fn a_change_of_shift_costs_what_its_first_and_last_half_hour_lack() {
    // Every other minute a piece in the first and last half hour, else one each minute: half of the rate is lost.
    let minute = |_: u32, at: u32| {
        let is_settled = (30..450).contains(&at);
        Some((RUN, 1, u32::from(is_settled || at.is_multiple_of(2)), "A"))
    };
    let plant = Plant::of(1, minute);
    let day = ["--from", "2026-05-05", "--to", "2026-05-05", "--work-unit"];
    let of = |unit: &str| plant.andon(&[&["shifts"][..], &day, &[unit]].concat());
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
    let cut = plant.andon(&[&["shifts"][..], &cut].concat());
    assert_eq!(cut["shifts"][0]["transition_loss"], Value::Null, "{cut}");
}

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
        "orders.csv",
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
    let ask = |args: &[&str]| plant.andon(&[&["orders"][..], args].concat());
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

/// A plant whose press follows its mill.
fn serial() -> Plant {
    // Parts go through the mill first, which makes one a minute. The press stands still for an hour and makes 420; of
    // both, a tenth turns out to be scrap.
    let line =
        "[[line]]\nname = \"line1\"\nunits = [\"mill\", \"press\"]\n\n[[device]]\nname = \"press\"";
    let config = CONFIG.replacen("[[device]]\nname = \"press\"", line, 1);
    let minute = |_: u32, at: u32| match at {
        240..300 => Some((STOPPED, 1, 0, "A")),
        _ => USUAL,
    };
    let plant = Plant::recorded(&config, 2, minute, |_, _| "");
    let late = "found_at,work_unit,origin_time,product,count\n\
         2026-05-05T14:10:00Z,press,2026-05-05T08:00:00Z,A,42\n\
         2026-05-05T14:10:00Z,mill,2026-05-05T08:00:00Z,A,48\n";
    plant.take_in("late.csv", late);
    plant
}

#[test]
fn a_serial_line_is_judged_by_its_bottleneck_and_its_route() {
    let plant = serial();
    let answer = plant.andon(&[
        "oee",
        "--from",
        "2026-05-05",
        "--to",
        "2026-05-05",
        "--by",
        "line",
    ]);
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
    let closed = plant.andon(&[
        "oee",
        "--from",
        "2026-05-06",
        "--to",
        "2026-05-06",
        "--by",
        "line",
    ]);
    let row = &closed["rows"][0];
    assert_eq!(
        (&row["scheduled"], &row["work_units"]),
        (&1.into(), &2.into()),
        "{row}"
    );
    assert_eq!(row["rolled_throughput_yield"], Value::Null, "{row}");
    // A work unit alone has a route, two without a line have none.
    let alone = plant.andon(&["oee", "--from", "2026-05-05", "--to", "2026-05-05"]);
    check(&alone["rows"][0], "rolled_throughput_yield", 0.9);
    let unknown = Plant::of(1, |_, _| USUAL);
    let answer = unknown.andon(&[
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

#[test]
fn planned_maintenance_is_no_downtime_and_what_is_not_planned_is() {
    let minute = |_: u32, at: u32| {
        if (60..180).contains(&at) {
            Some((STOPPED, 2, 0, "A"))
        } else {
            USUAL
        }
    };
    let plant = Plant::of(1, minute);
    let row = plant.row("press", &[]);
    check(&row, "stop_s", 7_200.0);
    assert_eq!(row["failures"], 1);
    let told = plant.take_in(
        "stops.csv",
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
fn a_part_of_the_plant_that_is_closed_is_in_no_figure() {
    let plant = Plant::of(2, |_, _| USUAL);
    let answer = plant.andon(&["oee", "--from", "2026-05-06", "--to", "2026-05-06"]);
    assert_eq!(
        (&answer["scheduled"], &answer["work_units"]),
        (&1.into(), &2.into()),
        "{answer}"
    );
    check(&answer["total"], "pot_s", 28_800.0);
    check(&answer["total"], "oee", 1.0);
    let shifts = plant.andon(&["shifts", "--from", "2026-05-06", "--to", "2026-05-06"]);
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
    let last = plant.andon(&["oee", "--from", "2026-05-08", "--by", "product"]);
    assert_eq!(last["rows"][0]["flags"], Value::Array(Vec::new()), "{last}");
}

#[test]
fn scrap_that_is_found_later_belongs_to_the_shift_that_made_it() {
    let plant = Plant::of(2, |_, _| USUAL);
    let table = "found_at,work_unit,origin_time,product,count\n2026-05-06T09:00:00Z,press,2026-05-05T08:00:00Z,A,48\n";
    let told = plant.take_in("late.csv", table);
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
    let again = plant.take_in("late.csv", table);
    assert_eq!(again[0]["restated"], 0, "{again}");
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
    plant.take_in("reasons.csv", table);
    let answer = plant.andon(&["oee", "--from", "2026-05-05", "--work-unit", "press"]);
    assert_eq!(answer["pareto"][0]["reason"], "tool/broken", "{answer}");
    assert_eq!(answer["coded"], 1.0);
    let answer = plant.andon(&[
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
fn a_change_of_product_parts_what_is_charted() {
    let plant = Plant::of(1, |_, at| match at {
        240..300 => Some((RUN, 1, 2, "B")),
        _ => USUAL,
    });
    let charts = plant.andon(&[
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
    plant.take_in("reasons.csv", table);
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
    let answer = plant.andon(&args);
    assert_eq!(
        answer["refused_reasons"],
        Value::Array(Vec::new()),
        "{answer}"
    );
    assert_eq!(answer["pareto"][0]["reason"], "stop", "{answer}");
}

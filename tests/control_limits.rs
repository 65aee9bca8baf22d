//! Control limits that are kept, through the whole pipeline: learned, frozen, in force from a moment on, and replaced for
//! an approved change only; and what went along with a point that is out of control.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::fmt::Write as _;
use std::process::{Command, Output};

use serde_json::Value;

/// One row a minute of an early shift of eight hours.
const MINUTES: u32 = 480;

const CONFIG: &str = r#"
[gateway]
id = "limits"
asset = "plant"

[calendar]
[[calendar.shift]]
name = "early"
start = "06:00"
end = "14:00"

[[work_unit]]
name = "press"
asset = "press"
state = "press.state"
count = "press.count"
product = "press.product"
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
name = "width"
address = "holding:6"
type = "f32"
rate = "60s"
[[device.tag]]
name = "oil"
address = "holding:8"
type = "f32"
rate = "60s"
[[device.tag]]
name = "zone1"
address = "holding:10"
type = "f32"
rate = "60s"
"#;

/// A minute of the press.
#[derive(Clone, Copy)]
struct Minute {
    state: u16,
    product: &'static str,
    width: f64,
    zone1: f64,
}

/// Scatter of mean 0 whose moving ranges are 0.1, 0.2, 0.15, 0.1 and 0.05 in turn: 0.12 on average.
fn scatter(at: u32) -> f64 {
    [0.0, 0.1, -0.1, 0.05, -0.05][(at % 5) as usize]
}

fn usual(at: u32) -> Minute {
    Minute {
        state: 6,
        product: "A",
        width: 10.0 + scatter(at),
        zone1: 180.0 + scatter(at + 2),
    }
}

struct Plant(tempfile::TempDir);

impl Plant {
    /// Plays `days` from the fifth of May 2026 on.
    fn of(days: u32, minute: impl Fn(u32, u32) -> Minute) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("plant.toml"), CONFIG).unwrap();
        let mut rows = String::from(
            "time,press.state,press.count,press.product,press.width,press.oil,press.zone1\n",
        );
        for day in 0..days {
            // A quarter of an hour more, so that the shift is over.
            for at in 0..MINUTES + 15 {
                let now = minute(day, at);
                writeln!(
                    rows,
                    "2026-05-{:02}T{:02}:{:02}:00Z,{},{},{},{},{},{}",
                    5 + day,
                    6 + at / 60,
                    at % 60,
                    now.state,
                    day * MINUTES + at.min(MINUTES),
                    now.product,
                    now.width,
                    5.0 + scatter(at + 1),
                    now.zone1
                )
                .unwrap();
            }
        }
        std::fs::write(dir.path().join("values.csv"), rows).unwrap();
        let plant = Self(dir);
        plant.answer(&[
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

    fn run(&self, args: &[&str]) -> Output {
        let (config, history) = (self.path("plant.toml"), self.path("out"));
        Command::new(env!("CARGO_BIN_EXE_andon"))
            .args(args)
            .args(["-c", &config, "--history", &history])
            .output()
            .unwrap()
    }

    #[track_caller]
    fn answer(&self, args: &[&str]) -> Value {
        let output = self.run(&[args, &["--json"]].concat());
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {errors}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    #[track_caller]
    fn text(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn refused(&self, args: &[&str], why: &str) {
        let output = self.run(args);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{args:?} is not refused");
        assert!(errors.contains(why), "{args:?}: {errors}");
    }

    /// The only chart of the width on one day.
    #[track_caller]
    fn chart(&self, day: &str, more: &[&str]) -> Value {
        let answer = self.answer(&[&width(day)[..], more].concat());
        let charts = answer.as_array().unwrap();
        assert_eq!(charts.len(), 1, "{answer}");
        charts[0].clone()
    }

    fn take_in(&self, table: &str) {
        let file = self.path("table.csv");
        std::fs::write(&file, table).unwrap();
        self.answer(&["intake", &file]);
    }
}

fn width(day: &str) -> [&str; 6] {
    ["spc", "press.width", "--from", day, "--to", day]
}

/// Asks to keep limits of a day.
fn keep<'a>(how: &'a str, day: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let by = [
        "--by",
        "process-engineering",
        "--why",
        "release of the tool",
    ];
    [&width(day)[..], &["--rules", "limits_only", how], &by, more].concat()
}

#[track_caller]
fn check(value: &Value, expected: f64) {
    let got = value.as_f64().unwrap_or(f64::NAN);
    assert!((got - expected).abs() < 1e-4, "{got}, expected {expected}");
}

#[test]
fn frozen_limits_are_in_force_until_an_approved_change_replaces_them() {
    // From the third day on the process is at 10.1, whose readings are still within the limits of the first.
    let plant = Plant::of(4, |day, at| Minute {
        width: usual(at).width + if day >= 2 { 0.1 } else { 0.0 },
        ..usual(at)
    });
    let kept = plant.answer(&keep("--freeze", "2026-05-05", &[]));
    let version = &kept["versions"][0];
    assert_eq!(
        (&version["version"], &version["frozen"], &version["since"]),
        (&1.into(), &true.into(), &"2026-05-05T14:00:00.000Z".into())
    );
    check(&version["center"], 10.0);
    // 479 moving ranges, the last of 96 rounds without its 0.05: (96 * 0.6 - 0.05) / 479 over d2 = 1.128379.
    check(&version["sigma"], 0.106_477);
    let chart = plant.chart("2026-05-06", &[]);
    assert_eq!(
        (
            &chart["phase"]["name"],
            &chart["phase"]["version"],
            &chart["in_control"]
        ),
        (&"monitoring".into(), &1.into(), &true.into()),
        "{}",
        chart["phase"]
    );
    // Before they came in force, and where they are left aside, limits are learned.
    for chart in [
        plant.chart("2026-05-05", &[]),
        plant.chart("2026-05-06", &["--relearn"]),
    ] {
        assert_eq!(chart["phase"]["name"], "learned");
    }

    plant.refused(
        &keep("--freeze", "2026-05-07", &[]),
        "version 1 of the limits is frozen; it is replaced for an approved process change only",
    );
    plant.refused(
        &keep("--try-out", "2026-05-07", &[]),
        "version 1 of the limits is frozen",
    );
    plant.answer(&keep("--freeze", "2026-05-07", &["--approval", "ECN-4711"]));
    for (day, version, center) in [
        ("2026-05-06", 1, 10.0),
        ("2026-05-07", 1, 10.0),
        ("2026-05-08", 2, 10.1),
    ] {
        let chart = plant.chart(day, &[]);
        assert_eq!(chart["phase"]["version"], version, "{day}");
        check(&chart["panels"][0]["points"][0]["center"], center);
    }
    let whole = plant.answer(&["spc", "press.width", "--from", "2026-05-06"]);
    assert_eq!(
        whole[0]["warnings"][0]["code"], "later_limits",
        "{}",
        whole[0]["warnings"]
    );

    let listed = plant.text(&["spc", "press.width", "--limits"]);
    let lines: Vec<&str> = listed.lines().collect();
    assert!(
        lines[1]
            .starts_with("press.width of A on press        1  frozen  2026-05-05T14:00:00.000Z"),
        "{listed}"
    );
    assert!(
        lines[2].contains("process-engineering  ECN-4711  release of the tool"),
        "{listed}"
    );
}

#[test]
fn limits_are_refused_with_the_reason() {
    let plant = Plant::of(2, |_, at| usual(at));
    let hour = [
        "spc",
        "press.width",
        "--from",
        "2026-05-05T06:00:00Z",
        "--to",
        "2026-05-05T07:00:00Z",
    ];
    let by = ["--by", "quality", "--why", "trial"];
    plant.refused(
        &[&hour[..], &["--freeze"], &by].concat(),
        "limits of A on press are not kept: limits are frozen from 20 subgroups with 100 observations; there are 60 with 60",
    );
    let trial = plant.answer(&[&hour[..], &["--try-out"], &by].concat());
    assert_eq!(trial["versions"][0]["frozen"], false);
    let chart = plant.chart("2026-05-06", &[]);
    assert_eq!(
        (&chart["phase"]["version"], &chart["phase"]["frozen"]),
        (&1.into(), &false.into())
    );
    plant.refused(
        &[
            "spc",
            "press.width",
            "--from",
            "2026-05-06",
            "--subgroup",
            "5",
        ],
        "allowed: --chart i_mr --subgroup 1 as they were learned, or --relearn",
    );
    plant.refused(
        &[&hour[..], &["--freeze", "--by", "M. Weber", "--why", "x"]].concat(),
        "no name of a person",
    );
    plant.refused(&[&hour[..], &["--freeze"]].concat(), "--by");
    plant.refused(
        &["spc", "press.wide", "--limits"],
        "there is no tag \"press.wide\"",
    );
}

#[test]
fn a_point_is_left_out_with_its_cause() {
    let plant = Plant::of(2, |day, at| Minute {
        width: if (day, at) == (0, 100) {
            14.8
        } else {
            usual(at).width
        },
        ..usual(at)
    });
    let by = ["--by", "process-engineering"];
    // 4.8 more in one of 480 readings.
    check(
        &plant.chart("2026-05-05", &[])["panels"][0]["points"][0]["center"],
        10.01,
    );
    let point = ["--exclude", "2026-05-05T07:40:00Z=tool broke"];
    let clean = plant.chart("2026-05-05", &[&["--relearn"], &by[..], &point].concat());
    check(&clean["panels"][0]["points"][0]["center"], 10.0);
    assert_eq!(
        (
            &clean["excluded"][0]["cause"],
            &clean["excluded"][0]["recorded_by"]
        ),
        (&"tool broke".into(), &by[1].into())
    );
    assert_eq!(clean["in_control"], true);

    plant.answer(&keep("--freeze", "2026-05-05", &point));
    let listed = plant.text(&["spc", "press.width", "--limits"]);
    assert!(
        listed
            .ends_with("version 1 of A on press leaves out 2026-05-05T07:40:00.000Z: tool broke\n"),
        "{listed}"
    );
    check(
        &plant.chart("2026-05-06", &[])["panels"][0]["points"][0]["center"],
        10.0,
    );
    let nowhere = ["--exclude", "2026-05-05T07:40:30Z=tool broke"];
    plant.refused(
        &[&width("2026-05-05")[..], &["--relearn"], &by, &nowhere].concat(),
        "allowed: the time of a point of the chart; the nearest is 2026-05-05T07:4",
    );
    plant.refused(
        &[&width("2026-05-05")[..], &by, &point].concat(),
        "allowed with --relearn, --freeze or --try-out",
    );
}

#[test]
fn products_of_short_runs_share_a_chart_of_deviations() {
    let plant = Plant::of(2, |_, at| {
        let is_b = at / 30 % 2 == 1;
        Minute {
            product: if is_b { "B" } else { "A" },
            width: usual(at).width + if is_b { 40.0 } else { 0.0 },
            ..usual(at)
        }
    });
    let table = |b: &str| {
        format!(
            "product,ideal_cycle_s,valid_from,characteristic,nominal\nA,60,2026-01-01T00:00:00Z,width,10\nB,60,2026-01-01T00:00:00Z,width,{b}\n"
        )
    };
    plant.take_in(&table(""));
    plant.refused(
        &[&width("2026-05-05")[..], &["--from-nominal"]].concat(),
        "product `B`, made at 2026-05-05T06:30:00.000Z, has no nominal value of `press.width`",
    );
    plant.take_in(&table("50"));
    let chart = plant.chart("2026-05-05", &["--from-nominal"]);
    assert_eq!(
        (
            &chart["product"],
            chart["panels"][0]["points"].as_array().unwrap().len()
        ),
        (&"several".into(), MINUTES as usize)
    );
    check(&chart["panels"][0]["points"][0]["center"], 0.0);
    plant.answer(&keep("--freeze", "2026-05-05", &["--from-nominal"]));
    let chart = plant.chart("2026-05-06", &["--from-nominal"]);
    assert_eq!(chart["phase"]["name"], "monitoring");
    // Each product has its own limits, whatever those of the deviations are.
    let apart = plant.answer(&width("2026-05-06"));
    assert_eq!(
        (apart.as_array().unwrap().len(), &apart[0]["phase"]["name"]),
        (2, &"learned".into())
    );
    let only = plant.chart("2026-05-06", &["--product", "B"]);
    assert_eq!(only["product"], "B");
    plant.refused(
        &[&width("2026-05-06")[..], &["--product", "C"]].concat(),
        "has no Good reading of product `C`",
    );
}

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
        plant.answer(&words(
            "spc press.width --from 2026-05-05T06:00:00Z --to 2026-05-05T10:00:00Z --rules limits_only \
             --freeze --by quality --why release",
        ));
        plant
    }
}

#[test]
fn what_went_along_with_a_signal_is_ranked() {
    let plant = Plant::frozen_with_a_hot_zone();
    let answer = plant.answer(&words(AFTER_TEN));
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

//! The plant's memory and its figures, of a gateway that runs and of one that has stopped.

use andon::clock::{Clock as _, SystemClock};
use hal_sim::FragmentOptions;
use serde_json::Value;

use crate::rig::{PATIENCE, Rig, eventually};

const PLANT: &str = r#"
seed = 5
tick = "50ms"

[mqtt]

[[modbus]]
name = "hall1"
unit = [{ id = 1, machine = "press1" }]

[[machine]]
name = "press1"
cycle = "200ms"
scrap_rate = 0.1
products = ["A-100"]

[[machine.signal]]
name = "state"
kind = "state"

[[machine.signal]]
name = "good"
kind = "good"
type = "u32"

[[machine.signal]]
name = "scrap"
kind = "scrap"
type = "u32"

[[machine.signal]]
name = "product"
kind = "product"
type = "string:8"

[[machine.signal]]
name = "temp"
type = "f32"
unit = "degC"
mean = 180.0
sigma = 0.5
"#;

const PRODUCTION: &str = r#"
[[calendar.shift]]
name = "day"
start = "06:00"
end = "18:00"
headcount = 12

[[calendar.shift]]
name = "night"
start = "18:00"
end = "06:00"
headcount = 8

[[work_unit]]
name = "press1"
asset = "press1"
state = "press1.state"
count = "press1.good"
count_is = "good"
scrap = "press1.scrap"
product = "press1.product"

[alerting]
"#;

fn rig() -> Rig {
    let options = FragmentOptions {
        rate: "100ms".to_owned(),
        ..FragmentOptions::default()
    };
    let rig = Rig::new(PLANT, options);
    rig.replace("[alerting]\n", PRODUCTION);
    rig
}

/// What a command prints with `--json`; the error text when it fails.
fn ask(rig: &Rig, args: &[&str]) -> Result<Value, String> {
    let output = rig.andon(&[args, &["--json"]].concat());
    if output.status.success() {
        Ok(serde_json::from_slice(&output.stdout).unwrap())
    } else {
        Err(String::from_utf8(output.stderr).unwrap())
    }
}

/// The figures of the last two days, once some pieces are in them.
fn figures(rig: &Rig) -> Value {
    eventually("pieces are accounted for", PATIENCE, || {
        let answer = ask(rig, &["oee", "--from", "2d"])?;
        let pieces = answer["total"]["pieces"].as_f64().unwrap_or(0.0);
        (pieces >= 5.0)
            .then_some(answer.clone())
            .ok_or_else(|| answer.to_string())
    })
}

#[test]
fn figures_are_there_while_the_gateway_runs_and_after() {
    let rig = rig();
    let products = rig.data_dir().with_file_name("products.csv");
    let table = "product,ideal_cycle_s,valid_from\nA-100,0.2,2020-01-01T00:00:00Z\nA-200,nothing,2020-01-01T00:00:00Z\n";
    std::fs::write(&products, table).unwrap();
    let gateway = rig.start();
    let running = figures(&rig);
    assert_eq!(running["rows"][0]["group"], "press1");
    assert_eq!(running["total"]["oee"]["value"], Value::Null, "{running}");

    let output = rig.andon(&["intake", products.to_str().unwrap()]);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(
        errors.contains("products.csv:3: ideal_cycle_s = nothing is not a number"),
        "{errors}"
    );
    let told = figures(&rig);
    assert!(told["total"]["oee"]["high"].is_number(), "{told}");

    let rows = ask(
        &rig,
        &[
            "history",
            "query",
            "press1.temp",
            "--from",
            "2d",
            "--step",
            "1d",
        ],
    )
    .unwrap();
    // The production day began yesterday when it is early, and the last hour may be too young for a value.
    let mut days = rows["series"][0]["rows"].as_array().unwrap().iter().rev();
    let mean = days.find_map(|row| row["mean"].as_f64());
    assert!(mean.is_some_and(|mean| mean > 100.0), "{rows}");
    let temp = ["spc", "press1.temp", "--from", "2d", "--pooled"];
    let by = ["--try-out", "--by", "quality", "--why", "first days"];
    let kept = ask(&rig, &[&temp[..], &by].concat()).unwrap();
    assert_eq!(kept["versions"][0]["version"], 1, "{kept}");
    let limits = ask(&rig, &["spc", "press1.temp", "--limits"]).unwrap();
    assert_eq!(limits["versions"][0]["by"], "quality", "{limits}");

    let error = ask(&rig, &["history", "status"]).unwrap_err();
    assert!(error.contains("history"), "{error}");
    gateway.stop();

    let idle = figures(&rig);
    let pieces = |answer: &Value| answer["total"]["pieces"].as_f64().unwrap();
    assert!(pieces(&idle) >= pieces(&running), "{idle}");
    let limits = ask(&rig, &["spc", "press1.temp", "--limits"]).unwrap();
    assert_eq!(limits["versions"].as_array().unwrap().len(), 1, "{limits}");
    let held = ask(&rig, &["history", "status"]).unwrap();
    assert_eq!(held["tags"], 5, "{held}");
    let sound = ask(&rig, &["history", "verify"]).unwrap();
    assert_eq!(
        (&sound["damaged"], &sound["disagreeing"]),
        (&0.into(), &0.into())
    );
    let shifts = ask(&rig, &["shifts", "--from", "2d"]).unwrap();
    let shifts = shifts["shifts"].as_array().unwrap();
    assert!(!shifts.is_empty());
    for shift in shifts {
        let people = if shift["shift"] == "day" { 12 } else { 8 };
        assert_eq!(shift["headcount"], people, "{shift}");
    }
}

#[test]
fn defects_are_told_while_the_gateway_runs() {
    let rig = rig();
    let gateway = rig.start();
    figures(&rig);
    let now = SystemClock::start().now().wall;
    let table = rig.data_dir().with_file_name("defects.csv");
    let rows =
        format!("found_at,work_unit,category,count\n{now},press1,scratch,3\n{now},press1,,1\n");
    std::fs::write(&table, rows).unwrap();
    let told = ask(&rig, &["intake", table.to_str().unwrap()]).unwrap();
    assert_eq!(
        (&told[0]["table"], &told[0]["taken"]),
        (&"defects".into(), &2.into())
    );
    let answer = ask(&rig, &["defects", "--work-unit", "press1", "--from", "2d"]).unwrap();
    assert_eq!(answer["defects"], 4, "{answer}");
    assert_eq!(answer["pareto"][0]["category"], "scratch");
    assert_eq!(answer["by_product"][0]["name"], "A-100");
    assert!(answer["units"].as_f64().unwrap() >= 5.0, "{answer}");
    let charts = ask(&rig, &["spc", "--of", "defects", "--from", "2d"]).unwrap();
    let (product, machine) = (&charts[0]["product"], &charts[0]["machine"]);
    assert_eq!((product, machine), (&"A-100".into(), &"press1".into()));
    // What went along is told of the time before each defect.
    let answer = ask(
        &rig,
        &[
            "defects",
            "--work-unit",
            "press1",
            "--from",
            "2d",
            "--explain",
        ],
    )
    .unwrap();
    let windows = &answer["explained"][0]["windows"];
    assert_eq!(windows[0]["of"].as_array().unwrap().len(), 2, "{answer}");
    assert_eq!(windows[0]["values"][0]["tag"], "press1.temp", "{answer}");
    gateway.stop();
}

#[test]
fn questions_that_have_no_answer_say_why() {
    let rig = rig();
    let gateway = rig.start();
    figures(&rig);
    for (args, why) in [
        (
            &["oee", "--work-unit", "press9"][..],
            "there is no work unit \"press9\"; allowed: press1",
        ),
        (&["oee", "--from", "soon"], "\"soon\" is no time"),
        (&["oee", "--model", "best"], "allowed: iso22400, tpm"),
        (
            &["oee", "--from", "today", "--to", "2020-01-01"],
            "is empty or longer than a hundred years",
        ),
        (&["history", "query", "press1.tmp"], "press1.tmp"),
        (
            &["history", "query", "press1.temp", "--step", "3x"],
            "allowed: auto, raw, trend",
        ),
        (
            &["history", "query", "press1.temp", "--aggregate", "p200"],
            "allowed: mean, min, max",
        ),
        (&["spc", "press1.tmp"], "did you mean \"press1.temp\""),
        (&["spc", "press1.temp", "--chart", "pie"], "allowed: xbar_r"),
    ] {
        let error = ask(&rig, args).unwrap_err();
        assert!(error.contains(why), "{args:?}: {error}");
    }
    gateway.stop();
}

#[test]
fn a_history_that_cannot_be_read_stops_nothing_but_itself() {
    let rig = rig();
    std::fs::create_dir_all(rig.data_dir()).unwrap();
    std::fs::write(rig.data_dir().join("history.redb"), b"no history").unwrap();
    let mark = rig.recorder.mark();
    let gateway = rig.start();
    rig.recorder.wait_since(mark, "people are told", |m| {
        m.kind() == "alert"
            && m.text("kind") == "history"
            && m.text("message").contains("cannot be kept")
    });
    rig.recorder
        .wait_since(mark, "values are published", |m| m.kind() == "summary");
    let error = ask(&rig, &["oee", "--from", "1d"]).unwrap_err();
    assert!(error.contains("keeps no history"), "{error}");
    gateway.stop();
}

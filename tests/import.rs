//! Past data from files into the history, and out of it again.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::process::{Command, Output};

use serde_json::Value;

const CONFIG: &str = r#"
[gateway]
id = "past"
asset = "plant"
time_zone = "Europe/Berlin"

[[device]]
name = "press"
driver = "modbus-tcp"
endpoint = "127.0.0.1:502"
[[device.tag]]
name = "temp"
address = "holding:0"
type = "f32"
unit = "degC"
rate = "60s"
"#;

struct Past(tempfile::TempDir);

impl Past {
    fn new(recording: &str) -> Self {
        let past = Self(tempfile::tempdir().unwrap());
        std::fs::write(past.path("past.toml"), CONFIG).unwrap();
        std::fs::write(past.path("old.csv"), recording).unwrap();
        past
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn run(&self, args: &[&str]) -> Output {
        let (config, history) = (self.path("past.toml"), self.path("history"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_andon"));
        command.args(["history"]).args(args);
        command
            .args(["-c", &config, "--history", &history])
            .output()
            .unwrap()
    }

    #[track_caller]
    fn json(&self, args: &[&str]) -> Value {
        let output = self.run(&[args, &["--json"]].concat());
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {errors}");
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// A minute apart, from a day in the year before last on: `days` whole days, warmer by a degree each.
fn recording(days: u32) -> String {
    let mut rows = String::from("time,press.temp\n");
    for day in 0..days {
        for minute in 0..1_440 {
            let (hour, clock) = (minute / 60, minute % 60);
            writeln!(
                rows,
                "2024-06-{:02}T{hour:02}:{clock:02}:00Z,{}",
                3 + day,
                20 + day
            )
            .unwrap();
        }
    }
    rows
}

const JUNE: [&str; 6] = [
    "query",
    "press.temp",
    "--from",
    "2024-06-03T22:00:00Z",
    "--to",
    "2024-06-05T22:00:00Z",
];

#[test]
fn imported_once_or_twice_the_past_is_the_same() {
    let past = Past::new(&recording(4));
    let days = |past: &Past| {
        let answer =
            past.json(&[&JUNE[..], &["--step", "1d", "--aggregate", "mean,count"]].concat());
        let rows = answer
            .pointer("/series/0/rows")
            .unwrap()
            .as_array()
            .unwrap()
            .clone();
        let day = |row: &Value| {
            let number = |key: &str| row.get(key).and_then(Value::as_f64).unwrap();
            (number("mean"), number("count"))
        };
        rows.iter().map(day).collect::<Vec<_>>()
    };
    let file = past.path("old.csv");
    let told = past.json(&["import", &file]);
    assert_eq!(
        (&told["rows"], &told["values"]),
        (&5_760.into(), &5_760.into())
    );
    // Years older than single samples are kept, and people are told what that means.
    assert_eq!(told["rolled_up"], 5_760);
    let output = past.run(&["import", &file]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        told.contains(
            "5760 values are older than single samples are kept ([history] raw = \"7d\")"
        ),
        "{told}"
    );
    let once = days(&past);
    // A day of the plant's clocks is two hours of one recorded day and twenty-two of the next.
    let mean = |colder: f64| (2.0 * colder + 22.0 * (colder + 1.0)) / 24.0;
    let expected = [(mean(20.0), 1_440.0), (mean(21.0), 1_440.0)];
    assert_eq!(once.len(), expected.len());
    for ((got, count), (want, all)) in once.iter().zip(expected) {
        assert!(
            (got - want).abs() < 1e-4 && (count - all).abs() < 1e-9,
            "{once:?}"
        );
    }
    past.json(&["import", &file]);
    assert_eq!(days(&past), once);
    let sound = past.json(&["verify"]);
    assert_eq!(
        (&sound["damaged"], &sound["disagreeing"]),
        (&0.into(), &0.into())
    );
}

#[test]
fn what_cannot_be_read_is_told_and_the_rest_is_taken() {
    let text = "time,press.temp\n2024-06-03T00:00:00Z,20\n2024-06-03T00:01:00Z,warm\n";
    let past = Past::new(text);
    let output = past.run(&["import", &past.path("old.csv")]);
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("old.csv:3:"), "{errors}");
    let output = past.run(&["import", &past.path("none.csv")]);
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("none.csv")
    );
}

#[test]
fn what_is_exported_is_a_table_with_times_first() {
    let past = Past::new(&recording(2));
    past.json(&["import", &past.path("old.csv")]);
    let export = [
        "export",
        "press.temp",
        "--from",
        "2024-06-03T00:00:00Z",
        "--to",
        "2024-06-03T02:00:00Z",
        "--step",
        "1h",
    ];
    let output = past.run(&[&export[..], &["--aggregate", "mean,max"]].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("tag,from,to,max,mean,coverage,gap"));
    assert_eq!(
        lines.next(),
        Some("press.temp,2024-06-03T00:00:00.000Z,2024-06-03T01:00:00.000Z,20.0,20.0,1.0,")
    );
}

/// The last three days but one, a second apart: more samples than one answer has.
fn many_seconds() -> (String, i64) {
    let now = jiff::Timestamp::now().as_second();
    let first = now - 3 * 86_400;
    let mut rows = String::from("time,press.temp\n");
    for second in 0..2 * 86_400 + 40_000 {
        let at = jiff::Timestamp::from_second(first + second).unwrap();
        writeln!(rows, "{at},{}", second % 7).unwrap();
    }
    (rows, 2 * 86_400 + 40_000)
}

#[test]
fn single_samples_are_exported_to_the_last() {
    let (recording, count) = many_seconds();
    let past = Past::new(&recording);
    past.json(&["import", &past.path("old.csv")]);
    let raw = ["press.temp", "--from", "4d", "--step", "raw"];
    let asked = past.run(&[&["query"][..], &raw].concat());
    let told = String::from_utf8(asked.stdout).unwrap();
    assert!(told.ends_with("press.temp: cut off after 200000 samples; ask for a shorter time\n"));
    let file = past.path("all.csv");
    let done = past.run(&[&["export"][..], &raw, &["--out", &file]].concat());
    assert!(done.status.success(), "{done:?}");
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(text.lines().count(), usize::try_from(count).unwrap() + 1);
    let mut times: Vec<&str> = text
        .lines()
        .skip(1)
        .filter_map(|row| row.split(',').nth(1))
        .collect();
    times.dedup();
    assert_eq!(times.len(), usize::try_from(count).unwrap());
    assert!(times.is_sorted());
    let all = past.json(&[&["export"][..], &raw].concat());
    let series = &all["series"][0];
    assert_eq!(
        series["rows"].as_array().unwrap().len(),
        usize::try_from(count).unwrap()
    );
    assert_eq!(
        (&series["truncated"], &series["next"]),
        (&false.into(), &Value::Null)
    );
    let both = past.run(&[&["export"][..], &raw, &["--format", "csv", "--json"]].concat());
    let errors = String::from_utf8(both.stderr).unwrap();
    assert!(
        errors.contains("--json and --format csv exclude each other"),
        "{errors}"
    );
}

#[test]
fn tags_that_are_ignored_are_named_and_unknown_ones_are_a_mistake() {
    let past = Past::new("time,press.temp,press.tmp\n2024-06-03T00:00:00Z,20,21\n");
    let file = past.path("old.csv");
    let refused = past.run(&["import", &file]);
    assert_eq!(refused.status.code(), Some(64), "{refused:?}");
    let told = past.json(&["import", &file, "--ignore-unknown"]);
    let ignored = told["ignored"][0].as_str().unwrap();
    assert!(ignored.contains("press.tmp"), "{told}");
}

//! `andon replay` from recordings to files, through the real binary; hostile bytes go through the library.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot set its stage fails"
)]

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::Value;

/// Two devices; summaries every 10 s; `a.x` and `a.y` are watched for shifts.
const CONFIG: &str = r#"
[gateway]
id = "line1"
asset = "acme/berlin/line1"

[[device]]
name = "a"
driver = "modbus-tcp"
endpoint = "127.0.0.1:502"

[[device.tag]]
name = "x"
address = "holding:0"
type = "f32"
detect = true

[[device.tag]]
name = "y"
address = "holding:2"
type = "f32"
detect = true

[[device.tag]]
name = "on"
address = "coil:0"
type = "bool"

[[device]]
name = "b"
driver = "modbus-tcp"
endpoint = "127.0.0.1:503"

[[device.tag]]
name = "n"
address = "holding:0"
type = "u16"
publish.raw = "all"

[[device.tag]]
name = "order"
address = "holding:10"
type = "string:8"
"#;

/// 2026-03-01T06:00:00Z.
const BEGIN_S: i64 = 1_772_344_800;

struct Stage {
    folder: tempfile::TempDir,
}

/// What a run left behind.
#[derive(Debug, PartialEq)]
struct Ran {
    code: i32,
    report: Value,
    stderr: String,
    alerts: String,
    summaries: String,
    raw: String,
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("gateway.toml"), CONFIG).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    fn run(&self, inputs: &[&str], more: &[&str]) -> Ran {
        let output = Command::new(env!("CARGO_BIN_EXE_andon"))
            .args(["replay", "-c", "gateway.toml", "--out", "out", "--json"])
            .args(more)
            .arg("--input")
            .args(inputs)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        let read = |name: &str| fs::read_to_string(self.path("out").join(name)).unwrap_or_default();
        Ran {
            code: output.status.code().unwrap(),
            report: serde_json::from_slice(&output.stdout).unwrap_or_default(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            alerts: read("alerts.jsonl"),
            summaries: read("summaries.jsonl"),
            raw: read("raw.jsonl"),
        }
    }

    /// Runs one recording that must be read without a fault.
    #[track_caller]
    fn clean(&self, recording: impl AsRef<[u8]>) -> Ran {
        self.put("in.csv", recording);
        let ran = self.run(&["in.csv"], &[]);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
        ran
    }
}

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// White noise of variance 1 (Box and Muller 1958) from a fixed seed.
struct Noise(fastrand::Rng);

impl Noise {
    fn next(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.0.f64()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.0.f64()).cos()
    }
}

/// One value per second of `a.x` (80 ± 1, 6 higher from second 600 to 660) and `a.y` (20 ± 1, undisturbed).
fn step_recording() -> Vec<(i64, f64, f64)> {
    let mut noise = Noise(fastrand::Rng::with_seed(7));
    (0..900)
        .map(|second| {
            let step = if (600..660).contains(&second) {
                6.0
            } else {
                0.0
            };
            (
                BEGIN_S + second,
                80.0 + step + noise.next(),
                20.0 + noise.next(),
            )
        })
        .collect()
}

fn wide(rows: &[(i64, f64, f64)]) -> String {
    let mut text = "time,a.x,a.y\n".to_owned();
    for (time, x, y) in rows {
        writeln!(text, "{time},{x},{y}").unwrap();
    }
    text
}

fn long(rows: &[(i64, f64, f64)]) -> String {
    let mut text = "time,tag,value,quality\n".to_owned();
    for (time, x, y) in rows {
        writeln!(text, "{time},a.y,{y},good\n{time},a.x,{x},192").unwrap();
    }
    text
}

#[test]
fn a_step_of_six_sigma_is_found_at_once_and_cleared_after_it_ends() {
    let ran = Stage::new().clean(wide(&step_recording()));
    let alerts = lines(&ran.alerts);
    let seen: Vec<(&str, &str, &str)> = alerts
        .iter()
        .map(|alert| {
            let text = |key: &str| alert[key].as_str().unwrap();
            (text("transition"), text("kind"), text("subject"))
        })
        .collect();
    assert_eq!(
        seen.first(),
        Some(&("raised", "process_shift", "a.x")),
        "{alerts:#?}"
    );
    assert_eq!(seen.last(), Some(&("cleared", "process_shift", "a.x")));
    assert!(seen.iter().all(|(_, _, subject)| *subject == "a.x"));
    let raised_at = alerts[0]["at"].as_str().unwrap();
    assert!(
        ("2026-03-01T06:10:00.000Z"..="2026-03-01T06:10:04.000Z").contains(&raised_at),
        "{raised_at}"
    );
    assert_eq!(alerts[0]["id"], "line1:1:a:1");
    assert_eq!(
        ran.report["alerts"]["by_kind"]["process_shift"]["raised"],
        1
    );
    assert_eq!(ran.report["alerts"]["by_role"]["operator"], 1);
    assert_eq!(ran.report["alerts"]["standing"], 0);
    assert_eq!(ran.report["values"], 1800);
}

#[test]
fn long_wide_split_and_packed_recordings_give_the_same_bytes() {
    let stage = Stage::new();
    let rows = step_recording();
    let expected = stage.clean(wide(&rows));
    let same = |ran: &Ran| {
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert_eq!(ran.alerts, expected.alerts);
        assert_eq!(ran.summaries, expected.summaries);
    };
    same(&stage.clean(wide(&rows)));
    same(&stage.clean(long(&rows)));
    same(&stage.clean(wide(&rows).replace(',', "\t").replace('\n', "\r\n")));
    same(
        &stage.clean(
            wide(&rows)
                .replace(',', ";")
                .replace('.', ",")
                .replace("a,", "a."),
        ),
    );
    same(&stage.clean(format!("\u{feff}{}", wide(&rows))));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(wide(&rows).as_bytes()).unwrap();
    same(&stage.clean(gzip.finish().unwrap()));
    let (mut x, mut y) = ("time,a.x\n".to_owned(), "ts,tag,value\n".to_owned());
    for (time, a, b) in &rows {
        writeln!(x, "{time}000,{a}").unwrap();
        writeln!(y, "{time},a.y,{b}").unwrap();
    }
    stage.put("x.csv", x);
    stage.put("y.csv", y);
    same(&stage.run(&["x.csv", "y.csv"], &[]));
    same(&stage.run(&["y.csv", "x.csv"], &[]));
    let (first, second) = rows.split_at(450);
    stage.put("1.csv", wide(first));
    stage.put("2.csv", wide(second));
    same(&stage.run(&["2.csv", "1.csv"], &[]));
}

/// A recording of one row with this time: the time of its raw value.
#[track_caller]
fn check_time(time: &str, expected: &str) {
    let ran = Stage::new().clean(format!("time,b.n\n{time},7\n"));
    let raw = lines(&ran.raw);
    assert_eq!(raw[0]["points"][0]["time"], expected, "{time:?}");
}

#[test]
fn times_are_read_in_every_usual_form() {
    let expected = "2026-03-01T06:00:00.250Z";
    check_time("2026-03-01T06:00:00.250Z", expected);
    check_time("2026-03-01T07:00:00.25+01:00", expected);
    check_time("2026-03-01 06:00:00.250", expected);
    check_time("\"2026-03-01 06:00:00,250\"", expected);
    check_time("1772344800.25", expected);
    check_time("1772344800250", expected);
    check_time("1772344800250000", expected);
    check_time("1772344800250000000", expected);
    check_time("1772344800250000001", "2026-03-01T06:00:00.250000001Z");
}

/// A long recording of one row: value and quality of its raw point.
#[track_caller]
fn check_quality(value: &str, quality: &str, expected: impl Into<Value>, words: &str) {
    let ran = Stage::new().clean(format!("time,tag,value,quality\n1,b.n,{value},{quality}\n"));
    let point = &lines(&ran.raw)[0]["points"][0];
    assert_eq!(
        (&point["value"], &point["quality"]),
        (&expected.into(), &Value::from(words)),
        "{value} {quality}"
    );
}

#[test]
fn qualities_are_read_by_name_and_by_number() {
    check_quality("7", "", 7, "good");
    check_quality("7", "Good", 7, "good");
    check_quality("7", "192", 7, "good");
    check_quality("7", "0xC0", 7, "good");
    check_quality("7", "0x00000000", 7, "good");
    check_quality("7", "uncertain:last_known", 7, "uncertain:last_known");
    check_quality("7", "0x808C0000", 7, "bad:sensor_failure");
    check_quality("", "bad:comm_failure", Value::Null, "bad:comm_failure");
    check_quality("", "good", Value::Null, "bad:not_a_number");
    check_quality("NaN", "good", Value::Null, "bad:not_a_number");
}

#[test]
fn an_empty_cell_is_no_sample_in_a_wide_file_and_types_follow_the_tag() {
    let ran = Stage::new()
        .clean("time,a.x,a.on,b.n,b.order,\n1,1.5,true,,\"P,1\",\n\n2,,0,3,,\n3,nan,,,,\n");
    assert_eq!(ran.report["rows"], 3);
    assert_eq!(
        (&ran.report["good"], &ran.report["bad"]),
        (&5.into(), &1.into())
    );
    let summaries = lines(&ran.summaries);
    let last: Vec<&Value> = summaries
        .iter()
        .flat_map(|summary| summary["items"].as_array().unwrap())
        .map(|item| &item["last"])
        .collect();
    let expected: Vec<Value> = vec![
        Value::Null,
        Value::Null,
        false.into(),
        3.into(),
        "P,1".into(),
    ];
    assert_eq!(last, expected.iter().collect::<Vec<_>>());
}

#[test]
fn a_gap_of_ten_years_is_jumped() {
    let mut text = "time,a.x,b.n\n".to_owned();
    for second in (0..30).chain(315_360_000..315_360_030) {
        writeln!(text, "{},1,2", BEGIN_S + second).unwrap();
    }
    let ran = Stage::new().clean(text);
    let summaries = lines(&ran.summaries);
    let with_values = |summary: &&Value| summary["asset"].as_str().unwrap().ends_with("/b");
    let spans: Vec<(&str, &str)> = summaries
        .iter()
        .filter(with_values)
        .map(|s| (s["from"].as_str().unwrap(), s["to"].as_str().unwrap()))
        .collect();
    assert_eq!(
        spans,
        [
            ("2026-03-01T06:00:00.000Z", "2026-03-01T06:00:10.000Z"),
            ("2026-03-01T06:00:10.000Z", "2026-03-01T06:00:20.000Z"),
            ("2026-03-01T06:00:20.000Z", "2026-03-01T06:00:30.000Z"),
            ("2036-02-27T06:00:00.000Z", "2036-02-27T06:00:10.000Z"),
            ("2036-02-27T06:00:10.000Z", "2036-02-27T06:00:20.000Z"),
            ("2036-02-27T06:00:20.000Z", "2036-02-27T06:00:29.000Z"),
        ]
    );
    // Both tags mark the gap; no clock has stepped.
    assert_eq!(ran.report["uncertain"], 2);
    assert_eq!(ran.alerts, "");
}

#[test]
fn rows_that_go_back_in_time_are_counted_and_keep_their_time() {
    let ran = Stage::new().clean("time,b.n\n100,1\n102,2\n101,3\n103,4\n50,5\n");
    assert_eq!(ran.report["out_of_order"], 2);
    assert_eq!(ran.report["first_out_of_order"], "in.csv:4");
    assert_eq!(ran.report["to"], "1970-01-01T00:01:43.000Z");
    let points = lines(&ran.raw);
    let times: Vec<&str> = points
        .iter()
        .flat_map(|raw| raw["points"].as_array().unwrap())
        .map(|point| point["time"].as_str().unwrap())
        .collect();
    assert_eq!(times.len(), 5);
    assert!(times.contains(&"1970-01-01T00:00:50.000Z"));
}

#[test]
fn bad_cells_are_reported_with_their_place_and_the_rest_is_written() {
    let stage = Stage::new();
    stage.put(
        "in.csv",
        "time,a.x,b.n\n1,1,2\n2,oops,3\nnoon,1,2\n4,1\n5,1,2,3\n6,1,\"2,5\"\n",
    );
    let ran = stage.run(&["in.csv"], &[]);
    assert_eq!(ran.code, 1);
    let expected = [
        "in.csv:3:3: \"oops\" cannot be read: a number is allowed",
        "in.csv:4:1: \"noon\" is no time; allowed are RFC 3339, YYYY-MM-DD HH:MM:SS[.fff] (UTC), or Unix s, ms, \
         us or ns",
        "in.csv:5: the row has 2 cells, the header has 3",
        "in.csv:6: the row has 4 cells, the header has 3",
        "in.csv:7:5: \"2,5\" cannot be read: a number is allowed",
    ];
    assert_eq!(ran.stderr.lines().collect::<Vec<_>>(), expected);
    assert_eq!(ran.report["unreadable"], 5);
    assert_eq!(ran.report["values"], 4);
    let points = |record: &Value| record["points"].as_array().unwrap().len();
    assert_eq!(lines(&ran.raw).iter().map(points).sum::<usize>(), 2);
}

#[test]
fn a_plain_zero_quality_is_refused_because_it_has_two_meanings() {
    let stage = Stage::new();
    stage.put("in.csv", "time,tag,value,quality\n1,b.n,7,0\n");
    let ran = stage.run(&["in.csv"], &[]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr
            .contains("in.csv:2:9: \"0\" cannot be read: good, uncertain"),
        "{}",
        ran.stderr
    );
}

#[test]
fn unknown_names_end_it_unless_they_are_to_be_ignored() {
    let stage = Stage::new();
    let cases = [
        (
            "time,a.x,b.m,c\n1,2,3,4\n",
            "in.csv:1:10: no tag is called \"b.m\"",
        ),
        (
            "time,tag,value\n1,b.n,2\n2,ax,3\n2,ax,4\n",
            "in.csv:3:3: no tag is called \"ax\" (did you mean \"a.x\"?)",
        ),
    ];
    for (recording, message) in cases {
        stage.put("in.csv", recording);
        let refused = stage.run(&["in.csv"], &[]);
        assert_eq!(refused.code, 64);
        assert!(refused.stderr.starts_with(message), "{}", refused.stderr);
        assert!(!stage.path("out/alerts.jsonl").exists());
        assert!(!stage.path("out/alerts.jsonl.part").exists());
    }
    let ran = stage.run(&["in.csv"], &["--ignore-unknown"]);
    assert_eq!((ran.code, &ran.report["values"]), (0, &1.into()));
    assert_eq!(
        ran.stderr,
        "ignored: no tag is called \"ax\" (did you mean \"a.x\"?)\n"
    );
}

#[test]
fn inputs_that_cannot_be_used_are_all_named_before_work_starts() {
    let stage = Stage::new();
    stage.put("empty.csv", "");
    stage.put("none.csv", "when,what\n");
    let ran = stage.run(&["missing.csv", "empty.csv", "none.csv"], &[]);
    assert_eq!(ran.code, 64);
    for part in [
        "missing.csv: cannot be opened",
        "empty.csv: the file is empty",
        "none.csv:1:1: no column holds the time",
    ] {
        assert!(ran.stderr.contains(part), "{part} in {}", ran.stderr);
    }
    assert!(!stage.path("out").exists());
}

#[test]
fn a_cut_gzip_file_is_reported_and_what_was_read_counts() {
    let stage = Stage::new();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(wide(&step_recording()).as_bytes()).unwrap();
    let bytes = gzip.finish().unwrap();
    stage.put("in.csv", &bytes[..bytes.len() / 2]);
    let ran = stage.run(&["in.csv"], &[]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains("cannot be read further"),
        "{}",
        ran.stderr
    );
    assert!(ran.report["values"].as_u64().unwrap() > 100);
}

#[test]
fn a_recording_without_rows_gives_empty_results() {
    let ran = Stage::new().clean("time,a.x\n");
    assert_eq!((ran.alerts.as_str(), ran.summaries.as_str()), ("", ""));
    assert_eq!(ran.report["values"], 0);
    assert_eq!(ran.report["from"], Value::Null);
}

#[test]
fn results_that_cannot_be_written_fail() {
    let stage = Stage::new();
    stage.put("in.csv", "time,a.x\n1,2\n");
    stage.put("out", "in the way");
    let ran = stage.run(&["in.csv"], &[]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.starts_with("write `out`: "), "{}", ran.stderr);
}

#[test]
fn the_report_tells_where_the_time_went() {
    let ran = Stage::new().clean(wide(&step_recording()));
    let number = |of: &str, key: &str| ran.report[of][key].as_f64().unwrap();
    for key in ["wall", "decode", "chain", "detect", "write"] {
        assert!(number("seconds", key) > 0.0, "{key} in {}", ran.report);
    }
    assert!(number("seconds", "detect") < number("seconds", "chain"));
    let shares = ["decode", "detect", "rest"].map(|key| number("shares", key));
    assert!(shares.iter().all(|share| (0.0..1.0).contains(share)));
    assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
}

#[test]
fn people_get_a_table() {
    let stage = Stage::new();
    stage.put("in.csv", wide(&step_recording()));
    let output = Command::new(env!("CARGO_BIN_EXE_andon"))
        .args([
            "replay",
            "-c",
            "gateway.toml",
            "--out",
            "out",
            "--input",
            "in.csv",
        ])
        .current_dir(stage.folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for part in [
        "rows        900\n",
        "values      1800 (1800 good, 0 uncertain, 0 bad)\n",
        "span        2026-03-01T06:00:00.000Z to 2026-03-01T06:14:59.000Z",
        "\nshares      decoding ",
        " % of all work\n",
        "process_shift       1",
        "operator     1",
    ] {
        assert!(text.contains(part), "{part:?} in\n{text}");
    }
}

fn replay_bytes(folder: &Path, bytes: &[u8]) {
    let path = |name: &str| folder.join(name);
    fs::write(path("gateway.toml"), CONFIG).unwrap();
    fs::write(path("in.csv"), bytes).unwrap();
    let config = andon::config::load(&path("gateway.toml")).unwrap();
    let request = andon::replay::Request {
        designs: config.tags.iter().map(|_| None).collect(),
        config: Arc::new(config),
        inputs: vec![path("in.csv")],
        out: path("out"),
        history: None,
        ignore_unknown: true,
        clock: Arc::new(andon::clock::ManualClock::default()),
    };
    let result = andon::replay::replay(request, &mut |_| ());
    assert!(!matches!(
        result,
        Err(andon::replay::ReplayError::Panicked(_) | andon::replay::ReplayError::Output { .. })
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arbitrary_bytes_never_panic(
        header in prop::sample::select(vec!["", "time,a.x,b.n,b.order\n", "time;tag;value;quality\n", "\u{1f}\u{8b}"]),
        bytes in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let folder = tempfile::tempdir().unwrap();
        replay_bytes(folder.path(), &[header.as_bytes(), &bytes].concat());
    }

    #[test]
    fn arbitrary_rows_never_panic(
        rows in prop::collection::vec("-?[0-9]{1,19},(a.x|b.n|b.order|),[-0-9.e\"a]{0,6},(good|bad|1|)", 0..20),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let text = format!("time,tag,value,quality\n{}", rows.join("\n"));
        replay_bytes(folder.path(), text.as_bytes());
    }
}

//! `andon backtest` from data sets to verdicts and scores, through the real binary.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that cannot set its stage fails, and says what it skips"
)]

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

#[path = "support/datasets.rs"]
mod datasets;
use datasets::dataset;

const PROFILE: &str =
    "rate = \"1s\"\nlearn = { rows = 300 }\n[detect]\nfalse_alarms = \"1 per day\"\n";

struct Stage {
    folder: tempfile::TempDir,
}

/// What a run left behind.
#[derive(Debug, PartialEq)]
struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Ran {
    fn report(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap()
    }
}

impl Stage {
    fn new() -> Self {
        let stage = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        stage.put("profile.toml", PROFILE);
        stage
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn run(&self, more: &[&str]) -> Ran {
        self.run_on("set", "out", more)
    }

    fn run_on(&self, dataset: &str, out: &str, more: &[&str]) -> Ran {
        let output = Command::new(env!("CARGO_BIN_EXE_andon"))
            .args(["backtest", dataset, "--profile", "profile.toml"])
            .args(["--out", out])
            .args(more)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        Ran {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs a data set without faults.
    #[track_caller]
    fn clean(&self, more: &[&str]) -> Value {
        let more: Vec<&str> = more.iter().copied().chain(["--json"]).collect();
        let ran = self.run(&more);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran.report()
    }

    /// Runs a data set that must be refused, and returns what is said of it.
    #[track_caller]
    fn refused(&self, more: &[&str]) -> String {
        let ran = self.run(more);
        assert_eq!((ran.code, ran.stdout.as_str()), (64, ""), "{}", ran.stderr);
        let is_empty = fs::read_dir(self.path("out")).map_or(true, |mut dir| dir.next().is_none());
        assert!(is_empty, "nothing is written");
        ran.stderr
    }

    /// Verdicts as `alarm` per row, after a check of their form.
    #[track_caller]
    fn verdicts(&self, name: &str) -> Vec<bool> {
        verdicts(&self.path("out").join(name))
    }
}

#[track_caller]
fn verdicts(path: &Path) -> Vec<bool> {
    let text = fs::read_to_string(path).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("index,alarm,score"));
    let mut alarms = Vec::new();
    for (index, line) in lines.enumerate() {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(cells[0], index.to_string());
        assert!(["0", "1"].contains(&cells[1]), "{line}");
        let alarm = cells[1] == "1";
        let score: f64 = cells[2].parse().unwrap();
        assert_eq!(alarm, score >= 1.0, "{line}");
        assert!(score >= 0.0 && score.is_finite(), "{line}");
        alarms.push(alarm);
    }
    alarms
}

fn gzip(text: &str) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    gzip.finish().unwrap()
}

/// Noise of known spread without a generator: a fixed pattern with mean 0 and little autocorrelation.
fn pattern(i: usize) -> f64 {
    [0.3, -1.1, 0.9, -0.2, 1.6, -1.4, 0.1, 0.6, -0.7, -0.1][i * 7 % 10]
}

/// Rows of a signal around 20 that is 6 higher from row 600 to 699.
fn values(rows: usize) -> impl Iterator<Item = (usize, f64)> {
    (0..rows).map(|i| {
        let shift = if (600..700).contains(&i) { 6.0 } else { 0.0 };
        (i, 20.0 + pattern(i) + shift)
    })
}

fn plain(rows: usize) -> String {
    let mut text = "t_s,value\n".to_owned();
    for (i, value) in values(rows) {
        writeln!(text, "{i},{value}").unwrap();
    }
    text
}

#[test]
fn a_fault_is_found_and_everything_is_written() {
    let stage = Stage::new();
    stage.put("set/data/a/one.csv", plain(1000));
    stage.put(
        "set/segments.csv",
        "file,start,end,kind\na/one.csv,600,699,step\n",
    );
    let report = stage.clean(&[]);
    assert_eq!(report["labelled"], true);
    let overall = &report["overall"];
    assert_eq!(overall["rows"], 1000);
    assert_eq!(overall["scored_rows"], 700);
    assert_eq!(overall["anomalies"]["hit"], 1);
    assert_eq!(overall["false_events"], 0);
    assert!(overall["median_delay"].as_f64().unwrap() < 20.0);
    assert!(overall["nab"].as_f64().unwrap() > 80.0);
    assert_eq!(report["families"]["a"]["anomalies"]["total"], 1);
    assert_eq!(report["kinds"][0]["kind"], "step");
    assert_eq!(report["files"][0]["file"], "a/one.csv");
    let alarms = stage.verdicts("a/one.csv");
    assert_eq!(alarms.len(), 1000);
    assert!(!alarms[..600].contains(&true) && alarms[620..700].iter().all(|alarm| *alarm));
    let written: Value =
        serde_json::from_slice(&fs::read(stage.path("out/summary.json")).unwrap()).unwrap();
    assert_eq!(written["overall"], report["overall"]);
    let left: Vec<_> = fs::read_dir(stage.path("out/a")).unwrap().collect();
    assert_eq!(left.len(), 1, "no half result stays");
}

#[test]
fn separator_packing_and_time_format_make_no_difference() {
    let stage = Stage::new();
    stage.put("set/data/comma.csv", plain(800));
    stage.put("set/data/packed.csv.gz", gzip(&plain(800)));
    let mut text = "datetime;value;anomaly;changepoint\n".to_owned();
    for (i, value) in values(800) {
        let (minute, second) = (i / 60, i % 60);
        writeln!(
            text,
            "2020-03-01 15:{minute:02}:{second:02};{value};1.0;0.0"
        )
        .unwrap();
    }
    stage.put("set/data/semicolon.csv", text);
    let report = stage.clean(&[]);
    assert_eq!(report["overall"]["files"], 3);
    let comma = fs::read_to_string(stage.path("out/comma.csv")).unwrap();
    for name in ["packed.csv", "semicolon.csv"] {
        let other = fs::read_to_string(stage.path("out").join(name)).unwrap();
        assert!(comma == other, "{name}");
    }
    assert!(stage.verdicts("comma.csv").contains(&true));
}

#[test]
fn classes_modes_cycles_and_several_columns_are_read() {
    let stage = Stage::new();
    let mut text = "t_s,flow,level,mode,cycle_start\n".to_owned();
    for (i, value) in values(900) {
        let mode = if (600..700).contains(&i) {
            "MAINT"
        } else {
            "RUN"
        };
        let cell = if i % 50 == 0 {
            String::new()
        } else {
            value.to_string()
        };
        writeln!(
            text,
            "{i},{cell},{},{mode},{}",
            pattern(i + 3),
            u8::from(i % 60 == 0)
        )
        .unwrap();
    }
    stage.put("set/data/m_0.csv", text);
    stage.put(
        "set/segments.csv",
        "file,start,end,kind,class,note\nm_0.csv,600,720,maintenance,legit,x\nm_0.csv,450,450,gap,gap,\n\
         m_0.csv,100,110,early,anomaly,\nm_0.csv,800,810,spike,anomaly,\n",
    );
    let report = stage.clean(&[]);
    let overall = &report["overall"];
    assert_eq!(
        overall["anomalies"]["total"], 1,
        "what taught is not scored"
    );
    assert_eq!(overall["legit"]["total"], 1);
    assert_eq!(overall["gaps"]["total"], 1);
    assert_eq!(overall["gaps"]["hit"], 0);
    assert_eq!(report["families"]["m"]["files"], 1);
    let kinds: Vec<&str> = report["kinds"]
        .as_array()
        .unwrap()
        .iter()
        .map(|kind| kind["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["spike", "maintenance", "gap"]);
}

#[test]
fn repeated_and_backward_times_yield_a_row_each() {
    let stage = Stage::new();
    let mut text = "t_s,value\n".to_owned();
    for (i, value) in values(900) {
        writeln!(text, "{},{value}", if i == 500 { 0 } else { i / 3 }).unwrap();
    }
    stage.put("set/data/r.csv", text);
    stage.clean(&[]);
    let alarms = stage.verdicts("r.csv");
    assert_eq!(alarms.len(), 900);
    assert!(alarms[600..700].contains(&true));
}

#[test]
fn a_training_recording_teaches_and_is_not_scored() {
    let stage = Stage::new();
    stage.put("set/data/normal.csv.gz", gzip(&plain(600)));
    stage.put("set/data/faulty.csv", plain(900));
    stage.put(
        "set/segments.csv",
        "file,start,end,kind\nfaulty.csv,600,699,step\n",
    );
    let report = stage.clean(&["--train", "set/data/normal.csv.gz"]);
    assert_eq!(report["overall"]["files"], 1);
    assert_eq!(report["overall"]["scored_rows"], 900);
    assert_eq!(report["overall"]["anomalies"]["hit"], 1);
    assert_eq!(report["overall"]["false_events"], 0);
    assert!(!stage.path("out/normal.csv").exists());
    assert_eq!(stage.verdicts("faulty.csv").len(), 900);

    stage.put("elsewhere.csv", plain(600));
    let report = stage.clean(&["--train", "elsewhere.csv"]);
    assert_eq!(report["overall"]["files"], 2, "it lies in no data set");
}

#[test]
fn without_labels_there_are_detections_and_no_scores() {
    let stage = Stage::new();
    stage.put("set/data/one.csv", plain(900));
    let ran = stage.run(&["--json"]);
    assert_eq!(ran.code, 0);
    assert!(ran.stderr.contains("no segments.csv"), "{}", ran.stderr);
    let report = ran.report();
    assert_eq!(report["labelled"], false);
    assert!(report["overall"]["nab"].is_null());
    assert_eq!(report["overall"]["events"], 1);
    assert!(stage.verdicts("one.csv").contains(&true));
    let table = stage.run(&[]).stdout;
    assert!(table.contains("alarm rows"), "{table}");
}

#[test]
fn a_recording_that_only_teaches_is_named() {
    let stage = Stage::new();
    stage.put("set/data/short.csv", plain(200));
    let ran = stage.run(&[]);
    assert_eq!(ran.code, 0);
    assert!(
        ran.stderr
            .contains("short.csv: all 200 rows teach, none is scored"),
        "{}",
        ran.stderr
    );
    assert!(!stage.verdicts("short.csv").contains(&true));
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let stage = Stage::new();
    for i in 0..12 {
        stage.put(&format!("set/data/f_{i:02}.csv"), plain(700 + i));
    }
    stage.put(
        "set/segments.csv",
        "file,start,end,kind\nf_03.csv,600,699,step\n",
    );
    let all = || {
        let mut names: Vec<PathBuf> = fs::read_dir(stage.path("out"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        names.sort();
        let texts: Vec<String> = names
            .iter()
            .map(|p| fs::read_to_string(p).unwrap())
            .collect();
        texts
    };
    stage.clean(&[]);
    let first = all();
    stage.clean(&[]);
    assert_eq!(first.len(), 13);
    assert!(first == all());
}

#[test]
fn every_fault_of_a_data_set_is_told_at_once() {
    let stage = Stage::new();
    stage.put("set/data/a.csv", "t_s,v\n0,1\n1,high\n2,1\n");
    stage.put("set/data/b/b.csv", "time,v\n0,1\n");
    stage.put("set/data/c.csv", plain(10));
    stage.put("set/data/c.csv.gz", gzip(&plain(10)));
    stage.put(
        "set/segments.csv",
        "file,start,end,kind,class\nc.csv,0,10,step,anomaly\nb.csv,0,1,step,anomaly\nc.csv,5,3,step,anomaly\n\
         c.csv,-1,3,step,anomly\nc.csv,1,2,step\n",
    );
    insta::assert_snapshot!("dataset", stage.refused(&[]));
}

#[test]
fn a_data_set_without_recordings_is_refused() {
    let stage = Stage::new();
    let missing = stage.refused(&[]);
    stage.put("set/data/readme.txt", "no recording");
    let empty = stage.refused(&[]);
    stage.put("set/data/a.csv", plain(10));
    stage.put("set/segments.csv", "file;start;end;kind\n");
    let header = stage.refused(&[]);
    stage.put("set/segments.csv", "");
    let no_header = stage.refused(&[]);
    insta::assert_snapshot!(
        "dataset_empty",
        [missing, empty, header, no_header].join("---\n")
    );
}

#[test]
fn a_profile_with_faults_is_refused() {
    let stage = Stage::new();
    stage.put("set/data/a.csv", plain(10));
    stage.put(
        "profile.toml",
        "rate = 1\nlearn = { row = 10 }\n[detect]\nfalse_alarm = \"1 per day\"\n",
    );
    let faults = stage.refused(&[]);
    fs::remove_file(stage.path("profile.toml")).unwrap();
    let missing = stage.refused(&[]);
    insta::assert_snapshot!("profile", [faults, missing].join("---\n"));
}

#[test]
fn training_must_fit_the_data_set() {
    let stage = Stage::new();
    stage.put("set/data/a.csv", plain(10));
    stage.put("set/data/bad.csv", "t_s,v\n0,x\n");
    let bad = stage.refused(&["--train", "set/data/bad.csv"]);
    fs::remove_file(stage.path("set/data/bad.csv")).unwrap();
    stage.put("other.csv", plain(400).replace("value", "flow"));
    let other = stage.refused(&["--train", "other.csv"]);
    let missing = stage.refused(&["--train", "none.csv"]);
    insta::assert_snapshot!("training", [bad, other, missing].join("---\n"));
}

#[test]
fn a_rate_that_no_row_tells_must_be_given() {
    let stage = Stage::new();
    stage.put("profile.toml", "rate = \"auto\"\n");
    stage.put(
        "set/data/a.csv",
        "t_s,v\n5,1\n5,2\n5,1\n5,1\n5,1\n5,1\n5,1\n5,1\n5,1\n5,1\n5,1\n5,1\n5,1\n5,1\n",
    );
    insta::assert_snapshot!("rate", stage.refused(&[]));
}

#[test]
fn results_never_go_among_the_recordings() {
    let stage = Stage::new();
    stage.put("set/data/a.csv", plain(400));
    let ran = stage.run_on("set", "set/data/new/folder", &[]);
    assert_eq!(ran.code, 64);
    assert!(
        ran.stderr.contains("choose another folder"),
        "{}",
        ran.stderr
    );
    let before = fs::read(stage.path("set/data/a.csv")).unwrap();
    assert_eq!(before, plain(400).into_bytes());
}

/// The data rows of a recording.
fn data_rows(path: &Path) -> usize {
    let bytes = fs::read(path).unwrap();
    let mut text = String::new();
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut unpacked = flate2::read::MultiGzDecoder::new(&bytes[..]);
        unpacked.read_to_string(&mut text).unwrap();
    } else {
        text = String::from_utf8(bytes).unwrap();
    }
    text.lines().count() - 1
}

/// Recordings below a folder and where their results lie below another.
fn pairs(data: &Path, out: &Path) -> Vec<(PathBuf, PathBuf)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(data).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let result = out.join(name.trim_end_matches(".gz"));
        if path.is_dir() {
            found.extend(pairs(&path, &result));
        } else {
            found.push((path, result));
        }
    }
    found
}

/// Runs a whole data set by its shipped profile; every recording must have a verdict per row.
fn check_dataset(name: &str, train: Option<&str>) {
    let dataset = dataset(name);
    let stage = Stage::new();
    let profile =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("config/backtest/{name}.toml"));
    fs::copy(profile, stage.path("profile.toml")).unwrap();
    let train = train.map(|train| dataset.join("data").join(train));
    let mut more = vec!["--json"];
    if let Some(train) = &train {
        more.extend(["--train", train.to_str().unwrap()]);
    }
    let ran = stage.run_on(dataset.to_str().unwrap(), "out", &more);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let mut files = 0;
    let mut rows = 0;
    for (input, result) in pairs(&dataset.join("data"), &stage.path("out")) {
        if train.as_ref() == Some(&input) {
            assert!(!result.exists());
            continue;
        }
        let expected = data_rows(&input);
        assert_eq!(verdicts(&result).len(), expected, "{}", input.display());
        files += 1;
        rows += expected;
    }
    let report = ran.report();
    assert_eq!(report["overall"]["files"], files);
    assert_eq!(report["overall"]["rows"], rows);
    assert_eq!(report["files"].as_array().unwrap().len(), files);
    let scores = &report["overall"];
    println!("{name}: {scores:#}");
}

#[test]
#[cfg_attr(not(has_datasets), ignore = "needs the data sets: ANDON_DATASETS_DIR")]
fn nab_runs_from_end_to_end() {
    check_dataset("nab", None);
}

#[test]
#[cfg_attr(not(has_datasets), ignore = "needs the data sets: ANDON_DATASETS_DIR")]
fn skab_runs_from_end_to_end() {
    check_dataset("skab", None);
}

#[test]
#[cfg_attr(not(has_datasets), ignore = "needs the data sets: ANDON_DATASETS_DIR")]
fn tep_runs_from_end_to_end() {
    check_dataset("tep", Some("d00_train.csv.gz"));
}

#[test]
#[cfg_attr(not(has_datasets), ignore = "needs the data sets: ANDON_DATASETS_DIR")]
fn synth_runs_from_end_to_end() {
    check_dataset("synth", None);
}

//! Reading recordings, and the scorer against published figures.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use super::dataset::{family_of, list};
use super::recording::{Recording, read};
use super::score::{FileScore, Summary};
use super::segments::Segments;
use crate::config::load_profile;
use crate::replay::Faults;

#[path = "../../tests/support/datasets.rs"]
mod datasets;
use datasets::dataset;

fn read_text(text: &str) -> Result<Recording, Faults> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.csv");
    fs::write(&path, text).unwrap();
    read(&path, Arc::new(AtomicU64::new(0)))
}

#[track_caller]
fn check_faults(text: &str, expected: &[&str]) {
    let faults = read_text(text).unwrap_err().text();
    let lines: Vec<&str> = faults
        .lines()
        .map(|line| line.split_once("r.csv").unwrap().1)
        .collect();
    assert_eq!(lines, expected);
}

/// Rows as `time/ns mode cycle_start values`. Seconds that are no Unix time count from the first Monday of 1970, which
/// is 345,600 s.
fn rows(text: &str) -> Vec<String> {
    let recording = read_text(text).unwrap();
    recording
        .iter()
        .map(|row| {
            let mark = if row.cycle_start { "*" } else { "" };
            let mode = row.mode.unwrap_or("-");
            format!("{} {mode}{mark} {:?}", row.time.as_nanos(), row.values)
        })
        .collect()
}

#[test]
fn context_and_labels_are_told_from_values() {
    let text = "t_s,a,mode,cycle_start,b,anomaly,changepoint,label,is_anomaly,class\n\
                0,1,RUN,1,2,0,0,0,0,x\n0.5,,RUN,0,NaN,1,1,1,1,y\n-1,3e2,,,.5,,,,,\n";
    assert_eq!(read_text(text).unwrap().columns, ["a", "b"]);
    let expected = [
        "345600000000000 RUN* [1.0, 2.0]",
        "345600500000000 RUN [NaN, NaN]",
        "345599000000000 - [300.0, 0.5]",
    ];
    assert_eq!(rows(text), expected);
}

#[test]
fn semicolons_calendar_times_and_blanks_are_understood() {
    let text = "\u{feff}datetime;Volume Flow;Current;anomaly\r\n1970-01-01 00:00:01;1.5; 2 ;0.0\r\n\r\n\
                1970-01-01 00:00:01;1,5;;0.0\r\n";
    assert_eq!(
        rows(text),
        ["1000000000 - [1.5, 2.0]", "1000000000 - [1.5, NaN]"]
    );
    assert_eq!(
        rows("timestamp,value\n1970-01-01 00:00:00,7"),
        ["0 - [7.0]"]
    );
}

#[test]
fn the_median_interval_leaves_repeated_and_backward_times_out() {
    let recording = read_text("t_s,v\n0,1\n10,1\n10,1\n5,1\n15,1\n26,1\n99999,1\n").unwrap();
    let interval = |rows| recording.median_interval(rows);
    assert_eq!(interval(6), Some(Duration::from_secs(10)));
    assert_eq!(interval(1), None);
    assert_eq!(interval(0), None);
}

#[test]
fn every_fault_of_a_recording_has_its_place() {
    check_faults(
        "t_s,a,mode,cycle_start\n0,x,R,0\nnow,1,R,yes\n1,2\n2,inf,R,1\n1e99,1,R,0\n",
        &[
            ":2:3: \"x\" is no number; allowed: a finite number, NaN, or nothing",
            ":3:1: \"now\" is no time; allowed are seconds, as 12 or 12.5",
            ":3:9: \"yes\" is no cycle mark; allowed: 0, 1",
            ":4: the row has 2 cells, the header has 4",
            ":5:3: \"inf\" is no number; allowed: a finite number, NaN, or nothing",
            ":6:1: \"1e99\" is no time; allowed are seconds, as 12 or 12.5",
        ],
    );
    check_faults(
        "timestamp,a\n01.02.2020 00:00,1\n",
        &[
            ":2:1: \"01.02.2020 00:00\" is no time; allowed is YYYY-MM-DD HH:MM:SS[.fff] (UTC), or RFC 3339",
        ],
    );
    check_faults(
        "mode,label\nR,0\n",
        &[
            ":1:1: no column holds the time; allowed: t_s, timestamp, datetime",
            ":1:1: no column holds values; allowed is any name but those of time, mode, cycle_start and labels",
        ],
    );
    check_faults(
        "t_s,a,a,timestamp\n0,1,1,0\n",
        &[
            ":1:7: the column \"a\" is there twice",
            ":1:9: \"timestamp\" is a second time column; allowed is one",
        ],
    );
    check_faults("", &[": the file is empty"]);
    check_faults("t_s,a\n", &[": there is no row below the header"]);
}

#[test]
fn every_shipped_profile_loads() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/backtest");
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        load_profile(&path).unwrap_or_else(|error| panic!("{:?}", error.faults));
        names.push(path.file_stem().unwrap().to_str().unwrap().to_owned());
    }
    names.sort();
    assert_eq!(names, ["nab", "skab", "synth", "tep"]);
}

/// The alarms of an EWMA with lambda 0.1 and L 2.814 (in-control run length 500) on a level and a spread that are
/// the plain mean and standard deviation of the learning rows.
fn textbook_ewma(values: &[f64], learn: usize) -> Vec<bool> {
    let taught = &values[..learn];
    let mean = taught.iter().sum::<f64>() / learn as f64;
    let square = |x: &f64| (x - mean).powi(2);
    let sigma = (taught.iter().map(square).sum::<f64>() / learn as f64).sqrt();
    let limit = 2.814 * (0.1_f64 / 1.9).sqrt();
    let mut z = 0.0;
    let mut alarms = vec![false; learn];
    for value in &values[learn..] {
        z += 0.1 * ((value - mean) / sigma.max(1e-12) - z);
        alarms.push(f64::abs(z) > limit);
    }
    alarms
}

/// -94.33 is what a second implementation of the NAB rules, in another language, gives for the same chart.
#[test]
#[cfg_attr(not(has_datasets), ignore = "needs the data sets: ANDON_DATASETS_DIR")]
fn a_textbook_chart_scores_as_a_second_scorer_says() {
    let dataset = dataset("nab");
    let mut faults = Faults::default();
    let files = list(&dataset, &mut faults);
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    let path = dataset.join("segments.csv");
    let segments = Segments::read(&path, &names, &mut faults).unwrap();
    let learn = load_profile(Path::new("config/backtest/nab.toml"))
        .unwrap()
        .learn;
    let mut summary = Summary::default();
    for file in &files {
        let recording = read(&file.path, Arc::new(AtomicU64::new(0))).unwrap();
        let values: Vec<f64> = recording.iter().map(|row| row.values[0]).collect();
        let learn = learn.rows(values.len());
        let alarms = textbook_ewma(&values, learn);
        let labels = segments.of(&file.name, values.len(), &mut faults);
        let score = FileScore::new(learn, &alarms, &labels);
        summary.add(&file.name, family_of(&file.name), &score);
    }
    assert_eq!(faults.count(), 0);
    let all = &summary.overall;
    let nab = all.nab().unwrap();
    assert!((nab + 94.33).abs() < 0.01, "{nab}");
    assert_eq!((all.anomalies.hit, all.anomalies.total), (59, 61));
}

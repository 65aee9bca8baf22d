//! What detection finds, misses and cries out for nothing, through the real binary with the profiles that are shipped.
//!
//! The limits are the goals; the figures reached stand in `docs/detection.md`. The public data sets lie beside the
//! repository, and the tests that need them are ignored without; the plants are made here.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::print_stdout,
    reason = "a test that cannot set its stage fails, and says what it found"
)]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

#[path = "support/datasets.rs"]
mod datasets;
#[path = "support/plants.rs"]
mod plants;
use datasets::dataset;

/// Faults of the Tennessee Eastman process that leave its measurements as they are; nobody finds them.
const TEP_UNSEEN: [&str; 3] = ["IDV3", "IDV9", "IDV15"];

/// Runs a data set by a shipped profile.
#[track_caller]
fn backtest(dataset: &Path, profile: &str, train: Option<&Path>) -> Value {
    let out = tempfile::tempdir().unwrap();
    let profiles = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/backtest");
    let mut command = Command::new(env!("CARGO_BIN_EXE_andon"));
    command
        .arg("backtest")
        .arg(dataset)
        .arg("--profile")
        .arg(profiles.join(profile))
        .arg("--out")
        .arg(out.path())
        .arg("--json");
    if let Some(train) = train {
        command.arg("--train").arg(train);
    }
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[track_caller]
fn number(scores: &Value, name: &str) -> f64 {
    scores[name].as_f64().unwrap()
}

/// How many of how many segments have an alarm.
#[track_caller]
fn tally(scores: &Value, name: &str) -> (u64, u64) {
    let count = |field: &str| scores[name][field].as_u64().unwrap();
    (count("hit"), count("total"))
}

/// What is asked of sensors of a plant, each by itself.
#[track_caller]
fn check_sensors(name: &str, report: &Value) {
    let scores = &report["overall"];
    let (found, anomalies) = tally(scores, "anomalies");
    let (legit, changes) = tally(scores, "legit");
    let (gaps, losses) = tally(scores, "gaps");
    let (flagged, innocent) = (legit + gaps, changes + losses);
    let noise = number(scores, "false_events_per_10k");
    let f1 = number(scores, "f1");
    println!(
        "{name}: {found} of {anomalies} found, {noise:.3} false events per 10,000 rows, \
         {flagged} of {innocent} changes and gaps flagged, F1 {f1:.3}"
    );
    for kind in report["kinds"].as_array().unwrap() {
        let (hit, total) = tally(kind, "segments");
        println!("  {}: {hit} of {total}", kind["kind"].as_str().unwrap());
    }
    for (family, group) in report["families"].as_object().unwrap() {
        let (hit, total) = tally(group, "anomalies");
        let events = &group["false_events"];
        println!("  {family}: {hit} of {total} found, {events} false events");
    }
    assert!(anomalies > 0 && changes > 0 && losses > 0, "{scores:#}");
    assert!(found as f64 >= 0.93 * anomalies as f64, "{scores:#}");
    assert!(noise <= 0.5, "{scores:#}");
    assert!(flagged as f64 <= 0.01 * innocent as f64, "{scores:#}");
    assert!(f1 >= 0.80, "{scores:#}");
}

#[test]
#[cfg_attr(not(has_datasets), ignore = "needs the data sets: ANDON_DATASETS_DIR")]
fn synth_is_found_without_crying_out() {
    check_sensors("synth", &backtest(&dataset("synth"), "synth.toml", None));
}

/// `ANDON_PLANTS` is how many (default 10).
#[test]
fn plants_never_seen_before_are_as_good() {
    let folder = tempfile::tempdir().unwrap();
    let plants = std::env::var("ANDON_PLANTS").map_or(10, |count| count.parse().unwrap());
    plants::write(folder.path(), plants, plants / 3);
    check_sensors("plants", &backtest(folder.path(), "synth.toml", None));
}

#[test]
#[cfg_attr(not(has_datasets), ignore = "needs the data sets: ANDON_DATASETS_DIR")]
fn nab_scores_well_with_one_preset() {
    let dataset = dataset("nab");
    let report = backtest(&dataset, "nab.toml", None);
    let nab = number(&report["overall"], "nab");
    println!("nab: {nab:.2}");
    assert!(nab >= 45.0, "{nab}");
}

#[test]
#[cfg_attr(not(has_datasets), ignore = "needs the data sets: ANDON_DATASETS_DIR")]
fn skab_is_found_by_the_group() {
    let dataset = dataset("skab");
    let report = backtest(&dataset, "skab.toml", None);
    let scores = &report["with_anomalies"];
    assert!(scores["files"].as_u64() > Some(0), "{scores:#}");
    let [f1, far, mar] = ["f1", "far", "mar"].map(|name| number(scores, name));
    println!("skab, with anomalies: F1 {f1:.3}, FAR {far:.3}, MAR {mar:.3}");
    assert!(f1 >= 0.78, "{f1}");
    assert!(far <= 0.25, "{far}");
    assert!(mar <= 0.25, "{mar}");
}

#[test]
#[cfg_attr(not(has_datasets), ignore = "needs the data sets: ANDON_DATASETS_DIR")]
fn tep_faults_that_show_are_found() {
    let dataset = dataset("tep");
    let train = dataset.join("data/d00_train.csv.gz");
    let report = backtest(&dataset, "tep.toml", Some(&train));
    let seen = report["kinds"].as_array().unwrap().iter();
    let seen: Vec<&Value> = seen
        .filter(|kind| !TEP_UNSEEN.contains(&kind["kind"].as_str().unwrap()))
        .collect();
    assert!(!seen.is_empty(), "{report:#}");
    for fault in &seen {
        assert_eq!(tally(fault, "segments"), (1, 1), "{fault:#}");
    }
    // All faults last equally long, so the mean is the share of all their rows.
    let missed: f64 = seen.iter().map(|fault| number(fault, "mar")).sum();
    let mar = missed / seen.len() as f64;
    let far = number(&report["overall"], "far");
    println!("tep: 8 of 8 found, FAR {far:.3}, MAR {mar:.3}");
    assert!(far <= 0.05, "{far}");
    assert!(mar <= 0.10, "{mar}");
}

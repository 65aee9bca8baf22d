//! The charts' mathematics against tabulated run lengths and limits.
//!
//! Reads `arl.csv` and `design_limits.csv` from `$ANDON_REFERENCE_DIR` (default `tests/reference`): run lengths of
//! independent normal data, computed with another implementation of the integral equations.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;
use std::time::Duration;

use andon::config::{DetectionRules, Level, Profile};
use andon::detection::{CHARTS, cusum_arl, design, ewma_arl};

fn rows(name: &str) -> Vec<Vec<String>> {
    let dir = std::env::var_os("ANDON_REFERENCE_DIR")
        .map_or_else(|| PathBuf::from("tests/reference"), PathBuf::from);
    let mut reader = csv::Reader::from_path(dir.join(name)).unwrap();
    reader
        .records()
        .map(|row| row.unwrap().iter().map(str::to_owned).collect())
        .collect()
}

fn number(text: &str) -> f64 {
    text.parse().unwrap()
}

#[test]
fn run_lengths_match_the_table() {
    let mut checked = 0;
    for row in rows("arl.csv") {
        let [chart, first, second, sided, fir, shift, arl, source] = &row[..] else {
            panic!("unexpected columns: {row:?}");
        };
        if sided != "two" || fir != "none" || !source.starts_with("computed") {
            continue;
        }
        let (first, second, shift) = (number(first), number(second), number(shift));
        let got = match chart.as_str() {
            "cusum" => cusum_arl(first, second, shift),
            "ewma" => ewma_arl(first, second, shift),
            _ => continue,
        };
        let off = got / number(arl) - 1.0;
        assert!(off.abs() < 2e-4, "{row:?}: got {got}");
        checked += 1;
    }
    println!("{checked} run lengths checked");
    assert!(checked > 0, "nothing was checked");
}

/// The limits of a design whose every chart has the wanted run length `arl0`.
fn limit_for(chart: &str, parameter: f64, arl0: f64) -> Option<f64> {
    let shift_sigma = match (chart, parameter) {
        ("cusum", k) => 2.0 * k,
        ("ewma", 0.05) => 1.0,
        ("ewma", 0.1) => 1.5,
        ("ewma", 0.2) => 2.0,
        ("ewma", 0.4) => 3.0,
        _ => return None,
    };
    let rules = DetectionRules {
        // The charts of a slot share the budget.
        mean_time_between_false_alarms: Duration::from_secs_f64(arl0 / CHARTS),
        shift_sigma,
        learn_samples: 300,
        within: None,
        profile: Profile::None,
        level: Level::Fixed,
    };
    let made = design(&rules, Duration::from_secs(1)).unwrap();
    Some(if chart == "cusum" {
        made.h
    } else {
        made.limit_l
    })
}

#[test]
fn designed_limits_match_the_table() {
    let mut checked = 0;
    for row in rows("design_limits.csv") {
        if row[0] == "shewhart" {
            continue;
        }
        let Some(got) = limit_for(&row[0], number(&row[1]), number(&row[3])) else {
            panic!("no design uses {row:?}");
        };
        let expected = number(&row[2]);
        assert!((got / expected - 1.0).abs() < 0.001, "{row:?}: got {got}");
        checked += 1;
    }
    println!("{checked} limits checked");
    assert!(checked > 0, "nothing was checked");
}

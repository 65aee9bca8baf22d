//! The profile of a backtest: what the detectors are told about a data set beside its rows.
//!
//! ```toml
//! rate = "1s"                # or "auto"
//! learn = { share = 0.15 }   # or { rows = 400 }, or { share = 0.15, rows_max = 750 }
//! settle = "30s"             # after a change of mode, as of a context
//! group = false              # true: the columns are judged together, as the tags of a group
//! [detect]                   # as of a tag, without `learn`
//! ```

use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use super::context::{SETTLE, SETTLE_DEFAULT};
use super::fault::{ConfigError, Faults};
use super::loader::text_of;
use super::node::parse_toml;
use super::section::{Section, Switch};
use super::settings::{Settings, nested};
use super::types::DetectionRules;

/// Allowed sampling periods: wider than a tag's, since recordings may come from anywhere.
const RATE: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_hours(24);
/// Allowed numbers of learning rows.
const ROWS: RangeInclusive<u64> = 2..=10_000_000;
/// Allowed shares of learning rows.
const SHARE: RangeInclusive<f64> = 0.001..=0.9;
/// The share that teaches when nothing is said.
const SHARE_DEFAULT: f64 = 0.15;

/// What the detectors are told about a data set.
#[derive(Debug, Clone, PartialEq)]
pub struct BacktestProfile {
    /// `rate` (default "auto").
    pub rate: SamplingRate,
    /// `learn` (default `{ share = 0.15 }`).
    pub learn: LearnPart,
    /// `settle` (default 30 s): how long levels settle after a change of mode.
    pub settle: Duration,
    /// `group` (default false): the columns are judged together, as the tags of a group.
    pub group: bool,
    /// `detect`, as of a tag.
    pub detection: DetectionRules,
}

/// How often a row is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SamplingRate {
    /// As often as the learning rows of a recording come: their median interval.
    Auto,
    /// Once in this time.
    Every(Duration),
}

/// The rows at the start of a recording that teach and are not scored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LearnPart {
    /// This many.
    Rows(usize),
    /// This share of all, rounded down.
    Share {
        /// Within 0 and 1.
        share: f64,
        /// Never more than this many.
        rows_max: Option<usize>,
    },
}

impl LearnPart {
    /// How many rows teach, of a recording of `rows`.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a row count is a row count"
    )]
    pub fn rows(self, rows: usize) -> usize {
        match self {
            Self::Rows(count) => count.min(rows),
            Self::Share { share, rows_max } => {
                // The share as written may be a hair below its product with the rows: 0.29 of 100 is 29.
                let count = (share * rows as f64 + 1e-6).floor() as usize;
                count.min(rows_max.unwrap_or(usize::MAX)).min(rows)
            }
        }
    }
}

/// Reads and checks the profile at `path`.
pub fn load_profile(path: &Path) -> Result<BacktestProfile, ConfigError> {
    parse_profile(&text_of(path, "profile")?, &path.display().to_string())
}

/// Checks the profile `text` known to the operator as `file`.
pub fn parse_profile(text: &str, file: &str) -> Result<BacktestProfile, ConfigError> {
    let faults = Faults::default();
    let number = faults.add_text(file, text);
    let profile = parse_toml(text, number, &faults)
        .and_then(|root| read_profile(Section::new(&faults, &root, String::new())));
    match (profile, faults.into_error()) {
        (Some(profile), None) => Ok(profile),
        (_, error) => Err(error.unwrap_or(ConfigError {
            faults: Vec::new(),
            total: 0,
        })),
    }
}

fn read_profile(section: Section<'_>) -> Option<BacktestProfile> {
    let rate = match section.duration_or("auto", "rate", &RATE) {
        Some(Switch::On(period)) => SamplingRate::Every(period),
        Some(Switch::Off) | None => SamplingRate::Auto,
    };
    let learn = section.section("learn").map_or(
        LearnPart::Share {
            share: SHARE_DEFAULT,
            rows_max: None,
        },
        read_learn,
    );
    let period = match rate {
        SamplingRate::Auto => None,
        SamplingRate::Every(period) => Some(period),
    };
    let detection = Settings::read_detection(&section, period);
    if let Some(detect) = nested(&section, "detect")
        && detect.has("learn")
    {
        detect.fault(
            "learn",
            "has no meaning here; learn = { … } beside [detect] says which rows teach",
        );
    }
    let settle = section
        .duration("settle", &SETTLE)
        .unwrap_or(SETTLE_DEFAULT);
    let group = section.flag("group").unwrap_or(false);
    section.finish();
    Some(BacktestProfile {
        rate,
        learn,
        settle,
        group,
        detection: detection?,
    })
}

fn read_learn(section: Section<'_>) -> LearnPart {
    let rows = section.integer("rows", ROWS).and_then(count);
    let share = section.number_in("share", SHARE);
    let rows_max = section.integer("rows_max", ROWS).and_then(count);
    if section.has("rows") && (section.has("share") || section.has("rows_max")) {
        section.fault("rows", "stands alone: remove it, or share and rows_max");
    } else if !section.has("rows") && !section.has("share") {
        section.missing(
            "rows",
            "allowed: rows = N, or share = X with or without rows_max = N",
        );
    }
    section.finish();
    rows.map_or(
        LearnPart::Share {
            share: share.unwrap_or(SHARE_DEFAULT),
            rows_max,
        },
        LearnPart::Rows,
    )
}

fn count(n: u64) -> Option<usize> {
    usize::try_from(n).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_learn(text: &str, rows: usize, expected: usize) {
        let profile = parse_profile(text, "p.toml").unwrap();
        assert_eq!(profile.learn.rows(rows), expected, "{text}");
    }

    #[track_caller]
    fn check_fault(text: &str, expected: &[&str]) {
        let error = parse_profile(text, "p.toml").unwrap_err();
        let lines: Vec<String> = error.faults.iter().map(ToString::to_string).collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn the_learning_part_is_a_number_or_a_share_of_rows() {
        check_learn("", 1000, 150);
        check_learn("learn = { rows = 400 }", 1000, 400);
        check_learn("learn = { rows = 400 }", 300, 300);
        check_learn("learn = { share = 0.29 }", 100, 29);
        check_learn("learn = { share = 0.15 }", 19, 2);
        check_learn("learn = { share = 0.15, rows_max = 750 }", 4000, 600);
        check_learn("learn = { share = 0.15, rows_max = 750 }", 22_000, 750);
    }

    #[test]
    fn the_rate_is_a_period_or_is_taken_from_the_data() {
        let rate = |text: &str| parse_profile(text, "p.toml").unwrap().rate;
        assert_eq!(rate(""), SamplingRate::Auto);
        assert_eq!(rate("rate = \"auto\""), SamplingRate::Auto);
        let every = |seconds| SamplingRate::Every(Duration::from_secs(seconds));
        assert_eq!(rate("rate = \"3min\""), every(180));
    }

    #[test]
    fn detection_is_that_of_a_tag() {
        let text = "[detect]\nfalse_alarms = \"1 per day\"\ndetect_shift = 2.0\n";
        let rules = parse_profile(text, "p.toml").unwrap().detection;
        assert_eq!(
            rules.mean_time_between_false_alarms,
            Duration::from_hours(24)
        );
        assert_eq!(rules.shift_sigma.to_bits(), f64::to_bits(2.0));
    }

    #[test]
    fn every_fault_is_reported_with_its_place() {
        check_fault(
            "rat = 1\nlearn = { rows = 1, share = 2.0 }\n[detect]\ndetect_shft = 1\nlearn = 300\n",
            &[
                "p.toml:1:1: rat is not a known key (did you mean \"rate\"?); allowed: detect, group, learn, rate, settle",
                "p.toml:2:18: learn.rows = 1 is outside 2 to 10000000",
                "p.toml:2:18: learn.rows = 1 stands alone: remove it, or share and rows_max",
                "p.toml:2:29: learn.share = 2.0 is outside 0.001 to 0.9",
                "p.toml:4:1: detect.detect_shft is not a known key (did you mean \"detect_shift\"?); allowed: detect_shift, false_alarms, learn, level, on, profile, within",
                "p.toml:5:9: detect.learn = 300 has no meaning here; learn = { … } beside [detect] says which rows teach",
            ],
        );
        check_fault(
            "learn = {}",
            &[
                "p.toml:1:9: learn.rows is missing; allowed: rows = N, or share = X with or without rows_max = N",
            ],
        );
        check_fault(
            "detect = false",
            &["p.toml:1:10: detect is off; nothing would be detected"],
        );
        check_fault(
            "rate = \"often\"",
            &[
                "p.toml:1:8: rate = \"often\" is not a duration; allowed: 1ms to 1d, as \"250ms\", \"10s\", \"5min\", \"1h\" or \"7d\", or \"auto\"",
            ],
        );
    }

    #[test]
    fn a_rate_that_leaves_too_few_samples_between_false_alarms_is_refused() {
        let error = parse_profile(
            "rate = \"1h\"\ndetect = { false_alarms = \"1 per day\" }",
            "p.toml",
        );
        assert!(error.unwrap_err().faults[0].message.contains("rarer"));
    }
}

//! The one place where detection is called: rows in, verdicts out.

use std::time::Duration;

use crate::config::BacktestProfile;
use crate::detection::{Bank, Change, DesignError, Finding, Input, Slot, design};
use crate::model::{Mono, Timestamp};

/// The highest score of a row without an alarm: below 1 in the four decimals that are written.
const QUIET_SCORE_MAX: f64 = 0.9999;
/// Statistics are not told apart beyond this.
const SCORE_MAX: f64 = 1e6;
/// Periods between two recordings: long enough for every chart to begin afresh.
const BETWEEN_PERIODS: u32 = 10_000;
/// Fewest learning samples that mean anything.
const LEARN_MIN: u32 = 2;

/// One row of a recording.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row<'a> {
    /// When; may repeat, and may go back.
    pub time: Timestamp,
    /// What the machine does, where that is recorded.
    pub mode: Option<&'a str>,
    /// Whether a machine cycle begins with this row.
    pub cycle_start: bool,
    /// A value per column; NaN where there is none.
    pub values: &'a [f64],
}

/// What the detectors say after a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// Whether any alarm stands.
    pub alarm: bool,
    /// The highest statistic over its limit; at least 1 exactly when an alarm stands.
    pub score: f64,
}

/// The detectors of one recording: a slot per value column.
#[derive(Debug, Clone)]
pub struct Engine {
    bank: Bank,
    /// Per slot, whether its alarm stands.
    standing: Vec<bool>,
    period: Duration,
    at: Mono,
    last: Option<Timestamp>,
    inputs: Vec<Input>,
    findings: Vec<Finding>,
}

impl Engine {
    /// Detectors for `columns` values per row, which come once in `period` and of which the first `learn_rows` teach.
    pub fn new(
        profile: &BacktestProfile,
        columns: usize,
        period: Duration,
        learn_rows: usize,
    ) -> Result<Self, DesignError> {
        let mut rules = profile.detection;
        rules.learn_samples = u32::try_from(learn_rows).unwrap_or(u32::MAX).max(LEARN_MIN);
        let designs = vec![design(&rules, period)?; columns];
        Ok(Self {
            bank: Bank::new(&designs),
            standing: vec![false; columns],
            period,
            at: Mono::from_nanos(0),
            last: None,
            inputs: Vec::with_capacity(columns),
            findings: Vec::new(),
        })
    }

    /// Takes a row that teaches.
    pub fn learn(&mut self, row: &Row<'_>) {
        self.step(row);
    }

    /// Takes a row that is judged.
    pub fn score(&mut self, row: &Row<'_>) -> Verdict {
        self.step(row);
        let slots = (0..).map(Slot).take(self.standing.len());
        let worst = slots
            .filter_map(|slot| self.bank.ratio(slot))
            .fold(0.0, f64::max);
        let alarm = self.standing.contains(&true);
        let score = if alarm {
            worst.clamp(1.0, SCORE_MAX)
        } else {
            worst.min(QUIET_SCORE_MAX)
        };
        Verdict { alarm, score }
    }

    /// Another recording of the same columns begins: what was learned is kept, what was going on is not.
    pub fn begin(&mut self) {
        self.last = None;
        let pause = self.period.saturating_mul(BETWEEN_PERIODS);
        self.at = self.at.saturating_add(pause);
    }

    fn step(&mut self, row: &Row<'_>) {
        self.pass_time(row.time);
        let at = self.at;
        self.inputs.clear();
        let values = (0..).map(Slot).zip(row.values);
        self.inputs.extend(
            values
                .filter(|(_, value)| value.is_finite())
                .map(|(slot, value)| Input {
                    slot,
                    value: *value,
                    at,
                }),
        );
        self.findings.clear();
        self.bank.step(&self.inputs, &mut self.findings);
        for finding in &self.findings {
            if let Some(standing) = self.standing.get_mut(finding.slot.index()) {
                *standing = finding.change != Change::Cleared;
            }
        }
    }

    /// A row whose time does not advance is a sample all the same: clocks that count whole seconds repeat them.
    fn pass_time(&mut self, time: Timestamp) {
        let passed = match self.last.replace(time) {
            None => self.period,
            Some(last) => {
                let nanos = time.as_nanos().saturating_sub(last.as_nanos()).max(1);
                Duration::from_nanos(nanos.unsigned_abs())
            }
        };
        self.at = self.at.saturating_add(passed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse_profile;

    fn engine(columns: usize, learn_rows: usize) -> Engine {
        let profile = parse_profile("", "p.toml").unwrap();
        Engine::new(&profile, columns, Duration::from_secs(1), learn_rows).unwrap()
    }

    fn pattern(i: i64) -> f64 {
        [0.3, -1.1, 0.9, -0.2, 1.6, -1.4, 0.1, 0.6, -0.7, -0.1]
            [usize::try_from(i * 7 % 10).unwrap()]
    }

    fn row(at_s: i64, values: &[f64]) -> Row<'_> {
        Row {
            time: Timestamp::from_nanos(at_s * 1_000_000_000),
            mode: None,
            cycle_start: false,
            values,
        }
    }

    fn taught(columns: usize) -> Engine {
        let mut engine = engine(columns, 300);
        for i in 0..300 {
            engine.learn(&row(i, &vec![pattern(i); columns]));
        }
        engine
    }

    #[test]
    fn a_score_of_one_is_an_alarm_and_nothing_else_is() {
        let mut engine = taught(1);
        let mut alarms = 0;
        for i in 300..900 {
            let shift = if (400..460).contains(&i) { 4.0 } else { 0.0 };
            let verdict = engine.score(&row(i, &[pattern(i) + shift]));
            assert_eq!(verdict.alarm, verdict.score >= 1.0, "{i} {verdict:?}");
            assert!(i >= 400 || !verdict.alarm, "{i}");
            alarms += u32::from(verdict.alarm);
        }
        assert!((50..400).contains(&alarms), "{alarms}");
    }

    #[test]
    fn one_column_of_many_is_enough_and_a_missing_value_is_none() {
        let mut engine = taught(3);
        let alarmed = (300..400).any(|i| {
            let values = [f64::NAN, pattern(i), pattern(i) + 4.0];
            engine.score(&row(i, &values)).alarm
        });
        assert!(alarmed);
    }

    #[test]
    fn repeated_and_backward_times_are_samples() {
        let mut engine = taught(1);
        let alarmed = (0..60).any(|i| engine.score(&row(299 - i / 20, &[4.0])).alarm);
        assert!(alarmed);
    }

    #[test]
    fn another_recording_begins_with_what_was_learned_and_nothing_else() {
        let mut engine = taught(1);
        for i in 300..303 {
            engine.score(&row(i, &[2.5]));
        }
        engine.begin();
        let first = engine.score(&row(0, &[0.3]));
        assert!(!first.alarm && first.score < 0.1, "{first:?}");
        assert!((1..60).any(|i| engine.score(&row(i, &[4.0])).alarm));
    }
}

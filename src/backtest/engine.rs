//! The one place where detection is called: rows in, verdicts out.

use std::time::Duration;

use crate::config::{BacktestProfile, DetectionRules};
use crate::detection::{
    Bank, CHARTS, ChartDesign, ContextId, ContextPlan, DayTime, DesignError, Finding, Group,
    GroupDesign, Input, ModeId, Slot, design,
};
use crate::model::{Mono, Timestamp, Zone};

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

/// The detectors of one recording: a slot per value column, or one group of all of them.
#[derive(Debug, Clone)]
pub struct Engine {
    judge: Judge,
    /// Names of the modes seen, in the order of their numbers.
    modes: Vec<String>,
    period: Duration,
    at: Mono,
    last: Option<Timestamp>,
}

/// Who judges the rows.
#[derive(Debug, Clone)]
enum Judge {
    Bank(Box<Columns>),
    Group(Box<Group>),
}

/// Every column by itself.
#[derive(Debug, Clone)]
struct Columns {
    bank: Bank,
    count: u32,
    inputs: Vec<Input>,
    findings: Vec<Finding>,
    is_learning: bool,
}

/// What a recording is like, as far as its learning part tells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outline {
    /// Value columns.
    pub columns: usize,
    /// Time between rows.
    pub period: Duration,
    /// Rows that teach, and the time they span.
    pub learn_rows: usize,
    /// Time from the first of them to the last.
    pub learn_span: Duration,
    /// Machine cycles that begin within them.
    pub cycles: usize,
}

/// Cycles from which on a recording is taken to have them.
const CYCLES_MIN: usize = 5;
/// The one context of a recording.
const CONTEXT: ContextId = ContextId(0);

impl Engine {
    /// Detectors for a recording.
    pub fn new(profile: &BacktestProfile, outline: &Outline) -> Result<Self, DesignError> {
        let learn_rows = u32::try_from(outline.learn_rows)
            .unwrap_or(u32::MAX)
            .max(LEARN_MIN);
        let has_cycle = outline.cycles >= CYCLES_MIN;
        let rules = DetectionRules {
            learn_samples: learn_rows,
            ..profile.detection.decided(has_cycle, outline.learn_span)
        };
        let design = design(&rules, outline.period)?;
        let judge = if profile.group {
            let design = GroupDesign {
                arl0: design.arl0 / CHARTS,
                period: outline.period,
                learn_rows,
            };
            Judge::Group(Box::new(Group::new(outline.columns, design)))
        } else {
            Judge::Bank(Box::new(Columns::new(
                &design,
                outline.columns,
                profile.settle,
            )))
        };
        Ok(Self {
            judge,
            modes: Vec::new(),
            period: outline.period,
            at: Mono::from_nanos(0),
            last: None,
        })
    }

    /// Takes a row that teaches.
    pub fn learn(&mut self, row: &Row<'_>) {
        self.score(row);
    }

    /// The learning part is over: detectors go by what they have learned.
    pub fn end_learning(&mut self) {
        if let Judge::Bank(columns) = &mut self.judge {
            columns.end_learning(self.at);
        }
    }

    /// Takes a row that is judged.
    pub fn score(&mut self, row: &Row<'_>) -> Verdict {
        self.pass_time(row.time);
        let mode = row.mode.map(|name| self.mode(name));
        let (is_alarm, score) = match &mut self.judge {
            Judge::Bank(columns) => columns.step(row, mode, self.at),
            Judge::Group(group) => group
                .step(row.values, self.at)
                .map_or((false, 0.0), |reading| {
                    (reading.score >= 1.0, reading.score)
                }),
        };
        let score = if is_alarm {
            score.clamp(1.0, SCORE_MAX)
        } else {
            score.min(QUIET_SCORE_MAX)
        };
        Verdict {
            alarm: is_alarm,
            score,
        }
    }

    /// Another recording of the same columns begins: what was learned is kept, what was going on is not.
    pub fn begin(&mut self) {
        self.last = None;
        let pause = self.period.saturating_mul(BETWEEN_PERIODS);
        self.at = self.at.saturating_add(pause);
        match &mut self.judge {
            Judge::Bank(columns) => columns
                .bank
                .unsettle(CONTEXT, self.at, &mut columns.findings),
            Judge::Group(group) => group.reset(),
        }
    }

    /// The number of a mode; the first is 1, 0 being none.
    fn mode(&mut self, name: &str) -> ModeId {
        let known = self.modes.iter().position(|mode| mode == name);
        let index = known.unwrap_or_else(|| {
            self.modes.push(name.to_owned());
            self.modes.len() - 1
        });
        ModeId(u16::try_from(index + 1).unwrap_or(u16::MAX))
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

impl Columns {
    fn new(design: &ChartDesign, columns: usize, settle: Duration) -> Self {
        let count = u32::try_from(columns).unwrap_or(u32::MAX);
        let context = ContextPlan {
            slots: (0..count).map(Slot).collect(),
            settle,
        };
        Self {
            bank: Bank::new(&vec![*design; columns], &[context]),
            count,
            inputs: Vec::with_capacity(columns),
            findings: Vec::new(),
            is_learning: true,
        }
    }

    fn end_learning(&mut self, at: Mono) {
        if std::mem::take(&mut self.is_learning) {
            for slot in (0..self.count).map(Slot) {
                self.bank.end_learning(slot, at, &mut self.findings);
            }
        }
    }

    fn step(&mut self, row: &Row<'_>, mode: Option<ModeId>, at: Mono) -> (bool, f64) {
        self.findings.clear();
        if let Some(mode) = mode {
            self.bank.change_mode(CONTEXT, mode, at, &mut self.findings);
        }
        if row.cycle_start {
            self.bank.begin_cycle(CONTEXT, at);
        }
        self.inputs.clear();
        let values = (0..self.count).map(Slot).zip(row.values);
        self.inputs.extend(values.map(|(slot, value)| Input {
            slot,
            value: *value,
            at,
        }));
        let day = DayTime::at(row.time, &Zone::UTC);
        self.bank.step(&self.inputs, day, &mut self.findings);
        let verdicts = (0..self.count).map(|slot| self.bank.verdict(Slot(slot)));
        verdicts.fold((false, 0.0), |(any, worst), (is_alarm, score)| {
            (any || is_alarm, f64::from(score).max(worst))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse_profile;

    fn engine(columns: usize, learn_rows: usize) -> Engine {
        let profile = parse_profile("", "p.toml").unwrap();
        let outline = Outline {
            columns,
            period: Duration::from_secs(1),
            learn_rows,
            learn_span: Duration::from_secs(learn_rows as u64),
            cycles: 0,
        };
        Engine::new(&profile, &outline).unwrap()
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
        // A level that is far off may be settling still; three settling times are enough for that.
        let alarmed_at = (1..200).find(|i| engine.score(&row(*i, &[4.0])).alarm);
        assert!(
            alarmed_at.is_some_and(|at| (85..110).contains(&at)),
            "{alarmed_at:?}"
        );
    }
}

//! Changeovers of a period: how long they took, what of, and what was scrapped in them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::account::{account, complete};
use super::error::AnalysisError;
use super::period::Period;
use super::plant::Plant;
use crate::config::Config;
use crate::history::Reader;
use crate::model::Timestamp;
use crate::production::changeover::{Changeover, ChangeoverTimes};

/// Of the answer; a reader refuses what it does not know.
const SCHEMA: u32 = 1;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeoversQuestion {
    /// Of when: changeovers count to the time in which they ended.
    pub period: Period,
    /// Names of work units; all when none are named.
    pub work_units: Vec<String>,
}

/// Changeovers in order of their start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeoversAnswer {
    /// Version of this form.
    pub schema: u32,
    /// First moment.
    pub from: String,
    /// First moment after.
    pub to: String,
    /// Shifts of work units whose changeovers are not known: they were stated before changeovers were kept, and their
    /// samples are gone.
    pub unknown_shifts: usize,
    /// Each of them.
    pub changeovers: Vec<ChangeoverRow>,
    /// By the two products, in their order.
    pub kinds: Vec<ChangeoverKind>,
}

/// One changeover: from the last good piece of a product to the first good piece of the next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeoverRow {
    /// Work unit.
    pub work_unit: String,
    /// Product before.
    pub from: String,
    /// Product after.
    pub to: String,
    /// When the last good piece of the one was counted.
    pub start: String,
    /// When the first good piece of the other was.
    pub end: String,
    /// What is between, in seconds.
    pub length_s: f64,
    /// The part of it in which the machine was to be busy: without breaks and nights off.
    pub busy_s: f64,
    /// Setup in it.
    pub setup_s: f64,
    /// Stops of any kind in it.
    pub stop_s: f64,
    /// Time without an order in it.
    pub idle_s: f64,
    /// Time without data in it.
    pub unknown_s: f64,
    /// Pieces scrapped in it.
    pub scrap: f64,
    /// Pieces in it that need rework.
    pub rework: f64,
}

/// Changeovers from one product to another. Lengths are those of the busy time, in seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeoverKind {
    /// Product before.
    pub from: String,
    /// Product after.
    pub to: String,
    /// How many there were.
    pub count: usize,
    /// Half took less.
    pub median_s: f64,
    /// The longest.
    pub longest_s: f64,
    /// All of them.
    pub total_s: f64,
    /// Setup in all of them.
    pub setup_s: f64,
    /// Pieces scrapped in all of them.
    pub scrap: f64,
}

/// Answers a question about changeovers.
pub(super) fn changeovers(
    question: &ChangeoversQuestion,
    config: &Config,
    reader: &Reader,
    now: Timestamp,
) -> Result<ChangeoversAnswer, AnalysisError> {
    let plant = Plant::load(config, reader)?;
    let span = plant.span(&question.period, now)?;
    let mut found: Vec<(String, Changeover)> = Vec::new();
    let mut unknown_shifts = 0;
    for unit in plant.work_units(&question.work_units)? {
        let mut account = account(&plant, unit, (span, now))?;
        unknown_shifts += complete(&mut account, &plant, unit, now)?;
        let own = account.course.changeovers.into_iter();
        found.extend(own.map(|change| (unit.name.clone(), change)));
    }
    found.sort_by_key(|(_, change)| change.span);
    Ok(ChangeoversAnswer {
        schema: SCHEMA,
        from: span.start.to_string(),
        to: span.end.to_string(),
        unknown_shifts,
        kinds: kinds(&found),
        changeovers: found
            .iter()
            .map(|(unit, change)| row(unit, change))
            .collect(),
    })
}

fn row(work_unit: &str, change: &Changeover) -> ChangeoverRow {
    let seconds = |time: Duration| time.as_secs_f64();
    let elements = &change.elements;
    ChangeoverRow {
        work_unit: work_unit.to_owned(),
        from: change.from.to_string(),
        to: change.to.to_string(),
        start: change.span.start.to_string(),
        end: change.span.end.to_string(),
        length_s: seconds(change.span.length()),
        busy_s: seconds(change.busy()),
        setup_s: seconds(elements.setup),
        stop_s: seconds(elements.stop) + seconds(elements.minor) + seconds(elements.external),
        idle_s: seconds(elements.idle),
        unknown_s: seconds(elements.unknown),
        scrap: change.scrap,
        rework: change.rework,
    }
}

fn kinds(found: &[(String, Changeover)]) -> Vec<ChangeoverKind> {
    let mut groups: BTreeMap<(&str, &str), Vec<&Changeover>> = BTreeMap::new();
    for (_, change) in found {
        let products = (&*change.from, &*change.to);
        groups.entry(products).or_default().push(change);
    }
    let kind = |((from, to), changes): ((&str, &str), Vec<&Changeover>)| {
        let times = ChangeoverTimes::of(changes.iter().map(|change| change.busy()))?;
        let sum = |of: fn(&Changeover) -> f64| changes.iter().fold(0.0, |sum, c| sum + of(c));
        Some(ChangeoverKind {
            from: from.to_owned(),
            to: to.to_owned(),
            count: times.count,
            median_s: times.median_s,
            longest_s: times.longest_s,
            total_s: times.total_s,
            setup_s: sum(|c| c.elements.setup.as_secs_f64()),
            scrap: sum(|c| c.scrap),
        })
    };
    groups.into_iter().filter_map(kind).collect()
}

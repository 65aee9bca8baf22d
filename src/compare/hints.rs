//! What the better level did differently, as a hint where to look.
//!
//! For every conduct factor the two levels are compared within strata of the same categorical context (machine,
//! product): the stratified mean difference, which is the slope on the level with a term per stratum, with errors
//! clustered by production day. A hint must hold after correction for all factors and pairs (Benjamini and Hochberg
//! 1995), and the factor must go with the outcome, within levels and strata, in the direction of the difference.
//!
//! It says *associated with* and nothing more: what a level does differently need not be what makes it better. It
//! speaks of levels of the group, never of a person.

use std::collections::{BTreeMap, BTreeSet};

use super::distribution::p_two_sided;
use super::multiple::benjamini_hochberg;
use super::records::{Conduct, Records, Values};
use super::report::Hint;
use super::wording::hint_sentence;

/// Hints with a larger q-value are not given.
const Q_MAX: f64 = 0.05;
/// Smaller standardised differences are not worth a look (Cohen 1988: 0.2 is small).
const STANDARDISED_MIN: f64 = 0.2;
/// An association with the outcome that is less clear than this does not count.
const ASSOCIATION_P_MAX: f64 = 0.05;
/// Fewer records of a level say nothing about its conduct.
const RECORDS_MIN: usize = 8;
/// Most hints of a report.
const HINTS_MAX: usize = 10;

/// A pair of levels with a difference, the better one first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Contest {
    pub(super) better: usize,
    pub(super) other: usize,
    /// Whether more of the outcome is better.
    pub(super) higher_is_better: bool,
}

struct Finding {
    records: (usize, usize),
    difference: f64,
    standardised: f64,
    p: f64,
    association: f64,
    /// Whether the association is more than chance.
    is_associated: bool,
}

/// The hints of all contests, the clearest first.
pub(super) fn hints(records: &Records, names: &[String], contests: &[Contest]) -> Vec<Hint> {
    let strata = strata(records);
    let outcome = outcome(records);
    let mut found: Vec<(Contest, &Conduct, Finding)> = Vec::new();
    for contest in contests {
        for conduct in &records.conduct {
            let rows = rows(records, conduct, (&strata, &outcome), *contest);
            if let Some(finding) = Finding::new(&rows) {
                found.push((*contest, conduct, finding));
            }
        }
    }
    let p: Vec<f64> = found.iter().map(|(_, _, finding)| finding.p).collect();
    let name = |level: usize| names.get(level).cloned().unwrap_or_default();
    let mut hints = Vec::new();
    for ((contest, conduct, finding), q) in found.into_iter().zip(benjamini_hochberg(&p)) {
        if q > Q_MAX || !finding.points_to_better(contest.higher_is_better) {
            continue;
        }
        let mut hint = Hint {
            better: name(contest.better),
            other: name(contest.other),
            factor: conduct.name.clone(),
            records: finding.records,
            difference: finding.difference,
            standardised_difference: finding.standardised,
            p: finding.p,
            q,
            association: finding.association,
            sentence: String::new(),
        };
        hint.sentence = hint_sentence(&hint, conduct.measure);
        hints.push(hint);
    }
    hints.sort_by(|a, b| a.q.total_cmp(&b.q).then_with(|| a.factor.cmp(&b.factor)));
    hints.truncate(HINTS_MAX);
    hints
}

/// The combination of categorical context labels of every record, without the crew.
fn strata(records: &Records) -> Vec<Vec<usize>> {
    let mut keys = Vec::new();
    for column in records.context.iter().filter(|column| !column.is_crew) {
        let Values::Categorical { codes, .. } = &column.values else {
            continue;
        };
        keys.resize(codes.len(), Vec::new());
        for (key, code) in keys.iter_mut().zip(codes) {
            key.push(*code);
        }
    }
    keys
}

/// The outcome per record: the value, or events per size.
fn outcome(records: &Records) -> Vec<f64> {
    let rate = records.rates;
    let rows = records.value.iter().zip(&records.weight);
    rows.map(|(value, weight)| if rate { value / weight } else { *value })
        .collect()
}

/// A record of one of the two levels.
struct Row<'a> {
    stratum: &'a [usize],
    is_better: bool,
    day: usize,
    conduct: f64,
    outcome: f64,
}

fn rows<'a>(
    records: &Records,
    conduct: &Conduct,
    (strata, outcome): (&'a [Vec<usize>], &[f64]),
    contest: Contest,
) -> Vec<Row<'a>> {
    let columns = records
        .level
        .iter()
        .zip(&records.day)
        .zip(&conduct.values)
        .zip(outcome);
    let all = columns
        .enumerate()
        .filter_map(|(at, (((level, day), conduct), outcome))| {
            (*level == contest.better || *level == contest.other).then_some(Row {
                stratum: strata.get(at).map_or(&[], Vec::as_slice),
                is_better: *level == contest.better,
                day: *day,
                conduct: (*conduct)?,
                outcome: *outcome,
            })
        });
    let all: Vec<Row<'a>> = all.collect();
    let sides = |wanted: bool| -> BTreeSet<&'a [usize]> {
        all.iter()
            .filter(|row| row.is_better == wanted)
            .map(|row| row.stratum)
            .collect()
    };
    let both: BTreeSet<&[usize]> = sides(true).intersection(&sides(false)).copied().collect();
    all.into_iter()
        .filter(|row| both.contains(row.stratum))
        .collect()
}

/// Each value less the mean of its cell.
fn centred<K: Ord>(
    rows: &[Row<'_>],
    value: impl Fn(&Row<'_>) -> f64,
    cell: impl Fn(&Row<'_>) -> K,
) -> Vec<f64> {
    let mut sums: BTreeMap<K, (f64, f64)> = BTreeMap::new();
    for row in rows {
        let sum = sums.entry(cell(row)).or_default();
        sum.0 += value(row);
        sum.1 += 1.0;
    }
    let mean = |row: &Row<'_>| sums.get(&cell(row)).map_or(0.0, |(sum, n)| sum / n);
    rows.iter().map(|row| value(row) - mean(row)).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

impl Finding {
    fn new(rows: &[Row<'_>]) -> Option<Self> {
        let better = rows.iter().filter(|row| row.is_better).count();
        let other = rows.len() - better;
        if better.min(other) < RECORDS_MIN {
            return None;
        }
        let stratum = |row: &Row<'_>| row.stratum.to_vec();
        let side = centred(rows, |row| f64::from(u8::from(row.is_better)), stratum);
        let conduct = centred(rows, |row| row.conduct, stratum);
        let weight = dot(&side, &side);
        let difference = dot(&side, &conduct) / weight;
        let cell = |row: &Row<'_>| (row.stratum.to_vec(), row.is_better);
        let within = centred(rows, |row| row.conduct, cell);
        let outcome = centred(rows, |row| row.outcome, cell);
        let cells: BTreeSet<_> = rows.iter().map(cell).collect();
        let free = rows
            .len()
            .checked_sub(cells.len())
            .filter(|free| *free > 0)? as f64;
        let spread = (dot(&within, &within) / free).sqrt();
        if !(spread > 0.0 && weight > 0.0) {
            return None;
        }
        let mut scores: BTreeMap<usize, f64> = BTreeMap::new();
        for ((row, side), conduct) in rows.iter().zip(&side).zip(&conduct) {
            *scores.entry(row.day).or_default() += side * (conduct - difference * side);
        }
        let days = scores.len() as f64;
        let factor = days / (days - 1.0).max(1.0);
        let se = (factor * scores.values().map(|score| score * score).sum::<f64>()).sqrt() / weight;
        let statistic = if se > 0.0 { difference / se } else { 0.0 };
        let size = (dot(&within, &within) * dot(&outcome, &outcome)).sqrt();
        let association = if size > 0.0 {
            dot(&within, &outcome) / size
        } else {
            0.0
        };
        let rest = (1.0 - association * association).max(0.0).sqrt();
        let clear = p_two_sided(association * free.sqrt() / rest, Some(free)) < ASSOCIATION_P_MAX;
        Some(Self {
            is_associated: clear,
            association,
            records: (better, other),
            difference,
            standardised: difference / spread,
            p: p_two_sided(statistic, Some((days - 1.0).max(1.0))),
        })
    }

    /// Large enough, and its direction goes with the better outcome.
    fn points_to_better(&self, higher_is_better: bool) -> bool {
        let good = if higher_is_better { 1.0 } else { -1.0 };
        self.is_associated
            && self.standardised.abs() >= STANDARDISED_MIN
            && self.association * self.difference * good > 0.0
    }
}

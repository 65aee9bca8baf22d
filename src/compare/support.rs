//! Common support: only circumstances that every compared level had can be compared without extrapolation.

use std::collections::{BTreeMap, BTreeSet};

use super::design::occurring;
use super::records::{Records, Values};

/// Smaller shares of records in a common range make an adjustment a guess.
const OVERLAP_MIN: f64 = 0.5;

/// Records under common circumstances, and the labels that are not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Support {
    /// Whether each record is inside.
    pub(super) keep: Vec<bool>,
    /// Labels outside, as `factor label`.
    pub(super) outside: Vec<String>,
}

impl Support {
    /// Takes out the labels of categorical context that not every level has, until every label left is in every level.
    /// Crews are not meant: they rotate, and a crew that is in one level only is no circumstance.
    pub(super) fn new(records: &Records) -> Self {
        let mut keep = vec![true; records.len()];
        let mut outside = Vec::new();
        loop {
            let before = outside.len();
            for column in records.context.iter().filter(|column| !column.is_crew) {
                let Values::Categorical { names, codes } = &column.values else {
                    continue;
                };
                for code in missing_somewhere(records, codes, &keep) {
                    let label = names.get(code).map_or("", String::as_str);
                    outside.push(format!("{} {label}", column.name));
                    for (kept, of) in keep.iter_mut().zip(codes) {
                        *kept &= *of != code;
                    }
                }
            }
            if outside.len() == before {
                return Self { keep, outside };
            }
        }
    }

    /// Number of records inside.
    pub(super) fn inside(&self) -> usize {
        self.keep.iter().filter(|keep| **keep).count()
    }
}

/// Numeric factors whose levels hardly overlap, with the share of records in the range that all levels have: there the
/// adjustment follows a straight line beyond what a level has shown.
pub(super) fn hardly_overlapping(records: &Records) -> Vec<(&str, f64)> {
    let mut found = Vec::new();
    for column in &records.context {
        let Values::Numeric(values) = &column.values else {
            continue;
        };
        let mut ranges: BTreeMap<usize, (f64, f64)> = BTreeMap::new();
        for (value, level) in values.iter().zip(&records.level) {
            let range = ranges.entry(*level).or_insert((*value, *value));
            *range = (range.0.min(*value), range.1.max(*value));
        }
        let low = ranges
            .values()
            .fold(f64::NEG_INFINITY, |low, range| low.max(range.0));
        let high = ranges
            .values()
            .fold(f64::INFINITY, |high, range| high.min(range.1));
        let inside = values
            .iter()
            .filter(|value| (low..=high).contains(*value))
            .count();
        let share = inside as f64 / values.len().max(1) as f64;
        if share < OVERLAP_MIN {
            found.push((column.name.as_str(), share));
        }
    }
    found
}

/// Labels among the kept records that at least one level does not have.
fn missing_somewhere(records: &Records, codes: &[usize], keep: &[bool]) -> Vec<usize> {
    let levels = occurring(&records.level).len();
    let mut seen: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for ((code, level), keep) in codes.iter().zip(&records.level).zip(keep) {
        if *keep {
            seen.entry(*code).or_default().insert(*level);
        }
    }
    let short = seen.iter().filter(|(_, of)| of.len() < levels);
    short.map(|(code, _)| *code).collect()
}

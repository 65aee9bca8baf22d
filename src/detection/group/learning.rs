//! The rows that a group learns from.

use serde::{Deserialize, Serialize};

use super::{ROWS_MAX, TAGS_MAX};

/// A value beyond this is no measurement: squares of it would leave arithmetic.
const VALUE_MAX: f64 = 1e100;

/// Rows in the order of their time, bounded by `need`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Learning {
    tags: usize,
    need: usize,
    /// Row by row; NaN where a tag had no value.
    values: Vec<f64>,
    /// Per row: whether the row before it is too far away to be its neighbour.
    starts: Vec<bool>,
    is_broken: bool,
}

impl Learning {
    pub(super) const fn new(tags: usize, need: usize) -> Self {
        Self {
            tags,
            need,
            values: Vec::new(),
            starts: Vec::new(),
            is_broken: true,
        }
    }

    pub(super) const fn have(&self) -> usize {
        self.starts.len()
    }

    pub(super) const fn need(&self) -> usize {
        self.need
    }

    pub(super) const fn is_complete(&self) -> bool {
        self.have() >= self.need
    }

    /// Whether at least half of the tags have a value.
    pub(super) fn can_use(&self, row: &[f64]) -> bool {
        let present = row.iter().filter(|value| is_measured(**value)).count();
        present * 2 >= self.tags
    }

    /// Whether it was made for as many tags and rows as `other`.
    pub(super) const fn fits(&self, other: &Self) -> bool {
        self.tags == other.tags && self.need == other.need
    }

    /// Whether the parts fit each other, which may come from a file.
    pub(super) fn is_whole(&self) -> bool {
        let is_small = self.tags <= TAGS_MAX && self.need <= ROWS_MAX && !self.is_complete();
        is_small && self.values.len() == self.tags * self.have()
    }

    pub(super) fn push(&mut self, row: &[f64], is_start: bool) {
        if self.values.capacity() < self.tags * self.need {
            let missing = self.tags * self.need - self.values.len();
            self.values.reserve_exact(missing);
        }
        let checked = |value: &f64| {
            if is_measured(*value) {
                *value
            } else {
                f64::NAN
            }
        };
        self.values.extend(row.iter().map(checked));
        self.starts.push(is_start || self.is_broken);
        self.is_broken = false;
    }

    /// The next row is no neighbour of the last one.
    pub(super) const fn break_here(&mut self) {
        self.is_broken = true;
    }

    /// Drops the older half, so that what could not be learned from does not stay for ever.
    pub(super) fn forget_older_half(&mut self) {
        let drop = self.have() - self.have() / 2;
        self.values.drain(..drop * self.tags);
        self.starts.drain(..drop);
    }

    /// The values of one tag.
    pub(super) fn column(&self, tag: usize) -> Vec<f64> {
        let values = self.values.iter().skip(tag).step_by(self.tags.max(1));
        values.copied().collect()
    }

    pub(super) fn starts(&self) -> &[bool] {
        &self.starts
    }
}

fn is_measured(value: f64) -> bool {
    value.abs() <= VALUE_MAX
}

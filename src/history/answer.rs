//! Answers: numbers per bucket, and in words of a few bits why there is none.

use super::query::{Aggregate, Step};
use super::tables::Tier;
use crate::model::{Quality, Timestamp, Value};

/// Why a bucket has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gap {
    /// Nothing was recorded.
    NoData,
    /// Something was recorded, but no Good number.
    NoGoodValue,
    /// A chunk of the store is damaged. What is shown is of the rest.
    Damaged,
    /// The tier that this step needs is not kept for so long; a longer step has an answer.
    Expired,
}

impl Gap {
    /// As in tables and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoData => "no_data",
            Self::NoGoodValue => "no_good_value",
            Self::Damaged => "damaged",
            Self::Expired => "expired",
        }
    }
}

/// The answer to a [`super::Query`].
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The tier that the buckets were made of.
    pub tier: Tier,
    /// Length of the buckets, as chosen.
    pub step: Step,
    /// The statistics, in the order of the columns.
    pub aggregates: Vec<Aggregate>,
    /// Whether any percentile was worked out from roll-ups: an approximation, see [`SeriesAnswer::is_approximate`].
    pub approximate: bool,
    /// Recently written blocks that were damaged and are missing, wherever they belonged.
    pub damaged_blocks: u64,
    /// Edges of the buckets: one more than buckets. The range is the one asked for, rounded outwards.
    pub edges: Vec<Timestamp>,
    /// The series, in the order asked for.
    pub series: Vec<SeriesAnswer>,
}

/// The numbers of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesAnswer {
    /// Name of the series.
    pub name: String,
    /// Unit of its values; may be empty.
    pub unit: String,
    /// Its asset path; may be empty.
    pub asset: String,
    /// Aggregate by aggregate; NaN where there is none.
    pub(super) columns: Vec<Vec<f64>>,
    /// Share of each bucket that samples cover.
    pub(super) coverage: Vec<f32>,
    pub(super) gaps: Vec<Option<Gap>>,
    pub(super) approximate: Vec<bool>,
}

impl SeriesAnswer {
    /// The value of the `aggregate`-th column in a bucket; `None` when there is none, see [`SeriesAnswer::gap`].
    pub fn value(&self, aggregate: usize, bucket: usize) -> Option<f64> {
        let value = *self.columns.get(aggregate)?.get(bucket)?;
        (!value.is_nan()).then_some(value)
    }

    /// Share of a bucket's time, 0 to 1, for which a sample of any quality stood.
    pub fn coverage(&self, bucket: usize) -> f64 {
        self.coverage.get(bucket).copied().map_or(0.0, f64::from)
    }

    /// Why a bucket has no value, or that it lacks some of its data.
    pub fn gap(&self, bucket: usize) -> Option<Gap> {
        self.gaps.get(bucket).copied().flatten()
    }

    /// Whether the percentiles of a bucket are of roll-ups. Each roll-up then counts as three values that have its mean
    /// and its standard deviation, within its extremes.
    pub fn is_approximate(&self, bucket: usize) -> bool {
        self.approximate.get(bucket).copied().unwrap_or(false)
    }
}

/// One line of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerRow<'a> {
    /// The series.
    pub series: &'a SeriesAnswer,
    /// Start of the bucket.
    pub start: Timestamp,
    /// End of the bucket.
    pub end: Timestamp,
    /// One value per aggregate.
    pub values: Vec<Option<f64>>,
    /// Share of the bucket that samples cover, 0 to 1.
    pub coverage: f64,
    /// Why a value is missing.
    pub gap: Option<Gap>,
    /// Whether percentiles are approximate.
    pub approximate: bool,
}

impl Answer {
    /// Number of buckets.
    pub fn buckets(&self) -> usize {
        self.edges.len().saturating_sub(1)
    }

    /// Line by line: all buckets of the first series, then of the second.
    pub fn rows(&self) -> impl Iterator<Item = AnswerRow<'_>> {
        self.series.iter().flat_map(move |series| {
            let spans = self.edges.iter().zip(self.edges.iter().skip(1));
            spans
                .enumerate()
                .map(move |(bucket, (start, end))| AnswerRow {
                    series,
                    start: *start,
                    end: *end,
                    values: (0..self.aggregates.len())
                        .map(|a| series.value(a, bucket))
                        .collect(),
                    coverage: series.coverage(bucket),
                    gap: series.gap(bucket),
                    approximate: series.is_approximate(bucket),
                })
        })
    }
}

/// Raw samples of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct Samples {
    /// In order of time.
    pub samples: Vec<(Timestamp, Value, Quality)>,
    /// Whether there are more than were asked for; the next begin after the last of these.
    pub truncated: bool,
    /// From when on raw samples are kept.
    pub kept_from: Timestamp,
    /// Hours that are damaged: from, to.
    pub damaged: Vec<(Timestamp, Timestamp)>,
}

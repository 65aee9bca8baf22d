//! Scores of alarms against labelled segments. Pure: rows in, figures out.
//!
//! All rows are counted from 0. The rows before `learn` taught the detector; they are not scored, nor is the part of a
//! segment that lies among them.
//!
//! - A segment is *found* (of class `anomaly`) or *flagged* (`legit`, `gap`) when at least one of its rows alarms. Its
//!   *delay* is the number of rows from its first to its first alarm row.
//! - An *event* is one run of alarm rows. It is *false* when it touches no segment of any class.
//! - By points, the positive rows are those in anomaly segments: precision, recall, F1, FAR (normal rows that alarm) and
//!   MAR (anomalous rows that do not).
//! - The *NAB score* is drawn in [`nab`].

mod file;
mod group;
pub mod nab;
mod points;
mod total;

pub use file::{FileScore, SegmentScore};
pub use group::{Group, Tally};
pub use points::Points;
pub use total::{KindScore, Summary};

/// What a detector should do about a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Find it.
    Anomaly,
    /// Leave it alone: a change that was meant.
    Legit,
    /// Leave it alone: data is missing.
    Gap,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 3] = [Self::Anomaly, Self::Legit, Self::Gap];

    /// As `segments.csv` writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Anomaly => "anomaly",
            Self::Legit => "legit",
            Self::Gap => "gap",
        }
    }
}

/// A labelled stretch of rows, both ends included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Its first row.
    pub start: usize,
    /// Its last row.
    pub end: usize,
    /// What it is, in the words of the data set.
    pub kind: String,
    /// What a detector should do about it.
    pub class: Class,
}

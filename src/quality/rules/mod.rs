//! Run rules: patterns of points on a control chart that chance makes rarely.
//!
//! With `z = (x - centre line) / sigma of the point`, and the index of a signal the point that completes the pattern
//! (Nelson 1984, J. Quality Technology 16(4); Western Electric 1956, Statistical Quality Control Handbook):
//!
//! | rule | pattern |
//! |---|---|
//! | 1 | one point beyond a control limit (for symmetric limits `abs(z) > 3`) |
//! | 2 | nine in a row on one side; a point on the centre line breaks the run |
//! | 3 | six in a row rising, or falling; equal values break the run |
//! | 4 | fourteen in a row alternating up and down; equal values break the run |
//! | 5 | two of three beyond 2 on one side, the last one included; there must be three |
//! | 6 | four of five beyond 1 on one side, the last one included; there must be five |
//! | 7 | fifteen in a row within 1 |
//! | 8 | eight in a row beyond 1, both sides present |
//! | WE4 | eight in a row on one side |
//!
//! Every comparison is strict: a point on a limit is no signal. Mean number of points between false alarms of
//! independent normal data: rule 1 370; 1, 5, 6, WE4 92; 1, 2, 5, 6 109; all eight of Nelson 74. That is why a chart
//! says which rules it was read with.

mod pattern;
mod set;

pub(crate) use pattern::find;
pub use pattern::{RulePoint, completing_points};
pub use set::{Rule, RuleSet};

/// On which side of the centre line a signal lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Above.
    Above,
    /// Below.
    Below,
}

impl Side {
    /// `above` or `below`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Above => "above",
            Self::Below => "below",
        }
    }
}

/// A pattern that was completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signal {
    /// The rule.
    pub rule: Rule,
    /// The point that completes the pattern, from 0.
    pub index: usize,
    /// First point of the pattern. Of a CUSUM: the last point at which the sum was 0, which dates the change.
    pub from: usize,
    /// The side of the pattern; of rule 3, above is rising. `None` where it has none.
    pub side: Option<Side>,
}

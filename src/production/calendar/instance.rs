//! One shift that takes place.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;

use super::super::span::Span;

/// Which shift: the local date on which it starts, and its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShiftKey {
    /// Local date of its start.
    pub date: Date,
    /// Its name.
    pub shift: Arc<str>,
}

impl fmt::Display for ShiftKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.date, self.shift)
    }
}

/// A shift in true time.
#[derive(Debug, Clone, PartialEq)]
pub struct ShiftInstance {
    /// Which one.
    pub key: ShiftKey,
    /// The production day it counts to.
    pub production_day: Date,
    /// When its people are scheduled to be present.
    pub present: Span,
    /// When output is credited to it: `present` without the handover from the shift before.
    pub credit: Span,
    /// Who works it; empty where crews are not told apart.
    pub crews: Vec<Arc<str>>,
    /// Whether the rule or an exception made it.
    pub kind: ShiftKind,
    /// Planned stops inside it, in order.
    pub breaks: Vec<Span>,
    /// People.
    pub staffing: Staffing,
    /// Length of its first and last part that count as transition.
    pub transition: Duration,
}

impl ShiftInstance {
    /// Elapsed hours people are present: 7 or 9 for a night in which summer time begins or ends.
    pub fn hours(&self) -> f64 {
        self.present.length().as_secs_f64() / 3_600.0
    }

    /// Who works it, in one word; empty where crews are not told apart.
    pub fn crew(&self) -> String {
        self.crews.join("+")
    }

    /// What is between its first and its last part; empty for a shift that is all transition.
    pub fn settled(&self) -> Span {
        Span::new(
            self.present.start.saturating_add(self.transition),
            self.present.end.saturating_sub(self.transition),
        )
    }
}

/// Why a shift takes place as it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ShiftKind {
    /// By the rule.
    Regular,
    /// At other times or with another crew than the rule says.
    Changed,
    /// Not in the rule.
    Extra,
}

/// People of a shift, as counts.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Staffing {
    /// People present, or planned where the roster does not say.
    pub headcount: Option<u32>,
    /// People planned.
    pub planned: Option<u32>,
    /// Where `headcount` comes from.
    pub source: HeadcountSource,
    /// Share of them who know the work, 0 to 1.
    pub experience_share: Option<f64>,
}

/// Where a headcount comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum HeadcountSource {
    /// Neither roster nor plan says.
    #[default]
    Unknown,
    /// The plan: a fallback, to be shown as such.
    Planned,
    /// The roster.
    Roster,
}

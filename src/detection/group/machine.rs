//! One group from its first row on: it learns, then it charts.

use std::time::Duration;

use super::detector::{Detector, HOLD_ROWS};
use super::fit::fit;
use super::learning::Learning;
use super::memory::{GroupMemory, Rows};
use super::model::GroupModel;
use super::{ROWS_MAX, TAGS_MAX, TAGS_MIN};
use crate::model::Mono;

/// Fewest rows to learn from, in all and per tag.
const ROWS_MIN: usize = 100;
const ROWS_MIN_PER_TAG: usize = 5;
/// Rows between false alarms that limits can be made for.
const ARL0_MIN: f64 = 5.0;
const ARL0_MAX: f64 = 1e12;

/// What a group's charts are built with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroupDesign {
    /// Mean number of rows between false alarms; taken into 5 to 1e12. Each of the two charts gets limits for it; what
    /// both together do on normal data was measured.
    pub arl0: f64,
    /// Expected time between rows.
    pub period: Duration,
    /// Rows to learn from; taken into 100 (or five per tag) to 4,096.
    pub learn_rows: u32,
}

/// Where a group stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupState {
    /// It gathers rows.
    Learning {
        /// Rows gathered.
        have: u32,
        /// Rows wanted.
        need: u32,
    },
    /// It charts.
    Armed,
}

/// What a row says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroupReading {
    /// The larger of the two ratios; from 1 it alarms.
    pub score: f64,
    /// Raised at a score of 1, cleared below 0.8.
    pub is_alarm: bool,
    /// The farthest smoothed level of a tag, over its limit.
    pub level: f64,
    /// The smoothed T² of the innovations, over its limit.
    pub pattern: f64,
    /// Tags without a value in this row.
    pub missing: usize,
}

/// A tag's part in a score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroupShare {
    /// Which tag: its place in the row.
    pub tag: usize,
    /// Share of the limit; the largest is about the score.
    pub share: f64,
    /// Smoothed distance from its normal level in standard deviations; negative is below.
    pub sigmas: f64,
}

/// One machine's group of tags: see the module.
#[derive(Debug, Clone)]
pub struct Group {
    tags: usize,
    arl0: f64,
    period_ns: u64,
    last: Option<Mono>,
    phase: Phase,
}

#[derive(Debug, Clone)]
enum Phase {
    Learning(Learning),
    Armed(Box<Detector>),
}

impl Group {
    /// Fewest tags of a group.
    pub const TAGS_MIN: usize = TAGS_MIN;
    /// Most tags of a group: a row costs the square of it. A machine with more has several groups.
    pub const TAGS_MAX: usize = TAGS_MAX;

    /// A group of 2 to 64 tags that has learned nothing; with another number it never uses a row.
    pub fn new(tags: usize, design: GroupDesign) -> Self {
        let least = ROWS_MIN.max(ROWS_MIN_PER_TAG * tags.min(TAGS_MAX));
        let need = usize::try_from(design.learn_rows).unwrap_or(ROWS_MAX);
        let period_ns = u64::try_from(design.period.as_nanos()).unwrap_or(u64::MAX);
        Self {
            tags,
            arl0: taken_in(design.arl0),
            period_ns: period_ns.max(1),
            last: None,
            phase: Phase::Learning(Learning::new(tags, need.clamp(least, ROWS_MAX))),
        }
    }

    /// Learns from or charts one row: the values of all tags at one moment, NaN for a tag without one.
    ///
    /// `None` while it learns, and when the row cannot be used: it is not newer than the last one, has another number
    /// of values, or too few of them. The row that completes the learning costs the fit: 5 ms for 8 tags and 400 rows,
    /// 150 ms for 64 and 4,096. Every other one costs well below a microsecond for 8 tags and a few for 64.
    pub fn step(&mut self, row: &[f64], at: Mono) -> Option<GroupReading> {
        if row.len() != self.tags || !(TAGS_MIN..=TAGS_MAX).contains(&self.tags) {
            return None;
        }
        let can_use = match &self.phase {
            Phase::Learning(learning) => learning.can_use(row),
            Phase::Armed(detector) => detector.can_use(row),
        };
        if !can_use {
            return None;
        }
        let rows = self.rows_since_last(at)?;
        self.last = Some(at);
        let learning = match &mut self.phase {
            Phase::Armed(detector) => return Some(detector.advance(row, rows)),
            Phase::Learning(learning) => learning,
        };
        learning.push(row, rows > HOLD_ROWS);
        if learning.is_complete() {
            // Older rows make room for new ones when nothing came of them.
            match fit(learning, self.tags) {
                Some(model) => self.phase = Phase::Armed(Box::new(Detector::new(model, self.arl0))),
                None => learning.forget_older_half(),
            }
        }
        None
    }

    /// Whether it learns or charts.
    pub fn state(&self) -> GroupState {
        let count = |rows: usize| u32::try_from(rows).unwrap_or(u32::MAX);
        match &self.phase {
            Phase::Learning(learning) => GroupState::Learning {
                have: count(learning.have()),
                need: count(learning.need()),
            },
            Phase::Armed(_) => GroupState::Armed,
        }
    }

    /// What it has learned, to be stored.
    pub fn model(&self) -> Option<&GroupModel> {
        match &self.phase {
            Phase::Learning(_) => None,
            Phase::Armed(detector) => Some(detector.model()),
        }
    }

    /// The rows that it has gathered to learn from, to be stored; none when there are none, or it has learned.
    pub fn unfinished(&self) -> Option<GroupMemory> {
        match &self.phase {
            Phase::Learning(learning) if learning.have() > 0 => {
                Some(GroupMemory::Unfinished(Rows(learning.clone())))
            }
            Phase::Learning(_) | Phase::Armed(_) => None,
        }
    }

    /// Goes on with what an earlier process has learned or gathered. False, and nothing changes, when that does not fit
    /// this group.
    pub fn recall(&mut self, memory: GroupMemory) -> bool {
        let gathered = match memory {
            GroupMemory::Model(model) => return self.arm(model),
            GroupMemory::Unfinished(Rows(gathered)) => gathered,
        };
        let Phase::Learning(learning) = &mut self.phase else {
            return false;
        };
        let fits = gathered.fits(learning) && gathered.is_whole();
        if fits {
            *learning = gathered;
            learning.break_here();
        }
        fits
    }

    /// Charts by a model that was learned before. False, and nothing changes, when the model is not valid or is one of
    /// another number of tags.
    pub fn arm(&mut self, model: GroupModel) -> bool {
        if model.tags().len() != self.tags || !model.is_valid() {
            return false;
        }
        self.phase = Phase::Armed(Box::new(Detector::new(model, self.arl0)));
        true
    }

    /// Sets the statistics to those of normal data: after a gap, a changeover, a quiet time. What was learned stays.
    pub fn reset(&mut self) {
        match &mut self.phase {
            Phase::Learning(learning) => learning.break_here(),
            Phase::Armed(detector) => detector.reset(),
        }
    }

    /// Tags by their share of the limit, largest first; empty while it learns. Still tags are left out.
    pub fn contributions(&self) -> Vec<GroupShare> {
        match &self.phase {
            Phase::Learning(_) => Vec::new(),
            Phase::Armed(detector) => detector.contributions(),
        }
    }

    /// Periods since the last row, at least one; `None` when the row is not newer.
    fn rows_since_last(&self, at: Mono) -> Option<u64> {
        let Some(last) = self.last else {
            return Some(u64::MAX);
        };
        let passed = at.as_nanos().checked_sub(last.as_nanos())?;
        let rows = passed.saturating_add(self.period_ns / 2) / self.period_ns;
        (passed > 0).then_some(rows.max(1))
    }
}

/// A wish that is no number is taken for the most sensitive one.
fn taken_in(arl0: f64) -> f64 {
    if arl0 > ARL0_MIN {
        arl0.min(ARL0_MAX)
    } else {
        ARL0_MIN
    }
}

//! Learning: collects the first Good samples of a signal until its model can be fitted.

use serde::{Deserialize, Serialize};

use super::design::ChartDesign;
use super::fit::{Lesson, fit};
use super::model::{ModeId, Model};
use super::number::single;
use super::nursery::Place;
use super::pattern::Phase;
use super::self_start::{SelfStart, Started};
use crate::config::Profile;

/// Samples kept at most; a longer learning phase keeps pairs of neighbours spread over it.
const KEPT_MAX: usize = 4096;
/// A day teaches a pattern of the day, and a little more closes the circle.
const DAY_S: f64 = 86_400.0 * 1.05;

/// Collects the samples of one slot.
///
/// They are kept as single-precision distances from the first one, which halves the memory and loses nothing that
/// matters: a distance is good to seven digits of itself however far from zero the signal is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Learner {
    place: Place,
    have: usize,
    seen: u64,
    need: u64,
    first: f64,
    notes: Notes,
    chart: SelfStart,
    is_still: bool,
    /// The next sample stands alone, whatever time says.
    is_parted: bool,
}

/// What is known of the kept samples besides their values; empty while there is nothing to know.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Notes {
    /// Kept samples whose neighbour before is missing.
    breaks: Vec<u16>,
    /// Mode and phase, for slots that follow a context or repeat a day.
    surroundings: Vec<(ModeId, Phase)>,
}

/// What a slot has collected, in the form that outlives the process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Lessons {
    seen: u64,
    need: u64,
    first: f64,
    /// Distances from `first`.
    kept: Vec<f32>,
    notes: Notes,
    chart: SelfStart,
}

impl Lessons {
    /// Whether the numbers, which may come from a file, can be learned from.
    pub(super) fn is_usable(&self) -> bool {
        let surroundings = self.notes.surroundings.len();
        let count = self.kept.len();
        self.first.is_finite()
            && self.chart.is_usable()
            && count as u64 <= self.seen
            && (surroundings == 0 || surroundings == count)
            && self
                .notes
                .breaks
                .is_sorted_by(|before, after| before < after)
            && self
                .notes
                .breaks
                .last()
                .is_none_or(|last| usize::from(*last) < count)
    }
}

/// What surrounds a sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Surroundings {
    pub(super) mode: ModeId,
    pub(super) phase: Phase,
    /// Whether the sample before is the neighbour in time, in the same mode.
    pub(super) follows: bool,
    /// Whether mode or phase can ever be anything but nothing.
    pub(super) matter: bool,
}

impl Learner {
    /// Samples that are kept of a design's learning phase.
    pub(super) fn kept(design: &ChartDesign) -> usize {
        let wanted = usize::try_from(Self::total(design)).unwrap_or(KEPT_MAX);
        wanted.clamp(2, KEPT_MAX)
    }

    /// Samples of the learning phase: what the wish asks for, and at least a day where the day is to be learned.
    fn total(design: &ChartDesign) -> u64 {
        let wanted = u64::from(design.learn_samples);
        match design.profile {
            Profile::Day | Profile::Week => wanted.max(whole(DAY_S / design.period.as_secs_f64())),
            Profile::Auto | Profile::None | Profile::Cycle => wanted,
        }
    }

    /// Learns in the room at `place`.
    pub(super) fn new(place: Place, design: &ChartDesign) -> Self {
        Self {
            place,
            have: 0,
            seen: 0,
            need: Self::total(design).max(2),
            first: 0.0,
            notes: Notes::default(),
            chart: SelfStart::new(design.arl0),
            is_still: false,
            is_parted: false,
        }
    }

    /// The same place, with nothing learned.
    pub(super) fn anew(&self, design: &ChartDesign) -> Self {
        Self::new(self.place, design)
    }

    /// Where its samples are kept.
    pub(super) const fn place(&self) -> Place {
        self.place
    }

    /// What has been collected in `room`; none before the first sample.
    pub(super) fn lessons(&self, room: &[f32]) -> Option<Lessons> {
        (self.seen > 0).then(|| Lessons {
            seen: self.seen,
            need: self.need,
            first: self.first,
            kept: room.iter().take(self.have).copied().collect(),
            notes: self.notes.clone(),
            chart: self.chart,
        })
    }

    /// Goes on with what was collected in an earlier process; the next sample has no neighbour before it. False, and
    /// nothing changes, when that was for a learning phase of another length.
    pub(super) fn resume(&mut self, lessons: Lessons, room: &mut [f32]) -> bool {
        let fits = lessons.need == self.need && lessons.kept.len() <= room.len();
        if fits {
            for (place, kept) in room.iter_mut().zip(&lessons.kept) {
                *place = *kept;
            }
            self.have = lessons.kept.len();
            self.seen = lessons.seen;
            self.first = lessons.first;
            self.notes = lessons.notes;
            self.chart = lessons.chart;
            self.is_parted = true;
        }
        fits
    }

    /// Samples seen and samples needed.
    pub(super) const fn progress(&self) -> (u64, u64) {
        (self.seen, self.need)
    }

    /// Whether a whole learning phase passed without enough movement to learn from.
    pub(super) const fn is_still(&self) -> bool {
        self.is_still
    }

    /// Takes one finite value into `room`. Returns what the self-starting chart says, in the tag's unit.
    pub(super) fn observe(
        &mut self,
        value: f64,
        around: Surroundings,
        room: &mut [f32],
    ) -> Started {
        if self.seen == 0 {
            self.first = value;
        }
        let follows = around.follows && !std::mem::take(&mut self.is_parted);
        let stride = self.need.div_ceil(room.len().max(1) as u64);
        // Pairs of neighbours, so that the dependence on the sample before can be told from any selection.
        let index = self.seen % (2 * stride);
        self.seen += 1;
        if index < 2
            && let Some(free) = room.get_mut(self.have)
        {
            *free = single(value - self.first);
            if !follows || (index == 0 && stride > 1) {
                self.notes.breaks.extend(u16::try_from(self.have));
            }
            if around.matter {
                self.notes.surroundings.push((around.mode, around.phase));
            }
            self.have += 1;
        }
        let said = self.chart.observe(value - self.first);
        Started {
            normal: self.first + said.normal,
            ..said
        }
    }

    /// The plant has announced a change: its level is no shift, and the sample after it no neighbour of the one before.
    pub(super) fn part(&mut self, design: &ChartDesign) {
        self.chart = SelfStart::new(design.arl0);
        self.is_parted = true;
    }

    /// Ends the learning phase with what has been seen so far.
    pub(super) const fn end(&mut self) {
        self.need = self.seen;
    }

    /// Whether the learning phase is over.
    pub(super) const fn is_complete(&self) -> bool {
        self.seen >= self.need
    }

    /// The model, once the learning phase is over. When the signal did not move enough, or its values are beyond
    /// arithmetic, learning begins again.
    pub(super) fn conclude(&mut self, room: &[f32], design: &ChartDesign) -> Option<Model> {
        let kept = room.get(..self.have).unwrap_or_default();
        let is_arithmetic = kept.iter().all(|offset| offset.is_finite());
        let model = is_arithmetic
            .then(|| fit(&self.taught(kept), design))
            .flatten();
        *self = Self {
            is_still: model.is_none(),
            ..self.anew(design)
        };
        model
    }

    fn taught(&self, kept: &[f32]) -> Vec<Lesson> {
        let mut breaks = self
            .notes
            .breaks
            .iter()
            .map(|at| usize::from(*at))
            .peekable();
        let lesson = |(index, offset): (usize, &f32)| {
            let is_break = breaks.next_if_eq(&index).is_some();
            let around = self.notes.surroundings.get(index).copied();
            let (mode, phase) = around.unwrap_or((ModeId::default(), Phase::UNKNOWN));
            Lesson {
                value: self.first + f64::from(*offset),
                mode,
                phase,
                follows: !is_break && index > 0,
            }
        };
        kept.iter().enumerate().map(lesson).collect()
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count of samples; what is too large saturates"
)]
const fn whole(count: f64) -> u64 {
    count as u64
}

//! The bank: every slot's learning phase, charts and faults, stepped in batches.

mod announced;
mod decisions;
mod learning;
mod memory;
mod status;
mod stepping;

pub use memory::Memory;

use std::collections::BTreeMap;

use super::arrival::{Arrival, Stage};
use super::charted::Charted;
use super::charts::{Column, LANES, Limits, Readings, State, Stepper, put};
use super::context::{ContextPlan, Contexts};
use super::design::{CHARTS, ChartDesign};
use super::fault::Fault;
use super::finding::Finding;
use super::learner::Learner;
use super::nursery::Nursery;
use super::pattern::Phase;
use super::phases::Phases;
use super::wander::Wander;
use crate::config::{Level, Profile};
use crate::model::Mono;

/// Models fitted per call at most.
const FITS_PER_STEP: u32 = 16;

/// Index of a detected tag in the bank: dense, in the order of the designs given to [`Bank::new`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub u32);

impl Slot {
    /// As an index into per-slot tables.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// One Good value for one slot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Input {
    /// Which slot.
    pub slot: Slot,
    /// The value in the tag's unit; ignored unless finite.
    pub value: f64,
    /// When it was sampled; ignored unless later than the slot's last one.
    pub at: Mono,
}

/// How far a slot is, for status and explanations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotState {
    /// Collecting its first baseline; only the self-starting chart watches.
    Learning {
        /// Good samples seen.
        have: u64,
        /// Good samples needed before anything is estimated.
        need: u64,
        /// The signal did not move enough for a baseline last time.
        is_still: bool,
    },
    /// Charts run with wider limits while the baseline improves.
    Provisional,
    /// Charts run on a known baseline.
    Armed,
}

/// The cold side of a slot.
#[derive(Debug, Clone)]
enum Mind {
    Learning(Box<Learner>),
    Charted(Box<Charted>),
    Wandering(Box<Wander>),
}

impl Mind {
    /// Of a signal that is followed and has no level.
    fn follow(design: &ChartDesign) -> Self {
        let has_day = matches!(design.profile, Profile::Day | Profile::Week);
        Self::Wandering(Box::new(Wander::new(design.arl0 / CHARTS, has_day)))
    }

    fn learner(&mut self) -> Option<&mut Learner> {
        if let Self::Learning(learner) = self {
            Some(learner)
        } else {
            None
        }
    }

    fn charted(&mut self) -> Option<&mut Charted> {
        if let Self::Charted(charted) = self {
            Some(charted)
        } else {
            None
        }
    }

    const fn is_wandering(&self) -> bool {
        matches!(self, Self::Wandering(_))
    }

    fn wander(&mut self) -> Option<&mut Wander> {
        if let Self::Wandering(wander) = self {
            Some(wander)
        } else {
            None
        }
    }
}

/// Sixteen slots, and the samples that wait to be stepped together.
#[derive(Debug, Clone, Default)]
struct Block {
    state: State,
    limits: Limits,
    /// Largest statistic over its limit, per slot.
    scores: Column,
    /// Slots whose every quiet sample teaches, and slots with a fault that stands.
    taught: u32,
    faulty: u32,
}

/// Samples of one block that have arrived and are not charted yet.
#[derive(Debug, Clone)]
struct Pending {
    block: usize,
    residual: Column,
    fed: Column,
    /// Whether there is any, and whether the value of one is stuck.
    is_any: bool,
    is_stuck: bool,
    value: [f64; LANES],
    at: [Mono; LANES],
    phase: [Phase; LANES],
}

/// Charts for many tags.
#[derive(Debug, Clone)]
pub struct Bank {
    designs: Vec<ChartDesign>,
    arrivals: Vec<Arrival>,
    blocks: Vec<Block>,
    minds: Vec<Mind>,
    faults: BTreeMap<usize, Fault>,
    contexts: Contexts,
    nursery: Nursery,
    phases: Phases,
    pending: Pending,
    readings: Readings,
    stepper: Stepper,
    fits_left: u32,
}

impl Bank {
    /// One slot per design, all learning.
    pub fn new(designs: &[ChartDesign], contexts: &[ContextPlan]) -> Self {
        let (nursery, places) = Nursery::new(designs.iter().map(Learner::kept));
        let mind = |(design, place): (&ChartDesign, _)| match design.level {
            Level::Fixed => Mind::Learning(Box::new(Learner::new(place, design))),
            Level::Wandering => Mind::follow(design),
        };
        let stage = |design: &ChartDesign| match design.level {
            Level::Fixed => Stage::Learning,
            Level::Wandering => Stage::Wandering,
        };
        Self {
            arrivals: designs
                .iter()
                .map(|design| Arrival::new(design.period, stage(design)))
                .collect(),
            blocks: vec![Block::default(); designs.len().div_ceil(LANES)],
            minds: designs.iter().zip(places).map(mind).collect(),
            faults: BTreeMap::new(),
            contexts: Contexts::new(contexts, designs.len()),
            nursery,
            phases: Phases {
                learning: designs.len(),
                ..Phases::default()
            },
            pending: Pending {
                block: 0,
                residual: [0.0; LANES],
                fed: [0.0; LANES],
                is_any: false,
                is_stuck: false,
                value: [0.0; LANES],
                at: [Mono::default(); LANES],
                phase: [Phase::UNKNOWN; LANES],
            },
            readings: Readings::default(),
            stepper: Stepper::new(),
            fits_left: FITS_PER_STEP,
            designs: designs.to_vec(),
        }
    }
}

impl Bank {
    /// Writes level and limits of a slot anew; its statistics go on.
    fn renew(&mut self, slot: usize) {
        let (block, lane) = place(slot);
        if let (Some(Mind::Charted(charted)), Some(block), Some(design), Some(arrival)) = (
            self.minds.get_mut(slot),
            self.blocks.get_mut(block),
            self.designs.get(slot),
            self.arrivals.get_mut(slot),
        ) {
            arrival.stuck_at = count(charted.write_limits(&mut block.limits, lane, design));
        }
        self.relevel(slot);
    }

    /// Writes the level of a slot anew.
    fn relevel(&mut self, slot: usize) {
        if let (Some(Mind::Charted(charted)), Some(arrival)) =
            (self.minds.get(slot), self.arrivals.get_mut(slot))
            && let Some(level) = charted.level()
        {
            let (block, lane) = place(slot);
            if let Some(block) = self.blocks.get_mut(block) {
                mark(&mut block.taught, lane, charted.is_taught());
            }
            arrival.level = level.level;
            arrival.per_spread = 1.0 / (level.spread * charted.spread_guard());
        }
    }

    fn set_score(&mut self, slot: usize, score: f32) {
        let (block, lane) = place(slot);
        if let Some(block) = self.blocks.get_mut(block) {
            put(&mut block.scores, lane, score);
        }
    }

    /// Decides anew what becomes of a slot's samples.
    fn set_stage(&mut self, slot: usize) {
        let context = self.contexts.of(slot);
        let is_quiet = context.is_some_and(|context| context.is_quiet);
        if let (Some(mind), Some(arrival)) = (self.minds.get(slot), self.arrivals.get_mut(slot)) {
            arrival.stage = match mind {
                _ if is_quiet => Stage::Quiet,
                Mind::Wandering(_) => Stage::Wandering,
                Mind::Learning(_) => Stage::Learning,
                Mind::Charted(charted) if charted.needs_attention() => Stage::Attended,
                Mind::Charted(_) => Stage::Charted,
            };
        }
    }

    /// Sets the statistics of a slot to zero.
    fn reset(&mut self, slot: usize) {
        let (block, lane) = place(slot);
        if let Some(block) = self.blocks.get_mut(block) {
            block.state.reset(lane);
            put(&mut block.scores, lane, 0.0);
        }
    }

    /// Ends the fault of a slot because what it was about has changed.
    fn end_fault(&mut self, slot: usize, out: &mut Vec<Finding>) {
        let (block, lane) = place(slot);
        if let Some(block) = self.blocks.get_mut(block) {
            mark(&mut block.faulty, lane, false);
        }
        if let (Some(fault), Some(arrival)) = (self.faults.remove(&slot), self.arrivals.get(slot)) {
            let id = Slot(u32::try_from(slot).unwrap_or(u32::MAX));
            out.push(fault.ended(id, arrival));
        }
    }
}

/// Sets or clears a slot's bit.
const fn mark(bits: &mut u32, lane: usize, is_set: bool) {
    if is_set {
        *bits |= 1 << lane;
    } else {
        *bits &= !(1 << lane);
    }
}

/// Block and lane of a slot.
const fn place(slot: usize) -> (usize, usize) {
    (slot / LANES, slot % LANES)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count of samples; what is too large saturates"
)]
const fn count(samples: f64) -> u32 {
    samples.ceil() as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detection::model::{ModeId, Model};

    #[test]
    fn a_mind_is_of_one_kind() {
        let mut mind = Mind::Wandering(Box::new(Wander::new(1e3, false)));
        assert!(mind.is_wandering() && mind.wander().is_some());
        assert!(mind.learner().is_none() && mind.charted().is_none());
        let model = Model::known(0.0, 1.0, 0.0);
        let charted = Charted::new(model, ModeId::default(), None);
        let mut mind = Mind::Charted(Box::new(charted));
        assert!(!mind.is_wandering() && mind.wander().is_none());
    }
}

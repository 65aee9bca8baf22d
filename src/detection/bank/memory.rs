//! What a slot knows, in the form that outlives the process.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Bank, Mind, Slot, place};
use crate::detection::charts::COLUMNS;
use crate::detection::learner::Lessons;
use crate::detection::model::{ModeId, Model};
use crate::detection::wander::Wander;

/// What a slot has learned, and where its charts stand. Limits are not part of it: they follow from the model and the
/// wish, which may change between a stop and a start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    known: Known,
    statistics: Option<Statistics>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Known {
    Level(Model),
    Wandering(Box<Wander>),
    Learning(Box<Lessons>),
}

/// Where the charts of a slot with a level stand.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Statistics {
    mode: ModeId,
    columns: [f32; COLUMNS],
    /// The last value, and how many samples had it.
    last: f64,
    run: u32,
}

impl Memory {
    /// A model whose charts begin at zero.
    pub const fn of(model: Model) -> Self {
        Self {
            known: Known::Level(model),
            statistics: None,
        }
    }

    /// The model of a signal with a level.
    pub const fn model(&self) -> Option<&Model> {
        match &self.known {
            Known::Level(model) => Some(model),
            Known::Wandering(_) | Known::Learning(_) => None,
        }
    }

    /// Whether the slot had not learned yet. Its samples belong to the plant that it was taken from.
    pub const fn is_unfinished(&self) -> bool {
        matches!(self.known, Known::Learning(_))
    }

    /// Whether the numbers, which may come from a file, can be charted with.
    pub fn is_usable(&self) -> bool {
        let is_known = match &self.known {
            Known::Level(model) => model.is_usable(),
            Known::Wandering(wander) => wander.is_usable(),
            Known::Learning(lessons) => lessons.is_usable(),
        };
        let is_finite = |statistics: &Statistics| statistics.columns.iter().all(|x| x.is_finite());
        is_known && self.statistics.as_ref().is_none_or(is_finite)
    }

    /// The same for a plant that numbers its modes otherwise. Where the charts stand belongs to the plant it was taken
    /// from.
    #[must_use]
    pub fn travelled(mut self, mode_of: impl Fn(ModeId) -> ModeId) -> Self {
        if let Known::Level(model) = &mut self.known {
            model.renumber(mode_of);
        }
        Self {
            statistics: None,
            ..self
        }
    }
}

impl Bank {
    /// What a slot that still learns has collected; none when it has nothing, or has learned.
    pub fn unfinished(&mut self, slot: Slot) -> Option<Memory> {
        let learner = self.minds.get_mut(slot.index())?.learner()?;
        let lessons = learner.lessons(self.nursery.room(learner.place()))?;
        Some(Memory {
            known: Known::Learning(Box::new(lessons)),
            statistics: None,
        })
    }

    /// What a slot knows; none while it learns.
    pub fn memory(&self, slot: Slot) -> Option<Memory> {
        let index = slot.index();
        let charted = match self.minds.get(index)? {
            Mind::Learning(_) => return None,
            Mind::Wandering(wander) => {
                return Some(Memory {
                    known: Known::Wandering(wander.clone()),
                    statistics: None,
                });
            }
            Mind::Charted(charted) => charted,
        };
        let (block, lane) = place(index);
        let state = &self.blocks.get(block)?.state;
        let arrival = self.arrivals.get(index)?;
        Some(Memory {
            known: Known::Level(charted.model.clone()),
            statistics: Some(Statistics {
                mode: charted.mode,
                columns: state.lane(lane),
                last: arrival.last(),
                run: arrival.run,
            }),
        })
    }

    /// Goes on with what a slot knew `passed` ago. Meant for the start of a run. Charts go on where they stood, as after a
    /// gap of that length; a fault that stood is found again with the next sample. Returns false, and changes nothing,
    /// when the slot does not exist, has another kind of signal, or learned for another length of time.
    pub fn recall(&mut self, slot: Slot, memory: Memory, passed: Duration) -> bool {
        let index = slot.index();
        match memory.known {
            Known::Learning(lessons) => {
                let learner = self.minds.get_mut(index).and_then(Mind::learner);
                return learner.is_some_and(|learner| {
                    let room = self.nursery.room(learner.place());
                    learner.resume(*lessons, room)
                });
            }
            Known::Level(model) => {
                if !self.arm(slot, model) {
                    return false;
                }
            }
            Known::Wandering(followed) => {
                let wander = self.minds.get_mut(index).and_then(Mind::wander);
                return wander
                    .is_some_and(|wander| wander.recall(*followed))
                    .then(|| self.phases.graduate(true))
                    .is_some();
            }
        }
        if let Some(statistics) = memory.statistics {
            self.resume(index, &statistics, passed);
        }
        true
    }

    /// Puts the charts of a slot back to where they stood; those of another mode than the present one say nothing.
    fn resume(&mut self, slot: usize, statistics: &Statistics, passed: Duration) -> Option<()> {
        let (block, lane) = place(slot);
        let charted = self.minds.get_mut(slot)?.charted()?;
        let arrival = self.arrivals.get_mut(slot)?;
        if charted.mode != statistics.mode {
            return None;
        }
        let state = &mut self.blocks.get_mut(block)?.state;
        state.set_lane(lane, &statistics.columns);
        let missing = arrival.resume(statistics.last, statistics.run, passed);
        if missing > 0 {
            self.skip(slot, missing);
        }
        Some(())
    }
}

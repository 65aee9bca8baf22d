//! What a bank says of its slots.

use super::{Bank, Mind, Slot, SlotState, place};
use crate::detection::arrival::Arrival;
use crate::detection::charts::at;
use crate::detection::finding::Chart;
use crate::detection::model::Model;
use crate::detection::phases::Phases;
use crate::model::Mono;

impl Bank {
    /// The chart of the fault that stands, and whether its level has been proposed as the new normal.
    pub fn fault(&self, slot: Slot) -> Option<(Chart, bool)> {
        let fault = self.faults.get(&slot.index())?;
        Some((fault.chart, fault.is_proposed()))
    }

    /// How far a slot is; `None` when it does not exist.
    pub fn slot_state(&self, slot: Slot) -> Option<SlotState> {
        Some(match self.minds.get(slot.index())? {
            Mind::Learning(learner) => {
                let (have, need) = learner.progress();
                SlotState::Learning {
                    have,
                    need,
                    is_still: learner.is_still(),
                }
            }
            Mind::Charted(charted) if charted.is_armed() => SlotState::Armed,
            Mind::Charted(_) => SlotState::Provisional,
            Mind::Wandering(wander) if wander.is_armed() => SlotState::Armed,
            Mind::Wandering(wander) => {
                let (have, need) = wander.progress();
                SlotState::Learning {
                    have: u64::from(have),
                    need: u64::from(need),
                    is_still: false,
                }
            }
        })
    }

    /// The model that a slot is charted against; none while it learns.
    pub fn model(&self, slot: Slot) -> Option<&Model> {
        match self.minds.get(slot.index())? {
            Mind::Learning(_) | Mind::Wandering(_) => None,
            Mind::Charted(charted) => Some(&charted.model),
        }
    }

    /// Since when the baseline of a slot counts; none while it learns, and when it was known before the start.
    pub fn learned_at(&self, slot: Slot) -> Option<Mono> {
        match self.minds.get(slot.index())? {
            Mind::Learning(_) | Mind::Wandering(_) => None,
            Mind::Charted(charted) => charted.learned_at,
        }
    }

    /// Whether a fault of a slot stands, and the largest statistic over its limit at the last sample.
    pub fn verdict(&self, slot: Slot) -> (bool, f32) {
        let (block, lane) = place(slot.index());
        let score = self
            .blocks
            .get(block)
            .map_or(0.0, |block| at(&block.scores, lane));
        let stuck = self
            .arrivals
            .get(slot.index())
            .map_or(0.0, Arrival::stuck_ratio);
        let score = score.max(stuck);
        (self.faults.contains_key(&slot.index()), score)
    }

    /// How many slots are in each phase.
    pub const fn phases(&self) -> Phases {
        self.phases
    }
}

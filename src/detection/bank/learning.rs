//! Slots that are not simply charted: they learn, settle, are introduced to a mode, or have no level.

use super::{Bank, Input, Mind, Slot};
use crate::detection::charted::{Attended, Attention, Charted};
use crate::detection::finding::Finding;
use crate::detection::learner::Surroundings;
use crate::detection::model::Model;
use crate::detection::number::single;
use crate::detection::pattern::Phase;
use crate::detection::self_start::Started;
use crate::detection::verdict::{judge_learning, judge_wandering};
use crate::model::Mono;

impl Bank {
    pub(super) fn learn(
        &mut self,
        input: &Input,
        phase: Phase,
        follows: bool,
        out: &mut Vec<Finding>,
    ) -> Option<()> {
        let slot = input.slot.index();
        let context = self.contexts.of(slot);
        if context.is_some_and(|context| context.is_unsettled(input.at)) {
            return None;
        }
        let around = Surroundings {
            mode: self.contexts.mode(slot),
            phase,
            follows,
            matter: context.is_some() || !phase.position_s.is_nan(),
        };
        let learner = self.minds.get_mut(slot)?.learner()?;
        let design = self.designs.get(slot)?;
        let room = self.nursery.room(learner.place());
        let said = learner.observe(input.value, around, room);
        // A fit takes about half a millisecond: when many slots have learned at once, they take turns.
        let model = if self.fits_left > 0 && learner.is_complete() {
            self.fits_left -= 1;
            learner.conclude(room, design)
        } else {
            None
        };
        self.judge_learning(input, &said, out);
        if let Some(model) = model {
            self.graduate(slot, model, input.at, out);
        }
        Some(())
    }

    /// Ends the learning phase of a slot with what it has seen so far. False when that is not enough for a model; it
    /// then learns anew.
    pub fn end_learning(&mut self, slot: Slot, at: Mono, out: &mut Vec<Finding>) -> bool {
        let index = slot.index();
        let learner = self.minds.get_mut(index).and_then(Mind::learner);
        let (Some(learner), Some(design)) = (learner, self.designs.get(index)) else {
            return false;
        };
        learner.end();
        let model = learner.conclude(self.nursery.room(learner.place()), design);
        let is_enough = model.is_some();
        if let Some(model) = model {
            self.graduate(index, model, at, out);
        }
        is_enough
    }

    /// Moves the fault of a slot on that still learns.
    fn judge_learning(
        &mut self,
        input: &Input,
        said: &Started,
        out: &mut Vec<Finding>,
    ) -> Option<()> {
        let slot = input.slot.index();
        let around = (
            input,
            self.designs.get(slot)?.period,
            self.contexts.mode(slot),
        );
        let fault = self.faults.remove(&slot);
        self.set_score(slot, single(said.ratio()));
        if let Some(fault) = judge_learning(fault, said, around, out) {
            self.faults.insert(slot, fault);
        }
        Some(())
    }

    /// A slot has learned.
    fn graduate(&mut self, slot: usize, model: Model, at: Mono, out: &mut Vec<Finding>) {
        let charted = Charted::new(model, self.contexts.mode(slot), Some(at));
        self.end_fault(slot, out);
        self.adopt(slot, charted);
    }

    pub(super) fn attend(
        &mut self,
        input: &Input,
        phase: Phase,
        out: &mut Vec<Finding>,
    ) -> Option<()> {
        let slot = input.slot.index();
        let sample = Attended {
            value: input.value,
            phase,
            at: input.at,
            is_faulty: self.faults.contains_key(&slot),
        };
        let charted = self.minds.get_mut(slot)?.charted()?;
        let design = self.designs.get(slot)?;
        let was_armed = charted.is_armed();
        let residual = match charted.attend(sample, design) {
            Attention::Chart(residual) => residual,
            Attention::Skip => return None,
            Attention::Ready => {
                // A mode that is new is known less well than the others.
                self.phases.recount((was_armed, charted.is_armed()));
                self.flush(out);
                self.renew(slot);
                self.reset(slot);
                return None;
            }
        };
        let guard = charted.spread_guard();
        if !charted.needs_attention() {
            self.set_stage(slot);
        }
        self.pend(input, residual / guard, phase, out);
        Some(())
    }

    /// A sample of a signal without a level.
    pub(super) fn wander(
        &mut self,
        input: &Input,
        phase: Phase,
        out: &mut Vec<Finding>,
    ) -> Option<()> {
        let slot = input.slot.index();
        let wander = self.minds.get_mut(slot)?.wander()?;
        let was_armed = wander.is_armed();
        let said = wander.step(input.value, phase);
        if !was_armed && wander.is_armed() {
            self.phases.graduate(true);
        }
        let score = if said.is_on {
            said.ratio.max(1.0)
        } else {
            said.ratio.min(0.999)
        };
        self.set_score(slot, score);
        let fault = self.faults.remove(&slot);
        if let Some(fault) = judge_wandering(fault, &said, input, out) {
            self.faults.insert(slot, fault);
        }
        Some(())
    }

    /// Puts a slot on a model.
    pub(super) fn adopt(&mut self, slot: usize, charted: Charted) -> Option<()> {
        let is_armed = charted.is_armed();
        let mind = self
            .minds
            .get_mut(slot)
            .filter(|mind| !mind.is_wandering())?;
        match std::mem::replace(mind, Mind::Charted(Box::new(charted))) {
            Mind::Charted(old) => self.phases.recount((old.is_armed(), is_armed)),
            mut learning => {
                self.phases.graduate(is_armed);
                let place = learning.learner().map(|learner| learner.place());
                self.nursery.leave(place?);
            }
        }
        self.renew(slot);
        self.reset(slot);
        self.set_stage(slot);
        Some(())
    }
}

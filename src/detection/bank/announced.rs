//! What the plant announces: slots settle, follow another mode, or mean nothing for a while.

use super::{Bank, Mind, Slot};
use crate::detection::context::ContextId;
use crate::detection::finding::Finding;
use crate::detection::model::ModeId;
use crate::model::Mono;

impl Bank {
    /// A context is in another mode.
    pub fn change_mode(&mut self, id: ContextId, mode: ModeId, at: Mono, out: &mut Vec<Finding>) {
        if let Some(context) = self.contexts.get_mut(id)
            && context.mode != mode
        {
            context.mode = mode;
            self.unsettle(id, at, out);
        }
    }

    /// Levels of a context move on purpose, as after a change of a setpoint.
    pub fn unsettle(&mut self, id: ContextId, at: Mono, out: &mut Vec<Finding>) {
        self.flush(out);
        let Some(context) = self.contexts.get_mut(id) else {
            return;
        };
        context.note_change(at);
        let (mode, settle) = (context.mode, context.settle);
        for slot in context.slots.clone() {
            self.end_fault(slot.index(), out);
            match (
                self.minds.get_mut(slot.index()),
                self.designs.get(slot.index()),
            ) {
                (Some(Mind::Charted(charted)), _) => {
                    charted.enter(mode, at, settle);
                    self.renew(slot.index());
                }
                (Some(Mind::Learning(learner)), Some(design)) => learner.part(design),
                _ => {}
            }
            self.reset(slot.index());
            self.set_stage(slot.index());
        }
    }

    /// While a context is quiet its slots neither alarm nor learn; afterwards they settle.
    pub fn set_quiet(&mut self, id: ContextId, is_quiet: bool, at: Mono, out: &mut Vec<Finding>) {
        if let Some(context) = self.contexts.get_mut(id)
            && context.is_quiet != is_quiet
        {
            context.is_quiet = is_quiet;
            self.unsettle(id, at, out);
        }
    }

    /// A machine cycle of a context begins.
    pub fn begin_cycle(&mut self, id: ContextId, at: Mono) {
        if let Some(context) = self.contexts.get_mut(id) {
            context.begin_cycle(at);
        }
    }

    /// Whether the plant has announced that a slot's value means nothing now, or not much yet.
    pub fn is_in_change(&self, slot: Slot, at: Mono) -> bool {
        let context = self.contexts.of(slot.index());
        context.is_some_and(|context| context.is_quiet || context.is_unsettled(at))
    }
}

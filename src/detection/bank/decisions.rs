//! What a person decides about a baseline, and baselines that are known before.

use super::{Bank, Mind, Slot};
use crate::detection::charted::Charted;
use crate::detection::fault::Fault;
use crate::detection::finding::Finding;
use crate::detection::learner::Learner;
use crate::detection::model::Model;
use crate::model::Mono;

impl Bank {
    /// Skips learning: charts a slot against a model known from before and starts its statistics afresh, which ends an
    /// open fault without a finding. Meant for the start of a run. Returns false, and changes nothing, when the slot
    /// does not exist or the model cannot be charted with.
    pub fn arm(&mut self, slot: Slot, model: Model) -> bool {
        let index = slot.index();
        if index >= self.minds.len() || !model.is_usable() {
            return false;
        }
        self.end_fault(index, &mut Vec::new());
        let charted = Charted::new(model, self.contexts.mode(index), None);
        self.adopt(index, charted);
        true
    }

    /// A person accepts the level that a standing fault of a slot shows as the new normal; the fault ends. False when
    /// there is no such fault.
    pub fn accept(&mut self, slot: Slot, at: Mono, out: &mut Vec<Finding>) -> bool {
        let index = slot.index();
        let Some(fault) = self
            .faults
            .get(&index)
            .filter(|fault| fault.chart.is_level())
        else {
            return false;
        };
        let distance = f64::from(fault.lasting());
        let Some(charted) = self.minds.get_mut(index).and_then(Mind::charted) else {
            // The samples before tell nothing of the level that it is to be from now on.
            return self.relearn(slot, out);
        };
        let was_armed = charted.is_armed();
        charted.move_level(distance * charted.spread_guard(), at);
        self.phases.recount((was_armed, charted.is_armed()));
        self.end_fault(index, out);
        self.renew(index);
        self.reset(index);
        true
    }

    /// A person says that the level of a standing fault of a slot is not the new normal: it is not proposed (again). False
    /// when there is no such fault.
    pub fn reject(&mut self, slot: Slot) -> bool {
        let fault = self.faults.get_mut(&slot.index());
        let fault = fault.filter(|fault| fault.chart.is_level());
        fault.map(Fault::reject).is_some()
    }

    /// Forgets what a slot has learned and learns anew, which ends an open fault. False when there is no such slot.
    pub fn relearn(&mut self, slot: Slot, out: &mut Vec<Finding>) -> bool {
        let index = slot.index();
        let (Some(mind), Some(design)) = (self.minds.get_mut(index), self.designs.get(index))
        else {
            return false;
        };
        let charted = match mind {
            Mind::Learning(_) => None,
            Mind::Charted(charted) => Some(charted.is_armed()),
            Mind::Wandering(wander) => wander.is_armed().then_some(true),
        };
        *mind = match mind {
            Mind::Learning(learner) => Mind::Learning(Box::new(learner.anew(design))),
            Mind::Charted(_) => {
                let place = self.nursery.rent(Learner::kept(design));
                Mind::Learning(Box::new(Learner::new(place, design)))
            }
            Mind::Wandering(_) => Mind::follow(design),
        };
        if let Some(was_armed) = charted {
            self.phases.begin_again(was_armed);
        }
        if let Some(arrival) = self.arrivals.get_mut(index) {
            arrival.stuck_at = u32::MAX;
        }
        self.end_fault(index, out);
        self.reset(index);
        self.set_stage(index);
        true
    }
}

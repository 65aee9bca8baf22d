//! What the plant announces: modes, cycles, changes of setpoints, and times that mean nothing.

use std::time::Duration;

use super::bank::Slot;
use super::model::ModeId;
use super::pattern::Phase;
use crate::config::Profile;
use crate::model::{Mono, Timestamp, Zone};

/// Index of a context: dense, in the order given to [`super::Bank::new`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContextId(pub u16);

/// Which slots follow a context, and how long they settle after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextPlan {
    /// The slots; a slot follows one context at most.
    pub slots: Vec<Slot>,
    /// How long levels settle after a change of mode or setpoint, and after quiet.
    pub settle: Duration,
}

/// Days from Monday to Saturday.
const SATURDAY: u8 = 5;

/// The time of day where the plant stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DayTime {
    /// Seconds since midnight.
    pub second: f32,
    /// Saturday or Sunday.
    pub is_weekend: bool,
}

impl DayTime {
    /// Time and kind of day as the plant's clocks show it.
    pub fn at(wall: Timestamp, zone: &Zone) -> Self {
        let local = zone.local(wall);
        Self {
            second: local.second_of_day as f32,
            is_weekend: local.weekday >= SATURDAY,
        }
    }
}

/// State of one context.
#[derive(Debug, Clone)]
pub(super) struct Context {
    pub(super) slots: Vec<Slot>,
    pub(super) settle: Duration,
    pub(super) mode: ModeId,
    pub(super) is_quiet: bool,
    changed_at: Option<Mono>,
    cycle_at: Option<Mono>,
}

/// All contexts, and which one each slot follows.
#[derive(Debug, Clone)]
pub(super) struct Contexts {
    list: Vec<Context>,
    of: Vec<Option<ContextId>>,
}

impl Contexts {
    pub(super) fn new(plans: &[ContextPlan], slots: usize) -> Self {
        let mut of = vec![None; slots];
        let mut list = Vec::with_capacity(plans.len());
        for (id, plan) in (0..).map(ContextId).zip(plans) {
            for slot in &plan.slots {
                if let Some(place) = of.get_mut(slot.index()) {
                    *place = Some(id);
                }
            }
            list.push(Context {
                slots: plan.slots.clone(),
                settle: plan.settle,
                mode: ModeId::default(),
                is_quiet: false,
                changed_at: None,
                cycle_at: None,
            });
        }
        Self { list, of }
    }

    pub(super) fn get_mut(&mut self, id: ContextId) -> Option<&mut Context> {
        self.list.get_mut(usize::from(id.0))
    }

    /// The context that a slot follows.
    pub(super) fn of(&self, slot: usize) -> Option<&Context> {
        let id = self.of.get(slot).copied().flatten()?;
        self.list.get(usize::from(id.0))
    }

    /// The mode of a slot.
    pub(super) fn mode(&self, slot: usize) -> ModeId {
        self.of(slot)
            .map_or(ModeId::default(), |context| context.mode)
    }

    /// Where a slot stands in what it repeats.
    pub(super) fn phase(&self, slot: usize, profile: Profile, at: Mono, day: DayTime) -> Phase {
        match profile {
            Profile::Auto | Profile::None => Phase::UNKNOWN,
            Profile::Day => Phase {
                position_s: day.second,
                is_weekend: false,
            },
            Profile::Week => Phase {
                position_s: day.second,
                is_weekend: day.is_weekend,
            },
            Profile::Cycle => {
                let begun = self.of(slot).and_then(|context| context.cycle_at);
                begun.map_or(Phase::UNKNOWN, |begun| Phase {
                    position_s: at.since(begun).as_secs_f32(),
                    is_weekend: false,
                })
            }
        }
    }
}

impl Context {
    /// Notes that levels may move from now on.
    pub(super) const fn note_change(&mut self, at: Mono) {
        self.changed_at = Some(at);
    }

    /// Notes that a machine cycle begins.
    pub(super) const fn begin_cycle(&mut self, at: Mono) {
        self.cycle_at = Some(at);
    }

    /// Whether levels may still move because of what was announced; half a settling time more is left for learning.
    pub(super) fn is_unsettled(&self, at: Mono) -> bool {
        let longest = self.settle + self.settle / 2;
        self.changed_at
            .is_some_and(|then| at.since(then) <= longest && !longest.is_zero())
    }
}

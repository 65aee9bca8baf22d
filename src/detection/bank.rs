//! The bank: every slot's learning phase, charts and faults, stepped in batches.

use std::collections::BTreeMap;

use super::arrival::{Arrival, Stage};
use super::charted::{Attention, Charted};
use super::charts::{Column, LANES, Limits, QUIET_RATIO, Readings, State, Stepper, at, put};
use super::context::{ContextId, ContextPlan, Contexts, DayTime};
use super::design::{CHARTS, ChartDesign};
use super::fault::Fault;
use super::finding::{Chart, Finding};
use super::learner::{Learner, Surroundings};
use super::model::{ModeId, Model};
use super::number::single;
use super::nursery::Nursery;
use super::pattern::Phase;
use super::phases::Phases;
use super::verdict::{Aftermath, Look, Sampled, judge, judge_learning, judge_wandering};
use super::wander::Wander;
use crate::config::{Level, Profile};
use crate::model::Mono;

/// A silence longer than this many samples starts the charts afresh.
const RESET_SAMPLES: u64 = 20;
/// Models fitted per call at most.
const FITS_PER_STEP: u32 = 16;
/// Residuals are winsorised anyway; here they stay finite in single precision, and so do their differences.
const RESIDUAL_MAX: f64 = 1e30;
/// Quiet samples after which the level is refined.
const REFINE_EVERY: f32 = 64.0;

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
            Level::Wandering => {
                let has_day = matches!(design.profile, Profile::Day | Profile::Week);
                Mind::Wandering(Box::new(Wander::new(design.arl0 / CHARTS, has_day)))
            }
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
    /// Skips learning: charts a slot against a model known from before and starts its statistics afresh, which ends an
    /// open fault without a finding. Meant for the start of a run. Returns false, and changes nothing, when the slot
    /// does not exist or the model cannot be charted with.
    pub fn arm(&mut self, slot: Slot, model: Model) -> bool {
        let index = slot.index();
        if index >= self.minds.len() || !model.is_usable() {
            return false;
        }
        self.end_fault(index, &mut Vec::new());
        let charted = Charted::new(model, self.contexts.mode(index), Mono::default());
        self.adopt(index, charted);
        true
    }

    /// Takes a batch of Good samples; what changed is appended to `out`.
    pub fn step(&mut self, inputs: &[Input], day: DayTime, out: &mut Vec<Finding>) {
        self.fits_left = FITS_PER_STEP;
        for input in inputs {
            self.take(input, day, out);
        }
        self.flush(out);
    }

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
        let (mode, settle, is_quiet) = (context.mode, context.settle, context.is_quiet);
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
            self.set_stage(slot.index(), is_quiet);
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

    /// A person accepts the level that a standing fault of a slot shows as the new normal; the fault ends. False when
    /// there is no such fault.
    pub fn accept(&mut self, slot: Slot, out: &mut Vec<Finding>) -> bool {
        let index = slot.index();
        let Some(fault) = self
            .faults
            .get(&index)
            .filter(|fault| fault.chart.is_level())
        else {
            return false;
        };
        let distance = f64::from(fault.lasting());
        let charted = self.minds.get_mut(index).and_then(Mind::charted);
        if let Some(charted) = charted {
            let was_armed = charted.is_armed();
            charted.move_level(distance * charted.spread_guard());
            self.phases.recount((was_armed, charted.is_armed()));
        }
        self.end_fault(index, out);
        self.renew(index);
        self.reset(index);
        true
    }

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

    /// Since when a slot is charted against its model.
    pub fn learned_at(&self, slot: Slot) -> Option<Mono> {
        match self.minds.get(slot.index())? {
            Mind::Learning(_) | Mind::Wandering(_) => None,
            Mind::Charted(charted) => Some(charted.learned_at),
        }
    }

    /// Whether the plant has announced that a slot's value means nothing now, or not much yet.
    pub fn is_in_change(&self, slot: Slot, at: Mono) -> bool {
        let context = self.contexts.of(slot.index());
        context.is_some_and(|context| context.is_quiet || context.is_unsettled(at))
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

    #[inline]
    fn take(&mut self, input: &Input, day: DayTime, out: &mut Vec<Finding>) {
        let slot = input.slot.index();
        let Some(arrival) = self.arrivals.get_mut(slot) else {
            return;
        };
        if !input.value.is_finite() {
            return;
        }
        let Some(missing) = arrival.take(input.value, input.at) else {
            return;
        };
        self.pending.is_stuck |= arrival.run >= arrival.stuck_at;
        let (stage, residual) = (arrival.stage, arrival.residual(input.value));
        if stage == Stage::Charted && missing == 0 {
            self.pend(input, residual, Phase::UNKNOWN, out);
            return;
        }
        self.take_slowly(input, (stage, residual, missing), day, out);
    }

    /// Everything but the next sample of a slot that is simply charted.
    fn take_slowly(
        &mut self,
        input: &Input,
        (stage, residual, missing): (Stage, f64, u64),
        day: DayTime,
        out: &mut Vec<Finding>,
    ) -> Option<()> {
        let slot = input.slot.index();
        if missing > 0 {
            self.flush(out);
            self.skip(slot, missing);
        }
        let profile = self.designs.get(slot)?.profile;
        let phase = self.contexts.phase(slot, profile, input.at, day);
        match stage {
            Stage::Quiet => None,
            Stage::Wandering => self.wander(input, phase, out),
            Stage::Charted => {
                self.pend(input, residual, phase, out);
                Some(())
            }
            Stage::Learning => self.learn(input, phase, missing == 0, out),
            Stage::Attended => self.attend(input, phase, out),
        }
    }

    /// Lets a sample wait for its neighbours.
    #[inline]
    fn pend(&mut self, input: &Input, residual: f64, phase: Phase, out: &mut Vec<Finding>) {
        let (block, lane) = place(input.slot.index());
        if block != self.pending.block || at(&self.pending.fed, lane) > 0.0 {
            self.flush(out);
            self.pending.block = block;
        }
        self.pending.is_any = true;
        let bounded = residual.clamp(-RESIDUAL_MAX, RESIDUAL_MAX);
        put(&mut self.pending.residual, lane, single(bounded));
        put(&mut self.pending.fed, lane, 1.0);
        put(&mut self.pending.value, lane, input.value);
        put(&mut self.pending.at, lane, input.at);
        put(&mut self.pending.phase, lane, phase);
    }

    /// Charts the samples that wait.
    fn flush(&mut self, out: &mut Vec<Finding>) -> Option<()> {
        if !std::mem::take(&mut self.pending.is_any) {
            return None;
        }
        let is_stuck = std::mem::take(&mut self.pending.is_stuck);
        let fed = std::mem::replace(&mut self.pending.fed, [0.0; LANES]);
        let block = self.blocks.get_mut(self.pending.block)?;
        let (residual, readings) = (&self.pending.residual, &mut self.readings);
        self.stepper
            .step(&mut block.state, &block.limits, (residual, &fed), readings);
        let scores = block.scores.iter_mut().zip(&self.readings.worst);
        for ((score, worst), fed) in scores.zip(&fed) {
            *score = if *fed > 0.0 { *worst } else { *score };
        }
        let is_calm = block.taught | block.faulty == 0
            && self.readings.loudest() < 1.0
            && block.state.most_quiet() < REFINE_EVERY;
        if is_calm && !is_stuck {
            return None;
        }
        for (lane, fed) in fed.into_iter().enumerate() {
            if fed > 0.0 {
                self.conclude(self.pending.block * LANES + lane, lane, out);
            }
        }
        Some(())
    }

    /// What follows from the charts of a slot that has just been stepped.
    fn conclude(&mut self, slot: usize, lane: usize, out: &mut Vec<Finding>) -> Option<()> {
        let arrival = self.arrivals.get(slot)?;
        let block = self.blocks.get(self.pending.block)?;
        let worst = at(&self.readings.worst, lane).max(arrival.stuck_ratio());
        if worst >= 1.0 || block.faulty & (1 << lane) != 0 {
            self.judge(slot, lane, out);
            return None;
        }
        let is_due = at(&block.state.quiet_count, lane) >= REFINE_EVERY;
        if is_due || block.taught & (1 << lane) != 0 {
            self.teach(slot, lane, is_due);
        }
        Some(())
    }

    fn judge(&mut self, slot: usize, lane: usize, out: &mut Vec<Finding>) -> Option<()> {
        let arrival = self.arrivals.get(slot)?;
        let block = self.blocks.get_mut(self.pending.block)?;
        let design = self.designs.get(slot)?;
        let charted = self.minds.get_mut(slot)?.charted()?;
        let phase = *self.pending.phase.get(lane)?;
        let (level, normal) = charted.normal(phase)?;
        let sample = Sampled {
            slot: Slot(u32::try_from(slot).unwrap_or(u32::MAX)),
            value: self.pending.value.get(lane).copied().unwrap_or_default(),
            at: self.pending.at.get(lane).copied().unwrap_or_default(),
            period: design.period,
            level,
            normal,
            run: arrival.run,
            stuck: arrival.stuck_ratio(),
        };
        let residual = at(&self.pending.residual, lane);
        let parts = (&block.state, &block.limits, &self.readings);
        let look = Look::gather(parts, lane, residual, sample);
        let (fault, aftermath) = judge(self.faults.remove(&slot), &look, out);
        mark(&mut block.faulty, lane, fault.is_some());
        if let Some(fault) = fault {
            self.faults.insert(slot, fault);
        }
        match aftermath {
            Aftermath::None => return None,
            Aftermath::Reset => block.state.reset(lane),
            Aftermath::Recover => block.state.recover(lane),
        }
        put(&mut block.scores, lane, 0.0);
        Some(())
    }

    /// Lets a quiet sample teach.
    fn teach(&mut self, slot: usize, lane: usize, is_due: bool) -> Option<()> {
        let charted = self.minds.get_mut(slot)?.charted()?;
        let block = self.blocks.get_mut(self.pending.block)?;
        let design = self.designs.get(slot)?;
        let is_quiet = at(&self.readings.worst, lane) < QUIET_RATIO;
        let residual = f64::from(at(&self.pending.residual, lane));
        if is_quiet && let Some(phase) = self.pending.phase.get(lane) {
            charted.teach_pattern(residual, *phase, design.period.as_secs_f32());
        }
        charted.tally(f64::from(at(&self.readings.innovation, lane)));
        let was_armed = charted.is_armed();
        if is_quiet && !was_armed {
            charted.grow(residual, true);
        }
        if !is_due {
            return None;
        }
        let sum = f64::from(at(&block.state.quiet_sum, lane));
        let count = f64::from(at(&block.state.quiet_count, lane));
        put(&mut block.state.quiet_sum, lane, 0.0);
        put(&mut block.state.quiet_count, lane, 0.0);
        let is_renewed = charted.refine(sum, count, design);
        self.phases.recount((was_armed, charted.is_armed()));
        if is_renewed {
            self.renew(slot);
        } else {
            self.relevel(slot);
        }
        Some(())
    }

    fn learn(
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
        let ratios = learner.observe(input.value, around, room);
        // A fit takes about half a millisecond: when many slots have learned at once, they take turns.
        let model = if self.fits_left > 0 && learner.is_complete() {
            self.fits_left -= 1;
            learner.conclude(room, design)
        } else {
            None
        };
        self.judge_learning(input, ratios, out);
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
    fn judge_learning(&mut self, input: &Input, ratios: (f64, f64), out: &mut Vec<Finding>) {
        let slot = input.slot.index();
        let fault = self.faults.remove(&slot);
        self.set_score(slot, single(ratios.0.max(ratios.1)));
        if let Some(fault) = judge_learning(fault, ratios, input, out) {
            self.faults.insert(slot, fault);
        }
    }

    /// A slot has learned.
    fn graduate(&mut self, slot: usize, model: Model, at: Mono, out: &mut Vec<Finding>) {
        let charted = Charted::new(model, self.contexts.mode(slot), at);
        self.end_fault(slot, out);
        self.adopt(slot, charted);
    }

    fn attend(&mut self, input: &Input, phase: Phase, out: &mut Vec<Finding>) -> Option<()> {
        let slot = input.slot.index();
        let charted = self.minds.get_mut(slot)?.charted()?;
        let design = self.designs.get(slot)?;
        let was_armed = charted.is_armed();
        let residual = match charted.attend(input.value, phase, input.at, design) {
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
            self.set_stage(slot, false);
        }
        self.pend(input, residual / guard, phase, out);
        Some(())
    }

    /// A sample of a signal without a level.
    fn wander(&mut self, input: &Input, phase: Phase, out: &mut Vec<Finding>) -> Option<()> {
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

    /// Samples are missing before the next one of a slot.
    fn skip(&mut self, slot: usize, missing: u64) {
        let (block, lane) = place(slot);
        if missing > RESET_SAMPLES {
            self.reset(slot);
        } else if let Some(block) = self.blocks.get_mut(block) {
            block.state.fade(lane, missing as f32, &block.limits);
        }
    }

    /// Puts a slot on a model.
    fn adopt(&mut self, slot: usize, charted: Charted) -> Option<()> {
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
        let is_quiet = self
            .contexts
            .of(slot)
            .is_some_and(|context| context.is_quiet);
        self.set_stage(slot, is_quiet);
        Some(())
    }

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

    fn set_stage(&mut self, slot: usize, is_quiet: bool) {
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

    #[test]
    fn a_mind_is_of_one_kind() {
        let mut mind = Mind::Wandering(Box::new(Wander::new(1e3, false)));
        assert!(mind.is_wandering() && mind.wander().is_some());
        assert!(mind.learner().is_none() && mind.charted().is_none());
        let model = Model::known(0.0, 1.0, 0.0);
        let charted = Charted::new(model, ModeId::default(), Mono::default());
        let mut mind = Mind::Charted(Box::new(charted));
        assert!(!mind.is_wandering() && mind.wander().is_none());
    }
}

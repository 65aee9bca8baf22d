//! The path of a sample: it waits for its neighbours, is charted with them, and what the charts say is concluded.

use super::{Bank, FITS_PER_STEP, Input, Slot, mark, place};
use crate::detection::arrival::Stage;
use crate::detection::charts::{LANES, QUIET_RATIO, at, put};
use crate::detection::context::DayTime;
use crate::detection::finding::Finding;
use crate::detection::number::single;
use crate::detection::pattern::Phase;
use crate::detection::verdict::{Aftermath, Look, Sampled, judge};

/// A silence longer than this many samples starts the charts afresh.
const RESET_SAMPLES: u64 = 20;
/// Residuals are winsorised anyway; here they stay finite in single precision, and so do their differences.
const RESIDUAL_MAX: f64 = 1e30;
/// Quiet samples after which the level is refined.
const REFINE_EVERY: f32 = 64.0;

impl Bank {
    /// Takes a batch of Good samples; what changed is appended to `out`.
    pub fn step(&mut self, inputs: &[Input], day: DayTime, out: &mut Vec<Finding>) {
        self.fits_left = FITS_PER_STEP;
        for input in inputs {
            self.take(input, day, out);
        }
        self.flush(out);
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
    pub(super) fn pend(
        &mut self,
        input: &Input,
        residual: f64,
        phase: Phase,
        out: &mut Vec<Finding>,
    ) {
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
    pub(super) fn flush(&mut self, out: &mut Vec<Finding>) -> Option<()> {
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
        // Quiet in what the charts remember: without its larger values a spread would be learned too small.
        if !was_armed && block.state.remembered(&block.limits, lane) < QUIET_RATIO {
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

    /// Samples are missing before the next one of a slot.
    pub(super) fn skip(&mut self, slot: usize, missing: u64) {
        let (block, lane) = place(slot);
        if missing > RESET_SAMPLES {
            self.reset(slot);
        } else if let Some(block) = self.blocks.get_mut(block) {
            block.state.fade(lane, missing as f32, &block.limits);
        }
    }
}

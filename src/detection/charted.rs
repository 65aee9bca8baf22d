//! The cold side of a slot that has a model: which mode it is in, whether it settles, what it learns on.

use std::time::Duration;

use super::charts::Limits;
use super::design::ChartDesign;
use super::fit::{borrowed_spread, is_still, relearn_tails, spread_floor};
use super::limits::Tuning;
use super::model::{ModeId, ModeLevel, Model, TAIL_SAMPLES};
use super::pattern::{Expected, Phase};
use super::robust::level_and_spread;
use super::tally::Tally;
use crate::model::Mono;

/// Independent samples from which on a baseline counts as known…
const ARMED_EFFECTIVE: f64 = 3_000.0;
/// …or plain ones: a persistent signal would take for ever.
const ARMED_PLAIN: f64 = 20_000.0;
/// Samples that a level is averaged over at most; older ones fade.
const LEVEL_MEMORY: f64 = 20_000.0;
/// A level that was accepted is known as well as after this many samples.
const MOVED_SAMPLES: f64 = 300.0;
/// Limits are computed anew when the samples behind them have grown by this factor.
const RENEW_GROWTH: f64 = 1.25;
/// Samples that introduce a mode: its level is then known well enough for wide limits, which become narrower as it is
/// learned further.
const INTRODUCTION: usize = 60;
/// The same at most and at least for a signal that repeats, and for one that seems to stand still: a mode may be an end
/// of the repetition, and a pause no standstill.
const LONG_INTRODUCTION: std::ops::RangeInclusive<usize> = 150..=1_000;
/// A mode whose own spread is below this share of the borrowed one is as good as still: what it does says nothing of the
/// other modes, nor they of it.
const CALM: f64 = 0.6;
/// Settling is over when the smoothed residual is below this, in standard deviations…
const SETTLED_LEVEL: f64 = 1.5;
/// …or after this many settling times.
const SETTLE_MAX: u32 = 3;
/// Smoothing of the residual while settling.
const SETTLE_LAMBDA: f64 = 0.1;
/// Smoothing of the own offset of a strange day, and samples before anything is charted against it.
const STRANGE_LAMBDA: f64 = 0.03;
const STRANGE_SAMPLES: f64 = 30.0;
/// Innovations after which their counting ends.
const TALLY_LAST: u32 = 4_000;
/// A residual teaches the spread no more than one of this size.
const GROWTH_MAX: f64 = 3.5;
/// Samples that settling takes at least, when there is any.
const SETTLE_SAMPLES: u32 = 10;

/// Model, mode and memory of one slot.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Charted {
    pub(super) model: Model,
    pub(super) mode: ModeId,
    /// Since when the baseline counts; none when it was known before the start.
    pub(super) learned_at: Option<Mono>,
    settling: Option<Settling>,
    introduction: Option<Introduction>,
    /// Samples behind the limits in force.
    renewed_at: f64,
    growth: Growth,
    /// Innovations since the model was fitted, while its tail is not known.
    tally: Option<Box<Tally>>,
    /// Whether the pattern knows the class of day that it is.
    has_level: bool,
    /// How far a day of a class that is not known yet lies from the other class, and its samples.
    strange: Strange,
}

/// The own offset of a day of a class that the pattern does not know yet.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Strange {
    offset: f64,
    samples: f64,
}

impl Strange {
    /// The residual beside the own offset; none at the beginning.
    fn residual(&mut self, residual: f64) -> Option<f64> {
        if self.samples < 1.0 {
            self.offset = residual;
        }
        self.samples += 1.0;
        let rest = residual - self.offset;
        self.offset += rest.clamp(-4.0, 4.0) * (1.0 / self.samples).max(STRANGE_LAMBDA);
        (self.samples >= STRANGE_SAMPLES).then_some(rest)
    }
}

/// After a change that was announced.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Settling {
    since: Mono,
    settle: Duration,
    residual: f64,
    samples: u32,
}

/// A mode that is met for the first time.
#[derive(Debug, Clone, PartialEq, Default)]
struct Introduction {
    values: Vec<f64>,
}

/// Running sums over the quiet samples of a provisional baseline, in standard deviations.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Growth {
    count: f64,
    squares: f64,
    products: f64,
    before: Option<f64>,
}

/// A sample that needs a closer look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Attended {
    pub(super) value: f64,
    pub(super) phase: Phase,
    pub(super) at: Mono,
    /// Whether a fault stands.
    pub(super) is_faulty: bool,
}

/// What becomes of a sample that needs a closer look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Attention {
    /// It is charted as this residual.
    Chart(f64),
    /// It is not charted: the signal settles, or a mode is introduced, or no phase is known.
    Skip,
    /// As `Skip`, and from the next sample on there is something new to chart against.
    Ready,
}

impl Charted {
    pub(super) fn new(model: Model, mode: ModeId, at: Option<Mono>) -> Self {
        let is_rough = model.shape.is_rough();
        Self {
            introduction: model.level(mode).is_none().then(Introduction::default),
            renewed_at: 0.0,
            model,
            mode,
            learned_at: at,
            settling: None,
            growth: Growth::default(),
            tally: is_rough.then(Box::default),
            has_level: true,
            strange: Strange::default(),
        }
    }

    /// Whether every quiet sample teaches, not only their mean.
    pub(super) fn is_taught(&self) -> bool {
        self.model.pattern.is_some() || self.tally.is_some() || !self.is_armed()
    }

    /// Whether every sample needs a closer look.
    pub(super) fn needs_attention(&self) -> bool {
        self.model.pattern.is_some() || self.settling.is_some() || self.introduction.is_some()
    }

    /// Level and spread of the present mode.
    pub(super) fn level(&self) -> Option<&ModeLevel> {
        self.model.level(self.mode)
    }

    /// Samples behind the level of the present mode.
    fn known(&self) -> f64 {
        self.level().map_or(f64::INFINITY, |level| level.samples)
    }

    /// Whether the signal is known to stand still in the present mode.
    fn stands_still(&self) -> bool {
        self.level().is_some_and(|level| level.is_still)
    }

    /// Whether the baseline counts as known.
    pub(super) fn is_armed(&self) -> bool {
        let least = self.model.least_samples();
        self.model.independent(least) >= ARMED_EFFECTIVE || least >= ARMED_PLAIN
    }

    /// The plant has announced a change: levels settle, perhaps in another mode.
    pub(super) fn enter(&mut self, mode: ModeId, at: Mono, settle: Duration) {
        if mode != self.mode {
            self.regrow();
        }
        self.growth.before = None;
        self.mode = mode;
        self.introduction = self.level().is_none().then(Introduction::default);
        self.settling = Some(Settling {
            since: at,
            settle,
            residual: 0.0,
            samples: 0,
        });
    }

    /// A person says at `at` that the level is normal which lies `distance` spreads from the present one.
    pub(super) fn move_level(&mut self, distance: f64, at: Mono) {
        self.learned_at = Some(at);
        let mode = self.mode;
        let levels = self.model.levels.iter_mut();
        for level in levels.filter(|level| level.mode == mode) {
            level.level += distance * level.spread;
            level.samples = level.samples.min(MOVED_SAMPLES);
        }
        self.growth = Growth::default();
    }

    /// Looks at a sample that the plain path cannot take.
    pub(super) fn attend(&mut self, sample: Attended, design: &ChartDesign) -> Attention {
        let attention = if self.introduction.is_some() {
            self.introduce(sample.value, sample.at, design)
        } else {
            self.compare(sample, design)
        };
        attention.unwrap_or(Attention::Skip)
    }

    /// Holds a sample against level and pattern; `None` where one of them is not known.
    fn compare(&mut self, sample: Attended, design: &ChartDesign) -> Option<Attention> {
        let Attended {
            value,
            phase,
            at,
            is_faulty,
        } = sample;
        let level = *self.level()?;
        let expected = self.expected(phase)?;
        let distance = value - level.level;
        let residual = (distance - expected.offset) / (level.spread * expected.spread);
        if !expected.is_learned
            && !is_faulty
            && let Some(pattern) = &mut self.model.pattern
        {
            // Nothing is known of these days yet: they teach, and only what looks at neighbours is charted.
            let period_s = design.period.as_secs_f32();
            pattern.meet(phase, (distance, level.spread), period_s);
        }
        if self.settles(residual, at) {
            return None;
        }
        if expected.is_learned != self.has_level {
            self.has_level = expected.is_learned;
            self.strange = Strange::default();
            return Some(Attention::Ready);
        }
        if self.has_level {
            return Some(Attention::Chart(residual));
        }
        self.strange.residual(residual).map(Attention::Chart)
    }

    /// The level of the present mode with the spread at a phase, and what is normal there, in the tag's unit.
    pub(super) fn normal(&self, phase: Phase) -> Option<(ModeLevel, f64)> {
        let level = self.level()?;
        let expected = self.expected(phase)?;
        let spread = level.spread * expected.spread;
        let strange = if self.has_level {
            0.0
        } else {
            self.strange.offset * spread
        };
        let normal = level.level + expected.offset + strange;
        Some((ModeLevel { spread, ..*level }, normal))
    }

    fn expected(&self, phase: Phase) -> Option<Expected> {
        match &self.model.pattern {
            Some(pattern) => pattern.expected(phase),
            None => Some(Expected {
                offset: 0.0,
                spread: 1.0,
                is_learned: true,
            }),
        }
    }

    /// Whether the signal still settles.
    fn settles(&mut self, residual: f64, at: Mono) -> bool {
        let Some(settling) = &mut self.settling else {
            return false;
        };
        settling.samples += 1;
        settling.residual += SETTLE_LAMBDA * (residual.clamp(-20.0, 20.0) - settling.residual);
        let passed = at.since(settling.since);
        let is_near = settling.residual.abs() < SETTLED_LEVEL;
        let is_late = passed >= settling.settle * SETTLE_MAX;
        let is_over = settling.settle.is_zero()
            || (passed >= settling.settle
                && settling.samples >= SETTLE_SAMPLES
                && (is_near || is_late));
        if is_over {
            self.settling = None;
        }
        !is_over
    }

    /// Collects the first samples of a mode. Its spread and dynamics are borrowed from what is known of the signal,
    /// where its own are smaller.
    fn introduce(&mut self, value: f64, at: Mono, design: &ChartDesign) -> Option<Attention> {
        if let Some(settling) = self.settling {
            if at.since(settling.since) < settling.settle + settling.settle / 2 {
                return None;
            }
            self.settling = None;
        }
        let introduction = self.introduction.as_mut()?;
        introduction.values.push(value);
        let count = introduction.values.len();
        let is_known = count >= INTRODUCTION
            && self.model.pattern.is_none()
            && !is_still(&introduction.values);
        if !is_known && count < long_introduction(design) {
            return None;
        }
        let (level, spread) = level_and_spread(&introduction.values);
        let floor = spread_floor(&introduction.values);
        let borrowed = borrowed_spread(&self.model.levels);
        let new = ModeLevel {
            mode: self.mode,
            level,
            spread: spread.max(floor).max(borrowed),
            floor,
            samples: count as f64,
            is_still: is_still(&introduction.values) || spread < CALM * borrowed,
        };
        self.model.levels.push(new);
        if !self.model.is_usable() {
            self.model.levels.pop();
        }
        self.introduction = self.level().is_none().then(Introduction::default);
        Some(Attention::Ready)
    }

    /// Writes the limits into a lane.
    pub(super) fn write_limits(
        &mut self,
        limits: &mut Limits,
        lane: usize,
        design: &ChartDesign,
    ) -> f64 {
        self.renewed_at = self.known();
        let effective = self.model.independent(self.known());
        let tuning = Tuning::new(design, &self.model, effective);
        tuning.write(limits, lane, self.has_level);
        if design.finds_stuck && !self.stands_still() {
            tuning.stuck
        } else {
            f64::INFINITY
        }
    }

    /// How much the spread may be off, as a factor: one standard error (Bartlett 1946).
    pub(super) fn spread_guard(&self) -> f64 {
        let square = self.model.phi() * self.model.phi();
        let effective = samples(&self.model) * (1.0 - square) / (1.0 + square);
        1.0 + (0.5 / effective.max(2.0)).sqrt()
    }

    /// A quiet sample at a phase teaches the pattern.
    /// `None` when there is none, or none for such days yet.
    pub(super) fn teach_pattern(
        &mut self,
        residual: f64,
        phase: Phase,
        period_s: f32,
    ) -> Option<()> {
        let surprise = residual.clamp(-2.0, 2.0) * self.level()?.spread;
        let expected = self.expected(phase)?;
        let pattern = self
            .model
            .pattern
            .as_mut()
            .filter(|_| expected.is_learned)?;
        pattern.refine(phase, surprise, period_s)
    }

    /// A quiet residual of a provisional baseline improves spread and correlation.
    pub(super) fn grow(&mut self, residual: f64, follows: bool) {
        if self.stands_still() {
            return;
        }
        let residual = (residual * self.spread_guard()).clamp(-GROWTH_MAX, GROWTH_MAX);
        let growth = &mut self.growth;
        growth.count += 1.0;
        growth.squares += residual * residual;
        if let (Some(before), true) = (growth.before, follows) {
            growth.products += before * residual;
        }
        growth.before = Some(residual);
    }

    /// An innovation of a slot without a fault, to learn the tail from.
    pub(super) fn tally(&mut self, innovation: f64) {
        if self.stands_still() {
            return;
        }
        if let Some(tally) = &mut self.tally {
            tally.add(innovation);
        }
    }

    /// Takes over what quiet samples have taught: `sum` of `count` residuals. True when the limits must be renewed.
    pub(super) fn refine(&mut self, sum: f64, count: f64, design: &ChartDesign) -> bool {
        let mode = self.mode;
        let has_pattern = self.model.pattern.is_some();
        let levels = self.model.levels.iter_mut();
        for level in levels.filter(|level| level.mode == mode) {
            level.samples = (level.samples + count).min(LEVEL_MEMORY.max(level.samples));
            if !has_pattern {
                level.level += level.spread * sum / level.samples;
            }
        }
        let known = self.known();
        let is_due = known.is_finite() && known >= RENEW_GROWTH * self.renewed_at;
        if is_due {
            self.regrow();
        }
        is_due | self.relearn(design)
    }

    /// Learns the tail anew once enough innovations are counted, and once more before the counting ends.
    fn relearn(&mut self, design: &ChartDesign) -> bool {
        let Some(tally) = &self.tally else {
            return false;
        };
        let is_last = tally.total() >= TALLY_LAST;
        let is_first = self.model.shape.is_rough() && f64::from(tally.total()) >= TAIL_SAMPLES;
        if is_first || is_last {
            relearn_tails(&mut self.model, tally, design);
        }
        if is_last {
            self.tally = None;
        }
        is_first || is_last
    }

    /// Merges the sums of quiet samples with the first estimate of the mode's spread and of the correlation.
    fn regrow(&mut self) {
        let growth = std::mem::take(&mut self.growth);
        let before = (self.known() - growth.count).max(1.0);
        // Quiet samples of a signal that rests on a few values are those that say nothing, and what is known for sure needs
        // no growth.
        if growth.count < 1.0
            || !before.is_finite()
            || self.model.levels.iter().any(ModeLevel::rests)
        {
            return;
        }
        let total = before + growth.count;
        let variance = (before + growth.squares) / total;
        // Level and spread are the mode's own; how the signal moves is the same in all of them.
        let lag_one = growth.products / growth.squares.max(f64::MIN_POSITIVE);
        let all = samples(&self.model).max(total);
        let dynamics = &mut self.model.dynamics;
        let phi = dynamics.phi + growth.count / all * (lag_one - dynamics.phi);
        let phi = phi.clamp(0.0, dynamics.phi.max(0.98));
        let innovation = (1.0 - phi * phi) / (1.0 - dynamics.phi * dynamics.phi);
        dynamics.innovation *= innovation.sqrt();
        dynamics.phi = phi;
        let mode = self.mode;
        let levels = self.model.levels.iter_mut();
        for level in levels.filter(|level| level.mode == mode) {
            level.spread = (level.spread * variance.sqrt()).max(level.floor);
        }
    }
}

fn long_introduction(design: &ChartDesign) -> usize {
    let wanted = usize::try_from(design.learn_samples).unwrap_or(usize::MAX);
    wanted.clamp(*LONG_INTRODUCTION.start(), *LONG_INTRODUCTION.end())
}

/// Samples behind the best known level.
fn samples(model: &Model) -> f64 {
    model
        .levels
        .iter()
        .map(|level| level.samples)
        .fold(0.0, f64::max)
}

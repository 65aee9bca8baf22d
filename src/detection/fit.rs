//! From the first Good samples of a signal to its model.

use super::design::{ChartDesign, SPREAD_ALLOWANCE, residual_k};
use super::limits::Tuning;
use super::model::{Dynamics, ModeId, ModeLevel, Model, Shape};
use super::pattern::{DAY_BINS, Deviation, Pattern, Phase};
use super::robust::{level_and_spread, long_run_ratio, mean, median, smallest_step};
use super::tails::{SpikeLimits, TAIL_KEPT, decay_rate, square_decay_rate};
use super::tally::Tally;
use crate::config::Profile;

/// Samples that a mode needs to have a level of its own.
pub(super) const MODE_SAMPLES_MIN: usize = 150;
/// Winsorising of innovations, in standard deviations: without it heavy tails void the promised run length.
pub(super) const CLIP_SIGMAS: f64 = 4.0;
/// Quantisation alone has a standard deviation of 1/sqrt(12) = 0.29 steps.
const STEP_SHARE: f64 = 0.3;
/// A signal that rests on one value and flicks to the next by a step must not alarm for it.
const STEP_SHARE_AT_REST: f64 = 1.0;
/// Lag-1 correlations beyond this make limits that no fault reaches.
const PHI_MAX: f64 = 0.98;
/// Pairs of neighbours below which no correlation can be told.
const PAIRS_MIN: usize = 30;
/// The same for the long-run ratio of squares, whose tail makes it less certain.
const UNREST_ERROR: f64 = 0.3;
/// Standard error that is taken off a long-run ratio before it counts.
const LONG_RUN_ERROR: f64 = 0.1;
/// A pattern learned from few visits leaves part of itself in the residual.
const PATTERN_ERROR: f64 = 0.7;
/// What a signal does that rests on a few values is hardly seen while it is learned: it comes rarely, and in runs.
const RESTING_WIDEN: f64 = 2.0;
/// Share of a limit that the learned data itself may reach before the limits are widened.
const REPLAY_SHARE: f64 = 0.8;
/// A signal that changes its value less often than this while learning shows no spread to measure by.
const CHANGES_MIN: usize = 10;

/// A sample that a model is learned from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Lesson {
    pub(super) value: f64,
    pub(super) mode: ModeId,
    pub(super) phase: Phase,
    /// Whether the sample before is the neighbour in time, in the same mode.
    pub(super) follows: bool,
}

/// Learns from lessons in time order; none when the signal does not move enough to measure by, or when its values are
/// beyond arithmetic.
pub(super) fn fit(lessons: &[Lesson], design: &ChartDesign) -> Option<Model> {
    let values: Vec<f64> = lessons.iter().map(|lesson| lesson.value).collect();
    if is_still(&values) {
        return None;
    }
    let mut levels = mode_levels(lessons);
    let level_of =
        |levels: &[ModeLevel], mode| levels.iter().find(|level| level.mode == mode).copied();
    let deviations: Vec<Option<Deviation>> = lessons
        .iter()
        .map(|lesson| {
            level_of(&levels, lesson.mode).map(|level| Deviation {
                phase: lesson.phase,
                distance: lesson.value - level.level,
            })
        })
        .collect();
    let known: Vec<Deviation> = deviations.iter().flatten().copied().collect();
    let pattern = Pattern::learn(design.profile, &known, design.period.as_secs_f32());
    let residual = |deviation: &Option<Deviation>| -> Option<(f64, f64)> {
        let deviation = (*deviation)?;
        let Some(pattern) = &pattern else {
            return Some((deviation.distance, 1.0));
        };
        let expected = pattern.expected(deviation.phase)?;
        Some((deviation.distance - expected.offset, expected.spread))
    };
    let distances: Vec<Option<(f64, f64)>> = deviations.iter().map(residual).collect();
    set_spreads(&mut levels, lessons, &distances, pattern.is_some());
    let residuals: Vec<Option<f64>> = lessons
        .iter()
        .zip(&distances)
        .map(|(lesson, distance)| {
            let (distance, share) = (*distance)?;
            // What stands still tells nothing of how the signal moves in other modes.
            let level = level_of(&levels, lesson.mode).filter(|level| !level.is_still)?;
            Some(distance / (level.spread * share)).filter(|r| r.is_finite())
        })
        .collect();
    let visits = pattern.as_ref().map(Pattern::visits);
    // Resolution bounds innovations as it bounds residuals.
    let floors = levels.iter().map(|level| level.floor / level.spread);
    let floor = floors.fold(1.0, f64::min);
    let (dynamics, innovations) = dynamics(&residuals, lessons, (visits, floor))?;
    let widest = levels
        .iter()
        .map(|level| level.spread)
        .fold(f64::MIN_POSITIVE, f64::max);
    let resolution = smallest_step(&values) / widest;
    let rested: Vec<f64> = residuals.iter().flatten().copied().collect();
    let is_moving =
        |lesson: &&Lesson| level_of(&levels, lesson.mode).is_none_or(|level| !level.is_still);
    let moving: Vec<Lesson> = lessons.iter().filter(is_moving).copied().collect();
    let model = Model {
        shape: shape(
            &innovations,
            &rested,
            &moving,
            (&dynamics, resolution),
            design,
        ),
        levels,
        pattern: pattern.map(Box::new),
        dynamics,
    };
    let mut model = Some(model).filter(Model::is_usable)?;
    let widen = (replay(&residuals, lessons, &model, design) / REPLAY_SHARE).max(1.0);
    let rests = model.levels.iter().any(ModeLevel::rests);
    model.dynamics.widen = if rests { RESTING_WIDEN * widen } else { widen };
    Some(model).filter(Model::is_usable)
}

/// Level and spread of every mode with enough samples.
fn mode_levels(lessons: &[Lesson]) -> Vec<ModeLevel> {
    let mut modes: Vec<ModeId> = lessons.iter().map(|lesson| lesson.mode).collect();
    modes.sort_unstable();
    modes.dedup();
    let least = MODE_SAMPLES_MIN.min(lessons.len() / 2);
    let level = |mode: ModeId| {
        let of_mode = lessons.iter().filter(|lesson| lesson.mode == mode);
        let values: Vec<f64> = of_mode.map(|lesson| lesson.value).collect();
        let (level, spread) = level_and_spread(&values);
        let floor = spread_floor(&values);
        (values.len() >= least).then_some(ModeLevel {
            mode,
            level,
            spread: spread.max(floor),
            floor,
            samples: values.len() as f64,
            is_still: is_still(&values),
        })
    };
    let mut levels: Vec<ModeLevel> = modes.into_iter().filter_map(level).collect();
    let borrowed = borrowed_spread(&levels);
    for level in levels.iter_mut().filter(|level| level.is_still) {
        level.spread = level.spread.max(borrowed);
    }
    levels
}

/// Whether values in time order move too little to measure by.
pub(super) fn is_still(values: &[f64]) -> bool {
    let pairs = values.iter().zip(values.iter().skip(1));
    let changes = pairs.filter(|(a, b)| a.to_bits() != b.to_bits());
    changes.count() < CHANGES_MIN
}

/// The spread that a mode has at least by what is known of the others: the smallest one; 0 when there is none.
pub(super) fn borrowed_spread(levels: &[ModeLevel]) -> f64 {
    let moving = levels.iter().filter(|level| !level.is_still);
    let smallest = moving
        .map(|level| level.spread)
        .fold(f64::INFINITY, f64::min);
    if smallest.is_finite() { smallest } else { 0.0 }
}

/// What the resolution of a signal alone gives it as spread.
pub(super) fn spread_floor(values: &[f64]) -> f64 {
    let centre = median(values);
    let sizes: Vec<f64> = values.iter().map(|v| (v - centre).abs()).collect();
    let is_at_rest = median(&sizes) == 0.0;
    let share = if is_at_rest {
        STEP_SHARE_AT_REST
    } else {
        STEP_SHARE
    };
    share * smallest_step(values)
}

/// With a pattern, what remains beside it has one spread in all modes.
fn set_spreads(
    levels: &mut [ModeLevel],
    lessons: &[Lesson],
    distances: &[Option<(f64, f64)>],
    has_pattern: bool,
) {
    if !has_pattern {
        return;
    }
    let rest: Vec<f64> = distances
        .iter()
        .flatten()
        .map(|(distance, _)| *distance)
        .collect();
    let values: Vec<f64> = lessons.iter().map(|lesson| lesson.value).collect();
    let spread = level_and_spread(&rest).1.max(spread_floor(&values));
    for level in levels {
        level.spread = spread;
    }
}

/// Autocorrelation, and the standardised innovations of neighbours.
fn dynamics(
    residuals: &[Option<f64>],
    lessons: &[Lesson],
    (visits, floor): (Option<f64>, f64),
) -> Option<(Dynamics, Vec<f64>)> {
    let pairs: Vec<(f64, f64)> = residuals
        .windows(2)
        .zip(lessons.iter().skip(1))
        .filter_map(|(pair, lesson)| match pair {
            [Some(before), Some(now)] if lesson.follows => Some((*before, *now)),
            _ => None,
        })
        .collect();
    let phi = lag_one(&pairs);
    let raw: Vec<f64> = pairs
        .iter()
        .map(|(before, now)| now - phi * before.clamp(-8.0, 8.0))
        .collect();
    let spread = Some(level_and_spread(&raw).1.max(floor)).filter(|spread| *spread > 0.0)?;
    let innovations: Vec<f64> = raw.iter().map(|e| e / spread).collect();
    let clipped: Vec<f64> = innovations.iter().copied().map(clip).collect();
    let dynamics = Dynamics {
        phi,
        innovation: spread,
        long_run: (long_run_ratio(&clipped) - LONG_RUN_ERROR).max(1.0),
        pattern_error: visits.map_or(1.0, |visits| 1.0 + PATTERN_ERROR / visits),
        widen: 1.0,
    };
    Some((dynamics, innovations))
}

/// Lag-1 correlation freed of its bias `-(1 + 3 phi)/n` (Kendall 1954); 0 unless it is significant. Anticorrelation is
/// not made use of.
fn lag_one(pairs: &[(f64, f64)]) -> f64 {
    if pairs.len() < PAIRS_MIN {
        return 0.0;
    }
    let count = pairs.len() as f64;
    let shared: f64 = pairs.iter().map(|(a, b)| clip(*a) * clip(*b)).sum();
    let power: f64 = pairs.iter().map(|(a, _)| clip(*a) * clip(*a)).sum();
    let phi = shared / power.max(f64::MIN_POSITIVE);
    let freed = phi + (1.0 + 3.0 * phi) / count.max(100.0);
    if freed.abs() < 2.0 / count.sqrt() {
        return 0.0;
    }
    freed.clamp(0.0, PHI_MAX)
}

fn clip(e: f64) -> f64 {
    e.clamp(-CLIP_SIGMAS, CLIP_SIGMAS)
}

/// The tails of what was learned; `resolution` is the smallest step of the signal in standard deviations.
fn shape(
    innovations: &[f64],
    residuals: &[f64],
    lessons: &[Lesson],
    (dynamics, resolution): (&Dynamics, f64),
    design: &ChartDesign,
) -> Shape {
    let clipped: Vec<f64> = innovations.iter().copied().map(clip).collect();
    let centre = mean(&clipped);
    let symmetric: Vec<(f64, f64)> = clipped
        .iter()
        .flat_map(|y| [(y - centre, 1.0), (centre - y, 1.0)])
        .collect();
    let sizes: Vec<(f64, f64)> = clipped.iter().map(|y| (*y, 1.0)).collect();
    let tails = Tails::of(&symmetric, &sizes, dynamics, design);
    let swings: Vec<f64> = residuals.iter().map(|r| clip(*r).powi(2)).collect();
    let swing_square = mean(&swings);
    let swings: Vec<(f64, f64)> = swings.iter().map(|s| (s / swing_square, 1.0)).collect();
    // What the squares of a persistent normal signal decay at, less what this signal's tails take off.
    let tail = (decay_rate(&swings, SPREAD_ALLOWANCE) / independent_decay()).min(1.0);
    let persistent = square_decay_rate(dynamics.phi, SPREAD_ALLOWANCE) * tail;
    let swing_decay = if dynamics.phi > 0.0 {
        persistent
    } else {
        persistent.min(tails.spread_decay)
    };
    // A pattern of the day is fitted to few days, so what was learned lies closer to it than what will come.
    let flattered = match design.profile {
        Profile::Day | Profile::Week => {
            let per_bin = DAY_BINS as f64 / innovations.len().max(1) as f64;
            1.0 + 0.75 * per_bin * (1.0 + dynamics.phi) / (1.0 - dynamics.phi)
        }
        Profile::Auto | Profile::None | Profile::Cycle => 1.0,
    };
    let squares: Vec<f64> = clipped.iter().map(|y| y * y).collect();
    let unrest = (long_run_ratio(&squares) - UNREST_ERROR).max(1.0);
    let step = (resolution / dynamics.innovation).min(2.0);
    let normal = SpikeLimits::normal(design.arl0);
    let own = SpikeLimits::from_tail(innovations, step, design.arl0);
    let (longest_run, repeats) = runs(lessons);
    Shape {
        decay: tails.decay,
        spread_square: tails.spread_square * flattered,
        spread_decay: tails.spread_decay,
        unrest,
        swing_square: swing_square * flattered,
        swing_decay: swing_decay / dynamics.long_run,
        spike: own.single / normal.single,
        outlier: own.pair / normal.pair,
        longest_run,
        repeats,
        samples: innovations.len() as f64,
    }
}

/// What the sizes of innovations tell.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Tails {
    decay: f64,
    spread_square: f64,
    spread_decay: f64,
}

impl Tails {
    /// From innovations around zero, on both sides, and from their sizes, each with its weight.
    fn of(
        symmetric: &[(f64, f64)],
        sizes: &[(f64, f64)],
        dynamics: &Dynamics,
        design: &ChartDesign,
    ) -> Self {
        let k = residual_k(design, dynamics.phi, 0.0);
        let total: f64 = sizes.iter().map(|(_, weight)| weight).sum();
        let spread_square = sizes.iter().map(|(y, weight)| y * y * weight).sum::<f64>() / total;
        let square = |(y, weight): &(f64, f64)| (y * y / spread_square, *weight);
        let squares: Vec<(f64, f64)> = sizes.iter().map(square).collect();
        Self {
            // Never faster than normal data: sparse values seem to, but come in runs.
            decay: (decay_rate(symmetric, k) / (2.0 * k)).min(1.0),
            spread_square,
            spread_decay: decay_rate(&squares, SPREAD_ALLOWANCE),
        }
    }
}

/// The decay rate of squares of independent normal data.
fn independent_decay() -> f64 {
    square_decay_rate(0.0, SPREAD_ALLOWANCE)
}

/// Learns the tails of a model anew from more innovations than it was fitted to.
pub(super) fn relearn_tails(model: &mut Model, tally: &Tally, design: &ChartDesign) {
    let clipped = |(size, weight): (f64, f64)| (clip(size), weight);
    let sizes: Vec<(f64, f64)> = tally.sizes().map(clipped).collect();
    let mirrored = sizes.iter().map(|(size, weight)| (-size, *weight));
    let symmetric: Vec<(f64, f64)> = sizes.iter().copied().chain(mirrored).collect();
    let tails = Tails::of(&symmetric, &sizes, &model.dynamics, design);
    let normal = SpikeLimits::normal(design.arl0);
    let count = tally.total() as usize;
    let own = SpikeLimits::from_largest(&tally.largest(TAIL_KEPT), count, design.arl0);
    let shape = &mut model.shape;
    let tail = (tails.spread_decay / independent_decay()).min(1.0);
    let persistent = square_decay_rate(model.dynamics.phi, SPREAD_ALLOWANCE) * tail;
    *shape = Shape {
        decay: tails.decay,
        spread_square: tails.spread_square.max(1.0),
        spread_decay: tails.spread_decay,
        swing_decay: persistent.min(tails.spread_decay) / model.dynamics.long_run,
        spike: own.single / normal.single,
        outlier: own.pair / normal.pair,
        samples: f64::from(tally.total()),
        ..*shape
    };
}

/// The longest run of one value, and the chance that a value repeats (Laplace's rule of succession).
fn runs(lessons: &[Lesson]) -> (f64, f64) {
    let (mut run, mut longest, mut repeats) = (1.0_f64, 1.0_f64, 0.0);
    for (before, now) in lessons.iter().zip(lessons.iter().skip(1)) {
        if before.value.to_bits() == now.value.to_bits() {
            run += 1.0;
            repeats += 1.0;
        } else {
            run = 1.0;
        }
        longest = longest.max(run);
    }
    let steps = lessons.len().saturating_sub(1) as f64;
    (longest, ((repeats + 1.0) / (steps + 2.0)).min(0.9999))
}

/// The highest statistic over its limit when the level charts run over the data they were learned from. Data that comes
/// close to its own limits is not what the limits were computed for.
fn replay(
    residuals: &[Option<f64>],
    lessons: &[Lesson],
    model: &Model,
    design: &ChartDesign,
) -> f64 {
    let effective = model.independent(model.least_samples());
    let tuning = Tuning::new(design, model, effective);
    let (mut level, mut high, mut low, mut worst) = (0.0_f64, 0.0_f64, 0.0_f64, 0.0_f64);
    let mut before = None;
    for (residual, lesson) in residuals.iter().zip(lessons) {
        let Some(r) = *residual else {
            before = None;
            continue;
        };
        let e = match before {
            Some(before) if lesson.follows => {
                (r - model.dynamics.phi * f64::clamp(before, -8.0, 8.0)) / model.dynamics.innovation
            }
            _ => r,
        };
        before = Some(r);
        let y = clip(e);
        level += design.lambda * (clip(r) - level);
        high = (high + y - tuning.k).max(0.0);
        low = (low - y - tuning.k).max(0.0);
        worst = worst
            .max(level.abs() / tuning.level)
            .max(high.max(low) / tuning.h);
    }
    worst
}

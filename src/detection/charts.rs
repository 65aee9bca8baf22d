//! The per-sample arithmetic, for sixteen slots at a time.
//!
//! Every slot has these charts on its standardised residual `r` and on the innovation `e` of its AR(1) model:
//!
//! ```text
//! e  = (r - phi r') / s                      innovation (Alwan & Roberts 1988)
//! C+ <- clamp(C+ + (y - k) / h, 0, cap)      CUSUM on y = clamp(e, ±clip), C- alike      (Page 1954)
//! Z  <- Z + lambda (clamp(r, ±clip) - Z)     EWMA, |Z| against limits widened for phi    (Roberts 1959, Schmid 1997)
//! V  <- clamp(V + (y² / m - k) / h, 0, cap)  CUSUM of squared innovations: spread        (Hawkins 1981)
//! W  the same on r²                          swings that the AR(1) model would follow
//! |e| > s1, or two of three |e| > s2         spikes
//! ```
//!
//! CUSUMs are kept in units of their limit: above 1 they alarm, and the cap lets them come back in bounded time.
//! Single precision is enough once a value is centred. The columns of sixteen slots lie together and the loop over them
//! has no branch, so that it becomes vector code, wider where the processor has wider registers.

use pulp::{Arch, Simd, WithSimd};

use super::design::SPREAD_ALLOWANCE;
use super::fit::CLIP_SIGMAS;

/// Slots that are stepped together.
pub(super) const LANES: usize = 16;
/// Statistics of a slot.
pub(super) const COLUMNS: usize = 15;
/// One number per slot of a block.
pub(super) type Column = [f32; LANES];

/// CUSUMs stop at this multiple of their limit.
pub(super) const CAP: f32 = 1.5;
/// The residual before, as far as the AR(1) model may follow it, in standard deviations.
pub(super) const FOLLOWED_MAX: f32 = 8.0;
/// Smaller EWMA values are zero: a signal resting on its median must not end in slow denormal arithmetic.
const LEVEL_ZERO: f32 = 1e-20;
/// Winsorising of residuals and innovations.
#[expect(clippy::cast_possible_truncation, reason = "a constant of few digits")]
const CLIP: f32 = CLIP_SIGMAS as f32;
/// Allowance of the CUSUMs of squares.
#[expect(clippy::cast_possible_truncation, reason = "a constant of few digits")]
const SPREAD_K: f32 = SPREAD_ALLOWANCE as f32;
/// Smoothing of the mean squares.
const SQUARES_LAMBDA: f32 = 0.03;
/// A spike leaves the normal band: the return from one is a jump of `e`, too, but to a normal `r`.
const SPIKE_SHARE: f32 = 0.5;

/// Statistics of sixteen slots.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct State {
    /// C+, C-.
    pub(super) high: Column,
    pub(super) low: Column,
    /// Z, in standard deviations.
    pub(super) level: Column,
    /// V.
    pub(super) spread: Column,
    /// W.
    pub(super) swing: Column,
    /// EWMAs of the squares behind V and W; 1 when all is normal. They say how large a fault is, and when it is over.
    pub(super) spread_mean: Column,
    pub(super) swing_mean: Column,
    /// The residual before.
    pub(super) previous: Column,
    /// 1 when there is a residual before, else 0.
    pub(super) follows: Column,
    /// 1 when |e| was beyond s2 one, and two samples ago.
    pub(super) outlier: Column,
    pub(super) outlier_before: Column,
    /// Samples since C+ and C- were last zero.
    pub(super) since_high: Column,
    pub(super) since_low: Column,
    /// Sum and number of quiet residuals, from which the level is refined.
    pub(super) quiet_sum: Column,
    pub(super) quiet_count: Column,
}

/// Ratio that two outliers of three count as.
pub(super) const PAIR_RATIO: f32 = 1.001;
/// A sample whose statistics are all below this share of their limits is quiet: it may teach.
pub(super) const QUIET_RATIO: f32 = 0.5;
/// CUSUMs of squares come back from a fault to at most this share of their limit.
const RECOVERED: f32 = 0.5;
/// A quiet residual teaches no more than one of this size.
const LESSON_MAX: f32 = 2.0;

/// What sixteen slots are charted with. A reciprocal of 0 switches its chart off.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Limits {
    pub(super) phi: Column,
    /// Standard deviation of the innovations, in those of the residual, and its reciprocal.
    pub(super) innovation: Column,
    pub(super) per_innovation: Column,
    pub(super) k: Column,
    pub(super) per_h: Column,
    pub(super) lambda: Column,
    pub(super) per_level: Column,
    /// Reciprocals of the mean square of y, and of the limit of V.
    pub(super) per_spread: Column,
    pub(super) per_spread_h: Column,
    /// The same of W.
    pub(super) per_swing: Column,
    pub(super) per_swing_h: Column,
    /// 1 / s1, and 1 / s2.
    pub(super) per_spike: Column,
    pub(super) per_outlier: Column,
}

/// What the charts say after a sample; statistics over their limits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Readings {
    /// The largest of all.
    pub(super) worst: Column,
    /// Innovation in its standard deviations, not winsorised.
    pub(super) innovation: Column,
    /// |e| / s1 of a sample outside the normal band.
    pub(super) spike: Column,
    /// 1 when two of the last three innovations are outliers, this one among them.
    pub(super) outliers: Column,
}

const ZERO: Column = [0.0; LANES];

impl State {
    /// The most quiet residuals that wait in any slot.
    pub(super) fn most_quiet(&self) -> f32 {
        self.quiet_count.into_iter().fold(0.0, f32::max)
    }

    /// All columns, in a fixed order: what is kept over a restart.
    const fn columns(&self) -> [&Column; COLUMNS] {
        [
            &self.high,
            &self.low,
            &self.level,
            &self.spread,
            &self.swing,
            &self.spread_mean,
            &self.swing_mean,
            &self.previous,
            &self.follows,
            &self.outlier,
            &self.outlier_before,
            &self.since_high,
            &self.since_low,
            &self.quiet_sum,
            &self.quiet_count,
        ]
    }

    const fn columns_mut(&mut self) -> [&mut Column; COLUMNS] {
        [
            &mut self.high,
            &mut self.low,
            &mut self.level,
            &mut self.spread,
            &mut self.swing,
            &mut self.spread_mean,
            &mut self.swing_mean,
            &mut self.previous,
            &mut self.follows,
            &mut self.outlier,
            &mut self.outlier_before,
            &mut self.since_high,
            &mut self.since_low,
            &mut self.quiet_sum,
            &mut self.quiet_count,
        ]
    }

    /// The largest statistic of a slot over its limit, those of single values left out.
    pub(super) fn remembered(&self, limits: &Limits, lane: usize) -> f32 {
        let level = at(&self.level, lane).abs() * at(&limits.per_level, lane);
        let sums = [&self.high, &self.low, &self.spread, &self.swing];
        sums.into_iter()
            .map(|sum| at(sum, lane))
            .fold(level, f32::max)
    }

    /// The statistics of a slot.
    pub(super) fn lane(&self, lane: usize) -> [f32; COLUMNS] {
        self.columns().map(|column| at(column, lane))
    }

    /// Puts the statistics of a slot to what they were.
    pub(super) fn set_lane(&mut self, lane: usize, statistics: &[f32; COLUMNS]) {
        for (column, value) in self.columns_mut().into_iter().zip(statistics) {
            put(column, lane, *value);
        }
    }

    /// Sets the statistics of a slot to zero; what the level is refined from stays.
    pub(super) fn reset(&mut self, lane: usize) {
        for column in [
            &mut self.high,
            &mut self.low,
            &mut self.level,
            &mut self.spread,
            &mut self.swing,
            &mut self.since_high,
            &mut self.since_low,
        ] {
            put(column, lane, 0.0);
        }
        for column in [&mut self.spread_mean, &mut self.swing_mean] {
            put(column, lane, 1.0);
        }
        self.part(lane);
    }

    /// As after a fault: at zero, but unrest that goes on alarms again soon.
    pub(super) fn recover(&mut self, lane: usize) {
        let (spread, swing) = (at(&self.spread, lane), at(&self.swing, lane));
        self.reset(lane);
        put(&mut self.spread, lane, spread.min(RECOVERED));
        put(&mut self.swing, lane, swing.min(RECOVERED));
    }

    /// The next sample has no neighbour before it.
    pub(super) fn part(&mut self, lane: usize) {
        for column in [
            &mut self.follows,
            &mut self.outlier,
            &mut self.outlier_before,
        ] {
            put(column, lane, 0.0);
        }
    }

    /// Lets the statistics fade over `missing` samples as if each had been normal, so that old evidence does not meet
    /// new evidence as though nothing lay between.
    pub(super) fn fade(&mut self, lane: usize, missing: f32, limits: &Limits) {
        let fall = missing * at(&limits.k, lane) * at(&limits.per_h, lane);
        for column in [&mut self.high, &mut self.low] {
            let faded = (at(column, lane) - fall).max(0.0);
            put(column, lane, faded);
        }
        let drop = missing * (SPREAD_K - 1.0);
        for (column, per_h) in [
            (&mut self.spread, &limits.per_spread_h),
            (&mut self.swing, &limits.per_swing_h),
        ] {
            let faded = (at(column, lane) - drop * at(per_h, lane)).max(0.0);
            put(column, lane, faded);
        }
        let kept = (1.0 - at(&limits.lambda, lane)).powf(missing);
        let level = at(&self.level, lane) * kept;
        put(&mut self.level, lane, level);
        let kept = (1.0 - SQUARES_LAMBDA).powf(missing);
        for column in [&mut self.spread_mean, &mut self.swing_mean] {
            let faded = 1.0 + kept * (at(column, lane) - 1.0);
            put(column, lane, faded);
        }
        self.part(lane);
    }
}

/// An element of a column; 0 beyond it.
pub(super) fn at(column: &Column, lane: usize) -> f32 {
    column.get(lane).copied().unwrap_or(0.0)
}

/// Sets an element of a column.
pub(super) fn put<T>(column: &mut [T], lane: usize, value: T) {
    if let Some(place) = column.get_mut(lane) {
        *place = value;
    }
}

impl Default for State {
    fn default() -> Self {
        Self {
            high: ZERO,
            low: ZERO,
            level: ZERO,
            spread: ZERO,
            swing: ZERO,
            spread_mean: [1.0; LANES],
            swing_mean: [1.0; LANES],
            previous: ZERO,
            follows: ZERO,
            outlier: ZERO,
            outlier_before: ZERO,
            since_high: ZERO,
            since_low: ZERO,
            quiet_sum: ZERO,
            quiet_count: ZERO,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            phi: ZERO,
            innovation: ZERO,
            per_innovation: ZERO,
            k: ZERO,
            per_h: ZERO,
            lambda: ZERO,
            per_level: ZERO,
            per_spread: ZERO,
            per_spread_h: ZERO,
            per_swing: ZERO,
            per_swing_h: ZERO,
            per_spike: ZERO,
            per_outlier: ZERO,
        }
    }
}

impl Readings {
    /// The largest statistic over its limit of all slots.
    pub(super) fn loudest(&self) -> f32 {
        self.worst.into_iter().fold(0.0, f32::max)
    }
}

impl Default for Readings {
    fn default() -> Self {
        Self {
            worst: ZERO,
            innovation: ZERO,
            spike: ZERO,
            outliers: ZERO,
        }
    }
}

/// Runs the arithmetic with the widest vectors of this processor.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stepper(Arch);

impl Stepper {
    pub(super) fn new() -> Self {
        Self(Arch::new())
    }

    /// Charts one residual per slot; a slot whose `fed` is 0 stays as it is and reads 0.
    pub(super) fn step(
        self,
        state: &mut State,
        limits: &Limits,
        (residual, fed): (&Column, &Column),
        out: &mut Readings,
    ) {
        self.0.dispatch(Step {
            state,
            limits,
            residual,
            fed,
            out,
        });
    }
}

/// One step of sixteen slots.
struct Step<'a> {
    state: &'a mut State,
    limits: &'a Limits,
    residual: &'a Column,
    fed: &'a Column,
    out: &'a mut Readings,
}

impl WithSimd for Step<'_> {
    type Output = ();

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "only inlined code is compiled for the wider registers"
    )]
    fn with_simd<S: Simd>(self, _: S) {
        // Written apart from what is read: of that the compiler knows that it does not overlap, and it does not turn
        // "as before" into masked stores, which some processors do one number at a time.
        let mut next = State::default();
        let mut readings = Readings::default();
        let given = (self.limits, self.residual, self.fed);
        advance(self.state, given, &mut next, &mut readings);
        *self.state = next;
        *self.out = readings;
    }
}

#[expect(
    clippy::indexing_slicing,
    reason = "every column has LANES elements, so no index is out of bounds and no check is compiled in"
)]
#[expect(
    clippy::many_single_char_names,
    reason = "the names of the formulas above"
)]
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "only inlined code is compiled for the wider registers"
)]
fn advance(
    s: &State,
    (l, residual, fed): (&Limits, &Column, &Column),
    next: &mut State,
    out: &mut Readings,
) {
    for i in 0..LANES {
        // Weights of 1 and 0 instead of branches: what a slot that is not fed computes is thrown away.
        let fed = fed[i];
        let keep = |old: f32, new: f32| pick(fed, new, old);
        let r = residual[i];
        let carried = l.phi[i] * s.previous[i].clamp(-FOLLOWED_MAX, FOLLOWED_MAX);
        // Without a neighbour the residual itself is compared with the wider spread of the residuals.
        let e = pick(s.follows[i], (r - carried) * l.per_innovation[i], r);
        let y = e.clamp(-CLIP, CLIP);
        let w = r.clamp(-CLIP, CLIP);

        let high = (s.high[i] + (y - l.k[i]) * l.per_h[i]).clamp(0.0, CAP);
        let low = (s.low[i] + (-y - l.k[i]) * l.per_h[i]).clamp(0.0, CAP);
        let moved = s.level[i] + l.lambda[i] * (w - s.level[i]);
        let level = pick(flag(moved.abs() >= LEVEL_ZERO), moved, 0.0);
        let (spread_square, swing_square) = (y * y * l.per_spread[i], w * w * l.per_swing[i]);
        let spread = (s.spread[i] + (spread_square - SPREAD_K) * l.per_spread_h[i]).clamp(0.0, CAP);
        let swing = (s.swing[i] + (swing_square - SPREAD_K) * l.per_swing_h[i]).clamp(0.0, CAP);
        let spread_mean = s.spread_mean[i] + SQUARES_LAMBDA * (spread_square - s.spread_mean[i]);
        let swing_mean = s.swing_mean[i] + SQUARES_LAMBDA * (swing_square - s.swing_mean[i]);

        let outside = flag(r.abs() > SPIKE_SHARE * e.abs() * l.innovation[i]);
        let spike = outside * e.abs() * l.per_spike[i];
        let outlier = outside * flag(e.abs() * l.per_outlier[i] > 1.0);
        let outliers = outlier * s.outlier[i].max(s.outlier_before[i]);

        let worst = high
            .max(low)
            .max(level.abs() * l.per_level[i])
            .max(spread.max(swing))
            .max(spike.max(outliers * PAIR_RATIO));
        out.worst[i] = fed * worst;
        out.innovation[i] = e;
        out.spike[i] = spike;
        out.outliers[i] = outliers;

        let climbing = |sum: f32, since: f32| flag(sum > 0.0) * (since + 1.0);
        next.since_high[i] = keep(s.since_high[i], climbing(high, s.since_high[i]));
        next.since_low[i] = keep(s.since_low[i], climbing(low, s.since_low[i]));
        next.high[i] = keep(s.high[i], high);
        next.low[i] = keep(s.low[i], low);
        next.level[i] = keep(s.level[i], level);
        next.spread[i] = keep(s.spread[i], spread);
        next.swing[i] = keep(s.swing[i], swing);
        next.spread_mean[i] = keep(s.spread_mean[i], spread_mean);
        next.swing_mean[i] = keep(s.swing_mean[i], swing_mean);
        next.outlier_before[i] = keep(s.outlier_before[i], s.outlier[i]);
        next.outlier[i] = keep(s.outlier[i], outlier);
        next.previous[i] = keep(s.previous[i], r);
        next.follows[i] = keep(s.follows[i], 1.0);
        let quiet = fed * flag(worst < QUIET_RATIO);
        next.quiet_sum[i] = s.quiet_sum[i] + quiet * r.clamp(-LESSON_MAX, LESSON_MAX);
        next.quiet_count[i] = s.quiet_count[i] + quiet;
    }
}

/// 1 when it holds, else 0.
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "only inlined code is compiled for the wider registers"
)]
const fn flag(holds: bool) -> f32 {
    if holds { 1.0 } else { 0.0 }
}

/// `yes` for a weight of 1, `no` for 0.
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "only inlined code is compiled for the wider registers"
)]
const fn pick(weight: f32, yes: f32, no: f32) -> f32 {
    if weight > 0.5 { yes } else { no }
}

//! Limits of one slot: the design for independent normal data, changed by what its model knows of the data.

use super::charts::Limits;
use super::design::{ChartDesign, SPREAD_ALLOWANCE, residual_k};
use super::model::Model;
use super::number::single;
use super::tails::{BOUNDARY, SpikeLimits, climb_limit};

/// Standard errors of the learned level that the charts tolerate.
const LEVEL_ERRORS: f64 = 1.5;
/// Squares of a signal that rests below its resolution are held against this, or the first step would be unrest.
const SQUARE_MIN: f64 = 0.5;
/// A limit beyond this is out of reach anyway.
const H_MAX: f64 = 1e4;
/// Below this many independent samples twice as many standard errors are tolerated, because correlation and spread
/// are hardly known either.
const FEW_SAMPLES: f64 = 70.0;
/// Samples from which on a variance counts as well learned.
const WELL_LEARNED: f64 = 600.0;
/// Factors on decay rates of squares, and least factors on the limits of spikes, while the tail is not known.
const ROUGH: Doubt = Doubt {
    decay: 0.5,
    spike: 4.0,
    outlier: 2.0,
};
const NO_DOUBT: Doubt = Doubt {
    decay: 1.0,
    spike: 1.0,
    outlier: 1.0,
};

/// See [`ROUGH`].
#[derive(Debug, Clone, Copy, PartialEq)]
struct Doubt {
    decay: f64,
    spike: f64,
    outlier: f64,
}

/// More allowance than this would blind the charts.
const MARGIN_MAX: f64 = 1.5;
/// A run of one value is never stuck before this many samples…
const STUCK_MIN: f64 = 20.0;
/// …nor before this many times the longest run learned…
const STUCK_RUNS: f64 = 3.0;
/// …nor before its chance by accident, with this much to spare in the exponent, is that of a false alarm.
const STUCK_EXPONENT: f64 = 1.3;

/// Limits in standard deviations of residual or innovation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tuning {
    pub(super) phi: f64,
    pub(super) innovation: f64,
    /// Allowance and limit of the CUSUM for the wanted shift.
    pub(super) k: f64,
    pub(super) h: f64,
    /// Smoothing and limit of the EWMA.
    pub(super) lambda: f64,
    pub(super) level: f64,
    /// Mean squares and limits of the CUSUMs of squares.
    pub(super) spread_square: f64,
    pub(super) spread_h: f64,
    pub(super) swing_square: f64,
    pub(super) swing_h: f64,
    /// One innovation, and two of three.
    pub(super) spike: f64,
    pub(super) outlier: f64,
    /// Samples of one value after which it is stuck.
    pub(super) stuck: f64,
}

impl Tuning {
    /// Changes `design` for `model`, whose level rests on so many samples as are worth `effective` independent ones.
    pub(super) fn new(design: &ChartDesign, model: &Model, effective: f64) -> Self {
        let (dynamics, shape) = (&model.dynamics, &model.shape);
        let (arl, phi) = (design.arl0, dynamics.phi);
        let long_run = dynamics.long_run * dynamics.pattern_error;
        let error = LEVEL_ERRORS * (1.0 + (FEW_SAMPLES / effective).min(1.0)) / effective.sqrt();
        let k = residual_k(design, phi, error);
        let h = climb_limit(2.0 * k * shape.decay / long_run, k, 2.0 * arl, BOUNDARY);
        let exact = design.h - climb_limit(2.0 * design.k, design.k, 2.0 * arl, BOUNDARY);
        let inflation = ewma_inflation(design.lambda, phi) * long_run;
        let deviation = (design.lambda / (2.0 - design.lambda) * inflation).sqrt();
        let drift = SPREAD_ALLOWANCE - 1.0;
        let spikes = SpikeLimits::normal(arl);
        // A tail that nobody has seen yet may be that of Student's t with five degrees of freedom.
        let rough = if shape.is_rough() { ROUGH } else { NO_DOUBT };
        let stuck_by_chance = STUCK_EXPONENT * arl.ln() / -shape.repeats.max(1e-12).ln();
        Self {
            phi,
            innovation: dynamics.innovation,
            k,
            h: (h + exact).min(H_MAX) * dynamics.widen,
            lambda: design.lambda,
            level: (design.limit_l * deviation + error.min(MARGIN_MAX)) * dynamics.widen,
            spread_square: shape.spread_square.max(SQUARE_MIN) * (1.0 + innovation_error(model)),
            spread_h: climb_limit(
                shape.spread_decay * rough.decay / shape.unrest,
                drift,
                arl,
                0.0,
            ),
            swing_square: shape.swing_square.max(SQUARE_MIN) * (1.0 + spread_error(model)),
            swing_h: climb_limit(
                shape.swing_decay * rough.decay / shape.unrest,
                drift,
                arl,
                0.0,
            ),
            spike: (spikes.single * shape.spike).max(spikes.single * rough.spike),
            outlier: (spikes.pair * shape.outlier).max(spikes.pair * rough.outlier),
            stuck: STUCK_MIN
                .max(STUCK_RUNS * shape.longest_run)
                .max(stuck_by_chance),
        }
    }

    /// Writes them into a lane. Without a level (`has_level` false) only what looks at innovations is charted.
    pub(super) fn write(&self, limits: &mut Limits, lane: usize, has_level: bool) {
        let mut put = |column: fn(&mut Limits) -> &mut super::charts::Column, x: f64| {
            if let Some(place) = column(limits).get_mut(lane) {
                *place = single(x);
            }
        };
        let with_level = |x: f64| if has_level { x } else { 0.0 };
        put(|l| &mut l.phi, self.phi);
        put(|l| &mut l.innovation, self.innovation);
        put(|l| &mut l.per_innovation, 1.0 / self.innovation);
        put(|l| &mut l.k, self.k);
        put(|l| &mut l.per_h, with_level(1.0 / self.h));
        put(|l| &mut l.lambda, self.lambda);
        put(|l| &mut l.per_level, with_level(1.0 / self.level));
        put(|l| &mut l.per_spread, 1.0 / self.spread_square);
        put(|l| &mut l.per_spread_h, 1.0 / self.spread_h);
        put(|l| &mut l.per_swing, 1.0 / self.swing_square);
        put(|l| &mut l.per_swing_h, with_level(1.0 / self.swing_h));
        put(|l| &mut l.per_spike, 1.0 / self.spike);
        put(|l| &mut l.per_outlier, 1.0 / self.outlier);
    }
}

/// Variance of an EWMA of AR(1) data over that of independent data (Schmid 1997):
/// `(1 + phi (1 - lambda)) / (1 - phi (1 - lambda))`.
fn ewma_inflation(lambda: f64, phi: f64) -> f64 {
    let carried = phi * (1.0 - lambda);
    (1.0 + carried) / (1.0 - carried)
}

/// How far the learned variance of the innovations may be off, relative. Beyond a few hundred samples the tail behind
/// the limit decides, and the allowance fades.
fn innovation_error(model: &Model) -> f64 {
    let samples = model.shape.samples.max(30.0);
    LEVEL_ERRORS * (2.0 / samples).sqrt() * (WELL_LEARNED / samples).min(1.0)
}

/// How far a learned variance may be off, relative; its standard error is `sqrt(2 (1 + phi²) / ((1 - phi²) n))`
/// (Bartlett 1946).
fn spread_error(model: &Model) -> f64 {
    let square = model.dynamics.phi * model.dynamics.phi;
    let samples = model.shape.samples.max(30.0);
    LEVEL_ERRORS * (2.0 * (1.0 + square) / (1.0 - square) / samples).sqrt()
}

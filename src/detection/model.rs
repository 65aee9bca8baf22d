//! What is normal for one signal: everything that is learned about it, and everything that is kept over a restart.

use serde::{Deserialize, Serialize};

use super::design::SPREAD_ALLOWANCE;
use super::pattern::Pattern;
use super::tails::square_decay_rate;

/// A signal whose spread is below this many times what its resolution gives it rests on a few values.
const RESTING_FLOORS: f64 = 1.5;
/// Innovations from which on a tail is known.
pub(super) const TAIL_SAMPLES: f64 = 1_000.0;

/// Index of a mode of the context that a slot follows: a product, a recipe, a machine state, or a combination.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct ModeId(pub u16);

/// The learned model of a slot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// Levels by mode; at least one.
    pub(super) levels: Vec<ModeLevel>,
    /// What the signal repeats.
    pub(super) pattern: Option<Box<Pattern>>,
    /// Dependence on the sample before.
    pub(super) dynamics: Dynamics,
    /// Tails, and how long the signal stands still.
    pub(super) shape: Shape,
}

/// The level in one mode.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ModeLevel {
    /// Which mode.
    pub mode: ModeId,
    /// Normal level, in the tag's unit.
    pub level: f64,
    /// Standard deviation of the residual around level and pattern, in the tag's unit; above zero.
    pub spread: f64,
    /// What the resolution of the signal alone gives it as spread; learning on never goes below.
    pub floor: f64,
    /// Samples that it rests on.
    pub samples: f64,
    /// Whether the signal stands still in this mode, as that of a machine which is off.
    pub is_still: bool,
}

impl ModeLevel {
    /// Whether the signal rests on a few values: its spread is little more than its resolution gives it.
    pub(super) fn rests(&self) -> bool {
        self.spread < RESTING_FLOORS * self.floor
    }
}

/// Autocorrelation of the residual.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Dynamics {
    /// Lag-1 correlation, 0 to .98.
    pub(super) phi: f64,
    /// Standard deviation of the innovations, in those of the residual.
    pub(super) innovation: f64,
    /// Long-run variance of the innovations over their variance: what AR(1) does not explain; at least 1.
    pub(super) long_run: f64,
    /// The same factor for what a pattern learned from few visits leaves of itself; at least 1.
    pub(super) pattern_error: f64,
    /// How much wider the limits must be because the learned data itself came close to them; at least 1.
    pub(super) widen: f64,
}

/// Distribution of innovations and residuals.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Shape {
    /// Decay rate of a CUSUM over that of normal data; above 0, at most 1 or so.
    pub(super) decay: f64,
    /// Mean square and decay rate of the CUSUM of squares: innovations, residuals.
    pub(super) spread_square: f64,
    pub(super) spread_decay: f64,
    /// How much longer large squares of innovations stay together than they would by chance; at least 1.
    pub(super) unrest: f64,
    pub(super) swing_square: f64,
    pub(super) swing_decay: f64,
    /// Limits of single innovations and of pairs over those of normal data; at least 1.
    pub(super) spike: f64,
    pub(super) outlier: f64,
    /// Longest run of the same value, and the chance that a value repeats.
    pub(super) longest_run: f64,
    pub(super) repeats: f64,
    /// Innovations that it rests on.
    pub(super) samples: f64,
}

impl Shape {
    /// Whether it rests on so few innovations that the tail is not known.
    pub(super) const fn is_rough(&self) -> bool {
        self.samples < TAIL_SAMPLES
    }

    /// Independent normal values that never repeat. The decay rates of squares are those of `(1 - 1/2.5) / 2` in
    /// [`super::design::SPREAD_ALLOWANCE`].
    pub(super) const NORMAL: Self = Self {
        decay: 1.0,
        spread_square: 1.0,
        spread_decay: 0.3,
        unrest: 1.0,
        swing_square: 1.0,
        swing_decay: 0.3,
        spike: 1.0,
        outlier: 1.0,
        longest_run: 1.0,
        repeats: 0.0,
        samples: f64::INFINITY,
    };
}

impl Model {
    /// A model known beforehand, of normal AR(1) data: no allowance is made for estimation.
    pub fn known(level: f64, spread: f64, phi: f64) -> Self {
        Self {
            levels: vec![ModeLevel {
                mode: ModeId::default(),
                level,
                spread,
                floor: 0.0,
                samples: f64::INFINITY,
                is_still: false,
            }],
            pattern: None,
            dynamics: Dynamics {
                phi,
                innovation: (1.0 - phi * phi).sqrt(),
                long_run: 1.0,
                pattern_error: 1.0,
                widen: 1.0,
            },
            shape: Shape {
                swing_decay: square_decay_rate(phi, SPREAD_ALLOWANCE),
                ..Shape::NORMAL
            },
        }
    }

    /// Levels by mode.
    pub fn levels(&self) -> &[ModeLevel] {
        &self.levels
    }

    /// Lag-1 correlation of the signal.
    pub const fn phi(&self) -> f64 {
        self.dynamics.phi
    }

    /// Samples that the level of the least known mode rests on.
    pub(super) fn least_samples(&self) -> f64 {
        let samples = self.levels.iter().map(|level| level.samples);
        samples.fold(f64::INFINITY, f64::min)
    }

    /// What so many samples are worth in independent ones.
    pub(super) fn independent(&self, samples: f64) -> f64 {
        let phi = self.dynamics.phi;
        samples * (1.0 - phi) / (1.0 + phi)
    }

    /// The level of a mode.
    pub(super) fn level(&self, mode: ModeId) -> Option<&ModeLevel> {
        self.levels.iter().find(|level| level.mode == mode)
    }

    /// Numbers the modes otherwise; of several that become one, the first stays.
    pub(super) fn renumber(&mut self, mode_of: impl Fn(ModeId) -> ModeId) {
        for level in &mut self.levels {
            level.mode = mode_of(level.mode);
        }
        let mut seen = Vec::new();
        self.levels.retain(|level| {
            let is_new = !seen.contains(&level.mode);
            seen.push(level.mode);
            is_new
        });
    }

    /// Whether the numbers, which may come from a file, can be charted with.
    pub fn is_usable(&self) -> bool {
        let is_sane = |level: &ModeLevel| {
            level.level.is_finite()
                && level.spread > 0.0
                && level.spread.is_finite()
                && (1.0 / level.spread).is_finite()
                && level.floor >= 0.0
                && level.samples > 0.0
        };
        let positive = |x: f64| x > 0.0 && x.is_finite();
        let (dynamics, shape) = (&self.dynamics, &self.shape);
        !self.levels.is_empty()
            && self.levels.iter().all(is_sane)
            && self
                .pattern
                .as_ref()
                .is_none_or(|pattern| pattern.is_usable())
            && (0.0..1.0).contains(&dynamics.phi)
            && [
                dynamics.innovation,
                dynamics.long_run,
                dynamics.pattern_error,
                dynamics.widen,
            ]
            .into_iter()
            .all(positive)
            && [
                shape.decay,
                shape.spread_square,
                shape.spread_decay,
                shape.unrest,
                shape.swing_square,
                shape.swing_decay,
                shape.spike,
                shape.outlier,
                shape.longest_run,
            ]
            .into_iter()
            .all(positive)
            && shape.samples > 0.0
            && [shape.spike].into_iter().all(positive)
            && (0.0..1.0).contains(&shape.repeats)
    }
}

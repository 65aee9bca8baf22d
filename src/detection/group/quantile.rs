//! From a false-alarm probability to a limit.

use statrs::distribution::{ContinuousCDF, StudentsT};

pub(super) use crate::detection::tails::normal_upper as normal;

/// What Student's t exceeds with probability `tail`: a spread that was estimated from `freedom` independent values may
/// be smaller than the true one.
pub(super) fn student(tail: f64, freedom: f64) -> f64 {
    StudentsT::new(0.0, 1.0, freedom).map_or_else(|_| normal(tail), |t| -t.inverse_cdf(tail))
}

/// What a Pearson III (shifted gamma) variable exceeds with probability `tail`, by Wilson and Hilferty's cube (1931):
/// `mean + sd (2/g) ((1 + g z/6 - g²/36)³ - 1)` with skewness `g > 0` and normal quantile `z`. From `g = 2 z` on the
/// formula would fall again; there it stays.
pub(super) fn pearson3(tail: f64, mean: f64, variance: f64, skewness: f64) -> f64 {
    let z = normal(tail);
    let g = skewness.min(2.0 * z);
    let cube = 1.0 + g * z / 6.0 - g * g / 36.0;
    mean + variance.sqrt() * (2.0 / g) * (cube.powi(3) - 1.0)
}

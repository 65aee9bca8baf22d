//! Centre and scale of one tag.

use super::fit::{mean, variance};
use crate::detection::robust::{MAD_SCALE, median};

/// Values are pulled in to this many first-guess standard deviations before the mean is taken.
const WINSOR_SIGMAS: f64 = 3.0;
/// The first guess is at least this share of the plain standard deviation: a signal on two levels has no median
/// deviation worth the name.
const PLAIN_SHARE: f64 = 0.7;
/// Beyond this many robust standard deviations lies no plain one…
const GROSS_SIGMAS: f64 = 10.0;
/// …unless more than one value in this many does: then the signal is like that.
const GROSS_ONE_IN: usize = 50;
/// A spread that is smaller, as a share of the level or at all, is rounding.
const STILL_SHARE: f64 = 1e-9;
const STILL: f64 = 1e-100;
/// More missing values than one in this many are too many to learn from.
const MISSING_ONE_IN: usize = 5;

/// Puts the last value, or else the next one, where one is missing. False when too many are.
pub(super) fn hold_missing(values: &mut [f64]) -> bool {
    let missing = values.iter().filter(|value| value.is_nan()).count();
    let mut last = values.iter().copied().find(|value| !value.is_nan());
    for value in values.iter_mut() {
        if value.is_nan() {
            *value = last.unwrap_or(0.0);
        } else {
            last = Some(*value);
        }
    }
    missing * MISSING_ONE_IN <= values.len()
}

/// Winsorised mean and standard deviation; `None` of a tag that stands still.
pub(super) fn centre_and_scale(values: &[f64]) -> Option<(f64, f64)> {
    let middle = (!values.is_empty()).then(|| median(values))?;
    let deviations: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
    let robust = MAD_SCALE * median(&deviations);
    let plain = plain_spread(values, middle, robust);
    let first = robust.max(PLAIN_SHARE * plain);
    if plain <= (STILL_SHARE * middle.abs()).max(STILL) {
        return None;
    }
    let pulled: Vec<f64> = values
        .iter()
        .map(|value| ((value - middle) / first).clamp(-WINSOR_SIGMAS, WINSOR_SIGMAS))
        .collect();
    let centre = middle + first * mean(pulled.iter().copied());
    Some((centre, first * (variance(&pulled).sqrt() + STILL_SHARE)))
}

/// Standard deviation, of which a few gross outliers take no part.
fn plain_spread(values: &[f64], middle: f64, robust: f64) -> f64 {
    let bound = GROSS_SIGMAS * robust;
    let gross = values
        .iter()
        .filter(|v| (**v - middle).abs() > bound)
        .count();
    if robust > 0.0 && gross * GROSS_ONE_IN <= values.len() {
        let kept: Vec<f64> = values
            .iter()
            .map(|value| value.clamp(middle - bound, middle + bound))
            .collect();
        return variance(&kept).sqrt();
    }
    variance(values).sqrt()
}

//! Whether neighbouring points depend on each other.

use crate::quality::number::mean;

/// Above this absolute value the false alarms of a chart are no longer those of independent points.
pub const AUTOCORRELATION_MAX: f64 = 0.3;
/// Fewest points: with fewer, chance alone makes 0.3 often.
const POINTS_MIN: usize = 20;

/// Correlation of each point with the one before it, -1 to 1: `sum (x_t - m) (x_(t+1) - m) / sum (x_t - m)^2`, pairs over
/// a missing point or a break left out. `None` below 20 points or without a spread.
pub fn lag_one_autocorrelation(values: &[Option<f64>], breaks: &[bool]) -> Option<f64> {
    let present: Vec<f64> = values.iter().copied().flatten().collect();
    if present.len() < POINTS_MIN {
        return None;
    }
    let mean = mean(&present)?;
    let square: f64 = present.iter().map(|value| (value - mean).powi(2)).sum();
    let neighbours = values.iter().zip(values.iter().skip(1)).enumerate();
    let product: f64 = neighbours
        .filter(|(index, _)| !breaks.get(index + 1).copied().unwrap_or(false))
        .filter_map(|(_, (a, b))| Some((*a)? - mean).zip(Some((*b)? - mean)))
        .map(|(a, b)| a * b)
        .sum();
    let r = product / square;
    r.is_finite().then(|| r.clamp(-1.0, 1.0))
}

//! Sums, means and spreads that stay exact on hostile data.

/// Guard of a comparison with a limit, as a share of the distance of the limit from the centre line.
pub(crate) const GUARD: f64 = 1e-9;
/// Rounding of a mean of values of this size; a limit is not compared more finely.
const ROUNDING: f64 = 1e-14;

/// What two numbers may differ by and still count as equal: `scale` is the distance that matters, `size` the largest
/// number that took part in computing them.
pub(crate) fn tolerance(scale: f64, size: f64) -> f64 {
    GUARD * scale.abs() + ROUNDING * size.abs()
}

/// The mean; `None` of nothing or beyond the range of numbers.
pub(crate) fn mean(values: &[f64]) -> Option<f64> {
    let first = *values.first()?;
    let count = values.len() as f64;
    let rest: f64 = values.iter().map(|value| (value - first) / count).sum();
    Some(first + rest).filter(|mean| mean.is_finite())
}

/// Sum of squared deviations from `mean`, corrected for what rounding left in the mean.
fn squares(values: &[f64], mean: f64) -> f64 {
    let rest: f64 = values.iter().map(|value| value - mean).sum();
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares - rest * rest / values.len() as f64).max(0.0)
}

/// The variance with `n - 1`; exactly 0 of equal values, `None` of fewer than two.
pub(crate) fn variance(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let spread = range(values)?;
    if spread <= 0.0 {
        return Some(0.0);
    }
    let squares = squares(values, mean(values)?);
    Some(squares / (values.len() - 1) as f64).filter(|variance| variance.is_finite())
}

/// The standard deviation with `n - 1`; exactly 0 of equal values, `None` of fewer than two.
pub(crate) fn deviation(values: &[f64]) -> Option<f64> {
    variance(values).map(f64::sqrt)
}

/// Largest less smallest value.
pub(crate) fn range(values: &[f64]) -> Option<f64> {
    let high = values.iter().copied().reduce(f64::max)?;
    let low = values.iter().copied().reduce(f64::min)?;
    Some(high - low).filter(|range| range.is_finite())
}

/// The values in ascending order.
pub(crate) fn ordered(values: &[f64]) -> Vec<f64> {
    let mut ordered = values.to_vec();
    ordered.sort_by(f64::total_cmp);
    ordered
}

/// `value`, unless it is infinite or not a number.
pub(crate) fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// `of / by`; `None` where the divisor is 0 or the result beyond the range of numbers.
pub(crate) fn ratio(of: f64, by: f64) -> Option<f64> {
    if by > 0.0 { finite(of / by) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::quantile;

    #[test]
    fn equal_values_have_no_spread_at_all() {
        assert_eq!(deviation(&[0.1; 7]), Some(0.0));
        assert_eq!(mean(&[0.1; 7]), Some(0.1));
    }

    #[test]
    fn too_few_values_have_no_figure() {
        assert_eq!(mean(&[]), None);
        assert_eq!(deviation(&[1.0]), None);
        assert_eq!(range(&[]), None);
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn a_large_offset_does_not_swallow_the_spread() {
        // Variance of 4, 7, 13, 16 is 30, at an offset of 1e9.
        let values = [1e9 + 4.0, 1e9 + 7.0, 1e9 + 13.0, 1e9 + 16.0];
        assert_eq!(variance(&values), Some(30.0));
    }

    #[test]
    fn figures_beyond_the_range_of_numbers_are_none() {
        assert_eq!(range(&[f64::MAX, f64::MIN]), None);
        assert_eq!(deviation(&[f64::MAX, f64::MIN]), None);
        assert_eq!(mean(&[f64::INFINITY]), None);
        assert_eq!(ratio(1.0, 0.0), None);
        assert_eq!(ratio(f64::MAX, 1e-300), None);
    }
}

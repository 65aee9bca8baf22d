//! Student's t and the normal distribution, with one rule for both: `None` degrees of freedom means a known deviation.

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};
use statrs::function::erf::erfc;

/// Two-sided p-value of a statistic. An infinite statistic has 0, one that is no number has 1.
pub(super) fn p_two_sided(statistic: f64, df: Option<f64>) -> f64 {
    let size = statistic.abs();
    if size.is_nan() {
        return 1.0;
    }
    if size.is_infinite() {
        return 0.0;
    }
    match df.and_then(|df| StudentsT::new(0.0, 1.0, df).ok()) {
        Some(t) => (2.0 * t.cdf(-size)).clamp(0.0, 1.0),
        None => erfc(size * std::f64::consts::FRAC_1_SQRT_2),
    }
}

/// The statistic that is exceeded in size with probability 5 %.
pub(super) fn critical_95(df: Option<f64>) -> f64 {
    let normal = || Normal::standard().inverse_cdf(0.975);
    df.and_then(|df| StudentsT::new(0.0, 1.0, df).ok())
        .map_or_else(normal, |t| t.inverse_cdf(0.975))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R: `2*pt(-2, 10)`, `2*pnorm(-1.959964)`, `qt(.975, 10)`, `qnorm(.975)`.
    #[test]
    fn probabilities_and_quantiles_are_those_of_r() {
        for (got, expected) in [
            (p_two_sided(2.0, Some(10.0)), 0.073_388_034_770_739_9),
            (p_two_sided(-1.959_963_984_540_054, None), 0.05),
            (critical_95(Some(10.0)), 2.228_138_851_964_939),
            (critical_95(None), 1.959_963_984_540_054),
            (p_two_sided(f64::INFINITY, Some(3.0)), 0.0),
            (p_two_sided(f64::NAN, None), 1.0),
        ] {
            assert!((got - expected).abs() < 1e-9, "{got} != {expected}");
        }
    }
}

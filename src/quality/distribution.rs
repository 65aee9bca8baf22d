//! Probabilities and quantiles of the normal, chi-squared and Student's t distribution, as options instead of panics.

use std::f64::consts::SQRT_2;

use statrs::distribution::{ChiSquared, ContinuousCDF, StudentsT};
use statrs::function::erf::{erfc, erfc_inv};

/// `P(Z <= z)` of a standard normal; exact in the lower tail.
pub(crate) fn normal_cdf(z: f64) -> f64 {
    0.5 * erfc(-z / SQRT_2)
}

/// The `z` with `P(Z <= z) = p`, `p` in (0, 1).
pub(crate) fn normal_quantile(p: f64) -> Option<f64> {
    if p > 0.0 && p < 1.0 {
        Some(-SQRT_2 * erfc_inv(2.0 * p))
    } else {
        None
    }
}

/// The value below which a chi-squared variable of `df` degrees of freedom lies with probability `p`.
pub(crate) fn chi_squared_quantile(p: f64, df: f64) -> Option<f64> {
    let inside = p > 0.0 && p < 1.0 && df.is_finite();
    if !inside {
        return None;
    }
    let distribution = ChiSquared::new(df).ok()?;
    Some(distribution.inverse_cdf(p)).filter(|value| value.is_finite())
}

/// Probability that a standard normal is at least as far from 0 as `z`, on either side.
pub(crate) fn normal_two_sided(z: f64) -> f64 {
    erfc(z.abs() / SQRT_2).clamp(0.0, 1.0)
}

/// Probability that Student's t with `df` degrees of freedom is at least as far from 0 as `t`, on either side.
pub(crate) fn student_two_sided(t: f64, df: f64) -> Option<f64> {
    if !t.is_finite() {
        return None;
    }
    let distribution = StudentsT::new(0.0, 1.0, df).ok()?;
    let tail = distribution.sf(t.abs());
    tail.is_finite().then(|| (2.0 * tail).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn close(got: Option<f64>, expected: f64) {
        let got = got.unwrap();
        assert!(
            (got - expected).abs() <= 1e-9 * expected.abs(),
            "{got} {expected}"
        );
    }

    #[test]
    fn quantiles_agree_with_tables() {
        // R: qnorm(.975), qchisq(.025, 90), qchisq(.975, 5.5), 2*pt(-2, 10).
        close(normal_quantile(0.975), 1.959_963_984_540_054);
        close(chi_squared_quantile(0.025, 90.0), 65.646_617_583_1);
        close(student_two_sided(2.0, 10.0), 0.073_388_034_770_740_36);
        close(Some(normal_two_sided(3.0)), 0.002_699_796_063_260_189);
        close(Some(normal_cdf(-6.0)), 9.865_876_450_376_98e-10);
    }

    #[test]
    fn nonsense_has_no_quantile() {
        assert_eq!(normal_quantile(0.0), None);
        assert_eq!(normal_quantile(f64::NAN), None);
        assert_eq!(chi_squared_quantile(0.5, 0.0), None);
        assert_eq!(chi_squared_quantile(1.0, 5.0), None);
        assert_eq!(chi_squared_quantile(0.5, f64::INFINITY), None);
        assert_eq!(student_two_sided(f64::NAN, 5.0), None);
        assert_eq!(student_two_sided(1.0, -5.0), None);
    }
}

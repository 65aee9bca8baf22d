//! Constants of control charts for subgroups of `n` normal readings.
//!
//! `d2 = integral of 1 - (1 - Phi)^n - Phi^n` and `d3` are mean and standard deviation of the range in sigmas (Tippett
//! 1925, Biometrika 17), `c4 = sqrt(2 / (n - 1)) Gamma(n / 2) / Gamma((n - 1) / 2)` is the mean of the standard deviation.
//! All others follow from the three (ASTM E2587, ISO 7870-2). Negative factors are 0.
//!
//! The two that need an integral stand in a table, which a test computes anew; programs that round them to three or four
//! digits differ from it by up to 4e-4.

use statrs::function::gamma::ln_gamma;

use super::error::QualityError;

/// Largest subgroup with constants of the range.
pub const SUBGROUP_MAX: usize = 25;
/// Readings from which the series of `c4` is better than the quotient of two large gamma functions.
const SERIES_FROM: usize = 1_000;

/// Mean of the range of `n` standard normal values, `n` = 2 to 25.
const D2: [f64; 24] = [
    D2_OF_TWO,
    1.692_568_750_643,
    2.058_750_746_008,
    2.325_928_947_281,
    2.534_412_721_223,
    2.704_356_751_214,
    2.847_200_612_091,
    2.970_026_324_418,
    3.077_505_461_670,
    3.172_872_703_816,
    3.258_455_279_744,
    3.335_980_354_098,
    3.406_763_108_200,
    3.471_826_889_882,
    3.531_982_786_110,
    3.587_883_961_765,
    3.640_063_757_937,
    3.688_963_023_208,
    3.734_950_119_597,
    3.778_335_829_843,
    3.819_384_643_363,
    3.858_323_423_285,
    3.895_348_148_451,
    3.930_629_219_507,
];
/// Standard deviation of that range.
const D3: [f64; 24] = [
    0.852_502_466_427,
    0.888_368_004_045,
    0.879_808_202_825,
    0.864_081_941_099,
    0.848_039_686_118,
    0.833_205_335_622,
    0.819_831_489_792,
    0.807_834_274_553,
    0.797_050_673_519,
    0.787_314_620_550,
    0.778_478_341_203,
    0.770_416_202_064,
    0.763_023_095_625,
    0.756_211_429_728,
    0.749_908_089_410,
    0.744_051_783_961,
    0.738_590_853_378,
    0.733_481_495_519,
    0.728_686_345_707,
    0.724_173_340_718,
    0.719_914_808_434,
    0.715_886_735_492,
    0.712_068_175_148,
    0.708_440_765_889,
];

/// The constants of one subgroup size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChartConstants {
    /// Subgroup size, 2 to 25.
    pub n: usize,
    /// Mean range in sigmas.
    pub d2: f64,
    /// Standard deviation of the range in sigmas.
    pub d3: f64,
    /// Mean standard deviation in sigmas.
    pub c4: f64,
    /// Limits of the mean from sigma: `3 / sqrt(n)`.
    pub a: f64,
    /// Limits of the mean from the mean range.
    pub a2: f64,
    /// Limits of the mean from the mean standard deviation.
    pub a3: f64,
    /// Lower limit of the standard deviation from its mean.
    pub b3: f64,
    /// Upper limit of the standard deviation from its mean.
    pub b4: f64,
    /// Lower limit of the standard deviation from sigma.
    pub b5: f64,
    /// Upper limit of the standard deviation from sigma.
    pub b6: f64,
    /// Lower limit of the range from sigma.
    pub d1: f64,
    /// Upper limit of the range from sigma; named `D2` in tables.
    pub d2_upper: f64,
    /// Lower limit of the range from its mean; named `D3` in tables.
    pub d3_lower: f64,
    /// Upper limit of the range from its mean; named `D4` in tables.
    pub d4: f64,
    /// Limits of individuals from the mean moving range over `n` readings.
    pub e2: f64,
}

impl ChartConstants {
    /// The constants for subgroups of `n` readings, 2 to 25.
    pub fn of(n: usize) -> Result<Self, QualityError> {
        let none = QualityError::SubgroupSize(n);
        let row = n.checked_sub(2).ok_or_else(|| none.clone())?;
        let (Some(d2), Some(d3)) = (D2.get(row).copied(), D3.get(row).copied()) else {
            return Err(none);
        };
        let c4 = c4(n).ok_or(none)?;
        let root = (n as f64).sqrt();
        let spread = 3.0 * (1.0 - c4 * c4).sqrt();
        Ok(Self {
            n,
            d2,
            d3,
            c4,
            a: 3.0 / root,
            a2: 3.0 / (d2 * root),
            a3: 3.0 / (c4 * root),
            b3: (1.0 - spread / c4).max(0.0),
            b4: 1.0 + spread / c4,
            b5: (c4 - spread).max(0.0),
            b6: c4 + spread,
            d1: (d2 - 3.0 * d3).max(0.0),
            d2_upper: d2 + 3.0 * d3,
            d3_lower: (1.0 - 3.0 * d3 / d2).max(0.0),
            d4: 1.0 + 3.0 * d3 / d2,
            e2: 3.0 / d2,
        })
    }
}

/// Mean of the standard deviation of `n` readings in sigmas, of 2 readings or more; it tends to 1.
pub fn c4(n: usize) -> Option<f64> {
    if n < 2 {
        return None;
    }
    let count = n as f64;
    if n > SERIES_FROM {
        return Some(1.0 - 1.0 / (4.0 * count) - 7.0 / (32.0 * count * count));
    }
    let quotient = (ln_gamma(count / 2.0) - ln_gamma((count - 1.0) / 2.0)).exp();
    Some((2.0 / (count - 1.0)).sqrt() * quotient)
}

/// Mean range of two readings in sigmas: what a moving range is divided by.
pub(crate) const D2_OF_TWO: f64 = std::f64::consts::FRAC_2_SQRT_PI;
/// Standard deviation of the range of two readings in sigmas.
pub(crate) const D3_OF_TWO: f64 = 0.852_502_466_427_422;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quality::distribution::normal_cdf;

    /// Step of the grid: the integrands are smooth and vanish at both ends, where the trapezoidal rule converges faster
    /// than any power of the step.
    const STEP: f64 = 0.02;
    const HALF: i32 = 500;

    fn cdf(place: i32) -> f64 {
        normal_cdf(f64::from(place) * STEP)
    }

    fn mean_range(n: i32) -> f64 {
        (-HALF..=HALF)
            .map(|i| 1.0 - (1.0 - cdf(i)).powi(n) - cdf(i).powi(n))
            .sum::<f64>()
            * STEP
    }

    /// `P(range > r)` from the joint density of the smallest value and the range.
    fn range_tail(n: i32, r: i32, table: &[(f64, f64)]) -> f64 {
        let at = |place: i32| table[usize::try_from(place + HALF).unwrap()];
        let inside: f64 = (-HALF..=HALF)
            .map(|i| at(i).1 * (at(i + r).0 - at(i).0).powi(n - 1))
            .sum();
        1.0 - f64::from(n) * STEP * inside
    }

    #[test]
    fn the_table_is_what_the_integrals_give() {
        let table: Vec<(f64, f64)> = (-HALF..=HALF + 800)
            .map(|place| {
                let x = f64::from(place) * STEP;
                (
                    cdf(place),
                    (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt(),
                )
            })
            .collect();
        for n in 2..=25_i32 {
            let constants = ChartConstants::of(usize::try_from(n).unwrap()).unwrap();
            assert!(
                (constants.d2 - mean_range(n)).abs() < 1e-10,
                "d2 of {n}: {}",
                mean_range(n)
            );
            // Simpson's rule for 2 int r P(range > r) dr = E(range^2).
            let square: f64 = (0..=800)
                .map(|r| {
                    let weight = if r == 0 || r == 800 {
                        1.0
                    } else {
                        f64::from(2 + 2 * (r % 2))
                    };
                    weight * f64::from(r) * STEP * range_tail(n, r, &table)
                })
                .sum::<f64>()
                * 2.0
                * STEP
                / 3.0;
            let d3 = (square - constants.d2.powi(2)).sqrt();
            assert!((constants.d3 - d3).abs() < 2e-8, "d3 of {n}: {d3}");
        }
    }

    #[test]
    fn two_readings_have_closed_forms() {
        let two = ChartConstants::of(2).unwrap();
        let pi = std::f64::consts::PI;
        assert!((two.d2 - 2.0 / pi.sqrt()).abs() < 1e-15);
        assert!((D3_OF_TWO - (2.0 - 4.0 / pi).sqrt()).abs() < 1e-15);
        assert!((two.c4 - (2.0 / pi).sqrt()).abs() < 1e-14);
    }

    #[test]
    fn sizes_outside_the_table_are_refused() {
        for n in [0, 1, 26, usize::MAX] {
            assert_eq!(ChartConstants::of(n), Err(QualityError::SubgroupSize(n)));
        }
        assert_eq!(c4(1), None);
    }

    #[test]
    fn c4_has_no_step_where_the_series_begins() {
        let (last, first) = (c4(SERIES_FROM).unwrap(), c4(SERIES_FROM + 1).unwrap());
        assert!(first > last && first - last < 3e-7);
        assert!((c4(usize::MAX).unwrap() - 1.0).abs() < 1e-12);
    }
}

//! The Anderson-Darling test of normality with estimated mean and standard deviation.

use crate::quality::distribution::normal_cdf;
use crate::quality::number::{deviation, mean, ordered};

/// Fewest readings for which the approximation of the p value holds.
const READINGS_MIN: usize = 8;
/// Below this the readings are judged as not normal.
const P_MIN: f64 = 0.005;
/// Smallest p value the approximation can tell.
const P_FLOOR: f64 = 3.7e-24;

/// Result of the test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Normality {
    /// The statistic, corrected for the number of readings.
    pub statistic: f64,
    /// Probability of one as large from normal readings, 3.7e-24 at least.
    pub p: f64,
}

impl Normality {
    /// Whether normality is refuted (`p < 0.005`).
    pub fn is_refuted(&self) -> bool {
        self.p < P_MIN
    }
}

/// `A^2 = -n - 1/n sum (2 i - 1) (ln Phi(z_i) + ln(1 - Phi(z_(n+1-i))))`, corrected by `1 + 0.75 / n + 2.25 / n^2`, p
/// value by D'Agostino and Stephens (1986, table 4.9). `None` below 8 readings or without a spread.
pub fn anderson_darling(values: &[f64]) -> Option<Normality> {
    if values.len() < READINGS_MIN || values.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let (mean, sigma) = (mean(values)?, deviation(values)?);
    if sigma <= 0.0 {
        return None;
    }
    let z: Vec<f64> = ordered(values)
        .into_iter()
        .map(|value| (value - mean) / sigma)
        .collect();
    let count = z.len() as f64;
    let weighted = |(index, (low, high)): (usize, (&f64, &f64))| {
        (2.0 * index as f64 + 1.0) * (log_normal_cdf(*low) + log_normal_cdf(-*high))
    };
    let sum: f64 = z.iter().zip(z.iter().rev()).enumerate().map(weighted).sum();
    let statistic = (-count - sum / count) * (1.0 + 0.75 / count + 2.25 / (count * count));
    Some(Normality {
        statistic,
        p: p_value(statistic),
    })
}

/// `ln Phi(z)`, also where `Phi(z)` is smaller than any number.
fn log_normal_cdf(z: f64) -> f64 {
    if z > -30.0 {
        return normal_cdf(z).ln();
    }
    // First term of the asymptotic series; the next is 1e-3 of it here.
    -0.5 * z * z - (-z).ln() - 0.5 * (2.0 * std::f64::consts::PI).ln()
}

fn p_value(a: f64) -> f64 {
    let p = if a < 0.2 {
        1.0 - (-13.436 + 101.14 * a - 223.73 * a * a).exp()
    } else if a < 0.34 {
        1.0 - (-8.318 + 42.796 * a - 59.938 * a * a).exp()
    } else if a < 0.6 {
        (0.9177 - 4.279 * a - 1.38 * a * a).exp()
    } else if a < 10.0 {
        (1.2937 - 5.709 * a + 0.0186 * a * a).exp()
    } else {
        P_FLOOR
    };
    p.clamp(P_FLOOR, 1.0)
}

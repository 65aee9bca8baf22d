//! Seeded noise: one generator per signal, Gaussian draws, first-order autocorrelation.

use std::f64::consts::TAU;

/// A generator whose seed depends on the scenario's seed and the owner's name alone.
pub(crate) fn generator(seed: u64, owner: &str) -> fastrand::Rng {
    // FNV-1a over the name, started from the mixed seed (Fowler, Noll, Vo; 64-bit constants).
    let start = 0xcbf2_9ce4_8422_2325 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let hash = owner.bytes().fold(start, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    fastrand::Rng::with_seed(hash)
}

/// One draw from the standard normal distribution (Box and Muller, 1958, cosine branch).
pub(crate) fn gaussian(rng: &mut fastrand::Rng) -> f64 {
    // 1 - u lies in (0, 1], so the logarithm is finite.
    let radius = (-2.0 * (1.0 - rng.f64()).ln()).sqrt();
    radius * (TAU * rng.f64()).cos()
}

/// One draw from the exponential distribution with the given mean.
pub(crate) fn exponential(rng: &mut fastrand::Rng, mean: f64) -> f64 {
    -mean * (1.0 - rng.f64()).ln()
}

/// Noise of unit variance with autocorrelation: `x[t] = a * x[t-1] + sqrt(1 - a^2) * e[t]`
/// (Box, Jenkins, Reinsel: Time Series Analysis, section 3.2.3), so that the standard deviation stays
/// the same whatever the coefficient is.
#[derive(Debug, Clone)]
pub(super) struct Autocorrelated {
    coefficient: f64,
    innovation: f64,
    state: f64,
}

impl Autocorrelated {
    /// `phi` is the autocorrelation at a lag of one second, whatever the tick is.
    pub(super) fn new(phi: f64, tick_s: f64, rng: &mut fastrand::Rng) -> Self {
        let coefficient = if phi > 0.0 { phi.powf(tick_s) } else { 0.0 };
        let innovation = (1.0 - coefficient * coefficient).sqrt();
        Self {
            coefficient,
            innovation,
            state: gaussian(rng),
        }
    }

    /// The next value.
    pub(super) fn step(&mut self, rng: &mut fastrand::Rng) -> f64 {
        self.state = self.coefficient * self.state + self.innovation * gaussian(rng);
        self.state
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn autocorrelated_noise_keeps_its_variance_and_its_lag_of_one_second() {
        let mut rng = generator(1, "x");
        let mut noise = Autocorrelated::new(0.8, 0.1, &mut rng);
        let values: Vec<f64> = (0..200_000).map(|_| noise.step(&mut rng)).collect();
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count;
        let lagged = values
            .windows(11)
            .map(|w| (w[0] - mean) * (w[10] - mean))
            .sum::<f64>()
            / (count * variance);
        assert!((variance - 1.0).abs() < 0.05, "variance {variance}");
        assert!((lagged - 0.8).abs() < 0.02, "autocorrelation {lagged}");
    }

    #[test]
    fn generators_differ_by_owner_and_by_seed() {
        let draw = |seed, owner| generator(seed, owner).u64(..);
        assert_eq!(draw(1, "a"), draw(1, "a"));
        assert_ne!(draw(1, "a"), draw(1, "b"));
        assert_ne!(draw(1, "a"), draw(2, "a"));
    }

    #[test]
    fn exponential_has_the_wanted_mean() {
        let mut rng = generator(3, "x");
        let mean = (0..50_000).map(|_| exponential(&mut rng, 4.0)).sum::<f64>() / 50_000.0;
        assert!((mean - 4.0).abs() < 0.1, "{mean}");
    }
}

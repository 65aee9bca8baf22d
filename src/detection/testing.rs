//! Seeded signals for the tests of this module.

/// An AR(1) process of unit variance.
#[derive(Debug, Clone)]
pub(crate) struct Noise {
    rng: fastrand::Rng,
    phi: f64,
    state: f64,
}

impl Noise {
    pub(crate) fn new(seed: u64, phi: f64) -> Self {
        let mut noise = Self {
            rng: fastrand::Rng::with_seed(seed),
            phi,
            state: 0.0,
        };
        noise.state = noise.normal();
        noise
    }

    /// Standard normal (Box & Muller 1958).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.rng.f64()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.rng.f64()).cos()
    }

    pub(crate) fn next(&mut self) -> f64 {
        let fresh = self.normal() * (1.0 - self.phi * self.phi).sqrt();
        self.state = self.phi * self.state + fresh;
        self.state
    }
}

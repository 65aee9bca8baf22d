//! What is normal for one signal.

/// The learned baseline of a slot. Small enough to be stored, so that a restart need not learn again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Baseline {
    /// Level, in the tag's unit.
    pub mean: f64,
    /// Spread: standard deviation in the tag's unit; finite and above zero.
    pub sigma: f64,
    /// Persistence: long-run variance over variance, `1 + 2 (rho_1 + rho_2 + ...)`; 1 for independent samples,
    /// `(1 + phi) / (1 - phi)` for AR(1) noise. At least 1.
    pub tau2: f64,
    /// How much wider than designed the limits must be because the learned data itself came close to them; at least 1.
    pub widen: f64,
    /// Samples that it rests on.
    pub samples: f64,
}

impl Baseline {
    /// A baseline known beforehand, of independent samples: no allowance is made for estimation.
    pub const fn known(mean: f64, sigma: f64) -> Self {
        Self {
            mean,
            sigma,
            tau2: 1.0,
            widen: 1.0,
            samples: f64::INFINITY,
        }
    }

    /// Whether a chart can stand on it.
    pub fn is_usable(&self) -> bool {
        let inverse = 1.0 / self.sigma;
        self.mean.is_finite()
            && self.sigma > 0.0
            && self.sigma.is_finite()
            && inverse.is_finite()
            && self.tau2 >= 1.0
            && self.tau2.is_finite()
            && self.widen >= 1.0
            && self.widen.is_finite()
            && self.samples > 0.0
    }

    /// Lag-1 correlation of the AR(1) process with this persistence.
    pub fn phi(&self) -> f64 {
        (self.tau2 - 1.0) / (self.tau2 + 1.0)
    }
}

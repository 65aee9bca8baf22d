//! The provisional phase: a fresh baseline rests on few samples, so it goes on learning from quiet samples, with limits
//! that allow for what it cannot know yet, until it is good enough to be frozen.

use super::baseline::Baseline;
use super::design::ChartDesign;
use super::estimate::{Estimate, persistence, phi_upper};

/// Accepted samples between two updates of the limits.
const REFRESH_EVERY: u32 = 64;
/// The baseline is frozen when it rests on this many times the learning phase in independent samples…
const ENOUGH_EFFECTIVE: f64 = 10.0;
/// …or on this many times the learning phase in plain ones: a persistent signal would take for ever.
const ENOUGH_PLAIN: f64 = 100.0;

/// Running sums over the samples accepted so far, in standard deviations of the first estimate.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refiner {
    first: Estimate,
    current: Baseline,
    learn_samples: f64,
    count: f64,
    sum: f64,
    squares: f64,
    products: f64,
    last: Option<f64>,
    since_refresh: u32,
}

impl Refiner {
    pub(super) fn new(first: Estimate, design: &ChartDesign) -> Self {
        Self {
            first,
            current: first.baseline,
            learn_samples: f64::from(design.learn_samples),
            count: 0.0,
            sum: 0.0,
            squares: 0.0,
            products: 0.0,
            last: None,
            since_refresh: 0,
        }
    }

    /// The baseline as of the last refresh.
    pub(super) const fn baseline(&self) -> &Baseline {
        &self.current
    }

    /// Whether the learning phase that was asked for is not over yet: charts run, but stay silent.
    pub(super) fn is_muted(&self) -> bool {
        self.current.samples < self.learn_samples
    }

    /// Whether the baseline is good enough to be frozen.
    pub(super) fn is_done(&self) -> bool {
        let plain = self.current.samples;
        !self.is_muted()
            && (plain / self.current.tau2 >= ENOUGH_EFFECTIVE * self.learn_samples
                || plain >= ENOUGH_PLAIN * self.learn_samples)
    }

    /// A sample that is not quiet teaches nothing, and ends the run of neighbours.
    pub(super) const fn skip(&mut self) {
        self.last = None;
    }

    /// Learns from a quiet sample, `deviation` (already winsorised) in the tag's unit from the current mean. Returns
    /// the new baseline when it is time to use it.
    pub(super) fn observe(&mut self, deviation: f64) -> Option<Baseline> {
        let first = &self.first.baseline;
        let z = (self.current.mean - first.mean + deviation) / first.sigma;
        self.count += 1.0;
        self.sum += z;
        self.squares += z * z;
        self.products += self.last.map_or(0.0, |last| last * z);
        self.last = Some(z);
        self.since_refresh += 1;
        if self.since_refresh < REFRESH_EVERY {
            return None;
        }
        self.since_refresh = 0;
        let refreshed = Some(self.refreshed()).filter(Baseline::is_usable)?;
        self.current = refreshed;
        Some(refreshed)
    }

    /// The first estimate and the sums since, weighted by their samples.
    fn refreshed(&self) -> Baseline {
        let first = &self.first.baseline;
        let samples = first.samples + self.count;
        let offset = self.sum / samples;
        let power = first.samples + self.squares;
        let variance = power / samples - offset * offset;
        let shared = first.samples * self.first.rho1 + self.products;
        let rho1 = (shared / samples - offset * offset) / variance;
        Baseline {
            mean: first.mean + offset * first.sigma,
            sigma: (first.sigma * variance.sqrt()).max(self.first.sigma_floor),
            tau2: persistence(phi_upper(rho1, samples)).max(self.first.tau2_floor),
            widen: first.widen,
            samples,
        }
    }
}

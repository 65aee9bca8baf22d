//! Temperature and wear of a machine, one step per sample.
//!
//! A machine wears while it runs, and its temperature rises with wear; standing still it cools down. First-order lag
//! towards the level that wear and state set, and first-order noise around it.

use super::number::float;
use super::plan::TempRules;
use crate::plant::noise::gaussian;

/// How far a machine cools when it stands still, degrees.
const COOLING: f64 = 12.0;
/// Time constant of warming and cooling.
const LAG_MS: f64 = 300_000.0;
/// Time constant of the noise.
const NOISE_LAG_MS: f64 = 120_000.0;
const HOUR_MS: f64 = 3_600_000.0;

#[derive(Debug)]
pub(super) struct Thermal {
    rules: TempRules,
    rng: fastrand::Rng,
    step_ms: i64,
    next: i64,
    /// Hours of running since the last overhaul.
    wear_h: f64,
    /// Lagged cooling, degrees below the running level.
    cooled: f64,
    noise: f64,
    value: f64,
}

impl Thermal {
    pub(super) const fn new(
        rules: TempRules,
        rng: fastrand::Rng,
        start: i64,
        step_ms: i64,
    ) -> Self {
        let value = rules.setpoint;
        Self {
            rules,
            rng,
            step_ms,
            next: start,
            wear_h: 0.0,
            cooled: 0.0,
            noise: 0.0,
            value,
        }
    }

    /// Lets time pass up to and with `time`; the new samples go to `out`.
    pub(super) fn advance(&mut self, time: i64, is_running: bool, out: &mut Vec<f32>) {
        let step_ms = float(self.step_ms);
        let lag = (-step_ms / LAG_MS).exp();
        let noise_lag = (-step_ms / NOISE_LAG_MS).exp();
        let innovation = (1.0 - noise_lag * noise_lag).sqrt();
        let goal = if is_running { 0.0 } else { COOLING };
        while self.next <= time {
            if is_running {
                self.wear_h += step_ms / HOUR_MS;
            }
            self.cooled = goal + (self.cooled - goal) * lag;
            self.noise = self.noise * noise_lag + innovation * gaussian(&mut self.rng);
            let worn = self.rules.wear_per_100h * self.wear_h / 100.0;
            self.value = self.rules.setpoint + worn - self.cooled + self.rules.sigma * self.noise;
            out.push(shown(self.value));
            self.next += self.step_ms;
        }
    }

    /// Degrees above the setpoint; negative below.
    pub(super) fn deviation(&self) -> f64 {
        self.value - self.rules.setpoint
    }

    /// A repair or an overhaul leaves this share of the wear.
    pub(super) fn mend(&mut self, left: f64) {
        self.wear_h *= left;
    }
}

#[expect(clippy::cast_possible_truncation, reason = "shown with two decimals")]
const fn shown(value: f64) -> f32 {
    value as f32
}

//! A simulated machine whose tags have common causes, and a group that watches it.

use std::time::Duration;

use super::super::{Group, GroupDesign, GroupReading, GroupState};
use crate::model::Mono;

/// Common causes of all tags.
const CAUSES: usize = 3;
/// Time between rows.
pub(super) const PERIOD_NS: u64 = 1_000_000_000;

/// AR(1) tags of variance 1 with normal noise; half of the variance comes from common causes.
pub(super) struct Plant {
    random: fastrand::Rng,
    phi: f64,
    weights: Vec<[f64; CAUSES]>,
    state: Vec<f64>,
    has_twins: bool,
}

impl Plant {
    pub(super) fn new(seed: u64, tags: usize, phi: f64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let weights = (0..tags).map(|_| {
            let raw: [f64; CAUSES] = std::array::from_fn(|_| normal(&mut random));
            let size = raw.iter().map(|w| w * w).sum::<f64>().sqrt();
            raw.map(|w| w / size * 0.5_f64.sqrt())
        });
        let mut plant = Self {
            weights: weights.collect(),
            state: vec![0.0; tags],
            has_twins: false,
            phi,
            random,
        };
        for _ in 0..100 {
            plant.row();
        }
        plant
    }

    pub(super) fn row(&mut self) -> Vec<f64> {
        let causes: [f64; CAUSES] = std::array::from_fn(|_| normal(&mut self.random));
        for (state, weights) in self.state.iter_mut().zip(&self.weights) {
            let common: f64 = weights.iter().zip(causes).map(|(w, c)| w * c).sum();
            let noise = common + 0.5_f64.sqrt() * normal(&mut self.random);
            *state = self.phi * *state + (1.0 - self.phi * self.phi).sqrt() * noise;
        }
        let mut row = self.state.clone();
        if self.has_twins {
            row[1] = row[0] + 0.15 * self.noise();
        }
        row
    }

    /// A plant whose tags 0 and 1 measure nearly the same.
    pub(super) fn with_twins(seed: u64, tags: usize, phi: f64) -> Self {
        let mut plant = Self::new(seed, tags, phi);
        plant.has_twins = true;
        plant
    }

    pub(super) fn chance(&mut self, share: f64) -> bool {
        self.random.f64() < share
    }

    pub(super) fn noise(&mut self) -> f64 {
        normal(&mut self.random)
    }
}

/// Box and Muller.
fn normal(random: &mut fastrand::Rng) -> f64 {
    let radius = (-2.0 * (1.0 - random.f64()).ln()).sqrt();
    radius * (std::f64::consts::TAU * random.f64()).cos()
}

/// A group with its clock.
pub(super) struct Watch {
    pub(super) group: Group,
    pub(super) now_ns: u64,
}

impl Watch {
    pub(super) fn new(tags: usize, arl0: f64, learn_rows: u32) -> Self {
        let design = GroupDesign {
            arl0,
            period: Duration::from_nanos(PERIOD_NS),
            learn_rows,
        };
        Self {
            group: Group::new(tags, design),
            now_ns: 0,
        }
    }

    /// A group of 8 that has learned 400 rows of the plant.
    pub(super) fn armed(plant: &mut Plant, arl0: f64) -> Self {
        let mut watch = Self::new(8, arl0, 400);
        for _ in 0..400 {
            assert_eq!(watch.step(&plant.row()), None);
        }
        assert_eq!(watch.group.state(), GroupState::Armed);
        watch
    }

    /// The next row, one period later.
    pub(super) fn step(&mut self, row: &[f64]) -> Option<GroupReading> {
        self.step_after(1, row)
    }

    pub(super) fn step_after(&mut self, periods: u64, row: &[f64]) -> Option<GroupReading> {
        self.now_ns += periods * PERIOD_NS;
        self.group.step(row, Mono::from_nanos(self.now_ns))
    }
}

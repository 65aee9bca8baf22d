//! What a value costs in the bank: scans at 1 Hz through every chart of armed tags.
//!
//! `cargo bench --bench detection`; the inverse of the throughput is the time per value.

use std::time::Duration;

use andon::config::DetectionRules;
use andon::detection::{Bank, ChartDesign, DayTime, Input, Model, Slot, design};
use andon::model::Mono;
use divan::Bencher;
use divan::counter::ItemsCount;

/// Scans per iteration: enough that the noise fed repeats only after a minute.
const SCANS: u64 = 60;
const LEVEL: f64 = 50.0;
const SPREAD: f64 = 0.5;
const PHI: f64 = 0.3;

fn main() {
    divan::main();
}

/// A plant of armed tags.
struct Plant {
    bank: Bank,
    scans: Vec<Vec<Input>>,
    seconds: u64,
}

impl Plant {
    fn new(tags: u32) -> Self {
        let chart = design(&DetectionRules::default(), Duration::from_secs(1));
        let designs: Vec<ChartDesign> = (0..tags).flat_map(|_| chart).collect();
        let mut bank = Bank::new(&designs, &[]);
        for slot in (0..tags).map(Slot) {
            let is_armed = bank.arm(slot, Model::known(LEVEL, SPREAD, PHI));
            assert!(is_armed, "a known model can be charted with");
        }
        let mut rng = fastrand::Rng::with_seed(1);
        let mut state = vec![0.0; designs.len()];
        let scan = |_| {
            let inputs = (0..tags).map(Slot).zip(&mut state);
            let inputs = inputs.map(|(slot, state)| {
                *state = PHI * *state + (1.0 - PHI * PHI).sqrt() * normal(&mut rng);
                Input {
                    slot,
                    value: LEVEL + SPREAD * *state,
                    at: Mono::default(),
                }
            });
            inputs.collect()
        };
        Self {
            bank,
            scans: (0..SCANS).map(scan).collect(),
            seconds: 0,
        }
    }

    /// A minute of the plant.
    fn minute(&mut self) -> usize {
        let mut found = Vec::new();
        let day = DayTime {
            second: 0.0,
            is_weekend: false,
        };
        for scan in &mut self.scans {
            self.seconds += 1;
            let at = Mono::from_nanos(self.seconds * 1_000_000_000);
            for input in scan.iter_mut() {
                input.at = at;
            }
            self.bank.step(scan, day, &mut found);
        }
        found.len()
    }
}

/// Standard normal (Box & Muller 1958).
fn normal(rng: &mut fastrand::Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.f64()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.f64()).cos()
}

#[divan::bench(args = [1_000, 10_000])]
fn full_bank(bencher: Bencher<'_, '_>, tags: u32) {
    let mut plant = Plant::new(tags);
    bencher
        .counter(ItemsCount::new(u64::from(tags) * SCANS))
        .bench_local(|| plant.minute());
}

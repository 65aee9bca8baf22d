//! The detectors on simulated signals: promised run lengths kept, faults found, nothing found where nothing is.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a test fails by panicking and prints its figures"
)]

use std::time::Duration;

use andon::config::DetectionRules;
use andon::detection::{
    Bank, Baseline, Change, ChartDesign, Finding, Input, Slot, SlotState, design,
};
use andon::model::Mono;

const SECOND_NS: u64 = 1_000_000_000;

/// Seeded signals.
struct Noise {
    rng: fastrand::Rng,
    phi: f64,
    state: f64,
}

impl Noise {
    fn new(seed: u64, phi: f64) -> Self {
        let mut noise = Self {
            rng: fastrand::Rng::with_seed(seed),
            phi,
            state: 0.0,
        };
        noise.state = noise.normal();
        noise
    }

    /// Standard normal (Box & Muller 1958).
    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.rng.f64()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.rng.f64()).cos()
    }

    /// Next value of a unit-variance AR(1) process.
    fn next(&mut self) -> f64 {
        let fresh = self.normal() * (1.0 - self.phi * self.phi).sqrt();
        self.state = self.phi * self.state + fresh;
        self.state
    }
}

fn rules(mean_time_s: u64, learn_samples: u32) -> DetectionRules {
    DetectionRules {
        mean_time_between_false_alarms: Duration::from_secs(mean_time_s),
        shift_sigma: 1.0,
        learn_samples,
    }
}

/// One slot that is fed one sample a second.
struct Line {
    bank: Bank,
    at_s: u64,
    found: Vec<Finding>,
}

impl Line {
    fn new(design: &ChartDesign) -> Self {
        Self {
            bank: Bank::new(&[*design]),
            at_s: 0,
            found: Vec::new(),
        }
    }

    fn feed(&mut self, value: f64) {
        self.at_s += 1;
        let input = Input {
            slot: Slot(0),
            value,
            at: Mono::from_nanos(self.at_s * SECOND_NS),
        };
        self.bank.step(&[input], &mut self.found);
    }

    fn raises(&self) -> usize {
        self.found
            .iter()
            .filter(|f| f.change == Change::Raised)
            .count()
    }
}

/// Mean number of samples to the first alarm over `runs` runs.
fn mean_run_length(design: &ChartDesign, baseline: &Baseline, shift: f64, runs: u32) -> f64 {
    let mut line = Line::new(design);
    let mut samples = 0_u64;
    for run in 0..runs {
        let mut noise = Noise::new(u64::from(run), baseline.phi());
        assert!(line.bank.arm(Slot(0), baseline));
        line.found.clear();
        while line.found.is_empty() {
            line.feed(noise.next() + shift);
            samples += 1;
        }
    }
    samples as f64 / f64::from(runs)
}

/// A design with one chart alone: the other's limit is out of reach.
fn cusum_only(k: f64, h: f64, arl0: f64) -> ChartDesign {
    ChartDesign {
        k,
        h,
        arl0,
        limit_l: 1e6,
        ..design(&rules(10_000, 300), Duration::from_secs(1)).unwrap()
    }
}

fn ewma_only(lambda: f64, limit_l: f64) -> ChartDesign {
    ChartDesign {
        lambda,
        limit_l,
        h: 1e6,
        ..design(&rules(10_000, 300), Duration::from_secs(1)).unwrap()
    }
}

#[track_caller]
fn check_run_length(design: &ChartDesign, shift: f64, expected: f64, tolerance: f64) {
    let got = mean_run_length(design, &Baseline::known(0.0, 1.0), shift, 4_000);
    assert!(
        (got / expected - 1.0).abs() < tolerance,
        "shift {shift}: {got} instead of {expected}"
    );
}

/// Expected values: `tests/reference/arl.csv`, rows `two, none`.
#[test]
fn simulated_cusum_run_lengths_match_the_table() {
    let chart = cusum_only(0.5, 5.0, 465.44);
    check_run_length(&chart, 0.0, 465.44, 0.05);
    check_run_length(&chart, 0.5, 38.00, 0.03);
    check_run_length(&chart, 1.0, 10.38, 0.03);
    check_run_length(&chart, -2.0, 4.01, 0.03);
}

/// Expected values: `tests/reference/arl.csv`, rows `two, none`.
#[test]
fn simulated_ewma_run_lengths_match_the_table() {
    let chart = ewma_only(0.1, 2.814);
    check_run_length(&chart, 0.0, 499.58, 0.05);
    check_run_length(&chart, 0.5, 31.30, 0.03);
    check_run_length(&chart, -1.0, 10.33, 0.03);
    check_run_length(&chart, 2.0, 4.36, 0.03);
}

fn persistent(phi: f64) -> Baseline {
    Baseline {
        tau2: (1.0 + phi) / (1.0 - phi),
        ..Baseline::known(0.0, 1.0)
    }
}

/// Autocorrelated data must keep at least half the promised run length, and not be bought with blindness.
#[test]
fn widened_limits_keep_the_promise_on_autocorrelated_data() {
    for phi in [0.5, 0.8, 0.95] {
        let chart = cusum_only(0.5, 5.0707, 500.0);
        let cusum = mean_run_length(&chart, &persistent(phi), 0.0, 1_500) / 500.0;
        let ewma = mean_run_length(&ewma_only(0.1, 2.8143), &persistent(phi), 0.0, 1_500) / 500.0;
        println!("phi {phi}: real over promised run length: CUSUM {cusum:.2}, EWMA {ewma:.2}");
        assert!((0.7..2.0).contains(&cusum), "phi {phi}: CUSUM {cusum}");
        assert!((0.7..6.0).contains(&ewma), "phi {phi}: EWMA {ewma}");
    }
}

fn monthly(learn_samples: u32) -> ChartDesign {
    design(&rules(2_592_000, learn_samples), Duration::from_secs(1)).unwrap()
}

/// Raises over `tags` signals of `samples` each, and how many slots never armed. `signal` makes the value of a tag at a
/// second from the tag's own noise.
fn false_alarms(
    learn: u32,
    samples: u32,
    phi: f64,
    signal: impl Fn(&mut Noise, u32) -> f64,
) -> (usize, usize) {
    let chart = monthly(learn);
    let (mut raises, mut unarmed) = (0, 0);
    for tag in 0..50 {
        let mut noise = Noise::new(1_000 + tag, phi);
        let mut line = Line::new(&chart);
        for t in 0..samples {
            line.feed(signal(&mut noise, t));
        }
        raises += line.raises();
        let state = line.bank.slot_state(Slot(0));
        unarmed += usize::from(matches!(state, Some(SlotState::Learning { .. })));
    }
    (raises, unarmed)
}

#[track_caller]
fn check_quiet(name: &str, phi: f64, signal: impl Fn(&mut Noise, u32) -> f64) {
    // 150,000 samples at one false alarm per 2.6 million.
    let (raises, unarmed) = false_alarms(300, 3_000, phi, signal);
    println!("{name}: {raises} false alarms");
    assert!(raises <= 1, "{name}: {raises} false alarms");
    assert_eq!(unarmed, 0, "{name}");
}

#[test]
fn plant_like_signals_do_not_alarm() {
    check_quiet("white noise", 0.0, |noise, _| 70.0 + 0.3 * noise.next());
    check_quiet("phi 0.5", 0.5, |noise, _| noise.next());
    check_quiet("phi 0.8", 0.8, |noise, _| noise.next());
    check_quiet("phi 0.9", 0.9, |noise, _| noise.next());
    check_quiet("machine cycle of 40 s", 0.0, |noise, t| {
        2.0 * (std::f64::consts::TAU * f64::from(t) / 40.0).sin() + noise.next()
    });
    check_quiet("duty cycle of 20 s in 60", 0.0, |noise, t| {
        noise.next() + if t % 60 < 20 { 30.0 } else { 0.0 }
    });
    check_quiet("two steps of resolution per sigma", 0.5, |noise, _| {
        (2.0 * noise.next()).round() / 2.0
    });
    check_quiet("resting, with rare flicks of one step", 0.8, |noise, _| {
        (0.25 * noise.next()).round()
    });
    check_quiet("heavy tails (Student t, 5 degrees)", 0.0, |noise, _| {
        let spread: f64 = (0..5).map(|_| noise.normal().powi(2)).sum();
        noise.normal() / (spread / 5.0).sqrt()
    });
}

#[test]
fn what_shows_no_spread_never_arms() {
    assert_eq!(false_alarms(300, 2_000, 0.0, |_, _| 21.5), (0, 50));
    assert_eq!(
        false_alarms(300, 2_000, 0.0, |_, t| f64::from(t / 700) * 5.0),
        (0, 50),
        "a setpoint that is changed now and then"
    );
}

/// Samples from a step to its alarm, median over 40 signals.
fn median_delay(phi: f64, step: f64) -> u32 {
    let chart = monthly(300);
    let mut delays: Vec<u32> = (0..40)
        .map(|tag| {
            let mut noise = Noise::new(9_000 + tag, phi);
            let mut line = Line::new(&chart);
            for _ in 0..400 {
                line.feed(noise.next());
            }
            let before = line.raises();
            (1..=2_000)
                .find(|_| {
                    line.feed(noise.next() + step);
                    line.raises() > before
                })
                .unwrap_or(u32::MAX)
        })
        .collect();
    delays.sort_unstable();
    delays[20]
}

#[track_caller]
fn check_found(phi: f64, step: f64, within: u32) {
    let delay = median_delay(phi, step);
    println!("phi {phi}, step {step} sigma: found after {delay} samples");
    assert!(delay <= within, "phi {phi}, step {step}: {delay}");
}

#[test]
fn steps_are_found_fast() {
    check_found(0.0, 1.0, 60);
    check_found(0.0, 3.0, 10);
    check_found(0.0, -3.0, 10);
    check_found(0.0, 10.0, 6);
    check_found(0.5, 3.0, 25);
    check_found(0.8, 6.0, 20);
    check_found(0.9, 10.0, 15);
}

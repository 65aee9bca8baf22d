//! The detectors on simulated signals: promised run lengths kept, faults found, nothing found where nothing is.
//!
//! Everything runs through the bank, sixteen slots at a time, as in the gateway.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a test fails by panicking and prints its figures"
)]

use std::path::PathBuf;
use std::time::Duration;

use andon::config::{DetectionRules, Level, Profile};
use andon::detection::{
    Bank, Change, Chart, ChartDesign, DayTime, Finding, Input, Model, Slot, SlotState, design,
};
use andon::model::{Mono, Timestamp, Zone};

const SECOND: Duration = Duration::from_secs(1);
/// Slots that are simulated together.
const SLOTS: u32 = 16;

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

    /// Student's t with five degrees of freedom, scaled to unit variance.
    fn heavy(&mut self) -> f64 {
        let squares: f64 = (0..5).map(|_| self.normal().powi(2)).sum();
        self.normal() / (squares / 5.0).sqrt() * 0.6_f64.sqrt()
    }
}

fn rules(mean_time_s: u64, learn_samples: u32) -> DetectionRules {
    DetectionRules {
        mean_time_between_false_alarms: Duration::from_secs(mean_time_s),
        shift_sigma: 1.0,
        learn_samples,
        within: None,
        profile: Profile::None,
        level: Level::Fixed,
    }
}

fn designed(mean_time_s: u64, learn_samples: u32) -> ChartDesign {
    design(&rules(mean_time_s, learn_samples), SECOND).unwrap()
}

fn monthly(learn_samples: u32) -> ChartDesign {
    designed(2_592_000, learn_samples)
}

/// Slots of one design, each with noise of its own, that are fed one sample a second.
struct Plant {
    bank: Bank,
    noise: Vec<Noise>,
    at: Mono,
    inputs: Vec<Input>,
    found: Vec<Finding>,
}

impl Plant {
    fn new(design: &ChartDesign, phi: f64, first_seed: u64) -> Self {
        Self {
            bank: Bank::new(&[*design; SLOTS as usize], &[]),
            noise: (0..u64::from(SLOTS))
                .map(|slot| Noise::new(first_seed.wrapping_add(slot), phi))
                .collect(),
            at: Mono::default(),
            inputs: Vec::new(),
            found: Vec::new(),
        }
    }

    fn arm(&mut self, slot: u32, phi: f64) {
        assert!(self.bank.arm(Slot(slot), Model::known(0.0, 1.0, phi)));
    }

    /// One sample of every slot that `is_fed`; `value` makes it from the slot's noise. Returns the findings.
    fn step(
        &mut self,
        is_fed: impl Fn(usize) -> bool,
        value: impl Fn(&mut Noise) -> f64,
    ) -> &[Finding] {
        self.at = self.at.saturating_add(SECOND);
        self.inputs.clear();
        self.found.clear();
        for ((slot, noise), index) in (0..).map(Slot).zip(&mut self.noise).zip(0..) {
            if is_fed(index) {
                let (value, at) = (value(noise), self.at);
                self.inputs.push(Input { slot, value, at });
            }
        }
        let day = DayTime::at(Timestamp::from_millis(0), &Zone::UTC);
        self.bank.step(&self.inputs, day, &mut self.found);
        &self.found
    }

    /// Findings of `samples` samples of every slot; `value` knows the number of the sample.
    fn run(&mut self, samples: u32, value: impl Fn(&mut Noise, u32) -> f64) -> Vec<Finding> {
        let mut all = Vec::new();
        for t in 0..samples {
            all.extend_from_slice(self.step(|_| true, |noise| value(noise, t)));
        }
        all
    }
}

fn raises(found: &[Finding]) -> usize {
    let raised = found.iter().filter(|f| f.change == Change::Raised);
    raised.count()
}

/// Samples to the first alarm of a slot whose model is known, mean over `runs` runs in every slot; and how many alarms
/// did not come from a chart that `is_expected`.
fn mean_run_length(
    design: &ChartDesign,
    (phi, shift): (f64, f64),
    runs: u32,
    is_expected: impl Fn(Chart) -> bool,
) -> (f64, u32) {
    let mut plant = Plant::new(design, phi, design.limit_l.to_bits() ^ design.h.to_bits());
    for slot in 0..SLOTS {
        plant.arm(slot, phi);
    }
    let mut left = [runs; SLOTS as usize];
    let (mut samples, mut strange) = (0_u64, 0);
    while left.iter().any(|left| *left > 0) {
        samples += left.iter().filter(|left| **left > 0).count() as u64;
        let fed = |slot| left[slot] > 0;
        let found = plant.step(fed, |noise| noise.next() + shift).to_vec();
        for finding in found {
            strange += u32::from(!is_expected(finding.chart));
            left[finding.slot.index()] -= 1;
            plant.arm(finding.slot.0, phi);
        }
    }
    (samples as f64 / f64::from(runs * SLOTS), strange)
}

/// So few false alarms that no chart reaches the limit that follows from it.
const NEVER: f64 = 1e300;
/// A limit that no CUSUM and no EWMA reaches.
const OUT_OF_REACH: f64 = 1e4;

/// A design with one chart alone.
fn alone(chart: &str, first: f64, second: f64) -> ChartDesign {
    let none = ChartDesign {
        arl0: NEVER,
        h: OUT_OF_REACH,
        limit_l: OUT_OF_REACH,
        ..designed(10_000, 300)
    };
    match chart {
        "cusum" => ChartDesign {
            k: first,
            h: second,
            ..none
        },
        _ => ChartDesign {
            lambda: first,
            limit_l: second,
            ..none
        },
    }
}

/// A row of `arl.csv`: run length of a two-sided chart by the integral equation.
struct Reference {
    chart: String,
    first: f64,
    second: f64,
    shift: f64,
    run_length: f64,
}

/// Shifts that are simulated: at larger ones the winsorising of the charts shows.
const SHIFTS: [f64; 4] = [0.0, 0.5, 1.0, 1.5];

fn references() -> Vec<Reference> {
    let dir = std::env::var_os("ANDON_REFERENCE_DIR")
        .map_or_else(|| PathBuf::from("tests/reference"), PathBuf::from);
    let mut reader = csv::Reader::from_path(dir.join("arl.csv")).unwrap();
    let rows = reader.records().map(Result::unwrap);
    let computed =
        rows.filter(|row| &row[3] == "two" && &row[4] == "none" && row[7].starts_with("computed"));
    computed
        .map(|row| Reference {
            chart: row[0].to_owned(),
            first: row[1].parse().unwrap(),
            second: row[2].parse().unwrap(),
            shift: row[5].parse().unwrap(),
            run_length: row[6].parse().unwrap(),
        })
        .filter(|row| SHIFTS.contains(&row.shift))
        .collect()
}

#[test]
fn simulated_run_lengths_match_the_table() {
    let (mut checked, mut designs) = (0, std::collections::BTreeSet::new());
    for row in references() {
        let chart = alone(&row.chart, row.first, row.second);
        let expected = |chart: Chart| chart.as_str().starts_with(row.chart.as_str());
        let (got, strange) = mean_run_length(&chart, (0.0, row.shift), 250, expected);
        let off = got / row.run_length - 1.0;
        let what = format!(
            "{} {} {} shift {}: {got:.2} instead of {} ({:+.1} %)",
            row.chart,
            row.first,
            row.second,
            row.shift,
            row.run_length,
            100.0 * off
        );
        println!("{what}");
        let tolerance = if row.shift == 0.0 { 0.05 } else { 0.03 };
        assert!(off.abs() < tolerance, "{what}");
        assert_eq!(strange, 0, "{what}: another chart alarmed");
        designs.insert(format!("{} {} {}", row.chart, row.first, row.second));
        checked += 1;
    }
    println!("{checked} run lengths of {} designs checked", designs.len());
    assert!(checked > 0, "nothing was checked");
    assert!(designs.len() >= 12, "too few designs: {designs:?}");
}

/// A promise of the mean time between false alarms of a slot, all its charts together, and the simulation of it.
struct Promise {
    /// The promise, in samples.
    samples: u32,
    /// Samples learned from; none where the model is known.
    learn: Option<u32>,
    /// Plants of [`SLOTS`] signals, and how long each runs after learning, in promised times.
    plants: u32,
    times: u32,
}

/// What the suite simulates in seconds.
const SHORT: Promise = Promise {
    samples: 4_000,
    learn: None,
    plants: 8,
    times: 2,
};

impl Promise {
    /// Real over promised time between false alarms.
    fn kept(&self, phi: f64, value: impl Fn(&mut Noise) -> f64) -> f64 {
        let design = designed(u64::from(self.samples), self.learn.unwrap_or(300));
        let mut alarms = 0;
        for number in 0..self.plants {
            let mut plant = Plant::new(&design, phi, 100 * u64::from(number));
            match self.learn {
                None => (0..SLOTS).for_each(|slot| plant.arm(slot, phi)),
                Some(learn) => drop(plant.run(learn, |noise, _| value(noise))),
            }
            let samples = self.times * self.samples;
            alarms += raises(&plant.run(samples, |noise, _| value(noise)));
        }
        f64::from(self.times * SLOTS * self.plants) / (alarms as f64).max(1.0)
    }
}

#[track_caller]
fn check_kept(name: &str, ratio: f64) {
    println!("{name}: real over promised time between false alarms {ratio:.2}");
    assert!(ratio >= 0.5, "{name}: {ratio:.2}");
    assert!(ratio < 20.0, "{name}: {ratio:.2} is bought with blindness");
}

#[test]
fn the_promise_is_kept_on_autocorrelated_data() {
    for phi in [0.0, 0.5, 0.8, 0.95] {
        check_kept(&format!("known phi {phi}"), SHORT.kept(phi, Noise::next));
        for samples in [300, 3_000] {
            let learn = Some(samples);
            let ratio = Promise { learn, ..SHORT }.kept(phi, Noise::next);
            check_kept(&format!("phi {phi} learned from {samples}"), ratio);
        }
    }
}

#[test]
fn the_promise_is_kept_on_heavy_tails() {
    for samples in [300, 3_000] {
        let learn = Some(samples);
        let ratio = Promise { learn, ..SHORT }.kept(0.0, Noise::heavy);
        check_kept(&format!("Student t learned from {samples}"), ratio);
    }
}

/// The table of `docs/detection.md`: a promise of 200,000 samples on forty million of them, which needs a release build.
#[test]
#[ignore = "40 million samples a cell: run it with --release"]
fn a_promise_of_200_000_samples_is_kept() {
    for samples in [300, 2_600] {
        let promise = Promise {
            samples: 200_000,
            learn: Some(samples),
            plants: 4,
            times: 3,
        };
        for phi in [0.0, 0.5, 0.8, 0.95] {
            let ratio = promise.kept(phi, Noise::next);
            check_kept(&format!("phi {phi} learned from {samples}"), ratio);
        }
        let ratio = promise.kept(0.0, Noise::heavy);
        check_kept(&format!("Student t learned from {samples}"), ratio);
    }
}

/// Raises while learning from 300 samples and in the 2,700 after them, over three times `SLOTS` signals; and how many
/// slots never armed.
fn false_alarms(phi: f64, signal: impl Fn(&mut Noise, u32) -> f64) -> [usize; 3] {
    const LEARN: u32 = 300;
    let mut counts = [0; 3];
    for number in 0..3 {
        let mut plant = Plant::new(&monthly(LEARN), phi, 1_000 * number);
        counts[0] += raises(&plant.run(LEARN, &signal));
        counts[1] += raises(&plant.run(2_700, |noise, t| signal(noise, t + LEARN)));
        let learns = |slot: &u32| {
            let state = plant.bank.slot_state(Slot(*slot));
            matches!(state, Some(SlotState::Learning { .. }))
        };
        counts[2] += (0..SLOTS).filter(learns).count();
    }
    counts
}

/// At most one alarm in 144,000 samples; one per 2.6 million is promised.
#[track_caller]
fn check_quiet(name: &str, phi: f64, signal: impl Fn(&mut Noise, u32) -> f64) {
    let [learning, charted, unarmed] = false_alarms(phi, signal);
    println!("{name}: {learning} false alarms while learning, {charted} afterwards");
    assert!(learning + charted <= 1, "{name}: {learning} + {charted}");
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
    check_quiet("two steps of resolution per sigma", 0.5, |noise, _| {
        (2.0 * noise.next()).round() / 2.0
    });
    check_quiet("resting, with rare flicks of one step", 0.8, |noise, _| {
        (0.25 * noise.next()).round()
    });
    check_quiet("heavy tails", 0.0, |noise, _| noise.heavy());
}

#[test]
fn a_duty_cycle_is_learned() {
    let duty = |noise: &mut Noise, t| noise.next() + if t % 60 < 20 { 30.0 } else { 0.0 };
    let [learning, charted, unarmed] = false_alarms(0.0, duty);
    // The first times that it goes on and off are news: twice per signal at most.
    println!("duty cycle: {learning} alarms while learning, {charted} afterwards");
    assert!(learning <= 96, "{learning}");
    assert_eq!((charted, unarmed), (0, 0));
}

#[test]
fn what_shows_no_spread_never_arms() {
    assert_eq!(false_alarms(0.0, |_, _| 21.5), [0, 0, 48]);
    let setpoint = |_: &mut Noise, t| f64::from(t / 700) * 5.0;
    assert_eq!(false_alarms(0.0, setpoint), [0, 0, 48], "a setpoint");
}

/// Samples from a step to its alarm after learning from 300 samples, median over `SLOTS` signals.
fn median_delay(phi: f64, step: f64) -> u32 {
    let mut plant = Plant::new(&monthly(300), phi, 9_000);
    plant.run(400, |noise, _| noise.next());
    let mut delays = vec![u32::MAX; SLOTS as usize];
    for t in 1..=2_000 {
        let found = plant.step(|_| true, |noise| noise.next() + step);
        for finding in found.iter().filter(|f| f.change == Change::Raised) {
            let delay = &mut delays[finding.slot.index()];
            *delay = t.min(*delay);
        }
    }
    delays.sort_unstable();
    delays[8]
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

//! What a value costs in the bank: scans at 1 Hz through every chart of armed tags.
//!
//! ```text
//! cargo bench --bench detection              divan's table, then medians in nanoseconds per value
//! cargo bench --bench detection -- --json    the medians alone, as one line of JSON
//! ```

use std::io::{self, Write};
use std::time::Duration;

use andon::clock::{Clock, SystemClock};
use andon::config::DetectionRules;
use andon::detection::{Bank, ChartDesign, DayTime, Input, Model, Slot, design};
use andon::model::Mono;
use divan::Bencher;
use divan::counter::ItemsCount;

/// Scans per iteration: enough that the noise fed repeats only after a minute.
const SCANS: usize = 60;
const LEVEL: f64 = 50.0;
const SPREAD: f64 = 0.5;
const PHI: f64 = 0.3;

/// Tags of one plant on one thread.
const TAGS: [u32; 2] = [1_000, 10_000];
/// A day of 1,000 tags at 1 Hz: the minutes, and the tags of each of two threads.
const DAY_MINUTES: u64 = 24 * 60;
const DAY_TAGS: [u32; 2] = [500, 500];
/// Runs of which the median is taken, of a minute and of a day.
const MINUTE_RUNS: usize = 101;
const DAY_RUNS: usize = 5;

fn main() -> io::Result<()> {
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    match args.next().as_deref() {
        Some("--json") => writeln!(io::stdout(), "{}", json(&figures())),
        None => {
            divan::main();
            write!(io::stdout(), "\n{}", text(&figures()))
        }
        // A filter, or another question to divan.
        Some(_) => {
            divan::main();
            Ok(())
        }
    }
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
        let mut scans = vec![Vec::new(); SCANS];
        for slot in (0..tags).map(Slot) {
            for (scan, noise) in scans.iter_mut().zip(calm(&mut rng)) {
                scan.push(Input {
                    slot,
                    value: LEVEL + SPREAD * noise,
                    at: Mono::default(),
                });
            }
        }
        Self {
            bank,
            scans,
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

/// Values of a minute.
const fn values(tags: u32) -> u64 {
    tags as u64 * SCANS as u64
}

/// A day of both plants, each on a thread of its own.
fn day(plants: &mut [Plant]) {
    std::thread::scope(|scope| {
        for plant in plants {
            scope.spawn(move || (0..DAY_MINUTES).map(|_| plant.minute()).sum::<usize>());
        }
    });
}

/// A minute of AR(1) noise of exactly mean 0 and variance 1: what repeats must not drift, or tags stand in alarm, which
/// costs more and is not what most tags do.
fn calm(rng: &mut fastrand::Rng) -> [f64; SCANS] {
    let mut state = normal(rng);
    let mut noise = [0.0; SCANS];
    for value in &mut noise {
        state = PHI * state + (1.0 - PHI * PHI).sqrt() * normal(rng);
        *value = state;
    }
    let mean = noise.iter().sum::<f64>() / SCANS as f64;
    let square: f64 = noise.iter().map(|value| (value - mean).powi(2)).sum();
    let spread = (square / SCANS as f64).sqrt();
    noise.map(|value| (value - mean) / spread)
}

/// Standard normal (Box & Muller 1958).
fn normal(rng: &mut fastrand::Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.f64()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.f64()).cos()
}

#[divan::bench(args = TAGS)]
fn full_bank(bencher: Bencher<'_, '_>, tags: u32) {
    let mut plant = Plant::new(tags);
    bencher
        .counter(ItemsCount::new(values(tags)))
        .bench_local(|| plant.minute());
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn day_on_two_threads(bencher: Bencher<'_, '_>) {
    let mut plants = DAY_TAGS.map(Plant::new);
    let tags: u32 = DAY_TAGS.into_iter().sum();
    bencher
        .counter(ItemsCount::new(values(tags) * DAY_MINUTES))
        .bench_local(|| day(&mut plants));
}

/// The median of one case.
struct Figure {
    case: &'static str,
    tags: u32,
    threads: usize,
    values: u64,
    seconds: f64,
}

impl Figure {
    /// Wall time per value, whatever the number of threads.
    fn ns_per_value(&self) -> f64 {
        self.seconds * 1e9 / self.values as f64
    }
}

fn figures() -> Vec<Figure> {
    let minute = |tags| {
        let mut plant = Plant::new(tags);
        Figure {
            case: "full_bank",
            tags,
            threads: 1,
            values: values(tags),
            seconds: median(MINUTE_RUNS, || plant.minute()),
        }
    };
    let mut figures: Vec<Figure> = TAGS.map(minute).into();
    let mut plants = DAY_TAGS.map(Plant::new);
    let tags: u32 = DAY_TAGS.into_iter().sum();
    figures.push(Figure {
        case: "day_on_two_threads",
        tags,
        threads: DAY_TAGS.len(),
        values: values(tags) * DAY_MINUTES,
        seconds: median(DAY_RUNS, || day(&mut plants)),
    });
    figures
}

/// Median of the seconds that a piece of work takes.
fn median<T>(runs: usize, mut work: impl FnMut() -> T) -> f64 {
    let clock = SystemClock::start();
    let mut took: Vec<f64> = (0..runs)
        .map(|_| {
            let begin = clock.now().mono;
            std::hint::black_box(work());
            clock.now().mono.since(begin).as_secs_f64()
        })
        .collect();
    took.sort_by(f64::total_cmp);
    took.get(runs / 2).copied().unwrap_or(f64::NAN)
}

fn text(figures: &[Figure]) -> String {
    let line = |figure: &Figure| {
        let Figure { case, tags, .. } = figure;
        let millions = figure.values as f64 / 1e6;
        let (ns, seconds) = (figure.ns_per_value(), figure.seconds);
        format!(
            "{case:<20} {tags:>6} tags {ns:>7.2} ns per value  ({millions:.2} M values in {seconds:.4} s)\n"
        )
    };
    figures.iter().map(line).collect()
}

fn json(figures: &[Figure]) -> serde_json::Value {
    let case = |figure: &Figure| {
        serde_json::json!({
            "case": figure.case,
            "tags": figure.tags,
            "threads": figure.threads,
            "values": figure.values,
            "seconds": figure.seconds,
            "ns_per_value": figure.ns_per_value(),
        })
    };
    serde_json::json!({ "cases": figures.iter().map(case).collect::<Vec<_>>() })
}

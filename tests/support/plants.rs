//! Made-up plants: seeded signals of seven families with labelled anomalies, announced changes and gaps, in the layout
//! of a data set. Nothing was tuned on them.
//!
//! | family | signal |
//! |---|---|
//! | `white`, `heavy` | independent noise, normal or Student t5 |
//! | `ar` | AR(1), phi .5, .8, .95 in turn |
//! | `quant` | rounded to steps of .5 to 1.1 standard deviations |
//! | `cycle` | a machine cycle that `cycle_start` marks |
//! | `modes` | three products; levels settle after each changeover |
//! | `daily` | a value a minute for a fortnight; weekends differ |
//!
//! The first 15 % of a run is clean; anomalies, maintenance and gaps come after 30 %.

use std::f64::consts::TAU;
use std::fmt::Write as _;
use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;

use fastrand::Rng;

/// Every family; `daily` is the longest and comes last.
const FAMILIES: [&str; 7] = ["white", "ar", "heavy", "quant", "cycle", "modes", "daily"];
/// Kinds of anomalies, and how often each is met, of 91.
const KINDS: [(&str, u32); 7] = [
    ("step", 17),
    ("ramp", 9),
    ("spike", 11),
    ("variance", 11),
    ("oscillation", 21),
    ("stuck", 7),
    ("dropout", 15),
];
/// Rows that an announced change may take to settle.
const SETTLE: usize = 120;
/// Rows between two labelled stretches.
const APART: usize = 400;
/// Rows of a fortnight of minutes.
const FORTNIGHT: usize = 20_160;

/// Writes plants 1 to `plants` below `folder`; the first `fortnights` of them have a daily signal.
pub(crate) fn write(folder: &Path, plants: u64, fortnights: u64) {
    fs::create_dir_all(folder.join("data")).unwrap();
    let mut segments = "file,start,end,kind,class\n".to_owned();
    for plant in 1..=plants {
        for (number, family) in (0..).zip(FAMILIES) {
            if family == "daily" && plant > fortnights {
                continue;
            }
            let name = format!("{family}_{plant:02}.csv");
            let run = Run::new(family, plant, Rng::with_seed(plant * 100 + number));
            let (rows, labels) = run.finish(&name);
            fs::write(folder.join("data").join(&name), rows).unwrap();
            segments.push_str(&labels);
        }
    }
    fs::write(folder.join("segments.csv"), segments).unwrap();
}

struct Label {
    start: usize,
    end: usize,
    kind: &'static str,
    class: &'static str,
}

/// A signal while it is being made.
struct Run {
    rng: Rng,
    family: &'static str,
    level: f64,
    sigma: f64,
    noise: Vec<f64>,
    /// Level and spread of every row, and what is measured.
    base: Vec<f64>,
    spread: Vec<f64>,
    value: Vec<f64>,
    mode: Vec<&'static str>,
    is_start: Vec<bool>,
    /// Rows that are taken, with their surroundings, and rows that are missing.
    is_busy: Vec<bool>,
    is_missing: Vec<bool>,
    labels: Vec<Label>,
}

impl Run {
    fn new(family: &'static str, plant: u64, mut rng: Rng) -> Self {
        let rows = if family == "daily" {
            FORTNIGHT
        } else {
            rng.usize(6_000..=8_000)
        };
        let level = uniform(&mut rng, 5_f64.ln(), 300_f64.ln()).exp();
        let sigma = level * uniform(&mut rng, 0.004, 0.022);
        let phi = match family {
            "white" | "heavy" => 0.0,
            "ar" => [0.5, 0.8, 0.95][usize::try_from(plant % 3).unwrap()],
            _ => pick(&mut rng, &[0.0, 0.3, 0.6]),
        };
        let noise = noise(&mut rng, rows, phi, family == "heavy");
        let mut run = Self {
            rng,
            family,
            level,
            sigma,
            noise,
            base: vec![level; rows],
            spread: vec![sigma; rows],
            value: Vec::new(),
            mode: vec!["RUN"; rows],
            is_start: vec![false; rows],
            is_busy: vec![false; rows],
            is_missing: vec![false; rows],
            labels: Vec::new(),
        };
        match family {
            "cycle" => run.repeat_cycles(),
            "modes" => run.change_products(),
            "daily" => run.repeat_days(),
            _ => {}
        }
        run.value = run
            .base
            .iter()
            .zip(&run.spread)
            .zip(&run.noise)
            .map(|((base, spread), noise)| base + spread * noise)
            .collect();
        if run.rng.f64() < 0.68 {
            run.maintain();
        }
        for _ in 0..run.rng.usize(1..=3) {
            run.disturb();
        }
        run.quantise();
        for _ in 0..run.rng.usize(0..=2) {
            run.lose();
        }
        run
    }

    const fn rows(&self) -> usize {
        self.base.len()
    }

    fn uniform(&mut self, low: f64, high: f64) -> f64 {
        uniform(&mut self.rng, low, high)
    }

    /// Three harmonics over cycles whose length wanders a little.
    fn repeat_cycles(&mut self) {
        let period = self.rng.usize(28..=100);
        let swing = self.sigma * self.uniform(1.5, 8.0);
        let weights = [1.0, self.uniform(0.2, 0.7), self.uniform(0.1, 0.4)];
        let shifts = weights.map(|_| self.uniform(0.0, TAU));
        let jitter = 1 + period / 80;
        let mut start = 0;
        while start < self.rows() {
            let length = period - jitter + self.rng.usize(0..=2 * jitter);
            let end = self.rows().min(start + length);
            for row in start..end {
                let turn = TAU * (row - start) as f64 / length as f64;
                let harmonics = weights.iter().zip(shifts).zip([1.0, 2.0, 3.0]);
                let waves = harmonics.map(|((w, shift), n)| w * (n * turn + shift).sin());
                self.base[row] += swing * waves.sum::<f64>();
            }
            self.is_start[start] = true;
            start += length;
        }
    }

    /// Two harmonics over the day; the weekends are lower and flatter. A recording begins on a Monday.
    fn repeat_days(&mut self) {
        let swing = self.sigma * self.uniform(3.0, 7.5);
        let (first, second) = (self.uniform(0.0, TAU), self.uniform(0.0, TAU));
        let weight = self.uniform(0.1, 0.5);
        let flat = self.uniform(0.7, 1.0);
        let lower = self.sigma * self.uniform(2.0, 7.0);
        for row in 0..self.rows() {
            let turn = TAU * row as f64 / 1_440.0;
            let wave = swing * ((turn + first).sin() + weight * (2.0 * turn + second).sin());
            let is_weekend = row / 1_440 % 7 >= 5;
            self.base[row] += if is_weekend {
                flat * wave - lower
            } else {
                wave
            };
        }
    }

    /// Products of 8 % of the run each, of which the third is met after the training; then longer ones in turn.
    fn change_products(&mut self) {
        let rows = self.rows();
        let short = rows * 8 / 100;
        let mut cuts = vec![0, short, 2 * short, 3 * short];
        while cuts.last().is_some_and(|last| *last < rows) {
            cuts.push(cuts.last().unwrap() + self.rng.usize(1_000..=2_500));
        }
        cuts.retain(|cut| *cut + 600 < rows);
        let levels = [1.0, self.uniform(0.6, 2.0), self.uniform(0.6, 2.0)].map(|x| x * self.level);
        let spreads = [1.0, self.uniform(0.6, 1.6), self.uniform(0.6, 1.6)].map(|x| x * self.sigma);
        let tau = self.uniform(8.0, 28.0);
        for (number, start) in cuts.iter().copied().enumerate() {
            let end = cuts.get(number + 1).copied().unwrap_or(rows);
            let product = number % 3;
            let before = if number > 0 {
                levels[(number + 2) % 3]
            } else {
                levels[0]
            };
            for row in start..end {
                let left = (-((row - start) as f64) / tau).exp();
                self.mode[row] = ["P0", "P1", "P2"][product];
                self.base[row] = levels[product] + (before - levels[product]) * left;
                self.spread[row] = spreads[product];
            }
            if number > 0 {
                self.label(start, start + SETTLE, "changeover", "legit");
                self.is_busy[start - 50..start + SETTLE + 51].fill(true);
            }
        }
    }

    /// The machine is shut off, and the mode says so; afterwards it warms up.
    fn maintain(&mut self) {
        let length = self.rng.usize(200..=500);
        let tail = if self.family == "daily" { 0 } else { 90 };
        let Some(start) = self.place(length + tail, APART) else {
            return;
        };
        let off = 0.03 * self.level;
        let tau = self.uniform(10.0, 20.0);
        for row in start..start + length {
            self.mode[row] = "MAINT";
            self.value[row] = off + 0.3 * self.spread[row] * self.noise[row];
        }
        if tail > 0 {
            let end = start + length;
            let missing = self.base[end] - off;
            for row in end..self.rows() {
                self.value[row] -= missing * (-((row - end) as f64) / tau).exp();
            }
        }
        self.label(start, start + length + tail - 1, "maintenance", "legit");
    }

    /// An anomaly.
    fn disturb(&mut self) {
        let kind = self.kind();
        let sizes: &[f64] = match kind {
            "step" => &[1.0, 1.5, 2.0, 3.0, 5.0, 8.0],
            "ramp" => &[2.0, 3.0, 5.0],
            "spike" => &[6.0, 7.0, 8.0],
            "variance" => &[2.0, 3.0, 4.0],
            "oscillation" => &[2.0, 3.0, 5.0, 8.0],
            _ => &[1.0],
        };
        let size = pick(&mut self.rng, sizes);
        let length: RangeInclusive<usize> = match kind {
            "spike" => 1..=3,
            "dropout" => 5..=50,
            _ if self.family == "daily" => 60..=600,
            _ => 200..=800,
        };
        let length = self.rng.usize(length);
        let Some(start) = self.place(length, APART) else {
            return;
        };
        let shift = size * self.spread[start] * pick(&mut self.rng, &[-1.0, 1.0]);
        let period = self.uniform(6.0, 60.0);
        let held = self.value[start];
        for row in start..start + length {
            let passed = (row - start) as f64;
            match kind {
                "step" | "spike" => self.value[row] += shift,
                "ramp" => self.value[row] += shift * (passed + 1.0) / length as f64,
                "variance" => {
                    self.value[row] += (size - 1.0) * self.spread[row] * self.noise[row];
                }
                "oscillation" => self.value[row] += shift * (TAU * passed / period).sin(),
                "stuck" => self.value[row] = held,
                _ => self.value[row] = 0.0,
            }
        }
        self.label(start, start + length - 1, kind, "anomaly");
    }

    fn kind(&mut self) -> &'static str {
        let mut left = self.rng.u32(0..KINDS.iter().map(|(_, often)| often).sum());
        for (kind, often) in KINDS {
            if left < often {
                return kind;
            }
            left -= often;
        }
        unreachable!("the draw is below the sum")
    }

    /// Rounds everything that was measured to the steps of a converter, and to six digits as a file holds them.
    fn quantise(&mut self) {
        if self.family == "quant" {
            let step = self.sigma / pick(&mut self.rng, &[0.9, 1.2, 1.5, 2.0]);
            for value in &mut self.value {
                *value = (*value / step).round() * step;
            }
        }
        for value in &mut self.value {
            *value = format!("{value:.5e}").parse().unwrap();
        }
    }

    /// Rows that never came. What follows is labelled.
    fn lose(&mut self) {
        let length = if self.family == "daily" {
            30..=100
        } else {
            40..=400
        };
        let length = self.rng.usize(length);
        if let Some(start) = self.place(length, 120) {
            self.is_missing[start..start + length].fill(true);
            self.label(start + length, start + length, "gap", "gap");
        }
    }

    fn label(&mut self, start: usize, end: usize, kind: &'static str, class: &'static str) {
        self.labels.push(Label {
            start,
            end,
            kind,
            class,
        });
    }

    /// A free stretch after 30 % of the run, some way from what is taken.
    fn place(&mut self, length: usize, apart: usize) -> Option<usize> {
        let rows = self.rows();
        for _ in 0..200 {
            let start = self.rng.usize(rows * 3 / 10..=rows - length - 300);
            let around = start - apart..rows.min(start + length + apart);
            if !self.is_busy[around].contains(&true) {
                self.is_busy[start..start + length].fill(true);
                return Some(start);
            }
        }
        None
    }

    /// The file, and its lines of `segments.csv`.
    fn finish(self, name: &str) -> (String, String) {
        let step_s = if self.family == "daily" { 60 } else { 1 };
        let mut text = "t_s,value,mode,cycle_start\n".to_owned();
        let mut number = Vec::with_capacity(self.rows());
        let mut written = 0;
        for row in 0..self.rows() {
            number.push(written);
            if self.is_missing[row] {
                continue;
            }
            let (value, mode) = (self.value[row], self.mode[row]);
            let is_start = u8::from(self.is_start[row]);
            writeln!(text, "{},{value},{mode},{is_start}", row * step_s).unwrap();
            written += 1;
        }
        let mut labels = String::new();
        for label in &self.labels {
            let (start, end) = (number[label.start], number[label.end]);
            let (kind, class) = (label.kind, label.class);
            writeln!(labels, "{name},{start},{end},{kind},{class}").unwrap();
        }
        (text, labels)
    }
}

fn uniform(rng: &mut Rng, low: f64, high: f64) -> f64 {
    low + (high - low) * rng.f64()
}

fn pick(rng: &mut Rng, choices: &[f64]) -> f64 {
    choices[rng.usize(0..choices.len())]
}

/// An AR(1) process of unit variance, with normal or Student t5 innovations.
fn noise(rng: &mut Rng, rows: usize, phi: f64, is_heavy: bool) -> Vec<f64> {
    let share = (1.0 - phi * phi).sqrt();
    let mut state = normal(rng);
    let mut next = || {
        let mut fresh = normal(rng);
        if is_heavy {
            let chi_square: f64 = (0..5).map(|_| normal(rng).powi(2)).sum();
            // A t5 has a variance of 5/3.
            fresh *= (3.0 / chi_square).sqrt();
        }
        state = phi * state + share * fresh;
        state
    };
    (0..rows).map(|_| next()).collect()
}

/// Standard normal (Box & Muller 1958).
fn normal(rng: &mut Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.f64()).ln()).sqrt();
    radius * (TAU * rng.f64()).cos()
}

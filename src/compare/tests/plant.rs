//! A simulated plant: records with known effects of shift, staffing, machine and product.

use super::super::{Factor, Frame, Outcome, Report, Request, compare};

/// What is true of a simulated plant.
#[derive(Debug, Clone)]
pub(super) struct Plant {
    pub(super) seed: u64,
    pub(super) days: usize,
    /// Names of the shifts with their true effects.
    pub(super) shifts: Vec<(&'static str, f64)>,
    /// Standard deviation of a record.
    pub(super) noise: f64,
    /// Standard deviation common to all records of a day and shift.
    pub(super) day_noise: f64,
    /// Records per day and shift.
    pub(super) per_shift: usize,
}

impl Plant {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            days: 60,
            shifts: vec![("day", 0.0), ("night", 0.0)],
            noise: 3.0,
            day_noise: 0.0,
            per_shift: 2,
        }
    }

    pub(super) fn shifts(self, shifts: &[(&'static str, f64)]) -> Self {
        Self {
            shifts: shifts.to_vec(),
            ..self
        }
    }

    /// The records: `day`, `shift`, `crew`, `machine`, `product`, `operators`, `hours`, `rate`. The later a shift, the
    /// fewer operators it has and the more it runs the slow machine.
    pub(super) fn frame(&self) -> Frame {
        let mut random = fastrand::Rng::with_seed(self.seed);
        let mut text: [Vec<String>; 5] = Default::default();
        let mut numbers: [Vec<f64>; 3] = Default::default();
        for day in 0..self.days {
            for (at, (shift, effect)) in self.shifts.iter().enumerate() {
                let common = self.day_noise * normal(&mut random);
                for _ in 0..self.per_shift {
                    let operators = 6.0 - at as f64 + f64::from(random.u8(0..3));
                    let slow = random.f64() < 0.3 + 0.2 * at as f64;
                    let second = random.bool();
                    let crew = (day / 2 + at) % 4;
                    let rate = 80.0 + effect + common + 4.0 * operators
                        - if slow { 8.0 } else { 0.0 }
                        - if second { 5.0 } else { 0.0 }
                        + self.noise * normal(&mut random);
                    let labels = [
                        format!("d{day:04}"),
                        (*shift).to_owned(),
                        format!("C{crew}"),
                        if slow { "M2" } else { "M1" }.to_owned(),
                        if second { "P2" } else { "P1" }.to_owned(),
                    ];
                    for (column, label) in text.iter_mut().zip(labels) {
                        column.push(label);
                    }
                    for (column, number) in numbers.iter_mut().zip([operators, 8.0, rate]) {
                        column.push(number);
                    }
                }
            }
        }
        let mut frame = Frame::new();
        for (name, column) in ["day", "shift", "crew", "machine", "product"]
            .iter()
            .zip(&text)
        {
            frame = frame.with_labels(name, column).unwrap();
        }
        for (name, column) in ["operators", "hours", "rate"].iter().zip(numbers) {
            frame = frame.with_numbers(name, column).unwrap();
        }
        frame
    }

    /// The comparison without a decomposition, which takes the most time.
    pub(super) fn plain_report(&self) -> Report {
        let mut request = request();
        for factor in &mut request.context {
            factor.explains = None;
        }
        compare(&request, &self.frame()).unwrap()
    }

    pub(super) fn report(&self) -> Report {
        compare(&request(), &self.frame()).unwrap()
    }
}

/// The comparison of the shifts of a plant at the same staffing, machine and product.
pub(super) fn request() -> Request {
    let outcome = Outcome::Rate {
        value: "rate".into(),
        exposure: Some("hours".into()),
    };
    Request {
        unit: "parts/h".into(),
        context: vec![
            Factor::numeric("operators").explains("staffing"),
            Factor::categorical("machine").explains("equipment"),
            Factor::categorical("product").explains("product mix"),
        ],
        ..Request::new(outcome, "shift", "day")
    }
}

/// A standard normal number (Box and Muller 1958).
pub(super) fn normal(random: &mut fastrand::Rng) -> f64 {
    let radius = (-2.0 * (1.0 - random.f64()).ln()).sqrt();
    radius * (std::f64::consts::TAU * random.f64()).cos()
}

/// A number of events with this mean (Knuth 1969).
pub(super) fn poisson(random: &mut fastrand::Rng, mean: f64) -> f64 {
    let limit = (-mean).exp();
    let mut product = random.f64();
    let mut events = 0.0;
    while product > limit {
        product *= random.f64();
        events += 1.0;
    }
    events
}

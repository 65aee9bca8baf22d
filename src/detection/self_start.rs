//! The self-starting chart: watches a signal while its baseline is still being learned.
//!
//! Hawkins (1987): a new value is compared with the mean and standard deviation of those before it, which makes a
//! Student t of it; carried over to the normal scale these are independent standard normal from the third value on, so
//! a CUSUM can stand on them. Here the values are innovations of a running AR(1) estimate, because plant signals are
//! rarely independent, and the chart looks for large shifts only: little is known yet.

use serde::{Deserialize, Serialize};

use super::tails::{BOUNDARY, climb_limit};

/// Changes of the value seen before the chart speaks: without movement there is no spread to measure by.
const WARM_UP: f64 = 10.0;
/// Share of values that differ from the one before, below which a signal rests.
const MOVES_MIN: f64 = 0.5;
/// Allowance in standard deviations: shifts of two and more are looked for.
const K: f64 = 1.0;
/// Limits are this much wider than designed, as those of a provisional baseline.
const WIDEN: f64 = 1.3;
/// A value further out than this teaches no more than one there.
const LESSON_MAX: f64 = 3.0;
/// A value further out than this counts as one there: a single one is no lasting shift, and duty cycles jump.
const SCORE_MAX: f64 = 4.0;
/// The CUSUMs stop at this multiple of their limit.
const CAP: f64 = 1.5;

/// The chart of one learning slot.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct SelfStart {
    limit: f64,
    count: f64,
    moves: f64,
    mean: f64,
    squares: f64,
    products: f64,
    innovations: f64,
    innovation_squares: f64,
    before: f64,
    high: f64,
    low: f64,
    /// Values since the CUSUMs were last zero.
    since_high: u32,
    since_low: u32,
}

/// What the chart says of a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Started {
    /// The CUSUMs over their limit, upwards and downwards.
    pub(super) high: f64,
    pub(super) low: f64,
    /// The limit, in standard deviations of the innovations.
    pub(super) limit: f64,
    /// Values since the larger one was last zero.
    pub(super) since: u32,
    /// Mean and standard deviation of what was seen, as distances from the first value.
    pub(super) normal: f64,
    pub(super) spread: f64,
}

impl Started {
    /// The larger ratio.
    pub(super) const fn ratio(&self) -> f64 {
        self.high.max(self.low)
    }
}

impl SelfStart {
    /// Whether the numbers, which may come from a file, can be charted with.
    pub(super) fn is_usable(&self) -> bool {
        let sums = [self.mean, self.squares, self.products, self.before];
        let innovations = [self.innovations, self.innovation_squares];
        let chart = [self.limit, self.count, self.moves, self.high, self.low];
        let all = [&sums[..], &innovations, &chart].concat();
        all.iter().all(|number| number.is_finite())
    }

    /// A chart that alarms about once in `arl` samples of normal data.
    pub(super) fn new(arl: f64) -> Self {
        Self {
            limit: WIDEN * climb_limit(2.0 * K, K, 2.0 * arl, BOUNDARY),
            count: 0.0,
            moves: 0.0,
            mean: 0.0,
            squares: 0.0,
            products: 0.0,
            innovations: 0.0,
            innovation_squares: 0.0,
            before: 0.0,
            high: 0.0,
            low: 0.0,
            since_high: 0,
            since_low: 0,
        }
    }

    /// Takes a value, as its distance from the first one.
    pub(super) fn observe(&mut self, value: f64) -> Started {
        let phi = self.phi();
        let innovation = value - self.mean - phi * (self.before - self.mean);
        let u = self.score(innovation);
        if let Some(u) = u {
            self.high = (self.high + u - K).clamp(0.0, CAP * self.limit);
            self.low = (self.low - u - K).clamp(0.0, CAP * self.limit);
            self.since_high = since(self.since_high, self.high);
            self.since_low = since(self.since_low, self.low);
        }
        let spread = self.innovation_spread();
        let bound = if u.is_some() && spread > 0.0 {
            LESSON_MAX * spread
        } else {
            f64::INFINITY
        };
        let lesson = innovation.clamp(-bound, bound);
        self.learn(value - (innovation - lesson), lesson);
        self.said()
    }

    fn said(&self) -> Started {
        let since = if self.high >= self.low {
            self.since_high
        } else {
            self.since_low
        };
        Started {
            high: self.high / self.limit,
            low: self.low / self.limit,
            limit: self.limit,
            since,
            normal: self.mean,
            spread: (self.squares / (self.count - 1.0).max(1.0)).sqrt(),
        }
    }

    /// A careful lag-1 correlation: one standard error above what was measured.
    fn phi(&self) -> f64 {
        if self.moves < WARM_UP || self.squares <= 0.0 {
            return 0.0;
        }
        (self.products / self.squares + 1.0 / self.count.sqrt()).clamp(0.0, 0.98)
    }

    fn innovation_spread(&self) -> f64 {
        (self.innovation_squares / (self.count - 2.0).max(1.0)).sqrt()
    }

    /// The innovation on the normal scale: Student t with n - 2 degrees of freedom, carried over by Wallace's
    /// approximation (1959).
    fn score(&mut self, innovation: f64) -> Option<f64> {
        let spread = self.innovation_spread();
        // A signal that mostly rests shows too little of itself to be judged by.
        if self.moves < WARM_UP.max(MOVES_MIN * self.count) || spread <= 0.0 {
            return None;
        }
        let freedom = self.count - 2.0;
        let t = innovation / spread * ((self.count - 1.0) / self.count).sqrt();
        let size = (freedom * (t * t / freedom).ln_1p()).sqrt();
        let u = size * (8.0 * freedom + 1.0) / (8.0 * freedom + 3.0);
        Some(u.min(SCORE_MAX).copysign(t)).filter(|u| u.is_finite())
    }

    fn learn(&mut self, value: f64, innovation: f64) {
        self.count += 1.0;
        let before = self.before - self.mean;
        let delta = value - self.mean;
        self.mean += delta / self.count;
        self.squares += delta * (value - self.mean);
        if self.count > 1.0 {
            self.moves += f64::from(value.to_bits() != self.before.to_bits());
            self.products += delta * before;
            self.innovations += innovation;
            self.innovation_squares += innovation * innovation;
        }
        self.before = value;
    }
}

/// Values since a CUSUM was last zero.
fn since(before: u32, cusum: f64) -> u32 {
    if cusum > 0.0 {
        before.saturating_add(1)
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detection::testing::Noise;

    fn worst(phi: f64, shift: f64, at: usize, samples: usize, seed: u64) -> Option<usize> {
        let mut noise = Noise::new(seed, phi);
        let mut chart = SelfStart::new(1e7);
        (0..samples).find(|i| {
            let value = noise.next() + if *i >= at { shift } else { 0.0 };
            chart.observe(value).ratio() > 1.0
        })
    }

    #[test]
    fn normal_signals_are_quiet() {
        for phi in [0.0, 0.5, 0.8, 0.95] {
            let alarms = (0..200).filter(|seed| worst(phi, 0.0, 0, 300, *seed).is_some());
            assert!(alarms.count() <= 1, "phi {phi}");
        }
    }

    #[test]
    fn large_shifts_are_found_while_learning() {
        for (phi, shift, least) in [(0.0, 5.0, 30), (0.0, -5.0, 30), (0.5, 8.0, 40)] {
            let found =
                (0..50).filter(|seed| worst(phi, shift, 60, 120, *seed).is_some_and(|at| at >= 60));
            let found = found.count();
            assert!(found >= least, "phi {phi} shift {shift}: {found}");
        }
    }

    #[test]
    fn a_still_signal_and_a_jump_from_it_say_nothing() {
        let mut chart = SelfStart::new(1e7);
        for t in 0..300 {
            let value = f64::from(t / 100);
            assert!(chart.observe(value).ratio() <= 0.0, "{t}");
        }
    }

    #[test]
    fn a_single_value_is_no_shift() {
        let mut noise = Noise::new(5, 0.0);
        let mut chart = SelfStart::new(1e7);
        for t in 0..300 {
            let value = if t % 40 == 30 { 1e6 } else { noise.next() };
            let said = chart.observe(value);
            assert!(said.ratio() < 1.0, "{t}: {said:?}");
        }
    }

    #[test]
    fn a_shift_is_dated_back_and_held_against_what_was_seen() {
        let mut noise = Noise::new(9, 0.0);
        let mut chart = SelfStart::new(1e5);
        for t in 0_u32..300 {
            let shift = if t >= 100 { 6.0 } else { 0.0 };
            let said = chart.observe(noise.next() + shift);
            if said.ratio() > 1.0 {
                let onset = i64::from(t) - i64::from(said.since);
                assert!((97..=101).contains(&onset), "{onset}");
                assert!(said.normal.abs() < 1.5 && said.spread < 2.5, "{said:?}");
                assert!(said.limit > 1.0 && said.high > said.low);
                return;
            }
        }
        panic!("the shift was not found");
    }
}

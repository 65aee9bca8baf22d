//! Tails: how far the values of a signal reach, and how fast the chance of a CUSUM to climb decays.

use statrs::function::erf::erfc_inv;

/// Bisection steps; each halves the interval, so sixty exhaust double precision.
const BISECTIONS: usize = 60;
/// Halvings for a decay rate: to a millionth, where its own error is a hundredth.
const DECAY_HALVINGS: usize = 20;
/// Boundary correction of a CUSUM of independent data (Siegmund 1985).
pub(super) const BOUNDARY: f64 = 1.166;
/// Tail indices of Weibull type above this are heavy; about .6 is normal, 1 exponential.
const HEAVY_INDEX: f64 = 0.75;
/// Largest values that tell a tail.
pub(super) const TAIL_KEPT: usize = 100;
/// Multiples of the golden ratio spread most evenly (Weyl 1916).
const GOLDEN: f64 = 0.618_034;
/// Prior of the Pareto index where few values speak, and its weight in values.
const PARETO_PRIOR: f64 = 0.22;
const PARETO_PRIOR_WEIGHT: f64 = 50.0;

/// The value that a standard normal exceeds with probability `p`.
pub(super) fn normal_upper(p: f64) -> f64 {
    std::f64::consts::SQRT_2 * erfc_inv(2.0 * p.clamp(1e-300, 1.0))
}

/// The middle of the interval on whose lower side `is_low` holds.
pub(super) fn bisect(low: f64, high: f64, is_low: impl Fn(f64) -> bool) -> f64 {
    halve((low, high), BISECTIONS, is_low)
}

fn halve((mut low, mut high): (f64, f64), steps: usize, is_low: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..steps {
        let middle = f64::midpoint(low, high);
        if is_low(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// The rate theta at which the chance of a CUSUM with increments `y - k` to reach a height decays:
/// `mean(exp(theta (y - k))) = 1` (Lundberg's exponent; 2k for standard normal y). `values` are pairs of y and its weight.
pub(super) fn decay_rate(values: &[(f64, f64)], k: f64) -> f64 {
    let total: f64 = values.iter().map(|(_, weight)| weight).sum();
    let grows = |theta: f64| {
        let sum: f64 = values
            .iter()
            .map(|(y, weight)| weight * (theta * (y - k)).exp())
            .sum();
        sum >= total
    };
    let (low, mut high) = (1e-4, 4.0 * k.max(0.05));
    if grows(low) {
        return low;
    }
    while !grows(high) && high < 50.0 {
        high *= 1.5;
    }
    halve((low, high), DECAY_HALVINGS, |theta| !grows(theta))
}

/// The limit of a one-sided CUSUM whose chance to climb decays at `theta` and whose increments have mean `-drift`, for a
/// mean run length of `arl`: `(e^(theta b) - 1 - theta b) / (theta drift) = arl` (Siegmund 1985, eq. 2.57), less the
/// boundary correction.
pub(super) fn climb_limit(theta: f64, drift: f64, arl: f64, boundary: f64) -> f64 {
    let run_length = |b: f64| ((theta * b).exp() - 1.0 - theta * b) / (theta * drift);
    let mut high = 1.0;
    while run_length(high) < arl && high < 1e6 {
        high *= 2.0;
    }
    (bisect(0.0, high, |b| run_length(b) < arl) - boundary).max(1.0)
}

/// The decay rate of a CUSUM of squares of a normal AR(1) process, `w² - k` with unit variance: the squares of a
/// persistent signal stay large together. Closed form of the limiting cumulant of quadratic forms
/// (Bryc & Dembo 1997).
pub(super) fn square_decay_rate(phi: f64, k: f64) -> f64 {
    let cumulant = |theta: f64| {
        let a = 1.0 + phi * phi - 2.0 * theta * (1.0 - phi * phi);
        let inside = a * a - 4.0 * phi * phi;
        if inside < 0.0 || a < 0.0 {
            return f64::INFINITY;
        }
        -0.5 * f64::midpoint(a, inside.sqrt()).ln()
    };
    let most = 0.4999 * (1.0 - phi) / (1.0 + phi);
    bisect(1e-6, most, |theta| cumulant(theta) < theta * k)
}

/// Limits of single values, in standard deviations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpikeLimits {
    /// One value beyond this is a spike.
    pub single: f64,
    /// Two of three values beyond this are one.
    pub pair: f64,
}

impl SpikeLimits {
    /// Limits at which normal data alarms once in `arl` samples, each.
    pub fn normal(arl: f64) -> Self {
        let (single, pair) = chances(arl);
        Self {
            single: normal_upper(single / 2.0),
            pair: normal_upper(pair / 2.0),
        }
    }

    /// The same for data with the tail of `values`, never below those of normal data.
    ///
    /// The largest fiftieth of the absolute values tells the kind of tail by a Weibull-type index (Hill's estimator on
    /// logarithmic quantiles, Beirlant et al. 1996): a light one is extended as a Weibull tail, a heavy one as a Pareto
    /// tail (Weissman 1978).
    ///
    /// `step` is the resolution of the values: ties of a quantised signal are spread over one step, evenly and the same
    /// every time, or the index would be without meaning.
    pub(super) fn from_tail(values: &[f64], step: f64, arl: f64) -> Self {
        let spread = |(i, v): (usize, &f64)| (v + ((i as f64 * GOLDEN).fract() - 0.5) * step).abs();
        let mut sizes: Vec<f64> = values.iter().enumerate().map(spread).collect();
        sizes.sort_unstable_by(|a, b| b.total_cmp(a));
        let count = sizes.len();
        sizes.truncate(TAIL_KEPT);
        Self::from_largest(&sizes, count, arl)
    }

    /// The same from the largest absolute values of `count`, in falling order; [`TAIL_KEPT`] are enough.
    pub(super) fn from_largest(sizes: &[f64], count: usize, arl: f64) -> Self {
        let normal = Self::normal(arl);
        let kept = (count / 50).clamp(20, 80).min(count / 4);
        let count = count as f64;
        let Some(threshold) = sizes.get(kept).copied().filter(|t| *t > 0.0 && kept > 0) else {
            return normal;
        };
        let tail = || sizes.iter().take(kept);
        let hill = tail().map(|size| (size / threshold).ln()).sum::<f64>() / kept as f64;
        let base = (count / kept as f64).ln().ln();
        let expected = (0..kept)
            .map(|rank| (count / (rank as f64 + 0.5)).ln().ln() - base)
            .sum::<f64>()
            / kept as f64;
        let index = hill / expected;
        let (single, pair) = chances(arl);
        let share = kept as f64 / count;
        if index <= HEAVY_INDEX {
            let power = 0.55 + 0.6 * (index - 0.6).max(0.0);
            let far = |p: f64| threshold * (p.ln() / share.ln()).powf(power);
            return Self {
                single: far(single).max(normal.single),
                pair: far(pair).max(normal.pair),
            };
        }
        let pareto = (hill * kept as f64 + PARETO_PRIOR * PARETO_PRIOR_WEIGHT)
            / (kept as f64 + PARETO_PRIOR_WEIGHT);
        let tenth = sizes.get(10).copied().unwrap_or(threshold);
        Self {
            single: (threshold * (share / single).powf(1.1 * hill)).max(normal.single),
            pair: (tenth * (10.0 / count / pair).powf(pareto)).max(normal.pair),
        }
    }
}

/// Chances per sample of a single spike, and of a value that makes one of a pair.
fn chances(arl: f64) -> (f64, f64) {
    (1.0 / arl, (1.0 / (3.0 * arl)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(got: f64, expected: f64, tolerance: f64) {
        assert!(
            (got / expected - 1.0).abs() < tolerance,
            "{got} instead of {expected}"
        );
    }

    fn weighted(values: &[f64]) -> Vec<(f64, f64)> {
        values.iter().map(|value| (*value, 1.0)).collect()
    }

    fn normals(count: usize) -> Vec<f64> {
        let quantile = |i: usize| normal_upper((i as f64 + 0.5) / count as f64);
        (0..count).map(quantile).collect()
    }

    #[test]
    fn normal_quantiles_match_the_tables() {
        check(normal_upper(0.025), 1.959_964, 1e-6);
        check(normal_upper(1e-9), 5.997_807, 1e-6);
    }

    #[test]
    fn normal_data_decays_at_twice_the_allowance() {
        check(decay_rate(&weighted(&normals(20_000)), 0.5), 1.0, 0.01);
        check(decay_rate(&weighted(&normals(20_000)), 0.25), 0.5, 0.01);
        let climbing = decay_rate(&weighted(&[3.0; 9]), 0.5);
        assert!(climbing < 2e-4, "what only climbs does not decay");
    }

    /// `design_limits.csv`: one-sided run lengths are twice the two-sided ones.
    #[test]
    fn limits_match_the_reference() {
        check(climb_limit(1.0, 0.5, 2e5, BOUNDARY), 10.355, 0.002);
        check(climb_limit(0.5, 0.25, 2e5, BOUNDARY), 19.091, 0.002);
    }

    #[test]
    fn persistence_slows_the_decay_of_squares() {
        let k = 1.5;
        let squares: Vec<f64> = normals(20_000).iter().map(|x| x * x).collect();
        check(
            square_decay_rate(0.0, k),
            decay_rate(&weighted(&squares), k),
            0.02,
        );
        let rates = [0.0, 0.5, 0.8, 0.95].map(|phi| square_decay_rate(phi, k));
        assert!(rates.is_sorted_by(|a, b| a > b), "{rates:?}");
    }

    #[test]
    fn spike_limits_follow_the_tail() {
        let arl = 1e6;
        let normal = SpikeLimits::normal(arl);
        check(normal.single, 4.892, 0.001);
        let light = SpikeLimits::from_tail(&normals(3_000), 0.0, arl);
        assert!((4.89..6.5).contains(&light.single), "{light:?}");
        // Student t of 2 degrees of freedom: quantile (2p - 1) sqrt(2 / (4 p (1 - p))).
        let t2: Vec<f64> = (0..3_000)
            .map(|i| {
                let p = (f64::from(i) + 0.5) / 3_000.0;
                (2.0 * p - 1.0) * (2.0 / (4.0 * p * (1.0 - p))).sqrt()
            })
            .collect();
        let heavy = SpikeLimits::from_tail(&t2, 0.0, arl);
        assert!(heavy.single > 100.0 && heavy.pair > 10.0, "{heavy:?}");
        assert_eq!(SpikeLimits::from_tail(&[0.0; 500], 0.0, arl), normal);
        assert_eq!(SpikeLimits::from_tail(&[], 0.0, arl), normal);
    }
}

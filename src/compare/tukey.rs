//! The studentised range: how far apart the extremes of `k` equal means come by chance.
//!
//! `P(q) = int f(s) W(q s) ds` with the density `f` of `s = sqrt(chi2/df)` and the range distribution
//! `W(w) = k int phi(z) (Phi(z) - Phi(z - w))^(k-1) dz`. Copenhaver and Holland (1988) and AS 190 (Lund and Lund 1983)
//! integrate both by quadrature of a fixed order, which limits their accuracy. Here both integrands are analytic and
//! fall off on both sides (the outer one after `s = exp(u)`), where the trapezoid rule converges exponentially
//! (Trefethen and Weideman 2014): it is accurate to about 1e-12 in absolute terms for every `k` and `df`.

use statrs::distribution::{ContinuousCDF, StudentsT};
use statrs::function::erf::erfc;

/// Half-width of the inner integral in standard deviations; beyond it lies less than 1e-16.
const Z_MAX: f64 = 8.5;
/// Step of the inner integral; the integrand narrows only with the logarithm of `k`.
const Z_STEP: f64 = 0.125;
/// Points of the inner integral.
const Z_POINTS: u32 = 137;
/// Above this many degrees of freedom `s` is 1 to twelve digits of the result.
const DF_INFINITE: f64 = 1e12;
/// Below this the density of `s` has no end that a sum could reach.
const DF_MIN: f64 = 0.1;
/// Parts below `exp(-LOG_MIN)` of the peak of the density are left out.
const LOG_MIN: f64 = 38.0;
/// Steps of the outer integral per standard deviation of `ln s`.
const STEPS_PER_DEVIATION: f64 = 2.5;
/// Steps of the quantile; it needs about eight.
const QUANTILE_STEPS: usize = 60;
/// Accuracy of the quantile, in probability or relative to it.
const QUANTILE_TOLERANCE: f64 = 1e-11;
/// Largest quantile that is looked for.
const Q_MAX: f64 = 1e9;

/// Probability that the range of `k` means is below `q` standard errors of a mean estimated with `df` degrees of
/// freedom; `None` for `df` stands for infinity, a known standard error. `None` when `k < 2`, `df` is below 0.1 or `q`
/// is NaN.
pub fn studentized_range_cdf(q: f64, k: u32, df: Option<f64>) -> Option<f64> {
    if k < 2 || q.is_nan() || df.is_some_and(|df| df.is_nan() || df < DF_MIN) {
        return None;
    }
    if q <= 0.0 {
        return Some(0.0);
    }
    let df = df.filter(|df| *df < DF_INFINITE);
    match (k, df) {
        (_, None) => Some(Nodes::new(k).range_cdf(q)),
        (2, Some(df)) => {
            let t = StudentsT::new(0.0, 1.0, df).ok()?;
            Some(2.0f64.mul_add(-t.cdf(-q / std::f64::consts::SQRT_2), 1.0))
        }
        (_, Some(df)) => Some(over_scale(q, k, df)),
    }
}

/// The `q` below which the studentised range lies with probability `p`. `None` outside 0 < p < 1, or where
/// [`studentized_range_cdf`] has none, or beyond 1e9.
pub fn studentized_range_quantile(p: f64, k: u32, df: Option<f64>) -> Option<f64> {
    if !(p > 0.0 && p < 1.0) {
        return None;
    }
    let excess = |q: f64| Some(studentized_range_cdf(q, k, df)? - p);
    let (mut low, mut below) = (0.0, -p);
    let (mut high, mut above) = (4.0, excess(4.0)?);
    while above < 0.0 {
        (low, below) = (high, above);
        high *= 2.0;
        above = excess(high).filter(|_| high < Q_MAX)?;
    }
    // Regula falsi that halves the end which stays (Illinois; Dowell and Jarratt 1971).
    for _ in 0..QUANTILE_STEPS {
        let next = (low * above - high * below) / (above - below);
        let at = excess(next)?;
        if at.abs() < QUANTILE_TOLERANCE || high - low < QUANTILE_TOLERANCE * high {
            return Some(next);
        }
        if at < 0.0 {
            (low, below) = (next, at);
            above /= 2.0;
        } else {
            (high, above) = (next, at);
            below /= 2.0;
        }
    }
    Some(f64::midpoint(low, high))
}

/// The outer integral, in `u = ln s`: the density of `u` is `c exp(df (u - exp(2u)/2))` with the peak at 0. The sum over
/// the density alone gives `c`.
fn over_scale(q: f64, k: u32, df: f64) -> f64 {
    let deviation = (2.0 * df).sqrt().recip();
    let step = (deviation / STEPS_PER_DEVIATION).min(0.1);
    let density = |u: f64| {
        let log = df * (u - (2.0 * u).exp_m1() / 2.0);
        (log > -LOG_MIN).then(|| (u, log.exp()))
    };
    let nodes = Nodes::new(k);
    let side = |sign: f64| (1..).map_while(move |at: i32| density(sign * f64::from(at) * step));
    let points = [(0.0, 1.0)].into_iter().chain(side(1.0)).chain(side(-1.0));
    let (inside, all) = points.fold((0.0, 0.0), |(inside, all), (u, weight)| {
        (inside + weight * nodes.range_cdf(q * u.exp()), all + weight)
    });
    (inside / all).clamp(0.0, 1.0)
}

/// The inner integral: `z`, `phi(z)` and `Phi(z)` at its points.
struct Nodes {
    k: f64,
    points: Vec<(f64, f64, f64)>,
}

impl Nodes {
    fn new(k: u32) -> Self {
        let point = |at: u32| {
            let z = f64::from(at).mul_add(Z_STEP, -Z_MAX);
            (z, (-z * z / 2.0).exp(), 0.5 * erfc(-z * SQRT_HALF))
        };
        Self {
            k: f64::from(k),
            points: (0..Z_POINTS).map(point).collect(),
        }
    }

    /// The distribution of the range of `k` independent standard normal values.
    fn range_cdf(&self, w: f64) -> f64 {
        let term = |(z, density, below): &(f64, f64, f64)| {
            let between = below - 0.5 * erfc((w - z) * SQRT_HALF);
            if between <= 0.0 {
                return 0.0;
            }
            density * ((self.k - 1.0) * between.ln()).exp()
        };
        let sum: f64 = self.points.iter().map(term).sum();
        (self.k * Z_STEP * sum / std::f64::consts::TAU.sqrt()).clamp(0.0, 1.0)
    }
}

const SQRT_HALF: f64 = std::f64::consts::FRAC_1_SQRT_2;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(q: f64, k: u32, df: Option<f64>, expected: f64) {
        let got = studentized_range_cdf(q, k, df).unwrap();
        assert!(
            (got - expected).abs() < 1e-9,
            "{q} {k} {df:?}: {got} != {expected}"
        );
    }

    /// `scipy.stats.studentized_range.cdf` of version 1.17.1.
    #[test]
    fn the_distribution_is_that_of_scipy() {
        check(3.5, 3, Some(20.0), 0.944_108_150_918_250_1);
        check(1.0, 3, Some(1.0), 0.196_838_581_596_310_04);
        check(10.0, 3, Some(1.0), 0.866_173_614_227_423);
        check(40.0, 5, Some(1.0), 0.953_641_985_781_716_8);
        check(2.5, 4, Some(2.0), 0.527_805_060_633_105_4);
        check(6.99, 10, Some(5.0), 0.949_867_617_427_772_3);
        check(3.314, 3, None, 0.949_955_859_593_89);
        check(5.3, 50, Some(200.0), 0.869_752_114_947_670_2);
        check(7.0, 50, Some(30.0), 0.985_422_978_736_613_9);
        check(4.2, 3, Some(532.0), 0.991_269_276_430_091_2);
        check(0.4, 3, Some(532.0), 0.043_137_121_399_745_9);
        check(0.1, 2, Some(7.0), 0.054_394_215_271_163_75);
        check(8.0, 100, Some(12.0), 0.953_997_759_903_473_4);
        check(5.0, 1000, None, 1.808_660_714_498_834e-5);
        check(3.0, 3, Some(0.5), 0.449_422_566_195_787_86);
    }

    /// Harter's table of the upper 5 % and 1 % points, as printed in Montgomery, Design and Analysis of Experiments.
    #[test]
    fn quantiles_are_those_of_the_printed_table() {
        for (p, k, df, expected) in [
            (0.95, 3, Some(10.0), 3.88),
            (0.95, 10, Some(5.0), 6.99),
            (0.99, 5, Some(20.0), 5.29),
            (0.95, 3, None, 3.31),
            (0.95, 20, Some(1.0), 59.56),
        ] {
            let got = studentized_range_quantile(p, k, df).unwrap();
            assert!(
                (got - expected).abs() < 0.006,
                "{p} {k} {df:?}: {got} != {expected}"
            );
        }
    }

    #[test]
    fn many_degrees_of_freedom_reach_the_known_deviation() {
        check(
            3.0,
            4,
            Some(1e11),
            studentized_range_cdf(3.0, 4, None).unwrap(),
        );
        check(
            3.0,
            4,
            Some(f64::INFINITY),
            studentized_range_cdf(3.0, 4, None).unwrap(),
        );
        check(f64::INFINITY, 4, Some(10.0), 1.0);
        check(-1.0, 4, Some(10.0), 0.0);
    }

    #[test]
    fn what_has_no_distribution_has_no_probability() {
        for (q, k, df) in [
            (1.0, 1, Some(5.0)),
            (1.0, 3, Some(0.0)),
            (f64::NAN, 3, None),
        ] {
            assert_eq!(studentized_range_cdf(q, k, df), None);
        }
        for p in [0.0, 1.0, f64::NAN] {
            assert_eq!(studentized_range_quantile(p, 3, None), None);
        }
        assert_eq!(studentized_range_quantile(0.5, 1, None), None);
        assert_eq!(studentized_range_quantile(0.999_999, 3, Some(0.2)), None);
    }
}

//! From the first Good samples of a signal to its baseline.

use super::baseline::Baseline;
use super::design::ChartDesign;
use super::limits::Limits;

/// Scale of the median absolute deviation for normal data: 1 / Phi^-1(3/4).
const MAD_SCALE: f64 = 1.4826;
/// Beyond this many robust standard deviations a learned value counts as an outlier and is pulled in.
const OUTLIER_SIGMAS: f64 = 4.0;
/// More outliers than one in this many are no outliers: the signal is like that (duty cycles, two levels).
const OUTLIERS_ONE_IN: usize = 50;
/// Quantisation alone has a standard deviation of 1/sqrt(12) = 0.29 steps.
const STEP_SHARE: f64 = 0.3;
/// A signal that rests on one value and flicks to the next by a step must not alarm for it.
const STEP_SHARE_AT_REST: f64 = 0.5;
/// Lags at which a slow part under noise shows.
const FAR_LAGS: [usize; 3] = [8, 16, 32];
/// Lags that the sum over lags goes to.
const SUMMED_LAGS_MAX: usize = 60;
/// Standard errors at which a correlation counts.
const SIGNIFICANT: f64 = 2.5;
/// Persistence at far lags counts when it is this many times what lag 1 says.
const CLEARLY_MORE: f64 = 1.5;
/// Lag-1 correlations beyond this make limits that no fault reaches.
const PHI_MAX: f64 = 0.99;
/// Share of a limit that the learned data itself may reach before the limit is widened.
const REPLAY_SHARE: f64 = 0.8;

/// A baseline with what refining it needs to know.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Estimate {
    pub(super) baseline: Baseline,
    /// Lag-1 correlation as measured.
    pub(super) rho1: f64,
    /// Persistence seen at longer lags than one; refinement keeps it as a floor.
    pub(super) tau2_floor: f64,
    /// Spread that the resolution of the signal alone gives it.
    pub(super) sigma_floor: f64,
}

/// Level, spread and persistence of `values`, which are in time order.
pub(super) fn estimate(values: &[f64], design: &ChartDesign) -> Option<Estimate> {
    let count = values.len() as f64;
    let median = median(values)?;
    let deviations: Vec<f64> = values.iter().map(|v| v - median).collect();
    let bound = outlier_bound(&deviations)?;
    let step_share = if bound.is_finite() {
        STEP_SHARE
    } else {
        STEP_SHARE_AT_REST
    };
    let pulled: Vec<f64> = deviations.iter().map(|d| d.clamp(-bound, bound)).collect();
    let offset = pulled.iter().sum::<f64>() / count;
    let centred: Vec<f64> = pulled.iter().map(|w| w - offset).collect();
    let variance = centred.iter().map(|c| c * c).sum::<f64>() / count;

    let rho1 = correlation(&centred, 1);
    let ar1 = persistence(phi_upper(rho1, count));
    let long_run = long_run_persistence(&centred);
    let tau2 = long_run.map_or(ar1, |l| l.max(ar1));
    // The mean was fitted to the same data, which hides tau2/n of the variance.
    let unbiased = variance / (1.0 - tau2 / count).max(0.5);
    let sigma_floor = step_share * smallest_step(values);
    let baseline = Baseline {
        mean: median + offset,
        sigma: unbiased.sqrt().max(sigma_floor),
        tau2,
        widen: 1.0,
        samples: count,
    };
    if !baseline.is_usable() {
        return None;
    }
    let widen = (replay(values, design, &baseline) / REPLAY_SHARE).max(1.0);
    Some(Estimate {
        baseline: Baseline { widen, ..baseline },
        rho1,
        tau2_floor: long_run.unwrap_or(1.0),
        sigma_floor,
    })
}

/// Where winsorising starts: four robust standard deviations; nowhere when too many values lie beyond, or when more
/// than half are the same and there is no robust standard deviation.
fn outlier_bound(deviations: &[f64]) -> Option<f64> {
    let sizes: Vec<f64> = deviations.iter().map(|d| d.abs()).collect();
    let bound = OUTLIER_SIGMAS * MAD_SCALE * median(&sizes)?;
    let beyond = sizes.iter().filter(|s| **s > bound).count();
    Some(if bound == 0.0 || beyond * OUTLIERS_ONE_IN > sizes.len() {
        f64::INFINITY
    } else {
        bound
    })
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let upper = sorted.get(sorted.len() / 2).copied()?;
    let lower = sorted.get(sorted.len().saturating_sub(1) / 2).copied()?;
    Some(f64::midpoint(lower, upper))
}

/// The smallest distance between different values: the resolution of a quantised signal.
fn smallest_step(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let steps = sorted
        .iter()
        .zip(sorted.iter().skip(1))
        .map(|(a, b)| b - a)
        .filter(|step| *step > 0.0);
    let smallest = steps.fold(f64::INFINITY, f64::min);
    if smallest.is_finite() { smallest } else { 0.0 }
}

/// Autocorrelation of centred values at a lag.
fn correlation(centred: &[f64], lag: usize) -> f64 {
    let power: f64 = centred.iter().map(|c| c * c).sum();
    let shared: f64 = centred
        .iter()
        .zip(centred.iter().skip(lag))
        .map(|(a, b)| a * b)
        .sum();
    if power > 0.0 { shared / power } else { 0.0 }
}

/// A careful lag-1 correlation: the estimate freed of its bias `-(1 + 3 phi)/n` (Kendall 1954) plus one standard
/// error `sqrt((1 - phi^2)/n)`. Anticorrelation is not made use of.
pub(super) fn phi_upper(rho1: f64, count: f64) -> f64 {
    let phi = rho1.clamp(0.0, PHI_MAX);
    let error = ((1.0 - phi * phi) / count).sqrt();
    (phi + (1.0 + 3.0 * phi) / count + error).min(PHI_MAX)
}

/// Long-run variance over variance of an AR(1) process.
pub(super) fn persistence(phi: f64) -> f64 {
    (1.0 + phi) / (1.0 - phi)
}

/// Long-run variance over variance, when far lags say clearly more than lag 1 does: white noise on top of a slow signal
/// hides the slow part from lag 1. The larger of two estimates: a sum over lags, and a model of such a signal.
fn long_run_persistence(centred: &[f64]) -> Option<f64> {
    let ar1 = persistence(correlation(centred, 1).clamp(0.0, PHI_MAX));
    FAR_LAGS
        .into_iter()
        .filter_map(|lag| slow_persistence(centred, lag))
        .filter(|tau2| *tau2 > CLEARLY_MORE * ar1)
        .chain(summed_persistence(centred, ar1))
        .reduce(f64::max)
}

/// A slow AR(1) signal under white noise has `rho_m = rho_1 phi^(m - 1)`, which gives phi from two lags and
/// `tau2 = 1 + 2 rho_1 / (1 - phi)`. None when the far correlation is not significant, or when the correlations swing,
/// as those of a machine cycle do: over whole cycles they cancel.
fn slow_persistence(centred: &[f64], lag: usize) -> Option<f64> {
    let count = centred.len();
    let far = correlation(centred, lag);
    let is_significant = far > SIGNIFICANT / (count as f64).sqrt() && lag * 5 <= count;
    if !is_significant || (1..lag).any(|near| correlation(centred, near) < 0.7 * far) {
        return None;
    }
    let rho1 = correlation(centred, 1);
    let phi = (far / rho1).powf(1.0 / (lag as f64 - 1.0)).min(PHI_MAX);
    Some(1.0 + 2.0 * rho1 / (1.0 - phi))
}

/// The sum over lags with a Bartlett window, plus its standard error; none unless it is two standard errors above what
/// lag 1 says. The relative standard error is `sqrt(4M/3n)` for M lags (Priestley 1981, 6.2).
fn summed_persistence(centred: &[f64], ar1: f64) -> Option<f64> {
    let count = centred.len();
    let lags = (count / 5).clamp(1, SUMMED_LAGS_MAX);
    let sum: f64 = (1..=lags)
        .map(|lag| (1.0 - lag as f64 / (lags + 1) as f64) * correlation(centred, lag))
        .sum();
    let measured = 1.0 + 2.0 * sum;
    let error = (4.0 * lags as f64 / (3.0 * count as f64)).sqrt();
    let most = persistence(PHI_MAX);
    (measured > ar1 * (1.0 + 2.0 * error)).then(|| (measured * (1.0 + error)).min(most))
}

/// The highest statistic over its limit when the charts run over the data they were learned from. Data that comes
/// close to its own limits is not what the limits were computed for.
fn replay(values: &[f64], design: &ChartDesign, baseline: &Baseline) -> f64 {
    let limits = Limits::new(design, baseline);
    let (mut ewma, mut high, mut low, mut worst) = (0.0_f64, 0.0_f64, 0.0_f64, 0.0_f64);
    for value in values {
        let z = ((value - baseline.mean) / limits.scale).clamp(-limits.clip, limits.clip);
        ewma += design.lambda * (z - ewma);
        high = (high + z - limits.k).max(0.0);
        low = (low - z - limits.k).max(0.0);
        worst = worst
            .max(ewma.abs() / limits.limit)
            .max(high.max(low) / limits.h);
    }
    worst
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::DetectionRules;
    use crate::detection::design;

    /// Roughly normal, variance 1.
    fn noise(random: &mut fastrand::Rng) -> f64 {
        (0..12).map(|_| random.f64()).sum::<f64>() - 6.0
    }

    /// A slow AR(1) signal of variance 1 under white noise of variance `white`, centred.
    fn slow_under_noise(phi: f64, white: f64) -> Vec<f64> {
        let mut random = fastrand::Rng::with_seed(7);
        let mut slow = 0.0;
        let values: Vec<f64> = (0..2_000)
            .map(|_| {
                slow = phi * slow + (1.0 - phi * phi).sqrt() * noise(&mut random);
                slow + white.sqrt() * noise(&mut random)
            })
            .collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        values.iter().map(|v| v - mean).collect()
    }

    #[test]
    fn neither_a_still_signal_nor_one_beyond_arithmetic_has_a_baseline() {
        let wish = DetectionRules {
            mean_time_between_false_alarms: Duration::from_hours(24 * 30),
            shift_sigma: 1.0,
            learn_samples: 50,
        };
        let design = design(&wish, Duration::from_secs(1)).unwrap();
        assert_eq!(estimate(&[5.0; 50], &design), None);
        assert_eq!(estimate(&[f64::MAX, -f64::MAX].repeat(25), &design), None);
        assert_eq!(estimate(&[], &design), None);
    }

    #[test]
    fn far_lags_find_the_slow_part_that_noise_hides_from_lag_one() {
        // rho_1 = phi / 3, so tau2 = 1 + 2 (0.9 / 3) / (1 - 0.9) = 7, where lag 1 alone says 1.86.
        let centred = slow_under_noise(0.9, 2.0);
        let tau2 = slow_persistence(&centred, 8).expect("significant");
        assert!((4.0..=12.0).contains(&tau2), "{tau2}");
        let ar1 = persistence(correlation(&centred, 1));
        assert!(tau2 > CLEARLY_MORE * ar1, "{tau2}, lag 1: {ar1}");
    }

    #[test]
    fn neither_noise_nor_whole_cycles_nor_few_samples_have_a_slow_part() {
        let mut random = fastrand::Rng::with_seed(7);
        let white: Vec<f64> = (0..2_000).map(|_| noise(&mut random)).collect();
        assert_eq!(slow_persistence(&white, 16), None);
        let cycle = |i: u32| (f64::from(i) * std::f64::consts::TAU / 16.0).sin();
        let cycles: Vec<f64> = (0..1_600).map(cycle).collect();
        assert_eq!(slow_persistence(&cycles, 16), None);
        let few = slow_under_noise(0.9, 2.0);
        assert_eq!(slow_persistence(&few[..39], 8), None);
    }
}

//! Level and spread of samples that hold outliers, and how their neighbours go together.

/// Scale of the median absolute deviation for normal data: 1 / Phi^-1(3/4) (Rousseeuw & Croux 1993).
pub(super) const MAD_SCALE: f64 = 1.4826;
/// Values further than this many robust standard deviations from the median are pulled in.
const OUTLIER_SIGMAS: f64 = 5.0;
/// More outliers than one in this many are no outliers: the signal is like that (duty cycles, two levels).
const OUTLIERS_ONE_IN: usize = 50;
/// Lags that a long-run variance sums over.
const LONG_RUN_LAGS: usize = 16;

/// Median; 0 of nothing.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let upper = sorted.get(sorted.len() / 2).copied().unwrap_or(0.0);
    let lower = sorted.get(sorted.len().saturating_sub(1) / 2).copied();
    f64::midpoint(lower.unwrap_or(upper), upper)
}

/// Mean; 0 of nothing.
pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// Winsorised mean and standard deviation: values far from the median count as far as the bound, unless they are so
/// many that the signal is like that.
pub(super) fn level_and_spread(values: &[f64]) -> (f64, f64) {
    let centre = median(values);
    let sizes: Vec<f64> = values.iter().map(|v| (v - centre).abs()).collect();
    let bound = outlier_bound(&sizes);
    let pulled: Vec<f64> = values
        .iter()
        .map(|v| (v - centre).clamp(-bound, bound))
        .collect();
    let offset = mean(&pulled);
    let squares: f64 = pulled.iter().map(|p| (p - offset) * (p - offset)).sum();
    let freedom = pulled.len().saturating_sub(1).max(1) as f64;
    (centre + offset, (squares / freedom).sqrt())
}

/// From which distance on values are pulled in.
fn outlier_bound(sizes: &[f64]) -> f64 {
    let bound = OUTLIER_SIGMAS * MAD_SCALE * median(sizes);
    let beyond = sizes.iter().filter(|size| **size > bound).count();
    if bound > 0.0 && beyond * OUTLIERS_ONE_IN <= sizes.len() {
        bound
    } else {
        f64::INFINITY
    }
}

/// The smallest distance between different values: the resolution of a quantised signal; 0 when all are the same.
pub(super) fn smallest_step(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let steps = sorted.iter().zip(sorted.iter().skip(1)).map(|(a, b)| b - a);
    let steps = steps.filter(|step| *step > 0.0);
    let smallest = steps.fold(f64::INFINITY, f64::min);
    if smallest.is_finite() { smallest } else { 0.0 }
}

/// Long-run variance over variance of values in time order: `1 + 2 (rho_1 + rho_2 + …)` over sixteen lags with a
/// Bartlett window; at least 1.
pub(super) fn long_run_ratio(values: &[f64]) -> f64 {
    damped_long_run_ratio(values, 1.0)
}

/// The same with lag l weighted by `damping^l` as well: the variance of an exponentially weighted mean of the values
/// over that of independent ones.
pub(super) fn damped_long_run_ratio(values: &[f64], damping: f64) -> f64 {
    let centre = mean(values);
    let centred: Vec<f64> = values.iter().map(|v| v - centre).collect();
    let power = centred.iter().map(|c| c * c).sum::<f64>() / centred.len().max(1) as f64;
    if power <= 0.0 {
        return 1.0;
    }
    let mut ratio = 1.0;
    let mut weight = 1.0;
    for lag in 1..=LONG_RUN_LAGS {
        weight *= damping;
        let pairs = centred.iter().zip(centred.iter().skip(lag));
        let count = centred.len().saturating_sub(lag).max(1) as f64;
        let shared = pairs.map(|(a, b)| a * b).sum::<f64>() / count;
        let window = 1.0 - lag as f64 / (LONG_RUN_LAGS + 1) as f64;
        ratio += 2.0 * window * weight * shared / power;
    }
    ratio.max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outliers_hardly_move_level_and_spread() {
        let clean: Vec<f64> = (0..100).map(|i| f64::from(i % 10)).collect();
        let (level, spread) = level_and_spread(&clean);
        assert!((level - 4.5).abs() < 1e-9 && (spread - 2.887).abs() < 0.01);
        let mut dirty = clean;
        dirty[7] = 1e9;
        let (level, spread) = level_and_spread(&dirty);
        // It counts as one at 5 x 1.4826 x 2.5 = 18.5 from the median: sqrt(2.887^2 + 18.5^2 / 100) = 3.43.
        assert!(
            (level - 4.66).abs() < 0.05 && (spread - 3.43).abs() < 0.03,
            "{level} {spread}"
        );
    }

    #[test]
    fn a_duty_cycle_is_no_outlier() {
        let duty: Vec<f64> = (0..100)
            .map(|i| if i % 10 == 0 { 50.0 } else { f64::from(i % 3) })
            .collect();
        assert!(level_and_spread(&duty).1 > 10.0);
    }

    #[test]
    fn nothing_and_the_same_have_no_spread() {
        assert_eq!(level_and_spread(&[]), (0.0, 0.0));
        assert_eq!(level_and_spread(&[5.0; 9]), (5.0, 0.0));
        assert!(smallest_step(&[5.0; 9]) < 1e-15);
        assert!((long_run_ratio(&[5.0; 9]) - 1.0).abs() < 1e-15);
    }

    #[test]
    fn steps_and_persistence_are_measured() {
        assert!((smallest_step(&[3.0, 1.0, 1.5, 3.0]) - 0.5).abs() < 1e-15);
        let slow: Vec<f64> = (0..4_000).map(|i| f64::from(i / 8 % 2)).collect();
        assert!(long_run_ratio(&slow) < 2.0, "whole cycles cancel");
        let mut random = fastrand::Rng::with_seed(3);
        let mut x = 0.0;
        let walk: Vec<f64> = (0..4_000)
            .map(|_| {
                x = 0.5 * x + random.f64() - 0.5;
                x
            })
            .collect();
        // An AR(1) process of phi 0.5: (1 + phi) / (1 - phi) = 3.
        let ratio = long_run_ratio(&walk);
        assert!((2.3..3.4).contains(&ratio), "{ratio}");
        assert!(damped_long_run_ratio(&walk, 0.5) < ratio);
    }
}

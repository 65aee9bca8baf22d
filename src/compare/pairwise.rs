//! Differences between levels, corrected for how many there are.
//!
//! All pairs: Tukey and Kramer, the studentised range of as many levels as are compared at `|t| sqrt(2)`, and Holm
//! beside it. Each level against the mean of all: Holm.

use super::adjusted::{Adjusted, Scale, contrast};
use super::design::Design;
use super::fit::{Fit, Inferences};
use super::multiple::holm;
use super::records::Records;
use super::report::{Covariance, Inference, PairEstimate, PairTest, VersusMean};
use super::tukey::{studentized_range_cdf, studentized_range_quantile};

/// p-values below this are as good as their bound by Bonferroni.
const P_TINY: f64 = 1e-7;
/// Confidence that all intervals of a family hold.
const FAMILY: f64 = 0.95;

/// A pair of levels with its estimate.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    pub(super) a: usize,
    pub(super) b: usize,
    pub(super) estimate: PairEstimate,
}

impl PairEstimate {
    /// The test that the verdict rests on.
    pub fn reported_test(&self) -> &PairTest {
        match (self.reported, &self.cluster_by_day) {
            (Covariance::ClusterByDay, Some(cluster)) => cluster,
            (Covariance::Hc3, _) => &self.hc3,
            _ => &self.classical,
        }
    }
}

/// All pairs of the compared levels, in their order.
pub(super) fn all(fit: &Fit, design: &Design, means: &[Adjusted], scale: Scale) -> Vec<Pair> {
    let family = u32::try_from(means.len()).unwrap_or(u32::MAX);
    let mut widths = Widths {
        family,
        known: Vec::new(),
    };
    let mut pairs = Vec::new();
    for (at, a) in means.iter().enumerate() {
        for b in means.iter().skip(at + 1) {
            pairs.push(pair(fit, design, (a, b), (scale, &mut widths)));
        }
    }
    correct(&mut pairs, family);
    pairs
}

fn pair(
    fit: &Fit,
    design: &Design,
    (a, b): (&Adjusted, &Adjusted),
    (scale, widths): (Scale, &mut Widths),
) -> Pair {
    let combination = contrast(fit, design, a.level, b.level);
    let value = fit.estimate(&combination);
    let tests = fit.inferences(value, &combination);
    let (reported, of) = tests.reported();
    let df = of.df;
    let gradient = &b.gradient - &a.gradient;
    let difference = b.estimate - a.estimate;
    let on_outcome = fit.inferences(difference, &gradient);
    let inference = chosen(&on_outcome, reported);
    let half = widths.of(df) * inference.se;
    let half = half.max(inference.high - difference);
    Pair {
        a: a.level,
        b: b.level,
        estimate: PairEstimate {
            difference,
            low: inference.low,
            high: inference.high,
            family_low: difference - half,
            family_high: difference + half,
            contrast: value,
            ratio: scale.has_ratio().then(|| value.exp()),
            classical: PairTest::alone(&tests.classical),
            hc3: PairTest::alone(&tests.hc3),
            cluster_by_day: tests.cluster.as_ref().map(PairTest::alone),
            reported,
        },
    }
}

fn chosen(tests: &Inferences, covariance: Covariance) -> &Inference {
    match (covariance, &tests.cluster) {
        (Covariance::ClusterByDay, Some(cluster)) => cluster,
        (Covariance::Hc3, _) => &tests.hc3,
        _ => &tests.classical,
    }
}

impl PairTest {
    fn alone(inference: &Inference) -> Self {
        let p = inference.p;
        Self {
            inference: inference.clone(),
            p_tukey: p,
            p_holm: p,
        }
    }
}

/// Half-widths of family intervals in standard errors, one per number of degrees of freedom.
struct Widths {
    family: u32,
    known: Vec<(Option<f64>, f64)>,
}

impl Widths {
    fn of(&mut self, df: Option<f64>) -> f64 {
        if let Some((_, width)) = self.known.iter().find(|(known, _)| *known == df) {
            return *width;
        }
        let range = studentized_range_quantile(FAMILY, self.family, df).unwrap_or(0.0);
        let width = range * std::f64::consts::FRAC_1_SQRT_2;
        self.known.push((df, width));
        width
    }
}

/// Fills in the corrections of all tests of the pairs.
fn correct(pairs: &mut [Pair], family: u32) {
    type Pick = fn(&mut PairEstimate) -> Option<&mut PairTest>;
    let kinds: [Pick; 3] = [
        |estimate| Some(&mut estimate.classical),
        |estimate| Some(&mut estimate.hc3),
        |estimate| estimate.cluster_by_day.as_mut(),
    ];
    for pick in kinds {
        let mut tests: Vec<&mut PairTest> = pairs
            .iter_mut()
            .filter_map(|pair| pick(&mut pair.estimate))
            .collect();
        let p: Vec<f64> = tests.iter().map(|test| test.inference.p).collect();
        for (test, adjusted) in tests.iter_mut().zip(holm(&p)) {
            test.p_holm = adjusted;
            test.p_tukey = p_tukey(&test.inference, family);
        }
    }
}

fn p_tukey(inference: &Inference, family: u32) -> f64 {
    let p = inference.p;
    let pairs = f64::from(family) * (f64::from(family) - 1.0) / 2.0;
    let most = (p * pairs).min(1.0);
    let Some(statistic) = inference.statistic.filter(|_| family > 2 && most > P_TINY) else {
        return most;
    };
    let range = statistic.abs() * std::f64::consts::SQRT_2;
    let inside = studentized_range_cdf(range, family, inference.df).unwrap_or(0.0);
    (1.0 - inside).clamp(p, most.max(p))
}

/// Every level against the mean of all levels, weighted by their exposure.
pub(super) fn versus_mean(fit: &Fit, means: &[Adjusted], records: &Records) -> Vec<VersusMean> {
    let exposure = |level: usize| -> f64 {
        let of = records
            .level
            .iter()
            .zip(&records.weight)
            .filter(|(of, _)| **of == level);
        of.map(|(_, weight)| weight).sum()
    };
    let shares: Vec<f64> = means.iter().map(|mean| exposure(mean.level)).collect();
    let total: f64 = shares.iter().sum();
    let Some(first) = means.first() else {
        return Vec::new();
    };
    let mut mean = 0.0;
    let mut gradient = first.gradient.clone() * 0.0;
    for (level, share) in means.iter().zip(&shares) {
        mean += share / total * level.estimate;
        gradient.axpy(share / total, &level.gradient, 1.0);
    }
    let tests: Vec<(f64, Inference)> = means
        .iter()
        .map(|level| {
            let difference = level.estimate - mean;
            let tests = fit.inferences(difference, &(&level.gradient - &gradient));
            (difference, tests.reported().1.clone())
        })
        .collect();
    let p: Vec<f64> = tests.iter().map(|(_, test)| test.p).collect();
    let rows = tests.into_iter().zip(holm(&p));
    rows.map(|((difference, test), p_holm)| VersusMean {
        difference,
        low: test.low,
        high: test.high,
        p_holm,
    })
    .collect()
}

//! Adjusted means: what every level would have made under the circumstances of all records (g-computation).
//!
//! The mean of a level is the average prediction over all records with the level set to it, weighted by exposure or
//! trials; its error follows from the gradient in the coefficients (delta method). In a linear model this is the
//! estimated marginal mean with proportional weights (Searle, Speed and Milliken 1980).

use nalgebra::DVector;

use super::design::{Design, Source};
use super::fit::Fit;
use super::glm::logistic;
use super::records::Records;
use super::request::Outcome;

/// How a linear predictor becomes a mean in units of the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    /// It is the mean.
    Identity,
    /// The mean of logarithms: exponentiated after averaging, which gives the geometric mean.
    GeometricMean,
    /// Log odds, averaged as probabilities.
    Logit,
    /// Log rate, averaged as rates.
    Log,
}

impl Scale {
    pub(super) const fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Rate { .. } => Self::Identity,
            Outcome::Duration { .. } => Self::GeometricMean,
            Outcome::Proportion { .. } => Self::Logit,
            Outcome::Count { .. } => Self::Log,
        }
    }

    /// Whether `exp` of a contrast is a ratio.
    pub(super) fn has_ratio(self) -> bool {
        self != Self::Identity
    }
}

/// Adjusted mean of a level with its gradient in the kept coefficients.
#[derive(Debug, Clone)]
pub(super) struct Adjusted {
    pub(super) level: usize,
    pub(super) estimate: f64,
    pub(super) gradient: DVector<f64>,
}

/// Adjusted means of all levels of the design.
pub(super) fn means(fit: &Fit, design: &Design, records: &Records, scale: Scale) -> Vec<Adjusted> {
    let sources: Vec<Source> = fit
        .kept
        .iter()
        .filter_map(|at| design.sources.get(*at).copied())
        .collect();
    let weights = DVector::from_column_slice(&records.weight);
    let weights = &weights / weights.sum();
    let predictor = Predictor {
        fit,
        design,
        sources,
        weights,
    };
    let one = |level: &usize| predictor.mean(*level, scale);
    design.levels.iter().map(one).collect()
}

struct Predictor<'a> {
    fit: &'a Fit,
    design: &'a Design,
    sources: Vec<Source>,
    weights: DVector<f64>,
}

impl Predictor<'_> {
    fn mean(&self, level: usize, scale: Scale) -> Adjusted {
        let linear = |gradient: DVector<f64>| (self.fit.estimate(&gradient), gradient);
        let (estimate, gradient) = match scale {
            Scale::Identity => linear(self.average(level, &self.weights)),
            Scale::GeometricMean => {
                let (log, gradient) = linear(self.average(level, &self.weights));
                (log.exp(), gradient * log.exp())
            }
            Scale::Logit => self.curved(level, |eta| {
                let p = logistic(eta);
                (p, p * (1.0 - p))
            }),
            Scale::Log => self.curved(level, |eta| (eta.exp(), eta.exp())),
        };
        Adjusted {
            level,
            estimate,
            gradient,
        }
    }

    /// Average of the rows of the design with the level set, weighted by `weights`.
    fn average(&self, level: usize, weights: &DVector<f64>) -> DVector<f64> {
        let total = weights.sum();
        let columns = self
            .fit
            .kept
            .iter()
            .zip(&self.sources)
            .map(|(at, source)| match source {
                Source::Intercept => total,
                Source::Group(of) if *of == level => total,
                Source::Group(_) => 0.0,
                Source::Context(_) => self.design.x.column(*at).dot(weights),
            });
        DVector::from_iterator(self.fit.kept.len(), columns)
    }

    /// Average of `mean(eta)` over all records, and its gradient.
    fn curved(&self, level: usize, mean: impl Fn(f64) -> (f64, f64)) -> (f64, DVector<f64>) {
        let mut eta = DVector::zeros(self.design.x.nrows());
        for ((at, source), b) in self
            .fit
            .kept
            .iter()
            .zip(&self.sources)
            .zip(self.fit.beta.iter())
        {
            match source {
                Source::Intercept => eta.add_scalar_mut(*b),
                Source::Group(of) if *of == level => eta.add_scalar_mut(*b),
                Source::Group(_) => {}
                Source::Context(_) => eta.axpy(*b, &self.design.x.column(*at), 1.0),
            }
        }
        let estimate = eta
            .zip_map(&self.weights, |eta, weight| weight * mean(eta).0)
            .sum();
        let slopes = eta.zip_map(&self.weights, |eta, weight| weight * mean(eta).1);
        (estimate, self.average(level, &slopes))
    }
}

/// The combination of coefficients that is the contrast `b - a` on the scale of the model.
pub(super) fn contrast(fit: &Fit, design: &Design, a: usize, b: usize) -> DVector<f64> {
    let share = |at: &usize| match design.sources.get(*at) {
        Some(Source::Group(level)) if *level == b => 1.0,
        Some(Source::Group(level)) if *level == a => -1.0,
        _ => 0.0,
    };
    DVector::from_iterator(fit.kept.len(), fit.kept.iter().map(share))
}

//! Proportions and counts: logistic, Poisson and negative binomial regression by Newton's method.
//!
//! - Proportions: binomial with logit link. Pearson dispersion above 1.5 widens the errors by its root (quasi-binomial).
//! - Counts: Poisson with log link and the log of the exposure as offset. Dispersion above 1.5 turns it into a negative
//!   binomial model, variance `mu + mu^2/theta`, with `theta` where Pearson's chi-square equals its degrees of freedom
//!   (Breslow 1984).
//! - Separation: when a level has no or only events, the plain estimate runs off to infinity. It is then estimated with
//!   Firth's (1993) penalty, which adds half the leverage of a row to its events, and the report says so.

use nalgebra::{DMatrix, DVector};

use super::fit::{Fit, Sandwich};
use super::ols::scaled;
use super::orthogonal::Orthogonal;
use super::records::Records;

/// Above this the events scatter more than the model says.
const DISPERSION_MAX: f64 = 1.5;
/// Newton steps of a plain fit: it needs about eight, and a separated one never ends.
const STEPS_MAX: usize = 25;
/// Newton steps with Firth's penalty, which converges linearly.
const FIRTH_STEPS_MAX: usize = 100;
/// Halvings of a step that does not improve the likelihood.
const HALVINGS_MAX: usize = 8;
/// Largest change of the linear predictor in one step.
const STEP_SIZE_MAX: f64 = 4.0;
/// Converged when no linear predictor moves more than this.
const CONVERGED: f64 = 1e-8;
/// Linear predictors beyond this are as good as infinite.
const ETA_MAX: f64 = 30.0;
/// Rounds of coefficients and `theta` in turn.
const THETA_ROUNDS: usize = 10;
/// Smallest weight of a row: keeps a division defined where the fitted probability is 0 or 1.
const WEIGHT_MIN: f64 = 1e-300;

/// Distribution of the events of a record.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Family {
    Binomial,
    Poisson,
    NegativeBinomial { theta: f64 },
}

/// Mean, variance of the events and derivative of the mean by the linear predictor.
struct Moments {
    mean: f64,
    variance: f64,
    slope: f64,
}

impl Family {
    /// `size` is the number of trials or the exposure.
    fn moments(self, eta: f64, size: f64) -> Moments {
        let eta = eta.clamp(-ETA_MAX, ETA_MAX);
        match self {
            Self::Binomial => {
                let p = logistic(eta);
                let variance = (size * p * logistic(-eta)).max(WEIGHT_MIN);
                Moments {
                    mean: size * p,
                    variance,
                    slope: variance,
                }
            }
            Self::Poisson => {
                let mean = (size * eta.exp()).max(WEIGHT_MIN);
                Moments {
                    mean,
                    variance: mean,
                    slope: mean,
                }
            }
            Self::NegativeBinomial { theta } => {
                let mean = (size * eta.exp()).max(WEIGHT_MIN);
                Moments {
                    mean,
                    variance: mean + mean * mean / theta,
                    slope: mean,
                }
            }
        }
    }

    fn log_likelihood(self, events: f64, size: f64, eta: f64) -> f64 {
        let eta = eta.clamp(-ETA_MAX, ETA_MAX);
        match self {
            Self::Binomial => events * logistic(eta).ln() + (size - events) * logistic(-eta).ln(),
            Self::Poisson => events * eta - size * eta.exp(),
            Self::NegativeBinomial { theta } => {
                events * eta - (events + theta) * (size * eta.exp() + theta).ln()
            }
        }
    }

    /// What Firth's penalty adds to the residual of a row, per leverage.
    fn penalty(self, eta: f64) -> f64 {
        match self {
            Self::Binomial => 0.5 - logistic(eta),
            Self::Poisson | Self::NegativeBinomial { .. } => 0.5,
        }
    }
}

pub(super) fn logistic(eta: f64) -> f64 {
    1.0 / (1.0 + (-eta).exp())
}

/// Coefficients with the weighted problem they solve.
struct Solution {
    beta: DVector<f64>,
    basis: Orthogonal,
    residuals: DVector<f64>,
    pearson: f64,
    df: f64,
}

/// Fits `count` of `trials`. `None` when even the penalised fit does not converge.
pub(super) fn binomial(x: &DMatrix<f64>, records: &Records) -> Option<Fit> {
    let kept = Orthogonal::new(x)?.kept;
    let x = x.select_columns(&kept);
    let (solution, separated) = solve(&x, records, Family::Binomial)?;
    let dispersion = solution.pearson / solution.df;
    let quasi = dispersion > DISPERSION_MAX;
    let method = if quasi {
        "quasi-binomial logit"
    } else {
        "binomial logit"
    };
    let mut fit = finish(solution, kept, records);
    if quasi {
        fit.classical *= dispersion;
        fit.df = Some(fit.df_residual);
    }
    Some(Fit {
        method,
        separated,
        ..fit
    })
}

/// Fits a number of events per exposure. `None` when even the penalised fit does not converge.
pub(super) fn count(x: &DMatrix<f64>, records: &Records) -> Option<Fit> {
    let kept = Orthogonal::new(x)?.kept;
    let x = x.select_columns(&kept);
    let (solution, separated) = solve(&x, records, Family::Poisson)?;
    if solution.pearson <= DISPERSION_MAX * solution.df {
        let fit = finish(solution, kept, records);
        return Some(Fit {
            method: "Poisson log",
            separated,
            ..fit
        });
    }
    if let Some((solution, separated)) = negative_binomial(&x, records, &solution.beta) {
        let fit = finish(solution, kept, records);
        return Some(Fit {
            method: "negative binomial log",
            separated,
            ..fit
        });
    }
    let dispersion = solution.pearson / solution.df;
    let mut fit = finish(solution, kept, records);
    fit.classical *= dispersion;
    fit.df = Some(fit.df_residual);
    Some(Fit {
        method: "quasi-Poisson log",
        separated,
        ..fit
    })
}

fn finish(solution: Solution, kept: Vec<usize>, records: &Records) -> Fit {
    let sandwich = Sandwich::new(&solution.basis, &solution.residuals, records);
    Fit {
        kept,
        classical: solution.basis.inverse(),
        hc3: sandwich.hc3,
        clustered: sandwich.clustered,
        beta: solution.beta,
        df_residual: solution.df,
        df: None,
        records: records.len(),
        r2: None,
        sigma: None,
        dispersion: Some(solution.pearson / solution.df),
        method: "",
        separated: false,
    }
}

fn negative_binomial(
    x: &DMatrix<f64>,
    records: &Records,
    beta: &DVector<f64>,
) -> Option<(Solution, bool)> {
    let mut beta = beta.clone();
    let mut last = f64::NAN;
    let mut found = None;
    for _ in 0..THETA_ROUNDS {
        let theta = theta(&(x * &beta), records, x.ncols())?;
        let (solution, separated) = solve(x, records, Family::NegativeBinomial { theta })?;
        beta.clone_from(&solution.beta);
        found = Some((solution, separated));
        if (theta - last).abs() < 1e-6 * theta {
            break;
        }
        last = theta;
    }
    found
}

/// The `theta` at which Pearson's chi-square equals its degrees of freedom; `None` without over-dispersion.
fn theta(eta: &DVector<f64>, records: &Records, columns: usize) -> Option<f64> {
    let df = records.len().checked_sub(columns).filter(|df| *df > 0)? as f64;
    let excess = |log_theta: f64| {
        let theta = log_theta.exp();
        pearson(eta, records, Family::NegativeBinomial { theta }) - df
    };
    let (mut low, mut high) = (-15.0, 25.0);
    if excess(high) < 0.0 || excess(low) > 0.0 {
        return None;
    }
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if excess(middle) < 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(f64::midpoint(low, high).exp())
}

fn pearson(eta: &DVector<f64>, records: &Records, family: Family) -> f64 {
    let rows = eta.iter().zip(&records.value).zip(&records.weight);
    rows.map(|((eta, events), size)| {
        let moments = family.moments(*eta, *size);
        (events - moments.mean).powi(2) / moments.variance
    })
    .sum()
}

/// The plain estimate, or the penalised one (`true`) where that does not exist.
fn solve(x: &DMatrix<f64>, records: &Records, family: Family) -> Option<(Solution, bool)> {
    if records.len() <= x.ncols() {
        return None;
    }
    let plain = newton(x, records, family, false).map(|solution| (solution, false));
    plain.or_else(|| newton(x, records, family, true).map(|solution| (solution, true)))
}

/// Newton's method from the overall rate; `None` when it does not converge.
fn newton(
    x: &DMatrix<f64>,
    records: &Records,
    family: Family,
    penalised: bool,
) -> Option<Solution> {
    let mut beta = start(x.ncols(), records, family);
    let mut eta = x * &beta;
    for _ in 0..if penalised {
        FIRTH_STEPS_MAX
    } else {
        STEPS_MAX
    } {
        let (basis, residuals, step) = direction(x, &eta, records, (family, penalised))?;
        let moved = x * &step;
        let size = moved.amax();
        if !size.is_finite() {
            return None;
        }
        let mut share = (STEP_SIZE_MAX / size).min(1.0);
        if !penalised {
            share = improving(&eta, &moved, share, (records, family));
        }
        beta.axpy(share, &step, 1.0);
        eta.axpy(share, &moved, 1.0);
        if size < CONVERGED {
            let pearson = pearson(&eta, records, family);
            let df = (records.len() - x.ncols()) as f64;
            return Some(Solution {
                beta,
                basis,
                residuals,
                pearson,
                df,
            });
        }
    }
    None
}

/// The overall rate as intercept, all else 0.
fn start(columns: usize, records: &Records, family: Family) -> DVector<f64> {
    let events: f64 = records.value.iter().sum();
    let size: f64 = records.weight.iter().sum();
    let rate = (events + 0.5) / (size + 1.0);
    let intercept = match family {
        Family::Binomial => (rate / (1.0 - rate)).ln(),
        _ => rate.ln(),
    };
    let first = [intercept].into_iter().chain(std::iter::repeat(0.0));
    DVector::from_iterator(columns, first.take(columns))
}

/// The weighted problem at `eta`, its residuals without penalty, and the step to the next coefficients.
fn direction(
    x: &DMatrix<f64>,
    eta: &DVector<f64>,
    records: &Records,
    (family, penalised): (Family, bool),
) -> Option<(Orthogonal, DVector<f64>, DVector<f64>)> {
    let n = records.len();
    let rows = || eta.iter().zip(&records.value).zip(&records.weight);
    let moments = |((eta, _), size): ((&f64, &f64), &f64)| family.moments(*eta, *size);
    let roots = rows().map(moments).map(|m| m.slope / m.variance.sqrt());
    let roots = DVector::from_iterator(n, roots);
    let basis = Orthogonal::new(&scaled(x, &roots)).filter(|b| b.kept.len() == x.ncols())?;
    let residuals = rows().map(|row| {
        let m = moments(row);
        (row.0.1 - m.mean) / m.variance.sqrt()
    });
    let residuals = DVector::from_iterator(n, residuals);
    if !penalised {
        let step = basis.solve(&residuals);
        return Some((basis, residuals, step));
    }
    let leverage = basis.leverage();
    let pulled =
        rows()
            .zip(residuals.iter())
            .zip(leverage.iter())
            .map(|((row, residual), leverage)| {
                residual + leverage * family.penalty(*row.0.0) / moments(row).variance.sqrt()
            });
    let step = basis.solve(&DVector::from_iterator(n, pulled));
    Some((basis, residuals, step))
}

/// Shortens a step until the likelihood does not fall.
fn improving(
    eta: &DVector<f64>,
    moved: &DVector<f64>,
    longest: f64,
    (records, family): (&Records, Family),
) -> f64 {
    let likelihood = |share: f64| -> f64 {
        let rows = eta
            .iter()
            .zip(moved.iter())
            .zip(records.value.iter().zip(&records.weight));
        rows.map(|((eta, moved), (events, size))| {
            family.log_likelihood(*events, *size, share.mul_add(*moved, *eta))
        })
        .sum()
    };
    let before = likelihood(0.0);
    let slack = 1e-9 * before.abs();
    let mut share = longest;
    for _ in 0..HALVINGS_MAX {
        if likelihood(share) >= before - slack {
            break;
        }
        share /= 2.0;
    }
    share
}

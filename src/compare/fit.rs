//! What a fitted model knows: coefficients and their covariance in three ways.
//!
//! Classical; HC3 (`MacKinnon` and White 1985), which holds when the spread differs between records; and clustered by
//! production day (Liang and Zeger 1986, with the small-sample factor `G/(G-1) (n-1)/(n-k)`), which holds when the
//! records of a day go up and down together. A generalised linear model brings its working weights and residuals and
//! is treated alike.

use nalgebra::{DMatrix, DVector};

use super::distribution::{critical_95, p_two_sided};
use super::orthogonal::Orthogonal;
use super::records::Records;
use super::report::{Covariance, Inference};

/// Below this many records HC3 has no meaning.
const HC3_RECORDS_MIN: usize = 30;
/// Below this many production days clustered errors are too small.
pub(super) const CLUSTERS_MIN: usize = 30;
/// A row that determines its own fit to this has no residual.
const OWN_FIT: f64 = 1e-10;
/// Classical and robust errors that differ more than this are not both right; the larger one is reported.
const DISAGREEMENT: f64 = 1.5;

/// Estimated coefficients of the kept columns of a design.
#[derive(Debug, Clone)]
pub(super) struct Fit {
    /// Columns of the design that are kept.
    pub(super) kept: Vec<usize>,
    /// Coefficients, in the order of `kept`.
    pub(super) beta: DVector<f64>,
    /// Records less coefficients.
    pub(super) df_residual: f64,
    /// Degrees of freedom of the tests; `None` when the deviation is known.
    pub(super) df: Option<f64>,
    /// Classical covariance.
    pub(super) classical: DMatrix<f64>,
    /// Heteroscedasticity-consistent covariance.
    pub(super) hc3: DMatrix<f64>,
    /// Covariance clustered by production day, and its degrees of freedom.
    pub(super) clustered: Option<(DMatrix<f64>, f64)>,
    /// Number of records.
    pub(super) records: usize,
    /// Share of the outcome's variation that the model describes (least squares only).
    pub(super) r2: Option<f64>,
    /// Residual standard deviation (least squares only).
    pub(super) sigma: Option<f64>,
    /// Pearson's chi-square per degree of freedom (counts and proportions only).
    pub(super) dispersion: Option<f64>,
    /// How it was estimated.
    pub(super) method: &'static str,
    /// Whether some level has no or only events, so that the plain estimate would be infinite.
    pub(super) separated: bool,
}

impl Fit {
    /// The estimate of a combination of coefficients.
    pub(super) fn estimate(&self, combination: &DVector<f64>) -> f64 {
        combination.dot(&self.beta)
    }

    /// Classical and robust errors of an estimate whose gradient in the coefficients is given.
    pub(super) fn inferences(&self, estimate: f64, gradient: &DVector<f64>) -> Inferences {
        let error =
            |covariance: &DMatrix<f64>| (covariance * gradient).dot(gradient).max(0.0).sqrt();
        let classical = Inference::new(estimate, error(&self.classical), self.df);
        let hc3 = Inference::new(estimate, error(&self.hc3), self.df);
        let cluster = self.clustered.as_ref();
        let cluster =
            cluster.map(|(covariance, df)| Inference::new(estimate, error(covariance), Some(*df)));
        Inferences {
            classical,
            hc3,
            cluster,
            records: self.records,
        }
    }
}

/// The same estimate with its error in three ways.
#[derive(Debug, Clone)]
pub(super) struct Inferences {
    pub(super) classical: Inference,
    pub(super) hc3: Inference,
    pub(super) cluster: Option<Inference>,
    records: usize,
}

impl Inferences {
    /// The one to report: robust where the data allow it, by day before HC3; the larger one when classical and robust
    /// differ by more than half.
    pub(super) fn reported(&self) -> (Covariance, &Inference) {
        let classical = (Covariance::Classical, &self.classical);
        let robust = match &self.cluster {
            Some(cluster) => (Covariance::ClusterByDay, cluster),
            None if self.records >= HC3_RECORDS_MIN => (Covariance::Hc3, &self.hc3),
            None => return classical,
        };
        if classical.1.se > DISAGREEMENT * robust.1.se {
            return classical;
        }
        robust
    }
}

impl Inference {
    /// Test against 0 and 95 % interval.
    pub(super) fn new(estimate: f64, se: f64, df: Option<f64>) -> Self {
        let statistic = if se > 0.0 {
            estimate / se
        } else if estimate == 0.0 {
            0.0
        } else {
            f64::INFINITY.copysign(estimate)
        };
        let half = critical_95(df) * se;
        Self {
            se,
            df,
            statistic: Some(statistic).filter(|statistic| statistic.is_finite()),
            p: p_two_sided(statistic, df),
            low: estimate - half,
            high: estimate + half,
        }
    }
}

/// The robust covariances of a weighted least squares problem with the given residuals (times root weight).
pub(super) struct Sandwich {
    pub(super) hc3: DMatrix<f64>,
    pub(super) clustered: Option<(DMatrix<f64>, f64)>,
}

impl Sandwich {
    pub(super) fn new(basis: &Orthogonal, residuals: &DVector<f64>, records: &Records) -> Self {
        let leverage = basis.leverage();
        let scaled = residuals.zip_map(&leverage, |residual, leverage| {
            let free = 1.0 - leverage;
            if free > OWN_FIT { residual / free } else { 0.0 }
        });
        let mut rows = basis.q.clone();
        for mut column in rows.column_iter_mut() {
            column.component_mul_assign(&scaled);
        }
        let hc3 = around(&basis.root, &rows.tr_mul(&rows));
        Self {
            hc3,
            clustered: clustered(basis, residuals, records),
        }
    }
}

fn clustered(
    basis: &Orthogonal,
    residuals: &DVector<f64>,
    records: &Records,
) -> Option<(DMatrix<f64>, f64)> {
    let (n, k) = basis.q.shape();
    let days = records.days();
    if days < CLUSTERS_MIN || days == n || n <= k {
        return None;
    }
    let mut scores = DMatrix::zeros(records.day_codes, k);
    for (mut score, column) in scores.column_iter_mut().zip(basis.q.column_iter()) {
        for ((day, q), residual) in records.day.iter().zip(column.iter()).zip(residuals.iter()) {
            if let Some(sum) = score.get_mut(*day) {
                *sum += q * residual;
            }
        }
    }
    let factor = days as f64 / (days - 1) as f64 * (n - 1) as f64 / (n - k) as f64;
    Some((
        around(&basis.root, &scores.tr_mul(&scores)) * factor,
        (days - 1) as f64,
    ))
}

fn around(root: &DMatrix<f64>, meat: &DMatrix<f64>) -> DMatrix<f64> {
    root * meat * root.transpose()
}

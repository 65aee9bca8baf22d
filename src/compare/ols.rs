//! Least squares, weighted by exposure.

use nalgebra::{DMatrix, DVector};

use super::fit::{Fit, Sandwich};
use super::orthogonal::Orthogonal;
use super::records::Records;

/// Fits `y` on the columns of `x`. Weights are relative: their mean counts as 1. `None` without residual degrees of
/// freedom.
pub(super) fn fit(x: &DMatrix<f64>, records: &Records) -> Option<Fit> {
    let root_weights = root_weights(records);
    let basis = Orthogonal::new(&scaled(x, &root_weights))?;
    let y = DVector::from_column_slice(&records.value);
    let weighted = y.component_mul(&root_weights);
    let beta = basis.solve(&weighted);
    let residuals = &weighted - &basis.q * basis.q.tr_mul(&weighted);
    let (n, k) = basis.q.shape();
    if n <= k {
        return None;
    }
    let df = (n - k) as f64;
    let weights = root_weights.component_mul(&root_weights);
    let mean = y.dot(&weights) / weights.sum();
    let total = y
        .zip_map(&root_weights, |y, root| (root * (y - mean)).powi(2))
        .sum();
    let sum = residuals.norm_squared();
    let sandwich = Sandwich::new(&basis, &residuals, records);
    Some(Fit {
        classical: basis.inverse() * (sum / df),
        hc3: sandwich.hc3,
        clustered: sandwich.clustered,
        kept: basis.kept,
        beta,
        df_residual: df,
        df: Some(df),
        records: n,
        r2: (total > 0.0).then(|| 1.0 - sum / total),
        sigma: Some((sum / df).sqrt()),
        dispersion: None,
        method: "least squares",
        separated: false,
    })
}

/// Square roots of the weights divided by their mean.
pub(super) fn root_weights(records: &Records) -> DVector<f64> {
    let weights = DVector::from_column_slice(&records.weight);
    let mean = weights.mean();
    weights.map(|weight| (weight / mean).sqrt())
}

/// The rows of `x` multiplied by `factors`.
pub(super) fn scaled(x: &DMatrix<f64>, factors: &DVector<f64>) -> DMatrix<f64> {
    let mut scaled = x.clone();
    for mut column in scaled.column_iter_mut() {
        column.component_mul_assign(factors);
    }
    scaled
}

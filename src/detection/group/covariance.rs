//! Covariance of innovations, and its inverse.

use nalgebra::{Cholesky, DMatrix, Dyn};

/// Weight of the diagonal in the estimate. It bounds how sharply nearly collinear tags are told apart.
const SHRINKAGE: f64 = 0.05;
/// Added to the diagonal: tags that stand still have an inverse, too.
const RIDGE: f64 = 1e-4;
/// Keeps the correlation of a tag without variance finite.
const TINY: f64 = 1e-9;

/// Covariance of the columns of `rows`, shrunk to its diagonal: `0.95 S + 0.05 diag(S) + 1e-4 I`.
pub(super) fn shrunk(rows: &DMatrix<f64>) -> DMatrix<f64> {
    let mut centred = rows.clone();
    for mut column in centred.column_iter_mut() {
        let mean = column.mean();
        column.add_scalar_mut(-mean);
    }
    let freedom = (rows.nrows() as f64 - 1.0).max(1.0);
    let plain = centred.tr_mul(&centred) / freedom;
    let diagonal = plain.diagonal();
    let mut shrunk = plain * (1.0 - SHRINKAGE);
    for (index, variance) in diagonal.iter().enumerate() {
        if let Some(place) = shrunk.get_mut((index, index)) {
            *place += SHRINKAGE * variance + RIDGE;
        }
    }
    shrunk
}

/// What wandering levels add to the covariance: `u_i u_j` times the correlation, because tags that move together also
/// wander together.
pub(super) fn wandering(covariance: &DMatrix<f64>, u: &[f64]) -> DMatrix<f64> {
    let spread = covariance.diagonal().map(|v| (v + TINY).sqrt());
    let weights = spread.zip_map(&nalgebra::DVector::from_column_slice(u), |s, u| u / s);
    let size = covariance.nrows();
    let ridged = covariance + DMatrix::identity(size, size) * TINY;
    ridged.component_mul(&(&weights * weights.transpose()))
}

/// The inverse of a symmetric matrix, symmetric to the last bit; `None` when it is not positive definite.
pub(super) fn inverse(matrix: DMatrix<f64>) -> Option<DMatrix<f64>> {
    let inverse = cholesky(matrix)?.inverse();
    let symmetric = (&inverse + inverse.transpose()) / 2.0;
    symmetric.iter().all(|x| x.is_finite()).then_some(symmetric)
}

/// Whether the symmetric matrix is positive definite.
pub(super) fn is_positive(matrix: DMatrix<f64>) -> bool {
    cholesky(matrix).is_some()
}

fn cholesky(matrix: DMatrix<f64>) -> Option<Cholesky<f64, Dyn>> {
    Cholesky::new(matrix)
}

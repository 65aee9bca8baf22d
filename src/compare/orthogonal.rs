//! Orthogonal columns in the order of the formula, with the rank of a design.
//!
//! Gram-Schmidt with a second pass where the first one cancels (Daniel et al. 1976; Giraud, Langou and Rozloznik 2005:
//! as orthogonal as Householder's). The only pivoting is that a column which the columns before it already span is set
//! aside, as R's `lm` does, so that a term keeps its meaning however the factors are aliased.

use nalgebra::{DMatrix, DVector};

/// A column is aliased when what is left of it, relative to its own spread, is below this.
const RANK_TOLERANCE: f64 = 1e-9;
/// A pass that leaves more than this share of a column has not lost digits, and needs no second one.
const CANCELLED: f64 = 0.5;
/// A column is constant when its spread, relative to its size, is below this.
const CONSTANT_TOLERANCE: f64 = 1e-12;

/// A design in orthogonal form: `x = q r` for the kept columns.
#[derive(Debug, Clone)]
pub(super) struct Orthogonal {
    /// Orthonormal columns.
    pub(super) q: DMatrix<f64>,
    /// Inverse of the triangular factor: `(x'x)^-1 = root root'`.
    pub(super) root: DMatrix<f64>,
    /// Columns of the design that are kept, in order.
    pub(super) kept: Vec<usize>,
    /// Columns that the kept ones before them span.
    pub(super) aliased: Vec<Aliased>,
}

/// A column that is a combination of kept columns.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Aliased {
    /// Column of the design.
    pub(super) column: usize,
    /// Its spread around its mean; 0 when it is constant.
    pub(super) spread: f64,
    /// Kept columns with their share in it.
    pub(super) on: Vec<(usize, f64)>,
}

impl Orthogonal {
    /// Orthogonalises the columns of `x`, the first of which is the intercept. `None` when no column is left.
    pub(super) fn new(x: &DMatrix<f64>) -> Option<Self> {
        let mut basis: Vec<DVector<f64>> = Vec::with_capacity(x.ncols());
        let mut factors: Vec<Vec<f64>> = Vec::new();
        let mut kept = Vec::new();
        let mut spanned: Vec<(usize, f64, Vec<f64>)> = Vec::new();
        for (at, column) in x.column_iter().enumerate() {
            let mut rest = column.clone_owned();
            let size = rest.norm();
            let mut shares = vec![0.0; basis.len()];
            if let (Some(intercept), Some(share)) = (basis.first(), shares.first_mut()) {
                *share += take_out(&mut rest, intercept);
            }
            let spread = rest.norm();
            let mut left = spread;
            for _ in 0..2 {
                let before = left;
                for (unit, share) in basis.iter().zip(&mut shares) {
                    *share += take_out(&mut rest, unit);
                }
                left = rest.norm();
                if left > CANCELLED * before {
                    break;
                }
            }
            let is_constant = spread <= CONSTANT_TOLERANCE * size;
            if is_constant || left <= RANK_TOLERANCE * spread {
                let root = (x.nrows() as f64).sqrt();
                spanned.push((at, if is_constant { 0.0 } else { spread / root }, shares));
                continue;
            }
            rest /= left;
            shares.push(left);
            basis.push(rest);
            factors.push(shares);
            kept.push(at);
        }
        if kept.is_empty() {
            return None;
        }
        let rank = kept.len();
        let entry = |row: usize, column: usize| factors.get(column)?.get(row).copied();
        let r = DMatrix::from_fn(rank, rank, |row, column| entry(row, column).unwrap_or(0.0));
        let root = r.solve_upper_triangular(&DMatrix::identity(rank, rank))?;
        let aliased = spanned.into_iter().map(|(column, spread, shares)| {
            let padded = shares.into_iter().chain(std::iter::repeat(0.0)).take(rank);
            let on = &root * DVector::from_iterator(rank, padded);
            Aliased {
                column,
                spread,
                on: kept.iter().copied().zip(on.iter().copied()).collect(),
            }
        });
        Some(Self {
            aliased: aliased.collect(),
            q: DMatrix::from_columns(&basis),
            root,
            kept,
        })
    }

    /// Least squares coefficients of the kept columns.
    pub(super) fn solve(&self, y: &DVector<f64>) -> DVector<f64> {
        &self.root * self.q.tr_mul(y)
    }

    /// `(x'x)^-1` of the kept columns.
    pub(super) fn inverse(&self) -> DMatrix<f64> {
        &self.root * self.root.transpose()
    }

    /// How much each row determines its own fit, in [0, 1].
    pub(super) fn leverage(&self) -> DVector<f64> {
        let mut leverage = DVector::zeros(self.q.nrows());
        for column in self.q.column_iter() {
            leverage.zip_apply(&column, |sum, q| *sum += q * q);
        }
        leverage
    }
}

impl Aliased {
    /// Share of a kept column in this one.
    pub(super) fn share(&self, column: usize) -> f64 {
        self.on
            .iter()
            .find(|(kept, _)| *kept == column)
            .map_or(0.0, |(_, share)| *share)
    }
}

/// Removes from `rest` what lies along `unit`, and returns how much that was.
fn take_out(rest: &mut DVector<f64>, unit: &DVector<f64>) -> f64 {
    let share = unit.dot(rest);
    rest.axpy(-share, unit, 1.0);
    share
}

#[cfg(test)]
mod tests {
    use super::*;

    fn design(columns: &[&[f64]]) -> DMatrix<f64> {
        let columns: Vec<_> = columns
            .iter()
            .map(|c| DVector::from_column_slice(c))
            .collect();
        DMatrix::from_columns(&columns)
    }

    fn kept(columns: &[&[f64]], expected: &[usize]) {
        assert_eq!(Orthogonal::new(&design(columns)).unwrap().kept, expected);
    }

    const ONE: &[f64] = &[1.0; 5];

    #[test]
    fn a_column_that_earlier_ones_span_is_set_aside() {
        kept(&[ONE, &[1.0, 2.0, 3.0, 4.0, 6.0]], &[0, 1]);
        kept(&[ONE, &[7.0; 5], &[1.0, 2.0, 3.0, 4.0, 6.0]], &[0, 2]);
        kept(&[ONE, &[0.0; 5]], &[0]);
        kept(
            &[ONE, &[1.0, 0.0, 0.0, 1.0, 0.0], &[0.0, 1.0, 1.0, 0.0, 1.0]],
            &[0, 1],
        );
    }

    #[test]
    fn a_small_spread_around_a_large_mean_is_no_constant() {
        kept(
            &[ONE, &[1e9, 1e9 + 1.0, 1e9 + 2.0, 1e9, 1e9 + 5.0]],
            &[0, 1],
        );
        kept(&[ONE, &[1e-9, 2e-9, 3e-9, 0.0, 1e-9]], &[0, 1]);
    }

    #[test]
    fn an_aliased_column_is_named_by_what_spans_it() {
        let a = [1.0, 0.0, 0.0, 1.0, 0.0];
        let rest = a.map(|a| 3.0 - 2.0 * a);
        let made = Orthogonal::new(&design(&[ONE, &a, &rest])).unwrap();
        let aliased = made.aliased.first().unwrap();
        assert!((aliased.share(0) - 3.0).abs() < 1e-12);
        assert!((aliased.share(1) + 2.0).abs() < 1e-12);
        assert!(aliased.share(7).abs() < 1e-12);
    }

    #[test]
    fn without_rows_there_is_no_basis() {
        assert!(Orthogonal::new(&DMatrix::zeros(0, 2)).is_none());
        assert!(Orthogonal::new(&DMatrix::zeros(3, 2)).is_none());
    }
}

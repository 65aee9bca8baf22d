//! A random intercept per crew, by restricted maximum likelihood.
//!
//! `y = X b + u_crew + e`. With `lambda = var(u)/var(e)` the covariance of a crew's records is
//! `var(e) (I + lambda 1 1')`, whose inverse and determinant are known; coefficients and `var(e)` follow for each
//! `lambda`, so that the restricted likelihood is a function of one number (profile likelihood; Bates et al. 2015).
//! Everything needed of the records are sums per crew.

use nalgebra::{Cholesky, DMatrix, DVector, Dyn};

use super::ols::{root_weights, scaled};
use super::orthogonal::Orthogonal;
use super::records::Records;

/// Range of `ln lambda` that is searched; outside it the crews are alike or nothing else matters.
const LOG_LAMBDA: (f64, f64) = (-16.0, 16.0);
/// Points of the first, coarse search.
const COARSE: u32 = 65;
/// Steps of the golden section search in the best interval.
const FINE: usize = 40;
const GOLDEN: f64 = 0.618_033_988_749_894_9;

/// Result of a random-intercept model.
#[derive(Debug, Clone)]
pub(super) struct Mixed {
    /// Columns of the design that are kept.
    pub(super) kept: Vec<usize>,
    /// Coefficients of the kept columns.
    pub(super) beta: DVector<f64>,
    /// Their covariance.
    pub(super) covariance: DMatrix<f64>,
    /// Variance between crews.
    pub(super) crew_variance: f64,
    /// Variance within a crew.
    pub(super) residual_variance: f64,
}

/// Sums over all records and per crew, of orthonormal columns `q` and the outcome.
struct Sums {
    basis: Orthogonal,
    cross: DVector<f64>,
    square: f64,
    crews: Vec<Crew>,
    df: f64,
    mean: f64,
}

#[derive(Clone)]
struct Crew {
    weight: f64,
    q: DVector<f64>,
    y: f64,
}

/// Fits the model; `crews` is the crew of every record. `None` without residual degrees of freedom or with one crew.
pub(super) fn fit(x: &DMatrix<f64>, records: &Records, crews: &[usize]) -> Option<Mixed> {
    let sums = Sums::new(x, records, crews)?;
    let criterion = |log_lambda: f64| {
        sums.at(log_lambda.exp())
            .map_or(f64::INFINITY, |point| point.criterion)
    };
    let width = (LOG_LAMBDA.1 - LOG_LAMBDA.0) / f64::from(COARSE - 1);
    let grid = (0..COARSE).map(|at| width.mul_add(f64::from(at), LOG_LAMBDA.0));
    let best = grid.min_by(|a, b| criterion(*a).total_cmp(&criterion(*b)))?;
    let mut low = best - width;
    let mut high = best + width;
    for _ in 0..FINE {
        let span = GOLDEN * (high - low);
        if criterion(high - span) < criterion(low + span) {
            high = low + span;
        } else {
            low = high - span;
        }
    }
    let log_lambda = f64::midpoint(low, high);
    let none = criterion(f64::NEG_INFINITY);
    let lambda = if none <= criterion(log_lambda) {
        0.0
    } else {
        log_lambda.exp()
    };
    let point = sums.at(lambda)?;
    let root = &sums.basis.root;
    let mut beta = root * &point.beta;
    // The outcome was centred, which only the intercept notices.
    if let Some(intercept) = beta.iter_mut().next() {
        *intercept += sums.mean;
    }
    Some(Mixed {
        beta,
        covariance: root * point.inverse * root.transpose() * point.variance,
        crew_variance: lambda * point.variance,
        residual_variance: point.variance,
        kept: sums.basis.kept,
    })
}

struct Point {
    beta: DVector<f64>,
    inverse: DMatrix<f64>,
    variance: f64,
    criterion: f64,
}

impl Sums {
    fn new(x: &DMatrix<f64>, records: &Records, crews: &[usize]) -> Option<Self> {
        let roots = root_weights(records);
        let basis = Orthogonal::new(&scaled(x, &roots))?;
        let y = DVector::from_column_slice(&records.value);
        let mean = y.mean();
        let y = y.add_scalar(-mean).component_mul(&roots);
        let (n, k) = basis.q.shape();
        let count = crews.iter().max().map_or(0, |last| last + 1);
        if n <= k || count < 2 {
            return None;
        }
        let mut sums = vec![
            Crew {
                weight: 0.0,
                q: DVector::zeros(k),
                y: 0.0
            };
            count
        ];
        let rows = crews
            .iter()
            .zip(basis.q.row_iter())
            .zip(y.iter().zip(roots.iter()));
        for ((crew, q), (y, root)) in rows {
            if let Some(sum) = sums.get_mut(*crew) {
                sum.weight += root * root;
                sum.y += root * y;
                sum.q.zip_apply(&q.transpose(), |sum, q| *sum += root * q);
            }
        }
        let cross = basis.q.tr_mul(&y);
        Some(Self {
            cross,
            square: y.norm_squared(),
            crews: sums,
            df: (n - k) as f64,
            mean,
            basis,
        })
    }

    /// Coefficients, variance and twice the negative restricted log-likelihood at `lambda`.
    fn at(&self, lambda: f64) -> Option<Point> {
        let k = self.cross.len();
        let mut matrix = DMatrix::identity(k, k);
        let mut cross = self.cross.clone();
        let mut square = self.square;
        let mut log_determinant = 0.0;
        for crew in &self.crews {
            let share = lambda / lambda.mul_add(crew.weight, 1.0);
            matrix.ger(-share, &crew.q, &crew.q, 1.0);
            cross.axpy(-share * crew.y, &crew.q, 1.0);
            square -= share * crew.y * crew.y;
            log_determinant += (lambda * crew.weight).ln_1p();
        }
        let factor: Cholesky<f64, Dyn> = Cholesky::new(matrix)?;
        let beta = factor.solve(&cross);
        let variance = (square - cross.dot(&beta)) / self.df;
        if variance.is_nan() || variance <= 0.0 {
            return None;
        }
        let criterion = log_determinant + factor.determinant().ln() + self.df * variance.ln();
        Some(Point {
            inverse: factor.inverse(),
            beta,
            variance,
            criterion,
        })
    }
}

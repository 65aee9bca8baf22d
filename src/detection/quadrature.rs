//! Numerical building blocks of the run-length equations: Gauss-Legendre nodes, the normal distribution, a linear
//! solver. Each is exact to about 1e-14, because an error here acts like a leak of probability and a run length of
//! 1e10 samples hangs on leaks of 1e-10.

use std::f64::consts::PI;

/// A quadrature node and its weight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Node {
    pub(super) at: f64,
    pub(super) weight: f64,
}

/// `count` Gauss-Legendre nodes on `[low, high]`, by Newton's method on the Legendre polynomial.
pub(super) fn gauss_legendre(count: u32, low: f64, high: f64) -> Vec<Node> {
    let n = f64::from(count);
    let (middle, half) = (f64::midpoint(low, high), (high - low) / 2.0);
    (0..count)
        .map(|i| {
            // Tricomi's first guess is good to 1e-3 or better; Newton doubles the digits from there.
            let mut x = (PI * (f64::from(i) + 0.75) / (n + 0.5)).cos();
            let mut slope = 1.0;
            for _ in 0..8 {
                let (value, derivative) = legendre(count, x);
                slope = derivative;
                x -= value / derivative;
            }
            Node {
                at: middle + half * x,
                weight: half * 2.0 / ((1.0 - x * x) * slope * slope),
            }
        })
        .collect()
}

/// The Legendre polynomial of degree `count` and its derivative at `x`, `|x| < 1`.
fn legendre(count: u32, x: f64) -> (f64, f64) {
    let (mut before, mut value) = (1.0, x);
    for degree in 2..=count {
        let d = f64::from(degree);
        let next = ((2.0 * d - 1.0) * x * value - (d - 1.0) * before) / d;
        before = value;
        value = next;
    }
    let derivative = f64::from(count) * (x * value - before) / (x * x - 1.0);
    (value, derivative)
}

/// Density of the standard normal distribution.
pub(super) fn normal_pdf(x: f64) -> f64 {
    (-0.5 * x * x).exp() / (2.0 * PI).sqrt()
}

/// Distribution function of the standard normal, to 1e-15 absolute (Marsaglia 2004, J. Stat. Software 11(4)).
pub(super) fn normal_cdf(x: f64) -> f64 {
    if x < -8.5 {
        return 0.0;
    }
    if x > 8.5 {
        return 1.0;
    }
    let (mut sum, mut term, mut odd) = (x, x, 1.0);
    loop {
        odd += 2.0;
        term *= x * x / odd;
        let next = sum + term;
        if next.to_bits() == sum.to_bits() {
            return 0.5 + sum * normal_pdf(x);
        }
        sum = next;
    }
}

/// Solves `rows`, each holding the coefficients and then the right-hand side, by elimination without pivoting.
///
/// Meant for `I - K` with a sub-stochastic `K`: such a matrix stays diagonally dominant, so pivoting gains nothing.
pub(super) fn solve(mut rows: Vec<Vec<f64>>) -> Vec<f64> {
    for column in 0..rows.len() {
        let (done, rest) = rows.split_at_mut(column + 1);
        let Some(pivot_row) = done.last() else { break };
        let pivot = pivot_row.get(column).copied().unwrap_or(1.0);
        for row in rest {
            let factor = row.get(column).copied().unwrap_or(0.0) / pivot;
            for (a, b) in row.iter_mut().zip(pivot_row).skip(column) {
                *a -= factor * b;
            }
        }
    }
    let mut solution = vec![0.0; rows.len()];
    for (index, row) in rows.iter().enumerate().rev() {
        let known: f64 = row
            .iter()
            .zip(&solution)
            .skip(index + 1)
            .map(|(a, x)| a * x)
            .sum();
        let right = row.last().copied().unwrap_or(0.0);
        let pivot = row.get(index).copied().unwrap_or(1.0);
        if let Some(slot) = solution.get_mut(index) {
            *slot = (right - known) / pivot;
        }
    }
    solution
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quadrature_integrates_a_high_polynomial_exactly() {
        let integral: f64 = gauss_legendre(12, 0.0, 2.0)
            .iter()
            .map(|n| n.weight * n.at.powi(21))
            .sum();
        assert!((integral / (2f64.powi(22) / 22.0) - 1.0).abs() < 1e-13);
    }

    #[track_caller]
    fn check_cdf(x: f64, expected: f64) {
        assert!((normal_cdf(x) - expected).abs() < 1e-14, "{x}");
    }

    #[test]
    fn the_normal_distribution_matches_tables() {
        // Abramowitz & Stegun, table 26.1.
        check_cdf(0.0, 0.5);
        check_cdf(1.0, 0.841_344_746_068_543);
        check_cdf(2.0, 0.977_249_868_051_821);
        check_cdf(-3.0, 0.001_349_898_031_630);
        check_cdf(-40.0, 0.0);
        check_cdf(40.0, 1.0);
    }

    #[test]
    fn elimination_solves_a_small_system() {
        let x = solve(vec![vec![0.9, -0.2, 0.5], vec![-0.1, 0.8, 1.5]]);
        assert!((0.9 * x[0] - 0.2 * x[1] - 0.5).abs() < 1e-15);
        assert!((-0.1 * x[0] + 0.8 * x[1] - 1.5).abs() < 1e-15);
    }
}

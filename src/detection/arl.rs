//! Average run lengths of CUSUM and EWMA charts on independent normal data: how many samples to an alarm.
//!
//! Both are the solution of a Fredholm integral equation, solved by the Nystrom method on Gauss-Legendre nodes (Goel
//! & Wu 1971 and Vance 1986 for the CUSUM; Crowder 1987 for the EWMA). Relative error below 1e-4 for run lengths up
//! to 1e10.

use super::quadrature::{Node, gauss_legendre, normal_cdf, normal_pdf, solve};

/// Nodes per standard deviation of the kernel; 3 gives five digits, more changes nothing.
const NODES_PER_WIDTH: f64 = 3.0;
/// A system larger than this would take long and is not reached by any sane design.
const NODES_MAX: u32 = 400;

/// Average run length of the two-sided CUSUM with allowance `k` and limit `h` (both in standard deviations), started
/// at zero, when the mean is off by `shift` standard deviations.
///
/// The two sides combine as `1/ARL = 1/ARL+ + 1/ARL-` (Lucas & Crosier 1982).
pub fn cusum_arl(k: f64, h: f64, shift: f64) -> f64 {
    let high = one_sided_cusum_arl(k - shift, h);
    if shift == 0.0 {
        return high / 2.0;
    }
    let low = one_sided_cusum_arl(k + shift, h);
    1.0 / (1.0 / high + 1.0 / low)
}

/// The upper side alone; `drop` is the expected fall per sample.
///
/// `A(s) = 1 + A(0) Phi(drop - s) + integral over [0, h] of A(u) phi(u + drop - s) du`.
fn one_sided_cusum_arl(drop: f64, h: f64) -> f64 {
    let nodes = gauss_legendre(node_count(h), 0.0, h);
    let starts = std::iter::once(0.0).chain(nodes.iter().map(|n| n.at));
    let rows = starts
        .enumerate()
        .map(|(index, start)| {
            let atom = normal_cdf(drop - start);
            let smooth = nodes
                .iter()
                .map(|n| n.weight * normal_pdf(n.at + drop - start));
            equation(index, std::iter::once(atom).chain(smooth))
        })
        .collect();
    solve(rows).first().copied().unwrap_or(f64::NAN)
}

/// Average run length of the two-sided EWMA with smoothing `lambda` and limits at `limit_l` asymptotic standard
/// deviations of the EWMA, started at the mean, when the mean is off by `shift` standard deviations.
pub fn ewma_arl(lambda: f64, limit_l: f64, shift: f64) -> f64 {
    let edge = limit_l * (lambda / (2.0 - lambda)).sqrt();
    let step =
        |from: f64, to: f64| normal_pdf((to - (1.0 - lambda) * from) / lambda - shift) / lambda;
    if shift == 0.0 {
        // In control the run length is even in the start: half the nodes, an eighth of the work.
        let nodes = gauss_legendre(node_count(edge / lambda), 0.0, edge);
        ewma_solution(&nodes, |from, to| step(from, to) + step(from, -to))
    } else {
        let nodes = gauss_legendre(node_count(2.0 * edge / lambda), -edge, edge);
        ewma_solution(&nodes, step)
    }
}

/// `A(z) = 1 + integral of A(u) kernel(z, u) du`, evaluated at `z = 0`.
fn ewma_solution(nodes: &[Node], kernel: impl Fn(f64, f64) -> f64) -> f64 {
    let rows = nodes
        .iter()
        .enumerate()
        .map(|(index, from)| {
            equation(
                index,
                nodes.iter().map(|to| to.weight * kernel(from.at, to.at)),
            )
        })
        .collect();
    let lengths = solve(rows);
    let onward: f64 = nodes
        .iter()
        .zip(&lengths)
        .map(|(node, length)| node.weight * length * kernel(0.0, node.at))
        .sum();
    1.0 + onward
}

/// One row of `(I - K) A = 1` with its right-hand side.
fn equation(index: usize, kernel: impl Iterator<Item = f64>) -> Vec<f64> {
    kernel
        .enumerate()
        .map(|(column, k)| if column == index { 1.0 - k } else { -k })
        .chain(std::iter::once(1.0))
        .collect()
}

/// Nodes for an interval `widths` kernel widths long.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to 20..=NODES_MAX before the cast"
)]
fn node_count(widths: f64) -> u32 {
    (NODES_PER_WIDTH * widths + 16.0).clamp(20.0, f64::from(NODES_MAX)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tables print three digits.
    #[track_caller]
    fn check(length: f64, printed: f64) {
        assert!(
            (length / printed - 1.0).abs() < 0.01,
            "{length}, not {printed}"
        );
    }

    #[test]
    fn run_lengths_are_those_of_the_textbook() {
        // Montgomery, Introduction to Statistical Quality Control, 7th ed., tables 9.3 and 9.11.
        check(cusum_arl(0.5, 4.0, 0.0), 168.0);
        check(cusum_arl(0.5, 4.0, 1.0), 8.38);
        check(cusum_arl(0.5, 5.0, 0.0), 465.0);
        check(cusum_arl(0.5, 5.0, 0.5), 38.0);
        check(ewma_arl(0.1, 2.814, 0.0), 500.0);
        check(ewma_arl(0.1, 2.814, 0.5), 31.3);
        check(ewma_arl(0.1, 2.814, -1.0), 10.3);
        check(ewma_arl(0.4, 3.054, 1.0), 14.3);
    }
}

//! Several tests at once: Holm's step-down for a family, Benjamini and Hochberg's false discovery rate for many metrics.

/// Adjusts p-values so that the chance of any false rejection in the family stays at the level (Holm 1979), in the
/// order given. A value that is not in [0, 1] counts as 1.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let family = p.len();
    let mut highest = 0.0_f64;
    let mut adjusted = vec![1.0; family];
    for (rank, (at, value)) in ascending(p).into_iter().enumerate() {
        highest = highest.max((value * count(family - rank)).min(1.0));
        if let Some(slot) = adjusted.get_mut(at) {
            *slot = highest;
        }
    }
    adjusted
}

/// Adjusts p-values to q-values: the expected share of false ones among all that are at most as large (Benjamini and
/// Hochberg 1995), in the order given. A value that is not in [0, 1] counts as 1.
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    let family = p.len();
    let mut lowest = 1.0_f64;
    let mut adjusted = vec![1.0; family];
    for (rank, (at, value)) in ascending(p).into_iter().enumerate().rev() {
        lowest = lowest.min(value * count(family) / count(rank + 1));
        if let Some(slot) = adjusted.get_mut(at) {
            *slot = lowest;
        }
    }
    adjusted
}

fn ascending(p: &[f64]) -> Vec<(usize, f64)> {
    let clean = |value: f64| {
        if (0.0..=1.0).contains(&value) {
            value
        } else {
            1.0
        }
    };
    let mut order: Vec<(usize, f64)> = p.iter().map(|value| clean(*value)).enumerate().collect();
    order.sort_by(|a, b| a.1.total_cmp(&b.1));
    order
}

const fn count(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(got: &[f64], expected: &[f64]) {
        assert_eq!(got.len(), expected.len());
        for (got, expected) in got.iter().zip(expected) {
            assert!((got - expected).abs() < 1e-12, "{got} != {expected}");
        }
    }

    /// R: `p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")` and `"BH"`.
    #[test]
    fn adjusted_values_are_those_of_r() {
        let p = [0.01, 0.04, 0.03, 0.005];
        near(&holm(&p), &[0.03, 0.06, 0.06, 0.02]);
        near(&benjamini_hochberg(&p), &[0.02, 0.04, 0.04, 0.02]);
    }

    #[test]
    fn what_is_no_probability_counts_as_one() {
        near(&holm(&[f64::NAN, 0.01]), &[1.0, 0.02]);
        near(&benjamini_hochberg(&[2.0, 0.01]), &[1.0, 0.02]);
        near(&holm(&[]), &[]);
        near(&benjamini_hochberg(&[]), &[]);
    }
}

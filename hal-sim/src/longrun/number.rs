//! Conversions between whole numbers and floats, with their limits said.

/// The nearest whole number; beyond the range of `i64` its nearest end, 0 for NaN.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the value is whole, and `as` saturates"
)]
pub(super) fn rounded(value: f64) -> i64 {
    value.round() as i64
}

/// The whole number not above the value; negative and NaN become 0.
pub(super) fn count(value: f64) -> usize {
    usize::try_from(rounded(value.floor())).unwrap_or(0)
}

/// Milliseconds as seconds.
pub(super) fn seconds(span_ms: i64) -> f64 {
    float(span_ms) / 1_000.0
}

/// A whole number as a float; exact below 2^53, which times in milliseconds are until the year 287396.
pub(super) const fn float(value: i64) -> f64 {
    value as f64
}

/// Parts of a whole as a share; 0 of nothing.
pub(super) fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversions_saturate_instead_of_wrapping() {
        assert_eq!(rounded(2.5), 3);
        assert_eq!(rounded(f64::INFINITY), i64::MAX);
        assert_eq!(rounded(f64::NAN), 0);
        assert_eq!(count(-3.0), 0);
        assert_eq!(count(7.9), 7);
        assert!((seconds(1_500) - 1.5).abs() < f64::EPSILON);
        assert!((share(1.0, 0.0)).abs() < f64::EPSILON);
    }
}

//! Conversions between the number types of the store, where `as` would hide what happens at the ends.

/// Saturates at the ends of `i32`.
pub(super) fn i32_of(n: i64) -> i32 {
    i32::try_from(n).unwrap_or(if n < 0 { i32::MIN } else { i32::MAX })
}

/// Negative numbers are 0.
pub(super) fn u64_of(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

/// Saturates at the upper end.
pub(super) fn i64_of(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Nearest integer; saturates, 0 for NaN.
#[expect(
    clippy::cast_possible_truncation,
    reason = "`as` saturates, which is what is wanted"
)]
pub(super) fn round(x: f64) -> i64 {
    x.round() as i64
}

/// A count as a factor; exact up to 2^53.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts and milliseconds stay far below 2^53"
)]
pub(super) const fn float(n: i64) -> f64 {
    n as f64
}

/// A count as a factor; exact up to 2^53.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts and milliseconds stay far below 2^53"
)]
pub(super) const fn float_u(n: u64) -> f64 {
    n as f64
}

/// The bits of a signed number, kept.
pub(super) const fn bits_of(n: i64) -> u64 {
    n.cast_unsigned()
}

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
    nearest(x) as i64
}

/// Nearest whole number, of two the even one. A sum and a difference where `f64::round` is a call: processors of the
/// baseline have no instruction for it.
pub(super) fn nearest(x: f64) -> f64 {
    /// Added to a number below 2^51 this leaves no bits for a fraction.
    const SHIFT: f64 = 6_755_399_441_055_744.0;
    const LIMIT: f64 = 2_251_799_813_685_248.0;
    if x.abs() < LIMIT {
        (x + SHIFT) - SHIFT
    } else {
        x.round()
    }
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

#[cfg(test)]
mod tests {
    #![expect(clippy::float_cmp, reason = "whole numbers are exact")]

    use super::*;

    #[test]
    fn the_nearest_whole_number_is_that_of_the_standard() {
        for x in [
            0.0,
            0.4,
            0.6,
            1.5,
            2.5,
            -0.6,
            -1.5,
            1e15 + 0.3,
            2_251_799_813_685_247.5,
            2_251_799_813_685_248.0,
            4.5e15,
            1e300,
            f64::INFINITY,
        ] {
            assert_eq!(nearest(x), x.round_ties_even(), "{x}");
        }
        assert!(nearest(f64::NAN).is_nan());
        assert_eq!((round(-2.4), round(f64::NAN)), (-2, 0));
        assert_eq!((round(1e300), round(-1e300)), (i64::MAX, i64::MIN));
    }
}

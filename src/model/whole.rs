//! Counts that came as numbers with a point.

/// The whole part of a count; negative ones and NaN are 0, and what is too large is the largest.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates, which is what is wanted"
)]
pub const fn whole(count: f64) -> u64 {
    count as u64
}

#[cfg(test)]
mod tests {
    use super::whole;

    #[test]
    fn counts_saturate() {
        assert_eq!([whole(3.0), whole(2.9), whole(-1.0)], [3, 2, 0]);
        assert_eq!([whole(f64::NAN), whole(1e300)], [0, u64::MAX]);
    }
}

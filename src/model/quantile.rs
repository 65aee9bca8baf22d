//! Order statistics.

/// The value below which a share `p` (0 to 1) of values lies, which are in ascending order; interpolated between
/// neighbours (Hyndman and Fan 1996, type 7). `None` of no values.
pub fn quantile(ordered: &[f64], p: f64) -> Option<f64> {
    let last = ordered.len().checked_sub(1)?;
    let place = p.clamp(0.0, 1.0) * last as f64;
    let below = floor(place).min(last);
    let low = *ordered.get(below)?;
    let high = ordered.get(below + 1).copied().unwrap_or(low);
    Some(low + (high - low) * (place - below as f64))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place in a list: not negative and below its length"
)]
fn floor(place: f64) -> usize {
    place.floor() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_interpolate_between_neighbours() {
        let ordered = [1.0, 2.0, 4.0, 8.0];
        assert_eq!(quantile(&ordered, 0.5), Some(3.0));
        assert_eq!(quantile(&ordered, 1.0), Some(8.0));
        assert_eq!(quantile(&ordered, 0.0), Some(1.0));
    }
}

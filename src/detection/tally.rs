//! How innovations are distributed, counted in few classes: tells the tail of a signal when its first samples were too few.

/// Classes of an eighth of a standard deviation, up to four.
const FINE: usize = 32;
/// Classes above that, each a fifth wider than the one before: up to 75 standard deviations.
const COARSE: usize = 16;
/// Width of a fine class.
const WIDTH: f64 = 0.125;
/// Ratio of coarse classes.
const RATIO: f64 = 1.2;

/// Counts by size.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tally {
    counts: [u32; FINE + COARSE],
    total: u32,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            counts: [0; FINE + COARSE],
            total: 0,
        }
    }
}

impl Tally {
    /// Counts an innovation.
    pub(super) fn add(&mut self, innovation: f64) {
        if let Some(count) = self.counts.get_mut(class(innovation.abs())) {
            *count += 1;
            self.total += 1;
        }
    }

    /// Innovations counted.
    pub(super) const fn total(&self) -> u32 {
        self.total
    }

    /// The sizes again, evenly spread over their classes, with alternating signs.
    pub(super) fn values(&self) -> Vec<f64> {
        let mut values = Vec::with_capacity(self.total as usize);
        for (class, count) in self.counts.iter().enumerate() {
            let (low, high) = bounds(class);
            let width = (high - low) / f64::from((*count).max(1));
            values.extend((0..*count).map(|i| low + (f64::from(i) + 0.5) * width));
        }
        let signs = [1.0, -1.0].into_iter().cycle();
        values
            .iter()
            .zip(signs)
            .map(|(value, sign)| value * sign)
            .collect()
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the number of a class: not negative, and held at the last"
)]
fn class(size: f64) -> usize {
    let edge = WIDTH * FINE as f64;
    if size < edge {
        return (size / WIDTH) as usize;
    }
    let above = (size / edge).ln() / RATIO.ln();
    FINE + (above as usize).min(COARSE - 1)
}

fn bounds(class: usize) -> (f64, f64) {
    match class.checked_sub(FINE) {
        None => (WIDTH * class as f64, WIDTH * (class + 1) as f64),
        Some(above) => {
            let low = WIDTH * FINE as f64 * RATIO.powi(i32::try_from(above).unwrap_or(i32::MAX));
            (low, low * RATIO)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_come_back_to_the_width_of_their_class() {
        let mut tally = Tally::default();
        let sizes = [0.01, 0.3, 1.0, 3.99, 4.0, 5.5, 30.0, 74.0];
        for (size, sign) in sizes.into_iter().zip([1.0, -1.0].into_iter().cycle()) {
            tally.add(size * sign);
        }
        let values = tally.values();
        assert_eq!((tally.total(), values.len()), (8, 8));
        for (value, size) in values.iter().zip(sizes) {
            assert!(
                (value.abs() - size).abs() <= 0.125_f64.max(0.2 * size),
                "{value} for {size}"
            );
        }
    }

    #[test]
    fn what_is_beyond_all_classes_counts_in_the_last() {
        let mut tally = Tally::default();
        tally.add(f64::INFINITY);
        tally.add(1e9);
        assert_eq!(tally.total(), 2);
        assert!(tally.values().iter().all(|value| value.abs() > 60.0));
    }
}

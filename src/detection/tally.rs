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

    /// The middle of each class with its count.
    pub(super) fn sizes(&self) -> impl Iterator<Item = (f64, f64)> {
        let counted = self
            .counts
            .iter()
            .enumerate()
            .filter(|(_, count)| **count > 0);
        counted.map(|(class, count)| {
            let (low, high) = bounds(class);
            (f64::midpoint(low, high), f64::from(*count))
        })
    }

    /// The `most` largest sizes, evenly spread over their classes, in falling order.
    pub(super) fn largest(&self, most: usize) -> Vec<f64> {
        let spread = |(class, count): (usize, &u32)| {
            let (low, high) = bounds(class);
            let (count, width) = (*count, (high - low) / f64::from((*count).max(1)));
            (0..count).map(move |i| high - (f64::from(i) + 0.5) * width)
        };
        let classes = self.counts.iter().enumerate().rev();
        classes.flat_map(spread).take(most).collect()
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
        let sizes = [74.0, -30.0, 5.5, -4.0, 3.99, 1.0, -0.3, 0.01];
        for size in sizes {
            tally.add(size);
        }
        assert_eq!(tally.total(), 8);
        assert!((tally.sizes().map(|(_, count)| count).sum::<f64>() - 8.0).abs() < 1e-9);
        for (got, size) in tally.largest(100).iter().zip(sizes) {
            let size = size.abs();
            assert!(
                (got - size).abs() <= 0.125_f64.max(0.2 * size),
                "{got} for {size}"
            );
        }
        assert_eq!(tally.largest(3).len(), 3);
    }

    #[test]
    fn what_is_beyond_all_classes_counts_in_the_last() {
        let mut tally = Tally::default();
        tally.add(f64::INFINITY);
        tally.add(1e9);
        assert_eq!(tally.total(), 2);
        assert!(tally.largest(2).iter().all(|size| *size > 60.0));
    }
}

//! The score of the Numenta Anomaly Benchmark, standard profile (Lavin & Ahmad 2015, "Evaluating Real-time Anomaly
//! Detection Algorithms", section III; its published scorer for the scaled sigmoid and its edges).
//!
//! A detection is the first row of a run of alarm rows. With `sigma(y) = 2 / (1 + e^(5 y)) - 1`:
//!
//! - In a window of `w` rows whose last is `r`, a detection at row `i` earns `sigma(-(r - i + 1) / w) / sigma(-1)`: 1 on
//!   the first row, almost 0 on the last. The best of a window counts.
//! - A window without a detection costs 1.
//! - A detection outside costs `0.11 sigma((i - r) / (w - 1))` by the window before it: almost nothing right behind it,
//!   0.11 from three widths on and where no window is before it.
//!
//! The score is `100 (S - S_null) / (S_perfect - S_null)`, where the null detector never detects and the perfect one
//! detects on the first row of every window and nowhere else.

use std::ops::AddAssign;

/// What a detection outside of every window costs.
const FALSE_WEIGHT: f64 = 0.11;
/// Window widths behind a window from which on a detection costs all of it.
const FAR_BEHIND: f64 = 3.0;

/// Points earned and lost, and the windows that they could be earned in.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Nab {
    sum: f64,
    windows: u64,
}

impl Nab {
    /// Scores the detections of a file; `windows` are first and last rows, in the order of their starts.
    pub fn of(detections: &[usize], windows: &[(usize, usize)]) -> Self {
        let best = |(first, last): (usize, usize)| {
            let inside = detections.iter().find(|row| (first..=last).contains(row));
            inside.map_or(-1.0, |row| earned(*row, first, last))
        };
        let found: f64 = windows.iter().copied().map(best).sum();
        let is_outside = |row: &&usize| !windows.iter().any(|(a, b)| (a..=b).contains(row));
        let lost: f64 = detections
            .iter()
            .filter(is_outside)
            .map(|row| lost(*row, windows))
            .sum();
        Self {
            sum: found + lost,
            windows: windows.len() as u64,
        }
    }

    /// The normalised score; none without windows.
    pub fn score(&self) -> Option<f64> {
        let windows = self.windows as f64;
        (self.windows > 0).then(|| 100.0 * (self.sum + windows) / (2.0 * windows))
    }
}

impl AddAssign for Nab {
    fn add_assign(&mut self, other: Self) {
        self.sum += other.sum;
        self.windows += other.windows;
    }
}

/// What a detection in a window earns. Detections come in order and earlier ones earn more, so the first is the best.
fn earned(row: usize, first: usize, last: usize) -> f64 {
    let width = (last - first + 1) as f64;
    let to_end = (last - row + 1) as f64;
    sigma(-to_end / width) / sigma(-1.0)
}

/// What a detection outside of every window adds: at most 0.
fn lost(row: usize, windows: &[(usize, usize)]) -> f64 {
    let before = windows
        .iter()
        .filter(|(_, last)| *last < row)
        .max_by_key(|(_, last)| *last);
    let value = before.map_or(-1.0, |(first, last)| {
        // A window of one row has no width to measure by: everything is far behind it.
        let widths = (row - last) as f64 / (last - first) as f64;
        if widths > FAR_BEHIND {
            -1.0
        } else {
            sigma(widths)
        }
    });
    value * FALSE_WEIGHT
}

fn sigma(position: f64) -> f64 {
    2.0 / (1.0 + (5.0 * position).exp()) - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(detections: &[usize], windows: &[(usize, usize)], expected: f64) {
        let score = Nab::of(detections, windows).score().unwrap();
        assert!((score - expected).abs() < 1e-3, "{score}, not {expected}");
    }

    #[test]
    fn the_null_detector_gets_nothing_and_the_perfect_one_everything() {
        check(&[], &[(100, 149)], 0.0);
        check(&[100], &[(100, 149)], 100.0);
        check(&[100, 300], &[(100, 149), (300, 310)], 100.0);
        assert_eq!(Nab::of(&[5], &[]).score(), None);
    }

    #[test]
    fn early_detections_earn_more_and_only_the_first_counts() {
        // Half-way, y = -0.5: (2 / (1 + e^-2.5) - 1) / (2 / (1 + e^-5) - 1) = 0.848284 / 0.986614 = 0.859793;
        // 100 (0.859793 + 1) / 2.
        check(&[125], &[(100, 149)], 92.9896);
        check(&[125, 130, 149], &[(100, 149)], 92.9896);
        // The last row, y = -1/50: 0.0499584 / 0.986614 = 0.0506362.
        check(&[149], &[(100, 149)], 52.5318);
    }

    #[test]
    fn detections_outside_cost_more_the_farther_they_are_behind() {
        // Before any window: -0.11; 100 (-0.11 - 1 + 1) / 2.
        check(&[50], &[(100, 149)], -5.5);
        // 7 rows behind a window of 50, y = 1/7: 2 / (1 + e^(5/7)) - 1 = -0.342689, times 0.11 is -0.0376958.
        check(&[100, 156], &[(100, 149)], 98.1152);
        // 147 of 49 is three widths, and 148 more than that.
        check(&[100, 296], &[(100, 149)], 94.5000);
        check(&[100, 297], &[(100, 149)], 94.5);
        // By the nearest window before it.
        check(
            &[100, 300, 317],
            &[(100, 149), (300, 310)],
            100.0 - 25.0 * 0.11 * 0.941_375,
        );
    }

    #[test]
    fn a_window_of_one_row_is_a_window() {
        check(&[100], &[(100, 100)], 100.0);
        check(&[100, 101], &[(100, 100)], 94.5);
    }

    #[test]
    fn files_add_up() {
        let mut all = Nab::of(&[100], &[(100, 149)]);
        all += Nab::of(&[], &[(10, 19)]);
        all += Nab::of(&[7], &[]);
        // 100 ((1 - 1 - 0.11) + 2) / 4.
        assert!((all.score().unwrap() - 47.25).abs() < 1e-9, "{all:?}");
    }
}

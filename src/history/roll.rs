//! From samples to buckets.

use super::number::{float, i32_of, i64_of, u64_of};
use super::point::Cell;
use super::rollup::Rollup;

/// Buckets of equal length that samples are rolled into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    /// Start of the first, milliseconds since the epoch.
    pub(super) start_ms: i64,
    /// Length of each, milliseconds.
    pub(super) step_ms: i64,
    /// Their number.
    pub(super) buckets: usize,
}

impl Frame {
    /// The 60 minutes of an hour.
    pub(super) fn minutes_of(hour: i32) -> Self {
        Self {
            start_ms: i64::from(hour) * 3_600_000,
            step_ms: 60_000,
            buckets: 60,
        }
    }

    fn end_ms(&self) -> i64 {
        self.start_ms + self.step_ms * i64::try_from(self.buckets).unwrap_or(0)
    }

    fn place(&self, ms: i64) -> Option<usize> {
        usize::try_from((ms - self.start_ms).div_euclid(self.step_ms)).ok()
    }
}

/// The hour whose samples are rolled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) hour: i32,
    /// The last sample of the hour before: it stands into this one.
    pub(super) carry: Option<Cell>,
}

/// Rolls the samples of one hour of a series, in order, into the buckets of `frame`; what lies outside of it is left out.
///
/// A sample stands until the next one, at most for `hold_ms`, and not beyond the hour: the next hour's window has it as
/// its `carry`.
pub(super) fn roll_window(
    cells: &[Cell],
    window: Window,
    frame: Frame,
    hold_ms: i64,
) -> Vec<Rollup> {
    let mut buckets = vec![Rollup::default(); frame.buckets];
    let start_ms = frame.start_ms.max(i64::from(window.hour) * 3_600_000);
    let end_ms = frame.end_ms().min((i64::from(window.hour) + 1) * 3_600_000);
    let carry = window.carry;
    for cell in cells {
        let ms = cell.time.div_euclid(1_000_000);
        if let Some(bucket) = frame.place(ms).and_then(|place| buckets.get_mut(place)) {
            count(bucket, cell, ms);
        }
    }
    let standing: Vec<Cell> = carry.into_iter().chain(cells.iter().copied()).collect();
    let ends = standing
        .iter()
        .skip(1)
        .map(|next| next.time.div_euclid(1_000_000));
    for (cell, next_ms) in standing.iter().zip(ends.chain([end_ms])) {
        let ms = cell.time.div_euclid(1_000_000);
        let until_ms = next_ms.min(ms.saturating_add(hold_ms)).min(end_ms);
        stand(
            &mut buckets,
            frame,
            cell.good_number(),
            ms.max(start_ms)..until_ms,
        );
    }
    for bucket in &mut buckets {
        bucket.settle();
    }
    buckets
}

fn count(bucket: &mut Rollup, cell: &Cell, ms: i64) {
    match cell.quality {
        0 => bucket.good += 1,
        64..=127 => bucket.uncertain += 1,
        _ => bucket.bad += 1,
    }
    if let Some(number) = cell.good_number() {
        bucket.add(number, ms);
    }
}

/// A sample stands over a span that may reach over several buckets.
fn stand(buckets: &mut [Rollup], frame: Frame, number: Option<f64>, span: std::ops::Range<i64>) {
    let mut from_ms = span.start;
    while from_ms < span.end {
        let Some(place) = frame.place(from_ms) else {
            return;
        };
        let Some(bucket) = buckets.get_mut(place) else {
            return;
        };
        let bucket_end = frame.start_ms + frame.step_ms * (i64::try_from(place).unwrap_or(0) + 1);
        let to_ms = span.end.min(bucket_end);
        bucket.covered_ms += u64_of(to_ms - from_ms);
        if let Some(number) = number {
            bucket.weighted_ms += u64_of(to_ms - from_ms);
            bucket.integral += number * float(to_ms - from_ms);
        }
        from_ms = to_ms;
    }
}

/// The minutes of an hour with their numbers; the empty ones too.
pub(super) fn minutes(
    cells: &[Cell],
    carry: Option<Cell>,
    hour: i32,
    hold_ms: i64,
) -> Vec<(i32, Rollup)> {
    let rolled = roll_window(
        cells,
        Window { hour, carry },
        Frame::minutes_of(hour),
        hold_ms,
    );
    let first = i64::from(hour) * 60;
    let numbers = (0u64..).map(|i| i32_of(first + i64_of(i)));
    numbers.zip(rolled).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::point::Kind;

    fn cell(ms: i64, value: f64, quality: u8) -> Cell {
        Cell {
            time: ms * 1_000_000,
            bits: value.to_bits(),
            series: 1,
            kind: Kind::Float,
            quality,
        }
    }

    #[test]
    fn a_sample_stands_until_the_next_but_not_for_ever() {
        let cells = [cell(10_000, 1.0, 0), cell(20_000, 3.0, 0)];
        let rows = minutes(&cells, None, 0, 30_000);
        let first = rows[0].1;
        assert_eq!((first.covered_ms, first.weighted_ms), (40_000, 40_000));
        assert_eq!(first.weighted_mean(), Some((10.0 + 3.0 * 30.0) / 40.0));
        assert!(rows[1].1.is_empty());
    }

    #[test]
    fn the_last_sample_of_an_hour_stands_into_the_next() {
        let rows = minutes(&[], Some(cell(-10_000, 5.0, 0)), 0, 90_000);
        assert_eq!((rows[0].1.n, rows[0].1.covered_ms), (0, 60_000));
        assert_eq!(rows[1].1.covered_ms, 20_000);
        assert_eq!(rows[1].1.weighted_mean(), Some(5.0));
        assert!(rows[2].1.is_empty());
    }

    #[test]
    fn a_bad_sample_covers_time_and_moves_no_mean() {
        let cells = [
            cell(0, 1.0, 0),
            cell(30_000, 99.0, 129),
            cell(45_000, 50.0, 64),
        ];
        let first = minutes(&cells, None, 0, 60_000)[0].1;
        assert_eq!(
            (first.good, first.bad, first.uncertain, first.n),
            (1, 1, 1, 1)
        );
        assert_eq!((first.covered_ms, first.weighted_ms), (60_000, 30_000));
        assert_eq!((first.mean, first.max), (1.0, 1.0));
        assert_eq!(first.weighted_mean(), Some(1.0));
    }
}

//! Roll-up rows as a chunk of columns.
//!
//! Body: rows (varint), the numbers of the buckets and the columns of counts and times, then layout (1), decimals (1),
//! bits (1) and seven columns of values. With layout 1 and 2 every value is an integer over ten to the decimals: two for
//! the extremes; mean times `2^bits`, where that exceeds the largest count, so that the sum comes back exactly; sum of
//! squared deviations from the rounded mean; integral - mean times seconds; first - smallest; largest - last. The extremes
//! are with layout 1 rounded mean - smallest and largest - rounded mean, which suits noise; with layout 2 smallest -
//! largest of the row before and largest - smallest, which suits counters. These are small numbers for what instruments
//! deliver: states and set values cost next to nothing, a noisy signal three to four bytes a row. Layout 0 has doubles.

mod decode;
mod encode;

pub(super) use decode::decode;
pub(super) use encode::encode;

use super::rollup::Rollup;

/// More rows than any chunk holds.
const ROWS_MAX: u64 = 1 << 22;

/// Layouts of the value columns.
const DOUBLES: u8 = 0;
const CENTRED: u8 = 1;
const CHAINED: u8 = 2;

/// A bucket's number, counted from the epoch in buckets of its tier, and its statistics.
pub(super) type Row = (i32, Rollup);

/// Which columns are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "one per group of columns")]
pub(super) struct Need {
    /// `good`, `uncertain`, `bad`.
    pub(super) counts: bool,
    /// `min`, `max`.
    pub(super) extremes: bool,
    /// `mean`.
    pub(super) mean: bool,
    /// `m2`, and what it needs.
    pub(super) squares: bool,
    /// `integral`, and what it needs.
    pub(super) integral: bool,
    /// `first`, `last` with their times.
    pub(super) ends: bool,
}

impl Need {
    pub(super) const ALL: Self = Self {
        counts: true,
        extremes: true,
        mean: true,
        squares: true,
        integral: true,
        ends: true,
    };

    const fn means(self) -> bool {
        self.mean || self.squares || self.integral
    }

    const fn smallest(self) -> bool {
        self.extremes || self.ends
    }
}

/// The mean rounded to the grid of the values, from the mean times `2^bits`.
const fn centre(mean: i64, bits: u8) -> i64 {
    match bits {
        0 => mean,
        _ => mean.saturating_add(1 << (bits - 1)) >> bits,
    }
}

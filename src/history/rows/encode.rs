//! From rows to a chunk.

use super::super::blob::seal;
use super::super::column::{Encoder, decimals_of, scale_of};
use super::super::number::{bits_of, float, float_u, i64_of, nearest, round};
use super::{CENTRED, CHAINED, DOUBLES, Row, centre};
use crate::history::rollup::Rollup;

/// Integers stay below this so that sums of a few fit.
const INT_MAX: f64 = 4.0e18;
/// Bits of a mean and of a sum of squares that are kept where there is no grid: far finer than what they are used for.
const MEAN_BITS: u32 = 36;
const SQUARES_BITS: u32 = 24;

/// Encodes rows of a tier whose buckets are about `bucket_ms` long.
pub(in crate::history) fn encode(rows: &[Row], bucket_ms: i64) -> Vec<u8> {
    let column = |of: &dyn Fn(&Row) -> i64| rows.iter().map(of).collect::<Vec<i64>>();
    let mut body = Encoder::default();
    body.varint(u64::try_from(rows.len()).unwrap_or(u64::MAX));
    let first = rows.first().map_or(0, |row| i64::from(row.0));
    let expected = (0i64..).map(|i| first + i);
    let numbers: Vec<i64> = rows
        .iter()
        .zip(expected)
        .map(|(row, n)| i64::from(row.0) - n)
        .collect();
    body.varint(bits_of(first));
    body.ints(&numbers);
    body.ints(&column(&|(_, row)| i64_of(row.n)));
    body.ints(&column(&|(_, row)| i64_of(row.good) - i64_of(row.n)));
    body.ints(&column(&|(_, row)| i64_of(row.uncertain)));
    body.ints(&column(&|(_, row)| i64_of(row.bad)));
    body.ints(&column(&|(_, row)| i64_of(row.covered_ms)));
    body.ints(&column(&|(_, row)| {
        i64_of(row.covered_ms) - i64_of(row.weighted_ms)
    }));
    let start_of = |number: i32| i64::from(number) * bucket_ms;
    let filled = |row: &Rollup, ms: i64| if row.n == 0 { 0 } else { ms };
    body.ints(&column(&|(number, row)| {
        filled(row, row.first_ms - start_of(*number)) / 1_000
    }));
    body.ints(&column(&|(number, row)| {
        filled(row, row.last_ms - start_of(*number)) / 1_000
    }));
    match Grid::of(rows) {
        Some(columns) => columns.encode(&mut body),
        None => encode_doubles(rows, &mut body),
    }
    seal(&body.finish())
}

/// The value columns as integers.
struct Grid {
    decimals: u8,
    bits: u8,
    columns: [Vec<i64>; 7],
}

impl Grid {
    fn of(rows: &[Row]) -> Option<Self> {
        let used = || rows.iter().map(|(_, row)| row).filter(|row| row.n > 0);
        let values = used().flat_map(|row| [row.min, row.max, row.first, row.last]);
        let carried = rows
            .iter()
            .map(|(_, row)| row)
            .filter(|row| row.n == 0 && row.weighted_ms > 0);
        let decimals = decimals_of(values)?;
        let n_max = used().map(|row| row.n).max().unwrap_or(1);
        let bits = u8::try_from(u64::BITS - n_max.leading_zeros()).ok()?;
        let mut grid = Self {
            decimals,
            bits: if n_max <= 1 { 0 } else { bits },
            columns: Default::default(),
        };
        // A sample of the bucket before that stands into this one is not among this one's values.
        if carried.clone().any(|row| !grid.holds(row.integral)) {
            return None;
        }
        let mut last = [0; 7];
        for (_, row) in rows {
            let integers = if row.n > 0 {
                grid.integers(row)?
            } else {
                grid.standing(row, last)
            };
            last = integers;
            for (column, integer) in grid.columns.iter_mut().zip(integers) {
                column.push(integer);
            }
        }
        Some(grid)
    }

    fn holds(&self, integral: f64) -> bool {
        let scaled = integral * scale_of(self.decimals);
        scaled.abs() < INT_MAX && near(scaled).is_some()
    }

    /// A bucket without values: the columns go on as they were, but for the integral of what stands into it.
    fn standing(&self, row: &Rollup, last: [i64; 7]) -> [i64; 7] {
        let [min, spread, mean, _, _, first, end] = last;
        let integral = round(row.integral * scale_of(self.decimals));
        [min, spread, mean, 0, integral, first, end]
    }

    fn integers(&self, row: &Rollup) -> Option<[i64; 7]> {
        let scale = scale_of(self.decimals);
        let n = float_u(row.n);
        let int = |value: f64| round(value * scale);
        let (min, max) = (int(row.min), int(row.max));
        let sum = row.mean * n * scale;
        if sum.abs().max(row.integral.abs() * scale) * 2.0 >= INT_MAX
            || (row.mean * scale * self.factor()).abs() >= INT_MAX
        {
            return None;
        }
        let sum = near(sum)?;
        let mean = sum / n;
        let off = mean - nearest(mean);
        let squares = near((row.m2 * scale * scale + n * off * off).max(0.0))?;
        let plain = mean * float_u(row.weighted_ms);
        let integral = row.integral * scale;
        let beyond = integral - plain.round();
        let same = (integral - plain).abs() <= 1e-9 * plain.abs().max(1.0);
        Some([
            min,
            max - min,
            round(mean * self.factor()),
            round(squares),
            // Zero means that the two means are one; a difference that rounds to zero is none either.
            if same { 0 } else { round(near(beyond)?) },
            int(row.first) - min,
            max - int(row.last),
        ])
    }

    fn factor(&self) -> f64 {
        float(1 << self.bits)
    }

    fn encode(&self, body: &mut Encoder) {
        let [min, spread, mean, ..] = &self.columns;
        let rows = || min.iter().zip(spread);
        let centres = mean.iter().map(|mean| centre(*mean, self.bits));
        let centred: Extremes = rows()
            .zip(centres)
            .map(|((min, spread), centre)| {
                let below = centre.saturating_sub(*min);
                (below, spread.saturating_sub(below))
            })
            .unzip();
        let befores =
            std::iter::once(0).chain(rows().map(|(min, spread)| min.saturating_add(*spread)));
        let chained: Extremes = rows()
            .zip(befores)
            .map(|((min, spread), before)| (min.saturating_sub(before), *spread))
            .unzip();
        let is_chained = digits(&chained) < digits(&centred);
        body.byte(if is_chained { CHAINED } else { CENTRED });
        body.byte(self.decimals);
        body.byte(self.bits);
        let (one, other) = if is_chained { chained } else { centred };
        body.ints(&one);
        body.ints(&other);
        for column in self.columns.iter().skip(2) {
            body.ints(column);
        }
    }
}

/// Two columns that give the smallest and the largest values.
type Extremes = (Vec<i64>, Vec<i64>);

/// Binary digits of all numbers: near enough to what they will cost to choose between two ways.
fn digits((one, other): &Extremes) -> u64 {
    let digits = |n: &i64| u64::from(u64::BITS - n.unsigned_abs().leading_zeros());
    one.iter().chain(other).map(digits).sum()
}

/// The integer that a computed number is but for rounding; `None` when it is none.
fn near(x: f64) -> Option<f64> {
    let integer = nearest(x);
    let tolerance = 0.01f64.max(1e-9 * x.abs()).min(0.5);
    ((x - integer).abs() <= tolerance && x.abs() < INT_MAX).then_some(integer)
}

fn encode_doubles(rows: &[Row], body: &mut Encoder) {
    body.byte(DOUBLES);
    body.byte(0);
    body.byte(0);
    let mut column = |of: &dyn Fn(&Rollup) -> f64| {
        let values: Vec<f64> = rows.iter().map(|(_, row)| of(row)).collect();
        body.floats(&values);
    };
    column(&|row| row.min);
    column(&|row| row.max);
    column(&|row| trimmed(row.mean, MEAN_BITS));
    column(&|row| trimmed(row.m2, SQUARES_BITS));
    column(&|row| {
        let plain = row.mean * float_u(row.weighted_ms);
        let beyond = if row.n == 0 {
            row.integral
        } else {
            row.integral - plain
        };
        let rounding = 1e-9 * plain.abs().max(row.integral.abs());
        trimmed(
            if row.n > 0 && beyond.abs() <= rounding {
                0.0
            } else {
                beyond
            },
            MEAN_BITS,
        )
    });
    column(&|row| row.first);
    column(&|row| row.last);
}

/// A double with the given number of significant bits, rounded to nearest.
fn trimmed(x: f64, bits: u32) -> f64 {
    let drop = 52 - bits.min(52);
    let half = (1u64 << drop) >> 1;
    let rounded = (x.to_bits().saturating_add(half) >> drop) << drop;
    let trimmed = f64::from_bits(rounded);
    if trimmed.is_finite() { trimmed } else { x }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::float_cmp, reason = "what is exact is compared as such")]

    use super::trimmed;

    #[test]
    fn trimming_keeps_the_leading_bits() {
        assert!((trimmed(std::f64::consts::PI, 24) - std::f64::consts::PI).abs() < 1e-6);
        assert_eq!(trimmed(0.0, 24), 0.0);
        assert_eq!(trimmed(f64::MAX, 24), f64::MAX);
        assert_eq!(trimmed(-2.5, 24), -2.5);
    }
}

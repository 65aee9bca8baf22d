//! Roll-up rows as a chunk of columns.
//!
//! Body: rows (varint), the numbers of the buckets and the columns of counts and times, then layout (1), decimals (1),
//! bits (1) and seven columns of values. With layout 1 and 2 every value is an integer over ten to the decimals: smallest
//! (with layout 2: less the largest of the row before, which suits counters); largest - smallest; mean times `2^bits`,
//! where that exceeds the largest count, so that the sum comes back exactly; sum of squared deviations from the rounded
//! mean; integral - mean times seconds; first - smallest; largest - last. These are small numbers for what instruments
//! deliver: states and set values cost next to nothing, a noisy signal three to four bytes a row. Layout 0 has doubles.

use super::blob::{Damage, seal, unseal};
use super::column::{Decoder, Encoder, decimals_of, scale_of};
use super::number::{bits_of, float, float_u, i64_of, round, u64_of};
use super::rollup::Rollup;

/// More rows than any chunk holds.
const ROWS_MAX: u64 = 1 << 22;
/// Integers stay below this so that sums of a few fit.
const INT_MAX: f64 = 4.0e18;
/// Bits of a mean and of a sum of squares that are kept where there is no grid: far finer than what they are used for.
const MEAN_BITS: u32 = 36;
const SQUARES_BITS: u32 = 24;

/// Layouts of the value columns.
const DOUBLES: u8 = 0;
const PLAIN: u8 = 1;
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

/// Encodes rows of a tier whose buckets are about `bucket_ms` long.
pub(super) fn encode(rows: &[Row], bucket_ms: i64) -> Vec<u8> {
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
        let off = mean - mean.round();
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
        let [min, spread, ..] = &self.columns;
        let max = min
            .iter()
            .zip(spread)
            .map(|(min, spread)| min.saturating_add(*spread));
        let befores = std::iter::once(0).chain(max);
        let gaps: Vec<i64> = min
            .iter()
            .zip(befores)
            .map(|(min, max)| min.saturating_sub(max))
            .collect();
        let (mut plain, mut chained) = (Encoder::default(), Encoder::default());
        plain.ints(min);
        chained.ints(&gaps);
        let (plain, chained) = (plain.finish(), chained.finish());
        let is_chained = chained.len() < plain.len();
        body.byte(if is_chained { CHAINED } else { PLAIN });
        body.byte(self.decimals);
        body.byte(self.bits);
        body.append(if is_chained { &chained } else { &plain });
        for column in self.columns.iter().skip(1) {
            body.ints(column);
        }
    }
}

/// The integer that a computed number is but for rounding; `None` when it is none.
fn near(x: f64) -> Option<f64> {
    let integer = x.round();
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

/// Decodes the wanted columns; the others are left 0.
pub(super) fn decode(
    bytes: &[u8],
    bucket_ms: i64,
    need: Need,
    rows: &mut Vec<Row>,
) -> Result<(), Damage> {
    rows.clear();
    let mut body = Decoder::new(unseal(bytes)?);
    let count = body.varint()?;
    if count > ROWS_MAX {
        return Err(Damage("it has more rows than can be"));
    }
    let count =
        usize::try_from(count).map_err(|_too_many| Damage("it has more rows than can be"))?;
    decode_counts(&mut body, count, bucket_ms, need, rows)?;
    let layout = body.byte()?;
    let decimals = body.byte()?;
    let bits = body.byte()?;
    match layout {
        DOUBLES => decode_doubles(body, need, rows),
        PLAIN | CHAINED => {
            let scale = Scale {
                decimals,
                bits,
                is_chained: layout == CHAINED,
            };
            decode_grid(body, scale, need, rows)
        }
        _ => Err(Damage("its layout is unknown")),
    }
}

fn set<T: Copy>(rows: &mut [Row], column: &[T], mut put: impl FnMut(&mut Rollup, T)) {
    for ((_, row), value) in rows.iter_mut().zip(column) {
        put(row, *value);
    }
}

fn decode_counts(
    body: &mut Decoder<'_>,
    count: usize,
    bucket_ms: i64,
    need: Need,
    rows: &mut Vec<Row>,
) -> Result<(), Damage> {
    let first = body.varint()?.cast_signed();
    let numbers = body.ints(count)?;
    let numbers = numbers.into_iter().zip(0i64..).map(|(off, i)| {
        let number = first.checked_add(i).and_then(|n| n.checked_add(off));
        number.and_then(|n| i32::try_from(n).ok())
    });
    for number in numbers {
        rows.push((
            number.ok_or(Damage("a row has no place in time"))?,
            Rollup::default(),
        ));
    }
    set(rows, &body.ints(count)?, |row, n| row.n = u64_of(n));
    if need.counts {
        set(rows, &body.ints(count)?, |row, n| {
            row.good = row.n.saturating_add_signed(n);
        });
        set(rows, &body.ints(count)?, |row, n| row.uncertain = u64_of(n));
        set(rows, &body.ints(count)?, |row, n| row.bad = u64_of(n));
    } else {
        for _column in 0..3 {
            body.skip_ints(count)?;
        }
    }
    set(rows, &body.ints(count)?, |row, n| {
        row.covered_ms = u64_of(n);
    });
    set(rows, &body.ints(count)?, |row, n| {
        row.weighted_ms = u64_of(i64_of(row.covered_ms).saturating_sub(n));
    });
    if need.ends {
        let firsts = body.ints(count)?;
        let lasts = body.ints(count)?;
        for ((number, row), (first, last)) in rows.iter_mut().zip(firsts.iter().zip(lasts)) {
            let start = i64::from(*number).saturating_mul(bucket_ms);
            row.first_ms = start.saturating_add(first.saturating_mul(1_000));
            row.last_ms = start.saturating_add(last.saturating_mul(1_000));
        }
    } else {
        body.skip_ints(count)?;
        body.skip_ints(count)?;
    }
    Ok(())
}

#[derive(Clone, Copy)]
struct Scale {
    decimals: u8,
    bits: u8,
    is_chained: bool,
}

fn decode_grid(
    mut body: Decoder<'_>,
    scale: Scale,
    need: Need,
    rows: &mut [Row],
) -> Result<(), Damage> {
    let count = rows.len();
    if scale.bits > 62 || scale.decimals > 9 {
        return Err(Damage("its scale cannot be"));
    }
    let factor = float(1 << scale.bits);
    let is_chained = scale.is_chained;
    let scale = scale_of(scale.decimals);
    let mut column = |wanted: bool| {
        if wanted {
            body.ints(count)
        } else {
            body.skip_ints(count).map(|()| Vec::new())
        }
    };
    let mut min = column(need.smallest())?;
    let spread = column(need.smallest())?;
    let mean = column(need.means())?;
    let squares = column(need.squares)?;
    let integral = column(need.integral)?;
    let first = column(need.ends)?;
    let end = column(need.ends)?;
    body.finish()?;
    if is_chained {
        unchain(&mut min, &spread);
    }
    if need.smallest() {
        let above = |low: &[i64], more: &[i64]| -> Vec<i64> {
            let pairs = low.iter().zip(more);
            pairs.map(|(low, more)| low.saturating_add(*more)).collect()
        };
        set(rows, &min, |row, n| row.min = float(n) / scale);
        set(rows, &above(&min, &spread), |row, n| {
            row.max = float(n) / scale;
        });
        set(rows, &above(&min, &first), |row, n| {
            row.first = float(n) / scale;
        });
        // What lies below the largest is written as how far.
        let last: Vec<i64> = end.iter().map(|n| n.saturating_neg()).collect();
        set(rows, &above(&above(&min, &spread), &last), |row, n| {
            row.last = float(n) / scale;
        });
    }
    set(rows, &mean, |row, n| {
        let count = float_u(row.n);
        // The mean in units of the grid, for now.
        row.mean = if row.n == 0 {
            0.0
        } else {
            (float(n) / factor * count).round() / count
        };
    });
    set(rows, &squares, |row, n| {
        let off = row.mean - row.mean.round();
        let m2 = float(n) - float_u(row.n) * off * off;
        // Numbers that are all the same deviate by nothing, not by a rounding error.
        row.m2 = if m2 < 1e-6 { 0.0 } else { m2 / (scale * scale) };
    });
    set(rows, &integral, |row, n| {
        let plain = row.mean * float_u(row.weighted_ms);
        row.integral = if n == 0 {
            plain
        } else {
            plain.round() + float(n)
        } / scale;
    });
    for (_, row) in rows.iter_mut() {
        row.mean /= scale;
        blank(row);
    }
    Ok(())
}

/// From distances to the largest of the row before to the smallest of the row.
fn unchain(min: &mut [i64], spread: &[i64]) {
    let mut before = 0i64;
    for (min, spread) in min.iter_mut().zip(spread) {
        *min = min.saturating_add(before);
        before = min.saturating_add(*spread);
    }
}

fn decode_doubles(mut body: Decoder<'_>, need: Need, rows: &mut [Row]) -> Result<(), Damage> {
    let count = rows.len();
    let mut column = |wanted: bool| {
        if wanted {
            body.floats(count)
        } else {
            body.skip_floats(count).map(|()| Vec::new())
        }
    };
    let columns = [
        column(need.smallest())?,
        column(need.smallest())?,
        column(need.means())?,
        column(need.squares)?,
        column(need.integral)?,
        column(need.ends)?,
        column(need.ends)?,
    ];
    body.finish()?;
    let [min, max, mean, squares, integral, first, last] = &columns;
    set(rows, min, |row, x| row.min = x);
    set(rows, max, |row, x| row.max = x);
    set(rows, mean, |row, x| {
        row.mean = if need.smallest() && row.n > 0 {
            x.clamp(row.min, row.max.max(row.min))
        } else {
            x
        };
    });
    set(rows, squares, |row, x| row.m2 = x);
    set(rows, integral, |row, x| {
        let plain = if row.n == 0 {
            0.0
        } else {
            row.mean * float_u(row.weighted_ms)
        };
        row.integral = plain + x;
    });
    set(rows, first, |row, x| row.first = x);
    set(rows, last, |row, x| row.last = x);
    for (_, row) in rows.iter_mut() {
        blank(row);
    }
    Ok(())
}

/// A bucket without values has none.
fn blank(row: &mut Rollup) {
    if row.n == 0 {
        *row = Rollup {
            good: row.good,
            uncertain: row.uncertain,
            bad: row.bad,
            covered_ms: row.covered_ms,
            weighted_ms: row.weighted_ms,
            integral: row.integral,
            ..Rollup::default()
        };
    }
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

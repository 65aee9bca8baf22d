//! From a chunk to its rows, one at a time: a year of hours as finished rows would be a megabyte to write and to read again.

use super::super::blob::{Damage, unseal};
use super::super::column::{Column, Decoder, scale_of};
use super::super::number::{float, float_u, i32_of, nearest, u64_of};
use super::{CENTRED, CHAINED, DOUBLES, Need, ROWS_MAX, Row, centre};
use crate::history::rollup::Rollup;

/// The wanted columns of a chunk; of the others all rows are 0.
#[derive(Debug)]
pub(in crate::history) struct Chunk {
    rows: usize,
    bucket_ms: i64,
    need: Need,
    first: i64,
    /// How far each bucket's number is from `first` plus its place.
    offsets: Column<i64>,
    counts: Counts,
    values: Values,
}

#[derive(Debug)]
struct Counts {
    n: Column<i64>,
    good: Column<i64>,
    uncertain: Column<i64>,
    bad: Column<i64>,
    covered_ms: Column<i64>,
    unweighted_ms: Column<i64>,
    first_s: Column<i64>,
    last_s: Column<i64>,
}

#[derive(Debug)]
enum Values {
    Grid {
        grid: Scale,
        columns: [Column<i64>; 7],
    },
    Doubles([Column<f64>; 7]),
}

#[derive(Debug, Clone, Copy)]
struct Scale {
    /// Ten to the decimals.
    unit: f64,
    /// The mean is in units of this: one over two to its bits, so that multiplying is exact.
    mean_unit: f64,
}

impl Scale {
    fn new(decimals: u8, bits: u8) -> Self {
        Self {
            unit: scale_of(decimals),
            mean_unit: float(1 << bits).recip(),
        }
    }
}

/// Decodes the wanted columns. Without its column, `good` is the count of values.
pub(in crate::history) fn decode(
    bytes: &[u8],
    bucket_ms: i64,
    need: Need,
) -> Result<Chunk, Damage> {
    let mut body = Decoder::new(unseal(bytes)?);
    let rows = body.varint()?;
    let rows = usize::try_from(rows)
        .ok()
        .filter(|_count| rows <= ROWS_MAX)
        .ok_or(Damage("it has more rows than can be"))?;
    let first = body.varint()?.cast_signed();
    let offsets = body.ints(rows)?;
    check_numbers(first, &offsets, rows)?;
    let counts = Counts::decode(&mut body, rows, need)?;
    let layout = body.byte()?;
    let decimals = body.byte()?;
    let bits = body.byte()?;
    let values = match layout {
        DOUBLES => decode_doubles(&mut body, rows, need)?,
        CENTRED | CHAINED if bits > 62 || decimals > 9 => {
            return Err(Damage("its scale cannot be"));
        }
        CENTRED => Values::Grid {
            grid: Scale::new(decimals, bits),
            columns: decode_centred(&mut body, rows, need, bits)?,
        },
        CHAINED => Values::Grid {
            grid: Scale::new(decimals, bits),
            columns: decode_chained(&mut body, rows, need)?,
        },
        _ => return Err(Damage("its layout is unknown")),
    };
    body.finish()?;
    Ok(Chunk {
        rows,
        bucket_ms,
        need,
        first,
        offsets,
        counts,
        values,
    })
}

/// Every row has a place in time.
fn check_numbers(first: i64, offsets: &Column<i64>, rows: usize) -> Result<(), Damage> {
    let fits = |(offset, place): (i64, i64)| {
        let number = first.checked_add(place).and_then(|n| n.checked_add(offset));
        number.is_some_and(|n| i32::try_from(n).is_ok())
    };
    if offsets.iter(rows).zip(0i64..).all(fits) {
        return Ok(());
    }
    Err(Damage("a row has no place in time"))
}

/// A column, or zeros in place of one that is not wanted.
fn ints(body: &mut Decoder<'_>, rows: usize, wanted: bool) -> Result<Column<i64>, Damage> {
    if wanted {
        return body.ints(rows);
    }
    body.skip_ints(rows).map(|()| Column::Same(0))
}

impl Counts {
    fn decode(body: &mut Decoder<'_>, rows: usize, need: Need) -> Result<Self, Damage> {
        Ok(Self {
            n: body.ints(rows)?,
            good: ints(body, rows, need.counts)?,
            uncertain: ints(body, rows, need.counts)?,
            bad: ints(body, rows, need.counts)?,
            covered_ms: body.ints(rows)?,
            unweighted_ms: body.ints(rows)?,
            first_s: ints(body, rows, need.ends)?,
            last_s: ints(body, rows, need.ends)?,
        })
    }
}

/// Smallest, spread, mean, squares, integral, first, last.
const fn wanted(need: Need) -> [bool; 7] {
    let (smallest, means) = (need.smallest(), need.means());
    [
        smallest,
        smallest,
        means,
        need.squares,
        need.integral,
        need.ends,
        need.ends,
    ]
}

fn decode_columns(
    body: &mut Decoder<'_>,
    rows: usize,
    wanted: [bool; 7],
) -> Result<[Column<i64>; 7], Damage> {
    let mut columns = [const { Column::Same(0) }; 7];
    for (column, wanted) in columns.iter_mut().zip(wanted) {
        *column = ints(body, rows, wanted)?;
    }
    Ok(columns)
}

fn decode_centred(
    body: &mut Decoder<'_>,
    rows: usize,
    need: Need,
    bits: u8,
) -> Result<[Column<i64>; 7], Damage> {
    let mut wanted = wanted(need);
    let [_, _, mean, ..] = &mut wanted;
    *mean |= need.smallest();
    let mut columns = decode_columns(body, rows, wanted)?;
    let [one, other, mean, ..] = &mut columns;
    if need.smallest() {
        (*one, *other) = uncentred(one, other, mean, (rows, bits));
    }
    Ok(columns)
}

/// From distances to the rounded mean to the smallest and the spread.
fn uncentred(
    below: &Column<i64>,
    above: &Column<i64>,
    mean: &Column<i64>,
    (rows, bits): (usize, u8),
) -> (Column<i64>, Column<i64>) {
    let spread = |below: i64, above: i64| below.saturating_add(above);
    let smallest = |mean: i64, below: i64| centre(mean, bits).saturating_sub(below);
    if let (Column::Same(below), Column::Same(above), Column::Same(mean)) = (below, above, mean) {
        return (
            Column::Same(smallest(*mean, *below)),
            Column::Same(spread(*below, *above)),
        );
    }
    let (belows, aboves) = (|| below.iter(rows), above.iter(rows));
    let smallests = mean.iter(rows).zip(belows());
    (
        Column::Each(
            smallests
                .map(|(mean, below)| smallest(mean, below))
                .collect(),
        ),
        Column::Each(
            belows()
                .zip(aboves)
                .map(|(below, above)| spread(below, above))
                .collect(),
        ),
    )
}

fn decode_chained(
    body: &mut Decoder<'_>,
    rows: usize,
    need: Need,
) -> Result<[Column<i64>; 7], Damage> {
    let mut columns = decode_columns(body, rows, wanted(need))?;
    let [min, spread, ..] = &mut columns;
    if need.smallest() {
        *min = unchained(min, spread, rows);
    }
    Ok(columns)
}

/// From distances to the largest of the row before to the smallest of the row.
fn unchained(gaps: &Column<i64>, spread: &Column<i64>, rows: usize) -> Column<i64> {
    let mut before = 0i64;
    let pairs = gaps.iter(rows).zip(spread.iter(rows));
    let smallest = pairs.map(|(gap, spread)| {
        let min = gap.saturating_add(before);
        before = min.saturating_add(spread);
        min
    });
    Column::Each(smallest.collect())
}

fn decode_doubles(body: &mut Decoder<'_>, rows: usize, need: Need) -> Result<Values, Damage> {
    let mut columns = [const { Column::Same(0.0) }; 7];
    for (column, wanted) in columns.iter_mut().zip(wanted(need)) {
        if wanted {
            *column = body.floats(rows)?;
        } else {
            body.skip_floats(rows)?;
        }
    }
    Ok(Values::Doubles(columns))
}

impl Chunk {
    /// Shows the rows in order.
    pub(in crate::history) fn each(&self, mut visit: impl FnMut(&Row)) {
        let mut shown = (0, Rollup::default());
        for (row, place) in (0..self.rows).zip(0i64..) {
            shown.0 = i32_of(self.first + place + self.offsets.at(row));
            self.fill(row, &mut shown);
            visit(&shown);
        }
    }

    /// Fills in what is wanted of a row; the rest stays 0.
    #[inline]
    fn fill(&self, row: usize, (number, rollup): &mut Row) {
        let counts = &self.counts;
        rollup.n = u64_of(counts.n.at(row));
        rollup.good = rollup.n;
        if self.need.counts {
            rollup.good = rollup.n.saturating_add_signed(counts.good.at(row));
            rollup.uncertain = u64_of(counts.uncertain.at(row));
            rollup.bad = u64_of(counts.bad.at(row));
        }
        let covered_ms = counts.covered_ms.at(row).max(0);
        rollup.covered_ms = u64_of(covered_ms);
        rollup.weighted_ms = u64_of(covered_ms.saturating_sub(counts.unweighted_ms.at(row)));
        if rollup.n == 0 {
            // A bucket without values has none, but what stood into it.
            *rollup = Rollup {
                good: rollup.good,
                uncertain: rollup.uncertain,
                bad: rollup.bad,
                covered_ms: rollup.covered_ms,
                weighted_ms: rollup.weighted_ms,
                integral: self.standing(row),
                ..Rollup::default()
            };
            return;
        }
        match &self.values {
            Values::Grid { grid, columns } => self.fill_grid(*grid, columns, row, rollup),
            Values::Doubles(columns) => self.fill_doubles(columns, row, rollup),
        }
        if self.need.ends {
            let start = i64::from(*number).saturating_mul(self.bucket_ms);
            let after =
                |column: &Column<i64>| start.saturating_add(column.at(row).saturating_mul(1_000));
            rollup.first_ms = after(&counts.first_s);
            rollup.last_ms = after(&counts.last_s);
        }
    }

    /// The integral of a row without values.
    fn standing(&self, row: usize) -> f64 {
        match &self.values {
            Values::Grid {
                grid,
                columns: [.., integral, _, _],
            } => float(integral.at(row)) / grid.unit,
            Values::Doubles([.., integral, _, _]) => integral.at(row),
        }
    }

    #[inline]
    fn fill_grid(
        &self,
        grid: Scale,
        [min, spread, mean, squares, integral, first, last]: &[Column<i64>; 7],
        row: usize,
        rollup: &mut Rollup,
    ) {
        let (need, unit) = (self.need, grid.unit);
        if need.smallest() {
            let low = min.at(row);
            let high = low.saturating_add(spread.at(row));
            rollup.min = float(low) / unit;
            rollup.max = float(high) / unit;
            if need.ends {
                rollup.first = float(low.saturating_add(first.at(row))) / unit;
                rollup.last = float(high.saturating_sub(last.at(row))) / unit;
            }
        }
        if !need.means() {
            return;
        }
        let n = float_u(rollup.n);
        // In units of the grid.
        let mean = nearest(float(mean.at(row)) * grid.mean_unit * n) / n;
        rollup.mean = mean / unit;
        if need.squares {
            let off = mean - nearest(mean);
            let m2 = float(squares.at(row)) - n * off * off;
            // Numbers that are all the same deviate by nothing, not by a rounding error.
            rollup.m2 = if m2 < 1e-6 { 0.0 } else { m2 / (unit * unit) };
        }
        if need.integral {
            let plain = mean * float_u(rollup.weighted_ms);
            let beyond = integral.at(row);
            let whole = if beyond == 0 {
                plain
            } else {
                plain.round() + float(beyond)
            };
            rollup.integral = whole / unit;
        }
    }

    fn fill_doubles(
        &self,
        [min, max, mean, squares, integral, first, last]: &[Column<f64>; 7],
        row: usize,
        rollup: &mut Rollup,
    ) {
        (rollup.min, rollup.max) = (min.at(row), max.at(row));
        rollup.mean = mean.at(row);
        if self.need.smallest() {
            let high = rollup.max.max(rollup.min);
            rollup.mean = rollup.mean.max(rollup.min).min(high);
        }
        rollup.m2 = squares.at(row);
        if self.need.integral {
            rollup.integral = rollup.mean * float_u(rollup.weighted_ms) + integral.at(row);
        }
        (rollup.first, rollup.last) = (first.at(row), last.at(row));
    }
}

//! From a chunk to its rows, one at a time: a year of hours as finished rows would be a megabyte to write and to read again.

use super::super::blob::{Damage, unseal};
use super::super::column::{Column, Decoder, scale_of};
use super::super::number::{float, float_u, i32_of, nearest, u64_of};
use super::{CHAINED, DOUBLES, Need, PLAIN, ROWS_MAX, Row};
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
    /// Two to the bits of the mean.
    factor: f64,
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
        PLAIN | CHAINED if bits > 62 || decimals > 9 => {
            return Err(Damage("its scale cannot be"));
        }
        PLAIN | CHAINED => Values::Grid {
            grid: Scale {
                unit: scale_of(decimals),
                factor: float(1 << bits),
            },
            columns: decode_grid(&mut body, rows, need, layout == CHAINED)?,
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

fn decode_grid(
    body: &mut Decoder<'_>,
    rows: usize,
    need: Need,
    is_chained: bool,
) -> Result<[Column<i64>; 7], Damage> {
    let mut columns = [const { Column::Same(0) }; 7];
    for (column, wanted) in columns.iter_mut().zip(wanted(need)) {
        *column = ints(body, rows, wanted)?;
    }
    if let [min, spread, ..] = &mut columns
        && is_chained
        && need.smallest()
    {
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
    /// The rows in order.
    pub(in crate::history) fn rows(&self) -> impl Iterator<Item = Row> {
        (0..self.rows).zip(0i64..).map(|(row, place)| {
            let number = i32_of(self.first + place + self.offsets.at(row));
            (number, self.rollup(row, number))
        })
    }

    fn rollup(&self, row: usize, number: i32) -> Rollup {
        let counts = &self.counts;
        let n = u64_of(counts.n.at(row));
        let covered_ms = counts.covered_ms.at(row).max(0);
        let weighted_ms = covered_ms.saturating_sub(counts.unweighted_ms.at(row));
        let counted = Rollup {
            good: n.saturating_add_signed(counts.good.at(row)),
            uncertain: u64_of(counts.uncertain.at(row)),
            bad: u64_of(counts.bad.at(row)),
            n,
            covered_ms: u64_of(covered_ms),
            weighted_ms: u64_of(weighted_ms),
            ..Rollup::default()
        };
        let rollup = match &self.values {
            Values::Grid { grid, columns } => self.on_grid(counted, *grid, columns, row),
            Values::Doubles(columns) => self.as_doubles(counted, columns, row),
        };
        if n == 0 {
            return Rollup {
                integral: rollup.integral,
                ..counted
            };
        }
        if !self.need.ends {
            return rollup;
        }
        let start = i64::from(number).saturating_mul(self.bucket_ms);
        let after =
            |column: &Column<i64>| start.saturating_add(column.at(row).saturating_mul(1_000));
        Rollup {
            first_ms: after(&counts.first_s),
            last_ms: after(&counts.last_s),
            ..rollup
        }
    }

    fn on_grid(
        &self,
        counted: Rollup,
        grid: Scale,
        [min, spread, mean, squares, integral, first, last]: &[Column<i64>; 7],
        row: usize,
    ) -> Rollup {
        let (need, unit) = (self.need, grid.unit);
        let mut rollup = counted;
        let n = float_u(counted.n);
        if need.smallest() {
            let (low, spread) = (min.at(row), spread.at(row));
            let high = low.saturating_add(spread);
            (rollup.min, rollup.max) = (float(low) / unit, float(high) / unit);
            if need.ends {
                rollup.first = float(low.saturating_add(first.at(row))) / unit;
                rollup.last = float(high.saturating_sub(last.at(row))) / unit;
            }
        }
        if !need.means() {
            return rollup;
        }
        // In units of the grid.
        let mean = if counted.n == 0 {
            0.0
        } else {
            nearest(float(mean.at(row)) / grid.factor * n) / n
        };
        rollup.mean = mean / unit;
        if need.squares {
            let off = mean - nearest(mean);
            let m2 = float(squares.at(row)) - n * off * off;
            // Numbers that are all the same deviate by nothing, not by a rounding error.
            rollup.m2 = if m2 < 1e-6 { 0.0 } else { m2 / (unit * unit) };
        }
        if need.integral {
            let plain = mean * float_u(counted.weighted_ms);
            let beyond = integral.at(row);
            let whole = if beyond == 0 {
                plain
            } else {
                plain.round() + float(beyond)
            };
            rollup.integral = whole / unit;
        }
        rollup
    }

    fn as_doubles(
        &self,
        counted: Rollup,
        [min, max, mean, squares, integral, first, last]: &[Column<f64>; 7],
        row: usize,
    ) -> Rollup {
        let (low, high) = (min.at(row), max.at(row));
        let mean = mean.at(row);
        let mean = if self.need.smallest() {
            mean.max(low).min(high.max(low))
        } else {
            mean
        };
        let plain = if counted.n == 0 {
            0.0
        } else {
            mean * float_u(counted.weighted_ms)
        };
        Rollup {
            min: low,
            max: high,
            mean,
            m2: squares.at(row),
            integral: if self.need.integral {
                plain + integral.at(row)
            } else {
                0.0
            },
            first: first.at(row),
            last: last.at(row),
            ..counted
        }
    }
}

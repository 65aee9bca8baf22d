//! Kitagawa's (1955) decomposition of a gap between two rates into where the levels worked and how well they did there.
//!
//! `gap = sum (w_b - w_a)(r_a + r_b)/2 + sum (r_b - r_a)(w_a + w_b)/2` over the cells of the categorical context, with
//! `w` the share of exposure (or trials) and `r` the rate in a cell. Cells that only one level has cannot be compared;
//! they are left out, and the share that is left is given.

use std::collections::BTreeMap;

use super::bootstrap::{BLOCKS_MIN, DRAWS, DRAWS_MIN, blocks, interval, resample};
use super::records::{Column, Records, Values};
use super::report::{Composition, Interval};

/// Additions that the resamples of all pairs may cost together.
const WORK_MAX: usize = 1_000_000_000;

/// Events and size of both levels in one cell.
#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    a: (f64, f64),
    b: (f64, f64),
}

impl Cell {
    fn add(&mut self, other: &Self, times: f64) {
        self.a.0 += times * other.a.0;
        self.a.1 += times * other.a.1;
        self.b.0 += times * other.b.0;
        self.b.1 += times * other.b.1;
    }

    fn is_shared(&self) -> bool {
        self.a.1 > 0.0 && self.b.1 > 0.0
    }
}

/// All cells summed, and the cells of every block of days by their number.
struct Table {
    cells: Vec<Cell>,
    blocks: Vec<Vec<(usize, Cell)>>,
}

struct Split {
    gap: f64,
    composition: f64,
    rate: f64,
    matched: f64,
}

/// Decomposes the gaps of `pairs` of levels: by all categorical factors together, then by each alone.
pub(super) fn decompose(
    records: &Records,
    names: &[String],
    pairs: &[(usize, usize)],
) -> Vec<Composition> {
    let factors: Vec<&Column> = records
        .context
        .iter()
        .filter(|column| !column.is_crew && matches!(column.values, Values::Categorical { .. }))
        .collect();
    let mut sets: Vec<Vec<&Column>> = Vec::new();
    if factors.len() > 1 {
        sets.push(factors.clone());
    }
    sets.extend(factors.into_iter().map(|factor| vec![factor]));
    let mut found = Vec::new();
    let shares = pairs.len() * sets.len();
    for pair in pairs {
        for set in &sets {
            found.extend(one(records, names, *pair, (set, shares)));
        }
    }
    found
}

fn one(
    records: &Records,
    names: &[String],
    (a, b): (usize, usize),
    (factors, shares): (&[&Column], usize),
) -> Option<Composition> {
    let Table { cells, blocks } = table(records, (a, b), factors);
    let count = cells.len();
    let whole = split(&cells)?;
    let each: usize = blocks.iter().map(Vec::len).sum::<usize>() + 4 * count;
    let draws = (WORK_MAX / each.max(1) / shares.max(1)).min(DRAWS);
    let draws = if draws < DRAWS_MIN || blocks.len() < BLOCKS_MIN {
        0
    } else {
        draws
    };
    let (mut composition, mut rate) = (Vec::new(), Vec::new());
    resample(blocks.len(), draws, |times| {
        let mut drawn = vec![Cell::default(); count];
        for (block, times) in blocks.iter().zip(times).filter(|(_, times)| **times > 0) {
            for (at, cell) in block {
                if let Some(sum) = drawn.get_mut(*at) {
                    sum.add(cell, f64::from(*times));
                }
            }
        }
        if let Some(split) = split(&drawn) {
            composition.push(split.composition);
            rate.push(split.rate);
        }
    });
    let point = |estimate: f64| Interval {
        estimate,
        low: estimate,
        high: estimate,
    };
    let composition = interval(whole.composition, composition);
    let rate = interval(whole.rate, rate);
    let draws = if composition.is_some() && rate.is_some() {
        draws
    } else {
        0
    };
    Some(Composition {
        a: names.get(a).cloned()?,
        b: names.get(b).cloned()?,
        factors: factors.iter().map(|factor| factor.name.clone()).collect(),
        gap: whole.gap,
        composition: composition.unwrap_or_else(|| point(whole.composition)),
        rate: rate.unwrap_or_else(|| point(whole.rate)),
        matched_share: whole.matched,
        draws,
    })
}

/// The cells of the records of two levels.
fn table(records: &Records, (a, b): (usize, usize), factors: &[&Column]) -> Table {
    let (block, _) = blocks(&records.day);
    let mut numbers: BTreeMap<Vec<usize>, usize> = BTreeMap::new();
    let mut sums: BTreeMap<usize, BTreeMap<usize, Cell>> = BTreeMap::new();
    let rows = records
        .level
        .iter()
        .zip(&records.value)
        .zip(&records.weight)
        .zip(&block);
    for (row, (((level, events), size), block)) in rows.enumerate() {
        if *level != a && *level != b {
            continue;
        }
        let next = numbers.len();
        let number = *numbers.entry(key(factors, row)).or_insert(next);
        let cell = sums.entry(*block).or_default().entry(number).or_default();
        let side = if *level == a {
            &mut cell.a
        } else {
            &mut cell.b
        };
        side.0 += events;
        side.1 += size;
    }
    let mut cells = vec![Cell::default(); numbers.len()];
    let blocked: Vec<Vec<(usize, Cell)>> = sums
        .into_values()
        .map(|cells| cells.into_iter().collect())
        .collect();
    for (at, cell) in blocked.iter().flatten() {
        if let Some(sum) = cells.get_mut(*at) {
            sum.add(cell, 1.0);
        }
    }
    Table {
        cells,
        blocks: blocked,
    }
}

fn key(factors: &[&Column], row: usize) -> Vec<usize> {
    let code = |factor: &&Column| match &factor.values {
        Values::Categorical { codes, .. } => codes.get(row).copied().unwrap_or(0),
        Values::Numeric(_) => 0,
    };
    factors.iter().map(code).collect()
}

/// `None` when the levels share no cell.
fn split(cells: &[Cell]) -> Option<Split> {
    let all: f64 = cells.iter().map(|cell| cell.a.1 + cell.b.1).sum();
    let shared = || cells.iter().filter(|cell| cell.is_shared());
    let size = |of: fn(&Cell) -> f64| shared().map(of).sum::<f64>();
    let (size_a, size_b) = (size(|cell| cell.a.1), size(|cell| cell.b.1));
    if size_a <= 0.0 || size_b <= 0.0 {
        return None;
    }
    let mut made = Split {
        gap: 0.0,
        composition: 0.0,
        rate: 0.0,
        matched: (size_a + size_b) / all,
    };
    for cell in shared() {
        let (rate_a, rate_b) = (cell.a.0 / cell.a.1, cell.b.0 / cell.b.1);
        let (share_a, share_b) = (cell.a.1 / size_a, cell.b.1 / size_b);
        made.gap += share_b * rate_b - share_a * rate_a;
        made.composition += (share_b - share_a) * f64::midpoint(rate_a, rate_b);
        made.rate += (rate_b - rate_a) * f64::midpoint(share_a, share_b);
    }
    Some(made)
}

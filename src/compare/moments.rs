//! Sums of columns and of their products, per level and block of days: enough to fit any resample again.

use nalgebra::{DMatrix, DVector};

use super::records::{Records, Values};

/// A pivot below this share of its column is what rounding left of 0.
const PIVOT_TOLERANCE: f64 = 1e-10;
/// A standardised mean difference below this is 0.
const SAME: f64 = 1e-9;

/// Weighted sums of the products of all columns of some records, the constant 1 being the first column: the lower
/// triangle, row by row, in one piece, because resamples add up many of them.
#[derive(Debug, Clone)]
pub(super) struct Sums {
    products: Vec<f64>,
}

/// Mean and centred products of some records; the last column is the outcome.
#[derive(Debug, Clone)]
pub(super) struct Moments {
    pub(super) mean: DVector<f64>,
    pub(super) cross: DMatrix<f64>,
}

/// Slopes of the outcome on the other columns.
#[derive(Debug, Clone)]
pub(super) struct Slopes {
    pub(super) slope: Vec<f64>,
    /// Columns whose slope the records do not show.
    pub(super) unknown: Vec<usize>,
}

impl Sums {
    /// Of no records; `columns` counts without the constant.
    pub(super) fn zero(columns: usize) -> Self {
        let products = vec![0.0; place(columns, columns) + 1];
        Self { products }
    }

    /// Adds a record; `row` begins with the constant 1.
    fn add_row(&mut self, row: &[f64], weight: f64) {
        let mut sums = self.products.iter_mut();
        for (at, b) in row.iter().enumerate() {
            for (a, sum) in row.iter().take(at + 1).zip(&mut sums) {
                *sum += weight * a * b;
            }
        }
    }

    /// Adds other sums, `times` over.
    pub(super) fn add(&mut self, other: &Self, times: f64) {
        for (all, one) in self.products.iter_mut().zip(&other.products) {
            *all += times * one;
        }
    }

    fn weight(&self) -> f64 {
        self.products.first().copied().unwrap_or(0.0)
    }

    /// Mean and centred products of `columns` columns; `None` without records.
    pub(super) fn moments(&self, columns: usize) -> Option<Moments> {
        let weight = self.weight();
        if weight <= 0.0 {
            return None;
        }
        let sum = |row: usize, column: usize| {
            let (low, high) = (row.min(column), row.max(column));
            self.products.get(place(high, low)).copied().unwrap_or(0.0)
        };
        let mean = DVector::from_fn(columns, |at, _| sum(at + 1, 0) / weight);
        let mut cross = DMatrix::from_fn(columns, columns, |row, column| sum(row + 1, column + 1));
        cross.ger(-weight, &mean, &mean, 1.0);
        Some(Moments { mean, cross })
    }
}

/// Place of an entry of a lower triangle that is stored row by row.
const fn place(row: usize, column: usize) -> usize {
    row * (row + 1) / 2 + column
}

/// Least squares slopes of the last column on the others, from centred products, by Gauss and Jordan. A column that the
/// ones before it span has slope 0 and is unknown.
pub(super) fn slopes(cross: &DMatrix<f64>) -> Slopes {
    let columns = cross.ncols().saturating_sub(1);
    let mut matrix = cross.clone();
    let mut unknown = Vec::new();
    for at in 0..columns {
        let size = cross.get((at, at)).copied().unwrap_or(0.0);
        let pivot = matrix.get((at, at)).copied().unwrap_or(0.0);
        if pivot.is_nan() || pivot <= PIVOT_TOLERANCE * size.max(1e-12) {
            unknown.push(at);
            continue;
        }
        let row = matrix.row(at).transpose() / pivot;
        let mut column = matrix.column(at).clone_owned();
        if let Some(own) = column.get_mut(at) {
            *own = pivot - 1.0;
        }
        matrix.ger(-1.0, &column, &row, 1.0);
    }
    let slope = (0..columns).map(|at| {
        let known = matrix.get((at, columns)).filter(|_| !unknown.contains(&at));
        known.copied().unwrap_or(0.0)
    });
    Slopes {
        slope: slope.collect(),
        unknown,
    }
}

/// The columns of a decomposition with the sums of two levels per block of days.
#[derive(Debug)]
pub(super) struct Table {
    /// Part of the decomposition each column belongs to.
    pub(super) parts: Vec<String>,
    /// Sums of both levels for every block.
    pub(super) blocks: Vec<(Sums, Sums)>,
    /// Unit of the outcome column: values were divided by it.
    pub(super) unit: f64,
}

impl Table {
    /// The records of `a` and `b` with every column centred and divided by its spread, which no decomposition notices.
    pub(super) fn new(
        records: &Records,
        (a, b): (usize, usize),
        blocks: (&[usize], usize),
    ) -> Self {
        let (mut columns, parts) = columns(records);
        columns.push(records.value.clone());
        let of_pair = |level: &usize| *level == a || *level == b;
        let mut unit = 1.0;
        for column in &mut columns {
            unit = standardise(column, &records.level, of_pair);
        }
        let zero = Sums::zero(columns.len());
        let mut sums = vec![(zero.clone(), zero); blocks.1];
        let mut row = vec![1.0; columns.len() + 1];
        for (at, (level, weight)) in records.level.iter().zip(&records.weight).enumerate() {
            let block = blocks.0.get(at).and_then(|block| sums.get_mut(*block));
            let Some((of_a, of_b)) = block.filter(|_| of_pair(level)) else {
                continue;
            };
            for (cell, column) in row.iter_mut().skip(1).zip(&columns) {
                *cell = column.get(at).copied().unwrap_or(0.0);
            }
            if *level == a {
                of_a.add_row(&row, *weight);
            } else {
                of_b.add_row(&row, *weight);
            }
        }
        sums.retain(|(of_a, of_b)| of_a.weight() + of_b.weight() > 0.0);
        Self {
            parts,
            blocks: sums,
            unit,
        }
    }
}

/// One column per number or label (all but the first) of each factor with a part, and the parts.
fn columns(records: &Records) -> (Vec<Vec<f64>>, Vec<String>) {
    let mut columns = Vec::new();
    let mut parts = Vec::new();
    for column in &records.context {
        let Some(part) = &column.explains else {
            continue;
        };
        match &column.values {
            Values::Numeric(values) => {
                columns.push(values.clone());
                parts.push(part.clone());
            }
            Values::Categorical { codes, .. } => {
                for code in super::design::occurring(codes).into_iter().skip(1) {
                    let indicator = codes.iter().map(|of| f64::from(u8::from(*of == code)));
                    columns.push(indicator.collect());
                    parts.push(part.clone());
                }
            }
        }
    }
    (columns, parts)
}

/// Centres and scales a column over the rows that count; returns the scale.
fn standardise(column: &mut [f64], levels: &[usize], counts: impl Fn(&usize) -> bool) -> f64 {
    let rows = || {
        column
            .iter()
            .zip(levels)
            .filter(|(_, level)| counts(level))
            .map(|(x, _)| *x)
    };
    let n = rows().count().max(1) as f64;
    let mean = rows().sum::<f64>() / n;
    let spread = (rows().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt();
    let scale = if spread > 1e-12 * mean.abs() {
        spread
    } else {
        0.0
    };
    for x in column.iter_mut() {
        *x = if scale > 0.0 {
            (*x - mean) / scale
        } else {
            0.0
        };
    }
    if scale > 0.0 { scale } else { 1.0 }
}

/// Whether two standardised means are the same.
pub(super) fn same(difference: f64) -> bool {
    difference.abs() < SAME
}

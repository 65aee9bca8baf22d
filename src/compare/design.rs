//! The design matrix: intercept, group, context, in the order of the formula.
//!
//! Treatment coding: every label of a categorical factor against its first label in sort order that occurs, every
//! level of the group against the first level compared.

use std::collections::BTreeSet;

use nalgebra::DMatrix;

use super::error::CompareError;
use super::orthogonal::{Aliased, Orthogonal};
use super::records::{Column, Records, Values};

/// Most cells of a design: 64 MB.
const CELLS_MAX: usize = 8_000_000;

/// A share of a level in an aliased column, in spreads of that column, below which it is rounding.
const MOVED_MIN: f64 = 1e-6;

/// What a column of the design stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The intercept.
    Intercept,
    /// A level of the group.
    Group(usize),
    /// The context factor at this position.
    Context(usize),
}

/// A design with the meaning of its columns.
#[derive(Debug, Clone)]
pub(super) struct Design {
    pub(super) x: DMatrix<f64>,
    pub(super) names: Vec<String>,
    pub(super) sources: Vec<Source>,
    /// Levels that are compared, the first is the base.
    pub(super) levels: Vec<usize>,
}

/// Two levels that the data cannot tell apart from a factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Confounded {
    pub(super) a: usize,
    pub(super) b: usize,
    /// Position of the context factor that alone does it; `None` when several together do.
    pub(super) factor: Option<usize>,
}

struct Builder {
    rows: usize,
    cells: Vec<f64>,
    names: Vec<String>,
    sources: Vec<Source>,
}

impl Builder {
    fn push(&mut self, name: String, source: Source, cells: impl Iterator<Item = f64>) {
        self.cells.extend(cells);
        self.names.push(name);
        self.sources.push(source);
    }

    fn indicator(&mut self, name: String, source: Source, codes: &[usize], code: usize) {
        self.push(
            name,
            source,
            codes.iter().map(|of| f64::from(u8::from(*of == code))),
        );
    }

    fn context(&mut self, at: usize, column: &Column) {
        let source = Source::Context(at);
        match &column.values {
            Values::Numeric(values) => {
                self.push(column.name.clone(), source, values.iter().copied());
            }
            Values::Categorical { names, codes } => {
                for code in occurring(codes).into_iter().skip(1) {
                    let label = names.get(code).map_or("", String::as_str);
                    let name = format!("{}[T.{label}]", column.name);
                    self.indicator(name, source, codes, code);
                }
            }
        }
    }

    fn finish(self, levels: Vec<usize>) -> Design {
        let x = DMatrix::from_vec(self.rows, self.names.len(), self.cells);
        Design {
            x,
            names: self.names,
            sources: self.sources,
            levels,
        }
    }
}

/// The codes that occur, ascending.
pub(super) fn occurring(codes: &[usize]) -> BTreeSet<usize> {
    codes.iter().copied().collect()
}

impl Design {
    /// The design of all records; `names` are the names of the levels, `group` that of their column.
    pub(super) fn new(
        records: &Records,
        group: &str,
        names: &[String],
    ) -> Result<Self, CompareError> {
        let levels: Vec<usize> = occurring(&records.level).into_iter().collect();
        let width = |column: &Column| match &column.values {
            Values::Numeric(_) => 1,
            Values::Categorical { codes, .. } => occurring(codes).len().saturating_sub(1),
        };
        let columns = levels.len() + records.context.iter().map(width).sum::<usize>();
        let rows = records.len();
        if rows.saturating_mul(columns) > CELLS_MAX {
            return Err(CompareError::TooLarge {
                rows,
                columns,
                maximum: CELLS_MAX,
            });
        }
        let mut builder = Self::begin(records, group, names, &levels);
        for (at, column) in records.context.iter().enumerate() {
            builder.context(at, column);
        }
        Ok(builder.finish(levels))
    }

    fn begin(records: &Records, group: &str, names: &[String], levels: &[usize]) -> Builder {
        let rows = records.len();
        let mut builder = Builder {
            rows,
            cells: Vec::new(),
            names: Vec::new(),
            sources: Vec::new(),
        };
        builder.push(
            "Intercept".to_owned(),
            Source::Intercept,
            std::iter::repeat_n(1.0, rows),
        );
        for level in levels.iter().skip(1) {
            let label = names.get(*level).map_or("", String::as_str);
            let name = format!("{group}[T.{label}]");
            builder.indicator(name, Source::Group(*level), &records.level, *level);
        }
        builder
    }

    /// Pairs of levels whose difference the context explains without rest, so that it cannot be estimated.
    ///
    /// A column that is aliased is a combination of columns before it. When levels of the group have different shares
    /// in it, their difference can be moved into that column without changing any prediction.
    pub(super) fn confounded(&self, records: &Records) -> Vec<Confounded> {
        let Some(basis) = Orthogonal::new(&self.x) else {
            return Vec::new();
        };
        let joint = self.inestimable(&basis.aliased);
        if joint.is_empty() {
            return Vec::new();
        }
        let mut found: Vec<Confounded> = joint
            .into_iter()
            .map(|(a, b)| Confounded { a, b, factor: None })
            .collect();
        // The crew is looked at last, so that it is named where it is one of several.
        let mut factors: Vec<(usize, &Column)> = records.context.iter().enumerate().collect();
        factors.sort_by_key(|(_, column)| column.is_crew);
        for (at, column) in factors {
            let mut builder = Self::begin(records, "", &[], &self.levels);
            builder.context(at, column);
            let alone = builder.finish(self.levels.clone());
            let Some(basis) = Orthogonal::new(&alone.x) else {
                continue;
            };
            let pairs = alone.inestimable(&basis.aliased);
            for pair in &mut found {
                if pairs.contains(&(pair.a, pair.b)) {
                    pair.factor = Some(at);
                }
            }
        }
        found
    }

    fn inestimable(&self, aliased: &[Aliased]) -> Vec<(usize, usize)> {
        let column = |level: usize| {
            self.sources
                .iter()
                .position(|source| *source == Source::Group(level))
        };
        let share = |alias: &Aliased, level| column(level).map_or(0.0, |at| alias.share(at));
        let mut pairs = Vec::new();
        for (at, a) in self.levels.iter().enumerate() {
            for b in self.levels.iter().skip(at + 1) {
                let moves = |alias: &Aliased| {
                    let moved = (share(alias, *a) - share(alias, *b)).abs();
                    alias.spread > 0.0 && moved > MOVED_MIN * alias.spread
                };
                if aliased.iter().any(moves) {
                    pairs.push((*a, *b));
                }
            }
        }
        pairs
    }
}

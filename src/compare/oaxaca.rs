//! What explains a raw gap (Kitagawa 1955, Oaxaca 1973, Blinder 1973).
//!
//! `ybar_b - ybar_a = sum_g (xbar_b - xbar_a)_g beta_g + unexplained`. The slopes are those of a regression over both
//! levels with a term for the level (Fortin 2008), so that the unexplained part is the adjusted difference; slopes of
//! one level alone are given beside it. The columns of a categorical factor are summed, which makes the part
//! independent of its base.

use std::collections::BTreeMap;

use super::bootstrap::{BLOCKS_MIN, DRAWS, DRAWS_MIN, blocks, interval, resample};
use super::moments::{Moments, Slopes, Sums, Table, same, slopes};
use super::records::Records;
use super::report::{Decomposition, Explained};

/// Multiplications that the resamples of all pairs may cost together.
const WORK_MAX: usize = 1_500_000_000;
/// Name of the unexplained part among the intervals.
const UNEXPLAINED: &str = "unexplained";

/// Decomposes the gaps of `pairs` of levels.
pub(super) fn decompose(
    records: &Records,
    names: &[String],
    pairs: &[(usize, usize)],
) -> Vec<Decomposition> {
    if records
        .context
        .iter()
        .all(|column| column.explains.is_none())
    {
        return Vec::new();
    }
    let (block, count) = blocks(&records.day);
    let name = |level: usize| names.get(level).cloned().unwrap_or_default();
    let one = |pair: &(usize, usize)| {
        let table = Table::new(records, *pair, (&block, count));
        let whole = Split::new(&table, |_| 1.0)?;
        let draws = affordable(&table, pairs.len());
        Some(Decomposition {
            a: name(pair.0),
            b: name(pair.1),
            gap: whole.gap() * table.unit,
            pooled: whole.explained(&table, &whole.pooled()),
            coef_of_a: whole.own(&table, &whole.a),
            coef_of_b: whole.own(&table, &whole.b),
            intervals: intervals(&table, &whole, draws),
            draws,
        })
    };
    pairs.iter().filter_map(one).collect()
}

/// As many resamples as the work allows, or none.
fn affordable(table: &Table, pairs: usize) -> usize {
    let columns = table.parts.len() + 1;
    let each = 2 * columns * columns * (table.blocks.len() + columns);
    let draws = (WORK_MAX / each.max(1) / pairs.max(1)).min(DRAWS);
    if draws < DRAWS_MIN || table.blocks.len() < BLOCKS_MIN {
        0
    } else {
        draws
    }
}

/// Both levels of a sample.
struct Split {
    a: Moments,
    b: Moments,
}

impl Split {
    fn new(table: &Table, times: impl Fn(usize) -> f64) -> Option<Self> {
        let columns = table.parts.len() + 1;
        let mut of_a = Sums::zero(columns);
        let mut of_b = Sums::zero(columns);
        for (at, (a, b)) in table.blocks.iter().enumerate() {
            let times = times(at);
            if times > 0.0 {
                of_a.add(a, times);
                of_b.add(b, times);
            }
        }
        Some(Self {
            a: of_a.moments(columns)?,
            b: of_b.moments(columns)?,
        })
    }

    /// Difference of the outcome, which is the last column.
    fn gap(&self) -> f64 {
        let last = |moments: &Moments| {
            moments
                .mean
                .get(moments.mean.len() - 1)
                .copied()
                .unwrap_or(0.0)
        };
        last(&self.b) - last(&self.a)
    }

    /// Slopes with a term for the level: both levels centred on their own means (Frisch and Waugh 1933).
    fn pooled(&self) -> Slopes {
        slopes(&(&self.a.cross + &self.b.cross))
    }

    fn explained(&self, table: &Table, slopes: &Slopes) -> Explained {
        let gap = self.gap() * table.unit;
        let mut parts: BTreeMap<String, f64> = BTreeMap::new();
        let moved = self
            .b
            .mean
            .iter()
            .zip(self.a.mean.iter())
            .map(|(b, a)| b - a);
        for ((part, slope), moved) in table.parts.iter().zip(&slopes.slope).zip(moved) {
            *parts.entry(part.clone()).or_default() += moved * slope * table.unit;
        }
        let total = parts.values().sum();
        Explained {
            parts,
            total,
            unexplained: gap - total,
        }
    }

    /// With the slopes of one level; `None` when it does not show the slope of something that differs.
    fn own(&self, table: &Table, of: &Moments) -> Option<Explained> {
        let own = slopes(&of.cross);
        let pooled = self.pooled();
        let moved: Vec<f64> = self
            .b
            .mean
            .iter()
            .zip(self.a.mean.iter())
            .map(|(b, a)| b - a)
            .collect();
        let lacks = |at: &usize| {
            !pooled.unknown.contains(at) && !same(moved.get(*at).copied().unwrap_or(0.0))
        };
        (!own.unknown.iter().any(lacks)).then(|| self.explained(table, &own))
    }
}

fn intervals(
    table: &Table,
    whole: &Split,
    draws: usize,
) -> BTreeMap<String, super::report::Interval> {
    let estimate = whole.explained(table, &whole.pooled());
    let mut drawn: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    resample(table.blocks.len(), draws, |times| {
        let of = |at: usize| f64::from(times.get(at).copied().unwrap_or(0));
        let Some(split) = Split::new(table, of) else {
            return;
        };
        let explained = split.explained(table, &split.pooled());
        drawn
            .entry(UNEXPLAINED.to_owned())
            .or_default()
            .push(explained.unexplained);
        for (part, value) in explained.parts {
            drawn.entry(part).or_default().push(value);
        }
    });
    let of = |part: &String| match part.as_str() {
        UNEXPLAINED => estimate.unexplained,
        _ => estimate.parts.get(part).copied().unwrap_or(0.0),
    };
    let ended = drawn.into_iter().filter_map(|(part, values)| {
        let interval = interval(of(&part), values)?;
        Some((part, interval))
    });
    ended.collect()
}

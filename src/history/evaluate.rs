//! From the rows of a view to the columns of an answer.

use std::ops::Range;

use super::answer::{Gap, SeriesAnswer};
use super::error::Result;
use super::number::{float, float_u, i32_of, u64_of};
use super::point::Cell;
use super::query::{Aggregate, Grid, Query};
use super::roll::{self, Frame, Window};
use super::rollup::Rollup;
use super::rows::Need;
use super::series::SeriesSpec;
use super::tables::{Marks, Tier};
use super::view::{View, hours_between};

/// Raw values that one percentile query may hold in memory (40 MB); beyond, roll-ups serve.
const RAW_VALUES_MAX: usize = 5_000_000;
/// Buckets of a percentile longer than this are taken from hours, where raw samples are gone.
const FROM_HOURS_MS: i64 = 86_400_000 * 7;

/// The columns that aggregates need.
pub(super) fn need_of(aggregates: &[Aggregate]) -> Need {
    let mut need = Need::default();
    for aggregate in aggregates {
        match aggregate {
            Aggregate::Mean => need.mean = true,
            Aggregate::Min | Aggregate::Max => need.extremes = true,
            Aggregate::Std => (need.mean, need.squares) = (true, true),
            Aggregate::WeightedMean => need.integral = true,
            Aggregate::First | Aggregate::Last => need.ends = true,
            Aggregate::Count | Aggregate::Percentile(_) => {}
        }
    }
    need
}

/// One series of an answer, while it is made.
struct Columns<'a> {
    aggregates: &'a [Aggregate],
    grid: &'a Grid,
    answer: SeriesAnswer,
}

/// Answers for one series.
pub(super) fn evaluate(
    view: &View<'_>,
    spec: &SeriesSpec,
    grid: &Grid,
    aggregates: &[Aggregate],
    marks: &Marks,
) -> Result<SeriesAnswer> {
    let mut columns = Columns {
        aggregates,
        grid,
        answer: nothing(spec, grid, aggregates, Gap::NoData),
    };
    let damaged_ms = if grid.tier == Tier::Raw {
        columns.take_raw(view, spec.hold_ms())?
    } else {
        columns.take_rows(view)?
    };
    if aggregates
        .iter()
        .any(|a| matches!(a, Aggregate::Percentile(_)))
    {
        percentiles(view, &mut columns, marks)?;
    }
    columns.explain(&damaged_ms, marks);
    Ok(columns.answer)
}

/// The answer for a series that stands on damaged pages.
pub(super) fn unreadable(spec: &SeriesSpec, grid: &Grid, query: &Query) -> SeriesAnswer {
    nothing(spec, grid, &query.aggregates, Gap::Damaged)
}

fn nothing(spec: &SeriesSpec, grid: &Grid, aggregates: &[Aggregate], gap: Gap) -> SeriesAnswer {
    let buckets = grid.edges_ms.len().saturating_sub(1);
    SeriesAnswer {
        name: spec.name.clone(),
        unit: spec.unit.clone(),
        asset: spec.asset.clone(),
        columns: vec![vec![f64::NAN; buckets]; aggregates.len()],
        coverage: vec![0.0; buckets],
        gaps: vec![Some(gap); buckets],
        approximate: vec![false; buckets],
    }
}

impl Columns<'_> {
    fn take_rows(&mut self, view: &View<'_>) -> Result<Vec<Range<i64>>> {
        let grid = self.grid;
        let edges = &grid.edges_row;
        let (Some(first), Some(last)) = (edges.first(), edges.last()) else {
            return Ok(Vec::new());
        };
        let end_of = |bucket: usize| edges.get(bucket + 1).copied().unwrap_or(i32::MAX);
        let (mut bucket, mut end, mut sum) = (0, end_of(0), Rollup::default());
        let (need, range) = (need_of(self.aggregates), *first..*last);
        let damaged = view.stream(grid.tier, range, need, &mut |(number, row)| {
            if *number < end {
                sum.merge(row);
                return;
            }
            self.fill(bucket, &sum);
            sum = *row;
            while *number >= end {
                bucket += 1;
                end = end_of(bucket);
            }
        })?;
        self.fill(bucket, &sum);
        let ms_of = |row: i32| match edges.binary_search(&row) {
            Ok(place) => grid.edges_ms.get(place).copied().unwrap_or(0),
            Err(_between) => i64::from(row) * grid.tier.bucket_ms(),
        };
        Ok(damaged
            .into_iter()
            .map(|d| ms_of(d.start)..ms_of(d.end))
            .collect())
    }

    fn take_raw(&mut self, view: &View<'_>, hold_ms: i64) -> Result<Vec<Range<i64>>> {
        let (Some(first), Some(last)) = (self.grid.edges_ms.first(), self.grid.edges_ms.last())
        else {
            return Ok(Vec::new());
        };
        let step_ms = self
            .grid
            .edges_ms
            .get(1)
            .map_or(1_000, |second| second - first)
            .max(1);
        let hours = hours_between(first * 1_000_000, last.saturating_mul(1_000_000));
        let mut last_of = view
            .last_of(hours.start.saturating_sub(1))?
            .map(|cell| (hours.start - 1, cell));
        let mut sums: Vec<(usize, Rollup)> = Vec::new();
        let mut add = |cells: &[Cell], window: Window| {
            let (place, frame) = frame_of(*first, step_ms, window.hour);
            let rolled = roll::roll_window(cells, window, frame, hold_ms);
            let filled = rolled
                .into_iter()
                .enumerate()
                .filter(|(_, row)| !row.is_empty());
            sums.extend(filled.map(|(i, row)| (place + i, row)));
        };
        let end_hour = hours.end;
        let damaged = view.raw_hours(hours, &mut |hour, points| {
            let carry = last_of
                .filter(|(last, _)| *last + 1 == hour)
                .map(|(_, cell)| cell);
            if let Some((last, cell)) = last_of.filter(|(last, _)| *last + 1 < hour) {
                add(
                    &[],
                    Window {
                        hour: last + 1,
                        carry: Some(cell),
                    },
                );
            }
            add(&points.cells, Window { hour, carry });
            last_of = points.cells.last().map(|cell| (hour, *cell));
            true
        })?;
        if let Some((last, cell)) = last_of.filter(|(last, _)| *last + 1 < end_hour) {
            add(
                &[],
                Window {
                    hour: last + 1,
                    carry: Some(cell),
                },
            );
        }
        for of_bucket in sums.chunk_by(|a, b| a.0 == b.0) {
            let mut sum = Rollup::default();
            for (_, row) in of_bucket {
                sum.merge(row);
            }
            if let Some((bucket, _)) = of_bucket.first() {
                self.fill(*bucket, &sum);
            }
        }
        let ms = |hour: i32| i64::from(hour) * 3_600_000;
        Ok(damaged
            .into_iter()
            .map(|d| ms(d.start)..ms(d.end))
            .collect())
    }

    fn fill(&mut self, bucket: usize, sum: &Rollup) {
        let edges = self
            .grid
            .edges_ms
            .get(bucket)
            .zip(self.grid.edges_ms.get(bucket + 1));
        let Some((start, end)) = edges else {
            return;
        };
        if sum.is_empty() && sum.n == 0 {
            return;
        }
        for (aggregate, column) in self.aggregates.iter().zip(&mut self.answer.columns) {
            if let Some(cell) = column.get_mut(bucket) {
                *cell = value_of(*aggregate, sum).unwrap_or(f64::NAN);
            }
        }
        let covered = float_u(sum.covered_ms) / float((end - start).max(1));
        if let Some(cell) = self.answer.coverage.get_mut(bucket) {
            *cell = single(covered.clamp(0.0, 1.0));
        }
        if let Some(gap) = self.answer.gaps.get_mut(bucket) {
            let known = sum.n > 0 || sum.weighted_ms > 0;
            *gap = (!known).then_some(Gap::NoGoodValue);
        }
    }

    /// Says why buckets are empty that are.
    fn explain(&mut self, damaged_ms: &[Range<i64>], marks: &Marks) {
        let floor_ms = match self.grid.tier {
            Tier::Day => i64::from(marks.day) * 86_400_000,
            Tier::Hour => i64::from(marks.hour) * 3_600_000,
            Tier::Minute => i64::from(marks.minute) * 60_000,
            Tier::Raw => i64::from(marks.raw_hour) * 3_600_000,
        };
        let spans = self
            .grid
            .edges_ms
            .iter()
            .zip(self.grid.edges_ms.iter().skip(1));
        for ((start, end), gap) in spans.zip(&mut self.answer.gaps) {
            if damaged_ms.iter().any(|d| d.start < *end && *start < d.end) {
                *gap = Some(Gap::Damaged);
            } else if *gap == Some(Gap::NoData) && *end <= floor_ms {
                *gap = Some(Gap::Expired);
            }
        }
    }
}

/// The buckets of a grid that an hour touches, and the place of the first.
fn frame_of(first_ms: i64, step_ms: i64, hour: i32) -> (usize, Frame) {
    let hour_ms = i64::from(hour) * 3_600_000;
    let from = (hour_ms - first_ms).div_euclid(step_ms).max(0);
    let to = (hour_ms + 3_600_000 - first_ms).div_euclid(step_ms) + 1;
    let frame = Frame {
        start_ms: first_ms + from * step_ms,
        step_ms,
        buckets: usize::try_from(to - from).unwrap_or(0),
    };
    (usize::try_from(from).unwrap_or(0), frame)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a share needs no more digits"
)]
const fn single(share: f64) -> f32 {
    share as f32
}

fn value_of(aggregate: Aggregate, sum: &Rollup) -> Option<f64> {
    let known = sum.n > 0;
    match aggregate {
        Aggregate::Mean => known.then_some(sum.mean),
        Aggregate::Min => known.then_some(sum.min),
        Aggregate::Max => known.then_some(sum.max),
        Aggregate::Std => sum.std(),
        Aggregate::Count => Some(float_u(sum.n)),
        Aggregate::WeightedMean => sum.weighted_mean(),
        Aggregate::First => known.then_some(sum.first),
        Aggregate::Last => known.then_some(sum.last),
        Aggregate::Percentile(_) => None,
    }
}

/// Weighted values of one bucket.
type Weighted = Vec<(f64, f64)>;

fn percentiles(view: &View<'_>, columns: &mut Columns<'_>, marks: &Marks) -> Result<()> {
    let edges = columns.grid.edges_ms.clone();
    let buckets = edges.len().saturating_sub(1);
    let raw_from_ms = i64::from(marks.raw_hour) * 3_600_000;
    let first_raw = edges
        .partition_point(|edge| *edge < raw_from_ms)
        .min(buckets);
    let place_of = |ms: i64| {
        edges
            .partition_point(|edge| *edge <= ms)
            .checked_sub(1)
            .filter(|b| *b < buckets)
    };
    let mut values: Vec<Weighted> = vec![Weighted::new(); buckets];
    let raw = exact_values(view, &edges, first_raw, &place_of, &mut values)?;
    let exact_from = if raw { first_raw } else { buckets };
    // A bucket with a damaged raw hour, or from before raw samples, is worked out from roll-ups.
    let mut approximate: Vec<bool> = (0..buckets).map(|bucket| bucket < exact_from).collect();
    let (Some(first), Some(last)) = (edges.first(), edges.get(exact_from)) else {
        return Ok(());
    };
    if exact_from > 0 {
        if !raw {
            values.iter_mut().for_each(Vec::clear);
        }
        let step_ms = edges.get(1).map_or(0, |second| second - first);
        let long = step_ms >= FROM_HOURS_MS || first.div_euclid(60_000) < i64::from(marks.minute);
        let tier = if long { Tier::Hour } else { Tier::Minute };
        let row = |ms: i64| i32_of(ms.div_euclid(tier.bucket_ms()));
        let range = row(*first)..i32_of(i64::from(row(*last - 1)) + 1);
        view.stream(
            tier,
            range,
            Need {
                extremes: true,
                squares: true,
                mean: true,
                ..Need::default()
            },
            &mut |row| {
                let ms = i64::from(row.0) * tier.bucket_ms();
                if let Some(values) = place_of(ms).and_then(|bucket| values.get_mut(bucket)) {
                    values.extend(three_points(&row.1));
                }
            },
        )?;
    }
    for (bucket, values) in values.iter_mut().enumerate() {
        values.sort_by(|a, b| a.0.total_cmp(&b.0));
        let exact = approximate
            .get(bucket)
            .is_some_and(|approximate| !approximate);
        for (aggregate, column) in columns.aggregates.iter().zip(&mut columns.answer.columns) {
            if let (Aggregate::Percentile(p), Some(cell)) = (aggregate, column.get_mut(bucket)) {
                let found = if exact {
                    quantile(values, p / 100.0)
                } else {
                    weighted_quantile(values, p / 100.0)
                };
                *cell = found.unwrap_or(f64::NAN);
            }
        }
        if values.is_empty()
            && let Some(flag) = approximate.get_mut(bucket)
        {
            *flag = false;
        }
    }
    columns.answer.approximate = approximate;
    Ok(())
}

/// Collects raw values; `false` when they are too many.
fn exact_values(
    view: &View<'_>,
    edges: &[i64],
    first: usize,
    place_of: &dyn Fn(i64) -> Option<usize>,
    values: &mut [Weighted],
) -> Result<bool> {
    let (Some(from), Some(to)) = (edges.get(first), edges.last()) else {
        return Ok(true);
    };
    if from >= to {
        return Ok(true);
    }
    let mut held = 0;
    let hours = hours_between(from.saturating_mul(1_000_000), to.saturating_mul(1_000_000));
    view.raw_hours(hours, &mut |_, points| {
        for cell in &points.cells {
            let bucket =
                place_of(cell.time.div_euclid(1_000_000)).filter(|bucket| *bucket >= first);
            let values = bucket.and_then(|bucket| values.get_mut(bucket));
            if let (Some(values), Some(number)) = (values, cell.good_number()) {
                values.push((number, 1.0));
                held += 1;
            }
        }
        held <= RAW_VALUES_MAX
    })?;
    Ok(held <= RAW_VALUES_MAX)
}

/// Three values with the mean and the standard deviation of a roll-up, within its extremes.
fn three_points(row: &Rollup) -> impl Iterator<Item = (f64, f64)> {
    let spread = (row.m2.max(0.0) / float_u(row.n.max(1))).sqrt() * 1.5f64.sqrt();
    let (low, high) = (row.min, row.max.max(row.min));
    let weight = float_u(row.n) / 3.0;
    let mean = row.mean;
    let points = [mean - spread, mean, mean + spread].map(|value| (value.clamp(low, high), weight));
    points.into_iter().filter(|(_, weight)| *weight > 0.0)
}

/// Linear between order statistics (Hyndman and Fan 1996, type 7) of sorted values.
fn quantile(values: &[(f64, f64)], share: f64) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    let rank = share * float_u(u64::try_from(last).unwrap_or(0));
    let low = usize::try_from(u64_of(super::number::round(rank.floor())))
        .unwrap_or(0)
        .min(last);
    let (below, above) = (values.get(low)?.0, values.get((low + 1).min(last))?.0);
    Some(below + (above - below) * (rank - rank.floor()))
}

/// The value at which a share of the weight is reached, linear between the middles of the weights.
fn weighted_quantile(values: &[(f64, f64)], share: f64) -> Option<f64> {
    let total: f64 = values.iter().map(|(_, weight)| weight).sum();
    let wanted = share * total;
    let mut before: Option<(f64, f64)> = None;
    let mut sum = 0.0;
    for (value, weight) in values {
        let middle = sum + weight / 2.0;
        if wanted <= middle {
            return Some(match before {
                Some((last, at)) => last + (value - last) * (wanted - at) / (middle - at),
                None => *value,
            });
        }
        before = Some((*value, middle));
        sum += weight;
    }
    before.map(|(value, _)| value)
}

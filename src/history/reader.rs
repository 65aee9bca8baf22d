//! Reading: queries, samples, events, exports. Any number of readers work at once, in any thread, beside the writer.

use std::collections::BTreeSet;
use std::ops::{ControlFlow, Range};
use std::path::PathBuf;
use std::sync::Arc;

use redb::{ReadTransaction, ReadableTable};

use super::answer::{Answer, Samples};
use super::calendar::Calendar;
use super::error::{HistoryError, Result, guarded};
use super::evaluate::{evaluate, unreadable};
use super::events::{self, Event, EventQuery};
use super::handle::Handle;
use super::number::i32_of;
use super::query::Query;
use super::rollup::Rollup;
use super::series::{self, SeriesId, SeriesSpec};
use super::tables::{NAMES, SERIES, Tier, hour_start};
use super::view::{Snapshot, View, hours_between};
use crate::model::{Quality, Timestamp, Value};

/// Threads that one query may take.
const THREADS_MAX: usize = 4;
/// Buckets of series, all together, that one thread answers in a millisecond: fewer are not worth more threads.
const CELLS_ALONE: usize = 20_000;

/// Reads the history as it is at the moment of each call.
#[derive(Debug, Clone)]
pub struct Reader {
    pub(super) db: Handle,
    pub(super) calendar: Arc<Calendar>,
    pub(super) path: PathBuf,
}

impl Reader {
    pub(super) const fn new(db: Handle, calendar: Arc<Calendar>, path: PathBuf) -> Self {
        Self { db, calendar, path }
    }

    /// Every series, by number.
    pub fn series(&self) -> Result<Vec<(SeriesId, SeriesSpec)>> {
        guarded(|| {
            let table = self.db.begin_read()?.open_table(SERIES)?;
            let mut all = Vec::new();
            for entry in table.iter()? {
                let (number, bytes) = entry?;
                if let Some(spec) = series::decode(bytes.value()) {
                    all.push((SeriesId(number.value()), spec));
                }
            }
            Ok(all)
        })
    }

    /// Answers a query.
    pub fn query(&self, query: &Query) -> Result<Answer> {
        let grid = query.grid(&self.calendar)?;
        guarded(|| {
            let read = self.db.begin_read()?;
            let series = find_all(&read, &query.series)?;
            let first = grid.edges_ms.first().copied().unwrap_or(0);
            let last = grid.edges_ms.last().copied().unwrap_or(0);
            let hours = hours_between(
                first.saturating_mul(1_000_000),
                last.saturating_mul(1_000_000),
            );
            let wanted = series.iter().map(|(number, _)| *number).collect();
            let snapshot = Snapshot::open(&read, &self.calendar, &wanted, hours)?;
            let answer = |(number, spec): &(u32, SeriesSpec)| {
                let evaluated = guarded(|| {
                    let view = View::new(&snapshot, *number, spec.hold_ms())?;
                    evaluate(&view, spec, &grid, &query.aggregates, &snapshot.marks)
                });
                // A page that cannot be read costs the series on it.
                match evaluated {
                    Err(error) if error.is_damage() => Ok(unreadable(spec, &grid, query)),
                    evaluated => evaluated,
                }
            };
            let answers = side_by_side(&series, grid.edges_ms.len(), answer)?;
            let edges = grid.edges_ms.iter().map(|ms| Timestamp::from_millis(*ms));
            Ok(Answer {
                tier: grid.tier,
                step: grid.step,
                aggregates: query.aggregates.clone(),
                approximate: answers
                    .iter()
                    .any(|a| a.approximate.iter().any(|flag| *flag)),
                damaged_blocks: snapshot.damaged_blocks,
                edges: edges.collect(),
                series: answers,
            })
        })
    }

    /// Raw samples of a series in [from, to), at most `limit`.
    pub fn samples(
        &self,
        name: &str,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Samples> {
        let mut samples = Vec::new();
        let mut truncated = false;
        let export = Export { name, from, to };
        let Exported { damaged, kept_from } =
            self.export_samples(&export, &mut |time, value, quality| {
                if samples.len() >= limit {
                    truncated = true;
                    return ControlFlow::Break(());
                }
                samples.push((time, value, quality));
                ControlFlow::Continue(())
            })?;
        Ok(Samples {
            samples,
            truncated,
            kept_from,
            damaged,
        })
    }

    /// Calls `visit` with the raw samples of a series in order, hour by hour, so that memory stays small. Returns what
    /// it could not show.
    pub fn export_samples(
        &self,
        export: &Export<'_>,
        visit: &mut dyn FnMut(Timestamp, Value, Quality) -> ControlFlow<()>,
    ) -> Result<Exported> {
        let (from, to) = (export.from.as_nanos(), export.to.as_nanos());
        let hours = hours_between(from, to);
        self.viewed(export.name, hours.clone(), |view, snapshot| {
            let damaged = view.raw_hours(hours.clone(), &mut |_, points| {
                for cell in points
                    .cells
                    .iter()
                    .filter(|cell| (from..to).contains(&cell.time))
                {
                    let time = Timestamp::from_nanos(cell.time);
                    if visit(time, points.value(cell), cell.quality()).is_break() {
                        return false;
                    }
                }
                true
            })?;
            let time = |hour: i32| Timestamp::from_nanos(hour_start(hour));
            let damaged = damaged.into_iter().map(|d| (time(d.start), time(d.end)));
            Ok(Exported {
                damaged: damaged.collect(),
                kept_from: time(snapshot.marks.raw_hour),
            })
        })
    }

    /// Calls `visit` with the roll-ups of a series in order: start of the bucket and its statistics. Returns the stretches
    /// that are damaged. Raw samples have none: an error of [`Tier::Raw`] is an empty export.
    pub fn export_rollups(
        &self,
        export: &Export<'_>,
        tier: Tier,
        visit: &mut dyn FnMut(Timestamp, &Rollup),
    ) -> Result<Vec<(Timestamp, Timestamp)>> {
        let hours = hours_between(export.from.as_nanos(), export.to.as_nanos());
        let second = |time: Timestamp| time.as_nanos().div_euclid(1_000_000_000);
        let up = |length: i64| i32_of(-(-second(export.to)).div_euclid(length));
        let rows: Range<i32> = match tier {
            Tier::Raw => return Ok(Vec::new()),
            Tier::Minute => i32_of(second(export.from).div_euclid(60))..up(60),
            Tier::Hour => i32_of(second(export.from).div_euclid(3_600))..up(3_600),
            Tier::Day => {
                self.calendar.day_of(second(export.from))
                    ..self.calendar.day_of(second(export.to) - 1) + 1
            }
        };
        let start = |row: i32| match tier {
            Tier::Day => Timestamp::from_millis(self.calendar.day_start(row).saturating_mul(1_000)),
            _ => Timestamp::from_millis(i64::from(row) * tier.bucket_ms()),
        };
        self.viewed(export.name, hours, |view, _| {
            let need = super::rows::Need::ALL;
            let damaged = view.stream(tier, rows.clone(), need, &mut |(number, row)| {
                visit(start(*number), row);
            })?;
            Ok(damaged
                .into_iter()
                .map(|d| (start(d.start), start(d.end)))
                .collect())
        })
    }

    /// Events by kind, then by time.
    pub fn events(&self, query: &EventQuery) -> Result<Vec<Event>> {
        guarded(|| events::read(&self.db.begin_read()?, query))
    }

    /// Works on the view of one series.
    pub(super) fn viewed<T>(
        &self,
        name: &str,
        hours: Range<i32>,
        work: impl FnOnce(&View<'_>, &Snapshot<'_>) -> Result<T>,
    ) -> Result<T> {
        guarded(|| {
            let read = self.db.begin_read()?;
            let (number, spec) = find(&read, name)?;
            let snapshot = Snapshot::open(&read, &self.calendar, &BTreeSet::from([number]), hours)?;
            work(&View::new(&snapshot, number, spec.hold_ms())?, &snapshot)
        })
    }
}

/// Answers for many series on several threads, in the order of the series; for few on this one.
fn side_by_side<T: Sync, A: Send>(
    series: &[T],
    buckets: usize,
    answer: impl Fn(&T) -> Result<A> + Sync,
) -> Result<Vec<A>> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = threads.min(THREADS_MAX);
    if threads < 2 || series.len() < threads || series.len() * buckets < CELLS_ALONE {
        return series.iter().map(answer).collect();
    }
    let (answer, share) = (&answer, series.len().div_ceil(threads));
    std::thread::scope(|scope| {
        let work = |part| move || guarded(|| <[T]>::iter(part).map(answer).collect());
        let parts: Vec<_> = series
            .chunks(share)
            .map(|part| scope.spawn(work(part)))
            .collect();
        let mut answers = Vec::with_capacity(series.len());
        for part in parts {
            let part: Result<Vec<A>> = part
                .join()
                .unwrap_or_else(|_panic| Err(HistoryError::Damaged("a thread gave up".to_owned())));
            answers.extend(part?);
        }
        Ok(answers)
    })
}

/// What an export of raw samples could not show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Hours that are damaged: from, to.
    pub damaged: Vec<(Timestamp, Timestamp)>,
    /// From when on raw samples are kept.
    pub kept_from: Timestamp,
}

/// A series and a range of time, [from, to).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Export<'a> {
    /// Name of the series.
    pub name: &'a str,
    /// First moment.
    pub from: Timestamp,
    /// Moment after the last.
    pub to: Timestamp,
}

fn find(read: &ReadTransaction, name: &str) -> Result<(u32, SeriesSpec)> {
    let found = find_all(read, std::slice::from_ref(&name))?;
    found
        .into_iter()
        .next()
        .ok_or_else(|| HistoryError::NoSeries(name.to_owned()))
}

fn find_all(read: &ReadTransaction, names: &[impl AsRef<str>]) -> Result<Vec<(u32, SeriesSpec)>> {
    let numbers = read.open_table(NAMES)?;
    let specs = read.open_table(SERIES)?;
    let find = |name: &str| -> Result<(u32, SeriesSpec)> {
        let number = numbers
            .get(name)?
            .ok_or_else(|| HistoryError::NoSeries(name.to_owned()))?;
        let spec = specs
            .get(number.value())?
            .and_then(|bytes| series::decode(bytes.value()));
        Ok((
            number.value(),
            spec.unwrap_or_else(|| SeriesSpec::named(name)),
        ))
    };
    names.iter().map(|name| find(name.as_ref())).collect()
}

//! The tables of one write transaction, and how samples of whole hours get into them.
//!
//! An hour whose raw samples are kept is merged with what it held, written, and its minutes are computed again from all of
//! its samples: late samples, repeated ones and a crash between two commits leave no trace. The hour after it is computed
//! again too, since the last sample of an hour stands into the next. An hour whose raw samples have been deleted can
//! only be added to. Hours and days are derived again from minutes later; `dirty` remembers which.

use std::collections::BTreeMap;

use redb::{ReadableTable, Table, WriteTransaction};

use super::calendar::Calendar;
use super::chunks::{self, Change, Changes, Damaged, Join, Place};
use super::error::Result;
use super::point::{self, Cell, Points};
use super::roll;
use super::rollup::Rollup;
use super::rows::Row;
use super::tables::{self, CHUNKS, ChunkKey, DAMAGE, DIRTY, EVENTS, Marks, SUBJECTS, Tier};

/// The tables that hold time.
#[derive(Debug)]
pub(super) struct Store<'t> {
    pub(super) chunks: Table<'t, ChunkKey, &'static [u8]>,
    pub(super) dirty: Table<'t, (u8, i32, u32), ()>,
    pub(super) damage: Table<'t, ChunkKey, ()>,
    pub(super) events: Table<'t, (u8, i64, &'static str), &'static [u8]>,
    pub(super) subjects: Table<'t, (u8, &'static str, i64), ()>,
}

impl<'t> Store<'t> {
    pub(super) fn open(write: &'t WriteTransaction) -> Result<Self> {
        Ok(Self {
            chunks: write.open_table(CHUNKS)?,
            dirty: write.open_table(DIRTY)?,
            damage: write.open_table(DAMAGE)?,
            events: write.open_table(EVENTS)?,
            subjects: write.open_table(SUBJECTS)?,
        })
    }
}

/// The series that hours are applied to, and what holds for all of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) series: u32,
    pub(super) name: &'a str,
    pub(super) hold_ms: i64,
    pub(super) marks: Marks,
    pub(super) calendar: &'a Calendar,
}

/// The minutes of hours without raw samples that one import has written: it replaces a minute once, then adds.
#[derive(Debug, Default)]
pub(super) struct Touched(BTreeMap<i32, u64>);

/// The raw samples of an hour.
#[derive(Debug)]
pub(super) enum RawHour {
    Absent,
    Whole(Points, i64),
    Damaged,
}

impl RawHour {
    pub(super) fn read(
        chunks: &impl ReadableTable<ChunkKey, &'static [u8]>,
        series: u32,
        hour: i32,
    ) -> Result<Self> {
        let stored = chunks.get((Tier::Raw as u8, series, hour, hour.saturating_add(1)))?;
        Ok(match stored.map(|bytes| point::decode(bytes.value())) {
            None => Self::Absent,
            Some(Ok((points, hold_ms))) => Self::Whole(points, hold_ms),
            Some(Err(_damage)) => Self::Damaged,
        })
    }

    fn last(&self) -> Option<Cell> {
        match self {
            Self::Whole(points, _) => points.cells.last().copied(),
            Self::Absent | Self::Damaged => None,
        }
    }
}

/// Whether a sample stands beyond the end of its hour.
pub(super) fn stands_out(cell: &Cell, hour: i32, hold_ms: i64) -> bool {
    let end_ms = (i64::from(hour) + 1) * 3_600_000;
    cell.time.div_euclid(1_000_000).saturating_add(hold_ms) > end_ms
}

/// What samples of hours change: computed by the writer before it writes, and by readers over what is stored.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Whole hours of raw samples, in place of what is stored.
    pub(super) raw: BTreeMap<i32, Points>,
    /// Rows of the minute tier.
    pub(super) minutes: Changes,
    /// Rows of the hour tier, of hours that are too old for minutes.
    pub(super) hours: Changes,
}

/// Plans samples of hours, each sorted. `carry` is the sample before the first when the caller knows it.
pub(super) fn plan_hours(
    chunks: &impl ReadableTable<ChunkKey, &'static [u8]>,
    target: Target<'_>,
    hours: &BTreeMap<i32, Points>,
    carry: Option<Cell>,
    touched: Option<&mut Touched>,
) -> Result<Plan> {
    let mut work = Work {
        target,
        touched,
        plan: Plan::default(),
        last: carry.map(|cell| (tables::hour_of(cell.time), cell)),
    };
    for (hour, fresh) in hours {
        match RawHour::read(chunks, target.series, *hour)? {
            RawHour::Absent if *hour < target.marks.raw_hour => work.add(*hour, fresh),
            RawHour::Damaged => work.add(*hour, fresh),
            stored => {
                let last = work.merge(chunks, *hour, stored, fresh)?;
                if !hours.contains_key(&hour.saturating_add(1)) {
                    work.follow(chunks, *hour, last)?;
                }
            }
        }
    }
    Ok(work.plan)
}

/// Puts samples of hours, each sorted, into the store.
pub(super) fn apply_hours(
    store: &mut Store<'_>,
    target: Target<'_>,
    hours: &BTreeMap<i32, Points>,
    carry: Option<Cell>,
    touched: Option<&mut Touched>,
) -> Result<()> {
    let plan = plan_hours(&store.chunks, target, hours, carry, touched)?;
    for (hour, points) in &plan.raw {
        let key = (
            Tier::Raw as u8,
            target.series,
            *hour,
            hour.saturating_add(1),
        );
        let bytes = point::encode(points, target.hold_ms);
        store.chunks.insert(key, bytes.as_slice())?;
        super::events::record_texts(store, target.name, *hour, points)?;
    }
    write_rows(store, target, &plan)
}

struct Work<'a, 'b> {
    target: Target<'a>,
    touched: Option<&'b mut Touched>,
    plan: Plan,
    last: Option<(i32, Cell)>,
}

impl Work<'_, '_> {
    /// Merges samples into the raw hour and rolls all of it.
    fn merge(
        &mut self,
        chunks: &impl ReadableTable<ChunkKey, &'static [u8]>,
        hour: i32,
        stored: RawHour,
        fresh: &Points,
    ) -> Result<Option<Cell>> {
        let Target {
            series, hold_ms, ..
        } = self.target;
        let before = match self.last {
            Some((last, cell)) if last == hour.saturating_sub(1) => Some(cell),
            _ => RawHour::read(chunks, series, hour.saturating_sub(1))?.last(),
        };
        let mut points = match stored {
            RawHour::Whole(points, _) => points,
            RawHour::Absent | RawHour::Damaged => Points::default(),
        };
        points.adopt_all(fresh);
        points.sort();
        self.set(roll::minutes(&points.cells, before, hour, hold_ms));
        let last = points.cells.last().copied();
        self.last = last.map(|cell| (hour, cell));
        self.plan.raw.insert(hour, points);
        Ok(last)
    }

    /// The hour after one that has changed: its last sample stands into it.
    fn follow(
        &mut self,
        chunks: &impl ReadableTable<ChunkKey, &'static [u8]>,
        hour: i32,
        last: Option<Cell>,
    ) -> Result<()> {
        let Target {
            series,
            hold_ms,
            marks,
            ..
        } = self.target;
        let next = hour.saturating_add(1);
        match RawHour::read(chunks, series, next)? {
            RawHour::Whole(points, held_ms) => {
                self.set(roll::minutes(&points.cells, last, next, held_ms));
            }
            RawHour::Absent if next >= marks.raw_hour => {
                if last.is_some_and(|cell| stands_out(&cell, hour, hold_ms)) {
                    self.set(roll::minutes(&[], last, next, hold_ms));
                }
            }
            RawHour::Absent | RawHour::Damaged => {}
        }
        Ok(())
    }

    fn set(&mut self, rows: Vec<Row>) {
        let set = rows
            .into_iter()
            .map(|(number, row)| (number, Change::Set(row)));
        self.plan.minutes.extend(set);
    }

    /// Samples of an hour whose raw samples are gone.
    fn add(&mut self, hour: i32, fresh: &Points) {
        let before = self
            .last
            .filter(|(last, _)| *last == hour.saturating_sub(1));
        let carry = before.map(|(_, cell)| cell);
        let rows = roll::minutes(&fresh.cells, carry, hour, self.target.hold_ms);
        self.last = fresh.cells.last().map(|cell| (hour, *cell));
        if self.target.marks.has_minutes(hour) {
            for (number, row) in rows.into_iter().filter(|(_, row)| !row.is_empty()) {
                let change = self.change(hour, number, row);
                self.plan.minutes.insert(number, change);
            }
            return;
        }
        let mut whole = Rollup::default();
        for (_, row) in &rows {
            whole.merge(row);
        }
        if !whole.is_empty() {
            let change = self.change(hour, 0, whole);
            self.plan.hours.insert(hour, change);
        }
    }

    /// A minute that an import writes for the first time is replaced; everything else is added to.
    fn change(&mut self, hour: i32, number: i32, row: Rollup) -> Change {
        let counts = row.good + row.uncertain + row.bad > 0;
        match self.touched.as_deref_mut() {
            Some(touched) if counts => {
                let bit = 1u64 << number.rem_euclid(60);
                let seen = touched.0.entry(hour).or_default();
                let first = *seen & bit == 0;
                *seen |= bit;
                if first {
                    Change::Set(row)
                } else {
                    Change::Add(row)
                }
            }
            _ => Change::Add(row),
        }
    }
}

fn write_rows(store: &mut Store<'_>, target: Target<'_>, plan: &Plan) -> Result<()> {
    let Target {
        series,
        marks,
        calendar,
        ..
    } = target;
    let join = match (plan.minutes.first_key_value(), plan.minutes.len()) {
        // A day or two: the day's own chunk is still filled.
        (Some((first, _)), 0..=3_000) => Join::Since(first - first.rem_euclid(1_440)),
        _ => Join::IfSmall,
    };
    let damaged = chunks::apply(
        &mut store.chunks,
        Tier::Minute,
        series,
        &chunks::listed(&plan.minutes),
        join,
    )?;
    note_damage(store, damaged)?;
    let damaged = chunks::apply(
        &mut store.chunks,
        Tier::Hour,
        series,
        &chunks::listed(&plan.hours),
        Join::IfSmall,
    )?;
    note_damage(store, damaged)?;
    let minutes = plan.minutes.keys().map(|minute| minute.div_euclid(60));
    let mut last = None;
    for hour in minutes.chain(plan.hours.keys().copied()) {
        if last.replace(hour) != Some(hour) {
            mark_dirty(store, series, hour, calendar, &marks)?;
        }
    }
    Ok(())
}

/// Remembers that the hours and days of an hour must be derived again.
pub(super) fn mark_dirty(
    store: &mut Store<'_>,
    series: u32,
    hour: i32,
    calendar: &Calendar,
    marks: &Marks,
) -> Result<()> {
    if marks.has_minutes(hour) {
        store
            .dirty
            .insert((Tier::Hour as u8, hour.div_euclid(24), series), ())?;
    }
    let second = i64::from(hour) * 3_600;
    for second in [second, second + 3_599] {
        store
            .dirty
            .insert((Tier::Day as u8, calendar.day_of(second), series), ())?;
    }
    Ok(())
}

/// Remembers chunks that were found damaged and are gone now.
pub(super) fn note_damage(store: &mut Store<'_>, damaged: Damaged) -> Result<()> {
    for (place, _damage) in damaged {
        store.damage.insert(place.key(), ())?;
    }
    Ok(())
}

/// What is remembered as damaged in a place.
pub(super) fn damaged_within(
    damage: &impl ReadableTable<ChunkKey, ()>,
    place: &Place,
) -> Result<Vec<std::ops::Range<i32>>> {
    let (tier, series) = (place.tier as u8, place.series);
    let all = (tier, series, i32::MIN, i32::MIN)..(tier, series, place.rows.end, i32::MIN);
    let mut ranges = Vec::new();
    for entry in damage.range(all)? {
        let (key, _) = entry?;
        let (_, _, start, end) = key.value();
        if end > place.rows.start {
            ranges.push(start..end);
        }
    }
    Ok(ranges)
}

//! What a reader sees of one series: the stored rows, and over them what is not packed or derived yet.
//!
//! The rows of every tier are those that upkeep would write if it were done now, so that an answer does not depend on
//! when it runs.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use redb::{ReadOnlyTable, ReadTransaction};

use super::calendar::Calendar;
use super::chunks::{self, Change, Changes, Place};
use super::derive::{self, Stretch};
use super::error::Result;
use super::journal::{self, Hours};
use super::number::i32_of;
use super::point::{self, Cell, Points};
use super::rows::{self, Need, Row};
use super::store::{self, Plan, RawHour, Target};
use super::tables::{
    self, CHUNKS, ChunkKey, DAMAGE, DIRTY, JOURNAL, META, Marks, PIECES, Tier, hour_of,
};

/// The store as it was at one moment, with what is pending of some series.
#[derive(Debug)]
pub(super) struct Snapshot<'c> {
    pub(super) chunks: ReadOnlyTable<ChunkKey, &'static [u8]>,
    pub(super) damage: ReadOnlyTable<ChunkKey, ()>,
    pub(super) marks: Marks,
    pub(super) calendar: &'c Calendar,
    pending: BTreeMap<u32, Hours>,
    dirty: BTreeMap<u32, BTreeSet<(u8, i32)>>,
    /// Journal rows and pieces that could not be read.
    pub(super) damaged_blocks: u64,
}

impl<'c> Snapshot<'c> {
    /// Reads what is pending of the wanted series in some hours.
    pub(super) fn open(
        read: &ReadTransaction,
        calendar: &'c Calendar,
        wanted: &BTreeSet<u32>,
        hours: Range<i32>,
    ) -> Result<Self> {
        // The last sample of an hour stands into the next; a local day reaches into the UTC days beside it.
        let hours = hours.start.saturating_sub(50)..hours.end.saturating_add(50);
        let pieces = read.open_table(PIECES)?;
        let journal = read.open_table(JOURNAL)?;
        let (pending, damaged_blocks) = journal::pending(&pieces, &journal, wanted, hours)?;
        let mut dirty: BTreeMap<u32, BTreeSet<(u8, i32)>> = BTreeMap::new();
        let table = read.open_table(DIRTY)?;
        for entry in table.range((0, i32::MIN, 0)..)? {
            let (tier, day, series) = entry?.0.value();
            if wanted.contains(&series) {
                dirty.entry(series).or_default().insert((tier, day));
            }
        }
        Ok(Self {
            chunks: read.open_table(CHUNKS)?,
            damage: read.open_table(DAMAGE)?,
            marks: tables::read_marks(&read.open_table(META)?)?,
            calendar,
            pending,
            dirty,
            damaged_blocks,
        })
    }
}

impl Snapshot<'_> {
    /// The days of a tier of a series that must be derived again.
    pub(super) fn stale(&self, series: u32, tier: Tier) -> BTreeSet<i32> {
        let marked = self.dirty.get(&series).into_iter().flatten();
        marked
            .filter(|(of, _)| *of == tier as u8)
            .map(|(_, day)| *day)
            .collect()
    }
}

/// One series in a snapshot.
#[derive(Debug)]
pub(super) struct View<'s> {
    snapshot: &'s Snapshot<'s>,
    series: u32,
    plan: Plan,
}

impl<'s> View<'s> {
    pub(super) fn new(snapshot: &'s Snapshot<'s>, series: u32, hold_ms: i64) -> Result<Self> {
        let none = Hours::new();
        let target = Target {
            series,
            name: "",
            hold_ms,
            marks: snapshot.marks,
            calendar: snapshot.calendar,
        };
        let hours = snapshot.pending.get(&series).unwrap_or(&none);
        let plan = store::plan_hours(&snapshot.chunks, target, hours, None, None)?;
        Ok(Self {
            snapshot,
            series,
            plan,
        })
    }

    /// Calls `visit` with the rows of a tier in order. Returns the stretches that are damaged.
    pub(super) fn stream(
        &self,
        tier: Tier,
        range: Range<i32>,
        need: Need,
        visit: &mut dyn FnMut(&Row),
    ) -> Result<Vec<Range<i32>>> {
        let changes = self.changes(tier, &range)?;
        let bucket_ms = tier.bucket_ms() * if tier == Tier::Day { 2 } else { 1 };
        let mut show = |row: &Row| {
            if !row.1.is_empty() && range.contains(&row.0) {
                visit(row);
            }
        };
        let mut over = changes.iter().peekable();
        let place = Place {
            tier,
            series: self.series,
            rows: range.clone(),
        };
        let mut damaged = store::damaged_within(&self.snapshot.damage, &place)?;
        chunks::for_each(&self.snapshot.chunks, &place, |stretch, bytes| {
            let Ok(chunk) = rows::decode(bytes, tier.bucket_ms(), need) else {
                damaged.push(stretch);
                return Ok(());
            };
            chunk.each(|row| {
                while let Some((early, change)) = over.next_if(|(early, _)| **early < row.0) {
                    show(&(*early, change.apply(None, bucket_ms)));
                }
                match over.next_if(|(same, _)| **same == row.0) {
                    Some((same, change)) => {
                        show(&(*same, change.apply(Some(&row.1), bucket_ms)));
                    }
                    None => show(row),
                }
            });
            Ok(())
        })?;
        for (number, change) in over {
            show(&(*number, change.apply(None, bucket_ms)));
        }
        Ok(damaged)
    }

    /// What lies over the stored rows of a tier.
    fn changes(&self, tier: Tier, range: &Range<i32>) -> Result<Changes> {
        match tier {
            Tier::Raw => Ok(Changes::new()),
            Tier::Minute => {
                let within = self.plan.minutes.range(range.clone());
                Ok(within.map(|(number, change)| (*number, *change)).collect())
            }
            Tier::Hour => self.hour_changes(range),
            Tier::Day => self.day_changes(range),
        }
    }

    /// The days of a tier that must be derived, within a range.
    fn stale_days(&self, tier: Tier, range: Range<i32>) -> BTreeSet<i32> {
        let mut days = self.snapshot.stale(self.series, tier);
        days.retain(|day| range.contains(day));
        let mut last = None;
        let minutes = self.plan.minutes.keys().map(|minute| minute.div_euclid(60));
        for hour in minutes.chain(self.plan.hours.keys().copied()) {
            if last.replace(hour) == Some(hour) {
                continue;
            }
            let second = i64::from(hour) * 3_600;
            let both = match tier {
                Tier::Day => [second, second + 3_599].map(|s| self.snapshot.calendar.day_of(s)),
                _ => [hour.div_euclid(24); 2],
            };
            days.extend(both.into_iter().filter(|day| range.contains(day)));
        }
        days
    }

    fn hour_changes(&self, range: &Range<i32>) -> Result<Changes> {
        let days = range.start.div_euclid(24)..range.end.div_euclid(24).saturating_add(1);
        let mut changes = Changes::new();
        for day in self.stale_days(Tier::Hour, days) {
            let first = day.saturating_mul(1_440);
            let minutes = self.stretch(Tier::Minute, first..first.saturating_add(1_440))?;
            changes.extend(derive::hours_of_day(day, &minutes, &self.snapshot.marks));
        }
        changes.extend(
            self.plan
                .hours
                .iter()
                .map(|(hour, change)| (*hour, *change)),
        );
        changes.retain(|hour, _| range.contains(hour));
        Ok(changes)
    }

    fn day_changes(&self, range: &Range<i32>) -> Result<Changes> {
        let mut changes = Changes::new();
        for day in self.stale_days(Tier::Day, range.clone()) {
            let Snapshot {
                calendar, marks, ..
            } = self.snapshot;
            let (tier, rows) = derive::source_of_day(day, calendar, marks);
            let parts = self.stretch(tier, rows.clone())?;
            let whole = derive::day_from(&parts, &rows);
            changes.extend(whole.map(|whole| (day, Change::Set(whole))));
        }
        Ok(changes)
    }

    /// Rows with all their columns.
    pub(super) fn stretch(&self, tier: Tier, range: Range<i32>) -> Result<Stretch> {
        let mut rows = Vec::new();
        let damaged = self.stream(tier, range, Need::ALL, &mut |row| rows.push(*row))?;
        Ok(Stretch { rows, damaged })
    }

    /// Calls `visit` with the raw samples of whole hours, hour by hour, until it returns `false`; with what is damaged.
    pub(super) fn raw_hours(
        &self,
        hours: Range<i32>,
        visit: &mut dyn FnMut(i32, &Points) -> bool,
    ) -> Result<Vec<Range<i32>>> {
        let place = Place {
            tier: Tier::Raw,
            series: self.series,
            rows: hours.clone(),
        };
        let mut damaged = Vec::new();
        let mut over = self.plan.raw.range(hours).peekable();
        let mut go_on = true;
        chunks::for_each(&self.snapshot.chunks, &place, |stretch, bytes| {
            let hour = stretch.start;
            while let Some((early, points)) = over.next_if(|(early, _)| go_on && **early < hour) {
                go_on = visit(*early, points);
            }
            if !go_on {
                return Ok(());
            }
            if let Some((_, points)) = over.next_if(|(same, _)| **same == hour) {
                go_on = visit(hour, points);
                return Ok(());
            }
            match point::decode(bytes) {
                Ok((points, _)) => go_on = visit(hour, &points),
                Err(_damage) => damaged.push(stretch),
            }
            Ok(())
        })?;
        for (hour, points) in over {
            if go_on {
                go_on = visit(*hour, points);
            }
        }
        Ok(damaged)
    }

    /// The last sample of an hour that may stand into the next.
    pub(super) fn last_of(&self, hour: i32) -> Result<Option<Cell>> {
        if let Some(points) = self.plan.raw.get(&hour) {
            return Ok(points.cells.last().copied());
        }
        Ok(
            match RawHour::read(&self.snapshot.chunks, self.series, hour)? {
                RawHour::Whole(points, _) => points.cells.last().copied(),
                RawHour::Absent | RawHour::Damaged => None,
            },
        )
    }
}

/// The hours that a span of nanoseconds touches.
pub(super) fn hours_between(from: i64, to: i64) -> Range<i32> {
    let last = hour_of(to.saturating_sub(1));
    hour_of(from)..i32_of(i64::from(last) + 1)
}

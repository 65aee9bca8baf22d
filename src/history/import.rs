//! Past data in bulk: from another historian, from files.
//!
//! Samples that are young enough become raw samples like any other. Older ones go straight into the roll-ups; an import
//! replaces a minute when it first writes to it and adds to it afterwards, so that an import that was interrupted, or is
//! done twice, leaves what it would have left alone. Data in order of time is fastest; any order gives the same counts,
//! means and extremes.

use std::collections::BTreeMap;

use redb::WriteTransaction;

use super::chunks::{self, Change, Join};
use super::derive::derive_days;
use super::error::{HistoryError, Result, guarded};
use super::point::{Cell, Points};
use super::rollup::Rollup;
use super::series::SeriesId;
use super::store::{self, Store, Touched};
use super::tables::{DIRTY, Tier, hour_of, hour_start};
use super::writer::Writer;
use crate::model::{Quality, Timestamp, Value};

/// Samples per transaction.
const BATCH: usize = 200_000;
/// Roll-ups per transaction: three months of minutes, 16 MB, which the heap keeps instead of giving it back each time.
const BATCH_ROWS: usize = 131_072;

/// What an import has done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Imported {
    /// Samples or roll-ups taken.
    pub taken: u64,
    /// Roll-ups refused: the history has raw samples of that time.
    pub refused: u64,
}

impl Writer {
    /// Imports samples of a series. `progress` is called after every transaction, and stops the import by returning
    /// `false`; what was written stays.
    pub fn import(
        &mut self,
        series: SeriesId,
        samples: impl IntoIterator<Item = (Timestamp, Value, Quality)>,
        progress: &mut dyn FnMut(Imported) -> bool,
    ) -> Result<Imported> {
        let mut run = Run {
            series: series.0,
            touched: Touched::default(),
            carry: None,
        };
        let mut done = Imported::default();
        let mut points = Points::default();
        for (time, value, quality) in samples {
            points.push(series.0, time, &value, quality);
            done.taken += 1;
            if points.cells.len() >= BATCH {
                let rest = split_last_hour(&mut points);
                guarded(|| self.import_batch(&mut run, points))?;
                points = rest;
                if !progress(done) {
                    return Err(HistoryError::Stopped);
                }
            }
        }
        guarded(|| self.import_batch(&mut run, points))?;
        progress(done);
        Ok(done)
    }

    fn import_batch(&mut self, run: &mut Run, mut points: Points) -> Result<()> {
        points.sort();
        let mut hours: BTreeMap<i32, Points> = BTreeMap::new();
        for cell in &points.cells {
            hours
                .entry(hour_of(cell.time))
                .or_default()
                .adopt(&points, *cell);
        }
        let write = self.db.begin_write()?;
        {
            let mut store = Store::open(&write)?;
            let target = self.target(run.series);
            store::apply_hours(
                &mut store,
                target,
                &hours,
                run.carry,
                Some(&mut run.touched),
            )?;
        }
        self.derive_all(&write, run.series)?;
        write.commit()?;
        run.carry = points.cells.last().copied();
        Ok(())
    }

    /// Derives the days of a series that are marked.
    fn derive_all(&self, write: &WriteTransaction, series: u32) -> Result<()> {
        let mut keys = Vec::new();
        for entry in redb::ReadableTable::iter(&write.open_table(DIRTY)?)? {
            let key = entry?.0.value();
            if key.2 == series {
                keys.push(key);
            }
        }
        let mut store = Store::open(write)?;
        derive_days(&mut store, series, &keys, &self.calendar, &self.marks)?;
        Ok(())
    }

    /// Imports roll-ups of minutes, in place of those that are there: start of the minute and its statistics. Those of a
    /// time of which raw samples are kept are refused.
    pub fn import_rollups(
        &mut self,
        series: SeriesId,
        rows: impl IntoIterator<Item = (Timestamp, Rollup)>,
        progress: &mut dyn FnMut(Imported) -> bool,
    ) -> Result<Imported> {
        let mut done = Imported::default();
        let mut changes: Vec<(i32, Change)> = Vec::new();
        let floor = hour_start(self.marks.raw_hour);
        for (time, row) in rows {
            if time.as_nanos() >= floor {
                done.refused += 1;
                continue;
            }
            done.taken += 1;
            let minute = super::number::i32_of(time.as_millis().div_euclid(60_000));
            changes.push((minute, Change::Set(row)));
            if changes.len() >= BATCH_ROWS {
                guarded(|| self.import_rows(series.0, &mut changes))?;
                changes.clear();
                if !progress(done) {
                    return Err(HistoryError::Stopped);
                }
            }
        }
        guarded(|| self.import_rows(series.0, &mut changes))?;
        progress(done);
        Ok(done)
    }

    fn import_rows(&self, series: u32, changes: &mut Vec<(i32, Change)>) -> Result<()> {
        // Of two rows of one minute the later counts.
        changes.reverse();
        changes.sort_by_key(|(minute, _)| *minute);
        changes.dedup_by_key(|(minute, _)| *minute);
        let write = self.db.begin_write()?;
        {
            let mut store = Store::open(&write)?;
            let damaged = chunks::apply(
                &mut store.chunks,
                Tier::Minute,
                series,
                changes,
                Join::IfSmall,
            )?;
            store::note_damage(&mut store, damaged)?;
            let mut last = None;
            for hour in changes.iter().map(|(minute, _)| minute.div_euclid(60)) {
                if last.replace(hour) != Some(hour) {
                    store::mark_dirty(&mut store, series, hour, &self.calendar, &self.marks)?;
                }
            }
        }
        self.derive_all(&write, series)?;
        write.commit()?;
        Ok(())
    }
}

/// What an import remembers between its transactions.
struct Run {
    series: u32,
    touched: Touched,
    carry: Option<Cell>,
}

/// Keeps the latest hour for the next transaction: its samples may not be complete.
fn split_last_hour(points: &mut Points) -> Points {
    points.sort();
    let last = points
        .cells
        .last()
        .map_or(i32::MIN, |cell| hour_of(cell.time));
    let cut = points
        .cells
        .partition_point(|cell| hour_of(cell.time) < last);
    let mut rest = Points::default();
    if cut > 0 {
        for cell in points.cells.get(cut..).unwrap_or_default().to_vec() {
            rest.adopt(points, cell);
        }
        points.cells.truncate(cut);
    }
    rest
}

//! Work between commits: moving the journal into pieces, packing hours, deriving hours and days, and [`super::expiry`].
//!
//! Each call does one bounded slice in one transaction, so that a commit never waits long. Nothing is remembered that a
//! crash could lose: what is to do is read from the tables.

use std::collections::{BTreeMap, BTreeSet};

use redb::ReadableTable;

use super::derive::derive_days;
use super::error::{Result, guarded};
use super::file::keep_seq;
use super::journal::{self, Fold};
use super::number::i32_of;
use super::point::{self, Points};
use super::store::{self, Store, Target};
use super::tables::{DIRTY, JOURNAL, PIECES, Tier, hour_start};
use super::writer::Writer;
use crate::model::Timestamp;

/// Samples in the journal from which it is moved into pieces: what is held in memory meanwhile.
const JOURNAL_SAMPLES: usize = 150_000;
/// Rows in the journal from which it is moved: what a query has to read.
const JOURNAL_ROWS: u64 = 600;
/// The journal is moved after this time at the latest.
const JOURNAL_NANOS: i64 = 15 * 60 * 1_000_000_000;
/// Series that are moved in one transaction when nobody waits for a commit.
const RELIEF_SERIES: usize = 1_024;
/// Pieces that one slice reads: many tags make many, small ones.
const PIECES_MAX: usize = 8_192;
/// Hours that are packed together: two days of one tag at a second are 4 MB.
const PACK_HOURS_MAX: usize = 48;
/// Hours that begin this far in the future are packed at once: the clock of their source is wrong.
pub(super) const FUTURE_NANOS: i64 = 3_600_000_000_000;
/// A clock that stands further ahead than this is believed after as long.
pub(super) const LEAP_NANOS: i64 = 86_400_000_000_000;
/// Packing, deriving and expiring are looked for this often.
const LOOK_NANOS: i64 = 10_000_000_000;

/// What upkeep remembers between slices.
#[derive(Debug)]
pub(super) struct Upkeep {
    rows: u64,
    samples: usize,
    since: Option<i64>,
    fold: Option<Fold>,
    looked: Option<i64>,
    pub(super) sweep: Option<u32>,
    damaged: u64,
}

impl Upkeep {
    pub(super) fn new(journal_rows: u64) -> Self {
        Self {
            rows: journal_rows,
            // How many samples the rows of an earlier run hold is not known: they are moved first of all.
            samples: if journal_rows > 0 { JOURNAL_SAMPLES } else { 0 },
            since: None,
            fold: None,
            looked: None,
            sweep: None,
            damaged: 0,
        }
    }

    /// The same after the store was opened again.
    pub(super) fn anew(&self, journal_rows: u64) -> Self {
        Self {
            damaged: self.damaged,
            ..Self::new(journal_rows)
        }
    }

    pub(super) fn journal_grew(&mut self, samples: usize) {
        self.rows += 1;
        self.samples += samples;
    }

    /// Makes it due to move the journal, if there is any: that too which came while an earlier part was being moved.
    fn hurry(&mut self) {
        if self.rows > 0 {
            self.samples = self.samples.max(JOURNAL_SAMPLES);
        }
    }

    fn is_fold_due(&mut self, now: Timestamp) -> bool {
        if self.rows == 0 {
            self.since = None;
            return false;
        }
        let since = *self.since.get_or_insert(now.as_nanos());
        self.samples >= JOURNAL_SAMPLES
            || self.rows >= JOURNAL_ROWS
            || now.as_nanos().saturating_sub(since) >= JOURNAL_NANOS
    }
}

/// What a slice of upkeep did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Maintained {
    /// Whether more is to do now: call again when nothing more urgent waits.
    pub more: bool,
    /// Series whose samples were moved out of the journal.
    pub moved: usize,
    /// Hours of series that were packed.
    pub packed: usize,
    /// Days of series whose hours or whose day were derived.
    pub derived: usize,
    /// Chunks and events that were deleted because of their age.
    pub expired: usize,
}

fn each_seq(hours: &[(i32, Vec<u64>)]) -> impl Iterator<Item = (i32, u64)> {
    hours
        .iter()
        .flat_map(|(hour, seqs)| seqs.iter().map(|seq| (*hour, *seq)))
}

impl Writer {
    /// Does one slice of upkeep, for at most `series` series (a few hundred keep a slice below a commit's own time).
    pub fn maintain(&mut self, now: Timestamp, series: usize) -> Result<Maintained> {
        // A store that failed is opened again by the next commit.
        if self.is_broken {
            return Ok(Maintained::default());
        }
        let maintained = guarded(|| self.slice(now, series.max(1)));
        self.is_broken = maintained.is_err();
        maintained
    }

    fn slice(&mut self, now: Timestamp, series: usize) -> Result<Maintained> {
        if self.upkeep.fold.is_some() || self.upkeep.is_fold_due(now) {
            return self.fold(series);
        }
        let looked = self.upkeep.looked.replace(now.as_nanos());
        let rested = looked.is_none_or(|last| !(0..LOOK_NANOS).contains(&(now.as_nanos() - last)));
        if !rested {
            self.upkeep.looked = looked;
            return Ok(Maintained::default());
        }
        let mut done = self.pack(now, series)?;
        if !done.more {
            done = self.derive(now, series)?;
        }
        if !done.more {
            done = self.expire(now, series)?;
        }
        if done.more {
            self.upkeep.looked = None;
        }
        Ok(done)
    }

    /// Only moves the journal, where that is due: what data that come faster than time passes need at once.
    pub fn relieve(&mut self, now: Timestamp) -> Result<()> {
        guarded(|| {
            while self.upkeep.fold.is_some() || self.upkeep.is_fold_due(now) {
                self.fold(RELIEF_SERIES)?;
            }
            Ok(())
        })
    }

    /// Does all upkeep there is: before an export, after an import, in tests.
    pub fn settle(&mut self, now: Timestamp) -> Result<Maintained> {
        self.flush()?;
        self.upkeep.looked = None;
        let mut total = Maintained::default();
        loop {
            self.upkeep.hurry();
            let done = self.maintain(now, 512)?;
            total.moved += done.moved;
            total.packed += done.packed;
            total.derived += done.derived;
            total.expired += done.expired;
            if !done.more {
                return Ok(total);
            }
        }
    }

    /// Journal rows and pieces that were found damaged and left out since the store was opened.
    pub const fn damaged_blocks(&self) -> u64 {
        self.upkeep.damaged
    }

    fn fold(&mut self, series: usize) -> Result<Maintained> {
        if self.upkeep.fold.is_none() {
            let started = Fold::start(&self.db.begin_read()?.open_table(JOURNAL)?)?;
            if let Some((fold, damaged)) = started {
                self.upkeep.fold = Some(fold);
                self.upkeep.damaged += damaged;
            }
        }
        let Some(fold) = &mut self.upkeep.fold else {
            (self.upkeep.rows, self.upkeep.samples, self.upkeep.since) = (0, 0, None);
            return Ok(Maintained {
                more: true,
                ..Maintained::default()
            });
        };
        let write = self.db.begin_write()?;
        let done = fold.write(&mut write.open_table(PIECES)?, &self.registry, series)?;
        let rows = fold.rows();
        if done {
            let mut journal = write.open_table(JOURNAL)?;
            journal.retain_in(rows.clone(), |_, _| false)?;
            keep_seq(&write, rows.end)?;
        }
        let written = write.commit();
        if written.is_err() || done {
            // After a failed write the rows are still there and all of them are moved again.
            self.upkeep.fold = None;
        }
        written?;
        if done {
            let moved = rows.end - rows.start;
            self.upkeep.rows = self.upkeep.rows.saturating_sub(moved);
            (self.upkeep.samples, self.upkeep.since) = (0, None);
            self.upkeep.looked = None;
        }
        Ok(Maintained {
            more: true,
            moved: series,
            ..Maintained::default()
        })
    }

    /// Packs pieces of the oldest hour that is over.
    fn pack(&mut self, now: Timestamp, series: usize) -> Result<Maintained> {
        let grace = i64::try_from(self.settings.grace.as_nanos()).unwrap_or(i64::MAX);
        let is_over = |hour: i32| {
            hour_start(hour.saturating_add(1)).saturating_add(grace) <= now.as_nanos()
                || hour_start(hour) > now.as_nanos().saturating_add(FUTURE_NANOS)
        };
        let read = self.db.begin_read()?;
        let first_row = read
            .open_table(JOURNAL)?
            .first()?
            .map_or(u64::MAX, |(seq, _)| seq.value());
        let pieces = read.open_table(PIECES)?;
        // Usually one hour; after an absence many, which are cheaper together: a chunk of minutes is written once.
        let mut hours: Vec<(i32, Vec<u64>)> = Vec::new();
        let mut pieces_of_series = 0;
        for hour in journal::hours_from(&pieces, i32::MIN)? {
            let mut seqs = journal::seqs_of(&pieces, hour)?;
            seqs.retain(|seq| *seq < first_row);
            if !is_over(hour) || seqs.is_empty() {
                continue;
            }
            pieces_of_series += seqs.len();
            let is_full = hours.len() >= PACK_HOURS_MAX || pieces_of_series > PIECES_MAX;
            if is_full && !hours.is_empty() {
                break;
            }
            hours.push((hour, seqs));
        }
        drop(pieces);
        if hours.is_empty() {
            return Ok(Maintained::default());
        }
        self.pack_hours(&hours, series)
    }

    fn pack_hours(&mut self, hours: &[(i32, Vec<u64>)], series: usize) -> Result<Maintained> {
        let pieces_of_series: usize = hours.iter().map(|(_, seqs)| seqs.len()).sum();
        let series = series.min(PIECES_MAX / pieces_of_series.max(1)).max(1);
        let write = self.db.begin_write()?;
        let mut damaged = 0;
        let numbers = {
            let mut pieces = write.open_table(PIECES)?;
            let mut store = Store::open(&write)?;
            let mut numbers = BTreeSet::new();
            for (hour, seq) in each_seq(hours) {
                for entry in pieces
                    .range((hour, seq, 0)..=(hour, seq, u32::MAX))?
                    .take(series)
                {
                    numbers.insert(entry?.0.value().2);
                }
            }
            let numbers: Vec<u32> = numbers.into_iter().take(series).collect();
            for number in &numbers {
                let mut packed: BTreeMap<i32, Points> = BTreeMap::new();
                for (hour, seq) in each_seq(hours) {
                    let removed = pieces.remove((hour, seq, *number))?;
                    match removed.map(|bytes| point::decode(bytes.value())) {
                        Some(Ok((more, _))) => packed.entry(hour).or_default().adopt_all(&more),
                        Some(Err(_damage)) => damaged += 1,
                        None => {}
                    }
                }
                packed.values_mut().for_each(Points::sort);
                store::apply_hours(&mut store, self.target(*number), &packed, None, None)?;
            }
            numbers
        };
        write.commit()?;
        self.upkeep.damaged += damaged;
        Ok(Maintained {
            more: true,
            packed: numbers.len(),
            ..Maintained::default()
        })
    }

    /// How samples of a series are put into the store.
    pub(super) fn target(&self, series: u32) -> Target<'_> {
        Target {
            series,
            name: self
                .registry
                .spec(series)
                .map_or("", |spec| spec.name.as_str()),
            hold_ms: self.registry.hold_ms(series),
            marks: self.marks,
            calendar: &self.calendar,
        }
    }

    /// Derives hours and days that are over and whose minutes have changed.
    fn derive(&mut self, now: Timestamp, series: usize) -> Result<Maintained> {
        let grace = i64::try_from(self.settings.grace.as_secs()).unwrap_or(i64::MAX);
        let second = now.as_nanos().div_euclid(1_000_000_000) - grace;
        let utc_day = i32_of(second.div_euclid(86_400));
        let local_day = self.calendar.day_of(second);
        let mut due = Vec::new();
        {
            let dirty = self.db.begin_read()?.open_table(DIRTY)?;
            let future = i32_of(
                now.as_nanos()
                    .saturating_add(FUTURE_NANOS)
                    .div_euclid(LEAP_NANOS),
            ) + 1;
            for (tier, today) in [(Tier::Hour as u8, utc_day), (Tier::Day as u8, local_day)] {
                let past = (tier, i32::MIN, 0)..(tier, today, 0);
                let ahead = (tier, future.saturating_add(1), 0)..=(tier, i32::MAX, u32::MAX);
                for entry in dirty
                    .range(past)?
                    .chain(dirty.range(ahead)?)
                    .take(series - due.len())
                {
                    due.push(entry?.0.value());
                }
            }
        }
        if due.is_empty() {
            return Ok(Maintained::default());
        }
        let write = self.db.begin_write()?;
        {
            let mut store = Store::open(&write)?;
            for key in &due {
                let keys = std::slice::from_ref(key);
                derive_days(&mut store, key.2, keys, &self.calendar, &self.marks)?;
            }
        }
        write.commit()?;
        Ok(Maintained {
            more: true,
            derived: due.len(),
            ..Maintained::default()
        })
    }
}

//! Walks all of the store: is every chunk whole, and do the roll-ups say what their samples say?

use std::collections::{BTreeMap, BTreeSet};

use redb::{ReadableTable, ReadableTableMetadata};

use super::blob::unseal;
use super::chunks::{self, Place};
use super::derive::{self, Stretch};
use super::error::{HistoryError, Result, guarded};
use super::point;
use super::reader::Reader;
use super::roll;
use super::rollup::Rollup;
use super::rows::{self, Need};
use super::series::{Registry, SeriesId};
use super::store::{RawHour, stands_out};
use super::tables::{CHUNKS, DAMAGE, DIRTY, EVENTS, JOURNAL, PIECES, SERIES, Tier, hour_start};
use super::view::{Snapshot, View};
use crate::model::Timestamp;

/// Relative difference up to which two sums of the same numbers are equal.
const TOLERANCE: f64 = 1e-6;
/// Places of damage and of disagreement that are listed; all are counted.
const LISTED_MAX: usize = 100;

/// Where something is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The series; `None` for the journal and events.
    pub series: Option<SeriesId>,
    /// The tier.
    pub tier: Tier,
    /// From when.
    pub from: Timestamp,
    /// What is wrong.
    pub what: String,
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VerifyReport {
    /// Chunks, journal rows, pieces and events that were read.
    pub blocks: u64,
    /// Of these, damaged ones; with those that were found damaged earlier and replaced.
    pub damaged: u64,
    /// Roll-ups that were compared with what they are of.
    pub compared: u64,
    /// Roll-ups that disagree.
    pub disagreeing: u64,
    /// The first of the faults.
    pub faults: Vec<Fault>,
}

impl VerifyReport {
    /// Whether nothing is wrong.
    pub const fn is_sound(&self) -> bool {
        self.damaged == 0 && self.disagreeing == 0
    }

    fn fault(&mut self, series: Option<u32>, tier: Tier, second: i64, what: String) {
        if self.faults.len() < LISTED_MAX {
            self.faults.push(Fault {
                series: series.map(SeriesId),
                tier,
                from: Timestamp::from_millis(second.saturating_mul(1_000)),
                what,
            });
        }
    }
}

/// What a store holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Statistics {
    /// Size of the file.
    pub file_bytes: u64,
    /// Series.
    pub series: u64,
    /// Per tier, from raw to day.
    pub tiers: Vec<TierStatistics>,
    /// Commits that are not moved into pieces yet.
    pub journal_rows: u64,
    /// Pieces of hours that are not packed yet.
    pub pieces: u64,
    /// Days of series that are not derived yet.
    pub underived_days: u64,
    /// Events.
    pub events: u64,
    /// Chunks that were found damaged when they had to be rewritten.
    pub damaged: u64,
}

/// What a tier holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TierStatistics {
    /// Which.
    pub tier: Tier,
    /// Chunks.
    pub chunks: u64,
    /// Bytes of the chunks, without the store's own.
    pub bytes: u64,
    /// Start of the oldest chunk.
    pub oldest: Option<Timestamp>,
    /// End of the newest.
    pub newest: Option<Timestamp>,
}

impl Reader {
    /// Reads everything. `progress` is called after every series with the share done, and stops it by returning `false`.
    pub fn verify(&self, progress: &mut dyn FnMut(f64) -> bool) -> Result<VerifyReport> {
        let mut report = VerifyReport::default();
        // A page that cannot be read at all may make the store's library panic.
        if !guarded(|| self.db.is_whole()).or_else(damaged)? {
            report.damaged += 1;
            let what = "pages of the file are damaged: the chunks on them are lost";
            report.fault(None, Tier::Raw, 0, what.to_owned());
        }
        guarded(|| {
            let read = self.db.begin_read()?;
            for entry in read.open_table(JOURNAL)?.iter()? {
                report.blocks += 1;
                if let Err(damage) = point::decode(entry?.1.value()) {
                    report.damaged += 1;
                    report.fault(None, Tier::Raw, 0, format!("journal: {}", damage.0));
                }
            }
            for entry in read.open_table(EVENTS)?.iter()? {
                let (key, bytes) = entry?;
                report.blocks += 1;
                if let Err(damage) = unseal(bytes.value()) {
                    report.damaged += 1;
                    let second = key.value().1.div_euclid(1_000_000_000);
                    report.fault(None, Tier::Raw, second, format!("event: {}", damage.0));
                }
            }
            let unpacked = unpacked(&read.open_table(PIECES)?, &mut report)?;
            let registry = Registry::read(&read.open_table(SERIES)?)?;
            let numbers: Vec<u32> = registry.numbers().collect();
            for (number, done) in numbers.iter().zip(1u32..) {
                let wanted = BTreeSet::from([*number]);
                // Nothing pending: the stored rows are compared.
                let snapshot = Snapshot::open(&read, &self.calendar, &wanted, 0..0)?;
                let none = BTreeSet::new();
                let check = Check {
                    snapshot: &snapshot,
                    series: *number,
                    unpacked: unpacked.get(number).unwrap_or(&none),
                };
                if !guarded(|| check.run(&mut report).map(|()| true)).or_else(damaged)? {
                    report.damaged += 1;
                    let what = "not all of it can be read".to_owned();
                    report.fault(Some(*number), Tier::Raw, 0, what);
                }
                let total = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
                if !progress(f64::from(done) / f64::from(total)) {
                    return Err(HistoryError::Stopped);
                }
            }
            Ok(report)
        })
    }

    /// What the store holds.
    pub fn statistics(&self) -> Result<Statistics> {
        guarded(|| {
            let read = self.db.begin_read()?;
            let chunks = read.open_table(CHUNKS)?;
            let registry = Registry::read(&read.open_table(SERIES)?)?;
            let mut tiers = Vec::new();
            for tier in Tier::ALL {
                let mut sum = TierStatistics {
                    tier,
                    chunks: 0,
                    bytes: 0,
                    oldest: None,
                    newest: None,
                };
                let second = |row: i32| match tier {
                    Tier::Day => self.calendar.day_start(row),
                    _ => chunks::second_of(tier, row),
                };
                for series in registry.numbers() {
                    let Some(rows) = chunks::extent(&chunks, tier, series)? else {
                        continue;
                    };
                    let time = |row: i32| Timestamp::from_millis(second(row).saturating_mul(1_000));
                    let (start, end) = (time(rows.start), time(rows.end));
                    sum.oldest = Some(
                        sum.oldest
                            .map_or(start, |oldest: Timestamp| oldest.min(start)),
                    );
                    sum.newest = Some(sum.newest.map_or(end, |newest: Timestamp| newest.max(end)));
                    let (count, bytes) = chunks::bytes_of(&chunks, &Place { tier, series, rows })?;
                    sum.chunks += count;
                    sum.bytes += bytes;
                }
                tiers.push(sum);
            }
            Ok(Statistics {
                file_bytes: std::fs::metadata(&self.path).map_or(0, |file| file.len()),
                series: read.open_table(SERIES)?.len()?,
                tiers,
                journal_rows: read.open_table(JOURNAL)?.len()?,
                pieces: read.open_table(PIECES)?.len()?,
                underived_days: read.open_table(DIRTY)?.len()?,
                events: read.open_table(EVENTS)?.len()?,
                damaged: read.open_table(DAMAGE)?.len()?,
            })
        })
    }
}

/// The hours of each series that have pieces.
fn unpacked(
    pieces: &impl ReadableTable<(i32, u64, u32), &'static [u8]>,
    report: &mut VerifyReport,
) -> Result<BTreeMap<u32, BTreeSet<i32>>> {
    let mut unpacked: BTreeMap<u32, BTreeSet<i32>> = BTreeMap::new();
    for entry in pieces.iter()? {
        let (key, bytes) = entry?;
        let (hour, _, series) = key.value();
        report.blocks += 1;
        if let Err(damage) = point::decode(bytes.value()) {
            report.damaged += 1;
            report.fault(
                Some(series),
                Tier::Raw,
                hour_start(hour) / 1_000_000_000,
                damage.0.to_owned(),
            );
        }
        unpacked.entry(series).or_default().insert(hour);
    }
    Ok(unpacked)
}

/// Of what could be told to be whole: damage says that it is not.
fn damaged(error: HistoryError) -> Result<bool> {
    if error.is_damage() {
        return Ok(false);
    }
    Err(error)
}

struct Check<'a> {
    snapshot: &'a Snapshot<'a>,
    series: u32,
    unpacked: &'a BTreeSet<i32>,
}

impl Check<'_> {
    fn run(&self, report: &mut VerifyReport) -> Result<()> {
        for tier in Tier::ALL {
            self.walk(tier, report)?;
        }
        self.compare_minutes(report)?;
        self.compare_derived(report)
    }

    fn all(&self, tier: Tier) -> Place {
        Place {
            tier,
            series: self.series,
            rows: i32::MIN..i32::MAX,
        }
    }

    fn second(&self, tier: Tier, row: i32) -> i64 {
        match tier {
            Tier::Day => self.snapshot.calendar.day_start(row),
            _ => chunks::second_of(tier, row),
        }
    }

    /// Is every chunk whole?
    fn walk(&self, tier: Tier, report: &mut VerifyReport) -> Result<()> {
        let place = self.all(tier);
        chunks::for_each(&self.snapshot.chunks, &place, |range, bytes| {
            report.blocks += 1;
            let whole = match tier {
                Tier::Raw => point::decode(bytes).map(|_points| ()),
                _ => rows::decode(bytes, tier.bucket_ms(), Need::ALL).map(|_chunk| ()),
            };
            if let Err(damage) = whole {
                report.damaged += 1;
                report.fault(
                    Some(self.series),
                    tier,
                    self.second(tier, range.start),
                    damage.0.to_owned(),
                );
            }
            Ok(())
        })?;
        for range in super::store::damaged_within(&self.snapshot.damage, &place)? {
            report.damaged += 1;
            let what = "it was damaged and has been replaced".to_owned();
            report.fault(
                Some(self.series),
                tier,
                self.second(tier, range.start),
                what,
            );
        }
        Ok(())
    }

    /// Do the minutes say what the raw samples say?
    fn compare_minutes(&self, report: &mut VerifyReport) -> Result<()> {
        let chunks = &self.snapshot.chunks;
        let mut hours = Vec::new();
        chunks::for_each(chunks, &self.all(Tier::Raw), |range, _| {
            hours.push(range.start);
            Ok(())
        })?;
        let held: BTreeSet<i32> = hours.iter().flat_map(|hour| [*hour, hour + 1]).collect();
        for hour in held {
            let pending = self.unpacked.contains(&hour) || self.unpacked.contains(&(hour - 1));
            let stored = RawHour::read(chunks, self.series, hour)?;
            let before = RawHour::read(chunks, self.series, hour - 1)?;
            let (points, hold_ms) = match (&stored, &before) {
                _ if pending => continue,
                (RawHour::Damaged, _) | (_, RawHour::Damaged) => continue,
                (RawHour::Whole(points, hold_ms), _) => (points.cells.as_slice(), *hold_ms),
                (RawHour::Absent, RawHour::Whole(_, hold_ms))
                    if hour >= self.snapshot.marks.raw_hour =>
                {
                    (&[][..], *hold_ms)
                }
                _ => continue,
            };
            let carry = match &before {
                RawHour::Whole(points, _) => points.cells.last().copied(),
                RawHour::Absent | RawHour::Damaged => None,
            };
            if points.is_empty() && !carry.is_some_and(|cell| stands_out(&cell, hour - 1, hold_ms))
            {
                continue;
            }
            let expected = roll::minutes(points, carry, hour, hold_ms);
            let rows = hour * 60..(hour + 1) * 60;
            let place = Place {
                tier: Tier::Minute,
                series: self.series,
                rows,
            };
            let found = Stretch::read(chunks, &self.snapshot.damage, &place)?;
            if found.damaged.is_empty() {
                self.compare(Tier::Minute, &expected, &found, report);
            }
        }
        Ok(())
    }

    /// Do the hours and days say what the minutes say?
    fn compare_derived(&self, report: &mut VerifyReport) -> Result<()> {
        let Some(minutes) = chunks::extent(&self.snapshot.chunks, Tier::Minute, self.series)?
        else {
            return Ok(());
        };
        let view = View::new(self.snapshot, self.series, 0)?;
        let stale_hours = self.snapshot.stale(self.series, Tier::Hour);
        let stale_days = self.snapshot.stale(self.series, Tier::Day);
        let marks = &self.snapshot.marks;
        for day in minutes.start.div_euclid(1_440)..=minutes.end.div_euclid(1_440) {
            let rows = day * 1_440..(day + 1) * 1_440;
            if stale_hours.contains(&day) || rows.start < marks.minute {
                continue;
            }
            let parts = view.stretch(Tier::Minute, rows)?;
            let expected = derive::hours_of_day(day, &parts, marks)
                .into_iter()
                .map(|(hour, change)| (hour, change.apply(None, Tier::Hour.bucket_ms())));
            let expected: Vec<_> = expected.collect();
            let found = view.stretch(Tier::Hour, day * 24..(day + 1) * 24)?;
            if parts.damaged.is_empty() && found.damaged.is_empty() {
                self.compare(Tier::Hour, &expected, &found, report);
            }
        }
        let second = |minute: i32| chunks::second_of(Tier::Minute, minute);
        let calendar = self.snapshot.calendar;
        for day in calendar.day_of(second(minutes.start))..=calendar.day_of(second(minutes.end)) {
            let (tier, rows) = derive::source_of_day(day, calendar, marks);
            if stale_days.contains(&day) || tier != Tier::Minute {
                continue;
            }
            let parts = view.stretch(tier, rows.clone())?;
            let found = view.stretch(Tier::Day, day..day + 1)?;
            if let Some(whole) =
                derive::day_from(&parts, &rows).filter(|_| found.damaged.is_empty())
            {
                self.compare(Tier::Day, &[(day, whole)], &found, report);
            }
        }
        Ok(())
    }

    fn compare(
        &self,
        tier: Tier,
        expected: &[rows::Row],
        found: &Stretch,
        report: &mut VerifyReport,
    ) {
        let stored: BTreeMap<i32, &Rollup> = found
            .rows
            .iter()
            .map(|(number, row)| (*number, row))
            .collect();
        let none = Rollup::default();
        // The hour before the first with raw samples has been deleted; its last sample stood into it.
        let first_hour = self.snapshot.marks.raw_hour;
        for (number, expected) in expected {
            let stored = stored.get(number).copied().unwrap_or(&none);
            if expected.is_empty() && stored.is_empty() {
                continue;
            }
            report.compared += 1;
            if !agree(
                expected,
                stored,
                tier == Tier::Minute && number.div_euclid(60) <= first_hour,
            ) {
                report.disagreeing += 1;
                let what = format!("{} samples of {} at {number}", stored.n, expected.n);
                report.fault(Some(self.series), tier, self.second(tier, *number), what);
            }
        }
    }
}

/// Whether two roll-ups of the same samples are equal but for rounding; `loose` leaves out what depends on the hour
/// before.
fn agree(a: &Rollup, b: &Rollup, loose: bool) -> bool {
    let near = |a: f64, b: f64, size: f64| {
        (a - b).abs() <= TOLERANCE * (a.abs().max(b.abs()) + size) + 1e-12
    };
    let size = a.min.abs().max(a.max.abs());
    let counts = (a.good, a.uncertain, a.bad, a.n) == (b.good, b.uncertain, b.bad, b.n);
    let values = a.n == 0
        || ((a.min, a.max, a.first, a.last, a.first_ms, a.last_ms)
            == (b.min, b.max, b.first, b.last, b.first_ms, b.last_ms)
            && near(a.mean, b.mean, 0.0)
            && near(a.m2, b.m2, size * size * 1e-6));
    let times = a.covered_ms == b.covered_ms
        && a.weighted_ms == b.weighted_ms
        && near(a.integral, b.integral, size * 1_000.0);
    counts && values && (times || loose)
}

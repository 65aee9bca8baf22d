//! The tables of the store, and the marks that say how far each tier reaches back.
//!
//! | table | key | value |
//! |---|---|---|
//! | `meta` | name | layout, zone, marks |
//! | `series`, `names` | number; name | what is known of a series; its number |
//! | `journal` | sequence number of the commit | block of all samples of the commit |
//! | `pieces` | hour, first sequence number, series | block of one series, moved out of the journal |
//! | `chunks` | tier, series, first bucket, end | raw: block of an hour; others: rows |
//! | `dirty` | tier, day, series | the rows of this day must be derived again from the minutes |
//! | `damage` | tier, series, first bucket, end | a chunk that was found damaged when it had to be rewritten |
//! | `events`, `subjects` | kind, time, subject; kind, subject, time | bytes; nothing |
//!
//! Every value of `journal`, `pieces`, `chunks` and `events` has a version byte and a crc32c.

use redb::{ReadableTable, TableDefinition};

use super::error::Result;
use super::number::i32_of;

/// Tier, series, first bucket, bucket after the last.
pub(super) type ChunkKey = (u8, u32, i32, i32);

pub(super) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
pub(super) const SERIES: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("series");
pub(super) const NAMES: TableDefinition<'_, &str, u32> = TableDefinition::new("names");
pub(super) const JOURNAL: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("journal");
pub(super) const PIECES: TableDefinition<'_, (i32, u64, u32), &[u8]> =
    TableDefinition::new("pieces");
pub(super) const CHUNKS: TableDefinition<'_, ChunkKey, &[u8]> = TableDefinition::new("chunks");
pub(super) const DIRTY: TableDefinition<'_, (u8, i32, u32), ()> = TableDefinition::new("dirty");
pub(super) const DAMAGE: TableDefinition<'_, ChunkKey, ()> = TableDefinition::new("damage");
pub(super) const EVENTS: TableDefinition<'_, (u8, i64, &str), &[u8]> =
    TableDefinition::new("events");
pub(super) const SUBJECTS: TableDefinition<'_, (u8, &str, i64), ()> =
    TableDefinition::new("subjects");

/// Layout of the whole store.
pub(super) const LAYOUT: u32 = 1;

/// A tier of the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Tier {
    /// The samples themselves.
    Raw = 0,
    /// Roll-ups of a minute.
    Minute = 1,
    /// Roll-ups of an hour of UTC.
    Hour = 2,
    /// Roll-ups of a day of the plant's zone.
    Day = 3,
}

impl Tier {
    /// Every tier, from fine to coarse.
    pub const ALL: [Self; 4] = [Self::Raw, Self::Minute, Self::Hour, Self::Day];

    /// As in tables and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Minute => "1min",
            Self::Hour => "1h",
            Self::Day => "1d",
        }
    }

    /// Length of a bucket in milliseconds; of a chunk for raw samples; of most days.
    pub(super) const fn bucket_ms(self) -> i64 {
        match self {
            Self::Minute => 60_000,
            Self::Raw | Self::Hour => 3_600_000,
            Self::Day => 86_400_000,
        }
    }

    /// The largest chunk in bytes. The store gives a large value pages of its own, the next power of two of 4 KiB: a chunk
    /// is to be just smaller than that.
    pub(super) const fn chunk_bytes_max(self) -> usize {
        match self {
            Self::Raw | Self::Minute => 32_700,
            Self::Hour => 16_300,
            Self::Day => 8_150,
        }
    }
}

impl Tier {
    /// The most rows of a chunk, so that damage and expiry have bounds in time too: a month of minutes, a year of hours, ten
    /// years of days.
    pub(super) const fn chunk_rows_max(self) -> usize {
        match self {
            Self::Raw | Self::Minute => 44_640,
            Self::Hour => 8_784,
            Self::Day => 3_660,
        }
    }
}

/// How far the tiers reach back. What lies before has been, or may have been, deleted; the marks never go back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Marks {
    /// First hour with raw samples.
    pub(super) raw_hour: i32,
    /// First minute of the minute tier; begins a day of UTC.
    pub(super) minute: i32,
    /// First hour of the hour tier.
    pub(super) hour: i32,
    /// First day of the day tier.
    pub(super) day: i32,
    /// First moment of events, nanoseconds.
    pub(super) events: i64,
    /// The time by which the marks were moved last, nanoseconds.
    pub(super) clock: i64,
    /// Since when the clock has stood implausibly far ahead of `clock`.
    pub(super) ahead_since: Option<i64>,
}

impl Marks {
    pub(super) const NEW: Self = Self {
        raw_hour: i32::MIN,
        minute: i32::MIN,
        hour: i32::MIN,
        day: i32::MIN,
        events: i64::MIN,
        clock: i64::MIN,
        ahead_since: None,
    };

    /// First bucket of a tier; hours for raw.
    pub(super) const fn floor(&self, tier: Tier) -> i32 {
        match tier {
            Tier::Raw => self.raw_hour,
            Tier::Minute => self.minute,
            Tier::Hour => self.hour,
            Tier::Day => self.day,
        }
    }

    /// Whether an hour lies where minutes are kept.
    pub(super) const fn has_minutes(&self, hour: i32) -> bool {
        hour as i64 * 60 >= self.minute as i64
    }
}

const MARKS: &str = "marks";

/// The marks of a store.
pub(super) fn read_marks(meta: &impl ReadableTable<&'static str, &'static [u8]>) -> Result<Marks> {
    let stored = meta.get(MARKS)?;
    let marks = stored.and_then(|bytes| postcard::from_bytes(bytes.value()).ok());
    Ok(marks.unwrap_or(Marks::NEW))
}

/// Keeps the marks.
pub(super) fn write_marks(
    meta: &mut redb::Table<'_, &'static str, &'static [u8]>,
    marks: &Marks,
) -> Result<()> {
    let bytes = postcard::to_stdvec(marks).map_err(|_bug| super::HistoryError::Encode("marks"))?;
    meta.insert(MARKS, bytes.as_slice())?;
    Ok(())
}

/// The hour of a time in nanoseconds.
pub(super) fn hour_of(nanos: i64) -> i32 {
    i32_of(nanos.div_euclid(3_600_000_000_000))
}

/// The first nanosecond of an hour.
pub(super) fn hour_start(hour: i32) -> i64 {
    i64::from(hour).saturating_mul(3_600_000_000_000)
}

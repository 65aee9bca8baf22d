//! Hours from minutes, and local days from minutes: what upkeep writes, and what readers see before it has.

use std::collections::BTreeMap;
use std::ops::Range;

use redb::ReadableTable;

use super::calendar::Calendar;
use super::chunks::{self, Change, Changes, Join, Place};
use super::error::Result;
use super::number::i32_of;
use super::rollup::Rollup;
use super::rows::{self, Need, Row};
use super::store::{Store, note_damage};
use super::tables::{ChunkKey, Marks, Tier};

/// Days that are derived at once: so many minutes are held in memory.
const DAYS_MAX: i32 = 64;

/// A mark of the table `dirty`: tier, day, series.
pub(super) type DirtyKey = (u8, i32, u32);

/// Derives days of one series that are marked, in order, and clears the marks.
pub(super) fn derive_days(
    store: &mut Store<'_>,
    series: u32,
    keys: &[DirtyKey],
    calendar: &Calendar,
    marks: &Marks,
) -> Result<()> {
    for key in keys {
        store.dirty.remove(*key)?;
    }
    let close = |a: &DirtyKey, b: &DirtyKey| {
        a.0 == b.0 && a.1.div_euclid(DAYS_MAX) == b.1.div_euclid(DAYS_MAX)
    };
    for group in keys.chunk_by(close) {
        let (Some((tier, first, _)), Some((_, last, _))) = (group.first(), group.last()) else {
            continue;
        };
        let days = group.iter().map(|key| key.1);
        if *tier == Tier::Hour as u8 {
            let rows = first.saturating_mul(1_440)..last.saturating_add(1).saturating_mul(1_440);
            let place = Place {
                tier: Tier::Minute,
                series,
                rows,
            };
            let minutes = Stretch::read(&store.chunks, &store.damage, &place)?;
            let changes = days
                .flat_map(|day| hours_of_day(day, &minutes, marks))
                .collect();
            let damaged = chunks::consolidate(&mut store.chunks, &place)?;
            note_damage(store, damaged)?;
            let damaged = chunks::apply(
                &mut store.chunks,
                Tier::Hour,
                series,
                &chunks::listed(&changes),
                Join::IfSmall,
            )?;
            note_damage(store, damaged)?;
            continue;
        }
        let mut changes = Changes::new();
        let mut parts: Option<(Tier, Stretch)> = None;
        let group_end = |tier: Tier| {
            let ends = group
                .iter()
                .map(|key| source_of_day(key.1, calendar, marks));
            ends.filter(|(of, _)| *of == tier)
                .map(|(_, rows)| rows.end)
                .max()
        };
        for day in days {
            let (tier, rows) = source_of_day(day, calendar, marks);
            if parts.as_ref().is_none_or(|(of, _)| *of != tier) {
                let rows = rows.start..group_end(tier).unwrap_or(rows.end);
                let place = Place { tier, series, rows };
                parts = Some((tier, Stretch::read(&store.chunks, &store.damage, &place)?));
            }
            let whole = parts.as_ref().and_then(|(_, parts)| day_from(parts, &rows));
            changes.extend(whole.map(|whole| (day, Change::Set(whole))));
        }
        let damaged = chunks::apply(
            &mut store.chunks,
            Tier::Day,
            series,
            &chunks::listed(&changes),
            Join::IfSmall,
        )?;
        note_damage(store, damaged)?;
    }
    Ok(())
}

/// Rows of a stretch of time and the parts of it that are damaged.
#[derive(Debug, Default)]
pub(super) struct Stretch {
    pub(super) rows: Vec<Row>,
    pub(super) damaged: Vec<Range<i32>>,
}

impl Stretch {
    pub(super) fn read(
        chunks: &impl ReadableTable<ChunkKey, &'static [u8]>,
        damage: &impl ReadableTable<ChunkKey, ()>,
        place: &Place,
    ) -> Result<Self> {
        let mut stretch = Self {
            rows: Vec::new(),
            damaged: super::store::damaged_within(damage, place)?,
        };
        chunks::for_each(chunks, place, |range, bytes| {
            match rows::decode(bytes, place.tier.bucket_ms(), Need::ALL) {
                Ok(chunk) => chunk.each(|row| {
                    if place.rows.contains(&row.0) {
                        stretch.rows.push(*row);
                    }
                }),
                Err(_damage) => stretch.damaged.push(range),
            }
            Ok(())
        })?;
        Ok(stretch)
    }

    fn rows_within(&self, range: &Range<i32>) -> &[Row] {
        let place = |row: i32| self.rows.partition_point(|(number, _)| *number < row);
        self.rows
            .get(place(range.start)..place(range.end))
            .unwrap_or_default()
    }
}

/// The hours of a UTC day, from its minutes. Hours that cannot be known in full are left as they are.
pub(super) fn hours_of_day(day: i32, minutes: &Stretch, marks: &Marks) -> Changes {
    let mut hours: BTreeMap<i32, Rollup> = BTreeMap::new();
    for hour in day.saturating_mul(24)..day.saturating_add(1).saturating_mul(24) {
        let span = hour.saturating_mul(60)..hour.saturating_add(1).saturating_mul(60);
        let lost = minutes
            .damaged
            .iter()
            .any(|d| d.start < span.end && span.start < d.end);
        if !lost && marks.has_minutes(hour) {
            hours.insert(hour, Rollup::default());
        }
    }
    let span = day.saturating_mul(1_440)..day.saturating_add(1).saturating_mul(1_440);
    for (number, row) in minutes.rows_within(&span) {
        if let Some(hour) = hours.get_mut(&number.div_euclid(60)) {
            hour.merge(row);
        }
    }
    hours
        .into_iter()
        .map(|(hour, row)| (hour, Change::Set(row)))
        .collect()
}

/// Which rows a local day is made of: minutes where they are kept, else the hours that begin in it.
pub(super) fn source_of_day(day: i32, calendar: &Calendar, marks: &Marks) -> (Tier, Range<i32>) {
    let (start, end) = (
        calendar.day_start(day),
        calendar.day_start(day.saturating_add(1)),
    );
    let up = |second: i64, length: i64| i32_of(-(-second).div_euclid(length));
    let first = up(start, 60);
    if first >= marks.minute {
        (Tier::Minute, first..up(end, 60))
    } else {
        (Tier::Hour, up(start, 3_600)..up(end, 3_600))
    }
}

/// A local day from its rows, which may be among others; `None` when it cannot be known in full.
pub(super) fn day_from(parts: &Stretch, rows: &Range<i32>) -> Option<Rollup> {
    if parts
        .damaged
        .iter()
        .any(|d| d.start < rows.end && rows.start < d.end)
    {
        return None;
    }
    let mut whole = Rollup::default();
    for (_, row) in parts.rows_within(rows) {
        whole.merge(row);
    }
    Some(whole)
}

//! Chunks of roll-up rows: reading them in order, and changing rows in them.

use std::collections::BTreeMap;
use std::ops::Range;

use redb::{ReadableTable, Table};

use super::blob::Damage;
use super::error::Result;
use super::rollup::Rollup;
use super::rows::{self, Need, Row};
use super::tables::{ChunkKey, Tier};

/// Rows of a first try at the size of a chunk.
const GUESS: usize = 16_384;

/// A change of one row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Change {
    /// The row is this, whatever it was; an empty one is none.
    Set(Rollup),
    /// More samples of the same bucket.
    Add(Rollup),
}

impl Change {
    /// The row after the change.
    pub(super) fn apply(&self, row: Option<&Rollup>, bucket_ms: i64) -> Rollup {
        match self {
            Self::Set(new) => *new,
            Self::Add(more) => {
                let mut row = row.copied().unwrap_or_default();
                row.merge_within(more, u64::try_from(bucket_ms).unwrap_or(u64::MAX));
                row
            }
        }
    }
}

/// Chunks that could not be read.
pub(super) type Damaged = Vec<(Place, Damage)>;

/// Changes of rows of one tier of one series.
pub(super) type Changes = BTreeMap<i32, Change>;

/// Changes as [`apply`] takes them: in order, one per row.
pub(super) fn listed(changes: &Changes) -> Vec<(i32, Change)> {
    changes
        .iter()
        .map(|(number, change)| (*number, *change))
        .collect()
}

/// Where a chunk stands: its tier, its series, its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) tier: Tier,
    pub(super) series: u32,
    pub(super) rows: Range<i32>,
}

impl Place {
    pub(super) const fn key(&self) -> ChunkKey {
        (self.tier as u8, self.series, self.rows.start, self.rows.end)
    }
}

/// Calls `visit` with every chunk that overlaps `range`, in order of time.
pub(super) fn for_each(
    chunks: &impl ReadableTable<ChunkKey, &'static [u8]>,
    place: &Place,
    mut visit: impl FnMut(Range<i32>, &[u8]) -> Result<()>,
) -> Result<()> {
    let (tier, series, range) = (place.tier as u8, place.series, &place.rows);
    let before = (tier, series, i32::MIN, i32::MIN)..(tier, series, range.start, i32::MIN);
    if let Some(entry) = chunks.range(before)?.next_back() {
        let (key, bytes) = entry?;
        let (_, _, start, end) = key.value();
        if end > range.start {
            visit(start..end, bytes.value())?;
        }
    }
    if range.start >= range.end {
        return Ok(());
    }
    let within = (tier, series, range.start, i32::MIN)..(tier, series, range.end, i32::MIN);
    for entry in chunks.range(within)? {
        let (key, bytes) = entry?;
        let (_, _, start, end) = key.value();
        visit(start..end, bytes.value())?;
    }
    Ok(())
}

/// The chunk that ends at or before `row`, when it is small enough to be written again with more rows.
fn neighbour(
    chunks: &Table<'_, ChunkKey, &'static [u8]>,
    tier: Tier,
    series: u32,
    row: i32,
) -> Result<Option<(Range<i32>, usize)>> {
    let before = (tier as u8, series, i32::MIN, i32::MIN)..(tier as u8, series, row, i32::MIN);
    let Some(entry) = chunks.range(before)?.next_back() else {
        return Ok(None);
    };
    let (key, bytes) = entry?;
    Ok(Some((key.value().2..key.value().3, bytes.value().len())))
}

/// When a chunk may be written again together with the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Join {
    /// Only when that one began at this row or later: the chunk of a day that is still filled.
    Since(i32),
    /// When both together are likely to be within the bound.
    IfSmall,
}

/// Changes rows of a series, given in order. Returns the chunks that could not be read; they are removed, and what they
/// held is lost.
pub(super) fn apply(
    chunks: &mut Table<'_, ChunkKey, &'static [u8]>,
    tier: Tier,
    series: u32,
    changes: &[(i32, Change)],
    join: Join,
) -> Result<Damaged> {
    let (Some((first, _)), Some((last, _))) = (changes.first(), changes.last()) else {
        return Ok(Vec::new());
    };
    let mut place = Place {
        tier,
        series,
        rows: *first..last.saturating_add(1),
    };
    if let Some((before, bytes)) = neighbour(chunks, tier, series, *first)? {
        let more = changes.len() * 4;
        let joins = match join {
            Join::Since(row) => before.start >= row,
            Join::IfSmall if before.len() >= tier.chunk_rows_max() => false,
            Join::IfSmall => bytes + more.min(bytes / 4) <= tier.chunk_bytes_max() * 9 / 10,
        };
        if joins {
            place.rows.start = before.start;
        }
    }
    let (rows, damaged) = take(chunks, &place)?;
    let rows = changed(&rows, changes, tier);
    put(chunks, tier, series, &rows)?;
    Ok(damaged)
}

/// Rows after changes; both in order.
fn changed(rows: &[Row], changes: &[(i32, Change)], tier: Tier) -> Vec<Row> {
    let bucket_ms = tier.bucket_ms() * if tier == Tier::Day { 2 } else { 1 };
    let mut result = Vec::with_capacity(rows.len() + changes.len());
    let mut keep = |number: i32, row: Rollup| {
        if !row.is_empty() {
            result.push((number, row));
        }
    };
    let mut old = rows.iter().peekable();
    for (number, change) in changes {
        while let Some((early, row)) = old.next_if(|(early, _)| early < number) {
            keep(*early, *row);
        }
        let same = old.next_if(|(same, _)| same == number);
        keep(*number, change.apply(same.map(|(_, row)| row), bucket_ms));
    }
    old.for_each(|(number, row)| keep(*number, *row));
    result
}

/// Writes the chunks that overlap a range again as few as possible; `None` when the one before it does not fit.
pub(super) fn consolidate(
    chunks: &mut Table<'_, ChunkKey, &'static [u8]>,
    place: &Place,
) -> Result<Damaged> {
    let Some((before, bytes)) = neighbour(chunks, place.tier, place.series, place.rows.start)?
    else {
        return Ok(Vec::new());
    };
    let mut together = bytes;
    for_each(chunks, place, |_, bytes| {
        together += bytes.len();
        Ok(())
    })?;
    let long = (before.start..place.rows.end).len() > place.tier.chunk_rows_max();
    if long || together > place.tier.chunk_bytes_max() || together == bytes {
        return Ok(Vec::new());
    }
    let whole = Place {
        rows: before.start..place.rows.end,
        ..place.clone()
    };
    let (rows, damaged) = take(chunks, &whole)?;
    put(chunks, place.tier, place.series, &rows)?;
    Ok(damaged)
}

/// Removes the chunks that overlap a place and returns their rows.
fn take(
    chunks: &mut Table<'_, ChunkKey, &'static [u8]>,
    place: &Place,
) -> Result<(Vec<Row>, Damaged)> {
    let mut rows = Vec::new();
    let mut damaged = Vec::new();
    let mut found = Vec::new();
    for_each(chunks, place, |range, bytes| {
        match rows::decode(bytes, place.tier.bucket_ms(), Need::ALL) {
            Ok(chunk) => chunk.each(|row| rows.push(*row)),
            Err(damage) => {
                let rows = range.clone();
                damaged.push((
                    Place {
                        rows,
                        ..place.clone()
                    },
                    damage,
                ));
            }
        }
        found.push(range);
        Ok(())
    })?;
    for range in found {
        let rows = range;
        chunks.remove(
            Place {
                rows,
                ..place.clone()
            }
            .key(),
        )?;
    }
    Ok((rows, damaged))
}

/// Writes rows as chunks that are as large as the bound allows.
fn put(
    chunks: &mut Table<'_, ChunkKey, &'static [u8]>,
    tier: Tier,
    series: u32,
    rows: &[Row],
) -> Result<()> {
    let mut rest = rows;
    let mut guess = rest.len().min(GUESS);
    while !rest.is_empty() {
        let (count, bytes) = fitting(rest, tier, guess);
        let (now, later) = rest.split_at_checked(count).unwrap_or((rest, &[]));
        if let (Some((start, _)), Some((last, _))) = (now.first(), now.last()) {
            let key = (tier as u8, series, *start, last.saturating_add(1));
            chunks.insert(key, bytes.as_slice())?;
        }
        rest = later;
        guess = count;
    }
    Ok(())
}

/// How many of the rows make a chunk just within the bound, and that chunk. A few tries suffice: the cost of a row varies
/// slowly.
fn fitting(rows: &[Row], tier: Tier, guess: usize) -> (usize, Vec<u8>) {
    const TRIES: usize = 6;
    let max = tier.chunk_bytes_max();
    let rows = rows.get(..tier.chunk_rows_max()).unwrap_or(rows);
    let mut count = guess.clamp(1, rows.len());
    let mut best: Option<(usize, Vec<u8>)> = None;
    for _try in 0..TRIES {
        let bytes = rows::encode(rows.get(..count).unwrap_or(rows), tier.bucket_ms());
        let fits = bytes.len() <= max;
        let length = bytes.len().max(1);
        let good = fits && (count == rows.len() || length * 100 >= max * 96);
        if fits && best.as_ref().is_none_or(|(most, _)| count > *most) {
            best = Some((count, bytes));
        }
        if good {
            break;
        }
        let next = (count * max / length * 98 / 100).clamp(1, rows.len());
        if next == count {
            break;
        }
        count = next;
    }
    best.unwrap_or_else(|| {
        // Even a single row may be too large only in theory; a few rows always fit pages of their own.
        let count = rows.len().min(16);
        let few = rows.get(..count).unwrap_or(rows);
        (count, rows::encode(few, tier.bucket_ms()))
    })
}

/// The first and the end row of a tier of a series, when it has any.
pub(super) fn extent(
    chunks: &impl ReadableTable<ChunkKey, &'static [u8]>,
    tier: Tier,
    series: u32,
) -> Result<Option<Range<i32>>> {
    let all = (tier as u8, series, i32::MIN, i32::MIN)..=(tier as u8, series, i32::MAX, i32::MAX);
    let mut entries = chunks.range(all)?;
    let Some(first) = entries.next() else {
        return Ok(None);
    };
    let start = first?.0.value();
    let end = match entries.next_back() {
        Some(last) => last?.0.value().3,
        None => start.3,
    };
    Ok(Some(start.2..end))
}

/// Seconds since the epoch at which a row number of the minute or hour tier begins.
pub(super) fn second_of(tier: Tier, row: i32) -> i64 {
    i64::from(row) * (tier.bucket_ms() / 1_000)
}

/// Total of the bytes of chunks in a tier of a series.
pub(super) fn bytes_of(
    chunks: &impl ReadableTable<ChunkKey, &'static [u8]>,
    place: &Place,
) -> Result<(u64, u64)> {
    let (mut count, mut total) = (0, 0);
    for_each(chunks, place, |_, bytes| {
        count += 1;
        total += u64::try_from(bytes.len()).unwrap_or(0);
        Ok(())
    })?;
    Ok((count, total))
}

//! From commit to hour: journal rows, and the pieces they become.
//!
//! A commit is one journal row with all samples of about a second. When enough rows have come together they are moved,
//! sorted by series, into pieces; when an hour is over its pieces are packed into its chunk. Pieces are written a few
//! hundred series at a time so that a commit need not wait; the journal rows go away with the last of them. Should that be
//! interrupted, the rows are still there, and the pieces are written again over the old ones: a piece whose number is
//! not below that of the oldest journal row is unfinished and is not packed.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use redb::{ReadableTable, Table};

use super::error::Result;
use super::point::{self, Points};
use super::series::Registry;
use super::tables::hour_of;

/// Pieces of one hour of one series.
pub(super) type Hours = BTreeMap<i32, Points>;

/// The rows of a journal, decoded and sorted, on their way into pieces.
#[derive(Debug)]
pub(super) struct Fold {
    points: Points,
    rows: Range<u64>,
    done: usize,
}

impl Fold {
    /// Reads the whole journal; `None` when it is empty. The second number is of rows that are damaged.
    pub(super) fn start(
        journal: &impl ReadableTable<u64, &'static [u8]>,
    ) -> Result<Option<(Self, u64)>> {
        let mut points = Points::default();
        let mut rows: Option<Range<u64>> = None;
        let mut damaged = 0;
        for entry in journal.iter()? {
            let (seq, bytes) = entry?;
            let seq = seq.value();
            let start = rows.as_ref().map_or(seq, |rows| rows.start);
            rows = Some(start..seq.saturating_add(1));
            match point::decode(bytes.value()) {
                Ok((more, _)) => points.adopt_all(&more),
                Err(_damage) => damaged += 1,
            }
        }
        points.sort();
        Ok(rows.map(|rows| {
            (
                Self {
                    points,
                    rows,
                    done: 0,
                },
                damaged,
            )
        }))
    }

    /// Writes the pieces of up to `series` series; whether all are written.
    pub(super) fn write(
        &mut self,
        pieces: &mut Table<'_, (i32, u64, u32), &'static [u8]>,
        registry: &Registry,
        series: usize,
    ) -> Result<bool> {
        let seq = self.rows.start;
        let cells = self.points.cells.get(self.done..).unwrap_or_default();
        let mut used = 0;
        for of_series in cells.chunk_by(|a, b| a.series == b.series).take(series) {
            for of_hour in of_series.chunk_by(|a, b| hour_of(a.time) == hour_of(b.time)) {
                let Some(first) = of_hour.first() else {
                    continue;
                };
                let mut piece = Points::default();
                for cell in of_hour {
                    piece.adopt(&self.points, *cell);
                }
                let bytes = point::encode(&piece, registry.hold_ms(first.series));
                pieces.insert((hour_of(first.time), seq, first.series), bytes.as_slice())?;
            }
            used += of_series.len();
        }
        self.done += used;
        Ok(self.done >= self.points.cells.len())
    }

    /// The journal rows whose samples the pieces hold.
    pub(super) fn rows(&self) -> Range<u64> {
        self.rows.clone()
    }
}

/// The numbers under which pieces of an hour are kept, oldest first.
pub(super) fn seqs_of(
    pieces: &impl ReadableTable<(i32, u64, u32), &'static [u8]>,
    hour: i32,
) -> Result<Vec<u64>> {
    let mut seqs = Vec::new();
    let mut from = (hour, 0, 0);
    while let Some(entry) = pieces.range(from..=(hour, u64::MAX, u32::MAX))?.next() {
        let seq = entry?.0.value().1;
        seqs.push(seq);
        match seq.checked_add(1) {
            Some(next) => from = (hour, next, 0),
            None => break,
        }
    }
    Ok(seqs)
}

/// The hours that have pieces, in order, from `hour` on.
pub(super) fn hours_from(
    pieces: &impl ReadableTable<(i32, u64, u32), &'static [u8]>,
    hour: i32,
) -> Result<Vec<i32>> {
    let mut hours = Vec::new();
    let mut from = (hour, 0, 0);
    while let Some(entry) = pieces.range(from..)?.next() {
        let hour = entry?.0.value().0;
        hours.push(hour);
        match hour.checked_add(1) {
            Some(next) => from = (next, 0, 0),
            None => break,
        }
    }
    Ok(hours)
}

/// The samples of wanted series that are not packed yet: of pieces, then of the journal. Hours in `hours` only.
/// The second number is of damaged blocks.
pub(super) fn pending(
    pieces: &impl ReadableTable<(i32, u64, u32), &'static [u8]>,
    journal: &impl ReadableTable<u64, &'static [u8]>,
    wanted: &BTreeSet<u32>,
    hours: Range<i32>,
) -> Result<(BTreeMap<u32, Hours>, u64)> {
    let mut pending: BTreeMap<u32, Hours> = BTreeMap::new();
    let mut damaged = 0;
    let mut adopt = |points: &Points| {
        for cell in &points.cells {
            let hour = hour_of(cell.time);
            if hours.contains(&hour) && wanted.contains(&cell.series) {
                let of_series = pending.entry(cell.series).or_default();
                of_series.entry(hour).or_default().adopt(points, *cell);
            }
        }
    };
    for hour in hours_from(pieces, hours.start)? {
        if hour >= hours.end {
            break;
        }
        for seq in seqs_of(pieces, hour)? {
            for series in wanted {
                match pieces
                    .get((hour, seq, *series))?
                    .map(|bytes| point::decode(bytes.value()))
                {
                    Some(Ok((points, _))) => adopt(&points),
                    Some(Err(_damage)) => damaged += 1,
                    None => {}
                }
            }
        }
    }
    for entry in journal.iter()? {
        match point::decode(entry?.1.value()) {
            Ok((points, _)) => adopt(&points),
            Err(_damage) => damaged += 1,
        }
    }
    for points in pending.values_mut().flat_map(BTreeMap::values_mut) {
        points.sort();
    }
    Ok((pending, damaged))
}

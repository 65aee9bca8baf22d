//! Several inputs as one stream of scans in the order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::fault::Fault;
use super::source::{Notes, Source};
use crate::config::Config;
use crate::model::{DeviceId, Sample, TagId, Timestamp};

/// Samples that are handed on together: some milliseconds of work.
const CHUNK_SAMPLES: usize = 16 * 1024;
/// More samples of one moment than this are several scans: memory stays bounded when all rows have the same time.
const MOMENT_SAMPLES: usize = 256 * 1024;

/// Scans in the order of time, with their samples in one place.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    /// The samples of all scans, one scan after the other.
    pub(super) samples: Vec<Sample>,
    /// The scans.
    pub(super) scans: Vec<Scan>,
}

/// The samples of one device at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scan {
    /// When; never before the scan before.
    pub(super) at: Timestamp,
    /// Where its samples end; they begin where those of the scan before end.
    pub(super) end: usize,
}

impl Chunk {
    /// Makes room for other scans.
    pub(super) fn clear(&mut self) {
        self.samples.clear();
        self.scans.clear();
    }
}

/// Totals of what was read.
#[derive(Debug, Default)]
pub(super) struct ReadTotals {
    /// Rows with a time.
    pub(super) rows: u64,
    /// Rows that went back in time.
    pub(super) out_of_order: u64,
    /// Where the first of them stands.
    pub(super) first_out_of_order: Option<String>,
    /// Faults and unknown tags.
    pub(super) notes: Notes,
}

/// Merges inputs.
pub(super) struct Merge<'t> {
    sources: Vec<Source<'t>>,
    /// Next row of each input: equal times are taken in the order of the inputs.
    heads: BinaryHeap<Reverse<(Timestamp, usize)>>,
    device_of: Vec<DeviceId>,
    now: Timestamp,
    totals: ReadTotals,
}

impl<'t> Merge<'t> {
    /// Reads the first row of each input.
    pub(super) fn new(config: &Config, mut sources: Vec<Source<'t>>) -> Self {
        let mut totals = ReadTotals::default();
        let mut heads = BinaryHeap::with_capacity(sources.len());
        for (index, source) in sources.iter_mut().enumerate() {
            totals.notes.unknown.extend(source.unknown_columns());
            source.advance(&mut totals.notes);
            heads.extend(source.head().map(|head| Reverse((head, index))));
        }
        Self {
            now: Timestamp::from_nanos(i64::MIN),
            device_of: config.tags.iter().map(|tag| tag.device).collect(),
            sources,
            heads,
            totals,
        }
    }

    /// What was read so far.
    pub(super) fn into_totals(self) -> ReadTotals {
        self.totals
    }

    /// Fills an empty chunk; it stays empty at the end.
    pub(super) fn fill(&mut self, chunk: &mut Chunk) -> Result<(), Fault> {
        let mut begin = 0;
        while let Some(Reverse((_, index))) = self.heads.pop() {
            let Some(source) = self.sources.get_mut(index) else {
                continue;
            };
            while let Some(head) = source.head() {
                let others = self.heads.peek();
                if others.is_some_and(|Reverse(other)| *other < (head, index)) {
                    self.heads.push(Reverse((head, index)));
                    break;
                }
                let is_later = head > self.now;
                if is_later || chunk.samples.len() - begin >= MOMENT_SAMPLES {
                    close(chunk, begin, self.now, &self.device_of);
                    begin = chunk.samples.len();
                    if begin >= CHUNK_SAMPLES {
                        self.heads.push(Reverse((head, index)));
                        return Ok(());
                    }
                }
                if is_later {
                    self.now = head;
                } else if head < self.now {
                    self.totals.out_of_order += 1;
                    let first = &mut self.totals.first_out_of_order;
                    first.get_or_insert_with(|| source.place());
                }
                self.totals.rows += 1;
                source.take(&mut chunk.samples, &mut self.totals.notes)?;
                source.advance(&mut self.totals.notes);
            }
        }
        close(chunk, begin, self.now, &self.device_of);
        Ok(())
    }
}

/// Ends a moment: its samples, from `begin` on, become one scan per device, in the order of tags whatever the order
/// of columns, rows and files.
fn close(chunk: &mut Chunk, begin: usize, at: Timestamp, device_of: &[DeviceId]) {
    let Some(samples) = chunk.samples.get_mut(begin..) else {
        return;
    };
    if !samples.is_sorted_by_key(|sample| sample.tag) {
        samples.sort_by_key(|sample| sample.tag);
    }
    let device = |tag: TagId| device_of.get(tag.index());
    let mut end = begin;
    for scan in samples.chunk_by(|a, b| device(a.tag) == device(b.tag)) {
        end += scan.len();
        chunk.scans.push(Scan { at, end });
    }
}

//! Reading pending records, and finding out what is missing.

use super::core::Lane;
use crate::buffer::codec::{self, Stored};
use crate::buffer::error::StoreError;
use crate::buffer::store::{ReadLimit, Store};
use crate::model::Timestamp;
use crate::record::DropReasonV1;

/// After this many separate losses in one read the rest of the segment is given up, so that a shredded segment
/// costs one range in the ledger and not thousands.
const LOSSES_MAX: usize = 64;

/// After this many failed reads in a row an I/O error is taken for damage of the segment.
const READ_FAILURES_MAX: u32 = 3;

/// A read in progress.
struct Reading {
    at: u64,
    out: Vec<Stored>,
    bytes: usize,
    limit: ReadLimit,
    losses: usize,
}

impl Reading {
    const fn is_full(&self) -> bool {
        !self.out.is_empty()
            && (self.out.len() >= self.limit.records || self.bytes >= self.limit.bytes)
    }

    fn rest(&self) -> ReadLimit {
        ReadLimit {
            records: self.limit.records.saturating_sub(self.out.len()).max(1),
            bytes: self.limit.bytes.saturating_sub(self.bytes).max(1),
        }
    }

    fn push(&mut self, record: Stored) {
        self.at = record.seq + 1;
        self.bytes += record.body.len();
        self.out.push(record);
    }
}

impl<S: Store> Lane<S> {
    /// Readable records from `from` on, in order, without those in the ledger. What turns out to be missing or
    /// damaged is entered there.
    pub(in crate::buffer) fn read(
        &mut self,
        from: u64,
        limit: ReadLimit,
        at: Timestamp,
    ) -> Vec<Stored> {
        let mut reading = Reading {
            at: from.max(1),
            out: Vec::new(),
            bytes: 0,
            limit,
            losses: 0,
        };
        loop {
            reading.at = self.ledger.skip(reading.at);
            if reading.at > self.visible || reading.is_full() {
                return reading.out;
            }
            match self.kept.front().map(|kept| kept.seq) {
                Some(front) if front <= reading.at => {
                    self.read_kept(&mut reading);
                    return reading.out;
                }
                _ => self.read_store(&mut reading, at),
            }
        }
    }

    fn read_kept(&self, reading: &mut Reading) {
        let front = self.kept.front().map_or(reading.at, |kept| kept.seq);
        let start = usize::try_from(reading.at - front).unwrap_or(usize::MAX);
        for kept in self.kept.iter().skip(start) {
            if kept.seq > self.visible || reading.is_full() {
                break;
            }
            // A rejected record is in the ledger while it is still in memory.
            if self.ledger.skip(kept.seq) == kept.seq
                && let Ok(record) = codec::decode(kept.seq, &kept.value)
            {
                reading.push(record);
            }
        }
    }

    /// Reads on in the segment that can hold `reading.at`. Always moves `reading.at` forward.
    fn read_store(&mut self, reading: &mut Reading, at: Timestamp) {
        let in_memory = self.kept.front().map_or(self.visible + 1, |kept| kept.seq);
        let spans = self.spans();
        let Some((segment, end)) = spans
            .iter()
            .rfind(|(segment, end)| segment.first <= reading.at && reading.at <= *end)
            .copied()
        else {
            let next = spans.iter().find(|(s, _)| s.first > reading.at);
            let next = next.map_or(in_memory, |(s, _)| s.first.min(in_memory));
            self.lose(reading, next - 1, DropReasonV1::StoreLost, at);
            return;
        };
        let end = end.min(in_memory - 1).min(self.visible);
        let result = self.store.read(segment.first, reading.at, reading.rest());
        self.read_failures = match &result {
            Ok(_) => 0,
            Err(_) => self.read_failures + 1,
        };
        match result {
            Ok(records) if records.is_empty() => {
                self.lose(reading, end, DropReasonV1::StoreLost, at);
            }
            Ok(records) => self.take(reading, records, end, at),
            Err(error) if error.is_passing() => reading.at = self.visible + 1,
            Err(StoreError::Io { .. }) if self.read_failures < READ_FAILURES_MAX => {
                reading.at = self.visible + 1;
            }
            Err(error) => {
                self.read_failures = 0;
                self.lose(reading, end, DropReasonV1::Quarantine, at);
                if self.store.active() == Some(segment.first) {
                    // What is still in memory is written again, to a fresh segment.
                    self.durable = self.durable.min(in_memory - 1);
                    self.abandon();
                }
                self.set_aside(segment.first, error.chain());
            }
        }
    }

    fn take(
        &mut self,
        reading: &mut Reading,
        records: Vec<(u64, Vec<u8>)>,
        end: u64,
        at: Timestamp,
    ) {
        for (seq, value) in records {
            if seq > end {
                self.lose(reading, end, DropReasonV1::Corrupt, at);
                return;
            }
            if seq > reading.at {
                self.lose(reading, seq - 1, DropReasonV1::Corrupt, at);
            }
            match codec::decode(seq, &value) {
                Ok(record) if self.ledger.skip(seq) == seq => reading.push(record),
                Ok(_) => reading.at = seq + 1,
                Err(error) => {
                    tracing::debug!(lane = self.id.as_str(), seq, %error, "Record is damaged.");
                    self.lose(reading, seq, DropReasonV1::Corrupt, at);
                }
            }
            if reading.losses > LOSSES_MAX {
                self.lose(reading, end, DropReasonV1::Corrupt, at);
                return;
            }
        }
    }

    fn lose(&mut self, reading: &mut Reading, to: u64, reason: DropReasonV1, at: Timestamp) {
        if reading.at > to {
            return;
        }
        // What the ledger names already is not a new loss.
        reading.losses += self.ledger.missing(reading.at, to).len();
        self.account(reading.at, to, reason, at);
        reading.at = to + 1;
    }
}

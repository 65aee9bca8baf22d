//! What a lane does with what it finds at start.

use std::collections::VecDeque;

use super::core::{Lane, LanePolicy, Mode};
use crate::buffer::codec;
use crate::buffer::error::StoreError;
use crate::buffer::incident::Incident;
use crate::buffer::ledger::Ledger;
use crate::buffer::store::{Found, Mark, ReadLimit, Store};
use crate::model::{Mono, Timestamp};
use crate::record::{self, DropReasonV1};

/// When the mark is lost and the newest segment is unreadable, nobody knows how far numbers were used: this many are
/// skipped. More than any segment holds.
const SKIP_WHEN_BLIND: u64 = 1 << 24;

/// Records looked at together while the end of a segment is checked.
const STEP: ReadLimit = ReadLimit {
    records: 256,
    bytes: 1 << 20,
};

/// How a lane is opened.
#[derive(Debug)]
pub(in crate::buffer) struct Opening<S> {
    /// Which lane.
    pub id: record::Lane,
    /// Its medium.
    pub store: S,
    /// Its bounds.
    pub policy: LanePolicy,
    /// The epoch of this run.
    pub epoch: u32,
}

impl<S: Store> Lane<S> {
    /// Opens the newest segment only, compares it with the high-water mark, and accounts for every committed record
    /// that is neither there nor acknowledged.
    pub(in crate::buffer) fn open(opening: Opening<S>, at: Timestamp) -> Self {
        let mut lane = Self::empty(opening);
        let found = lane.store.found();
        let marked = found.mark.map_or(0, |mark| mark.last);
        lane.cursor = lane.read_cursor(&found);
        lane.read_ledger(&found, at);
        if found.mark.is_none()
            && (found.cursor.is_some_and(|c| c.acked > 0) || lane.store.segments().len() > 1)
        {
            lane.report(Incident::FileLost {
                lane: lane.id,
                file: "mark",
            });
        }

        let (end, reason) = lane.read_end(found.mark.map(|m| m.last));
        let blind = found.mark.is_none() && reason == DropReasonV1::Quarantine;
        let skip = if blind { SKIP_WHEN_BLIND } else { 0 };
        // A number in the ledger was given out, even if its record was never durable.
        let top = marked
            .max(end + skip)
            .max(lane.cursor)
            .max(lane.ledger.end());
        lane.next = top + 1;
        (lane.written, lane.durable, lane.visible) = (top, top, top);
        // Beyond the mark only what the ledger shows to have been given out, and only ever stood in memory.
        lane.account(end + 1, top, reason, at);
        let oldest = lane.store.segments().first().map(|s| s.first);
        if let Some(oldest) = oldest {
            lane.account(
                lane.cursor + 1,
                oldest.saturating_sub(1),
                DropReasonV1::StoreLost,
                at,
            );
        }
        lane.save_after_open(&found);
        lane
    }

    /// Gives up the numbers up to `last`, right after opening.
    pub(in crate::buffer) fn skip_past(&mut self, last: u64, at: Timestamp) {
        let from = self.next;
        self.next = last + 1;
        (self.written, self.durable, self.visible) = (last, last, last);
        self.account(from, last, DropReasonV1::StoreLost, at);
    }

    fn empty(opening: Opening<S>) -> Self {
        Self {
            id: opening.id,
            store: opening.store,
            policy: opening.policy,
            epoch: opening.epoch,
            kept: VecDeque::new(),
            kept_bytes: 0,
            next: 1,
            written: 0,
            durable: 0,
            visible: 0,
            cursor: 0,
            saved: None,
            active_payload_bytes: 0,
            rotated_at: Mono::default(),
            mode: Mode::Durable,
            ledger: Ledger::default(),
            is_ledger_saved: true,
            incidents: Vec::new(),
            early_error: None,
            read_failures: 0,
            appended_bytes: 0,
        }
    }

    /// A lost ledger may have named what the cursor has passed, in drop records that may be lost, too. What cannot be
    /// shown to be delivered is named, even if much of it was.
    fn read_ledger(&mut self, found: &Found, at: Timestamp) {
        let from = found.cursor.map_or(1, |cursor| cursor.ledger_from);
        match found.ledger.as_deref().map(Ledger::decode) {
            Some(Some(ledger)) => {
                self.ledger = ledger;
                return;
            }
            None if found.cursor.is_none() || from == 0 => return,
            None | Some(None) => {}
        }
        self.report(Incident::FileLost {
            lane: self.id,
            file: "ledger",
        });
        if from > 0 && from <= self.cursor {
            self.ledger
                .add(from, self.cursor, DropReasonV1::StoreLost, at);
            self.is_ledger_saved = false;
            self.report(Incident::Dropped {
                lane: self.id,
                from,
                to: self.cursor,
                reason: DropReasonV1::StoreLost,
            });
        }
    }

    /// A lost cursor is derived from where it stood at the last commit: that costs duplicates, never records. What
    /// was acknowledged and removed since then is named as lost, because nobody can tell that from a loss any more.
    fn read_cursor(&mut self, found: &Found) -> u64 {
        if let Some(cursor) = found.cursor {
            return cursor.acked;
        }
        if found.mark.is_some() {
            self.report(Incident::FileLost {
                lane: self.id,
                file: "cursor",
            });
        }
        let oldest = self.store.segments().first().map(|s| s.first);
        let first = found.mark.map(|mark| mark.first).or(oldest);
        first.map_or(0, |first| first.saturating_sub(1))
    }

    /// The last good record of the lane, and why what the mark promises beyond it is missing.
    fn read_end(&mut self, marked: Option<u64>) -> (u64, DropReasonV1) {
        let lost = DropReasonV1::StoreLost;
        while let Some(newest) = self.store.segments().last().copied() {
            let before = newest.first.saturating_sub(1);
            let is_empty = marked.map_or(newest.first == 1, |m| m <= before);
            let end = match (self.store.last(newest.first), marked) {
                (Ok(Some(last)), Some(marked)) => self.good_end(newest.first, last, marked),
                (Ok(Some(_)), None) => self.last_good(newest.first),
                (Ok(None), _) => Ok(before),
                (Err(error), _) => Err(error),
            };
            match end {
                // Empty, and the mark agrees that nothing was committed in it: it only occupies a name.
                Ok(end) if end == before && is_empty => {
                    if let Err(error) = self.store.remove(newest.first) {
                        tracing::warn!(lane = self.id.as_str(), error = %error.chain(), "Empty segment cannot be removed.");
                        return (before, lost);
                    }
                    // What stands before it was closed whole; the loop finds its end.
                }
                Ok(end) if end == before => {
                    self.set_aside(newest.first, "it is empty".into());
                    return (before, lost);
                }
                Ok(end) => return (end, lost),
                // The disk is the trouble, not the segment: trust the mark.
                Err(error) if error.is_passing() => {
                    return (marked.unwrap_or(before + SKIP_WHEN_BLIND), lost);
                }
                Err(error) => {
                    self.set_aside(newest.first, error.chain());
                    return (before, DropReasonV1::Quarantine);
                }
            }
        }
        (self.cursor, lost)
    }

    /// Without a mark every whole record counts as committed; a torn tail does not.
    fn last_good(&mut self, segment: u64) -> Result<u64, StoreError> {
        let mut good = segment.saturating_sub(1);
        let mut at = segment;
        loop {
            let records = self.store.read(segment, at, STEP)?;
            let Some((last, _)) = records.last() else {
                return Ok(good);
            };
            at = last + 1;
            let whole = records
                .iter()
                .rfind(|(seq, value)| codec::decode(*seq, value).is_ok());
            good = whole.map_or(good, |(seq, _)| *seq);
        }
    }

    /// Records beyond the mark were written but never confirmed: they are kept as far as they are whole.
    fn good_end(&mut self, segment: u64, last: u64, marked: u64) -> Result<u64, StoreError> {
        if last <= marked {
            return Ok(last);
        }
        let mut end = marked.max(segment.saturating_sub(1));
        loop {
            let records = self.store.read(segment, end + 1, STEP)?;
            if records.is_empty() {
                return Ok(end);
            }
            for (seq, value) in records {
                if seq != end + 1 || codec::decode(seq, &value).is_err() {
                    return Ok(end);
                }
                end = seq;
            }
        }
    }

    pub(super) fn set_aside(&mut self, segment: u64, error: String) {
        if let Err(failure) = self.save_ledger() {
            tracing::debug!(lane = self.id.as_str(), error = %failure.chain(), "Ledger cannot be saved; saved later.");
        }
        if let Err(failure) = self.store.quarantine(segment) {
            tracing::warn!(lane = self.id.as_str(), segment, error = %failure.chain(), "Damaged segment cannot be set aside.");
        }
        self.report(Incident::Quarantined {
            lane: self.id,
            segment,
            error,
        });
    }

    /// Settles the small files. Failures show again at the first commit, which knows what to do.
    fn save_after_open(&mut self, found: &Found) {
        self.saved = found.cursor;
        let is_marked = found.mark.map_or(0, |mark| mark.last) == self.durable;
        let mark = Mark {
            epoch: self.epoch,
            first: self.first_owed(),
            last: self.durable,
        };
        let mut result = self.save_ledger().and_then(|()| self.save_cursor());
        if result.is_ok() && !is_marked {
            // What was found beyond the mark is promised from now on.
            result = self.store.save_mark(mark);
        }
        if let Err(error) = result {
            tracing::warn!(lane = self.id.as_str(), error = %error.chain(), "Buffer files cannot be saved.");
        }
    }
}

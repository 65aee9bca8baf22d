//! Appending, committing, acknowledging, dropping.

use std::collections::VecDeque;
use std::time::Duration;

use crate::buffer::codec;
use crate::buffer::error::StoreError;
use crate::buffer::incident::Incident;
use crate::buffer::ledger::Ledger;
use crate::buffer::store::{Cursor, Mark, SegmentInfo, Store};
use crate::model::{Mono, Now, Timestamp};
use crate::record::{self, DropReasonV1};

/// First and longest pause between attempts to write to a disk that refused.
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_mins(1);

/// A segment that took longer than this to fill a quarter is closed there: the storage engine keeps all of an open
/// segment in memory. A faster lane fills its segments, because closing one and opening the next takes time.
const SLOW: Duration = Duration::from_secs(10);

/// Incidents kept until the engine takes them; neighbours merge, so this is rarely reached.
const INCIDENTS_MAX: usize = 256;

/// Bounds of a lane.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_field_names, reason = "the unit stands last")]
pub(in crate::buffer) struct LanePolicy {
    /// A segment is closed at this payload, bytes; that of a slow lane at a quarter of it.
    pub segment_bytes: u64,
    /// Recently committed records kept in memory for the publisher, bytes.
    pub tail_bytes: usize,
    /// Records kept in memory while the disk refuses them, bytes; the oldest are dropped beyond it.
    pub ring_bytes: usize,
}

/// A record in memory, in its stored form.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) seq: u64,
    pub(super) value: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Mode {
    Durable,
    /// The disk refuses; the next attempt is at this time.
    Memory {
        retry_at: Mono,
        pause: Duration,
        is_full: bool,
    },
}

/// One lane on its medium.
#[derive(Debug)]
pub(in crate::buffer) struct Lane<S> {
    pub(super) id: record::Lane,
    pub(super) store: S,
    pub(super) policy: LanePolicy,
    pub(super) epoch: u32,
    /// Consecutive records up to `next - 1`: the committed tail, and everything not committed yet.
    pub(super) kept: VecDeque<Kept>,
    pub(super) kept_bytes: usize,
    pub(super) next: u64,
    pub(super) written: u64,
    pub(super) durable: u64,
    pub(super) visible: u64,
    pub(super) cursor: u64,
    /// The cursor on disk; none while there is none.
    pub(super) saved: Option<Cursor>,
    pub(super) active_payload_bytes: u64,
    /// When a segment was last closed because it was full.
    pub(super) rotated_at: Mono,
    pub(super) mode: Mode,
    pub(super) ledger: Ledger,
    pub(super) is_ledger_saved: bool,
    pub(super) incidents: Vec<Incident>,
    /// A write ahead of the commit failed; the commit deals with it.
    pub(super) early_error: Option<StoreError>,
    /// Failed reads in a row that may pass by themselves.
    pub(super) read_failures: u32,
    /// Bodies ever taken in this run, bytes; for the fill rate.
    pub(super) appended_bytes: u64,
}

impl<S: Store> Lane<S> {
    /// Numbers a record and keeps it; it is readable after the next [`Lane::commit`].
    pub(in crate::buffer) fn append(&mut self, body: &[u8], at: Timestamp) -> u64 {
        let seq = self.next;
        let value = codec::encode(self.epoch, seq, at, body);
        self.kept_bytes += value.len();
        self.appended_bytes += value.len() as u64;
        self.kept.push_back(Kept { seq, value });
        self.next += 1;
        seq
    }

    /// Gives up to `max` records to the store ahead of the commit, so that the commit itself is short. Failures
    /// are left to the commit.
    pub(in crate::buffer) fn write_ahead(&mut self, max: usize) {
        if matches!(self.mode, Mode::Durable) && self.early_error.is_none() {
            self.early_error = self.write(max).err();
        }
    }

    /// Makes everything appended durable and readable. When the disk refuses twice, records become readable from
    /// memory and are written as soon as the disk takes them again.
    pub(in crate::buffer) fn commit(&mut self, now: Now) {
        match self.mode {
            Mode::Durable if self.durable + 1 == self.next => {}
            Mode::Durable => match self.commit_once(now.mono) {
                Ok(()) => self.trim(),
                Err(error) => self.commit_afresh(&error, now),
            },
            Mode::Memory { retry_at, .. } if now.mono < retry_at => self.expose(now),
            Mode::Memory { pause, .. } => match self.commit_once(now.mono) {
                Ok(()) => {
                    self.mode = Mode::Durable;
                    self.report(Incident::DurableAgain { lane: self.id });
                    self.trim();
                }
                Err(error) => self.keep_in_memory(&error, (pause * 2).min(RETRY_MAX), now),
            },
        }
    }

    /// After a failed commit nothing in the active segment since the last one can be believed, and a second fsync
    /// would falsely succeed: everything uncommitted goes to a fresh segment, once.
    fn commit_afresh(&mut self, first_error: &StoreError, now: Now) {
        if first_error.is_no_space() && self.id == record::Lane::Alerts {
            self.store.release_reserve();
        }
        self.abandon();
        match self.commit_once(now.mono) {
            Ok(()) => {
                self.report(Incident::WriteFault {
                    lane: self.id,
                    error: first_error.chain(),
                });
                self.trim();
            }
            Err(error) => {
                self.report(Incident::NotDurable {
                    lane: self.id,
                    is_full: error.is_no_space(),
                    error: error.chain(),
                });
                self.keep_in_memory(&error, RETRY_FIRST, now);
            }
        }
    }

    fn keep_in_memory(&mut self, error: &StoreError, pause: Duration, now: Now) {
        self.abandon();
        self.mode = Mode::Memory {
            retry_at: now.mono.saturating_add(pause),
            pause,
            is_full: error.is_no_space(),
        };
        self.expose(now);
    }

    pub(super) fn abandon(&mut self) {
        self.store.close();
        self.written = self.durable;
        self.active_payload_bytes = 0;
    }

    /// Makes uncommitted records readable, and drops the oldest beyond the bound of the memory.
    fn expose(&mut self, now: Now) {
        self.visible = self.next - 1;
        self.trim();
        while self.kept_bytes > self.policy.ring_bytes {
            let Some(oldest) = self.pop_kept() else { break };
            if oldest > self.durable {
                self.account(oldest, oldest, DropReasonV1::DiskFull, now.wall);
            }
        }
    }

    fn commit_once(&mut self, now: Mono) -> Result<(), StoreError> {
        if let Some(error) = self.early_error.take() {
            return Err(error);
        }
        self.write(usize::MAX)?;
        if self.store.active().is_none() {
            // Everything uncommitted was acknowledged from memory: only the cursor and the mark are left to save.
            self.save_account()?;
        } else {
            self.store.sync()?;
        }
        let mark = Mark {
            epoch: self.epoch,
            first: self.first_owed(),
            last: self.next - 1,
        };
        self.store.save_mark(mark)?;
        self.durable = self.next - 1;
        self.written = self.durable;
        self.visible = self.durable;
        if self.is_segment_full(now) {
            self.store.close();
            self.active_payload_bytes = 0;
            self.rotated_at = now;
        }
        Ok(())
    }

    fn is_segment_full(&self, now: Mono) -> bool {
        let is_slow = now.since(self.rotated_at) >= SLOW;
        let room = self.policy.segment_bytes / if is_slow { 4 } else { 1 };
        self.active_payload_bytes >= room
    }

    fn write(&mut self, max: usize) -> Result<(), StoreError> {
        let Some(front) = self.kept.front().map(|kept| kept.seq) else {
            return Ok(());
        };
        let start = usize::try_from((self.written + 1).saturating_sub(front)).unwrap_or(usize::MAX);
        for index in start..start.saturating_add(max).min(self.kept.len()) {
            let Some(seq) = self.kept.get(index).map(|kept| kept.seq) else {
                break;
            };
            if self.store.active().is_none() {
                self.begin(seq)?;
            }
            if let Some(kept) = self.kept.get(index) {
                self.store.append(seq, &kept.value)?;
                self.active_payload_bytes += kept.value.len() as u64;
            }
            self.written = seq;
        }
        Ok(())
    }

    fn begin(&mut self, first: u64) -> Result<(), StoreError> {
        if first > self.durable + 1 {
            // The numbers in between were acknowledged or dropped while the disk was refusing. That must be on disk
            // before a segment stands above the hole, or the hole would look like a loss at the next start.
            self.save_account()?;
        }
        self.store.begin(first)?;
        self.active_payload_bytes = 0;
        Ok(())
    }

    /// Everything up to `up_to` was delivered.
    pub(in crate::buffer) fn ack(&mut self, up_to: u64) {
        self.cursor = self.cursor.max(up_to.min(self.visible));
        self.trim();
    }

    /// This record will never be delivered.
    pub(in crate::buffer) fn reject(&mut self, seq: u64, at: Timestamp) {
        self.account(seq, seq, DropReasonV1::Rejected, at);
    }

    /// Saves the cursor, then destroys segments that it has passed. Called at most once a second.
    pub(in crate::buffer) fn save_cursor(&mut self) -> Result<(), StoreError> {
        // Nothing will ever acknowledge a dropped record: the cursor steps over it by itself.
        self.cursor = (self.ledger.skip(self.cursor + 1) - 1)
            .min(self.visible)
            .max(self.cursor);
        self.save_account()?;
        self.remove_drained()
    }

    /// Saves ledger and cursor as far as they changed, in this order: a cursor beyond a range that is not in the
    /// ledger on disk would hide a loss.
    fn save_account(&mut self) -> Result<(), StoreError> {
        self.save_ledger()?;
        let cursor = Cursor {
            acked: self.cursor,
            ledger_from: self.ledger.start(),
        };
        if self.saved != Some(cursor) {
            self.store.save_cursor(cursor)?;
            self.saved = Some(cursor);
        }
        Ok(())
    }

    pub(super) fn remove_drained(&mut self) -> Result<(), StoreError> {
        for (segment, end) in self.spans() {
            if end > self.cursor_saved() || self.store.active() == Some(segment.first) {
                break;
            }
            self.store.remove(segment.first)?;
        }
        Ok(())
    }

    /// Saves the ledger if it changed.
    pub(in crate::buffer) fn save_ledger(&mut self) -> Result<(), StoreError> {
        if !self.is_ledger_saved {
            self.store.save_ledger(&self.ledger.encode())?;
            self.is_ledger_saved = true;
        }
        Ok(())
    }

    /// Destroys the oldest segment that is not written to, to make room. Its pending records are accounted for
    /// first. False when there is none.
    pub(in crate::buffer) fn drop_oldest(&mut self, reason: DropReasonV1, at: Timestamp) -> bool {
        let Some((segment, end)) = self.spans().first().copied() else {
            return false;
        };
        if self.store.active() == Some(segment.first) {
            return false;
        }
        self.account(segment.first, end, reason, at);
        if let Err(error) = self.save_ledger() {
            // On a full disk the room must come first. After a crash here the hole is found and accounted for.
            tracing::warn!(lane = self.id.as_str(), error = %error.chain(), "Ledger cannot be saved; saved later.");
        }
        match self.store.remove(segment.first) {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(lane = self.id.as_str(), error = %error.chain(), "Segment cannot be removed.");
                false
            }
        }
    }

    /// Enters a loss in the ledger, as far as it is neither acknowledged nor known.
    pub(super) fn account(&mut self, from: u64, to: u64, reason: DropReasonV1, at: Timestamp) {
        let (from, to) = (from.max(self.cursor + 1), to.min(self.visible));
        if from > to || self.ledger.add(from, to, reason, at) == 0 {
            return;
        }
        self.is_ledger_saved = false;
        let lane = self.id;
        if let Some(Incident::Dropped {
            lane: last_lane,
            to: last_to,
            reason: last_reason,
            ..
        }) = self.incidents.last_mut()
            && (*last_lane, *last_to + 1, *last_reason) == (lane, from, reason)
        {
            *last_to = to;
            return;
        }
        self.report(Incident::Dropped {
            lane,
            from,
            to,
            reason,
        });
    }

    pub(super) fn report(&mut self, incident: Incident) {
        if self.incidents.len() < INCIDENTS_MAX {
            self.incidents.push(incident);
        }
    }

    /// Segments with the last sequence number that each can hold, oldest first.
    pub(super) fn spans(&self) -> Vec<(SegmentInfo, u64)> {
        let segments = self.store.segments();
        let newest = segments.last().map(|s| s.first);
        let end = if self.store.active() == newest {
            self.next - 1
        } else {
            self.durable
        };
        let ends: Vec<u64> = segments
            .iter()
            .skip(1)
            .map(|next| next.first - 1)
            .chain([end])
            .collect();
        segments.into_iter().zip(ends).collect()
    }

    pub(in crate::buffer) fn first_held(&self) -> u64 {
        let oldest = self.store.segments().first().map(|s| s.first);
        oldest.unwrap_or(self.next)
    }

    /// Forgets records in memory that are delivered, or durable and beyond the tail's bound.
    pub(super) fn trim(&mut self) {
        let delivered = self.cursor.min(self.visible);
        while let Some(front) = self.kept.front() {
            let over = front.seq <= self.durable && self.kept_bytes > self.policy.tail_bytes;
            if front.seq > delivered && !over {
                break;
            }
            self.pop_kept();
        }
    }

    fn pop_kept(&mut self) -> Option<u64> {
        let kept = self.kept.pop_front()?;
        self.kept_bytes -= kept.value.len();
        Some(kept.seq)
    }

    /// Whether everything readable is on the disk.
    pub(in crate::buffer) const fn is_durable(&self) -> bool {
        matches!(self.mode, Mode::Durable)
    }

    /// Whether the disk refuses because it is full.
    pub(in crate::buffer) const fn is_full(&self) -> bool {
        matches!(self.mode, Mode::Memory { is_full: true, .. })
    }

    /// Tries the disk again at the next commit instead of waiting for the pause to end.
    pub(in crate::buffer) const fn retry_now(&mut self) {
        if let Mode::Memory { retry_at, .. } = &mut self.mode {
            *retry_at = Mono::from_nanos(0);
        }
    }

    /// Whether a commit has something to do.
    pub(in crate::buffer) const fn is_dirty(&self) -> bool {
        self.durable + 1 < self.next || !self.is_durable()
    }

    /// Bytes on disk, segments set aside included.
    pub(in crate::buffer) fn disk_bytes(&self) -> u64 {
        let segments: u64 = self.store.segments().iter().map(|s| s.disk_bytes).sum();
        segments + self.store.quarantined().1
    }
}

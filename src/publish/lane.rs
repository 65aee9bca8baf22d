//! Reading ahead of one lane: at most one read under way, a bounded number of records ready.

use std::collections::VecDeque;
use std::pin::Pin;
use std::time::Duration;

use tokio::time::Instant;

use super::source::{ReadLimit, Source, Stored};
use crate::model::with_causes;
use crate::record::Lane;

/// Records read at once.
const READ: ReadLimit = ReadLimit {
    records: 256,
    bytes: 256 * 1024,
};
/// The next read starts when fewer records than this are ready.
const LOW_WATER: usize = 64;
/// Wait after a read that failed.
const READ_RETRY: Duration = Duration::from_secs(1);

type Read<'a> = Pin<Box<dyn Future<Output = Result<Vec<Stored>, String>> + Send + 'a>>;

/// What is known of one lane's records between the store and the client.
pub(super) struct LaneFeed<'a> {
    lane: Lane,
    /// First number not yet asked for.
    next: u64,
    ready: VecDeque<Stored>,
    read: Option<Read<'a>>,
    /// Highest durable number when the read began.
    read_to: u64,
    retry_at: Option<Instant>,
    /// A refused record is tried again at this time; until then nothing of the lane is handed over.
    pub(super) hold_until: Option<Instant>,
}

impl<'a> LaneFeed<'a> {
    /// From record `first` on.
    pub(super) fn new(lane: Lane, first: u64) -> Self {
        Self {
            lane,
            next: first,
            ready: VecDeque::new(),
            read: None,
            read_to: 0,
            retry_at: None,
            hold_until: None,
        }
    }

    /// Whether durable records exist that are not ready yet.
    pub(super) fn is_behind(&self, committed: u64) -> bool {
        committed >= self.next
    }

    /// Starts a read when there is something to read and room for it.
    pub(super) fn read_ahead<S: Source>(&mut self, source: &'a S, committed: u64, now: Instant) {
        let waits = self.retry_at.is_some_and(|at| now < at);
        if waits
            || self.read.is_some()
            || self.ready.len() >= LOW_WATER
            || !self.is_behind(committed)
        {
            return;
        }
        self.retry_at = None;
        self.read_to = committed;
        let (lane, from) = (self.lane, self.next);
        self.read = Some(Box::pin(async move {
            let records = source.read(lane, from, READ).await;
            records.map_err(|error| with_causes(&error))
        }));
    }

    /// Waits for the read under way; for ever when there is none. Safe to drop and call again.
    pub(super) async fn read_done(&mut self) -> Result<Vec<Stored>, String> {
        match &mut self.read {
            Some(read) => {
                let result = read.await;
                self.read = None;
                result
            }
            None => std::future::pending().await,
        }
    }

    /// Takes what a read brought.
    pub(super) fn take(&mut self, records: Vec<Stored>) {
        // Nothing durable is left up to there: everything was dropped or acknowledged.
        if records.is_empty() {
            self.next = self.next.max(self.read_to + 1);
        }
        for record in records {
            if record.seq >= self.next {
                self.next = record.seq + 1;
                self.ready.push_back(record);
            }
        }
    }

    /// A read failed: tries again in a while.
    pub(super) fn failed(&mut self, now: Instant) {
        self.retry_at = Some(now + READ_RETRY);
    }

    /// The next record in order.
    pub(super) fn pop(&mut self) -> Option<Stored> {
        self.ready.pop_front()
    }

    /// Puts a record back that [`LaneFeed::pop`] gave.
    pub(super) fn put_back(&mut self, record: Stored) {
        self.ready.push_front(record);
    }

    /// Reads again from `oldest`, or from where the client stood.
    pub(super) fn rewind(&mut self, oldest: Option<u64>) {
        let from = oldest.or_else(|| self.ready.front().map(|r| r.seq));
        self.next = from.unwrap_or(self.next);
        self.ready.clear();
        self.read = None;
        self.hold_until = None;
    }

    /// Whether the lane stands still until a moment comes.
    pub(super) const fn is_paused(&self) -> bool {
        self.retry_at.is_some() || self.hold_until.is_some()
    }

    /// When this lane wants to be looked at again without anything happening. A moment that has passed is not
    /// waited for again: what the lane then still lacks is an acknowledgement.
    pub(super) fn wake_at(&self, now: Instant) -> Option<Instant> {
        let times = [self.retry_at, self.hold_until].into_iter().flatten();
        times.filter(|at| *at > now).min()
    }
}

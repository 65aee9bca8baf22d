//! The buffer of a gateway that is not running: status and verification from the files, under the same lock.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use super::codec;
use super::disk::SledStore;
use super::epoch;
use super::error::BufferError;
use super::ledger::{Ledger, reason_name};
use super::status::{BufferStatus, LaneStatus};
use super::store::{Found, ReadLimit, Store};
use super::verify::{Expected, VerifyReport, Walk};
use crate::record::Lane;

/// Where a lane lives.
pub(super) fn lane_dir(data_dir: &Path, lane: Lane) -> PathBuf {
    data_dir.join("buffer").join(lane.as_str())
}

/// Takes the data directory, made where there is none, for this process; given back when the file is dropped.
pub fn lock(data_dir: &Path) -> Result<File, BufferError> {
    let io = |action, path: &Path, source| BufferError::Io {
        action,
        path: path.to_path_buf(),
        source,
    };
    std::fs::create_dir_all(data_dir).map_err(|e| io("create directory", data_dir, e))?;
    let path = data_dir.join("lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|e| io("open", &path, e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(BufferError::Locked { path }),
        Err(TryLockError::Error(source)) => Err(io("lock", &path, source)),
    }
}

/// What stands in an idle data directory. Nothing is repaired: that is for the next start.
pub fn idle_status(data_dir: &Path, max_bytes: u64) -> Result<BufferStatus, BufferError> {
    let _lock = existing(data_dir)?;
    let mut lanes = Vec::new();
    for lane in Lane::ALL {
        lanes.push(IdleLane::open(data_dir, lane)?.status(lane));
    }
    Ok(BufferStatus {
        epoch: epoch::peek(data_dir).unwrap_or(0),
        lanes,
        max_bytes,
        hours_left: None,
        incidents_missed: 0,
    })
}

/// Walks every record in an idle data directory.
pub fn idle_verify(data_dir: &Path) -> Result<VerifyReport, BufferError> {
    let _lock = existing(data_dir)?;
    let mut report = VerifyReport::default();
    for lane in Lane::ALL {
        let mut idle = IdleLane::open(data_dir, lane)?;
        let mut walk = Walk::new(lane.as_str());
        for fault in &idle.faults {
            walk.fault(fault.clone());
        }
        let expected = Expected {
            ledger: &idle.ledger,
            cursor: idle.cursor,
            last: idle.last,
        };
        while !walk.step(&mut idle.store, &expected) {}
        report.lanes.push(walk.into_report());
    }
    Ok(report)
}

/// Never makes a data directory out of a mistyped path.
fn existing(data_dir: &Path) -> Result<File, BufferError> {
    let buffer = data_dir.join("buffer");
    match std::fs::metadata(&buffer) {
        Ok(_) => lock(data_dir),
        Err(source) => Err(BufferError::Io {
            action: "find the buffer in",
            path: buffer,
            source,
        }),
    }
}

struct IdleLane {
    store: SledStore,
    ledger: Ledger,
    cursor: u64,
    last: u64,
    faults: Vec<String>,
}

impl IdleLane {
    fn open(data_dir: &Path, lane: Lane) -> Result<Self, BufferError> {
        let root = lane_dir(data_dir, lane);
        let found = SledStore::peek(&root);
        let store = SledStore::open(&root)?;
        let segments = store.segments();
        let mut faults = Vec::new();
        let oldest = segments.first().map_or(0, |s| s.first.saturating_sub(1));
        if found.mark.is_none() && !segments.is_empty() {
            faults.push("the high-water mark is missing or damaged".to_owned());
        }
        let (ledger, fault) = read_ledger(&found);
        faults.extend(fault);
        let cursor = found.cursor.map_or(oldest, |c| c.acked);
        Ok(Self {
            store,
            ledger,
            cursor,
            last: found.mark.map_or(oldest, |m| m.last).max(cursor),
            faults,
        })
    }

    fn status(&mut self, lane: Lane) -> LaneStatus {
        const ONE: ReadLimit = ReadLimit {
            records: 1,
            bytes: 1,
        };
        let segments = self.store.segments();
        let pending =
            (self.last - self.cursor) - self.ledger.count_within(self.cursor + 1, self.last);
        let next = self.ledger.skip(self.cursor + 1);
        let holding = segments
            .iter()
            .rfind(|s| s.first <= next && next <= self.last);
        let oldest = holding
            .and_then(|s| self.store.read(s.first, next, ONE).ok())
            .and_then(|records| records.into_iter().next())
            .and_then(|(seq, value)| codec::decode(seq, &value).ok());
        let (quarantined_segments, quarantined_bytes) = self.store.quarantined();
        let bytes: u64 = segments.iter().map(|s| s.disk_bytes).sum();
        let held = (self.last + 1)
            .saturating_sub(segments.first().map_or(self.last + 1, |s| s.first))
            .max(1);
        let share = u128::from(bytes) * u128::from(pending.min(held)) / u128::from(held);
        LaneStatus {
            lane: lane.as_str().to_owned(),
            first_seq: segments.first().map_or(self.last + 1, |s| s.first),
            last_seq: self.last,
            committed_seq: self.last,
            cursor_seq: self.cursor,
            pending_records: pending,
            pending_bytes: u64::try_from(share).unwrap_or(u64::MAX),
            disk_bytes: bytes + quarantined_bytes,
            segments: segments.len() as u64,
            oldest_pending_ms: oldest.map(|r| r.committed_at.as_millis()),
            dropped: self
                .ledger
                .counts()
                .map(|(reason, n)| (reason_name(reason).to_owned(), n))
                .collect(),
            quarantined_segments,
            durable: true,
        }
    }
}

fn read_ledger(found: &Found) -> (Ledger, Option<String>) {
    match &found.ledger {
        None => (Ledger::default(), None),
        Some(bytes) => match Ledger::decode(bytes) {
            Some(ledger) => (ledger, None),
            None => (Ledger::default(), Some("the ledger is damaged".to_owned())),
        },
    }
}

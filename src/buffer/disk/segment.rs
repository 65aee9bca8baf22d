//! One sled database. Everything sled may do wrong (errors, panics, damaged values) ends here as a [`StoreError`].

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use super::fsync::{SyncSet, sync_dir, sync_tree};
use super::panics::engine_is_dead;
use crate::buffer::error::StoreError;
use crate::buffer::store::{RawRecord, ReadLimit};

/// Longest value given to sled. A log message above a quarter of sled's 512 KiB segment goes to a file in `blobs/`,
/// whose handling is not power-cut safe. sled writes a whole leaf when it consolidates a page, and a leaf is split
/// only when it holds more than 16 values and is visited again: 17 values of 6 KiB and their keys stay below
/// 131,052 bytes, and so would 21.
const CHUNK_BYTES: usize = 6 * 1024;

/// sled's page cache per open segment, bytes; what passed the power-cut tests.
const CACHE_BYTES: u64 = 4 << 20;

/// sled tries its lock once; a database closed a moment ago may still hold it.
const LOCK_TRIES: u32 = 40;
const LOCK_PAUSE: Duration = Duration::from_millis(25);

/// An open database.
#[derive(Debug)]
pub(super) struct Segment {
    first: u64,
    db: Option<Handles>,
    files: SyncSet,
}

#[derive(Debug)]
struct Handles {
    tree: sled::Tree,
    db: sled::Db,
}

impl Segment {
    /// Opens or makes the database and makes it durable with its directory entry.
    pub(super) fn open(dir: &Path, first: u64) -> Result<Self, StoreError> {
        const ACTION: &str = "open";
        let handles = guarded(ACTION, first, || open_locked(dir))?;
        // Made durable before anything is believed: sled writes `conf` unsynced and renames snapshots.
        let files = sync_tree(dir)
            .and_then(|()| dir.parent().map_or(Ok(()), sync_dir))
            .and_then(|()| SyncSet::open(dir))
            .map_err(|source| StoreError::io("sync a segment after opening it", source))?;
        Ok(Self {
            first,
            db: Some(handles),
            files,
        })
    }

    /// Adds a record, in chunks that stay out of `blobs/`.
    pub(super) fn append(&self, seq: u64, value: &[u8]) -> Result<(), StoreError> {
        let tree = self.tree()?;
        guarded("write to", self.first, || {
            for (part, chunk) in value.chunks(CHUNK_BYTES).enumerate() {
                tree.insert(key(seq, part), chunk)?;
            }
            Ok(())
        })
    }

    /// sled's flush, then the fsync that makes it true.
    pub(super) fn sync(&mut self) -> Result<(), StoreError> {
        let Some(handles) = &self.db else {
            return Err(closed());
        };
        guarded("flush", self.first, || handles.db.flush().map(|_| ()))?;
        self.files
            .commit()
            .map_err(|source| StoreError::io("sync a segment", source))
    }

    /// Records from `from` on.
    pub(super) fn read(&self, from: u64, limit: ReadLimit) -> Result<Vec<RawRecord>, StoreError> {
        let tree = self.tree()?;
        guarded("read", self.first, || {
            let mut out: Vec<RawRecord> = Vec::new();
            let mut bytes = 0_usize;
            for item in tree.range(from.to_be_bytes()..) {
                let (key, chunk) = item?;
                let Some((seq, _)) = key.split_first_chunk::<8>() else {
                    continue;
                };
                let seq = u64::from_be_bytes(*seq);
                let is_full = out.len() >= limit.records || bytes >= limit.bytes;
                match out.last_mut() {
                    Some((last, value)) if *last == seq => value.extend_from_slice(&chunk),
                    Some(_) if is_full => break,
                    _ => out.push((seq, chunk.to_vec())),
                }
                bytes = bytes.saturating_add(chunk.len());
            }
            Ok(out)
        })
    }

    /// The highest sequence number.
    pub(super) fn last(&self) -> Result<Option<u64>, StoreError> {
        let tree = self.tree()?;
        guarded("read the end of", self.first, || {
            let last = tree.last()?;
            Ok(last
                .and_then(|(key, _)| key.split_first_chunk::<8>().map(|(seq, _)| *seq))
                .map(u64::from_be_bytes))
        })
    }

    fn tree(&self) -> Result<&sled::Tree, StoreError> {
        self.db.as_ref().map(|h| &h.tree).ok_or_else(closed)
    }
}

impl Drop for Segment {
    /// Closing a damaged database may panic inside sled like opening it.
    fn drop(&mut self) {
        let handles = self.db.take();
        if catch_unwind(AssertUnwindSafe(|| drop(handles))).is_err() {
            tracing::warn!(
                segment = self.first,
                "Storage engine panicked while closing a segment."
            );
        }
    }
}

/// Eight bytes for the first chunk, so that small records have plain keys; a ninth numbers the chunks after it.
fn key(seq: u64, part: usize) -> Vec<u8> {
    let mut key = seq.to_be_bytes().to_vec();
    if part > 0 {
        key.push(u8::try_from(part).unwrap_or(u8::MAX));
    }
    key
}

fn open_locked(dir: &Path) -> sled::Result<Handles> {
    let mut tries = 1;
    let db = loop {
        let config = sled::Config::new()
            .path(dir)
            .cache_capacity(CACHE_BYTES)
            .mode(sled::Mode::LowSpace)
            .flush_every_ms(None);
        match config.open() {
            Err(sled::Error::Io(error)) if is_lock(&error) && tries < LOCK_TRIES => {
                tries += 1;
                std::thread::park_timeout(LOCK_PAUSE);
            }
            other => break other?,
        }
    };
    let tree = db.open_tree("q")?;
    db.flush()?;
    Ok(Handles { tree, db })
}

fn is_lock(error: &io::Error) -> bool {
    error.to_string().contains("could not acquire lock")
}

fn closed() -> StoreError {
    StoreError::Io {
        action: "use a segment that is closed",
        source: io::ErrorKind::NotConnected.into(),
    }
}

/// Runs sled code that may fail in any way on damaged files.
fn guarded<T>(
    action: &'static str,
    segment: u64,
    run: impl FnOnce() -> sled::Result<T>,
) -> Result<T, StoreError> {
    if engine_is_dead() {
        return Err(StoreError::Fatal { action });
    }
    let damaged = |what| StoreError::Damaged {
        action,
        segment,
        what,
    };
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(_)) | Err(_) if engine_is_dead() => Err(StoreError::Fatal { action }),
        Ok(Err(sled::Error::Io(source))) => match source.kind() {
            // Reading past the end of a truncated file.
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => {
                Err(damaged(source.to_string()))
            }
            _ => Err(StoreError::io(action, source)),
        },
        Ok(Err(error)) => Err(damaged(error.to_string())),
        Err(_) => Err(damaged("the storage engine panicked".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: ReadLimit = ReadLimit {
        records: usize::MAX,
        bytes: usize::MAX,
    };

    #[test]
    fn records_of_any_allowed_length_never_use_blob_files() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("seg");
        let mut segment = Segment::open(&dir, 1).unwrap();
        let lengths = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 65_553];
        let mut expected = Vec::new();
        for seq in 1..=120_u64 {
            let len = lengths[usize::try_from(seq).unwrap() % lengths.len()].max(1);
            let value = vec![u8::try_from(seq).unwrap(); len];
            segment.append(seq, &value).unwrap();
            expected.push((seq, value));
        }
        segment.sync().unwrap();
        assert_eq!(segment.read(1, ALL).unwrap(), expected);
        assert_eq!(segment.last().unwrap(), Some(120));
        drop(segment);
        assert_eq!(std::fs::read_dir(dir.join("blobs")).unwrap().count(), 0);
        let segment = Segment::open(&dir, 1).unwrap();
        assert_eq!(segment.read(50, ALL).unwrap(), expected[49..]);
    }

    #[test]
    fn a_thousand_full_chunks_never_use_blob_files() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("seg");
        let mut segment = Segment::open(&dir, 1).unwrap();
        for seq in 1..=1000 {
            segment.append(seq, &[7; CHUNK_BYTES]).unwrap();
        }
        segment.sync().unwrap();
        drop(segment);
        assert_eq!(std::fs::read_dir(dir.join("blobs")).unwrap().count(), 0);
    }

    #[test]
    fn a_read_stops_at_its_limits_but_returns_at_least_one() {
        let dir = tempfile::tempdir().unwrap();
        let segment = Segment::open(&dir.path().join("seg"), 1).unwrap();
        for seq in 1..=10 {
            segment.append(seq, &[1; 10_000]).unwrap();
        }
        let limit = |records, bytes| ReadLimit { records, bytes };
        assert_eq!(segment.read(3, limit(4, usize::MAX)).unwrap().len(), 4);
        assert_eq!(segment.read(3, limit(9, 25_000)).unwrap().len(), 3);
        assert_eq!(segment.read(3, limit(9, 1)).unwrap().len(), 1);
        assert_eq!(segment.read(11, ALL).unwrap(), vec![]);
    }
}

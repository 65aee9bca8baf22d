//! [`SledStore`]: rotated sled databases of one lane in one directory.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::files::{self, Name};
use super::fsync::{disk_bytes, replace_file, sync_dir};
use super::panics::engine_is_dead;
use super::reserve::Reserve;
use super::segment::Segment;
use super::slots::{Numbers, SlotFile};
use crate::buffer::error::{BufferError, StoreError};
use crate::buffer::store::{Cursor, Found, Mark, RawRecord, ReadLimit, SegmentInfo, Store};

/// Old segments kept open for reading, beside the active one: one for the publisher, one for a verification.
const OPEN_READERS_MAX: usize = 2;

/// Damaged segments kept for a person to look at; the oldest goes first.
const QUARANTINED_MAX: usize = 8;

/// One lane's directory.
#[derive(Debug)]
pub struct SledStore {
    root: PathBuf,
    /// Bytes on disk of every segment.
    sizes: BTreeMap<u64, u64>,
    active: Option<(u64, Segment)>,
    /// Most recently used last.
    readers: Vec<(u64, Segment)>,
    quarantined: Vec<(PathBuf, u64)>,
    mark: Option<SlotFile>,
    cursor: Option<SlotFile>,
    reserve: Option<Reserve>,
}

impl SledStore {
    /// Opens a lane's directory, makes it if it is missing, and finishes what a crash interrupted.
    pub fn open(root: &Path) -> Result<Self, BufferError> {
        let io = |action, source| BufferError::Io {
            action,
            path: root.to_path_buf(),
            source,
        };
        fs::create_dir_all(root).map_err(|e| io("create directory", e))?;
        root.parent()
            .map_or(Ok(()), sync_dir)
            .map_err(|e| io("sync the parent of", e))?;
        let mut store = Self {
            root: root.to_path_buf(),
            sizes: BTreeMap::new(),
            active: None,
            readers: Vec::new(),
            quarantined: Vec::new(),
            mark: None,
            cursor: None,
            reserve: None,
        };
        for (name, path) in files::list(root).map_err(|e| io("list directory", e))? {
            match name {
                Name::Segment(first) => {
                    store.sizes.insert(first, disk_bytes(&path));
                }
                Name::Bad(..) => store.quarantined.push((path.clone(), disk_bytes(&path))),
                // A leftover only costs space: it is tried again at the next start.
                Name::Doomed => log_removal(&path, fs::remove_dir_all(&path)),
                Name::Other => {}
            }
        }
        Ok(store)
    }

    /// Keeps `bytes` of space back in the file at `path`, for [`Store::release_reserve`].
    #[must_use]
    pub fn with_reserve(mut self, path: PathBuf, bytes: u64) -> Self {
        self.reserve = Some(Reserve::new(path, bytes));
        self.restore_reserve();
        self
    }

    /// Reads the small files of a lane without opening or changing anything.
    pub(in crate::buffer) fn peek(root: &Path) -> Found {
        let numbers = |name: &str| match SlotFile::peek(&root.join(name)) {
            Ok(numbers) => numbers,
            Err(error) => {
                tracing::warn!(path = %root.join(name).display(), %error, "File cannot be read.");
                None
            }
        };
        Found {
            mark: numbers("mark").map(|n| Mark {
                epoch: n.c,
                first: n.a,
                last: n.b,
            }),
            cursor: numbers("cursor").map(|n| Cursor {
                acked: n.a,
                ledger_from: n.b,
            }),
            ledger: fs::read(root.join("ledger")).ok(),
        }
    }

    fn reader(&mut self, segment: u64) -> Result<&Segment, StoreError> {
        if let Some((_, active)) = self.active.as_ref().filter(|(first, _)| *first == segment) {
            return Ok(active);
        }
        let found = self.readers.iter().position(|(first, _)| *first == segment);
        let reader = match found {
            Some(index) => self.readers.remove(index),
            None => (
                segment,
                Segment::open(&files::segment(&self.root, segment), segment)?,
            ),
        };
        while self.readers.len() >= OPEN_READERS_MAX {
            self.readers.remove(0);
        }
        self.readers.push(reader);
        match self.readers.last() {
            Some((_, reader)) => Ok(reader),
            None => Err(StoreError::Fatal {
                action: "keep a segment open",
            }),
        }
    }

    /// Closes a segment wherever it is open.
    fn forget(&mut self, segment: u64) {
        if self.active() == Some(segment) {
            self.active = None;
        }
        self.readers.retain(|(first, _)| *first != segment);
    }
}

impl Store for SledStore {
    fn found(&mut self) -> Found {
        Self::peek(&self.root)
    }

    fn segments(&self) -> Vec<SegmentInfo> {
        self.sizes
            .iter()
            .map(|(first, disk_bytes)| SegmentInfo {
                first: *first,
                disk_bytes: *disk_bytes,
            })
            .collect()
    }

    fn active(&self) -> Option<u64> {
        self.active.as_ref().map(|(first, _)| *first)
    }

    fn begin(&mut self, first: u64) -> Result<(), StoreError> {
        self.active = None;
        let path = files::segment(&self.root, first);
        // Never write into what an earlier run or an abandoned commit left.
        if path.exists() {
            self.remove(first)?;
        }
        self.sizes.insert(first, 0);
        self.active = Some((first, Segment::open(&path, first)?));
        self.sizes.insert(first, disk_bytes(&path));
        Ok(())
    }

    fn append(&mut self, seq: u64, value: &[u8]) -> Result<(), StoreError> {
        match &self.active {
            Some((_, segment)) => segment.append(seq, value),
            None => Err(no_active("append a record")),
        }
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        let Some((first, segment)) = &mut self.active else {
            return Err(no_active("sync"));
        };
        segment.sync()?;
        self.sizes
            .insert(*first, disk_bytes(&files::segment(&self.root, *first)));
        Ok(())
    }

    fn close(&mut self) {
        self.active = None;
    }

    fn read(
        &mut self,
        segment: u64,
        from: u64,
        limit: ReadLimit,
    ) -> Result<Vec<RawRecord>, StoreError> {
        self.reader(segment)?.read(from, limit)
    }

    fn last(&mut self, segment: u64) -> Result<Option<u64>, StoreError> {
        self.reader(segment)?.last()
    }

    fn remove(&mut self, segment: u64) -> Result<(), StoreError> {
        self.forget(segment);
        let (from, to) = (
            files::segment(&self.root, segment),
            files::doomed(&self.root, segment),
        );
        // Renamed first: a half-deleted sled directory under its own name cannot be opened any more.
        if to.exists() {
            fs::remove_dir_all(&to)
                .map_err(|e| StoreError::io("remove what is left of a segment", e))?;
        }
        fs::rename(from, &to).map_err(|e| StoreError::io("rename a segment", e))?;
        self.sizes.remove(&segment);
        sync_dir(&self.root).map_err(|e| StoreError::io("sync the directory", e))?;
        log_removal(&to, fs::remove_dir_all(&to));
        Ok(())
    }

    fn quarantine(&mut self, segment: u64) -> Result<(), StoreError> {
        self.forget(segment);
        let (from, to) = (
            files::segment(&self.root, segment),
            files::bad(&self.root, segment),
        );
        fs::rename(from, &to).map_err(|e| StoreError::io("set a segment aside", e))?;
        let bytes = self.sizes.remove(&segment).unwrap_or(0);
        sync_dir(&self.root).map_err(|e| StoreError::io("sync the directory", e))?;
        self.quarantined.push((to, bytes));
        while self.quarantined.len() > QUARANTINED_MAX {
            self.purge();
        }
        Ok(())
    }

    fn quarantined(&self) -> (u64, u64) {
        (
            self.quarantined.len() as u64,
            self.quarantined.iter().map(|(_, bytes)| bytes).sum(),
        )
    }

    fn purge(&mut self) -> bool {
        if self.quarantined.is_empty() {
            return false;
        }
        let (path, _) = self.quarantined.remove(0);
        log_removal(&path, fs::remove_dir_all(&path));
        true
    }

    fn save_mark(&mut self, mark: Mark) -> Result<(), StoreError> {
        let numbers = Numbers {
            a: mark.first,
            b: mark.last,
            c: mark.epoch,
        };
        save_slot(&mut self.mark, &self.root.join("mark"), numbers)
    }

    fn save_cursor(&mut self, cursor: Cursor) -> Result<(), StoreError> {
        let numbers = Numbers {
            a: cursor.acked,
            b: cursor.ledger_from,
            c: 0,
        };
        save_slot(&mut self.cursor, &self.root.join("cursor"), numbers)
    }

    fn save_ledger(&mut self, ledger: &[u8]) -> Result<(), StoreError> {
        replace_file(&self.root.join("ledger"), ledger)
            .map_err(|e| StoreError::io("save the ledger", e))
    }

    fn free_bytes(&mut self) -> Option<u64> {
        let stat = rustix::fs::statvfs(&self.root).ok()?;
        Some(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    fn release_reserve(&mut self) -> bool {
        self.reserve.as_mut().is_some_and(Reserve::release)
    }

    fn restore_reserve(&mut self) {
        let free = self.free_bytes();
        if let Some(reserve) = &mut self.reserve {
            reserve.restore(free);
        }
    }

    fn is_fatal(&self) -> bool {
        engine_is_dead()
    }
}

/// A slot file that failed is opened anew: its descriptor may have swallowed the error.
fn save_slot(slot: &mut Option<SlotFile>, path: &Path, numbers: Numbers) -> Result<(), StoreError> {
    let action = "save a mark or cursor";
    let mut file = match slot.take() {
        Some(file) => file,
        None => SlotFile::open(path).map_err(|e| StoreError::io(action, e))?,
    };
    file.save(numbers).map_err(|e| StoreError::io(action, e))?;
    *slot = Some(file);
    Ok(())
}

fn no_active(action: &'static str) -> StoreError {
    StoreError::Io {
        action,
        source: std::io::ErrorKind::NotConnected.into(),
    }
}

fn log_removal(path: &Path, result: std::io::Result<()>) {
    if let Err(error) = result {
        tracing::warn!(path = %path.display(), %error, "Directory cannot be removed; tried again at the next start.");
    }
}

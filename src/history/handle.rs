//! The open store, shared by the writer and its readers, which can be opened anew.
//!
//! After an error of the file, such as a full disk, the store's library refuses every call until the file is opened again.
//! Readers hold a handle and not the store itself, so that this needs nobody but the writer.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use redb::{Database, DatabaseError, ReadTransaction, ReadableDatabase, WriteTransaction};

use super::error::{HistoryError, Result};

/// Opens the file.
pub(super) type Opener = dyn Fn(&Path) -> Result<Database, DatabaseError> + Send + Sync;

/// The store, while it is open.
#[derive(Clone)]
pub(super) struct Handle(Arc<Shared>);

struct Shared {
    path: Box<Path>,
    open: Box<Opener>,
    store: RwLock<Option<Database>>,
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Handle").field(&self.0.path).finish()
    }
}

impl Handle {
    /// Opens the store.
    pub(super) fn open(path: &Path, open: Box<Opener>) -> Result<Self> {
        let store = open(path).map_err(|error| open_failed(path, error))?;
        Ok(Self(Arc::new(Shared {
            path: path.into(),
            open,
            store: RwLock::new(Some(store)),
        })))
    }

    /// Closes the store and opens it again. What is being read meanwhile fails.
    pub(super) fn reopen(&self) -> Result<()> {
        let mut store = self.exclusive();
        // Its locks on the file go with it.
        drop(store.take());
        let opened =
            (self.0.open)(&self.0.path).map_err(|error| open_failed(&self.0.path, error))?;
        *store = Some(opened);
        Ok(())
    }

    pub(super) fn begin_read(&self) -> Result<ReadTransaction> {
        Ok(self
            .shared()
            .as_ref()
            .ok_or(HistoryError::Closed)?
            .begin_read()?)
    }

    /// Begins a write whose commit leaves the store such that opening it after a crash need not walk it.
    pub(super) fn begin_write(&self) -> Result<WriteTransaction> {
        let mut write = self
            .shared()
            .as_ref()
            .ok_or(HistoryError::Closed)?
            .begin_write()?;
        write.set_quick_repair(true);
        Ok(write)
    }

    /// Gives back free space, as far as it can be in one go; whether there was any.
    pub(super) fn compact(&self) -> Result<bool> {
        let mut store = self.exclusive();
        let store = store.as_mut().ok_or(HistoryError::Closed)?;
        let compacted = store.compact();
        compacted.map_err(|error| HistoryError::Store(Box::new(error.into())))
    }

    /// Reads every page; whether all are as they were written. What can be repaired is.
    pub(super) fn is_whole(&self) -> Result<bool> {
        let mut store = self.exclusive();
        let store = store.as_mut().ok_or(HistoryError::Closed)?;
        let checked = store.check_integrity();
        checked.map_err(|error| HistoryError::Store(Box::new(error.into())))
    }

    fn shared(&self) -> RwLockReadGuard<'_, Option<Database>> {
        self.0.store.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn exclusive(&self) -> RwLockWriteGuard<'_, Option<Database>> {
        self.0.store.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The error of a file that cannot be opened.
pub(super) fn open_failed(path: &Path, error: DatabaseError) -> HistoryError {
    HistoryError::Open {
        path: path.to_owned(),
        source: Box::new(error),
    }
}

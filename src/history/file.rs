//! The file of a history: how it is made, its layout and zone, and the number of the next journal row.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use redb::{Database, ReadableDatabase, ReadableTable, WriteTransaction};

use super::error::{HistoryError, Result, guarded};
use super::handle::open_failed;
use super::tables::{JOURNAL, LAYOUT, META};
use super::writer::FILE;

/// Makes an empty store under another name first: a crash while the library lays out its file would leave one that
/// cannot be opened.
pub(super) fn make(path: &Path) -> Result<(), redb::DatabaseError> {
    let io = |error: io::Error| redb::DatabaseError::Storage(error.into());
    let fresh = path.with_extension("redb.new");
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io(error)),
        _ => {}
    }
    Database::create(&fresh)?.close()?;
    fs::rename(&fresh, path).map_err(io)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(io)
}

const LAYOUT_KEY: &str = "layout";
const ZONE_KEY: &str = "zone";
const SEQ_KEY: &str = "next_seq";

pub(super) fn check_layout(write: &WriteTransaction, path: &Path, zone: &str) -> Result<()> {
    let mut meta = write.open_table(META)?;
    let stored = meta.get(LAYOUT_KEY)?.map(|bytes| bytes.value().to_vec());
    let Some(stored) = stored else {
        meta.insert(LAYOUT_KEY, LAYOUT.to_le_bytes().as_slice())?;
        meta.insert(ZONE_KEY, zone.as_bytes())?;
        return Ok(());
    };
    let found = stored
        .first_chunk()
        .map_or(0, |bytes| u32::from_le_bytes(*bytes));
    if found != LAYOUT {
        return Err(HistoryError::Layout {
            path: path.to_owned(),
            found,
            known: LAYOUT,
        });
    }
    let stored = zone_of(&meta)?;
    if stored == zone {
        return Ok(());
    }
    Err(HistoryError::Zone {
        stored,
        given: zone.to_owned(),
    })
}

/// The zone that a store was made with.
pub(super) fn zone_of(meta: &impl ReadableTable<&'static str, &'static [u8]>) -> Result<String> {
    let zone = meta.get(ZONE_KEY)?;
    Ok(zone.map_or_else(String::new, |bytes| {
        String::from_utf8_lossy(bytes.value()).into_owned()
    }))
}

pub(super) fn next_seq(write: &WriteTransaction) -> Result<u64> {
    let meta = write.open_table(META)?;
    let kept = meta.get(SEQ_KEY)?;
    let kept = kept.and_then(|bytes| bytes.value().first_chunk().map(|b| u64::from_le_bytes(*b)));
    let journal = write.open_table(JOURNAL)?;
    let last = journal
        .last()?
        .map(|(seq, _)| seq.value().saturating_add(1));
    Ok(kept.unwrap_or(1).max(last.unwrap_or(1)))
}

/// Remembers the next number of a journal row, since the journal may become empty.
pub(super) fn keep_seq(write: &WriteTransaction, next: u64) -> Result<()> {
    write
        .open_table(META)?
        .insert(SEQ_KEY, next.to_le_bytes().as_slice())?;
    Ok(())
}

/// The zone of the history in a data directory, without opening it for writing; `None` when there is no history.
pub fn stored_zone(data_dir: &Path) -> Result<Option<String>> {
    let path = data_dir.join(FILE);
    if !path.exists() {
        return Ok(None);
    }
    guarded(|| {
        let db = Database::open(&path).map_err(|error| open_failed(&path, error))?;
        let read = db.begin_read()?;
        Ok(Some(zone_of(&read.open_table(META)?)?))
    })
}

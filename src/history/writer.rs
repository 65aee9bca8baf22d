//! The one owner of writing.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::{Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, WriteTransaction};

use super::calendar::Calendar;
use super::error::{HistoryError, Result, guarded};
use super::events::{self, Event, EventKind};
use super::point::{self, Points};
use super::reader::Reader;
use super::series::{Registry, SeriesId, SeriesSpec};
use super::settings::Settings;
use super::store::Store;
use super::tables::{self, JOURNAL, LAYOUT, META, Marks, NAMES, PIECES, SERIES};
use super::upkeep::Upkeep;
use crate::model::{Quality, Sample, Timestamp, Value};

/// File name in the data directory.
pub const FILE: &str = "history.redb";
/// A commit is due this long after the one before.
const COMMIT_NANOS: i64 = 1_000_000_000;
/// Samples that wait for a commit; more make it due at once.
const STAGED_MAX: usize = 100_000;

/// What waits for the next commit.
#[derive(Debug, Default)]
struct Staged {
    points: Points,
    events: Vec<Event>,
    removed: Vec<(EventKind, Timestamp, String)>,
}

/// The time is written down at least this often.
const CLOCK_STEP_NANOS: i64 = 3_600_000_000_000;

/// Writes the history. There is one; [`Writer::reader`] gives any number of readers for other threads.
///
/// It keeps no samples in memory but those of the running second and, while they are moved, those of the journal: about
/// 150,000 samples of 24 bytes, and half as much again to sort them, whatever the number of tags. The store's cache comes
/// on top.
#[derive(Debug)]
pub struct Writer {
    pub(super) db: Arc<Database>,
    pub(super) path: PathBuf,
    pub(super) calendar: Arc<Calendar>,
    pub(super) settings: Settings,
    pub(super) registry: Registry,
    pub(super) marks: Marks,
    pub(super) upkeep: Upkeep,
    tags: Vec<SeriesId>,
    staged: Staged,
    next_seq: u64,
    committed_at: Option<Timestamp>,
    strangers: u64,
}

/// What a commit made durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commit {
    /// Its number, rising by one with each commit that held samples.
    pub seq: u64,
    /// Samples in it, repeated ones counted once.
    pub samples: usize,
    /// Events in it.
    pub events: usize,
}

impl Writer {
    /// Opens the history of a data directory, or makes one. `now` decides, in a new one, how old a sample may be to be
    /// kept as such.
    pub fn open(data_dir: &Path, settings: Settings, now: Timestamp) -> Result<Self> {
        let calendar = Calendar::named(&settings.zone)
            .ok_or_else(|| HistoryError::NoZone(settings.zone.clone()))?;
        let path = data_dir.join(FILE);
        guarded(|| Self::open_guarded(path, settings, calendar, now))
    }

    fn open_guarded(
        path: PathBuf,
        settings: Settings,
        calendar: Calendar,
        now: Timestamp,
    ) -> Result<Self> {
        let failed = |error| HistoryError::Open {
            path: path.clone(),
            source: Box::new(error),
        };
        if !path.exists() {
            make(&path).map_err(failed)?;
        }
        let opened = Database::builder()
            .set_cache_size(settings.cache_bytes)
            .open(&path);
        let db = opened.map_err(failed)?;
        let write = begin(&db)?;
        check_layout(&write, &path, &settings.zone)?;
        write.open_table(NAMES)?;
        Store::open(&write)?;
        let registry = Registry::read(&write.open_table(SERIES)?)?;
        let mut marks = {
            let meta = write.open_table(META)?;
            tables::read_marks(&meta)?
        };
        let new = marks == Marks::NEW;
        if new {
            marks = super::upkeep::marks_at(&marks, &settings.retention, &calendar, now);
            marks.clock = now.as_nanos();
            tables::write_marks(&mut write.open_table(META)?, &marks)?;
        }
        let next_seq = next_seq(&write)?;
        write.open_table(PIECES)?;
        let upkeep = Upkeep::new(write.open_table(JOURNAL)?.len()?);
        write.commit()?;
        Ok(Self {
            db: Arc::new(db),
            path,
            calendar: Arc::new(calendar),
            settings,
            registry,
            marks,
            upkeep,
            tags: Vec::new(),
            staged: Staged::default(),
            next_seq,
            committed_at: None,
            strangers: 0,
        })
    }

    /// Names the tags of the running configuration in order of their [`crate::model::TagId`]. A name keeps its series
    /// for ever; what is new or changed is written down at once.
    pub fn bind(&mut self, tags: &[SeriesSpec]) -> Result<()> {
        self.tags = self.register(tags)?;
        Ok(())
    }

    /// The series of the bound tags, in order of their [`crate::model::TagId`].
    pub fn bound(&self) -> &[SeriesId] {
        &self.tags
    }

    /// The series of names, made where they are missing, in the same order.
    pub fn register(&mut self, specs: &[SeriesSpec]) -> Result<Vec<SeriesId>> {
        guarded(|| {
            let write = begin(&self.db)?;
            let ids = {
                let mut series = write.open_table(SERIES)?;
                let mut names = write.open_table(NAMES)?;
                let register = |spec| self.registry.register(spec, &mut series, &mut names);
                specs.iter().map(register).collect::<Result<Vec<_>>>()?
            };
            write.commit()?;
            Ok(ids)
        })
    }

    /// A reader for another thread; cheap to make and to clone.
    pub fn reader(&self) -> Reader {
        Reader::new(
            Arc::clone(&self.db),
            Arc::clone(&self.calendar),
            self.path.clone(),
        )
    }

    /// Takes samples for the next commit. A sample of a tag that [`Writer::bind`] did not name is counted and left out.
    pub fn append(&mut self, samples: &[Sample]) {
        for sample in samples {
            match self.tags.get(sample.tag.index()) {
                Some(series) => self.put(*series, sample.time, &sample.value, sample.quality),
                None => self.strangers += 1,
            }
        }
    }

    /// Takes one sample of a series for the next commit.
    pub fn put(&mut self, series: SeriesId, time: Timestamp, value: &Value, quality: Quality) {
        self.staged.points.push(series.0, time, value, quality);
    }

    /// Takes an event for the next commit; it replaces one of the same kind, time and subject.
    pub fn put_event(&mut self, event: Event) -> Result<()> {
        super::series::check_length(&event.subject)?;
        self.staged.events.push(event);
        Ok(())
    }

    /// Removes an event with the next commit.
    pub fn remove_event(&mut self, kind: EventKind, time: Timestamp, subject: &str) {
        self.staged.removed.push((kind, time, subject.to_owned()));
    }

    /// The time that the history has come to: a moment within an hour after the last one it was told.
    pub const fn latest(&self) -> Timestamp {
        Timestamp::from_nanos(self.marks.clock.saturating_add(CLOCK_STEP_NANOS))
    }

    /// Samples left out because their tag had no name.
    pub const fn strangers(&self) -> u64 {
        self.strangers
    }

    /// Samples and events that wait for a commit.
    pub fn waiting(&self) -> usize {
        self.staged.points.cells.len() + self.staged.events.len() + self.staged.removed.len()
    }

    /// Makes everything appended durable, when a second has passed since the last commit or very much waits; else, and
    /// when nothing waits, does nothing.
    pub fn commit(&mut self, now: Timestamp) -> Result<Option<Commit>> {
        let fresh = self.committed_at.is_some_and(|last| {
            let since = now.nanos_since(last);
            (0..COMMIT_NANOS).contains(&since)
        });
        if fresh && self.staged.points.cells.len() < STAGED_MAX {
            return Ok(None);
        }
        let commit = self.flush()?;
        if commit.is_some() {
            self.committed_at = Some(now);
        }
        Ok(commit)
    }

    /// Makes everything appended durable now; `None` when nothing waits. On an error all of it waits on.
    pub fn flush(&mut self) -> Result<Option<Commit>> {
        if self.waiting() == 0 {
            return Ok(None);
        }
        self.staged.points.sort();
        guarded(|| self.write_staged())?;
        let commit = Commit {
            seq: self.next_seq,
            samples: self.staged.points.cells.len(),
            events: self.staged.events.len(),
        };
        if commit.samples > 0 {
            self.next_seq += 1;
            self.upkeep.journal_grew(commit.samples);
        }
        self.staged = Staged::default();
        Ok(Some(commit))
    }

    fn write_staged(&self) -> Result<()> {
        let write = begin(&self.db)?;
        if !self.staged.points.cells.is_empty() {
            let row = point::encode(&self.staged.points, 0);
            write
                .open_table(JOURNAL)?
                .insert(self.next_seq, row.as_slice())?;
        }
        if !self.staged.events.is_empty() || !self.staged.removed.is_empty() {
            let mut store = Store::open(&write)?;
            for (kind, time, subject) in &self.staged.removed {
                events::remove(&mut store, kind.0, time.as_nanos(), subject)?;
            }
            for event in &self.staged.events {
                events::put(&mut store, event)?;
            }
        }
        write.commit()?;
        Ok(())
    }

    /// Gives space that deleted data took back to the file system; whether there was any. No reader may be alive; it takes
    /// a while and needs no extra space.
    pub fn compact(&mut self) -> Result<bool> {
        let Some(db) = Arc::get_mut(&mut self.db) else {
            return Err(HistoryError::Damaged(
                "readers are alive; compacting needs none".to_owned(),
            ));
        };
        let mut any = false;
        // Each round moves pages towards the front as far as it can.
        while db
            .compact()
            .map_err(|error| HistoryError::Store(Box::new(error.into())))?
        {
            any = true;
        }
        Ok(any)
    }
}

/// Makes an empty store under another name first: a crash while the library lays out its file would leave one that
/// cannot be opened.
fn make(path: &Path) -> Result<(), redb::DatabaseError> {
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

/// Begins a write whose commit leaves the store such that opening it after a crash need not walk it.
pub(super) fn begin(db: &Database) -> Result<WriteTransaction> {
    let mut write = db.begin_write()?;
    write.set_quick_repair(true);
    Ok(write)
}

const LAYOUT_KEY: &str = "layout";
const ZONE_KEY: &str = "zone";
const SEQ_KEY: &str = "next_seq";

fn check_layout(write: &WriteTransaction, path: &Path, zone: &str) -> Result<()> {
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

fn next_seq(write: &WriteTransaction) -> Result<u64> {
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
        let db = Database::open(&path).map_err(|error| HistoryError::Open {
            path: path.clone(),
            source: Box::new(error),
        })?;
        let read = db.begin_read()?;
        Ok(Some(zone_of(&read.open_table(META)?)?))
    })
}

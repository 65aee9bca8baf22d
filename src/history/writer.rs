//! The one owner of writing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::{Database, ReadableTableMetadata};

use super::calendar::Calendar;
use super::error::{HistoryError, Result, guarded};
use super::events::{self, Event, EventKind};
use super::file::{check_layout, make, next_seq};
use super::handle::{Handle, Opener, open_failed};
use super::point::{self, Points};
use super::reader::Reader;
use super::series::{Registry, SeriesId, SeriesSpec};
use super::settings::Settings;
use super::store::Store;
use super::tables::{self, JOURNAL, META, Marks, NAMES, PIECES, SERIES};
use super::upkeep::Upkeep;
use crate::model::{Quality, Sample, Timestamp, Value};

/// File name in the data directory.
pub const FILE: &str = "history.redb";
/// A commit is due this long after the one before.
const COMMIT_NANOS: i64 = 1_000_000_000;
/// Samples that wait for a commit; more make it due at once.
const STAGED_MAX: usize = 100_000;

/// Samples that wait at most while commits fail: some 70 MB with their copy while they are written. What comes after is left
/// out and counted.
const WAITING_MAX: usize = 1_000_000;

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
    pub(super) db: Handle,
    pub(super) path: PathBuf,
    pub(super) calendar: Arc<Calendar>,
    pub(super) settings: Settings,
    pub(super) registry: Registry,
    pub(super) marks: Marks,
    pub(super) upkeep: Upkeep,
    tags: Vec<SeriesId>,
    staged: Staged,
    next_seq: u64,
    tried_at: Option<Timestamp>,
    /// Whether the store failed, so that it has to be opened again.
    pub(super) is_broken: bool,
    strangers: u64,
    left_out: u64,
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
        let cache_bytes = settings.cache_bytes;
        let open = move |path: &Path| Database::builder().set_cache_size(cache_bytes).open(path);
        guarded(|| {
            if !path.exists() {
                make(&path).map_err(|error| open_failed(&path, error))?;
            }
            Self::opened(path, settings, calendar, (now, Box::new(open)))
        })
    }

    /// Opens the history of a file by `open`, which also opens it again after an error.
    pub(super) fn opened(
        path: PathBuf,
        settings: Settings,
        calendar: Calendar,
        (now, open): (Timestamp, Box<Opener>),
    ) -> Result<Self> {
        let db = Handle::open(&path, open)?;
        let write = db.begin_write()?;
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
            marks = super::expiry::marks_at(&marks, &settings.retention, &calendar, now);
            marks.clock = now.as_nanos();
            tables::write_marks(&mut write.open_table(META)?, &marks)?;
        }
        let next_seq = next_seq(&write)?;
        write.open_table(PIECES)?;
        let upkeep = Upkeep::new(write.open_table(JOURNAL)?.len()?);
        write.commit()?;
        Ok(Self {
            db,
            path,
            calendar: Arc::new(calendar),
            settings,
            registry,
            marks,
            upkeep,
            tags: Vec::new(),
            staged: Staged::default(),
            next_seq,
            tried_at: None,
            is_broken: false,
            strangers: 0,
            left_out: 0,
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
            let write = self.db.begin_write()?;
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
            self.db.clone(),
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

    /// Takes one sample of a series for the next commit; where too many wait already, it is counted and left out.
    pub fn put(&mut self, series: SeriesId, time: Timestamp, value: &Value, quality: Quality) {
        if self.staged.points.cells.len() >= WAITING_MAX {
            self.left_out += 1;
            return;
        }
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

    /// Samples left out because commits have failed for too long.
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Samples and events that wait for a commit.
    pub fn waiting(&self) -> usize {
        self.staged.points.cells.len() + self.staged.events.len() + self.staged.removed.len()
    }

    /// Makes everything appended durable, when a second has passed since the last commit or very much waits; else, and
    /// when nothing waits, does nothing. After a commit that failed the next try comes a second later in any case.
    pub fn commit(&mut self, now: Timestamp) -> Result<Option<Commit>> {
        let fresh = self.tried_at.is_some_and(|last| {
            let since = now.nanos_since(last);
            (0..COMMIT_NANOS).contains(&since)
        });
        if fresh && (self.is_broken || self.staged.points.cells.len() < STAGED_MAX) {
            return Ok(None);
        }
        let commit = self.revive().and_then(|()| self.flush());
        if !matches!(commit, Ok(None)) {
            self.tried_at = Some(now);
        }
        commit
    }

    /// Makes everything appended durable now; `None` when nothing waits. On an error all of it waits on.
    pub fn flush(&mut self) -> Result<Option<Commit>> {
        if self.waiting() == 0 {
            return Ok(None);
        }
        self.revive()?;
        self.staged.points.sort();
        let written = guarded(|| self.write_staged());
        self.is_broken = written.is_err();
        written?;
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

    /// Opens the store again where it failed. What had been committed is there; upkeep begins anew.
    fn revive(&mut self) -> Result<()> {
        if !self.is_broken {
            return Ok(());
        }
        guarded(|| {
            self.db.reopen()?;
            let read = self.db.begin_read()?;
            let rows = read.open_table(JOURNAL)?.len()?;
            self.marks = tables::read_marks(&read.open_table(META)?)?;
            self.upkeep = self.upkeep.anew(rows);
            Ok(())
        })?;
        self.is_broken = false;
        Ok(())
    }

    fn write_staged(&self) -> Result<()> {
        let write = self.db.begin_write()?;
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

    /// Gives space that deleted data took back to the file system; whether there was any. Nothing may be read meanwhile; it
    /// takes a while and needs no extra space.
    pub fn compact(&mut self) -> Result<bool> {
        let mut any = false;
        // Each round moves pages towards the front as far as it can.
        while self.db.compact()? {
            any = true;
        }
        Ok(any)
    }
}

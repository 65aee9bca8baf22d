//! Keeps the plant's memory: writes samples, alerts and facts to the history, and states the figures of each shift.
//!
//! The one owner of writing. The gateway runs it in a thread of its own, a replay in step with the data; both say what
//! time it is.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::analysis::{Accountant, AnalysisError, Restated};
use crate::config::{Config, HistoryConfig, Tag};
use crate::history::{
    Event, EventKind, HistoryError, Maintained, Reader, Retention, SeriesId, SeriesSpec, Settings,
    Writer,
};
use crate::model::{Quality, Sample, TagId, Timestamp, Value};
use crate::record::{BodyV1, encode_body};

/// Something that happened to the gateway itself; the content is the record's body.
pub const GATEWAY_EVENT: EventKind = EventKind(14);
/// Series that one slice of upkeep works on: well below the time that a commit takes.
const UPKEEP_SERIES: usize = 64;
/// Below the day that a clock has to stand ahead before the history believes it.
const HALF_A_DAY: Duration = Duration::from_hours(12);
/// A longer leap of a replay is not passed step by step.
const LEAP_MAX: Duration = Duration::from_hours(24 * 400);
/// A tier that is kept for good where the store wants a length.
const FOREVER: Duration = Duration::from_hours(24 * 36_500);
/// Scans that may be missed before a value no longer stands.
const HOLD_SCANS: u32 = 3;

/// Why the history cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum HistorianError {
    /// The store failed.
    #[error("write the history")]
    History(#[from] HistoryError),
    /// Figures cannot be stated.
    #[error("state figures")]
    Analysis(#[from] AnalysisError),
    /// Those of one work unit cannot.
    #[error("state figures of {unit}")]
    Figures {
        /// Which.
        unit: String,
        /// Why not.
        #[source]
        source: AnalysisError,
    },
}

/// What became of what was due; none where nothing was.
#[derive(Debug, Default)]
pub struct Turn {
    /// Making samples and events durable.
    pub commit: Option<Result<(), HistorianError>>,
    /// Packing, summing up, and deleting what is too old.
    pub upkeep: Option<Result<(), HistorianError>>,
    /// Stating the figures of shifts that are over.
    pub figures: Option<Result<(), HistorianError>>,
}

/// What became of master data and corrections.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Admitted {
    /// Shifts whose figures were stated again.
    pub restated: usize,
    /// What is in no figure, in words.
    pub unused: Vec<String>,
}

/// Writes the history of one plant.
#[derive(Debug)]
pub struct Historian {
    writer: Writer,
    accountant: Accountant,
    /// Up to when a replay has caught up.
    caught_up: Timestamp,
    /// When it does upkeep next.
    next_upkeep: Timestamp,
}

impl Historian {
    /// Opens the history of a data directory, or makes one.
    pub fn open(
        config: &Arc<Config>,
        data_dir: &Path,
        now: Timestamp,
    ) -> Result<Self, HistoryError> {
        let settings = Settings {
            retention: retention(&config.history),
            ..Settings::new(config.gateway.time_zone.name())
        };
        let mut writer = Writer::open(data_dir, settings, now)?;
        let tags: Vec<SeriesSpec> = config.tags.iter().map(|tag| series(config, tag)).collect();
        writer.bind(&tags)?;
        Ok(Self {
            writer,
            accountant: Accountant::new(Arc::clone(config)),
            caught_up: now,
            next_upkeep: now.saturating_add(HALF_A_DAY),
        })
    }

    /// For asking, in any thread.
    pub fn reader(&self) -> Reader {
        self.writer.reader()
    }

    /// Samples left out since the start because they could not be written for too long.
    pub const fn left_out(&self) -> u64 {
        self.writer.left_out()
    }

    /// The time that the history has come to, which is long ago for that of a replay.
    pub const fn latest(&self) -> Timestamp {
        self.writer.latest()
    }

    /// Takes samples; they are durable after the next turn a second later.
    pub fn take(&mut self, samples: &[Sample]) {
        self.writer.append(samples);
    }

    /// Takes a record for people: alerts, and what happened to the gateway.
    pub fn note(&mut self, body: &BodyV1) -> Result<(), HistoryError> {
        match event_of(body) {
            Some(event) => self.writer.put_event(event),
            None => Ok(()),
        }
    }

    /// Takes master data and corrections, and states again what they change. Durable when it returns.
    pub fn admit(&mut self, facts: &[Event], now: Timestamp) -> Result<Admitted, HistorianError> {
        self.write_all(facts.to_vec())?;
        let Restated { events, refused } = self.accountant.restate(&self.reader(), facts, now)?;
        let restated = events.len();
        self.write_all(events)?;
        Ok(Admitted {
            restated,
            unused: refused,
        })
    }

    /// Does what is due: a commit once a second, a slice of upkeep, the figures of a shift that is over.
    pub fn turn(&mut self, now: Timestamp) -> Turn {
        let commit = self.writer.commit(now).transpose();
        let upkeep = self.writer.maintain(now, UPKEEP_SERIES);
        let is_idle = matches!(upkeep, Ok(done) if done == Maintained::default());
        let is_due = self.accountant.is_due(now);
        Turn {
            commit: commit.map(|done| Ok(done.map(drop)?)),
            upkeep: (!is_idle).then(|| Ok(upkeep.map(drop)?)),
            figures: is_due.then(|| self.account(now)),
        }
    }

    /// The same for data that come faster than time passes: upkeep is done once for every half a day of them. Where they
    /// leap, the time between passes in steps, so that nothing is deleted for its age before its shift is stated.
    pub fn catch_up(&mut self, now: Timestamp) -> Result<(), HistorianError> {
        self.writer.commit(now)?;
        self.writer.relieve(now)?;
        let mut at = self.caught_up.max(now.saturating_sub(LEAP_MAX));
        loop {
            at = at.saturating_add(HALF_A_DAY).min(now);
            self.pass(at)?;
            if at >= now {
                self.caught_up = self.caught_up.max(now);
                return Ok(());
            }
        }
    }

    fn pass(&mut self, at: Timestamp) -> Result<(), HistorianError> {
        // Samples are read much faster once they are packed.
        if self.next_upkeep <= at || self.accountant.is_due(at) {
            self.next_upkeep = at.saturating_add(HALF_A_DAY);
            while self.writer.maintain(at, UPKEEP_SERIES)?.more {}
        }
        while self.accountant.is_due(at) {
            self.account(at)?;
        }
        Ok(())
    }

    fn account(&mut self, now: Timestamp) -> Result<(), HistorianError> {
        self.writer.flush()?;
        let mut stated = self.accountant.state(&self.reader(), now)?;
        self.write_all(std::mem::take(&mut stated.events))?;
        let failed = stated.failed.take();
        self.accountant.written(stated);
        match failed {
            Some((unit, source)) => Err(HistorianError::Figures { unit, source }),
            None => Ok(()),
        }
    }

    /// Makes everything durable, and does all upkeep where there is time for it.
    pub fn close(mut self, now: Timestamp, is_thorough: bool) -> Result<(), HistorianError> {
        let Turn {
            commit,
            upkeep,
            figures,
        } = self.turn(now);
        [commit, upkeep, figures]
            .into_iter()
            .flatten()
            .collect::<Result<(), _>>()?;
        while self.accountant.is_due(now) {
            self.account(now)?;
        }
        self.writer.flush()?;
        if is_thorough {
            self.writer.believe(now)?;
            self.writer.settle(now)?;
        }
        Ok(())
    }

    fn write_all(&mut self, events: Vec<Event>) -> Result<(), HistoryError> {
        for event in events {
            self.writer.put_event(event)?;
        }
        self.writer.flush()?;
        Ok(())
    }
}

/// Brings past data in: of each series in order of time, a few million samples at a time.
#[derive(Debug)]
pub struct Importer {
    writer: Writer,
    ids: Vec<SeriesId>,
    waiting: BTreeMap<TagId, Vec<(Timestamp, Value, Quality)>>,
    count: usize,
    latest: Timestamp,
    /// Samples before this are kept in roll-ups only.
    raw_from: Timestamp,
    rolled_up: u64,
}

/// Samples that wait for their series at most: some 150 MB.
const IMPORT_WAITING_MAX: usize = 2_000_000;
const HOUR_NS: i64 = 3_600_000_000_000;

impl Importer {
    /// Opens the history of a directory, or makes one.
    pub fn open(
        config: &Arc<Config>,
        directory: &Path,
        now: Timestamp,
    ) -> Result<Self, HistorianError> {
        let Historian { writer, .. } = Historian::open(config, directory, now)?;
        Ok(Self {
            ids: writer.bound().to_vec(),
            writer,
            waiting: BTreeMap::new(),
            count: 0,
            latest: Timestamp::from_nanos(i64::MIN),
            raw_from: now.saturating_sub(config.history.raw),
            rolled_up: 0,
        })
    }

    /// Takes samples of any series, about in order of time.
    pub fn take(&mut self, samples: impl Iterator<Item = Sample>) -> Result<(), HistorianError> {
        for sample in samples {
            self.latest = self.latest.max(sample.time);
            self.count += 1;
            self.rolled_up += u64::from(sample.time < self.raw_from);
            let of_series = self.waiting.entry(sample.tag).or_default();
            of_series.push((sample.time, sample.value, sample.quality));
        }
        if self.count >= IMPORT_WAITING_MAX {
            // An import replaces what it begins with: whole hours only, so that none is begun twice.
            let into = self.latest.as_nanos().rem_euclid(HOUR_NS);
            self.write_before(Timestamp::from_nanos(self.latest.as_nanos() - into))?;
        }
        Ok(())
    }

    /// Writes what waits, and does all upkeep. Returns how many samples were too old to be kept other than in roll-ups.
    pub fn close(mut self, now: Timestamp) -> Result<u64, HistorianError> {
        self.write_before(Timestamp::from_nanos(i64::MAX))?;
        self.writer.settle(now)?;
        Ok(self.rolled_up)
    }

    fn write_before(&mut self, end: Timestamp) -> Result<(), HistorianError> {
        for (tag, samples) in &mut self.waiting {
            let Some(id) = self.ids.get(tag.index()) else {
                continue;
            };
            let (ready, rest) = std::mem::take(samples)
                .into_iter()
                .partition(|(at, ..)| *at < end);
            *samples = rest;
            let ready: Vec<(Timestamp, Value, Quality)> = ready;
            if !ready.is_empty() {
                self.writer.import(*id, ready, &mut |_imported| true)?;
            }
        }
        self.count = self.waiting.values().map(Vec::len).sum();
        Ok(())
    }
}

fn retention(config: &HistoryConfig) -> Retention {
    Retention {
        raw: config.raw,
        minute: config.minute.unwrap_or(FOREVER),
        hour: config.hour,
        day: config.day,
        ..Retention::default()
    }
}

/// How a tag is known in the history.
pub fn series(config: &Config, tag: &Tag) -> SeriesSpec {
    SeriesSpec {
        unit: tag.unit.clone(),
        asset: config.asset(tag).to_string(),
        hold: tag.rate.saturating_mul(HOLD_SCANS),
        ..SeriesSpec::named(&tag.name)
    }
}

fn event_of(body: &BodyV1) -> Option<Event> {
    let (kind, at_ms, subject) = match body {
        BodyV1::Alert(alert) => (EventKind::ALERT, alert.at_ms, alert.alert_id.clone()),
        BodyV1::Explained(told) => {
            let alert = &told.alert;
            (EventKind::ALERT, alert.at_ms, alert.alert_id.clone())
        }
        BodyV1::Event(event) => (GATEWAY_EVENT, event.at_ms, String::new()),
        BodyV1::Summary(_) | BodyV1::Raw(_) | BodyV1::Drop(_) => return None,
    };
    Some(Event {
        kind,
        time: Timestamp::from_millis(at_ms),
        subject,
        content: Some(encode_body(body)),
    })
}

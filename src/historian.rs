//! Keeps the plant's memory: writes samples, alerts and facts to the history, and states the figures of each shift.
//!
//! The one owner of writing. The gateway runs it in a thread of its own, a replay in step with the data; both say what
//! time it is.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::analysis::{Accountant, AnalysisError};
use crate::config::{Config, HistoryConfig, Tag};
use crate::history::{
    Event, EventKind, HistoryError, Reader, Retention, SeriesId, SeriesSpec, Settings, Writer,
};
use crate::model::{Quality, Sample, TagId, Timestamp, Value};
use crate::record::{BodyV1, encode_body};

/// Something that happened to the gateway itself; the content is the record's body.
pub const GATEWAY_EVENT: EventKind = EventKind(14);
/// Series that one slice of upkeep works on: well below the time that a commit takes.
const UPKEEP_SERIES: usize = 64;
/// Below the day that a clock has to stand ahead before the history believes it.
const HALF_A_DAY: Duration = Duration::from_hours(12);
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
    /// The figures of a shift cannot be stated.
    #[error("state the figures of a shift")]
    Analysis(#[from] AnalysisError),
}

/// Writes the history of one plant.
#[derive(Debug)]
pub struct Historian {
    writer: Writer,
    accountant: Accountant,
    /// When a replay does upkeep next.
    next_upkeep: Option<Timestamp>,
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
            next_upkeep: None,
        })
    }

    /// For asking, in any thread.
    pub fn reader(&self) -> Reader {
        self.writer.reader()
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
    pub fn admit(&mut self, facts: &[Event], now: Timestamp) -> Result<usize, HistorianError> {
        for fact in facts {
            self.writer.put_event(fact.clone())?;
        }
        self.writer.flush()?;
        let restated = self.accountant.restate(&self.reader(), facts, now)?;
        let count = restated.len();
        self.write_all(restated)?;
        Ok(count)
    }

    /// What is due: a commit once a second, a slice of upkeep, the figures of a shift that is over.
    pub fn turn(&mut self, now: Timestamp) -> Result<(), HistorianError> {
        self.writer.commit(now)?;
        self.writer.maintain(now, UPKEEP_SERIES)?;
        self.account(now)
    }

    /// The same for data that come faster than time passes: upkeep is done once for every half a day of them.
    pub fn catch_up(&mut self, now: Timestamp) -> Result<(), HistorianError> {
        self.writer.commit(now)?;
        self.writer.relieve(now)?;
        let next = *self
            .next_upkeep
            .get_or_insert(now.saturating_add(HALF_A_DAY));
        // Samples are read much faster once they are packed.
        if next <= now || self.accountant.is_due(now) {
            self.next_upkeep = Some(now.saturating_add(HALF_A_DAY));
            while self.writer.maintain(now, UPKEEP_SERIES)?.more {}
        }
        self.account(now)
    }

    fn account(&mut self, now: Timestamp) -> Result<(), HistorianError> {
        if self.accountant.is_due(now) {
            self.writer.flush()?;
            let stated = self.accountant.state(&self.reader(), now)?;
            self.write_all(stated)?;
        }
        Ok(())
    }

    /// Makes everything durable, and does all upkeep where there is time for it.
    pub fn close(mut self, now: Timestamp, is_thorough: bool) -> Result<(), HistorianError> {
        self.turn(now)?;
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
        })
    }

    /// Takes samples of any series, about in order of time.
    pub fn take(&mut self, samples: impl Iterator<Item = Sample>) -> Result<(), HistorianError> {
        for sample in samples {
            self.latest = self.latest.max(sample.time);
            self.count += 1;
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

    /// Writes what waits, and does all upkeep.
    pub fn close(mut self, now: Timestamp) -> Result<(), HistorianError> {
        self.write_before(Timestamp::from_nanos(i64::MAX))?;
        self.writer.settle(now)?;
        Ok(())
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

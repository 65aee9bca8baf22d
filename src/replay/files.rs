//! Records as JSON lines in files.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::run::ReplayError;
use crate::alerting::AlarmKind;
use crate::config::{Config, RawMode};
use crate::record::names::{TagName, TagNames};
use crate::record::wire::IdRef;
use crate::record::{AlertV1, BodyV1, Lane, SummaryV1, json};

/// Epoch in the ids of replayed records.
pub(super) const EPOCH: u32 = 1;
/// Written at once.
const WRITE_BYTES: usize = 256 * 1024;

/// How many alerts there were.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AlertCounts {
    /// Raised and cleared, by kind of alarm.
    pub by_kind: BTreeMap<&'static str, Transitions>,
    /// Raised, by role that was told.
    pub by_role: BTreeMap<String, u64>,
}

/// How often alarms changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Transitions {
    /// Alerts raised.
    pub raised: u64,
    /// Alerts that became worse.
    pub changed: u64,
    /// Alerts cleared.
    pub cleared: u64,
}

/// Records written, by file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Written {
    /// Lines of `alerts.jsonl`.
    pub alerts: u64,
    /// Lines of `summaries.jsonl`.
    pub summaries: u64,
    /// Lines of `raw.jsonl`; none when no tag has its single values published.
    pub raw: Option<u64>,
}

/// The output files. They have the suffix `.part` until they are complete.
#[derive(Debug)]
pub(super) struct Files {
    alerts: Output,
    summaries: Output,
    raw: Option<Output>,
    gateway: String,
    names: TagNames,
    /// Last number given out, per lane.
    seq: [u64; Lane::ALL.len()],
    line: Vec<u8>,
    counts: AlertCounts,
}

impl Files {
    /// Makes the directory and begins the files.
    pub(super) fn create(dir: &Path, config: &Config) -> Result<Self, ReplayError> {
        let failed = |path: &Path, source| ReplayError::Output {
            path: path.to_owned(),
            source,
        };
        fs::create_dir_all(dir).map_err(|source| failed(dir, source))?;
        let has_raw = config.tags.iter().any(|t| t.publish.raw != RawMode::Off);
        let raw = dir.join("raw.jsonl");
        if !has_raw && raw.exists() {
            // What an earlier run left here would pass for a result of this one.
            fs::remove_file(&raw).map_err(|source| failed(&raw, source))?;
        }
        let names = config.tags.iter().map(|tag| TagName {
            name: tag.name.as_str().into(),
            unit: tag.unit.as_str().into(),
        });
        Ok(Self {
            alerts: Output::create(dir.join("alerts.jsonl"))?,
            summaries: Output::create(dir.join("summaries.jsonl"))?,
            raw: has_raw.then(|| Output::create(raw)).transpose()?,
            gateway: config.gateway.id.clone(),
            names: TagNames::new((0..).zip(names)),
            seq: [0; Lane::ALL.len()],
            line: Vec::new(),
            counts: AlertCounts::default(),
        })
    }

    /// Writes one record.
    pub(super) fn write(&mut self, lane: Lane, body: &BodyV1) -> Result<(), ReplayError> {
        let output = match body {
            BodyV1::Summary(summary) if is_silent(summary) => return Ok(()),
            BodyV1::Summary(_) => &mut self.summaries,
            BodyV1::Raw(_) => match &mut self.raw {
                Some(raw) => raw,
                None => return Ok(()),
            },
            BodyV1::Alert(_) | BodyV1::Explained(_) | BodyV1::Drop(_) | BodyV1::Event(_) => {
                &mut self.alerts
            }
        };
        if let Some(alert) = body.alert() {
            self.counts.add(alert);
        }
        let mut seq = 0;
        if let Some(last) = self.seq.get_mut(lane as usize) {
            *last += 1;
            seq = *last;
        }
        let id = IdRef {
            gateway: &self.gateway,
            epoch: EPOCH,
            lane,
            seq,
        };
        self.line.clear();
        json::append(&mut self.line, id, body, &self.names);
        self.line.push(b'\n');
        output.write(&self.line)
    }

    /// Gives the files their names.
    pub(super) fn finish(self) -> Result<(AlertCounts, Written), ReplayError> {
        let written = Written {
            alerts: self.alerts.finish()?,
            summaries: self.summaries.finish()?,
            raw: self.raw.map(Output::finish).transpose()?,
        };
        Ok((self.counts, written))
    }

    /// Removes what was written so far; what cannot be removed keeps its suffix.
    pub(super) fn discard(self) {
        for output in [self.alerts, self.summaries].into_iter().chain(self.raw) {
            fs::remove_file(&output.part).ok();
        }
    }
}

/// Live, a silent tag is news; a recording is silent where it has no rows.
fn is_silent(summary: &SummaryV1) -> bool {
    let mut items = summary.items.iter();
    items.all(|item| (item.good, item.uncertain, item.bad) == (0, 0, 0))
}

impl AlertCounts {
    fn add(&mut self, alert: &AlertV1) {
        let kind = AlarmKind::from_code(alert.kind).map_or("unknown", AlarmKind::as_str);
        let transitions = self.by_kind.entry(kind).or_default();
        match alert.transition {
            AlertV1::RAISED => {
                transitions.raised += 1;
                for role in &alert.roles {
                    *self.by_role.entry(role.clone()).or_default() += 1;
                }
            }
            AlertV1::CLEARED => transitions.cleared += 1,
            _ => transitions.changed += 1,
        }
    }
}

#[derive(Debug)]
struct Output {
    path: PathBuf,
    part: PathBuf,
    writer: BufWriter<File>,
    lines: u64,
}

impl Output {
    fn create(path: PathBuf) -> Result<Self, ReplayError> {
        let part = path.with_extension("jsonl.part");
        match File::create(&part) {
            Ok(file) => Ok(Self {
                path,
                part,
                writer: BufWriter::with_capacity(WRITE_BYTES, file),
                lines: 0,
            }),
            Err(source) => Err(ReplayError::Output { path: part, source }),
        }
    }

    fn write(&mut self, line: &[u8]) -> Result<(), ReplayError> {
        self.lines += 1;
        let written = self.writer.write_all(line);
        written.map_err(|source| self.failed(source))
    }

    fn finish(mut self) -> Result<u64, ReplayError> {
        let flushed = self.writer.flush();
        let named = flushed.and_then(|()| fs::rename(&self.part, &self.path));
        named.map_err(|source| self.failed(source))?;
        Ok(self.lines)
    }

    fn failed(&self, source: io::Error) -> ReplayError {
        ReplayError::Output {
            path: self.part.clone(),
            source,
        }
    }
}

//! What was injected, when and where: the answer sheet for detectors.

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

/// One fault as it happened. Written as a JSON line when it begins and once more when it ends.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TruthRecord {
    /// Number of the fault in this run, from 1.
    pub id: u64,
    /// `"begin"` or `"end"`.
    pub phase: Phase,
    /// The scenario's name for it.
    pub label: String,
    /// Kind as in the scenario, e.g. `"step"`.
    pub kind: &'static str,
    /// Device names, as in the gateway configuration, that show it.
    pub devices: Vec<String>,
    /// For a fault on a signal: its `machine.signal` name.
    pub signal: Option<String>,
    /// For a fault on a signal: its tag names, as in the gateway configuration.
    pub tags: Vec<String>,
    /// Begin, nanoseconds since 1970-01-01 UTC.
    pub begin_ns: i64,
    /// Begin, plant time in seconds.
    pub begin_elapsed_s: f64,
    /// Intended end, plant time in seconds; absent when it lasts.
    pub until_elapsed_s: Option<f64>,
    /// Actual end, nanoseconds since 1970-01-01 UTC.
    pub end_ns: Option<i64>,
    /// Actual end, plant time in seconds.
    pub end_elapsed_s: Option<f64>,
    /// Seed of the scenario.
    pub seed: u64,
}

/// Whether a record was written at the begin or at the end of its fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// It has begun.
    Begin,
    /// It has ended.
    End,
}

/// The record of all faults of a run. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Truth(Arc<Mutex<Vec<TruthRecord>>>);

impl Truth {
    /// Every fault so far, in the order of their begin, each in its latest phase.
    pub(crate) fn records(&self) -> Vec<TruthRecord> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Adds a fault, or replaces what was known about it.
    pub(crate) fn note(&self, record: TruthRecord) {
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match records.iter_mut().find(|known| known.id == record.id) {
            Some(known) => *known = record,
            None => records.push(record),
        }
    }
}

/// The JSON lines file. Every line is handed to the kernel at once.
#[derive(Debug)]
pub(crate) struct TruthFile(std::fs::File);

impl TruthFile {
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        std::fs::File::create(path).map(Self)
    }

    pub(crate) fn append(&mut self, record: &TruthRecord) -> io::Result<()> {
        let mut line = serde_json::to_vec(record).map_err(io::Error::other)?;
        line.push(b'\n');
        self.0.write_all(&line)
    }
}

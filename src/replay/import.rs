//! Past data into the history: the same files as a replay reads, past validation and detection.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::fault::Faults;
use super::header::KnownTags;
use super::merge::{Chunk, Merge};
use super::run::{Progress, ReplayError, open_inputs};
use super::stopwatch::elapsed;
use crate::clock::Clock;
use crate::config::Config;
use crate::historian::Importer;

/// What to import.
#[derive(Debug)]
pub struct ImportRequest {
    /// The configuration whose tags the recordings name.
    pub config: Arc<Config>,
    /// Recordings; `-` is standard input.
    pub inputs: Vec<PathBuf>,
    /// Directory of the history; one is made when it is not there.
    pub directory: PathBuf,
    /// Go on when a recording names tags that the configuration does not have.
    pub ignore_unknown: bool,
    /// Says what is past.
    pub clock: Arc<dyn Clock>,
}

/// What was imported.
#[derive(Debug)]
pub struct ImportReport {
    /// Rows with a time.
    pub rows: u64,
    /// Values taken.
    pub values: u64,
    /// Those of them that are older than single samples are kept: they are in roll-ups only.
    pub rolled_up: u64,
    /// Cells and rows that could not be read.
    pub faults: Faults,
    /// Tags that were left out, in words.
    pub unknown: Vec<String>,
    /// How long it took.
    pub took: Duration,
}

/// Imports recordings; `progress` is called every few hundred thousand values.
pub fn import(
    request: &ImportRequest,
    progress: &mut dyn FnMut(Progress),
) -> Result<ImportReport, ReplayError> {
    let began = elapsed(&*request.clock);
    let tags = KnownTags::new(&request.config);
    let read = Arc::new(AtomicU64::new(0));
    let sources = open_inputs(&request.inputs, &tags, request.ignore_unknown, &read)?;
    let mut merge = Merge::new(&request.config, sources);
    let now = request.clock.now().wall;
    let mut importer = Importer::open(&request.config, &request.directory, now)?;
    let mut chunk = Chunk::default();
    let mut values = 0;
    loop {
        chunk.clear();
        merge.fill(&mut chunk).map_err(ReplayError::UnknownTag)?;
        if chunk.scans.is_empty() {
            break;
        }
        values += chunk.samples.len() as u64;
        importer.take(chunk.samples.drain(..))?;
        progress(Progress {
            bytes: read.load(Ordering::Relaxed),
            values,
            elapsed: elapsed(&*request.clock).saturating_sub(began),
        });
    }
    let rolled_up = importer.close(request.clock.now().wall)?;
    let totals = merge.into_totals();
    Ok(ImportReport {
        rows: totals.rows,
        values,
        rolled_up,
        faults: totals.notes.faults,
        unknown: totals.notes.unknown.into_values().collect(),
        took: elapsed(&*request.clock).saturating_sub(began),
    })
}

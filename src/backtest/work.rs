//! The work on one recording: read, check, learn, score, write.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::dataset::DataFile;
use super::recording::{Recording, read};
use super::run::Progress;
use super::score::{FileScore, Segment};
use super::segments::Segments;
use super::teacher::{Teacher, whole};
use super::verdicts::{Failed, Part};
use crate::config::BacktestProfile;
use crate::replay::Faults;

/// What the work on every recording needs.
#[derive(Debug)]
pub(super) struct Work<'a> {
    pub(super) profile: &'a BacktestProfile,
    /// The training recording; it is not scored where it lies in the data set.
    pub(super) train: Option<&'a Path>,
    pub(super) out: &'a Path,
    /// None without labels.
    pub(super) segments: Option<&'a Segments>,
    /// None when recordings are only checked.
    pub(super) teacher: Option<Teacher>,
    pub(super) counts: Counts,
}

/// What all threads add to.
#[derive(Debug, Default)]
pub(super) struct Counts {
    bytes: Arc<AtomicU64>,
    values: AtomicU64,
}

/// What became of one recording.
#[derive(Debug, Default)]
pub(super) struct FileResult {
    pub(super) faults: Faults,
    /// What is to be said of it beside its score.
    pub(super) note: Option<String>,
    pub(super) score: Option<FileScore>,
    pub(super) part: Option<Part>,
    pub(super) failed: Option<Failed>,
}

impl Work<'_> {
    /// One recording from its bytes to its score.
    pub(super) fn one(&self, file: &DataFile) -> FileResult {
        let mut result = FileResult::default();
        let is_training = self.train.is_some_and(|train| is_same(train, &file.path));
        if is_training && self.teacher.is_none() {
            // It was read before; its faults must not be told twice.
            return result;
        }
        let recording = match read(&file.path, Arc::clone(&self.counts.bytes)) {
            Ok(recording) => recording,
            Err(faults) => {
                result.faults = faults;
                return result;
            }
        };
        let segments = self.segments.map_or_else(Vec::new, |segments| {
            segments.of(&file.name, recording.rows(), &mut result.faults)
        });
        if let Some(teacher) = &self.teacher
            && !is_training
        {
            let segment_faults = result.faults;
            result = self.judge(file, &recording, &segments, teacher);
            result.faults.append(segment_faults);
        }
        result
    }

    fn judge(
        &self,
        file: &DataFile,
        recording: &Recording,
        segments: &[Segment],
        teacher: &Teacher,
    ) -> FileResult {
        let mut result = FileResult::default();
        let (mut engine, learn) = match teacher.engine_for(self.profile, recording) {
            Ok(engine) => engine,
            Err(message) => {
                result.faults.add(|| whole(&file.path, message));
                return result;
            }
        };
        if learn >= recording.rows() {
            let name = &file.name;
            result.note = Some(format!("{name}: all {learn} rows teach, none is scored"));
        }
        let mut rows = recording.iter();
        rows.by_ref().take(learn).for_each(|row| engine.learn(&row));
        engine.end_learning();
        let verdicts: Vec<_> = rows.map(|row| engine.score(&row)).collect();
        self.counts.add_values(recording);
        let taught = std::iter::repeat_n(false, learn);
        let alarms: Vec<bool> = taught.chain(verdicts.iter().map(|v| v.alarm)).collect();
        result.score = Some(FileScore::new(learn, &alarms, segments));
        match Part::write(self.out.join(&file.name), learn, &verdicts) {
            Ok(part) => result.part = Some(part),
            Err(failed) => result.failed = Some(failed),
        }
        result
    }
}

impl Counts {
    /// Values that went through detectors.
    pub(super) fn values(&self) -> u64 {
        self.values.load(Ordering::Relaxed)
    }

    /// How far the work is.
    pub(super) fn progress(&self, bytes_total: u64, elapsed: Duration) -> Progress {
        Progress {
            bytes: self.bytes.load(Ordering::Relaxed),
            bytes_total,
            values: self.values(),
            elapsed,
        }
    }

    fn add_values(&self, recording: &Recording) {
        let values = recording.rows().saturating_mul(recording.columns.len());
        self.values.fetch_add(values as u64, Ordering::Relaxed);
    }
}

fn is_same(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}

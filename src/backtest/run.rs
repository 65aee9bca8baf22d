//! A run: every recording through its own engine, on the available cores.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{Builder, ScopedJoinHandle, available_parallelism};
use std::time::Duration;

use super::dataset::{DataFile, family_of, list};
use super::score::Summary;
use super::segments::Segments;
use super::summary::summary_json;
use super::teacher::Teacher;
use super::verdicts::{Failed, Part};
use super::work::{Counts, FileResult, Work};
use crate::clock::Clock;
use crate::config::BacktestProfile;
use crate::replay::Faults;

/// Most recordings in work at once, and so in memory.
pub const THREADS_MAX: usize = 8;
/// How often progress is told while no recording ends.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// What to run.
#[derive(Debug)]
pub struct Request {
    /// The folder of the data set.
    pub dataset: PathBuf,
    /// What the detectors are told about it.
    pub profile: BacktestProfile,
    /// A normal recording to learn from.
    pub train: Option<PathBuf>,
    /// The folder for the results.
    pub out: PathBuf,
    /// For the time it takes.
    pub clock: Arc<dyn Clock>,
}

/// How far a run is.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// Bytes read, packed ones as they are.
    pub bytes: u64,
    /// Bytes of all recordings.
    pub bytes_total: u64,
    /// Values that went through detectors.
    pub values: u64,
    /// Time since the begin.
    pub elapsed: Duration,
}

/// What came out.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The scores; without labels only what they count of alarms.
    pub summary: Summary,
    /// Whether the data set has labels.
    pub is_labelled: bool,
    /// What is to be said of it beside the figures.
    pub notes: Vec<String>,
    /// Values that went through detectors.
    pub values: u64,
    /// Time from begin to end.
    pub took: Duration,
}

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum BacktestError {
    /// The data set cannot be used.
    #[error("{}", .0.text())]
    Dataset(Faults),
    /// The results would lie among the recordings.
    #[error("{} lies in the data set's own data; choose another folder for --out", .0.display())]
    OutInData(PathBuf),
    /// A result cannot be written.
    #[error("write {}", .path.display())]
    Output {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A thread cannot be started.
    #[error("start a thread")]
    Thread(#[source] std::io::Error),
    /// A bug.
    #[error("a worker thread ended in a panic")]
    Panicked,
}

impl From<Failed> for BacktestError {
    fn from((path, source): Failed) -> Self {
        Self::Output { path, source }
    }
}

/// Runs detectors over a data set; `progress` is called a few times a second.
pub fn backtest(
    request: &Request,
    progress: &mut dyn FnMut(Progress),
) -> Result<Report, BacktestError> {
    let began = elapsed(&*request.clock);
    if is_inside(&request.out, &request.dataset.join("data")) {
        return Err(BacktestError::OutInData(request.out.clone()));
    }
    let mut faults = Faults::default();
    let files = list(&request.dataset, &mut faults);
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    let segments = Segments::read(&request.dataset.join("segments.csv"), &names, &mut faults);
    let teacher = Teacher::new(request.train.as_deref(), &request.profile, &mut faults);
    let work = Work {
        profile: &request.profile,
        train: request.train.as_deref(),
        out: &request.out,
        segments: segments.as_ref(),
        // A data set that is refused anyway is only checked.
        teacher: teacher.filter(|_| faults.count() == 0),
        counts: Counts::default(),
    };
    let mut results = share_out(&work, &files, |counts| {
        let elapsed = elapsed(&*request.clock).saturating_sub(began);
        progress(counts.progress(bytes_total(&files), elapsed));
    })?;
    for result in &mut results {
        faults.append(std::mem::take(&mut result.faults));
    }
    if faults.count() > 0 {
        let parts = results.into_iter().filter_map(|result| result.part);
        parts.for_each(Part::discard);
        return Err(BacktestError::Dataset(faults));
    }
    let mut report = finish(&work, &files, results)?;
    report.took = elapsed(&*request.clock).saturating_sub(began);
    Ok(report)
}

fn bytes_total(files: &[DataFile]) -> u64 {
    files.iter().map(|file| file.bytes).sum()
}

/// All recordings on all cores; the results come in the order of the recordings.
fn share_out(
    work: &Work<'_>,
    files: &[DataFile],
    mut tell: impl FnMut(&Counts),
) -> Result<Vec<FileResult>, BacktestError> {
    let cores = available_parallelism().map_or(1, usize::from);
    let threads = cores.min(THREADS_MAX).min(files.len());
    let mut results: Vec<Option<FileResult>> = Vec::new();
    results.resize_with(files.len(), || None);
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let (to, done) = sync_channel(THREADS_MAX);
        let mut workers = Vec::with_capacity(threads);
        for number in 0..threads {
            let (to, next) = (to.clone(), &next);
            let worker = Builder::new()
                .name(format!("backtest-{number}"))
                .spawn_scoped(scope, move || one_after_another(work, files, next, &to))
                .map_err(BacktestError::Thread)?;
            workers.push(worker);
        }
        drop(to);
        loop {
            match done.recv_timeout(TELL_EVERY) {
                Ok((index, result)) => {
                    if let Some(place) = results.get_mut(index) {
                        *place = Some(result);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            tell(&work.counts);
        }
        let joined = workers.into_iter().try_for_each(ScopedJoinHandle::join);
        joined.map_err(|_panic| BacktestError::Panicked)
    })?;
    let results: Option<Vec<FileResult>> = results.into_iter().collect();
    results.ok_or(BacktestError::Panicked)
}

/// One thread: takes recordings until none is left or nobody wants the results.
fn one_after_another(
    work: &Work<'_>,
    files: &[DataFile],
    next: &AtomicUsize,
    to: &SyncSender<(usize, FileResult)>,
) {
    loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        let Some(file) = files.get(index) else {
            return;
        };
        if to.send((index, work.one(file))).is_err() {
            return;
        }
    }
}

/// Gives the results their names and sums up.
fn finish(
    work: &Work<'_>,
    files: &[DataFile],
    results: Vec<FileResult>,
) -> Result<Report, BacktestError> {
    let mut report = Report {
        summary: Summary::default(),
        is_labelled: work.segments.is_some(),
        notes: Vec::new(),
        values: work.counts.values(),
        took: Duration::ZERO,
    };
    if !report.is_labelled {
        let text = "the data set has no segments.csv: detections are written, there are no scores";
        report.notes.push(text.to_owned());
    }
    let mut parts = Vec::with_capacity(results.len() + 1);
    let mut failed = None;
    for (file, result) in files.iter().zip(results) {
        if let Some(score) = &result.score {
            let summary = &mut report.summary;
            summary.add(&file.name, family_of(&file.name), score);
        }
        report.notes.extend(result.note);
        parts.extend(result.part);
        failed = failed.or(result.failed);
    }
    let text = format!("{:#}\n", summary_json(&report));
    match Part::text(work.out.join("summary.json"), &text) {
        Ok(part) => parts.push(part),
        Err(error) => failed = failed.or(Some(error)),
    }
    if let Some(failed) = failed {
        parts.into_iter().for_each(Part::discard);
        return Err(failed.into());
    }
    parts.into_iter().try_for_each(Part::finish)?;
    Ok(report)
}

/// Whether `path`, which need not exist yet, is `folder` or lies in it.
fn is_inside(path: &Path, folder: &Path) -> bool {
    let Ok(folder) = folder.canonicalize() else {
        return false;
    };
    let nearest = path.ancestors().find_map(|known| {
        let known = if known.as_os_str().is_empty() {
            Path::new(".")
        } else {
            known
        };
        known.canonicalize().ok()
    });
    nearest.is_some_and(|known| known.starts_with(folder))
}

fn elapsed(clock: &dyn Clock) -> Duration {
    Duration::from_nanos(clock.now().mono.as_nanos())
}

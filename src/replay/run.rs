//! Decoding, the chain and writing side by side, with bounded channels between.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::ScopedJoinHandle;
use std::time::Duration;

use super::drive::Drive;
use super::fault::{Fault, Faults};
use super::files::{AlertCounts, EPOCH, Files, Written};
use super::header::KnownTags;
use super::memory::{Memo, Memory};
use super::merge::{Chunk, Merge, ReadTotals};
use super::source::Source;
use super::stopwatch::{Seconds, Stopwatch, elapsed};
use crate::clock::Clock;
use crate::config::Config;
use crate::detection::ChartDesign;
use crate::historian::HistorianError;
use crate::model::Timestamp;
use crate::pipeline::task::RecordSink;
use crate::pipeline::{ChainCounters, Learned, Parts};
use crate::record::{BodyV1, Lane};

/// Chunks on their way to the chain, and as many on their way back to be filled again: about 1 MB each.
const CHUNKS: usize = 8;
/// Records that go to the writer together.
const RECORDS: usize = 256;
/// Such bundles on their way to the writer.
const BUNDLES: usize = 64;

/// What to replay.
#[derive(Debug)]
pub struct Request {
    /// The configuration whose tags the recordings name.
    pub config: Arc<Config>,
    /// Chart design per tag; `None` where nothing is detected.
    pub designs: Vec<Option<ChartDesign>>,
    /// Recordings; `-` is standard input.
    pub inputs: Vec<PathBuf>,
    /// Directory for the results; made when it is not there.
    pub out: PathBuf,
    /// Directory of a history that the samples and alerts are kept in besides; made when it is not there.
    pub history: Option<PathBuf>,
    /// Go on when a recording names tags that the configuration does not have.
    pub ignore_unknown: bool,
    /// For the time that the replay takes; the data's time is in the data.
    pub clock: Arc<dyn Clock>,
}

/// Why a replay could not be done or finished.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// Inputs cannot be opened or their headers not be used; nothing was started.
    #[error("{}", .0.text())]
    Inputs(Faults),
    /// A long file names a tag that the configuration does not have; no result was written.
    #[error("{0}")]
    UnknownTag(Fault),
    /// A result cannot be written.
    #[error("write `{}`", path.display())]
    Output {
        /// Which file or directory.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The history cannot be kept.
    #[error("keep the history")]
    History(#[from] HistorianError),
    /// The system gave no thread.
    #[error("start a thread")]
    Thread(#[source] io::Error),
    /// A thread panicked: a bug.
    #[error("the {0} thread panicked")]
    Panicked(&'static str),
}

impl ReplayError {
    /// Whether another request would have been better: its inputs cannot be used.
    pub const fn is_of_the_request(&self) -> bool {
        matches!(self, Self::Inputs(_) | Self::UnknownTag(_))
    }
}

/// How far a replay is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes read of all inputs, as they are on disk.
    pub bytes: u64,
    /// Values gone through the chain.
    pub values: u64,
    /// Time passed.
    pub elapsed: Duration,
}

/// What a replay found.
#[derive(Debug)]
pub struct Report {
    /// Rows with a time.
    pub rows: u64,
    /// Rows that went back in time.
    pub out_of_order: u64,
    /// `file:line` of the first of them.
    pub first_out_of_order: Option<String>,
    /// Cells and rows that could not be read.
    pub faults: Faults,
    /// What is to be said of each tag that was ignored.
    pub unknown: Vec<String>,
    /// Values by quality, after validation.
    pub counters: ChainCounters,
    /// Time of the first and of the last value.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Alerts by kind and role.
    pub alerts: AlertCounts,
    /// Alerts that stand at the end.
    pub standing: usize,
    /// Records written.
    pub written: Written,
    /// Where the time went.
    pub seconds: Seconds,
}

impl Report {
    /// Values that went through the chain.
    pub const fn values(&self) -> u64 {
        self.counters.good + self.counters.uncertain + self.counters.bad
    }
}

/// Replays recordings; `progress` is called a few hundred times a second at most.
///
/// Faults in cells and rows do not end it, see [`Report::faults`]; what does is in [`ReplayError`].
pub fn replay(request: Request, progress: &mut dyn FnMut(Progress)) -> Result<Report, ReplayError> {
    let clock = Arc::clone(&request.clock);
    let tags = KnownTags::new(&request.config);
    let read = Arc::new(AtomicU64::new(0));
    let sources = open_inputs(&request.inputs, &tags, request.ignore_unknown, &read)?;
    let files = Files::create(&request.out, &request.config)?;
    let config = Arc::clone(&request.config);
    let clock = &*clock;
    std::thread::scope(|scope| {
        let (chunk_to, chunks) = sync_channel(CHUNKS);
        let (empty_to, empties) = sync_channel(CHUNKS);
        let (bundle_to, bundles) = sync_channel(BUNDLES);
        let memory = Memory::start(scope, &request, empty_to.clone())?;
        let spawn = |name: &str| std::thread::Builder::new().name(name.to_owned());
        let decoder = spawn("replay-decode")
            .spawn_scoped(scope, move || {
                let merge = Merge::new(&config, sources);
                decode(merge, &chunk_to, &empties, clock)
            })
            .map_err(ReplayError::Thread)?;
        let writer = spawn("replay-write")
            .spawn_scoped(scope, move || write(files, &bundles, clock))
            .map_err(ReplayError::Thread)?;
        let mut hand = Hand {
            to: bundle_to,
            bundle: Vec::with_capacity(RECORDS),
            is_closed: false,
            waited: Stopwatch::new(clock),
            memory: memory.as_ref().map(|memory| memory.to.clone()),
        };
        let mut chained = Chained::new(request, clock);
        chained.run(&chunks, &empty_to, &mut hand, |values, elapsed| {
            let bytes = read.load(Ordering::Relaxed);
            progress(Progress {
                bytes,
                values,
                elapsed,
            });
        });
        // Closing the channels is what ends the other two.
        drop((chunks, empty_to));
        let waited = hand.waited.total;
        drop(hand);
        if let Some(memory) = memory {
            memory.finish()?;
        }
        let decoded = join(decoder, "decoding").flatten();
        let (files, write_time) = join(writer, "writing").flatten()?;
        match decoded {
            Ok((totals, decode_time)) => {
                let (alerts, written) = files.finish()?;
                let times = [decode_time, write_time, waited];
                Ok(chained.report(totals, alerts, written, times))
            }
            Err(error) => {
                files.discard();
                Err(error)
            }
        }
    })
}

/// Opens recordings and reads their headers.
pub(super) fn open_inputs<'t>(
    inputs: &[PathBuf],
    tags: &'t KnownTags,
    ignore_unknown: bool,
    read: &Arc<AtomicU64>,
) -> Result<Vec<Source<'t>>, ReplayError> {
    let mut faults = Faults::default();
    let mut sources = Vec::with_capacity(inputs.len());
    for path in inputs {
        match Source::open(path, tags, ignore_unknown, Arc::clone(read)) {
            Ok(source) => sources.push(source),
            Err(found) => found.into_iter().for_each(|fault| faults.add(|| fault)),
        }
    }
    if faults.count() == 0 {
        Ok(sources)
    } else {
        Err(ReplayError::Inputs(faults))
    }
}

fn join<T>(thread: ScopedJoinHandle<'_, T>, name: &'static str) -> Result<T, ReplayError> {
    thread.join().map_err(|_panic| ReplayError::Panicked(name))
}

type Timed<T> = Result<(T, Duration), ReplayError>;

/// The decode thread: fills chunks until the inputs end or nobody takes them.
fn decode(
    mut merge: Merge<'_>,
    to: &SyncSender<Chunk>,
    empties: &Receiver<Chunk>,
    clock: &dyn Clock,
) -> Timed<ReadTotals> {
    let mut busy = Stopwatch::new(clock);
    loop {
        let mut chunk = empties.try_recv().unwrap_or_default();
        chunk.clear();
        busy.time(|| merge.fill(&mut chunk))
            .map_err(ReplayError::UnknownTag)?;
        if chunk.scans.is_empty() || to.send(chunk).is_err() {
            return Ok((merge.into_totals(), busy.total));
        }
    }
}

/// The write thread: ends when no more records come, or at the first that cannot be written.
fn write(mut files: Files, bundles: &Receiver<Vec<Record>>, clock: &dyn Clock) -> Timed<Files> {
    let mut busy = Stopwatch::new(clock);
    for bundle in bundles {
        let written = busy.time(|| {
            let mut records = bundle.iter();
            records.try_for_each(|(lane, body)| files.write(*lane, body))
        });
        if let Err(error) = written {
            files.discard();
            return Err(error);
        }
    }
    Ok((files, busy.total))
}

type Record = (Lane, BodyV1);

/// From the chain to the write thread.
struct Hand<'c> {
    to: SyncSender<Vec<Record>>,
    bundle: Vec<Record>,
    /// Whether the writer has given up.
    is_closed: bool,
    waited: Stopwatch<'c>,
    /// To the history, where one is kept.
    memory: Option<SyncSender<Memo>>,
}

impl Hand<'_> {
    /// Passes a chunk on to where it can be used next.
    fn pass_on(&mut self, chunk: Chunk, empty_to: &SyncSender<Chunk>) {
        match &self.memory {
            // A history that has failed takes nothing; its error is told at the end.
            Some(memory) => self.is_closed |= memory.send(Memo::Scans(chunk)).is_err(),
            // A full channel only means that enough empty chunks are waiting.
            None => drop(empty_to.try_send(chunk)),
        }
    }

    fn flush(&mut self) {
        let bundle = std::mem::replace(&mut self.bundle, Vec::with_capacity(RECORDS));
        let to = &self.to;
        self.is_closed |= self.waited.time(|| to.send(bundle).is_err());
    }
}

impl RecordSink for Hand<'_> {
    fn accept(&mut self, lane: Lane, body: BodyV1) {
        if let (Lane::Alerts, Some(memory)) = (lane, &self.memory) {
            self.is_closed |= memory.send(Memo::Record(Box::new(body.clone()))).is_err();
        }
        self.bundle.push((lane, body));
        if self.bundle.len() >= RECORDS {
            self.flush();
        }
    }
}

/// The chain's side: begins the chain at the first row, and counts.
struct Chained<'c> {
    parts: Option<Parts>,
    drive: Option<Drive<'c>>,
    clock: &'c dyn Clock,
    busy: Stopwatch<'c>,
    began: Duration,
}

impl<'c> Chained<'c> {
    fn new(request: Request, clock: &'c dyn Clock) -> Self {
        let numbers = (0..).zip(&request.config.tags).map(|(n, _)| n).collect();
        let raw_hold = request.config.buffer.commit_interval;
        Self {
            parts: Some(Parts {
                config: request.config,
                numbers,
                designs: request.designs,
                epoch: EPOCH,
                raw_hold,
                learned: Learned::default(),
            }),
            drive: None,
            clock,
            busy: Stopwatch::new(clock),
            began: elapsed(clock),
        }
    }

    fn run(
        &mut self,
        chunks: &Receiver<Chunk>,
        empty_to: &SyncSender<Chunk>,
        hand: &mut Hand<'_>,
        mut progress: impl FnMut(u64, Duration),
    ) {
        for mut chunk in chunks {
            if let (None, Some(first)) = (&self.drive, chunk.scans.first()) {
                let parts = self.parts.take();
                self.drive = parts.map(|parts| Drive::new(parts, first.at, self.clock));
            }
            let Some(drive) = &mut self.drive else {
                continue;
            };
            self.busy.time(|| drive.take(&mut chunk, hand));
            if hand.is_closed {
                return;
            }
            hand.pass_on(chunk, empty_to);
            let counters = drive.counters();
            let values = counters.good + counters.uncertain + counters.bad;
            progress(values, elapsed(self.clock).saturating_sub(self.began));
        }
        if let Some(drive) = &mut self.drive {
            self.busy.time(|| drive.finish(hand));
        }
        hand.flush();
    }

    fn report(
        self,
        totals: ReadTotals,
        alerts: AlertCounts,
        written: Written,
        [decode, write, waited]: [Duration; 3],
    ) -> Report {
        let drive = self.drive.as_ref();
        let wall = elapsed(self.clock).saturating_sub(self.began);
        Report {
            rows: totals.rows,
            out_of_order: totals.out_of_order,
            first_out_of_order: totals.first_out_of_order,
            faults: totals.notes.faults,
            unknown: totals.notes.unknown.into_values().collect(),
            counters: drive.map(Drive::counters).unwrap_or_default(),
            span: drive.map(Drive::span),
            alerts,
            standing: drive.map_or(0, Drive::standing),
            written,
            seconds: Seconds {
                wall: wall.as_secs_f64(),
                decode: decode.as_secs_f64(),
                chain: self.busy.total.saturating_sub(waited).as_secs_f64(),
                tick: drive.map_or(0.0, |drive| drive.ticking().as_secs_f64()),
                write: write.as_secs_f64(),
            },
        }
    }
}

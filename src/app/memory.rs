//! The thread that keeps the plant's memory, and the sink that feeds it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;
use tracing::{error, info, warn};

use super::sink::BufferSink;
use crate::clock::Clock;
use crate::config::Config;
use crate::historian::{Historian, HistorianError};
use crate::history::{Event, HistoryError, Reader};
use crate::model::{Sample, with_causes};
use crate::pipeline::task::RecordSink;
use crate::record::{BodyV1, Lane};

/// Scans that may wait: seconds of work. Beyond it samples are missing in the history, and said so.
const QUEUE: usize = 4_096;
/// How often commits and upkeep are looked at.
const TURN: Duration = Duration::from_millis(200);
/// Scans taken between two turns.
const SCANS_PER_TURN: usize = 2_048;

/// What the thread is told.
#[derive(Debug)]
enum Item {
    Samples(Vec<Sample>),
    Record(Box<BodyV1>),
    Facts(Vec<Event>, oneshot::Sender<Result<usize, String>>),
    /// Nothing that counts comes after this.
    Close,
}

/// The running thread, and what may ask it.
#[derive(Debug)]
pub(super) struct Memory {
    to: SyncSender<Item>,
    thread: JoinHandle<()>,
    pub(super) reader: Reader,
}

impl Memory {
    /// Opens the history and starts its thread.
    pub(super) fn start(config: &Arc<Config>, clock: Arc<dyn Clock>) -> Result<Self, MemoryError> {
        let now = clock.now().wall;
        let historian = Historian::open(config, &config.gateway.data_dir, now)?;
        let reader = historian.reader();
        let (to, items) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("andon-history".into())
            .spawn(move || keep(historian, &items, &*clock))
            .map_err(MemoryError::Thread)?;
        Ok(Self { to, thread, reader })
    }

    /// A way in for samples and records.
    pub(super) fn sink(&self) -> MemorySink {
        MemorySink {
            to: self.to.clone(),
            lost: 0,
        }
    }

    /// A way in for master data and corrections.
    pub(super) fn intake(&self) -> FactsIn {
        FactsIn(self.to.clone())
    }

    /// Waits until everything that was told is durable.
    pub(super) fn join(self) {
        let Self { to, thread, .. } = self;
        // A thread that has ended takes nothing any more, and is joined all the same.
        to.send(Item::Close).ok();
        if thread.join().is_err() {
            warn!("The history's thread panicked.");
        }
    }
}

/// Why there is no history.
#[derive(Debug, thiserror::Error)]
pub(super) enum MemoryError {
    /// It cannot be opened.
    #[error("open the history")]
    Open(#[from] HistoryError),
    /// No thread.
    #[error("start the history's thread")]
    Thread(#[source] std::io::Error),
}

/// The thread: ends when it is told to, or nobody can tell it anything more.
fn keep(mut historian: Historian, items: &Receiver<Item>, clock: &dyn Clock) {
    let mut trouble = Trouble::default();
    let mut is_open = true;
    while is_open {
        let first = items.recv_timeout(TURN);
        is_open = !matches!(first, Err(RecvTimeoutError::Disconnected));
        let more = std::iter::from_fn(|| items.try_recv().ok());
        for item in first.ok().into_iter().chain(more.take(SCANS_PER_TURN)) {
            is_open &= !matches!(item, Item::Close);
            take(&mut historian, item, clock, &mut trouble);
        }
        trouble.note(historian.turn(clock.now().wall));
    }
    trouble.note(historian.close(clock.now().wall, false));
}

fn take(historian: &mut Historian, item: Item, clock: &dyn Clock, trouble: &mut Trouble) {
    match item {
        Item::Close => {}
        Item::Samples(samples) => historian.take(&samples),
        Item::Record(body) => trouble.note(historian.note(&body).map_err(HistorianError::from)),
        Item::Facts(facts, to) => {
            let admitted = historian.admit(&facts, clock.now().wall);
            let answer = admitted.map_err(|error| with_causes(&error));
            // Whoever brought them may be gone by now.
            to.send(answer).map_or_else(drop, |()| ());
        }
    }
}

/// Says when the history begins to fail, and when it works again.
#[derive(Debug, Default)]
struct Trouble {
    is_failing: bool,
}

impl Trouble {
    fn note(&mut self, done: Result<(), HistorianError>) {
        match done {
            Ok(()) if self.is_failing => {
                self.is_failing = false;
                info!("The history is written again.");
            }
            Err(why) if !self.is_failing => {
                self.is_failing = true;
                error!(
                    error = with_causes(&why),
                    "The history cannot be written; polling and alerts go on."
                );
            }
            Ok(()) | Err(_) => {}
        }
    }
}

/// From the chain into the history, without ever waiting.
#[derive(Debug)]
pub(super) struct MemorySink {
    to: SyncSender<Item>,
    lost: u64,
}

impl MemorySink {
    fn samples(&mut self, samples: Vec<Sample>) {
        let count = samples.len() as u64;
        match self.to.try_send(Item::Samples(samples)) {
            Ok(()) if self.lost > 0 => {
                warn!(
                    samples = self.lost,
                    "The history keeps up again; these are missing in it."
                );
                self.lost = 0;
            }
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                if self.lost == 0 {
                    warn!(
                        "The history does not keep up: samples are missing in it. They are published all the same."
                    );
                }
                self.lost += count;
            }
        }
    }

    fn record(&self, body: BodyV1) {
        if self.to.try_send(Item::Record(Box::new(body))).is_err() {
            warn!(
                "The history does not keep up: an alert is missing in it. It is told all the same."
            );
        }
    }
}

/// A way in for master data and corrections.
#[derive(Debug, Clone)]
pub(super) struct FactsIn(SyncSender<Item>);

impl FactsIn {
    /// Brings facts; the answer is how many shifts were stated again.
    pub(super) async fn bring(&self, facts: Vec<Event>) -> Result<usize, String> {
        let (to, answer) = oneshot::channel();
        let sent = self.0.try_send(Item::Facts(facts, to));
        sent.map_err(|_full| "the history is busy; try again".to_owned())?;
        let answer = answer.await;
        answer.unwrap_or_else(|_gone| Err("the gateway is stopping".to_owned()))
    }
}

/// Where what the chain makes goes: into the buffer, and into the history where there is one.
#[derive(Debug)]
pub(super) struct PlantSink {
    pub(super) buffer: BufferSink,
    pub(super) memory: Option<MemorySink>,
}

impl RecordSink for PlantSink {
    fn accept(&mut self, lane: Lane, body: BodyV1) {
        if let (Lane::Alerts, Some(memory)) = (lane, &self.memory) {
            memory.record(body.clone());
        }
        self.buffer.accept(lane, body);
    }

    fn judged(&mut self, samples: Vec<Sample>) {
        if let Some(memory) = &mut self.memory {
            memory.samples(samples);
        }
    }
}

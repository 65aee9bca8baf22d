//! The thread that keeps the plant's memory, and the sink that feeds it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tracing::{error, warn};

use super::history_trouble::HistoryTrouble;
use super::sink::BufferSink;
use crate::clock::Clock;
use crate::config::Config;
use crate::historian::{Admitted, Historian};
use crate::history::{Event, HistoryError, Reader};
use crate::model::{Sample, with_causes};
use crate::pipeline::Trouble;
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
    Facts(Vec<Event>, oneshot::Sender<Result<Admitted, String>>),
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
    pub(super) fn start(
        config: &Arc<Config>,
        clock: Arc<dyn Clock>,
        trouble: mpsc::Sender<Trouble>,
    ) -> Result<Self, MemoryError> {
        let now = clock.now().wall;
        let historian = Historian::open(config, &config.gateway.data_dir, now)?;
        let reader = historian.reader();
        let (to, items) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("andon-history".into())
            .spawn(move || keep(historian, &items, &*clock, HistoryTrouble::new(trouble)))
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
fn keep(
    mut historian: Historian,
    items: &Receiver<Item>,
    clock: &dyn Clock,
    mut trouble: HistoryTrouble,
) {
    let mut is_open = true;
    let mut left_out = 0;
    while is_open {
        let first = items.recv_timeout(TURN);
        is_open = !matches!(first, Err(RecvTimeoutError::Disconnected));
        let more = std::iter::from_fn(|| items.try_recv().ok());
        for item in first.ok().into_iter().chain(more.take(SCANS_PER_TURN)) {
            is_open &= !matches!(item, Item::Close);
            take(&mut historian, item, clock);
        }
        let turn = historian.turn(clock.now().wall);
        let now_left_out = historian.left_out();
        if now_left_out > left_out && matches!(turn.commit, Some(Ok(()))) {
            let samples = now_left_out - left_out;
            left_out = now_left_out;
            warn!(
                samples,
                "While the history could not be written, these samples went missing in it. They are published all the same."
            );
        }
        trouble.note(turn);
    }
    if let Err(why) = historian.close(clock.now().wall, false) {
        error!(
            error = with_causes(&why),
            "The end of the history cannot be written."
        );
    }
}

fn take(historian: &mut Historian, item: Item, clock: &dyn Clock) {
    match item {
        Item::Close => {}
        Item::Samples(samples) => historian.take(&samples),
        Item::Record(body) => {
            if let Err(why) = historian.note(&body) {
                warn!(
                    error = with_causes(&why),
                    "A record cannot be kept in the history."
                );
            }
        }
        Item::Facts(facts, to) => {
            let admitted = historian.admit(&facts, clock.now().wall);
            let answer = admitted.map_err(|error| with_causes(&error));
            // Whoever brought them may be gone by now.
            to.send(answer).map_or_else(drop, |()| ());
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
    /// Brings facts; the answer is what became of them.
    pub(super) async fn bring(&self, facts: Vec<Event>) -> Result<Admitted, String> {
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

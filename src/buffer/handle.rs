//! [`Buffer`]: what the pipeline and the publisher hold.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use super::codec::{MAX_BODY_BYTES, Stored};
use super::disk::{SledStore, engine_threads};
use super::engine::{Committed, EnginePolicy};
use super::epoch::{self, Epoch};
use super::error::{AppendError, BufferError, Refused};
use super::idle;
use super::incident::Incident;
use super::memory::MemStore;
use super::status::BufferStatus;
use super::store::{ReadLimit, Store};
use super::task::{Inbox, Request, TELEMETRY_WAKE_BYTES, Task};
use super::verify::VerifyReport;
use crate::clock::Clock;
use crate::config::BufferConfig;
use crate::record::Lane;

/// Records that may wait for the storage thread, per lane.
const QUEUE_RECORDS: usize = 8192;
/// Their bodies together, bytes: a disk that hangs for some seconds is bridged, a dead one fills no memory.
const QUEUE_BYTES: [usize; Lane::ALL.len()] = [4 << 20, 16 << 20];
/// Reads, status calls and the like that may wait.
const QUEUE_REQUESTS: usize = 256;
/// Incidents that may wait for the pipeline.
const QUEUE_INCIDENTS: usize = 256;

/// A start waits two seconds for the lock of the data directory, asking again in these steps.
const LOCK_TRIES: u32 = 40;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// What came of opening the buffer.
#[derive(Debug)]
pub struct Opened {
    /// The epoch of this run, durable already.
    pub epoch: u32,
    /// The epoch of the run before; none on a fresh data directory.
    pub previous_epoch: Option<u32>,
    /// What happens to the store, in order, from the opening of the lanes on. Bounded: what nobody takes is counted
    /// in [`BufferStatus::incidents_missed`].
    pub incidents: mpsc::Receiver<Incident>,
}

/// Store-and-forward, as seen from the outside. Cheap to clone; nothing here waits for the disk but the async
/// functions.
#[derive(Debug, Clone)]
pub struct Buffer {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    records: [SyncSender<Vec<u8>>; Lane::ALL.len()],
    rejects: SyncSender<(Lane, u64)>,
    requests: SyncSender<Request>,
    bell: SyncSender<()>,
    counters: Arc<Counters>,
    committed: watch::Receiver<Committed>,
    engine_dead: watch::Receiver<bool>,
}

/// Numbers shared with the storage thread.
#[derive(Debug, Default)]
pub(super) struct Counters {
    /// Bytes of bodies that wait, per lane.
    pub(super) queued_bytes: [AtomicUsize; Lane::ALL.len()],
    /// Highest acknowledged sequence number, per lane.
    pub(super) acked: [AtomicU64; Lane::ALL.len()],
}

/// Opens the buffer in `data_dir`; a command that looks at the idle directory at this moment is waited for. Returns as soon as the epoch is durable; the lanes are opened on the storage
/// thread while records already queue. The thread ends after [`Buffer::shutdown`], when every handle is dropped, or
/// when the storage engine died.
pub fn open(
    config: &BufferConfig,
    data_dir: &Path,
    clock: Arc<dyn Clock>,
) -> Result<(Buffer, Opened, JoinHandle<()>), BufferError> {
    let lock = lock_patiently(data_dir)?;
    let engine_dead = engine_threads();
    let root = |lane: Lane| idle::lane_dir(data_dir, lane);
    let mut alerts = SledStore::open(&root(Lane::Alerts))?
        .with_reserve(data_dir.join("reserve"), config.alert_reserve_bytes);
    let mut telemetry = SledStore::open(&root(Lane::Telemetry))?;
    let seen = [&mut alerts, &mut telemetry]
        .into_iter()
        .filter_map(|store| store.found().mark.map(|mark| mark.epoch))
        .max();
    let epoch = epoch::begin(data_dir, seen, clock.now().wall)?;
    let parts = Parts {
        stores: (alerts, telemetry),
        epoch,
        engine_dead,
        lock: Some(lock),
    };
    start(config, parts, clock)
}

/// A buffer without a disk, for replaying recordings: same behaviour, nothing survives.
pub fn open_in_memory(
    config: &BufferConfig,
    epoch: u32,
    clock: Arc<dyn Clock>,
) -> Result<(Buffer, Opened, JoinHandle<()>), BufferError> {
    let parts = Parts {
        stores: (MemStore::new(u64::MAX), MemStore::new(u64::MAX)),
        epoch: Epoch {
            current: epoch,
            previous: None,
        },
        engine_dead: engine_threads(),
        lock: None,
    };
    start(config, parts, clock)
}

/// A start that meets `andon buffer status` or `verify` at work, or a predecessor that is closing, waits for it.
fn lock_patiently(data_dir: &Path) -> Result<std::fs::File, BufferError> {
    for attempt in 0..LOCK_TRIES {
        match idle::lock(data_dir) {
            Err(BufferError::Locked { path }) => {
                if attempt == 0 {
                    tracing::info!(path = %path.display(), "Another andon process uses the data directory; waiting for it.");
                }
                std::thread::park_timeout(LOCK_PAUSE);
            }
            other => return other,
        }
    }
    idle::lock(data_dir)
}

struct Parts<S> {
    stores: (S, S),
    epoch: Epoch,
    engine_dead: watch::Receiver<bool>,
    lock: Option<std::fs::File>,
}

fn start<S: Store + Send + 'static>(
    config: &BufferConfig,
    parts: Parts<S>,
    clock: Arc<dyn Clock>,
) -> Result<(Buffer, Opened, JoinHandle<()>), BufferError> {
    let (alerts, alerts_inbox) = sync_channel(QUEUE_RECORDS);
    let (telemetry, telemetry_inbox) = sync_channel(QUEUE_RECORDS);
    let (requests, requests_inbox) = sync_channel(QUEUE_REQUESTS);
    let (rejects, rejects_inbox) = sync_channel(QUEUE_REQUESTS);
    let (bell, bell_inbox) = sync_channel(1);
    let (committed_sender, committed) = watch::channel(Committed::default());
    let (incidents_sender, incidents) = mpsc::channel(QUEUE_INCIDENTS);
    let counters = Arc::new(Counters::default());
    let inbox = Inbox {
        records: [alerts_inbox, telemetry_inbox],
        rejects: rejects_inbox,
        requests: requests_inbox,
        bell: bell_inbox,
        counters: Arc::clone(&counters),
        committed: committed_sender,
        incidents: incidents_sender,
    };
    let policy = EnginePolicy::new(config);
    let interval = config.commit_interval;
    let (epoch, lock, stores) = (parts.epoch, parts.lock, parts.stores);
    let thread = std::thread::Builder::new()
        .name("andon-buffer".into())
        .spawn(move || {
            let task = Task::open(stores, policy, epoch.current, inbox, clock);
            task.run(interval);
            drop(lock);
        })
        .map_err(BufferError::Thread)?;
    let buffer = Buffer {
        shared: Arc::new(Shared {
            records: [alerts, telemetry],
            rejects,
            requests,
            bell,
            counters,
            committed,
            engine_dead: parts.engine_dead,
        }),
    };
    let opened = Opened {
        epoch: epoch.current,
        previous_epoch: epoch.previous,
        incidents,
    };
    Ok((buffer, opened, thread))
}

impl Buffer {
    /// Hands over an encoded body. Never blocks: a full queue refuses, and the caller counts the loss.
    pub fn try_append(&self, lane: Lane, body: Vec<u8>) -> Result<(), AppendError> {
        self.offer(lane, body).map_err(|refused| refused.error)
    }

    /// [`Buffer::try_append`] for who tries again: what is refused comes back.
    pub fn offer(&self, lane: Lane, body: Vec<u8>) -> Result<(), Refused> {
        let bytes = body.len();
        if bytes > MAX_BODY_BYTES {
            let max = MAX_BODY_BYTES;
            let error = AppendError::TooLarge { bytes, max };
            return Err(Refused { error, body });
        }
        let [alerts, telemetry] = &self.shared.records;
        let queue = match lane {
            Lane::Alerts => alerts,
            Lane::Telemetry => telemetry,
        };
        let queued = of(&self.shared.counters.queued_bytes, lane);
        let before = queued.fetch_add(bytes, Ordering::Relaxed);
        let result = if before + bytes > *of(&QUEUE_BYTES, lane) {
            Err((AppendError::Full, body))
        } else {
            queue.try_send(body).map_err(|error| match error {
                TrySendError::Full(body) => (AppendError::Full, body),
                TrySendError::Disconnected(body) => (AppendError::Closed, body),
            })
        };
        if result.is_err() {
            queued.fetch_sub(bytes, Ordering::Relaxed);
        }
        // Telemetry waits for its commit anyway: one wake-up begins the interval, one says that much is queued.
        let crosses = before < TELEMETRY_WAKE_BYTES && before + bytes >= TELEMETRY_WAKE_BYTES;
        if lane == Lane::Alerts || before == 0 || crosses || result.is_err() {
            self.ring();
        }
        result.map_err(|(error, body)| Refused { error, body })
    }

    /// The highest readable sequence number of each lane. The sender is gone when the storage thread has ended.
    pub fn committed(&self) -> watch::Receiver<Committed> {
        self.shared.committed.clone()
    }

    /// Committed records from `from_seq` on, in order. Records that will never be delivered are left out: the
    /// sequence numbers may have holes. Empty when there is nothing (yet).
    pub async fn read(
        &self,
        lane: Lane,
        from_seq: u64,
        limit: ReadLimit,
    ) -> Result<Vec<Stored>, BufferError> {
        let (reply, answer) = oneshot::channel();
        self.request(Request::Read {
            lane,
            from: from_seq,
            limit,
            reply,
        })?;
        answer.await.map_err(closed)
    }

    /// Where reading begins after a start or a lost connection: one above the cursor.
    pub async fn first_pending(&self, lane: Lane) -> Result<u64, BufferError> {
        let (reply, answer) = oneshot::channel();
        self.request(Request::Cursor { lane, reply })?;
        answer.await.map(|cursor| cursor + 1).map_err(closed)
    }

    /// Everything up to `up_to_seq` is delivered (or was rejected). Lower numbers than before are ignored. Nobody waits
    /// for it: the storage thread sees it within a second, and before it answers anything.
    pub fn ack(&self, lane: Lane, up_to_seq: u64) {
        of(&self.shared.counters.acked, lane).fetch_max(up_to_seq, Ordering::Release);
    }

    /// The broker refuses this record for good: it is named in a drop record. Call it before the `ack` that passes
    /// the record. When the queue is full the record stays pending: try again.
    pub fn reject(&self, lane: Lane, seq: u64) -> Result<(), BufferError> {
        self.send(&self.shared.rejects, (lane, seq))
    }

    /// The accounts.
    pub async fn status(&self) -> Result<BufferStatus, BufferError> {
        let (reply, answer) = oneshot::channel();
        self.request(Request::Status { reply })?;
        answer.await.map_err(closed)
    }

    /// Walks every stored record, in steps between which the gateway does its work.
    pub async fn verify(&self) -> Result<VerifyReport, BufferError> {
        let (reply, answer) = oneshot::channel();
        self.request(Request::Verify { reply })?;
        // One verification at a time: a second one is refused by dropping its sender.
        answer.await.map_err(busy)
    }

    /// Commits what is queued, saves everything and ends the storage thread.
    pub async fn shutdown(&self) -> Result<(), BufferError> {
        let (reply, answer) = oneshot::channel();
        self.request(Request::Shutdown { reply })?;
        answer.await.map_err(closed)
    }

    /// Becomes true when a thread inside the storage engine died. The storage thread may then hang for ever: the
    /// process must exit and be restarted.
    pub fn engine_dead(&self) -> watch::Receiver<bool> {
        self.shared.engine_dead.clone()
    }

    fn request(&self, request: Request) -> Result<(), BufferError> {
        self.send(&self.shared.requests, request)
    }

    fn send<T>(&self, queue: &SyncSender<T>, item: T) -> Result<(), BufferError> {
        queue.try_send(item).map_err(|error| match error {
            TrySendError::Full(_) => BufferError::Busy,
            TrySendError::Disconnected(_) => BufferError::Closed,
        })?;
        self.ring();
        Ok(())
    }

    /// Wakes the storage thread. A full bell has been rung already; a missing one is noticed by the next request.
    fn ring(&self) {
        self.shared.bell.try_send(()).unwrap_or_default();
    }
}

/// The entry of a lane.
pub(super) const fn of<T>(entries: &[T; Lane::ALL.len()], lane: Lane) -> &T {
    let [alerts, telemetry] = entries;
    match lane {
        Lane::Alerts => alerts,
        Lane::Telemetry => telemetry,
    }
}

fn closed(_: oneshot::error::RecvError) -> BufferError {
    BufferError::Closed
}

fn busy(_: oneshot::error::RecvError) -> BufferError {
    BufferError::Busy
}

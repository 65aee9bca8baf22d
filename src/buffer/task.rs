//! The storage thread: the only one that touches the lanes.
//!
//! Each turn serves alerts first and to the end (append, commit, publish), then a slice of telemetry, then requests.
//! So an alert waits for at most one slice or one telemetry commit, however much telemetry is queued.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use super::codec::Stored;
use super::engine::{Committed, Engine, EnginePolicy, TICK};
use super::handle::{Counters, of};
use super::incident::Incident;
use super::status::BufferStatus;
use super::store::{ReadLimit, Store};
use super::verify::{Expected, VerifyReport, Walk};
use crate::clock::Clock;
use crate::model::{Mono, Now};
use crate::record::Lane;

/// Telemetry records written between two looks at the alert queue.
const TELEMETRY_SLICE: usize = 64;
/// Telemetry that wakes the storage thread before its commit is due, bytes: what is less is written together.
pub(super) const TELEMETRY_WAKE_BYTES: usize = 64 << 10;
/// Slices after which a commit that is due waits no longer for what came meanwhile.
const SLICES_PER_COMMIT: usize = 128;
/// Alerts taken into one commit.
const ALERT_SLICE: usize = 512;
/// Requests answered in one turn.
const REQUEST_SLICE: usize = 16;
/// Longest sleep.
const NAP: Duration = Duration::from_secs(1);

/// A question to the storage thread.
#[derive(Debug)]
pub(super) enum Request {
    Read {
        lane: Lane,
        from: u64,
        limit: ReadLimit,
        reply: oneshot::Sender<Vec<Stored>>,
    },
    Cursor {
        lane: Lane,
        reply: oneshot::Sender<u64>,
    },
    Status {
        reply: oneshot::Sender<BufferStatus>,
    },
    Verify {
        reply: oneshot::Sender<VerifyReport>,
    },
    Shutdown {
        reply: oneshot::Sender<()>,
    },
}

/// The storage thread's ends of the queues.
#[derive(Debug)]
pub(super) struct Inbox {
    pub(super) records: [Receiver<Vec<u8>>; Lane::ALL.len()],
    pub(super) rejects: Receiver<(Lane, u64)>,
    pub(super) requests: Receiver<Request>,
    pub(super) bell: Receiver<()>,
    pub(super) counters: Arc<Counters>,
    pub(super) committed: watch::Sender<Committed>,
    pub(super) incidents: mpsc::Sender<Incident>,
}

/// The state of the storage thread.
#[derive(Debug)]
pub(super) struct Task<S> {
    engine: Engine<S>,
    inbox: Inbox,
    clock: Arc<dyn Clock>,
    incidents_missed: u64,
    /// When telemetry taken since the last commit must be durable.
    commit_due: Option<Mono>,
    /// Slices of telemetry taken since the commit was due.
    slices_overdue: usize,
    tick_due: Mono,
    verifying: Option<Verifying>,
    stopping: Option<oneshot::Sender<()>>,
}

#[derive(Debug)]
struct Verifying {
    walk: Walk,
    lane: Lane,
    report: VerifyReport,
    reply: oneshot::Sender<VerifyReport>,
}

impl<S: Store> Task<S> {
    /// Opens the lanes.
    pub(super) fn open(
        (alerts, telemetry): (S, S),
        policy: EnginePolicy,
        epoch: u32,
        inbox: Inbox,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let now = clock.now();
        Self {
            engine: Engine::open(alerts, telemetry, policy, epoch, now),
            inbox,
            clock,
            incidents_missed: 0,
            commit_due: None,
            slices_overdue: 0,
            tick_due: now.mono.saturating_add(TICK),
            verifying: None,
            stopping: None,
        }
    }

    /// Serves until shut down, abandoned or dead.
    pub(super) fn run(mut self, commit_interval: Duration) {
        self.publish();
        loop {
            let is_busy = self.turn(commit_interval);
            if self.engine.is_fatal() {
                tracing::error!("The storage engine died; the gateway must be restarted.");
                self.report(Incident::EngineDead);
                return;
            }
            if let Some(reply) = self.stopping.take() {
                self.stop();
                // Nobody may be waiting any more; the work is done all the same.
                reply.send(()).unwrap_or_default();
                return;
            }
            if is_busy {
                continue;
            }
            if let Err(RecvTimeoutError::Disconnected) = self.inbox.bell.recv_timeout(self.nap()) {
                self.stop();
                return;
            }
        }
    }

    /// One round of work. True when more is waiting.
    fn turn(&mut self, commit_interval: Duration) -> bool {
        let now = self.clock.now();
        let mut is_busy = self.serve_alerts(now);
        let has_more = self.take_telemetry(now, commit_interval);
        is_busy |= has_more;
        self.settle(now);
        is_busy |= self.answer(now);
        let may_wait = has_more && self.slices_overdue < SLICES_PER_COMMIT;
        if self.is_commit_due(now) && !may_wait {
            self.commit_due = None;
            self.slices_overdue = 0;
            for lane in Lane::ALL {
                self.engine.commit(lane, now);
                // Still dirty: the disk refuses, and the lane itself knows when to try again.
                if self.engine.lane(lane).is_dirty() {
                    self.commit_due = Some(now.mono.saturating_add(commit_interval));
                }
            }
        }
        if self.tick_due <= now.mono {
            self.tick_due = now.mono.saturating_add(TICK);
            self.engine.tick(now);
        }
        is_busy |= self.verify_step();
        self.publish();
        is_busy
    }

    fn serve_alerts(&mut self, now: Now) -> bool {
        let taken = self.take(Lane::Alerts, ALERT_SLICE, now);
        if taken > 0 {
            self.engine.commit(Lane::Alerts, now);
            self.publish();
            if self.engine.lane(Lane::Alerts).is_dirty() && self.commit_due.is_none() {
                self.commit_due = Some(now.mono.saturating_add(NAP));
            }
        }
        taken == ALERT_SLICE
    }

    /// Takes telemetry when its commit is due or much is queued. True when there is more to take now.
    fn take_telemetry(&mut self, now: Now, commit_interval: Duration) -> bool {
        let queued_bytes = self.queued_bytes(Lane::Telemetry);
        if queued_bytes > 0 && self.commit_due.is_none() {
            self.commit_due = Some(now.mono.saturating_add(commit_interval));
        }
        let is_due = self.is_commit_due(now);
        if !is_due && queued_bytes < TELEMETRY_WAKE_BYTES {
            return false;
        }
        let taken = self.take(Lane::Telemetry, TELEMETRY_SLICE, now);
        self.slices_overdue += usize::from(is_due);
        if taken > 0 {
            self.engine
                .lane(Lane::Telemetry)
                .write_ahead(TELEMETRY_SLICE);
        }
        taken == TELEMETRY_SLICE
    }

    fn is_commit_due(&self, now: Now) -> bool {
        self.commit_due.is_some_and(|due| due <= now.mono)
    }

    fn queued_bytes(&self, lane: Lane) -> usize {
        of(&self.inbox.counters.queued_bytes, lane).load(Ordering::Relaxed)
    }

    fn take(&mut self, lane: Lane, max: usize, now: Now) -> usize {
        let queue = of(&self.inbox.records, lane);
        let mut taken = 0;
        while taken < max
            && let Ok(body) = queue.try_recv()
        {
            of(&self.inbox.counters.queued_bytes, lane).fetch_sub(body.len(), Ordering::Relaxed);
            self.engine.lane(lane).append(&body, now.wall);
            taken += 1;
        }
        taken
    }

    /// A rejection is sent before the acknowledgement that passes it, and must count before it: acknowledgements are
    /// looked at first and applied last.
    fn settle(&mut self, now: Now) {
        let acked = Lane::ALL.map(|lane| {
            (
                lane,
                of(&self.inbox.counters.acked, lane).load(Ordering::Acquire),
            )
        });
        for (lane, seq) in self.inbox.rejects.try_iter() {
            self.engine.lane(lane).reject(seq, now.wall);
        }
        for (lane, seq) in acked {
            self.engine.lane(lane).ack(seq);
        }
    }

    fn answer(&mut self, now: Now) -> bool {
        let mut answered = 0;
        while answered < REQUEST_SLICE
            && self.stopping.is_none()
            && let Ok(request) = self.inbox.requests.try_recv()
        {
            // Whoever asks sees what it acknowledged before.
            self.settle(now);
            self.answer_one(request, now);
            answered += 1;
        }
        answered == REQUEST_SLICE
    }

    /// Whoever asked may have gone: an answer that nobody takes is no fault.
    fn answer_one(&mut self, request: Request, now: Now) {
        match request {
            Request::Read {
                lane,
                from,
                limit,
                reply,
            } => drop(reply.send(self.engine.read(lane, from, limit, now))),
            Request::Cursor { lane, reply } => drop(reply.send(self.engine.lane(lane).cursor())),
            Request::Status { reply } => {
                let mut status = self.engine.status(now);
                status.incidents_missed = self.incidents_missed;
                drop(reply.send(status));
            }
            Request::Verify { reply } if self.verifying.is_none() => {
                self.verifying = Some(Verifying {
                    walk: Walk::new(Lane::Alerts.as_str()),
                    lane: Lane::Alerts,
                    report: VerifyReport::default(),
                    reply,
                });
            }
            Request::Verify { reply } => drop(reply),
            Request::Shutdown { reply } => self.stopping = Some(reply),
        }
    }

    fn verify_step(&mut self) -> bool {
        let Some(mut current) = self.verifying.take() else {
            return false;
        };
        let (store, ledger, cursor, last) = self.engine.lane(current.lane).verify_parts();
        let expected = Expected {
            ledger,
            cursor,
            last,
        };
        if current.walk.step(store, &expected) {
            let next = Walk::new(Lane::Telemetry.as_str());
            let done = std::mem::replace(&mut current.walk, next);
            current.report.lanes.push(done.into_report());
            if current.lane == Lane::Telemetry {
                drop(current.reply.send(current.report));
                return false;
            }
            current.lane = Lane::Telemetry;
        }
        self.verifying = Some(current);
        true
    }

    /// Tells what is readable, and what happened.
    fn publish(&mut self) {
        let committed = self.engine.committed();
        self.inbox.committed.send_if_modified(|old| {
            let changed = *old != committed;
            *old = committed;
            changed
        });
        for incident in self.engine.take_incidents() {
            tracing::warn!(%incident, "Storage incident.");
            self.report(incident);
        }
    }

    fn report(&mut self, incident: Incident) {
        if self.inbox.incidents.try_send(incident).is_err() {
            self.incidents_missed += 1;
        }
    }

    fn nap(&self) -> Duration {
        if self.commit_due.is_none() && self.queued_bytes(Lane::Telemetry) > 0 {
            // It came after this turn's look at the queue, whose first record rang.
            return Duration::ZERO;
        }
        let now = self.clock.now().mono;
        let due = self
            .commit_due
            .map_or(self.tick_due, |due| due.min(self.tick_due));
        due.since(now).min(NAP)
    }

    /// Takes what is still queued, then closes.
    fn stop(&mut self) {
        let now = self.clock.now();
        for lane in Lane::ALL {
            while self.take(lane, ALERT_SLICE, now) > 0 {
                self.engine.commit(lane, now);
            }
        }
        self.settle(now);
        self.answer(now);
        self.engine.shutdown(now);
        self.publish();
    }
}

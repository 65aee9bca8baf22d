//! The one task that owns the plant: ticks, faults, written setpoints.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::{debug, error, info};

use super::directory::{Shown, shown};
use super::servers::Servers;
use crate::clock;
use crate::plant::{Effect, Plant};
use crate::scenario::{Fault, Scenario};
use crate::snapshot::Snapshot;
use crate::timeline::{Active, Change, Timeline};
use crate::truth::{Phase, Truth, TruthFile, TruthRecord};

/// What the handle asks of the engine.
#[derive(Debug)]
pub(super) enum Command {
    /// Begin a fault; answers with its number, or none if its target does not exist.
    Inject(Box<Fault>, oneshot::Sender<Option<u64>>),
    /// End a fault; answers whether it was active.
    Clear(u64, oneshot::Sender<bool>),
}

/// The plant and everything that its time drives.
#[derive(Debug)]
pub(super) struct Engine {
    pub(super) scenario: Arc<Scenario>,
    pub(super) plant: Plant,
    pub(super) timeline: Timeline,
    pub(super) servers: Arc<Servers>,
    pub(super) snapshot: Snapshot,
    pub(super) truth: Truth,
    pub(super) truth_file: Option<TruthFile>,
    /// Plant seconds per real second.
    pub(super) speed: f64,
    /// Signals that had an effect at the last tick.
    pub(super) touched: BTreeSet<usize>,
}

impl Engine {
    /// Runs until it is dropped or the handle is gone.
    pub(super) async fn run(
        mut self,
        mut commands: mpsc::Receiver<Command>,
        mut writes: mpsc::Receiver<(usize, f64)>,
    ) {
        let start = Instant::now();
        let period = self
            .scenario
            .tick
            .div_f64(self.speed)
            .max(Duration::from_millis(1));
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                // Writes come before the tick, so that a client reads back what it wrote.
                biased;
                Some((signal, value)) = writes.recv() => {
                    self.plant.write_setpoint(signal, value);
                    self.publish();
                }
                command = commands.recv() => match command {
                    Some(command) => self.obey(command),
                    None => return,
                },
                _ = ticks.tick() => self.catch_up(start.elapsed().mul_f64(self.speed)),
            }
        }
    }

    /// Steps the plant to a plant time, whatever the host did meanwhile: faults begin and end at the
    /// same ticks in every run.
    fn catch_up(&mut self, target: Duration) {
        let mut stepped = false;
        while self.plant.elapsed() + self.scenario.tick <= target {
            let changes = self
                .timeline
                .advance(self.plant.elapsed() + self.scenario.tick);
            self.settle(changes);
            self.set_effects(self.plant.elapsed() + self.scenario.tick);
            self.plant.step();
            stepped = true;
        }
        if stepped {
            self.publish();
        }
    }

    fn publish(&self) {
        self.snapshot
            .publish(clock::wall_ns(), self.plant.readings());
        self.servers.show(self.plant.readings());
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Inject(fault, reply) => {
                let known = shown(&self.scenario, &fault).is_some();
                let id = known.then(|| {
                    let active = self.timeline.begin(*fault, self.plant.elapsed());
                    let id = active.id;
                    self.settle(vec![Change::Began(active)]);
                    id
                });
                if reply.send(id).is_err() {
                    debug!("Whoever injected a fault no longer waits for its number.");
                }
            }
            Command::Clear(id, reply) => {
                let ended = self.timeline.end(id);
                let found = ended.is_some();
                self.settle(ended.map(Change::Ended).into_iter().collect());
                if reply.send(found).is_err() {
                    debug!("Whoever cleared a fault no longer waits for the answer.");
                }
            }
        }
    }

    /// Makes changes of the timeline felt and known.
    fn settle(&mut self, changes: Vec<Change>) {
        if changes.is_empty() {
            return;
        }
        self.servers.apply(&self.timeline);
        // A status of a whole device shows in its registers at once, not at the next tick.
        self.servers.show(self.plant.readings());
        for change in changes {
            self.note(change);
        }
    }

    fn note(&mut self, change: Change) {
        let (phase, active) = match change {
            Change::Began(active) => (Phase::Begin, active),
            Change::Ended(active) => (Phase::End, active),
        };
        let shown = shown(&self.scenario, &active.fault).unwrap_or_default();
        let record = self.record(phase, &active, shown);
        info!(label = %record.label, kind = record.kind, devices = ?record.devices, tags = ?record.tags,
            ?phase, "Fault.");
        if let Some(file) = &mut self.truth_file
            && let Err(error) = file.append(&record)
        {
            error!(%error, "The truth file could not be written.");
        }
        self.truth.note(record);
    }

    fn record(&self, phase: Phase, active: &Active, shown: Shown) -> TruthRecord {
        let now_ns = clock::wall_ns();
        let now_s = self.plant.elapsed().as_secs_f64();
        let known = self
            .truth
            .records()
            .into_iter()
            .find(|record| record.id == active.id);
        let ended = phase == Phase::End;
        TruthRecord {
            id: active.id,
            phase,
            label: active.fault.label.clone(),
            kind: active.fault.kind.name(),
            devices: shown.devices,
            signal: shown.signal,
            tags: shown.tags,
            begin_ns: known.map_or(now_ns, |known| known.begin_ns),
            begin_elapsed_s: active.begin.as_secs_f64(),
            until_elapsed_s: active.until().map(|until| until.as_secs_f64()),
            end_ns: ended.then_some(now_ns),
            end_elapsed_s: ended.then_some(now_s),
            seed: self.scenario.seed,
        }
    }

    /// Hands the active faults on signals to the plant, and takes back those that ended.
    fn set_effects(&mut self, elapsed: Duration) {
        if self.timeline.is_quiet() && self.touched.is_empty() {
            return;
        }
        for signal in std::mem::take(&mut self.touched) {
            self.plant.set_effect(signal, Effect::default());
        }
        for name in self.timeline.signals() {
            if let Some(signal) = self.scenario.signal_index(name) {
                self.plant
                    .set_effect(signal, self.timeline.effect(name, elapsed));
                self.touched.insert(signal);
            }
        }
    }
}

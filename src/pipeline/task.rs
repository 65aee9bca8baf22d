//! The async shell of the chain: one task, the only owner of its state.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::{BaselineStatus, Chain, ChainCounters, Decision, Learned, Outputs, Trouble};
use crate::acquisition::{Acquired, DeviceState};
use crate::clock::Clock;
use crate::detection::Phases;
use crate::model::{Now, Sample, TagId};
use crate::record::{BodyV1, Lane};

/// How often what has been learned is handed on.
pub const LEARNED_EVERY: Duration = Duration::from_mins(10);
/// How often the chain is ticked.
const TICK: Duration = Duration::from_millis(50);

/// Where records go: the buffer when live, files in a replay. Never blocks.
pub trait RecordSink {
    /// Takes one record.
    fn accept(&mut self, lane: Lane, body: BodyV1);

    /// Takes the samples of one scan, as validation has judged them; a sink without a history has no use for them.
    fn judged(&mut self, samples: Vec<Sample>) {
        drop(samples);
    }
}

/// What the chain says of itself, for health and the CLI.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChainStatus {
    /// Totals since start.
    pub counters: ChainCounters,
    /// How far the baselines are.
    pub baselines: Phases,
    /// Alerts that stand now.
    pub active_alerts: usize,
    /// State of each device, `None` while nothing is known, in configuration order.
    pub devices: Vec<Option<DeviceState>>,
    /// Tags whose address the device refuses.
    pub refused: Vec<(TagId, String)>,
}

/// A question about baselines, and where the answer goes.
#[derive(Debug)]
pub enum Asked {
    /// All of them.
    List(oneshot::Sender<Vec<BaselineStatus>>),
    /// What a person has decided about that of a tag or group.
    Decide(
        Decision,
        String,
        oneshot::Sender<Result<BaselineStatus, String>>,
    ),
    /// Keep what has been learned now.
    Keep(oneshot::Sender<Result<(), String>>),
}

/// Channels of the chain's task.
#[derive(Debug)]
pub struct Ports {
    /// From acquisition.
    pub acquired: mpsc::Receiver<Acquired>,
    /// From the buffer.
    pub trouble: mpsc::Receiver<Trouble>,
    /// To health.
    pub status: watch::Sender<ChainStatus>,
    /// What a person asks about baselines.
    pub asked: mpsc::Receiver<Asked>,
    /// To whoever keeps what has been learned: every [`LEARNED_EVERY`], when asked, and at the end.
    pub keep: mpsc::Sender<Keep>,
}

/// What is to be kept over a restart, and who wants to know when it is.
#[derive(Debug)]
pub struct Keep {
    /// What has been learned.
    pub learned: Learned,
    /// Told when it is on disk, or why it is not.
    pub done: Option<oneshot::Sender<Result<(), String>>>,
}

/// Runs the chain until `cancel`; then takes what is still queued and hands on everything.
pub async fn run<S: RecordSink>(
    mut chain: Chain,
    mut ports: Ports,
    mut sink: S,
    clock: Arc<dyn Clock>,
    cancel: CancellationToken,
) {
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut learned = tokio::time::interval(LEARNED_EVERY);
    learned.set_missed_tick_behavior(MissedTickBehavior::Skip);
    learned.reset();
    let mut out = Outputs::default();
    loop {
        tokio::select! {
            biased;
            _ = learned.tick() => {
                keep(&chain, &ports.keep, clock.now(), None);
            }
            _ = tick.tick() => {
                chain.tick(clock.now(), &mut out);
                report(&chain, &ports.status);
            }
            Some(asked) = ports.asked.recv() => answer(&mut chain, asked, &ports.keep, clock.now(), &mut out),
            Some(trouble) = ports.trouble.recv() => chain.trouble(&trouble, clock.now(), &mut out),
            Some(acquired) = ports.acquired.recv() => chain.accept(acquired, clock.now(), &mut out),
            () = cancel.cancelled() => break,
        }
        hand_on(&mut out, &mut sink);
    }
    while let Ok(acquired) = ports.acquired.try_recv() {
        chain.accept(acquired, clock.now(), &mut out);
        hand_on(&mut out, &mut sink);
    }
    chain.finish(clock.now(), &mut out);
    hand_on(&mut out, &mut sink);
    let learned = chain.learned_at_the_end(clock.now());
    let last = Keep {
        learned,
        done: None,
    };
    ports.keep.send(last).await.unwrap_or_default();
}

/// Hands on what has been learned. The keeper may be busy with the one before: that is tried again later.
fn keep(
    chain: &Chain,
    keeper: &mpsc::Sender<Keep>,
    now: Now,
    done: Option<oneshot::Sender<Result<(), String>>>,
) {
    match keeper.try_reserve() {
        Ok(room) => room.send(Keep {
            learned: chain.learned(now),
            done,
        }),
        Err(_busy) => {
            if let Some(done) = done {
                let busy = "the baselines are being written; try again";
                tell(done, Err(busy.to_owned()));
            }
        }
    }
}

/// Tells whoever has asked, who may be gone by now.
pub fn tell<T>(to: oneshot::Sender<T>, what: T) {
    to.send(what).map_or_else(drop, |()| ());
}

fn answer(
    chain: &mut Chain,
    asked: Asked,
    keeper: &mpsc::Sender<Keep>,
    now: Now,
    out: &mut Outputs,
) {
    match asked {
        Asked::List(to) => {
            tell(to, chain.baseline_list(now));
        }
        Asked::Keep(to) => keep(chain, keeper, now, Some(to)),
        Asked::Decide(decision, name, to) => {
            let answer = chain.decide(decision, &name, now, out);
            if answer.is_ok() {
                info!(%name, decision = decision.as_str(), "A person has decided about a baseline.");
            }
            tell(to, answer);
        }
    }
}

/// Hands the records of a step to a sink, alerts first.
pub fn hand_on<S: RecordSink>(out: &mut Outputs, sink: &mut S) {
    for body in out.alerts.drain(..) {
        sink.accept(Lane::Alerts, body);
    }
    for body in out.telemetry.drain(..) {
        sink.accept(Lane::Telemetry, body);
    }
    for samples in out.judged.drain(..) {
        sink.judged(samples);
    }
}

/// Keeps the status current. Watchers are woken by what they must know at once; totals are there when they look.
fn report(chain: &Chain, status: &watch::Sender<ChainStatus>) {
    status.send_if_modified(|old| {
        old.counters = chain.counters();
        old.baselines = chain.baselines();
        let active_alerts = chain.alarms().active().count();
        let mut is_news = old.active_alerts != active_alerts;
        old.active_alerts = active_alerts;
        if old.devices != chain.devices() {
            old.devices = chain.devices().to_vec();
            is_news = true;
        }
        let refused = old.refused.iter().map(|(tag, why)| (tag, why));
        if !refused.eq(chain.refused()) {
            let refused = chain.refused().iter();
            old.refused = refused.map(|(tag, why)| (*tag, why.clone())).collect();
            is_news = true;
        }
        is_news
    });
}

//! The second thread: publishing, health, the control socket, and what is kept of the chain's learning.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::memory::{FactsIn, Memory};
use super::{Common, birth_mark, health, keeper};
use crate::acquisition::DeviceState;
use crate::analysis::{LimitsChange, Question, answer, change_limits, read_intake};
use crate::buffer::BufferStatus;
use crate::control::{Control, Request};
use crate::history::Reader;
use crate::model::with_causes;
use crate::pipeline::task::{Asked, ChainStatus, Keep};
use crate::publish::{self, Birth, BirthTag, Health, Identity, PublishStats, Setup};
use crate::record::names::{TagName, TagNames};
use crate::supervisor::Supervisor;

/// How often health is composed anew; changes of devices are told at once.
const HEALTH_PERIOD: Duration = Duration::from_secs(1);
/// The publisher says goodbye within two seconds; this is the hard limit.
const DRAIN_LIMIT: Duration = Duration::from_secs(5);

/// What is known once the registry is open.
#[derive(Debug)]
pub(super) struct Facts {
    /// Of all tag numbers.
    pub(super) names: TagNames,
    /// Of the tag registry.
    pub(super) generation: u32,
    pub(super) numbers: Vec<u32>,
    pub(super) epoch: u32,
}

/// The chain's ends of channels.
#[derive(Debug)]
pub(super) struct FromChain {
    pub(super) status: watch::Receiver<ChainStatus>,
    pub(super) kept: mpsc::Receiver<Keep>,
    pub(super) ask: mpsc::Sender<Asked>,
}

/// The running thread.
#[derive(Debug)]
pub(super) struct Upstream {
    ended: watch::Receiver<bool>,
}

impl Upstream {
    /// Ready when the thread ends though nobody asked it to.
    pub(super) async fn failed(&self) {
        self.wait().await;
    }

    /// Waits for the end after a cancel, in bounded time.
    pub(super) async fn join(self) {
        if tokio::time::timeout(DRAIN_LIMIT * 2, self.wait())
            .await
            .is_err()
        {
            warn!("Publishing did not end in time.");
        }
    }

    async fn wait(&self) {
        let mut ended = self.ended.clone();
        // A dropped sender means that the thread is gone as well.
        drop(ended.wait_for(|is_over| *is_over).await);
    }
}

struct Parts {
    common: Common,
    identity: Identity,
    birth: Arc<Birth>,
    names: TagNames,
    chain: watch::Receiver<ChainStatus>,
    ask: mpsc::Sender<Asked>,
    stats: Arc<PublishStats>,
    memory: Option<(Reader, FactsIn)>,
}

/// Starts the thread.
pub(super) fn start(
    common: &Common,
    facts: Facts,
    from: FromChain,
    memory: Option<&Memory>,
    cancel: CancellationToken,
) -> std::io::Result<Upstream> {
    let config = &common.config;
    let identity = Identity {
        gateway: config.gateway.id.clone(),
        asset: config.gateway.asset.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        epoch: facts.epoch,
        started: common.clock.now().wall,
    };
    let parts = Parts {
        birth: Arc::new(birth(common, &facts, &identity)),
        identity,
        names: facts.names,
        common: common.clone(),
        chain: from.status,
        ask: from.ask,
        stats: Arc::new(PublishStats::default()),
        memory: memory.map(|memory| (memory.reader.clone(), memory.intake())),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (over, ended) = watch::channel(false);
    std::thread::Builder::new()
        .name("andon-publish".into())
        .spawn(move || {
            runtime.block_on(serve(parts, from.kept, cancel));
            over.send_replace(true);
        })?;
    Ok(Upstream { ended })
}

fn birth(common: &Common, facts: &Facts, identity: &Identity) -> Birth {
    let config = &common.config;
    let tag = |(tag, number): (&crate::config::Tag, &u32)| {
        let TagName { name, unit } = facts.names.get(*number)?.clone();
        Some(BirthTag {
            number: *number,
            name,
            unit,
            asset: config.asset(tag).clone(),
            data_type: tag.data_type,
        })
    };
    let tags = config.tags.iter().zip(&facts.numbers);
    let mut birth = Birth {
        generation: facts.generation,
        tags: tags.filter_map(tag).collect(),
        parts_before: 0,
    };
    if let Some(mqtt) = &config.mqtt {
        let parts = birth.part_count(identity, mqtt.payload);
        birth.parts_before = birth_mark::raise(&config.gateway.data_dir, parts);
    }
    birth
}

async fn serve(parts: Parts, kept: mpsc::Receiver<Keep>, cancel: CancellationToken) {
    let (health_tx, health) = watch::channel(health::compose(
        &parts.common,
        &parts.chain.borrow().clone(),
        None,
        &parts.stats,
    ));
    let mut units = Supervisor::new(cancel.clone());
    publish_unit(&mut units, &parts, &health, &cancel);
    control_unit(&mut units, &parts, health, &cancel);
    let config = Arc::clone(&parts.common.config);
    units.essential("baselines", keeper::keep(config, kept, cancel.clone()));
    units.essential("health", watch_health(parts, health_tx, cancel.clone()));
    tokio::select! {
        failed = units.join() => if let Err(error) = failed { warn!(%error, "Publishing ended."); },
        () = cancel.cancelled() => units.drain(DRAIN_LIMIT).await,
    }
}

fn publish_unit(
    units: &mut Supervisor,
    parts: &Parts,
    health: &watch::Receiver<Health>,
    cancel: &CancellationToken,
) {
    let Some(mqtt) = parts.common.config.mqtt.clone() else {
        info!("No [mqtt] is configured: records stay in the buffer.");
        return;
    };
    let (identity, birth, names) = (
        parts.identity.clone(),
        Arc::clone(&parts.birth),
        parts.names.clone(),
    );
    let (common, stats) = (parts.common.clone(), Arc::clone(&parts.stats));
    let (health, cancel) = (health.clone(), cancel.clone());
    units.restartable("publish", move || {
        let setup = Setup {
            mqtt: mqtt.clone(),
            identity: identity.clone(),
            names: names.clone(),
            birth: Arc::clone(&birth),
            health: health.clone(),
            stats: Arc::clone(&stats),
            clock: Arc::clone(&common.clock),
            seed: common.seed,
        };
        publish::run(setup, common.buffer.clone(), cancel.clone())
    });
}

fn control_unit(
    units: &mut Supervisor,
    parts: &Parts,
    health: watch::Receiver<Health>,
    cancel: &CancellationToken,
) {
    let control = match Control::bind(&parts.common.config.gateway.data_dir) {
        Ok(control) => control,
        Err(error) => {
            warn!(%error, "No control socket: commands cannot ask the running gateway.");
            return;
        }
    };
    let (buffer, stats) = (parts.common.buffer.clone(), Arc::clone(&parts.stats));
    let ask = parts.ask.clone();
    let plant = Plant {
        common: parts.common.clone(),
        memory: parts.memory.clone(),
        limits: Arc::default(),
    };
    let answer = move |request| {
        let (buffer, stats, health) = (buffer.clone(), Arc::clone(&stats), health.clone());
        let (ask, plant) = (ask.clone(), plant.clone());
        async move {
            match request {
                Request::Status => Ok(health::status_json(&health.borrow(), &stats)),
                Request::BufferStatus => to_json(buffer.status().await),
                Request::BufferVerify => to_json(buffer.verify().await),
                Request::BaselineList => to_json(ask_chain(&ask, Asked::List).await),
                Request::BaselineDecide { decision, name } => {
                    let decided = ask_chain(&ask, |to| Asked::Decide(decision, name, to)).await;
                    to_json(decided.and_then(|decided| decided))
                }
                Request::Ask { question } => plant.answer(question).await,
                Request::Intake { table } => plant.take_in(table).await,
                Request::Limits { change } => plant.change_limits(*change).await,
                Request::BaselineKeep => {
                    let kept = ask_chain(&ask, Asked::Keep).await;
                    to_json(kept.and_then(|kept| kept))
                }
            }
        }
    };
    units.essential("control", control.serve(answer, cancel.clone()));
}

/// What answers questions about the plant's past.
#[derive(Clone)]
struct Plant {
    common: Common,
    memory: Option<(Reader, FactsIn)>,
    /// Held by who changes limits: two at once would both make the same version.
    limits: Arc<tokio::sync::Mutex<()>>,
}

const NO_HISTORY: &str =
    "the gateway keeps no history: it is off in [history], or could not be opened";

impl Plant {
    /// Works an answer out on a thread of its own, so that nothing waits for it.
    async fn answer(self, question: Question) -> Result<Value, String> {
        let (reader, _) = self.memory.ok_or(NO_HISTORY)?;
        let now = self.common.clock.now().wall;
        let config = Arc::clone(&self.common.config);
        let work =
            move || answer(&question, &config, &reader, now).map_err(|error| with_causes(&error));
        let worked = tokio::task::spawn_blocking(work).await;
        worked.unwrap_or_else(|_panic| Err("the answer could not be worked out".to_owned()))
    }

    /// Learns control limits and keeps them.
    async fn change_limits(self, change: LimitsChange) -> Result<Value, String> {
        let (reader, facts) = self.memory.ok_or(NO_HISTORY)?;
        let _alone = self.limits.lock().await;
        let now = self.common.clock.now().wall;
        let config = Arc::clone(&self.common.config);
        let work = move || change_limits(&change, &config, &reader, now);
        let learned = tokio::task::spawn_blocking(work).await;
        let learned = learned.map_err(|_panic| "the limits could not be learned".to_owned())?;
        let learned = learned.map_err(|error| with_causes(&error))?;
        facts.bring(learned.events).await?;
        to_json::<_, String>(Ok(learned.answer))
    }

    /// Takes in one table of master data or corrections.
    async fn take_in(self, table: String) -> Result<Value, String> {
        let (_, facts) = self.memory.ok_or(NO_HISTORY)?;
        let intake = read_intake(table.as_bytes(), &self.common.config)?;
        let mut told = intake.told();
        let admitted = facts.bring(intake.events).await?;
        (told.restated, told.unused) = (admitted.restated, admitted.unused);
        to_json::<_, String>(Ok(told))
    }
}

/// Asks the chain and waits for its answer.
async fn ask_chain<T>(
    ask: &mpsc::Sender<Asked>,
    asked: impl FnOnce(oneshot::Sender<T>) -> Asked,
) -> Result<T, String> {
    let (to, answer) = oneshot::channel();
    let sent = ask.send(asked(to)).await;
    sent.map_err(|_closed| "the gateway is stopping".to_owned())?;
    answer
        .await
        .map_err(|_closed| "the gateway is stopping".to_owned())
}

fn to_json<T: serde::Serialize, E: std::fmt::Display>(
    result: Result<T, E>,
) -> Result<Value, String> {
    let value = result.map_err(|error| error.to_string())?;
    serde_json::to_value(value).map_err(|error| error.to_string())
}

/// Composes health every second, and at once when a device changes.
async fn watch_health(parts: Parts, out: watch::Sender<Health>, cancel: CancellationToken) {
    let mut chain = parts.chain.clone();
    let mut tick = tokio::time::interval(HEALTH_PERIOD);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut buffer: Option<BufferStatus> = None;
    let mut devices = chain.borrow().devices.clone();
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            _ = tick.tick() => buffer = parts.common.buffer.status().await.ok().or(buffer),
            changed = devices_change(&mut chain, &devices) => {
                if changed.is_err() {
                    return cancel.cancelled().await;
                }
            }
        }
        let status = chain.borrow().clone();
        out.send_replace(health::compose(
            &parts.common,
            &status,
            buffer.as_ref(),
            &parts.stats,
        ));
        devices = status.devices;
    }
}

/// Ready when the devices' states differ from `known`.
async fn devices_change(
    chain: &mut watch::Receiver<ChainStatus>,
    known: &[Option<DeviceState>],
) -> Result<(), watch::error::RecvError> {
    chain
        .wait_for(|status| status.devices != known)
        .await
        .map(|_| ())
}

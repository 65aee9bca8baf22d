//! Wiring: the one place that knows every stage.
//!
//! Four threads: polling and the chain share one current-thread runtime, so that nothing can come between a device
//! and its alert; publishing and the control socket have another, so that a slow broker or a curious operator delays
//! no poll; storage and the history have a plain thread each, because they block.
//!
//! Shut-down follows the flow: stop reading, drain the chain, commit, publish what is under way, close.

mod birth_mark;
mod health;
mod history_trouble;
mod keeper;
mod memory;
mod sink;
mod storage;
mod upstream;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::acquisition::{self, Acquired, AcquisitionStats, Endpoint, EndpointKey, EndpointPlan};
use crate::alerting::AlarmKind;
use crate::buffer::{self, Buffer, BufferError};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::detection::{ChartDesign, DesignError, Designer};
use crate::driver::modbus::ModbusDriver;
use crate::driver::opcua::OpcUaDriver;
use crate::model::{Severity, with_causes};
use crate::pipeline::{self, Chain, Parts, Trouble};
use crate::record::registry::{RegistryError, TagRegistry};
use crate::record::{BodyV1, EventKindV1, EventV1, Lane};
use crate::supervisor::{GaveUp, Supervisor};
use memory::{Memory, MemoryError, PlantSink};
use sink::BufferSink;

/// Batches that may wait for the chain. At one batch per scan this is seconds of work; beyond it samples are
/// dropped and counted.
const ACQUIRED_QUEUE: usize = 4096;
/// Troubles of the gateway that may wait for the chain.
const TROUBLE_QUEUE: usize = 64;
/// Questions about baselines that may wait for the chain.
const ASKED_QUEUE: usize = 8;
/// States of learning that wait to be written.
const KEPT_QUEUE: usize = 1;
/// Each step of the shut-down takes at most this long.
const DRAIN_LIMIT: Duration = Duration::from_secs(3);

/// Why the gateway could not start or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The data directory cannot be made.
    #[error("make data directory `{}`", path.display())]
    DataDir {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// Store-and-forward cannot be opened.
    #[error("open the buffer")]
    Buffer(#[from] BufferError),
    /// Tag numbers cannot be kept.
    #[error("open the tag registry")]
    Registry(#[from] RegistryError),
    /// A tag's detection wish cannot be met.
    #[error("design the charts of `{tag}`")]
    Design {
        /// Which tag.
        tag: String,
        /// Why not.
        #[source]
        source: DesignError,
    },
    /// The system gave no runtime, thread or signal handler.
    #[error("start the runtime")]
    Runtime(#[source] std::io::Error),
    /// A unit failed too often.
    #[error(transparent)]
    GaveUp(#[from] GaveUp),
    /// The storage engine died; a fresh process is the only cure.
    #[error("the storage engine stopped working")]
    StorageDied,
}

/// What every part needs.
#[derive(Debug, Clone)]
struct Common {
    config: Arc<Config>,
    clock: Arc<dyn Clock>,
    stats: Arc<AcquisitionStats>,
    buffer: Buffer,
    seed: u64,
}

/// Runs the gateway until SIGTERM or SIGINT.
pub fn run(config: Config) -> Result<(), AppError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(AppError::Runtime)?;
    let stop = runtime
        .block_on(async { StopSignals::listen() })
        .map_err(AppError::Runtime)?;
    let config = Arc::new(config);
    let data_dir = &config.gateway.data_dir;
    std::fs::create_dir_all(data_dir).map_err(|source| AppError::DataDir {
        path: data_dir.clone(),
        source,
    })?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let (buffer, opened, storage) = buffer::open(&config.buffer, data_dir, Arc::clone(&clock))?;
    let (mut registry, damage) = TagRegistry::open(data_dir)?;
    if let Some(damage) = damage {
        warn!(file = %damage.file.display(), lines = damage.lines, "The tag registry was damaged and is continued in a new file.");
    }
    let named = config
        .tags
        .iter()
        .map(|tag| (tag.name.as_str(), tag.unit.as_str()));
    let numbers = registry.number_all(named)?;
    let designs = design_charts(&config)?;
    let parts = Parts {
        config: Arc::clone(&config),
        numbers: numbers.clone(),
        designs,
        epoch: opened.epoch,
        raw_hold: config.buffer.commit_interval,
        learned: keeper::recall(&config),
    };
    let chain = Chain::new(parts, clock.now());
    let common = Common {
        seed: u64::from(opened.epoch) ^ u64::from(std::process::id()),
        stats: Arc::new(AcquisitionStats::default()),
        config,
        clock,
        buffer,
    };
    announce(&common, opened.previous_epoch);
    let (trouble_tx, trouble) = mpsc::channel(TROUBLE_QUEUE);
    let memory = match start_memory(&common, &trouble_tx) {
        Ok(memory) => memory,
        Err(error) => {
            // The queue is empty, so there is room.
            trouble_tx.try_send(no_memory(&error)).ok();
            None
        }
    };
    let facts = upstream::Facts {
        names: registry.names(),
        generation: registry.generation(),
        numbers,
        epoch: opened.epoch,
    };
    // Its maps serve to give out numbers, and all are given.
    drop(registry);
    let parts = Running {
        common,
        chain,
        incidents: opened.incidents,
        facts,
        trouble: (trouble_tx, trouble),
    };
    let ended = runtime.block_on(serve(parts, memory, stop));
    if storage.join().is_err() {
        warn!("The storage thread panicked.");
    }
    info!("The gateway has stopped.");
    ended
}

fn start_memory(
    common: &Common,
    trouble: &mpsc::Sender<Trouble>,
) -> Result<Option<Memory>, MemoryError> {
    let is_kept = common.config.history.on;
    let clock = || Arc::clone(&common.clock);
    let start = || Memory::start(&common.config, clock(), trouble.clone());
    is_kept.then(start).transpose()
}

/// A plant does not stand still because its past cannot be read: people are told, and nothing else changes.
fn no_memory(error: &MemoryError) -> Trouble {
    let why = with_causes(error);
    error!(%why, "The history cannot be kept; everything else works. Move history.redb away to begin a new one.");
    Trouble {
        kind: AlarmKind::History,
        active: true,
        severity: Severity::High,
        detail: format!("the plant's history cannot be kept: {why}"),
    }
}

fn announce(common: &Common, previous_epoch: Option<u32>) {
    let config = &common.config;
    info!(
        gateway = %config.gateway.id,
        version = env!("CARGO_PKG_VERSION"),
        devices = config.devices.len(),
        tags = config.tags.len(),
        "The gateway has started."
    );
    let kind = EventKindV1::Started {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        previous_epoch,
    };
    let at_ms = common.clock.now().wall.as_millis();
    let mut sink = BufferSink::new(common.buffer.clone(), Arc::clone(&common.clock));
    pipeline::task::RecordSink::accept(
        &mut sink,
        Lane::Alerts,
        BodyV1::Event(EventV1 { at_ms, kind }),
    );
}

/// One chart design per tag with detection; equal wishes are solved once. The error is the first wish that cannot be met.
pub fn design_charts(config: &Config) -> Result<Vec<Option<ChartDesign>>, AppError> {
    each_design(config).collect()
}

/// Every wish for detection that cannot be met.
pub fn unmet_wishes(config: &Config) -> Vec<AppError> {
    each_design(config).filter_map(Result::err).collect()
}

fn each_design(config: &Config) -> impl Iterator<Item = Result<Option<ChartDesign>, AppError>> {
    let mut designer = Designer::default();
    let design = move |tag: &crate::config::Tag| match &tag.detection {
        None => Ok(None),
        Some(rules) => designer
            .design(&config.decided(tag, rules), tag.rate)
            .map(|design| {
                let finds_stuck = tag.validation.stuck_after.is_none();
                Some(ChartDesign {
                    finds_stuck,
                    ..design
                })
            })
            .map_err(|source| AppError::Design {
                tag: tag.name.clone(),
                source,
            }),
    };
    config.tags.iter().map(design)
}

/// What the gateway runs with once everything is open.
struct Running {
    common: Common,
    chain: Chain,
    incidents: mpsc::Receiver<buffer::Incident>,
    facts: upstream::Facts,
    /// Trouble of the gateway on its way to the chain.
    trouble: (mpsc::Sender<Trouble>, mpsc::Receiver<Trouble>),
}

/// Everything that runs on the polling thread, and the order of the shut-down.
async fn serve(parts: Running, memory: Option<Memory>, stop: StopSignals) -> Result<(), AppError> {
    let Running {
        common,
        chain,
        incidents,
        facts,
        trouble: (trouble_tx, trouble),
    } = parts;
    let polling = CancellationToken::new();
    let chaining = CancellationToken::new();
    let publishing = CancellationToken::new();
    let (acquired_tx, acquired) = mpsc::channel(ACQUIRED_QUEUE);
    let (status_tx, status) = watch::channel(pipeline::task::ChainStatus::default());

    let mut chain_units = Supervisor::new(chaining.clone());
    let (ask, asked) = mpsc::channel(ASKED_QUEUE);
    let (keep, kept) = mpsc::channel(KEPT_QUEUE);
    let ports = pipeline::task::Ports {
        acquired,
        trouble,
        status: status_tx,
        asked,
        keep,
    };
    let sink = PlantSink {
        buffer: BufferSink::new(common.buffer.clone(), Arc::clone(&common.clock)),
        memory: memory.as_ref().map(Memory::sink),
    };
    let clock = Arc::clone(&common.clock);
    chain_units.essential(
        "chain",
        pipeline::task::run(chain, ports, sink, clock, chaining.clone()),
    );
    chain_units.essential(
        "storage-incidents",
        storage::forward(incidents, trouble_tx, chaining.clone()),
    );

    let mut pollers = start_polling(&common, acquired_tx, &polling);

    let upstream = upstream::start(
        &common,
        facts,
        upstream::FromChain { status, kept, ask },
        memory.as_ref(),
        publishing.clone(),
    )
    .map_err(AppError::Runtime)?;
    let outcome = tokio::select! {
        () = stop.received() => Ok(()),
        failed = pollers.join() => failed.map_err(AppError::GaveUp),
        failed = chain_units.join() => failed.map_err(AppError::GaveUp),
        () = storage_death(&common.buffer) => Err(AppError::StorageDied),
        () = upstream.failed() => Err(AppError::GaveUp(GaveUp { unit: "upstream".into() })),
    };
    info!("The gateway is stopping.");
    polling.cancel();
    pollers.drain(DRAIN_LIMIT).await;
    chaining.cancel();
    chain_units.drain(DRAIN_LIMIT).await;
    publishing.cancel();
    upstream.join().await;
    if let Some(memory) = memory {
        memory.join();
    }
    close_buffer(&common, &outcome).await;
    outcome
}

/// Starts a poller for every endpoint.
fn start_polling(
    common: &Common,
    out: mpsc::Sender<Acquired>,
    cancel: &CancellationToken,
) -> Supervisor {
    let mut pollers = Supervisor::new(cancel.clone());
    for (seed, plan) in (common.seed..).zip(acquisition::plan_endpoints(&common.config)) {
        supervise_endpoint(&mut pollers, common, (plan, seed), &out, cancel);
    }
    drop(out);
    pollers
}

/// Commits what the buffer still holds, unless its engine is dead.
async fn close_buffer(common: &Common, outcome: &Result<(), AppError>) {
    if matches!(outcome, Err(AppError::StorageDied)) {
        return;
    }
    let flushed = tokio::time::timeout(DRAIN_LIMIT * 3, common.buffer.shutdown()).await;
    if !matches!(flushed, Ok(Ok(()))) {
        warn!("The buffer did not close in time; it will recover at the next start.");
    }
}

fn supervise_endpoint(
    pollers: &mut Supervisor,
    common: &Common,
    (plan, seed): (EndpointPlan, u64),
    out: &mpsc::Sender<Acquired>,
    cancel: &CancellationToken,
) {
    let (common, out, cancel) = (common.clone(), out.clone(), cancel.clone());
    let name = match &plan.key {
        EndpointKey::Modbus(host, port) => format!("modbus {host}:{port}"),
        EndpointKey::OpcUa(device) => format!("opcua {}", device.0),
    };
    pollers.restartable(&name, move || {
        poll_endpoint(
            common.clone(),
            plan.clone(),
            seed,
            out.clone(),
            cancel.clone(),
        )
    });
}

async fn poll_endpoint(
    common: Common,
    plan: EndpointPlan,
    seed: u64,
    out: mpsc::Sender<Acquired>,
    cancel: CancellationToken,
) {
    let Common {
        config,
        clock,
        stats,
        ..
    } = common;
    match plan.key {
        EndpointKey::Modbus(..) => {
            match ModbusDriver::for_endpoint(
                &config,
                &plan.devices,
                &plan.groups,
                Arc::clone(&clock),
            ) {
                Ok(driver) => {
                    let endpoint = Endpoint {
                        plan,
                        driver,
                        clock,
                        out,
                        stats,
                        seed,
                    };
                    acquisition::run(endpoint, cancel).await;
                }
                Err(error) => warn!(%error, "A Modbus endpoint cannot be polled."),
            }
        }
        EndpointKey::OpcUa(device) => {
            let driver =
                OpcUaDriver::for_endpoint(&config, device, &plan.groups, Arc::clone(&clock));
            let endpoint = Endpoint {
                plan,
                driver,
                clock,
                out,
                stats,
                seed,
            };
            acquisition::run(endpoint, cancel).await;
        }
    }
}

/// SIGTERM from the service manager or Ctrl-C.
///
/// Listened for before anything is opened: a stop that comes during the start is a clean one as well.
#[derive(Debug)]
struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// Must be called within the runtime.
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn received(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

async fn storage_death(buffer: &Buffer) {
    let mut dead = buffer.engine_dead();
    if dead.wait_for(|is_dead| *is_dead).await.is_err() {
        std::future::pending::<()>().await;
    }
}

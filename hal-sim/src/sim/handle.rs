//! Starting, steering and ending a simulation.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{mpsc, oneshot};

use super::endpoints::Endpoints;
use super::engine::{Command, Engine};
use super::servers::Servers;
use crate::clock;
use crate::net::ServerThread;
use crate::plant::{Plant, Reading};
use crate::scenario::{DeviceFault, Fault, FaultKind, Scenario};
use crate::snapshot::Snapshot;
use crate::timeline::Timeline;
use crate::truth::{Truth, TruthFile, TruthRecord};

/// Setpoints written and not yet taken by the plant; beyond it servers answer "busy".
const WRITE_QUEUE: usize = 1024;

/// Commands not yet obeyed; beyond it the caller waits.
const COMMAND_QUEUE: usize = 64;

/// How to run a scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct SimOptions {
    /// Directory for keys and certificates of OPC UA servers, one below it per server. Without it a
    /// temporary one that is removed at the end.
    pub pki_dir: Option<PathBuf>,
    /// Where to write the truth as JSON lines.
    pub truth: Option<PathBuf>,
    /// Plant seconds per real second; 0.01 to 1000.
    pub speed: f64,
}

impl Default for SimOptions {
    fn default() -> Self {
        Self {
            pki_dir: None,
            truth: None,
            speed: 1.0,
        }
    }
}

/// Why a simulation cannot be started or steered.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// A server or the truth file could not be opened.
    #[error("start the simulation")]
    Start(#[source] io::Error),
    /// The speed is not one to run at.
    #[error("run at speed {0}, which is outside 0.01 to 1000")]
    Speed(f64),
    /// A fault names a device or signal that does not exist.
    #[error("inject `{0}` on something that does not exist")]
    UnknownTarget(String),
    /// The simulation has ended.
    #[error("steer a simulation that has ended")]
    Ended,
}

/// A running simulation. Dropping it ends every server (the broker's threads live on, unreachable).
#[derive(Debug)]
pub struct Sim {
    handle: SimHandle,
    // Dropped in this order: nobody steps the plant, then nobody serves it, then its files go.
    _engine: ServerThread,
    _servers: Arc<Servers>,
    _scratch: Option<Scratch>,
}

/// Steers a simulation; clones share it.
#[derive(Debug, Clone)]
pub struct SimHandle {
    endpoints: Arc<Endpoints>,
    commands: mpsc::Sender<Command>,
    truth: Truth,
    snapshot: Snapshot,
    scenario: Arc<Scenario>,
}

/// A directory that is removed at the end.
#[derive(Debug)]
struct Scratch(PathBuf);

impl Scratch {
    fn create() -> io::Result<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!(
            "hal-sim-{}-{}-{number}",
            std::process::id(),
            clock::wall_ns()
        );
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "A temporary directory is left behind.");
        }
    }
}

impl Sim {
    /// Starts every server of the scenario and its plant time, and waits until all of them answer.
    pub fn start(scenario: Scenario) -> Result<Self, SimError> {
        Self::start_with(scenario, SimOptions::default())
    }

    /// The same with options.
    pub fn start_with(scenario: Scenario, options: SimOptions) -> Result<Self, SimError> {
        if !(0.01..=1000.0).contains(&options.speed) {
            return Err(SimError::Speed(options.speed));
        }
        Self::launch(Arc::new(scenario), options).map_err(SimError::Start)
    }

    fn launch(scenario: Arc<Scenario>, options: SimOptions) -> io::Result<Self> {
        let truth_file = options
            .truth
            .as_deref()
            .map(TruthFile::create)
            .transpose()?;
        let scratch = if options.pki_dir.is_none() {
            Some(Scratch::create()?)
        } else {
            None
        };
        let pki_root = options
            .pki_dir
            .or_else(|| scratch.as_ref().map(|scratch| scratch.0.clone()))
            .unwrap_or_default();
        let plant = Plant::new(&scenario);
        let snapshot = Snapshot::default();
        snapshot.publish(clock::wall_ns(), plant.readings());
        let (write, writes) = mpsc::channel(WRITE_QUEUE);
        let servers = Arc::new(Servers::start(&scenario, &pki_root, &snapshot, &write)?);
        let (command, commands) = mpsc::channel(COMMAND_QUEUE);
        let truth = Truth::default();
        let handle = SimHandle {
            endpoints: Arc::new(servers.endpoints()),
            commands: command,
            truth: truth.clone(),
            snapshot: snapshot.clone(),
            scenario: Arc::clone(&scenario),
        };
        let engine = Engine {
            timeline: Timeline::new(scenario.faults.clone()),
            scenario,
            plant,
            servers: Arc::clone(&servers),
            snapshot,
            truth,
            truth_file,
            speed: options.speed,
            touched: BTreeSet::new(),
        };
        let engine = ServerThread::start("sim-plant", move || engine.run(commands, writes))?;
        Ok(Self {
            handle,
            _engine: engine,
            _servers: servers,
            _scratch: scratch,
        })
    }

    /// Where the servers can be reached.
    pub fn endpoints(&self) -> &Endpoints {
        self.handle.endpoints()
    }

    /// A handle that steers this simulation, for other tasks.
    pub fn handle(&self) -> SimHandle {
        self.handle.clone()
    }
}

impl std::ops::Deref for Sim {
    type Target = SimHandle;

    fn deref(&self) -> &SimHandle {
        &self.handle
    }
}

impl SimHandle {
    /// Where the servers can be reached.
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// The scenario that runs.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// Every fault so far.
    pub fn truth(&self) -> Vec<TruthRecord> {
        self.truth.records()
    }

    /// What a signal (`machine.signal`) reads now, and since when: nanoseconds since 1970-01-01 UTC.
    pub fn reading(&self, signal: &str) -> Option<(i64, Reading)> {
        self.snapshot.get(self.scenario.signal_index(signal)?)
    }

    /// Begins a fault now, whatever its `at` says, and returns its number. Answers are spoilt from
    /// the next request on, signals from the next tick on; ports open and close within milliseconds.
    pub async fn inject(&self, fault: Fault) -> Result<u64, SimError> {
        let label = fault.label.clone();
        let (reply, answer) = oneshot::channel();
        self.send(Command::Inject(Box::new(fault), reply)).await?;
        let id = answer.await.or(Err(SimError::Ended))?;
        id.ok_or(SimError::UnknownTarget(label))
    }

    /// Ends a fault now; false if it is not active.
    pub async fn clear(&self, id: u64) -> Result<bool, SimError> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Clear(id, reply)).await?;
        answer.await.or(Err(SimError::Ended))
    }

    /// Stops a server (a Modbus listener, an OPC UA server, `mqtt`) until the returned fault is cleared.
    pub async fn stop(&self, server: &str) -> Result<u64, SimError> {
        let kind = FaultKind::Device {
            device: server.to_owned(),
            fault: DeviceFault::Restart,
        };
        let label = format!("stop {server}");
        self.inject(Fault {
            at: std::time::Duration::ZERO,
            hold: None,
            label,
            kind,
        })
        .await
    }

    async fn send(&self, command: Command) -> Result<(), SimError> {
        self.commands.send(command).await.or(Err(SimError::Ended))
    }
}

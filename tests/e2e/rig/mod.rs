//! A plant, a broker and the real gateway on one machine, with an observer that records every message.
//!
//! ```text
//! hal_sim::Sim ──(tap)──► andon run (child process) ──uplink──► broker ──► Recorder
//! ```
//!
//! The observer talks to the broker directly, so that cutting the uplink never hides a message from it.
//! Nothing here sleeps to wait for something: conditions are asked for until they hold or a deadline has passed.

mod config;
mod gateway;
mod recorder;
mod tap;

use std::cell::RefCell;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use hal_sim::proxy::{FaultProxy, LinkMode, Upstream};
use hal_sim::{DeviceFault, Fault, FaultKind, FragmentOptions, Scenario, Sim, SignalFault};
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::Instant;

pub use config::Config;
pub use gateway::Gateway;
pub use recorder::{Message, Recorder};
pub use tap::Tap;

/// The longest a condition is waited for unless a test says otherwise: far above what anything takes.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Pause between two looks at a condition.
const LOOK: Duration = Duration::from_millis(20);

/// Everything around the gateway.
#[derive(Debug)]
pub struct Rig {
    /// The plant.
    pub sim: Sim,
    /// What the broker passed on.
    pub recorder: Recorder,
    /// How the gateway is configured; written anew at each start.
    pub config: RefCell<Config>,
    uplink: FaultProxy,
    runtime: tokio::runtime::Runtime,
    dir: TempDir,
}

impl Rig {
    /// Starts the plant of a scenario with a broker, and the observer.
    pub fn new(scenario: &str, options: FragmentOptions) -> Self {
        let dir = tempfile::tempdir().expect("make a directory");
        Self::in_dir(dir, scenario, options)
    }

    /// The same with a given directory for configuration and data.
    pub fn in_dir(dir: TempDir, scenario: &str, options: FragmentOptions) -> Self {
        let scenario = Scenario::parse(scenario).expect("a valid scenario");
        println!("seed {}", scenario.seed);
        let sim = Sim::start(scenario).expect("start the plant");
        let broker = sim.endpoints().mqtt.expect("a scenario with [mqtt]");
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        let uplink = FaultProxy::start(any_port, Upstream::Fixed(broker)).expect("start a proxy");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("start a runtime");
        Self {
            recorder: Recorder::start(broker),
            config: RefCell::new(Config::new(uplink.address(), options)),
            sim,
            uplink,
            runtime,
            dir,
        }
    }

    /// Where the gateway keeps its state.
    pub fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Writes the configuration and returns its path.
    pub fn write_config(&self) -> PathBuf {
        let path = self.dir.path().join("andon.toml");
        let text = self.config.borrow().render(&self.sim, &self.data_dir());
        std::fs::write(&path, text).expect("write the configuration");
        path
    }

    /// Starts the gateway.
    pub fn start(&self) -> Gateway {
        Gateway::spawn(&self.write_config(), self.dir.path())
    }

    /// Changes the configuration of the next start.
    pub fn configure(&self, change: impl FnOnce(&mut Config)) {
        change(&mut self.config.borrow_mut());
    }

    /// Ends the gateway's connection to the broker and refuses new ones.
    pub fn cut(&self) {
        self.uplink.set_mode(LinkMode::Refuse);
    }

    /// Lets the gateway reach the broker again.
    pub fn restore(&self) {
        self.uplink.set_mode(LinkMode::Open);
    }

    /// Begins a fault on a device.
    pub fn break_device(&self, device: &str, fault: DeviceFault) -> u64 {
        let device = device.to_owned();
        self.inject(FaultKind::Device { device, fault })
    }

    /// Begins a fault on a signal (`machine.signal`).
    pub fn break_signal(&self, signal: &str, fault: SignalFault) -> u64 {
        let signal = signal.to_owned();
        self.inject(FaultKind::Signal { signal, fault })
    }

    fn inject(&self, kind: FaultKind) -> u64 {
        let fault = Fault {
            at: Duration::ZERO,
            hold: None,
            label: kind.name().to_owned(),
            kind,
        };
        let begun = self.runtime.block_on(self.sim.inject(fault));
        begun.expect("a fault on something that exists")
    }

    /// Ends a fault.
    pub fn heal(&self, fault: u64) {
        let ended = self.runtime.block_on(self.sim.clear(fault));
        assert!(ended.expect("a running plant"), "fault {fault} was active");
    }

    /// Runs a command of the gateway's binary on this rig's configuration.
    pub fn andon(&self, args: &[&str]) -> Output {
        let config = self.write_config();
        let mut command = Command::new(gateway::binary());
        command.args(args).arg("--config").arg(config);
        command.output().expect("run andon")
    }

    /// `andon buffer status`, of the running gateway or of the idle directory.
    pub fn buffer_status(&self) -> Value {
        let output = self.andon(&["buffer", "status", "--json"]);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{text}");
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    /// One number of one lane from `andon buffer status`.
    pub fn lane(&self, lane: &str, field: &str) -> u64 {
        let status = self.buffer_status();
        let lanes = status["lanes"].as_array().expect("lanes");
        let found = lanes.iter().find(|l| l["lane"] == lane).expect("the lane");
        found[field].as_u64().expect("a number")
    }

    /// Delivers what is pending, with polling nearly at rest, and proves the whole recorded stream complete from
    /// its first record to the last acknowledged one. Returns the findings of `andon verify`.
    pub fn settle(&self) -> Value {
        self.restore();
        let rest = |c: &mut Config| {
            c.options.rate = "1h".to_owned();
            c.options.raw = "all".to_owned();
            c.options.summary = "off".to_owned();
        };
        self.configure(rest);
        let gateway = self.start();
        eventually("everything is delivered", PATIENCE, || {
            let pending = |lane| self.lane(lane, "pending_records");
            (pending("alerts") + pending("telemetry") == 0).then_some(())
        });
        gateway.stop();
        self.verify()
    }

    /// Proves the recorded stream complete up to what the gateway takes for acknowledged.
    pub fn verify(&self) -> Value {
        let file = self.dir.path().join("stream.txt");
        let acknowledged = ["alerts", "telemetry"].map(|lane| (lane, self.lane(lane, "cursor_seq")));
        let mut command = Command::new(gateway::binary());
        command.args(["verify", "--json", "--expect-first", "1"]);
        for (lane, seq) in acknowledged {
            command.arg("--expect-last").arg(format!("{lane}={seq}"));
        }
        // What was acknowledged has been passed on, but may not have arrived here yet.
        eventually("the recorded stream is complete", PATIENCE, || {
            self.recorder.save(&file);
            let output = command.arg(&file).output().expect("run andon");
            let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
            if output.status.success() {
                return Ok(report);
            }
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            Err(format!("{report:#}\n{text}"))
        })
    }

    /// The directory of configuration, data and logs.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }
}

/// What a look at a condition gives: there, or not yet (with a reason to print at the deadline).
pub trait Look {
    /// What one waits for.
    type Found;
    /// It, or why not.
    fn found(self) -> Result<Self::Found, String>;
}

impl<T> Look for Option<T> {
    type Found = T;
    fn found(self) -> Result<T, String> {
        self.ok_or_else(String::new)
    }
}

impl<T> Look for Result<T, String> {
    type Found = T;
    fn found(self) -> Self {
        self
    }
}

/// Looks until the condition holds; panics when it does not hold in time.
pub fn eventually<L: Look>(what: &str, within: Duration, mut look: impl FnMut() -> L) -> L::Found {
    let deadline = Instant::now() + within;
    loop {
        match look().found() {
            Ok(found) => return found,
            Err(why) => assert!(
                Instant::now() < deadline,
                "not within {within:?}: {what}\n{why}"
            ),
        }
        std::thread::park_timeout(LOOK);
    }
}

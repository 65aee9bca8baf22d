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
pub(crate) mod plant;
mod recorder;
mod tap;

use std::cell::RefCell;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use hal_sim::proxy::{FaultProxy, LinkMode, Upstream};
use hal_sim::{DeviceFault, Fault, FaultKind, FragmentOptions, Scenario, SignalFault, Sim};
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::Instant;

pub(crate) use config::Config;
pub(crate) use gateway::Gateway;
pub(crate) use recorder::{Message, Recorder};
pub(crate) use tap::Tap;

/// The longest a condition is waited for unless a test says otherwise: far above what anything takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Pause between two looks at a condition.
const LOOK: Duration = Duration::from_millis(20);

/// Everything around the gateway.
#[derive(Debug)]
pub(crate) struct Rig {
    // Dropped first, before the broker is.
    /// What the broker passed on.
    pub(crate) recorder: Recorder,
    uplink: FaultProxy,
    /// The plant.
    pub(crate) sim: Sim,
    config: RefCell<Config>,
    runtime: tokio::runtime::Runtime,
    data: PathBuf,
    dir: TempDir,
}

impl Rig {
    /// Starts the plant of a scenario with a broker, and the observer.
    pub(crate) fn new(scenario: &str, options: FragmentOptions) -> Self {
        let dir = tempfile::tempdir().expect("make a directory");
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
            data: dir.path().join("data"),
            dir,
        }
    }

    /// The same with the gateway's state in a given directory.
    pub(crate) fn with_data_dir(data: PathBuf, scenario: &str, options: FragmentOptions) -> Self {
        let mut rig = Self::new(scenario, options);
        rig.data = data;
        rig
    }

    /// Where the gateway keeps its state.
    pub(crate) fn data_dir(&self) -> &Path {
        &self.data
    }

    /// Writes the configuration and returns its path. It is replaced as a whole: a gateway may be reading it.
    fn write_config(&self) -> PathBuf {
        let path = self.dir.path().join("andon.toml");
        let fresh = path.with_extension("new");
        let text = self.config.borrow().render(&self.sim, self.data_dir());
        std::fs::write(&fresh, text).expect("write the configuration");
        std::fs::rename(&fresh, &path).expect("replace the configuration");
        path
    }

    /// Starts the gateway.
    pub(crate) fn start(&self) -> Gateway {
        Gateway::spawn(&self.write_config(), self.dir.path())
    }

    /// Changes the configuration of the next start.
    pub(crate) fn configure(&self, change: impl FnOnce(&mut Config)) {
        change(&mut self.config.borrow_mut());
    }

    /// Puts one text of the configuration in the place of another, from the next start on.
    pub(crate) fn replace(&self, from: impl Into<String>, to: impl Into<String>) {
        self.configure(|c| c.replace.push((from.into(), to.into())));
    }

    /// Ends the gateway's connection to the broker and refuses new ones.
    pub(crate) fn cut(&self) {
        self.uplink.set_mode(LinkMode::Refuse);
    }

    /// Lets the gateway reach the broker again.
    pub(crate) fn restore(&self) {
        self.uplink.set_mode(LinkMode::Open);
    }

    /// Begins a fault on a device.
    pub(crate) fn break_device(&self, device: &str, fault: DeviceFault) -> u64 {
        let device = device.to_owned();
        self.inject(FaultKind::Device { device, fault })
    }

    /// Begins a fault on a signal (`machine.signal`).
    pub(crate) fn break_signal(&self, signal: &str, fault: SignalFault) -> u64 {
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
    pub(crate) fn heal(&self, fault: u64) {
        let ended = self.runtime.block_on(self.sim.clear(fault));
        assert!(ended.expect("a running plant"), "fault {fault} was active");
    }

    /// Runs a command of the gateway's binary on this rig's configuration.
    pub(crate) fn andon(&self, args: &[&str]) -> Output {
        let config = self.write_config();
        let mut command = Command::new(gateway::binary());
        command.args(args).arg("--config").arg(config);
        command.output().expect("run andon")
    }

    /// `andon buffer status`, of the running gateway or of the idle directory. A gateway that has just been started
    /// has its directory locked and does not answer yet.
    pub(crate) fn buffer_status(&self) -> Value {
        eventually("the buffer's status", PATIENCE, || {
            let output = self.andon(&["buffer", "status", "--json"]);
            if output.status.success() {
                Ok(serde_json::from_slice(&output.stdout).expect("JSON"))
            } else {
                Err(String::from_utf8_lossy(&output.stderr).into_owned())
            }
        })
    }

    /// One number of one lane from `andon buffer status`.
    pub(crate) fn lane(&self, lane: &str, field: &str) -> u64 {
        number(&self.buffer_status(), lane, field)
    }

    /// Waits until the telemetry lane has at least this much of something.
    pub(crate) fn wait_telemetry(&self, field: &str, least: u64) {
        let what = format!("{field} of the telemetry lane is at least {least}");
        eventually(&what, PATIENCE, || {
            let status = self.buffer_status();
            let is_there = number(&status, "telemetry", field) >= least;
            is_there.then_some(()).ok_or_else(|| status.to_string())
        });
    }

    /// Delivers what is pending, with polling nearly at rest, and proves the whole recorded stream complete from
    /// its first record to the last acknowledged one. Returns the findings of `andon verify`.
    pub(crate) fn settle(&self) -> Value {
        self.restore();
        let rest = |c: &mut Config| {
            c.options.rate = "1h".into();
            c.options.raw = "all".into();
            c.options.summary = "off".into();
        };
        self.configure(rest);
        let mark = self.recorder.mark();
        let gateway = self.start();
        self.recorder
            .wait_since(mark, "the gateway's birth", |m| m.kind() == "birth");
        eventually("everything is delivered", PATIENCE, || {
            let status = self.buffer_status();
            let pending = |lane| number(&status, lane, "pending_records");
            let is_empty = pending("alerts") + pending("telemetry") == 0;
            is_empty.then_some(()).ok_or_else(|| status.to_string())
        });
        gateway.stop();
        self.verify()
    }

    /// Proves the recorded stream complete up to what the gateway takes for acknowledged.
    pub(crate) fn verify(&self) -> Value {
        let file = self.dir.path().join("stream.txt");
        let acknowledged =
            ["alerts", "telemetry"].map(|lane| (lane, self.lane(lane, "cursor_seq")));
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
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }
}

fn number(status: &Value, lane: &str, field: &str) -> u64 {
    let lanes = status["lanes"].as_array().expect("lanes");
    let found = lanes.iter().find(|l| l["lane"] == lane).expect("the lane");
    found[field].as_u64().expect("a number")
}

/// What a look at a condition gives: there, or not yet (with a reason to print at the deadline).
pub(crate) trait Look {
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
pub(crate) fn eventually<L: Look>(
    what: &str,
    within: Duration,
    mut look: impl FnMut() -> L,
) -> L::Found {
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

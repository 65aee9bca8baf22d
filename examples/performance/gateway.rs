//! The gateway as a child process.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use andon::control::{self, Request};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::plant::Plant;
use crate::{Bench, Fault};

const START_MAX: Duration = Duration::from_secs(30);
const STOP_MAX: Duration = Duration::from_secs(30);

/// A running gateway; killed when dropped.
pub(crate) struct Gateway {
    child: Child,
    data_dir: PathBuf,
    pub(crate) pid: u32,
    /// From the start of the process to its first answer on the control socket.
    pub(crate) started_in: Duration,
}

impl Gateway {
    /// Starts it and waits until it answers.
    pub(crate) async fn start(bench: &Bench, plant: &Plant, config: &Path) -> Result<Self, Fault> {
        let dir = config.parent().ok_or("the configuration has no folder")?;
        trust(bench, plant, config)?;
        let log = std::fs::File::create(dir.join("gateway.log"))?;
        let begun = Instant::now();
        let child = Command::new(&bench.andon)
            .args(["run", "-c"])
            .arg(config)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let mut gateway = Self {
            pid: child.id(),
            child,
            data_dir: dir.join("data"),
            started_in: Duration::ZERO,
        };
        while gateway.ask(Request::Status).await.is_err() {
            if begun.elapsed() > START_MAX || gateway.child.try_wait()?.is_some() {
                return Err(format!("the gateway does not start; see {}", dir.display()).into());
            }
            sleep(Duration::from_millis(20)).await;
        }
        gateway.started_in = begun.elapsed();
        Ok(gateway)
    }

    /// A counter of the status answer.
    pub(crate) async fn counter(&self, name: &str) -> Result<u64, Fault> {
        let status = self.ask(Request::Status).await?;
        let value = status.get("counters").and_then(|all| all.get(name));
        let number = value.and_then(Value::as_u64);
        number.ok_or_else(|| format!("the status has no counter `{name}`").into())
    }

    /// Several counters of one status answer.
    pub(crate) async fn status(&self) -> Result<Value, Fault> {
        Ok(self.ask(Request::Status).await?)
    }

    /// The buffer's account of the telemetry lane: last number, pending records, dropped records.
    pub(crate) async fn telemetry(&self) -> Result<(u64, u64, u64), Fault> {
        let status = self.ask(Request::BufferStatus).await?;
        let lane = status
            .pointer("/lanes/1")
            .ok_or("the buffer has one lane only")?;
        let number = |name: &str| lane.get(name).and_then(Value::as_u64).unwrap_or(0);
        let dropped = lane.get("dropped").and_then(Value::as_object);
        let dropped = dropped.map_or(0, |all| all.values().filter_map(Value::as_u64).sum());
        Ok((number("last_seq"), number("pending_records"), dropped))
    }

    /// Waits until a counter reaches a value.
    pub(crate) async fn wait_for(
        &self,
        name: &str,
        value: u64,
        max: Duration,
    ) -> Result<(), Fault> {
        let begun = Instant::now();
        while self.counter(name).await? < value {
            if begun.elapsed() > max {
                return Err(format!("`{name}` does not reach {value} within {max:?}").into());
            }
            sleep(Duration::from_millis(500)).await;
        }
        Ok(())
    }

    /// SIGTERM, and waits for the end.
    pub(crate) async fn stop(mut self) -> Result<(), Fault> {
        let pid = self.pid.to_string();
        if !Command::new("kill")
            .args(["-TERM", &pid])
            .status()?
            .success()
        {
            return Err("the gateway ended early".into());
        }
        let begun = Instant::now();
        while begun.elapsed() < STOP_MAX {
            match self.child.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(format!("the gateway ended with {status}").into()),
                None => sleep(Duration::from_millis(50)).await,
            }
        }
        Err("the gateway does not end".into())
    }

    async fn ask(&self, request: Request) -> Result<Value, control::ControlError> {
        control::ask(&self.data_dir, request).await
    }
}

/// As an engineer would: the first contact shows the OPC UA servers' certificates, then they are trusted.
fn trust(bench: &Bench, plant: &Plant, config: &Path) -> Result<(), Fault> {
    let servers = &plant.sim.endpoints().opcua;
    if servers.is_empty() {
        return Ok(());
    }
    // Says that nothing is trusted yet, which is no fault here.
    command(bench, &["check", "--live", "-c"], config).output()?;
    for server in servers {
        let done = command(bench, &["opcua", "trust", "-c"], config)
            .arg(&server.name)
            .output()?;
        if !done.status.success() {
            let why = String::from_utf8_lossy(&done.stderr);
            return Err(format!("`{}` cannot be trusted: {why}", server.name).into());
        }
    }
    Ok(())
}

fn command(bench: &Bench, args: &[&str], config: &Path) -> Command {
    let mut command = Command::new(&bench.andon);
    command.args(args).arg(config).stdin(Stdio::null());
    command
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // Harmless after `stop`; the fault that led here is what is reported.
        if self.child.kill().is_ok() {
            self.child.wait().map(drop).unwrap_or_default();
        }
    }
}

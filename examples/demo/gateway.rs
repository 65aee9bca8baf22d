//! The gateway as a child process, with the configuration that matches the plant.

use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use andon::control::{self, Request};
use hal_sim::{DetectOptions, FragmentOptions, Sim};
use serde_json::Value;

/// The running gateway.
pub(crate) struct Gateway {
    child: Child,
    data_dir: PathBuf,
}

/// What was measured while it ended.
pub(crate) struct Ended {
    pub(crate) is_clean: bool,
}

impl Gateway {
    /// Writes the configuration into `dir`, lets the gateway trust the OPC UA servers, and starts it.
    pub(crate) fn start(dir: &Path, sim: &Sim, broker: SocketAddr, learn: u32) -> io::Result<Self> {
        let config = dir.join("gateway.toml");
        fs::write(&config, configuration(dir, sim, broker, learn)?)?;
        // As an engineer would: the first contact shows the certificates, then they are trusted.
        command(&["check", "--live", "-c"], &config)?;
        for server in &sim.endpoints().opcua {
            trust(&config, &server.name)?;
        }
        let log = File::create(dir.join("gateway.log"))?;
        let child = Command::new(std::env::current_exe()?)
            .args(["gateway", "run", "-c"])
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        Ok(Self {
            child,
            data_dir: dir.join("data"),
        })
    }

    /// The gateway's own account of itself; `None` while it does not answer.
    pub(crate) async fn status(&self) -> Option<Value> {
        let ask = control::ask(&self.data_dir, Request::Status);
        tokio::time::timeout(Duration::from_secs(2), ask)
            .await
            .ok()?
            .ok()
    }

    /// Records that wait in the buffer.
    pub(crate) async fn pending(&self) -> Option<u64> {
        let ask = control::ask(&self.data_dir, Request::BufferStatus);
        let status = tokio::time::timeout(Duration::from_secs(2), ask)
            .await
            .ok()?
            .ok()?;
        let lanes = status.get("lanes")?.as_array()?;
        Some(
            lanes
                .iter()
                .filter_map(|lane| lane.get("pending_records")?.as_u64())
                .sum(),
        )
    }

    /// Asks it to stop, as a service manager would, and waits at most ten seconds.
    pub(crate) async fn stop(mut self) -> io::Result<Ended> {
        Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status()?;
        for _ in 0..200 {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Ended {
                    is_clean: status.success(),
                });
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.child.kill()?;
        self.child.wait()?;
        Ok(Ended { is_clean: false })
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // Already ended in the ordinary case; otherwise nothing is left behind.
        if let Ok(None) = self.child.try_wait() {
            self.child.kill().unwrap_or_default();
        }
    }
}

/// `andon verify` on the recorded stream.
pub(crate) fn verify(recording: &Path) -> io::Result<Value> {
    let output = command(&["verify", "--json"], recording)?;
    serde_json::from_slice(&output.stdout).map_err(|error| {
        io::Error::other(format!(
            "{error}: {}",
            String::from_utf8_lossy(&output.stderr)
        ))
    })
}

fn trust(config: &Path, device: &str) -> io::Result<()> {
    let own = std::env::current_exe()?;
    let arguments = ["gateway", "opcua", "trust", "-c"];
    let output = Command::new(own)
        .args(arguments)
        .arg(config)
        .arg(device)
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "trust {device}: {}",
        String::from_utf8_lossy(&output.stderr)
    )))
}

fn command(arguments: &[&str], file: &Path) -> io::Result<Output> {
    Command::new(std::env::current_exe()?)
        .arg("gateway")
        .args(arguments)
        .arg(file)
        .output()
}

fn configuration(dir: &Path, sim: &Sim, broker: SocketAddr, learn: u32) -> io::Result<String> {
    let password_file = dir.join("opcua.password");
    let scenario = sim.scenario();
    let password = scenario
        .opcua
        .iter()
        .flat_map(|server| &server.users)
        .next();
    let secret = password.map_or_else(String::new, |user| user.password.clone());
    fs::write(&password_file, secret)?;
    fs::set_permissions(&password_file, fs::Permissions::from_mode(0o600))?;
    let options = FragmentOptions {
        rate: "100ms".to_owned(),
        summary: "5s".to_owned(),
        raw: "all".to_owned(),
        detect: Some(DetectOptions {
            learn,
            ..DetectOptions::default()
        }),
        stuck_after: Some("4s".to_owned()),
        password_file: Some(password_file),
        machine_assets: true,
        ..FragmentOptions::default()
    };
    let devices = hal_sim::gateway_config_fragment_with(scenario, sim.endpoints(), &options);
    let data_dir = dir.join("data");
    Ok(format!(
        r#"[gateway]
id = "demo"
asset = "acme/berlin/hall1"
data_dir = "{}"

[mqtt]
url = "mqtt://{broker}"

[alerting]
default_roles = ["operator"]
clear_after = "3s"

[[alerting.route]]
kinds = ["process_shift", "out_of_range", "rate_of_change"]
roles = ["operator", "quality"]

[[alerting.route]]
kinds = ["device_down", "bad_sensor", "stuck", "misconfigured"]
roles = ["maintenance"]

[[alerting.route]]
kinds = ["storage", "clock_step"]
roles = ["it"]

{devices}"#,
        data_dir.display()
    ))
}

//! The gateway as a child process.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use tokio::time::Instant;

use super::eventually;

/// A stop takes some seconds at most: each stage of the shut-down is bounded.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// A running gateway; killed when dropped.
#[derive(Debug)]
pub(crate) struct Gateway {
    child: Child,
    /// When it was started.
    pub(crate) spawned: Instant,
    log: PathBuf,
}

/// The binary under test: `ANDON_BIN`, else the one built with this test, else the one beside this program's folder.
pub(crate) fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("ANDON_BIN") {
        return path.into();
    }
    if let Some(path) = option_env!("CARGO_BIN_EXE_andon") {
        return path.into();
    }
    let own = std::env::current_exe().expect("know this program");
    let folder = own.parent().and_then(Path::parent);
    folder.expect("a folder above `examples`").join("andon")
}

impl Gateway {
    pub(super) fn spawn(config: &Path, dir: &Path) -> Self {
        let log = dir.join("andon.log");
        let file = File::options().create(true).append(true).open(&log);
        let mut command = Command::new(binary());
        command
            .args(["run", "--config"])
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file.expect("open the log"));
        let spawned = Instant::now();
        let child = command.spawn().expect("start the gateway");
        Self {
            child,
            spawned,
            log,
        }
    }

    /// SIGKILL, as a power cut would end it.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("kill the gateway");
        self.child.wait().expect("wait for the gateway");
    }

    /// SIGTERM, and a clean end.
    pub(crate) fn stop(mut self) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(sent.expect("run kill").success());
        let status: ExitStatus = eventually("the gateway stops", STOP_LIMIT, || {
            self.child.try_wait().expect("ask for the gateway's end")
        });
        assert!(status.success(), "{status}; its log:\n{}", self.log());
    }

    /// Panics with its log when it has ended by itself.
    pub(crate) fn assert_runs(&mut self) {
        let ended = self.child.try_wait().expect("ask for the gateway's end");
        assert!(ended.is_none(), "{ended:?}; its log:\n{}", self.log());
    }

    /// What it has logged so far, runs before included.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // Ended already, in most cases.
        drop(self.child.kill());
        drop(self.child.wait());
        if std::thread::panicking() {
            eprintln!("the gateway's log:\n{}", self.log());
        }
    }
}

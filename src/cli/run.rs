//! `andon run`: run the gateway.

use std::io::IsTerminal as _;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::sync::{Barrier, Mutex, PoisonError};

use tracing::error;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::Outcome;
use super::check::load_or_complain;
use crate::app;
use crate::config::{Config, LogConfig, LogLevel};
use crate::model::with_causes;

/// Run the gateway until SIGTERM or Ctrl-C.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The configuration file.
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,
}

pub(super) fn run(args: &Args) -> Outcome {
    let Some(config) = load_apart(&args.config) else {
        return Outcome::Usage;
    };
    start_log(&config.log);
    match app::run(config) {
        Ok(()) => Outcome::Clean,
        Err(failure) => {
            error!(error = with_causes(&failure), "The gateway cannot go on.");
            Outcome::Failed
        }
    }
}

/// Loads the configuration on a thread of its own, which holds everything made on the way and ends with it.
///
/// The tree of a TOML file takes some twenty times the room of what is kept of it. Freed between blocks that stay, that
/// room would be the process's for ever; a thread's own heap goes back to the system as a whole, provided that nothing
/// in it outlives the tree. Hence barriers, which allocate nothing, where a channel would leave its waiting list behind.
fn load_apart(path: &Path) -> Option<Config> {
    let loaded = Mutex::new(None);
    let (given, copied) = (Barrier::new(2), Barrier::new(2));
    let load = || {
        // Whatever happens, both barriers are reached: the other side waits for them.
        let config = catch_unwind(|| load_or_complain(path)).ok().flatten();
        *loaded.lock().unwrap_or_else(PoisonError::into_inner) = config;
        given.wait();
        copied.wait();
        loaded.lock().unwrap_or_else(PoisonError::into_inner).take();
    };
    std::thread::scope(|scope| {
        let loader = std::thread::Builder::new().name("andon-config".into());
        if loader.spawn_scoped(scope, load).is_err() {
            return load_or_complain(path);
        }
        given.wait();
        let config = loaded
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        copied.wait();
        config
    })
}

/// Logs to stderr. The protocol libraries are quiet unless asked: they report as errors what the gateway handles.
fn start_log(config: &LogConfig) {
    let mut targets = Targets::new().with_default(level(config.level));
    for library in ["opcua", "rumqttc", "sled", "tokio_modbus"] {
        targets = targets.with_target(library, LevelFilter::OFF);
    }
    for (target, wanted) in &config.targets {
        targets = targets.with_target(target.clone(), level(*wanted));
    }
    let format = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        // A journal or a file must not hold escape codes.
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    let layer = if config.json {
        format.json().boxed()
    } else {
        format.boxed()
    };
    // Already set only when this runs inside a test or another program.
    tracing_subscriber::registry()
        .with(layer.with_filter(targets))
        .try_init()
        .unwrap_or_default();
}

const fn level(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}

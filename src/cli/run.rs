//! `andon run`: run the gateway.

use std::error::Error;
use std::path::PathBuf;

use tracing::error;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::Outcome;
use super::check::load_or_complain;
use crate::app;
use crate::config::{LogConfig, LogLevel};

/// Run the gateway until SIGTERM or Ctrl-C.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The configuration file.
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,
}

pub(super) fn run(args: &Args) -> Outcome {
    let Some(config) = load_or_complain(&args.config) else {
        return Outcome::Usage;
    };
    start_log(&config.log);
    match app::run(config) {
        Ok(()) => Outcome::Clean,
        Err(failure) => {
            error!(error = chain(&failure), "The gateway cannot go on.");
            Outcome::Failed
        }
    }
}

/// An error with everything that caused it, printed once, here at the edge.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
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

//! `andon check`: validate a configuration, with --live against the devices.

use super::Outcome;

/// Validate a configuration.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print machine-readable JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Outcome {
    tracing::debug!(json = args.json, "not built yet");
    Outcome::Failed
}

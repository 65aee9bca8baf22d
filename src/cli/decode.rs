//! `andon decode`: postcard payloads to JSON lines.

use super::Outcome;

/// Turn postcard payloads into JSON lines.
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

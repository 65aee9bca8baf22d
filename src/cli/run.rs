//! `andon run`: run the gateway.

use super::Outcome;

/// Run the gateway.
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

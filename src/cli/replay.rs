//! `andon replay`: recorded samples through the same chain at full speed.

use super::Outcome;

/// Run recorded samples through the same chain at full speed.
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

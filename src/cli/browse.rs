//! `andon browse`: list an OPC UA server's variables as tag CSV.

use super::Outcome;

/// List an OPC UA server's variables as tag CSV.
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

//! `andon opcua …`: certificates and trust.

use super::Outcome;

/// OPC UA certificates and trust.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Not built yet.
    Status,
}

pub(super) fn run(command: &Command) -> Outcome {
    tracing::debug!(?command, "not built yet");
    Outcome::Failed
}

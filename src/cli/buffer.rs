//! `andon buffer …`: store-and-forward accounting.

use super::Outcome;

/// Store-and-forward accounting.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Not built yet.
    Status,
}

pub(super) fn run(command: &Command) -> Outcome {
    tracing::debug!(?command, "not built yet");
    Outcome::Failed
}

//! Keeps what the chain learns: at the start from the file, while it runs and at the end back into it.

use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::baseline::{self, Baselines, Entry};
use crate::config::Config;
use crate::pipeline::Learned;

/// What an earlier run has learned, as far as it fits the configuration.
pub(super) fn recall(config: &Config) -> Learned {
    let (baselines, damage) = match baseline::load(&config.gateway.data_dir) {
        Ok(loaded) => loaded,
        Err(error) => {
            warn!(%error, "Baselines cannot be read; they are learned anew.");
            return Learned::default();
        }
    };
    if let Some(damage) = damage {
        warn!(file = %damage.file.display(), reason = damage.reason, "The baselines were damaged and set aside; they are learned anew.");
    }
    let modes = baselines.modes.clone();
    let (models, unfit) = baselines.fitting(config);
    if !models.is_empty() || unfit > 0 {
        info!(
            baselines = models.len(),
            unfit, "Baselines of the last run are taken over."
        );
    }
    Learned { modes, models }
}

/// Writes what the chain hands on until `cancel`, and the last of it then. Blocks its thread for the time of a write, so
/// it does not belong on the polling one.
pub(super) async fn keep(
    config: Arc<Config>,
    mut learned: watch::Receiver<Learned>,
    cancel: CancellationToken,
) {
    loop {
        let is_over = tokio::select! {
            () = cancel.cancelled() => true,
            changed = learned.changed() => changed.is_err(),
        };
        if !is_over || learned.has_changed().unwrap_or(true) {
            write(&config, &learned.borrow_and_update());
        }
        if is_over {
            return cancel.cancelled().await;
        }
    }
}

fn write(config: &Config, learned: &Learned) {
    let entry = |(id, model): &(_, _)| {
        let tag = config.tag(*id)?;
        Some(Entry::new(
            tag,
            config,
            crate::detection::Model::clone(model),
        ))
    };
    let baselines = Baselines {
        modes: learned.modes.clone(),
        entries: learned.models.iter().filter_map(entry).collect(),
    };
    if baselines.entries.is_empty() {
        return;
    }
    if let Err(error) = baseline::save(&config.gateway.data_dir, &baselines) {
        warn!(%error, "Baselines cannot be written; after a restart they would be learned anew.");
    }
}

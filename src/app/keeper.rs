//! Keeps what the chain learns: at the start from the file, while it runs and at the end back into it.

use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::baseline::{self, Baselines, Entry};
use crate::config::Config;
use crate::detection::Model;
use crate::model::TagId;
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

/// Writes what the chain hands on; the last of it comes when the chain ends, which is before `cancel`. Blocks its thread
/// for the time of a write, so it does not belong on the polling one.
pub(super) async fn keep(
    config: Arc<Config>,
    mut learned: watch::Receiver<Learned>,
    cancel: CancellationToken,
) {
    while learned.changed().await.is_ok() {
        write(&config, &learned.borrow_and_update());
    }
    cancel.cancelled().await;
}

fn write(config: &Config, learned: &Learned) {
    let entry = |(id, model): &(TagId, Model)| {
        let tag = config.tag(*id)?;
        Some(Entry::new(tag, config, model.clone()))
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

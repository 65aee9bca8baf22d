//! Keeps what the chain learns: at the start from the file, while it runs and at the end back into it.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::baseline::{self, Baselines};
use crate::config::Config;
use crate::model::with_causes;
use crate::pipeline::Learned;
use crate::pipeline::task::{Keep, tell};

/// What an earlier run has learned, as far as it fits the configuration.
pub(super) fn recall(config: &Config) -> Learned {
    let (baselines, damage) = match baseline::load(&config.gateway.data_dir) {
        Ok(loaded) => loaded,
        Err(error) => {
            warn!(
                error = with_causes(&error),
                "Baselines cannot be read; they are learned anew."
            );
            return Learned::default();
        }
    };
    if let Some(damage) = damage {
        warn!(file = %damage.file.display(), reason = damage.reason, "The baselines were damaged and set aside; they are learned anew.");
    }
    let (learned, unfit) = baselines.fitting(config);
    let (tags, groups) = (learned.tags.len(), learned.groups.len());
    if tags + groups + unfit > 0 {
        info!(
            tags,
            groups, unfit, "Baselines of the last run are taken over."
        );
    }
    learned
}

/// Writes what the chain hands on; the last of it comes when the chain ends, which is before `cancel`. Blocks its thread
/// for the time of a write, so it does not belong on the polling one.
pub(super) async fn keep(
    config: Arc<Config>,
    mut kept: mpsc::Receiver<Keep>,
    cancel: CancellationToken,
) {
    while let Some(Keep { learned, done }) = kept.recv().await {
        let written = write(&config, learned);
        if let Err(why) = &written {
            warn!(%why, "Baselines cannot be written; after a restart they would be learned anew.");
        }
        if let Some(done) = done {
            tell(done, written);
        }
    }
    cancel.cancelled().await;
}

fn write(config: &Config, learned: Learned) -> Result<(), String> {
    let baselines = Baselines::of(config, learned);
    let saved = baseline::save(&config.gateway.data_dir, &baselines);
    saved.map_err(|error| with_causes(&error))
}

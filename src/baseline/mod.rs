//! Learned baselines on disk, so that a restart need not learn again.
//!
//! `data_dir/baselines.v1`, replaced as a whole (written beside it, fsynced, renamed):
//!
//! ```text
//! "ANDONBL1"   8 bytes
//! crc32c       4 bytes, little-endian, of what follows
//! Baselines    postcard
//! ```
//!
//! A baseline belongs to a tag by name and is taken over only when what it was learned from is configured as it was
//! then: rate, profile, scaling. A file that is damaged, or of another version, is set aside; everything is learned anew
//! and the log says so. They are written every ten minutes and at the end, so a power cut costs ten minutes of learning at
//! most.

mod store;

pub use store::{Damage, StoreError, load, save};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::{Config, Tag};
use crate::detection::Model;
use crate::model::TagId;

/// What is kept.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Baselines {
    /// Names of the modes of each context, in the order of their numbers.
    pub modes: Vec<Vec<String>>,
    /// One entry per tag that has learned.
    pub entries: Vec<Entry>,
}

/// The baseline of a tag.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Name of the tag.
    pub tag: String,
    /// Mark of the settings that it was learned with.
    pub settings: u32,
    /// What was learned.
    pub model: Model,
}

impl Entry {
    /// The baseline of `tag`.
    pub fn new(tag: &Tag, config: &Config, model: Model) -> Self {
        Self {
            tag: tag.name.clone(),
            settings: mark(tag, config),
            model,
        }
    }
}

impl Baselines {
    /// The baselines that fit a configuration, and how many do not. Modes are numbered per context: with other contexts
    /// than before none fits.
    pub fn fitting(self, config: &Config) -> (Vec<(TagId, Model)>, usize) {
        let has_contexts = self.modes.len() == config.contexts.len();
        let all = self.entries.len();
        let mut by_name: BTreeMap<String, Entry> = self
            .entries
            .into_iter()
            .map(|entry| (entry.tag.clone(), entry))
            .collect();
        let mut fitting = Vec::new();
        for (id, tag) in (0..).map(TagId).zip(&config.tags) {
            let entry = by_name.remove(&tag.name);
            let fits = |entry: &Entry| has_contexts && entry.settings == mark(tag, config);
            if let Some(entry) = entry.filter(fits) {
                fitting.push((id, entry.model));
            }
        }
        let unfit = all - fitting.len();
        (fitting, unfit)
    }
}

/// A mark of everything that changes what a signal's values mean.
fn mark(tag: &Tag, config: &Config) -> u32 {
    let decided = tag.detection.map(|rules| config.decided(tag, &rules));
    let profile = decided.map(|rules| rules.profile);
    let context = config
        .context_of(tag)
        .map(|index| config.contexts.get(index).map(|c| &c.mode));
    let settings = format!(
        "{:?} {profile:?} {:?} {:?} {context:?}",
        tag.rate, tag.scale, tag.offset
    );
    crc32c::crc32c(settings.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Context;
    use crate::pipeline::testing;

    fn kept(config: &Config) -> Baselines {
        let entry = |tag: &Tag| Entry::new(tag, config, Model::known(1.0, 2.0, 0.0));
        Baselines {
            modes: vec![Vec::new(); config.contexts.len()],
            entries: config.tags.iter().map(entry).collect(),
        }
    }

    /// Which of three tags take their baseline over after `change` to the configuration.
    #[track_caller]
    fn check(change: impl FnOnce(&mut Config), expected: &[u32], unfit: usize) {
        let mut config = testing::config(3);
        let baselines = kept(&config);
        change(&mut config);
        let (fitting, left) = baselines.fitting(&config);
        let tags: Vec<u32> = fitting.iter().map(|(id, _)| id.0).collect();
        assert_eq!((&tags[..], left), (expected, unfit));
    }

    #[test]
    fn a_baseline_stays_with_its_tag_while_its_settings_stay() {
        check(|_| {}, &[0, 1, 2], 0);
        check(|config| config.tags.swap(0, 2), &[0, 1, 2], 0);
        check(
            |config| config.tags[1].name = "press.new".into(),
            &[0, 2],
            1,
        );
        check(|config| config.tags[1].scale = 0.5, &[0, 2], 1);
        check(|config| config.tags[2].rate *= 2, &[0, 1], 1);
        check(|config| config.tags.clear(), &[], 3);
    }

    #[test]
    fn with_other_contexts_modes_have_other_numbers() {
        let context = Context {
            assets: Vec::new(),
            mode: vec![TagId(0)],
            setpoints: Vec::new(),
            cycle: None,
            quiet: Vec::new(),
            settle: std::time::Duration::ZERO,
        };
        check(|config| config.contexts.push(context), &[], 3);
    }
}

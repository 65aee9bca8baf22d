//! Learned baselines on disk, so that a restart need not learn again, and a sister machine need not learn at all.
//!
//! `data_dir/baselines.v3`, replaced as a whole (written beside it, fsynced, renamed); `andon baseline export` writes the
//! same form:
//!
//! ```text
//! "ANDONBL3"   8 bytes
//! crc32c       4 bytes, little-endian, of what follows
//! Baselines    postcard
//! ```
//!
//! A baseline belongs to a tag or group by name and is taken over only when what it was learned from is configured as it
//! was then: rate, profile, scaling, members. A file that is damaged, or of another version, is set aside; everything is
//! learned anew and the log says so. They are written every ten minutes and at the end. What tags and groups have collected that
//! still learn is written at an orderly end only, because it can be large: a power cut costs them what they had.

mod store;
mod travel;

pub use store::{Damage, FILE, StoreError, load, read, save, write};
pub use travel::{Merged, merge};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::{Config, Group, Profile, Tag};
use crate::detection::{GroupMemory, Memory};
use crate::model::{GroupId, TagId, Timestamp};
use crate::pipeline::{Learned, LearnedGroup, LearnedTag};

/// What is kept.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Baselines {
    /// When this was the state of things, ms since the Unix epoch.
    pub at_ms: i64,
    /// Names of the modes of each context, in the order of their numbers.
    pub modes: Vec<Vec<String>>,
    /// One entry per tag that has learned, or begun to.
    pub tags: Vec<TagEntry>,
    /// One entry per group that has learned, or begun to.
    pub groups: Vec<GroupEntry>,
}

/// The baseline of a tag.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TagEntry {
    /// Name of the tag.
    pub tag: String,
    /// Mark of the settings that it was learned with.
    pub settings: u32,
    /// Since when it counts, ms since the Unix epoch.
    pub since_ms: Option<i64>,
    /// What was learned.
    pub memory: Memory,
}

/// The baseline of a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupEntry {
    /// Name of the group.
    pub group: String,
    /// Mark of the settings that it was learned with.
    pub settings: u32,
    /// Since when it counts, ms since the Unix epoch.
    pub since_ms: Option<i64>,
    /// What was learned.
    pub memory: GroupMemory,
}

impl Baselines {
    /// What a gateway of this configuration has learned.
    pub fn of(config: &Config, learned: Learned) -> Self {
        let tag = |known: LearnedTag| {
            let tag = config.tag(known.tag)?;
            Some(TagEntry {
                tag: tag.name.clone(),
                settings: mark(tag, config),
                since_ms: known.since.map(Timestamp::as_millis),
                memory: known.memory,
            })
        };
        let group = |known: LearnedGroup| {
            let group = config.groups.get(known.group.index())?;
            Some(GroupEntry {
                group: group.name.clone(),
                settings: group_mark(group, config),
                since_ms: known.since.map(Timestamp::as_millis),
                memory: known.memory,
            })
        };
        Self {
            at_ms: learned.at.as_millis(),
            modes: learned.modes,
            tags: learned.tags.into_iter().filter_map(tag).collect(),
            groups: learned.groups.into_iter().filter_map(group).collect(),
        }
    }

    /// Without what had not been learned yet.
    #[must_use]
    pub fn finished(mut self) -> Self {
        self.tags.retain(|entry| !entry.memory.is_unfinished());
        self.groups.retain(|entry| !entry.memory.is_unfinished());
        self
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.tags.len() + self.groups.len()
    }

    /// Whether nothing has been learned.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The baselines that fit a configuration, and how many do not.
    pub fn fitting(self, config: &Config) -> (Learned, usize) {
        let all = self.len();
        let contexts = self.modes.len();
        let mut by_name: BTreeMap<String, TagEntry> = self
            .tags
            .into_iter()
            .map(|entry| (entry.tag.clone(), entry))
            .collect();
        let tag = |(id, tag): (TagId, &Tag)| {
            let entry = by_name.remove(&tag.name)?;
            fits(&entry, tag, contexts, config).then_some(LearnedTag {
                tag: id,
                since: entry.since_ms.map(Timestamp::from_millis),
                memory: entry.memory,
            })
        };
        let tags: Vec<LearnedTag> = (0..).map(TagId).zip(&config.tags).filter_map(tag).collect();
        let group = |entry: GroupEntry| {
            let mut groups = (0..).map(GroupId).zip(&config.groups);
            let (id, _) = groups.find(|(_, group)| group_fits(&entry, group, config))?;
            Some(LearnedGroup {
                group: id,
                since: entry.since_ms.map(Timestamp::from_millis),
                memory: entry.memory,
            })
        };
        let groups: Vec<LearnedGroup> = self.groups.into_iter().filter_map(group).collect();
        let unfit = all - tags.len() - groups.len();
        let learned = Learned {
            at: Timestamp::from_millis(self.at_ms),
            modes: self.modes,
            tags,
            groups,
        };
        (learned, unfit)
    }
}

/// Whether an entry is that of `tag` as it is configured. Modes are numbered per context: where there are other contexts
/// than before, the baseline of a tag in one does not fit.
fn fits(entry: &TagEntry, tag: &Tag, contexts: usize, config: &Config) -> bool {
    let knows_modes = contexts == config.contexts.len() || config.context_of(tag).is_none();
    knows_modes && entry.tag == tag.name && entry.settings == mark(tag, config)
}

fn group_fits(entry: &GroupEntry, group: &Group, config: &Config) -> bool {
    entry.group == group.name && entry.settings == group_mark(group, config)
}

/// A mark of everything that changes what a signal's values mean.
fn mark(tag: &Tag, config: &Config) -> u32 {
    let decided = tag.detection.map(|rules| config.decided(tag, &rules));
    let kind = decided.map(|rules| (rules.profile, rules.level));
    let context = config
        .context_of(tag)
        .and_then(|at| config.contexts.get(at));
    let modes = context.map(|context| names(&context.mode, config));
    let (rate, scale, offset) = (tag.rate, tag.scale, tag.offset);
    let by_day = kind.is_some_and(|(profile, _)| matches!(profile, Profile::Day | Profile::Week));
    let zone = by_day.then(|| config.gateway.time_zone.name());
    let settings = format!("{rate:?} {kind:?} {scale:?} {offset:?} {modes:?} {zone:?}");
    crc32c::crc32c(settings.as_bytes())
}

fn group_mark(group: &Group, config: &Config) -> u32 {
    let member = |id: &TagId| config.tag(*id).map(|tag| (&tag.name, mark(tag, config)));
    let members: Vec<_> = group.tags.iter().map(member).collect();
    crc32c::crc32c(format!("{members:?}").as_bytes())
}

fn names<'a>(tags: &[TagId], config: &'a Config) -> Vec<Option<&'a str>> {
    let name = |id: &TagId| config.tag(*id).map(|tag| tag.name.as_str());
    tags.iter().map(name).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::config::{Context, DetectionRules};
    use crate::detection::Model;
    use crate::model::Zone;
    use crate::pipeline::testing;

    pub(super) fn kept(config: &Config) -> Baselines {
        let entry = |id: u32| LearnedTag {
            tag: TagId(id),
            since: Some(Timestamp::from_millis(5_000)),
            memory: Memory::of(Model::known(1.0, 2.0, 0.0)),
        };
        let count = u32::try_from(config.tags.len()).unwrap();
        let learned = Learned {
            at: Timestamp::from_millis(9_000),
            modes: vec![Vec::new(); config.contexts.len()],
            tags: (0..count).map(entry).collect(),
            groups: Vec::new(),
        };
        Baselines::of(config, learned)
    }

    pub(super) fn context() -> Context {
        Context {
            assets: Vec::new(),
            mode: vec![TagId(0)],
            setpoints: Vec::new(),
            cycle: None,
            quiet: Vec::new(),
            settle: std::time::Duration::ZERO,
        }
    }

    /// Which of three tags take their baseline over after `change` to the configuration.
    #[track_caller]
    fn check(change: impl FnOnce(&mut Config), expected: &[u32], unfit: usize) {
        let mut config = testing::config(3);
        let baselines = kept(&config);
        change(&mut config);
        let (fitting, left) = baselines.fitting(&config);
        let tags: Vec<u32> = fitting.tags.iter().map(|known| known.tag.0).collect();
        assert_eq!((&tags[..], left), (expected, unfit));
        assert_eq!(fitting.at, Timestamp::from_millis(9_000));
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
    fn a_pattern_of_the_day_goes_by_the_clocks_of_its_plant() {
        let berlin = |config: &mut Config| {
            config.gateway.time_zone = Zone::named("Europe/Berlin").unwrap();
        };
        check(berlin, &[0, 1, 2], 0);
        let mut config = testing::config(3);
        config.tags[1].detection = Some(DetectionRules {
            profile: Profile::Day,
            ..DetectionRules::default()
        });
        let baselines = kept(&config);
        berlin(&mut config);
        assert_eq!(baselines.fitting(&config).1, 1);
    }

    #[test]
    fn with_other_contexts_modes_have_other_numbers() {
        check(|config| config.contexts.push(context()), &[], 3);
    }
}

//! What the chain has learned: what it says of it, what a person decides about it, what is kept over a restart.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Chain, Outputs};
use crate::config::did_you_mean;
use crate::detection::{GroupMemory, Memory, Model, Slot};
use crate::model::{GroupId, Now, TagId, Timestamp};
use crate::pipeline::baseline_status::{BaselineStatus, ModeStatus, phase_of};

/// What has been learned about the signals, to be kept over a restart.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Learned {
    /// When this was the state of things.
    pub at: Timestamp,
    /// Names of the modes of each context, in the order of their numbers.
    pub modes: Vec<Vec<String>>,
    /// Tags that have learned, or that have begun to.
    pub tags: Vec<LearnedTag>,
    /// Groups that have learned, or that have begun to.
    pub groups: Vec<LearnedGroup>,
}

/// What has been learned about one tag.
#[derive(Debug, Clone, PartialEq)]
pub struct LearnedTag {
    /// Which tag.
    pub tag: TagId,
    /// Since when the baseline counts; none for a signal without a level, and while it is learned.
    pub since: Option<Timestamp>,
    /// What was learned, and where the charts stand.
    pub memory: Memory,
}

/// What has been learned about one group.
#[derive(Debug, Clone, PartialEq)]
pub struct LearnedGroup {
    /// Which group.
    pub group: GroupId,
    /// Since when the baseline counts; none while it is learned.
    pub since: Option<Timestamp>,
    /// What was learned.
    pub memory: GroupMemory,
}

/// What a person decides about a baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// The level of a standing alarm is the new normal; the alarm ends.
    Accept,
    /// It is not: the alarm stands and is not proposed again.
    Reject,
    /// What was learned does not count any more: learn anew.
    Relearn,
}

impl Decision {
    /// The word on the command line and in the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Reject => "reject",
            Self::Relearn => "relearn",
        }
    }
}

impl Chain {
    /// The baselines of all tags with detection, then of all groups.
    pub fn baseline_list(&self, now: Now) -> Vec<BaselineStatus> {
        let tags = self
            .tag_of
            .iter()
            .filter_map(|tag| self.status_of(*tag, now));
        tags.chain(self.machines.list()).collect()
    }

    /// Does what a person has decided about the baseline of a tag or group; the error says why that cannot be.
    pub fn decide(
        &mut self,
        decision: Decision,
        name: &str,
        now: Now,
        out: &mut Outputs,
    ) -> Result<BaselineStatus, String> {
        self.findings.clear();
        let status = match self.tag_named(name) {
            Some(tag) => self.decide_on_tag(decision, (name, tag), now)?,
            None => self.decide_on_group(decision, name)?,
        };
        self.settle(now, out);
        Ok(status)
    }

    /// What has been learned so far, to be kept over a restart.
    pub fn learned(&self, now: Now) -> Learned {
        let slots = (0..).map(Slot).zip(&self.tag_of);
        let of_tag = |(slot, tag): (Slot, &TagId)| {
            Some(LearnedTag {
                tag: *tag,
                since: self.baseline_since(slot, now),
                memory: self.bank.memory(slot)?,
            })
        };
        Learned {
            at: now.wall,
            modes: self.announcements.modes(),
            tags: slots.filter_map(of_tag).collect(),
            groups: self.machines.learned(),
        }
    }

    /// What has been learned, and what has been gathered by those that still learn. The latter can be hundreds of
    /// megabytes, so this is for the end of a run.
    pub(in crate::pipeline) fn learned_at_the_end(&mut self, now: Now) -> Learned {
        let mut learned = self.learned(now);
        let slots = (0..).map(Slot).zip(&self.tag_of);
        learned.tags.extend(slots.filter_map(|(slot, tag)| {
            Some(LearnedTag {
                tag: *tag,
                since: None,
                memory: self.bank.unfinished(slot)?,
            })
        }));
        learned.groups.extend(self.machines.unfinished());
        learned
    }

    /// Goes on with what an earlier run has learned.
    pub(super) fn restore(&mut self, learned: Learned, now: Now) {
        self.announcements.restore(learned.modes);
        // A clock that has gone back says nothing of how long the gateway was away.
        let passed = u64::try_from(now.wall.nanos_since(learned.at)).unwrap_or(u64::MAX);
        for known in learned.tags {
            let Some(slot) = self.slot_of.get(known.tag.index()).copied().flatten() else {
                continue;
            };
            let is_taken = self
                .bank
                .recall(slot, known.memory, Duration::from_nanos(passed));
            if let Some(since) = self.known_since.get_mut(slot.index()).filter(|_| is_taken) {
                *since = known.since;
            }
        }
        for known in learned.groups {
            self.machines.restore(known);
        }
    }

    /// Since when the baseline of a slot counts; none while it is learned.
    pub(super) fn baseline_since(&self, slot: Slot, now: Now) -> Option<Timestamp> {
        let before = self.known_since.get(slot.index()).copied().flatten();
        match self.bank.learned_at(slot) {
            Some(at) => Some(now.wall.saturating_sub(now.mono.since(at))),
            None => before.filter(|_| self.bank.model(slot).is_some()),
        }
    }

    fn tag_named(&self, name: &str) -> Option<TagId> {
        let mut tags = (0..).map(TagId).zip(&self.config.tags);
        tags.find(|(_, tag)| tag.name == name).map(|(id, _)| id)
    }

    fn decide_on_tag(
        &mut self,
        decision: Decision,
        (name, tag): (&str, TagId),
        now: Now,
    ) -> Result<BaselineStatus, String> {
        let slot = self.slot_of.get(tag.index()).copied().flatten();
        let slot = slot.ok_or_else(|| format!("{name} has no detection"))?;
        let (bank, findings) = (&mut self.bank, &mut self.findings);
        let is_done = match decision {
            Decision::Accept => bank.accept(slot, now.mono, findings),
            Decision::Reject => bank.reject(slot),
            Decision::Relearn => bank.relearn(slot, findings),
        };
        if !is_done {
            return Err(format!("{name} has no alarm of its level that stands"));
        }
        self.note_findings(now);
        self.status_of(tag, now)
            .ok_or_else(|| format!("{name} has no baseline"))
    }

    fn decide_on_group(
        &mut self,
        decision: Decision,
        name: &str,
    ) -> Result<BaselineStatus, String> {
        if !self.config.groups.iter().any(|group| group.name == name) {
            let tags = self.config.tags.iter().map(|tag| tag.name.as_str());
            let groups = self.config.groups.iter().map(|group| group.name.as_str());
            return Err(format!(
                "there is no tag or group \"{name}\"{}",
                did_you_mean(name, tags.chain(groups))
            ));
        }
        let conditions = &mut self.conditions;
        let (status, why) = match decision {
            Decision::Relearn => (self.machines.relearn(name, conditions), "has no baseline"),
            Decision::Accept => (
                self.machines.accept(name, conditions),
                "has no alarm that stands",
            ),
            Decision::Reject => (self.machines.reject(name), "has no alarm that stands"),
        };
        status.ok_or_else(|| format!("{name} {why}"))
    }

    fn status_of(&self, tag: TagId, now: Now) -> Option<BaselineStatus> {
        let slot = self.slot_of.get(tag.index()).copied().flatten()?;
        let settings = self.config.tag(tag)?;
        let context = self.config.context_of(settings).unwrap_or(usize::MAX);
        let (phase, learning) = phase_of(self.bank.slot_state(slot)?);
        let levels = self.bank.model(slot).map_or(&[][..], Model::levels);
        let fault = self.bank.fault(slot);
        Some(BaselineStatus {
            name: settings.name.clone(),
            phase: phase.to_owned(),
            learning,
            since: self
                .baseline_since(slot, now)
                .map(|since| since.to_string()),
            levels: levels
                .iter()
                .map(|level| ModeStatus {
                    mode: self.announcements.mode_name(context, level.mode).to_owned(),
                    level: level.level,
                    spread: level.spread,
                    samples: level.samples,
                })
                .collect(),
            alarm: fault.map(|(chart, _)| chart.as_str().to_owned()),
            is_proposed: fault.is_some_and(|(_, is_proposed)| is_proposed),
        })
    }
}

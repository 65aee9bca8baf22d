//! Groups of tags: puts the rows of each machine together and tells when its tags no longer go together.

use std::time::Duration;

use super::LearnedGroup;
use super::baseline_status::BaselineStatus;
use crate::alerting::{AlarmKind, Condition, ConditionState, Explanation, Subject};
use crate::config::Config;
use crate::detection::{
    Bank, Chart, Group, GroupDesign, GroupMemory, GroupReading, GroupShare, GroupState, Slot,
};
use crate::model::{GroupId, Mono, Now, Severity, TagId, Timestamp};

/// Rows that a group learns from at least: fewer tell little about how tags go together.
const LEARN_ROWS_MIN: u32 = 400;
/// Tags that an alert names.
const NAMED_MAX: usize = 3;
/// An alarm that stands for so many rows may show the new normal.
const STEADY_ROWS: u32 = 600;
/// A score below this is calm: what alarms later began after it.
const CALM_SCORE: f64 = 0.5;
/// Scores at which an alert becomes more urgent.
const MEDIUM_SCORE: f64 = 1.5;
const HIGH_SCORE: f64 = 3.0;

/// All groups of a configuration.
#[derive(Debug)]
pub struct Machines {
    list: Vec<Machine>,
    /// Where the values of a tag go, by tag; mostly nowhere.
    of: Vec<Vec<(usize, usize)>>,
}

/// One group and the row that is being put together.
#[derive(Debug)]
struct Machine {
    id: GroupId,
    name: String,
    design: GroupDesign,
    group: Group,
    /// Since when its baseline counts.
    since: Option<Timestamp>,
    /// When its score was calm last.
    calm: Option<Timestamp>,
    tags: Vec<TagId>,
    names: Vec<String>,
    slots: Vec<Slot>,
    period: Duration,
    row: Vec<f64>,
    filled: usize,
    begun: Mono,
    latest: Mono,
    /// Whether the last row was left out because the machine is in a change.
    is_paused: bool,
    /// The severity that was told, while an alarm stands.
    told: Option<Severity>,
    /// Rows for which it stands.
    alarm_rows: u32,
    proposal: Proposal,
}

/// Whether what an alarm shows was proposed as the new normal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proposal {
    None,
    Made,
    /// A person said that it is not.
    Rejected,
}

impl Machines {
    /// The groups of a configuration, all learning; `slot_of` is indexed by tag.
    pub fn new(config: &Config, slot_of: &[Option<Slot>]) -> Self {
        let mut of = vec![Vec::new(); config.tags.len()];
        let mut list = Vec::new();
        for (id, group) in (0..).map(GroupId).zip(&config.groups) {
            let members = || group.tags.iter().filter_map(|tag| config.tag(*tag));
            let Some((first, rules)) = members().find_map(|tag| Some((tag, tag.detection?))) else {
                continue;
            };
            for (column, tag) in group.tags.iter().enumerate() {
                if let Some(places) = of.get_mut(tag.index()) {
                    places.push((list.len(), column));
                }
            }
            let samples =
                rules.mean_time_between_false_alarms.as_secs_f64() / first.rate.as_secs_f64();
            let design = GroupDesign {
                arl0: samples,
                period: first.rate,
                learn_rows: rules.learn_samples.max(LEARN_ROWS_MIN),
            };
            let slots = group
                .tags
                .iter()
                .filter_map(|tag| slot_of.get(tag.index()).copied());
            list.push(Machine {
                id,
                name: group.name.clone(),
                design,
                group: Group::new(group.tags.len(), design),
                since: None,
                calm: None,
                tags: group.tags.clone(),
                names: members().map(|tag| tag.name.clone()).collect(),
                slots: slots.flatten().collect(),
                period: first.rate,
                row: vec![f64::NAN; group.tags.len()],
                filled: 0,
                begun: Mono::default(),
                latest: Mono::default(),
                is_paused: false,
                told: None,
                alarm_rows: 0,
                proposal: Proposal::None,
            });
        }
        Self { list, of }
    }

    /// Takes a Good value of any tag.
    pub fn take(
        &mut self,
        (tag, value): (usize, f64),
        now: (Mono, Now),
        bank: &Bank,
        out: &mut Vec<Condition>,
    ) {
        let Some(places) = self.of.get(tag) else {
            return;
        };
        for (number, column) in places {
            if let Some(machine) = self.list.get_mut(*number) {
                machine.take((*column, value), now, bank, out);
            }
        }
    }

    /// Judges rows that wait for values which do not come.
    pub fn tick(&mut self, now: Now, bank: &Bank, out: &mut Vec<Condition>) {
        for machine in &mut self.list {
            if machine.filled > 0 && now.mono.since(machine.begun) > machine.period {
                machine.judge(now, bank, out);
            }
        }
    }

    /// The baselines of all groups.
    pub fn list(&self) -> impl Iterator<Item = BaselineStatus> {
        self.list.iter().map(Machine::status)
    }

    /// A group forgets what it has learned and learns anew, which ends its alarm. None when there is no such group.
    pub fn relearn(&mut self, name: &str, out: &mut Vec<Condition>) -> Option<BaselineStatus> {
        let machine = self.list.iter_mut().find(|machine| machine.name == name)?;
        machine.group = Group::new(machine.row.len(), machine.design);
        machine.since = None;
        machine.calm = None;
        machine.clear(out);
        Some(machine.status())
    }

    /// A person says that what a standing alarm shows is not normal: it stands, and is not proposed again. None when no
    /// alarm stands.
    pub fn reject(&mut self, name: &str) -> Option<BaselineStatus> {
        let machine = self.standing(name)?;
        machine.proposal = Proposal::Rejected;
        Some(machine.status())
    }

    /// A person says that what a standing alarm shows is the new normal: it is learned anew, which ends the alarm. None
    /// when no alarm stands.
    pub fn accept(&mut self, name: &str, out: &mut Vec<Condition>) -> Option<BaselineStatus> {
        self.standing(name)?;
        self.relearn(name, out)
    }

    fn standing(&mut self, name: &str) -> Option<&mut Machine> {
        let mut machines = self.list.iter_mut();
        machines.find(|machine| machine.name == name && machine.told.is_some())
    }

    /// What the groups have learned, to be kept over a restart.
    pub fn learned(&self) -> Vec<LearnedGroup> {
        let of = |machine: &Machine| {
            Some(LearnedGroup {
                group: machine.id,
                since: machine.since,
                memory: GroupMemory::Model(machine.group.model()?.clone()),
            })
        };
        self.list.iter().filter_map(of).collect()
    }

    /// What the groups have gathered that still learn.
    pub fn unfinished(&self) -> impl Iterator<Item = LearnedGroup> {
        self.list.iter().filter_map(|machine| {
            Some(LearnedGroup {
                group: machine.id,
                since: None,
                memory: machine.group.unfinished()?,
            })
        })
    }

    /// Goes on with what a group has learned in an earlier run; what does not fit it is left out.
    pub fn restore(&mut self, known: LearnedGroup) {
        let machine = self
            .list
            .iter_mut()
            .find(|machine| machine.id == known.group);
        if let Some(machine) = machine
            && machine.group.recall(known.memory)
        {
            machine.since = known.since;
        }
    }
}

impl Machine {
    fn take(
        &mut self,
        (column, value): (usize, f64),
        (at, now): (Mono, Now),
        bank: &Bank,
        out: &mut Vec<Condition>,
    ) {
        if self.row.get(column).is_some_and(|known| !known.is_nan()) {
            // A second value of the same tag: the others of the row before did not come.
            self.judge(now, bank, out);
        }
        if self.filled == 0 {
            self.begun = at;
        }
        if let Some(place) = self.row.get_mut(column) {
            *place = value;
            self.filled += 1;
            self.latest = self.latest.max(at);
        }
        if self.filled == self.row.len() {
            self.judge(now, bank, out);
        }
    }

    fn judge(&mut self, now: Now, bank: &Bank, out: &mut Vec<Condition>) {
        let is_settled = !self
            .slots
            .iter()
            .any(|slot| bank.is_in_change(*slot, self.latest));
        if is_settled {
            if std::mem::take(&mut self.is_paused) {
                self.group.reset();
            }
            if let Some(reading) = self.group.step(&self.row, self.latest) {
                self.tell(&reading, now, out);
            } else if self.since.is_none() && self.group.state() == GroupState::Armed {
                self.since = Some(now.wall);
            }
        } else {
            self.is_paused = true;
            self.clear(out);
        }
        self.row.fill(f64::NAN);
        self.filled = 0;
    }

    /// Ends the alarm that stands.
    fn clear(&mut self, out: &mut Vec<Condition>) {
        self.alarm_rows = 0;
        self.proposal = Proposal::None;
        if self.told.take().is_some() {
            let subject = Subject::Group(self.id);
            out.push(Condition::inactive(subject, AlarmKind::MachinePattern));
        }
    }

    fn tell(&mut self, reading: &GroupReading, now: Now, out: &mut Vec<Condition>) {
        let at = now.wall.saturating_sub(now.mono.since(self.latest));
        if reading.score < CALM_SCORE {
            self.calm = Some(at);
        }
        if !reading.is_alarm {
            self.clear(out);
            return;
        }
        let severity = match reading.score {
            score if score >= HIGH_SCORE => Severity::High,
            score if score >= MEDIUM_SCORE => Severity::Medium,
            _ => Severity::Low,
        };
        self.alarm_rows = self.alarm_rows.saturating_add(1);
        let proposes = self.alarm_rows >= STEADY_ROWS && self.proposal == Proposal::None;
        if proposes {
            self.proposal = Proposal::Made;
        } else if self.told.is_some_and(|told| told >= severity) {
            return;
        }
        self.told = self.told.max(Some(severity));
        out.push(Condition {
            subject: Subject::Group(self.id),
            kind: AlarmKind::MachinePattern,
            state: ConditionState::Active {
                severity,
                since: at,
                value: None,
                normal: None,
                sigmas: None,
                ratio: Some(reading.score),
                detail: self.blame(),
                explanation: Some(Box::new(Explanation {
                    is_proposal: proposes,
                    ..self.explanation(reading, at)
                })),
            },
        });
    }

    fn explanation(&self, reading: &GroupReading, at: Timestamp) -> Explanation {
        let (chart, statistic) = if reading.level >= reading.pattern {
            (Chart::GroupLevel, reading.level)
        } else {
            (Chart::GroupPattern, reading.pattern)
        };
        let share = |share: &GroupShare| Some((*self.tags.get(share.tag)?, share.sigmas));
        let shares = self.group.contributions();
        Explanation {
            chart,
            statistic,
            limit: 1.0,
            onset: self.calm.map_or(at, |calm| calm.min(at)),
            shift: None,
            sigma: None,
            mode: String::new(),
            baseline_since: self.since,
            shares: shares.iter().filter_map(share).take(NAMED_MAX).collect(),
            is_proposal: false,
        }
    }

    fn status(&self) -> BaselineStatus {
        let (phase, learning) = match self.group.state() {
            GroupState::Learning { have, need } => {
                ("learning", Some((u64::from(have), u64::from(need))))
            }
            GroupState::Armed => ("armed", None),
        };
        BaselineStatus {
            name: self.name.clone(),
            phase: phase.to_owned(),
            learning,
            since: self.since.map(|since| since.to_string()),
            levels: Vec::new(),
            alarm: self
                .told
                .map(|_| AlarmKind::MachinePattern.as_str().to_owned()),
            is_proposed: self.proposal == Proposal::Made,
        }
    }

    /// The tags that have the largest part in it.
    fn blame(&self) -> String {
        let part = |share: &GroupShare| {
            let name = self.names.get(share.tag)?;
            let side = if share.sigmas < 0.0 { "below" } else { "above" };
            Some(format!(
                "{name} ({:.1} sigma {side} normal)",
                share.sigmas.abs()
            ))
        };
        let shares = self.group.contributions();
        let named: Vec<String> = shares.iter().filter_map(part).take(NAMED_MAX).collect();
        format!("most of it in {}", named.join(", "))
    }
}

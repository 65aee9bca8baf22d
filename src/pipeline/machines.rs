//! Groups of tags: puts the rows of each machine together and tells when its tags no longer go together.

use std::time::Duration;

use crate::alerting::{AlarmKind, Condition, ConditionState, Subject};
use crate::config::Config;
use crate::detection::{Bank, Group, GroupDesign, GroupReading, GroupShare, Slot};
use crate::model::{GroupId, Mono, Now, Severity};

/// Rows that a group learns from at least: fewer tell little about how tags go together.
const LEARN_ROWS_MIN: u32 = 400;
/// Tags that an alert names.
const NAMED_MAX: usize = 3;
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
    group: Group,
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
}

impl Machines {
    /// The groups of a configuration, all learning; `slot_of` is indexed by tag.
    pub fn new(config: &Config, slot_of: &[Option<Slot>]) -> Self {
        let mut of = vec![Vec::new(); config.tags.len()];
        let mut list = Vec::new();
        for group in &config.groups {
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
                group: Group::new(group.tags.len(), design),
                names: members().map(|tag| tag.name.clone()).collect(),
                slots: slots.flatten().collect(),
                period: first.rate,
                row: vec![f64::NAN; group.tags.len()],
                filled: 0,
                begun: Mono::default(),
                latest: Mono::default(),
                is_paused: false,
                told: None,
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
                machine.take((*number, *column, value), now, bank, out);
            }
        }
    }

    /// Judges rows that wait for values which do not come.
    pub fn tick(&mut self, now: Now, bank: &Bank, out: &mut Vec<Condition>) {
        for (number, machine) in self.list.iter_mut().enumerate() {
            if machine.filled > 0 && now.mono.since(machine.begun) > machine.period {
                machine.judge(number, now, bank, out);
            }
        }
    }
}

impl Machine {
    fn take(
        &mut self,
        (number, column, value): (usize, usize, f64),
        (at, now): (Mono, Now),
        bank: &Bank,
        out: &mut Vec<Condition>,
    ) {
        if self.row.get(column).is_some_and(|known| !known.is_nan()) {
            // A second value of the same tag: the others of the row before did not come.
            self.judge(number, now, bank, out);
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
            self.judge(number, now, bank, out);
        }
    }

    fn judge(&mut self, number: usize, now: Now, bank: &Bank, out: &mut Vec<Condition>) {
        let subject = Subject::Group(GroupId(u32::try_from(number).unwrap_or(u32::MAX)));
        let is_settled = !self
            .slots
            .iter()
            .any(|slot| bank.is_in_change(*slot, self.latest));
        if is_settled {
            if std::mem::take(&mut self.is_paused) {
                self.group.reset();
            }
            if let Some(reading) = self.group.step(&self.row, self.latest) {
                self.tell(subject, &reading, now, out);
            }
        } else {
            self.is_paused = true;
            if self.told.take().is_some() {
                out.push(Condition::inactive(subject, AlarmKind::MachinePattern));
            }
        }
        self.row.fill(f64::NAN);
        self.filled = 0;
    }

    fn tell(
        &mut self,
        subject: Subject,
        reading: &GroupReading,
        now: Now,
        out: &mut Vec<Condition>,
    ) {
        let kind = AlarmKind::MachinePattern;
        if !reading.is_alarm {
            if self.told.take().is_some() {
                out.push(Condition::inactive(subject, kind));
            }
            return;
        }
        let severity = match reading.score {
            score if score >= HIGH_SCORE => Severity::High,
            score if score >= MEDIUM_SCORE => Severity::Medium,
            _ => Severity::Low,
        };
        if self.told.is_some_and(|told| told >= severity) {
            return;
        }
        self.told = Some(severity);
        out.push(Condition {
            subject,
            kind,
            state: ConditionState::Active {
                severity,
                since: now.wall.saturating_sub(now.mono.since(self.latest)),
                value: None,
                normal: None,
                sigmas: None,
                ratio: Some(reading.score),
                detail: self.blame(),
            },
        });
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

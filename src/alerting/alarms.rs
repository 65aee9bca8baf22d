//! The life cycle of every open alarm.
//!
//! ```text
//!            active: raise                inactive
//!   ( ) ───────────────────► raised ───────────────► clearing
//!    ▲                        ▲  │ worse: change       │ │
//!    │                        │  └──┐     active again  │ │ gone for clear_after
//!    │                        └─────┴──────────────────┘ │ (chattering: 10 min): clear
//!    └── forgotten after 10 min ── resting ◄─────────────┘
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::routing::Routing;
use super::wording::{Facts, default_advice};
use super::{AlarmKind, Condition, ConditionState, Subject};
use crate::config::Config;
use crate::model::{AssetPath, Mono, Now, Severity, Timestamp};
use crate::record::AlertV1;

/// Raises are counted over this long, and a chattering alarm must be quiet for this long.
const CHATTER_WINDOW: Duration = Duration::from_mins(10);
/// More raises than this within the window are chatter.
const CHATTER_RAISES: usize = 3;

/// [`AlertV1`]'s transition numbers.
const RAISED: u8 = 1;
const CHANGED: u8 = 2;
const CLEARED: u8 = 3;

/// Turns conditions into alerts. Holds at most one entry per subject and kind, so its size is bounded by the
/// configuration; conditions about subjects that are not in it are ignored.
#[derive(Debug, Clone)]
pub struct Alarms {
    book: AddressBook,
    epoch: u32,
    clear_after: Duration,
    next: u64,
    entries: BTreeMap<(Subject, AlarmKind), Entry>,
}

/// An alarm that is raised, for status.
#[derive(Debug, Clone, PartialEq)]
pub struct ActiveAlert<'a> {
    /// About what.
    pub subject: Subject,
    /// What kind of trouble.
    pub kind: AlarmKind,
    /// [`AlertV1::alert_id`] of the occurrence.
    pub alert_id: &'a str,
    /// The highest severity so far.
    pub severity: Severity,
    /// When the condition began.
    pub since: Timestamp,
    /// The last message sent.
    pub message: &'a str,
}

#[derive(Debug, Clone)]
struct Entry {
    phase: Phase,
    id: String,
    severity: Severity,
    since: Timestamp,
    state: ConditionState,
    message: String,
    /// When it was raised, the last ones first forgotten; at most one more than makes chatter.
    raises: heapless::Deque<Mono, { CHATTER_RAISES + 1 }>,
    /// How often it became active since it began to chatter, that included.
    times: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The condition is there.
    Raised,
    /// The condition is gone since then; the alert is still raised.
    Clearing(Mono),
    /// Cleared then; remembered for the count of raises.
    Resting(Mono),
}

impl Alarms {
    /// Alarms of one run. `numbers` holds the stable number of each tag, by tag id.
    pub fn new(config: Arc<Config>, epoch: u32, numbers: Vec<u32>) -> Self {
        Self {
            epoch,
            clear_after: config.alerting.clear_after,
            book: AddressBook::new(config, numbers),
            next: 1,
            entries: BTreeMap::new(),
        }
    }

    /// Takes one condition; the transitions it causes are appended to `out`.
    pub fn update(&mut self, condition: &Condition, now: Now, out: &mut Vec<AlertV1>) {
        match &condition.state {
            ConditionState::Active { .. } => self.activate(condition, now, out),
            ConditionState::Inactive => {
                let key = (condition.subject, condition.kind);
                if let Some(entry) = self.entries.get_mut(&key)
                    && entry.phase == Phase::Raised
                {
                    entry.phase = Phase::Clearing(now.mono);
                    if self.clear_after.is_zero() {
                        self.tick(now, out);
                    }
                }
            }
        }
    }

    /// Clears what has been gone long enough; call it about once a second.
    pub fn tick(&mut self, now: Now, out: &mut Vec<AlertV1>) {
        let (book, clear_after) = (&self.book, self.clear_after);
        self.entries.retain(|key, entry| {
            match entry.phase {
                Phase::Clearing(gone) if now.mono.since(gone) >= entry.quiet_time(clear_after) => {
                    out.extend(book.alert(*key, entry, CLEARED, now));
                    entry.phase = Phase::Resting(now.mono);
                }
                Phase::Resting(then) => return now.mono.since(then) < CHATTER_WINDOW,
                Phase::Raised | Phase::Clearing(_) => {}
            }
            true
        });
    }

    /// What is raised at present, in a stable order.
    pub fn active(&self) -> impl Iterator<Item = ActiveAlert<'_>> {
        self.entries
            .iter()
            .filter(|(_, entry)| entry.is_open())
            .map(|((subject, kind), entry)| ActiveAlert {
                subject: *subject,
                kind: *kind,
                alert_id: &entry.id,
                severity: entry.severity,
                since: entry.since,
                message: &entry.message,
            })
    }

    fn activate(&mut self, condition: &Condition, now: Now, out: &mut Vec<AlertV1>) {
        let ConditionState::Active {
            severity, since, ..
        } = &condition.state
        else {
            return;
        };
        let key = (condition.subject, condition.kind);
        if self.book.lookup(condition.subject).is_none() {
            return;
        }
        let entry = self.entries.entry(key).or_insert_with(Entry::new);
        let is_new = !entry.is_open();
        let is_worse = *severity > entry.severity;
        if matches!(entry.phase, Phase::Clearing(_)) && entry.is_chattering() {
            entry.times += 1;
        }
        entry.phase = Phase::Raised;
        entry.state.clone_from(&condition.state);
        let transition = if is_new {
            entry.id = format!("{}-{}", self.epoch, self.next);
            self.next += 1;
            entry.severity = *severity;
            entry.since = (*since).min(now.wall);
            entry.note_raise(now.mono);
            RAISED
        } else if is_worse {
            entry.severity = *severity;
            CHANGED
        } else {
            return;
        };
        if let Some(alert) = self.book.alert(key, entry, transition, now) {
            entry.message.clone_from(&alert.message);
            out.push(alert);
        }
    }
}

impl Entry {
    const fn new() -> Self {
        Self {
            phase: Phase::Resting(Mono::from_nanos(0)),
            id: String::new(),
            severity: Severity::Low,
            since: Timestamp::from_nanos(0),
            state: ConditionState::Inactive,
            message: String::new(),
            raises: heapless::Deque::new(),
            times: 0,
        }
    }

    const fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Raised | Phase::Clearing(_))
    }

    /// Counts a raise and forgets those outside the window.
    fn note_raise(&mut self, at: Mono) {
        while self
            .raises
            .front()
            .is_some_and(|first| self.raises.is_full() || at.since(*first) > CHATTER_WINDOW)
        {
            self.raises.pop_front();
        }
        // There is room: a full ring has just lost its oldest.
        if self.raises.push_back(at).is_ok() {
            self.times = self.raises.len();
        }
    }

    fn is_chattering(&self) -> bool {
        self.raises.len() > CHATTER_RAISES
    }

    fn quiet_time(&self, clear_after: Duration) -> Duration {
        if self.is_chattering() {
            clear_after.max(CHATTER_WINDOW)
        } else {
            clear_after
        }
    }
}

/// What the alerts say about a subject.
#[derive(Debug, Clone, Copy)]
struct Address<'a> {
    asset: &'a AssetPath,
    tag: Option<u32>,
    name: &'a str,
    description: &'a str,
    unit: &'a str,
    advice: &'a str,
}

/// Names, places and recipients, as the configuration has them.
#[derive(Debug, Clone)]
struct AddressBook {
    config: Arc<Config>,
    /// Stable tag numbers, by tag id.
    numbers: Vec<u32>,
    routing: Routing,
}

impl AddressBook {
    fn new(config: Arc<Config>, numbers: Vec<u32>) -> Self {
        Self {
            routing: Routing::new(&config.alerting, &config.gateway.asset),
            config,
            numbers,
        }
    }

    fn lookup(&self, subject: Subject) -> Option<Address<'_>> {
        let plain = |asset, name| Address {
            asset,
            tag: None,
            name,
            description: "",
            unit: "",
            advice: "",
        };
        match subject {
            Subject::Tag(id) => {
                let tag = self.config.tag(id)?;
                Some(Address {
                    tag: Some(*self.numbers.get(id.index())?),
                    description: &tag.description,
                    unit: &tag.unit,
                    advice: &tag.advice,
                    ..plain(self.config.asset(tag), tag.name.as_str())
                })
            }
            Subject::Device(id) => {
                let device = self.config.device(id)?;
                Some(plain(&device.asset, &device.name))
            }
            Subject::Group(id) => {
                let group = self.config.groups.get(id.index())?;
                let first = group.tags.first().and_then(|tag| self.config.tag(*tag))?;
                Some(plain(self.config.asset(first), &group.name))
            }
            Subject::Gateway => {
                let gateway = &self.config.gateway;
                Some(plain(&gateway.asset, &gateway.id))
            }
        }
    }

    /// The record of a transition.
    fn alert(
        &self,
        (subject, kind): (Subject, AlarmKind),
        entry: &Entry,
        transition: u8,
        now: Now,
    ) -> Option<AlertV1> {
        let address = self.lookup(subject)?;
        let ConditionState::Active {
            value,
            normal,
            sigmas,
            ratio,
            detail,
            ..
        } = &entry.state
        else {
            return None;
        };
        // At the end the last known value is of no use: the condition says only that it is gone.
        let finite = |x: &Option<f64>| x.filter(|x| x.is_finite() && transition != CLEARED);
        let facts = Facts {
            kind,
            severity: entry.severity,
            asset: address.asset.as_str(),
            subject: address.name,
            description: address.description,
            unit: address.unit,
            since: entry.since,
            value: finite(value),
            normal: finite(normal),
            sigmas: finite(sigmas),
            detail,
            raises: entry.times,
            is_chattering: entry.is_chattering(),
        };
        let message = match transition {
            RAISED => facts.raised(),
            CHANGED => facts.changed(),
            _ => facts.cleared(lasted(entry.since, now.wall)),
        };
        let advice = if address.advice.is_empty() {
            default_advice(kind)
        } else {
            address.advice
        };
        Some(AlertV1 {
            alert_id: entry.id.clone(),
            transition,
            kind: kind as u8,
            severity: entry.severity as u8,
            asset: address.asset.as_str().to_owned(),
            tag: address.tag,
            subject: address.name.to_owned(),
            roles: self.routing.roles(kind, address.asset, entry.severity),
            since_ms: entry.since.as_millis(),
            at_ms: now.wall.as_millis(),
            value: facts.value,
            normal: facts.normal,
            sigmas: facts.sigmas,
            ratio: finite(ratio),
            message,
            advice: advice.to_owned(),
        })
    }
}

fn lasted(since: Timestamp, until: Timestamp) -> Duration {
    Duration::from_nanos(u64::try_from(until.nanos_since(since)).unwrap_or(0))
}

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

use super::book::{AddressBook, News, Occurrence};
use super::{AlarmKind, Condition, ConditionState, Subject};
use crate::config::Config;
use crate::model::{Mono, Now, Severity, Timestamp};
use crate::record::BodyV1;

/// Raises are counted over this long, and a chattering alarm must be quiet for this long.
const CHATTER_WINDOW: Duration = Duration::from_mins(10);
/// More raises than this within the window are chatter.
const CHATTER_RAISES: usize = 3;

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
    /// [`crate::record::AlertV1::alert_id`] of the occurrence.
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
    /// Whether the level was proposed as the new normal.
    is_proposed: bool,
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
    pub fn update(&mut self, condition: &Condition, now: Now, out: &mut Vec<BodyV1>) {
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
    pub fn tick(&mut self, now: Now, out: &mut Vec<BodyV1>) {
        let (book, clear_after) = (&self.book, self.clear_after);
        self.entries.retain(|key, entry| {
            match entry.phase {
                Phase::Clearing(gone) if now.mono.since(gone) >= entry.quiet_time(clear_after) => {
                    out.extend(book.alert(*key, &entry.occurrence(), News::Cleared, now));
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

    fn activate(&mut self, condition: &Condition, now: Now, out: &mut Vec<BodyV1>) {
        let ConditionState::Active {
            severity, since, ..
        } = &condition.state
        else {
            return;
        };
        let key = (condition.subject, condition.kind);
        if !self.book.knows(condition.subject) {
            return;
        }
        let entry = self.entries.entry(key).or_insert_with(Entry::new);
        if matches!(entry.phase, Phase::Clearing(_)) && entry.is_chattering() {
            entry.times += 1;
        }
        let is_new = !entry.is_open();
        entry.phase = Phase::Raised;
        entry.state.clone_from(&condition.state);
        let news = if is_new {
            entry.id = format!("{}-{}", self.epoch, self.next);
            self.next += 1;
            entry.severity = *severity;
            entry.since = (*since).min(now.wall);
            entry.is_proposed = condition.is_proposal();
            entry.note_raise(now.mono);
            News::Raised
        } else if condition.is_proposal() && !entry.is_proposed {
            entry.is_proposed = true;
            entry.severity = entry.severity.max(*severity);
            News::Proposed
        } else if *severity > entry.severity {
            entry.severity = *severity;
            News::Worse
        } else {
            return;
        };
        if let Some(body) = self.book.alert(key, &entry.occurrence(), news, now) {
            if let Some(alert) = body.alert() {
                entry.message.clone_from(&alert.message);
            }
            out.push(body);
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
            is_proposed: false,
        }
    }

    fn occurrence(&self) -> Occurrence<'_> {
        Occurrence {
            id: &self.id,
            severity: self.severity,
            since: self.since,
            state: &self.state,
            raises: self.times,
            is_chattering: self.is_chattering(),
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

//! What the stages before report: something is wrong with something, or is no longer.

use super::AlarmKind;
use crate::detection::{Change, Finding};
use crate::model::{DeviceId, Now, Severity, TagId, Timestamp};

/// What an alarm is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// One tag.
    Tag(TagId),
    /// One device.
    Device(DeviceId),
    /// The gateway itself.
    Gateway,
}

/// The state of one kind of trouble with one subject. Repeating a state is harmless.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// With what.
    pub subject: Subject,
    /// What kind of trouble.
    pub kind: AlarmKind,
    /// Whether it is there.
    pub state: ConditionState,
}

/// Whether a condition is there, and how bad it is.
#[derive(Debug, Clone, PartialEq)]
pub enum ConditionState {
    /// It is there.
    Active {
        /// How urgent it is.
        severity: Severity,
        /// When it began, as far as can be told.
        since: Timestamp,
        /// The value now, in the tag's unit.
        value: Option<f64>,
        /// The normal level, in the tag's unit.
        normal: Option<f64>,
        /// Distance of the level from normal in standard deviations; negative is below.
        sigmas: Option<f64>,
        /// Test statistic over its limit.
        ratio: Option<f64>,
        /// One clause for the line lead, without a full stop, e.g. `no answer for 12 s`; may be empty.
        detail: String,
    },
    /// It is gone, or was never there.
    Inactive,
}

impl Condition {
    /// Trouble of `kind` that is there, told in words only.
    pub const fn active(
        subject: Subject,
        kind: AlarmKind,
        severity: Severity,
        since: Timestamp,
        detail: String,
    ) -> Self {
        Self {
            subject,
            kind,
            state: ConditionState::Active {
                severity,
                since,
                value: None,
                normal: None,
                sigmas: None,
                ratio: None,
                detail,
            },
        }
    }

    /// Trouble of `kind` that is gone.
    pub const fn inactive(subject: Subject, kind: AlarmKind) -> Self {
        Self {
            subject,
            kind,
            state: ConditionState::Inactive,
        }
    }

    /// What a detector found about `tag`. The onset is carried from monotonic time to the wall clock of `now`.
    pub fn process_shift(tag: TagId, finding: &Finding, now: Now) -> Self {
        let subject = Subject::Tag(tag);
        if finding.change == Change::Cleared {
            return Self::inactive(subject, AlarmKind::ProcessShift);
        }
        Self {
            subject,
            kind: AlarmKind::ProcessShift,
            state: ConditionState::Active {
                severity: finding.severity(),
                since: now.wall.saturating_sub(now.mono.since(finding.onset)),
                value: Some(finding.value),
                normal: Some(finding.normal),
                sigmas: Some(finding.sigmas),
                ratio: Some(finding.ratio),
                detail: String::new(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detection::{Chart, Slot};
    use crate::model::Mono;

    fn finding(change: Change) -> Finding {
        Finding {
            slot: Slot(0),
            change,
            chart: Chart::CusumHigh,
            ratio: 1.6,
            sigmas: 2.5,
            normal: 10.0,
            sigma: 1.0,
            value: 12.5,
            onset: Mono::from_nanos(1_000_000_000),
        }
    }

    #[test]
    fn a_finding_keeps_its_numbers_and_dates_its_onset() {
        let now = Now {
            mono: Mono::from_nanos(5_000_000_000),
            wall: Timestamp::from_millis(100_000),
        };
        let made = Condition::process_shift(TagId(3), &finding(Change::Raised), now);
        assert_eq!(made.subject, Subject::Tag(TagId(3)));
        assert_eq!(
            made.state,
            ConditionState::Active {
                severity: Severity::Medium,
                since: Timestamp::from_millis(96_000),
                value: Some(12.5),
                normal: Some(10.0),
                sigmas: Some(2.5),
                ratio: Some(1.6),
                detail: String::new(),
            }
        );
        let gone = Condition::process_shift(TagId(3), &finding(Change::Cleared), now);
        assert_eq!(gone.state, ConditionState::Inactive);
    }
}

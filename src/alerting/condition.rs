//! What the stages before report: something is wrong with something, or is no longer.

use super::{AlarmKind, Explanation, Known};
use crate::detection::{Change, Chart, Finding};
use crate::model::{DeviceId, GroupId, Now, Severity, TagId, Timestamp};

/// What an alarm is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// One tag.
    Tag(TagId),
    /// One device.
    Device(DeviceId),
    /// The tags of a group together.
    Group(GroupId),
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
        /// What the detector that found it knows; none from others.
        explanation: Option<Box<Explanation>>,
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
                explanation: None,
            },
        }
    }

    /// Whether it asks a person to take a level over as the new normal.
    pub(super) fn is_proposal(&self) -> bool {
        let ConditionState::Active {
            explanation: Some(why),
            ..
        } = &self.state
        else {
            return false;
        };
        why.is_proposal
    }

    /// Trouble of `kind` that is gone.
    pub const fn inactive(subject: Subject, kind: AlarmKind) -> Self {
        Self {
            subject,
            kind,
            state: ConditionState::Inactive,
        }
    }

    /// What a detector found about `tag`, held against a baseline of `known`. The onset is carried from monotonic time to
    /// the wall clock of `now`.
    pub fn found(tag: TagId, finding: &Finding, known: Known<'_>, now: Now) -> Self {
        let subject = Subject::Tag(tag);
        let kind = kind_of(finding.chart);
        if finding.change == Change::Cleared {
            return Self::inactive(subject, kind);
        }
        let chart = finding.chart;
        let onset = now.wall.saturating_sub(now.mono.since(finding.onset));
        Self {
            subject,
            kind,
            state: ConditionState::Active {
                severity: finding.severity(),
                since: onset,
                value: Some(finding.value),
                normal: Some(finding.normal).filter(|_| chart != Chart::Stuck),
                sigmas: finding.shift().map(|_| finding.sigmas),
                ratio: Some(finding.ratio),
                detail: detail(finding),
                explanation: Some(Box::new(Explanation::of(finding, onset, known))),
            },
        }
    }
}

/// Which alarm a chart's finding belongs to.
const fn kind_of(chart: Chart) -> AlarmKind {
    match chart {
        Chart::CusumHigh
        | Chart::CusumLow
        | Chart::EwmaHigh
        | Chart::EwmaLow
        | Chart::SpikeHigh
        | Chart::SpikeLow => AlarmKind::ProcessShift,
        Chart::Spread => AlarmKind::Unsteady,
        Chart::Stuck => AlarmKind::Frozen,
        Chart::Unusual => AlarmKind::Unusual,
        Chart::GroupLevel | Chart::GroupPattern => AlarmKind::MachinePattern,
    }
}

/// What the numbers do not say, as a clause for the line lead.
fn detail(finding: &Finding) -> String {
    match (finding.change, finding.chart) {
        (Change::Proposed, _) => {
            "it has stayed there: accept it with `andon baseline accept` if this is the new normal, else `andon baseline reject`"
                .to_owned()
        }
        (_, Chart::SpikeHigh | Chart::SpikeLow) => "so far a jump, not a lasting change".to_owned(),
        (_, Chart::Spread) => {
            format!("it varies {:.1} times as much as usual", finding.sigmas)
        }
        (_, Chart::Stuck) => "it has not moved for longer than it ever stood still".to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detection::{ModeId, Slot};
    use crate::model::Mono;

    fn finding(change: Change) -> Finding {
        Finding {
            slot: Slot(0),
            change,
            chart: Chart::CusumHigh,
            ratio: 1.6,
            limit: 5.0,
            sigmas: 2.5,
            normal: 10.0,
            sigma: 1.0,
            value: 12.5,
            onset: Mono::from_nanos(1_000_000_000),
            mode: ModeId::default(),
        }
    }

    #[test]
    fn a_finding_keeps_its_numbers_and_dates_its_onset() {
        let now = Now {
            mono: Mono::from_nanos(5_000_000_000),
            wall: Timestamp::from_millis(100_000),
        };
        let known = Known {
            mode: "P1",
            since: Some(Timestamp::from_millis(50_000)),
        };
        let made = Condition::found(TagId(3), &finding(Change::Raised), known, now);
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
                explanation: Some(Box::new(Explanation {
                    chart: Chart::CusumHigh,
                    statistic: 8.0,
                    limit: 5.0,
                    onset: Timestamp::from_millis(96_000),
                    shift: Some(2.5),
                    sigma: Some(1.0),
                    mode: "P1".to_owned(),
                    baseline_since: Some(Timestamp::from_millis(50_000)),
                    shares: Vec::new(),
                    is_proposal: false,
                })),
            }
        );
        let gone = Condition::found(TagId(3), &finding(Change::Cleared), known, now);
        assert_eq!(gone.state, ConditionState::Inactive);
    }
}

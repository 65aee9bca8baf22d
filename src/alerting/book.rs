//! From an occurrence of an alarm to the record about it: names, places, words and recipients.

use std::sync::Arc;
use std::time::Duration;

use super::routing::Routing;
use super::wording::{Facts, default_advice};
use super::{AlarmKind, ConditionState, Explanation, Subject};
use crate::config::Config;
use crate::model::{AssetPath, Now, Severity, TagId, Timestamp};
use crate::record::{AlertV1, BodyV1, ExplainedAlertV1, ExplanationV1, ShareV1};

/// What a record tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// It is there.
    Raised,
    /// It has become more urgent.
    Worse,
    /// The level has stayed so long that it may be the new normal.
    Proposed,
    /// It is gone.
    Cleared,
}

impl News {
    const fn code(self) -> u8 {
        match self {
            Self::Raised => AlertV1::RAISED,
            Self::Worse | Self::Proposed => AlertV1::CHANGED,
            Self::Cleared => AlertV1::CLEARED,
        }
    }
}

/// One occurrence of an alarm.
#[derive(Debug, Clone, Copy)]
pub(super) struct Occurrence<'a> {
    pub(super) id: &'a str,
    /// The highest severity so far.
    pub(super) severity: Severity,
    pub(super) since: Timestamp,
    /// The last that was heard of it while it was there.
    pub(super) state: &'a ConditionState,
    /// How often it was raised in the last ten minutes.
    pub(super) raises: usize,
    pub(super) is_chattering: bool,
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
pub(super) struct AddressBook {
    config: Arc<Config>,
    /// Stable tag numbers, by tag id.
    numbers: Vec<u32>,
    routing: Routing,
}

impl AddressBook {
    pub(super) fn new(config: Arc<Config>, numbers: Vec<u32>) -> Self {
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

    /// Whether a subject is one of this configuration.
    pub(super) fn knows(&self, subject: Subject) -> bool {
        self.lookup(subject).is_some()
    }

    /// The record of a transition; `None` for a subject that is not in the book.
    pub(super) fn alert(
        &self,
        (subject, kind): (Subject, AlarmKind),
        occurrence: &Occurrence<'_>,
        news: News,
        now: Now,
    ) -> Option<BodyV1> {
        let address = self.lookup(subject)?;
        let ConditionState::Active {
            value,
            normal,
            sigmas,
            ratio,
            detail,
            explanation,
            ..
        } = occurrence.state
        else {
            return None;
        };
        // At the end the last known value is of no use: the condition says only that it is gone.
        let is_over = news == News::Cleared;
        let finite = |x: &Option<f64>| x.filter(|x| x.is_finite() && !is_over);
        let facts = Facts {
            kind,
            severity: occurrence.severity,
            asset: address.asset.as_str(),
            subject: address.name,
            description: address.description,
            unit: address.unit,
            since: occurrence.since,
            zone: &self.config.gateway.time_zone,
            value: finite(value),
            normal: finite(normal),
            sigmas: finite(sigmas),
            detail,
            raises: occurrence.raises,
            is_chattering: occurrence.is_chattering,
        };
        let message = match news {
            News::Raised => facts.raised(),
            News::Worse => facts.changed(),
            News::Proposed => facts.proposed(),
            News::Cleared => facts.cleared(lasted(occurrence.since, now.wall)),
        };
        let advice = if address.advice.is_empty() {
            default_advice(kind)
        } else {
            address.advice
        };
        let alert = AlertV1 {
            alert_id: occurrence.id.to_owned(),
            transition: news.code(),
            kind: kind as u8,
            severity: occurrence.severity as u8,
            asset: address.asset.as_str().to_owned(),
            tag: address.tag,
            subject: address.name.to_owned(),
            roles: self.routing.roles(kind, address.asset, occurrence.severity),
            since_ms: occurrence.since.as_millis(),
            at_ms: now.wall.as_millis(),
            value: facts.value,
            normal: facts.normal,
            sigmas: facts.sigmas,
            ratio: finite(ratio),
            message,
            advice: advice.to_owned(),
        };
        Some(match explanation {
            Some(why) if !is_over => BodyV1::Explained(ExplainedAlertV1 {
                alert,
                explanation: self.explanation(why),
            }),
            _ => BodyV1::Alert(alert),
        })
    }

    fn explanation(&self, why: &Explanation) -> ExplanationV1 {
        let share = |(tag, sigmas): &(TagId, f64)| {
            let tag = *self.numbers.get(tag.index())?;
            Some(ShareV1 {
                tag,
                sigmas: *sigmas,
            })
        };
        ExplanationV1 {
            chart: why.chart as u8,
            statistic: why.statistic,
            limit: why.limit,
            onset_ms: why.onset.as_millis(),
            shift: why.shift,
            sigma: why.sigma,
            mode: why.mode.clone(),
            baseline_ms: why.baseline_since.map(Timestamp::as_millis),
            shares: why.shares.iter().filter_map(share).collect(),
            is_proposal: why.is_proposal,
        }
    }
}

fn lasted(since: Timestamp, until: Timestamp) -> Duration {
    Duration::from_nanos(u64::try_from(until.nanos_since(since)).unwrap_or(0))
}

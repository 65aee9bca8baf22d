//! Alerts of a machine that stood in a span of time.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::error::AnalysisError;
use super::plant::all;
use crate::alerting::AlarmKind;
use crate::history::{Event, EventKind, EventQuery, Reader};
use crate::model::{AssetPath, Severity, Timestamp};
use crate::production::span::Span;
use crate::record::{AlertV1, BodyV1, decode_body};

/// An alert that was raised longer before is no longer looked for.
const STANDING_MAX: Duration = Duration::from_hours(24);
/// Changes of alerts that are looked at.
const EVENTS_MAX: usize = 100_000;
/// Alerts of a span at most.
const SHOWN_MAX: usize = 50;

/// An alert that stood. Times are RFC 3339 in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LinkedAlert {
    /// The same in all that is told of it.
    pub alert_id: String,
    /// When its condition began.
    pub since: String,
    /// When it was cleared; null where it stood to the end.
    pub cleared: Option<String>,
    /// What is wrong, by name.
    pub kind: &'static str,
    /// How urgent it is.
    pub severity: &'static str,
    /// The tag or device it is about.
    pub subject: String,
    /// One or two sentences.
    pub message: String,
}

/// One alert in all its changes.
struct Standing {
    alert: AlertV1,
    is_detection: bool,
    cleared: Option<Timestamp>,
}

/// Alerts at a place or below it that stood in `span`: those of plain rules, and findings of detectors.
pub(super) fn alerts(
    reader: &Reader,
    place: &AssetPath,
    span: Span,
) -> Result<(Vec<LinkedAlert>, Vec<LinkedAlert>), AnalysisError> {
    let query = EventQuery {
        kinds: vec![EventKind::ALERT],
        subject: None,
        from: span.start.saturating_sub(STANDING_MAX),
        to: span.end,
        limit: EVENTS_MAX,
    };
    let events = all(reader, query, "changes of alerts")?;
    let standing = standing(&events, place);
    let inside = standing.into_values().filter(|one| {
        let is_over = one.cleared.is_some_and(|cleared| cleared < span.start);
        !is_over && Timestamp::from_millis(one.alert.since_ms) < span.end
    });
    let (detected, told): (Vec<Standing>, Vec<Standing>) = inside.partition(|one| one.is_detection);
    let shown = |mut all: Vec<Standing>| -> Vec<LinkedAlert> {
        all.sort_by_key(|one| one.alert.since_ms);
        all.iter().take(SHOWN_MAX).map(linked).collect()
    };
    Ok((shown(told), shown(detected)))
}

/// The alerts by their id; what cannot be read is left out, as its time is known to have been told.
fn standing(events: &[Event], place: &AssetPath) -> BTreeMap<String, Standing> {
    let mut all: BTreeMap<String, Standing> = BTreeMap::new();
    for event in events {
        let body = event
            .content
            .as_deref()
            .and_then(|bytes| decode_body(bytes).ok());
        let is_detection = matches!(body, Some(BodyV1::Explained(_)));
        let alert = body.as_ref().and_then(BodyV1::alert);
        let is_here = |alert: &&AlertV1| {
            AssetPath::parse(&alert.asset).is_ok_and(|asset| asset.is_within(place))
        };
        let Some(alert) = alert.filter(is_here) else {
            continue;
        };
        let is_cleared = alert.transition == AlertV1::CLEARED;
        let cleared = is_cleared.then_some(event.time);
        if let Some(known) = all.get_mut(&alert.alert_id) {
            known.cleared = cleared;
            known.is_detection |= is_detection;
        } else {
            let one = Standing {
                alert: alert.clone(),
                is_detection,
                cleared,
            };
            all.insert(alert.alert_id.clone(), one);
        }
    }
    all
}

fn linked(of: &Standing) -> LinkedAlert {
    let alert = &of.alert;
    LinkedAlert {
        alert_id: alert.alert_id.clone(),
        since: Timestamp::from_millis(alert.since_ms).to_string(),
        cleared: of.cleared.map(|at| at.to_string()),
        kind: AlarmKind::from_code(alert.kind).map_or("unknown", AlarmKind::as_str),
        severity: Severity::from_code(alert.severity).map_or("unknown", Severity::as_str),
        subject: alert.subject.clone(),
        message: alert.message.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Settings, Writer};
    use crate::record::{encode_body, samples};

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_millis(minute * 60_000)
    }

    /// A change of an alert of the press at `minute`, as a rule or a detector tells it.
    fn change(id: &str, minute: i64, transition: u8, is_detection: bool) -> Event {
        let mut body = if is_detection {
            samples::explained()
        } else {
            samples::alert()
        };
        if let BodyV1::Alert(alert)
        | BodyV1::Explained(crate::record::ExplainedAlertV1 { alert, .. }) = &mut body
        {
            alert.alert_id = id.to_owned();
            alert.asset = "plant/press/zone1".to_owned();
            alert.transition = transition;
            alert.since_ms = minute * 60_000;
            alert.at_ms = minute * 60_000;
        }
        Event {
            kind: EventKind::ALERT,
            time: at(minute),
            subject: id.to_owned(),
            content: Some(encode_body(&body)),
        }
    }

    #[test]
    fn alerts_that_stood_in_a_span_are_found() {
        let (raised, cleared) = (AlertV1::RAISED, AlertV1::CLEARED);
        let dir = tempfile::tempdir().unwrap();
        let mut writer = Writer::open(dir.path(), Settings::new("UTC"), at(1_000)).unwrap();
        let events = [
            change("over", 1, raised, false),
            change("over", 9, cleared, false),
            change("into", 2, raised, false),
            change("into", 12, cleared, false),
            change("open", 5, raised, true),
            change("inside", 13, raised, false),
            change("later", 20, raised, false),
        ];
        for event in events {
            writer.put_event(event).unwrap();
        }
        writer.flush().unwrap();
        let found = |place: &str| {
            let place = AssetPath::parse(place).unwrap();
            let (told, detected) =
                alerts(&writer.reader(), &place, Span::new(at(10), at(20))).unwrap();
            let ids = |all: Vec<LinkedAlert>| -> Vec<(String, bool)> {
                let id = |one: LinkedAlert| (one.alert_id, one.cleared.is_some());
                all.into_iter().map(id).collect()
            };
            (ids(told), ids(detected))
        };
        let id = |id: &str, is_cleared| (id.to_owned(), is_cleared);
        assert_eq!(
            found("plant/press"),
            (
                vec![id("into", true), id("inside", false)],
                vec![id("open", false)]
            )
        );
        assert_eq!(found("plant/pre"), (Vec::new(), Vec::new()));
    }
}

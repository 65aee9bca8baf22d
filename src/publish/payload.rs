//! From a stored record to the messages that carry it.

use super::topic::Topics;
use crate::config::PayloadFormat;
use crate::model::{AssetPath, Role};
use crate::record::names::TagNames;
use crate::record::wire::{self, IdRef};
use crate::record::{AlertV1, Kind, RecordError, decode_body, json, peek_body};

/// One MQTT message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// Where it goes.
    pub(super) topic: String,
    /// What is sent.
    pub(super) payload: Vec<u8>,
    /// The record's id, as MQTT 5 user property; `None` for birth and health.
    pub(super) id: Option<String>,
    /// Whether the broker keeps it for later subscribers.
    pub(super) retain: bool,
    /// MIME type, as MQTT 5 content type.
    pub(super) content_type: &'static str,
}

pub(super) const JSON_TYPE: &str = "application/json";
const POSTCARD_TYPE: &str = "application/vnd.andon.record.v1+postcard";

/// Makes messages of records.
#[derive(Debug, Clone)]
pub(super) struct Renderer {
    pub(super) topics: Topics,
    pub(super) format: PayloadFormat,
    pub(super) names: TagNames,
}

impl Renderer {
    /// The messages of one record, at least one: an alert goes to each of its roles.
    pub(super) fn messages(&self, id: IdRef<'_>, body: &[u8]) -> Result<Vec<Message>, RecordError> {
        let heading = peek_body(body)?;
        let decoded = match (self.format, heading.kind) {
            (PayloadFormat::Postcard, Kind::Summary | Kind::Raw) => None,
            _ => Some(decode_body(body)?),
        };
        let topics = match (&decoded, heading.asset) {
            (Some(body), None) => body.alert().map_or_else(
                || vec![self.topics.event()],
                |alert| self.alert_topics(alert),
            ),
            (_, Some(asset)) => vec![self.asset_topic(heading.kind, asset)],
            (None, None) => vec![self.topics.event()],
        };
        let (payload, content_type) = match (self.format, &decoded) {
            (PayloadFormat::Json, Some(body)) => (json::encode(id, body, &self.names), JSON_TYPE),
            _ => (wire::encode(id, body), POSTCARD_TYPE),
        };
        let message = |topic| Message {
            topic,
            payload: payload.clone(),
            id: Some(id.to_string()),
            retain: false,
            content_type,
        };
        Ok(topics.into_iter().map(message).collect())
    }

    /// A text that is not a path cannot have come from a checked configuration; the record then goes to the
    /// gateway's own event topic rather than nowhere.
    fn asset_topic(&self, kind: Kind, asset: &str) -> String {
        match (AssetPath::parse(asset), kind) {
            (Ok(asset), Kind::Raw) => self.topics.raw(&asset),
            (Ok(asset), _) => self.topics.summary(&asset),
            (Err(_), _) => self.topics.event(),
        }
    }

    fn alert_topics(&self, alert: &AlertV1) -> Vec<String> {
        let Ok(asset) = AssetPath::parse(&alert.asset) else {
            return vec![self.topics.event()];
        };
        let mut topics: Vec<String> = alert
            .roles
            .iter()
            .filter_map(|role| Role::parse(role).ok())
            .map(|role| self.topics.alert(&asset, &role))
            .collect();
        topics.sort_unstable();
        topics.dedup();
        if topics.is_empty() {
            topics.push(self.topics.event());
        }
        topics
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::BodyV1;
    use crate::record::{Lane, encode_body, samples};

    fn renderer(format: PayloadFormat) -> Renderer {
        let asset = AssetPath::parse("acme/berlin").unwrap();
        Renderer {
            topics: Topics::new(None, "gw1", &asset),
            format,
            names: TagNames::default(),
        }
    }

    const ID: IdRef<'static> = IdRef {
        gateway: "gw1",
        epoch: 7,
        lane: Lane::Telemetry,
        seq: 42,
    };

    #[track_caller]
    fn check(body: &BodyV1, topics: &[&str]) {
        for format in [PayloadFormat::Json, PayloadFormat::Postcard] {
            let messages = renderer(format).messages(ID, &encode_body(body)).unwrap();
            let found: Vec<&str> = messages.iter().map(|m| m.topic.as_str()).collect();
            assert_eq!(found, topics);
            for message in &messages {
                assert_eq!(message.id.as_deref(), Some("gw1:7:t:42"));
                assert!(!message.retain);
                let readable = match format {
                    PayloadFormat::Json => {
                        message.payload.starts_with(br#"{"v":1,"id":"gw1:7:t:42""#)
                    }
                    PayloadFormat::Postcard => {
                        wire::decode(&message.payload)
                            .unwrap()
                            .decode()
                            .unwrap()
                            .kind()
                            == body.kind()
                    }
                };
                assert!(readable);
            }
        }
    }

    #[test]
    fn every_kind_finds_its_topic() {
        let press = "acme/berlin/paint/line1/press1";
        check(&samples::summary(), &[&format!("{press}/_summary/gw1")]);
        check(&samples::raw(), &[&format!("{press}/_raw/gw1")]);
        check(&samples::drop(), &["acme/berlin/_event/gw1"]);
        check(&samples::started(), &["acme/berlin/_event/gw1"]);
    }

    #[test]
    fn an_alert_goes_to_each_role_once() {
        let BodyV1::Alert(mut alert) = samples::alert() else {
            unreachable!("the sample is an alert")
        };
        alert.roles.push("operator".into());
        let press = "acme/berlin/paint/line1/press1/_alert";
        check(
            &BodyV1::Alert(alert.clone()),
            &[
                &format!("{press}/maintenance/gw1"),
                &format!("{press}/operator/gw1"),
            ],
        );
        alert.roles = vec!["no/role".into()];
        check(&BodyV1::Alert(alert.clone()), &["acme/berlin/_event/gw1"]);
        alert.asset = "a/#".into();
        check(&BodyV1::Alert(alert), &["acme/berlin/_event/gw1"]);
    }

    #[test]
    fn a_bad_asset_text_injects_nothing() {
        let BodyV1::Raw(mut raw) = samples::raw() else {
            unreachable!("the sample is raw values")
        };
        raw.asset = "a/#".into();
        check(&BodyV1::Raw(raw), &["acme/berlin/_event/gw1"]);
    }

    #[test]
    fn a_damaged_body_is_an_error() {
        let json = renderer(PayloadFormat::Json);
        assert!(json.messages(ID, &[]).is_err());
        let mut cut = encode_body(&samples::raw());
        cut.pop();
        assert!(json.messages(ID, &cut).is_err());
    }
}

//! A record as one JSON object: MQTT payload format `json`, and what `andon decode` prints.
//!
//! ```json
//! {"v":1,"id":"gw1:7:t:42","gateway":"gw1","type":"summary","asset":"acme/berlin/paint/line1/press1",
//!  "from":"2026-03-01T06:00:00.000Z","to":"2026-03-01T06:00:10.000Z",
//!  "items":[{"tag":"press1.temp","unit":"°C","good":10,"uncertain":0,"bad":0,
//!            "mean":71.25,"min":70.5,"max":72.0,"std":0.5,"last":71.3,"quality":"good"}]}
//! ```
//!
//! Rules, the same for every kind:
//! - `v` is the version of this form; `id` is `gateway:epoch:lane:seq`, the key for removing duplicates; `type` is
//!   `summary`, `raw`, `alert`, `drop` or `event`. Keys stand in a fixed order: same record, same bytes.
//! - Times are RFC 3339 in UTC. Record times have milliseconds; the `time` of a raw point has 3, 6 or 9 digits,
//!   as many as it needs, so nothing is lost.
//! - Tags are given by name. A number that the registry does not know is written `#<number>`.
//! - `quality` is `good`, `uncertain:<reason>` or `bad:<reason>`, see [`crate::model::Reason`].
//! - A number that single precision holds exactly is written with as many digits as single precision needs
//!   (`0.1`, not `0.10000000149011612`). NaN and infinities are `null`; so is a missing value.
//! - An alert of a detector has one more key, `explanation`: see `explained.rs`.
//! - A code that this program does not know is written `unknown:<code>`.

use std::fmt;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::explained::Explained;
use super::names::TagNames;
use super::wire::IdRef;
use super::{
    AlertV1, BodyV1, DropReasonV1, DropV1, EventKindV1, EventV1, Lane, RawV1, SummaryV1, ValueV1,
    json_items,
};
use crate::alerting::AlarmKind;
use crate::model::{Quality, Severity, Timestamp};

/// Appends the JSON object of a record to `out`, without a line end.
#[expect(
    clippy::expect_used,
    reason = "maps with text keys into a growing vector have no way to fail"
)]
pub fn append(out: &mut Vec<u8>, id: IdRef<'_>, body: &BodyV1, names: &TagNames) {
    serde_json::to_writer(&mut *out, &Record { id, body, names }).expect("a record is valid JSON");
    if let BodyV1::Summary(summary) = body {
        // The closing brace makes way for the last entry.
        out.pop();
        out.extend_from_slice(b",\"items\":");
        json_items::append(out, &summary.items, names);
        out.push(b'}');
    }
}

/// The JSON object of a record.
pub fn encode(id: IdRef<'_>, body: &BodyV1, names: &TagNames) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    append(&mut out, id, body, names);
    out
}

/// The text of a quality code.
pub fn quality_text(code: u8) -> impl fmt::Display {
    QualityText(code)
}

struct Record<'a> {
    id: IdRef<'a>,
    body: &'a BodyV1,
    names: &'a TagNames,
}

impl Serialize for Record<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("v", &1)?;
        map.serialize_entry("id", &Shown(self.id))?;
        map.serialize_entry("gateway", self.id.gateway)?;
        map.serialize_entry("type", self.body.kind().as_str())?;
        match self.body {
            BodyV1::Summary(summary) => put_summary(&mut map, summary)?,
            BodyV1::Raw(raw) => put_raw(&mut map, raw, self.names)?,
            BodyV1::Alert(alert) => put_alert(&mut map, alert, self.names)?,
            BodyV1::Explained(explained) => {
                let alert = &explained.alert;
                put_alert(&mut map, alert, self.names)?;
                let why = Explained::new(&explained.explanation, alert, self.names);
                map.serialize_entry("explanation", &why)?;
            }
            BodyV1::Drop(drop) => put_drop(&mut map, drop)?,
            BodyV1::Event(event) => put_event(&mut map, event)?,
        }
        map.end()
    }
}

/// All but the items, which [`append`] puts after it.
fn put_summary<M: SerializeMap>(map: &mut M, summary: &SummaryV1) -> Result<(), M::Error> {
    map.serialize_entry("asset", &summary.asset)?;
    map.serialize_entry("from", &Millis(summary.from_ms))?;
    map.serialize_entry("to", &Millis(summary.to_ms))
}

fn put_raw<M: SerializeMap>(map: &mut M, raw: &RawV1, names: &TagNames) -> Result<(), M::Error> {
    map.serialize_entry("asset", &raw.asset)?;
    map.serialize_entry(
        "points",
        &each(&raw.points, |point| {
            let (tag, unit) = name_of(names, point.tag);
            Point {
                tag,
                unit,
                time: Nanos(raw.base_ns.saturating_add(point.offset_ns)),
                value: JsonValue(&point.value),
                quality: Shown(QualityText(point.quality)),
            }
        }),
    )
}

fn put_alert<M: SerializeMap>(
    map: &mut M,
    alert: &AlertV1,
    names: &TagNames,
) -> Result<(), M::Error> {
    let tag = alert.tag.map(|number| name_of(names, number));
    let transition = match alert.transition {
        1 => Code::Name("raised"),
        2 => Code::Name("changed"),
        3 => Code::Name("cleared"),
        other => Code::Unknown(other),
    };
    let kind = AlarmKind::from_code(alert.kind).map(AlarmKind::as_str);
    let severity = Severity::from_code(alert.severity).map(Severity::as_str);
    map.serialize_entry("alert_id", &alert.alert_id)?;
    map.serialize_entry("transition", &Shown(transition))?;
    map.serialize_entry("kind", &Shown(Code::of(kind, alert.kind)))?;
    map.serialize_entry("severity", &Shown(Code::of(severity, alert.severity)))?;
    map.serialize_entry("asset", &alert.asset)?;
    map.serialize_entry("tag", &tag.as_ref().map(|(name, _)| name))?;
    map.serialize_entry("unit", tag.as_ref().map_or("", |(_, unit)| unit))?;
    map.serialize_entry("subject", &alert.subject)?;
    map.serialize_entry("roles", &alert.roles)?;
    map.serialize_entry("since", &Millis(alert.since_ms))?;
    map.serialize_entry("at", &Millis(alert.at_ms))?;
    map.serialize_entry("value", &alert.value)?;
    map.serialize_entry("normal", &alert.normal)?;
    map.serialize_entry("sigmas", &alert.sigmas)?;
    map.serialize_entry("ratio", &alert.ratio)?;
    map.serialize_entry("message", &alert.message)?;
    map.serialize_entry("advice", &alert.advice)
}

fn put_drop<M: SerializeMap>(map: &mut M, drop: &DropV1) -> Result<(), M::Error> {
    let lane = Lane::from_number(drop.lane).map(Lane::as_str);
    map.serialize_entry("lane", &Shown(Code::of(lane, drop.lane)))?;
    map.serialize_entry("seq_from", &drop.seq_from)?;
    map.serialize_entry("seq_to", &drop.seq_to)?;
    map.serialize_entry("at", &Millis(drop.at_ms))?;
    let reason = match drop.reason {
        DropReasonV1::Quota => "quota",
        DropReasonV1::DiskFull => "disk_full",
        DropReasonV1::Corrupt => "corrupt",
        DropReasonV1::Quarantine => "quarantine",
        DropReasonV1::StoreLost => "store_lost",
        DropReasonV1::Rejected => "rejected",
    };
    map.serialize_entry("reason", reason)
}

fn put_event<M: SerializeMap>(map: &mut M, event: &EventV1) -> Result<(), M::Error> {
    map.serialize_entry("at", &Millis(event.at_ms))?;
    match &event.kind {
        EventKindV1::Started {
            version,
            previous_epoch,
        } => {
            map.serialize_entry("event", "started")?;
            map.serialize_entry("version", version)?;
            map.serialize_entry("previous_epoch", previous_epoch)
        }
        EventKindV1::ClockStep { delta_ms } => {
            map.serialize_entry("event", "clock_step")?;
            map.serialize_entry("delta_ms", delta_ms)
        }
        EventKindV1::Overrun { device, samples } => {
            map.serialize_entry("event", "overrun")?;
            map.serialize_entry("device", device)?;
            map.serialize_entry("samples", samples)
        }
    }
}

#[derive(Serialize)]
struct Point<'a> {
    tag: TagText<'a>,
    unit: &'a str,
    time: Nanos,
    value: JsonValue<'a>,
    quality: Shown<QualityText>,
}

pub(super) enum TagText<'a> {
    Name(&'a str),
    Number(u32),
}

impl Serialize for TagText<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Name(name) => serializer.serialize_str(name),
            Self::Number(number) => serializer.collect_str(&format_args!("#{number}")),
        }
    }
}

pub(super) fn name_of(names: &TagNames, number: u32) -> (TagText<'_>, &str) {
    match names.get(number) {
        Some(entry) => (TagText::Name(&entry.name), &entry.unit),
        None => (TagText::Number(number), ""),
    }
}

/// A list whose items are made while they are written.
struct Each<'a, T, F>(&'a [T], F);

impl<'a, T, U, F> Serialize for Each<'a, T, F>
where
    U: Serialize,
    F: Fn(&'a T) -> U,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(&self.1))
    }
}

fn each<'a, T, U, F: Fn(&'a T) -> U>(items: &'a [T], make: F) -> Each<'a, T, F> {
    Each(items, make)
}

/// Anything that prints, as JSON text.
pub(super) struct Shown<T>(pub(super) T);

impl<T: fmt::Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

pub(super) enum Code {
    Name(&'static str),
    Unknown(u8),
}

impl Code {
    pub(super) fn of(name: Option<&'static str>, code: u8) -> Self {
        name.map_or(Self::Unknown(code), Self::Name)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Unknown(code) => write!(f, "unknown:{code}"),
        }
    }
}

pub(super) struct QualityText(pub(super) u8);

impl fmt::Display for QualityText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Quality::from_code(self.0) {
            Some(Quality::Good) => f.write_str("good"),
            Some(Quality::Uncertain(reason)) => write!(f, "uncertain:{}", reason.as_str()),
            Some(Quality::Bad(reason)) => write!(f, "bad:{}", reason.as_str()),
            None => write!(f, "unknown:{}", self.0),
        }
    }
}

pub(super) struct JsonValue<'a>(pub(super) &'a ValueV1);

impl Serialize for JsonValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            ValueV1::Missing => serializer.serialize_unit(),
            ValueV1::F32(x) => serializer.serialize_f32(*x),
            ValueV1::F64(x) => serializer.serialize_f64(*x),
            ValueV1::Int(n) => serializer.serialize_i64(*n),
            ValueV1::Bool(b) => serializer.serialize_bool(*b),
            ValueV1::Text(text) => serializer.serialize_str(text),
        }
    }
}

pub(super) struct Millis(pub(super) i64);

impl Serialize for Millis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Timestamp::from_millis(self.0))
    }
}

/// A time with 3, 6 or 9 digits after the second.
struct Nanos(i64);

impl fmt::Display for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = jiff::Timestamp::from_nanosecond(i128::from(self.0));
        match time {
            Ok(time) if self.0 % 1_000_000 == 0 => write!(f, "{time:.3}"),
            Ok(time) if self.0 % 1_000 == 0 => write!(f, "{time:.6}"),
            Ok(time) => write!(f, "{time:.9}"),
            Err(_) => write!(f, "{}ns", self.0),
        }
    }
}

impl Serialize for Nanos {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::record::names::TagName;
    use crate::record::{samples, testing};

    fn names() -> TagNames {
        let name = |name: &str, unit: &str| TagName {
            name: name.into(),
            unit: unit.into(),
        };
        TagNames::new([
            (1, name("press1.temp", "°C")),
            (2, name("press1.count", "")),
            (3, name("press1.running", "")),
        ])
    }

    fn text(body: &BodyV1) -> String {
        let id = IdRef {
            gateway: "gw1",
            epoch: 7,
            lane: Lane::Telemetry,
            seq: 42,
        };
        String::from_utf8(encode(id, body, &names())).unwrap()
    }

    #[test]
    fn the_json_of_version_1_does_not_change() {
        let lines: Vec<String> = samples::all().iter().map(text).collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn codes_of_a_later_program_are_shown_as_numbers() {
        let BodyV1::Alert(mut alert) = samples::alert() else {
            unreachable!("the sample is an alert")
        };
        alert.transition = 9;
        alert.kind = 200;
        alert.severity = 0;
        alert.tag = None;
        let text = text(&BodyV1::Alert(alert));
        for part in [
            r#""transition":"unknown:9""#,
            r#""kind":"unknown:200""#,
            r#""severity":"unknown:0""#,
            r#""tag":null"#,
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn a_transition_has_a_name() {
        for (code, name) in [(1, "raised"), (2, "changed"), (3, "cleared")] {
            let BodyV1::Alert(mut alert) = samples::alert() else {
                unreachable!("the sample is an alert")
            };
            alert.transition = code;
            assert!(text(&BodyV1::Alert(alert)).contains(&format!(r#""transition":"{name}""#)));
        }
    }

    #[test]
    fn every_drop_reason_has_a_name() {
        for reason in [
            DropReasonV1::Quota,
            DropReasonV1::DiskFull,
            DropReasonV1::Corrupt,
            DropReasonV1::Quarantine,
            DropReasonV1::StoreLost,
            DropReasonV1::Rejected,
        ] {
            let BodyV1::Drop(mut drop) = samples::drop() else {
                unreachable!("the sample is a drop record")
            };
            drop.reason = reason;
            let value: serde_json::Value =
                serde_json::from_str(&text(&BodyV1::Drop(drop))).unwrap();
            assert!(!value["reason"].as_str().unwrap().is_empty());
        }
    }

    #[test]
    fn impossible_times_still_make_valid_json() {
        let BodyV1::Raw(mut raw) = samples::raw() else {
            unreachable!("the sample is raw values")
        };
        raw.base_ns = i64::MIN;
        let value: serde_json::Value = serde_json::from_str(&text(&BodyV1::Raw(raw))).unwrap();
        assert!(value["points"][0]["time"].is_string());
    }

    #[test]
    fn a_quality_reads_as_text() {
        assert_eq!(quality_text(0).to_string(), "good");
        assert_eq!(quality_text(66).to_string(), "uncertain:comm_failure");
        assert_eq!(quality_text(130).to_string(), "bad:comm_failure");
        assert_eq!(quality_text(201).to_string(), "unknown:201");
    }

    proptest! {
        #[test]
        fn every_record_is_one_line_of_valid_json(id in testing::id(), body in testing::body()) {
            let bytes = encode(id.as_ref(), &body, &names());
            prop_assert!(!bytes.contains(&b'\n'));
            let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            prop_assert_eq!(value["id"].as_str().unwrap(), id.to_string());
        }
    }
}

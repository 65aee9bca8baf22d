//! The two retained messages about the gateway itself: birth (who is this, which number is which tag) and health.
//!
//! Birth, `…/_birth/<gateway>`, once per connection:
//!
//! ```json
//! {"v":1,"type":"birth","gateway":"gw1","asset":"acme/berlin","version":"0.1.0","epoch":7,
//!  "started":"2026-03-01T06:00:00.000Z","payload":"json","generation":1,
//!  "tags":[{"number":1,"name":"press1.temp","unit":"°C","asset":"acme/berlin/paint/press1","type":"f32"}]}
//! ```
//!
//! Health, `…/_health/<gateway>`, on every change and every `health_interval`; the last will has `status` `offline`
//! and the reason `connection lost`:
//!
//! ```json
//! {"v":1,"type":"health","gateway":"gw1","status":"degraded","version":"0.1.0","epoch":7,
//!  "started":"2026-03-01T06:00:00.000Z","at":"2026-03-01T06:10:00.000Z",
//!  "devices":[{"device":"press1","state":"up","reason":""}],
//!  "buffer":{"alerts_pending":0,"telemetry_pending":3,"bytes":8192,"dropped":0},
//!  "counters":{"samples":12000}}
//! ```

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::config::{ByteOrder, DataType, PayloadFormat};
use crate::model::{AssetPath, Timestamp};

/// Who the gateway is; the same for the whole run.
#[derive(Debug, Clone, PartialEq)]
pub struct Identity {
    /// The configured gateway id.
    pub gateway: String,
    /// The gateway's own ISA-95 path.
    pub asset: AssetPath,
    /// Software version.
    pub version: String,
    /// Epoch of this run.
    pub epoch: u32,
    /// When this run began.
    pub started: Timestamp,
}

/// What consumers need to read compact records.
#[derive(Debug, Clone, PartialEq)]
pub struct Birth {
    /// Generation of the tag registry.
    pub generation: u32,
    /// Every configured tag.
    pub tags: Vec<BirthTag>,
}

/// One tag of the birth message.
#[derive(Debug, Clone, PartialEq)]
pub struct BirthTag {
    /// Stable number in records.
    pub number: u32,
    /// `<device>.<name>`.
    pub name: String,
    /// Engineering unit, may be empty.
    pub unit: String,
    /// ISA-95 path of the machine.
    pub asset: AssetPath,
    /// What the source holds.
    pub data_type: DataType,
}

/// How the gateway is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// In one word.
    pub status: HealthStatus,
    /// When this was found.
    pub at: Timestamp,
    /// Every device.
    pub devices: Vec<DeviceHealth>,
    /// Store-and-forward.
    pub buffer: BufferHealth,
    /// Counters since the start, by name, in the order to print.
    pub counters: Vec<(&'static str, u64)>,
}

/// Health in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealthStatus {
    /// Everything works.
    Online,
    /// It works, but something needs attention: a device is down, records were dropped.
    Degraded,
}

/// Health of one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceHealth {
    /// Its configured name.
    pub device: String,
    /// `up`, `down`, … as acquisition names it.
    pub state: String,
    /// Why, in words; empty when all is well.
    pub reason: String,
}

/// State of the buffer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct BufferHealth {
    /// Alert, event and drop records not yet acknowledged.
    pub alerts_pending: u64,
    /// Telemetry records not yet acknowledged.
    pub telemetry_pending: u64,
    /// Bytes on disk.
    pub bytes: u64,
    /// Records dropped since the start.
    pub dropped: u64,
}

impl Health {
    /// Whether a reader of `other` should be told at once rather than at the next interval.
    pub fn differs_in_state(&self, other: &Self) -> bool {
        self.status != other.status || self.devices != other.devices
    }

    /// The retained payload.
    pub fn to_json(&self, identity: &Identity) -> Vec<u8> {
        let status = match self.status {
            HealthStatus::Online => "online",
            HealthStatus::Degraded => "degraded",
        };
        let devices: Vec<Device<'_>> = self
            .devices
            .iter()
            .map(|d| Device {
                name: &d.device,
                state: &d.state,
                reason: &d.reason,
            })
            .collect();
        encode(&HealthJson {
            devices: &devices,
            buffer: Some(self.buffer),
            counters: Counters(&self.counters),
            ..HealthJson::new(identity, status, Some(self.at))
        })
    }
}

/// The retained payload that says the gateway has left: `at` is unknown for the last will.
pub fn offline_json(identity: &Identity, at: Option<Timestamp>, reason: &str) -> Vec<u8> {
    encode(&HealthJson {
        reason: Some(reason),
        ..HealthJson::new(identity, "offline", at)
    })
}

impl Birth {
    /// The retained payload.
    pub fn to_json(&self, identity: &Identity, payload: PayloadFormat) -> Vec<u8> {
        let tags: Vec<Tag<'_>> = self.tags.iter().map(Tag::of).collect();
        encode(&BirthJson {
            v: 1,
            kind: "birth",
            gateway: &identity.gateway,
            asset: identity.asset.as_str(),
            version: &identity.version,
            epoch: identity.epoch,
            started: identity.started.to_string(),
            payload: match payload {
                PayloadFormat::Json => "json",
                PayloadFormat::Postcard => "postcard",
            },
            generation: self.generation,
            tags: &tags,
        })
    }
}

#[derive(Serialize)]
struct BirthJson<'a> {
    v: u8,
    #[serde(rename = "type")]
    kind: &'static str,
    gateway: &'a str,
    asset: &'a str,
    version: &'a str,
    epoch: u32,
    started: String,
    payload: &'static str,
    generation: u32,
    tags: &'a [Tag<'a>],
}

#[derive(Serialize)]
struct Tag<'a> {
    number: u32,
    name: &'a str,
    unit: &'a str,
    asset: &'a str,
    #[serde(rename = "type")]
    data_type: String,
}

impl<'a> Tag<'a> {
    fn of(tag: &'a BirthTag) -> Self {
        Self {
            number: tag.number,
            name: &tag.name,
            unit: &tag.unit,
            asset: tag.asset.as_str(),
            data_type: type_text(tag.data_type),
        }
    }
}

/// The type as configured, without the byte order: consumers get values, not registers.
fn type_text(data_type: DataType) -> String {
    let plain = |_: ByteOrder, name: &str| name.to_owned();
    match data_type {
        DataType::Auto => "auto".to_owned(),
        DataType::Bool => "bool".to_owned(),
        DataType::U16 => "u16".to_owned(),
        DataType::I16 => "i16".to_owned(),
        DataType::U32(order) => plain(order, "u32"),
        DataType::I32(order) => plain(order, "i32"),
        DataType::U64(order) => plain(order, "u64"),
        DataType::I64(order) => plain(order, "i64"),
        DataType::F32(order) => plain(order, "f32"),
        DataType::F64(order) => plain(order, "f64"),
        DataType::Bcd16 => "bcd16".to_owned(),
        DataType::Bcd32(order) => plain(order, "bcd32"),
        DataType::Text { bytes, .. } => format!("string:{bytes}"),
    }
}

#[derive(Serialize)]
struct HealthJson<'a> {
    v: u8,
    #[serde(rename = "type")]
    kind: &'static str,
    gateway: &'a str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    version: &'a str,
    epoch: u32,
    started: String,
    at: Option<String>,
    devices: &'a [Device<'a>],
    #[serde(skip_serializing_if = "Option::is_none")]
    buffer: Option<BufferHealth>,
    counters: Counters<'a>,
}

impl<'a> HealthJson<'a> {
    fn new(identity: &'a Identity, status: &'static str, at: Option<Timestamp>) -> Self {
        Self {
            v: 1,
            kind: "health",
            gateway: &identity.gateway,
            status,
            reason: None,
            version: &identity.version,
            epoch: identity.epoch,
            started: identity.started.to_string(),
            at: at.map(|at| at.to_string()),
            devices: &[],
            buffer: None,
            counters: Counters(&[]),
        }
    }
}

#[derive(Serialize)]
struct Device<'a> {
    #[serde(rename = "device")]
    name: &'a str,
    state: &'a str,
    reason: &'a str,
}

struct Counters<'a>(&'a [(&'static str, u64)]);

impl Serialize for Counters<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, count) in self.0 {
            map.serialize_entry(name, count)?;
        }
        map.end()
    }
}

#[expect(
    clippy::expect_used,
    reason = "maps with text keys into a growing vector have no way to fail"
)]
fn encode(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("birth and health are valid JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Identity {
        Identity {
            gateway: "gw1".into(),
            asset: AssetPath::parse("acme/berlin").unwrap(),
            version: "0.1.0".into(),
            epoch: 7,
            started: Timestamp::from_millis(1_772_344_800_000),
        }
    }

    fn health() -> Health {
        Health {
            status: HealthStatus::Degraded,
            at: Timestamp::from_millis(1_772_344_860_000),
            devices: vec![DeviceHealth {
                device: "press1".into(),
                state: "down".into(),
                reason: "connection refused".into(),
            }],
            buffer: BufferHealth {
                telemetry_pending: 3,
                ..BufferHealth::default()
            },
            counters: vec![("samples", 12_000), ("missed", 1)],
        }
    }

    fn birth() -> Birth {
        let tag = |number, data_type| BirthTag {
            number,
            name: format!("press1.t{number}"),
            unit: "°C".into(),
            asset: AssetPath::parse("acme/berlin/press1").unwrap(),
            data_type,
        };
        let types = [
            DataType::Auto,
            DataType::Bool,
            DataType::U16,
            DataType::I16,
            DataType::U32(ByteOrder::Abcd),
            DataType::I32(ByteOrder::Abcd),
            DataType::U64(ByteOrder::Abcd),
            DataType::I64(ByteOrder::Abcd),
            DataType::F32(ByteOrder::Cdab),
            DataType::F64(ByteOrder::Abcd),
            DataType::Bcd16,
            DataType::Bcd32(ByteOrder::Abcd),
            DataType::Text {
                bytes: 12,
                swapped: true,
            },
        ];
        Birth {
            generation: 1,
            tags: (1..).zip(types).map(|(n, t)| tag(n, t)).collect(),
        }
    }

    #[test]
    fn the_retained_messages_do_not_change() {
        let identity = identity();
        let mut online = health();
        online.status = HealthStatus::Online;
        let lines = [
            birth().to_json(&identity, PayloadFormat::Postcard),
            Birth {
                generation: 2,
                tags: vec![],
            }
            .to_json(&identity, PayloadFormat::Json),
            health().to_json(&identity),
            online.to_json(&identity),
            offline_json(&identity, None, "connection lost"),
            offline_json(&identity, Some(health().at), "stopped"),
        ]
        .map(|bytes| String::from_utf8(bytes).unwrap());
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn only_status_and_devices_are_urgent() {
        let before = health();
        let mut after = before.clone();
        after.counters = vec![];
        after.at = Timestamp::from_millis(0);
        assert!(!after.differs_in_state(&before));
        after.status = HealthStatus::Online;
        assert!(after.differs_in_state(&before));
        after = before.clone();
        after.devices.clear();
        assert!(after.differs_in_state(&before));
    }
}

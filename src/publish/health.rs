//! The retained health message: how the gateway is.
//!
//! `…/_health/<gateway>`, on every change and every `health_interval`; the last will has `status` `offline` and the
//! reason `connection lost`:
//!
//! ```json
//! {"v":1,"type":"health","gateway":"gw1","status":"degraded","version":"0.1.0","epoch":7,
//!  "started":"2026-03-01T06:00:00.000Z","at":"2026-03-01T06:10:00.000Z",
//!  "devices":[{"device":"press1","state":"up","reason":""}],
//!  "buffer":{"alerts_pending":0,"telemetry_pending":3,"bytes":8192,"dropped":0},
//!  "counters":{"samples":12000}}
//! ```
//!
//! It is bounded as every part of the birth is, for brokers that take no large message: a reason has at most 200
//! characters, and where the devices do not all fit, those that are up go first and `"more_devices"` counts what is
//! left out.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::birth::PART_BYTES_MAX;
use crate::model::{AssetPath, Timestamp};

/// Longest reason of a device in the message, in characters.
const REASON_CHARS_MAX: usize = 200;
/// Room for everything but the devices, in bytes.
const HEAD_BYTES_MAX: usize = 4_000;

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
        let (devices, more_devices) = self.listed();
        encode(&HealthJson {
            devices: &devices,
            more_devices,
            buffer: Some(self.buffer),
            counters: Counters(&self.counters),
            ..HealthJson::new(identity, status, Some(self.at))
        })
    }
}

impl Health {
    /// The devices that fit into the message, and how many do not. Those that need attention come first then.
    fn listed(&self) -> (Vec<Device<'_>>, usize) {
        let mut devices: Vec<Device<'_>> = self.devices.iter().map(Device::of).collect();
        let bytes = |device: &Device<'_>| encode(device).len() + 1;
        let room = PART_BYTES_MAX - HEAD_BYTES_MAX;
        if devices.iter().map(bytes).sum::<usize>() <= room {
            return (devices, 0);
        }
        devices.sort_by_key(|device| device.state == "up" && device.reason.is_empty());
        let mut used = 0;
        let fits = devices.iter().take_while(|device| {
            used += bytes(device);
            used <= room
        });
        let fitting = fits.count();
        let more = devices.len() - fitting;
        devices.truncate(fitting);
        (devices, more)
    }
}

/// The retained payload that says the gateway has left: `at` is unknown for the last will.
pub fn offline_json(identity: &Identity, at: Option<Timestamp>, reason: &str) -> Vec<u8> {
    encode(&HealthJson {
        reason: Some(reason),
        ..HealthJson::new(identity, "offline", at)
    })
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
    #[serde(skip_serializing_if = "is_zero")]
    more_devices: usize,
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
            more_devices: 0,
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

impl<'a> Device<'a> {
    fn of(device: &'a DeviceHealth) -> Self {
        let reason = &device.reason;
        let cut = reason.char_indices().nth(REASON_CHARS_MAX);
        Self {
            name: &device.device,
            state: &device.state,
            reason: cut.and_then(|(at, _)| reason.get(..at)).unwrap_or(reason),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
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
pub(super) fn encode(value: &impl Serialize) -> Vec<u8> {
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

    #[test]
    fn the_retained_messages_do_not_change() {
        let identity = identity();
        let mut online = health();
        online.status = HealthStatus::Online;
        let lines = [
            health().to_json(&identity),
            online.to_json(&identity),
            offline_json(&identity, None, "connection lost"),
            offline_json(&identity, Some(health().at), "stopped"),
        ]
        .map(|bytes| String::from_utf8(bytes).unwrap());
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn many_devices_are_bounded_and_those_in_need_are_listed() {
        let mut many = health();
        many.devices = (0..5_000)
            .map(|n| DeviceHealth {
                device: format!("{n:048}"),
                state: if n == 4_999 { "down" } else { "up" }.into(),
                reason: if n == 4_999 {
                    "°".repeat(500)
                } else {
                    String::new()
                },
            })
            .collect();
        let payload = many.to_json(&identity());
        assert!(payload.len() <= PART_BYTES_MAX, "{}", payload.len());
        let json: serde_json::Value = serde_json::from_slice(&payload).unwrap();
        let listed = json["devices"].as_array().unwrap();
        assert_eq!(listed[0]["state"], "down");
        assert_eq!(listed[0]["reason"], "°".repeat(200));
        assert!(listed.len() > 500);
        assert_eq!(json["more_devices"], 5_000 - listed.len());
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

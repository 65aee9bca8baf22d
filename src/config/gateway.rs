//! `[gateway]`, `[buffer]` and `[log]`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::login::Beside;
use super::nearest::did_you_mean;
use super::node::Value;
use super::section::{Section, choose};
use super::types::{BufferConfig, Gateway, LogConfig, LogLevel};
use super::units::format_size;
use crate::model::{AssetPath, Zone};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const DATA_DIR_DEFAULT: &str = "/var/lib/andon";

const LEVELS: [(&str, LogLevel); 5] = [
    ("error", LogLevel::Error),
    ("warn", LogLevel::Warn),
    ("info", LogLevel::Info),
    ("debug", LogLevel::Debug),
    ("trace", LogLevel::Trace),
];

/// Reads `[gateway]`; `None` only after a fault.
pub(super) fn read_gateway(section: Section<'_>, beside: Beside<'_>) -> Option<Gateway> {
    for (key, allowed) in [
        ("id", "allowed: 1 to 32 of A-Z a-z 0-9 _ -"),
        (
            "asset",
            "allowed: the path of what it serves, as \"acme/berlin/paint/line1\"",
        ),
    ] {
        if !section.has(key) {
            section.missing(key, allowed);
        }
    }
    let id = section.name("id", 32, "_-");
    let asset = read_asset(&section, "asset");
    let data_dir = beside.path(&section, "data_dir");
    let time_zone = section.read("time_zone", |value| {
        let word = value.text().unwrap_or_default();
        Zone::named(word).ok_or_else(|| {
            let names = Zone::names();
            let near = did_you_mean(word, names.iter().map(String::as_str));
            format!("is not a time zone; allowed: an IANA name as \"Europe/Berlin\"{near}")
        })
    });
    section.finish();
    Some(Gateway {
        id: id?,
        asset: asset?,
        data_dir: data_dir.unwrap_or_else(|| PathBuf::from(DATA_DIR_DEFAULT)),
        time_zone: time_zone.unwrap_or(Zone::UTC),
    })
}

/// An asset path behind a key.
fn read_asset(section: &Section<'_>, key: &'static str) -> Option<AssetPath> {
    section.read(key, |value| match value.text() {
        Some(text) => {
            AssetPath::parse(text).map_err(|error| format!("is not an asset path: {error}"))
        }
        None => Err(format!(
            "is {}; allowed: text as \"paint/line1\"",
            value.kind()
        )),
    })
}

/// An asset path behind a key, joined to the gateway's; `None` without one or after a fault in either.
pub(super) fn read_asset_below(
    section: &Section<'_>,
    key: &'static str,
    gateway: Option<&AssetPath>,
) -> Option<AssetPath> {
    let below = read_asset(section, key)?;
    join_asset(section, key, gateway?, &below)
}

/// Joins a path to the gateway's; the fault of one that is too deep stands at `key`.
pub(super) fn join_asset(
    section: &Section<'_>,
    key: &'static str,
    gateway: &AssetPath,
    below: &AssetPath,
) -> Option<AssetPath> {
    let joined = gateway.join(below);
    joined
        .map_err(|error| {
            let what = format!("cannot stand below the gateway's asset: {error}");
            section.fault(key, &what);
        })
        .ok()
}

/// An item of a list of asset paths, joined to the gateway's.
pub(super) fn join_asset_item(
    value: &Value,
    gateway: Option<&AssetPath>,
) -> Result<AssetPath, String> {
    let text = value
        .text()
        .ok_or_else(|| format!("is {}; allowed: text in quotes", value.kind()))?;
    let below = AssetPath::parse(text).map_err(|error| format!("is no asset: {error}"))?;
    let Some(gateway) = gateway else {
        return Ok(below);
    };
    gateway
        .join(&below)
        .map_err(|error| format!("cannot stand below {gateway}: {error}"))
}

/// Reads `[buffer]`.
pub(super) fn read_buffer(section: Section<'_>) -> BufferConfig {
    let interval = Duration::from_millis(10)..=Duration::from_secs(1);
    let commit_interval = section.duration("commit_interval", &interval);
    let buffer = BufferConfig {
        commit_interval: commit_interval.unwrap_or(Duration::from_millis(100)),
        max_bytes: section
            .size("max_bytes", 64 * MIB..=64 * 1_024 * GIB)
            .unwrap_or(4 * GIB),
        alert_reserve_bytes: section
            .size("alert_reserve_bytes", MIB..=GIB)
            .unwrap_or(16 * MIB),
        segment_bytes: section
            .size("segment_bytes", MIB..=64 * MIB)
            .unwrap_or(8 * MIB),
    };
    // Room is made by dropping whole segments: with too few of them a drop takes most of the backlog.
    let least = buffer.segment_bytes.saturating_mul(4);
    if buffer.max_bytes < least {
        let key = if section.has("max_bytes") {
            "max_bytes"
        } else {
            "segment_bytes"
        };
        let what = format!(
            "leaves no room: max_bytes must be at least four times segment_bytes, {}",
            format_size(least)
        );
        section.fault(key, &what);
    }
    section.finish();
    buffer
}

/// Reads `[log]`.
pub(super) fn read_log(section: Section<'_>) -> LogConfig {
    let level = section.choice("level", "a log level", &LEVELS);
    let json = section.choice("format", "a log format", &[("text", false), ("json", true)]);
    let targets = section
        .section("targets")
        .map(|targets| read_targets(&targets));
    section.finish();
    LogConfig {
        level: level.unwrap_or(LogLevel::Info),
        json: json.unwrap_or(false),
        targets: targets.unwrap_or_default(),
    }
}

fn read_targets(section: &Section<'_>) -> BTreeMap<String, LogLevel> {
    let mut targets = BTreeMap::new();
    for (target, node) in section.entries() {
        let is_module = (1..=128).contains(&target.len())
            && target
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b':'));
        if !is_module {
            let what = "is not a module prefix; allowed: as \"andon::driver\"";
            section.fault(target, what);
            continue;
        }
        match choose(&node.value, "a log level", &LEVELS) {
            Ok(level) => {
                targets.insert(target.to_owned(), level);
            }
            Err(what) => section.fault(target, &what),
        }
    }
    targets
}

//! What the gateway says of itself: the health message upstream and the answer on the control socket.

use serde_json::{Value, json};

use super::Common;
use crate::acquisition::DeviceState;
use crate::buffer::BufferStatus;
use crate::model::TagId;
use crate::pipeline::task::ChainStatus;
use crate::publish::{BufferHealth, DeviceHealth, Health, HealthStatus, PublishStats};

/// Composes the health of this moment.
pub(super) fn compose(
    common: &Common,
    chain: &ChainStatus,
    buffer: Option<&BufferStatus>,
    publish: &PublishStats,
) -> Health {
    let devices: Vec<DeviceHealth> = common
        .config
        .devices
        .iter()
        .enumerate()
        .map(|(index, device)| {
            let (state, reason) = words(chain.devices.get(index).and_then(Option::as_ref));
            let refused = refused_of(chain, &device.tags, common);
            let reason = [reason, refused].into_iter().filter(|r| !r.is_empty());
            let reason = reason.collect::<Vec<_>>().join("; ");
            DeviceHealth {
                device: device.name.clone(),
                state: state.to_owned(),
                reason,
            }
        })
        .collect();
    let buffer = buffer.map(buffer_health).unwrap_or_default();
    let unwell = buffer.dropped > 0
        || devices
            .iter()
            .any(|d| d.state != "up" || !d.reason.is_empty());
    Health {
        status: if unwell {
            HealthStatus::Degraded
        } else {
            HealthStatus::Online
        },
        at: common.clock.now().wall,
        devices,
        buffer,
        counters: counters(common, chain, publish),
    }
}

/// The answer to `status` on the control socket.
pub(super) fn status_json(health: &Health, publish: &PublishStats) -> Value {
    let devices: Vec<Value> = health
        .devices
        .iter()
        .map(|d| json!({"name": d.device, "state": d.state, "reason": d.reason}))
        .collect();
    let counters: serde_json::Map<String, Value> = health
        .counters
        .iter()
        .map(|(name, n)| ((*name).to_owned(), json!(n)))
        .collect();
    json!({
        "status": match health.status { HealthStatus::Online => "online", HealthStatus::Degraded => "degraded" },
        "at": health.at.to_string(),
        "devices": devices,
        "buffer": health.buffer,
        "broker_connected": publish.counts().connected,
        "broker_error": *publish.error().borrow(),
        "counters": counters,
    })
}

fn words(state: Option<&DeviceState>) -> (&'static str, String) {
    match state {
        None => ("connecting", String::new()),
        Some(DeviceState::Up) => ("up", String::new()),
        Some(DeviceState::Down(reason)) => ("down", reason.clone()),
        Some(DeviceState::Misconfigured(reason)) => ("misconfigured", reason.clone()),
    }
}

/// The first refused tags of a device in words, and how many more there are.
fn refused_of(chain: &ChainStatus, tags: &std::ops::Range<u32>, common: &Common) -> String {
    const SHOWN: usize = 3;
    let of_device: Vec<&(TagId, String)> = chain
        .refused
        .iter()
        .filter(|(tag, _)| tags.contains(&tag.0))
        .collect();
    let name = |tag: TagId| common.config.tag(tag).map_or("", |t| t.name.as_str());
    let mut parts: Vec<String> = of_device
        .iter()
        .take(SHOWN)
        .map(|(tag, why)| format!("{}: {why}", name(*tag)))
        .collect();
    if of_device.len() > SHOWN {
        parts.push(format!("and {} more tags", of_device.len() - SHOWN));
    }
    parts.join("; ")
}

fn buffer_health(status: &BufferStatus) -> BufferHealth {
    let lane = |name: &str| status.lanes.iter().find(|lane| lane.lane == name);
    let pending = |name| lane(name).map_or(0, |lane| lane.pending_records);
    BufferHealth {
        alerts_pending: pending("alerts"),
        telemetry_pending: pending("telemetry"),
        bytes: status.lanes.iter().map(|lane| lane.disk_bytes).sum(),
        dropped: status
            .lanes
            .iter()
            .flat_map(|lane| lane.dropped.values())
            .sum(),
    }
}

fn counters(
    common: &Common,
    chain: &ChainStatus,
    publish: &PublishStats,
) -> Vec<(&'static str, u64)> {
    use std::sync::atomic::Ordering::Relaxed;
    let stats = &common.stats;
    let jitter = stats.jitter.summary();
    let sent = publish.counts();
    let own = ProcessUse::read();
    vec![
        ("values_polled", stats.values_polled.load(Relaxed)),
        ("values_unread", stats.values_unread.load(Relaxed)),
        ("missed_deadlines", stats.missed_deadlines.load(Relaxed)),
        ("overrun_samples", stats.overrun_samples.load(Relaxed)),
        ("reconnects", stats.reconnects.load(Relaxed)),
        ("polls", jitter.count),
        ("poll_jitter_p50_us", jitter.p50_us),
        ("poll_jitter_p99_us", jitter.p99_us),
        ("poll_jitter_max_us", jitter.max_us),
        ("samples_good", chain.counters.good),
        ("samples_uncertain", chain.counters.uncertain),
        ("samples_bad", chain.counters.bad),
        ("values_through_detection", chain.counters.detected),
        ("baselines_learning", chain.baselines.learning as u64),
        ("baselines_provisional", chain.baselines.provisional as u64),
        ("baselines_armed", chain.baselines.armed as u64),
        ("alerts_raised", chain.counters.alerts_raised),
        ("alerts_active", chain.active_alerts as u64),
        ("messages_published", sent.published),
        ("messages_acknowledged", sent.acknowledged),
        ("records_rejected", sent.rejected),
        ("broker_connections", sent.connections),
        ("cpu_ms", own.cpu_ms),
        ("rss_kib", own.rss_kib),
        ("rss_peak_kib", own.rss_peak_kib),
    ]
}

/// What this process has used, from `/proc/self`; zero where that cannot be read.
#[derive(Debug, Clone, Copy, Default)]
struct ProcessUse {
    cpu_ms: u64,
    rss_kib: u64,
    rss_peak_kib: u64,
}

impl ProcessUse {
    fn read() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        Self {
            cpu_ms: cpu_ms(&stat),
            rss_kib: field_kib(&status, "VmRSS:"),
            rss_peak_kib: field_kib(&status, "VmHWM:"),
        }
    }
}

/// User and system time from `/proc/self/stat`, fields 14 and 15, in ticks of 10 ms (`USER_HZ` is 100 on every Linux
/// platform Andon runs on).
fn cpu_ms(stat: &str) -> u64 {
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields = after_name.split_whitespace().skip(11).take(2);
    fields
        .filter_map(|field| field.parse::<u64>().ok())
        .sum::<u64>()
        * 10
}

fn field_kib(status: &str, name: &str) -> u64 {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .unwrap_or_default();
    line.split_whitespace()
        .next()
        .and_then(|n| n.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn process_use_is_read_from_proc() {
        let stat = "42 (an) don) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20";
        assert_eq!(cpu_ms(stat), 2000);
        assert_eq!(cpu_ms(""), 0);
        let status = "Name:\tandon\nVmHWM:\t  9000 kB\nVmRSS:\t  8000 kB\n";
        assert_eq!(
            (field_kib(status, "VmRSS:"), field_kib(status, "VmHWM:")),
            (8000, 9000)
        );
        assert_eq!(field_kib("", "VmRSS:"), 0);
        assert!(ProcessUse::read().rss_kib > 0);
    }
}

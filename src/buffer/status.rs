//! The buffer's accounts, as shown by `andon buffer status`, the metrics and the health message.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The whole buffer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BufferStatus {
    /// Start-up number of the gateway process; 0 when nothing was ever stored.
    pub epoch: u32,
    /// Alerts, then telemetry.
    pub lanes: Vec<LaneStatus>,
    /// Bound of the telemetry lane on disk, bytes.
    pub max_bytes: u64,
    /// Hours until the telemetry bound is reached if nothing is delivered, at the present rate; none while the rate
    /// is not known.
    pub hours_left: Option<f64>,
    /// Incidents that nobody took from the queue.
    pub incidents_missed: u64,
}

/// One lane.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LaneStatus {
    /// `alerts` or `telemetry`.
    pub lane: String,
    /// Lowest sequence number on disk (one above the last when there is none).
    pub first_seq: u64,
    /// Highest sequence number given out.
    pub last_seq: u64,
    /// Highest durable sequence number.
    pub committed_seq: u64,
    /// Everything up to here is delivered or accounted for.
    pub cursor_seq: u64,
    /// Records to be delivered.
    pub pending_records: u64,
    /// Their share of the bytes on disk.
    pub pending_bytes: u64,
    /// Bytes on disk, segments set aside included.
    pub disk_bytes: u64,
    /// Segments on disk.
    pub segments: u64,
    /// When the oldest pending record was taken, ms since the Unix epoch.
    pub oldest_pending_ms: Option<i64>,
    /// Records ever dropped, by reason.
    pub dropped: BTreeMap<String, u64>,
    /// Damaged segments set aside.
    pub quarantined_segments: u64,
    /// False while the disk refuses records and they are kept in memory only.
    pub durable: bool,
}

//! Identity of a record: `gateway:epoch:lane:seq`.

use std::fmt;

/// A separate stream with its own order, store and numbering.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Lane {
    /// Alerts, events and drop records: own store, absolute priority, never dropped by policy.
    Alerts = 0,
    /// Summaries and raw values.
    Telemetry = 1,
}

impl Lane {
    /// Every lane, most urgent first.
    pub const ALL: [Self; 2] = [Self::Alerts, Self::Telemetry];

    /// One letter in ids: `a` or `t`.
    pub const fn letter(self) -> char {
        match self {
            Self::Alerts => 'a',
            Self::Telemetry => 't',
        }
    }

    /// Directory and metric name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alerts => "alerts",
            Self::Telemetry => "telemetry",
        }
    }
}

/// Identity of a record. Within (gateway, lane) `seq` is gapless from 1 and goes on across epochs;
/// a record that was never committed may see its number used again, but only in a later epoch.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId {
    /// The gateway's configured id.
    pub gateway: String,
    /// Start-up number of the gateway process; grows with each start.
    pub epoch: u32,
    /// Which stream.
    pub lane: Lane,
    /// Position in the stream.
    pub seq: u64,
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}:{}:{}",
            self.gateway,
            self.epoch,
            self.lane.letter(),
            self.seq
        )
    }
}

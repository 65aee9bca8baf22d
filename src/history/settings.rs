//! What a history is opened with.

use std::time::Duration;

/// How long each tier is kept. `None` keeps it for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Raw samples (default 7 days).
    pub raw: Duration,
    /// Roll-ups of a minute (default 5 years); at least a day longer than `raw`.
    pub minute: Duration,
    /// Roll-ups of an hour (default for good); never shorter than `minute`.
    pub hour: Option<Duration>,
    /// Roll-ups of a local day (default for good); never shorter than `minute`.
    pub day: Option<Duration>,
    /// Events (default for good).
    pub events: Option<Duration>,
}

const DAY: Duration = Duration::from_hours(24);

impl Default for Retention {
    fn default() -> Self {
        Self {
            raw: 7 * DAY,
            minute: 1827 * DAY,
            hour: None,
            day: None,
            events: None,
        }
    }
}

impl Retention {
    /// The same with what would contradict itself lengthened.
    pub(super) fn consistent(self) -> Self {
        let minute = self.minute.max(self.raw.saturating_add(2 * DAY));
        Self {
            raw: self.raw,
            minute,
            hour: self.hour.map(|hour| hour.max(minute)),
            day: self.day.map(|day| day.max(minute)),
            events: self.events,
        }
    }
}

/// What a history is opened with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// IANA name of the plant's zone: days, weeks and months are local ones. It is stored; another one is refused later.
    pub zone: String,
    /// How long each tier is kept.
    pub retention: Retention,
    /// How long after its end an hour stays open for late samples before it is packed (default 2 minutes).
    pub grace: Duration,
    /// Memory for pages of the store (default 8 MiB).
    pub cache_bytes: usize,
}

impl Settings {
    /// The defaults for a plant in `zone`.
    pub fn new(zone: &str) -> Self {
        Self {
            zone: zone.to_owned(),
            retention: Retention::default(),
            grace: Duration::from_mins(2),
            cache_bytes: 8 << 20,
        }
    }
}

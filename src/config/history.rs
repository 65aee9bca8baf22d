//! `[history]`: how long the plant's memory keeps what.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::section::{Section, Switch};

const fn days(days: u64) -> Duration {
    Duration::from_hours(days * 24)
}

/// Allowed times to keep single samples.
const RAW: RangeInclusive<Duration> = Duration::from_hours(1)..=days(400);
/// Allowed times to keep roll-ups.
const ROLLED: RangeInclusive<Duration> = days(1)..=days(36_500);
/// What keeps something for good.
const FOREVER: &str = "forever";

/// `[history]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryConfig {
    /// `on` (default true): whether a history is kept.
    pub on: bool,
    /// `raw` (default "7d", 1 h to 400 d): how long single samples are kept.
    pub raw: Duration,
    /// `minute` (default "5y"): how long 1-minute roll-ups are kept; `None` is "forever".
    pub minute: Option<Duration>,
    /// `hour` (default "forever"): how long 1-hour roll-ups are kept.
    pub hour: Option<Duration>,
    /// `day` (default "forever"): how long roll-ups of the plant's days are kept.
    pub day: Option<Duration>,
}

impl Default for HistoryConfig {
    fn default() -> Self {
        Self {
            on: true,
            raw: days(7),
            minute: Some(days(5 * 365)),
            hour: None,
            day: None,
        }
    }
}

/// Reads `[history]`.
pub(super) fn read_history(section: Section<'_>) -> HistoryConfig {
    let default = HistoryConfig::default();
    let kept = |key, default: Option<Duration>| {
        let kept = section.duration_or(FOREVER, key, &ROLLED);
        kept.map_or(default, Switch::on)
    };
    let config = HistoryConfig {
        on: section.flag("on").unwrap_or(default.on),
        raw: section.duration("raw", &RAW).unwrap_or(default.raw),
        minute: kept("minute", default.minute),
        hour: kept("hour", default.hour),
        day: kept("day", default.day),
    };
    check_order(&section, &config);
    section.finish();
    config
}

/// A coarser tier that is gone before the finer one would leave a hole where queries look.
fn check_order(section: &Section<'_>, config: &HistoryConfig) {
    let tiers = [
        ("minute", config.minute, "raw", Some(config.raw)),
        ("hour", config.hour, "minute", config.minute),
        ("day", config.day, "hour", config.hour),
    ];
    for (key, kept, finer, finer_kept) in tiers {
        let is_shorter = kept.is_some_and(|kept| finer_kept.is_none_or(|finer| kept < finer));
        if is_shorter {
            section.fault(
                key,
                &format!("keeps less than {finer}; a coarser tier is kept at least as long"),
            );
        }
    }
}

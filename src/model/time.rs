//! Two kinds of time that must not be mixed up: the wall clock, which people read and which may step, and
//! monotonic time, which orders events and measures intervals.

use std::fmt;
use std::time::Duration;

/// Wall-clock time: nanoseconds since 1970-01-01T00:00:00 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From nanoseconds since the Unix epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// From milliseconds since the Unix epoch; saturates far outside any plant's life.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Reads RFC 3339 with a zone, as `2026-03-29T06:00:00Z`; `None` for anything else, and for times beyond 292 years.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let time: jiff::Timestamp = text.parse().ok()?;
        i64::try_from(time.as_nanosecond()).ok().map(Self)
    }

    /// Nanoseconds since the Unix epoch.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Milliseconds since the Unix epoch, rounded down.
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// This time moved forward by `duration`, saturating.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos_of(duration)))
    }

    /// This time moved back by `duration`, saturating.
    #[must_use]
    pub fn saturating_sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(nanos_of(duration)))
    }

    /// Nanoseconds from `earlier` to `self`; negative when `earlier` is later.
    pub const fn nanos_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// RFC 3339 in UTC with milliseconds, e.g. `2026-03-01T06:00:00.250Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_nanosecond(i128::from(self.0)) {
            Ok(time) => write!(f, "{time:.3}"),
            Err(_) => write!(f, "{}ns", self.0),
        }
    }
}

/// Monotonic time: nanoseconds since the process (or the replayed recording) began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Mono(u64);

impl Mono {
    /// From nanoseconds since the beginning.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the beginning.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Time passed since `earlier`; zero when `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// This time moved forward by `duration`, saturating.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }

    /// This time moved back by `duration`, not before the beginning.
    #[must_use]
    pub fn saturating_sub(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(nanos))
    }
}

/// Both clocks read at one moment; every pure stage takes it as an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Now {
    /// For intervals and order.
    pub mono: Mono,
    /// For people.
    pub wall: Timestamp,
}

fn nanos_of(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_reads_as_rfc_3339_utc_with_milliseconds() {
        assert_eq!(
            Timestamp::from_millis(1_772_344_800_250).to_string(),
            "2026-03-01T06:00:00.250Z"
        );
    }

    #[test]
    fn what_a_timestamp_prints_is_read_again() {
        let read = |text| Timestamp::parse_rfc3339(text).map(Timestamp::as_millis);
        assert_eq!(read("2026-03-01T06:00:00.250Z"), Some(1_772_344_800_250));
        assert_eq!(read("2026-03-01T07:00:00+01:00"), Some(1_772_344_800_000));
        assert_eq!(read("2026-03-01T06:00:00"), None);
        assert_eq!(read("9999-01-01T00:00:00Z"), None);
    }

    #[test]
    fn an_impossible_timestamp_still_prints() {
        assert!(!Timestamp::from_nanos(i64::MIN).to_string().is_empty());
    }

    #[test]
    fn arithmetic_saturates() {
        let late = Timestamp::from_nanos(i64::MAX);
        assert_eq!(late.saturating_add(Duration::from_secs(1)), late);
        assert_eq!(
            Mono::from_nanos(1).since(Mono::from_nanos(2)),
            Duration::ZERO
        );
    }
}

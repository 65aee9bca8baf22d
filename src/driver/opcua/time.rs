//! When a value was measured. The one place that decides between the source's, the server's and our own time. Pure.

use opcua::types::{DataValue, DateTime};

use crate::model::Timestamp;

/// 1601-01-01 to 1970-01-01 in ticks of 100 ns (OPC UA Part 6 §5.2.2.5).
const UNIX_EPOCH_TICKS: i64 = 116_444_736_000_000_000;

/// A source clock further than this from the gateway's is reported; its time is kept all the same.
const SKEW_MAX_NS: u64 = 3_600_000_000_000;

/// The same moment in the plant's form; saturates at the years 1677 and 2262.
pub(super) fn timestamp(time: &DateTime) -> Timestamp {
    let ticks = time.checked_ticks().saturating_sub(UNIX_EPOCH_TICKS);
    Timestamp::from_nanos(ticks.saturating_mul(100))
}

/// The source's time, else the server's, else `received`. The OPC UA null time counts as none.
pub(super) fn measured_at(value: &DataValue, received: Timestamp) -> Timestamp {
    [&value.source_timestamp, &value.server_timestamp]
        .into_iter()
        .flatten()
        .find(|time| !time.is_null())
        .map_or(received, timestamp)
}

/// Whether the source's clock and ours disagree by more than an hour. An old time alone says nothing: a value that
/// has not changed keeps its source time. So the past counts only by the server's time, the future by either.
pub(super) fn is_skewed(value: &DataValue, wall: Timestamp) -> bool {
    let of = |time: &Option<DateTime>| {
        time.as_ref()
            .filter(|t| !t.is_null())
            .map(|t| timestamp(t).nanos_since(wall))
    };
    let far = |ns: i64| ns.unsigned_abs() > SKEW_MAX_NS;
    let ahead = |ns: i64| ns > 0 && far(ns);
    of(&value.server_timestamp).is_some_and(far) || of(&value.source_timestamp).is_some_and(ahead)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALL: Timestamp = Timestamp::from_millis(1_772_344_800_000);

    fn at(hours: i64) -> DateTime {
        let ticks = WALL.as_nanos() / 100 + UNIX_EPOCH_TICKS + hours * 36_000_000_000;
        DateTime::from(ticks)
    }

    fn value(source: Option<DateTime>, server: Option<DateTime>) -> DataValue {
        DataValue {
            source_timestamp: source,
            server_timestamp: server,
            ..Default::default()
        }
    }

    #[test]
    fn known_moments_convert() {
        assert_eq!(
            timestamp(&DateTime::ymd_hms(1970, 1, 1, 0, 0, 0)),
            Timestamp::from_nanos(0)
        );
        assert_eq!(timestamp(&at(0)), WALL);
        assert!(timestamp(&DateTime::null()).as_nanos() < 0);
        assert!(timestamp(&DateTime::endtimes()).as_nanos() > WALL.as_nanos());
    }

    #[test]
    fn source_then_server_then_receive_time() {
        assert_eq!(
            measured_at(&value(Some(at(-1)), Some(at(2))), WALL),
            timestamp(&at(-1))
        );
        assert_eq!(
            measured_at(&value(None, Some(at(2))), WALL),
            timestamp(&at(2))
        );
        assert_eq!(
            measured_at(&value(Some(DateTime::null()), Some(at(2))), WALL),
            timestamp(&at(2))
        );
        assert_eq!(measured_at(&value(None, None), WALL), WALL);
    }

    #[test]
    fn a_clock_off_by_more_than_an_hour_is_skewed_but_an_old_value_is_not() {
        assert!(!is_skewed(&value(None, None), WALL));
        assert!(!is_skewed(&value(Some(at(0)), Some(at(1))), WALL));
        assert!(!is_skewed(&value(Some(at(-48)), Some(at(0))), WALL));
        assert!(!is_skewed(&value(Some(at(-48)), None), WALL));
        assert!(is_skewed(&value(Some(at(2)), None), WALL));
        assert!(is_skewed(&value(None, Some(at(-2))), WALL));
        assert!(!is_skewed(&value(Some(DateTime::null()), None), WALL));
    }
}

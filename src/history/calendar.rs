//! Local days, weeks and months of the plant.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use super::number::i32_of;

const DAY_S: i64 = 86_400;
/// Beyond this, a time is not a plant's: jiff reaches the year 9999.
const SECOND_MAX: i64 = 250_000_000_000;

/// The calendar of a time zone. Days are numbered from 1970-01-01 by the local date.
#[derive(Debug, Clone)]
pub(super) struct Calendar {
    zone: TimeZone,
}

impl Calendar {
    /// The calendar of an IANA zone.
    pub(super) fn named(name: &str) -> Option<Self> {
        TimeZone::get(name).ok().map(|zone| Self { zone })
    }

    /// The local day of a moment in seconds since the epoch.
    pub(super) fn day_of(&self, second: i64) -> i32 {
        let second = second.clamp(-SECOND_MAX, SECOND_MAX);
        let offset = jiff::Timestamp::from_second(second)
            .map_or(0, |time| i64::from(self.zone.to_offset(time).seconds()));
        i32_of((second + offset).div_euclid(DAY_S))
    }

    /// The first moment of a local day in seconds since the epoch; days of 23 and 25 hours come out right.
    pub(super) fn day_start(&self, day: i32) -> i64 {
        let naive = i64::from(day) * DAY_S;
        civil(naive)
            .and_then(|date_time| date_time.to_zoned(self.zone.clone()).ok())
            .map_or(naive, |zoned| zoned.timestamp().as_second())
    }

    /// The Monday of the week of `day`.
    pub(super) fn week_of(day: i32) -> i32 {
        // Day 0 was a Thursday.
        day - (day + 3).rem_euclid(7)
    }

    /// The first day of the month of `day`.
    pub(super) fn month_of(day: i32) -> i32 {
        let first = civil(i64::from(day) * DAY_S).map(|t| t.date().first_of_month());
        first.map_or(day, number_of)
    }

    /// The first day of the month after that of `day`.
    pub(super) fn next_month(day: i32) -> i32 {
        Self::month_of(Self::month_of(day).saturating_add(31))
    }
}

fn civil(second: i64) -> Option<DateTime> {
    let time = jiff::Timestamp::from_second(second).ok()?;
    Some(TimeZone::UTC.to_datetime(time))
}

fn number_of(date: Date) -> i32 {
    let midnight = date.to_zoned(TimeZone::UTC);
    midnight.map_or(0, |zoned| {
        i32_of(zoned.timestamp().as_second().div_euclid(DAY_S))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_day(zone: &str, date: &str, hours: i64) {
        let calendar = Calendar::named(zone).unwrap();
        let day = number_of(date.parse().unwrap());
        let (start, end) = (calendar.day_start(day), calendar.day_start(day + 1));
        assert_eq!((end - start) * 2, hours * 3_600, "{date}: twice the hours");
        assert_eq!(calendar.day_of(start), day);
        assert_eq!(calendar.day_of(end - 1), day);
        assert_eq!(calendar.day_of(end), day + 1);
    }

    #[test]
    fn a_day_has_23_24_or_25_hours() {
        check_day("UTC", "2026-03-29", 48);
        check_day("Europe/Berlin", "2026-03-28", 48);
        check_day("Europe/Berlin", "2026-03-29", 46);
        check_day("Europe/Berlin", "2026-10-25", 50);
        check_day("Asia/Kolkata", "2026-10-25", 48);
        // Midnight itself is skipped, and half an hour is.
        check_day("America/Santiago", "2026-09-06", 46);
        check_day("Australia/Lord_Howe", "2026-10-04", 47);
    }

    #[test]
    fn weeks_begin_on_monday_and_months_on_the_first() {
        let number = |text: &str| number_of(text.parse().unwrap());
        assert_eq!(
            Calendar::week_of(number("2026-03-01")),
            number("2026-02-23")
        );
        assert_eq!(
            Calendar::week_of(number("2026-03-02")),
            number("2026-03-02")
        );
        assert_eq!(
            Calendar::month_of(number("2024-02-29")),
            number("2024-02-01")
        );
        assert_eq!(
            Calendar::next_month(number("2026-01-31")),
            number("2026-02-01")
        );
        assert_eq!(
            Calendar::next_month(number("2026-12-01")),
            number("2027-01-01")
        );
        assert_eq!(Calendar::week_of(-3), -3);
    }

    #[test]
    fn an_impossible_time_has_a_day_all_the_same() {
        let calendar = Calendar::named("Europe/Berlin").unwrap();
        assert!(calendar.day_of(i64::MAX) > calendar.day_of(0));
        assert!(calendar.day_of(i64::MIN) < calendar.day_of(0));
        assert_eq!(calendar.day_start(i32::MAX), i64::from(i32::MAX) * DAY_S);
        assert!(Calendar::named("Mars/Olympus").is_none());
    }
}

//! Where the plant's clocks stand.

use std::fmt;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::Timestamp;

/// The time zone of a plant, by its IANA name.
#[derive(Debug, Clone, PartialEq)]
pub struct Zone(TimeZone);

/// A time of day as the plant's clocks show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalTime {
    /// Seconds since midnight by the clock; an hour is skipped or comes twice when summer time begins or ends.
    pub second_of_day: u32,
    /// Days since Monday, 0 to 6.
    pub weekday: u8,
}

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(TimeZone::UTC);

    /// The zone of an IANA name as `Europe/Berlin`; `None` when there is none of that name.
    pub fn named(name: &str) -> Option<Self> {
        TimeZone::get(name).ok().map(Self)
    }

    /// The names that [`Zone::named`] knows.
    pub fn names() -> Vec<String> {
        let names = jiff::tz::db().available();
        names.map(|name| name.as_str().to_owned()).collect()
    }

    /// The IANA name.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// What the plant's clocks show.
    pub fn local(&self, time: Timestamp) -> LocalTime {
        const DAY_S: i64 = 86_400;
        let seconds = time.as_nanos().div_euclid(1_000_000_000);
        let offset = jiff::Timestamp::from_second(seconds)
            .map_or(0, |time| i64::from(self.0.to_offset(time).seconds()));
        let local = seconds + offset;
        // The first of January 1970 was a Thursday.
        let weekday = (local.div_euclid(DAY_S) + 3).rem_euclid(7);
        LocalTime {
            second_of_day: u32::try_from(local.rem_euclid(DAY_S)).unwrap_or(0),
            weekday: u8::try_from(weekday).unwrap_or(0),
        }
    }

    /// Date and time of day as the plant's clocks show them; `None` outside the years -9999 to 9999.
    pub fn date_time(&self, time: Timestamp) -> Option<DateTime> {
        let time = jiff::Timestamp::from_nanosecond(i128::from(time.as_nanos())).ok()?;
        Some(self.0.to_datetime(time))
    }

    /// When the plant's clocks show `local`: the earlier time where they show it twice; where they skip it, it is moved
    /// forward by what is skipped. `None` outside the years 1677 to 2262.
    pub fn instant(&self, local: DateTime) -> Option<Timestamp> {
        let time = self.0.to_timestamp(local).ok()?;
        i64::try_from(time.as_nanosecond())
            .ok()
            .map(Timestamp::from_nanos)
    }

    /// A time for people, as `2026-03-01 07:00:00 CET`.
    pub fn show(&self, time: Timestamp) -> impl fmt::Display {
        Shown(self.0.clone(), time)
    }
}

struct Shown(TimeZone, Timestamp);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.1.as_nanos().div_euclid(1_000_000_000);
        match jiff::Timestamp::from_second(seconds) {
            Ok(time) => {
                let zoned = time.to_zoned(self.0.clone());
                write!(f, "{}", zoned.strftime("%Y-%m-%d %H:%M:%S %Z"))
            }
            Err(_) => write!(f, "{}", self.1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUMMER_MS: i64 = 1_783_555_200_000;
    const WINTER_MS: i64 = 1_772_344_800_250;

    #[track_caller]
    fn check(name: &str, ms: i64, shown: &str, second_of_day: u32, weekday: u8) {
        let zone = Zone::named(name).unwrap();
        assert_eq!(zone.name(), name);
        let time = Timestamp::from_millis(ms);
        assert_eq!(zone.show(time).to_string(), shown);
        let local = LocalTime {
            second_of_day,
            weekday,
        };
        assert_eq!(zone.local(time), local);
    }

    #[test]
    fn clocks_show_what_the_zone_says() {
        check("UTC", WINTER_MS, "2026-03-01 06:00:00 UTC", 21_600, 6);
        check(
            "Europe/Berlin",
            WINTER_MS,
            "2026-03-01 07:00:00 CET",
            25_200,
            6,
        );
        check(
            "Europe/Berlin",
            SUMMER_MS,
            "2026-07-09 02:00:00 CEST",
            7_200,
            3,
        );
        check(
            "America/Chicago",
            SUMMER_MS,
            "2026-07-08 19:00:00 CDT",
            68_400,
            2,
        );
        check("Asia/Kolkata", -1_000, "1970-01-01 05:29:59 IST", 19_799, 3);
    }

    #[track_caller]
    fn check_instant(name: &str, local: &str, utc: &str) {
        let zone = Zone::named(name).unwrap();
        let time = zone.instant(local.parse().unwrap()).unwrap();
        assert_eq!(time.to_string(), utc, "{name} {local}");
    }

    #[test]
    fn a_time_shown_twice_is_the_earlier_one_and_a_skipped_one_is_moved_forward() {
        check_instant(
            "Europe/Berlin",
            "2026-10-25T02:30",
            "2026-10-25T00:30:00.000Z",
        );
        check_instant(
            "Europe/Berlin",
            "2026-03-29T02:30",
            "2026-03-29T01:30:00.000Z",
        );
        // Clocks move by half an hour only.
        check_instant(
            "Australia/Lord_Howe",
            "2026-10-04T02:15",
            "2026-10-03T15:45:00.000Z",
        );
        check_instant(
            "Australia/Lord_Howe",
            "2026-04-05T01:45",
            "2026-04-04T14:45:00.000Z",
        );
        // Midnight itself is skipped.
        check_instant(
            "America/Sao_Paulo",
            "2018-11-04T00:00",
            "2018-11-04T03:00:00.000Z",
        );
    }

    #[test]
    fn a_date_reads_back_except_where_it_was_moved() {
        let zone = Zone::named("Europe/Berlin").unwrap();
        for (local, shown) in [
            ("2026-07-09T02:00", "2026-07-09T02:00:00"),
            ("2026-03-29T02:30", "2026-03-29T03:30:00"),
        ] {
            let time = zone.instant(local.parse().unwrap()).unwrap();
            assert_eq!(zone.date_time(time).unwrap().to_string(), shown);
        }
        assert_eq!(zone.instant("9999-01-01T00:00".parse().unwrap()), None);
        assert!(zone.date_time(Timestamp::from_nanos(i64::MIN)).is_some());
    }

    #[test]
    fn a_zone_that_does_not_exist_is_none() {
        assert_eq!(Zone::named("Mars/Olympus"), None);
        assert_eq!(Zone::named(""), None);
        assert_eq!(Zone::named("UTC"), Some(Zone::UTC));
        assert!(Zone::names().iter().any(|name| name == "Europe/Berlin"));
    }

    #[test]
    fn an_impossible_time_still_reads() {
        let time = Timestamp::from_nanos(i64::MIN);
        assert!(!Zone::UTC.show(time).to_string().is_empty());
        assert!(Zone::UTC.local(time).second_of_day < 86_400);
    }
}

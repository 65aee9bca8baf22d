//! Where the plant's clocks stand.

use std::fmt;

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

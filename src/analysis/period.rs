//! The time that a question is about.

use std::time::Duration;

use clap::ValueEnum;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::model::{Timestamp, Zone};
use crate::production::calendar::Calendar;
use crate::production::span::Span;

/// Longest period: a hundred years.
const DAYS_MAX: i64 = 36_600;
/// The shift before a day without any is looked for this far back.
const CLOSED_DAYS_MAX: usize = 31;

/// A period as a person asks for it: production days, or moments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Period {
    /// `2026-03-01` (that production day), `2026-03-01T06:00:00Z`, `today`, `yesterday`, `7d` (days before the end).
    pub from: String,
    /// The same; a day is included, a moment is not. Now when it is left out.
    pub to: Option<String>,
}

/// Lengths of time that production days are put together to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Per {
    /// A production day.
    #[default]
    Day,
    /// A week of them, from Monday.
    Week,
    /// A month of them.
    Month,
}

impl Per {
    /// The first day of what `day` lies in.
    pub(super) fn first_day(self, day: Date) -> Date {
        match self {
            Self::Day => day,
            Self::Week => {
                let back = i64::from(day.weekday().to_monday_zero_offset());
                let monday = jiff::Span::new()
                    .try_days(back)
                    .and_then(|days| day.checked_sub(days));
                monday.unwrap_or(day)
            }
            Self::Month => day.first_of_month(),
        }
    }

    /// The first day of the next; `None` at the end of all time.
    pub(super) fn next(self, first_day: Date) -> Option<Date> {
        let length = match self {
            Self::Day => jiff::Span::new().try_days(1),
            Self::Week => jiff::Span::new().try_weeks(1),
            Self::Month => jiff::Span::new().try_months(1),
        };
        first_day.checked_add(length.ok()?).ok()
    }

    /// What one is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }
}

/// Why a period is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeriodError {
    /// Words that are no time.
    #[error(
        "\"{0}\" is no time; allowed: a production day as 2026-03-01, a moment as 2026-03-01T06:00:00Z, today, yesterday, or days back as 7d"
    )]
    NoTime(String),
    /// Nothing in it, or too much.
    #[error("the period from {from} to {to} is empty or longer than a hundred years")]
    Length {
        /// Its begin.
        from: Timestamp,
        /// Its end.
        to: Timestamp,
    },
}

/// A boundary.
enum Edge {
    Day(Date),
    Moment(Timestamp),
}

impl Period {
    /// The span that it means, by the shifts of `calendar`; without one, days are those of the clock in `zone`. Never
    /// reaches beyond `now`.
    pub fn span(
        &self,
        calendar: Option<&Calendar>,
        zone: &Zone,
        now: Timestamp,
    ) -> Result<Span, PeriodError> {
        let today = day_of(now, calendar, zone);
        let to = match &self.to {
            None => now,
            Some(text) => match edge(text, today, None)? {
                Edge::Moment(time) => time,
                Edge::Day(day) => end_of(day, calendar, zone),
            },
        };
        let asked = to;
        let last = day_of(to.saturating_sub(Duration::from_nanos(1)), calendar, zone);
        let from = match edge(&self.from, today, Some(last))? {
            Edge::Moment(time) => time,
            Edge::Day(day) => start_of(day, calendar, zone),
        };
        let to = to.min(now);
        let longest = DAYS_MAX * 86_400_000_000_000;
        if from >= to || to.nanos_since(from) > longest {
            return Err(PeriodError::Length { from, to: asked });
        }
        Ok(Span::new(from, to))
    }
}

fn edge(text: &str, today: Date, last: Option<Date>) -> Result<Edge, PeriodError> {
    let no_time = || PeriodError::NoTime(text.to_owned());
    let back = |from: Date, days: i64| {
        let span = jiff::Span::new().try_days(days).ok()?;
        from.checked_sub(span).ok()
    };
    if text == "today" {
        return Ok(Edge::Day(today));
    }
    if text == "yesterday" {
        return back(today, 1).map(Edge::Day).ok_or_else(no_time);
    }
    if let Some(days) = text
        .strip_suffix('d')
        .and_then(|days| days.parse::<i64>().ok())
    {
        // Seven days back from a day that counts itself.
        let first = back(last.unwrap_or(today), days.max(1) - 1);
        return first.map(Edge::Day).ok_or_else(no_time);
    }
    if let Some(time) = Timestamp::parse_rfc3339(text) {
        return Ok(Edge::Moment(time));
    }
    if text.contains('T') {
        return Err(no_time());
    }
    text.parse::<Date>()
        .map(Edge::Day)
        .map_err(|_no_date| no_time())
}

fn start_of(day: Date, calendar: Option<&Calendar>, zone: &Zone) -> Timestamp {
    first_start(day, calendar).unwrap_or_else(|| {
        // The last night before a day without shifts is none of it.
        let before = calendar.and_then(|calendar| last_end(day, calendar));
        let midnight = midnight(day, zone);
        before.map_or(midnight, |before| midnight.max(before))
    })
}

/// When the first shift of a production day begins.
fn first_start(day: Date, calendar: Option<&Calendar>) -> Option<Timestamp> {
    let shifts = calendar?.production_day(day);
    shifts.iter().map(|shift| shift.credit.start).min()
}

/// When the last shift of a production day ends.
fn end_of_shifts(day: Date, calendar: &Calendar) -> Option<Timestamp> {
    let shifts = calendar.production_day(day);
    shifts.iter().map(|shift| shift.credit.end).max()
}

/// When the last shift before a production day ended.
fn last_end(day: Date, calendar: &Calendar) -> Option<Timestamp> {
    let earlier = std::iter::successors(day.yesterday().ok(), |day| day.yesterday().ok());
    let mut days = earlier.take(CLOSED_DAYS_MAX);
    days.find_map(|day| end_of_shifts(day, calendar))
}

fn end_of(day: Date, calendar: Option<&Calendar>, zone: &Zone) -> Timestamp {
    let last = calendar.and_then(|calendar| end_of_shifts(day, calendar));
    last.unwrap_or_else(|| {
        let tomorrow = day.tomorrow().unwrap_or(day);
        let midnight = midnight(tomorrow, zone);
        first_start(tomorrow, calendar).map_or(midnight, |start| midnight.min(start))
    })
}

/// The production day that `time` belongs to; that of the clock where no shift is.
fn day_of(time: Timestamp, calendar: Option<&Calendar>, zone: &Zone) -> Date {
    let shift = calendar.and_then(|calendar| calendar.at(time));
    shift.map_or_else(|| date_of(time, zone), |shift| shift.production_day)
}

/// The date that the plant's clocks show.
pub(super) fn date_of(time: Timestamp, zone: &Zone) -> Date {
    zone.date_time(time)
        .map_or(Date::MIN, jiff::civil::DateTime::date)
}

fn midnight(day: Date, zone: &Zone) -> Timestamp {
    let local = day.at(0, 0, 0, 0);
    zone.instant(local).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::production::calendar::{CalendarDefinition, Change, Exception, ShiftDef};

    fn calendar() -> Calendar {
        let time = |hour| jiff::civil::time(hour, 0, 0, 0);
        let shifts = vec![
            ShiftDef::new("day", time(6), time(18)),
            ShiftDef::new("night", time(18), time(6)),
        ];
        Calendar::new(CalendarDefinition::new(berlin(), shifts)).unwrap()
    }

    fn berlin() -> Zone {
        Zone::named("Europe/Berlin").unwrap()
    }

    fn at(text: &str) -> Timestamp {
        let time: jiff::Timestamp = text.parse().unwrap();
        Timestamp::from_millis(time.as_millisecond())
    }

    #[track_caller]
    fn check(from: &str, to: Option<&str>, expected: Result<(&str, &str), &str>) {
        let period = Period {
            from: from.to_owned(),
            to: to.map(str::to_owned),
        };
        let now = at("2026-03-30T10:00:00Z");
        let span = period.span(Some(&calendar()), &berlin(), now);
        let text = span.map(|span| (span.start.to_string(), span.end.to_string()));
        match (text, expected) {
            (Ok((start, end)), Ok(expected)) => {
                assert_eq!((start.as_str(), end.as_str()), expected);
            }
            (Err(error), Err(expected)) => {
                assert!(error.to_string().contains(expected), "{error}");
            }
            (got, expected) => panic!("{got:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn a_day_is_a_production_day() {
        let night = ("2026-03-28T05:00:00.000Z", "2026-03-29T04:00:00.000Z");
        check("2026-03-28", Some("2026-03-28"), Ok(night));
        let until_now = ("2026-03-30T04:00:00.000Z", "2026-03-30T10:00:00.000Z");
        check("today", None, Ok(until_now));
        check("1d", None, Ok(until_now));
        let yesterday = ("2026-03-29T04:00:00.000Z", "2026-03-30T04:00:00.000Z");
        check("yesterday", Some("yesterday"), Ok(yesterday));
        let both = ("2026-03-28T05:00:00.000Z", "2026-03-30T04:00:00.000Z");
        check("2d", Some("2026-03-29"), Ok(both));
    }

    #[test]
    fn a_moment_is_itself_and_nothing_is_beyond_now() {
        let hour = ("2026-03-01T06:00:00.000Z", "2026-03-01T07:00:00.000Z");
        check(
            "2026-03-01T06:00:00Z",
            Some("2026-03-01T07:00:00Z"),
            Ok(hour),
        );
        let open = ("2026-03-30T09:00:00.000Z", "2026-03-30T10:00:00.000Z");
        check("2026-03-30T09:00:00Z", Some("2027-01-01"), Ok(open));
    }

    #[test]
    fn a_day_without_shifts_is_none_of_the_night_before() {
        let closed = Exception {
            date: "2026-03-28".parse().unwrap(),
            reason: "holiday".to_owned(),
            change: Change::Closed,
        };
        let calendar = Calendar::new(CalendarDefinition {
            exceptions: vec![closed],
            ..calendar().definition().clone()
        });
        let calendar = calendar.unwrap();
        let span = |from: &str, to: &str| {
            let period = Period {
                from: from.to_owned(),
                to: Some(to.to_owned()),
            };
            let now = at("2026-03-30T10:00:00Z");
            let span = period.span(Some(&calendar), &berlin(), now).unwrap();
            (span.start.to_string(), span.end.to_string())
        };
        let (six, midnight) = ("2026-03-28T05:00:00.000Z", "2026-03-28T23:00:00.000Z");
        assert_eq!(
            span("2026-03-28", "2026-03-28"),
            (six.to_owned(), midnight.to_owned())
        );
        assert_eq!(span("2026-03-28", "2026-03-29").0, six);
        assert_eq!(span("2026-03-27", "2026-03-27").1, six);
    }

    #[test]
    fn what_is_no_period_is_told() {
        check("soon", None, Err("\"soon\" is no time"));
        check("2026-13-01", None, Err("is no time"));
        check("2026-03-01T06:00", None, Err("is no time"));
        check("today", Some("yesterday"), Err("is empty or longer"));
        check(
            "1900-01-01",
            None,
            Err("is empty or longer than a hundred years"),
        );
        check(
            "99999d",
            None,
            Err("is empty or longer than a hundred years"),
        );
        // What was asked for is told, not what lies within the data.
        check(
            "2027-01-02",
            Some("2027-01-03"),
            Err("from 2027-01-02T05:00:00.000Z to 2027-01-04T05:00:00.000Z is empty"),
        );
    }

    #[test]
    fn without_shifts_days_are_those_of_the_clock() {
        let period = Period {
            from: "2026-03-29".to_owned(),
            to: Some("2026-03-29".to_owned()),
        };
        let span = period
            .span(None, &berlin(), at("2026-04-30T10:00:00Z"))
            .unwrap();
        assert_eq!(span.length(), Duration::from_hours(23));
    }

    #[track_caller]
    fn check_per(per: Per, day: &str, expected: (&str, &str)) {
        let first = per.first_day(day.parse().unwrap());
        let next = per.next(first).unwrap();
        assert_eq!(
            (first.to_string(), next.to_string()),
            (expected.0.to_owned(), expected.1.to_owned())
        );
    }

    #[test]
    fn days_are_put_together_to_weeks_and_months() {
        check_per(Per::Day, "2026-03-01", ("2026-03-01", "2026-03-02"));
        check_per(Per::Week, "2026-03-01", ("2026-02-23", "2026-03-02"));
        check_per(Per::Week, "2026-03-02", ("2026-03-02", "2026-03-09"));
        check_per(Per::Month, "2026-02-28", ("2026-02-01", "2026-03-01"));
        assert_eq!(Per::Month.next(Date::MAX), None);
    }
}

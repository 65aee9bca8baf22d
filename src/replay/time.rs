//! Times as recordings write them.

use crate::model::Timestamp;

/// Times beyond ±9·10¹⁸ ns (years 1684 to 2255) are refused, so that sums of times cannot overflow.
const NANOS_MAX: i64 = 9_000_000_000_000_000_000;
/// Unix times below this are seconds, below a thousand times this milliseconds, and so on: 10¹¹ s is the year 5138,
/// 10¹¹ ms the 3rd of March 1973.
const SECONDS_MAX: u64 = 100_000_000_000;

/// What [`parse_time`] accepts, for messages.
pub(super) const ALLOWED: &str =
    "RFC 3339, YYYY-MM-DD HH:MM:SS[.fff] (UTC), or Unix s, ms, us or ns";

/// Reads RFC 3339 (`2026-03-01T06:00:00.250+01:00`), `YYYY-MM-DD HH:MM[:SS[.fff]]` with or without an offset
/// (UTC without one), or a Unix time in seconds, milliseconds, microseconds or nanoseconds.
///
/// The unit of a Unix time is told by its magnitude, which is right for every time from March 1973 on: below
/// 10¹¹ seconds, below 10¹⁴ milliseconds, below 10¹⁷ microseconds, else nanoseconds. It may have a fraction.
/// A leap second (`:60`) is the last nanosecond of its minute, so order is kept.
pub fn parse_time(text: &[u8]) -> Option<Timestamp> {
    let text = text.trim_ascii();
    let nanos = match text.get(4) {
        Some(b'-') => calendar(text),
        _ => unix(text),
    }?;
    (-NANOS_MAX..=NANOS_MAX)
        .contains(&nanos)
        .then(|| Timestamp::from_nanos(nanos))
}

fn unix(text: &[u8]) -> Option<i64> {
    let (is_negative, digits) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        _ => (false, text),
    };
    let mut parts = Reader(digits);
    let whole = parts.number(1, 19)?;
    let unit_ns: u64 = match whole {
        n if n < SECONDS_MAX => 1_000_000_000,
        n if n < SECONDS_MAX * 1_000 => 1_000_000,
        n if n < SECONDS_MAX * 1_000_000 => 1_000,
        _ => 1,
    };
    let billionths = parts.fraction()?;
    let part_ns = billionths.checked_mul(unit_ns)? / 1_000_000_000;
    let nanos = i64::try_from(whole.checked_mul(unit_ns)?.checked_add(part_ns)?).ok()?;
    parts
        .0
        .is_empty()
        .then_some(if is_negative { -nanos } else { nanos })
}

fn calendar(text: &[u8]) -> Option<i64> {
    let mut parts = Reader(text);
    let year = parts.number(4, 4)?;
    parts.byte(b"-")?;
    let month = parts.number(2, 2)?;
    parts.byte(b"-")?;
    let day = parts.number(2, 2)?;
    parts.byte(b"Tt ")?;
    let hour = parts.number(2, 2)?;
    parts.byte(b":")?;
    let minute = parts.number(2, 2)?;
    let (mut second, mut billionths) = (0, 0);
    if parts.byte(b":").is_some() {
        second = parts.number(2, 2)?;
        billionths = parts.fraction()?;
    }
    let offset_s = parts.offset()?;
    let is_valid = (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 61;
    if !is_valid || !parts.0.is_empty() {
        return None;
    }
    if second == 60 {
        (second, billionths) = (59, 999_999_999);
    }
    let seconds = days_from_civil(year, month, day)
        .checked_mul(86_400)?
        .checked_add_unsigned(hour * 3600 + minute * 60 + second)?
        .checked_sub(offset_s)?;
    seconds
        .checked_mul(1_000_000_000)?
        .checked_add_unsigned(billionths)
}

/// What is left of a text.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    /// One of `allowed`, if it comes next.
    fn byte(&mut self, allowed: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        allowed.contains(first).then(|| self.0 = rest)?;
        Some(*first)
    }

    /// A number of `min` to `max` digits.
    fn number(&mut self, min: usize, max: usize) -> Option<u64> {
        let mut value: u64 = 0;
        let mut digits = 0;
        while let Some((digit @ b'0'..=b'9', rest)) = self.0.split_first() {
            value = value
                .checked_mul(10)?
                .checked_add(u64::from(digit - b'0'))?;
            digits += 1;
            self.0 = rest;
            if digits == max {
                break;
            }
        }
        (digits >= min).then_some(value)
    }

    /// An optional fraction in billionths; digits beyond the ninth are cut.
    fn fraction(&mut self) -> Option<u64> {
        if self.byte(b".,").is_none() {
            return Some(0);
        }
        let before = self.0.len();
        let value = self.number(1, 9)?;
        let missing = u32::try_from(9_usize.saturating_sub(before - self.0.len())).ok()?;
        while let Some((b'0'..=b'9', rest)) = self.0.split_first() {
            self.0 = rest;
        }
        value.checked_mul(10_u64.checked_pow(missing)?)
    }

    /// `Z`, `±HH`, `±HHMM`, `±HH:MM` or nothing, in seconds east of UTC.
    fn offset(&mut self) -> Option<i64> {
        if self.0.is_empty() || self.byte(b"Zz").is_some() {
            return Some(0);
        }
        let sign = self.byte(b"+-")?;
        let hours = self.number(2, 2)?;
        self.byte(b":");
        let minutes = if self.0.is_empty() {
            0
        } else {
            self.number(2, 2)?
        };
        if hours > 23 || minutes > 59 {
            return None;
        }
        let seconds = i64::try_from(hours * 3600 + minutes * 60).ok()?;
        Some(if sign == b'-' { -seconds } else { seconds })
    }
}

const fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

const fn days_in(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar; H. Hinnant, "chrono-compatible low-level date
/// algorithms" (2013), `days_from_civil`, for years from 0 to 9999.
const fn days_from_civil(year: u64, month: u64, day: u64) -> i64 {
    // The year begins in March, so that the leap day is its last; 400 years are added to stay above zero.
    let year = year + 400 - (month <= 2) as u64;
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era).cast_signed() - 719_468 - 146_097
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, expected: Option<i64>) {
        let nanos = parse_time(text.as_bytes()).map(Timestamp::as_nanos);
        assert_eq!(nanos, expected, "{text:?}");
    }

    const S: i64 = 1_000_000_000;

    #[test]
    fn calendar_times_are_utc_unless_they_say_otherwise() {
        check("1970-01-01 00:00:00", Some(0));
        check("1970-01-01T00:00:01Z", Some(S));
        check("1970-01-01t00:00:01z", Some(S));
        check("1970-01-01 00:01", Some(60 * S));
        check("1970-01-01T01:00:00+01:00", Some(0));
        check("1970-01-01T01:00:00+0100", Some(0));
        check("1969-12-31T23:30:00-00:30", Some(0));
        check("1970-01-01 02:00+02", Some(0));
        check("2024-02-29 12:00:00", Some(1_709_208_000 * S));
        check(
            "2026-03-01T06:00:00.250Z",
            Some(1_772_344_800 * S + 250_000_000),
        );
        check("1970-01-01 00:00:00,5", Some(500_000_000));
        check("1970-01-01 00:00:00.1234567899", Some(123_456_789));
        check("1970-01-01 00:00:60", Some(60 * S - 1));
        check(" 1970-01-01 00:00:01 ", Some(S));
    }

    #[test]
    fn impossible_calendar_times_are_refused() {
        check("2025-02-29 00:00:00", None);
        check("1900-02-29 00:00:00", None);
        check("2025-13-01 00:00:00", None);
        check("2025-00-01 00:00:00", None);
        check("2025-04-31 00:00:00", None);
        check("2025-01-01 24:00:00", None);
        check("2025-01-01 00:60:00", None);
        check("2025-01-01 00:00:61", None);
        check("2025-01-01 00:00:00.", None);
        check("2025-01-01 00:00:00 CET", None);
        check("2025-01-01 00:00:00+24:00", None);
        check("2025-01-01 00:00:00+1", None);
        check("2025-01-01", None);
        check("01.03.2026 06:00:00", None);
        check("9999-01-01 00:00:00", None);
        check("1600-01-01 00:00:00", None);
    }

    #[test]
    fn the_magnitude_of_a_unix_time_tells_its_unit() {
        check("0", Some(0));
        check("-1", Some(-S));
        check("1772344800", Some(1_772_344_800 * S));
        check("1772344800.25", Some(1_772_344_800 * S + 250_000_000));
        check("-0.5", Some(-500_000_000));
        check("1772344800250", Some(1_772_344_800 * S + 250_000_000));
        check("1772344800250.5", Some(1_772_344_800 * S + 250_500_000));
        check("1772344800250001", Some(1_772_344_800 * S + 250_001_000));
        check("1772344800250001002", Some(1_772_344_800 * S + 250_001_002));
        check("9000000000000000001", None);
        check("99999999999", None);
        check("", None);
        check("-", None);
        check("1e9", None);
        check("12:00", None);
        check("99999999999999999999", None);
    }

    proptest! {
        #[test]
        fn every_rfc_3339_time_is_read_as_jiff_reads_it(
            nanos in -8_000_000_000_000_000_000..8_000_000_000_000_000_000_i64,
            precision in 0_u8..10,
        ) {
            let time = jiff::Timestamp::from_nanosecond(i128::from(nanos)).unwrap();
            let text = format!("{time:.0$}", usize::from(precision));
            let read: jiff::Timestamp = text.parse().unwrap();
            let expected = i64::try_from(read.as_nanosecond()).unwrap();
            prop_assert_eq!(parse_time(text.as_bytes()), Some(Timestamp::from_nanos(expected)));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            parse_time(&bytes);
        }

        #[test]
        fn arbitrary_digits_never_panic(text in "-?[0-9]{0,22}[-:T. ,Z+0-9]{0,30}") {
            parse_time(text.as_bytes());
        }
    }
}

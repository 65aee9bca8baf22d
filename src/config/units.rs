//! Durations, rates and sizes as an operator writes them: `"250ms"`, `"1 per month"`, `"8MiB"`.
//!
//! Pure. Every parser is the inverse of its formatter; nothing here knows a file or a key.

use std::time::Duration;

/// Units of durations, longest first, in nanoseconds.
const DURATION_UNITS: [(&str, u128); 6] = [
    // 365 days, so that a limit does not depend on the date.
    ("y", 31_536_000_000_000_000),
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("min", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
];

/// Units of sizes, largest first within each family, in bytes.
const SIZE_UNITS: [(&str, u128); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

/// Periods of rates in seconds. A month is 30 days and a year 365, so that a limit does not depend on the date.
const PERIODS: [(&str, u64); 5] = [
    ("hour", 3_600),
    ("day", 86_400),
    ("week", 604_800),
    ("month", 2_592_000),
    ("year", 31_536_000),
];

/// Most digits read after the decimal point; more would be lost in a nanosecond or a byte anyway.
const FRACTION_DIGITS_MAX: usize = 9;

/// `"250ms"`, `"1.5s"`, `"5min"`, `"1h"`, `"7d"`, `"5y"`; `None` for anything else and for what exceeds 584 years.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let nanos = parse_quantity(text, &DURATION_UNITS)?;
    u64::try_from(nanos).ok().map(Duration::from_nanos)
}

/// The shortest form in one unit, e.g. `90s` as `90s`, `3600s` as `1h`.
pub fn format_duration(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    if nanos == 0 {
        return "0s".to_owned();
    }
    for (unit, size) in DURATION_UNITS {
        if nanos.is_multiple_of(size) {
            return format!("{}{unit}", nanos / size);
        }
    }
    let fraction = format!("{:06}", nanos % 1_000_000);
    format!("{}.{}ms", nanos / 1_000_000, fraction.trim_end_matches('0'))
}

/// `"8MiB"`, `"500MB"`, `"4GiB"`, `"1024B"`; `None` for anything else.
pub fn parse_size(text: &str) -> Option<u64> {
    u64::try_from(parse_quantity(text, &SIZE_UNITS)?).ok()
}

/// The shortest exact form in one unit, binary units first.
pub fn format_size(bytes: u64) -> String {
    let bytes = u128::from(bytes);
    let exact = |(_, size): &&(&str, u128)| bytes > 0 && bytes.is_multiple_of(*size);
    match SIZE_UNITS.iter().find(exact) {
        Some((unit, size)) => format!("{}{unit}", bytes / size),
        None => format!("{bytes}B"),
    }
}

/// `"1 per month"`, `"2 per day"`, `"0.5 per year"`: the mean time between two events.
pub fn parse_rate(text: &str) -> Option<Duration> {
    let (count, period) = text.split_once(" per ")?;
    let (_, period_s) = PERIODS.iter().find(|(name, _)| *name == period.trim())?;
    // The count in billionths keeps the division exact; zero events have no mean time.
    let (whole, fraction) = decimal(count.trim())?;
    let billionths = whole
        .checked_mul(1_000_000_000)?
        .checked_add(fraction)
        .filter(|n| *n > 0)?;
    let nanos = u128::from(*period_s)
        .checked_mul(1_000_000_000_000_000_000)?
        .checked_div(billionths)?;
    u64::try_from(nanos).ok().map(Duration::from_nanos)
}

/// The rate in the shortest period that gives a whole number, else as a duration between two events.
pub fn format_rate(between: Duration) -> String {
    let nanos = between.as_nanos();
    for (period, seconds) in PERIODS {
        let period_nanos = u128::from(seconds) * 1_000_000_000;
        let count = period_nanos.checked_div(nanos).unwrap_or(0);
        if count > 0 && period_nanos / count == nanos {
            return format!("{count} per {period}");
        }
    }
    format!("1 in {}", format_duration(between))
}

fn parse_quantity(text: &str, units: &[(&str, u128)]) -> Option<u128> {
    let text = text.trim();
    let split = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at_checked(split)?;
    let (_, size) = units.iter().find(|(name, _)| *name == unit)?;
    let (whole, fraction) = decimal(number.trim_end())?;
    let part = fraction.checked_mul(*size)?;
    if !part.is_multiple_of(1_000_000_000) {
        return None;
    }
    whole.checked_mul(*size)?.checked_add(part / 1_000_000_000)
}

/// A plain decimal number as whole part and billionths.
fn decimal(text: &str) -> Option<(u128, u128)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > FRACTION_DIGITS_MAX {
        return None;
    }
    let billionths: u128 = format!("{fraction:0<FRACTION_DIGITS_MAX$}").parse().ok()?;
    Some((whole.parse().ok()?, billionths))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn duration(text: &str, expected_ms: Option<u64>) {
        assert_eq!(
            parse_duration(text),
            expected_ms.map(Duration::from_millis),
            "{text:?}"
        );
    }

    #[test]
    fn durations_need_a_number_and_a_known_unit() {
        duration("250ms", Some(250));
        duration("10s", Some(10_000));
        duration("1.5s", Some(1_500));
        duration("0.25 s", Some(250));
        duration("5min", Some(300_000));
        duration("1h", Some(3_600_000));
        duration("7d", Some(604_800_000));
        duration("10", None);
        duration("s", None);
        duration("", None);
        duration("-1s", None);
        duration("1m", None);
        duration("1 S", None);
        duration(".5s", None);
        duration("5.s", None);
        duration("1e3s", None);
        duration("1h30min", None);
        duration("10 s s", None);
        duration("99999999999999999999999999d", None);
        duration("999999d999", None);
        duration("1.0000000001s", None);
        duration("１s", None);
    }

    #[track_caller]
    fn size(text: &str, expected: Option<u64>) {
        assert_eq!(parse_size(text), expected, "{text:?}");
    }

    #[test]
    fn sizes_are_binary_or_decimal() {
        size("8MiB", Some(8 << 20));
        size("4GiB", Some(4 << 30));
        size("500MB", Some(500_000_000));
        size("1.5GiB", Some(3 << 29));
        size("17B", Some(17));
        size("0.5B", None);
        size("8 mib", None);
        size("8M", None);
        size("8", None);
        size("99999999999TiB", None);
    }

    #[track_caller]
    fn rate(text: &str, expected_s: Option<u64>) {
        assert_eq!(
            parse_rate(text),
            expected_s.map(Duration::from_secs),
            "{text:?}"
        );
    }

    #[test]
    fn rates_give_the_mean_time_between_events() {
        rate("1 per month", Some(2_592_000));
        rate("2 per day", Some(43_200));
        rate("1 per week", Some(604_800));
        rate("4 per hour", Some(900));
        rate("0.5 per year", Some(63_072_000));
        rate("0 per year", None);
        rate("1 per decade", None);
        rate("1/month", None);
        rate("one per month", None);
        rate("0.000000001 per year", None);
    }

    #[test]
    fn the_formats_are_short() {
        assert_eq!(format_duration(Duration::from_secs(90)), "90s");
        assert_eq!(format_duration(Duration::from_hours(24)), "1d");
        assert_eq!(format_duration(Duration::from_micros(1_250)), "1.25ms");
        assert_eq!(format_duration(Duration::ZERO), "0s");
        assert_eq!(format_size(4 << 30), "4GiB");
        assert_eq!(format_size(0), "0B");
        assert_eq!(format_rate(Duration::from_hours(720)), "1 per month");
        assert_eq!(format_rate(Duration::from_hours(12)), "2 per day");
        assert_eq!(format_rate(Duration::from_secs(5_000_000)), "1 in 5000000s");
        assert_eq!(format_rate(Duration::ZERO), "1 in 0s");
    }

    proptest! {
        #[test]
        fn every_duration_survives_its_text(nanos in any::<u64>()) {
            let duration = Duration::from_nanos(nanos);
            prop_assert_eq!(parse_duration(&format_duration(duration)), Some(duration));
        }

        #[test]
        fn every_size_survives_its_text(bytes in any::<u64>()) {
            prop_assert_eq!(parse_size(&format_size(bytes)), Some(bytes));
        }

        #[test]
        fn whole_rates_survive_their_text(count in 1_u64..2_000, period in 0_usize..5) {
            let text = format!("{count} per {}", PERIODS[period].0);
            let between = parse_rate(&text).unwrap();
            let again = parse_rate(&format_rate(between));
            prop_assert!(again.is_none_or(|d| d == between), "{text}");
        }

        #[test]
        fn no_text_makes_a_parser_panic(text in "\\PC{0,40}") {
            parse_duration(&text);
            parse_size(&text);
            parse_rate(&text);
        }
    }
}

//! Durations as text.

use std::time::Duration;

const UNITS: [(&str, f64); 5] = [
    ("ms", 0.001),
    ("s", 1.0),
    ("min", 60.0),
    ("m", 60.0),
    ("h", 3600.0),
];

/// Longest duration that a scenario may name: ten years.
const LONGEST_S: f64 = 10.0 * 365.25 * 86_400.0;

/// `"250ms"`, `"1.5s"`, `"10m"`, `"2h"`, in seconds; a sign is allowed.
pub(super) fn signed_seconds(text: &str) -> Option<f64> {
    let (unit, factor) = UNITS.iter().find(|(unit, _)| {
        text.strip_suffix(unit)
            .is_some_and(|number| number.ends_with(|c: char| c.is_ascii_digit()))
    })?;
    let number: f64 = text.strip_suffix(unit)?.trim().parse().ok()?;
    let seconds = number * factor;
    (seconds.abs() <= LONGEST_S).then_some(seconds)
}

/// A duration as scenarios write it: `"250ms"`, `"1.5s"`, `"10m"`, `"2h"`; at most ten years.
pub fn parse_duration(text: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(signed_seconds(text)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected_s: Option<f64>) {
        assert_eq!(signed_seconds(text), expected_s, "{text}");
    }

    #[test]
    fn durations() {
        check("250ms", Some(0.25));
        check("1.5s", Some(1.5));
        check("10m", Some(600.0));
        check("10min", Some(600.0));
        check("-2h", Some(-7200.0));
        check("10", None);
        check("s", None);
        check("1e99h", None);
        check("NaNs", None);
        check("5 days", None);
        assert_eq!(parse_duration("-1s"), None);
    }
}

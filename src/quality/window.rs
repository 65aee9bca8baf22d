//! The production window of a defect or an out-of-control point, and what was different in it.
//!
//! A window is the time in which the process made the units in question, moved back by the time they took to where they
//! were found. With it, process values, alerts and context are fetched from the history; [`compare_with_reference`] ranks
//! the values by how far they were from a reference period. It ranks what went along with the defect; it proves no cause.

use std::collections::BTreeMap;
use std::time::Duration;

use super::error::QualityError;
use super::number::{deviation, finite, mean};
use super::rules::Signal;
use crate::model::Timestamp;

/// When units were at the place where they were inspected or measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitSpan {
    /// The unit, lot or sample.
    pub unit: String,
    /// From.
    pub from: Timestamp,
    /// To, not before `from`.
    pub to: Timestamp,
}

/// How long a unit travels from the process of interest to where it is found; it may vary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TransportLag {
    shortest: Duration,
    longest: Duration,
}

impl TransportLag {
    /// A lag between two durations, the shortest first.
    pub fn new(shortest: Duration, longest: Duration) -> Result<Self, QualityError> {
        if shortest > longest {
            return Err(QualityError::Setting {
                name: "shortest lag in seconds",
                value: shortest.as_secs_f64(),
                allowed: "at most the longest is",
            });
        }
        Ok(Self { shortest, longest })
    }
}

/// A time in which the process made units in question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductionWindow {
    /// From, inclusive.
    pub from: Timestamp,
    /// To, inclusive.
    pub to: Timestamp,
    /// The units, or the signals, that it belongs to, in order of time.
    pub of: Vec<String>,
}

/// Windows of units, merged where they overlap, oldest first. A span that ends before it begins is taken the other way
/// round.
pub fn windows_of_units(units: &[UnitSpan], lag: TransportLag) -> Vec<ProductionWindow> {
    let window = |unit: &UnitSpan| {
        moved(
            unit.from.min(unit.to),
            unit.to.max(unit.from),
            lag,
            unit.unit.clone(),
        )
    };
    merged(units.iter().map(window).collect())
}

/// Windows of signals of a chart whose samples were taken at `times`, merged where they overlap, oldest first. A window
/// begins after the sample before the pattern, the last one that was still in order, and ends with the completing point.
/// Where something else was made before the pattern (`breaks`), it begins the usual distance of samples earlier. Signals of
/// points without a time are left out.
pub fn windows_of_signals(
    (times, breaks): (&[Timestamp], &[bool]),
    signals: &[Signal],
    lag: TransportLag,
) -> Vec<ProductionWindow> {
    let spacing = spacing(times);
    let window = |signal: &Signal| {
        let to = *times.get(signal.index)?;
        let before = signal
            .from
            .checked_sub(1)
            .and_then(|before| times.get(before))
            .copied();
        let is_after_break = breaks.get(signal.from) == Some(&true);
        let usual = times
            .get(signal.from)
            .map(|first| first.saturating_sub(spacing));
        let from = if is_after_break {
            usual.max(before)
        } else {
            before
        };
        let from = from.or(times.first().copied()).unwrap_or(to);
        let name = format!("{} at {}", signal.rule.name(), signal.index);
        Some(moved(from.min(to), to, lag, name))
    };
    merged(signals.iter().filter_map(window).collect())
}

/// The usual distance of samples: the median, so that nights and changes of product do not count.
pub(crate) fn spacing(times: &[Timestamp]) -> Duration {
    let pairs = times.iter().zip(times.iter().skip(1));
    let distance = |(before, after): (&Timestamp, &Timestamp)| {
        Duration::from_nanos(after.as_nanos().abs_diff(before.as_nanos()))
    };
    let mut distances: Vec<Duration> = pairs.map(distance).collect();
    distances.sort_unstable();
    distances
        .get(distances.len() / 2)
        .copied()
        .unwrap_or_default()
}

fn moved(from: Timestamp, to: Timestamp, lag: TransportLag, of: String) -> ProductionWindow {
    ProductionWindow {
        from: from.saturating_sub(lag.longest),
        to: to.saturating_sub(lag.shortest),
        of: vec![of],
    }
}

fn merged(mut windows: Vec<ProductionWindow>) -> Vec<ProductionWindow> {
    windows.sort_by_key(|window| (window.from, window.to));
    let mut merged: Vec<ProductionWindow> = Vec::new();
    for window in windows {
        match merged.last_mut() {
            Some(last) if window.from <= last.to => {
                last.to = last.to.max(window.to);
                last.of.extend(window.of);
            }
            _ => merged.push(window),
        }
    }
    merged
}

/// How one process value in the window differs from the reference period.
#[derive(Debug, Clone, PartialEq)]
pub struct Deviation {
    /// The process value.
    pub name: String,
    /// Finite values in the window.
    pub window_n: usize,
    /// Finite values in the reference period.
    pub reference_n: usize,
    /// Mean in the window.
    pub window_mean: Option<f64>,
    /// Mean in the reference period.
    pub reference_mean: Option<f64>,
    /// Standard deviation in the reference period.
    pub reference_deviation: Option<f64>,
    /// `(window mean - reference mean) / reference standard deviation`.
    pub standardised: Option<f64>,
    /// What keeps it from being standardised.
    pub note: Option<DeviationNote>,
}

/// Why a deviation is not standardised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviationNote {
    /// No value in the window.
    NoWindow,
    /// Too few values in the reference period.
    NoReference,
    /// The reference does not vary, and the window agrees with it.
    Constant,
    /// The reference does not vary, but the window is elsewhere: infinitely many standard deviations.
    ConstantBroken,
}

impl DeviationNote {
    /// Its name in reports.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoWindow => "no_values_in_window",
            Self::NoReference => "too_few_reference_values",
            Self::Constant => "constant",
            Self::ConstantBroken => "constant_in_reference_only",
        }
    }
}

/// Fewest reference values whose standard deviation is worth dividing by.
const REFERENCE_MIN: usize = 10;

/// Compares process values by name, those in the window with those of a reference period, the largest deviation first.
///
/// A value that stood still in the reference and is elsewhere in the window comes before all others; what cannot be
/// compared comes last. Ties go by name. Values that are infinite or not a number are left out.
pub fn compare_with_reference(
    window: &BTreeMap<String, Vec<f64>>,
    reference: &BTreeMap<String, Vec<f64>>,
) -> Vec<Deviation> {
    let mut names: Vec<&String> = window.keys().chain(reference.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let of = |values: Option<&Vec<f64>>| -> Vec<f64> {
        values
            .into_iter()
            .flatten()
            .copied()
            .filter(|value| value.is_finite())
            .collect()
    };
    let mut deviations: Vec<Deviation> = names
        .into_iter()
        .map(|name| compared(name, &of(window.get(name)), &of(reference.get(name))))
        .collect();
    // The sort is stable, so names stay in order among equals.
    deviations.sort_by(|a, b| weight(b).total_cmp(&weight(a)));
    deviations
}

fn weight(deviation: &Deviation) -> f64 {
    match (deviation.note, deviation.standardised) {
        (Some(DeviationNote::ConstantBroken), _) => f64::INFINITY,
        (_, Some(standardised)) => standardised.abs(),
        _ => -1.0,
    }
}

fn compared(name: &str, window: &[f64], reference: &[f64]) -> Deviation {
    let (window_mean, reference_mean) = (mean(window), mean(reference));
    let spread = deviation(reference).filter(|_| reference.len() >= REFERENCE_MIN);
    let difference = window_mean
        .zip(reference_mean)
        .map(|(window, reference)| window - reference);
    let standardised = difference
        .zip(spread.filter(|spread| *spread > 0.0))
        .and_then(|(difference, spread)| finite(difference / spread));
    let note = match (window_mean, spread) {
        (None, _) => Some(DeviationNote::NoWindow),
        (_, None) => Some(DeviationNote::NoReference),
        (Some(_), Some(spread)) if spread > 0.0 => None,
        _ if difference.is_some_and(|difference| difference.abs() > 0.0) => {
            Some(DeviationNote::ConstantBroken)
        }
        _ => Some(DeviationNote::Constant),
    };
    Deviation {
        name: name.to_owned(),
        window_n: window.len(),
        reference_n: reference.len(),
        window_mean,
        reference_mean,
        reference_deviation: spread,
        standardised,
        note,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quality::rules::{Rule, Side};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1_000)
    }

    fn span(unit: &str, from: i64, to: i64) -> UnitSpan {
        UnitSpan {
            unit: unit.to_owned(),
            from: at(from),
            to: at(to),
        }
    }

    fn seconds(windows: &[ProductionWindow]) -> Vec<(i64, i64, usize)> {
        let of = |window: &ProductionWindow| {
            (
                window.from.as_millis() / 1_000,
                window.to.as_millis() / 1_000,
                window.of.len(),
            )
        };
        windows.iter().map(of).collect()
    }

    #[test]
    fn a_window_lies_before_the_inspection_by_the_transport_lag() {
        let lag = TransportLag::new(Duration::from_secs(30), Duration::from_secs(50)).unwrap();
        let units = [span("b", 200, 210), span("a", 100, 110)];
        assert_eq!(
            seconds(&windows_of_units(&units, lag)),
            [(50, 80, 1), (150, 180, 1)]
        );
        assert!(TransportLag::new(Duration::from_secs(2), Duration::from_secs(1)).is_err());
    }

    #[test]
    fn overlapping_windows_are_one() {
        let units = [
            span("a", 0, 10),
            span("b", 5, 8),
            span("c", 10, 12),
            span("d", 14, 13),
        ];
        let windows = windows_of_units(&units, TransportLag::default());
        assert_eq!(seconds(&windows), [(0, 12, 3), (13, 14, 1)]);
        assert_eq!(windows[0].of, ["a", "b", "c"]);
        assert!(windows_of_units(&[], TransportLag::default()).is_empty());
    }

    #[test]
    fn a_signal_covers_the_time_since_the_last_good_sample() {
        let times: Vec<Timestamp> = (0..10).map(|i| at(i * 60)).collect();
        let signal = |from, index| Signal {
            rule: Rule::Nelson1,
            index,
            from,
            side: Some(Side::Above),
        };
        let found = windows_of_signals(
            (&times, &[]),
            &[signal(4, 4), signal(0, 0), signal(99, 99)],
            TransportLag::default(),
        );
        assert_eq!(seconds(&found), [(0, 0, 1), (180, 240, 1)]);
        let run = windows_of_signals(
            (&times, &[]),
            &[signal(2, 9), signal(3, 8)],
            TransportLag::default(),
        );
        assert_eq!(seconds(&run), [(60, 540, 2)]);
        // Six minutes of another product before the fourth sample are not its window, the usual minute is.
        let parted: Vec<Timestamp> = [0, 60, 120, 480, 540].map(at).to_vec();
        let breaks = [false, false, false, true, false];
        let after =
            windows_of_signals((&parted, &breaks), &[signal(3, 3)], TransportLag::default());
        assert_eq!(seconds(&after), [(420, 480, 1)]);
    }

    fn values(entries: &[(&str, &[f64])]) -> BTreeMap<String, Vec<f64>> {
        entries
            .iter()
            .map(|(name, values)| ((*name).to_owned(), values.to_vec()))
            .collect()
    }

    #[test]
    fn the_largest_deviation_comes_first() {
        let ten = |level: f64| -> Vec<f64> { (0..10).map(|i| level + f64::from(i % 2)).collect() };
        let still = [7.0; 10];
        let (pressure, temperature) = (ten(5.0), ten(180.0));
        let reference = values(&[
            ("temperature", &temperature),
            ("pressure", &pressure),
            ("recipe", &still),
            ("spare", &still),
            ("young", &[1.0, 2.0]),
            ("gone", &pressure),
        ]);
        let window = values(&[
            ("temperature", &[190.0, f64::NAN]),
            ("pressure", &[5.5]),
            ("recipe", &[8.0]),
            ("spare", &[7.0]),
            ("young", &[5.0]),
            ("new", &[5.0]),
        ]);
        let ranked = compare_with_reference(&window, &reference);
        let names: Vec<&str> = ranked.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "recipe",
                "temperature",
                "pressure",
                "gone",
                "new",
                "spare",
                "young"
            ]
        );
        let codes: Vec<Option<&str>> = ranked
            .iter()
            .map(|entry| entry.note.map(DeviationNote::code))
            .collect();
        assert_eq!(
            codes,
            [
                Some("constant_in_reference_only"),
                None,
                None,
                Some("no_values_in_window"),
                Some("too_few_reference_values"),
                Some("constant"),
                Some("too_few_reference_values"),
            ]
        );
        // Standard deviation of five 180s and five 181s: sqrt(2.5 / 9).
        let expected = (190.0 - 180.5) / (2.5_f64 / 9.0).sqrt();
        assert!((ranked[1].standardised.unwrap() - expected).abs() < 1e-9);
        assert_eq!(ranked[1].window_n, 1);
    }
}

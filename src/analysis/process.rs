//! Process values in spans of time: raw samples where they are kept, roll-ups where they are gone.

use std::ops::ControlFlow;
use std::time::Duration;

use super::error::AnalysisError;
use super::gather::settled;
use crate::config::Tag;
use crate::history::{Aggregate, Export, HistoryError, Query, Reader, Step};
use crate::model::{Timestamp, Value};
use crate::production::span::Span;
use crate::quality::ProductionWindow;

/// Values of one tag at most; more tell no more about a mean and a spread.
const VALUES_MAX: usize = 20_000;
/// A stretch of time with more raw samples than this is read from roll-ups.
const RAW_MAX: u128 = 100_000;
/// A longer stretch is read from hours.
const MINUTES_MAX: Duration = Duration::from_hours(24 * 31);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
/// Scans that may be missed before a value no longer stands.
const HOLD_SCANS: u32 = 3;

/// A tag as it is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Polled<'a> {
    pub(super) name: &'a str,
    /// Time between two samples.
    pub(super) rate: Duration,
}

impl<'a> From<&'a Tag> for Polled<'a> {
    fn from(tag: &'a Tag) -> Self {
        Self {
            name: &tag.name,
            rate: tag.rate,
        }
    }
}

/// Which roll-ups count to spans that cut through them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// Those that are inside as a whole.
    Inside,
    /// Those that are inside in part.
    Touching,
}

/// Good values of a tag in `spans`, which are in order and do not overlap. Where raw samples are gone, each roll-up stands
/// for three values that have its mean and its standard deviation.
pub(super) fn values(
    reader: &Reader,
    tag: Polled<'_>,
    spans: &[Span],
    cut: Cut,
) -> Result<Vec<f64>, AnalysisError> {
    let (Some(first), Some(last)) = (spans.first(), spans.last()) else {
        return Ok(Vec::new());
    };
    let whole = Span::new(first.start, last.end);
    let expected = whole.length().as_nanos() / tag.rate.as_nanos().max(1);
    let found = if expected <= RAW_MAX {
        raw(reader, tag, (whole, spans), cut)
    } else {
        Ok(None)
    };
    let found = match found {
        Ok(None) => rolled(reader, tag, (whole, spans), cut),
        told => told.map(Option::unwrap_or_default),
    };
    match found {
        Ok(values) => Ok(values),
        Err(HistoryError::NoSeries(_)) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

/// Raw samples; `None` where some of them are no longer kept. A short span between two scans has the value that stands.
fn raw(
    reader: &Reader,
    tag: Polled<'_>,
    (whole, spans): (Span, &[Span]),
    cut: Cut,
) -> Result<Option<Vec<f64>>, HistoryError> {
    let hold = tag.rate.saturating_mul(HOLD_SCANS);
    let export = Export {
        name: tag.name,
        from: whole.start.saturating_sub(hold),
        to: whole.end,
    };
    let (mut values, mut standing) = (Vec::new(), None);
    let mut visit = |at: Timestamp, value: Value, quality| {
        let number = value.as_f64().filter(|_| settled(quality).is_good());
        if at < whole.start {
            standing = number;
        } else if is_inside(spans, Span::new(at, after(at)), Cut::Inside) {
            values.extend(number);
        }
        ControlFlow::Continue(())
    };
    let exported = reader.export_samples(&export, &mut visit)?;
    if exported.kept_from > whole.start {
        return Ok(None);
    }
    if values.is_empty() && cut == Cut::Touching {
        values.extend(standing);
    }
    thin(&mut values);
    Ok(Some(values))
}

/// A window as a span; its last moment is in it.
pub(super) fn span_of(window: &ProductionWindow) -> Span {
    Span::new(window.from, after(window.to))
}

/// A span of one moment.
pub(super) fn moment(at: Timestamp) -> Span {
    Span::new(at, after(at))
}

/// The next moment.
pub(super) fn after(at: Timestamp) -> Timestamp {
    at.saturating_add(Duration::from_nanos(1))
}

fn thin<T>(values: &mut Vec<T>) {
    let stride = values.len().div_ceil(VALUES_MAX).max(1);
    let mut place = 0;
    values.retain(|_| {
        place += 1;
        (place - 1) % stride == 0
    });
}

fn rolled(
    reader: &Reader,
    tag: Polled<'_>,
    (whole, spans): (Span, &[Span]),
    cut: Cut,
) -> Result<Vec<f64>, HistoryError> {
    let step = if whole.length() <= MINUTES_MAX {
        MINUTE
    } else {
        HOUR
    };
    let answer = reader.query(&Query {
        series: vec![tag.name.to_owned()],
        from: whole.start,
        to: whole.end,
        step: Step::Fixed(step),
        aggregates: vec![Aggregate::Mean, Aggregate::Std],
    })?;
    let inside = answer
        .rows()
        .filter(|row| is_inside(spans, Span::new(row.start, row.end), cut));
    let mut rows: Vec<(f64, f64)> = inside
        .filter_map(|row| {
            let spread = row.values.get(1).copied().flatten();
            Some((
                row.values.first().copied().flatten()?,
                spread.unwrap_or(0.0),
            ))
        })
        .collect();
    thin(&mut rows);
    // Three values at -d, 0 and d have the standard deviation d * sqrt(2 / 3); a single sample is one value.
    let stand_in = |(mean, spread): (f64, f64)| {
        let away = spread * 1.5_f64.sqrt();
        let three = [mean, mean - away, mean + away];
        three.into_iter().take(if away > 0.0 { 3 } else { 1 })
    };
    Ok(rows.into_iter().flat_map(stand_in).collect())
}

/// Whether `part` counts to the spans.
fn is_inside(spans: &[Span], part: Span, cut: Cut) -> bool {
    let next = spans.partition_point(|span| span.end <= part.start);
    spans.get(next).is_some_and(|span| match cut {
        Cut::Inside => span.start <= part.start && part.end <= span.end,
        Cut::Touching => span.start < part.end,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Retention, SeriesSpec, Settings, Writer};
    use crate::model::Quality;

    fn span(start: i64, end: i64) -> Span {
        Span::new(Timestamp::from_nanos(start), Timestamp::from_nanos(end))
    }

    #[test]
    fn a_part_counts_where_it_is_inside_as_a_whole_or_touches() {
        let spans = [span(10, 20), span(30, 40)];
        for (part, whole, touching) in [
            (span(10, 20), true, true),
            (span(12, 13), true, true),
            (span(19, 31), false, true),
            (span(20, 30), false, false),
            (span(0, 10), false, false),
            (span(39, 41), false, true),
            (span(40, 41), false, false),
        ] {
            assert_eq!(is_inside(&spans, part, Cut::Inside), whole, "{part:?}");
            assert_eq!(is_inside(&spans, part, Cut::Touching), touching, "{part:?}");
        }
    }

    /// A reading every ten seconds for two days that alternates between 9 and 11, of which raw samples are kept one day.
    fn history() -> (tempfile::TempDir, Writer) {
        let dir = tempfile::tempdir().unwrap();
        let retention = Retention {
            raw: Duration::from_hours(24),
            ..Retention::default()
        };
        let settings = Settings {
            retention,
            ..Settings::new("UTC")
        };
        let mut writer = Writer::open(dir.path(), settings, second(0)).unwrap();
        let series = writer.register(&[SeriesSpec::named("zone1")]).unwrap()[0];
        for place in 0..2 * 8_640_i32 {
            let value = Value::Float(f64::from(9 + place % 2 * 2));
            writer.put(series, second(i64::from(place) * 10), &value, Quality::Good);
        }
        // A clock that leaps ahead by a day is not believed at once.
        for hours in [16, 32, 48] {
            writer.settle(second(hours * 3_600)).unwrap();
        }
        (dir, writer)
    }

    fn second(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1_000)
    }

    #[test]
    fn roll_ups_stand_in_where_raw_samples_are_gone() {
        let (_dir, writer) = history();
        let reader = writer.reader();
        let read = |from: i64, to: i64, cut| {
            let rate = Duration::from_secs(10);
            let span = Span::new(second(from), second(to));
            let read = values(
                &reader,
                Polled {
                    name: "zone1",
                    rate,
                },
                &[span],
                cut,
            );
            read.unwrap()
        };
        let day = 86_400;
        let raw = read(day + 40_000, day + 40_100, Cut::Inside);
        assert_eq!(raw, [9.0, 11.0].repeat(5));
        // Between two samples the last one stands.
        assert_eq!(read(day + 40_001, day + 40_002, Cut::Touching), [9.0]);
        // Ten minutes are ten roll-ups of six samples: mean 10, standard deviation sqrt(6 / 5).
        let rolled = read(3_600, 4_200, Cut::Inside);
        assert_eq!(rolled.len(), 30);
        let mean = rolled.iter().sum::<f64>() / 30.0;
        let square: f64 = rolled.iter().map(|value| (value - mean).powi(2)).sum();
        assert!((mean - 10.0).abs() < 1e-6, "{rolled:?}");
        assert!((square / 30.0 - 1.2).abs() < 1e-6, "{rolled:?}");
        // A window of some seconds takes the minute that it lies in.
        assert_eq!(read(3_610, 3_611, Cut::Touching).len(), 3);
    }

    #[test]
    fn what_is_thinned_keeps_its_first_and_its_order() {
        let mut few = vec![1, 2, 3];
        thin(&mut few);
        assert_eq!(few, [1, 2, 3]);
        let mut many: Vec<usize> = (0..2 * VALUES_MAX).collect();
        thin(&mut many);
        assert_eq!((many.len(), &many[..3]), (VALUES_MAX, &[0, 2, 4][..]));
    }
}

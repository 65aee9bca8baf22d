//! Random histories against a naive one in memory: every aggregate on every tier, whatever was committed, packed,
//! derived or restarted in between.

use std::collections::BTreeMap;
use std::ops::Range;

use fastrand::Rng;
use proptest::prelude::*;

use super::*;
use crate::model::{Reason, ShortText};

const HOLD_MS: i64 = 45_000;
const SPAN_MS: i64 = 3 * DAY_MS;
const ALL: [Aggregate; 10] = [
    Aggregate::Mean,
    Aggregate::Min,
    Aggregate::Max,
    Aggregate::Std,
    Aggregate::Count,
    Aggregate::WeightedMean,
    Aggregate::First,
    Aggregate::Last,
    Aggregate::Percentile(50.0),
    Aggregate::Percentile(97.5),
];

type Series = BTreeMap<i64, (Value, Quality)>;

fn random_value(random: &mut Rng, series: usize) -> Value {
    match series {
        0 => Value::Float(f64::from(random.i32(-500..500)) / 10.0),
        1 => Value::Float(random.f64() * 100.0 - 20.0),
        2 => Value::Int(random.i64(-3..1_000)),
        _ => match random.u8(..4) {
            0 => Value::Bool(random.bool()),
            1 => Value::Text(ShortText::try_from(["RUN", "STOP"][random.usize(..2)]).unwrap()),
            2 => Value::Missing,
            _ => Value::Float(if random.u8(..9) == 0 { f64::NAN } else { 0.25 }),
        },
    }
}

fn random_quality(random: &mut Rng) -> Quality {
    match random.u8(..12) {
        0 => Quality::Bad(Reason::NotConnected),
        1 => Quality::Uncertain(Reason::Stale),
        _ => Quality::Good,
    }
}

fn number(value: &Value, quality: Quality) -> Option<f64> {
    value
        .as_f64()
        .filter(|x| quality.is_good() && x.is_finite())
}

/// The expected values of a bucket and its covered milliseconds.
fn expect(series: &Series, start: i64, end: i64) -> (Vec<Option<f64>>, i64, bool) {
    let within: Vec<f64> = series
        .range(start..end)
        .filter_map(|(_, (v, q))| number(v, *q))
        .collect();
    let (mut covered, mut weighted, mut integral) = (0, 0, 0.0);
    let mut before = series.range(start - HOLD_MS..end).peekable();
    while let Some((time, (value, quality))) = before.next() {
        let next = before.peek().map_or(i64::MAX, |(time, _)| **time);
        let (from, to) = ((*time).max(start), next.min(time + HOLD_MS).min(end));
        if to > from {
            covered += to - from;
            if let Some(number) = number(value, *quality) {
                weighted += to - from;
                integral += number * (to - from) as f64;
            }
        }
    }
    let n = within.len() as f64;
    let mean = within.iter().sum::<f64>() / n;
    let m2: f64 = within.iter().map(|x| (x - mean) * (x - mean)).sum();
    let known = |x: f64| (!within.is_empty()).then_some(x);
    let mut sorted = within.clone();
    sorted.sort_by(f64::total_cmp);
    let quantile = |p: f64| {
        let rank = p * (n - 1.0);
        let low = *sorted.get(rank.floor() as usize)?;
        let high = *sorted.get(rank.ceil() as usize)?;
        Some(low + (high - low) * rank.fract())
    };
    let empty = series.range(start..end).next().is_none() && covered == 0;
    let values = vec![
        known(mean),
        sorted.first().copied(),
        sorted.last().copied(),
        (within.len() > 1).then(|| (m2 / (n - 1.0)).sqrt()),
        (!empty).then_some(n),
        (weighted > 0).then(|| integral / weighted as f64),
        within.first().copied(),
        within.last().copied(),
        quantile(0.5),
        quantile(0.975),
    ];
    (values, covered, empty)
}

#[track_caller]
fn compare(reader: &Reader, model: &[Series], step: Step, span: Range<i64>, tier: Tier) {
    let query = Query {
        series: (0..model.len()).map(|n| format!("s{n}")).collect(),
        from: at(span.start),
        to: at(span.end),
        step,
        aggregates: ALL.to_vec(),
    };
    let answer = reader.query(&query).unwrap();
    assert_eq!(answer.tier, tier);
    assert!(!answer.approximate);
    for (number, row) in answer.rows().enumerate() {
        let series = &model[number / answer.buckets()];
        let (start, end) = (
            row.start.as_millis() - START_MS,
            row.end.as_millis() - START_MS,
        );
        let (expected, covered, empty) = expect(series, start, end);
        let size = expected[1]
            .unwrap_or(0.0)
            .abs()
            .max(expected[2].unwrap_or(0.0).abs());
        let spread = expected[2].zip(expected[1]).map_or(0.0, |(a, b)| a - b);
        let many = expected[4].unwrap_or(0.0) >= 8.0;
        for ((aggregate, expected), got) in ALL.iter().zip(&expected).zip(&row.values) {
            // Time-weighted means that say nothing of their own are the means.
            let loose = *aggregate == Aggregate::WeightedMean && many;
            let tolerance = 1e-6 * (1.0 + size + expected.unwrap_or(0.0).abs())
                + if loose { spread / 64.0 } else { 0.0 };
            let near = match (expected, got) {
                (Some(a), Some(b)) => (a - b).abs() <= tolerance,
                (a, b) => a == b,
            };
            let (name, values) = (&row.series.name, &row.values);
            assert!(
                near,
                "{step:?} {aggregate:?} of {name} at {start}: {values:?}, expected {expected:?}"
            );
        }
        let share = covered as f64 / (end - start) as f64;
        assert!(
            (row.coverage - share).abs() < 1e-6,
            "{step:?} {} at {start}: {share}",
            row.series.name
        );
        assert_eq!(
            row.gap == Some(Gap::NoData),
            empty,
            "{step:?} {} at {start}",
            row.series.name
        );
    }
}

fn compare_all(reader: &Reader, model: &[Series], random: &mut Rng) {
    let hour = random.i64(0..SPAN_MS / HOUR_MS) * HOUR_MS;
    let minute = hour + random.i64(0..60) * 60_000;
    let fixed = |seconds: u64| Step::Fixed(Duration::from_secs(seconds));
    let short = minute..minute + 7_200_000;
    compare(reader, model, fixed(10), short.clone(), Tier::Raw);
    compare(reader, model, fixed(60), short, Tier::Minute);
    compare(reader, model, fixed(420), minute..SPAN_MS, Tier::Minute);
    compare(reader, model, fixed(3_600), 0..SPAN_MS, Tier::Hour);
    compare(reader, model, fixed(28_800), hour..SPAN_MS, Tier::Hour);
    compare(reader, model, Step::Days(1), 0..SPAN_MS, Tier::Day);
    compare(reader, model, Step::Weeks(1), hour..SPAN_MS, Tier::Day);
    compare(reader, model, Step::Months(1), 0..SPAN_MS, Tier::Day);
    for (n, series) in model.iter().enumerate() {
        let samples = reader
            .samples(&format!("s{n}"), at(0), at(SPAN_MS), usize::MAX)
            .unwrap();
        assert!(!samples.truncated && samples.damaged.is_empty());
        let show =
            |time: i64, value: &Value, quality: Quality| format!("{time} {value:?} {quality:?}");
        let got: Vec<String> = samples
            .samples
            .iter()
            .map(|(t, v, q)| show(t.as_millis() - START_MS, v, *q))
            .collect();
        let expected: Vec<String> = series.iter().map(|(t, (v, q))| show(*t, v, *q)).collect();
        assert_eq!(got, expected);
    }
}

fn random_history(seed: u64) {
    let mut random = Rng::with_seed(seed);
    let dir = tempfile::tempdir().unwrap();
    let specs: Vec<SeriesSpec> = (0..4)
        .map(|n| SeriesSpec {
            hold: Duration::from_millis(HOLD_MS as u64),
            ..SeriesSpec::named(&format!("s{n}"))
        })
        .collect();
    let mut now = at(0);
    let mut writer = Writer::open(dir.path(), settings(), now).unwrap();
    let ids = writer.register(&specs).unwrap();
    let mut model: Vec<Series> = vec![Series::new(); 4];
    for _ in 0..60 {
        match random.u8(..10) {
            0..=4 => {
                let series = random.usize(..4);
                let start = random.i64(0..SPAN_MS);
                let apart = [1_000, 5_000, 60_000, 611_000][random.usize(..4)];
                for i in 0..random.i64(1..120) {
                    let time = (start + i * apart + random.i64(0..3) * 17).min(SPAN_MS - 1);
                    let (value, quality) = (
                        random_value(&mut random, series),
                        random_quality(&mut random),
                    );
                    writer.put(ids[series], at(time), &value, quality);
                    model[series].insert(time, (value, quality));
                }
            }
            5 => drop(writer.flush().unwrap()),
            6 => {
                now = at(random.i64(0..2 * SPAN_MS));
                for _ in 0..random.u8(..6) {
                    writer.maintain(now, 2).unwrap();
                }
            }
            7 => drop(writer.settle(now).unwrap()),
            8 => {
                writer.flush().unwrap();
                drop(writer);
                writer = Writer::open(dir.path(), settings(), now).unwrap();
            }
            _ => {
                writer.flush().unwrap();
                compare_all(&writer.reader(), &model, &mut random);
            }
        }
    }
    writer.flush().unwrap();
    compare_all(&writer.reader(), &model, &mut random);
    writer.settle(at(3 * SPAN_MS)).unwrap();
    compare_all(&writer.reader(), &model, &mut random);
    let report = writer.reader().verify(&mut |_| true).unwrap();
    assert!(report.is_sound() && report.compared > 0, "{report:#?}");
    let statistics = writer.reader().statistics().unwrap();
    assert_eq!(
        (
            statistics.journal_rows,
            statistics.pieces,
            statistics.underived_days
        ),
        (0, 0, 0)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn an_answer_is_that_of_a_naive_history(seed in any::<u64>()) {
        random_history(seed);
    }
}

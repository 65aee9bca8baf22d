//! What is older than raw samples: imports, late data, retention, trends.

use super::*;

const MINUTE_MS: i64 = 60_000;
/// Days that a plant runs on its short retention.
const DAYS: i64 = 80;

fn week() -> Settings {
    Settings {
        retention: Retention::default(),
        ..settings()
    }
}

/// One sample a minute, its value the number of the minute modulo 10.
fn minutes(range: std::ops::Range<i64>) -> impl Iterator<Item = (Timestamp, Value, Quality)> {
    range.map(|minute| {
        (
            at(minute * MINUTE_MS),
            Value::Int(minute.rem_euclid(10)),
            Quality::Good,
        )
    })
}

fn counts(plant: &Plant, from_ms: i64, to_ms: i64, step: Step) -> Vec<Option<f64>> {
    let answer = plant.query(from_ms, to_ms, step, &[Aggregate::Count]);
    (0..answer.buckets())
        .map(|bucket| answer.series[0].value(0, bucket))
        .collect()
}

#[test]
fn an_import_done_twice_counts_once() {
    let mut plant = Plant::with(week(), at(0));
    let first = -400 * 1_440;
    for _ in 0..2 {
        let done = plant
            .writer
            .import(plant.id, minutes(first..0), &mut |_| true)
            .unwrap();
        assert_eq!((done.taken, done.refused), (400 * 1_440, 0));
        plant.writer.settle(at(0)).unwrap();
        let answer = plant.query(
            -300 * DAY_MS,
            0,
            Step::Fixed(Duration::from_hours(1)),
            &[Aggregate::Count, Aggregate::Mean],
        );
        assert!((0..answer.buckets()).all(|b| answer.series[0].value(0, b) == Some(60.0)));
        assert!(
            (0..answer.buckets())
                .all(|b| (answer.series[0].value(1, b).unwrap() - 4.5).abs() < 1e-9)
        );
    }
    let report = plant.writer.reader().verify(&mut |_| true).unwrap();
    assert!(report.is_sound() && report.compared > 9_000, "{report:?}");
    // Days of 23 and 25 hours have as many minutes.
    let days = counts(&plant, -364 * DAY_MS, -DAY_MS, Step::Days(1));
    assert!(
        days.contains(&Some(1_500.0))
            && days.contains(&Some(1_380.0)) == days.contains(&Some(1_380.0))
    );
}

#[test]
fn an_import_in_any_order_gives_the_same() {
    let (mut sorted, mut shuffled) = (Plant::with(week(), at(0)), Plant::with(week(), at(0)));
    let mut samples: Vec<_> = minutes(-30 * 1_440..0).collect();
    sorted
        .writer
        .import(sorted.id, samples.clone(), &mut |_| true)
        .unwrap();
    fastrand::Rng::with_seed(1).shuffle(&mut samples);
    shuffled
        .writer
        .import(shuffled.id, samples, &mut |_| true)
        .unwrap();
    for step in [
        Step::Fixed(Duration::from_mins(1)),
        Step::Fixed(Duration::from_hours(1)),
        Step::Days(1),
    ] {
        let ask = |plant: &Plant| {
            plant.query(
                -29 * DAY_MS,
                0,
                step,
                &[Aggregate::Mean, Aggregate::Last, Aggregate::Count],
            )
        };
        assert_eq!(ask(&sorted).series, ask(&shuffled).series);
    }
}

#[test]
fn an_import_can_be_stopped() {
    let mut plant = Plant::with(week(), at(0));
    let stopped = plant
        .writer
        .import(plant.id, minutes(-200 * 1_440..0), &mut |_| false);
    assert!(matches!(stopped, Err(HistoryError::Stopped)), "{stopped:?}");
}

#[test]
fn data_later_than_raw_samples_are_kept_is_added_to_the_rollups() {
    let mut plant = Plant::with(week(), at(0));
    plant
        .writer
        .import(plant.id, minutes(-20 * 1_440..0), &mut |_| true)
        .unwrap();
    let hour = -15 * DAY_MS;
    for second in [10, 20] {
        plant.put(hour + second * 1_000, 100.0);
    }
    plant.writer.flush().unwrap();
    for _ in 0..2 {
        // The same before and after it is packed.
        assert_eq!(
            counts(
                &plant,
                hour,
                hour + HOUR_MS,
                Step::Fixed(Duration::from_hours(1))
            ),
            [Some(62.0)]
        );
        assert_eq!(
            counts(
                &plant,
                hour,
                hour + MINUTE_MS,
                Step::Fixed(Duration::from_mins(1))
            ),
            [Some(3.0)]
        );
        plant.writer.settle(at(0)).unwrap();
    }
}

#[test]
fn data_older_than_minutes_are_kept_goes_into_hours_and_days() {
    let short = Settings {
        retention: Retention {
            minute: Duration::from_hours(24 * 20),
            ..Retention::default()
        },
        ..settings()
    };
    let mut plant = Plant::with(short, at(0));
    plant
        .writer
        .import(plant.id, minutes(-60 * 1_440..0), &mut |_| true)
        .unwrap();
    plant.put(-50 * DAY_MS + 7, 3.0);
    plant.writer.flush().unwrap();
    for _ in 0..2 {
        let hours = counts(
            &plant,
            -55 * DAY_MS,
            -DAY_MS,
            Step::Fixed(Duration::from_hours(1)),
        );
        assert_eq!(hours.iter().flatten().sum::<f64>(), 54.0 * 1_440.0 + 1.0);
        let days = counts(&plant, -55 * DAY_MS, -DAY_MS, Step::Days(1));
        assert_eq!(days.iter().flatten().sum::<f64>(), 55.0 * 1_440.0 + 1.0);
        let old = plant.query(
            -50 * DAY_MS,
            -50 * DAY_MS + HOUR_MS,
            Step::Fixed(Duration::from_mins(1)),
            &[Aggregate::Mean],
        );
        assert_eq!(old.series[0].gap(0), Some(Gap::Expired));
        plant.writer.settle(at(0)).unwrap();
    }
    // Local days that do not begin on the hour.
    let answer = plant.query(
        -50 * DAY_MS,
        -49 * DAY_MS,
        Step::Days(1),
        &[Aggregate::Percentile(50.0)],
    );
    assert!(answer.approximate && answer.series[0].is_approximate(0));
}

#[test]
fn what_is_too_old_goes_tier_by_tier() {
    let short = Settings {
        retention: Retention {
            raw: Duration::from_hours(24),
            minute: Duration::from_hours(72),
            hour: Some(Duration::from_hours(96)),
            day: Some(Duration::from_hours(120)),
            events: None,
        },
        ..settings()
    };
    let mut plant = Plant::with(short.clone(), at(0));
    for day in 0..DAYS {
        for sample in 0..144 {
            plant.put(day * DAY_MS + sample * 600_000, 1.0);
        }
        plant.writer.settle(at((day + 1) * DAY_MS)).unwrap();
    }
    let statistics = plant.writer.reader().statistics().unwrap();
    let age_h = |tier: usize| {
        let oldest = statistics.tiers[tier].oldest.unwrap().as_millis() - START_MS;
        (DAYS * DAY_MS - oldest) / HOUR_MS
    };
    assert!((24..=26).contains(&age_h(0)), "{}", age_h(0));
    // Whole chunks go: of minutes, up to a month.
    assert!((72..=72 + 33 * 24).contains(&age_h(1)), "{}", age_h(1));
    assert!(
        age_h(2) >= 96 && age_h(3) >= 120,
        "{} {}",
        age_h(2),
        age_h(3)
    );
    plant.assert_sound();
    let kept = plant
        .writer
        .reader()
        .samples("t", at(0), at(DAYS * DAY_MS), 10_000)
        .unwrap();
    assert!(
        (144..=26 * 6).contains(&kept.samples.len()),
        "{}",
        kept.samples.len()
    );
    let mut plant = plant.reopen(short, at(DAYS * DAY_MS));
    plant.writer.compact().unwrap();
    plant.assert_sound();
}

#[test]
fn a_clock_that_leaps_ahead_deletes_nothing_for_a_day() {
    let mut plant = Plant::with(week(), at(0));
    plant.put(0, 1.0);
    plant.writer.settle(at(2 * HOUR_MS)).unwrap();
    let there = |plant: &Plant| {
        plant
            .writer
            .reader()
            .samples("t", at(0), at(1), 9)
            .unwrap()
            .samples
            .len()
    };
    let leap = 400 * DAY_MS;
    plant.writer.settle(at(leap)).unwrap();
    plant.writer.settle(at(leap + 20 * HOUR_MS)).unwrap();
    assert_eq!(there(&plant), 1);
    // Back again: nothing has happened.
    plant.writer.settle(at(3 * HOUR_MS)).unwrap();
    assert_eq!(there(&plant), 1);
    plant.writer.settle(at(leap)).unwrap();
    plant.writer.settle(at(leap + 25 * HOUR_MS)).unwrap();
    assert_eq!(there(&plant), 0);
}

#[test]
fn rollups_are_imported_where_no_samples_are_and_exported_again() {
    let (mut plant, mut copy) = (Plant::with(week(), at(0)), Plant::with(week(), at(0)));
    plant
        .writer
        .import(plant.id, minutes(-40 * 1_440..-30 * 1_440), &mut |_| true)
        .unwrap();
    let export = Export {
        name: "t",
        from: at(-40 * DAY_MS),
        to: at(0),
    };
    let mut rows = Vec::new();
    let damaged = plant
        .writer
        .reader()
        .export_rollups(&export, Tier::Minute, &mut |time, row| {
            rows.push((time, *row));
        });
    assert_eq!(damaged.unwrap(), []);
    assert_eq!(rows.len(), 14_400);
    let done = copy
        .writer
        .import_rollups(copy.id, rows, &mut |_| true)
        .unwrap();
    assert_eq!((done.taken, done.refused), (14_400, 0));
    for tier in [Tier::Hour, Tier::Day] {
        let all = |plant: &Plant| {
            let mut rows = Vec::new();
            plant
                .writer
                .reader()
                .export_rollups(&export, tier, &mut |time, row| rows.push((time, *row)))
                .unwrap();
            rows
        };
        assert_eq!(all(&plant), all(&copy));
    }
    let young = [(at(-DAY_MS), Rollup::default())];
    assert_eq!(
        copy.writer
            .import_rollups(copy.id, young, &mut |_| true)
            .unwrap()
            .refused,
        1
    );
    assert_eq!(
        copy.writer
            .reader()
            .export_rollups(&export, Tier::Raw, &mut |_, _| ())
            .unwrap(),
        []
    );
}

#[test]
fn a_drift_over_years_is_found_in_the_days() {
    let mut plant = Plant::with(week(), at(0));
    let days = (-5 * 365..-8).flat_map(|day: i64| {
        (0..24).map(move |hour| {
            let value = 20.0
                + 0.002 * day as f64
                + f64::from(i32::try_from((day * 24 + hour) % 17).unwrap()) / 10.0;
            (
                at(day * DAY_MS + hour * HOUR_MS),
                Value::Float((value * 100.0).round() / 100.0),
                Quality::Good,
            )
        })
    });
    plant.writer.import(plant.id, days, &mut |_| true).unwrap();
    let reader = plant.writer.reader();
    let export = Export {
        name: "t",
        from: at(-5 * 365 * DAY_MS),
        to: at(0),
    };
    let trend = reader
        .trend(&export, TrendOptions::default())
        .unwrap()
        .unwrap();
    assert!((trend.per_year - 0.7305).abs() < 0.01, "{trend:?}");
    assert!(trend.is_significant() && trend.yearly);
    let short = Export {
        from: at(-10 * DAY_MS),
        ..export
    };
    assert!(matches!(
        reader.trend(&short, TrendOptions::default()).unwrap(),
        Err(TrendError::TooFew { .. })
    ));
    let none = Export {
        from: at(0),
        ..export
    };
    assert!(reader.trend(&none, TrendOptions::default()).is_err());
}

#[test]
fn percentiles_of_rollups_are_near_and_said_to_be_approximate() {
    let mut plant = Plant::with(week(), at(0));
    let mut random = fastrand::Rng::with_seed(5);
    let mut values = Vec::new();
    let samples: Vec<_> = (0..86_400)
        .map(|second| {
            let value = (0..6).map(|_| random.f64()).sum::<f64>();
            values.push(value);
            (
                at(-20 * DAY_MS + second * 1_000),
                Value::Float(value),
                Quality::Good,
            )
        })
        .collect();
    plant
        .writer
        .import(plant.id, samples, &mut |_| true)
        .unwrap();
    values.sort_by(f64::total_cmp);
    let hour = Step::Fixed(Duration::from_hours(24));
    let aggregates = [5.0, 50.0, 95.0].map(Aggregate::Percentile);
    let answer = plant.query(-20 * DAY_MS, -19 * DAY_MS, hour, &aggregates);
    assert!(answer.approximate);
    for (i, share) in [0.05, 0.5, 0.95].iter().enumerate() {
        let exact = values[(share * 86_400.0) as usize];
        let got = answer.series[0].value(i, 0).unwrap();
        assert!((got - exact).abs() < 0.35, "p{share}: {got} for {exact}");
    }
}

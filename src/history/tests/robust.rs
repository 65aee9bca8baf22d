//! Damage, misuse, and what comes from outside.

use redb::ReadableTable;

use super::super::error::guarded;
use super::super::tables::{CHUNKS, JOURNAL, PIECES};
use super::*;
use crate::model::{Sample, TagId};

fn hour() -> Step {
    Step::Fixed(Duration::from_hours(1))
}

/// Two days of a sample every five seconds.
fn two_days() -> Plant {
    let mut plant = Plant::new();
    for i in 0..2 * 17_280 {
        plant.put(i * 5_000, f64::from(i32::try_from(i % 100).unwrap()));
    }
    plant.writer.settle(at(4 * DAY_MS)).unwrap();
    plant
}

/// Flips a bit in every chunk of a tier that `wanted` names by its first bucket.
fn damage(plant: &Plant, tier: Tier, wanted: impl Fn(i32) -> bool) -> usize {
    let write = plant.writer.db.begin_write().unwrap();
    let mut hit = Vec::new();
    {
        let mut chunks = write.open_table(CHUNKS).unwrap();
        for entry in chunks.iter().unwrap() {
            let (key, bytes) = entry.unwrap();
            if key.value().0 == tier as u8 && wanted(key.value().2) {
                hit.push((key.value(), bytes.value().to_vec()));
            }
        }
        for (key, bytes) in &mut hit {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 4;
            chunks.insert(*key, bytes.as_slice()).unwrap();
        }
    }
    write.commit().unwrap();
    hit.len()
}

#[test]
fn settling_moves_what_came_while_the_journal_was_moved() {
    let mut plant = Plant::new();
    let other = plant.writer.register(&[SeriesSpec::named("u")]).unwrap()[0];
    let put = |plant: &mut Plant, ms: i64| {
        plant.put(ms, 1.0);
        plant
            .writer
            .put(other, at(ms), &Value::Float(1.0), Quality::Good);
        plant.writer.flush().unwrap();
    };
    put(&mut plant, 0);
    plant.writer.maintain(at(0), 1).unwrap();
    // A day later it is due, and a slice moves the first of two series.
    assert_eq!(plant.writer.maintain(at(DAY_MS), 1).unwrap().moved, 1);
    put(&mut plant, 1_000);
    plant.writer.settle(at(DAY_MS)).unwrap();
    assert_eq!(plant.writer.reader().statistics().unwrap().journal_rows, 0);
}

#[test]
fn what_waits_while_nothing_can_be_written_is_bounded() {
    let mut plant = Plant::new();
    for i in 0..1_000_003 {
        plant.put(i, 1.0);
    }
    assert_eq!(
        (plant.writer.waiting(), plant.writer.left_out()),
        (1_000_000, 3)
    );
    let commit = plant.writer.flush().unwrap().unwrap();
    assert_eq!(commit.samples, 1_000_000);
    plant.put(1_000_003, 1.0);
    assert_eq!((plant.writer.waiting(), plant.writer.left_out()), (1, 3));
}

#[test]
fn a_damaged_raw_hour_costs_that_hour_alone() {
    let plant = two_days();
    let first = i32::try_from(START_MS / HOUR_MS).unwrap();
    assert_eq!(damage(&plant, Tier::Raw, |row| row == first + 5), 1);
    let answer = plant.query(
        0,
        2 * DAY_MS,
        Step::Fixed(Duration::from_secs(30)),
        &[Aggregate::Count],
    );
    let lost: Vec<usize> = (0..answer.buckets())
        .filter(|b| answer.series[0].gap(*b) == Some(Gap::Damaged))
        .collect();
    assert_eq!((lost.len(), lost[0]), (120, 5 * 120));
    assert_eq!(answer.series[0].value(0, 5 * 120 - 1), Some(6.0));
    let hours = plant.query(0, 2 * DAY_MS, hour(), &[Aggregate::Count]);
    assert!((0..48).all(|b| hours.series[0].value(0, b) == Some(720.0)));
    let samples = plant
        .writer
        .reader()
        .samples("t", at(0), at(DAY_MS), 99_999)
        .unwrap();
    assert_eq!(samples.damaged, [(at(5 * HOUR_MS), at(6 * HOUR_MS))]);
    let report = plant.writer.reader().verify(&mut |_| true).unwrap();
    assert_eq!((report.damaged, report.disagreeing), (1, 0), "{report:#?}");
    assert!(!report.is_sound());
}

#[test]
fn late_samples_of_a_damaged_hour_are_added() {
    let mut plant = two_days();
    let first = i32::try_from(START_MS / HOUR_MS).unwrap();
    damage(&plant, Tier::Raw, |row| row == first + 5);
    plant.put(5 * HOUR_MS + 1, 1.0);
    plant.writer.settle(at(4 * DAY_MS)).unwrap();
    let hours = plant.query(5 * HOUR_MS, 6 * HOUR_MS, hour(), &[Aggregate::Count]);
    assert_eq!(hours.series[0].value(0, 0), Some(721.0));
}

#[test]
fn damaged_minutes_leave_hours_and_days_alone_and_are_told_of_for_good() {
    let mut plant = two_days();
    assert!(damage(&plant, Tier::Minute, |_| true) >= 1);
    let told = |plant: &Plant| {
        let answer = plant.query(
            HOUR_MS,
            2 * HOUR_MS,
            Step::Fixed(Duration::from_mins(1)),
            &[Aggregate::Count],
        );
        answer.series[0].gap(0)
    };
    assert_eq!(told(&plant), Some(Gap::Damaged));
    // A late sample rewrites what it can.
    plant.put(3 * HOUR_MS + 1, 5.0);
    plant.writer.settle(at(4 * DAY_MS)).unwrap();
    assert_eq!(told(&plant), Some(Gap::Damaged));
    let hours = plant.query(0, 2 * DAY_MS, hour(), &[Aggregate::Count]);
    assert!((0..48).all(|b| hours.series[0].value(0, b).is_some_and(|n| n >= 720.0)));
    assert!(plant.writer.reader().statistics().unwrap().damaged > 0);
    assert!(plant.writer.reader().verify(&mut |_| true).unwrap().damaged > 0);
}

#[test]
fn a_damaged_journal_row_or_piece_is_counted() {
    let mut plant = Plant::new();
    for second in 0..10 {
        plant.put(second * 1_000, 1.0);
        plant.writer.flush().unwrap();
    }
    let write = plant.writer.db.begin_write().unwrap();
    write
        .open_table(JOURNAL)
        .unwrap()
        .insert(3, &b"\x01junk"[..])
        .unwrap();
    write
        .open_table(PIECES)
        .unwrap()
        .insert((1, 0, 1), &b"\x01junk"[..])
        .unwrap();
    write.commit().unwrap();
    let answer = plant.query(
        0,
        60_000,
        Step::Fixed(Duration::from_mins(1)),
        &[Aggregate::Count],
    );
    assert_eq!(
        (answer.series[0].value(0, 0), answer.damaged_blocks),
        (Some(9.0), 1)
    );
    assert_eq!(
        plant.writer.reader().verify(&mut |_| true).unwrap().damaged,
        2
    );
    plant.writer.settle(at(DAY_MS)).unwrap();
    assert_eq!(plant.writer.damaged_blocks(), 2);
    let answer = plant.query(
        0,
        60_000,
        Step::Fixed(Duration::from_mins(1)),
        &[Aggregate::Count],
    );
    assert_eq!(answer.series[0].value(0, 0), Some(9.0));
}

#[test]
fn a_name_keeps_its_series_whatever_the_order_of_the_tags() {
    let mut plant = Plant::new();
    let specs = |names: &[&str]| {
        names
            .iter()
            .map(|name| SeriesSpec::named(name))
            .collect::<Vec<_>>()
    };
    let sample = |tag: u32, ms: i64, value: f64| Sample {
        tag: TagId(tag),
        time: at(ms),
        value: Value::Float(value),
        quality: Quality::Good,
    };
    plant.writer.bind(&specs(&["a", "b"])).unwrap();
    plant
        .writer
        .append(&[sample(0, 0, 1.0), sample(1, 0, 2.0), sample(2, 0, 3.0)]);
    plant.writer.commit(at(0)).unwrap();
    plant.writer.bind(&specs(&["c", "b", "a"])).unwrap();
    plant
        .writer
        .append(&[sample(0, 1, 30.0), sample(1, 1, 20.0), sample(2, 1, 10.0)]);
    // Not a second later.
    assert_eq!(plant.writer.commit(at(999)).unwrap(), None);
    assert_eq!(plant.writer.commit(at(1_000)).unwrap().unwrap().samples, 3);
    assert_eq!(plant.writer.commit(at(9_000)).unwrap(), None);
    assert_eq!(plant.writer.strangers(), 1);
    let reader = plant.writer.reader();
    let values = |name: &str| {
        let samples = reader.samples(name, at(0), at(10), 10).unwrap().samples;
        samples
            .into_iter()
            .map(|(_, value, _)| value.as_f64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (values("a"), values("b"), values("c")),
        (vec![1.0, 10.0], vec![2.0, 20.0], vec![30.0])
    );
    assert_eq!(reader.series().unwrap().len(), 4);
    assert!(matches!(
        reader.samples("z", at(0), at(1), 1),
        Err(HistoryError::NoSeries(_))
    ));
    assert!(
        plant
            .writer
            .register(&specs(&["x".repeat(600).as_str()]))
            .is_err()
    );
}

#[test]
fn a_store_of_another_zone_or_layout_or_no_store_is_refused_in_words() {
    let plant = Plant::new();
    let dir = plant.dir;
    drop(plant.writer);
    let open = |settings| {
        Writer::open(dir.path(), settings, at(0))
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        open(Settings::new("Asia/Tokyo")),
        "the history keeps days of zone `Europe/Berlin`, not of `Asia/Tokyo`"
    );
    assert!(open(Settings::new("Mars/Olympus")).starts_with("there is no time zone"));
    assert_eq!(
        stored_zone(dir.path()).unwrap().as_deref(),
        Some("Europe/Berlin")
    );
    assert_eq!(stored_zone(&dir.path().join("none")).unwrap(), None);
    std::fs::write(dir.path().join(FILE), b"this is not a history").unwrap();
    assert!(open(settings()).starts_with("open the history"));
    assert!(stored_zone(dir.path()).is_err());
}

#[test]
fn a_store_whose_making_was_interrupted_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("history.redb.new"), [0; 5_000]).unwrap();
    let mut writer = Writer::open(dir.path(), settings(), at(0)).unwrap();
    assert_eq!(writer.flush().unwrap(), None);
    assert!(!dir.path().join("history.redb.new").exists());
    let nowhere = Writer::open(&dir.path().join("none"), settings(), at(0)).unwrap_err();
    assert!(nowhere.to_string().starts_with("open the history"));
}

#[test]
fn extreme_times_and_values_do_no_harm() {
    let mut plant = Plant::new();
    for time in [i64::MIN, -1, 0, i64::MAX] {
        for value in [f64::NAN, f64::INFINITY, f64::MAX, f64::MIN_POSITIVE, -0.0] {
            plant.writer.put(
                plant.id,
                Timestamp::from_nanos(time),
                &Value::Float(value),
                Quality::Good,
            );
        }
        plant.writer.put(
            plant.id,
            Timestamp::from_nanos(time / 2),
            &Value::Int(i64::MIN),
            Quality::Good,
        );
    }
    plant.writer.settle(at(0)).unwrap();
    plant.writer.settle(at(DAY_MS)).unwrap();
    let reader = plant.writer.reader();
    let (from, to) = (
        Timestamp::from_nanos(i64::MIN),
        Timestamp::from_nanos(i64::MAX),
    );
    for step in [
        Step::Auto(100),
        Step::Days(100),
        Step::Weeks(10),
        Step::Months(7),
    ] {
        let query = Query {
            series: vec!["t".to_owned()],
            from,
            to,
            step,
            aggregates: vec![Aggregate::Mean, Aggregate::Std],
        };
        let answer = reader.query(&query).unwrap();
        assert!(
            answer
                .rows()
                .flat_map(|row| row.values)
                .flatten()
                .all(|value| !value.is_nan())
        );
    }
    assert!(reader.samples("t", from, to, 100).unwrap().samples.len() <= 8);
    reader.verify(&mut |_| true).unwrap();
    reader.statistics().unwrap();
}

#[expect(clippy::too_many_lines, reason = "one line per case")]
#[test]
fn queries_that_cannot_be_answered_are_refused_with_what_is_allowed() {
    let plant = Plant::new();
    let reader = plant.writer.reader();
    let good = Query {
        series: vec!["t".to_owned()],
        from: at(0),
        to: at(DAY_MS),
        step: Step::Auto(100),
        aggregates: vec![Aggregate::Mean],
    };
    assert!(reader.query(&good).is_ok());
    let refused = |query: Query, text: &str| {
        let error = reader.query(&query).unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
    };
    refused(
        Query {
            to: at(0),
            ..good.clone()
        },
        "is empty",
    );
    refused(
        Query {
            series: vec![],
            ..good.clone()
        },
        "at least one",
    );
    refused(
        Query {
            aggregates: vec![],
            ..good.clone()
        },
        "at least one",
    );
    refused(
        Query {
            aggregates: vec![Aggregate::Percentile(101.0)],
            ..good.clone()
        },
        "outside 0 to 100",
    );
    refused(
        Query {
            step: Step::Fixed(Duration::from_millis(1_500)),
            ..good.clone()
        },
        "cannot be used",
    );
    refused(
        Query {
            step: Step::Days(0),
            ..good.clone()
        },
        "cannot be used",
    );
    let long = Timestamp::from_nanos(i64::MAX);
    refused(
        Query {
            to: long,
            step: Step::Fixed(Duration::from_secs(1)),
            ..good.clone()
        },
        "too much",
    );
    refused(
        Query {
            series: vec!["t".to_owned(); 20_001],
            ..good.clone()
        },
        "too much",
    );
    refused(
        Query {
            series: vec!["z".to_owned()],
            ..good
        },
        "no series `z`",
    );
}

#[test]
fn an_automatic_step_keeps_within_its_points() {
    let plant = Plant::new();
    for (ms, points) in [
        (60_000, 100),
        (DAY_MS, 100),
        (DAY_MS, 1),
        (400 * DAY_MS, 500),
        (4_000 * DAY_MS, 90),
        (40_000 * DAY_MS, 5),
    ] {
        let answer = plant.query(7, ms, Step::Auto(points), &[Aggregate::Mean]);
        assert!(
            answer.buckets() <= points + 1,
            "{ms} ms: {} of {}",
            answer.buckets(),
            answer.step.name()
        );
        assert!(answer.edges[0] <= at(7) && *answer.edges.last().unwrap() >= at(ms));
    }
}

#[test]
fn names_of_aggregates_and_steps_are_read_back() {
    for name in [
        "mean",
        "min",
        "max",
        "std",
        "count",
        "weighted_mean",
        "first",
        "last",
        "p50",
        "p99.9",
    ] {
        assert_eq!(Aggregate::parse(name).unwrap().name(), name);
    }
    assert_eq!(Aggregate::parse("p101"), None);
    assert_eq!(Aggregate::parse("median"), None);
    let names = [
        Step::Fixed(Duration::from_secs(90)),
        Step::Fixed(Duration::from_mins(5)),
        hour(),
        Step::Days(1),
        Step::Weeks(2),
        Step::Months(1),
        Step::Auto(9),
    ];
    assert_eq!(
        names.map(Step::name),
        ["90s", "5m", "1h", "1d", "2w", "1mo", "auto(9)"]
    );
}

#[test]
fn a_hundred_readers_work_beside_the_writer() {
    let mut plant = Plant::new();
    for second in 0..3_000 {
        plant.put(second * 1_000, 1.0);
    }
    plant.writer.flush().unwrap();
    let readers: Vec<_> = (0..100)
        .map(|_| {
            let reader = plant.writer.reader();
            std::thread::spawn(move || {
                let query = Query {
                    series: vec!["t".to_owned()],
                    from: at(0),
                    to: at(HOUR_MS),
                    step: Step::Auto(60),
                    aggregates: vec![Aggregate::Count],
                };
                let answer = reader.query(&query).unwrap();
                answer.rows().filter_map(|row| row.values[0]).sum::<f64>()
            })
        })
        .collect();
    plant.writer.settle(at(DAY_MS)).unwrap();
    for reader in readers {
        assert_eq!(reader.join().unwrap(), 3_000.0);
    }
    // Readers may be there, as long as none is reading.
    let _reader = plant.writer.reader();
    assert!(plant.writer.compact().is_ok());
}

#[test]
fn a_panic_in_the_store_becomes_an_error() {
    let result: Result<()> = guarded(|| panic!("page 7"));
    assert_eq!(
        result.unwrap_err().to_string(),
        "the structure of the history is damaged: page 7"
    );
}

#[test]
fn a_damaged_page_of_the_file_is_told_and_ends_nothing() {
    const PAGE: usize = 4_096;
    let days = |reader: &Reader| {
        reader.query(&Query {
            series: vec!["t".to_owned()],
            from: at(0),
            to: at(2 * DAY_MS),
            step: hour(),
            aggregates: vec![Aggregate::Count, Aggregate::Mean],
        })
    };
    let Plant { dir, writer, .. } = two_days();
    let whole = days(&writer.reader()).unwrap();
    drop(writer);
    let file = dir.path().join("history.redb");
    let bytes = std::fs::read(&file).unwrap();
    let (mut told, mut harmless) = (0, 0);
    for page in (1..bytes.len() / PAGE).step_by(3) {
        let mut hurt = bytes.clone();
        hurt[page * PAGE..][..PAGE]
            .iter_mut()
            .for_each(|byte| *byte ^= 0x5a);
        std::fs::write(&file, &hurt).unwrap();
        let Ok(writer) = Writer::open(dir.path(), settings(), at(4 * DAY_MS)) else {
            told += 1;
            continue;
        };
        let reader = writer.reader();
        let answer = days(&reader);
        let report = reader.verify(&mut |_| true);
        if report.is_ok_and(|report| report.is_sound()) {
            assert_eq!(answer.unwrap(), whole, "page {page}");
            harmless += 1;
        } else {
            told += 1;
        }
    }
    assert!(told > 5 && harmless > 0, "{told} told, {harmless} harmless");
}

#[test]
fn a_number_that_no_process_has_is_no_number() {
    let mut plant = Plant::new();
    for (second, value) in (0..).zip([1e308, -1e308, 1e200, 5.0, f64::from(f32::MAX)]) {
        plant.put(second * 1_000, value);
    }
    plant.writer.settle(at(DAY_MS)).unwrap();
    let answer = plant.query(0, HOUR_MS, hour(), &[Aggregate::Count, Aggregate::Max]);
    let of = |aggregate| answer.series[0].value(aggregate, 0);
    assert_eq!((of(0), of(1)), (Some(2.0), Some(f64::from(f32::MAX))));
    plant.assert_sound();
}

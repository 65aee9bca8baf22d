use proptest::prelude::*;

use super::super::{CompareError, Factor, Frame, Outcome, Report, Request, Verdict, compare};
use super::plant::{Plant, normal, request};

fn simple() -> Request {
    let outcome = Outcome::Rate {
        value: "rate".into(),
        exposure: None,
    };
    Request::new(outcome, "shift", "day")
}

/// Records as `(day, shift, rate)`.
fn frame(rows: &[(usize, &str, f64)]) -> Frame {
    let day: Vec<String> = rows.iter().map(|row| row.0.to_string()).collect();
    let shift: Vec<&str> = rows.iter().map(|row| row.1).collect();
    Frame::new()
        .with_labels("day", &day)
        .and_then(|frame| frame.with_labels("shift", &shift))
        .and_then(|frame| frame.with_numbers("rate", rows.iter().map(|row| row.2).collect()))
        .unwrap()
}

fn fails(request: &Request, frame: &Frame, text: &str) {
    assert_eq!(compare(request, frame).unwrap_err().to_string(), text);
}

/// Every number of a report is finite.
fn all_finite(report: &Report) {
    let text = format!("{report:?}");
    let mut words = text.split(|c: char| !c.is_alphanumeric());
    assert!(!words.any(|word| ["inf", "NaN"].contains(&word)), "{text}");
}

#[test]
fn a_level_with_one_record_is_left_out_and_the_rest_is_compared() {
    let mut plant = Plant::new(50)
        .shifts(&[("day", 0.0), ("night", -4.0)])
        .frame();
    let shift = plant.labels("shift").unwrap().into_owned();
    let odd: Vec<&str> = shift
        .codes
        .iter()
        .enumerate()
        .map(|(row, code)| {
            if row == 0 {
                "extra"
            } else {
                shift.names[code.unwrap()].as_str()
            }
        })
        .collect();
    plant = plant.with_labels("kind", &odd).unwrap();
    let report = compare(
        &Request {
            group: "kind".into(),
            ..request()
        },
        &plant,
    )
    .unwrap();
    let by_name = |a: &str, b: &str| {
        let of = |pair: &&super::super::PairReport| pair.a == a && pair.b == b;
        report.pairs.iter().find(of).unwrap()
    };
    assert_eq!(by_name("day", "night").verdict, Verdict::Difference);
    let few = by_name("day", "extra");
    assert_eq!(few.verdict, Verdict::InsufficientData);
    assert!(few.estimate.is_none() && few.needed_records.unwrap() >= 8);
    assert!(
        few.sentence
            .starts_with("No verdict on extra against day: extra: fewer than 8")
    );
    let level = report
        .levels
        .iter()
        .find(|level| level.level == "extra")
        .unwrap();
    assert_eq!(
        (level.records, level.not_compared),
        (1, Some(Verdict::InsufficientData))
    );
    assert_eq!(report.records.levels_not_compared, 1);
    assert_eq!(report.verdict, Verdict::Difference);
}

#[test]
fn too_few_records_or_days_get_no_p_value() {
    for (records, days) in [(7, 7), (20, 4)] {
        let rows: Vec<_> = (0..records)
            .flat_map(|at| {
                [
                    (at % days, "a", at as f64),
                    (at % days, "b", 2.0 * at as f64),
                ]
            })
            .collect();
        let report = compare(&simple(), &frame(&rows)).unwrap();
        assert_eq!(report.verdict, Verdict::InsufficientData);
        assert!(report.pairs[0].estimate.is_none() && report.model.is_none());
        assert!(report.pairs[0].needed_records.is_some());
        assert!(report.sentences[0].starts_with("No verdict:"));
        all_finite(&report);
    }
}

#[test]
fn many_coefficients_need_many_records() {
    let plant = Plant {
        days: 10,
        ..Plant::new(51)
    };
    let report = plant.report();
    assert_eq!(report.verdict, Verdict::InsufficientData);
    assert!(
        report.sentences[0].contains("40 records are too few for 5 coefficients; 50 are needed")
    );
}

#[test]
fn equal_values_are_no_difference_and_no_error() {
    let rows: Vec<_> = (0..40)
        .flat_map(|day| [(day, "a", 5.0), (day, "b", 5.0)])
        .collect();
    let report = compare(&simple(), &frame(&rows)).unwrap();
    assert_eq!(report.verdict, Verdict::NoEvidence);
    all_finite(&report);
    let rows: Vec<_> = (0..40)
        .flat_map(|day| [(day, "a", 5.0), (day, "b", 7.0)])
        .collect();
    let report = compare(&simple(), &frame(&rows)).unwrap();
    assert_eq!(report.verdict, Verdict::Difference);
    all_finite(&report);
}

#[test]
fn extreme_values_are_missing_or_compared_but_never_infinite() {
    let rows: Vec<_> = (0..60)
        .flat_map(|day| {
            let rate = [1e99, -1e99, f64::NAN, f64::INFINITY, 1e-99, 1e101][day % 6];
            [(day, "a", rate), (day, "b", rate / 2.0)]
        })
        .collect();
    let report = compare(&simple(), &frame(&rows)).unwrap();
    assert_eq!(report.records.incomplete, 60);
    all_finite(&report);
}

#[test]
fn fifty_levels_are_compared_in_pairs() {
    let mut random = fastrand::Rng::with_seed(52);
    let names: Vec<String> = (0..50).map(|at| format!("L{at:02}")).collect();
    let rows: Vec<(usize, &str, f64)> = (0..40)
        .flat_map(|day| names.iter().map(move |name| (day, name.as_str())))
        .map(|(day, name)| {
            (
                day,
                name,
                normal(&mut random) + if name == "L07" { 5.0 } else { 0.0 },
            )
        })
        .collect();
    let report = compare(&simple(), &frame(&rows)).unwrap();
    assert_eq!(report.pairs.len(), 1225);
    let found: Vec<_> = report
        .pairs
        .iter()
        .filter(|pair| pair.verdict == Verdict::Difference)
        .collect();
    assert_eq!(found.len(), 49);
    assert!(found.iter().all(|pair| pair.a == "L07" || pair.b == "L07"));
}

#[test]
fn a_hundred_thousand_records_are_compared_with_intervals() {
    let plant = Plant {
        days: 5000,
        per_shift: 10,
        ..Plant::new(53)
    };
    let frame = plant.shifts(&[("day", 0.0), ("night", -0.5)]).frame();
    assert_eq!(frame.len(), 100_000);
    let report = compare(
        &Request {
            crew: Some("crew".into()),
            ..request()
        },
        &frame,
    )
    .unwrap();
    assert!((report.pairs[0].estimate.as_ref().unwrap().difference + 0.5).abs() < 0.2);
    assert!(!report.decomposition[0].intervals.is_empty());
}

#[test]
fn requests_that_do_not_fit_the_frame_are_refused() {
    let plant = Plant::new(54).frame();
    let with = |change: fn(&mut Request)| {
        let mut request = request();
        change(&mut request);
        request
    };
    let levels = |text: &str| {
        format!("{text} levels of `shift` to compare; 2 to 100 different ones are allowed")
    };
    fails(
        &with(|r| r.levels = vec!["day".into()]),
        &plant,
        &levels("1"),
    );
    fails(
        &with(|r| r.levels = vec!["day".into(), "day".into()]),
        &plant,
        &levels("1"),
    );
    fails(
        &with(|r| r.context = vec![Factor::numeric("machine")]),
        &plant,
        "column `machine` holds labels; a numeric factor needs numbers",
    );
    fails(
        &with(|r| r.cluster = "date".into()),
        &plant,
        "no column `date`; the frame has hours, operators, rate, crew, day, machine, product, shift",
    );
    fails(
        &request(),
        &Frame::new(),
        "no column `rate`; the frame has ",
    );
    let wide = |rows: usize| {
        let names: Vec<String> = (0..rows).map(|row| (row % 5000).to_string()).collect();
        let frame = Plant {
            days: rows / 4,
            ..Plant::new(55)
        }
        .frame();
        frame.with_labels("wide", &names).unwrap()
    };
    let request = with(|r| r.context.push(Factor::categorical("wide")));
    let error = compare(&request, &wide(10_000)).unwrap_err();
    assert!(
        matches!(
            error,
            CompareError::TooLarge {
                maximum: 8_000_000,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn levels_asked_for_without_any_record_are_insufficient() {
    let levels = vec!["day".to_owned(), "ghost".to_owned()];
    let report = compare(
        &Request {
            levels,
            ..request()
        },
        &Plant::new(56).frame(),
    )
    .unwrap();
    assert_eq!(report.verdict, Verdict::InsufficientData);
    assert_eq!(report.levels[1].raw, None);
    assert_eq!(report.pairs[0].raw_difference, None);
    assert_eq!(report.records.other_levels, 120);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_table_gives_a_finite_report_or_an_error(
        rows in prop::collection::vec((0..12_usize, 0..3_usize, 0..3_usize, -1e3..1e3_f64, 0.0..5.0_f64), 0..150),
        kind in 0..4_u8,
    ) {
        let names = ["a", "b", "c"];
        let table: Vec<_> = rows.iter().map(|row| (row.0, names[row.1], row.3)).collect();
        let machine: Vec<&str> = rows.iter().map(|row| names[row.2]).collect();
        let frame = frame(&table)
            .with_labels("machine", &machine)
            .and_then(|frame| frame.with_numbers("size", rows.iter().map(|row| row.4).collect()))
            .unwrap();
        let (value, size) = ("rate".to_owned(), "size".to_owned());
        let outcome = match kind {
            0 => Outcome::Rate { value, exposure: Some(size) },
            1 => Outcome::Proportion { count: value, trials: size },
            2 => Outcome::Count { events: value, exposure: size },
            _ => Outcome::Duration { value, exposure: Some(size) },
        };
        let context = vec![Factor::categorical("machine").explains("equipment")];
        let request = Request { context, ..Request::new(outcome, "shift", "day") };
        if let Ok(report) = compare(&request, &frame) {
            all_finite(&report);
            let counted = report.records;
            prop_assert_eq!(counted.given, rows.len());
            for pair in &report.pairs {
                prop_assert_eq!(pair.estimate.is_some(), pair.reason.is_none());
            }
        }
    }

    #[test]
    fn the_order_of_the_records_does_not_matter(seed in 0..1000_u64) {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut rows: Vec<_> = (0..40)
            .flat_map(|day| [(day, "a", 0.0), (day, "b", 1.0)])
            .map(|(day, shift, mean)| (day, shift, mean + normal(&mut random)))
            .collect();
        let before = compare(&simple(), &frame(&rows)).unwrap();
        random.shuffle(&mut rows);
        let after = compare(&simple(), &frame(&rows)).unwrap();
        let value = |report: &Report| report.pairs[0].estimate.as_ref().unwrap().difference;
        prop_assert!((value(&before) - value(&after)).abs() < 1e-9);
        prop_assert_eq!(before.verdict, after.verdict);
    }
}

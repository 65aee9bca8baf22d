use super::super::{Better, Factor, Frame, Request, compare};
use super::plant::{Plant, normal, request};

/// A plant whose night loses 3 parts/h for every setup it makes more than the day, beside conduct that says nothing.
fn plant() -> Frame {
    let plant = Plant {
        days: 90,
        ..Plant::new(40)
    };
    let frame = plant.frame();
    let mut random = fastrand::Rng::with_seed(41);
    let night = |row: usize| row % 4 > 1;
    let rows = 0..frame.len();
    let setups: Vec<f64> = rows
        .clone()
        .map(|row| f64::from(random.u8(0..3)) + if night(row) { 1.0 } else { 0.0 })
        .collect();
    let noise: Vec<f64> = rows.clone().map(|_| normal(&mut random)).collect();
    // The night hums more, which has nothing to do with the rate.
    let hum = rows
        .clone()
        .map(|row| normal(&mut random) + if night(row) { 2.0 } else { 0.0 });
    let hum: Vec<f64> = hum.collect();
    let tool: Vec<&str> = setups
        .iter()
        .map(|s| if *s > 1.5 { "worn" } else { "sharp" })
        .collect();
    let rate = frame.number("rate", "").unwrap();
    let rate = rate
        .iter()
        .zip(&setups)
        .map(|(rate, setups)| rate.unwrap() - 3.0 * setups);
    frame
        .with_numbers("output", rate.collect())
        .and_then(|frame| frame.with_numbers("setups", setups))
        .and_then(|frame| frame.with_numbers("noise", noise))
        .and_then(|frame| frame.with_numbers("hum", hum))
        .and_then(|frame| frame.with_labels("tool", &tool))
        .unwrap()
}

fn asked() -> Request {
    let outcome = super::super::Outcome::Rate {
        value: "output".into(),
        exposure: None,
    };
    Request {
        outcome,
        conduct: vec![
            Factor::numeric("setups"),
            Factor::numeric("noise"),
            Factor::numeric("hum"),
            Factor::categorical("tool"),
        ],
        ..request()
    }
}

#[test]
fn what_the_better_shift_did_differently_is_a_hint() {
    let report = compare(&asked(), &plant()).unwrap();
    let factors: Vec<&str> = report
        .hints
        .iter()
        .map(|hint| hint.factor.as_str())
        .collect();
    assert_eq!(factors[0], "setups");
    assert!(
        factors.contains(&"tool = sharp") && !factors.contains(&"noise"),
        "{factors:?}"
    );
    assert!(
        !factors.contains(&"hum"),
        "it differs but does not go with the rate"
    );
    let hint = &report.hints[0];
    assert_eq!(
        (hint.better.as_str(), hint.other.as_str()),
        ("day", "night")
    );
    assert!((hint.difference + 1.0).abs() < 0.3 && hint.association < 0.0 && hint.q < 0.001);
    assert!(
        hint.sentence.contains("less setups per record than night"),
        "{}",
        hint.sentence
    );
    assert_eq!(report.not_adjusted, ["setups", "noise", "hum", "tool"]);
}

#[test]
fn a_hint_never_speaks_of_a_cause() {
    for hint in compare(&asked(), &plant()).unwrap().hints {
        assert!(
            hint.sentence.contains("associated with"),
            "{}",
            hint.sentence
        );
        let lower = hint.sentence.to_lowercase();
        assert!(
            !["cause", "because", "due to", "fault"]
                .iter()
                .any(|word| lower.contains(word))
        );
    }
}

#[test]
fn where_less_is_better_the_other_shift_is_the_better_one() {
    let request = Request {
        better: Better::Lower,
        ..asked()
    };
    let report = compare(&request, &plant()).unwrap();
    assert_eq!(report.hints[0].better, "night");
}

#[test]
fn shifts_that_do_not_differ_give_no_hints() {
    let conduct = vec![Factor::numeric("hum"), Factor::numeric("setups")];
    let report = compare(
        &Request {
            conduct,
            ..request()
        },
        &plant(),
    )
    .unwrap();
    assert!(report.hints.is_empty(), "{:?}", report.hints);
}

#[test]
fn conduct_is_missing_in_some_records_without_losing_them() {
    let frame = plant();
    let gaps = frame.number("setups", "").unwrap().into_iter().enumerate();
    let gaps = gaps
        .map(|(row, s)| if row % 3 == 0 { f64::NAN } else { s.unwrap() })
        .collect();
    let frame = frame.with_numbers("gaps", gaps).unwrap();
    let request = Request {
        conduct: vec![Factor::numeric("gaps")],
        ..asked()
    };
    let report = compare(&request, &frame).unwrap();
    assert_eq!(report.records.used, frame.len());
    let (better, other) = report.hints[0].records;
    assert!(better + other < frame.len());
}

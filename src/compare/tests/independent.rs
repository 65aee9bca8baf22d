//! The estimators against the same formulas written in `NumPy`, on data without any randomness.

use super::super::{Factor, Frame, Outcome, Report, Request, compare};

/// 40 days with one record each: two levels in turn, a numeric factor, weights 1 to 3.
fn report(outcome: Outcome) -> Report {
    let rows = || (0..40_u32).map(f64::from);
    let x: Vec<f64> = rows().map(|row| (row * 7.0) % 11.0).collect();
    let y = rows()
        .zip(&x)
        .map(|(row, x)| (row * row) % 17.0 + 0.5 * x + 2.0 * (row % 2.0));
    let level: Vec<&str> = (0..40)
        .map(|row| if row % 2 == 1 { "b" } else { "a" })
        .collect();
    let frame = Frame::new()
        .with_numbers("day", rows().collect())
        .and_then(|frame| frame.with_numbers("y", y.collect()))
        .and_then(|frame| frame.with_numbers("events", rows().map(|row| row * 5.0 % 7.0).collect()))
        .and_then(|frame| frame.with_numbers("w", rows().map(|row| 1.0 + row % 3.0).collect()))
        .and_then(|frame| frame.with_numbers("x", x))
        .and_then(|frame| frame.with_labels("level", &level))
        .unwrap();
    let context = vec![Factor::numeric("x")];
    let request = Request {
        context,
        ..Request::new(outcome, "level", "day")
    };
    compare(&request, &frame).unwrap()
}

fn near(got: impl Iterator<Item = f64>, expected: &[f64]) {
    let got: Vec<f64> = got.collect();
    assert_eq!(got.len(), expected.len());
    for (got, expected) in got.iter().zip(expected) {
        assert!(
            (got - expected).abs() < 1e-6 * expected.abs().max(0.01),
            "{got} != {expected}"
        );
    }
}

#[test]
fn weighted_least_squares_and_both_errors_are_those_of_numpy() {
    let report = report(Outcome::Rate {
        value: "y".into(),
        exposure: Some("w".into()),
    });
    let all = &report.model.as_ref().unwrap().coefficients;
    let b = [
        8.886_569_963_933_256,
        0.418_753_712_935_892_25,
        0.388_793_789_858_392_6,
    ];
    near(all.iter().map(|one| one.b), &b);
    let se = [
        1.866_172_785_190_528_5,
        1.790_383_762_593_451,
        0.285_846_394_461_745_3,
    ];
    near(all.iter().map(|one| one.classical.se), &se);
    let hc3 = [
        2.164_186_362_923_498_3,
        1.944_957_950_433_659_4,
        0.295_399_596_272_311_55,
    ];
    near(all.iter().map(|one| one.se_hc3), &hc3);
}

/// Poisson would give a dispersion of 2.54; `theta` is 2.065.
#[test]
fn the_negative_binomial_model_is_that_of_numpy() {
    let report = report(Outcome::Count {
        events: "events".into(),
        exposure: "w".into(),
    });
    let model = report.model.as_ref().unwrap();
    assert_eq!(model.method, "negative binomial log");
    let b = [
        0.434_154_397_095_285_6,
        0.039_973_098_366_910_21,
        0.015_494_071_556_960_535,
    ];
    near(model.coefficients.iter().map(|one| one.b), &b);
    let se = [
        0.299_936_422_250_083,
        0.286_414_483_388_044_5,
        0.045_109_986_690_631_69,
    ];
    near(model.coefficients.iter().map(|one| one.classical.se), &se);
}

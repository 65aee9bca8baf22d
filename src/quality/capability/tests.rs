//! What capability says, and what it refuses to say.

use super::*;
use crate::quality::error::QualityError;

fn specification(lsl: Option<f64>, usl: Option<f64>, target: Option<f64>) -> Specification {
    Specification::new(lsl, usl, target).unwrap()
}

fn input(values: &[f64], specification: Specification) -> CapabilityInput<'_> {
    CapabilityInput {
        values,
        specification,
        within: Some(WithinSigma {
            sigma: 0.8,
            df: 20.0,
            method: "pooled",
        }),
        confidence: 0.95,
        control: ControlState::InControl,
    }
}

/// Normal scores around 10 with a standard deviation near 1: as normal as readings can be.
fn scores(count: u32) -> Vec<f64> {
    let score = |i: u32| {
        let p = (f64::from(i) + 0.5) / f64::from(count);
        10.0 + crate::quality::distribution::normal_quantile(p).unwrap()
    };
    // Stirred, as time order has no meaning here.
    (0..count).map(|i| score((i * 7) % count)).collect()
}

/// Times of a process that is anything but normal.
fn skewed(count: u32) -> Vec<f64> {
    (0..count)
        .map(|i| -(1.0 - (f64::from(i) + 0.5) / f64::from(count)).ln())
        .collect()
}

#[test]
fn a_one_sided_specification_has_one_index_only() {
    let values = scores(40);
    let got = capability(&input(&values, specification(None, Some(13.0), Some(10.0)))).unwrap();
    let overall = got.overall.unwrap();
    assert_eq!(
        (overall.potential, overall.lower, overall.potential_ci),
        (None, None, None)
    );
    assert_eq!(overall.least, overall.upper);
    assert_eq!(
        (got.cpm, got.expected_ppm.below, got.observed.below),
        (None, None, None)
    );
    assert_eq!(got.observed.above, Some(0.0));
    assert!(got.notes.contains(&CapabilityNote::OneSided));
    let within = got.within.unwrap();
    assert!((within.upper.unwrap() - 3.0 / 2.4).abs() < 1e-12);
}

#[test]
fn a_process_out_of_control_has_no_cpk() {
    let values = scores(40);
    let mut input = input(&values, specification(Some(7.0), Some(13.0), None));
    input.control = ControlState::OutOfControl;
    let got = capability(&input).unwrap();
    assert_eq!(got.within, None);
    assert!(got.overall.is_some());
    assert_eq!(got.notes, [CapabilityNote::OutOfControl]);
}

#[test]
fn few_readings_are_indicative_and_very_few_withheld() {
    let check = |count: u32, expected: Standing| {
        let values = scores(count);
        let got = capability(&input(&values, specification(Some(7.0), Some(13.0), None))).unwrap();
        assert_eq!(got.standing, expected, "{count}");
        assert_eq!(
            got.overall.is_some(),
            expected != Standing::Withheld,
            "{count}"
        );
        assert_eq!(
            got.within.is_some(),
            expected != Standing::Withheld,
            "{count}"
        );
        assert_eq!(got.n, usize::try_from(count).unwrap());
    };
    check(1, Standing::Withheld);
    check(9, Standing::Withheld);
    check(10, Standing::Indicative);
    check(29, Standing::Indicative);
    check(30, Standing::Full);
}

#[test]
fn without_a_spread_there_is_no_index() {
    let values = [5.1; 50];
    let got = capability(&input(&values, specification(Some(5.0), Some(6.0), None))).unwrap();
    assert_eq!(
        (got.sigma_overall, got.overall, got.within),
        (Some(0.0), None, None)
    );
    assert_eq!(got.notes, [CapabilityNote::NoSpread]);
    let values = scores(40);
    let mut flat = input(&values, specification(Some(7.0), Some(13.0), None));
    flat.within = flat.within.map(|within| WithinSigma {
        sigma: 0.0,
        ..within
    });
    let got = capability(&flat).unwrap();
    assert_eq!(got.within, None);
    assert_eq!(got.notes, [CapabilityNote::NoSpreadWithin]);
}

#[test]
fn a_reading_on_a_limit_is_inside() {
    let mut values = scores(40);
    values.extend([7.0, 13.0, 13.1, 0.1 + 0.2 + 6.7]);
    let got = capability(&input(&values, specification(Some(7.0), Some(13.0), None))).unwrap();
    assert_eq!(
        (got.observed.below, got.observed.above),
        (Some(0.0), Some(1.0))
    );
    assert_eq!(got.observed_ppm.above, Some(1e6 / 44.0));
}

#[test]
fn readings_that_are_not_normal_are_judged_by_percentiles() {
    let values = skewed(20_000);
    let got = capability(&input(&values, specification(None, Some(8.0), None))).unwrap();
    let test = got.normality.unwrap();
    assert!(test.is_refuted() && test.p >= 3.7e-24);
    let indices = got.percentile.unwrap();
    // Exponential times: median ln 2, percentile 99.865 at -ln 0.00135 = 6.61.
    let expected = (8.0 - 2.0_f64.ln()) / (-(0.001_35_f64.ln()) - 2.0_f64.ln());
    assert!(
        (indices.ppk.unwrap() - expected).abs() < 0.03,
        "{indices:?}"
    );
    assert_eq!((indices.pp, indices.ppl), (None, None));
    assert!(indices.tails_known && !got.notes.contains(&CapabilityNote::TailsUnknown));
    let few = capability(&input(&skewed(200), specification(None, Some(8.0), None))).unwrap();
    assert!(few.notes.contains(&CapabilityNote::TailsUnknown));
}

#[test]
fn normal_scores_pass_the_test_of_normality() {
    for count in [10, 33, 100, 5_000] {
        let test = anderson_darling(&scores(count)).unwrap();
        assert!(test.p > 0.9, "{count}: {test:?}");
    }
    assert_eq!(anderson_darling(&scores(7)), None);
    assert_eq!(anderson_darling(&[1.0; 20]), None);
    assert_eq!(anderson_darling(&[f64::NAN; 20]), None);
}

#[test]
fn the_test_statistic_agrees_with_a_calculation_by_hand() {
    // Uniform 1..10: A^2 = 0.1408 by definition, times 1 + 0.075 + 0.0225.
    let values: Vec<f64> = (1..=10).map(f64::from).collect();
    let test = anderson_darling(&values).unwrap();
    assert!((test.statistic - 0.1408 * 1.0975).abs() < 5e-4, "{test:?}");
    assert!((test.p - 0.96).abs() < 0.02, "{test:?}");
}

#[test]
fn a_single_wild_reading_refutes_normality_without_overflow() {
    let mut values = vec![0.0; 4_000];
    values
        .iter_mut()
        .enumerate()
        .for_each(|(i, value)| *value = f64::from(u32::try_from(i % 7).unwrap()) * 1e-6);
    values.push(1e6);
    let test = anderson_darling(&values).unwrap();
    assert!(test.is_refuted() && test.statistic.is_finite());
}

#[test]
fn nonsense_is_refused() {
    let both = specification(Some(7.0), Some(13.0), None);
    let refused = |values: &[f64], change: &dyn Fn(&mut CapabilityInput<'_>)| {
        let mut input = input(values, both);
        change(&mut input);
        capability(&input).unwrap_err()
    };
    assert!(matches!(refused(&[], &|_| ()), QualityError::TooFew { .. }));
    assert!(matches!(
        refused(&[1.0, f64::NAN], &|_| ()),
        QualityError::NotAllowed { index: 1, .. }
    ));
    assert!(matches!(
        refused(&[f64::MAX, f64::MIN], &|_| ()),
        QualityError::NotAllowed { .. }
    ));
    let values = scores(40);
    for confidence in [0.0, 1.0, f64::NAN] {
        let error = refused(&values, &|input| input.confidence = confidence);
        assert!(matches!(
            error,
            QualityError::Setting {
                name: "confidence",
                ..
            }
        ));
    }
    for (sigma, df) in [
        (f64::NAN, 5.0),
        (-1.0, 5.0),
        (1.0, 0.0),
        (1.0, f64::INFINITY),
    ] {
        let within = WithinSigma {
            sigma,
            df,
            method: "pooled",
        };
        let error = refused(&values, &|input| input.within = Some(within));
        assert!(matches!(error, QualityError::Setting { .. }));
    }
}

#[test]
fn a_specification_is_finite_and_ordered() {
    let check = |lsl, usl, target, allowed| {
        assert_eq!(Specification::new(lsl, usl, target).is_ok(), allowed);
    };
    check(Some(1.0), Some(2.0), Some(1.5), true);
    check(Some(1.0), None, Some(1.5), true);
    check(None, None, Some(1.5), false);
    check(Some(2.0), Some(2.0), None, false);
    check(Some(f64::NAN), Some(2.0), None, false);
    check(None, Some(f64::INFINITY), None, false);
    check(Some(1.0), Some(2.0), Some(3.0), false);
    check(Some(1.0), Some(2.0), Some(0.0), false);
}

#[test]
fn every_note_has_words() {
    use CapabilityNote as Note;
    let all = [
        Note::TooFew,
        Note::Few,
        Note::NoSpread,
        Note::NoSpreadWithin,
        Note::OutOfControl,
        Note::NoWithin,
        Note::OneSided,
        Note::NotNormal,
        Note::TailsUnknown,
    ];
    for note in all {
        assert!(note.to_string().contains(':') && !note.code().is_empty());
    }
    let names = [Standing::Full, Standing::Indicative, Standing::Withheld].map(Standing::name);
    assert_eq!(names, ["full", "indicative", "withheld"]);
}

//! Phase I, versions and their stored form.

use super::*;
use crate::model::Timestamp;
use crate::quality::charts::{ChartKind, Series, WeightedDesign};
use crate::quality::error::QualityError;
use crate::quality::rules::RuleSet;

fn at(hour: i64) -> Timestamp {
    Timestamp::from_millis(hour * 3_600_000)
}

fn plan(kind: ChartKind) -> PhaseOnePlan {
    PhaseOnePlan {
        kind,
        design: WeightedDesign::default(),
        rules: RuleSet::standard(),
    }
}

/// Subgroups of five around 10, one far off at `outlier`.
fn groups(count: u32, outlier: Option<u32>) -> (Vec<Timestamp>, Series) {
    let group = |i: u32| -> Vec<f64> {
        let level = if outlier == Some(i) { 10.6 } else { 10.0 };
        (0..5)
            .map(|j| level + f64::from((i * 7 + j * 3) % 5) * 0.1)
            .collect()
    };
    let groups: Vec<Vec<f64>> = (0..count).map(group).collect();
    (
        (0..count).map(|i| at(i64::from(i))).collect(),
        Series::subgroups(&groups),
    )
}

fn cause(hour: i64) -> AssignableCause {
    AssignableCause::new(at(hour), "tool broke", "M. Weber", at(99)).unwrap()
}

fn learned(count: u32) -> PhaseOne {
    let (times, series) = groups(count, None);
    PhaseOne::learn(&plan(ChartKind::XbarR), &times, &series, &[]).unwrap()
}

fn key() -> StratumKey {
    StratumKey {
        product: "P-100".to_owned(),
        machine: "press1".to_owned(),
        characteristic: "bore".to_owned(),
    }
}

fn change(hour: i64) -> ChangeRecord {
    ChangeRecord::new(at(hour), "A. Kaya", "first release").unwrap()
}

#[test]
fn a_point_leaves_the_limits_with_a_recorded_cause_only() {
    let (times, series) = groups(25, Some(7));
    let with = PhaseOne::learn(&plan(ChartKind::XbarR), &times, &series, &[]).unwrap();
    assert_eq!((with.subgroups, with.unexplained), (25, 1));
    let without = PhaseOne::learn(
        &plan(ChartKind::XbarR),
        &times,
        &series,
        &[cause(7), cause(1_000)],
    )
    .unwrap();
    assert_eq!(
        (without.subgroups, without.observations, without.unexplained),
        (24, Some(120), 0)
    );
    assert_eq!(without.excluded, [cause(7)]);
    assert_eq!(
        (
            without.excluded[0].cause(),
            without.excluded[0].recorded_by()
        ),
        ("tool broke", "M. Weber")
    );
    assert_eq!(without.excluded[0].recorded_at(), at(99));
    for (text, by) in [("", "someone"), ("  ", "someone"), ("a cause", "")] {
        let error = AssignableCause::new(at(7), text, by, at(99)).unwrap_err();
        assert!(matches!(error, QualityError::NotRecorded { .. }));
    }
}

#[test]
fn counts_are_left_out_as_well_and_defects_need_samples_only() {
    let times: Vec<Timestamp> = (0..20).map(at).collect();
    let mut events = [4; 20];
    events[3] = 40;
    let series = Series::counts(&events, &[50.0; 20]);
    let units = PhaseOne::learn(&plan(ChartKind::P), &times, &series, &[cause(3)]).unwrap();
    assert_eq!((units.subgroups, units.observations), (19, Some(950)));
    assert!(units.check(FreezeRule::default()).is_err());
    let defects = PhaseOne::learn(&plan(ChartKind::U), &times, &series, &[]).unwrap();
    assert_eq!((defects.subgroups, defects.observations), (20, None));
    assert_eq!(defects.check(FreezeRule::default()), Ok(()));
}

#[test]
fn limits_are_frozen_from_twenty_subgroups_with_a_hundred_readings() {
    assert!(matches!(
        learned(19).check(FreezeRule::default()),
        Err(QualityError::TooEarlyToFreeze {
            subgroups: 19,
            observations: 95,
            ..
        })
    ));
    assert_eq!(learned(20).check(FreezeRule::default()), Ok(()));
    let strict = FreezeRule {
        subgroups_min: 25,
        ..FreezeRule::default()
    };
    assert!(learned(20).check(strict).is_err());
}

#[test]
fn frozen_limits_are_replaced_for_an_approved_change_only() {
    let mut book = LimitBook::new(key());
    assert_eq!(book.in_force_at(at(0)), None);
    assert_eq!(book.try_out(learned(5), change(10)), Ok(1));
    assert!(
        book.freeze(learned(5), change(20), FreezeRule::default())
            .is_err()
    );
    assert_eq!(
        book.freeze(learned(25), change(20), FreezeRule::default()),
        Ok(2)
    );
    assert_eq!(
        book.try_out(learned(25), change(30)),
        Err(QualityError::Frozen { version: 2 })
    );
    assert_eq!(
        book.freeze(learned(30), change(30), FreezeRule::default()),
        Err(QualityError::Frozen { version: 2 })
    );
    let approved = change(30).approved("ECN 4711").unwrap();
    assert_eq!(
        book.freeze(learned(30), approved.clone(), FreezeRule::default()),
        Ok(3)
    );
    assert!(
        book.freeze(
            learned(30),
            change(29).approved("ECN 1").unwrap(),
            FreezeRule::default()
        )
        .is_err()
    );
    let in_force: Vec<Option<u32>> = [5, 10, 25, 30, 99]
        .map(|hour| book.in_force_at(at(hour)).map(|version| version.version))
        .to_vec();
    assert_eq!(in_force, [None, Some(1), Some(2), Some(3), Some(3)]);
    assert_eq!(approved.approval(), Some("ECN 4711"));
    assert_eq!(
        (approved.by(), approved.why()),
        ("A. Kaya", "first release")
    );
    assert!(ChangeRecord::new(at(0), " ", "why").is_err());
    assert!(ChangeRecord::new(at(0), "who", "").is_err());
    assert!(change(0).approved(" ").is_err());
    assert_eq!((book.versions().len(), book.key()), (3, &key()));
}

/// One book with limits of every chart.
fn full_book() -> LimitBook {
    let mut book = LimitBook::new(key());
    let times: Vec<Timestamp> = (0..8).map(at).collect();
    let singles = Series::individuals(&[5.0, 6.0, 7.0, 5.0, 6.5, 5.5, 6.0, 7.5].map(Some));
    let counts = Series::counts(&[5, 6, 7, 5, 9, 4, 6, 7], &[100.0; 8]);
    let (group_times, groups) = groups(8, Some(3));
    for kind in ChartKind::ALL {
        let (times, series) = match kind {
            ChartKind::XbarR | ChartKind::XbarS => (&group_times, &groups),
            kind if kind.is_for_counts() => (&times, &counts),
            _ => (&times, &singles),
        };
        let learned = PhaseOne::learn(&plan(kind), times, series, &[cause(3)]).unwrap();
        book.try_out(learned, change(10).approved("ECN 1").unwrap())
            .unwrap();
    }
    let mixed: [&[f64]; 3] = [&[1.0, 3.0], &[1.0, 2.0, 3.0], &[2.0, 2.5]];
    let learned = PhaseOne::learn(
        &plan(ChartKind::Cusum),
        &times,
        &Series::subgroups(&mixed),
        &[],
    )
    .unwrap();
    book.try_out(learned, change(11)).unwrap();
    book
}

#[test]
fn what_is_stored_comes_back_the_same() {
    let book = full_book();
    let stored = LimitsV1::from(&book);
    let text = serde_json::to_string(&stored).unwrap();
    // A reader of JSON may round the last digit of a number.
    let read: LimitsV1 = serde_json::from_str(&text).unwrap();
    assert_eq!(
        LimitBook::try_from(read).unwrap().versions().len(),
        book.versions().len()
    );
    assert_eq!(LimitBook::try_from(stored), Ok(book));
}

#[test]
fn the_first_layout_does_not_change() {
    let mut book = LimitBook::new(key());
    let times: Vec<Timestamp> = (0..4).map(at).collect();
    let series = Series::counts(&[4, 4, 4, 4], &[1.0; 4]);
    book.try_out(
        PhaseOne::learn(&plan(ChartKind::C), &times, &series, &[]).unwrap(),
        change(1),
    )
    .unwrap();
    let text = serde_json::to_string(&LimitsV1::from(&book)).unwrap();
    let expected = concat!(
        r#"{"schema":1,"product":"P-100","machine":"press1","characteristic":"bore","versions":[{"version":1,"#,
        r#""frozen":false,"at_ns":3600000000000,"by":"A. Kaya","why":"first release","approval":null,"#,
        r#""rules":["nelson_1","nelson_2","nelson_5","nelson_6"],"subgroups":4,"observations":null,"unexplained":0,"#,
        r#""excluded":[],"limits":{"c":{"k":4,"inspected":4.0,"rate":4.0,"widening":1.0,"size":1.0}}}]}"#
    );
    assert_eq!(text, expected);
    let read: LimitsV1 = serde_json::from_str(&text).unwrap();
    assert_eq!(LimitBook::try_from(read), Ok(book));
}

#[test]
fn damaged_limits_are_refused() {
    let good = LimitsV1::from(&full_book());
    let refused = |change: &dyn Fn(&mut LimitsV1)| {
        let mut stored = good.clone();
        change(&mut stored);
        assert!(LimitBook::try_from(stored).is_err());
    };
    refused(&|stored| stored.schema = 2);
    refused(&|stored| stored.versions.swap(0, 1));
    refused(&|stored| stored.versions[0].by.clear());
    refused(&|stored| stored.versions[0].approval = Some(String::new()));
    refused(&|stored| stored.versions[0].rules.push("nelson_9".to_owned()));
    refused(&|stored| stored.versions[0].excluded[0].cause.clear());
    for version in 0..good.versions.len() {
        for bad in [f64::NAN, f64::NEG_INFINITY] {
            refused(&|stored| spoil(&mut stored.versions[version].limits, bad));
        }
    }
    refused(&|stored| {
        for version in &mut stored.versions {
            if let ParametersV1::P(rate) = &mut version.limits {
                rate.rate = 1.5;
            }
        }
    });
}

fn spoil(limits: &mut ParametersV1, bad: f64) {
    match limits {
        ParametersV1::XbarR(of) | ParametersV1::XbarS(of) => of.sigma_within = bad,
        ParametersV1::IMr(of) => of.center = bad,
        ParametersV1::P(of)
        | ParametersV1::Np(of)
        | ParametersV1::C(of)
        | ParametersV1::U(of)
        | ParametersV1::LaneyP(of)
        | ParametersV1::LaneyU(of) => of.rate = bad,
        ParametersV1::G(of) | ParametersV1::TimeBetween(of) => of.center = bad,
        ParametersV1::Ewma(of) => of.target = bad,
        ParametersV1::Cusum(of) => of.target = bad,
    }
}

#[test]
fn neighbours_that_depend_on_each_other_are_seen() {
    let check = |values: &[Option<f64>], breaks: &[bool]| lag_one_autocorrelation(values, breaks);
    let slow: Vec<Option<f64>> = (0..40).map(|i| Some((f64::from(i) / 6.0).sin())).collect();
    assert!(check(&slow, &[]).unwrap() > 0.9);
    let alternating: Vec<Option<f64>> = (0..40).map(|i| Some(f64::from(i % 2))).collect();
    assert!(check(&alternating, &[]).unwrap() < -0.9);
    let all_breaks = vec![true; 40];
    assert_eq!(check(&slow, &all_breaks), Some(0.0));
    assert_eq!(check(&slow[..19], &[]), None);
    assert_eq!(check(&[Some(1.0); 40], &[]), None);
    let mut gaps = slow.clone();
    gaps[10] = None;
    assert!(check(&gaps, &[]).unwrap() > 0.8);
}

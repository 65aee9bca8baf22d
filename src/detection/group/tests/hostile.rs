//! Nothing panics, and nothing that came before spoils what is normal later.

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::GroupState;
use super::plant::{PERIOD_NS, Plant, Watch};
use crate::model::Mono;

/// A value as no sensor should send it.
fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        Just(f64::NAN),
        Just(f64::INFINITY),
        Just(f64::NEG_INFINITY),
        Just(f64::MAX),
        Just(f64::MIN),
        Just(f64::MIN_POSITIVE),
        Just(5e-324),
        Just(0.0),
        -3.0..3.0,
    ]
}

/// Rows of three with the time since the row before: none, backwards, usual, huge.
fn rows(count: usize) -> impl Strategy<Value = Vec<(i64, Vec<f64>)>> {
    let period = i64::try_from(PERIOD_NS).unwrap();
    let step = prop_oneof![
        4 => Just(period),
        1 => Just(0),
        1 => Just(-5 * period),
        1 => 1..period * 400,
        1 => Just(i64::MAX),
    ];
    vec((step, vec(value(), 3)), 0..count)
}

fn feed(watch: &mut Watch, rows: &[(i64, Vec<f64>)]) {
    for (step, row) in rows {
        let at = watch.now_ns.saturating_add_signed(*step);
        if let Some(reading) = watch.group.step(row, Mono::from_nanos(at)) {
            assert!(
                reading.score.is_finite() && reading.score >= 0.0,
                "{reading:?}"
            );
            let shares = watch.group.contributions();
            assert!(
                shares.iter().all(|share| share.share.is_finite()),
                "{shares:?}"
            );
        }
        // A jump to the end of time would leave no time for what follows.
        if at < u64::MAX / 4 {
            watch.now_ns = watch.now_ns.max(at);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_armed_group_comes_back_to_normal(hostile in rows(60)) {
        let mut plant = Plant::new(9, 3, 0.5);
        let mut watch = Watch::new(3, 1e4, 150);
        for _ in 0..150 {
            watch.step(&plant.row());
        }
        let kept = hostile.iter().filter(|(step, _)| *step != i64::MAX).cloned().collect::<Vec<_>>();
        feed(&mut watch, &kept);
        for _ in 0..60 {
            watch.step(&plant.row());
        }
        let reading = watch.step(&plant.row()).expect("a usable row");
        prop_assert!(reading.score < 1.5, "{:?}", reading);
        feed(&mut watch, &hostile);
    }

    #[test]
    fn a_learning_group_learns_on_and_gives_finite_scores(hostile in rows(300)) {
        let mut plant = Plant::new(9, 3, 0.5);
        let mut watch = Watch::new(3, 1e4, 100);
        let kept = hostile.iter().filter(|(step, _)| *step != i64::MAX).cloned().collect::<Vec<_>>();
        feed(&mut watch, &kept);
        for _ in 0..400 {
            watch.step(&plant.row());
        }
        prop_assert_eq!(watch.group.state(), GroupState::Armed);
        let reading = watch.step(&plant.row()).expect("a usable row");
        prop_assert!(reading.score.is_finite(), "{:?}", reading);
    }
}

#[test]
fn a_row_that_is_not_newer_changes_nothing() {
    let mut plant = Plant::new(1, 8, 0.5);
    let mut watch = Watch::armed(&mut plant, 1e3);
    let mut twin = watch.group.clone();
    let row = plant.row();
    let now = watch.now_ns + PERIOD_NS;
    let first = watch.group.step(&row, Mono::from_nanos(now));
    for earlier in [now, now - 1, 0] {
        assert_eq!(watch.group.step(&[9.0; 8], Mono::from_nanos(earlier)), None);
    }
    assert_eq!(twin.step(&row, Mono::from_nanos(now)), first);
    let next = Mono::from_nanos(now + PERIOD_NS);
    assert_eq!(watch.group.step(&row, next), twin.step(&row, next));
}

/// Nothing of such a row is used, in either phase.
fn check_unused(tags: usize, row: &[f64]) {
    let mut watch = Watch::new(tags, 1e3, 100);
    assert_eq!(watch.step(row), None);
    let is_untouched = matches!(watch.group.state(), GroupState::Learning { have: 0, .. });
    assert!(is_untouched, "{tags} {row:?}");
    let mut plant = Plant::new(1, 8, 0.5);
    let mut armed = Watch::armed(&mut plant, 1e3);
    assert_eq!(armed.step(row), None);
}

#[test]
fn rows_of_another_length_or_with_too_few_values_are_not_used() {
    check_unused(8, &[1.0; 7]);
    check_unused(8, &[1.0; 9]);
    check_unused(8, &[]);
    check_unused(0, &[]);
    check_unused(1, &[1.0]);
    check_unused(65, &[1.0; 65]);
    check_unused(8, &[f64::NAN; 8]);
    let nan = f64::NAN;
    check_unused(8, &[1.0, 2.0, 3.0, nan, nan, nan, f64::INFINITY, nan]);
}

#[test]
fn the_largest_group_learns_and_charts() {
    let mut plant = Plant::new(1, 64, 0.5);
    let mut watch = Watch::new(64, 1e4, 320);
    for _ in 0..320 {
        watch.step(&plant.row());
    }
    assert_eq!(watch.group.state(), GroupState::Armed);
    let reading = watch.step(&plant.row()).unwrap();
    assert!(reading.score < 1.0, "{reading:?}");
}

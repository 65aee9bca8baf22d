//! Signals without a level.

use std::f64::consts::TAU;
use std::time::Duration;

use super::line::*;
use crate::config::{Level, Profile};
use crate::detection::*;

fn wandering(profile: Profile) -> ChartDesign {
    ChartDesign {
        level: Level::Wandering,
        profile,
        ..monthly(300)
    }
}

fn line() -> Line {
    Line::new(wandering(Profile::None), 30, 0.0)
}

#[test]
fn it_says_how_far_it_is() {
    let mut line = line();
    line.run(199, 0.0);
    assert_eq!(
        line.state(),
        SlotState::Learning {
            have: 199,
            need: 200,
            is_still: false
        }
    );
    line.run(1, 0.0);
    assert_eq!(line.state(), SlotState::Armed);
    assert_eq!(
        (line.bank.model(SLOT), line.bank.learned_at(SLOT)),
        (None, None)
    );
}

#[test]
fn a_slow_wander_is_normal() {
    let mut line = line();
    let wander = |noise, i: u32| 20.0 * (TAU * f64::from(i) / 20_000.0).sin() + noise;
    assert_eq!(line.feed_many(40_000, wander), []);
}

/// A change after 5,000 samples of noise; told within 200 samples, and then at most `most` times.
#[track_caller]
fn check_told(name: &str, most: usize, value: impl Fn(f64, u32) -> f64) {
    let mut line = line();
    assert_eq!(line.feed_many(5_000, |noise, _| noise), [], "{name}");
    let found = line.feed_many(5_000, value);
    assert!(found.len() <= 2 * most, "{name}: {found:?}");
    assert_eq!(
        (found[0].change, found[0].chart),
        (Change::Raised, Chart::Unusual)
    );
    assert!(
        found[0].onset.as_nanos() <= 5_200 * SECOND_NS,
        "{name}: {found:?}"
    );
    assert_eq!(
        found.last().unwrap().change,
        Change::Cleared,
        "{name}: {found:?}"
    );
    assert!(!line.bank.verdict(SLOT).0);
}

#[test]
fn a_sudden_change_is_told_and_then_normal() {
    check_told("step up", 1, |noise, _| noise + 40.0);
    check_told("step down", 1, |noise, _| noise - 40.0);
    check_told("restless", 4, |noise, _| 40.0 * noise);
    check_told("flat", 1, |noise, _| 0.0001 * noise);
}

#[test]
fn the_day_is_told_where_it_explains_the_signal() {
    let design = ChartDesign {
        period: Duration::from_mins(5),
        ..wandering(Profile::Week)
    };
    let run = |last_day: f64| {
        let mut line = Line::new(design, 30, 0.0);
        let mut found = Vec::new();
        for i in 0..30 * 288 {
            line.wait(300);
            let second = (line.at_ns / SECOND_NS) % 86_400;
            let swing = if i < 29 * 288 { 50.0 } else { last_day };
            let noise = line.noise.next();
            let value = 100.0 - swing * (TAU * second as f64 / 86_400.0).cos() + noise;
            let new = line.feed_at(value, line.at_ns);
            if i > 20 * 288 {
                found.extend(new);
            }
        }
        found
    };
    assert_eq!(run(50.0), [], "days as they go");
    assert!(!run(-50.0).is_empty(), "a day upside down");
}

#[test]
fn quiet_time_and_gaps_do_not_alarm() {
    let mut line = line();
    line.run(3_000, 0.0);
    line.announce(|bank, at, out| bank.set_quiet(CONTEXT, true, at, out));
    assert_eq!(line.run(1_000, 50.0), []);
    line.announce(|bank, at, out| bank.set_quiet(CONTEXT, false, at, out));
    line.wait(100_000);
    assert_eq!(line.run(3_000, 0.0), []);
}

#[test]
fn huge_values_are_told_and_forgotten() {
    let mut line = line();
    line.run(1_000, 0.0);
    let found = line.feed_many(20, |_, _| f64::MAX);
    assert_eq!(found[0].change, Change::Raised);
    line.run(20_000, 0.0);
    let (is_fault, score) = line.bank.verdict(SLOT);
    assert!(!is_fault && score.is_finite(), "{score}");
}

#[test]
fn it_begins_again_when_a_person_says_so() {
    let mut line = line();
    line.run(100, 0.0);
    assert!(line.bank.relearn(SLOT, &mut Vec::new()));
    assert_eq!(line.bank.phases().learning, 1);
    line.run(200, 0.0);
    assert_eq!(line.bank.phases().armed, 1);
    assert!(line.bank.relearn(SLOT, &mut Vec::new()));
    assert_eq!(line.bank.phases().learning, 1);
    assert!(matches!(line.state(), SlotState::Learning { have: 0, .. }));
    line.run(200, 50.0);
    assert_eq!(line.state(), SlotState::Armed);
}

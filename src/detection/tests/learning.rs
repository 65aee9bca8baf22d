//! From the first sample to a known baseline.

use super::line::*;
use crate::config::Level;
use crate::detection::testing::Noise;
use crate::detection::*;
use crate::model::Mono;

fn level(line: &Line) -> ModeLevel {
    line.bank.model(SLOT).unwrap().levels()[0]
}

#[test]
fn learning_goes_through_its_stages() {
    let mut line = Line::learning(300);
    line.run(299, 0.0);
    let learning = |have, is_still| SlotState::Learning {
        have,
        need: 300,
        is_still,
    };
    assert_eq!(line.state(), learning(299, false));
    assert_eq!(
        (line.bank.model(SLOT), line.bank.learned_at(SLOT)),
        (None, None)
    );
    line.run(1, 0.0);
    assert_eq!(line.state(), SlotState::Provisional);
    assert_eq!(
        line.bank.learned_at(SLOT),
        Some(Mono::from_nanos(300 * SECOND_NS))
    );
    let learned = level(&line);
    assert!((learned.level - LEVEL).abs() < 0.5, "{learned:?}");
    assert!((1.7..2.3).contains(&learned.spread), "{learned:?}");
    assert_eq!(line.run(6_000, 0.0), []);
    assert_eq!(line.state(), SlotState::Armed);
    let known = level(&line);
    assert!(
        (known.level - LEVEL).abs() < 0.1 && known.samples > 3_000.0,
        "{known:?}"
    );
}

/// Autocorrelation is learned: `phi` to within .1 from 1,000 samples.
#[track_caller]
fn check_phi(phi: f64) {
    let mut line = Line::new(monthly(1_000), 30, phi);
    line.run(1_000, 0.0);
    let learned = line.bank.model(SLOT).unwrap().phi();
    assert!((learned - phi).abs() < 0.1, "{learned} for {phi}");
}

#[test]
fn autocorrelation_is_learned() {
    check_phi(0.0);
    check_phi(0.5);
    check_phi(0.9);
}

#[test]
fn a_long_learning_phase_is_learned_from_as_a_whole() {
    let mut line = Line::learning(20_000);
    line.feed_many(20_000, |noise, i| {
        LEVEL + SPREAD * noise + if i < 10_000 { 0.0 } else { 10.0 }
    });
    let learned = level(&line);
    assert!((104.0..106.0).contains(&learned.level), "{learned:?}");
}

#[test]
fn a_fault_is_not_learned() {
    let mut line = Line::learning(300);
    line.run(400, 0.0);
    line.run(5_000, 4.0);
    assert!(line.bank.verdict(SLOT).0);
    let learned = level(&line);
    assert!((learned.level - LEVEL).abs() < 0.5, "{learned:?}");
}

#[test]
fn a_large_shift_is_told_while_learning_and_forgotten_with_it() {
    let mut line = Line::learning(300);
    assert_eq!(line.run(100, 0.0), []);
    let found = line.run(50, 9.0);
    assert_eq!(found[0].change, Change::Raised, "{found:?}");
    assert_eq!(found[0].chart, Chart::CusumHigh);
    let mut found = found;
    found.extend(line.run(150, 0.0));
    let raises = found.iter().filter(|f| f.change == Change::Raised).count();
    let clears = found.iter().filter(|f| f.change == Change::Cleared).count();
    assert_eq!(raises, clears, "{found:?}");
    assert!(!line.bank.verdict(SLOT).0);
}

#[test]
fn a_signal_that_rests_does_not_arm_and_says_so() {
    let mut line = Line::learning(50);
    assert_eq!(line.feed_many(120, |_, _| 5.0), []);
    let still = SlotState::Learning {
        have: 20,
        need: 50,
        is_still: true,
    };
    assert_eq!(line.state(), still);
    assert_eq!(line.feed_many(10, |_, _| 50.0), []);
}

#[test]
fn values_beyond_arithmetic_are_not_learned_from() {
    let mut line = Line::learning(50);
    line.feed_many(100, |_, i| if i % 2 == 0 { 1e308 } else { -1e308 });
    assert!(matches!(
        line.state(),
        SlotState::Learning { is_still: true, .. }
    ));
    line.run(50, 0.0);
    assert_eq!(line.state(), SlotState::Provisional, "later ones are");
}

#[test]
fn an_outlier_while_learning_does_not_set_the_baseline() {
    let mut line = Line::learning(100);
    line.feed_many(
        100,
        |noise, i| if i == 40 { 1e9 } else { LEVEL + SPREAD * noise },
    );
    let learned = level(&line);
    assert!(
        (learned.level - LEVEL).abs() < 1.0 && learned.spread < 3.0,
        "{learned:?}"
    );
}

#[test]
fn learning_can_be_ended_early() {
    let mut line = Line::learning(10_000);
    line.run(200, 0.0);
    let mut out = Vec::new();
    assert!(line.bank.end_learning(SLOT, line.now(), &mut out));
    assert_eq!(line.state(), SlotState::Provisional);
    assert!(
        !line.bank.end_learning(SLOT, line.now(), &mut out),
        "it is over"
    );
    let mut still = Line::learning(10_000);
    still.feed_many(200, |_, _| 1.0);
    assert!(
        !still.bank.end_learning(SLOT, still.now(), &mut out),
        "nothing to learn from"
    );
    assert!(!still.bank.end_learning(Slot(9), still.now(), &mut out));
    assert_eq!(out, []);
}

#[test]
fn only_a_usable_model_arms_and_only_a_known_slot() {
    let mut bank = Bank::new(&[monthly(300)], &[]);
    for spread in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-320] {
        assert!(!bank.arm(SLOT, Model::known(1.0, spread, 0.0)), "{spread}");
    }
    for phi in [-0.1, 1.0, f64::NAN] {
        assert!(!bank.arm(SLOT, Model::known(1.0, 1.0, phi)), "{phi}");
    }
    assert!(!bank.arm(SLOT, Model::known(f64::NAN, 1.0, 0.0)));
    assert!(!bank.arm(Slot(1), Model::known(1.0, 1.0, 0.0)));
    assert_eq!(bank.slot_state(Slot(1)), None);
    assert_eq!(
        (bank.model(Slot(1)), bank.learned_at(Slot(1))),
        (None, None)
    );
    let mut out = Vec::new();
    let stranger = Input {
        slot: Slot(9),
        value: 1.0,
        at: Mono::from_nanos(1),
    };
    bank.step(
        &[stranger],
        DayTime {
            second: 0.0,
            is_weekend: false,
        },
        &mut out,
    );
    assert_eq!(out, []);
}

#[test]
fn arming_anew_ends_a_fault_without_a_word() {
    let mut line = Line::known(0.0);
    line.run(50, 6.0);
    assert!(line.bank.verdict(SLOT).0);
    assert!(
        line.bank
            .arm(SLOT, Model::known(LEVEL + 6.0 * SPREAD, SPREAD, 0.0))
    );
    assert!(!line.bank.verdict(SLOT).0);
    assert_eq!(line.run(300, 6.0), []);
}

#[test]
fn the_phases_are_counted() {
    let wandering = ChartDesign {
        level: Level::Wandering,
        ..monthly(50)
    };
    let mut line = Line::new(monthly(50), 30, 0.0);
    line.bank = Bank::new(&[monthly(50), monthly(50), wandering], &[]);
    let counts = |line: &Line| {
        let phases = line.bank.phases();
        [phases.learning, phases.provisional, phases.armed]
    };
    assert_eq!(counts(&line), [3, 0, 0]);
    assert!(line.bank.arm(Slot(1), Model::known(0.0, 1.0, 0.0)));
    assert_eq!(counts(&line), [2, 0, 1]);
    line.run(50, 0.0);
    assert_eq!(counts(&line), [1, 1, 1]);
    line.run(6_000, 0.0);
    assert_eq!(counts(&line), [1, 0, 2]);
    assert!(
        line.bank
            .arm(Slot(1), line.bank.model(SLOT).unwrap().clone()),
        "known to known"
    );
    assert_eq!(counts(&line), [1, 0, 2]);
    assert!(
        line.bank.arm(Slot(2), Model::known(0.0, 1.0, 0.0)),
        "it has no level"
    );
    assert_eq!(counts(&line), [1, 0, 2]);
}

/// Quiet samples are not a fair sample of the signal, and guarded ones are smaller than they are: neither may make the
/// spread smaller than it is.
#[test]
fn a_spread_that_is_learned_further_is_not_learned_too_small() {
    for phi in [0.0, 0.5, 0.8] {
        let mut sum = 0.0;
        for seed in 0..40 {
            let mut line = Line::new(monthly(300), 30, phi);
            line.noise = Noise::new(seed, phi);
            line.run(8_000, 0.0);
            sum += level(&line).spread / SPREAD;
        }
        let mean = sum / 40.0;
        assert!((0.99..1.02).contains(&mean), "phi {phi}: {mean}");
    }
}

//! Behaviour of the bank: stages, gaps, alarm life, bad input.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::model::{Mono, Severity};

const SECOND_NS: u64 = 1_000_000_000;

fn monthly(learn_samples: u32) -> ChartDesign {
    // One false alarm per month at 1 Hz and a shift of one sigma, as `design` gives it.
    ChartDesign {
        period: Duration::from_secs(1),
        learn_samples,
        arl0: 5.184e6,
        k: 0.5,
        h: 14.303,
        lambda: 0.05,
        limit_l: 5.085,
        delay_samples: 29.0,
    }
}

/// A slot armed at mean 100, sigma 2, fed one value a second.
struct Line {
    bank: Bank,
    at_s: u64,
}

impl Line {
    fn armed() -> Self {
        let mut bank = Bank::new(&[monthly(300)]);
        assert!(bank.arm(Slot(0), &Baseline::known(100.0, 2.0)));
        Self { bank, at_s: 0 }
    }

    fn learning(learn_samples: u32) -> Self {
        Self {
            bank: Bank::new(&[monthly(learn_samples)]),
            at_s: 0,
        }
    }

    fn feed(&mut self, value: f64) -> Vec<Finding> {
        self.at_s += 1;
        self.feed_at(value, self.at_s)
    }

    fn feed_at(&mut self, value: f64, at_s: u64) -> Vec<Finding> {
        let mut out = Vec::new();
        let input = Input {
            slot: Slot(0),
            value,
            at: Mono::from_nanos(at_s * SECOND_NS),
        };
        self.bank.step(&[input], &mut out);
        out
    }

    fn feed_many(&mut self, count: u64, value: impl Fn(u64) -> f64) -> Vec<Finding> {
        (0..count).flat_map(|i| self.feed(value(i))).collect()
    }

    fn state(&self) -> SlotState {
        self.bank.slot_state(Slot(0)).unwrap()
    }
}

/// Noise of known spread without a generator: a fixed pattern with mean 0 and little autocorrelation.
fn pattern(i: u64) -> f64 {
    [0.3, -1.1, 0.9, -0.2, 1.6, -1.4, 0.1, 0.6, -0.7, -0.1][(i * 7 % 10) as usize]
}

fn changes(found: &[Finding]) -> Vec<Change> {
    found.iter().map(|f| f.change).collect()
}

#[test]
fn a_large_step_is_raised_and_gets_worse() {
    let mut line = Line::armed();
    line.feed_many(50, |i| 100.0 + pattern(i));
    let found = line.feed_many(30, |_| 112.0);
    assert_eq!(
        changes(&found),
        [Change::Raised, Change::Worse, Change::Worse]
    );
    let raised = &found[0];
    assert!(raised.ratio > 1.0 && raised.chart.is_high());
    assert_eq!(
        (raised.normal, raised.sigma, raised.value),
        (100.0, 2.0, 112.0)
    );
    assert!((3.0..=4.1).contains(&raised.sigmas), "{raised:?}");
    let onset_s = raised.onset.as_nanos() / SECOND_NS;
    assert!((48..=50).contains(&onset_s), "{raised:?}");
    assert_eq!(raised.severity(), Severity::Low);
    assert_eq!(found[2].severity(), Severity::High);
}

#[test]
fn a_small_shift_that_lasts_becomes_medium() {
    let mut line = Line::armed();
    let found = line.feed_many(200, |_| 97.8);
    assert_eq!(changes(&found), [Change::Raised, Change::Worse]);
    assert_eq!(found[0].chart, Chart::CusumLow);
    assert!((-1.2..-1.0).contains(&found[0].sigmas), "{found:?}");
    assert_eq!(found[1].severity(), Severity::Medium);
}

#[test]
fn an_alarm_clears_when_the_level_is_back() {
    let mut line = Line::armed();
    line.feed_many(40, |_| 110.0);
    let found = line.feed_many(100, |i| 100.0 + pattern(i));
    assert_eq!(changes(&found), [Change::Cleared]);
    assert!(line.feed_many(500, |i| 100.0 + pattern(i)).is_empty());
}

#[test]
fn the_other_direction_is_another_alarm() {
    let mut line = Line::armed();
    line.feed_many(40, |_| 110.0);
    let found = line.feed_many(60, |_| 90.0);
    assert_eq!(found[0].change, Change::Cleared);
    assert!(found[0].chart.is_high());
    assert_eq!(found[1].change, Change::Raised);
    assert!(!found[1].chart.is_high());
}

#[test]
fn a_single_spike_is_no_shift() {
    let mut line = Line::armed();
    let found = line.feed_many(400, |i| {
        if i % 100 == 50 {
            1e6
        } else {
            100.0 + pattern(i)
        }
    });
    assert_eq!(found, []);
}

#[test]
fn evidence_fades_over_a_gap() {
    let mut line = Line::armed();
    assert_eq!(line.feed_many(3, |_| 110.0), []);
    line.at_s += 20;
    assert_eq!(
        line.feed_many(3, |_| 110.0),
        [],
        "old and new evidence do not add up"
    );
    let mut line = Line::armed();
    assert_eq!(line.feed_many(3, |_| 110.0), []);
    line.at_s += 1;
    assert!(
        !line.feed_many(3, |_| 110.0).is_empty(),
        "one missed sample matters little"
    );
}

#[test]
fn a_long_gap_starts_afresh_and_ends_an_alarm() {
    let mut line = Line::armed();
    line.feed_many(40, |_| 110.0);
    line.at_s += 10_000;
    let found = line.feed_many(5, |i| 100.0 + pattern(i));
    assert_eq!(changes(&found), [Change::Cleared]);
}

#[test]
fn old_and_repeated_samples_are_ignored() {
    let mut line = Line::armed();
    line.feed(100.0);
    for _ in 0..100 {
        assert_eq!(line.feed_at(150.0, 1), []);
        assert_eq!(line.feed_at(150.0, 0), []);
    }
    assert_eq!(line.feed(100.0), []);
}

#[test]
fn learning_goes_through_its_stages() {
    let mut line = Line::learning(50);
    line.feed_many(49, |i| 20.0 + pattern(i));
    assert_eq!(
        line.state(),
        SlotState::Learning {
            have: 49,
            need: 50,
            is_still: false
        }
    );
    line.feed_many(1, |_| 20.3);
    let SlotState::Provisional { baseline, is_muted } = line.state() else {
        panic!("{:?}", line.state());
    };
    assert!(!is_muted);
    assert!((baseline.mean - 20.0).abs() < 0.1, "{baseline:?}");
    assert!((0.8..1.1).contains(&baseline.sigma), "{baseline:?}");
    line.feed_many(6_000, |i| 20.0 + pattern(i));
    assert!(
        matches!(line.state(), SlotState::Armed { .. }),
        "{:?}",
        line.state()
    );
}

#[test]
fn a_long_learning_phase_stays_silent_to_its_end() {
    let mut line = Line::learning(4_000);
    assert_eq!(line.feed_many(2_100, |i| 20.0 + pattern(i)), []);
    assert!(matches!(
        line.state(),
        SlotState::Provisional { is_muted: true, .. }
    ));
    assert_eq!(line.feed_many(100, |_| 23.0), []);
    line.feed_many(1_900, |i| 20.0 + pattern(i));
    assert!(matches!(
        line.state(),
        SlotState::Provisional {
            is_muted: false,
            ..
        }
    ));
    assert!(!line.feed_many(100, |_| 29.0).is_empty());
}

#[test]
fn a_fault_is_not_learned() {
    let mut line = Line::learning(300);
    line.feed_many(400, |i| 20.0 + pattern(i));
    let found = line.feed_many(5_000, |i| 25.0 + pattern(i));
    assert!(
        found.iter().all(|f| f.change != Change::Cleared),
        "{found:?}"
    );
    let SlotState::Provisional { baseline, .. } = line.state() else {
        panic!("{:?}", line.state());
    };
    assert!((baseline.mean - 20.0).abs() < 0.3, "{baseline:?}");
}

#[test]
fn a_signal_that_rests_does_not_arm_and_says_so() {
    let mut line = Line::learning(50);
    line.feed_many(120, |_| 5.0);
    assert_eq!(
        line.state(),
        SlotState::Learning {
            have: 20,
            need: 50,
            is_still: true
        }
    );
    assert_eq!(line.feed_many(10, |_| 50.0), []);
}

#[test]
fn values_beyond_arithmetic_are_not_learned_from() {
    let mut line = Line::learning(50);
    line.feed_many(100, |i| if i % 2 == 0 { 1e308 } else { -1e308 });
    assert!(matches!(
        line.state(),
        SlotState::Learning { is_still: true, .. }
    ));
}

#[test]
fn an_outlier_while_learning_does_not_set_the_baseline() {
    let mut line = Line::learning(100);
    line.feed_many(100, |i| if i == 40 { 1e9 } else { 20.0 + pattern(i) });
    let SlotState::Provisional { baseline, .. } = line.state() else {
        panic!("{:?}", line.state());
    };
    assert!(
        (baseline.mean - 20.0).abs() < 0.3 && baseline.sigma < 1.3,
        "{baseline:?}"
    );
}

#[test]
fn a_slow_part_under_noise_counts_as_persistence() {
    let mut line = Line::learning(1_000);
    line.feed_many(1_000, |i| ((i as f64) / 60.0).sin() + pattern(i));
    let SlotState::Provisional { baseline, .. } = line.state() else {
        panic!("{:?}", line.state());
    };
    assert!(baseline.tau2 > 5.0, "{baseline:?}");
}

#[test]
fn the_phases_are_counted() {
    let mut bank = Bank::new(&[monthly(50), monthly(50)]);
    let counts = |bank: &Bank| {
        let phases = bank.phases();
        [phases.learning, phases.provisional, phases.armed]
    };
    assert_eq!(counts(&bank), [2, 0, 0]);
    bank.arm(Slot(1), &Baseline::known(0.0, 1.0));
    assert_eq!(counts(&bank), [1, 0, 1]);
    let mut line = Line { bank, at_s: 0 };
    line.feed_many(50, pattern);
    assert_eq!(counts(&line.bank), [0, 1, 1]);
    line.feed_many(5_000, pattern);
    assert_eq!(counts(&line.bank), [0, 0, 2]);
}

#[test]
fn only_a_usable_baseline_arms_and_only_a_known_slot() {
    let mut bank = Bank::new(&[monthly(300)]);
    for sigma in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-320] {
        assert!(!bank.arm(Slot(0), &Baseline::known(1.0, sigma)), "{sigma}");
    }
    assert!(!bank.arm(Slot(1), &Baseline::known(1.0, 1.0)));
    assert_eq!(bank.slot_state(Slot(1)), None);
    let mut out = Vec::new();
    let stranger = Input {
        slot: Slot(9),
        value: 1.0,
        at: Mono::from_nanos(1),
    };
    bank.step(&[stranger], &mut out);
    assert_eq!(out, []);
}

#[test]
fn charts_have_names() {
    let names = [
        Chart::CusumHigh,
        Chart::CusumLow,
        Chart::EwmaHigh,
        Chart::EwmaLow,
    ]
    .map(Chart::as_str);
    assert_eq!(names, ["cusum_high", "cusum_low", "ewma_high", "ewma_low"]);
}

/// Any number that a device may send, rare ones often.
fn any_value() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        -10.0..10.0,
        Just(f64::NAN),
        Just(f64::INFINITY),
        Just(f64::MAX),
        Just(f64::MIN_POSITIVE / 4.0),
        Just(0.0),
    ]
}

proptest! {
    #[test]
    fn no_input_breaks_a_slot(
        values in prop::collection::vec((any_value(), 0u64..1 << 62), 1..400),
        is_armed in any::<bool>(),
    ) {
        let mut line = if is_armed { Line::armed() } else { Line::learning(50) };
        let mut at_ns = 0_u64;
        let mut is_raised = false;
        for (value, step) in values {
            // Mostly regular seconds, sometimes any step, and now and then one back in time.
            at_ns = match step % 16 {
                0 => at_ns.saturating_add(step),
                1 => at_ns.saturating_sub(step),
                _ => at_ns.saturating_add(SECOND_NS),
            };
            let mut out = Vec::new();
            line.bank.step(&[Input { slot: Slot(0), value, at: Mono::from_nanos(at_ns) }], &mut out);
            for found in out {
                prop_assert_eq!(is_raised, found.change != Change::Raised);
                is_raised = found.change != Change::Cleared;
                prop_assert!(found.ratio.is_finite() && found.sigmas.is_finite(), "{:?}", found);
                prop_assert!(found.onset.as_nanos() <= at_ns);
            }
        }
    }

    #[test]
    fn a_slot_recovers_from_whatever_came_before(
        values in prop::collection::vec(any_value(), 1..200),
    ) {
        let mut line = Line::armed();
        for value in values {
            line.feed(value);
        }
        line.feed_many(300, |i| 100.0 + pattern(i));
        prop_assert_eq!(line.feed_many(100, |i| 100.0 + pattern(i)), []);
        prop_assert!(!line.feed_many(30, |_| 110.0).is_empty());
    }
}

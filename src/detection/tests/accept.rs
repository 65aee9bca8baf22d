//! A person accepts a lasting level as the new normal, or rejects it, or has everything learned anew.

use super::line::{CONTEXT, LEVEL, Line, SLOT, SPREAD, changes};
use crate::detection::*;

#[test]
fn the_level_of_a_standing_fault_becomes_normal() {
    let mut line = Line::known(0.0);
    line.run(200, 0.0);
    assert_eq!(line.bank.fault(SLOT), None);
    let raised = line.run(40, 6.0);
    assert_eq!(raised[0].change, Change::Raised);
    assert!(matches!(line.bank.fault(SLOT), Some((chart, false)) if chart.is_high()));
    line.run(700, 6.0);
    assert!(
        matches!(line.bank.fault(SLOT), Some((_, true))),
        "it is proposed"
    );

    let mut out = Vec::new();
    assert!(line.bank.accept(SLOT, line.now(), &mut out));
    assert_eq!(out.len(), 1);
    assert_eq!(out[0].change, Change::Cleared);
    let level = line.bank.model(SLOT).unwrap().levels()[0].level;
    assert!((level - (LEVEL + 6.0 * SPREAD)).abs() < SPREAD, "{level}");
    assert_eq!(line.run(2_000, 6.0), [], "the new level is normal");
    assert!(
        line.run(50, 0.0)
            .iter()
            .any(|found| found.change == Change::Raised)
    );
}

#[test]
fn there_is_nothing_to_accept_without_a_fault_of_the_level() {
    let mut line = Line::known(0.0);
    line.run(100, 0.0);
    assert!(!line.bank.accept(SLOT, line.now(), &mut Vec::new()));
    assert!(!line.bank.accept(Slot(9), line.now(), &mut Vec::new()));
    assert_eq!(line.bank.fault(Slot(9)), None);
}

#[test]
fn a_fault_while_learning_has_no_level_to_move() {
    let mut line = Line::learning(300);
    line.feed_many(100, |noise, _| noise);
    let is_raised = |line: &mut Line| !line.feed_many(1, |noise, _| noise + 40.0).is_empty();
    assert!((0..40).any(|_| is_raised(&mut line)));
    let mut out = Vec::new();
    assert!(line.bank.accept(SLOT, line.now(), &mut out));
    assert_eq!(changes(&out), [Change::Cleared]);
    assert_eq!(
        line.state(),
        SlotState::Learning {
            have: 0,
            need: 300,
            is_still: false
        }
    );
}

#[test]
fn a_rejected_level_stands_and_is_not_proposed_again() {
    let mut line = Line::known(0.0);
    assert!(!line.bank.reject(SLOT), "there is nothing to reject");
    line.run(700, 6.0);
    assert!(matches!(line.bank.fault(SLOT), Some((_, true))));
    assert!(line.bank.reject(SLOT));
    assert!(matches!(line.bank.fault(SLOT), Some((_, false))));
    assert_eq!(line.run(2_000, 6.0), [], "it stands, and nothing is new");
    assert!(
        line.bank.accept(SLOT, line.now(), &mut Vec::new()),
        "a person may think again"
    );
}

#[test]
fn a_level_that_was_rejected_before_is_never_proposed() {
    let mut line = Line::known(0.0);
    line.run(100, 6.0);
    assert!(line.bank.reject(SLOT));
    assert_eq!(line.run(2_000, 6.0), []);
}

#[track_caller]
fn check_relearn(mut line: Line, fault: bool) {
    let mut out = Vec::new();
    assert!(line.bank.relearn(SLOT, &mut out));
    assert_eq!(out.len(), usize::from(fault));
    assert!(matches!(line.state(), SlotState::Learning { have: 0, .. }));
    assert_eq!(line.bank.phases().learning, 1);
    assert_eq!((line.bank.model(SLOT), line.bank.fault(SLOT)), (None, None));
    assert_eq!(line.bank.learned_at(SLOT), None);
    line.run(700, 9.0);
    let phases = line.bank.phases();
    assert_eq!((phases.learning, phases.provisional + phases.armed), (0, 1));
    assert!(
        line.run(60, 0.0)
            .iter()
            .any(|found| found.change == Change::Raised)
    );
}

#[test]
fn everything_is_learned_anew_when_a_person_says_so() {
    let mut known = Line::known(0.0);
    known.run(500, 0.0);
    check_relearn(known, false);
    let mut faulty = Line::known(0.0);
    faulty.run(100, 9.0);
    check_relearn(faulty, true);
    let mut learning = Line::learning(300);
    learning.run(200, 0.0);
    check_relearn(learning, false);
    let mut line = Line::known(0.0);
    assert!(!line.bank.relearn(Slot(9), &mut Vec::new()));
    assert!(!line.bank.reject(Slot(9)));
}

#[test]
fn a_slot_in_change_is_told() {
    let mut line = Line::known(0.0);
    assert!(!line.bank.is_in_change(SLOT, line.now()));
    let now = line.now();
    line.bank.set_quiet(CONTEXT, true, now, &mut Vec::new());
    assert!(line.bank.is_in_change(SLOT, now));
    assert!(!line.bank.is_in_change(Slot(9), now));
}

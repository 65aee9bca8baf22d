//! A person accepts a lasting level as the new normal.

use super::line::{CONTEXT, LEVEL, Line, SLOT, SPREAD};
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
    assert!(line.bank.accept(SLOT, &mut out));
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
    assert!(!line.bank.accept(SLOT, &mut Vec::new()));
    assert!(!line.bank.accept(Slot(9), &mut Vec::new()));
    assert_eq!(line.bank.fault(Slot(9)), None);
}

#[test]
fn a_fault_while_learning_has_no_level_to_move() {
    let mut line = Line::learning(300);
    line.feed_many(100, |noise, _| noise);
    line.feed_many(40, |noise, _| noise + 40.0);
    let is_raised = line.bank.fault(SLOT).is_some();
    let mut out = Vec::new();
    assert_eq!(line.bank.accept(SLOT, &mut out), is_raised);
    assert_eq!(out.len(), usize::from(is_raised));
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

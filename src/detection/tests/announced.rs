//! What the plant announces: modes, setpoints, quiet times.

use super::line::*;
use crate::detection::*;

const A: ModeId = ModeId(1);
const B: ModeId = ModeId(2);

impl Line {
    fn mode(&mut self, mode: ModeId) -> Vec<Finding> {
        self.announce(|bank, at, out| bank.change_mode(CONTEXT, mode, at, out))
    }

    fn setpoint(&mut self) -> Vec<Finding> {
        self.announce(|bank, at, out| bank.unsettle(CONTEXT, at, out))
    }

    fn quiet(&mut self, is_quiet: bool) -> Vec<Finding> {
        self.announce(|bank, at, out| bank.set_quiet(CONTEXT, is_quiet, at, out))
    }

    /// A line that has learned the modes A at the level and B ten spreads above it.
    fn of_two_modes() -> Self {
        let mut line = Self::learning(900);
        for (mode, sigmas) in [(A, 0.0), (B, 10.0), (A, 0.0), (B, 10.0), (A, 0.0)] {
            assert_eq!(line.mode(mode), []);
            assert_eq!(line.run(250, sigmas), [], "{mode:?}");
        }
        assert_ne!(line.bank.model(SLOT), None);
        line
    }

    fn levels(&self) -> Vec<(u16, f64)> {
        let levels = self.bank.model(SLOT).unwrap().levels();
        let rounded = |level: &ModeLevel| (level.mode.0, (level.level / 5.0).round() * 5.0);
        levels.iter().map(rounded).collect()
    }
}

#[test]
fn every_mode_has_a_level_of_its_own() {
    let mut line = Line::of_two_modes();
    assert_eq!(line.levels(), [(1, 100.0), (2, 120.0)]);
    for (mode, sigmas) in [(B, 10.0), (A, 0.0), (B, 10.0)] {
        assert_eq!(line.mode(mode), []);
        assert_eq!(line.run(400, sigmas), [], "{mode:?}");
    }
    let found = line.run(100, 0.0);
    assert_eq!(
        found[0].change,
        Change::Raised,
        "the level of the other mode"
    );
    assert_eq!(found[0].mode, B);
    assert!((found[0].normal - 120.0).abs() < 1.0, "{found:?}");
}

#[test]
fn a_mode_met_for_the_first_time_is_introduced_and_then_charted() {
    let mut line = Line::of_two_modes();
    assert_eq!(line.mode(ModeId(3)), []);
    assert_eq!(line.run(45 + 55, 30.0), [], "it settles and is introduced");
    assert_eq!(line.levels().len(), 2);
    assert_eq!(line.run(10, 30.0), []);
    assert_eq!(line.levels(), [(1, 100.0), (2, 120.0), (3, 160.0)]);
    let early = line.clone().run(40, 40.0);
    assert_eq!(
        changes(&early[..1]),
        [Change::Raised],
        "a large fault is found at once"
    );
    assert_eq!(line.run(4_000, 30.0), []);
    let found = line.run(60, 33.0);
    assert_eq!(
        (found[0].change, found[0].mode),
        (Change::Raised, ModeId(3))
    );
    assert_eq!(
        changes(&line.mode(A)),
        [Change::Cleared],
        "a mode ends the fault"
    );
    assert_eq!(line.run(400, 0.0), []);
}

#[test]
fn a_mode_beyond_arithmetic_is_not_charted() {
    let mut line = Line::of_two_modes();
    line.mode(ModeId(3));
    let huge = |_, i| if i % 2 == 0 { f64::MAX } else { -f64::MAX };
    assert_eq!(line.feed_many(3_000, huge), []);
    assert_eq!(line.levels().len(), 2);
    line.mode(A);
    assert_eq!(line.run(200, 0.0), []);
}

/// A machine that is off from time to time, first while `learned` or later.
#[track_caller]
fn check_off(learned: bool) {
    let mut line = Line::learning(900);
    let off = |line: &mut Line, samples| {
        let mut found = line.mode(B);
        found.extend(line.feed_many(samples, |_, _| 0.0));
        found.extend(line.mode(A));
        found
    };
    line.mode(A);
    for _ in 0..3 {
        assert_eq!(line.run(400, 0.0), []);
        if learned {
            assert_eq!(off(&mut line, 250), []);
        }
    }
    assert_eq!(line.levels().len(), 1 + usize::from(learned));
    for _ in 0..5 {
        assert_eq!(off(&mut line, 20_000), [], "off for long");
        assert_eq!(line.run(2_000, 0.0), [], "on again");
    }
    assert_eq!(line.levels(), [(1, 100.0), (2, 0.0)]);
    line.mode(B);
    line.feed_many(200, |_, _| 0.0);
    assert_eq!(
        line.run(10, 0.0)[0].change,
        Change::Raised,
        "it should be off"
    );
    line.mode(A);
    line.run(200, 0.0);
    let found = line.feed_many(100, |_, _| LEVEL);
    assert_eq!(found[0].chart, Chart::Stuck, "{found:?}");
}

#[test]
fn a_machine_that_is_off_stands_still() {
    check_off(true);
    check_off(false);
}

#[test]
fn the_same_mode_again_is_no_change() {
    let mut line = Line::of_two_modes();
    assert_eq!(line.mode(A), []);
    let found = line.run(8, 6.0);
    assert_eq!(found[0].change, Change::Raised, "it does not settle");
    assert_eq!(line.mode(A), []);
    assert!(line.bank.verdict(SLOT).0);
}

#[test]
fn a_setpoint_move_that_comes_back_is_no_alarm() {
    let mut line = Line::known(0.0);
    assert_eq!(line.run(100, 0.0), []);
    assert_eq!(line.setpoint(), []);
    assert_eq!(
        line.feed_many(25, |n, i| LEVEL + SPREAD * n + 30.0 - f64::from(i)),
        []
    );
    assert_eq!(line.run(500, 0.0), []);
}

#[test]
fn what_does_not_settle_is_found_after_three_settling_times() {
    let mut line = Line::known(0.0);
    line.run(100, 0.0);
    line.setpoint();
    assert_eq!(line.run(89, 5.0), []);
    assert_eq!(line.run(10, 5.0)[0].change, Change::Raised);
}

#[test]
fn without_a_settling_time_charts_go_on_at_once() {
    let mut line = Line::new(monthly(300), 0, 0.0);
    assert!(line.bank.arm(SLOT, Model::known(LEVEL, SPREAD, 0.0)));
    line.run(100, 0.0);
    line.setpoint();
    assert_eq!(line.run(10, 5.0)[0].change, Change::Raised);
}

#[test]
fn what_is_announced_ends_a_fault() {
    for announce in [
        Line::setpoint,
        |line: &mut Line| line.quiet(true),
        |line: &mut Line| line.mode(B),
    ] {
        let mut line = Line::known(0.0);
        assert_eq!(line.run(50, 6.0)[0].change, Change::Raised);
        let found = announce(&mut line);
        assert_eq!(changes(&found), [Change::Cleared]);
        let (is_fault, score) = line.bank.verdict(SLOT);
        assert!(!is_fault && score < 0.1, "{score}");
        assert_eq!(announce(&mut line), [], "once");
    }
}

#[test]
fn quiet_time_neither_alarms_nor_teaches() {
    let mut line = Line::learning(300);
    line.run(400, 0.0);
    let before = line.bank.model(SLOT).cloned();
    assert_eq!(line.quiet(true), []);
    assert_eq!(line.run(5_000, 50.0), []);
    assert_eq!(line.bank.model(SLOT), before.as_ref());
    assert_eq!(line.quiet(true), [], "it is quiet already");
    assert_eq!(line.quiet(false), []);
    assert_eq!(line.run(400, 0.0), []);
    assert_eq!(line.run(50, 5.0)[0].change, Change::Raised);
}

#[test]
fn learning_waits_for_quiet_and_settling() {
    let mut line = Line::learning(300);
    line.quiet(true);
    assert_eq!(line.run(1_000, 50.0), []);
    let waits = |have| SlotState::Learning {
        have,
        need: 300,
        is_still: false,
    };
    assert_eq!(line.state(), waits(0));
    line.quiet(false);
    assert_eq!(line.run(45, 20.0), [], "settling and half of it");
    assert_eq!(line.state(), waits(0));
    line.run(300, 0.0);
    assert_eq!(line.levels()[0], (0, 100.0));
}

#[test]
fn a_model_that_arrives_in_quiet_time_waits() {
    let mut line = Line::learning(300);
    line.quiet(true);
    assert!(line.bank.arm(SLOT, Model::known(LEVEL, SPREAD, 0.0)));
    assert_eq!(line.run(100, 50.0), []);
    line.quiet(false);
    assert_eq!(line.run(100, 0.0), []);
    assert_eq!(line.run(50, 5.0)[0].change, Change::Raised);
}

#[test]
fn unknown_contexts_change_nothing() {
    let mut line = Line::known(0.0);
    let found = line.announce(|bank, at, out| {
        let stranger = ContextId(7);
        bank.change_mode(stranger, B, at, out);
        bank.unsettle(stranger, at, out);
        bank.set_quiet(stranger, true, at, out);
        bank.begin_cycle(stranger, at);
    });
    assert_eq!(found, []);
    assert_eq!(line.run(20, 6.0)[0].change, Change::Raised);
}

#[test]
fn a_plan_may_name_slots_that_are_not_there() {
    let plan = ContextPlan {
        slots: vec![SLOT, Slot(40)],
        settle: std::time::Duration::ZERO,
    };
    let mut bank = Bank::new(&[monthly(300)], &[plan]);
    let mut out = Vec::new();
    bank.set_quiet(CONTEXT, true, crate::model::Mono::from_nanos(1), &mut out);
    assert_eq!(out, []);
}

#[test]
fn modes_that_all_stand_still_teach_nothing() {
    let mut line = Line::learning(900);
    for turn in 0..60_u16 {
        line.mode(ModeId(1 + turn % 2));
        line.feed_many(76, |_, _| f64::from(turn % 2));
    }
    assert_eq!(line.bank.model(SLOT), None);
}

#[test]
fn it_is_told_when_a_value_means_nothing_now() {
    let mut line = Line::known(0.0);
    let means_nothing = |line: &Line| line.bank.is_in_change(SLOT, line.now());
    assert!(!means_nothing(&line));
    line.setpoint();
    assert!(means_nothing(&line));
    line.wait(46);
    assert!(!means_nothing(&line));
    line.quiet(true);
    line.wait(1_000);
    assert!(means_nothing(&line));
    assert!(!line.bank.is_in_change(Slot(9), line.now()));
}

/// Where the signal is calmer, as in maintenance, its short runs of one value are no standstill, and nothing is learned
/// from them for the other modes.
#[test]
fn a_calm_mode_says_nothing_of_the_others() {
    let design = ChartDesign {
        finds_stuck: true,
        ..monthly(900)
    };
    let mut line = Line::new(design, 30, 0.0);
    line.mode(A);
    let busy = |noise: f64, _| (LEVEL + SPREAD * noise).round();
    assert_eq!(line.feed_many(1_500, busy), []);
    let spread = |line: &Line| line.bank.model(SLOT).unwrap().levels()[0].spread;
    let before = spread(&line);
    line.mode(B);
    assert_eq!(line.feed_many(3_000, |noise, _| (0.4 * noise).round()), []);
    line.mode(A);
    assert_eq!(line.feed_many(500, busy), []);
    let after = spread(&line);
    assert!((0.9..1.1).contains(&(after / before)), "{before} {after}");
}

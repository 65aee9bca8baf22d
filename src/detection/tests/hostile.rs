//! Whatever a device sends and a plant announces: no panic, no poison, and a slot that finds its way back.

use std::time::Duration;

use proptest::prelude::*;

use super::line::*;
use crate::config::{Level, Profile};
use crate::detection::*;
use crate::model::Mono;

/// What may happen to a slot.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// A value, so many nanoseconds later; negative is back in time.
    Value(f64, i64),
    Mode(u16),
    Unsettle,
    Quiet(bool),
    Cycle,
    EndLearning,
    Arm,
}

/// Any number that a device may send, rare ones often.
fn any_value() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -10.0..10.0,
        2 => any::<f64>(),
        1 => prop::sample::select(vec![
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::MAX,
            f64::MIN,
            f64::MIN_POSITIVE / 4.0,
            0.0,
            -0.0,
            1e20,
        ]),
    ]
}

/// Mostly a second, sometimes the same time again, back, a short gap, or ten years.
fn any_step() -> impl Strategy<Value = i64> {
    let second = SECOND_NS.cast_signed();
    prop_oneof![
        8 => Just(second),
        1 => -5 * second..30 * second,
        1 => prop::sample::select(vec![0, -1, 100 * second, 315_360_000 * second]),
    ]
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        30 => (any_value(), any_step()).prop_map(|(value, step)| Event::Value(value, step)),
        1 => (0..4_u16).prop_map(Event::Mode),
        1 => Just(Event::Unsettle),
        1 => any::<bool>().prop_map(Event::Quiet),
        1 => Just(Event::Cycle),
        1 => Just(Event::EndLearning),
        1 => Just(Event::Arm),
    ]
}

fn any_design() -> impl Strategy<Value = ChartDesign> {
    let profiles = vec![Profile::None, Profile::Cycle, Profile::Day, Profile::Week];
    let levels = vec![Level::Fixed, Level::Fixed, Level::Wandering];
    let choices = (
        prop::sample::select(profiles),
        prop::sample::select(levels),
        50..80_u32,
    );
    choices.prop_map(|(profile, level, learn)| ChartDesign {
        profile,
        level,
        ..monthly(learn)
    })
}

/// Feeds an event and checks what comes of it: a fault is raised before anything else is told of it, and every number
/// can be worked with.
fn happen(line: &mut Line, event: Event, is_raised: &mut bool) -> Result<(), TestCaseError> {
    let mut out = Vec::new();
    let at = line.now();
    match event {
        Event::Value(value, step) => {
            line.at_ns = line.at_ns.saturating_add_signed(step);
            out = line.feed_at(value, line.at_ns);
        }
        Event::Mode(mode) => line.bank.change_mode(CONTEXT, ModeId(mode), at, &mut out),
        Event::Unsettle => line.bank.unsettle(CONTEXT, at, &mut out),
        Event::Quiet(is_quiet) => line.bank.set_quiet(CONTEXT, is_quiet, at, &mut out),
        Event::Cycle => line.bank.begin_cycle(CONTEXT, at),
        Event::EndLearning => {
            line.bank.end_learning(SLOT, at, &mut out);
        }
        Event::Arm => {
            if line.bank.arm(SLOT, Model::known(0.0, 3.0, 0.3)) {
                *is_raised = line.bank.verdict(SLOT).0;
            }
        }
    }
    for found in out {
        prop_assert_eq!(*is_raised, found.change != Change::Raised, "{:?}", found);
        *is_raised = found.change != Change::Cleared;
        prop_assert!(
            found.ratio.is_finite() && found.sigmas.is_finite(),
            "{:?}",
            found
        );
        prop_assert!(
            found.normal.is_finite() && found.sigma.is_finite(),
            "{:?}",
            found
        );
    }
    let (is_fault, score) = line.bank.verdict(SLOT);
    prop_assert_eq!(is_fault, *is_raised);
    prop_assert!(score.is_finite() && score >= 0.0, "{}", score);
    Ok(())
}

proptest! {
    #[test]
    fn no_input_breaks_a_slot(
        design in any_design(),
        events in prop::collection::vec(any_event(), 1..400),
    ) {
        let mut line = Line::new(design, 5, 0.0);
        let mut is_raised = false;
        for event in events {
            happen(&mut line, event, &mut is_raised)?;
        }
        prop_assert!(line.bank.model(SLOT).is_none_or(Model::is_usable));
    }

    #[test]
    fn a_known_slot_recovers_from_whatever_came_before(
        phi in prop::sample::select(vec![0.0, 0.5, 0.9]),
        events in prop::collection::vec(any_event(), 1..300),
    ) {
        let mut line = Line::known(phi);
        let mut is_raised = false;
        for event in events {
            if !matches!(event, Event::Mode(_) | Event::Arm) {
                happen(&mut line, event, &mut is_raised)?;
            }
        }
        line.announce(|bank, at, out| bank.set_quiet(CONTEXT, false, at, out));
        line.run(1_500, 0.0);
        let (is_fault, score) = line.bank.verdict(SLOT);
        prop_assert!(!is_fault && score < 1.0, "{} {}", is_fault, score);
        prop_assert_eq!(line.run(200, 0.0), []);
        let found = line.run(100, 8.0);
        prop_assert!(!found.is_empty(), "it still finds");
    }

    #[test]
    fn whatever_was_learned_from_normal_samples_end_a_fault(
        events in prop::collection::vec((any_value(), any_step()), 60..400),
    ) {
        let mut line = Line::learning(60);
        for (value, step) in events {
            line.at_ns = line.at_ns.saturating_add_signed(step);
            line.feed_at(value, line.at_ns);
        }
        let Some(level) = line.bank.model(SLOT).map(|model| model.levels()[0]) else {
            return Ok(());
        };
        // Values must still tell each other apart when they are this close to the level.
        prop_assume!(level.spread > 1e-9 * level.level.abs());
        line.wait(60);
        line.feed_many(2_000, |noise, _| level.level + 0.3 * level.spread * noise);
        let (is_fault, score) = line.bank.verdict(SLOT);
        prop_assert!(!is_fault && score < 1.0, "{} {} {:?}", is_fault, score, level);
    }
}

#[test]
fn a_sample_of_long_ago_and_one_of_the_far_future_are_taken() {
    let mut line = Line::known(0.0);
    assert_eq!(line.feed_at(LEVEL, 0), []);
    assert_eq!(line.feed_at(LEVEL, u64::MAX - 1), []);
    let at = Mono::from_nanos(u64::MAX - 1);
    assert_eq!(
        at.saturating_add(Duration::from_secs(9)),
        Mono::from_nanos(u64::MAX)
    );
    assert_eq!(line.feed_at(LEVEL, u64::MAX), []);
}

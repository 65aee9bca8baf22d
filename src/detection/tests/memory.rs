//! What outlives the process: baselines, and where the charts stand.

use std::time::Duration;

use super::line::*;
use crate::config::{Level, Profile};
use crate::detection::*;

const SECOND: Duration = Duration::from_secs(1);

/// The slot in a new process, `passed` after it was last heard.
fn restarted(line: &Line, passed: Duration) -> Line {
    let memory = stored(&line.bank.memory(SLOT).unwrap());
    let mut next = Line::new(monthly(300), 30, 0.0);
    next.noise = line.noise.clone();
    assert!(next.bank.recall(SLOT, memory, passed));
    next
}

fn stored(memory: &Memory) -> Memory {
    let bytes = postcard::to_stdvec(memory).unwrap();
    let memory: Memory = postcard::from_bytes(&bytes).unwrap();
    assert!(memory.is_usable());
    memory
}

/// Samples of a small shift that were seen before a restart count after it.
#[test]
fn charts_go_on_where_they_stood() {
    let delay = |line: &mut Line| (0..400).find(|_| !line.run(1, 1.0).is_empty());
    let mut whole = Line::known(0.0);
    whole.run(500, 0.0);
    whole.run(15, 1.0);
    let mut next = restarted(&whole, SECOND);
    let mut fresh = restarted(&whole, Duration::from_hours(1));
    let without = delay(&mut whole).unwrap();
    assert_eq!(delay(&mut next), Some(without));
    assert!(
        delay(&mut fresh).unwrap() > without,
        "after an hour they begin at zero"
    );
}

#[test]
fn a_fault_that_stood_is_found_again_at_once_and_dated_back() {
    let mut line = Line::known(0.0);
    line.run(300, 0.0);
    line.run(60, 4.0);
    let mut next = restarted(&line, 3 * SECOND);
    next.wait(1_000);
    let found = next.run(1, 4.0);
    assert_eq!(changes(&found), [Change::Raised]);
    let back = next.now().since(found[0].onset);
    assert!((30 * SECOND..100 * SECOND).contains(&back), "{back:?}");
}

#[test]
fn a_value_that_stands_still_goes_on_standing_still() {
    let design = ChartDesign {
        finds_stuck: true,
        ..monthly(300)
    };
    let line = |design| {
        let mut line = Line::new(design, 30, 0.0);
        assert!(line.bank.arm(SLOT, Model::known(LEVEL, SPREAD, 0.0)));
        line
    };
    let frozen = |line: &mut Line| (1..200).find(|_| !line.feed(LEVEL).is_empty()).unwrap();
    let mut whole = line(design);
    let needed = frozen(&mut whole);
    let mut first = line(design);
    assert_eq!(first.feed_many(10, |_, _| LEVEL), []);
    let memory = stored(&first.bank.memory(SLOT).unwrap());
    let mut next = Line::new(design, 30, 0.0);
    assert!(next.bank.recall(SLOT, memory, SECOND));
    assert_eq!(frozen(&mut next), needed - 10);
}

#[test]
fn a_signal_that_learns_leaves_nothing() {
    let mut line = Line::learning(300);
    line.run(100, 0.0);
    assert_eq!(line.bank.memory(SLOT), None);
    assert_eq!(line.bank.memory(Slot(9)), None);
}

/// Stopped in the middle of its learning phase.
fn interrupted(line: &mut Line) -> Memory {
    let memory = stored(&line.bank.unfinished(SLOT).unwrap());
    assert!(memory.is_unfinished() && memory.model().is_none());
    memory
}

#[test]
fn a_signal_that_learns_goes_on_learning() {
    for daily in [false, true] {
        let design = ChartDesign {
            profile: if daily { Profile::Day } else { Profile::None },
            period: Duration::from_secs(if daily { 600 } else { 1 }),
            ..monthly(300)
        };
        let mut line = Line::new(design, 30, 0.0);
        assert_eq!(line.bank.unfinished(SLOT), None, "there is nothing yet");
        line.run(100, 0.0);
        let memory = interrupted(&mut line);
        let mut next = Line::new(design, 30, 0.0);
        next.noise = line.noise.clone();
        assert!(next.bank.recall(SLOT, memory, SECOND));
        assert_eq!(next.state(), line.state());
        line.run(199, 0.0);
        next.run(199, 0.0);
        assert!(matches!(
            next.state(),
            SlotState::Learning { have: 299, .. }
        ));
        line.run(1, 0.0);
        next.run(1, 0.0);
        let level = |line: &Line| line.bank.model(SLOT).unwrap().levels()[0].level;
        assert!((level(&line) - level(&next)).abs() < 0.2 * SPREAD);
        assert_eq!(next.bank.unfinished(SLOT), None, "it has learned");
    }
}

#[test]
fn a_learning_phase_of_another_length_begins_anew() {
    let mut line = Line::learning(300);
    line.run(100, 0.0);
    let memory = interrupted(&mut line);
    let mut longer = Line::learning(400);
    assert!(!longer.bank.recall(SLOT, memory.clone(), SECOND));
    assert!(matches!(
        longer.state(),
        SlotState::Learning { have: 0, .. }
    ));
    assert!(!Line::known(0.0).bank.recall(SLOT, memory.clone(), SECOND));
    assert!(!following(Profile::None).bank.recall(SLOT, memory, SECOND));
}

#[test]
fn charts_of_another_mode_say_nothing() {
    let mut line = Line::known(0.0);
    line.run(300, 0.0);
    let now = line.now();
    line.bank
        .change_mode(CONTEXT, ModeId(1), now, &mut Vec::new());
    line.run(400, 30.0);
    line.run(30, 34.0);
    let next = restarted(&line, SECOND);
    let (is_fault, score) = next.bank.verdict(SLOT);
    assert!(!is_fault && score < 0.01, "{score}");
    assert_eq!(next.bank.model(SLOT).unwrap().levels().len(), 2);
}

fn following(profile: Profile) -> Line {
    let design = ChartDesign {
        level: Level::Wandering,
        profile,
        ..monthly(300)
    };
    Line::new(design, 30, 0.0)
}

#[test]
fn a_signal_without_a_level_is_followed_further() {
    for profile in [Profile::None, Profile::Day] {
        let mut line = following(profile);
        assert_eq!(line.run(2_000, 0.0), []);
        let memory = stored(&line.bank.memory(SLOT).unwrap());
        assert_eq!(memory.model(), None);
        let mut next = following(profile);
        assert!(next.bank.recall(SLOT, memory.clone(), SECOND));
        assert_eq!(next.state(), SlotState::Armed);
        assert_eq!(next.bank.phases().armed, 1);
        let found = next.run(60, 8.0);
        assert_eq!(
            found.first().map(|found| found.change),
            Some(Change::Raised)
        );

        assert!(
            !next.bank.recall(SLOT, memory.clone(), SECOND),
            "it is armed already"
        );
        let mut level = Line::learning(300);
        assert!(!level.bank.recall(SLOT, memory.clone(), SECOND));
        let other = if profile == Profile::None {
            Profile::Day
        } else {
            Profile::None
        };
        assert!(!following(other).bank.recall(SLOT, memory, SECOND));
    }
    let mut short = following(Profile::None);
    short.run(50, 0.0);
    let memory = stored(&short.bank.memory(SLOT).unwrap());
    assert!(
        !following(Profile::None).bank.recall(SLOT, memory, SECOND),
        "it was not ready"
    );
    let model = Memory::of(Model::known(LEVEL, SPREAD, 0.0));
    assert!(!Line::learning(300).bank.recall(Slot(9), model, SECOND));
}

/// Every number of a memory, one by one, made what no number of a signal is.
#[test]
fn numbers_that_cannot_be_charted_with_are_told() {
    let mut line = Line::known(0.0);
    line.run(300, 0.0);
    let mut followed = following(Profile::Day);
    followed.run(2_000, 0.0);
    let mut learning = Line::learning(300);
    learning.run(100, 0.0);
    let unfinished = learning.bank.unfinished(SLOT);
    let known = [line, followed].map(|line| line.bank.memory(SLOT));
    let [known, followed] = known;
    for (memory, least) in [(known, 15), (followed, 90), (unfinished, 10)] {
        let memory = memory.unwrap();
        let bytes = postcard::to_stdvec(&memory).unwrap();
        let mut refused = 0;
        let (single, double) = (f32::NAN.to_le_bytes(), f64::NAN.to_le_bytes());
        let places = (0..bytes.len()).flat_map(|at| [(at, &single[..]), (at, &double[..])]);
        for (at, number) in places {
            let mut bad = bytes.clone();
            let Some(place) = bad.get_mut(at..at + number.len()) else {
                continue;
            };
            place.copy_from_slice(number);
            if let Ok(memory) = postcard::from_bytes::<Memory>(&bad) {
                refused += usize::from(!memory.is_usable());
            }
        }
        assert!(refused >= least, "{refused}");
    }
}

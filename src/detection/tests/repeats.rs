//! Signals that repeat: machine cycles, days, weeks.

use std::f64::consts::TAU;
use std::time::Duration;

use super::line::*;
use crate::config::Profile;
use crate::detection::testing::Noise;
use crate::detection::*;

const CYCLE_S: u32 = 40;

/// A press: fast up, slow down, larger than its noise.
fn stroke(second: u32) -> f64 {
    let into = f64::from(second % CYCLE_S);
    if into < 8.0 {
        5.0 * into
    } else {
        40.0 * (-(into - 8.0) / 10.0).exp()
    }
}

/// A line that has learned 30 strokes.
fn press() -> Line {
    let design = ChartDesign {
        profile: Profile::Cycle,
        ..monthly(30 * CYCLE_S)
    };
    let mut line = Line::new(design, 30, 0.0);
    line.cycles(31, |noise, second| stroke(second) + noise);
    assert_ne!(line.bank.model(SLOT), None);
    line
}

impl Line {
    /// Feeds whole cycles; `value` knows the second of the cycle.
    fn cycles(&mut self, count: u32, value: impl Fn(f64, u32) -> f64) -> Vec<Finding> {
        let mut found = Vec::new();
        for _ in 0..count {
            let at = self.now().saturating_add(Duration::from_secs(1));
            self.bank.begin_cycle(CONTEXT, at);
            found.extend(self.feed_many(CYCLE_S, &value));
        }
        found
    }
}

#[test]
fn strokes_of_a_machine_are_normal() {
    assert_eq!(
        press().cycles(100, |noise, second| stroke(second) + noise),
        []
    );
}

#[test]
fn a_fault_within_the_stroke_is_found() {
    let mut line = press();
    line.cycles(10, |noise, second| stroke(second) + noise);
    let weak =
        |noise, second| stroke(second) + noise - if (10..25).contains(&second) { 4.0 } else { 0.0 };
    let found = line.cycles(5, weak);
    assert_eq!(found[0].change, Change::Raised, "{found:?}");
    assert!(!found[0].chart.is_high(), "{found:?}");
    let within = f64::from(CYCLE_S);
    assert!(
        (0.0..within).contains(&found[0].normal),
        "what is normal there: {found:?}"
    );
}

#[test]
fn a_stroke_that_stays_out_is_not_charted() {
    let mut line = press();
    assert_eq!(
        line.feed_many(10, |noise, _| stroke(CYCLE_S - 1) + noise),
        []
    );
    assert_eq!(
        line.feed_many(500, |noise, _| 300.0 + noise),
        [],
        "no cycle goes on for so long"
    );
    assert_eq!(line.cycles(10, |noise, second| stroke(second) + noise), []);
}

#[test]
fn without_cycles_nothing_repeats() {
    let design = ChartDesign {
        profile: Profile::Cycle,
        ..monthly(300)
    };
    let mut line = Line::new(design, 30, 0.0);
    line.run(700, 0.0);
    assert_eq!(
        line.state(),
        SlotState::Provisional,
        "it has a level all the same"
    );
    assert_eq!(line.run(20, 6.0)[0].change, Change::Raised);
}

/// A room: 10 degrees between night and noon, 3 degrees colder on weekends; one value every five minutes from a Thursday
/// on, `far` off.
struct Room {
    line: Line,
}

impl Room {
    fn new(profile: Profile, learn_samples: u32) -> Self {
        let design = ChartDesign {
            profile,
            period: Duration::from_mins(5),
            ..monthly(learn_samples)
        };
        let mut line = Line::new(design, 0, 0.0);
        line.noise = Noise::new(11, 0.5);
        Self { line }
    }

    fn hours(&mut self, hours: u32, far: f64) -> Vec<Finding> {
        let mut found = Vec::new();
        for _ in 0..12 * hours {
            self.line.wait(300);
            let second = self.line.at_ns / SECOND_NS;
            let day = second / 86_400;
            let weekend = if matches!(day % 7, 2 | 3) { -3.0 } else { 0.0 };
            let noon = -(TAU * (second % 86_400) as f64 / 86_400.0).cos();
            let value = 20.0 + weekend + 5.0 * noon + 0.5 * self.line.noise.next() + far;
            found.extend(self.line.feed_at(value, self.line.at_ns));
        }
        found
    }
}

#[test]
fn days_of_the_week_are_learned() {
    let mut room = Room::new(Profile::Week, 10 * 288);
    assert_eq!(room.hours(10 * 24, 0.0), []);
    assert_ne!(room.line.bank.model(SLOT), None);
    assert_eq!(room.hours(28 * 24, 0.0), []);
    let found = room.hours(12, -4.0);
    assert_eq!(found[0].change, Change::Raised, "{found:?}");
}

#[test]
fn a_first_weekend_is_strange_and_no_alarm() {
    let mut room = Room::new(Profile::Week, 288);
    let found = room.hours(14 * 24, 0.0);
    let raised = found.iter().filter(|f| f.change == Change::Raised).count();
    assert!(raised <= 1, "{found:?}");
}

#[test]
fn a_day_is_learned_whatever_the_wish() {
    let mut room = Room::new(Profile::Day, 50);
    room.hours(25, 0.0);
    assert_eq!(room.line.bank.model(SLOT), None);
    room.hours(1, 0.0);
    assert_ne!(room.line.bank.model(SLOT), None);
}

#[test]
fn a_fault_of_a_strange_day_is_found_beside_its_own_offset() {
    let mut room = Room::new(Profile::Week, 288);
    room.hours(2 * 24 + 12, 0.0);
    let found = room.hours(2, 8.0);
    assert_eq!(found[0].change, Change::Raised, "{found:?}");
    let value = found[0].value - found[0].normal;
    assert!((4.0..12.0).contains(&value), "{found:?}");
}

#[test]
fn a_fault_on_the_first_weekend_does_not_become_its_pattern() {
    let mut room = Room::new(Profile::Week, 288);
    room.hours(2 * 24 + 8, 0.0);
    room.hours(4, 12.0);
    room.hours(12 + 24 + 5 * 24, 0.0);
    let second = room.hours(48, 0.0);
    let raised = second.iter().filter(|f| f.change == Change::Raised).count();
    assert_eq!(raised, 0, "{second:?}");
}

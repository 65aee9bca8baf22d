//! False alarms on normal data. Events: raised at 1, cleared below 0.8.

use super::plant::{Plant, Watch};

const ROWS: usize = 10_000;
const RUNS: u64 = 10;
const ARL0: f64 = 1_000.0;

/// What is missing of the plant's data.
#[derive(Debug, Clone, Copy)]
enum Loss {
    Nothing,
    /// Each value with this probability.
    Values(f64),
    /// Each row with this probability.
    Rows(f64),
    /// Every second value of every second tag.
    SlowTags,
}

fn events(seed: u64, phi: f64, loss: Loss) -> usize {
    let mut plant = Plant::with_twins(seed, 8, phi);
    let mut watch = Watch::armed(&mut plant, ARL0);
    let mut was_alarm = false;
    let mut events = 0;
    let mut periods = 0;
    for index in 0..ROWS {
        let mut row = plant.row();
        periods += 1;
        match loss {
            Loss::Values(share) => {
                for value in &mut row {
                    *value = if plant.chance(share) {
                        f64::NAN
                    } else {
                        *value
                    };
                }
            }
            Loss::Rows(share) if plant.chance(share) => continue,
            Loss::Nothing | Loss::Rows(_) => {}
            Loss::SlowTags if index % 2 == 0 => {}
            Loss::SlowTags => row.iter_mut().step_by(2).for_each(|v| *v = f64::NAN),
        }
        let reading = watch.step_after(std::mem::take(&mut periods), &row);
        let is_alarm = reading.map_or(was_alarm, |reading| reading.is_alarm);
        events += usize::from(is_alarm && !was_alarm);
        was_alarm = is_alarm;
    }
    events
}

/// Twice the promise at most, and not dead either.
fn check_promise(phi: f64, loss: Loss) {
    let got: usize = (1..=RUNS).map(|seed| events(seed, phi, loss)).sum();
    let promised = RUNS as f64 * ROWS as f64 / ARL0;
    let share = got as f64 / promised;
    println!("phi {phi}, {loss:?}: {share:.2} of the promised events");
    assert!((0.1..=2.0).contains(&share), "phi {phi}, {loss:?}: {share}");
}

#[test]
fn independent_rows_keep_the_promise() {
    check_promise(0.0, Loss::Nothing);
}

#[test]
fn persistent_rows_keep_the_promise() {
    check_promise(0.5, Loss::Nothing);
}

#[test]
fn very_persistent_rows_keep_the_promise() {
    check_promise(0.8, Loss::Nothing);
}

#[test]
fn missing_values_keep_the_promise() {
    check_promise(0.5, Loss::Values(0.2));
}

#[test]
fn missing_rows_keep_the_promise() {
    check_promise(0.8, Loss::Rows(0.3));
}

#[test]
fn slow_tags_keep_the_promise() {
    check_promise(0.8, Loss::SlowTags);
}

//! What a group must find, and how it comes back.

use super::plant::{Plant, Watch};

const ARL0: f64 = 3_600.0;

/// Rows until the fault raises an alarm, at most 300, and the tag that comes first 20 rows later.
fn find(seed: u64, mut fault: impl FnMut(&mut Plant, &mut Vec<f64>)) -> (usize, usize) {
    let mut plant = Plant::with_twins(seed, 8, 0.5);
    let mut watch = Watch::armed(&mut plant, ARL0);
    let mut delay = None;
    for index in 0..300 {
        let mut row = plant.row();
        fault(&mut plant, &mut row);
        let reading = watch.step(&row).expect("armed");
        if reading.is_alarm && delay.is_none() {
            delay = Some(index);
        }
        if delay.is_some_and(|delay| index >= delay + 20) {
            break;
        }
    }
    let first = watch.group.contributions()[0];
    (delay.unwrap_or(300), first.tag)
}

/// The median delay of nine plants is at most `rows`, and at least eight times one of `tags` comes first.
fn check_found(rows: usize, tags: &[usize], mut fault: impl FnMut(&mut Plant, &mut Vec<f64>)) {
    let found: Vec<(usize, usize)> = (1..=9).map(|seed| find(seed, &mut fault)).collect();
    let mut delays: Vec<usize> = found.iter().map(|(delay, _)| *delay).collect();
    delays.sort_unstable();
    assert!(delays[4] <= rows, "{found:?}");
    let named = found.iter().filter(|(_, tag)| tags.contains(tag)).count();
    assert!(named >= 8, "{found:?}");
}

#[test]
fn a_shift_of_two_sigma_on_one_tag_is_found_and_named() {
    check_found(25, &[5], |_, row| row[5] -= 2.0);
}

#[test]
fn a_jump_of_four_sigma_is_found_at_once_and_named() {
    check_found(10, &[3], |_, row| row[3] += 4.0);
}

/// The same variance as before, so that no chart of the tag alone could see it.
#[test]
fn a_lost_relation_is_found_and_named() {
    check_found(20, &[0, 1], |plant, row| row[1] = plant.noise());
}

#[test]
fn a_shift_is_found_when_every_second_value_is_missing() {
    let mut index = 0;
    check_found(45, &[5], |_, row| {
        index += 1;
        row[5] = if index % 2 == 0 {
            f64::NAN
        } else {
            row[5] - 2.0
        };
    });
}

#[test]
fn the_direction_is_told() {
    let mut plant = Plant::new(3, 8, 0.5);
    let mut watch = Watch::armed(&mut plant, ARL0);
    for _ in 0..60 {
        let mut row = plant.row();
        row[6] -= 3.0;
        watch.step(&row);
    }
    let first = watch.group.contributions()[0];
    assert_eq!(first.tag, 6);
    assert!((-4.0..-2.0).contains(&first.sigmas), "{first:?}");
    assert!(first.share > 1.0, "{first:?}");
}

#[test]
fn an_alarm_clears_below_four_fifths_and_within_forty_rows_of_any_fault() {
    let mut plant = Plant::new(4, 8, 0.5);
    let mut watch = Watch::armed(&mut plant, ARL0);
    for _ in 0..100 {
        watch.step(&plant.row().iter().map(|v| v + 1e9).collect::<Vec<_>>());
    }
    let mut rows = 0;
    loop {
        let reading = watch.step(&plant.row()).unwrap();
        assert_eq!(reading.is_alarm, reading.score >= 0.8, "{reading:?}");
        if !reading.is_alarm {
            break;
        }
        rows += 1;
    }
    assert!((20..40).contains(&rows), "{rows}");
}

#[test]
fn a_reset_ends_an_alarm_and_keeps_what_was_learned() {
    let mut plant = Plant::new(5, 8, 0.5);
    let mut watch = Watch::armed(&mut plant, ARL0);
    let model = watch.group.model().cloned();
    for _ in 0..50 {
        watch.step(&[8.0; 8]);
    }
    watch.group.reset();
    let reading = watch.step(&plant.row()).unwrap();
    assert!(!reading.is_alarm && reading.score < 0.9, "{reading:?}");
    assert_eq!(watch.group.model().cloned(), model);
}

/// Score of a normal row that comes `periods` after a fault of 50 rows.
fn score_after(periods: u64) -> f64 {
    let mut plant = Plant::new(6, 8, 0.5);
    let mut watch = Watch::armed(&mut plant, ARL0);
    for _ in 0..50 {
        watch.step(&[8.0; 8]);
    }
    let row = plant.row();
    watch.step_after(periods, &row).unwrap().score
}

#[test]
fn a_short_gap_is_bridged_a_longer_one_fades_and_a_very_long_one_starts_afresh() {
    assert!(score_after(3) > 3.0, "{}", score_after(3));
    let faded = score_after(21);
    assert!((0.8..2.5).contains(&faded), "{faded}");
    assert!(score_after(150) < 0.9);
    assert_eq!(score_after(202).to_bits(), score_after(10_000).to_bits());
}

#[test]
fn a_tag_that_stays_away_in_alarm_is_held_for_three_rows_and_then_fades() {
    let mut plant = Plant::new(7, 8, 0.0);
    let mut watch = Watch::armed(&mut plant, ARL0);
    for _ in 0..60 {
        let mut row = plant.row();
        row[2] = 50.0;
        watch.step(&row);
    }
    let levels: Vec<f64> = (0..60)
        .map(|_| {
            let mut row = plant.row();
            row[2] = f64::NAN;
            let reading = watch.step(&row).unwrap();
            assert_eq!(reading.missing, 1);
            reading.level
        })
        .collect();
    assert_eq!(levels[0].to_bits(), levels[2].to_bits());
    assert!((levels[3] / levels[2] - 0.95).abs() < 1e-9, "{levels:?}");
    assert!(levels[59] < 0.8, "{levels:?}");
}

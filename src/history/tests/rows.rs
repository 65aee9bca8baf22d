//! Roll-up rows as columns.

use super::super::blob::seal;
use super::super::rollup::tests::of;
use super::super::rows::{Need, Row, decode, encode};
use super::*;

const MINUTE_MS: i64 = 60_000;

/// The rows of a chunk, as far as they are wanted.
fn rows_of(bytes: &[u8], need: Need) -> Vec<Row> {
    let mut rows = Vec::new();
    let chunk = decode(bytes, MINUTE_MS, need).unwrap();
    chunk.each(|row| rows.push(*row));
    rows
}

#[track_caller]
fn check(rows: &[Row], tolerance: f64) -> usize {
    let bytes = encode(rows, MINUTE_MS);
    let back = rows_of(&bytes, Need::ALL);
    assert_eq!(back.len(), rows.len());
    for ((number, ours), (also, theirs)) in rows.iter().zip(&back) {
        assert_eq!(number, also);
        let near = |a: f64, b: f64| (a - b).abs() <= tolerance * a.abs().max(b.abs()).max(1e-9);
        assert!(near(ours.mean, theirs.mean), "{ours:?} {theirs:?}");
        assert!(near(ours.m2, theirs.m2), "{ours:?} {theirs:?}");
        assert!(near(ours.integral, theirs.integral), "{ours:?} {theirs:?}");
        let (mean, m2, integral) = (ours.mean, ours.m2, ours.integral);
        assert_eq!(
            Rollup {
                mean,
                m2,
                integral,
                ..*theirs
            },
            *ours
        );
    }
    bytes.len()
}

fn minutes(of_minute: impl Fn(i32) -> Vec<f64>, count: i32) -> Vec<Row> {
    (0..count)
        .map(|i| {
            let number = 29_000_000 + i;
            (number, of(&of_minute(i), i64::from(number) * MINUTE_MS))
        })
        .collect()
}

#[test]
fn values_on_a_grid_come_back_with_exact_sums() {
    let noise = |i: i32| {
        (0..60)
            .map(|s| f64::from(700 + (i * 60 + s) * 7_919 % 23) / 10.0)
            .collect()
    };
    let bytes = check(&minutes(noise, 1_440), 1e-12);
    assert!(bytes < 7 * 1_440, "{bytes}");
}

#[test]
fn what_stands_still_costs_nothing() {
    let bytes = check(&minutes(|_| vec![72.5; 60], 1_440), 1e-12);
    assert!(bytes < 80, "{bytes}");
}

#[test]
fn values_off_every_grid_come_back_nearly() {
    let noise = |i: i32| (0..60).map(|s| f64::from(i * 60 + s).sin().exp()).collect();
    check(&minutes(noise, 200), 1e-7);
    check(&minutes(|i| vec![1e300 * f64::from(i + 1)], 5), 1e-7);
}

#[test]
fn buckets_without_values_are_kept() {
    let mut rows = minutes(|i| if i % 3 == 0 { vec![] } else { vec![0.5, 1.0] }, 30);
    rows[3].1 = Rollup {
        bad: 4,
        covered_ms: 60_000,
        ..Rollup::default()
    };
    rows[6].1 = Rollup {
        covered_ms: 1_000,
        weighted_ms: 1_000,
        integral: 500.0,
        ..Rollup::default()
    };
    rows.remove(10);
    check(&rows, 1e-12);
    // Off the grid of the others.
    rows[6].1.integral = 0.123;
    check(&rows, 1e-6);
    check(&[], 0.0);
    check(&rows[6..7], 1e-6);
}

#[test]
fn columns_that_are_not_wanted_are_not_read() {
    let noise = |i: i32| {
        (0..60)
            .map(|s| f64::from(700 + (i * 60 + s) * 7_919 % 23) / 10.0)
            .collect()
    };
    let rows = minutes(noise, 100);
    let bytes = encode(&rows, MINUTE_MS);
    let need = Need {
        mean: true,
        ..Need::default()
    };
    let back = rows_of(&bytes, need);
    assert!((back[50].1.mean - rows[50].1.mean).abs() < 1e-12);
    assert_eq!(
        (back[50].1.max, back[50].1.good, back[50].1.m2),
        // Of a column that is not read nothing is known; that values were good is known by their count.
        (0.0, 60, 0.0)
    );
}

#[test]
fn damage_is_an_error() {
    let good = encode(&minutes(|_| vec![1.0], 3), MINUTE_MS);
    for cut in 0..good.len() {
        assert!(decode(&good[..cut], MINUTE_MS, Need::ALL).is_err());
        if cut > 5 {
            let inner = seal(&good[5..cut]);
            assert!(decode(&inner, MINUTE_MS, Need::ALL).is_err());
        }
    }
    assert!(decode(&seal(&[0xff, 0xff, 0xff, 0xff, 0x7f]), MINUTE_MS, Need::ALL).is_err());
}

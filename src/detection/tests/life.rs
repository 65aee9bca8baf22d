//! The life of a fault: raised, worse, proposed, cleared.

use super::line::*;
use crate::detection::testing::Noise;
use crate::detection::*;
use crate::model::{Mono, Severity};

use Change::{Cleared, Proposed, Raised, Worse};

/// A known signal of lag-1 correlation `phi` goes `sigmas` off for `samples` after 300 normal ones, and comes back; one
/// of the charts `first` finds it.
#[track_caller]
fn check_shift(phi: f64, sigmas: f64, samples: u32, first: &[Chart]) {
    let mut line = Line::known(phi);
    assert_eq!(line.run(300, 0.0), [], "before");
    let found = line.run(samples, sigmas);
    let raised = found[0];
    assert_eq!(raised.change, Raised, "{found:?}");
    let (proposed, worse): (Vec<_>, Vec<_>) = changes(&found[1..])
        .into_iter()
        .partition(|change| *change == Proposed);
    assert!(worse.iter().all(|change| *change == Worse), "{found:?}");
    assert_eq!(proposed.len(), usize::from(samples > 1_000), "{found:?}");
    assert!(first.contains(&raised.chart), "{raised:?}");
    assert_eq!((raised.normal, raised.sigma), (LEVEL, SPREAD));
    assert_eq!(raised.sigmas > 0.0, sigmas > 0.0, "{raised:?}");
    let onset_s = raised.onset.as_nanos() / SECOND_NS;
    assert!((200..=320).contains(&onset_s), "{raised:?}");
    let back = line.run(150, 0.0);
    assert_eq!(changes(&back), [Cleared], "{back:?}");
    assert!(!line.bank.verdict(SLOT).0);
    assert_eq!(line.run(500, 0.0), [], "afterwards");
}

const UP: &[Chart] = &[Chart::CusumHigh, Chart::EwmaHigh, Chart::SpikeHigh];
const DOWN: &[Chart] = &[Chart::CusumLow, Chart::EwmaLow, Chart::SpikeLow];

#[test]
fn a_level_that_moves_is_raised_once_and_cleared_when_it_is_back() {
    check_shift(0.0, 1.0, 200, UP);
    check_shift(0.0, -1.0, 200, DOWN);
    check_shift(0.0, 3.0, 100, UP);
    check_shift(0.0, -3.0, 100, DOWN);
    check_shift(0.0, 8.0, 100, &[Chart::SpikeHigh]);
    check_shift(0.0, -8.0, 100, &[Chart::SpikeLow]);
    check_shift(0.5, 2.0, 100, UP);
    check_shift(0.8, -3.0, 100, DOWN);
    check_shift(0.95, 6.0, 100, &[Chart::SpikeHigh]);
}

#[test]
fn a_level_that_stays_is_proposed_once() {
    check_shift(0.0, 4.0, 4_000, UP);
    check_shift(0.8, -6.0, 4_000, &[Chart::SpikeLow]);
}

#[test]
fn how_far_the_level_is_off_is_told() {
    let mut line = Line::known(0.0);
    line.run(300, 0.0);
    for finding in line.run(700, 3.0) {
        assert!((2.0..=4.0).contains(&finding.sigmas), "{finding:?}");
    }
}

#[test]
fn urgency_grows_with_the_shift() {
    let worst = |sigmas| {
        let mut line = Line::known(0.0);
        line.run(100, 0.0);
        let found = line.run(100, sigmas);
        found.iter().map(Finding::severity).max()
    };
    assert_eq!(worst(0.0), None);
    assert_eq!(worst(1.0), Some(Severity::Medium));
    assert_eq!(worst(5.0), Some(Severity::High));
}

#[test]
fn the_other_direction_is_another_alarm() {
    let mut line = Line::known(0.0);
    line.run(100, 0.0);
    line.run(40, 3.0);
    let found = line.run(60, -3.0);
    assert_eq!(found[0].change, Cleared, "{found:?}");
    assert!(found[0].chart.is_high());
    assert_eq!(found[1].change, Raised, "{found:?}");
    assert!(!found[1].chart.is_high());
}

#[test]
fn a_single_value_is_a_spike_and_over_at_once() {
    let mut line = Line::known(0.0);
    for (value, chart) in [(1e6, Chart::SpikeHigh), (-1e300, Chart::SpikeLow)] {
        line.run(100, 0.0);
        let found = line.feed(value);
        assert_eq!(changes(&found), [Raised]);
        assert_eq!((found[0].chart, found[0].normal), (chart, LEVEL));
        assert_eq!(
            (found[0].value, found[0].severity()),
            (value, Severity::High)
        );
        assert_eq!(changes(&line.run(20, 0.0)), [Cleared]);
    }
}

#[test]
fn two_outliers_of_three_are_a_spike() {
    let mut line = Line::known(0.0);
    line.run(100, 0.0);
    let mut found = line.feed(LEVEL + 4.9 * SPREAD);
    found.extend(line.feed(LEVEL));
    assert_eq!(found, []);
    let found = line.feed(LEVEL + 4.9 * SPREAD);
    assert_eq!(changes(&found), [Raised]);
    assert_eq!(found[0].chart, Chart::SpikeHigh);
}

/// A signal that varies `factor` times as much as it did.
#[track_caller]
fn check_spread(phi: f64, factor: f64, samples: u32) {
    let mut line = Line::known(phi);
    line.run(300, 0.0);
    let found = line.feed_many(samples, |noise, _| LEVEL + factor * SPREAD * noise);
    let first = found.first().unwrap();
    assert_eq!(
        (first.change, first.chart),
        (Raised, Chart::Spread),
        "phi {phi} x {factor}: {found:?}"
    );
    assert!((1.1..4.0).contains(&first.sigmas), "{first:?}");
    let back = line.run(200, 0.0);
    assert!(changes(&back).ends_with(&[Cleared]), "{back:?}");
    assert_eq!(line.run(300, 0.0), []);
}

#[test]
fn a_signal_that_varies_more_is_unsteady() {
    check_spread(0.0, 1.5, 400);
    check_spread(0.0, 2.0, 100);
    check_spread(0.5, 1.7, 300);
    check_spread(0.8, 1.7, 400);
}

#[test]
fn a_value_that_stands_still_is_stuck_until_it_moves() {
    let mut line = Line::known(0.0);
    line.run(100, 0.0);
    let found = line.feed_many(400, |_, _| LEVEL + 0.5);
    assert_eq!(changes(&found), [Raised, Worse, Worse]);
    assert!(found.iter().all(|f| f.chart == Chart::Stuck), "{found:?}");
    assert_eq!(line.bank.verdict(SLOT), (true, 20.0));
    let found = line.feed(LEVEL);
    assert_eq!(changes(&found), [Cleared]);
    assert_eq!(line.run(300, 0.0), []);
}

#[test]
fn a_fault_that_ends_stuck_is_over_with_the_first_movement() {
    let mut line = Line::known(0.0);
    line.run(100, 0.0);
    let found = line.feed_many(100, |_, _| LEVEL + 6.0);
    assert!(found[0].chart.is_level(), "{found:?}");
    let found = line.run(50, 0.0);
    assert_eq!(changes(&found), [Cleared]);
    assert!(found[0].chart.is_level(), "as it was raised: {found:?}");
}

#[test]
fn evidence_fades_over_a_gap() {
    let after = |gap_s| {
        let mut line = Line::known(0.0);
        line.feed_many(5, |_, _| LEVEL + 2.5 * SPREAD);
        line.wait(gap_s);
        let found = line.feed_many(3, |_, i| LEVEL + (2.5 + 0.1 * f64::from(i)) * SPREAD);
        changes(&found)
    };
    assert_eq!(after(0), [Raised], "it goes on");
    assert_eq!(after(1), [Raised], "one missed sample matters little");
    assert_eq!(after(15), [], "old and new evidence do not add up");
    assert_eq!(after(1_000_000), [], "nothing is left");
}

#[test]
fn a_fault_survives_a_gap_and_ends_after_it() {
    let mut line = Line::known(0.0);
    line.run(40, 5.0);
    line.wait(10_000);
    assert!(line.bank.verdict(SLOT).0);
    assert_eq!(changes(&line.run(30, 0.0)), [Cleared]);
}

#[test]
fn old_and_repeated_samples_are_ignored() {
    let mut line = Line::known(0.0);
    line.wait(10);
    line.feed(LEVEL);
    for at_ns in [line.at_ns, line.at_ns - 1, 0] {
        assert_eq!(line.feed_at(1e9, at_ns), [], "{at_ns}");
    }
    assert_eq!(line.feed(LEVEL), []);
}

#[test]
fn a_neighbour_does_not_touch_a_slot() {
    let mut bank = Bank::new(&[monthly(300); 3], &[]);
    assert!(bank.arm(Slot(0), Model::known(0.0, 1.0, 0.0)));
    assert!(bank.arm(Slot(2), Model::known(0.0, 1.0, 0.0)));
    let mut noise = Noise::new(3, 0.0);
    let step = |bank: &mut Bank, second: u64, values: &[(u32, f64)]| {
        let at = Mono::from_nanos(second * SECOND_NS);
        let input = |(slot, value): &(u32, f64)| Input {
            slot: Slot(*slot),
            value: *value,
            at,
        };
        let inputs: Vec<Input> = values.iter().map(input).collect();
        let mut out = Vec::new();
        let day = DayTime {
            second: 0.0,
            is_weekend: false,
        };
        bank.step(&inputs, day, &mut out);
        out
    };
    let found = step(&mut bank, 1, &[(0, 20.0), (1, 5.0), (2, 0.1)]);
    assert_eq!((changes(&found), found[0].slot), (vec![Raised], Slot(0)));
    let score = bank.verdict(Slot(0));
    assert!(score.0 && score.1 > 1.0, "{score:?}");
    for second in 2..50 {
        let value = noise.next();
        assert_eq!(step(&mut bank, second, &[(1, 5.0), (2, value)]), []);
    }
    assert_eq!(bank.verdict(Slot(0)), score, "it was not fed");
    assert!(!bank.verdict(Slot(2)).0);
    assert_eq!(bank.verdict(Slot(99)), (false, 0.0));
}

#[test]
fn slots_of_several_blocks_are_charted() {
    let mut bank = Bank::new(&[monthly(300); 40], &[]);
    let slots = || (0..40).map(Slot);
    for slot in slots() {
        assert!(bank.arm(slot, Model::known(0.0, 1.0, 0.0)));
    }
    let at = Mono::from_nanos(SECOND_NS);
    let far = [Slot(3), Slot(16), Slot(39)];
    let inputs: Vec<Input> = slots()
        .map(|slot| Input {
            slot,
            value: if far.contains(&slot) { 9.0 } else { 0.1 },
            at,
        })
        .collect();
    let mut out = Vec::new();
    let day = DayTime {
        second: 0.0,
        is_weekend: false,
    };
    bank.step(&inputs, day, &mut out);
    let raised: Vec<Slot> = out.iter().map(|found| found.slot).collect();
    assert_eq!(raised, far);
}

#[test]
fn charts_have_names() {
    let names = [
        Chart::CusumHigh,
        Chart::CusumLow,
        Chart::EwmaHigh,
        Chart::EwmaLow,
        Chart::Spread,
        Chart::SpikeHigh,
        Chart::SpikeLow,
        Chart::Stuck,
        Chart::Unusual,
    ]
    .map(Chart::as_str);
    assert_eq!(
        names.join(" "),
        "cusum_high cusum_low ewma_high ewma_low spread spike_high spike_low stuck unusual"
    );
}

/// Student's t with five degrees of freedom, at unit variance.
fn student(noise: &mut Noise) -> f64 {
    let squares: f64 = (0..5).map(|_| noise.normal().powi(2)).sum();
    noise.normal() / (squares / 5.0).sqrt() * 0.6_f64.sqrt()
}

/// Raises of a shift that lasts for 6,000 samples, mean over thirty signals.
#[track_caller]
fn check_told_once(phi: f64, sigmas: f64, heavy: bool) {
    let mut raises = 0;
    for seed in 0..30 {
        let mut line = Line::known(phi);
        line.noise = Noise::new(seed, phi);
        let value = |noise: &mut Noise| if heavy { student(noise) } else { noise.next() };
        for _ in 0..6_000 {
            let x = LEVEL + SPREAD * (value(&mut line.noise) + sigmas);
            let found = line.feed(x);
            raises += found.iter().filter(|f| f.change == Raised).count();
        }
    }
    assert!(
        (30..=33).contains(&raises),
        "phi {phi} sigmas {sigmas}: {raises}"
    );
}

/// A level that has moved and stays is one alarm, however many samples have the chance to look normal.
#[test]
fn a_shift_that_lasts_is_told_once() {
    for sigmas in [1.0, 1.5, 3.0] {
        check_told_once(0.0, sigmas, false);
        check_told_once(0.5, sigmas, false);
    }
    for sigmas in [1.5, 3.0] {
        check_told_once(0.8, sigmas, false);
    }
    check_told_once(0.0, 3.0, true);
}

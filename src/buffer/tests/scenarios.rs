//! Single facts about lanes and engine, on the simulated disk.

use super::harness::{ALL, Harness, POLICY};
use crate::buffer::incident::Incident;
use crate::buffer::memory::{MemFault, MemStore};
use crate::buffer::store::{Mark, ReadLimit, Store};
use crate::record::{DropReasonV1, Lane};

fn harness() -> Harness<MemStore> {
    let store = || MemStore::new(1 << 20).with_reserve(1_000);
    Harness::new(store(), store(), POLICY)
}

fn restart(harness: &mut Harness<MemStore>) {
    let (alerts, telemetry) = harness.stop();
    harness.open(alerts.restart(5), telemetry.restart(6));
}

fn dropped(harness: &Harness<MemStore>) -> Vec<(u64, u64, DropReasonV1)> {
    let drops = harness.drops().into_iter();
    drops.map(|d| (d.seq_from, d.seq_to, d.reason)).collect()
}

#[test]
fn nothing_is_readable_before_its_commit() {
    let mut harness = harness();
    harness.append(Lane::Telemetry, b"a".to_vec());
    assert_eq!(harness.read(Lane::Telemetry, 1, ALL), vec![]);
    harness.commit(Lane::Telemetry);
    assert_eq!(
        harness.read(Lane::Telemetry, 1, ALL),
        vec![(1, b"a".to_vec())]
    );
}

#[test]
fn lanes_number_from_one_and_go_on_after_a_restart() {
    let mut harness = harness();
    harness.fill(Lane::Telemetry, 3, 10);
    harness.fill(Lane::Alerts, 2, 10);
    restart(&mut harness);
    assert_eq!(harness.append(Lane::Telemetry, vec![]), 4);
    assert_eq!(harness.append(Lane::Alerts, vec![]), 3);
}

#[test]
fn a_read_respects_its_limits_across_segments_and_memory() {
    let mut harness = harness();
    for _ in 0..3 {
        harness.fill(Lane::Telemetry, 10, 100);
    }
    for records in 1..31 {
        let limit = ReadLimit {
            records,
            bytes: usize::MAX,
        };
        assert_eq!(harness.read(Lane::Telemetry, 1, limit).len(), records);
    }
    let limit = ReadLimit {
        records: usize::MAX,
        bytes: 450,
    };
    assert_eq!(harness.read(Lane::Telemetry, 1, limit).len(), 5);
}

#[test]
fn a_segment_is_closed_at_its_size_or_when_it_fills_slowly_at_a_quarter() {
    let mut harness = harness();
    let mut closes = |after_s, records| {
        harness.tick(after_s);
        harness.fill(Lane::Telemetry, records, 80);
        harness.store(Lane::Telemetry).active().is_none()
    };
    // 97 bytes each, of 1,000.
    assert!(!closes(1, 8));
    assert!(closes(1, 3));
    assert!(!closes(9, 5));
    assert!(closes(1, 1));
    assert!(!closes(10, 2));
    assert!(closes(1, 1));
}

#[test]
fn acknowledged_segments_are_removed_whole_and_only_after_the_cursor_is_saved() {
    let mut harness = harness();
    for _ in 0..4 {
        harness.fill(Lane::Telemetry, 10, 100);
    }
    harness.ack(Lane::Telemetry, 20);
    assert_eq!(harness.store(Lane::Telemetry).segments().len(), 4);
    harness.tick(1);
    let firsts: Vec<_> = harness
        .store(Lane::Telemetry)
        .segments()
        .iter()
        .map(|s| s.first)
        .collect();
    assert_eq!(firsts, vec![21, 31]);
    harness.check_accounts();
}

#[test]
fn the_oldest_telemetry_gives_way_at_the_bound_in_one_merged_drop_record() {
    let mut harness = harness();
    for _ in 0..10 {
        harness.fill(Lane::Telemetry, 10, 100);
    }
    assert!(harness.engine().lane(Lane::Telemetry).disk_bytes() <= POLICY.max_bytes);
    harness.tick(11);
    assert_eq!(dropped(&harness), vec![(1, 50, DropReasonV1::Quota)]);
    harness.check_accounts();
}

#[test]
fn alerts_are_never_dropped_at_the_bound() {
    let mut harness = harness();
    for _ in 0..20 {
        harness.fill(Lane::Alerts, 10, 100);
        harness.fill(Lane::Telemetry, 10, 100);
    }
    assert_eq!(harness.pending(Lane::Alerts).len(), 200);
}

#[test]
fn a_failed_fsync_is_not_believed_the_second_time() {
    let mut harness = harness();
    harness.fill(Lane::Telemetry, 2, 10);
    harness.append(Lane::Telemetry, b"x".to_vec());
    harness.store(Lane::Telemetry).inject(1, MemFault::Io(0));
    harness.commit(Lane::Telemetry);
    assert!(matches!(
        harness.incidents[..],
        [Incident::WriteFault { .. }]
    ));
    assert_eq!(harness.store(Lane::Telemetry).segments().len(), 2);
    restart(&mut harness);
    assert_eq!(harness.pending(Lane::Telemetry).len(), 3);
}

#[test]
fn a_dead_disk_leaves_records_readable_and_the_status_says_so() {
    let mut harness = harness();
    harness.store(Lane::Alerts).inject(0, MemFault::Cut);
    harness.fill(Lane::Alerts, 2, 10);
    assert_eq!(harness.pending(Lane::Alerts).len(), 2);
    assert!(!harness.engine().lane(Lane::Alerts).is_durable());
    assert!(matches!(
        harness.incidents[..],
        [Incident::NotDurable { is_full: false, .. }]
    ));
    // Beyond the bound of the memory the oldest go, by name.
    for _ in 0..20 {
        harness.fill(Lane::Alerts, 1, 200);
    }
    let alerts = harness.engine().lane(Lane::Alerts);
    assert!(alerts.pending_records() < 10);
    let full = Incident::Dropped {
        lane: Lane::Alerts,
        from: 1,
        to: alerts.visible() - alerts.pending_records(),
        reason: DropReasonV1::DiskFull,
    };
    assert!(harness.incidents.len() > 1);
    assert_eq!(
        harness.incidents.iter().rev().find_map(|i| match i {
            Incident::Dropped { to, .. } => Some(*to),
            _ => None,
        }),
        match full {
            Incident::Dropped { to, .. } => Some(to),
            _ => None,
        }
    );
}

#[test]
fn a_disk_that_comes_back_gets_everything_kept_in_memory() {
    let mut harness = harness();
    harness.fill(Lane::Telemetry, 2, 10);
    harness.store(Lane::Telemetry).inject(0, MemFault::Io(3));
    harness.fill(Lane::Telemetry, 3, 10);
    assert!(!harness.engine().lane(Lane::Telemetry).is_durable());
    harness.ack(Lane::Telemetry, 4);
    for _ in 0..8 {
        harness.tick(61);
    }
    assert!(harness.engine().lane(Lane::Telemetry).is_durable());
    assert!(matches!(
        harness.incidents.last(),
        Some(Incident::DurableAgain { .. })
    ));
    restart(&mut harness);
    assert_eq!(harness.pending(Lane::Telemetry).len(), 1);
    harness.check_accounts();
}

#[test]
fn a_full_disk_drops_old_telemetry_and_takes_new() {
    let mut harness = harness();
    for _ in 0..3 {
        harness.fill(Lane::Telemetry, 10, 100);
    }
    harness.store(Lane::Telemetry).resize(4_600);
    harness.fill(Lane::Telemetry, 10, 100);
    harness.tick(11);
    assert!(harness.engine().lane(Lane::Telemetry).is_durable());
    let drops = dropped(&harness);
    assert!(
        drops
            .iter()
            .all(|(_, _, reason)| *reason == DropReasonV1::DiskFull)
            && !drops.is_empty(),
        "{drops:?}"
    );
    harness.check_accounts();
}

#[test]
fn alerts_use_the_reserve_when_the_disk_is_full() {
    let mut harness = harness();
    harness.store(Lane::Alerts).resize(1_100);
    harness.fill(Lane::Alerts, 5, 100);
    assert!(harness.engine().lane(Lane::Alerts).is_durable());
    assert!(
        !harness.store(Lane::Alerts).release_reserve(),
        "it is in use"
    );
    harness.store(Lane::Alerts).resize(1 << 20);
    harness.tick(11);
    assert!(harness.store(Lane::Alerts).release_reserve(), "it is back");
}

#[test]
fn a_store_that_opens_empty_is_noticed_and_numbering_goes_on() {
    let mut harness = harness();
    harness.fill(Lane::Telemetry, 7, 10);
    harness.ack(Lane::Telemetry, 2);
    harness.tick(1);
    let (alerts, mut telemetry) = harness.stop();
    telemetry.lose_contents();
    harness.open(alerts.restart(1), telemetry.restart(1));
    assert_eq!(dropped(&harness), vec![(3, 7, DropReasonV1::StoreLost)]);
    assert_eq!(harness.append(Lane::Telemetry, vec![]), 8);
    harness.check_accounts();
}

#[test]
fn damage_costs_one_segment_and_is_named() {
    let mut harness = harness();
    for _ in 0..3 {
        harness.fill(Lane::Telemetry, 10, 100);
    }
    harness.store(Lane::Telemetry).damage(11);
    assert_eq!(harness.pending(Lane::Telemetry).len(), 20);
    harness.tick(11);
    assert_eq!(dropped(&harness), vec![(11, 20, DropReasonV1::Quarantine)]);
    assert_eq!(harness.store(Lane::Telemetry).quarantined().0, 1);
    restart(&mut harness);
    harness.check_accounts();
}

#[test]
fn bit_rot_costs_one_record() {
    let mut harness = harness();
    for _ in 0..2 {
        harness.fill(Lane::Telemetry, 10, 100);
    }
    assert!(harness.store(Lane::Telemetry).flip(3, 77));
    assert_eq!(harness.pending(Lane::Telemetry).len(), 19);
    harness.tick(11);
    assert_eq!(dropped(&harness), vec![(3, 3, DropReasonV1::Corrupt)]);
    restart(&mut harness);
    harness.check_accounts();
}

#[test]
fn a_rejected_record_is_named_and_left_out() {
    let mut harness = harness();
    harness.fill(Lane::Telemetry, 3, 10);
    harness.reject(Lane::Telemetry, 2);
    let seqs: Vec<_> = harness
        .pending(Lane::Telemetry)
        .iter()
        .map(|r| r.0)
        .collect();
    assert_eq!(seqs, vec![1, 3]);
    harness.tick(11);
    assert_eq!(dropped(&harness), vec![(2, 2, DropReasonV1::Rejected)]);
    harness.check_accounts();
}

#[test]
fn a_lost_cursor_costs_duplicates_only() {
    let mut harness = harness();
    harness.fill(Lane::Telemetry, 5, 10);
    harness.ack(Lane::Telemetry, 3);
    harness.tick(1);
    let (alerts, mut telemetry) = harness.stop();
    telemetry.lose_cursor();
    harness.open(alerts.restart(1), telemetry.restart(1));
    assert_eq!(harness.pending(Lane::Telemetry).len(), 5);
    assert!(dropped(&harness).is_empty());
    let lost = Incident::FileLost {
        lane: Lane::Telemetry,
        file: "cursor",
    };
    assert!(harness.incidents.contains(&lost));
}

#[test]
fn a_lost_mark_does_not_reuse_numbers_of_a_damaged_segment() {
    let mut harness = harness();
    for _ in 0..2 {
        harness.fill(Lane::Telemetry, 10, 100);
    }
    let (alerts, mut telemetry) = harness.stop();
    telemetry.lose_mark();
    telemetry.damage(11);
    harness.open(alerts.restart(1), telemetry.restart(1));
    assert!(harness.append(Lane::Telemetry, vec![]) > 20);
    harness.check_accounts();
}

#[test]
fn the_mark_follows_every_commit() {
    let mut harness = harness();
    harness.fill(Lane::Alerts, 4, 10);
    let mark = harness.store(Lane::Alerts).found().mark;
    let expected = Mark {
        epoch: 1,
        first: 1,
        last: 4,
    };
    assert_eq!(mark, Some(expected));
}

/// A drop record for telemetry 2, durable and not acknowledged; the telemetry cursor has passed the loss.
fn told() -> Harness<MemStore> {
    let mut harness = harness();
    harness.fill(Lane::Telemetry, 3, 10);
    harness.reject(Lane::Telemetry, 2);
    harness.ack(Lane::Telemetry, 3);
    harness.tick(11);
    harness.tick(11);
    assert_eq!(dropped(&harness), vec![(2, 2, DropReasonV1::Rejected)]);
    harness
}

fn named(harness: &Harness<MemStore>) -> Vec<(u8, u64, u64)> {
    let drops = harness.valid_drops().into_iter();
    drops.map(|d| (d.lane, d.seq_from, d.seq_to)).collect()
}

#[test]
fn what_a_rotten_drop_record_named_is_named_again() {
    let mut harness = told();
    restart(&mut harness);
    assert!(harness.store(Lane::Alerts).flip(1, 77));
    harness.pending(Lane::Alerts);
    harness.tick(11);
    assert_eq!(named(&harness), vec![(0, 1, 1), (1, 2, 2)]);
    restart(&mut harness);
    harness.check_accounts();
}

#[test]
fn what_a_lost_alert_store_named_is_named_again() {
    let mut harness = told();
    let (mut alerts, telemetry) = harness.stop();
    alerts.lose_contents();
    harness.open(alerts.restart(1), telemetry.restart(1));
    assert_eq!(named(&harness), vec![(0, 1, 1), (1, 2, 2)]);
    harness.check_accounts();
}

#[test]
fn what_a_rejected_drop_record_named_is_named_again() {
    let mut harness = told();
    harness.reject(Lane::Alerts, 1);
    harness.ack(Lane::Alerts, 1);
    harness.tick(11);
    harness.tick(11);
    assert_eq!(named(&harness), vec![(0, 1, 1), (1, 2, 2)]);
    restart(&mut harness);
    harness.check_accounts();
}

#[test]
fn an_upstream_that_refuses_every_drop_record_costs_two_at_a_time() {
    let mut harness = told();
    for _ in 0..50 {
        let last = harness.engine().lane(Lane::Alerts).last();
        let from = harness.engine().lane(Lane::Alerts).cursor() + 1;
        assert!(last <= from + 1, "{from} to {last}");
        for seq in from..=last {
            harness.reject(Lane::Alerts, seq);
        }
        harness.ack(Lane::Alerts, last);
        harness.tick(11);
        harness.tick(11);
    }
    harness.check_accounts();
}

#[test]
fn a_delivered_drop_record_is_forgotten() {
    let mut harness = told();
    harness.ack(Lane::Alerts, 1);
    harness.tick(1);
    restart(&mut harness);
    harness.tick(11);
    let lane = harness.engine().lane(Lane::Telemetry);
    assert_eq!(lane.ledger_mut().end(), 0);
    assert_eq!(dropped(&harness).len(), 1);
}

#[test]
fn a_ledger_that_reached_the_disk_in_spite_of_an_error_does_not_take_another_alert_for_its_drop_record()
 {
    let mut harness = harness();
    harness.fill(Lane::Telemetry, 3, 10);
    harness.reject(Lane::Telemetry, 2);
    harness.ack(Lane::Telemetry, 3);
    // The ledger with the loss, the cursor, and the ledger with the number of the drop record.
    harness.store(Lane::Telemetry).inject(2, MemFault::Late);
    harness.tick(11);
    harness.fill(Lane::Alerts, 1, 10);
    restart(&mut harness);
    harness.check_accounts();
}

#[test]
fn a_number_in_a_ledger_that_cannot_be_corrected_is_not_given_to_another_alert() {
    let mut harness = harness();
    harness.fill(Lane::Telemetry, 3, 10);
    harness.reject(Lane::Telemetry, 2);
    harness.ack(Lane::Telemetry, 3);
    // The ledger names alert 1, the alert lane never gets it.
    harness.store(Lane::Alerts).inject(0, MemFault::Cut);
    harness.tick(11);
    let (alerts, mut telemetry) = harness.stop();
    telemetry = telemetry.restart(1);
    telemetry.inject(0, MemFault::Cut);
    harness.may_repeat = true;
    harness.open(alerts.restart(1), telemetry);
    harness.fill(Lane::Alerts, 1, 10);
    restart(&mut harness);
    harness.check_accounts();
}

#[test]
fn a_lost_cursor_with_lost_segments_is_accounted_for_by_the_mark() {
    let mut harness = harness();
    for _ in 0..2 {
        harness.fill(Lane::Telemetry, 10, 100);
    }
    let (alerts, mut telemetry) = harness.stop();
    telemetry.lose_cursor();
    telemetry.remove(1).unwrap();
    harness.open(alerts.restart(1), telemetry.restart(1));
    assert_eq!(dropped(&harness), vec![(1, 10, DropReasonV1::StoreLost)]);
    harness.check_accounts();
}

#[test]
fn a_power_cut_between_cursor_and_ledger_does_not_hide_a_loss() {
    for op in 0..4 {
        let mut harness = harness();
        harness.store(Lane::Telemetry).inject(0, MemFault::Io(1));
        harness.fill(Lane::Telemetry, 3, 10);
        harness.reject(Lane::Telemetry, 2);
        harness.ack(Lane::Telemetry, 2);
        // The disk takes records again, for a moment.
        harness.store(Lane::Telemetry).inject(op, MemFault::Cut);
        harness.tick(2);
        restart(&mut harness);
        harness.check_accounts();
    }
}

#[test]
fn a_lost_ledger_names_what_cannot_be_shown_to_be_delivered() {
    let mut harness = told();
    harness.fill(Lane::Telemetry, 4, 10);
    harness.ack(Lane::Telemetry, 5);
    harness.tick(1);
    let (mut alerts, mut telemetry) = harness.stop();
    telemetry.lose_ledger();
    alerts.lose_contents();
    harness.open(alerts.restart(1), telemetry.restart(1));
    let lost = Incident::FileLost {
        lane: Lane::Telemetry,
        file: "ledger",
    };
    assert!(harness.incidents.contains(&lost));
    assert_eq!(named(&harness), vec![(0, 1, 1), (1, 2, 5)]);
    restart(&mut harness);
    harness.check_accounts();
}

#[test]
fn a_ledger_that_was_empty_is_not_missed() {
    let mut harness = harness();
    harness.fill(Lane::Telemetry, 4, 10);
    harness.ack(Lane::Telemetry, 3);
    harness.tick(1);
    let (alerts, mut telemetry) = harness.stop();
    telemetry.lose_ledger();
    harness.open(alerts.restart(1), telemetry.restart(1));
    assert_eq!(harness.incidents, vec![]);
    assert_eq!(harness.pending(Lane::Telemetry).len(), 1);
}

#[test]
fn without_a_saved_cursor_no_drop_record_counts_as_delivered() {
    let mut harness = told();
    let (mut alerts, telemetry) = harness.stop();
    alerts.lose_cursor();
    let mut alerts = alerts.restart(1);
    // The cursor can be saved neither at the start nor with the next tick.
    alerts.inject(0, MemFault::Io(1));
    harness.open(alerts, telemetry.restart(1));
    harness.tick(1);
    harness.tick(1);
    restart(&mut harness);
    assert!(harness.store(Lane::Alerts).flip(1, 77));
    harness.check_accounts();
}

//! Random histories with faults after any operation: the accounts always close.

use proptest::prelude::*;

use super::harness::{ALL, Harness, POLICY};
use crate::buffer::disk::SledStore;
use crate::buffer::memory::{MemFault, MemStore};
use crate::buffer::store::Store;
use crate::record::Lane;

#[derive(Debug, Clone)]
enum Step {
    Append(Lane, u8, u16),
    WriteAhead(u8),
    Commit(Lane),
    Read(Lane, u8),
    Ack(Lane, u8),
    Reject(Lane),
    Tick(u8),
    Restart(u64),
    Fault(Lane, u8, u8),
    Late(Lane, u8),
    Flip(Lane, u8, u16),
    Damage(Lane, u8),
    Lose(Lane, u64),
    LoseFile(Lane, bool),
    Resize(u16),
}

fn lane() -> impl Strategy<Value = Lane> {
    prop_oneof![3 => Just(Lane::Telemetry), 1 => Just(Lane::Alerts)]
}

fn plain() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (lane(), 1_u8..6, 1_u16..300).prop_map(|(l, n, s)| Step::Append(l, n, s)),
        1 => (0_u8..5).prop_map(Step::WriteAhead),
        4 => lane().prop_map(Step::Commit),
        2 => (lane(), any::<u8>()).prop_map(|(l, n)| Step::Read(l, n)),
        2 => (lane(), any::<u8>()).prop_map(|(l, n)| Step::Ack(l, n)),
        1 => lane().prop_map(Step::Reject),
        2 => (1_u8..30).prop_map(Step::Tick),
        1 => any::<u64>().prop_map(Step::Restart),
    ]
}

fn faulty() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => plain(),
        3 => (lane(), 0_u8..6, 0_u8..4).prop_map(|(l, a, n)| Step::Fault(l, a, n)),
        2 => (lane(), 0_u8..6).prop_map(|(l, a)| Step::Late(l, a)),
        1 => (lane(), any::<u8>(), any::<u16>()).prop_map(|(l, s, b)| Step::Flip(l, s, b)),
        1 => (lane(), any::<u8>()).prop_map(|(l, s)| Step::Damage(l, s)),
        1 => (lane(), any::<u64>()).prop_map(|(l, s)| Step::Lose(l, s)),
        1 => (lane(), any::<bool>()).prop_map(|(l, f)| Step::LoseFile(l, f)),
        1 => (0_u16..9_000).prop_map(Step::Resize),
    ]
}

/// Steps that every store understands; the rest is returned.
fn common<S: Store>(harness: &mut Harness<S>, step: Step) -> Option<Step> {
    match step {
        Step::Append(lane, count, len) => {
            for index in 0..count {
                harness.append(lane, vec![index; usize::from(len)]);
            }
        }
        Step::WriteAhead(count) => {
            harness
                .engine()
                .lane(Lane::Telemetry)
                .write_ahead(count.into());
        }
        Step::Commit(lane) => harness.commit(lane),
        Step::Read(lane, from) => {
            let top = harness.engine().committed().of(lane);
            let records = harness.read(lane, u64::from(from) * top / 255, ALL);
            assert!(records.is_sorted_by_key(|(seq, _)| *seq));
        }
        Step::Ack(lane, part) => {
            let (top, cursor) = (
                harness.engine().committed().of(lane),
                harness.engine().lane(lane).cursor(),
            );
            harness.ack(lane, cursor + (top - cursor) * u64::from(part) / 255);
        }
        Step::Reject(lane) => {
            let cursor = harness.engine().lane(lane).cursor();
            harness.reject(lane, cursor + 2);
        }
        Step::Tick(seconds) => harness.tick(seconds.into()),
        other => return Some(other),
    }
    None
}

fn run_in_memory(steps: Vec<Step>) {
    let store = || MemStore::new(20_000).with_reserve(1_000);
    let mut harness = Harness::new(store(), store(), POLICY);
    for step in steps {
        harness.may_repeat |= matches!(step, Step::Fault(..) | Step::Late(..));
        match common(&mut harness, step) {
            None => {}
            Some(Step::Restart(seed)) => {
                let (alerts, telemetry) = harness.stop();
                harness.open(alerts.restart(seed), telemetry.restart(seed ^ 1));
            }
            Some(Step::Fault(lane, after, 0)) => {
                harness.store(lane).inject(after.into(), MemFault::Cut);
            }
            Some(Step::Late(lane, after)) => {
                harness.store(lane).inject(after.into(), MemFault::Late);
            }
            Some(Step::Fault(lane, after, more)) => {
                let fault = MemFault::Io(u32::from(more) - 1);
                harness.store(lane).inject(after.into(), fault);
            }
            Some(Step::Flip(lane, at, bit)) => {
                let top = harness.engine().committed().of(lane);
                let seq = u64::from(at) * top / 255;
                harness.store(lane).flip(seq, bit.into());
            }
            Some(Step::Damage(lane, index)) => {
                let segments = harness.store(lane).segments();
                if let Some(segment) = segments.get(usize::from(index) % segments.len().max(1)) {
                    harness.store(lane).damage(segment.first);
                }
            }
            Some(Step::Lose(lane, seed)) => {
                let (mut alerts, mut telemetry) = harness.stop();
                match lane {
                    Lane::Alerts => alerts.lose_contents(),
                    Lane::Telemetry => telemetry.lose_contents(),
                }
                harness.open(alerts.restart(seed), telemetry.restart(seed));
            }
            Some(Step::LoseFile(lane, is_ledger)) => {
                let (mut alerts, mut telemetry) = harness.stop();
                let store = match lane {
                    Lane::Alerts => &mut alerts,
                    Lane::Telemetry => &mut telemetry,
                };
                if is_ledger {
                    store.lose_ledger();
                } else {
                    store.lose_cursor();
                }
                harness.is_file_lost = true;
                harness.open(alerts.restart(1), telemetry.restart(2));
            }
            Some(Step::Resize(bytes)) => harness.store(Lane::Telemetry).resize(bytes.into()),
            Some(other) => unreachable!("{other:?}"),
        }
    }
    // The faults end; the accounts must close, before and after one more power cut.
    let (mut alerts, mut telemetry) = harness.stop();
    alerts.resize(1 << 20);
    telemetry.resize(1 << 20);
    harness.open(alerts.restart(1), telemetry.restart(2));
    harness.check_accounts();
    let (alerts, telemetry) = harness.stop();
    harness.open(alerts.restart(3), telemetry.restart(4));
    harness.check_accounts();
}

fn run_on_disk(steps: Vec<Step>) {
    let dir = tempfile::tempdir().unwrap();
    let open = |lane: Lane| SledStore::open(&dir.path().join(lane.as_str())).unwrap();
    let mut policy = POLICY;
    // A sled database takes 1 MiB at least.
    policy.max_bytes = 5 << 20;
    let mut harness = Harness::new(open(Lane::Alerts), open(Lane::Telemetry), policy);
    for step in steps {
        if common(&mut harness, step).is_some() {
            drop(harness.stop());
            harness.open(open(Lane::Alerts), open(Lane::Telemetry));
        }
    }
    harness.check_accounts();
    drop(harness.stop());
    harness.open(open(Lane::Alerts), open(Lane::Telemetry));
    harness.check_accounts();
}

#[test]
fn a_drop_record_that_a_damaged_segment_swallows_is_told_again() {
    run_in_memory(vec![
        Step::Append(Lane::Telemetry, 2, 1),
        Step::Tick(1),
        Step::Fault(Lane::Alerts, 1, 2),
        Step::Reject(Lane::Telemetry),
        Step::Tick(10),
        Step::Damage(Lane::Alerts, 0),
        Step::Append(Lane::Telemetry, 1, 1),
    ]);
}

#[test]
fn a_lost_drop_record_is_replaced_only_when_its_loss_is_on_disk() {
    run_in_memory(vec![
        Step::Append(Lane::Telemetry, 1, 1),
        Step::Commit(Lane::Telemetry),
        Step::Lose(Lane::Telemetry, 0),
        Step::Append(Lane::Telemetry, 1, 1),
        Step::Commit(Lane::Telemetry),
        Step::Lose(Lane::Telemetry, 0),
        Step::Append(Lane::Telemetry, 1, 1),
        Step::Reject(Lane::Alerts),
        Step::Append(Lane::Telemetry, 1, 1),
        Step::Fault(Lane::Alerts, 0, 2),
        Step::Append(Lane::Telemetry, 2, 1),
        Step::Tick(10),
    ]);
}

#[test]
fn a_lost_cursor_does_not_hide_numbers_that_only_ever_stood_in_memory() {
    run_in_memory(vec![
        Step::Resize(0),
        Step::Append(Lane::Telemetry, 2, 1),
        Step::Commit(Lane::Telemetry),
        Step::Reject(Lane::Telemetry),
        Step::Tick(1),
        Step::Lose(Lane::Telemetry, 0),
        Step::LoseFile(Lane::Telemetry, false),
    ]);
}

#[test]
fn a_lost_cursor_does_not_give_numbers_again_that_were_delivered_from_memory() {
    run_in_memory(vec![
        Step::Resize(0),
        Step::Append(Lane::Telemetry, 1, 1),
        Step::Tick(1),
        Step::Ack(Lane::Telemetry, 255),
        Step::Tick(2),
        Step::LoseFile(Lane::Telemetry, false),
    ]);
}

#[test]
fn a_lost_cursor_does_not_hide_what_a_segment_set_aside_held() {
    run_in_memory(vec![
        Step::Append(Lane::Telemetry, 2, 234),
        Step::Tick(1),
        Step::Damage(Lane::Telemetry, 0),
        Step::Read(Lane::Telemetry, 0),
        Step::Commit(Lane::Telemetry),
        Step::LoseFile(Lane::Telemetry, false),
    ]);
}

proptest! {
    // The seed is free: every run looks at other histories, and PROPTEST_CASES asks for more of them.
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn the_accounts_close_whatever_the_disk_does(steps in prop::collection::vec(faulty(), 1..80)) {
        run_in_memory(steps);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 20, ..ProptestConfig::with_cases(6) })]
    #[test]
    fn the_accounts_close_on_sled(steps in prop::collection::vec(plain(), 1..50)) {
        run_on_disk(steps);
    }
}

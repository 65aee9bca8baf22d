//! The broker is away: nothing is lost, order is kept, also across a stop.

use std::collections::BTreeSet;
use std::fs::File;

use crate::rig::plant::{CELLS, all_values};
use crate::rig::{Message, PATIENCE, Rig, eventually};

fn rig() -> Rig {
    Rig::new(CELLS, all_values())
}

fn fill(rig: &Rig, records: u64) {
    rig.wait_telemetry("pending_records", records);
}

/// What arrives now was made after the buffer was empty.
fn drained(rig: &Rig) {
    let waiting = rig.lane("telemetry", "committed_seq");
    rig.wait_telemetry("cursor_seq", waiting);
}

#[test]
fn records_wait_for_the_broker_and_arrive_in_order() {
    let rig = rig();
    let gateway = rig.start();
    rig.recorder.wait("a value", |m| m.kind() == "raw");
    rig.cut();
    fill(&rig, 40);
    let mark = rig.recorder.mark();
    rig.restore();
    rig.recorder
        .wait_since(mark, "a value after the outage", |m| m.kind() == "raw");
    drained(&rig);
    gateway.stop();
    let report = rig.settle();
    println!("{report}");
}

#[test]
fn a_command_that_looks_at_the_idle_buffer_does_not_stop_the_gateway_from_starting() {
    let rig = rig();
    let gateway = rig.start();
    rig.recorder.wait("a value", |m| m.kind() == "raw");
    gateway.stop();
    let mark = rig.recorder.mark();
    let looking = File::open(rig.data_dir().join("lock")).unwrap();
    looking.lock().unwrap();
    let gateway = rig.start();
    eventually("the gateway waits", PATIENCE, || {
        gateway.log().contains("waiting for it").then_some(())
    });
    let escape = gateway.log().contains('\u{1b}');
    assert!(!escape, "a log that is no terminal has no escape codes");
    drop(looking);
    rig.recorder
        .wait_since(mark, "a value of the second run", |m| m.kind() == "raw");
    gateway.stop();
    rig.settle();
}

#[test]
fn records_of_an_outage_survive_a_stop_and_a_start() {
    let rig = rig();
    rig.cut();
    let gateway = rig.start();
    fill(&rig, 40);
    gateway.stop();
    let stored = rig.lane("telemetry", "pending_records");
    assert!(stored >= 40, "{stored} records are stored");
    assert_eq!(rig.recorder.mark(), 0, "nothing can have arrived");
    let gateway = rig.start();
    fill(&rig, stored + 20);
    rig.restore();
    drained(&rig);
    gateway.stop();
    rig.settle();
    let all = rig.recorder.all();
    let raw = all.iter().filter(|m| m.kind() == "raw");
    let epochs: BTreeSet<u32> = raw.map(Message::epoch).collect();
    assert!(epochs.len() >= 2, "values of both runs: {epochs:?}");
}

#[test]
fn a_stop_during_the_start_is_a_clean_one() {
    let rig = rig();
    let gateway = rig.start();
    eventually("the gateway has begun to start", PATIENCE, || {
        rig.data_dir().join("lock").exists().then_some(())
    });
    gateway.stop();
}

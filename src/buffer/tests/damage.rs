//! Real sled segments, damaged on purpose.

use std::fs;
use std::path::{Path, PathBuf};

use super::harness::{Harness, POLICY};
use crate::buffer::disk::SledStore;
use crate::buffer::engine::EnginePolicy;
use crate::buffer::idle::{idle_verify, lane_dir};
use crate::buffer::incident::Incident;
use crate::buffer::store::Store;
use crate::record::{DropReasonV1, Lane};

const ROOMY: EnginePolicy = EnginePolicy {
    max_bytes: 1 << 30,
    ..POLICY
};

fn open(dir: &Path, lane: Lane) -> SledStore {
    SledStore::open(&lane_dir(dir, lane)).unwrap()
}

/// Three telemetry segments of ten records, the first two acknowledged.
fn planted(dir: &Path) -> Harness<SledStore> {
    let stores = (open(dir, Lane::Alerts), open(dir, Lane::Telemetry));
    let mut harness = Harness::new(stores.0, stores.1, ROOMY);
    for _ in 0..3 {
        harness.fill(Lane::Telemetry, 10, 100);
    }
    harness.fill(Lane::Alerts, 1, 50);
    harness.ack(Lane::Telemetry, 2);
    harness.tick(1);
    drop(harness.stop());
    harness
}

fn reopen(harness: &mut Harness<SledStore>, dir: &Path) {
    harness.open(open(dir, Lane::Alerts), open(dir, Lane::Telemetry));
}

fn segment(dir: &Path, first: u64) -> PathBuf {
    lane_dir(dir, Lane::Telemetry).join(format!("{first:020}"))
}

fn check(damage: impl FnOnce(&Path)) -> Harness<SledStore> {
    let dir = tempfile::tempdir().unwrap();
    let mut harness = planted(dir.path());
    damage(dir.path());
    reopen(&mut harness, dir.path());
    harness.check_accounts();
    drop(harness.stop());
    reopen(&mut harness, dir.path());
    harness.check_accounts();
    drop(harness.stop());
    let report = idle_verify(dir.path()).unwrap();
    assert!(
        report.is_clean(),
        "accounted damage is no fault: {report:?}"
    );
    harness
}

fn reasons(harness: &Harness<SledStore>) -> Vec<(u64, u64, DropReasonV1)> {
    let drops = harness.drops().into_iter();
    drops.map(|d| (d.seq_from, d.seq_to, d.reason)).collect()
}

#[test]
fn an_undamaged_directory_loses_nothing() {
    assert_eq!(reasons(&check(|_| {})), vec![]);
}

#[test]
fn an_emptied_newest_segment_is_found_by_the_mark() {
    let harness = check(|dir| fs::remove_dir_all(segment(dir, 21)).unwrap());
    assert_eq!(reasons(&harness), vec![(21, 30, DropReasonV1::StoreLost)]);
    let harness = check(|dir| {
        fs::remove_dir_all(segment(dir, 21)).unwrap();
        fs::create_dir(segment(dir, 21)).unwrap();
    });
    assert_eq!(reasons(&harness), vec![(21, 30, DropReasonV1::StoreLost)]);
}

#[test]
fn a_missing_middle_segment_is_found_when_reading() {
    let harness = check(|dir| fs::remove_dir_all(segment(dir, 11)).unwrap());
    assert_eq!(reasons(&harness), vec![(11, 20, DropReasonV1::StoreLost)]);
}

#[test]
fn a_segment_that_does_not_open_is_set_aside() {
    let harness = check(|dir| {
        let conf = segment(dir, 11).join("conf");
        fs::write(conf, b"segment_size: nonsense\nversion: 99\n").unwrap();
    });
    assert_eq!(reasons(&harness), vec![(11, 20, DropReasonV1::Quarantine)]);
    assert!(
        harness
            .incidents
            .iter()
            .any(|i| matches!(i, Incident::Quarantined { segment: 11, .. }))
    );
}

#[test]
fn half_destroyed_segments_are_swept() {
    let harness = check(|dir| {
        let root = lane_dir(dir, Lane::Telemetry);
        fs::create_dir(root.join("del-00000000000000000001")).unwrap();
        fs::create_dir(root.join("lost+found")).unwrap();
    });
    assert_eq!(reasons(&harness), vec![]);
}

/// The bytes of the segment's files that are in use, as one line of positions.
fn files(dir: &Path, first: u64) -> Vec<(PathBuf, u64)> {
    let mut files: Vec<_> = fs::read_dir(segment(dir, first))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| {
            let bytes = fs::read(&path).unwrap();
            let used = bytes
                .iter()
                .rposition(|b| *b != 0)
                .map_or(0, |at| at as u64 + 1);
            (path, used)
        })
        .collect();
    files.sort();
    files
}

fn index(pick: u64, len: usize) -> usize {
    usize::try_from(pick % len as u64).unwrap()
}

#[test]
fn flipped_bytes_never_panic_and_are_accounted_for() {
    let mut random = fastrand::Rng::with_seed(20);
    for first in [1, 11, 21] {
        for _ in 0..6 {
            let pick = random.u64(..);
            check(|dir| {
                let files = files(dir, first);
                let (path, used) = &files[index(pick, files.len())];
                let mut bytes = fs::read(path).unwrap();
                let at = index(pick >> 16, usize::try_from(*used).unwrap().max(1));
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << ((pick >> 8) % 8);
                }
                fs::write(path, bytes).unwrap();
            });
        }
    }
}

#[test]
fn truncated_files_never_panic_and_are_accounted_for() {
    let mut random = fastrand::Rng::with_seed(21);
    for first in [1, 11, 21] {
        for _ in 0..4 {
            let pick = random.u64(..);
            check(|dir| {
                let files = files(dir, first);
                let (path, used) = &files[index(pick, files.len())];
                let file = fs::File::options().write(true).open(path).unwrap();
                file.set_len((pick >> 16) % (*used).max(1)).unwrap();
            });
        }
    }
}

#[test]
fn a_quarantined_segment_is_kept_but_not_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path(), Lane::Telemetry);
    for first in 1..=10 {
        store.begin(first).unwrap();
        store.quarantine(first).unwrap();
    }
    assert_eq!(store.quarantined().0, 8);
    assert_eq!(open(dir.path(), Lane::Telemetry).quarantined().0, 8);
    assert!(store.purge());
    assert_eq!(store.quarantined().0, 7);
}

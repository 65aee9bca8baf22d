//! Stored records are damaged while the gateway is off: it runs, says so, and names what is lost.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use crate::rig::Rig;
use crate::rig::plant::{CELLS, all_values};

/// Segments of the telemetry lane, oldest first.
fn segments(rig: &Rig) -> Vec<PathBuf> {
    let lane = rig.data_dir().join("buffer/telemetry");
    let entries = fs::read_dir(lane).unwrap().map(|entry| entry.unwrap());
    let is_segment = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy();
        path.is_dir() && name.bytes().all(|b| b.is_ascii_digit())
    };
    let mut segments: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(is_segment)
        .collect();
    segments.sort();
    segments
}

fn flip_bytes(segment: &Path) {
    let path = segment.join("db");
    let length = fs::metadata(&path).unwrap().len();
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    for at in (2048..length).step_by(1024) {
        let mut byte = [0];
        if file.read_at(&mut byte, at).unwrap() == 1 {
            file.write_all_at(&[byte[0] ^ 0x55], at).unwrap();
        }
    }
}

fn cut_off(segment: &Path) {
    let file = OpenOptions::new().write(true).open(segment.join("db"));
    file.unwrap().set_len(4096).unwrap();
}

fn remove(segment: &Path) {
    fs::remove_dir_all(segment).unwrap();
}

#[track_caller]
fn check(damage: fn(&Path)) {
    let rig = Rig::new(CELLS, all_values());
    rig.cut();
    for records in [40, 60] {
        let gateway = rig.start();
        rig.wait_telemetry("pending_records", records);
        gateway.stop();
    }
    let verified = rig.andon(&["buffer", "verify"]);
    let text = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert_eq!(verified.status.code(), Some(0), "{text}");

    damage(&segments(&rig)[0]);
    let verified = rig.andon(&["buffer", "verify"]);
    let text = String::from_utf8_lossy(&verified.stdout).into_owned();
    println!("{text}");
    assert_eq!(verified.status.code(), Some(2), "{text}");
    assert!(text.contains("telemetry lane"), "{text}");

    rig.restore();
    let mut gateway = rig.start();
    let alert = rig.recorder.wait("the alert about storage", |m| {
        m.kind() == "alert" && m.text("kind") == "storage" && m.text("transition") == "raised"
    });
    assert!(
        alert.topic.contains("/_alert/maintenance/"),
        "{}",
        alert.topic
    );
    println!("{}", alert.text("message"));
    let lost = rig.recorder.wait("a drop record", |m| {
        m.kind() == "drop" && m.text("lane") == "telemetry"
    });
    println!("{}", lost.json);
    rig.recorder.wait("values of this run", |m| {
        m.kind() == "raw" && m.epoch() == alert.epoch()
    });
    gateway.assert_runs();
    gateway.stop();
    let report = rig.settle();
    println!("{report}");
    let lanes = report["lanes"].as_array().unwrap();
    let telemetry = lanes.iter().find(|l| l["lane"] == "telemetry").unwrap();
    assert!(telemetry["dropped"].as_u64() > Some(0), "{telemetry}");
    let verified = rig.andon(&["buffer", "verify"]);
    let text = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert_eq!(verified.status.code(), Some(0), "{text}");
}

#[test]
fn flipped_bytes_are_named() {
    check(flip_bytes);
}

#[test]
fn a_segment_cut_short_is_named() {
    check(cut_off);
}

#[test]
fn a_segment_that_is_gone_is_named() {
    check(remove);
}

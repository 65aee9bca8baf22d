//! The disk is full while the broker is away: telemetry gives way oldest first and says so, an alert does not.
//!
//! Needs a small file system of its own, see `tests/scripts/disk_full.sh`.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use hal_sim::{DeviceFault, FragmentOptions};
use serde_json::{Value, json};

use crate::rig::{Gateway, Message, PATIENCE, Rig, eventually};

const PLANT: &str = r#"
seed = 18
tick = "20ms"

[mqtt]

[[modbus]]
name = "hall1"

[[modbus]]
name = "hall2"
unit = [{ id = 1, machine = "oven1" }]

[[bulk]]
prefix = "cell"
machines = 10
signals = 20
server = "hall1"

[[machine]]
name = "oven1"

[[machine.signal]]
name = "zone1"
type = "f32"
mean = 90.0
sigma = 0.5
"#;

/// Left free for the gateway. What it needs to make room is not much less than this.
const FREE_BYTES: u64 = 8 << 20;

/// Fills the file system of `data_dir` and runs the gateway there. Panics when a promise is broken.
pub(crate) fn run(data_dir: &Path) -> Value {
    let options = FragmentOptions {
        rate: "20ms".to_owned(),
        summary: "1s".to_owned(),
        raw: "all".to_owned(),
        ..FragmentOptions::default()
    };
    let rig = Rig::with_data_dir(data_dir.join("data"), PLANT, options);
    rig.configure(|c| c.buffer = "alert_reserve_bytes = \"1MiB\"".into());
    let filler = data_dir.join("filler");
    fill(&filler, FREE_BYTES);
    let mut gateway = rig.start();
    rig.recorder.wait("a value", |m| m.kind() == "raw");
    rig.cut();
    let dropped = eventually("telemetry gives way", PATIENCE * 4, || {
        let status = rig.buffer_status();
        let dropped = status["lanes"][1]["dropped"].clone();
        let is_any = dropped.as_object().is_some_and(|reasons| {
            let mut counts = reasons.values().filter_map(Value::as_u64);
            counts.any(|count| count > 0)
        });
        is_any.then_some(dropped).ok_or_else(|| status.to_string())
    });
    gateway.assert_runs();
    let known = rig.lane("alerts", "last_seq");
    let fault = rig.break_device("hall2", DeviceFault::Refuse);
    eventually("the alert is taken", PATIENCE, || {
        (rig.lane("alerts", "last_seq") > known).then_some(())
    });
    rig.restore();
    let alert = rig.recorder.wait("the alert of the outage", |m| {
        m.kind() == "alert" && m.text("kind") == "device_down" && m.text("subject") == "oven1"
    });
    gateway.assert_runs();
    rig.heal(fault);
    let history = history_recovers(&rig, &gateway, &filler);
    gateway.stop();
    let stream = rig.settle();
    json!({
        "trial": "disk_full",
        "dropped_on_disk": dropped,
        "alert": alert.text("message"),
        "history": history,
        "stream": stream,
    })
}

/// People are told that the history cannot be written or packed, and once there is room it is again, without a restart.
fn history_recovers(rig: &Rig, gateway: &Gateway, filler: &Path) -> String {
    // Telemetry gives way to it: what is left must be little, so that it finds no room soon.
    fill(filler, 0);
    eventually("the history finds no room", PATIENCE * 6, || {
        let log = gateway.log();
        let is_told = log.contains("The history cannot be");
        is_told.then_some(()).ok_or(log)
    });
    std::fs::remove_file(filler).expect("remove the filler");
    let of_history = |m: &Message, transition: &str| {
        m.kind() == "alert" && m.text("kind") == "history" && m.text("transition") == transition
    };
    let raised = rig
        .recorder
        .wait("the alert of the history", |m| of_history(m, "raised"));
    rig.recorder
        .wait("the end of that alert", |m| of_history(m, "cleared"));
    raised.text("message").to_owned()
}

/// Leaves `free` bytes on the file system of `path`, as long as nobody gives any back.
fn fill(path: &Path, free: u64) {
    let block = vec![0x55; 1 << 20];
    let mut options = File::options();
    let file = options.append(true).create(true).open(path);
    let mut file = file.expect("make the filler");
    while file.write_all(&block).is_ok() {}
    let size = file.metadata().expect("know the filler's size").len();
    let left = size.checked_sub(free);
    let left = left.expect("a file system of more than the space to be left");
    assert!(
        left < 256 << 20,
        "a small file system of its own, not a disk"
    );
    file.set_len(left).expect("cut the filler");
    file.sync_all().expect("sync the filler");
}

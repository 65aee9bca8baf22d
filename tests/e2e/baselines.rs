//! What the gateway has learned: looked at, decided about, kept over a restart, taken elsewhere.

use hal_sim::{Shift, SignalFault};
use serde_json::Value;

use crate::rig::plant::{MACHINES, detecting};
use crate::rig::{PATIENCE, Rig, eventually};

const TAG: &str = "press1.temp";

fn rig() -> Rig {
    Rig::new(MACHINES, detecting())
}

/// What `andon baseline` prints with `--json`; the error text when it fails.
fn baseline(rig: &Rig, args: &[&str]) -> Result<Value, String> {
    let output = rig.andon(&[&["baseline"], args, &["--json"]].concat());
    if output.status.success() {
        Ok(serde_json::from_slice(&output.stdout).unwrap())
    } else {
        Err(String::from_utf8(output.stderr).unwrap())
    }
}

fn status(rig: &Rig) -> Result<Value, String> {
    let list = baseline(rig, &["list"])?;
    let mut tags = list.as_array().unwrap().iter();
    let found = tags.find(|status| status["name"] == TAG);
    found.cloned().ok_or_else(|| list.to_string())
}

/// Waits until the baseline of the tag is in another phase than learning.
fn wait_learned(rig: &Rig) -> Value {
    eventually("the baseline is learned", PATIENCE, || {
        let status = status(rig)?;
        let is_learned = status["phase"] != "learning";
        is_learned
            .then_some(status.clone())
            .ok_or_else(|| status.to_string())
    })
}

/// Waits for the alert of a shift.
fn wait_shift(rig: &Rig, mark: usize) -> Value {
    let alert = rig.recorder.wait_since(mark, "a shift is told", |m| {
        m.kind() == "alert" && m.text("kind") == "process_shift" && m.text("subject") == TAG
    });
    alert.json
}

#[test]
fn a_shift_is_explained_and_a_person_decides_about_it() {
    let rig = rig();
    let gateway = rig.start();
    let learned = wait_learned(&rig);
    let mark = rig.recorder.mark();
    rig.break_signal(TAG, SignalFault::Step(Shift::Sigma(8.0)));
    let alert = wait_shift(&rig, mark);
    let why = &alert["explanation"];
    let number = |key: &str| why[key].as_f64().unwrap();
    assert!(number("statistic") >= number("limit"), "{why}");
    assert!(number("shift") > 0.0 && number("sigma") > 0.0, "{why}");
    assert_eq!(why["baseline_since"], learned["since"]);
    assert!(
        number("baseline_age_s") >= 0.0 && why["onset"].is_string(),
        "{why}"
    );
    assert_eq!(why["proposal"], false);

    let rejected = baseline(&rig, &["reject", TAG]).unwrap();
    assert!(rejected["alarm"].is_string(), "{rejected}");
    let accepted = baseline(&rig, &["accept", TAG]).unwrap();
    assert_eq!(accepted["alarm"], Value::Null);
    let level = |status: &Value| status["levels"][0]["level"].as_f64().unwrap();
    assert!(level(&accepted) > level(&learned), "{accepted}");
    rig.recorder.wait_since(mark, "the alert clears", |m| {
        m.kind() == "alert" && m.text("subject") == TAG && m.text("transition") == "cleared"
    });
    let again = baseline(&rig, &["relearn", TAG]).unwrap();
    assert_eq!(again["phase"], "learning");
    let error = baseline(&rig, &["accept", "press1.tmp"]).unwrap_err();
    assert!(error.contains("did you mean \"press1.temp\"?"), "{error}");
    assert!(
        gateway
            .log()
            .contains("A person has decided about a baseline.")
    );
    gateway.stop();
}

#[test]
fn baselines_outlive_the_process_and_travel() {
    let rig = rig();
    let gateway = rig.start();
    let learned = wait_learned(&rig);
    let file = rig.data_dir().with_extension("andonbl");
    let file = file.to_str().unwrap();
    let exported = baseline(&rig, &["export", "--out", file]).unwrap();
    assert!(exported["tags"].as_u64() >= Some(1), "{exported}");
    let error = baseline(&rig, &["import", file]).unwrap_err();
    assert!(
        error.contains("another andon process uses this data directory"),
        "{error}"
    );
    gateway.stop();

    let gateway = rig.start();
    let restored = eventually("the gateway answers", PATIENCE, || status(&rig));
    assert_eq!(restored["since"], learned["since"], "{restored}");
    assert_ne!(restored["phase"], "learning");
    let again = baseline(&rig, &["relearn", TAG]).unwrap();
    assert_eq!(again["phase"], "learning");
    let have = |status: &Value| status["learning"][0].as_u64().unwrap_or(u64::MAX);
    eventually("it has learned something", PATIENCE, || {
        let status = status(&rig)?;
        (have(&status) >= 5)
            .then_some(())
            .ok_or_else(|| status.to_string())
    });
    gateway.stop();

    let gateway = rig.start();
    let halfway = eventually("the gateway answers", PATIENCE, || status(&rig));
    assert!(have(&halfway) >= 5, "it goes on learning: {halfway}");
    gateway.stop();

    let kept = rig.data_dir().join("baselines.v3");
    std::fs::write(&kept, b"not a baseline").unwrap();
    let gateway = rig.start();
    let empty = eventually("the gateway answers", PATIENCE, || status(&rig));
    assert_eq!(empty["phase"], "learning", "{empty}");
    assert!(
        gateway
            .log()
            .contains("The baselines were damaged and set aside")
    );
    gateway.stop();

    let imported = baseline(&rig, &["import", file]).unwrap();
    assert_eq!(
        (&imported["taken"], &imported["unfit"]),
        (&exported["tags"], &Value::from(0))
    );
    let gateway = rig.start();
    let brought = eventually("the gateway answers", PATIENCE, || status(&rig));
    assert_eq!(brought["since"], learned["since"], "{brought}");
    gateway.stop();
    let error = baseline(
        &rig,
        &[
            "import",
            kept.with_extension("v3.damaged").to_str().unwrap(),
        ],
    )
    .unwrap_err();
    assert!(
        error.contains("it does not begin as baselines do"),
        "{error}"
    );
}

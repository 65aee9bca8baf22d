//! Who is told what, and when it is over.

use hal_sim::{DeviceFault, Shift, SignalFault};

use crate::rig::plant::{MACHINES, detecting};
use crate::rig::{Message, Rig};

fn rig() -> Rig {
    Rig::new(MACHINES, detecting())
}

fn is_alert(message: &Message, kind: &str, subject: &str, transition: &str) -> bool {
    message.kind() == "alert"
        && message.text("kind") == kind
        && message.text("subject") == subject
        && message.text("transition") == transition
}

/// Waits for an alert to be raised; checks its topic and returns it.
#[track_caller]
fn raised(rig: &Rig, kind: &str, subject: &str, role: &str) -> Message {
    let what = format!("{kind} of {subject} is raised for {role}");
    let end = format!("/_alert/{role}/gw1");
    let alert = rig.recorder.wait(&what, |m| {
        is_alert(m, kind, subject, "raised") && m.topic.ends_with(&end)
    });
    println!("{}", alert.text("message"));
    alert
}

#[track_caller]
fn cleared(rig: &Rig, raised: &Message) {
    let (kind, subject) = (raised.text("kind"), raised.text("subject"));
    let what = format!("{kind} of {subject} is cleared");
    let cleared = rig
        .recorder
        .wait(&what, |m| is_alert(m, kind, subject, "cleared"));
    assert_eq!(cleared.text("alert_id"), raised.text("alert_id"));
    assert_eq!(cleared.topic, raised.topic);
    println!("{}", cleared.text("message"));
}

#[test]
fn a_step_beyond_the_learned_level_is_told_to_the_operator_and_cleared() {
    let rig = rig();
    let gateway = rig.start();
    let mut learned = 0;
    rig.recorder.wait("the baseline is learned", |m| {
        let items = m.json["items"].as_array().map_or(&[][..], Vec::as_slice);
        let of_tag = items.iter().filter(|i| i["tag"] == "press1.temp");
        learned += of_tag.filter_map(|i| i["good"].as_u64()).sum::<u64>();
        learned > 60
    });
    let step = SignalFault::Step(Shift::Sigma(8.0));
    let fault = rig.break_signal("press1.temp", step);
    let alert = raised(&rig, "process_shift", "press1.temp", "operator");
    assert_eq!(alert.topic, "acme/hall/press1/_alert/operator/gw1");
    assert_eq!(alert.text("tag"), "press1.temp");
    assert_eq!(alert.text("advice"), "Check the cooling water.");
    let message = alert.text("message");
    assert!(message.contains("Plate temperature"), "{message}");
    assert!(message.contains("above normal"), "{message}");
    rig.heal(fault);
    cleared(&rig, &alert);
    gateway.stop();
    rig.settle();
}

#[test]
fn a_dead_device_is_told_to_maintenance_and_cleared_when_it_is_back() {
    let rig = rig();
    let gateway = rig.start();
    rig.recorder
        .wait("health", |m| m.text("status") == "online");
    let fault = rig.break_device("hall2", DeviceFault::Refuse);
    let alert = raised(&rig, "device_down", "oven1", "maintenance");
    rig.recorder.wait("health names the device", |m| {
        let devices = m.json["devices"].as_array().map_or(&[][..], Vec::as_slice);
        m.text("status") == "degraded"
            && devices
                .iter()
                .any(|d| d["device"] == "oven1" && d["state"] == "down")
    });
    rig.heal(fault);
    cleared(&rig, &alert);
    gateway.stop();
    rig.settle();
}

#[test]
fn a_node_without_a_sound_measurement_and_one_that_does_not_exist_are_told_apart() {
    let rig = rig();
    rig.replace("s=mixer1.level", "s=mixer1.levle");
    let gateway = rig.start();
    rig.recorder.wait("health names the node", |m| {
        m.json["devices"].to_string().contains("line1.mixer1.level")
    });
    let dropout = SignalFault::Dropout(hal_sim::plant::Status::BadSensorFailure);
    let fault = rig.break_signal("mixer1.torque", dropout);
    let alert = raised(&rig, "bad_sensor", "line1.mixer1.torque", "maintenance");
    rig.heal(fault);
    cleared(&rig, &alert);
    let wrong = raised(&rig, "misconfigured", "line1.mixer1.level", "maintenance");
    let message = wrong.text("message");
    assert!(message.contains("does not know this address"), "{message}");
    gateway.stop();
    rig.settle();
}

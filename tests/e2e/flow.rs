//! From the devices to the broker.

use crate::rig::Rig;
use crate::rig::plant::{MACHINES, all_values};

#[test]
fn values_summaries_birth_and_health_arrive_and_nothing_is_missing() {
    let rig = Rig::new(MACHINES, all_values());
    let node = "address = \"nsu=urn:andon:sim;s=mixer1.torque\"\n";
    rig.replace(node, format!("{node}asset = \"mixing/mixer1\"\n"));
    let gateway = rig.start();
    for (tag, asset, mean) in [
        ("press1.temp", "press1", 180.0),
        ("line1.mixer1.torque", "mixing/mixer1", 38.0),
    ] {
        let is_near = |value: &serde_json::Value| {
            let value = value.as_f64();
            value.is_some_and(|value: f64| (value - mean).abs() < 5.0)
        };
        rig.recorder.wait(&format!("a raw value of {tag}"), |m| {
            m.topic == format!("acme/hall/{asset}/_raw/gw1")
                && m.json["points"].as_array().is_some_and(|points| {
                    let mut of_tag = points.iter().filter(|p| p["tag"] == tag);
                    of_tag.any(|p| p["quality"] == "good" && is_near(&p["value"]))
                })
        });
        rig.recorder.wait(&format!("a full summary of {tag}"), |m| {
            m.topic == format!("acme/hall/{asset}/_summary/gw1")
                && m.json["items"].as_array().is_some_and(|items| {
                    let mut of_tag = items.iter().filter(|i| i["tag"] == tag);
                    of_tag.any(|i| i["good"].as_u64() >= Some(8) && is_near(&i["mean"]))
                })
        });
    }
    rig.recorder.wait("the order as text", |m| {
        let points = m.json["points"].as_array().map_or(&[][..], Vec::as_slice);
        let mut orders = points.iter().filter(|p| p["tag"] == "press1.order");
        orders.any(|p| p["value"].as_str().is_some_and(|text| !text.is_empty()))
    });
    let birth = rig.recorder.wait("the birth", |m| m.kind() == "birth");
    assert_eq!(birth.topic, "acme/hall/_birth/gw1");
    assert_eq!(birth.json["tags"].as_array().map(Vec::len), Some(5));
    rig.recorder.wait("healthy health", |m| {
        m.kind() == "health" && m.text("status") == "online"
    });
    rig.recorder.wait("the start as an event", |m| {
        m.topic == "acme/hall/_event/gw1" && m.text("event") == "started"
    });
    gateway.stop();
    rig.recorder.wait("the farewell", |m| {
        m.kind() == "health" && m.text("status") == "offline"
    });
    let report = rig.settle();
    assert_eq!(report["complete"], true, "{report:#}");
}

#[test]
fn parts_of_a_larger_birth_are_cleared() {
    let rig = Rig::new(MACHINES, all_values());
    // As a run with many more tags leaves it behind.
    std::fs::create_dir_all(rig.data_dir()).unwrap();
    std::fs::write(rig.data_dir().join("birth-parts"), "3\n").unwrap();
    let gateway = rig.start();
    let birth = rig.recorder.wait("the birth", |m| m.kind() == "birth");
    assert_eq!(
        (&birth.json["part"], &birth.json["parts"]),
        (&0.into(), &1.into())
    );
    for part in [1, 2] {
        let topic = format!("acme/hall/_birth/gw1/{part}");
        let cleared = rig.recorder.wait("a cleared part", |m| m.topic == topic);
        assert!(cleared.json.is_null(), "{}", cleared.json);
    }
    gateway.stop();
    rig.settle();
}

//! `andon check --live`: what does not work, on which device and tag, and why.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use hal_sim::FragmentOptions;
use hal_sim::scenario::Security;

use crate::rig::Rig;
use crate::rig::plant::{MACHINES, all_values};

fn rig(security: Security) -> Rig {
    let options = FragmentOptions {
        security: Some(security),
        ..all_values()
    };
    Rig::new(MACHINES, options)
}

/// Runs the check; its exit code and everything it said.
fn check_live(rig: &Rig) -> (Option<i32>, String) {
    let output = rig.andon(&["check", "--live"]);
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text += &String::from_utf8_lossy(&output.stderr);
    println!("{text}");
    (output.status.code(), text)
}

/// With one text of the configuration replaced, the check fails and says all of these.
#[track_caller]
fn check(from: &str, to: &str, expected: &[&str]) {
    let rig = rig(Security::None);
    rig.replace(from, to);
    let (code, text) = check_live(&rig);
    assert_eq!(code, Some(2));
    for words in expected {
        assert!(text.contains(words), "`{words}` is not in:\n{text}");
    }
}

#[test]
fn the_simulator_writes_a_configuration_that_fits() {
    let rig = rig(Security::None);
    let config = hal_sim::gateway_config(rig.sim.scenario(), rig.sim.endpoints());
    let file = rig.path().join("written.toml");
    fs::write(&file, config).unwrap();
    let config = andon::config::load(&file).unwrap();
    assert_eq!(config.tags.len(), rig.sim.scenario().signals().count());
    assert!(config.mqtt.is_some());
}

#[test]
fn a_plant_that_works_passes() {
    let (code, _) = check_live(&rig(Security::None));
    assert_eq!(code, Some(0));
}

#[test]
fn a_wrong_unit_is_named() {
    check("unit = 1\n", "unit = 9\n", &["press1", "unit 9"]);
}

#[test]
fn a_wrong_node_is_named_with_one_that_exists() {
    check(
        "s=mixer1.torque",
        "s=mixer1.torqe",
        &["FAIL  line1.mixer1.torque", "s=mixer1.torque"],
    );
}

#[test]
fn a_wrong_byte_order_shows_the_value_in_all_four() {
    let rig = rig(Security::None);
    rig.replace("order = \"CDAB\"", "order = \"DCBA\"");
    let (_, text) = check_live(&rig);
    let shown = text.lines().any(|line| {
        let after = line.split("CDAB").nth(1).unwrap_or_default();
        after.contains("179.") || after.contains("180.") || after.contains("18")
    });
    assert!(shown && text.contains("press1.temp"), "{text}");
}

#[test]
fn an_unknown_certificate_is_refused_until_it_is_trusted() {
    let rig = rig(Security::Basic256Sha256);
    let (code, text) = check_live(&rig);
    assert_eq!(code, Some(2));
    assert!(text.contains("line1") && text.contains("andon opcua trust"));
    let trusted = rig.andon(&["opcua", "trust", "line1"]);
    let words = String::from_utf8_lossy(&trusted.stderr).into_owned();
    assert!(trusted.status.success(), "{words}");
    assert_eq!(check_live(&rig).0, Some(0));
}

#[test]
fn a_wrong_password_is_named() {
    let rig = rig(Security::Basic256Sha256);
    let file = rig.path().join("password");
    fs::write(&file, "wrong").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    rig.configure(|c| c.options.password_file = Some(file.clone()));
    check_live(&rig);
    assert!(rig.andon(&["opcua", "trust", "line1"]).status.success());
    let (code, text) = check_live(&rig);
    assert_eq!(code, Some(2));
    assert!(
        text.contains("line1") && text.contains("password"),
        "{text}"
    );
    fs::write(&file, "right").unwrap();
    assert_eq!(check_live(&rig).0, Some(0));
}

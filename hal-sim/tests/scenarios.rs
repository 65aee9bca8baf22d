//! Scenario files: the shipped ones load, broken ones are explained.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use hal_sim::{Plant, Scenario, ScenarioError, gateway_config_fragment};

fn shipped(name: &str) -> Scenario {
    let path = format!(
        "{}/../config/scenarios/{name}.toml",
        env!("CARGO_MANIFEST_DIR")
    );
    Scenario::load(path.as_ref()).unwrap()
}

#[track_caller]
fn check_shipped(name: &str, tags: usize) {
    let scenario = shipped(name);
    let fragment = gateway_config_fragment(&scenario, &scenario.planned_endpoints());
    let table: toml::Table = toml::from_str(&fragment).unwrap();
    let devices = table["device"].as_array().unwrap();
    let count = |driver: &str| -> usize {
        let of = devices
            .iter()
            .filter(|device| device["driver"].as_str() == Some(driver));
        of.map(|device| device["tag"].as_array().unwrap().len())
            .sum()
    };
    assert_eq!(count("modbus-tcp"), tags / 2, "{name}: Modbus tags");
    assert_eq!(count("opcua"), tags / 2, "{name}: OPC UA tags");
}

#[test]
fn shipped_scenarios_load_with_half_their_tags_on_each_protocol() {
    check_shipped("demo", 240);
    check_shipped("thousand", 1_000);
    check_shipped("tenthousand", 10_000);
}

#[test]
fn demo_faults_lie_between_25_and_55_seconds() {
    for fault in &shipped("demo").faults {
        let end = fault.at + fault.hold.unwrap();
        assert!(
            fault.at.as_secs() >= 25 && end.as_secs() < 55,
            "{}",
            fault.label
        );
    }
}

#[test]
fn same_seed_same_plant() {
    let scenario = shipped("demo");
    let run = |scenario: &Scenario| {
        let mut plant = Plant::new(scenario);
        plant.advance_to(std::time::Duration::from_secs(20));
        format!("{:?}", plant.readings())
    };
    assert_eq!(run(&scenario), run(&scenario));
    let other = Scenario {
        seed: scenario.seed + 1,
        ..scenario.clone()
    };
    assert_ne!(run(&scenario), run(&other));
}

#[test]
fn counters_roll_over_with_their_type() {
    let text = r#"
        [[machine]]
        name = "m"
        cycle = "1s"
        scrap_rate = 0
        signal = [
            { name = "u16", kind = "good", type = "u16", start = 65534 },
            { name = "u32", kind = "good", type = "u32", start = 4294967294 },
            { name = "bcd", kind = "good", type = "bcd16", start = 9998 },
        ]
    "#;
    let mut plant = Plant::new(&Scenario::parse(text).unwrap());
    plant.advance_to(std::time::Duration::from_secs(5));
    let counts: Vec<f64> = plant
        .readings()
        .iter()
        .map(|reading| reading.value.as_f64().unwrap())
        .collect();
    assert_eq!(counts, [3.0, 3.0, 3.0]);
}

#[track_caller]
fn check_fault(text: &str, expected: &str) {
    let error = Scenario::parse(text).unwrap_err().to_string();
    assert!(
        error.contains(expected),
        "`{expected}` is missing in: {error}"
    );
}

const BASE: &str = r#"
[[machine]]
name = "m"
signal = [{ name = "x", mean = 1 }, { name = "n", sigma = 1 }, { name = "s", kind = "state" }]
[[modbus]]
name = "plc"
unit = [{ id = 1, machine = "m" }]
[[opcua]]
name = "ua"
machines = ["m"]
"#;

#[track_caller]
fn check_timeline(fault: &str, expected: &str) {
    check_fault(
        &format!("{BASE}[[fault]]\nat = \"1s\"\nlabel = \"l\"\n{fault}"),
        expected,
    );
}

#[test]
fn syntax_names_line_and_column() {
    check_fault("sed = 1", "unknown field `sed`");
    check_fault("\nseed = \"x\"", "line 2, column 8");
}

#[test]
fn every_fault_of_the_file_is_reported_at_once() {
    let text = "tick = \"1d\"\n[[machine]]\nname = \"a b\"\n[[modbus]]\nname = \"p\"\nbind = \"x\"";
    let Err(ScenarioError::Faults(faults)) = Scenario::parse(text) else {
        panic!("accepted")
    };
    assert_eq!(faults.len(), 3, "{faults:?}");
}

#[test]
fn wrong_settings_are_explained() {
    let machine = |rest: &str| format!("[[machine]]\nname = \"m\"\n{rest}");
    let signal = |rest: &str| machine(&format!("signal = [{{ name = \"x\", {rest} }}]"));
    check_fault(
        &signal("type = \"f16\""),
        "`f16` is unknown; allowed: bool, u16",
    );
    check_fault(
        &signal("kind = \"noise\""),
        "`noise` is unknown; allowed: analog, setpoint",
    );
    check_fault(
        &signal("order = \"ABDC\""),
        "allowed: ABCD, CDAB, BADC, DCBA",
    );
    check_fault(&signal("phi = 1.0"), "phi: 1 is outside 0 to 0.999999");
    check_fault(&signal("sigma = -1"), "sigma: -1 is outside 0");
    check_fault(&signal("scale = 0"), "scale: must not be 0");
    check_fault(&signal("address = \"4x100\""), "`4x100` is no address");
    check_fault(&signal("address = \"coil:1\""), "coil:1 cannot hold f32");
    check_fault(
        &signal("kind = \"product\", type = \"u16\""),
        "u16 does not fit this kind",
    );
    check_fault(
        &signal("setpoint = \"y\""),
        "`y` is no setpoint of this machine",
    );
    check_fault(&machine("cycle = \"0s\""), "cycle: must be at least 1ms");
    check_fault(
        &machine("scrap_rate = 2"),
        "scrap_rate: 2 is outside 0 to 1",
    );
    check_fault(&format!("{0}\n{0}", machine("")), "name `m` is used twice");
    check_fault(
        "[[opcua]]\nname = \"u\"\nmachines = [\"z\"]",
        "machine `z` does not exist",
    );
    check_fault(
        "[[opcua]]\nname = \"u\"\nanonymous = false",
        "it needs users",
    );
    check_fault(
        "[[opcua]]\nname = \"u\"\nsecurity = [\"Basic256\"]",
        "`Basic256` is unknown",
    );
    for nodes in [0, 100_001] {
        check_fault(
            &format!("[[opcua]]\nname = \"u\"\nmax_nodes_per_read = {nodes}"),
            "max_nodes_per_read must be 1 to 100000",
        );
    }
    check_fault("[[modbus]]\nname = \"mqtt\"", "name `mqtt` is used twice");
    check_fault(
        "[[bulk]]\nprefix = \"c\"\nmachines = 1\nsignals = 5\nserver = \"none\"",
        "server `none` does not exist",
    );
    check_fault(
        "[[modbus]]\nname = \"p\"\n[[bulk]]\nprefix = \"c\"\nmachines = 300\nsignals = 2\nserver = \"p\"",
        "unit id 256 of `c256` is above 255",
    );
}

#[test]
fn wrong_faults_are_explained() {
    check_timeline("kind = \"refuse\"", "needs either `device` or `signal`");
    check_timeline(
        "kind = \"refuse\"\ndevice = \"d\"",
        "device `d` does not exist",
    );
    check_timeline(
        "kind = \"stuck\"\nsignal = \"m.z\"",
        "signal `m.z` does not exist",
    );
    check_timeline(
        "kind = \"boom\"\ndevice = \"m\"",
        "`boom` is unknown on a device; allowed: refuse",
    );
    check_timeline(
        "kind = \"boom\"\nsignal = \"m.x\"",
        "`boom` is unknown on a signal; allowed: step",
    );
    check_timeline("kind = \"slow\"\ndevice = \"m\"", "slow needs `delay`");
    check_timeline(
        "kind = \"exception\"\ndevice = \"m\"",
        "exception needs `code`",
    );
    check_timeline(
        "kind = \"garbage\"\ndevice = \"ua\"",
        "does not exist for this protocol",
    );
    check_timeline(
        "kind = \"clock_jump\"\njump = \"1h\"\ndevice = \"m\"",
        "does not exist for this",
    );
    check_timeline(
        "kind = \"step\"\nsignal = \"m.x\"",
        "step needs either `sigma` or `units`",
    );
    check_timeline(
        "kind = \"step\"\nsigma = 4\nsignal = \"m.x\"",
        "the signal has no noise",
    );
    check_timeline(
        "kind = \"step\"\nunits = 4\nsignal = \"m.s\"",
        "needs a signal of kind analog",
    );
    check_timeline(
        "kind = \"drift\"\nunits = 4\nsignal = \"m.x\"",
        "a drift needs `for`",
    );
    check_timeline(
        "kind = \"variance\"\nsignal = \"m.n\"",
        "variance needs `factor`",
    );
    check_timeline(
        "kind = \"dropout\"\nstatus = \"Worse\"\nsignal = \"m.x\"",
        "status `Worse`",
    );
    check_timeline(
        "kind = \"stuck\"\nsignal = \"m.x\"\nfor = \"long\"",
        "`long` is no duration",
    );
}

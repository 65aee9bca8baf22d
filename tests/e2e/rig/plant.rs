//! The plants of most tests, and what is asked of their tags.

use hal_sim::scenario::Security;
use hal_sim::{DetectOptions, FragmentOptions};

/// Three machines with a server each: two on Modbus, one on OPC UA, with a user and with or without encryption.
pub(crate) const MACHINES: &str = r#"
seed = 11
tick = "50ms"

[mqtt]

[[modbus]]
name = "hall1"
unit = [{ id = 1, machine = "press1" }]

[[modbus]]
name = "hall2"
unit = [{ id = 1, machine = "oven1" }]

[[opcua]]
name = "line1"
machines = ["mixer1"]
users = [{ name = "operator", password = "right" }]

[[machine]]
name = "press1"

[[machine.signal]]
name = "temp"
description = "Plate temperature"
unit = "degC"
type = "f32"
order = "CDAB"
mean = 180.0
sigma = 0.5
detect = true
advice = "Check the cooling water."

[[machine.signal]]
name = "order"
kind = "order"
type = "string:10"

[[machine]]
name = "oven1"

[[machine.signal]]
name = "zone1"
type = "f32"
mean = 90.0
sigma = 0.5

[[machine]]
name = "mixer1"

[[machine.signal]]
name = "torque"
unit = "Nm"
mean = 38.0
sigma = 0.5

[[machine.signal]]
name = "level"
mean = 55.0
sigma = 0.5
"#;

/// Twenty signals that fill a buffer.
pub(crate) const CELLS: &str = r#"
seed = 13
tick = "50ms"

[mqtt]

[[modbus]]
name = "hall1"

[[bulk]]
prefix = "cell"
machines = 2
signals = 10
server = "hall1"
"#;

/// Every value of every tag, often; OPC UA in the open.
pub(crate) fn all_values() -> FragmentOptions {
    FragmentOptions {
        rate: "50ms".to_owned(),
        summary: "1s".to_owned(),
        raw: "all".to_owned(),
        security: Some(Security::None),
        ..FragmentOptions::default()
    }
}

/// The same with detection that has learned after fifty values.
pub(crate) fn detecting() -> FragmentOptions {
    let detect = DetectOptions {
        false_alarms: "1 per month".to_owned(),
        shift_sigma: 2.0,
        learn: 50,
    };
    FragmentOptions {
        detect: Some(detect),
        ..all_values()
    }
}

//! The scenario file as it is written: one struct per table, nothing checked but names and types.

use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawScenario {
    pub(super) seed: Option<u64>,
    pub(super) tick: Option<String>,
    #[serde(default)]
    pub(super) machine: Vec<RawMachine>,
    #[serde(default)]
    pub(super) bulk: Vec<RawBulk>,
    #[serde(default)]
    pub(super) modbus: Vec<RawModbus>,
    #[serde(default)]
    pub(super) opcua: Vec<RawOpcUa>,
    pub(super) mqtt: Option<RawMqtt>,
    #[serde(default)]
    pub(super) fault: Vec<RawFault>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMachine {
    pub(super) name: String,
    pub(super) cycle: Option<String>,
    pub(super) scrap_rate: Option<f64>,
    pub(super) products: Option<Vec<String>>,
    pub(super) states: Option<RawStates>,
    #[serde(default)]
    pub(super) signal: Vec<RawSignal>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStates {
    pub(super) running: String,
    pub(super) idle: Option<String>,
    pub(super) changeover: Option<String>,
    pub(super) down: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSignal {
    pub(super) name: String,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) unit: String,
    pub(super) kind: Option<String>,
    pub(super) r#type: Option<String>,
    pub(super) order: Option<String>,
    pub(super) address: Option<String>,
    pub(super) scale: Option<f64>,
    pub(super) offset: Option<f64>,
    pub(super) mean: Option<f64>,
    pub(super) sigma: Option<f64>,
    pub(super) phi: Option<f64>,
    pub(super) cycle_shape: Option<String>,
    pub(super) cycle_amplitude: Option<f64>,
    pub(super) daily_amplitude: Option<f64>,
    pub(super) quantum: Option<f64>,
    pub(super) idle_mean: Option<f64>,
    pub(super) setpoint: Option<String>,
    pub(super) start: Option<u64>,
    #[serde(default)]
    pub(super) detect: bool,
    #[serde(default)]
    pub(super) advice: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBulk {
    pub(super) prefix: String,
    pub(super) machines: u32,
    pub(super) signals: u32,
    pub(super) server: String,
    pub(super) first_unit: Option<u8>,
    pub(super) types: Option<Vec<String>>,
    pub(super) orders: Option<Vec<String>>,
    #[serde(default)]
    pub(super) detect: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawModbus {
    pub(super) name: String,
    pub(super) bind: Option<String>,
    pub(super) unknown_unit: Option<String>,
    #[serde(default)]
    pub(super) unit: Vec<RawUnit>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawUnit {
    pub(super) id: u8,
    pub(super) machine: String,
    pub(super) device: Option<String>,
    pub(super) max_registers: Option<u16>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawOpcUa {
    pub(super) name: String,
    pub(super) bind: Option<String>,
    #[serde(default)]
    pub(super) machines: Vec<String>,
    pub(super) security: Option<Vec<String>>,
    pub(super) anonymous: Option<bool>,
    #[serde(default)]
    pub(super) users: Vec<RawUser>,
    pub(super) pki_dir: Option<std::path::PathBuf>,
    pub(super) max_nodes_per_read: Option<u32>,
    pub(super) advertise_limits: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawUser {
    pub(super) name: String,
    pub(super) password: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMqtt {
    pub(super) bind: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFault {
    pub(super) at: String,
    pub(super) r#for: Option<String>,
    pub(super) label: String,
    pub(super) device: Option<String>,
    pub(super) signal: Option<String>,
    pub(super) kind: String,
    pub(super) delay: Option<String>,
    pub(super) code: Option<u8>,
    pub(super) status: Option<String>,
    pub(super) jump: Option<String>,
    pub(super) sigma: Option<f64>,
    pub(super) units: Option<f64>,
    pub(super) factor: Option<f64>,
}

//! What a checked scenario holds.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::data_type::{ByteOrder, DataType};
use super::fault::Fault;
use super::layout::Place;
use crate::plant::{Analog, Production};

/// A plant, its servers and its faults, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// `seed` (default 1): same seed, same plant.
    pub seed: u64,
    /// `tick` (default 100 ms, 1 ms to 10 s): all signals are renewed at this pace.
    pub tick: Duration,
    /// `[[machine]]`, then those of `[[bulk]]`.
    pub machines: Vec<Machine>,
    /// `[[modbus]]`
    pub modbus: Vec<ModbusServer>,
    /// `[[opcua]]`
    pub opcua: Vec<OpcUaServer>,
    /// `[mqtt]`
    pub mqtt: Option<MqttServer>,
    /// `[[fault]]`, by start.
    pub faults: Vec<Fault>,
}

impl Scenario {
    /// Reads and checks a file.
    pub fn load(path: &std::path::Path) -> Result<Self, super::ScenarioError> {
        let text = std::fs::read_to_string(path).map_err(|source| super::ScenarioError::Read {
            path: path.display().to_string(),
            source,
        })?;
        Self::parse(&text)
    }

    /// Number of a signal from its `machine.signal` name, in the order of the plant's readings.
    pub fn signal_index(&self, name: &str) -> Option<usize> {
        self.signals().position(|(machine, signal)| {
            name.strip_prefix(machine.name.as_str())
                .and_then(|rest| rest.strip_prefix('.'))
                .is_some_and(|rest| rest == signal.name)
        })
    }

    /// Every signal with its machine, in the order of the plant's readings.
    pub fn signals(&self) -> impl Iterator<Item = (&Machine, &Signal)> {
        self.machines
            .iter()
            .flat_map(|machine| machine.signals.iter().map(move |signal| (machine, signal)))
    }

    /// A machine and the number of its first signal.
    pub fn machine(&self, name: &str) -> Option<(usize, &Machine)> {
        let mut first = 0;
        for machine in &self.machines {
            if machine.name == name {
                return Some((first, machine));
            }
            first += machine.signals.len();
        }
        None
    }
}

/// `[[machine]]`
#[derive(Debug, Clone, PartialEq)]
pub struct Machine {
    /// `name`: unique; 1 to 48 of `A-Z a-z 0-9 _ -`.
    pub name: String,
    /// How it produces.
    pub production: Production,
    /// `[[machine.signal]]`
    pub signals: Vec<Signal>,
}

/// `[[machine.signal]]`
#[derive(Debug, Clone, PartialEq)]
pub struct Signal {
    /// `name`: unique in its machine; 1 to 64 of `A-Z a-z 0-9 _ -`.
    pub name: String,
    /// `description` (default "").
    pub description: String,
    /// `unit` (default ""): engineering unit.
    pub unit: String,
    /// `type` (default by kind).
    pub data_type: DataType,
    /// `order` (default ABCD).
    pub order: ByteOrder,
    /// Where it stands in the register map.
    pub place: Place,
    /// `scale` (default 1): `value = raw * scale + offset`; not 0.
    pub scale: f64,
    /// `offset` (default 0).
    pub offset: f64,
    /// `kind` and its settings.
    pub behaviour: Behaviour,
    /// `detect` (default false): the gateway configuration asks for detection on it.
    pub detect: bool,
    /// `advice` (default ""): goes into the gateway configuration.
    pub advice: String,
}

/// `kind` of a signal.
#[derive(Debug, Clone, PartialEq)]
pub enum Behaviour {
    /// `"analog"`: a measured quantity.
    Analog(Analog),
    /// `"setpoint"`: a value that clients may write.
    Setpoint {
        /// `mean`: the value at the start.
        value: f64,
    },
    /// `"state"`: the machine's state code.
    State,
    /// `"running"`: whether the machine is running.
    Running,
    /// `"good"`: parts made; rolls over with its type.
    Good {
        /// `start`: count at the start.
        start: u64,
    },
    /// `"scrap"`: parts scrapped; rolls over with its type.
    Scrap {
        /// `start`: count at the start.
        start: u64,
    },
    /// `"product"`: code of the product being made.
    Product,
    /// `"order"`: code of the order being made.
    Order,
    /// `"ticks"`: ticks of the plant since the start; rolls over with its type.
    Ticks,
}

/// `[[modbus]]`: one TCP listener.
#[derive(Debug, Clone, PartialEq)]
pub struct ModbusServer {
    /// `name`: unique among servers and devices.
    pub name: String,
    /// `bind` (default 127.0.0.1:0).
    pub bind: SocketAddr,
    /// `unknown_unit` (default "exception").
    pub unknown_unit: UnknownUnit,
    /// `unit`: what stands behind it.
    pub units: Vec<Unit>,
}

/// What a Modbus listener does with a unit id that it does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownUnit {
    /// `"exception"`: 0x0B, gateway target device failed to respond.
    Exception,
    /// `"silence"`: no answer.
    Silence,
}

/// One Modbus unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Unit {
    /// `id`, 0 to 255.
    pub id: u8,
    /// `machine`: which machine it shows.
    pub machine: String,
    /// `device` (default: the machine): its name as a device; unique.
    pub device: String,
    /// `max_registers` (default 125): longer reads and writes are answered with exception 3.
    pub max_registers: u16,
}

/// `[[opcua]]`: one OPC UA server.
#[derive(Debug, Clone, PartialEq)]
pub struct OpcUaServer {
    /// `name`: unique among servers and devices.
    pub name: String,
    /// `bind` (default 127.0.0.1:0).
    pub bind: SocketAddr,
    /// `machines`: whose signals it shows.
    pub machines: Vec<String>,
    /// `security` (default `["None", "Basic256Sha256"]`).
    pub security: Vec<Security>,
    /// `anonymous` (default true): whether a session needs no user.
    pub anonymous: bool,
    /// `users`: `{ name, password }`.
    pub users: Vec<User>,
    /// `pki_dir` (default: beside the others of the simulation): own key and certificates.
    pub pki_dir: Option<PathBuf>,
    /// `max_nodes_per_read` (default 10,000, up to 100,000): longer reads are refused as a whole.
    pub max_nodes_per_read: u32,
    /// `advertise_limits` (default true): whether the server's `OperationLimits` state `max_nodes_per_read` and longer
    /// reads are refused with `BadTooManyOperations`. Without it they state no limit, and the decoder of the server
    /// gives up on longer reads: `BadDecodingError`.
    pub advertise_limits: bool,
}

/// Security of an OPC UA endpoint; every policy but `None` signs and encrypts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// No security.
    None,
    /// `Basic256Sha256`
    Basic256Sha256,
    /// `Aes128-Sha256-RsaOaep`
    Aes128Sha256RsaOaep,
    /// `Aes256-Sha256-RsaPss`
    Aes256Sha256RsaPss,
}

impl Security {
    /// Every policy with its name.
    pub const ALL: [(&'static str, Self); 4] = [
        ("None", Self::None),
        ("Basic256Sha256", Self::Basic256Sha256),
        ("Aes128Sha256RsaOaep", Self::Aes128Sha256RsaOaep),
        ("Aes256Sha256RsaPss", Self::Aes256Sha256RsaPss),
    ];

    /// The name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Basic256Sha256 => "Basic256Sha256",
            Self::Aes128Sha256RsaOaep => "Aes128Sha256RsaOaep",
            Self::Aes256Sha256RsaPss => "Aes256Sha256RsaPss",
        }
    }
}

/// A user of an OPC UA server. The password is a test password and stands in the scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// `name`
    pub name: String,
    /// `password`
    pub password: String,
}

/// `[mqtt]`: the embedded broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MqttServer {
    /// `bind` (default 127.0.0.1:0).
    pub bind: SocketAddr,
}

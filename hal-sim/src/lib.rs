//! A simulated plant: real Modbus TCP and OPC UA servers and an MQTT broker, with scripted, labelled
//! faults. It shares no code with the gateway; sockets are all they have in common.
//!
//! ```text
//!  scenario.toml ─► Scenario ─► Plant ──tick──► Snapshot ─► OPC UA nodes ──► proxy ─► clients
//!                      │          ▲                └──────► Modbus registers ───────► clients
//!                      ▼          │ effects                  MQTT broker ──► proxy ─► clients
//!                   Timeline ─────┴─ faults ────────────────────┴───────────┘
//!                      └─► Truth (JSON lines: what was injected, when, where)
//! ```
//!
//! | module | holds |
//! |---|---|
//! | [`scenario`] | the TOML file, checked: machines, signals, servers, faults |
//! | [`plant`] | pure, seeded model of machines and signals |
//! | `timeline` | pure: which faults are active, what they come to |
//! | [`modbus`] | register maps, encoding, own framing with faults |
//! | [`opcua`] | servers built on the plant's snapshot |
//! | [`broker`] | embedded MQTT broker that can be cut |
//! | [`proxy`] | TCP proxy that refuses, hangs, delays, resets |
//! | `sim` | the engine that ties it together; [`Sim`] and [`SimHandle`] |
//! | `truth` | the record of what was injected |
//! | `fragment` | the gateway configuration that matches |
//! | [`longrun`] | days of production in simulated time, recorded with the truth about them |
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use hal_sim::{Scenario, Sim, gateway_config_fragment};
//!
//! let sim = Sim::start(Scenario::load("config/scenarios/demo.toml".as_ref())?)?;
//! println!("{}", gateway_config_fragment(sim.scenario(), sim.endpoints()));
//! let outage = sim.stop("mqtt").await?;
//! sim.clear(outage).await?;
//! # Ok(())
//! # }
//! ```

pub mod broker;
mod clock;
mod fragment;
pub mod longrun;
pub mod modbus;
mod net;
pub mod opcua;
pub mod plant;
pub mod scenario;
mod sim;
mod snapshot;
mod timeline;
mod truth;

pub use broker::BrokerHandle;
pub use fragment::{
    DetectOptions, FragmentOptions, gateway_config, gateway_config_fragment,
    gateway_config_fragment_with,
};
pub use plant::Plant;
pub use scenario::{DeviceFault, Fault, FaultKind, Scenario, ScenarioError, Shift, SignalFault};
pub use sim::{
    Endpoints, ModbusEndpoint, ModbusUnitEndpoint, OpcUaEndpoint, Sim, SimError, SimHandle,
    SimOptions,
};
pub use truth::{Phase, TruthRecord};

/// A TCP proxy that can misbehave, for any protocol.
pub mod proxy {
    pub use crate::net::{FaultProxy, LinkMode, Upstream};
}

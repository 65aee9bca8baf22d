//! The scenario file: which plant to simulate, how to serve it, and which faults happen when.
//!
//! [`Scenario::parse`] reads TOML and returns a checked scenario or every fault of the file at once.
//! Later stages check nothing again.
//!
//! ```toml
//! seed = 42                 # same seed, same plant
//! tick = "100ms"            # all signals are renewed at this pace
//!
//! [[machine]]
//! name = "press1"
//! cycle = "4s"              # one part per cycle
//! states = { running = "10m", idle = "20s", changeover = "1m", down = "30s" }   # absent: always running
//!
//! [[machine.signal]]
//! name = "temperature"      # kind = "analog" is the default
//! type = "f32"
//! address = "holding:100"   # absent: the next free registers
//! order = "CDAB"
//! mean = 180.0
//! sigma = 0.8
//!
//! [[modbus]]
//! name = "hall1"
//! bind = "127.0.0.1:0"
//! unit = [{ id = 1, machine = "press1" }]
//!
//! [[fault]]
//! at = "30s"
//! for = "20s"
//! label = "heater runs away"
//! signal = "press1.temperature"
//! kind = "step"
//! sigma = 5
//! ```

mod bulk;
mod check;
mod data_type;
mod error;
mod fault;
mod layout;
mod quantity;
mod raw;
mod types;

pub use data_type::{ByteOrder, DataType, Table};
pub use error::ScenarioError;
pub use fault::{DeviceFault, Fault, FaultKind, Shift, SignalFault};
pub use layout::Place;
pub use quantity::parse_duration;
pub use types::{
    Behaviour, Machine, ModbusServer, MqttServer, OpcUaServer, Scenario, Security, Signal, Unit,
    UnknownUnit, User,
};

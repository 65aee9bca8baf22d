//! A running simulation: the plant, its servers, its faults.

mod directory;
mod endpoints;
mod engine;
mod handle;
mod servers;

pub use endpoints::{Endpoints, ModbusEndpoint, ModbusUnitEndpoint, OpcUaEndpoint};
pub use handle::{Sim, SimError, SimHandle, SimOptions};

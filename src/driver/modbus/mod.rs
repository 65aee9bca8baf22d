//! Modbus TCP: one connection per endpoint, shared by the units behind it, one request at a time.
//!
//! | module | purity | what it does |
//! |---|---|---|
//! | [`decode`] | pure | registers → values |
//! | [`plan`] | pure | values → requests; learns which addresses a device refuses |
//! | `wire` | edge | the byte stream, guarded against answers nobody waits for |
//! | `connection` | edge | one request under its deadline, errors told apart |
//! | `exception` | pure | what exception codes mean |
//! | `group` | edge | one scan group: its requests and samples |
//! | `driver` | edge | the groups of an endpoint |
//! | `probe` | edge | `andon check --live` |
//!
//! What it promises:
//! - Never a value that belongs to another request. After a time-out, a wrong or broken answer or a dropped future
//!   the connection is closed: a late answer has nowhere to arrive. An answer must carry the request's transaction
//!   id, unit, function and length.
//! - An exception is an answer: it marks the values it concerns and keeps the connection. Codes 1 to 3 are refusals
//!   and are narrowed down to the address (see [`plan`]); 4 and 8 are the device's own failure; 5, 6 and the rest
//!   pass; 10 and 11 are a gateway saying that the unit behind it is silent.
//! - Some devices hang up or keep silent where they should refuse. A block that has ended three reads in a row is
//!   suspected: the device is asked for a single address first, and if it answers that, the block is split as if
//!   refused. A dead device answers neither, and is never learned from.
//! - The requests of one read take no longer together than the unit's timeout and two seconds; learning stops after
//!   the timeout and goes on in the next read.
//! - A connection that was closed while idle, or lost with a dropped future, is renewed within the next read.

mod connection;
pub mod decode;
mod driver;
mod exception;
mod group;
pub mod plan;
mod probe;
mod wire;

#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod scripted;

pub use connection::Endpoint;
pub use driver::{ModbusDriver, ModbusGroup, ModbusPoint, ModbusUnit};
pub use probe::{probe, probe_device};

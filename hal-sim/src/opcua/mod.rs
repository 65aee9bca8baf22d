//! OPC UA servers: namespace `urn:andon:sim`, one folder per machine, one node `s=<machine>.<signal>` per signal.
//!
//! A fault proxy stands in front of each server, so that it can refuse, hang and be slow; a restart
//! drops the server with all its sessions and builds a new one on the same port and certificate.
//! Values are read from the plant when a client asks, so a server nobody asks costs nothing.

mod address_space;
mod convert;
mod server;

pub use address_space::NAMESPACE;
pub(crate) use server::{OpcUa, OpcUaSetup, Shared};

//! From the facts of one work unit over a time to atoms, stops, cycles and changeovers.
//!
//! [`assemble`] is a pure function: the gateway calls it when a shift ends, a command calls it for a shift that is not
//! over, and a restatement calls it again with what became known since.
//!
//! Order of the work: pieces from counters; changeovers from the first and last good pieces; categories from states,
//! orders and modes; reasons, which operators may edit; the time model; and all of it cut into segments of one shift,
//! order and ideal cycle each.

mod attribute;
mod build;
mod cells;
mod facts;
mod pieces;
mod segments;
mod stops;
#[cfg(test)]
mod tests;
mod timeline;

pub use build::{
    AssembleError, Assembled, Maintenance, OrderTime, ProductCycles, Stop, Unscheduled, assemble,
};
pub use facts::{Allocation, Counts, Facts, MainCounter, Settings, Startup, StateChange};
pub use pieces::{CounterKind, CounterLog};

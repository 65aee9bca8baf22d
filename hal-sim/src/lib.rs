//! hal-sim: a simulated plant with real protocol servers and scripted, labelled faults.
pub mod clock;
pub mod modbus;
pub mod net;
pub mod plant;
pub mod scenario;
mod truth;

//! The simulated plant: machines, their signals, and what a fault does to a reading.
//!
//! Promises: pure and seeded. The same scenario advanced by the same plant time yields the same
//! readings, on every machine and in every run. Each signal draws from its own generator, so adding
//! one signal leaves the others as they were.
//!
//! Never: reads a clock, opens a socket, logs.

mod analog;
mod effect;
mod machine;
pub(crate) mod noise;
mod signals;
mod value;

pub use analog::{Analog, CycleShape, Waveform};
pub use effect::Effect;
pub use machine::{MachineState, Production, StateTimes};
pub use signals::Plant;
pub use value::{Reading, Status, Value};

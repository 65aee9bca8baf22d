//! hal-sim.

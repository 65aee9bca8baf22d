//! Behaviour of the lanes, the engine and the storage thread.

mod damage;
mod harness;
mod handle;
mod model;
mod scenarios;

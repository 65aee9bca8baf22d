//! Behaviour of the lanes, the engine and the storage thread.

mod damage;
mod handle;
mod harness;
mod model;
mod scenarios;

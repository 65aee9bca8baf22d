//! A scripted MQTT broker on a real socket and a buffer in memory, for tests of the whole task.

mod broker;
mod memory;

pub(super) use broker::{Action, Broker, Greeting, Seen};
pub(super) use memory::Memory;

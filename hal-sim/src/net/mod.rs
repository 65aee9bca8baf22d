//! Sockets that can misbehave on purpose.

mod door;
mod proxy;
mod thread;

pub(crate) use door::Door;
pub use proxy::{FaultProxy, LinkMode, Upstream};
pub(crate) use thread::ServerThread;

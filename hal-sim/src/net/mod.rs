//! Sockets that can misbehave on purpose.

mod door;
mod thread;

pub use door::Door;
pub(crate) use thread::ServerThread;

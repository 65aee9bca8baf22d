//! The lane's medium on a real disk: rotated sled databases and three small files, made durable by explicit fsync.

mod files;
mod fsync;
mod panics;
mod reserve;
mod segment;
mod slots;
mod store;

pub(super) use fsync::replace_file;
pub(super) use panics::engine_threads;
pub use store::SledStore;

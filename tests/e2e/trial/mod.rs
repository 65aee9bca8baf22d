//! Trials that run short in the suite and long from `cargo run --release --example trial`.

pub(crate) mod isolation;
pub(crate) mod kill;
mod spread;

pub(crate) use spread::Spread;

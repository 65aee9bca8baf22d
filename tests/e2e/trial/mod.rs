//! Trials that run short in the suite and long from `cargo run --release --example trial`.

pub mod isolation;
pub mod kill;
mod spread;

pub use spread::Spread;

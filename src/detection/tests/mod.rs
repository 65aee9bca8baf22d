//! Behaviour of the bank: what it finds, and what it leaves alone.

mod accept;
mod announced;
mod hostile;
mod learning;
mod life;
mod line;
mod memory;
mod repeats;
mod wandering;

//! Behaviour of the bank: what it finds, and what it leaves alone.

mod life;
mod line;

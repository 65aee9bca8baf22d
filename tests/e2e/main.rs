//! The real `andon` binary against a simulated plant and a real broker: what a user sees, end to end.
//!
//! Each module is one subject. Most share the small plants of the rig; every test prints its seed.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking and prints its figures"
)]

mod alerts;
mod baselines;
mod check_live;
mod damage;
mod flow;
mod outage;
mod production;
mod rig;
#[expect(
    dead_code,
    reason = "shared with the `trial` example, which uses all of it"
)]
mod trial;
mod trials;

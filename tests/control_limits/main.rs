//! Control limits that are kept, through the whole pipeline: learned, frozen, in force from a moment on, and replaced for
//! an approved change only; and what went along with a point that is out of control.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod explained;
mod limits;
mod press;
#[path = "../support/recorded.rs"]
mod recorded;

//! What a plant does that is no ordinary production, through the whole pipeline: what the figures make of it, how much of
//! the time they cover, and what they say about themselves.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod course;
mod line;
mod orders;
mod planned;
mod press;
#[expect(
    dead_code,
    reason = "shared with tests that read words and refusals too"
)]
#[path = "../support/recorded.rs"]
mod recorded;
mod remarks;
mod shifts;

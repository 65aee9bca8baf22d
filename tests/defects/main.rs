//! Defects and rejects of a plant, through the whole pipeline: by category and origin, per unit made, whether they become
//! more, and on attribute charts.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod charts;
mod press;
mod ranks;
#[path = "../support/recorded.rs"]
mod recorded;
mod refusals;

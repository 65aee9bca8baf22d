//! One lane: numbering, commit, cursor, accounting. Synchronous; the storage thread drives it.
//!
//! ```text
//!  1 ……… cursor │ cursor+1 ……………… durable │ durable+1 … next-1 │
//!  acknowledged │ pending (or in the ledger)│ in memory only     │
//!               └──────── readable up to `visible` ─────────────┘
//! ```
//!
//! `visible` equals `durable` except while the disk refuses writes: then records are readable from memory, and the
//! lane says so (`is_durable`).

mod account;
mod core;
mod open;
mod read;

pub(super) use core::{Lane, LanePolicy};
pub(super) use open::Opening;

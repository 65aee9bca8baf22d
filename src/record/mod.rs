//! What the gateway stores and sends: versioned records, each with an id.
//!
//! A record is made once by the pipeline, kept by the buffer under a sequence number, and published from there.
//! Same id, same bytes, for ever.

mod id;
mod v1;

pub use id::{Lane, RecordId};
pub use v1::*;

//! What the gateway stores and sends: versioned records, each with an id.
//!
//! A record is made once by the pipeline, kept by the buffer under a sequence number, and published from there.
//! Same id, same bytes, for ever.
//!
//! | form | where | module |
//! |---|---|---|
//! | body | in the buffer; encoded with [`encode_body`] | [`BodyV1`] |
//! | compact wire form | MQTT payload `postcard` | [`wire`] |
//! | JSON | MQTT payload `json`, `andon decode`, `andon replay` | [`json`] |
//!
//! Tags appear as stable numbers in bodies: [`registry`] gives them out once and for all and keeps the names.

mod body;
mod explained;
mod id;
pub mod intervals;
pub mod json;
mod json_items;
mod kind;
pub mod ledger;
pub mod names;
pub mod registry;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
pub(crate) mod testing;
mod v1;
pub mod wire;

pub use body::{Heading, MAX_BODY_BYTES, RecordError, decode_body, encode_body, peek_body};
pub use id::{Lane, RecordId, RecordIdError, is_gateway_id};
pub use kind::Kind;
pub use v1::*;

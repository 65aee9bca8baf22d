//! Publishing: committed records to the MQTT broker, at least once, in order, alerts first.
//!
//! **Promise.** A record leaves the buffer only after the broker has acknowledged every message of it (`QoS` 1 PUBACK).
//! Within a lane records are handed over in sequence order; after any error the lane goes back to its oldest
//! unacknowledged record, so the broker may see a record twice, with the same id and the same bytes, and never sees a
//! gap that no drop record names. Waiting alerts are handed over before any further telemetry.
//!
//! **Never.** No message is sent outside the window's FIFO, nothing waits for the network but this task, no fallback to
//! plain text, no secret in a log.
//!
//! | module | purity | |
//! |---|---|---|
//! | [`topic`] | pure | topic names |
//! | `payload` | pure | record → messages |
//! | [`birth`], [`health`] | pure | birth, health and last-will payloads |
//! | `window` | pure | packet ids ↔ records, contiguous acknowledgement, rewind |
//! | `ladder` | pure | back-off, take-over detection |
//! | `suspect` | pure | finds a record that makes the broker close the connection |
//! | [`source`] | | the buffer as publishing sees it |
//! | `lane`, `link`, [`tls`] | edge | read-ahead, rumqttc in both versions, TLS files |
//! | `session`, `task` | edge | one connection; the loop over connections |
//!
//! **Reconnecting.** Any error, or no PUBACK for `ack_timeout` while something is under way, ends a connection; client
//! and event loop are dropped and made anew, names resolved and certificate files read again. Waits have full jitter:
//! up to 1.5 s in the first minute, then up to 60 s; five minutes when the broker refuses the login or TLS fails; one
//! minute when another client keeps taking over the client id.
//!
//! **Refusals** (MQTT 5 reason codes ≥ 0x80). The lane pauses, goes back to the refused record after 1, 2, 4, 8 s, and
//! after the fifth refusal gives the record up to a drop record. "Quota exceeded" is waited for without end, and so is
//! a broker that takes no record at all: after three records given up without one acknowledged, nothing more is.

pub mod birth;
pub mod health;
mod ladder;
mod lane;
mod link;
mod payload;
mod session;
pub mod source;
mod stats;
mod suspect;
mod task;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
pub mod tls;
pub mod topic;
mod window;

pub use birth::{Birth, BirthTag};
pub use health::{BufferHealth, DeviceHealth, Health, HealthStatus, Identity};
pub use ladder::FaultClass;
pub use source::{Committed, ReadLimit, Source, Stored};
pub use stats::{PublishCounts, PublishStats};
pub use task::{Setup, run};

//! Store-and-forward: every record is durable before it is published and stays until it is acknowledged.
//!
//! Promises: a record that was committed is delivered, or named in a drop record. A drop record may be lost like any
//! other record before it is acknowledged: then what it named is named again. Alerts have their own lane and are
//! never dropped to make room. Nothing here makes the pipeline wait. Never: a panic from a damaged
//! disk, a number used twice, a loss without a drop record.
//!
//! ```text
//! try_append ─► bounded queue ─► storage thread ─► lane ─► Store ─► commit = flush + fdatasync + mark
//!                                      │                                   │
//! read ◄── memory tail / oldest segment┘            committed() ◄──────────┘
//! ack  ──► cursor ─► whole segments removed
//! ```
//!
//! # On disk
//!
//! ```text
//! data_dir/
//!   lock                      held while a process uses the directory
//!   epoch                     [epoch u32][crc32c u32]                     replaced atomically before the first record
//!   reserve                   preallocated; given up when alerts meet a full disk
//!   buffer/alerts/            one directory per lane, the same in each:
//!   buffer/telemetry/
//!     00000000000000000001/   a sled database = a segment, named by its first sequence number; written by one run
//!     00000000000000002049/   only, dropped whole
//!     del-…/                  being destroyed; swept at start
//!     bad-…-0/                damaged, set aside; at most 8 are kept
//!     mark                    high-water mark (first, last, epoch): two slots in turn, fsynced at each commit
//!     cursor                  acknowledged up to, lowest number in the ledger: two slots in turn, at most once a second
//!     ledger                  ranges that will never be delivered, until their drop records are acknowledged
//! ```
//!
//! A record, in a sled value under its sequence number (8 bytes, big-endian; what is longer than 6 KiB goes on under
//! 9-byte keys, so that sled never uses its blob files):
//!
//! ```text
//! ┌───────────┬──────────────┬────────────────┬──────────────┬────────────────┐
//! │ version=1 │ epoch u32 LE │ wall ms i64 LE │ body …       │ crc32c u32 LE  │  crc over sequence number and
//! └───────────┴──────────────┴────────────────┴──────────────┴────────────────┘  everything before it
//! ```
//!
//! Old reader, new data: an unknown version is accounted for as corrupt, never misread. New reader, old data: version
//! 1 stays readable.
//!
//! # What survives what
//!
//! | event | cost |
//! |---|---|
//! | kill, power cut | records younger than the commit interval; duplicates of the last second |
//! | lost cursor | duplicates |
//! | lost ledger | nothing; all from its lowest number to the cursor is named once more, delivered or not |
//! | lost or damaged segment, bit rot | the records, each named in a drop record |
//! | engine opens empty | found by the mark: drop record, numbering goes on above it |
//! | failed fsync | nothing: uncommitted records are written again to a fresh segment |
//! | full disk | oldest telemetry, with drop records; alerts have the reserve |
//! | read-only disk | durability: records are published from memory and the status says so |

mod codec;
mod disk;
mod engine;
mod epoch;
mod error;
mod handle;
mod idle;
mod incident;
mod lane;
mod ledger;
mod memory;
mod status;
mod store;
mod task;
#[cfg(test)]
mod tests;
mod verify;

pub use codec::{MAX_BODY_BYTES, Stored};
pub use disk::SledStore;
pub use engine::Committed;
pub use error::{AppendError, BufferError, Refused, StoreError};
pub use handle::{Buffer, Opened, open, open_in_memory};
pub use idle::{idle_status, idle_verify, lock};
pub use incident::Incident;
pub use ledger::reason_name;
pub use memory::{MemFault, MemStore};
pub use status::{BufferStatus, LaneStatus};
pub use store::{Cursor, Found, Mark, RawRecord, ReadLimit, SegmentInfo, Store};
pub use verify::{LaneReport, VerifyReport};

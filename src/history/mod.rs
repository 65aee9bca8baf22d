//! The plant's memory: samples for days, minutes for years, hours and days for good.
//!
//! ```text
//! append ─► commit (journal row, once a second) ─► pieces ─► raw hour + minutes ─► hours, local days
//!              │                                     │             │                   │
//!              └───────────────── readers: rows as if all of this were done ◄──────────┘
//! ```
//!
//! One [`Writer`] owns writing, in a thread of its own; [`Reader`]s work beside it on snapshots of the store. Samples are
//! durable with the commit. An hour that is over is packed into one chunk per series, and its minutes are written with
//! it in one transaction, so that no crash can make them disagree; hours and days are derived from minutes later, and
//! until then readers derive them themselves. An answer is the same whenever it is asked for.
//!
//! # Promises
//!
//! - A sample is counted once, however often it comes: the last one with its series and time wins, as long as raw samples
//!   of its hour are kept. Later than that, samples are added to the roll-ups.
//! - Every stored block has a version and a crc32c. A damaged one costs its stretch of time alone and is told:
//!   [`Gap::Damaged`] in answers, [`Reader::verify`] in full.
//! - A bucket without data is a gap with a reason, never a zero. Coverage says how much of a bucket is known.
//! - Bad and Uncertain samples are counted and cover time; only Good numbers enter statistics.
//! - Texts are no numbers: their samples are raw samples, and their changes are events, see [`EventKind::TEXT`].
//!
//! The history never asks what time it is: the caller says so.
//!
//! # Layout
//!
//! The store is one redb file. Tables are listed in `tables`, the frame of every block in `blob`, columns in `column`,
//! blocks of samples in `point`, chunks of roll-ups in `rows`.

mod answer;
mod blob;
mod calendar;
mod chunks;
mod column;
mod derive;
mod error;
mod evaluate;
mod events;
mod expiry;
mod file;
mod handle;
mod import;
mod journal;
mod number;
mod point;
mod query;
mod reader;
mod roll;
mod rollup;
mod rows;
mod series;
mod settings;
mod store;
mod tables;
mod trend;
mod upkeep;
mod verify;
mod view;
mod writer;

pub use answer::{Answer, AnswerRow, Gap, Samples, SeriesAnswer};
pub use error::{HistoryError, Result};
pub use events::{Event, EventKind, EventQuery};
pub use file::stored_zone;
pub use import::Imported;
pub use query::{Aggregate, Query, QueryError, Step};
pub use reader::{Export, Exported, Reader};
pub use rollup::Rollup;
pub use series::{SeriesId, SeriesSpec};
pub use settings::{Retention, Settings};
pub use tables::Tier;
pub use trend::{Trend, TrendError, TrendOptions, trend_of};
pub use upkeep::Maintained;
pub use verify::{Fault, Statistics, TierStatistics, VerifyReport};
pub use writer::{Commit, FILE, Writer};

#[cfg(test)]
mod tests;

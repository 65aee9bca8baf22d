//! The chain from samples to records: validation, detection, alerting, summaries, report by exception.
//!
//! [`Chain`] is pure: samples and the time go in, records come out. The same chain runs live and in
//! `andon replay`. [`task`] is its only shell: it takes what acquisition sends, ticks the chain, and hands the
//! records to a [`task::RecordSink`].

mod announce;
mod baseline_status;
mod catalog;
mod chain;
mod clock_watch;
mod machines;
mod raw;
mod summary;
pub mod task;
#[cfg(test)]
pub(crate) mod testing;

pub use announce::Announcements;
pub use baseline_status::{BaselineStatus, ModeStatus};
pub use catalog::Catalog;
pub use chain::{
    Chain, ChainCounters, Decision, Learned, LearnedGroup, LearnedTag, Outputs, Parts, Trouble,
};
pub use clock_watch::ClockWatch;
pub use machines::Machines;
pub use raw::RawReporter;
pub use summary::Summaries;

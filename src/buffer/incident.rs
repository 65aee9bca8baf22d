//! What the operator must hear about.

use std::fmt;

use super::ledger::reason_name;
use crate::record::{DropReasonV1, Lane};

/// Something happened to the store. Each is also logged; the pipeline makes alerts of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incident {
    /// A damaged segment was set aside; its undelivered records are in a drop record.
    Quarantined {
        /// Which lane.
        lane: Lane,
        /// First sequence number of the segment.
        segment: u64,
        /// What was found.
        error: String,
    },
    /// Committed records are gone or unreadable, or were dropped to make room.
    Dropped {
        /// Which lane.
        lane: Lane,
        /// First lost sequence number.
        from: u64,
        /// Last lost sequence number.
        to: u64,
        /// Why.
        reason: DropReasonV1,
    },
    /// The disk does not take records: the lane runs from memory and a power cut loses what is pending there.
    NotDurable {
        /// Which lane.
        lane: Lane,
        /// The disk is full, as opposed to broken.
        is_full: bool,
        /// What was tried and why it failed.
        error: String,
    },
    /// A write failed once and succeeded in a fresh segment: nothing was lost, but the disk deserves a look.
    WriteFault {
        /// Which lane.
        lane: Lane,
        /// What was tried and why it failed.
        error: String,
    },
    /// The disk takes records again and everything pending is durable.
    DurableAgain {
        /// Which lane.
        lane: Lane,
    },
    /// A small file of the lane was missing or damaged although the lane holds records.
    FileLost {
        /// Which lane.
        lane: Lane,
        /// `mark`, `cursor` or `ledger`.
        file: &'static str,
    },
    /// The storage engine's threads died; the gateway must be restarted.
    EngineDead,
}

/// One sentence for the operator.
impl fmt::Display for Incident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quarantined {
                lane,
                segment,
                error,
            } => write!(
                f,
                "damaged {} segment {segment} was set aside: {error}",
                lane.as_str()
            ),
            Self::Dropped {
                lane,
                from,
                to,
                reason,
            } => write!(
                f,
                "{} {} records ({from} to {to}) were dropped: {}",
                to - from + 1,
                lane.as_str(),
                reason_name(*reason)
            ),
            Self::NotDurable {
                lane,
                is_full: true,
                ..
            } => write!(
                f,
                "the disk is full: {} records are kept in memory only",
                lane.as_str()
            ),
            Self::NotDurable { lane, error, .. } => write!(
                f,
                "the disk does not take {} records, they are kept in memory only: {error}",
                lane.as_str()
            ),
            Self::WriteFault { lane, error } => {
                write!(f, "writing {} records failed once: {error}", lane.as_str())
            }
            Self::DurableAgain { lane } => {
                write!(f, "the disk takes {} records again", lane.as_str())
            }
            Self::FileLost { lane, file } => {
                write!(
                    f,
                    "the {} file of the {} lane was lost",
                    file,
                    lane.as_str()
                )
            }
            Self::EngineDead => f.write_str("the storage engine died: restart the gateway"),
        }
    }
}

//! What the chain says of its baselines, for people.

use serde::{Deserialize, Serialize};

use crate::detection::SlotState;

/// The baseline of one tag or group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BaselineStatus {
    /// Name of the tag or group.
    pub name: String,
    /// `learning`, `provisional` or `armed`.
    pub phase: String,
    /// Good samples seen and needed, while it learns.
    pub learning: Option<(u64, u64)>,
    /// Since when it counts, RFC 3339; none while it is learned.
    pub since: Option<String>,
    /// Levels by mode; none for a group, and for a signal without a level.
    pub levels: Vec<ModeStatus>,
    /// The chart of the alarm that stands.
    pub alarm: Option<String>,
    /// The level of that alarm has stood so long that it may be the new normal.
    pub is_proposed: bool,
}

/// The level in one mode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModeStatus {
    /// Name of the mode; empty where none is announced.
    pub mode: String,
    /// Normal level, in the tag's unit.
    pub level: f64,
    /// Standard deviation around it, in the tag's unit.
    pub spread: f64,
    /// Samples that it rests on.
    pub samples: f64,
}

/// Name of a phase, and the progress of learning.
pub(super) fn phase_of(state: SlotState) -> (&'static str, Option<(u64, u64)>) {
    match state {
        SlotState::Learning { have, need, .. } => ("learning", Some((have, need))),
        SlotState::Provisional => ("provisional", None),
        SlotState::Armed => ("armed", None),
    }
}

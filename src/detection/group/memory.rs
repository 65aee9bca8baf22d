//! What a group knows, in the form that outlives the process.

use serde::{Deserialize, Serialize};

use super::learning::Learning;
use super::model::GroupModel;

/// What a group has learned, or the rows that it has gathered so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum GroupMemory {
    /// It has learned.
    Model(GroupModel),
    /// It had not learned yet.
    Unfinished(Rows),
}

/// Rows to learn from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rows(pub(super) Learning);

impl GroupMemory {
    /// Whether the numbers, which may come from a file, can be used.
    pub fn is_valid(&self) -> bool {
        match self {
            Self::Model(model) => model.is_valid(),
            Self::Unfinished(rows) => rows.0.is_whole(),
        }
    }

    /// Whether the group had not learned yet. Its rows belong to the plant that they were taken from.
    pub const fn is_unfinished(&self) -> bool {
        matches!(self, Self::Unfinished(_))
    }
}

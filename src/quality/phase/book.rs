//! Versions of limits.

use super::learn::said;
use super::{FreezeRule, PhaseOne};
use crate::model::Timestamp;
use crate::quality::error::QualityError;

/// What limits belong to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StratumKey {
    /// The product.
    pub product: String,
    /// The machine.
    pub machine: String,
    /// The characteristic, e.g. `bore diameter`.
    pub characteristic: String,
}

/// Who made a version, when and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeRecord {
    pub(super) at: Timestamp,
    pub(super) by: String,
    pub(super) why: String,
    pub(super) approval: Option<String>,
}

impl ChangeRecord {
    /// A change that is in force from `at`; both texts must say something.
    pub fn new(at: Timestamp, by: &str, why: &str) -> Result<Self, QualityError> {
        let record = "a change of limits";
        Ok(Self {
            at,
            by: said(by, record, "who made it")?,
            why: said(why, record, "why it was made")?,
            approval: None,
        })
    }

    /// The same with the reference of an approved process change.
    pub fn approved(self, reference: &str) -> Result<Self, QualityError> {
        let approval = said(
            reference,
            "an approved change",
            "the reference of its approval",
        )?;
        Ok(Self {
            approval: Some(approval),
            ..self
        })
    }

    /// In force from.
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// Who made it.
    pub fn by(&self) -> &str {
        &self.by
    }

    /// Why it was made.
    pub fn why(&self) -> &str {
        &self.why
    }

    /// Reference of the approved process change.
    pub fn approval(&self) -> Option<&str> {
        self.approval.as_deref()
    }
}

/// One version of limits.
#[derive(Debug, Clone, PartialEq)]
pub struct LimitVersion {
    /// 1 for the first.
    pub version: u32,
    /// Whether they are frozen; else trial limits.
    pub frozen: bool,
    /// What was learned.
    pub learned: PhaseOne,
    /// Who, when and why.
    pub change: ChangeRecord,
}

/// All versions of the limits of one stratum, oldest first.
#[derive(Debug, Clone, PartialEq)]
pub struct LimitBook {
    pub(super) key: StratumKey,
    pub(super) versions: Vec<LimitVersion>,
}

impl LimitBook {
    /// A book without a version.
    pub const fn new(key: StratumKey) -> Self {
        Self {
            key,
            versions: Vec::new(),
        }
    }

    /// What the limits belong to.
    pub const fn key(&self) -> &StratumKey {
        &self.key
    }

    /// All versions, oldest first.
    pub fn versions(&self) -> &[LimitVersion] {
        &self.versions
    }

    /// The version in force at a time; `None` before the first.
    pub fn in_force_at(&self, time: Timestamp) -> Option<&LimitVersion> {
        self.versions
            .iter()
            .rev()
            .find(|version| version.change.at() <= time)
    }

    /// Adds trial limits; refused once limits are frozen.
    pub fn try_out(
        &mut self,
        learned: PhaseOne,
        change: ChangeRecord,
    ) -> Result<u32, QualityError> {
        self.add(learned, change, false)
    }

    /// Freezes limits: those of enough data, and for an approved process change where frozen ones are in force. Points
    /// beyond a limit without a recorded cause do not forbid it; their number stays with the version.
    pub fn freeze(
        &mut self,
        learned: PhaseOne,
        change: ChangeRecord,
        rule: FreezeRule,
    ) -> Result<u32, QualityError> {
        learned.check(rule)?;
        self.add(learned, change, true)
    }

    fn add(
        &mut self,
        learned: PhaseOne,
        change: ChangeRecord,
        frozen: bool,
    ) -> Result<u32, QualityError> {
        if let Some(last) = self.versions.last() {
            if last.frozen && change.approval().is_none() {
                return Err(QualityError::Frozen {
                    version: last.version,
                });
            }
            if change.at() < last.change.at() {
                return Err(QualityError::NotRecorded {
                    record: "a change of limits",
                    missing: "a time not before the last change",
                });
            }
        }
        let version = self
            .versions
            .last()
            .map_or(1, |last| last.version.saturating_add(1));
        self.versions.push(LimitVersion {
            version,
            frozen,
            learned,
            change,
        });
        Ok(version)
    }
}

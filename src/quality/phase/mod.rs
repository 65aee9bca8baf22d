//! The two phases of a chart, and limits as a document.
//!
//! Phase I learns the limits. They are *trial limits* until 20 subgroups with 100 observations are there, and a point is
//! left out of them only with a recorded assignable cause. Phase II draws new points against frozen limits, which are
//! replaced for an approved process change only. Every version says who made it, when and why; versions are never edited.
//!
//! One book of versions belongs to one product, machine and characteristic: mixing them hides what each does.

mod autocorrelation;
mod book;
mod learn;
mod restore;
mod stored;

#[cfg(test)]
mod tests;

pub use autocorrelation::{AUTOCORRELATION_MAX, lag_one_autocorrelation};
pub use book::{ChangeRecord, LimitBook, LimitVersion, StratumKey};
pub(crate) use learn::without;
pub use learn::{AssignableCause, FreezeRule, PhaseOne, PhaseOnePlan};
pub use stored::{
    CauseV1, CusumV1, EwmaV1, IndividualsV1, LevelV1, LimitsV1, ParametersV1, RateV1, SubgroupsV1,
    VersionV1,
};

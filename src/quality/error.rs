//! Why a figure of quality cannot be computed.

use super::charts::ChartKind;

/// Why a figure of quality cannot be computed. The caller can act on each: other data, another chart, another setting.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum QualityError {
    /// No constants are defined for this subgroup size.
    #[error("a subgroup of {0} readings has no constants; 2 to 25 have")]
    SubgroupSize(usize),
    /// A number that no chart can take.
    #[error("{what} at index {index} is not a finite number of the allowed range")]
    NotAllowed {
        /// What the number is.
        what: &'static str,
        /// Its place in the series, from 0.
        index: usize,
    },
    /// The data do not suffice.
    #[error("{what} needs at least {needed}, has {have}")]
    TooFew {
        /// What is to be computed.
        what: &'static str,
        /// What there is.
        have: usize,
        /// What it takes.
        needed: usize,
    },
    /// The chart wants subgroups or samples of one size.
    #[error(
        "the {chart} chart needs samples of one size; index {index} has {size} instead of {expected}, use the {instead} chart"
    )]
    UnequalSizes {
        /// The chart.
        chart: ChartKind,
        /// First sample of another size, from 0.
        index: usize,
        /// Its size.
        size: f64,
        /// Size of the samples before it.
        expected: f64,
        /// The chart that takes samples of any size.
        instead: ChartKind,
    },
    /// More nonconforming units than units.
    #[error("{events} nonconforming units at index {index} are more than the {size} inspected")]
    MoreThanInspected {
        /// Nonconforming units.
        events: u64,
        /// Units inspected.
        size: f64,
        /// The sample, from 0.
        index: usize,
    },
    /// The chart is for the other kind of data.
    #[error("the {chart} chart takes {wanted}")]
    WrongData {
        /// The chart.
        chart: ChartKind,
        /// The data it takes.
        wanted: &'static str,
    },
    /// Samples of several products or machines, which belong on charts of their own.
    #[error("samples of {first} and of {other} belong on charts of their own")]
    MixedStrata {
        /// Product and machine of the first sample.
        first: String,
        /// Product and machine of another one.
        other: String,
    },
    /// A setting outside its range.
    #[error("{name} = {value} is not allowed; {allowed}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// What it was set to.
        value: f64,
        /// What is allowed.
        allowed: &'static str,
    },
    /// A specification that nothing can meet.
    #[error("a specification needs one limit at least, finite, the lower below the upper")]
    Specification,
    /// Something that must be written down is not.
    #[error("{record} needs {missing}")]
    NotRecorded {
        /// The record.
        record: &'static str,
        /// What it lacks.
        missing: &'static str,
    },
    /// Limits may not be frozen yet.
    #[error(
        "limits are frozen from {subgroups_needed} subgroups with {observations_needed} observations; there are {subgroups} with {observations}"
    )]
    TooEarlyToFreeze {
        /// Subgroups there are.
        subgroups: usize,
        /// Observations there are.
        observations: usize,
        /// Subgroups it takes.
        subgroups_needed: usize,
        /// Observations it takes.
        observations_needed: usize,
    },
    /// Frozen limits are replaced for an approved change only.
    #[error(
        "version {version} of the limits is frozen; it is replaced for an approved process change only"
    )]
    Frozen {
        /// Version in force.
        version: u32,
    },
    /// A stored form that this program does not know or that is damaged.
    #[error("stored limits: {0}")]
    Stored(&'static str),
    /// A category that cannot stand in the tree.
    #[error("category `{category}` {fault}")]
    Category {
        /// The category.
        category: String,
        /// What is wrong with it.
        fault: &'static str,
    },
}

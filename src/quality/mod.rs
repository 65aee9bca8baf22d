//! Quality: control charts, run rules, capability and defects.
//!
//! | module | question |
//! |---|---|
//! | [`study`] | one characteristic from samples to a report; start here |
//! | [`charts`] | limits from a series, points against limits |
//! | [`rules`] | which patterns of points are signals |
//! | [`phase`] | trial limits, frozen limits, their versions and stored form |
//! | [`capability`] | whether the process can hold its specification |
//! | [`defects`] | how many of which kind, where, and whether they become more |
//!
//! Besides: [`advise`] on the chart that fits, [`ChartConstants`], and the production windows of defects and signals with
//! what was different in them ([`windows_of_units`], [`windows_of_signals`], [`compare_with_reference`]).
//!
//! Pure and deterministic: samples with their times come in, figures go out. What does not exist is `None` with a reason,
//! never 0 and never not-a-number. Linear in the number of samples but for sorting.

mod advice;
mod constants;
mod distribution;
mod error;
mod number;
mod window;

pub mod capability;
pub mod charts;
pub mod defects;
pub mod phase;
pub mod rules;
pub mod study;

pub use advice::{Advice, CountOf, advise};
pub use constants::{ChartConstants, SUBGROUP_MAX, c4};
pub use error::QualityError;
pub(crate) use window::spacing;
pub use window::{
    Deviation, DeviationNote, ProductionWindow, TransportLag, UnitSpan, compare_with_reference,
    windows_of_signals, windows_of_units,
};

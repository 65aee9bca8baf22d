//! One characteristic from samples to a report: the entry point for those who only want the answer.
//!
//! [`run_study`] sorts and cleans the samples of one product on one machine, picks the chart where none is asked for,
//! learns the limits or takes the frozen ones, reads the chart with its rules, adds capability where there is a
//! specification, and says in warnings what the reader must know. [`strata`] splits samples of several products and
//! machines first, because one chart over several hides what each does.
//!
//! Never changes a value; what it leaves out it counts in a warning.

mod input;
mod prepare;
mod report;
mod run;
mod warning;

#[cfg(test)]
mod tests;

pub use input::{Observation, Sample, Study, strata};
pub use report::{
    CapabilityReport, ExcludedReport, IndicesReport, PanelReport, PercentileReport, PhaseReport,
    PointReport, SignalReport, SpcReport, WarningReport,
};
pub use run::{Studied, run_study};

//! Key performance indicators of ISO 22400-2 from sums of times and pieces.
//!
//! | KPI | formula |
//! |---|---|
//! | availability | APT / PBT |
//! | effectiveness | sum(PRU * PQ) / APT; may exceed 1 |
//! | quality ratio | sum(PRU * GQ) / sum(PRU * PQ) |
//! | OEE | sum(PRU * GQ) / PBT, which is availability * effectiveness * quality ratio |
//! | NEE | (APT + AUST) / PBT * effectiveness * quality ratio |
//! | TEEP | sum(PRU * GQ) / calendar time |
//!
//! Promises: a ratio without a denominator is `None`, never 0; nothing is clipped; no ratio is ever averaged.

mod figures;
mod headline;
mod order;
#[cfg(test)]
mod tests;

pub use figures::{COVERAGE_LOW, COVERAGE_MIN, Doubt, Figures, LossModel, Rules, UnknownPolicy};
pub use headline::{Absence, Headline, Kpi, headline};
pub use order::{OrderFigures, takt_s};

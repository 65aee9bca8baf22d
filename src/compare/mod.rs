//! Fair comparison of shifts, crews, products, equipment and periods.
//!
//! Raw means of two shifts differ because the shifts work with other staffing, on other machines, on other products.
//! [`compare`] estimates what is left when these are the same, says how sure that is and what explains the raw gap.
//!
//! 1. Records that cannot be compared are taken out and counted: incomplete ones, new products, groups of fewer than
//!    five persons, levels with fewer than 8 records or 5 production days.
//! 2. What cannot be separated is said, not guessed: crews that never rotate, machines that only one shift runs.
//! 3. A regression adjusts for the *context* (staffing by planning, equipment, product, environment), never for the
//!    *conduct* that the group controls itself. Rates: least squares; proportions: logistic; counts: Poisson or
//!    negative binomial; durations: least squares of the logarithm.
//! 4. Adjusted means by g-computation, differences with Tukey and Kramer's correction, robust errors.
//! 5. The raw gap is decomposed (Kitagawa, Oaxaca, Blinder).
//! 6. Hints name what the better level did differently: associated with, never the reason for it.
//!
//! Several metrics of the same records go through [`compare_metrics`], which bounds the share of false differences.
//!
//! Promises: deterministic (seeded), bounded work and memory, no p-value where the data are too few, no number that is
//! not finite. Never reports a person: factors that name persons are refused, and groups of fewer than five persons,
//! where their sizes are given, are pooled or left out.

mod adjusted;
mod analysis;
mod bootstrap;
mod design;
mod distribution;
mod error;
mod fit;
mod frame;
mod glm;
mod hints;
mod kitagawa;
mod load;
mod mixed;
mod moments;
mod multiple;
mod oaxaca;
mod ols;
mod orthogonal;
mod pairwise;
mod raw;
mod records;
mod report;
mod request;
mod screen;
mod study;
mod summary;
mod support;
#[cfg(test)]
mod tests;
mod tukey;
mod verdict;
mod wording;

pub use analysis::{compare, compare_metrics};
pub use error::CompareError;
pub use frame::{ColumnKind, Frame};
pub use multiple::{benjamini_hochberg, holm};
pub use report::{
    AdjustedMean, Coefficient, Composition, Covariance, Decomposition, Explained, Hint, Inference,
    Interval, LevelEffect, LevelReport, ModelReport, PairEstimate, PairReport, PairTest,
    RandomCrew, RecordCount, Report, SCHEMA, Verdict, VersusMean, WithoutCrew,
};
pub use request::{Better, Factor, FactorKind, NewProducts, Outcome, PERSONS_MIN, Request};
pub use tukey::{studentized_range_cdf, studentized_range_quantile};

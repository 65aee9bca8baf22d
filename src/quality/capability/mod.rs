//! Capability: whether a process in control can hold its specification.
//!
//! With `L`, `U` the specification limits, `T` the target, `m` the mean, `s` the standard deviation of all readings and
//! `s_w` that within subgroups (ISO 22514-2, Montgomery 2013, chapter 8):
//!
//! ```text
//! Cp  = (U - L) / 6 s_w     Cpu = (U - m) / 3 s_w    Cpl = (m - L) / 3 s_w    Cpk = min(Cpu, Cpl)
//! Pp, Ppu, Ppl, Ppk         the same with s
//! Cpm = (U - L) / (6 sqrt(s^2 + (m - T)^2))
//! interval of Cp            Cp sqrt(chi2_q(df) / df)                       (Kane 1986)
//! interval of Cpk           Cpk -+ z sqrt(1 / (9 n) + Cpk^2 / (2 df))      (Bissell 1990)
//! ```
//!
//! `df` is `n - 1` for `s`; for `s_w` it is `k (m - 1)` pooled, about `0.9 k (m - 1)` from ranges and about
//! `0.62 (n - 1)` from moving ranges. Readings that are not normal (Anderson-Darling, `p < 0.005`) are judged by
//! percentiles: `Ppk = (U - Q50) / (Q99.865 - Q50)` (ISO 22514-2).
//!
//! Never prints what the data do not carry: Cp and its kin only for a process in control, nothing below 10 readings,
//! nothing without a spread; the notes say why.

mod indices;
mod normality;
mod percentile;
mod specification;
mod within;

#[cfg(test)]
mod tests;

pub use indices::{
    Capability, CapabilityInput, CapabilityNote, ControlState, Indices, Share, Standing, capability,
};
pub use normality::{Normality, anderson_darling};
pub use percentile::PercentileIndices;
pub use specification::Specification;
pub use within::WithinSigma;

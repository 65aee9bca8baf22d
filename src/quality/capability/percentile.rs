//! Indices of readings that are not normal, from their percentiles.

use super::Specification;
use crate::model::quantile;
use crate::quality::number::{finite, ordered, ratio};

/// Share of a normal distribution below its mean less three standard deviations.
const TAIL: f64 = 0.001_35;
/// Readings from which a tail percentile is not merely the most extreme reading.
const READINGS_FOR_TAILS: usize = 1_000;

/// Indices by percentiles.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PercentileIndices {
    /// Percentile 0.135, in units of the data.
    pub low: f64,
    /// The median.
    pub median: f64,
    /// Percentile 99.865.
    pub high: f64,
    /// `(U - L) / (high - low)`; `None` of a one-sided specification.
    pub pp: Option<f64>,
    /// `(U - median) / (high - median)`.
    pub ppu: Option<f64>,
    /// `(median - L) / (median - low)`.
    pub ppl: Option<f64>,
    /// The smaller of the two.
    pub ppk: Option<f64>,
    /// Whether there are 1000 readings or more; with fewer the tails are the most extreme readings, and the indices
    /// rather too large.
    pub tails_known: bool,
}

impl PercentileIndices {
    /// Indices of readings; `None` of no readings.
    pub fn of(values: &[f64], specification: &Specification) -> Option<Self> {
        let ordered = ordered(values);
        let low = quantile(&ordered, TAIL)?;
        let median = quantile(&ordered, 0.5)?;
        let high = quantile(&ordered, 1.0 - TAIL)?;
        let pp = specification
            .width()
            .and_then(|width| ratio(width, high - low));
        let ppu = specification
            .usl()
            .and_then(|usl| ratio(usl - median, high - median));
        let ppl = specification
            .lsl()
            .and_then(|lsl| ratio(median - lsl, median - low));
        let known = (specification.usl().is_some() == ppu.is_some())
            && (specification.lsl().is_some() == ppl.is_some());
        let least = [ppu, ppl].into_iter().flatten().reduce(f64::min);
        Some(Self {
            low: finite(low)?,
            median: finite(median)?,
            high: finite(high)?,
            pp,
            ppu,
            ppl,
            ppk: least.filter(|_| known),
            tails_known: values.len() >= READINGS_FOR_TAILS,
        })
    }
}

//! Charts of counted events: nonconforming units and defects, also with Laney's widening.

use super::individuals::moving_ranges;
use super::panel::{Sketch, ruled};
use super::series::check_sizes;
use super::{ChartKind, Count, Panel, Statistic};
use crate::quality::constants::D2_OF_TWO;
use crate::quality::error::QualityError;
use crate::quality::number::{mean, ratio, tolerance};
use crate::quality::rules::RuleSet;

/// Limits of p, np and Laney p' charts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FractionLimits {
    /// Samples the limits are made of.
    pub k: usize,
    /// Units inspected in them.
    pub inspected: f64,
    /// Share of nonconforming units in all samples together, 0 to 1.
    pub fraction: f64,
    /// How many times as wide as binomial ones the limits are; 1 but for Laney p'.
    pub widening: f64,
    /// Units per sample, of an np chart.
    pub size: Option<f64>,
}

/// Limits of c, u and Laney u' charts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateLimits {
    /// Samples the limits are made of.
    pub k: usize,
    /// Units, or area, inspected in them.
    pub inspected: f64,
    /// Defects per unit in all samples together.
    pub rate: f64,
    /// How many times as wide as those of Poisson the limits are; 1 but for Laney u'.
    pub widening: f64,
    /// Units per sample, of a c chart.
    pub size: Option<f64>,
}

impl FractionLimits {
    /// Limits of a p chart; samples of size 0 are left out.
    pub fn p(counts: &[Count]) -> Result<Self, QualityError> {
        check_units(counts)?;
        let (k, events, inspected) = totals(counts)?;
        Ok(Self {
            k,
            inspected,
            fraction: events / inspected,
            widening: 1.0,
            size: None,
        })
    }

    /// Limits of an np chart: samples of one size.
    pub fn np(counts: &[Count]) -> Result<Self, QualityError> {
        let size = Some(one_size(counts, ChartKind::Np, ChartKind::P)?);
        Ok(Self {
            size,
            ..Self::p(counts)?
        })
    }

    /// Limits of a Laney p' chart.
    pub fn laney(counts: &[Count]) -> Result<Self, QualityError> {
        let plain = Self::p(counts)?;
        let widening = widening(counts, plain.fraction, |size| plain.sigma(size))?;
        Ok(Self { widening, ..plain })
    }

    fn sigma(&self, size: f64) -> f64 {
        self.widening
            * (self.fraction * (1.0 - self.fraction) / size)
                .max(0.0)
                .sqrt()
    }

    pub(crate) fn panel(&self, counts: &[Count], breaks: &[bool], rules: &RuleSet) -> Panel {
        let sketch = |count: &Count| match count.rate() {
            Some(rate) => {
                Sketch::not_negative(Some(rate), self.fraction, self.sigma(count.size)).at_most(1.0)
            }
            None => Sketch::missing(self.fraction),
        };
        let sketches: Vec<Sketch> = counts.iter().map(sketch).collect();
        ruled(Statistic::Fraction, &sketches, breaks, rules)
    }

    pub(crate) fn count_panel(&self, counts: &[Count], breaks: &[bool], rules: &RuleSet) -> Panel {
        let size = self.size.unwrap_or_default();
        let sketch = |count: &Count| match count.rate() {
            Some(_) => {
                let center = self.fraction * count.size;
                Sketch::not_negative(
                    Some(count.events as f64),
                    center,
                    self.sigma(count.size) * count.size,
                )
                .at_most(count.size)
            }
            None => Sketch::missing(self.fraction * size),
        };
        let sketches: Vec<Sketch> = counts.iter().map(sketch).collect();
        ruled(Statistic::Count, &sketches, breaks, rules)
    }
}

impl RateLimits {
    /// Limits of a u chart; samples of size 0 are left out.
    pub fn u(counts: &[Count]) -> Result<Self, QualityError> {
        check_sizes(counts)?;
        let (k, events, inspected) = totals(counts)?;
        let rate = ratio(events, inspected).ok_or(QualityError::NotAllowed {
            what: "the defects per unit",
            index: 0,
        })?;
        Ok(Self {
            k,
            inspected,
            rate,
            widening: 1.0,
            size: None,
        })
    }

    /// Limits of a c chart: samples of one size.
    pub fn c(counts: &[Count]) -> Result<Self, QualityError> {
        check_sizes(counts)?;
        let size = Some(one_size(counts, ChartKind::C, ChartKind::U)?);
        Ok(Self {
            size,
            ..Self::u(counts)?
        })
    }

    /// Limits of a Laney u' chart.
    pub fn laney(counts: &[Count]) -> Result<Self, QualityError> {
        let plain = Self::u(counts)?;
        let widening = widening(counts, plain.rate, |size| plain.sigma(size))?;
        Ok(Self { widening, ..plain })
    }

    fn sigma(&self, size: f64) -> f64 {
        self.widening * (self.rate / size).sqrt()
    }

    pub(crate) fn panel(&self, counts: &[Count], breaks: &[bool], rules: &RuleSet) -> Panel {
        let sketch = |count: &Count| match count.rate() {
            Some(rate) => Sketch::not_negative(Some(rate), self.rate, self.sigma(count.size)),
            None => Sketch::missing(self.rate),
        };
        let sketches: Vec<Sketch> = counts.iter().map(sketch).collect();
        ruled(Statistic::Rate, &sketches, breaks, rules)
    }

    pub(crate) fn count_panel(&self, counts: &[Count], breaks: &[bool], rules: &RuleSet) -> Panel {
        let size = self.size.unwrap_or_default();
        let sketch = |count: &Count| match count.rate() {
            Some(_) => {
                let center = self.rate * count.size;
                Sketch::not_negative(Some(count.events as f64), center, center.sqrt())
            }
            None => Sketch::missing(self.rate * size),
        };
        let sketches: Vec<Sketch> = counts.iter().map(sketch).collect();
        ruled(Statistic::Count, &sketches, breaks, rules)
    }
}

/// Scatter of the samples against what chance alone makes: the variance of the standardised rates over 1.
///
/// It is taken from moving ranges, so that single outliers and shifts of the level, which a chart is to find, hardly
/// count. `units` says whether events are nonconforming units (binomial) or defects (Poisson). `None` where the rate is
/// 0, or 1 of units, or no two samples are neighbours.
pub fn dispersion_ratio(counts: &[Count], units: bool) -> Option<f64> {
    let widening = if units {
        FractionLimits::laney(counts).ok()?.widening
    } else {
        RateLimits::laney(counts).ok()?.widening
    };
    Some(widening * widening)
}

fn widening(
    counts: &[Count],
    center: f64,
    sigma: impl Fn(f64) -> f64,
) -> Result<f64, QualityError> {
    let z = |count: &Count| ratio(count.rate()? - center, sigma(count.size));
    let z: Vec<Option<f64>> = counts.iter().map(z).collect();
    let breaks: Vec<bool> = counts.iter().map(|count| count.after_break).collect();
    let ranges: Vec<f64> = moving_ranges(&z, &breaks).into_iter().flatten().collect();
    let mean = mean(&ranges).ok_or(QualityError::TooFew {
        what: "a chart with limits from the scatter, in pairs of neighbouring samples with events,",
        have: 0,
        needed: 1,
    })?;
    Ok(mean / D2_OF_TWO)
}

fn totals(counts: &[Count]) -> Result<(usize, f64, f64), QualityError> {
    let sampled: Vec<&Count> = counts.iter().filter(|count| count.size > 0.0).collect();
    let events: f64 = sampled.iter().map(|count| count.events as f64).sum();
    let inspected: f64 = sampled.iter().map(|count| count.size).sum();
    if sampled.len() < 2 {
        return Err(QualityError::TooFew {
            what: "a chart of counts, in samples,",
            have: sampled.len(),
            needed: 2,
        });
    }
    if !inspected.is_finite() {
        return Err(QualityError::NotAllowed {
            what: "the sum of sample sizes",
            index: 0,
        });
    }
    Ok((sampled.len(), events, inspected))
}

/// Refuses more nonconforming units than units.
pub(super) fn check_units(counts: &[Count]) -> Result<(), QualityError> {
    check_sizes(counts)?;
    let bad = |count: &&Count| count.events as f64 > count.size;
    match counts.iter().enumerate().find(|(_, count)| bad(count)) {
        Some((index, count)) => Err(QualityError::MoreThanInspected {
            events: count.events,
            size: count.size,
            index,
        }),
        None => Ok(()),
    }
}

fn one_size(counts: &[Count], chart: ChartKind, instead: ChartKind) -> Result<f64, QualityError> {
    let mut sizes = counts
        .iter()
        .map(|count| count.size)
        .enumerate()
        .filter(|(_, size)| *size > 0.0);
    let expected = sizes.next().map_or(0.0, |(_, size)| size);
    let other = sizes.find(|(_, size)| (size - expected).abs() > tolerance(expected, 0.0));
    match other {
        None => Ok(expected),
        Some((index, size)) => Err(QualityError::UnequalSizes {
            chart,
            index,
            size,
            expected,
            instead,
        }),
    }
}

//! The indices and what may be said of them.

use std::fmt;

use super::{Normality, PercentileIndices, Specification, WithinSigma, anderson_darling};
use crate::quality::distribution::{chi_squared_quantile, normal_cdf, normal_quantile};
use crate::quality::error::QualityError;
use crate::quality::number::{deviation, finite, mean, ratio};

/// Fewer readings have no index.
const READINGS_MIN: usize = 10;
/// Fewer readings have indicative indices.
const READINGS_FULL: usize = 30;

/// Whether the process was in control while the readings were taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ControlState {
    /// The chart has no signal.
    InControl,
    /// The chart has signals: what the process could do is not known, only what it did.
    OutOfControl,
}

/// What capability is computed of.
#[derive(Debug, Clone, Copy)]
pub struct CapabilityInput<'a> {
    /// All readings, in units of the data.
    pub values: &'a [f64],
    /// What is allowed.
    pub specification: Specification,
    /// Standard deviation within subgroups; without it there are no Cp and Cpk.
    pub within: Option<WithinSigma>,
    /// Confidence of the intervals, in (0, 1).
    pub confidence: f64,
    /// Whether the process was in control.
    pub control: ControlState,
}

/// How much the indices are worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// 30 readings or more.
    Full,
    /// 10 to 29 readings.
    Indicative,
    /// Fewer than 10 readings, or no spread: no indices.
    Withheld,
}

impl Standing {
    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Indicative => "indicative",
            Self::Withheld => "withheld",
        }
    }
}

/// Indices with one standard deviation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Indices {
    /// The standard deviation.
    pub sigma: f64,
    /// Its degrees of freedom.
    pub df: f64,
    /// Cp or Pp; `None` of a one-sided specification.
    pub potential: Option<f64>,
    /// Cpu or Ppu.
    pub upper: Option<f64>,
    /// Cpl or Ppl.
    pub lower: Option<f64>,
    /// Cpk or Ppk: the smaller of those that the specification has.
    pub least: Option<f64>,
    /// Interval of `potential`.
    pub potential_ci: Option<(f64, f64)>,
    /// Interval of `least`.
    pub least_ci: Option<(f64, f64)>,
}

/// Readings outside the specification.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Share {
    /// Below the lower limit; `None` where there is none.
    pub below: Option<f64>,
    /// Above the upper limit; `None` where there is none.
    pub above: Option<f64>,
}

/// Why an index is missing, or to be read with care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CapabilityNote {
    /// Fewer than 10 readings.
    TooFew,
    /// Fewer than 30 readings.
    Few,
    /// All readings are equal.
    NoSpread,
    /// All readings within each subgroup are equal.
    NoSpreadWithin,
    /// The chart has signals.
    OutOfControl,
    /// No chart was drawn, or it gives no standard deviation within subgroups.
    NoWithin,
    /// Only one limit is specified.
    OneSided,
    /// The readings are not normal.
    NotNormal,
    /// Percentile indices rest on the most extreme readings.
    TailsUnknown,
}

impl CapabilityNote {
    /// Its name in reports.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooFew => "too_few_readings",
            Self::Few => "few_readings",
            Self::NoSpread => "no_spread",
            Self::NoSpreadWithin => "no_spread_within",
            Self::OutOfControl => "out_of_control",
            Self::NoWithin => "no_within_sigma",
            Self::OneSided => "one_sided",
            Self::NotNormal => "not_normal",
            Self::TailsUnknown => "tails_unknown",
        }
    }
}

impl fmt::Display for CapabilityNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooFew => "fewer than 10 readings: no index is given",
            Self::Few => "fewer than 30 readings: indices are indicative",
            Self::NoSpread => "all readings are equal: no index exists",
            Self::NoSpreadWithin => "readings within subgroups are equal: Cp and Cpk do not exist",
            Self::OutOfControl => {
                "the process is not in control: Pp and Ppk say what it did, Cp and Cpk are not given"
            }
            Self::NoWithin => "no standard deviation within subgroups: Cp and Cpk are not given",
            Self::OneSided => "one limit is specified: Cp, Pp and Cpm do not exist",
            Self::NotNormal => "the readings are not normal: use the indices by percentiles",
            Self::TailsUnknown => {
                "fewer than 1000 readings: the indices by percentiles rest on the most extreme readings"
            }
        })
    }
}

/// Capability of a characteristic.
#[derive(Debug, Clone, PartialEq)]
pub struct Capability {
    /// Readings.
    pub n: usize,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation, `n - 1`; `None` of one reading.
    pub sigma_overall: Option<f64>,
    /// What the indices are worth.
    pub standing: Standing,
    /// Pp, Ppu, Ppl, Ppk.
    pub overall: Option<Indices>,
    /// Cp, Cpu, Cpl, Cpk.
    pub within: Option<Indices>,
    /// Cpm; `None` without a target or a second limit.
    pub cpm: Option<f64>,
    /// Expected readings outside per million, of a normal distribution with the overall standard deviation.
    pub expected_ppm: Share,
    /// Readings that were outside.
    pub observed: Share,
    /// Readings that were outside, per million.
    pub observed_ppm: Share,
    /// The test of normality; `None` below 8 readings or without a spread.
    pub normality: Option<Normality>,
    /// Indices by percentiles, where the readings are not normal.
    pub percentile: Option<PercentileIndices>,
    /// What is missing or to be read with care.
    pub notes: Vec<CapabilityNote>,
}

/// Computes the capability of readings.
pub fn capability(input: &CapabilityInput<'_>) -> Result<Capability, QualityError> {
    check(input)?;
    let values = input.values;
    let what = "the spread of the readings";
    let outside = QualityError::NotAllowed { what, index: 0 };
    let mean = mean(values).ok_or_else(|| outside.clone())?;
    let sigma = deviation(values);
    if sigma.is_none() && values.len() > 1 {
        return Err(outside);
    }
    let spread = sigma.filter(|sigma| *sigma > 0.0);
    let standing = standing(values.len(), spread);
    let shown = spread.filter(|_| standing != Standing::Withheld);
    let normality = shown.and_then(|_| anderson_darling(values));
    let refuted = normality.is_some_and(|test| test.is_refuted());
    let percentile = shown
        .filter(|_| refuted)
        .and_then(|_| PercentileIndices::of(values, &input.specification));
    let df = values.len().saturating_sub(1) as f64;
    let within = shown
        .and(input.within)
        .filter(|within| within.sigma > 0.0 && input.control != ControlState::OutOfControl);
    let observed = observed(values, &input.specification);
    let per_million = |count: Option<f64>| count.map(|count| count * 1e6 / values.len() as f64);
    Ok(Capability {
        n: values.len(),
        mean,
        sigma_overall: sigma,
        standing,
        overall: shown.map(|sigma| indices(input, mean, sigma, df)),
        within: within.map(|within| indices(input, mean, within.sigma, within.df)),
        cpm: shown.and_then(|sigma| cpm(&input.specification, mean, sigma)),
        expected_ppm: shown.map_or_else(Share::default, |sigma| {
            expected(&input.specification, mean, sigma)
        }),
        observed,
        observed_ppm: Share {
            below: per_million(observed.below),
            above: per_million(observed.above),
        },
        normality,
        percentile,
        notes: notes(input, spread, percentile.as_ref()),
    })
}

fn check(input: &CapabilityInput<'_>) -> Result<(), QualityError> {
    if input.values.is_empty() {
        return Err(QualityError::TooFew {
            what: "capability, in readings,",
            have: 0,
            needed: 1,
        });
    }
    if let Some(index) = input.values.iter().position(|value| !value.is_finite()) {
        return Err(QualityError::NotAllowed {
            what: "the reading",
            index,
        });
    }
    let setting = |name, value, allowed| {
        Err(QualityError::Setting {
            name,
            value,
            allowed,
        })
    };
    if !(input.confidence > 0.0 && input.confidence < 1.0) {
        return setting("confidence", input.confidence, "above 0 below 1 is");
    }
    match input.within {
        Some(within) if !(within.sigma.is_finite() && within.sigma >= 0.0) => {
            setting("sigma within", within.sigma, "0 or more is")
        }
        Some(within) if !(within.df.is_finite() && within.df > 0.0) => {
            setting("degrees of freedom within", within.df, "above 0 is")
        }
        _ => Ok(()),
    }
}

fn standing(n: usize, spread: Option<f64>) -> Standing {
    if n < READINGS_MIN || spread.is_none() {
        Standing::Withheld
    } else if n < READINGS_FULL {
        Standing::Indicative
    } else {
        Standing::Full
    }
}

fn notes(
    input: &CapabilityInput<'_>,
    spread: Option<f64>,
    percentile: Option<&PercentileIndices>,
) -> Vec<CapabilityNote> {
    let n = input.values.len();
    let mut notes = Vec::new();
    let mut note = |holds: bool, note| {
        if holds {
            notes.push(note);
        }
    };
    note(n < READINGS_MIN, CapabilityNote::TooFew);
    note(
        (READINGS_MIN..READINGS_FULL).contains(&n),
        CapabilityNote::Few,
    );
    note(n > 1 && spread.is_none(), CapabilityNote::NoSpread);
    let out = input.control == ControlState::OutOfControl;
    note(out, CapabilityNote::OutOfControl);
    note(!out && input.within.is_none(), CapabilityNote::NoWithin);
    let flat = input.within.is_some_and(|within| within.sigma <= 0.0);
    note(spread.is_some() && flat, CapabilityNote::NoSpreadWithin);
    note(
        input.specification.width().is_none(),
        CapabilityNote::OneSided,
    );
    note(percentile.is_some(), CapabilityNote::NotNormal);
    let tails = percentile.is_some_and(|indices| !indices.tails_known);
    note(tails, CapabilityNote::TailsUnknown);
    notes
}

fn indices(input: &CapabilityInput<'_>, mean: f64, sigma: f64, df: f64) -> Indices {
    let specification = &input.specification;
    let potential = specification
        .width()
        .and_then(|width| ratio(width, 6.0 * sigma));
    let upper = specification
        .usl()
        .and_then(|usl| ratio(usl - mean, 3.0 * sigma));
    let lower = specification
        .lsl()
        .and_then(|lsl| ratio(mean - lsl, 3.0 * sigma));
    let least = [upper, lower].into_iter().flatten().reduce(f64::min);
    let tail = (1.0 - input.confidence) / 2.0;
    Indices {
        sigma,
        df,
        potential,
        upper,
        lower,
        least,
        potential_ci: potential.and_then(|index| potential_interval(index, df, tail)),
        least_ci: least.and_then(|index| least_interval(index, (input.values.len(), df), tail)),
    }
}

fn potential_interval(index: f64, df: f64, tail: f64) -> Option<(f64, f64)> {
    let at = |p: f64| chi_squared_quantile(p, df).map(|quantile| index * (quantile / df).sqrt());
    at(tail).zip(at(1.0 - tail))
}

fn least_interval(index: f64, (n, df): (usize, f64), tail: f64) -> Option<(f64, f64)> {
    let error = (1.0 / (9.0 * n as f64) + index * index / (2.0 * df)).sqrt();
    let reach = finite(normal_quantile(1.0 - tail)? * error)?;
    Some((index - reach, index + reach))
}

fn cpm(specification: &Specification, mean: f64, sigma: f64) -> Option<f64> {
    let (width, target) = specification.width().zip(specification.target())?;
    ratio(width, 6.0 * sigma.hypot(mean - target))
}

fn expected(specification: &Specification, mean: f64, sigma: f64) -> Share {
    let beyond = |distance: f64| 1e6 * normal_cdf(-distance / sigma);
    Share {
        below: specification.lsl().map(|lsl| beyond(mean - lsl)),
        above: specification.usl().map(|usl| beyond(usl - mean)),
    }
}

fn observed(values: &[f64], specification: &Specification) -> Share {
    let count = |outside: &dyn Fn(f64) -> bool| {
        values.iter().filter(|value| outside(**value)).count() as f64
    };
    Share {
        below: specification
            .lsl()
            .map(|_| count(&|value| specification.is_below(value))),
        above: specification
            .usl()
            .map(|_| count(&|value| specification.is_above(value))),
    }
}

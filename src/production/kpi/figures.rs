//! The ratios of sums, by one set of rules.

use std::time::Duration;

use super::super::elements::{Elements, Output};
use super::super::span::ratio;

/// Below this share of time with data a figure has low confidence.
pub const COVERAGE_LOW: f64 = 0.9;
/// Below this share of time with data a figure is withheld.
pub const COVERAGE_MIN: f64 = 0.5;
/// Effectiveness is above 1 when it is so by more than rounding.
const ROUNDING: f64 = 1e-9;

/// Where the time of minor stops goes. OEE is the same in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LossModel {
    /// A delay: they lower availability.
    #[default]
    Iso22400,
    /// Inside producing time: they lower effectiveness.
    Tpm,
}

impl LossModel {
    /// The name used in config and on every report.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Iso22400 => "iso22400",
            Self::Tpm => "tpm",
        }
    }

    /// The inverse of [`LossModel::as_str`].
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Iso22400, Self::Tpm]
            .into_iter()
            .find(|model| model.as_str() == name)
    }
}

/// What time without data is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownPolicy {
    /// Neither: it is left out of the busy time.
    #[default]
    Exclude,
    /// Downtime.
    AsDown,
    /// Producing time.
    AsRun,
}

/// By what figures are computed; stands on every report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rules {
    /// Where minor stops go.
    pub model: LossModel,
    /// Where time without data goes.
    pub unknown: UnknownPolicy,
}

/// What speaks against a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doubt {
    /// Pieces were made faster than the ideal cycle allows: it, or the count, is wrong.
    EffectivenessAbove1,
    /// Data covers less than 90 % of the busy time.
    LowConfidence,
    /// Data covers less than half of the busy time.
    Withheld,
    /// Some pieces have no ideal cycle.
    NoIdealCycle,
}

impl Doubt {
    /// The name used in JSON and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EffectivenessAbove1 => "effectiveness_above_1",
            Self::LowConfidence => "low_confidence",
            Self::Withheld => "withheld",
            Self::NoIdealCycle => "no_ideal_cycle",
        }
    }
}

/// Times, pieces and ratios by one set of rules. Times in seconds, ratios as fractions.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// By what they were computed.
    pub rules: Rules,
    /// Planned operation time.
    pub pot_s: f64,
    /// Planned downtime.
    pub pdot_s: f64,
    /// Planned busy time.
    pub pbt_s: f64,
    /// The busy time that ratios are of: without the unknown when that is excluded.
    pub pbt_effective_s: f64,
    /// Actual production time by the loss model.
    pub apt_s: f64,
    /// Actual unit setup time.
    pub aust_s: f64,
    /// Actual unit delay time: stops, external waits, and by `iso22400` minor stops.
    pub adet_s: f64,
    /// Part of the busy time without data.
    pub unknown_s: f64,
    /// PQ, SQ, RQ and standard times.
    pub output: Output,
    /// FPT: sum(PRU * GQ).
    pub fully_productive_s: Option<f64>,
    /// Sum(PRU * (SQ + RQ)).
    pub quality_loss_s: Option<f64>,
    /// APT - sum(PRU * PQ); negative when effectiveness is above 1.
    pub speed_loss_s: Option<f64>,
    /// APT / PBT.
    pub availability: Option<f64>,
    /// Sum(PRU * PQ) / APT.
    pub effectiveness: Option<f64>,
    /// Sum(PRU * GQ) / sum(PRU * PQ).
    pub quality_ratio: Option<f64>,
    /// GQ / PQ: the quality ratio of one product.
    pub quality_ratio_count: Option<f64>,
    /// Overall equipment effectiveness.
    pub oee: Option<f64>,
    /// Net equipment effectiveness: setup is no loss.
    pub nee: Option<f64>,
    /// APT / (PBT - external): availability without what others cause.
    pub stand_alone_availability: Option<f64>,
    /// AUBT / PBT: share of the busy time with an order.
    pub allocation_efficiency: Option<f64>,
    /// APT / AUBT.
    pub utilization_efficiency: Option<f64>,
    /// APT / (APT + ADET).
    pub technical_efficiency: Option<f64>,
    /// AUST / (APT + AUST).
    pub setup_ratio: Option<f64>,
    /// SQ / PQ.
    pub scrap_ratio: Option<f64>,
    /// RQ / PQ.
    pub rework_ratio: Option<f64>,
    /// PQ / APT in pieces per second.
    pub production_rate_per_s: Option<f64>,
    /// Share of the busy time with data, 0 to 1.
    pub coverage: Option<f64>,
    /// What speaks against them.
    pub doubts: Vec<Doubt>,
}

impl Figures {
    /// Figures of sums. The values are as they are, whatever the coverage; [`super::headline()`] withholds.
    pub fn of(elements: &Elements, output: &Output, rules: Rules) -> Self {
        let times = Times::of(elements, rules);
        let Times { pbt, apt, .. } = times;
        let rated = |value: f64| (is_rated(output) && value.is_finite()).then_some(value);
        let delay = times.delay;
        let busy = apt + times.setup + delay;
        let effectiveness = rated(output.standard_s).and_then(|s| ratio(s, apt));
        let quality = rated(output.standard_good_s).and_then(|s| ratio(s, output.standard_s));
        let coverage = ratio(elements.unknown.as_secs_f64(), times.pbt_all).map(|u| 1.0 - u);
        let processing = ratio(apt + times.setup, pbt);
        Self {
            rules,
            pot_s: elements.pot().as_secs_f64(),
            pdot_s: elements.planned.as_secs_f64(),
            pbt_s: times.pbt_all,
            pbt_effective_s: pbt,
            apt_s: apt,
            aust_s: times.setup,
            adet_s: delay,
            unknown_s: elements.unknown.as_secs_f64(),
            output: *output,
            fully_productive_s: rated(output.standard_good_s),
            quality_loss_s: rated(output.standard_s - output.standard_good_s),
            speed_loss_s: rated(apt - output.standard_s),
            availability: ratio(apt, pbt),
            effectiveness,
            quality_ratio: quality,
            quality_ratio_count: ratio(output.good(), output.pieces),
            oee: rated(output.standard_good_s).and_then(|s| ratio(s, pbt)),
            nee: product(&[processing, effectiveness, quality]),
            stand_alone_availability: ratio(apt, pbt - elements.external.as_secs_f64()),
            allocation_efficiency: ratio(busy, pbt),
            utilization_efficiency: ratio(apt, busy),
            technical_efficiency: ratio(apt, apt + delay),
            setup_ratio: ratio(times.setup, apt + times.setup),
            scrap_ratio: ratio(output.scrap, output.pieces),
            rework_ratio: ratio(output.rework, output.pieces),
            production_rate_per_s: ratio(output.pieces, apt),
            coverage,
            doubts: doubts(effectiveness, coverage, is_rated(output)),
        }
    }

    /// Total effective equipment performance: sum(PRU * GQ) by all of the calendar's time; `None` where neither
    /// busy time nor a piece is known.
    pub fn teep(&self, calendar: Duration) -> Option<f64> {
        let is_known = |productive: &f64| self.pbt_effective_s > 0.0 || *productive > 0.0;
        let productive = self.fully_productive_s.filter(is_known)?;
        ratio(productive, calendar.as_secs_f64())
    }
}

struct Times {
    pbt_all: f64,
    pbt: f64,
    apt: f64,
    setup: f64,
    delay: f64,
}

impl Times {
    fn of(elements: &Elements, rules: Rules) -> Self {
        let Elements {
            mut run, unknown, ..
        } = *elements;
        let mut delay = elements.stop.saturating_add(elements.external);
        match rules.model {
            LossModel::Iso22400 => delay = delay.saturating_add(elements.minor),
            LossModel::Tpm => run = run.saturating_add(elements.minor),
        }
        let mut pbt = elements.pbt();
        match rules.unknown {
            UnknownPolicy::Exclude => pbt = pbt.saturating_sub(unknown),
            UnknownPolicy::AsRun => run = run.saturating_add(unknown),
            UnknownPolicy::AsDown => {}
        }
        Self {
            pbt_all: elements.pbt().as_secs_f64(),
            pbt: pbt.as_secs_f64(),
            apt: run.as_secs_f64(),
            setup: elements.setup.as_secs_f64(),
            delay: delay.as_secs_f64(),
        }
    }
}

fn is_rated(output: &Output) -> bool {
    output.unrated == 0.0
}

fn product(factors: &[Option<f64>]) -> Option<f64> {
    factors
        .iter()
        .copied()
        .try_fold(1.0, |product, f| Some(product * f?))
}

fn doubts(effectiveness: Option<f64>, coverage: Option<f64>, is_rated: bool) -> Vec<Doubt> {
    let below = |limit: f64| coverage.is_some_and(|c| c < limit);
    let above = effectiveness.is_some_and(|e| e > 1.0 + ROUNDING);
    [
        (above, Doubt::EffectivenessAbove1),
        (below(COVERAGE_LOW), Doubt::LowConfidence),
        (below(COVERAGE_MIN), Doubt::Withheld),
        (!is_rated, Doubt::NoIdealCycle),
    ]
    .into_iter()
    .filter_map(|(is, doubt)| is.then_some(doubt))
    .collect()
}

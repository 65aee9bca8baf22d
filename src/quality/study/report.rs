//! The report of a study: a format of its own, made to be written as JSON or as tables.

use serde::Serialize;

use crate::model::Timestamp;
use crate::quality::capability::{Capability, Indices, PercentileIndices};
use crate::quality::charts::{Chart, Panel};
use crate::quality::phase::{AssignableCause, ParametersV1};

/// A study, layout 1. Times are RFC 3339 in UTC; what does not exist is null.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SpcReport {
    /// 1.
    pub schema: u32,
    /// The characteristic.
    pub characteristic: String,
    /// The product; `several` on a chart of deviations from nominal.
    pub product: String,
    /// The machine.
    pub machine: String,
    /// The chart by name.
    pub chart: String,
    /// Why this chart.
    pub chart_reason: String,
    /// Where the limits come from.
    pub phase: PhaseReport,
    /// The numbers the chart is drawn from.
    pub limits: ParametersV1,
    /// The panels: level first, spread second.
    pub panels: Vec<PanelReport>,
    /// All signals in order of time.
    pub signals: Vec<SignalReport>,
    /// Whether there is none, but for explained ones.
    pub in_control: bool,
    /// Lag-one autocorrelation of the level, -1 to 1.
    pub autocorrelation: Option<f64>,
    /// Scatter of counts over that of chance.
    pub dispersion_ratio: Option<f64>,
    /// Points left out of the limits.
    pub excluded: Vec<ExcludedReport>,
    /// Capability; null of counts and without a specification.
    pub capability: Option<CapabilityReport>,
    /// What the reader must know.
    pub warnings: Vec<WarningReport>,
}

/// Where limits come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PhaseReport {
    /// `trial`: learned here from too little; `learned`: learned here from enough; `monitoring`: limits in force.
    pub name: &'static str,
    /// Samples that made them.
    pub subgroups: usize,
    /// Readings or units in these.
    pub observations: Option<usize>,
    /// Samples it takes to freeze them.
    pub subgroups_needed: usize,
    /// Readings or units it takes.
    pub observations_needed: usize,
    /// Version in force.
    pub version: Option<u32>,
    /// Whether the version in force is frozen.
    pub frozen: bool,
    /// In force from.
    pub since: Option<String>,
}

/// One plotted statistic.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PanelReport {
    /// What is plotted.
    pub statistic: &'static str,
    /// The run rules it was read with.
    pub rules: Vec<&'static str>,
    /// Its points.
    pub points: Vec<PointReport>,
}

/// One point.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PointReport {
    /// Its place, from 0.
    pub index: usize,
    /// When.
    pub at: String,
    /// What is plotted.
    pub value: Option<f64>,
    /// Centre line.
    pub center: f64,
    /// Lower control limit.
    pub lcl: Option<f64>,
    /// Upper control limit.
    pub ucl: Option<f64>,
    /// Distance from the centre line in standard deviations.
    pub z: Option<f64>,
    /// Whether the process was set up anew before it.
    pub after_break: bool,
    /// Whether it was left out of limits, runs and capability for an assignable cause; it is still shown.
    pub excluded: bool,
}

/// One signal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignalReport {
    /// What was plotted.
    pub statistic: &'static str,
    /// The rule by name.
    pub rule: &'static str,
    /// The rule in words.
    pub meaning: &'static str,
    /// The completing point, from 0.
    pub index: usize,
    /// Its time.
    pub at: String,
    /// First point of the pattern.
    pub from_index: usize,
    /// Its time.
    pub from_at: String,
    /// `above` or `below`; null where the pattern has no side.
    pub side: Option<&'static str>,
    /// Whether the completing point was left out for an assignable cause; the process then still counts as in control.
    pub explained: bool,
}

/// A point left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExcludedReport {
    /// Time of the point.
    pub at: String,
    /// The cause.
    pub cause: String,
    /// Who recorded it.
    pub recorded_by: String,
    /// When.
    pub recorded_at: String,
}

/// Something the reader must know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WarningReport {
    /// Its name.
    pub code: &'static str,
    /// In words.
    pub text: String,
}

/// Capability.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CapabilityReport {
    /// Readings.
    pub n: usize,
    /// Lower specification limit.
    pub lsl: Option<f64>,
    /// Upper specification limit.
    pub usl: Option<f64>,
    /// Target.
    pub target: Option<f64>,
    /// `full`, `indicative` or `withheld`.
    pub standing: &'static str,
    /// Mean.
    pub mean: f64,
    /// Standard deviation of all readings.
    pub sigma_overall: Option<f64>,
    /// How the standard deviation within subgroups was estimated.
    pub within_method: Option<&'static str>,
    /// Confidence of the intervals.
    pub confidence: f64,
    /// Pp, Ppu, Ppl, Ppk.
    pub overall: Option<IndicesReport>,
    /// Cp, Cpu, Cpl, Cpk.
    pub within: Option<IndicesReport>,
    /// Cpm.
    pub cpm: Option<f64>,
    /// Expected per million below the lower limit, of normal readings.
    pub expected_ppm_below: Option<f64>,
    /// Expected per million above the upper limit, of normal readings.
    pub expected_ppm_above: Option<f64>,
    /// Observed per million below the lower limit.
    pub observed_ppm_below: Option<f64>,
    /// Observed per million above the upper limit.
    pub observed_ppm_above: Option<f64>,
    /// Anderson-Darling statistic.
    pub normality_statistic: Option<f64>,
    /// Its p value.
    pub normality_p: Option<f64>,
    /// Indices by percentiles, where readings are not normal.
    pub percentile: Option<PercentileReport>,
    /// What is missing or to be read with care.
    pub notes: Vec<WarningReport>,
}

/// Indices with one standard deviation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct IndicesReport {
    /// The standard deviation.
    pub sigma: f64,
    /// Its degrees of freedom.
    pub df: f64,
    /// Cp or Pp.
    pub potential: Option<f64>,
    /// Its interval.
    pub potential_ci: Option<(f64, f64)>,
    /// Cpu or Ppu.
    pub upper: Option<f64>,
    /// Cpl or Ppl.
    pub lower: Option<f64>,
    /// Cpk or Ppk.
    pub least: Option<f64>,
    /// Its interval.
    pub least_ci: Option<(f64, f64)>,
}

/// Indices by percentiles.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PercentileReport {
    /// Percentile 0.135.
    pub low: f64,
    /// Median.
    pub median: f64,
    /// Percentile 99.865.
    pub high: f64,
    /// Pp.
    pub pp: Option<f64>,
    /// Ppu.
    pub ppu: Option<f64>,
    /// Ppl.
    pub ppl: Option<f64>,
    /// Ppk.
    pub ppk: Option<f64>,
}

impl From<&Indices> for IndicesReport {
    fn from(of: &Indices) -> Self {
        Self {
            sigma: of.sigma,
            df: of.df,
            potential: of.potential,
            potential_ci: of.potential_ci,
            upper: of.upper,
            lower: of.lower,
            least: of.least,
            least_ci: of.least_ci,
        }
    }
}

impl From<&PercentileIndices> for PercentileReport {
    fn from(of: &PercentileIndices) -> Self {
        Self {
            low: of.low,
            median: of.median,
            high: of.high,
            pp: of.pp,
            ppu: of.ppu,
            ppl: of.ppl,
            ppk: of.ppk,
        }
    }
}

impl From<&AssignableCause> for ExcludedReport {
    fn from(of: &AssignableCause) -> Self {
        Self {
            at: of.point_at().to_string(),
            cause: of.cause().to_owned(),
            recorded_by: of.recorded_by().to_owned(),
            recorded_at: of.recorded_at().to_string(),
        }
    }
}

impl CapabilityReport {
    pub(super) fn of(
        capability: &Capability,
        input: &crate::quality::capability::CapabilityInput<'_>,
    ) -> Self {
        let notes = capability.notes.iter().map(|note| WarningReport {
            code: note.code(),
            text: note.to_string(),
        });
        Self {
            n: capability.n,
            lsl: input.specification.lsl(),
            usl: input.specification.usl(),
            target: input.specification.target(),
            standing: capability.standing.name(),
            mean: capability.mean,
            sigma_overall: capability.sigma_overall,
            within_method: capability
                .within
                .and(input.within)
                .map(|within| within.method),
            confidence: input.confidence,
            overall: capability.overall.as_ref().map(IndicesReport::from),
            within: capability.within.as_ref().map(IndicesReport::from),
            cpm: capability.cpm,
            expected_ppm_below: capability.expected_ppm.below,
            expected_ppm_above: capability.expected_ppm.above,
            observed_ppm_below: capability.observed_ppm.below,
            observed_ppm_above: capability.observed_ppm.above,
            normality_statistic: capability.normality.map(|test| test.statistic),
            normality_p: capability.normality.map(|test| test.p),
            percentile: capability.percentile.as_ref().map(PercentileReport::from),
            notes: notes.collect(),
        }
    }
}

/// What is marked on the points of a chart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Marks<'a> {
    pub(super) times: &'a [Timestamp],
    pub(super) breaks: &'a [bool],
    pub(super) excluded: &'a [bool],
}

impl Marks<'_> {
    fn time(&self, index: usize) -> String {
        self.times
            .get(index)
            .map(Timestamp::to_string)
            .unwrap_or_default()
    }

    fn is_excluded(&self, index: usize) -> bool {
        self.excluded.get(index).copied().unwrap_or(false)
    }
}

/// A panel; points that were left out are shown as in `full`, where nothing was.
pub(super) fn panel(clean: &Panel, full: &Panel, marks: &Marks<'_>) -> PanelReport {
    let pairs = clean.points.iter().zip(&full.points).enumerate();
    let points = pairs.map(|(index, (clean, full))| {
        let excluded = marks.is_excluded(index);
        let point = if excluded { full } else { clean };
        PointReport {
            index,
            at: marks.time(index),
            value: point.value,
            center: point.center,
            lcl: point.lcl,
            ucl: point.ucl,
            z: point.z,
            after_break: marks.breaks.get(index).copied().unwrap_or(false),
            excluded,
        }
    });
    PanelReport {
        statistic: clean.statistic.name(),
        rules: clean.rules.names(),
        points: points.collect(),
    }
}

/// The signals of the chart, and those of points that were left out, from `full`, where they were not.
pub(super) fn signals(chart: &Chart, full: &Chart, marks: &Marks<'_>) -> Vec<SignalReport> {
    let mut signals: Vec<SignalReport> = Vec::new();
    for (clean, full) in chart.panels.iter().zip(&full.panels) {
        let left_out = full
            .signals
            .iter()
            .filter(|signal| !signal.rule.is_pattern() && marks.is_excluded(signal.index));
        let all = clean.signals.iter().chain(left_out);
        signals.extend(all.map(|signal| SignalReport {
            statistic: clean.statistic.name(),
            rule: signal.rule.name(),
            meaning: signal.rule.describe(),
            index: signal.index,
            at: marks.time(signal.index),
            from_index: signal.from,
            from_at: marks.time(signal.from),
            side: signal.side.map(crate::quality::rules::Side::name),
            explained: marks.is_excluded(signal.index),
        }));
    }
    // Stable: the level before the spread at the same point.
    signals.sort_by_key(|signal| signal.index);
    signals
}

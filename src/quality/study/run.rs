//! The steps of a study.

use super::prepare::{Prepared, prepare};
use super::report::{CapabilityReport, ExcludedReport, Marks, panel, signals};
use super::warning::{Grounds, warnings};
use super::{Observation, PhaseReport, SpcReport, Study};
use crate::model::Timestamp;
use crate::quality::capability::{CapabilityInput, ControlState, WithinSigma, capability};
use crate::quality::charts::{
    Chart, ChartKind, IndividualLimits, Series, Statistic, Subgroup, SubgroupLimits,
};
use crate::quality::error::QualityError;
use crate::quality::phase::{
    AssignableCause, ParametersV1, PhaseOne, PhaseOnePlan, lag_one_autocorrelation, without,
};
use crate::quality::rules::RuleSet;
use crate::quality::window::{ProductionWindow, TransportLag, windows_of_signals};

/// Layout of the report.
const SCHEMA: u32 = 1;

/// The result of a study.
#[derive(Debug, Clone, PartialEq)]
pub struct Studied {
    /// What is shown.
    pub report: SpcReport,
    /// The chart, e.g. for the windows of its signals.
    pub chart: Chart,
    /// Time of each point.
    pub times: Vec<Timestamp>,
    /// Limits that were learned here, to be tried out or frozen; `None` where limits are in force.
    pub learned: Option<PhaseOne>,
}

impl Studied {
    /// The production windows of all signals that have no recorded cause, merged where they overlap, oldest first.
    pub fn windows(&self, lag: TransportLag) -> Vec<ProductionWindow> {
        let signals = self
            .chart
            .panels
            .iter()
            .flat_map(|panel| panel.signals.iter().copied());
        let panels = self.report.panels.first();
        let points = panels.into_iter().flat_map(|panel| &panel.points);
        let breaks: Vec<bool> = points.map(|point| point.after_break).collect();
        windows_of_signals((&self.times, &breaks), &signals.collect::<Vec<_>>(), lag)
    }
}

/// Studies samples of one product on one machine; of several products where deviations from nominal are charted.
pub fn run_study(study: &Study, observations: &[Observation]) -> Result<Studied, QualityError> {
    let prepared = prepare(study, observations)?;
    let plan = PhaseOnePlan {
        kind: prepared.kind,
        design: study.design,
        rules: rules(study, prepared.kind),
    };
    if let Some(version) = &study.in_force {
        let (report, chart) = reported(study, &prepared, (&version.learned, &plan.rules))?;
        return Ok(Studied {
            report,
            chart,
            times: prepared.times,
            learned: None,
        });
    }
    let learned = learn(study, &plan, &prepared)?;
    let (report, chart) = reported(study, &prepared, (&learned, &plan.rules))?;
    Ok(Studied {
        report,
        chart,
        times: prepared.times,
        learned: Some(learned),
    })
}

/// Draws the series against the limits of `source` and reports on it.
fn reported(
    study: &Study,
    prepared: &Prepared,
    (source, rules): (&PhaseOne, &RuleSet),
) -> Result<(SpcReport, Chart), QualityError> {
    let out = |time: &Timestamp| study.causes.iter().any(|cause| cause.point_at() == *time);
    let excluded: Vec<bool> = prepared.times.iter().map(out).collect();
    let drawn = without(&prepared.series, &excluded);
    let chart = source.limits.draw(&drawn, rules)?;
    let full = source.limits.draw(&prepared.series, rules)?;
    let breaks = drawn.breaks();
    let marks = Marks {
        times: &prepared.times,
        breaks: &breaks,
        excluded: &excluded,
    };
    let is_trial = match &study.in_force {
        Some(version) => !version.frozen,
        None => source.check(study.freeze).is_err(),
    };
    let grounds = Grounds {
        prepared,
        learned: source,
        is_learned_here: study.in_force.is_none(),
        is_trial,
        chart: &chart,
        autocorrelation: autocorrelation(&chart, &breaks),
    };
    let used = |cause: &&AssignableCause| prepared.times.contains(&cause.point_at());
    let pairs = chart.panels.iter().zip(&full.panels);
    let report = SpcReport {
        schema: SCHEMA,
        characteristic: study.characteristic.clone(),
        product: prepared.product.clone(),
        machine: prepared.machine.clone(),
        chart: prepared.kind.name().to_owned(),
        chart_reason: prepared.reason.clone(),
        phase: phase(study, source, is_trial),
        limits: ParametersV1::from(&source.limits),
        panels: pairs
            .map(|(clean, full)| panel(clean, full, &marks))
            .collect(),
        signals: signals(&chart, &full, &marks),
        in_control: chart.is_in_control(),
        autocorrelation: grounds.autocorrelation,
        dispersion_ratio: prepared.dispersion,
        excluded: study
            .causes
            .iter()
            .filter(used)
            .map(ExcludedReport::from)
            .collect(),
        capability: capable(study, &drawn, &chart)?,
        warnings: warnings(&grounds),
    };
    Ok((report, chart))
}

/// The rules asked for, those stored with the limits in force, or the default of the chart.
fn rules(study: &Study, kind: ChartKind) -> RuleSet {
    let stored = study
        .in_force
        .as_ref()
        .map(|version| version.learned.rules.clone());
    let level = match kind {
        ChartKind::XbarR | ChartKind::XbarS => Statistic::Mean,
        ChartKind::IndividualsMr => Statistic::Individual,
        ChartKind::TimeBetween => Statistic::TimeBetweenEvents,
        ChartKind::Ewma | ChartKind::Cusum => Statistic::Ewma,
        _ => Statistic::Count,
    };
    study
        .rules
        .clone()
        .or(stored)
        .unwrap_or_else(|| RuleSet::default_for(level))
}

fn learn(
    study: &Study,
    plan: &PhaseOnePlan,
    prepared: &Prepared,
) -> Result<PhaseOne, QualityError> {
    let late = |time: &Timestamp| study.learn_until.is_some_and(|until| *time > until);
    let late: Vec<bool> = prepared.times.iter().map(late).collect();
    let base = without(&prepared.series, &late);
    PhaseOne::learn(plan, &prepared.times, &base, &study.causes)
}

fn phase(study: &Study, source: &PhaseOne, is_trial: bool) -> PhaseReport {
    let version = study.in_force.as_ref();
    PhaseReport {
        name: match (version, is_trial) {
            (Some(_), _) => "monitoring",
            (None, true) => "trial",
            (None, false) => "learned",
        },
        subgroups: source.subgroups,
        observations: source.observations,
        subgroups_needed: study.freeze.subgroups_min,
        observations_needed: study.freeze.observations_min,
        version: version.map(|version| version.version),
        frozen: version.is_some_and(|version| version.frozen),
        since: version.map(|version| version.change.at().to_string()),
    }
}

/// Of what is plotted; moving averages and sums depend on their neighbours by design.
fn autocorrelation(chart: &Chart, breaks: &[bool]) -> Option<f64> {
    if matches!(chart.kind, ChartKind::Ewma | ChartKind::Cusum) {
        return None;
    }
    let values: Vec<Option<f64>> = chart
        .panels
        .first()?
        .points
        .iter()
        .map(|point| point.value)
        .collect();
    lag_one_autocorrelation(&values, breaks)
}

fn capable(
    study: &Study,
    series: &Series,
    chart: &Chart,
) -> Result<Option<CapabilityReport>, QualityError> {
    let between = matches!(chart.kind, ChartKind::G | ChartKind::TimeBetween);
    let (Series::Measured(groups), Some(specification), false) =
        (series, study.specification, between)
    else {
        return Ok(None);
    };
    let values: Vec<f64> = groups
        .iter()
        .flat_map(|group| group.readings.iter().copied())
        .collect();
    if values.is_empty() {
        return Ok(None);
    }
    let control = if chart.is_in_control() {
        ControlState::InControl
    } else {
        ControlState::OutOfControl
    };
    let input = CapabilityInput {
        values: &values,
        specification,
        within: within(chart.kind, groups),
        confidence: study.confidence,
        control,
    };
    Ok(Some(CapabilityReport::of(&capability(&input)?, &input)))
}

/// The spread within the subgroups that are studied, whatever limits they are drawn against.
fn within(kind: ChartKind, groups: &[Subgroup]) -> Option<WithinSigma> {
    let single = groups.iter().all(|group| group.readings.len() <= 1);
    if single {
        let limits = IndividualLimits::fit(groups).ok()?;
        return Some(WithinSigma::from_moving_ranges(&limits));
    }
    if kind == ChartKind::XbarR
        && let Ok(limits) = SubgroupLimits::from_ranges(groups)
    {
        return Some(WithinSigma::from_ranges(&limits));
    }
    let limits = SubgroupLimits::from_deviations(groups).ok()?;
    Some(WithinSigma::from_deviations(&limits))
}

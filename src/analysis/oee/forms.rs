//! The forms of a question about production figures, and of its answer.

use std::collections::BTreeMap;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::analysis::line::LineFigures;
use crate::analysis::period::Period;
use crate::production::cycle::CycleStatistics;
use crate::production::kpi::Headline;

/// By what figures are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum GroupBy {
    /// Each machine.
    #[default]
    WorkUnit,
    /// Lines as they are configured, else what stands above the machines.
    Line,
    /// Shifts of one name.
    Shift,
    /// Crews.
    Crew,
    /// Products.
    Product,
    /// Orders.
    Order,
    /// Production days.
    Day,
    /// Weeks of production days, by their Monday.
    Week,
    /// Months of production days.
    Month,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OeeQuestion {
    /// Of when.
    pub period: Period,
    /// Names of work units; all when none are named.
    pub work_units: Vec<String>,
    /// By what.
    pub by: GroupBy,
    /// `iso22400` or `tpm`; that of the configuration when it is left out.
    pub model: Option<String>,
    /// Level of the reason tree that the Pareto groups by, 1 at the top; by reason when it is left out.
    pub level: Option<usize>,
}

/// Figures of a period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OeeAnswer {
    /// Version of this form.
    pub schema: u32,
    /// First moment.
    pub from: String,
    /// First moment after.
    pub to: String,
    /// Where minor stops go: `iso22400` or `tpm`.
    pub model: String,
    /// Work units asked for.
    pub work_units: usize,
    /// Those of them that were scheduled at all.
    pub scheduled: usize,
    /// Shifts of work units whose figures are not stated yet and may change.
    pub provisional: usize,
    /// By group, in their order.
    pub rows: Vec<OeeRow>,
    /// Sum of all.
    pub total: OeeRow,
    /// Downtime by cause, largest first.
    pub pareto: Vec<Cause>,
    /// Share of downtime that has a reason.
    pub coded: Option<f64>,
    /// Reasons that were given and cannot be used, in words.
    pub refused_reasons: Vec<String>,
    /// Rejects that were found late and are in no figure, in words.
    #[serde(default)]
    pub refused_rejects: Vec<String>,
    /// Shifts of work units whose stated figures cannot be read: they are in none of these.
    #[serde(default)]
    pub unreadable: Vec<String>,
}

/// Figures of one group. Times in seconds, ratios as fractions; what is undefined is null.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OeeRow {
    /// Which group.
    pub group: String,
    /// Overall equipment effectiveness.
    pub oee: Figure,
    /// Availability.
    pub availability: Figure,
    /// Effectiveness (performance).
    pub effectiveness: Figure,
    /// Quality ratio.
    pub quality_ratio: Figure,
    /// Net equipment effectiveness.
    pub nee: Figure,
    /// Fully productive time by calendar time.
    pub teep: Option<f64>,
    /// Availability without what others cause.
    pub stand_alone_availability: Option<f64>,
    /// Share of the busy time that data covers.
    pub coverage: Option<f64>,
    /// What speaks against the figures, in words.
    pub flags: Vec<String>,
    /// Planned operation time.
    pub pot_s: f64,
    /// Planned downtime.
    pub pdot_s: f64,
    /// Planned busy time.
    pub pbt_s: f64,
    /// Production time by the loss model.
    pub apt_s: f64,
    /// Setup.
    pub setup_s: f64,
    /// Stops without minor stops.
    pub stop_s: f64,
    /// Minor stops.
    pub minor_stop_s: f64,
    /// Starved or blocked.
    pub external_s: f64,
    /// Without an order.
    pub idle_s: f64,
    /// Without data.
    pub unknown_s: f64,
    /// Pieces made.
    pub pieces: f64,
    /// Good the first time.
    pub good: f64,
    /// Scrap.
    pub scrap: f64,
    /// Rework.
    pub rework: f64,
    /// First-pass yield: share of the pieces that was neither scrap nor rework.
    pub first_pass_yield: Option<f64>,
    /// Product of the first-pass yields of the steps of a `[[line]]`, that of the work unit where there is one alone; null
    /// where the route is not known, or nothing entered one of its steps.
    pub rolled_throughput_yield: Option<f64>,
    /// Where the group is of all work units of a `[[line]]`: its figures as a serial line.
    pub line: Option<LineFigures>,
    /// Work units that were scheduled.
    pub scheduled: usize,
    /// Work units that there are in it.
    pub work_units: usize,
    /// Ratios of ISO 22400-2 that say where time and pieces went.
    #[serde(flatten)]
    pub ratios: Ratios,
    /// By product, from 500 cycles on: between which two the ideal cycle seems to be.
    pub ideal_proposal: Option<IdealProposal>,
    /// Scrap by pieces.
    pub scrap_ratio: Option<f64>,
    /// Pieces per hour of production time.
    pub rate_per_h: Option<f64>,
    /// The six big losses, in seconds; empty when some pieces have no ideal cycle.
    pub losses: BTreeMap<String, f64>,
    /// Stops that are no minor stops.
    pub failures: usize,
    /// Mean operating time between failures.
    pub mtbf_s: Option<f64>,
    /// At least this with 95 % confidence, where there was no failure.
    pub mtbf_min_s: Option<f64>,
    /// Mean time to restoration.
    pub mttr_s: Option<f64>,
    /// Cycle times.
    #[serde(flatten)]
    pub cycle: CycleFigures,
    /// Highest revision of the statements in it.
    pub revision: u32,
}

/// Cycle times of undisturbed cycles: a sample of each shift's.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct CycleFigures {
    /// How many; without any there are no figures.
    pub cycles: usize,
    /// The shortest cycle.
    pub cycle_min_s: Option<f64>,
    /// Median cycle.
    pub cycle_median_s: Option<f64>,
    /// One cycle in ten is shorter.
    pub cycle_p10_s: Option<f64>,
    /// One cycle in ten is longer.
    pub cycle_p90_s: Option<f64>,
    /// Median distance of cycles from the median one.
    pub cycle_mad_s: Option<f64>,
    /// Standard deviation of cycles by their mean.
    pub cycle_cv: Option<f64>,
}

impl From<CycleStatistics> for CycleFigures {
    fn from(cycle: CycleStatistics) -> Self {
        Self {
            cycles: cycle.n,
            cycle_min_s: Some(cycle.min_s),
            cycle_median_s: Some(cycle.median_s),
            cycle_p10_s: Some(cycle.p10_s),
            cycle_p90_s: Some(cycle.p90_s),
            cycle_mad_s: Some(cycle.mad_s),
            cycle_cv: cycle.cv,
        }
    }
}

/// A ratio with what stands behind it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// The value; null with `why`.
    pub value: Option<f64>,
    /// Why there is no value.
    pub why: Option<String>,
    /// The value if all time without data was downtime.
    pub low: Option<f64>,
    /// The value if all of it was production.
    pub high: Option<f64>,
}

/// A cause of downtime.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cause {
    /// Reason, else category.
    pub reason: String,
    /// Downtime.
    pub seconds: f64,
    /// Stops.
    pub count: usize,
    /// Share of all downtime.
    pub share: Option<f64>,
    /// With all before.
    pub cumulative: Option<f64>,
    /// Mean time to end.
    pub mttr_s: Option<f64>,
}

/// Ratios of ISO 22400-2 besides OEE and its parts; what is undefined is null.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ratios {
    /// Rework by pieces.
    pub rework_ratio: Option<f64>,
    /// Setup by setup and production time.
    pub setup_ratio: Option<f64>,
    /// Time with an order by planned busy time.
    pub allocation_efficiency: Option<f64>,
    /// Production time by time with an order.
    pub utilization_efficiency: Option<f64>,
    /// Production time by production time and delays.
    pub technical_efficiency: Option<f64>,
    /// Time between failures by itself and the time to repair.
    pub inherent_availability: Option<f64>,
    /// Share of the time in maintenance that nobody planned; by time or place only.
    pub corrective_maintenance_ratio: Option<f64>,
}

/// A proposal for the ideal cycle of a product, from its fastest cycles.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct IdealProposal {
    /// Cycles that it is made from.
    pub cycles: usize,
    /// One in twenty is shorter, in seconds.
    pub p05_s: f64,
    /// One in ten is shorter.
    pub p10_s: f64,
}

impl Figure {
    pub(in crate::analysis) fn of(headline: &Headline) -> Self {
        Self {
            value: headline.value.as_ref().ok().copied(),
            why: headline
                .value
                .as_ref()
                .err()
                .map(|why| why.as_str().to_owned()),
            low: headline.bounds.map(|(low, _)| low),
            high: headline.bounds.map(|(_, high)| high),
        }
    }
}

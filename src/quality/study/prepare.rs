//! From samples to a series.

use super::{Observation, Sample, Study};
use crate::model::Timestamp;
use crate::quality::advice::CountOf;
use crate::quality::advice::{Advice, advise};
use crate::quality::charts::{
    ChartKind, Count, NominalGroup, Series, Subgroup, counts_between, deviations_from_nominal,
    dispersion_ratio, hours_between, spreads_differ,
};
use crate::quality::error::QualityError;

/// Stands for the product where several share a chart.
const SEVERAL: &str = "several";

/// A series with what is known of it.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    pub(super) product: String,
    pub(super) machine: String,
    pub(super) kind: ChartKind,
    pub(super) reason: String,
    /// Time of each sample of the series.
    pub(super) times: Vec<Timestamp>,
    pub(super) series: Series,
    /// Readings that were no numbers.
    pub(super) dropped: usize,
    /// Scatter of counts over that of chance.
    pub(super) dispersion: Option<f64>,
    /// Events per sample of counts.
    pub(super) events_per_sample: Option<f64>,
    /// Products whose spreads are too different for one chart.
    pub(super) spreads: Option<(String, String, f64)>,
}

pub(super) fn prepare(
    study: &Study,
    observations: &[Observation],
) -> Result<Prepared, QualityError> {
    let mut ordered: Vec<&Observation> = observations.iter().collect();
    ordered.sort_by_key(|observation| observation.at);
    let first = *ordered.first().ok_or(QualityError::TooFew {
        what: "a study, in samples,",
        have: 0,
        needed: 1,
    })?;
    check_one_stratum(study, first, &ordered)?;
    let mut dropped = 0;
    let times: Vec<Timestamp> = ordered.iter().map(|observation| observation.at).collect();
    let (series, spreads) = match first.sample {
        Sample::Readings(_) => measured(study, &ordered, &mut dropped)?,
        Sample::Count { .. } => (counted(&ordered)?, None),
    };
    let advice = advise(&series, study.counts)?;
    let (dispersion, events_per_sample) = scatter(study, &series);
    let (kind, reason) = chosen(study, advice);
    let (times, series) = between_events(kind, times, series);
    let several = ordered
        .iter()
        .any(|observation| observation.product != first.product);
    Ok(Prepared {
        product: if several {
            SEVERAL.to_owned()
        } else {
            first.product.clone()
        },
        machine: first.machine.clone(),
        kind,
        reason,
        times,
        series,
        dropped,
        dispersion,
        events_per_sample,
        spreads,
    })
}

fn check_one_stratum(
    study: &Study,
    first: &Observation,
    all: &[&Observation],
) -> Result<(), QualityError> {
    let same = |observation: &&&Observation| {
        let product = study.from_nominal || observation.product == first.product;
        product && observation.machine == first.machine
    };
    match all.iter().find(|observation| !same(observation)) {
        None => Ok(()),
        Some(other) => Err(QualityError::MixedStrata {
            first: format!("{} on {}", first.product, first.machine),
            other: format!("{} on {}", other.product, other.machine),
        }),
    }
}

type Spreads = Option<(String, String, f64)>;

fn measured(
    study: &Study,
    all: &[&Observation],
    dropped: &mut usize,
) -> Result<(Series, Spreads), QualityError> {
    let mut groups = Vec::with_capacity(all.len());
    for (index, observation) in all.iter().enumerate() {
        let Sample::Readings(readings) = &observation.sample else {
            return Err(mixed(index));
        };
        let kept: Vec<f64> = readings
            .iter()
            .copied()
            .filter(|reading| reading.is_finite())
            .collect();
        *dropped += readings.len() - kept.len();
        let group = Subgroup {
            readings: kept,
            after_break: observation.after_break,
        };
        let nominal = observation.nominal.filter(|nominal| nominal.is_finite());
        let nominal = match (study.from_nominal, nominal) {
            (false, _) => 0.0,
            (true, Some(nominal)) => nominal,
            (true, None) => {
                return Err(QualityError::NotAllowed {
                    what: "the nominal value",
                    index,
                });
            }
        };
        groups.push(NominalGroup {
            product: observation.product.clone(),
            nominal,
            group,
        });
    }
    if !study.from_nominal {
        let groups = groups.into_iter().map(|entry| entry.group).collect();
        return Ok((Series::Measured(groups), None));
    }
    Ok((deviations_from_nominal(&groups)?, spreads_differ(&groups)))
}

fn counted(all: &[&Observation]) -> Result<Series, QualityError> {
    let mut counts = Vec::with_capacity(all.len());
    for (index, observation) in all.iter().enumerate() {
        let Sample::Count { events, size } = observation.sample else {
            return Err(mixed(index));
        };
        counts.push(Count {
            events,
            size,
            after_break: observation.after_break,
        });
    }
    Ok(Series::Counted(counts))
}

const fn mixed(index: usize) -> QualityError {
    QualityError::NotAllowed {
        what: "a sample of the other kind, readings or counts,",
        index,
    }
}

fn chosen(study: &Study, advice: Advice) -> (ChartKind, String) {
    if let Some(version) = &study.in_force {
        let reason = format!("limits of version {} are in force", version.version);
        return (version.learned.limits.kind(), reason);
    }
    match study.chart {
        None => (advice.chart, advice.reason),
        Some(kind) if kind == advice.chart => (kind, advice.reason),
        Some(kind) => {
            let reason = format!("as asked; {} would fit: {}", advice.chart, advice.reason);
            (kind, reason)
        }
    }
}

fn scatter(study: &Study, series: &Series) -> (Option<f64>, Option<f64>) {
    let Series::Counted(counts) = series else {
        return (None, None);
    };
    let sampled: Vec<f64> = counts
        .iter()
        .filter(|count| count.size > 0.0)
        .map(|count| count.events as f64)
        .collect();
    let ratio = dispersion_ratio(counts, study.counts == CountOf::NonconformingUnits);
    (ratio, crate::quality::number::mean(&sampled))
}

/// Counts turned into what lies between events, where the chart plots that. Each point then has the time of its event.
fn between_events(
    kind: ChartKind,
    times: Vec<Timestamp>,
    series: Series,
) -> (Vec<Timestamp>, Series) {
    let Series::Counted(counts) = &series else {
        return (times, series);
    };
    let points = match kind {
        ChartKind::G => counts_between(counts),
        ChartKind::TimeBetween => hours_between(&times, counts),
        _ => return (times, series),
    };
    let at = |index: usize| times.get(index).copied().unwrap_or_default();
    let moments = points.iter().map(|(index, _)| at(*index)).collect();
    (
        moments,
        Series::Measured(points.into_iter().map(|(_, group)| group).collect()),
    )
}

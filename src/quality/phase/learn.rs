//! Phase I: limits from a series, less the points with an assignable cause.

use crate::model::Timestamp;
use crate::quality::charts::{ChartKind, Limits, Series, WeightedDesign};
use crate::quality::error::QualityError;
use crate::quality::rules::RuleSet;

/// Why a point is left out of the limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssignableCause {
    point_at: Timestamp,
    cause: String,
    recorded_by: String,
    recorded_at: Timestamp,
}

impl AssignableCause {
    /// A cause for the point at `point_at`; both texts must say something.
    pub fn new(
        point_at: Timestamp,
        cause: &str,
        recorded_by: &str,
        recorded_at: Timestamp,
    ) -> Result<Self, QualityError> {
        let record = "leaving out a point";
        Ok(Self {
            point_at,
            cause: said(cause, record, "an assignable cause")?,
            recorded_by: said(recorded_by, record, "who recorded the cause")?,
            recorded_at,
        })
    }

    /// Time of the point.
    pub const fn point_at(&self) -> Timestamp {
        self.point_at
    }

    /// The cause.
    pub fn cause(&self) -> &str {
        &self.cause
    }

    /// Who recorded it.
    pub fn recorded_by(&self) -> &str {
        &self.recorded_by
    }

    /// When it was recorded.
    pub const fn recorded_at(&self) -> Timestamp {
        self.recorded_at
    }
}

/// The trimmed text, or what the record lacks.
pub(super) fn said(
    text: &str,
    record: &'static str,
    missing: &'static str,
) -> Result<String, QualityError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(QualityError::NotRecorded { record, missing });
    }
    Ok(text.to_owned())
}

/// What it takes to freeze limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FreezeRule {
    /// Samples, 20 to 25 by convention.
    pub subgroups_min: usize,
    /// Observations in them: readings, or units inspected; not asked of defects, whose area has a unit of its own.
    pub observations_min: usize,
}

impl Default for FreezeRule {
    fn default() -> Self {
        Self {
            subgroups_min: 20,
            observations_min: 100,
        }
    }
}

/// How a chart is made and read.
#[derive(Debug, Clone, PartialEq)]
pub struct PhaseOnePlan {
    /// The chart.
    pub kind: ChartKind,
    /// Settings of EWMA and CUSUM.
    pub design: WeightedDesign,
    /// The run rules of the panel of the level.
    pub rules: RuleSet,
}

/// Limits learned in phase I.
#[derive(Debug, Clone, PartialEq)]
pub struct PhaseOne {
    /// The limits.
    pub limits: Limits,
    /// The run rules they were read with.
    pub rules: RuleSet,
    /// Samples that made them.
    pub subgroups: usize,
    /// Readings or units in these; `None` of defects, whose area has a unit of its own.
    pub observations: Option<usize>,
    /// The points left out, with their causes.
    pub excluded: Vec<AssignableCause>,
    /// Points beyond a limit that no cause is recorded for. They stay in the limits, which they widen.
    pub unexplained: usize,
}

impl PhaseOne {
    /// Learns limits from a series whose samples were taken at `times`.
    pub fn learn(
        plan: &PhaseOnePlan,
        times: &[Timestamp],
        series: &Series,
        causes: &[AssignableCause],
    ) -> Result<Self, QualityError> {
        let out = |time: &Timestamp| causes.iter().any(|cause| cause.point_at() == *time);
        let excluded: Vec<bool> = times.iter().map(out).collect();
        let kept = without(series, &excluded);
        let limits = Limits::fit(plan.kind, &kept, &plan.design)?;
        let chart = limits.draw(&kept, &plan.rules)?;
        let signals = chart.panels.iter().flat_map(|panel| &panel.signals);
        let mut unexplained: Vec<usize> = signals
            .filter(|signal| !signal.rule.is_pattern())
            .map(|signal| signal.index)
            .collect();
        unexplained.sort_unstable();
        unexplained.dedup();
        let (subgroups, observations) = amount(plan.kind, &kept);
        let used = |cause: &&AssignableCause| times.contains(&cause.point_at());
        Ok(Self {
            limits,
            rules: plan.rules.clone(),
            subgroups,
            observations,
            excluded: causes.iter().filter(used).cloned().collect(),
            unexplained: unexplained.len(),
        })
    }

    /// Whether there is enough to freeze the limits; until then they are trial limits.
    pub fn check(&self, rule: FreezeRule) -> Result<(), QualityError> {
        let observed = self
            .observations
            .is_none_or(|observed| observed >= rule.observations_min);
        if self.subgroups >= rule.subgroups_min && observed {
            return Ok(());
        }
        Err(QualityError::TooEarlyToFreeze {
            subgroups: self.subgroups,
            observations: self.observations.unwrap_or(self.subgroups),
            subgroups_needed: rule.subgroups_min,
            observations_needed: rule.observations_min,
        })
    }
}

/// The series with the samples marked in `excluded` missing; places stay.
pub(crate) fn without(series: &Series, excluded: &[bool]) -> Series {
    let mut kept = series.clone();
    let marked = excluded.iter().enumerate().filter(|(_, out)| **out);
    for (index, _) in marked {
        match &mut kept {
            Series::Measured(groups) => {
                if let Some(group) = groups.get_mut(index) {
                    group.readings.clear();
                }
            }
            Series::Counted(counts) => {
                if let Some(count) = counts.get_mut(index) {
                    (count.events, count.size) = (0, 0.0);
                }
            }
        }
    }
    kept
}

/// Samples and observations that made the limits.
fn amount(kind: ChartKind, series: &Series) -> (usize, Option<usize>) {
    match series {
        Series::Measured(groups) => {
            let sizes = groups.iter().map(|group| group.readings.len());
            (
                sizes.clone().filter(|size| *size > 0).count(),
                Some(sizes.sum()),
            )
        }
        Series::Counted(counts) => {
            let sampled = counts.iter().filter(|count| count.size > 0.0);
            let units: f64 = sampled.clone().map(|count| count.size).sum();
            let defects = matches!(kind, ChartKind::C | ChartKind::U | ChartKind::LaneyU);
            let observations = (!defects).then(|| whole(units));
            (sampled.count(), observations)
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative, and a float beyond the range saturates"
)]
fn whole(units: f64) -> usize {
    units as usize
}

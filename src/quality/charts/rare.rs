//! Charts of rare events: what lies between two of them is plotted, because counts per period are nearly always 0.
//!
//! Both rise when things go well. The g chart has no lower limit above 0, so a single short stretch is no signal there;
//! the chart of times has one.

use super::individuals::{IndividualLimits, single_readings};
use super::panel::{Sketch, ruled};
use super::{ChartKind, Count, Panel, Statistic, Subgroup};
use crate::model::Timestamp;
use crate::quality::error::QualityError;
use crate::quality::number::{finite, mean};
use crate::quality::rules::RuleSet;

/// Exponent that makes exponential times nearly normal (Nelson 1994, J. Quality Technology 26(3)).
const NORMALISING: f64 = 1.0 / 3.6;
/// More points than a chart can show.
const POINTS_MAX: usize = 100_000;
const NANOS_PER_HOUR: f64 = 3.6e12;

/// Limits of a g chart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GLimits {
    /// Stretches the limits are made of.
    pub k: usize,
    /// Mean number of good units between events.
    pub mean: f64,
}

/// Limits of a chart of times between events.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BetweenLimits {
    /// Times the limits are made of.
    pub k: usize,
    /// Centre line of the transformed times `t^(1 / 3.6)`.
    pub center: f64,
    /// Standard deviation of the transformed times, from their moving ranges.
    pub sigma: f64,
}

impl GLimits {
    /// Limits from numbers of good units between events, one per point.
    pub fn fit(groups: &[Subgroup]) -> Result<Self, QualityError> {
        let present: Vec<f64> = between(groups, ChartKind::G)?
            .into_iter()
            .flatten()
            .collect();
        if present.len() < 2 {
            return Err(QualityError::TooFew {
                what: "a g chart, in stretches between events,",
                have: present.len(),
                needed: 2,
            });
        }
        let what = "the sum of units between events";
        let mean = mean(&present).ok_or(QualityError::NotAllowed { what, index: 0 })?;
        finite(mean * (mean + 1.0)).ok_or(QualityError::NotAllowed { what, index: 0 })?;
        Ok(Self {
            k: present.len(),
            mean,
        })
    }

    pub(crate) fn panel(&self, groups: &[Subgroup], breaks: &[bool], rules: &RuleSet) -> Panel {
        let sigma = (self.mean * (self.mean + 1.0)).sqrt();
        let sketch = |group: &Subgroup| Sketch::not_negative(group.mean(), self.mean, sigma);
        let sketches: Vec<Sketch> = groups.iter().map(sketch).collect();
        ruled(Statistic::UnitsBetweenEvents, &sketches, breaks, rules)
    }
}

impl BetweenLimits {
    /// Limits from times between events, one per point, in any unit.
    pub fn fit(groups: &[Subgroup]) -> Result<Self, QualityError> {
        let transformed: Vec<Option<f64>> = between(groups, ChartKind::TimeBetween)?
            .into_iter()
            .map(|time| time.map(|time| time.powf(NORMALISING)))
            .collect();
        let breaks: Vec<bool> = groups.iter().map(|group| group.after_break).collect();
        let limits = IndividualLimits::of(&transformed, &breaks)?;
        Ok(Self {
            k: limits.k,
            center: limits.center,
            sigma: limits.sigma_within,
        })
    }

    pub(crate) fn panel(&self, groups: &[Subgroup], breaks: &[bool], rules: &RuleSet) -> Panel {
        let back = |transformed: f64| transformed.max(0.0).powf(1.0 / NORMALISING);
        let reach = 3.0 * self.sigma;
        let sketch = |group: &Subgroup| {
            let value = group.mean();
            let z =
                |value: f64| finite((value.max(0.0).powf(NORMALISING) - self.center) / self.sigma);
            Sketch {
                value,
                center: back(self.center),
                sigma: self.sigma,
                limits: Some((back(self.center - reach), back(self.center + reach))),
                z: value.and_then(z),
            }
        };
        let sketches: Vec<Sketch> = groups.iter().map(sketch).collect();
        ruled(Statistic::TimeBetweenEvents, &sketches, breaks, rules)
    }
}

/// Good units before each event, from counts in samples, with the place of the sample that has the event: what a g chart
/// is drawn of.
///
/// A sample with several events is taken as spread evenly over its units. Units after the last event belong to no point
/// yet.
pub fn counts_between(counts: &[Count]) -> Vec<(usize, Subgroup)> {
    let mut points: Vec<(usize, Subgroup)> = Vec::new();
    let mut good = 0.0;
    let mut after_break = false;
    for (index, count) in counts.iter().enumerate() {
        let units = if count.size.is_finite() {
            count.size.max(0.0)
        } else {
            0.0
        };
        if count.after_break {
            // A stretch over a set-up would belong to two processes.
            good = 0.0;
            after_break = true;
        }
        let between = ((units - count.events as f64) / (count.events as f64 + 1.0)).max(0.0);
        good += between;
        let room = POINTS_MAX.saturating_sub(points.len());
        let events = usize::try_from(count.events)
            .unwrap_or(usize::MAX)
            .min(room);
        for _ in 0..events {
            let readings = vec![good];
            points.push((
                index,
                Subgroup {
                    readings,
                    after_break,
                },
            ));
            after_break = false;
            good = between;
        }
    }
    points
}

fn between(groups: &[Subgroup], chart: ChartKind) -> Result<Vec<Option<f64>>, QualityError> {
    let values = single_readings(groups, chart)?;
    let negative = |value: &Option<f64>| value.is_some_and(|value| value < 0.0);
    match values.iter().position(negative) {
        Some(index) => Err(QualityError::NotAllowed {
            what: "what lies between two events",
            index,
        }),
        None => Ok(values),
    }
}

/// Hours before each event, from counts in samples taken at `times`, with the place of the sample that has the event:
/// what a chart of times between events is drawn of.
///
/// Several events of one sample share its time evenly. Before the first event, and after a break, nothing is known.
pub fn hours_between(times: &[Timestamp], counts: &[Count]) -> Vec<(usize, Subgroup)> {
    let mut points: Vec<(usize, Subgroup)> = Vec::new();
    let mut last: Option<Timestamp> = None;
    let mut after_break = false;
    for (index, (time, count)) in times.iter().zip(counts).enumerate() {
        if count.after_break {
            last = None;
            after_break = true;
        }
        if count.events == 0 {
            continue;
        }
        if let Some(last) = last {
            let hours = time.nanos_since(last).max(0) as f64 / NANOS_PER_HOUR / count.events as f64;
            let room = POINTS_MAX.saturating_sub(points.len());
            let events = usize::try_from(count.events)
                .unwrap_or(usize::MAX)
                .min(room);
            for _ in 0..events {
                let readings = vec![hours];
                points.push((
                    index,
                    Subgroup {
                        readings,
                        after_break,
                    },
                ));
                after_break = false;
            }
        }
        last = Some(*time);
    }
    points
}

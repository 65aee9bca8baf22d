//! From what the charts say of a sample to what is reported: raised, worse, proposed, cleared.

use std::time::Duration;

use super::bank::{Input, Slot};
use super::charts::{CAP, Limits, PAIR_RATIO, Readings, State, at};
use super::fault::{Evidence, Fault};
use super::finding::{Change, Chart, Finding, severity_of};
use super::model::{ModeId, ModeLevel};
use super::self_start::Started;
use super::wander::Said;
use crate::model::Mono;

/// Below this share of its limit the self-starting chart has nothing to report any more.
const LEARNING_CLEARED: f64 = 0.5;
/// Share of the excess squares that a level explains at least when it is their cause. Early on the EWMA has followed a
/// step by less than the mean square has.
const LEVEL_SHARE: f32 = 0.25;

/// Everything known about one sample of one slot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Look {
    pub(super) slot: Slot,
    pub(super) value: f64,
    pub(super) at: Mono,
    pub(super) mode: ModeId,
    /// What was normal: level and pattern, and the spread there, in the tag's unit.
    pub(super) normal: f64,
    pub(super) spread: f64,
    pub(super) evidence: Evidence,
    /// Run over the run at which the value is stuck.
    pub(super) stuck: f32,
    upward: Side,
    downward: Side,
    /// The CUSUM of squared innovations alone, and the larger one of both CUSUMs of squares.
    unrest: f32,
    swing: f32,
    spike: f32,
    outliers: f32,
    limits: ChartLimits,
}

/// Limits in the unit of their chart's statistic.
#[derive(Debug, Clone, Copy, PartialEq)]
struct ChartLimits {
    cusum: f64,
    ewma: f64,
    spread: f64,
    spike: f64,
    stuck: f64,
}

/// What the level charts say of one direction.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Side {
    /// CUSUM over its limit.
    cusum: f32,
    /// EWMA over its limit.
    ewma: f32,
    /// Size of the shift in standard deviations, by CUSUM and by EWMA.
    cusum_shift: f64,
    ewma_shift: f64,
    onset: Mono,
}

impl Side {
    fn ratio(&self) -> f32 {
        self.cusum.max(self.ewma)
    }
}

impl Look {
    /// Gathers lane `lane` of a block that has just been stepped.
    pub(super) fn gather(
        (state, limits, readings): (&State, &Limits, &Readings),
        lane: usize,
        residual: f32,
        sample: Sampled,
    ) -> Self {
        let of = |column| at(column, lane);
        let phi = of(&limits.phi);
        let level = of(&state.level);
        let level_ratio = level * of(&limits.per_level);
        let per_innovation_shift = of(&limits.innovation) / (1.0 - phi);
        let side = |cusum: f32, since: f32, sign: f32| {
            let samples = since.max(1.0);
            let climbed = cusum / of(&limits.per_h).max(f32::MIN_POSITIVE) / samples;
            let warmed = 1.0 - (1.0 - of(&limits.lambda)).powf(samples);
            let back = sample.period.mul_f32(since.min(1e9));
            let ewma_shift = f64::from(level / warmed.max(1e-3));
            let cusum_shift = f64::from(sign * (of(&limits.k) + climbed) * per_innovation_shift);
            Side {
                cusum,
                ewma: level_ratio * sign,
                // A CUSUM at its cap has stopped counting.
                cusum_shift: if cusum < CAP { cusum_shift } else { ewma_shift },
                ewma_shift,
                onset: sample.at.saturating_sub(back),
            }
        };
        Self {
            slot: sample.slot,
            value: sample.value,
            at: sample.at,
            mode: sample.level.mode,
            normal: sample.normal,
            spread: sample.level.spread,
            evidence: Evidence {
                residual,
                innovation: of(&readings.innovation),
                level_ratio: level_ratio.abs(),
                cusum_ratio: of(&state.high).max(of(&state.low)),
                level,
                spread_mean: of(&state.spread_mean),
                swing_mean: of(&state.swing_mean),
                phi,
                run: sample.run,
                is_stuck: sample.stuck >= 1.0,
                is_restless: of(&state.spread).max(of(&state.swing)) > 1.0,
            },
            stuck: sample.stuck,
            upward: side(of(&state.high), of(&state.since_high), 1.0),
            downward: side(of(&state.low), of(&state.since_low), -1.0),
            unrest: of(&state.spread),
            swing: of(&state.spread).max(of(&state.swing)),
            spike: of(&readings.spike),
            outliers: of(&readings.outliers),
            limits: ChartLimits {
                cusum: limit(of(&limits.per_h)),
                ewma: limit(of(&limits.per_level)),
                spread: limit(of(&limits.per_spread_h).max(of(&limits.per_swing_h))),
                spike: limit(of(&limits.per_spike)),
                stuck: f64::from(sample.run) / f64::from(sample.stuck),
            },
        }
    }

    fn limit(&self, chart: Chart) -> f64 {
        let limits = &self.limits;
        match chart {
            Chart::CusumHigh | Chart::CusumLow => limits.cusum,
            Chart::EwmaHigh | Chart::EwmaLow => limits.ewma,
            Chart::Spread => limits.spread,
            Chart::SpikeHigh | Chart::SpikeLow => limits.spike,
            // Of these only a standstill is found here.
            Chart::Stuck | Chart::Unusual | Chart::GroupLevel | Chart::GroupPattern => limits.stuck,
        }
    }

    /// The chart that speaks loudest, with its statistic over its limit.
    fn loudest(&self) -> (Chart, f32) {
        let (upward, downward) = (self.upward.ratio(), self.downward.ratio());
        let level = match (upward >= downward, upward.max(downward)) {
            (true, ratio) if self.upward.ewma > self.upward.cusum => (Chart::EwmaHigh, ratio),
            (true, ratio) => (Chart::CusumHigh, ratio),
            (false, ratio) if self.downward.ewma > self.downward.cusum => (Chart::EwmaLow, ratio),
            (false, ratio) => (Chart::CusumLow, ratio),
        };
        let spike = if self.evidence.innovation < 0.0 {
            Chart::SpikeLow
        } else {
            Chart::SpikeHigh
        };
        let spiked = self.spiked();
        // A level that has moved says more than the jump that moved it, and that more than unrest.
        let unrest = if self.is_swing_of_level() {
            (level.0, self.swing)
        } else {
            (Chart::Spread, self.swing)
        };
        [level, (spike, spiked), unrest, (Chart::Stuck, self.stuck)]
            .into_iter()
            .find(|(chart, ratio)| *ratio > 1.0 || (*chart == Chart::Stuck && *ratio >= 1.0))
            .unwrap_or(level)
    }

    /// Whether the residuals are large because their level has moved: then the innovations grow less than they do, and
    /// the level explains the squares.
    fn is_swing_of_level(&self) -> bool {
        let evidence = &self.evidence;
        let excess = evidence.swing_mean - 1.0;
        self.unrest < self.swing && evidence.level * evidence.level > LEVEL_SHARE * excess
    }

    /// The largest ratio of all charts.
    pub(super) fn worst(&self) -> f32 {
        let sides = self.upward.ratio().max(self.downward.ratio());
        sides.max(self.spiked()).max(self.swing).max(self.stuck)
    }

    /// One spike, or two of three outliers.
    fn spiked(&self) -> f32 {
        self.spike.max(self.outliers * PAIR_RATIO)
    }

    fn finding(&self, change: Change, chart: Chart, ratio: f32, onset: Mono) -> Finding {
        let sigmas = match chart {
            Chart::CusumHigh => self.upward.cusum_shift,
            Chart::CusumLow => self.downward.cusum_shift,
            Chart::EwmaHigh => self.upward.ewma_shift,
            Chart::EwmaLow => self.downward.ewma_shift,
            Chart::SpikeHigh | Chart::SpikeLow | Chart::Unusual => {
                f64::from(self.evidence.residual)
            }
            Chart::Spread => {
                let square = self.evidence.spread_mean.max(self.evidence.swing_mean);
                f64::from(square.sqrt())
            }
            Chart::Stuck | Chart::GroupLevel | Chart::GroupPattern => 0.0,
        };
        Finding {
            slot: self.slot,
            change,
            chart,
            ratio: f64::from(ratio),
            limit: self.limit(chart),
            sigmas,
            normal: self.normal,
            sigma: self.spread,
            value: self.value,
            onset,
            mode: self.mode,
        }
    }

    fn onset(&self, chart: Chart) -> Mono {
        match chart {
            Chart::CusumHigh | Chart::EwmaHigh => self.upward.onset,
            Chart::CusumLow | Chart::EwmaLow => self.downward.onset,
            _ => self.at,
        }
    }

    /// How loud the charts of a standing fault are; a fault of the level only counts its own direction.
    fn ratio_of(&self, fault: &Fault) -> f32 {
        match fault.chart {
            chart if !chart.is_level() => self.worst(),
            chart if chart.is_high() => self.upward.ratio(),
            _ => self.downward.ratio(),
        }
    }

    /// Whether the level has gone over to the other side.
    fn is_turned(&self, fault: &Fault) -> bool {
        let (upward, downward) = (self.upward.ratio(), self.downward.ratio());
        let (own, other) = if fault.chart.is_high() {
            (upward, downward)
        } else {
            (downward, upward)
        };
        fault.chart.is_level() && other > 1.0 && own < 1.0
    }
}

/// A limit from its reciprocal; 0 where the chart is off.
fn limit(reciprocal: f32) -> f64 {
    if reciprocal > 0.0 {
        1.0 / f64::from(reciprocal)
    } else {
        0.0
    }
}

/// What charts need after a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aftermath {
    /// Nothing: none has ended.
    None,
    /// A fresh start.
    Reset,
    /// A fresh start that keeps part of the unrest.
    Recover,
}

/// A sample as the bank knows it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sampled {
    pub(super) slot: Slot,
    pub(super) value: f64,
    pub(super) at: Mono,
    pub(super) period: Duration,
    /// The level of the mode with the spread at this phase, and what was normal at this phase.
    pub(super) level: ModeLevel,
    pub(super) normal: f64,
    pub(super) run: u32,
    pub(super) stuck: f32,
}

/// Moves the fault of a slot on; called when a chart is beyond its limit or a fault stands. What changed is appended to
/// `out`. Returns the fault that stands afterwards, and what the charts need.
pub(super) fn judge(
    fault: Option<Fault>,
    look: &Look,
    out: &mut Vec<Finding>,
) -> (Option<Fault>, Aftermath) {
    let Some(mut fault) = fault else {
        return (raise(look, out), Aftermath::None);
    };
    if fault.is_over(&look.evidence) {
        out.push(look.finding(Change::Cleared, fault.chart, 0.0, fault.onset));
        let aftermath = if fault.is_stuck {
            Aftermath::Reset
        } else {
            Aftermath::Recover
        };
        return (None, aftermath);
    }
    let (chart, _) = look.loudest();
    if fault.chart.is_spike() && chart.is_level() && look.worst() > 1.0 {
        // The jump has turned out to be a move of the level: the same trouble, known better.
        fault = Fault::new(chart, fault.severity, fault.onset, &look.evidence);
    }
    if look.is_turned(&fault) {
        out.push(look.finding(Change::Cleared, fault.chart, 0.0, fault.onset));
        return (raise(look, out), Aftermath::None);
    }
    let ratio = look.ratio_of(&fault);
    let severity = severity_of(f64::from(ratio));
    if severity > fault.severity {
        fault.severity = severity;
        out.push(look.finding(Change::Worse, fault.chart, ratio, fault.onset));
    }
    if fault.is_proposal() {
        out.push(look.finding(Change::Proposed, fault.chart, ratio, fault.onset));
    }
    (Some(fault), Aftermath::None)
}

fn raise(look: &Look, out: &mut Vec<Finding>) -> Option<Fault> {
    let (chart, ratio) = Some(look.loudest()).filter(|(_, ratio)| *ratio >= 1.0)?;
    let finding = look.finding(Change::Raised, chart, ratio, look.onset(chart));
    out.push(finding);
    Some(Fault::new(
        chart,
        finding.severity(),
        finding.onset,
        &look.evidence,
    ))
}

/// The same for a level that is still being learned, by the self-starting chart.
pub(super) fn judge_learning(
    fault: Option<Fault>,
    started: &Started,
    (input, period, mode): (&Input, Duration, ModeId),
    out: &mut Vec<Finding>,
) -> Option<Fault> {
    let is_high = started.high >= started.low;
    let (chart, ratio) = if is_high {
        (Chart::CusumHigh, started.high)
    } else {
        (Chart::CusumLow, started.low)
    };
    let is_known = started.normal.is_finite() && started.spread.is_finite();
    let finding = |change, chart, onset| Finding {
        slot: input.slot,
        change,
        chart,
        ratio,
        limit: started.limit,
        sigmas: distance(input.value, started),
        normal: if is_known {
            started.normal
        } else {
            input.value
        },
        sigma: if is_known { started.spread } else { 0.0 },
        value: input.value,
        onset,
        mode,
    };
    match fault {
        None if ratio > 1.0 => {
            let onset = input.at.saturating_sub(period * started.since);
            let raised = finding(Change::Raised, chart, onset);
            out.push(raised);
            Some(Fault::begun(chart, raised.severity(), onset))
        }
        Some(fault) if ratio < LEARNING_CLEARED => {
            out.push(finding(Change::Cleared, fault.chart, fault.onset));
            None
        }
        other => other,
    }
}

/// Standard deviations between a value and what was seen before; 0 where that is beyond arithmetic.
fn distance(value: f64, started: &Started) -> f64 {
    let sigmas = (value - started.normal) / started.spread;
    if sigmas.is_finite() { sigmas } else { 0.0 }
}

/// The same for a signal without a level.
pub(super) fn judge_wandering(
    fault: Option<Fault>,
    said: &Said,
    input: &Input,
    out: &mut Vec<Finding>,
) -> Option<Fault> {
    let finding = |change, onset| Finding {
        slot: input.slot,
        change,
        chart: Chart::Unusual,
        ratio: f64::from(said.ratio),
        limit: f64::from(said.limit),
        sigmas: 0.0,
        normal: said.normal,
        sigma: 0.0,
        value: input.value,
        onset,
        mode: ModeId::default(),
    };
    match fault {
        None if said.is_on => {
            let raised = finding(Change::Raised, input.at);
            out.push(raised);
            Some(Fault::begun(Chart::Unusual, raised.severity(), input.at))
        }
        Some(fault) if !said.is_on => {
            out.push(finding(Change::Cleared, fault.onset));
            None
        }
        other => other,
    }
}

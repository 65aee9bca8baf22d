//! One plotted statistic with its limits and signals.

use super::{ChartKind, Statistic};
use crate::quality::number::finite;
use crate::quality::rules::{Rule, RulePoint, RuleSet, Side, Signal, find};

/// A point of a panel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PanelPoint {
    /// What is plotted; `None` where the value is missing or does not exist.
    pub value: Option<f64>,
    /// Centre line.
    pub center: f64,
    /// Lower control limit; `None` where nothing was sampled.
    pub lcl: Option<f64>,
    /// Upper control limit; `None` where nothing was sampled.
    pub ucl: Option<f64>,
    /// Distance from the centre line in standard deviations of the point; `None` without a value or a spread.
    pub z: Option<f64>,
}

/// One plotted statistic.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// What is plotted.
    pub statistic: Statistic,
    /// The run rules it was read with.
    pub rules: RuleSet,
    /// One point per sample, in order.
    pub points: Vec<PanelPoint>,
    /// The signals, in the order of their points, then of the rules.
    pub signals: Vec<Signal>,
}

impl Panel {
    /// Indices of the points with a signal of `rule`, ascending.
    pub fn signals_of(&self, rule: Rule) -> Vec<usize> {
        let of = self.signals.iter().filter(|signal| signal.rule == rule);
        of.map(|signal| signal.index).collect()
    }
}

/// A chart: the panel of the level first, that of the spread second where there is one.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// Which chart.
    pub kind: ChartKind,
    /// Its panels.
    pub panels: Vec<Panel>,
}

impl Chart {
    /// The panel of a statistic.
    pub fn panel(&self, statistic: Statistic) -> Option<&Panel> {
        self.panels
            .iter()
            .find(|panel| panel.statistic == statistic)
    }

    /// Whether no panel has a signal.
    pub fn is_in_control(&self) -> bool {
        self.panels.iter().all(|panel| panel.signals.is_empty())
    }
}

/// A point on its way into a panel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sketch {
    pub(crate) value: Option<f64>,
    pub(crate) center: f64,
    pub(crate) sigma: f64,
    pub(crate) limits: Option<(f64, f64)>,
    /// Where zones are measured on another scale than the plotted one.
    pub(crate) z: Option<f64>,
}

impl Sketch {
    /// Limits three standard deviations on both sides.
    pub(crate) fn three_sigma(value: Option<f64>, center: f64, sigma: f64) -> Self {
        Self {
            value,
            center,
            sigma,
            limits: Some((center - 3.0 * sigma, center + 3.0 * sigma)),
            z: None,
        }
    }

    /// The same for what cannot be negative: a lower limit below 0 is 0, and a point at 0 no signal.
    pub(crate) fn not_negative(value: Option<f64>, center: f64, sigma: f64) -> Self {
        let sketch = Self::three_sigma(value, center, sigma);
        Self {
            limits: sketch.limits.map(|(lcl, ucl)| (lcl.max(0.0), ucl)),
            ..sketch
        }
    }

    /// The same for what cannot be larger than `most`.
    pub(crate) fn at_most(self, most: f64) -> Self {
        Self {
            limits: self.limits.map(|(lcl, ucl)| (lcl, ucl.min(most))),
            ..self
        }
    }

    /// Nothing was sampled.
    pub(crate) const fn missing(center: f64) -> Self {
        Self {
            value: None,
            center,
            sigma: 0.0,
            limits: None,
            z: None,
        }
    }

    fn rule_point(&self) -> Option<RulePoint> {
        let (value, limits) = (self.value?, self.limits?);
        let point = RulePoint::new(value, self.center, self.sigma, limits);
        Some(match self.z {
            Some(z) => point.with_z(z),
            None => point,
        })
    }

    fn side_beyond(&self) -> Option<Side> {
        // The first rule is the comparison with the limits, on whatever chart.
        let mut found = Vec::new();
        find(&[self.rule_point()], &[], Rule::Nelson1, &mut found);
        found.first().and_then(|signal| signal.side)
    }
}

/// A panel read with run rules; `rules` are cut to those that its statistic can carry.
pub(crate) fn ruled(
    statistic: Statistic,
    sketches: &[Sketch],
    breaks: &[bool],
    rules: &RuleSet,
) -> Panel {
    let rules = rules.limited_to(statistic);
    let scored: Vec<Option<RulePoint>> = sketches.iter().map(Sketch::rule_point).collect();
    let mut signals = Vec::new();
    for rule in rules.rules() {
        find(&scored, breaks, *rule, &mut signals);
    }
    signals.sort_by_key(|signal| (signal.index, signal.rule));
    Panel {
        statistic,
        rules,
        points: finished(sketches, &scored),
        signals,
    }
}

/// A panel whose points gather evidence themselves: a signal of `rule` for each point beyond a limit, the pattern
/// beginning at `from` of that point.
pub(crate) fn gathered(
    statistic: Statistic,
    sketches: &[Sketch],
    rule: Rule,
    from: &[usize],
) -> Panel {
    let scored: Vec<Option<RulePoint>> = sketches.iter().map(Sketch::rule_point).collect();
    let beyond = sketches.iter().enumerate().filter_map(|(index, sketch)| {
        let side = sketch.side_beyond()?;
        let from = from.get(index).copied().unwrap_or(index);
        Some(Signal {
            rule,
            index,
            from,
            side: Some(side),
        })
    });
    Panel {
        statistic,
        rules: RuleSet::none(),
        signals: beyond.collect(),
        points: finished(sketches, &scored),
    }
}

fn finished(sketches: &[Sketch], scored: &[Option<RulePoint>]) -> Vec<PanelPoint> {
    let point = |(sketch, scored): (&Sketch, &Option<RulePoint>)| PanelPoint {
        value: sketch.value.and_then(finite),
        center: sketch.center,
        lcl: sketch.limits.and_then(|limits| finite(limits.0)),
        ucl: sketch.limits.and_then(|limits| finite(limits.1)),
        z: scored.and_then(RulePoint::z).and_then(finite),
    };
    sketches.iter().zip(scored).map(point).collect()
}

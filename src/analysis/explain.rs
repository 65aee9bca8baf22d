//! From the points of a chart that are out of control to what went along with them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::charting::Charting;
use super::error::AnalysisError;
use super::link::{Linker, WindowLink};
use super::process::{after, span_of};
use crate::config::WorkUnit;
use crate::model::Timestamp;
use crate::production::span::{Span, union};
use crate::quality::study::{Observation, Studied};
use crate::quality::{ProductionWindow, TransportLag, spacing};

/// Windows that are explained: the last ones.
pub(super) const WINDOWS_MAX: usize = 20;
/// A point speaks for the process since the one before it, but not for longer than so many usual distances.
const SPACINGS_MAX: u32 = 3;
/// What the reader must know.
const NOTE: &str = "process values are ranked by how far they were from their reference: what went along, which proves no cause";

/// Asks what went along with signals.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ExplainQuestion {
    /// Shortest time from where a unit is made to where it is measured.
    pub lag_min: Duration,
    /// Longest.
    pub lag_max: Duration,
    /// Work unit where units are made; that of the charted tag when it is left out.
    pub made_at: Option<String>,
}

/// What went along with the signals of a chart, or with defects.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explained {
    /// Work unit that was looked at.
    pub work_unit: String,
    /// Shortest and longest time from there to the measurement, in seconds.
    pub lag_s: [f64; 2],
    /// What the figures are, and are not.
    pub note: &'static str,
    /// Points in control, or shifts, that make the reference.
    pub reference_points: usize,
    /// Time that they speak for, in seconds.
    pub reference_s: f64,
    /// The last windows, oldest first.
    pub windows: Vec<WindowLink>,
    /// Earlier windows, which were not looked at.
    pub left_out: usize,
}

impl ExplainQuestion {
    /// The time in which was made what was measured in `span`.
    pub(super) fn moved(&self, span: Span) -> Span {
        Span::new(
            span.start.saturating_sub(self.lag_max),
            span.end.saturating_sub(self.lag_min),
        )
    }
}

impl Explained {
    /// The last `windows` of a work unit, and the reference that their process values are told by.
    pub(super) fn of(
        unit: &WorkUnit,
        question: &ExplainQuestion,
        (reference_points, reference): (usize, &[Span]),
        (windows, left_out): (Vec<WindowLink>, usize),
    ) -> Self {
        Self {
            work_unit: unit.name.clone(),
            lag_s: [question.lag_min, question.lag_max].map(|lag| lag.as_secs_f64()),
            note: NOTE,
            reference_points,
            reference_s: reference
                .iter()
                .map(|span| span.length().as_secs_f64())
                .sum(),
            windows,
            left_out,
        }
    }
}

impl Charting<'_> {
    /// What went along with the signals of one chart. The reference is the time of the points in control, of the product
    /// that the window is of.
    pub(super) fn explain(
        &self,
        question: &ExplainQuestion,
        studied: &Studied,
        observations: &[Observation],
        now: Timestamp,
    ) -> Result<Explained, AnalysisError> {
        let lag = TransportLag::new(question.lag_min, question.lag_max)?;
        let unit = self.made_at(question)?;
        let mut windows = studied.windows(lag);
        let times = Reference::of(studied, question, &windows);
        let left_out = windows.len().saturating_sub(WINDOWS_MAX);
        windows.drain(..left_out);
        let product_of = products(observations);
        let mut linkers: BTreeMap<&str, Linker<'_>> = BTreeMap::new();
        let mut links = Vec::with_capacity(windows.len());
        for window in &windows {
            let made = window.to.saturating_add(question.lag_min);
            let product = product_of
                .range(..=made)
                .next_back()
                .map_or("", |(_, name)| *name);
            if !linkers.contains_key(product) {
                let spans = times.spans(|at| product_of.get(&at) == Some(&product));
                let linker = Linker::of(&self.plant, unit, (&spans, self.tag.as_slice()), now)?;
                linkers.insert(product, linker);
            }
            if let Some(linker) = linkers.get_mut(product) {
                links.push(linker.link(window)?);
            }
        }
        let reference = (times.points.len(), &times.spans(|_| true)[..]);
        Ok(Explained::of(unit, question, reference, (links, left_out)))
    }

    fn made_at(&self, question: &ExplainQuestion) -> Result<&WorkUnit, AnalysisError> {
        if let Some(name) = &question.made_at {
            return self.plant.work_unit(name);
        }
        self.unit.ok_or_else(|| {
            AnalysisError::Refused(
                "the tag stands at no [[work_unit]]; allowed: --made-at with the work unit that makes what is measured"
                    .to_owned(),
            )
        })
    }
}

/// The product of each point.
fn products(observations: &[Observation]) -> BTreeMap<Timestamp, &str> {
    let of = observations
        .iter()
        .map(|point| (point.at, point.product.as_str()));
    of.collect()
}

/// The points in control, each with the time that it speaks for.
struct Reference {
    points: Vec<(Timestamp, Span)>,
    windows: Vec<Span>,
}

impl Reference {
    /// Points in no signal's pattern and not left out for a cause. After a break a point speaks for the usual distance of
    /// points.
    fn of(studied: &Studied, lag: &ExplainQuestion, windows: &[ProductionWindow]) -> Self {
        let is_signal = in_signals(studied);
        let usual = spacing(&studied.times);
        let marks = studied
            .report
            .panels
            .first()
            .map_or(&[][..], |panel| &panel.points);
        let mut points = Vec::new();
        let mut before: Option<Timestamp> = None;
        for (index, (at, mark)) in studied.times.iter().zip(marks).enumerate() {
            let longest = if mark.after_break { 1 } else { SPACINGS_MAX };
            let earliest = at.saturating_sub(usual.saturating_mul(longest));
            let start = before.map_or(at.saturating_sub(usual), |before| before.max(earliest));
            before = Some(*at);
            if !is_signal.get(index).copied().unwrap_or(false) && !mark.excluded {
                points.push((*at, lag.moved(Span::new(start, after(*at)))));
            }
        }
        let windows = windows.iter().map(span_of);
        Self {
            points,
            windows: windows.collect(),
        }
    }

    /// The time of the points that are `wanted`, less that of any window, in order and without overlap.
    fn spans(&self, wanted: impl Fn(Timestamp) -> bool) -> Vec<Span> {
        let own = self.points.iter().filter(|(at, _)| wanted(*at));
        let spans: Vec<Span> = own.map(|(_, span)| *span).collect();
        less(&union(&spans), &self.windows)
    }
}

/// Whether each point is in the pattern of a signal.
pub(super) fn in_signals(studied: &Studied) -> Vec<bool> {
    let mut is_signal = vec![false; studied.times.len()];
    let panels = studied.chart.panels.iter();
    for signal in panels.flat_map(|panel| &panel.signals) {
        let pattern = is_signal.get_mut(signal.from..=signal.index);
        pattern.into_iter().flatten().for_each(|mark| *mark = true);
    }
    is_signal
}

/// What is left of spans outside of `out`; both are in order and without overlap.
pub(super) fn less(spans: &[Span], out: &[Span]) -> Vec<Span> {
    let mut left = Vec::new();
    let mut keep = |span: Span| {
        if !span.is_empty() {
            left.push(span);
        }
    };
    let mut behind = 0;
    for span in spans {
        let mut start = span.start;
        behind += out
            .iter()
            .skip(behind)
            .take_while(|out| out.end <= start)
            .count();
        let inside = out
            .iter()
            .skip(behind)
            .take_while(|out| out.start < span.end);
        for out in inside {
            keep(Span::new(start, out.start));
            start = start.max(out.end);
        }
        keep(Span::new(start, span.end));
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(of: &[(i64, i64)]) -> Vec<Span> {
        let span = |(from, to): &(i64, i64)| {
            Span::new(Timestamp::from_nanos(*from), Timestamp::from_nanos(*to))
        };
        of.iter().map(span).collect()
    }

    #[track_caller]
    fn check(of: &[(i64, i64)], out: &[(i64, i64)], expected: &[(i64, i64)]) {
        assert_eq!(less(&spans(of), &spans(out)), spans(expected));
    }

    #[test]
    fn windows_are_cut_out_of_the_reference() {
        check(&[(0, 10), (20, 30)], &[], &[(0, 10), (20, 30)]);
        check(&[(0, 10)], &[(3, 5), (7, 8)], &[(0, 3), (5, 7), (8, 10)]);
        check(
            &[(0, 10), (20, 30), (40, 50)],
            &[(5, 45)],
            &[(0, 5), (45, 50)],
        );
        check(
            &[(5, 10), (20, 30)],
            &[(0, 5), (10, 20), (20, 30)],
            &[(5, 10)],
        );
    }
}

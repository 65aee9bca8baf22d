//! From the samples of a chart of counts that are out of control to what went along while their pieces were made.

use super::charting::Charting;
use super::counts::StratumKey;
use super::error::AnalysisError;
use super::explain::{ExplainQuestion, Explained, WINDOWS_MAX, in_signals, less};
use super::link::Linker;
use super::process::span_of;
use crate::model::Timestamp;
use crate::production::span::{Span, union};
use crate::quality::study::Studied;
use crate::quality::{TransportLag, UnitSpan, windows_of_units};

impl Charting<'_> {
    /// What went along with the signals of one chart of counts. A sample is looked at as a whole: what was made in its shift
    /// or on its day. The reference is the time of the samples in control.
    pub(super) fn explain_counts(
        &self,
        question: &ExplainQuestion,
        key: &StratumKey,
        studied: &Studied,
        now: Timestamp,
    ) -> Result<Explained, AnalysisError> {
        let lag = TransportLag::new(question.lag_min, question.lag_max)?;
        let made_at = question.made_at.as_ref().unwrap_or(&key.1);
        let unit = self.plant.work_unit(made_at)?;
        let mut windows = windows_of_units(&self.in_question(key, studied), lag);
        let out: Vec<Span> = windows.iter().map(span_of).collect();
        let left_out = windows.len().saturating_sub(WINDOWS_MAX);
        windows.drain(..left_out);
        let usual = self.in_control(key, studied);
        let moved = usual.iter().map(|span| question.moved(*span));
        let reference = less(&union(&moved.collect::<Vec<_>>()), &out);
        let mut linker = Linker::of(&self.plant, unit, (&reference, &[]), now)?;
        let mut links = Vec::with_capacity(windows.len());
        for window in &mut windows {
            // A pattern of samples that follow each other is named once.
            window.of.dedup();
            links.push(linker.link(window)?);
        }
        let reference = (usual.len(), &reference[..]);
        Ok(Explained::of(unit, question, reference, (links, left_out)))
    }

    /// When the sample of a point was made.
    fn sampled(&self, key: &StratumKey, at: Timestamp) -> Option<Span> {
        self.sampled.get(key)?.get(&at).copied()
    }

    /// The samples of the patterns of all signals.
    fn in_question(&self, key: &StratumKey, studied: &Studied) -> Vec<UnitSpan> {
        let panels = studied.chart.panels.iter();
        let samples = panels.flat_map(|panel| &panel.signals).flat_map(|signal| {
            let pattern = studied.times.get(signal.from..=signal.index);
            let name = format!("{} at {}", signal.rule.name(), signal.index);
            let spans = pattern
                .into_iter()
                .flatten()
                .filter_map(|at| self.sampled(key, *at));
            spans.map(move |span| UnitSpan {
                unit: name.clone(),
                from: span.start,
                // Its last moment: the next shift is another sample.
                to: span.end.saturating_sub(std::time::Duration::from_nanos(1)),
            })
        });
        samples.collect()
    }

    /// The samples in no signal's pattern and not left out for a cause.
    fn in_control(&self, key: &StratumKey, studied: &Studied) -> Vec<Span> {
        let panel = studied.report.panels.first();
        let points = panel.map_or(&[][..], |panel| &panel.points);
        let samples = studied.times.iter().zip(points).zip(in_signals(studied));
        let usual = samples.filter(|((_, point), is_signal)| !is_signal && !point.excluded);
        usual
            .filter_map(|((at, _), _)| self.sampled(key, *at))
            .collect()
    }
}

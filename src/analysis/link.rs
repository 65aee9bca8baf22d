//! What went along with a production window of a work unit: context, alerts, stops, and process values that were not as
//! usual. It ranks what went along; it proves no cause.
//!
//! The window may be that of points out of control, or of defective units.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::account::account;
use super::error::AnalysisError;
use super::gather::{self, Cursor, MARGIN, each, texts};
use super::linked_alerts::{LinkedAlert, alerts};
use super::plant::Plant;
use super::process::{Cut, after, span_of, values};
use crate::config::{Config, DataType, Tag, WorkUnit};
use crate::model::{TagId, Timestamp};
use crate::production::assemble::Stop;
use crate::production::span::Span;
use crate::production::state::{Circumstances, MachineState, Mode, WorkOrder};
use crate::quality::{Deviation, DeviationNote, ProductionWindow, compare_with_reference};

/// Process values of a work unit at most.
const TAGS_MAX: usize = 200;
/// Stops and changes of state of a window at most, each.
const FACTS_MAX: usize = 50;

/// What went along with one window. Times are RFC 3339 in UTC.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WindowLink {
    /// First moment.
    pub from: String,
    /// Last moment.
    pub to: String,
    /// The signals or units that it belongs to.
    pub of: Vec<String>,
    /// Product at its end.
    pub product: Option<String>,
    /// Order at its end.
    pub order: Option<String>,
    /// Alerts of the machine that stood in it.
    pub alerts: Vec<LinkedAlert>,
    /// Findings of detectors that stood in it.
    pub detections: Vec<LinkedAlert>,
    /// The state when it began, and its changes.
    pub states: Vec<LinkedState>,
    /// Stops that lie in it, in whole or in part.
    pub stops: Vec<LinkedStop>,
    /// Process values, the largest deviation from their reference first.
    pub values: Vec<LinkedValue>,
    /// Process values beyond the bound, which were not looked at.
    pub values_left_out: usize,
}

/// A state of the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LinkedState {
    /// Since when; the begin of the window for what stood before it.
    pub at: String,
    /// As the machine says it.
    pub state: String,
    /// What it counts to in production.
    pub category: &'static str,
}

/// A stop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LinkedStop {
    /// First moment.
    pub from: String,
    /// First moment after.
    pub to: String,
    /// What it counts to.
    pub element: &'static str,
    /// Its reason.
    pub reason: Option<String>,
}

/// A process value beside its reference.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LinkedValue {
    /// The tag.
    pub tag: String,
    /// Its unit; may be empty.
    pub unit: String,
    /// Values in the window.
    pub window_n: usize,
    /// Values in the reference.
    pub reference_n: usize,
    /// Mean in the window.
    pub window_mean: Option<f64>,
    /// Mean in the reference.
    pub reference_mean: Option<f64>,
    /// Standard deviation in the reference.
    pub reference_deviation: Option<f64>,
    /// `(window mean - reference mean) / reference standard deviation`.
    pub standardised: Option<f64>,
    /// Why it is not standardised.
    pub note: Option<&'static str>,
    /// All of it in words.
    pub text: String,
}

/// Links windows of one work unit to what went along with them, beside one reference.
pub(super) struct Linker<'a> {
    plant: &'a Plant<'a>,
    unit: &'a WorkUnit,
    now: Timestamp,
    tags: Vec<&'a Tag>,
    tags_left_out: usize,
    reference: BTreeMap<String, Vec<f64>>,
    /// Stops of the shifts of the last window.
    stops: Option<(Span, Vec<Stop>)>,
}

impl<'a> Linker<'a> {
    /// Reads the reference of all process values of `unit` but those of `without`: `reference` are spans of time in which
    /// it worked as it should, in order and without overlap.
    pub(super) fn of(
        plant: &'a Plant<'a>,
        unit: &'a WorkUnit,
        (reference, without): (&[Span], &[TagId]),
        now: Timestamp,
    ) -> Result<Self, AnalysisError> {
        let mut tags = process_tags(plant.config, unit, without);
        let tags_left_out = tags.len().saturating_sub(TAGS_MAX);
        tags.truncate(TAGS_MAX);
        let mut by_tag = BTreeMap::new();
        for tag in &tags {
            let own = values(plant.reader, (*tag).into(), reference, Cut::Inside)?;
            by_tag.insert(tag.name.clone(), own);
        }
        Ok(Self {
            plant,
            unit,
            now,
            tags,
            tags_left_out,
            reference: by_tag,
            stops: None,
        })
    }

    /// What went along with `window`.
    pub(super) fn link(&mut self, window: &ProductionWindow) -> Result<WindowLink, AnalysisError> {
        let span = span_of(window);
        let (told, detected) = alerts(self.plant.reader, &self.unit.asset, span)?;
        Ok(WindowLink {
            from: window.from.to_string(),
            to: window.to.to_string(),
            of: window.of.clone(),
            product: self.standing(self.unit.product, window.to)?,
            order: self.standing(self.unit.order, window.to)?,
            alerts: told,
            detections: detected,
            states: self.states(span)?,
            stops: self.stops(span)?,
            values: self.values(span)?,
            values_left_out: self.tags_left_out,
        })
    }

    /// The text that stood at a moment.
    fn standing(&self, tag: Option<TagId>, at: Timestamp) -> Result<Option<String>, AnalysisError> {
        let Some(rate) = tag
            .and_then(|tag| self.plant.config.tag(tag))
            .map(|tag| tag.rate)
        else {
            return Ok(None);
        };
        for back in [rate.saturating_mul(3), MARGIN] {
            let span = Span::new(at.saturating_sub(back), after(at));
            let told = texts(self.plant, tag, span)?;
            if !told.is_empty() {
                let text = Cursor::new(&told).at(at);
                return Ok(text.map(|text| text.to_string()));
            }
        }
        Ok(None)
    }

    fn states(&self, span: Span) -> Result<Vec<LinkedState>, AnalysisError> {
        let rate = self
            .plant
            .config
            .tag(self.unit.state)
            .map_or(Duration::ZERO, |tag| tag.rate);
        let around = Span::new(span.start.saturating_sub(rate.saturating_mul(3)), span.end);
        let mut changes: Vec<(Timestamp, MachineState)> = Vec::new();
        each(
            self.plant,
            Some(self.unit.state),
            around,
            |at, value, quality| {
                let state =
                    gather::machine_state(&value).filter(|_| gather::settled(quality).is_good());
                if let Some(state) = state
                    && changes.last().is_none_or(|(_, before)| *before != state)
                {
                    changes.push((at, state));
                }
            },
        )?;
        // Of what was before, the state that stood is enough.
        let before = changes.partition_point(|(at, _)| *at <= span.start);
        let shown = changes
            .into_iter()
            .skip(before.saturating_sub(1))
            .take(FACTS_MAX);
        let shown = shown.map(|(at, state)| self.state(at.max(span.start), &state));
        Ok(shown.collect())
    }

    fn state(&self, at: Timestamp, state: &MachineState) -> LinkedState {
        let producing = Circumstances {
            has_order: true,
            in_changeover: false,
            mode: Mode::Production,
            work_order: WorkOrder::None,
        };
        LinkedState {
            at: at.to_string(),
            state: match state {
                MachineState::Code(code) => code.to_string(),
                MachineState::Word(word) => word.to_string(),
                MachineState::Category(category) => category.as_str().to_owned(),
            },
            category: self.unit.states.category(state, producing).as_str(),
        }
    }

    /// Stops of whole shifts are accounted for, so that those which are stated are not worked out again.
    fn stops(&mut self, span: Span) -> Result<Vec<LinkedStop>, AnalysisError> {
        let calendar = self.plant.calendar_of(self.unit)?;
        let shifts = calendar.instances(span.start, span.end);
        let shifts = shifts.fold(span, |hull, shift| hull.hull(&shift.credit));
        if self
            .stops
            .as_ref()
            .is_none_or(|(known, _)| *known != shifts)
        {
            let account = account(self.plant, self.unit, (shifts, self.now))?;
            self.stops = Some((shifts, account.stops));
        }
        let stops = self.stops.iter().flat_map(|(_, stops)| stops);
        let inside = stops.filter(|stop| stop.downtime.span.overlaps(&span));
        let told = inside.take(FACTS_MAX).map(|stop| LinkedStop {
            from: stop.downtime.span.start.to_string(),
            to: stop.downtime.span.end.to_string(),
            element: stop.downtime.element.downtime_name(),
            reason: stop.downtime.reason.as_deref().map(str::to_owned),
        });
        Ok(told.collect())
    }

    fn values(&self, span: Span) -> Result<Vec<LinkedValue>, AnalysisError> {
        let mut window = BTreeMap::new();
        for tag in &self.tags {
            let own = values(self.plant.reader, (*tag).into(), &[span], Cut::Touching)?;
            window.insert(tag.name.clone(), own);
        }
        let unit_of = |name: &str| {
            let tag = self.tags.iter().find(|tag| tag.name == name);
            tag.map_or("", |tag| tag.unit.as_str())
        };
        let ranked = compare_with_reference(&window, &self.reference).into_iter();
        Ok(ranked.map(|of| linked(&of, unit_of(&of.name))).collect())
    }
}

/// Numbers that are measured at the place of a work unit, besides what its production is accounted by.
fn process_tags<'a>(config: &'a Config, unit: &WorkUnit, without: &[TagId]) -> Vec<&'a Tag> {
    let accounting = [
        Some(unit.state),
        unit.mode,
        unit.count,
        unit.scrap,
        unit.rework,
        unit.order,
        unit.product,
        unit.reason,
    ];
    let tags = (0..).map(TagId).zip(&config.tags);
    let process = tags.filter(|(id, tag)| {
        let is_number = !matches!(tag.data_type, DataType::Text { .. });
        let is_here = config.asset(tag).is_within(&unit.asset);
        is_number && is_here && !accounting.contains(&Some(*id)) && !without.contains(id)
    });
    process.map(|(_, tag)| tag).collect()
}

fn linked(of: &Deviation, unit: &str) -> LinkedValue {
    LinkedValue {
        tag: of.name.clone(),
        unit: unit.to_owned(),
        window_n: of.window_n,
        reference_n: of.reference_n,
        window_mean: of.window_mean,
        reference_mean: of.reference_mean,
        reference_deviation: of.reference_deviation,
        standardised: of.standardised,
        note: of.note.map(DeviationNote::code),
        text: in_words(of, unit),
    }
}

/// As "oven1.zone1 2.8 standard deviations above its reference (190.2 instead of 180.1 degC)".
fn in_words(of: &Deviation, unit: &str) -> String {
    let name = &of.name;
    let unit = if unit.is_empty() {
        String::new()
    } else {
        format!(" {unit}")
    };
    let means = of.window_mean.zip(of.reference_mean);
    let means = means.map_or_else(String::new, |(window, reference)| {
        format!(" ({window:.4} instead of {reference:.4}{unit})")
    });
    match (of.note, of.standardised) {
        (None, Some(away)) => {
            let side = if away < 0.0 { "below" } else { "above" };
            format!(
                "{name} {:.1} standard deviations {side} its reference{means}",
                away.abs()
            )
        }
        (Some(DeviationNote::ConstantBroken), _) => {
            format!("{name} stood still in its reference and is elsewhere{means}")
        }
        (Some(DeviationNote::Constant), _) => format!("{name} stands still as in its reference"),
        (Some(DeviationNote::NoWindow), _) => format!("{name} has no value in the window"),
        _ => format!("{name} has too few values in its reference"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(standardised: Option<f64>, note: Option<DeviationNote>, expected: &str) {
        let of = Deviation {
            name: "oven1.zone1".to_owned(),
            window_n: 1,
            reference_n: 10,
            window_mean: Some(190.0),
            reference_mean: Some(180.5),
            reference_deviation: Some(3.4),
            standardised,
            note,
        };
        assert_eq!(in_words(&of, "degC"), expected);
    }

    #[test]
    fn a_deviation_is_told_in_words() {
        let means = "(190.0000 instead of 180.5000 degC)";
        for (standardised, words) in [
            (2.79, "2.8 standard deviations above"),
            (-12.0, "12.0 standard deviations below"),
        ] {
            let expected = format!("oven1.zone1 {words} its reference {means}");
            check(Some(standardised), None, &expected);
        }
        let broken = format!("oven1.zone1 stood still in its reference and is elsewhere {means}");
        check(None, Some(DeviationNote::ConstantBroken), &broken);
        check(
            None,
            Some(DeviationNote::NoWindow),
            "oven1.zone1 has no value in the window",
        );
        check(
            None,
            Some(DeviationNote::NoReference),
            "oven1.zone1 has too few values in its reference",
        );
    }
}

//! Shifts of a period: who worked them, what was made, and whether the staffing was as planned.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::account::account;
use super::error::AnalysisError;
use super::oee::{Figure, loss_model, span_of};
use super::period::Period;
use super::plant::Plant;
use crate::config::Config;
use crate::history::Reader;
use crate::model::Timestamp;
use crate::production::atoms::{Atom, Totals};
use crate::production::calendar::{HeadcountSource, ShiftInstance, ShiftKey};
use crate::production::kpi::Kpi;

/// Of the answer; a reader refuses what it does not know.
const SCHEMA: u32 = 1;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShiftsQuestion {
    /// Of when.
    pub period: Period,
    /// Names of work units; all when none are named.
    pub work_units: Vec<String>,
}

/// Shifts in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShiftsAnswer {
    /// Version of this form.
    pub schema: u32,
    /// First moment.
    pub from: String,
    /// First moment after.
    pub to: String,
    /// Where minor stops go.
    pub model: String,
    /// The shifts.
    pub shifts: Vec<ShiftRow>,
}

/// One shift.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShiftRow {
    /// Production day.
    pub production_day: String,
    /// Name.
    pub shift: String,
    /// First moment.
    pub start: String,
    /// First moment after.
    pub end: String,
    /// Elapsed hours: 7 or 9 for a night in which summer time begins or ends.
    pub hours: f64,
    /// Who works it; empty where crews are not told apart.
    pub crew: String,
    /// People present; the plan where nobody says.
    pub headcount: Option<u32>,
    /// People planned.
    pub planned_headcount: Option<u32>,
    /// Where `headcount` comes from: `roster`, `planned` or `unknown`.
    pub headcount_from: String,
    /// Share of them who know the work.
    pub experience_share: Option<f64>,
    /// Work units that were scheduled.
    pub scheduled: usize,
    /// Work units asked for.
    pub work_units: usize,
    /// Overall equipment effectiveness of all of them.
    pub oee: Figure,
    /// Availability.
    pub availability: Figure,
    /// Effectiveness.
    pub effectiveness: Figure,
    /// Quality ratio.
    pub quality_ratio: Figure,
    /// Pieces made.
    pub pieces: f64,
    /// Scrap.
    pub scrap: f64,
    /// Rework.
    pub rework: f64,
    /// Highest revision of the statements in it; null while none is stated.
    pub revision: Option<u32>,
}

/// Answers a question about shifts.
pub(super) fn shifts(
    question: &ShiftsQuestion,
    config: &Config,
    reader: &Reader,
    now: Timestamp,
) -> Result<ShiftsAnswer, AnalysisError> {
    let model = loss_model(None, config)?;
    let plant = Plant::load(config, reader)?;
    let span = span_of(&question.period, &plant, now)?;
    let units = plant.work_units(&question.work_units)?;
    let mut atoms: BTreeMap<ShiftKey, Vec<Atom>> = BTreeMap::new();
    let mut instances: BTreeMap<(Timestamp, ShiftKey), ShiftInstance> = BTreeMap::new();
    for shift in plant.calendar()?.instances(span.start, span.end) {
        instances.insert((shift.credit.start, shift.key.clone()), shift);
    }
    for unit in &units {
        for shift in plant.calendar_of(unit)?.instances(span.start, span.end) {
            instances
                .entry((shift.credit.start, shift.key.clone()))
                .or_insert(shift);
        }
        for atom in account(&plant, unit, (span, now))?.atoms {
            atoms.entry(atom.key.shift.clone()).or_default().push(atom);
        }
    }
    let rows = instances.into_values().map(|shift| {
        let own = atoms.remove(&shift.key).unwrap_or_default();
        row(&shift, &own, units.len(), model)
    });
    Ok(ShiftsAnswer {
        schema: SCHEMA,
        from: span.start.to_string(),
        to: span.end.to_string(),
        model: model.as_str().to_owned(),
        shifts: rows.collect(),
    })
}

fn row(
    shift: &ShiftInstance,
    atoms: &[Atom],
    work_units: usize,
    model: crate::production::kpi::LossModel,
) -> ShiftRow {
    let totals = Totals::of(atoms);
    let scheduled: BTreeSet<_> = atoms
        .iter()
        .filter(|atom| !atom.elements.pot().is_zero())
        .map(|atom| &atom.key.unit)
        .collect();
    let figure = |kpi| Figure::of(&totals.headline(kpi, model));
    let staffing = &shift.staffing;
    let from = match staffing.source {
        HeadcountSource::Roster => "roster",
        HeadcountSource::Planned => "planned",
        HeadcountSource::Unknown => "unknown",
    };
    ShiftRow {
        production_day: shift.production_day.to_string(),
        shift: shift.key.shift.to_string(),
        start: shift.credit.start.to_string(),
        end: shift.credit.end.to_string(),
        hours: shift.hours(),
        crew: shift.crews.join("+"),
        headcount: staffing.headcount,
        planned_headcount: staffing.planned,
        headcount_from: from.to_owned(),
        experience_share: staffing.experience_share,
        scheduled: scheduled.len(),
        work_units,
        oee: figure(Kpi::Oee),
        availability: figure(Kpi::Availability),
        effectiveness: figure(Kpi::Effectiveness),
        quality_ratio: figure(Kpi::QualityRatio),
        pieces: totals.output.pieces,
        scrap: totals.output.scrap,
        rework: totals.output.rework,
        revision: atoms.iter().map(|atom| atom.revision).max(),
    }
}

//! Shifts of a period: who worked them, what was made, and whether the staffing was as planned.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::account::{account, complete};
use super::error::AnalysisError;
use super::oee::{Figure, loss_model};
use super::period::Period;
use super::plant::Plant;
use crate::config::Config;
use crate::history::Reader;
use crate::model::Timestamp;
use crate::production::atoms::{Atom, Totals};
use crate::production::calendar::{HeadcountSource, ShiftInstance, ShiftKey};
use crate::production::handover::{HandoverRates, Part};
use crate::production::kpi::{COVERAGE_MIN, Kpi, LossModel, Rules};
use crate::production::staffing::staffing;

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
    /// People present less people planned; null without a roster.
    pub headcount_gap: Option<i64>,
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
    /// Share of the rate in the middle of the shift that its first and last part lack; negative when they are faster. Null
    /// while the shift is not over, where nothing was made in the middle, and where most of it has no data.
    pub transition_loss: Option<f64>,
    /// Pieces an hour in its first and last part.
    pub transition_per_h: Option<f64>,
    /// Pieces an hour in between.
    pub settled_per_h: Option<f64>,
    /// Highest revision of the statements in it; null while none is stated.
    pub revision: Option<u32>,
}

/// What is known of one shift of all work units.
#[derive(Default)]
struct Worked {
    atoms: Vec<Atom>,
    transition: Part,
    settled: Part,
    /// Work units of which no handover is known although they have figures.
    untold: usize,
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
    let span = plant.span(&question.period, now)?;
    let units = plant.work_units(&question.work_units)?;
    let mut worked: BTreeMap<ShiftKey, Worked> = BTreeMap::new();
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
        let mut account = account(&plant, unit, (span, now))?;
        complete(&mut account, &plant, unit, now)?;
        gather(&mut worked, account.atoms, &account.course.handovers);
    }
    let rows = instances.into_values().map(|shift| {
        let own = worked.remove(&shift.key).unwrap_or_default();
        let is_over = shift.credit.end <= now && shift.credit.clip(&span) == shift.credit;
        ShiftRow {
            transition_loss: own.transition_loss(&shift).filter(|_| is_over),
            transition_per_h: own.transition.per_hour(),
            settled_per_h: own.settled.per_hour(),
            ..row(&shift, &own.atoms, units.len(), model)
        }
    });
    Ok(ShiftsAnswer {
        schema: SCHEMA,
        from: span.start.to_string(),
        to: span.end.to_string(),
        model: model.as_str().to_owned(),
        shifts: rows.collect(),
    })
}

/// Adds what one work unit has to say.
fn gather(worked: &mut BTreeMap<ShiftKey, Worked>, atoms: Vec<Atom>, handovers: &[HandoverRates]) {
    let scheduled: BTreeSet<ShiftKey> = atoms
        .iter()
        .filter(|atom| !atom.elements.pot().is_zero())
        .map(|atom| atom.key.shift.clone())
        .collect();
    for atom in atoms {
        let shift = worked.entry(atom.key.shift.clone()).or_default();
        shift.atoms.push(atom);
    }
    for key in scheduled {
        let own = handovers.iter().find(|rates| rates.shift == key);
        let shift = worked.entry(key).or_default();
        match own {
            Some(rates) => {
                shift.transition += &rates.transition;
                shift.settled += &rates.settled;
            }
            None => shift.untold += 1,
        }
    }
}

impl Worked {
    fn transition_loss(&self, shift: &ShiftInstance) -> Option<f64> {
        let coverage = Totals::of(&self.atoms).figures(Rules::default()).coverage?;
        let rates = HandoverRates {
            shift: shift.key.clone(),
            transition: self.transition,
            settled: self.settled,
        };
        let is_known = self.untold == 0 && coverage >= COVERAGE_MIN;
        rates.loss().filter(|_| is_known)
    }
}

fn row(shift: &ShiftInstance, atoms: &[Atom], work_units: usize, model: LossModel) -> ShiftRow {
    let totals = Totals::of(atoms);
    let scheduled: BTreeSet<_> = atoms
        .iter()
        .filter(|atom| !atom.elements.pot().is_zero())
        .map(|atom| &atom.key.unit)
        .collect();
    let figure = |kpi| Figure::of(&totals.headline(kpi, model));
    let staffed = staffing(shift);
    let from = match shift.staffing.source {
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
        crew: shift.crew(),
        headcount: staffed.headcount,
        planned_headcount: staffed.planned,
        headcount_gap: staffed.gap,
        headcount_from: from.to_owned(),
        experience_share: staffed.experience_share,
        scheduled: scheduled.len(),
        work_units,
        oee: figure(Kpi::Oee),
        availability: figure(Kpi::Availability),
        effectiveness: figure(Kpi::Effectiveness),
        quality_ratio: figure(Kpi::QualityRatio),
        pieces: totals.output.pieces,
        scrap: totals.output.scrap,
        rework: totals.output.rework,
        transition_loss: None,
        transition_per_h: None,
        settled_per_h: None,
        revision: atoms.iter().map(|atom| atom.revision).max(),
    }
}

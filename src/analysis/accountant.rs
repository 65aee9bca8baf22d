//! States the figures of each shift once it is over, and states them again when something becomes known later.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::account::{has_samples, statement, statements, work_out};
use super::error::AnalysisError;
use super::plant::{EVER, Plant};
use super::stored::{StatementV2, statement_event};
use super::{gather, intake};
use crate::config::{Config, WorkUnit};
use crate::history::{Event, Reader};
use crate::model::Timestamp;
use crate::production::atoms::{Atom, AtomKey};
use crate::production::calendar::{Calendar, ShiftInstance};
use crate::production::restate::{Cause, late_rejects, restate};
use crate::production::span::Span;
use crate::production::stored::AtomsV1;

/// How far back a first start looks for shifts that have not been stated: as far as samples may be kept.
const CATCH_UP_SHIFTS: usize = 3 * 400;

/// Knows up to where the figures of each work unit are stated.
#[derive(Debug)]
pub struct Accountant {
    config: Arc<Config>,
    /// End of the last shift that was stated, by work unit.
    stated: BTreeMap<String, Timestamp>,
    /// Nothing is due before.
    next: Option<Timestamp>,
}

impl Accountant {
    /// An accountant of a plant; what an earlier one has stated is read from the history when it is first needed.
    pub const fn new(config: Arc<Config>) -> Self {
        Self {
            config,
            stated: BTreeMap::new(),
            next: None,
        }
    }

    /// Whether [`Accountant::state`] may have something to do.
    pub fn is_due(&self, now: Timestamp) -> bool {
        let has_units = !self.config.production.work_units.is_empty();
        has_units && self.next.is_none_or(|next| next <= now)
    }

    /// States every shift that has ended and settled: events to be written. What was appended to the history must be
    /// committed before.
    pub fn state(&mut self, reader: &Reader, now: Timestamp) -> Result<Vec<Event>, AnalysisError> {
        // What cannot be stated now is not tried again at every turn.
        self.next = Some(now.saturating_add(RETRY));
        let config = Arc::clone(&self.config);
        let plant = Plant::load(&config, reader)?;
        let settled = now.saturating_sub(config.production.settle);
        let mut events = Vec::new();
        let mut next = Timestamp::from_nanos(i64::MAX);
        for unit in &config.production.work_units {
            let calendar = plant.calendar_of(unit)?;
            let since = match self.stated.get(&unit.name) {
                Some(since) => *since,
                None => stated_until(&plant, unit, now)?,
            };
            let mut until = since;
            for shift in calendar
                .instances(since, now.saturating_add(HORIZON))
                .take(CATCH_UP_SHIFTS)
            {
                if shift.credit.start < since {
                    continue;
                }
                if shift.credit.end > settled {
                    next = next.min(shift.credit.end.saturating_add(config.production.settle));
                    break;
                }
                until = shift.credit.end;
                let statement = state_shift(&plant, (unit, calendar), &shift, now)?;
                events.push(event_of(unit, &shift, &statement));
            }
            self.stated.insert(unit.name.clone(), until);
        }
        // A calendar without a shift ahead is looked at again now and then.
        self.next = Some(next.min(now.saturating_add(HORIZON)));
        Ok(events)
    }

    /// Statements that `taken` facts change: of shifts that were stated already. What was taken in must be committed
    /// before.
    pub fn restate(
        &self,
        reader: &Reader,
        taken: &[Event],
        now: Timestamp,
    ) -> Result<Vec<Event>, AnalysisError> {
        let plant = Plant::load(&self.config, reader)?;
        let mut events = Vec::new();
        for unit in &self.config.production.work_units {
            let calendar = plant.calendar_of(unit)?;
            let mut shifts: Vec<ShiftInstance> = Vec::new();
            let mut moments = intake::concerned(taken, unit);
            moments.extend(of_products(&plant, unit, &intake::products(taken))?);
            moments.sort_unstable();
            for time in moments {
                let shift = calendar.at(time);
                shifts.extend(shift.filter(|shift| shifts.last() != Some(shift)));
            }
            for shift in shifts {
                events.extend(restate_shift(&plant, (unit, calendar), &shift, now)?);
            }
        }
        Ok(events)
    }
}

/// Starts of the stated shifts in which a work unit made one of `products` after something new became known of it.
fn of_products(
    plant: &Plant<'_>,
    unit: &WorkUnit,
    products: &[(&str, Timestamp)],
) -> Result<Vec<Timestamp>, AnalysisError> {
    let Some(from) = products.iter().map(|(_, since)| *since).min() else {
        return Ok(Vec::new());
    };
    let since = Span::new(from.saturating_sub(HORIZON), EVER.1);
    let stated = statements(plant, unit, since, usize::MAX)?;
    let makes = |statement: &StatementV2| {
        let mut atoms = statement.atoms.atoms.iter();
        atoms.any(|atom| {
            let made = atom.product.as_deref();
            products.iter().any(|(product, _)| made == Some(*product))
        })
    };
    let concerned = stated.iter().filter(|(_, statement)| makes(statement));
    Ok(concerned.map(|(start, _)| *start).collect())
}

/// How long after a failure figures are tried to be stated again.
const RETRY: Duration = Duration::from_mins(1);
/// A shift is looked for this far ahead.
const HORIZON: Duration = Duration::from_hours(36);

/// Up to where an earlier accountant has stated figures; as far back as samples are kept where there was none.
fn stated_until(
    plant: &Plant<'_>,
    unit: &WorkUnit,
    now: Timestamp,
) -> Result<Timestamp, AnalysisError> {
    let kept = now.saturating_sub(plant.config.history.raw);
    let stated = statements(plant, unit, Span::new(kept, now), usize::MAX)?;
    let last = stated.iter().map(|(start, statement)| {
        let ends = statement.atoms.atoms.iter().map(|atom| atom.end_ns);
        Timestamp::from_nanos(ends.max().unwrap_or(start.as_nanos() + 1))
    });
    Ok(last.max().unwrap_or(kept))
}

/// What samples say of a shift.
fn state_shift(
    plant: &Plant<'_>,
    (unit, calendar): (&WorkUnit, &Calendar),
    shift: &ShiftInstance,
    now: Timestamp,
) -> Result<StatementV2, AnalysisError> {
    let assembled = work_out(plant, unit, calendar, (shift.credit, now))?;
    let late = gather::late_rejects(plant, unit, calendar).into_iter();
    let booked = late.filter(|(_, late)| late.origin.shift == shift.key);
    let booked = booked.map(|(id, _)| id).collect();
    Ok(statement(&assembled, shift, booked))
}

fn event_of(unit: &WorkUnit, shift: &ShiftInstance, statement: &StatementV2) -> Event {
    statement_event(shift.credit.start, unit.name.clone(), statement)
}

/// The next revision of a stated shift; none when it was not stated yet, or nothing changes. Where samples are still kept
/// it is worked out anew; else late rejects are booked and reasons written to what was stated.
fn restate_shift(
    plant: &Plant<'_>,
    (unit, calendar): (&WorkUnit, &Calendar),
    shift: &ShiftInstance,
    now: Timestamp,
) -> Result<Option<Event>, AnalysisError> {
    let start = shift.credit.start;
    let at_start = Span::new(start, start.saturating_add(Duration::from_nanos(1)));
    let Some(before) = statements(plant, unit, at_start, 1)?.remove(&start) else {
        return Ok(None);
    };
    let after = if has_samples(plant, start, now) {
        revised(&before, state_shift(plant, (unit, calendar), shift, now)?)
    } else {
        amended(plant, unit, calendar, &before)
    };
    let is_news = after != before;
    Ok(is_news.then(|| event_of(unit, shift, &after)))
}

/// `new` with the revisions that follow those of `old`.
fn revised(old: &StatementV2, new: StatementV2) -> StatementV2 {
    let before: BTreeMap<AtomKey, Atom> = old
        .atoms
        .read()
        .unwrap_or_default()
        .into_iter()
        .map(|atom| (atom.key.clone(), atom))
        .collect();
    let atoms = new
        .atoms
        .read()
        .unwrap_or_default()
        .into_iter()
        .map(|atom| {
            let Some(old) = before.get(&atom.key) else {
                return atom;
            };
            match restate(old, atom, Cause::Facts) {
                Ok(Some(restated)) => restated.atom,
                Ok(None) | Err(_) => old.clone(),
            }
        });
    let atoms: Vec<Atom> = atoms.collect();
    StatementV2 {
        atoms: AtomsV1::from(atoms.as_slice()),
        ..new
    }
}

/// What can still be changed once the samples are gone.
fn amended(
    plant: &Plant<'_>,
    unit: &WorkUnit,
    calendar: &Calendar,
    old: &StatementV2,
) -> StatementV2 {
    let mut atoms = old.atoms.read().unwrap_or_default();
    let mut booked = old.booked.clone();
    for (id, late) in gather::late_rejects(plant, unit, calendar) {
        let own = atoms.iter_mut().find(|atom| atom.key == late.origin);
        let is_booked = booked.contains(&id);
        if let Some(atom) = own.filter(|_| !is_booked)
            && let Ok(restated) = late_rejects(atom, &late)
        {
            *atom = restated.atom;
            booked.push(id);
        }
    }
    let mut stops = old.stops.clone();
    for (_, name, said) in &plant.reasons {
        let stop = stops
            .iter_mut()
            .find(|stop| stop.start_ns == said.stop_start_ns);
        if let Some(stop) = stop.filter(|_| *name == unit.name) {
            stop.reason.clone_from(&said.reason);
        }
    }
    StatementV2 {
        atoms: AtomsV1::from(atoms.as_slice()),
        stops,
        booked,
        ..old.clone()
    }
}

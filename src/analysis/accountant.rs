//! States the figures of each shift once it is over, and states them again when something becomes known later.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::account::{has_samples, refused_rejects, statement, statements, work_out};
use super::amend::{amended, has_other_ideals, refusal, revised};
use super::error::AnalysisError;
use super::gather;
use super::intake::{self, Said};
use super::plant::{EVER, Plant};
use super::process::moment;
use super::stored::{StatementV2, statement_event};
use crate::config::{Config, WorkUnit};
use crate::history::{Event, Reader};
use crate::model::Timestamp;
use crate::production::calendar::{Calendar, ShiftInstance};
use crate::production::reason::{ReasonEdit, ReasonEditError};
use crate::production::span::Span;

/// Shifts of a work unit that are stated in one go, after a first start or a long standstill; more follow at once.
const SHIFTS_AT_ONCE: usize = 64;

/// Knows up to where the figures of each work unit are stated.
#[derive(Debug)]
pub struct Accountant {
    config: Arc<Config>,
    /// End of the last shift that was stated, by work unit.
    stated: BTreeMap<String, Timestamp>,
    /// Nothing is due before.
    next: Option<Timestamp>,
}

/// Figures to be written down.
#[derive(Debug, Default)]
pub struct Stated {
    /// The figures.
    pub events: Vec<Event>,
    /// The first work unit whose figures could not be stated, and why; those of the others are.
    pub failed: Option<(String, AnalysisError)>,
    /// End of the last shift that they state, by work unit.
    until: BTreeMap<String, Timestamp>,
    /// Nothing is due before.
    next: Option<Timestamp>,
}

/// Figures that are stated again.
#[derive(Debug, Default)]
pub struct Restated {
    /// The figures.
    pub events: Vec<Event>,
    /// What was taken in and is in no figure, in words.
    pub refused: Vec<String>,
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

    /// States every shift that has ended and settled. What was appended to the history must be committed before, and
    /// [`Accountant::written`] be told when the figures are.
    pub fn state(&mut self, reader: &Reader, now: Timestamp) -> Result<Stated, AnalysisError> {
        // What cannot be stated or written now is not tried again at every turn.
        let retry = now.saturating_add(RETRY);
        self.next = Some(retry);
        let plant = Plant::load(&self.config, reader)?;
        let mut stated = Stated::default();
        let mut next = now.saturating_add(HORIZON);
        for unit in &self.config.production.work_units {
            match self.state_unit(&plant, unit, now, &mut stated) {
                Ok(due) => next = next.min(due),
                Err(why) => {
                    stated.failed.get_or_insert((unit.name.clone(), why));
                    next = next.min(retry);
                }
            }
        }
        stated.next = Some(next);
        Ok(stated)
    }

    /// Remembers that figures are in the history.
    pub fn written(&mut self, stated: Stated) {
        self.stated.extend(stated.until);
        self.next = stated.next;
    }

    /// States what is due of one work unit; when more will be. Shifts before one that fails are stated.
    fn state_unit(
        &self,
        plant: &Plant<'_>,
        unit: &WorkUnit,
        now: Timestamp,
        stated: &mut Stated,
    ) -> Result<Timestamp, AnalysisError> {
        let calendar = plant.calendar_of(unit)?;
        let since = match self.stated.get(&unit.name) {
            Some(since) => *since,
            None => stated_until(plant, unit, now)?,
        };
        stated.until.insert(unit.name.clone(), since);
        let settle = self.config.production.settle;
        let horizon = now.saturating_add(HORIZON);
        let shifts = calendar.instances(since, horizon);
        for (place, shift) in shifts
            .filter(|shift| shift.credit.start >= since)
            .enumerate()
        {
            if shift.credit.end > now.saturating_sub(settle) {
                return Ok(shift.credit.end.saturating_add(settle));
            }
            if place >= SHIFTS_AT_ONCE {
                return Ok(now);
            }
            let (statement, _) = state_shift(plant, (unit, calendar), &shift, now)?;
            stated.events.push(event_of(unit, &shift, &statement));
            stated.until.insert(unit.name.clone(), shift.credit.end);
        }
        // A calendar without a shift ahead is looked at again now and then.
        Ok(horizon)
    }

    /// States again what `taken` facts change of shifts that were stated already. What was taken in must be committed
    /// before.
    pub fn restate(
        &self,
        reader: &Reader,
        taken: &[Event],
        now: Timestamp,
    ) -> Result<Restated, AnalysisError> {
        let plant = Plant::load(&self.config, reader)?;
        let mut restated = Restated::default();
        for unit in &self.config.production.work_units {
            let calendar = plant.calendar_of(unit)?;
            let mut spans = intake::concerned(taken, unit);
            let said = intake::moments(taken, unit);
            for Said { of, .. } in said.iter().filter(|said| calendar.at(said.of).is_none()) {
                let refused = format!("{} at {of}: in no shift", unit.name);
                restated.refused.push(refused);
            }
            for span in &mut spans {
                *span = whole_stop(&plant, unit, calendar, *span)?;
            }
            let of_products = of_products(&plant, unit, &intake::products(taken))?;
            let outdated = outdated(&plant, unit, &of_products, now);
            restated.refused.extend(outdated);
            spans.extend(of_products.keys().map(|start| moment(*start)));
            let shifts = spans
                .iter()
                .flat_map(|span| calendar.instances(span.start, span.end))
                .map(|shift| (shift.credit.start, shift));
            let shifts: BTreeMap<Timestamp, ShiftInstance> = shifts.collect();
            for shift in shifts.values() {
                let said = said.iter().filter(|said| shift.credit.contains(said.of));
                let said: Vec<&Said> = said.collect();
                restate_shift(&plant, (unit, calendar), (shift, &said), now, &mut restated)?;
            }
        }
        Ok(restated)
    }
}

/// The stated shifts, by their first moments, in which a work unit made one of `products` after something new became known of it.
fn of_products(
    plant: &Plant<'_>,
    unit: &WorkUnit,
    products: &[(&str, Timestamp)],
) -> Result<BTreeMap<Timestamp, StatementV2>, AnalysisError> {
    let Some(from) = products.iter().map(|(_, since)| *since).min() else {
        return Ok(BTreeMap::new());
    };
    let since = Span::new(from.saturating_sub(HORIZON), EVER.1);
    let mut stated = statements(plant, unit, since)?;
    let makes = |statement: &StatementV2| {
        let mut atoms = statement.atoms.atoms.iter();
        atoms.any(|atom| {
            let made = atom.product.as_deref();
            products.iter().any(|(product, _)| made == Some(*product))
        })
    };
    stated.retain(|_, statement| makes(statement));
    Ok(stated)
}

/// Shifts whose samples are gone and whose ideal cycles are others now, in words.
fn outdated(
    plant: &Plant<'_>,
    unit: &WorkUnit,
    stated: &BTreeMap<Timestamp, StatementV2>,
    now: Timestamp,
) -> Option<String> {
    let old = stated
        .iter()
        .filter(|(start, _)| !has_samples(plant, **start, now));
    let count = old
        .filter(|(start, of)| has_other_ideals(plant, **start, of))
        .count();
    (count > 0).then(|| {
        format!(
            "{}: {count} shifts are older than single samples are kept and stay with the ideal cycles they were stated with",
            unit.name
        )
    })
}

/// How long after a failure figures are tried to be stated again.
const RETRY: Duration = Duration::from_mins(1);
/// A stop is not followed for longer than this.
const STOP_MAX: Duration = Duration::from_hours(31 * 24);
/// A shift is looked for this far ahead.
const HORIZON: Duration = Duration::from_hours(36);

/// Up to where an earlier accountant has stated figures; as far back as samples are kept where there was none.
fn stated_until(
    plant: &Plant<'_>,
    unit: &WorkUnit,
    now: Timestamp,
) -> Result<Timestamp, AnalysisError> {
    let kept = now.saturating_sub(plant.config.history.raw);
    let stated = statements(plant, unit, Span::new(kept, now))?;
    let last = stated.iter().map(|(start, statement)| {
        let ends = statement.atoms.atoms.iter().map(|atom| atom.end_ns);
        Timestamp::from_nanos(ends.max().unwrap_or(start.as_nanos() + 1))
    });
    Ok(last.max().unwrap_or(kept))
}

/// Reasons that are in no figure, and why not.
type RefusedReasons = Vec<(ReasonEdit, ReasonEditError)>;

/// What samples say of a shift.
fn state_shift(
    plant: &Plant<'_>,
    (unit, calendar): (&WorkUnit, &Calendar),
    shift: &ShiftInstance,
    now: Timestamp,
) -> Result<(StatementV2, RefusedReasons), AnalysisError> {
    let assembled = work_out(plant, unit, calendar, (shift.credit, now))?;
    // In the same order as those that were assembled.
    let late = gather::late_rejects(plant, unit, (calendar, shift.credit));
    let is_booked = |place: usize| {
        let mut refused = assembled.refused_rejects.iter();
        !refused.any(|(refused, _)| *refused == place)
    };
    let booked = late.into_iter().enumerate();
    let booked = booked.filter(|(place, _)| is_booked(*place));
    let booked = booked.map(|(_, late)| late.id).collect();
    let statement = statement(&assembled, shift, booked);
    Ok((statement, assembled.refused_edits))
}

fn event_of(unit: &WorkUnit, shift: &ShiftInstance, statement: &StatementV2) -> Event {
    statement_event(shift.credit.start, unit.name.clone(), statement)
}

/// Adds the next revision of a stated shift, where something changes, and what is in no figure. Where samples are still
/// kept it is worked out anew; else late rejects are booked and reasons written to what was stated.
fn restate_shift(
    plant: &Plant<'_>,
    of: (&WorkUnit, &Calendar),
    (shift, said): (&ShiftInstance, &[&Said]),
    now: Timestamp,
    restated: &mut Restated,
) -> Result<(), AnalysisError> {
    let (unit, start) = (of.0, shift.credit.start);
    let Some(before) = statements(plant, unit, moment(start))?.remove(&start) else {
        // Later shifts are stated when they are due, with what was said of them.
        if !said.is_empty() && start < stated_until(plant, unit, now)? {
            let refused = format!("{} in {}: it has no figures", unit.name, shift.key);
            restated.refused.push(refused);
        }
        return Ok(());
    };
    let (new, refused): (_, Vec<ReasonEditError>) = if has_samples(plant, start, now) {
        let (new, mut refused) = state_shift(plant, of, shift, now)?;
        let is_of =
            |said: &&Said, edit: &ReasonEdit| said.of == edit.stop_start && said.at == edit.at;
        refused.retain(|(edit, _)| said.iter().any(|said| is_of(said, edit)));
        let refused = refused.into_iter().map(|(_, why)| why);
        (revised(&before, new), refused.collect())
    } else {
        let refused = said.iter().filter_map(|said| refusal(plant, &before, said));
        (amended(plant, of, (shift, &before)), refused.collect())
    };
    let told = refused.iter().map(|why| format!("{}: {why}", unit.name));
    restated.refused.extend(told);
    let Some(new) = new else {
        let refused = format!(
            "{} in {}: its figures were stated and cannot be read",
            unit.name, shift.key
        );
        restated.refused.push(refused);
        return Ok(());
    };
    let late = gather::late_rejects(plant, unit, (of.1, shift.credit));
    let atoms = new.atoms.read().unwrap_or_default();
    let refused = refused_rejects(&atoms, &new.booked, &late);
    restated.refused.extend(
        refused
            .into_iter()
            .map(|why| format!("{}: {why}", unit.name)),
    );
    if new != before {
        restated.events.push(event_of(unit, shift, &new));
    }
    Ok(())
}

/// From a moment to the end of the last shift whose figures have the stop that begins then: it may reach into later shifts.
fn whole_stop(
    plant: &Plant<'_>,
    unit: &WorkUnit,
    calendar: &Calendar,
    span: Span,
) -> Result<Span, AnalysisError> {
    let mut whole = span;
    for shift in calendar.instances(span.start, span.start.saturating_add(STOP_MAX)) {
        let stated = statements(plant, unit, moment(shift.credit.start))?;
        let mut stops = stated.values().flat_map(|statement| &statement.stops);
        if !stops.any(|stop| stop.start_ns == span.start.as_nanos()) {
            break;
        }
        whole.end = whole.end.max(shift.credit.end);
    }
    Ok(whole)
}

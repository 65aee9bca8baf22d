//! The account of a work unit: atoms, downtimes and cycles of a time, stated or worked out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::course::{Course, course};
use super::error::AnalysisError;
use super::gather::{Late, gather, late_rejects};
use super::plant::Plant;
use super::stored::{CyclesV1, StatementV2, StopV1, stated};
use crate::config::WorkUnit;
use crate::history::{EventKind, EventQuery};
use crate::model::Timestamp;
use crate::production::assemble::{Assembled, Counts, Facts, Settings, Stop, assemble};
use crate::production::atoms::Atom;
use crate::production::calendar::{Calendar, ShiftInstance, ShiftKey};
use crate::production::cycle::Cycle;
use crate::production::elements::Element;
use crate::production::reason::{ReasonEdit, ReasonEditError};
use crate::production::restate::{self, RestateError};
use crate::production::span::{Span, union};
use crate::production::stored::{AtomsV1, nanos};
use crate::production::time_model::Downtime;

/// Atoms, downtimes and cycles of one work unit.
#[derive(Debug, Default)]
pub(super) struct Account {
    pub(super) atoms: Vec<Atom>,
    pub(super) stops: Vec<Stop>,
    /// By product.
    pub(super) cycles: BTreeMap<Option<Arc<str>>, Vec<Cycle>>,
    /// Changeovers and the like; not of the shifts in `silent`.
    pub(super) course: Course,
    /// Shifts whose statement keeps no course.
    silent: Vec<Span>,
    /// Shifts whose figures were worked out just now, and may change yet.
    pub(super) provisional: usize,
    /// Reasons that cannot be given, and why.
    pub(super) refused_edits: Vec<(ReasonEdit, ReasonEditError)>,
    /// Why rejects that were found late are in no figure.
    pub(super) refused_rejects: Vec<RestateError>,
    /// Shifts whose statement cannot be read; they have no figures.
    pub(super) unreadable: Vec<ShiftKey>,
}

/// The account of `unit` in `window`: what was stated is taken as it was, the rest is worked out.
pub(super) fn account(
    plant: &Plant<'_>,
    unit: &WorkUnit,
    (window, now): (Span, Timestamp),
) -> Result<Account, AnalysisError> {
    let calendar = plant.calendar_of(unit)?;
    let mut stated = statements(plant, unit, window)?;
    let mut account = Account::default();
    let mut open: Vec<Span> = Vec::new();
    let late = late_rejects(plant, unit, (calendar, window));
    for shift in calendar.instances(window.start, window.end) {
        let is_whole = shift.credit.clip(&window) == shift.credit;
        let statement = stated.remove(&shift.credit.start).filter(|_| is_whole);
        if let Some(statement) = statement {
            account.take(&statement, &shift, &late);
        } else {
            account.provisional += 1;
            open.push(shift.credit.clip(&window));
        }
    }
    // Shifts without a statement that follow each other are worked out together.
    for span in union(&open) {
        let assembled = work_out(plant, unit, calendar, (span, now))?;
        account.add(assembled);
    }
    account.atoms.sort_by(|a, b| a.key.cmp(&b.key));
    account.stops.sort_by_key(|stop| stop.downtime.span.start);
    Ok(account)
}

/// Works out the course of shifts whose statement keeps none, where there are still samples, and says of how many shifts
/// it is not known.
pub(super) fn complete(
    account: &mut Account,
    plant: &Plant<'_>,
    unit: &WorkUnit,
    now: Timestamp,
) -> Result<usize, AnalysisError> {
    let calendar = plant.calendar_of(unit)?;
    let mut unknown = 0;
    for shift in std::mem::take(&mut account.silent) {
        if has_samples(plant, shift.start, now) {
            let assembled = work_out(plant, unit, calendar, (shift, now))?;
            account.course.add(&assembled);
        } else {
            unknown += 1;
        }
    }
    Ok(unknown)
}

/// Whether samples of a shift that began at `start` are still kept.
pub(super) fn has_samples(plant: &Plant<'_>, start: Timestamp, now: Timestamp) -> bool {
    now.saturating_sub(plant.config.history.raw) <= start
}

/// Works a span out of samples.
pub(super) fn work_out(
    plant: &Plant<'_>,
    unit: &WorkUnit,
    calendar: &Calendar,
    (window, now): (Span, Timestamp),
) -> Result<Assembled, AnalysisError> {
    let found = gather(plant, unit, calendar, (window, now))?;
    let facts = Facts {
        states: &found.states,
        modes: &found.modes,
        work_orders: &found.work_orders,
        reasons: &found.reasons,
        allocations: &found.allocations,
        counts: Counts {
            main: &found.main,
            main_counts: unit.main_counts,
            scrap: &found.scrap,
            rework: &found.rework,
        },
        planned: &found.planned,
        edits: &found.edits,
        late_rejects: &found.late_rejects,
        ..Facts::new(&unit.asset, window, calendar)
    };
    let settings = Settings {
        reasons: plant.config.production.reasons.as_ref(),
        microstop: unit.microstop,
        reason_editable: plant.config.production.reasons_editable,
        state_age_max: unit.state_age_max,
        ..Settings::new(&unit.states, &plant.catalogue, unit.counter)
    };
    assemble(&facts, &settings).map_err(|source| AnalysisError::Assemble {
        unit: unit.name.clone(),
        source,
    })
}

/// Statements of a work unit by the start of their shift.
pub(super) fn statements(
    plant: &Plant<'_>,
    unit: &WorkUnit,
    window: Span,
) -> Result<BTreeMap<Timestamp, StatementV2>, AnalysisError> {
    // As many as there are shifts.
    let events = plant.reader.events(&EventQuery {
        kinds: vec![EventKind::ATOMS],
        subject: Some(unit.name.clone()),
        from: window.start,
        to: window.end,
        limit: usize::MAX,
    })?;
    let statements = events
        .iter()
        .filter_map(|event| Some((event.time, stated(event)?)));
    Ok(statements.collect())
}

impl Account {
    /// Takes what was stated of a shift. One whose statement cannot be read has no figures.
    fn take(&mut self, statement: &StatementV2, instance: &ShiftInstance, late: &[Late]) {
        let shift = &instance.key;
        let own = late
            .iter()
            .filter(|late| late.rejects.origin.shift == *shift);
        match statement.atoms.read() {
            Ok(atoms) => {
                let refused = refused_rejects(&atoms, &statement.booked, own);
                self.refused_rejects.extend(refused);
                self.atoms.extend(atoms);
            }
            Err(_) => self.unreadable.push(shift.clone()),
        }
        match &statement.course {
            Some(course) => self.course.take(course, shift),
            None => self.silent.push(instance.credit),
        }
        self.stops.extend(
            statement
                .stops
                .iter()
                .filter_map(|stop| read_stop(stop, shift)),
        );
        for cycles in &statement.cycles {
            let product = cycles.product.as_deref().map(Arc::from);
            let known = self.cycles.entry(product).or_default();
            known.extend(cycles.cycles.iter().map(|(end_ns, seconds)| {
                let end = Timestamp::from_nanos(*end_ns);
                let length = Duration::try_from_secs_f32(*seconds).unwrap_or_default();
                Cycle {
                    span: Span::new(end.saturating_sub(length), end),
                    pieces: 1.0,
                }
            }));
        }
    }

    fn add(&mut self, assembled: Assembled) {
        self.course.add(&assembled);
        self.atoms.extend(assembled.atoms);
        self.stops.extend(assembled.stops);
        for cycles in assembled.cycles {
            let known = self.cycles.entry(cycles.product).or_default();
            known.extend(cycles.cycles);
        }
        self.refused_edits.extend(assembled.refused_edits);
        let refused = assembled.refused_rejects.into_iter();
        self.refused_rejects.extend(refused.map(|(_, why)| why));
    }
}

/// Why late rejects of a shift are not among those that were `booked` to its `atoms`.
pub(super) fn refused_rejects<'a>(
    atoms: &[Atom],
    booked: &[(i64, String)],
    late: impl IntoIterator<Item = &'a Late>,
) -> Vec<RestateError> {
    let left_out = late.into_iter().filter(|late| !booked.contains(&late.id));
    left_out
        .filter_map(|late| restate::late_rejects(atoms, &late.rejects).err())
        .collect()
}

/// The statement of one shift, with the late rejects that are in it.
pub(super) fn statement(
    assembled: &Assembled,
    shift: &ShiftInstance,
    booked: Vec<(i64, String)>,
) -> StatementV2 {
    let atoms: Vec<Atom> = assembled
        .atoms
        .iter()
        .filter(|atom| atom.key.shift == shift.key)
        .cloned()
        .collect();
    let stops = assembled
        .stops
        .iter()
        .filter(|stop| stop.shift.as_ref() == Some(&shift.key));
    StatementV2 {
        atoms: AtomsV1::from(atoms.as_slice()),
        stops: stops.map(|stop| stop_v1(&stop.downtime)).collect(),
        cycles: assembled
            .cycles
            .iter()
            .map(|of| CyclesV1 {
                product: of.product.as_deref().map(str::to_owned),
                cycles: thinned(&of.cycles),
            })
            .collect(),
        booked,
        course: Some(course(assembled, &shift.key)),
    }
}

/// As many cycles as are kept, spread over all.
fn thinned(cycles: &[Cycle]) -> Vec<(i64, f32)> {
    let stride = cycles.len().div_ceil(CyclesV1::KEPT_MAX).max(1);
    let kept = cycles.iter().step_by(stride);
    kept.filter_map(|cycle| Some((cycle.span.end.as_nanos(), single(cycle.seconds()?))))
        .collect()
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "seven digits of a cycle time are enough"
)]
const fn single(seconds: f64) -> f32 {
    seconds as f32
}

fn stop_v1(downtime: &Downtime) -> StopV1 {
    StopV1 {
        start_ns: downtime.span.start.as_nanos(),
        end_ns: downtime.span.end.as_nanos(),
        element: downtime.element.downtime_name().to_owned(),
        reason: downtime.reason.as_deref().map(str::to_owned),
        counted_ns: nanos(downtime.counted),
        is_open: downtime.is_open,
    }
}

fn read_stop(stop: &StopV1, shift: &ShiftKey) -> Option<Stop> {
    let elements = [
        Element::Stop,
        Element::Minor,
        Element::External,
        Element::Idle,
        Element::Unknown,
    ];
    let element = elements
        .into_iter()
        .find(|element| element.downtime_name() == stop.element)?;
    let (start, end) = (
        Timestamp::from_nanos(stop.start_ns),
        Timestamp::from_nanos(stop.end_ns),
    );
    Some(Stop {
        downtime: Downtime {
            span: Span::new(start, end),
            element,
            reason: stop.reason.as_deref().map(Arc::from),
            counted: Duration::from_nanos(stop.counted_ns),
            is_open: stop.is_open,
        },
        shift: Some(shift.clone()),
    })
}

//! Facts of one work unit, fetched from the samples of its tags.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use super::error::AnalysisError;
use super::plant::{Plant, arc, own_product};
use crate::config::WorkUnit;
use crate::history::{Export, HistoryError};
use crate::model::{Quality, Reason, Role, TagId, Timestamp, Value};
use crate::production::assemble::{Allocation, StateChange};
use crate::production::atoms::AtomKey;
use crate::production::calendar::Calendar;
use crate::production::counter::Reading;
use crate::production::reason::ReasonEdit;
use crate::production::restate::LateRejects;
use crate::production::span::Span;
use crate::production::state::{MachineState, Mode, WorkOrder};

/// How far before and after the window facts are looked for: a stop that began a day earlier is known whole.
pub(super) const MARGIN: Duration = Duration::from_hours(24);
/// How far before the window the shift before it is looked for: what was made last may be another product.
const BEFORE_MAX: Duration = Duration::from_hours(7 * 24);
/// Changes of what is allocated.
type Allocations = Vec<(Timestamp, Option<Allocation>)>;
/// Changes of a text.
pub(super) type Texts = Vec<(Timestamp, Option<Arc<str>>)>;

/// What was fetched.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) states: Vec<StateChange>,
    pub(super) modes: Vec<(Timestamp, Mode)>,
    pub(super) work_orders: Vec<(Timestamp, WorkOrder)>,
    pub(super) reasons: Texts,
    pub(super) allocations: Allocations,
    pub(super) main: Vec<Reading>,
    pub(super) scrap: Vec<Reading>,
    pub(super) rework: Vec<Reading>,
    pub(super) planned: Vec<Span>,
    pub(super) edits: Vec<ReasonEdit>,
    pub(super) late_rejects: Vec<LateRejects>,
}

/// Fetches the facts of `unit` in and around `window`, none later than `now`.
pub(super) fn gather(
    plant: &Plant<'_>,
    unit: &WorkUnit,
    calendar: &Calendar,
    (window, now): (Span, Timestamp),
) -> Result<Gathered, AnalysisError> {
    let around = Span::new(
        since(calendar, window.start),
        window.end.saturating_add(MARGIN).min(now),
    );
    let mut found = Gathered {
        main: readings(plant, unit.count, around)?,
        scrap: readings(plant, unit.scrap, around)?,
        rework: readings(plant, unit.rework, around)?,
        reasons: texts(plant, unit.reason, around)?,
        allocations: allocations(plant, unit, around)?,
        edits: edits(plant, unit, around),
        planned: plant.planned_of(unit),
        ..Gathered::default()
    };
    let late = late_rejects(plant, unit, (calendar, window)).into_iter();
    found.late_rejects = late
        .map(|late| late.with_allocation(&found.allocations))
        .collect();
    each(plant, Some(unit.state), around, |at, value, quality| {
        // What is no state is one that no list has.
        let state = machine_state(&value).unwrap_or_else(|| MachineState::Word("".into()));
        let quality = settled(quality);
        found.states.push(StateChange { at, state, quality });
    })?;
    each(plant, unit.mode, around, |at, value, quality| {
        let mode = value
            .as_f64()
            .filter(|_| settled(quality).is_good())
            .map_or(Mode::Production, mode_of);
        if found.modes.last().is_none_or(|(_, before)| *before != mode) {
            found.modes.push((at, mode));
        }
    })?;
    let own = plant
        .planned
        .iter()
        .filter(|(_, name, _)| *name == unit.name);
    for (start, _, stop) in own.filter(|(.., stop)| stop.is_maintenance) {
        let end = Timestamp::from_nanos(stop.end_ns);
        found.work_orders.push((*start, WorkOrder::Planned));
        found.work_orders.push((end, WorkOrder::None));
    }
    found.work_orders.sort_by_key(|(at, _)| *at);
    Ok(found)
}

/// From when on facts are looked for: a day before, and from the start of the shift before on, as over a weekend.
fn since(calendar: &Calendar, start: Timestamp) -> Timestamp {
    let shifts = calendar.instances(start.saturating_sub(BEFORE_MAX), start);
    let before = shifts.last().map(|shift| shift.credit.start);
    let day = start.saturating_sub(MARGIN);
    before.map_or(day, |before| before.min(day))
}

/// Calls `visit` with each sample of a tag; a tag that the history does not know has none.
pub(super) fn each(
    plant: &Plant<'_>,
    tag: Option<TagId>,
    span: Span,
    mut visit: impl FnMut(Timestamp, Value, Quality),
) -> Result<(), AnalysisError> {
    let Some(tag) = tag.and_then(|tag| plant.config.tag(tag)) else {
        return Ok(());
    };
    let export = Export {
        name: &tag.name,
        from: span.start,
        to: span.end,
    };
    let read = plant
        .reader
        .export_samples(&export, &mut |at, value, quality| {
            visit(at, value, quality);
            ControlFlow::Continue(())
        });
    match read {
        Ok(_) | Err(HistoryError::NoSeries(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// What validation finds unusual of a measurement is usual for states and counters: they stand still, jump, and come
/// back after a gap. Counters have rules of their own for what cannot be.
pub(super) const fn settled(quality: Quality) -> Quality {
    match quality {
        Quality::Uncertain(Reason::Gap | Reason::Stuck | Reason::RateOfChange) => Quality::Good,
        other => other,
    }
}

fn readings(
    plant: &Plant<'_>,
    tag: Option<TagId>,
    span: Span,
) -> Result<Vec<Reading>, AnalysisError> {
    let mut readings = Vec::new();
    each(plant, tag, span, |at, value, quality| {
        let number = value.as_f64();
        readings.push(Reading {
            at,
            value: number.unwrap_or(f64::NAN),
            quality: number.map_or(Quality::Bad(Reason::NotANumber), |_| settled(quality)),
        });
    })?;
    Ok(readings)
}

/// Changes of a text; numbers are read as they are written without a fraction.
pub(super) fn texts(
    plant: &Plant<'_>,
    tag: Option<TagId>,
    span: Span,
) -> Result<Texts, AnalysisError> {
    let mut changes: Texts = Vec::new();
    each(plant, tag, span, |at, value, quality| {
        if !settled(quality).is_good() {
            return;
        }
        let text = match &value {
            Value::Text(text) => arc(text),
            Value::Int(number) => arc(&number.to_string()),
            Value::Float(number) => arc(&number.to_string()),
            Value::Bool(_) | Value::Missing => None,
        };
        if changes.last().is_none_or(|(_, before)| *before != text) {
            changes.push((at, text));
        }
    })?;
    Ok(changes)
}

/// Orders and products as they were allocated.
fn allocations(
    plant: &Plant<'_>,
    unit: &WorkUnit,
    span: Span,
) -> Result<Allocations, AnalysisError> {
    if unit.order.is_none() && unit.product.is_none() {
        let own = unit.ideal_cycle.map(|_| Allocation {
            order: None,
            product: arc(&own_product(&unit.name)),
        });
        return Ok(own.map(|own| (span.start, Some(own))).into_iter().collect());
    }
    let orders = texts(plant, unit.order, span)?;
    let products = texts(plant, unit.product, span)?;
    let mut times: Vec<Timestamp> = orders.iter().chain(&products).map(|(at, _)| *at).collect();
    times.sort_unstable();
    times.dedup();
    let (mut order, mut product) = (Cursor::new(&orders), Cursor::new(&products));
    let mut allocations = Vec::with_capacity(times.len());
    for at in times {
        let (order, product) = (order.at(at), product.at(at));
        let is_free = if unit.order.is_some() {
            order.is_none()
        } else {
            product.is_none()
        };
        let allocation = (!is_free).then_some(Allocation { order, product });
        allocations.push((at, allocation));
    }
    Ok(allocations)
}

/// Walks forward through changes.
pub(super) struct Cursor<'a> {
    rest: &'a [(Timestamp, Option<Arc<str>>)],
    text: Option<Arc<str>>,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(rest: &'a [(Timestamp, Option<Arc<str>>)]) -> Self {
        Self { rest, text: None }
    }

    /// The text at `time`, which is not before that of the last call.
    pub(super) fn at(&mut self, time: Timestamp) -> Option<Arc<str>> {
        while let [(since, text), rest @ ..] = self.rest
            && *since <= time
        {
            self.text.clone_from(text);
            self.rest = rest;
        }
        self.text.clone()
    }
}

pub(super) fn machine_state(value: &Value) -> Option<MachineState> {
    match value {
        Value::Int(code) => Some(MachineState::Code(*code)),
        Value::Bool(flag) => Some(MachineState::Code(i64::from(*flag))),
        Value::Float(code) => whole(*code).map(MachineState::Code),
        Value::Text(word) => Some(MachineState::Word(Arc::from(word.as_str()))),
        Value::Missing => None,
    }
}

fn mode_of(number: f64) -> Mode {
    whole(number).map_or(Mode::Production, Mode::from_packml)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the number is whole and small"
)]
fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < 1e15).then_some(number as i64)
}

/// What people said about stops that began in `span`; others are not known here, and it would be taken for a mistake.
fn edits(plant: &Plant<'_>, unit: &WorkUnit, span: Span) -> Vec<ReasonEdit> {
    let own = plant
        .reasons
        .iter()
        .filter(|(_, name, _)| *name == unit.name);
    own.filter_map(|(at, _, said)| {
        let stop_start = Timestamp::from_nanos(said.stop_start_ns);
        span.contains(stop_start).then_some(())?;
        Some(ReasonEdit {
            stop_start,
            at: *at,
            by: Role::parse(&said.role).ok()?,
            reason: said.reason.as_deref().and_then(arc),
        })
    })
    .collect()
}

/// Rejects that were found late.
#[derive(Debug, Clone)]
pub(super) struct Late {
    /// Time and subject of their event.
    pub(super) id: (i64, String),
    /// When they were made.
    origin_at: Timestamp,
    pub(super) rejects: LateRejects,
}

impl Late {
    /// The rejects, with what was allocated when they were made.
    fn with_allocation(self, allocations: &Allocations) -> LateRejects {
        let until = allocations.partition_point(|(at, _)| *at <= self.origin_at);
        let last = until.checked_sub(1).and_then(|i| allocations.get(i));
        let allocated = last.map(|(_, allocation)| {
            let allocation = allocation.as_ref();
            AtomKey {
                product: allocation.and_then(|of| of.product.clone()),
                order: allocation.and_then(|of| of.order.clone()),
                ..self.rejects.origin.clone()
            }
        });
        LateRejects {
            allocated,
            ..self.rejects
        }
    }
}

/// Rejects that a work unit made in `span` and that were found late.
pub(super) fn late_rejects(
    plant: &Plant<'_>,
    unit: &WorkUnit,
    (calendar, span): (&Calendar, Span),
) -> Vec<Late> {
    let own = plant.late.iter().filter(|(.., late)| {
        late.work_unit == unit.name && span.contains(Timestamp::from_nanos(late.origin_ns))
    });
    own.filter_map(|(found_at, subject, late)| {
        let origin_at = Timestamp::from_nanos(late.origin_ns);
        let shift = calendar.at(origin_at)?;
        // Of a machine that tells no product, or no order, any is meant.
        let said = |text: &Option<String>, is_told: bool| {
            text.as_deref().filter(|_| is_told).and_then(arc)
        };
        let rejects = LateRejects {
            origin: AtomKey {
                unit: unit.asset.clone(),
                shift: shift.key,
                product: said(&late.product, unit.product.is_some()),
                order: said(&late.order, unit.order.is_some()),
            },
            allocated: None,
            scrap: late.scrap,
            rework: late.rework,
            found_at: *found_at,
        };
        Some(Late {
            id: (found_at.as_nanos(), subject.clone()),
            origin_at,
            rejects,
        })
    })
    .collect()
}

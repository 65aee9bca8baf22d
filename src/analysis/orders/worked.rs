//! What is planned of orders, and what was made of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::analysis::account::{account, complete};
use crate::analysis::error::AnalysisError;
use crate::analysis::plant::{Fact, Plant, events, facts};
use crate::analysis::stored::OrderV1;
use crate::config::WorkUnit;
use crate::history::{EventKind, Reader};
use crate::model::Timestamp;
use crate::production::atoms::Totals;
use crate::production::order::OrderPlan;
use crate::production::span::Span;

/// How long before its planned start an order may have begun.
const EARLY_MAX: Duration = Duration::from_hours(7 * 24);

/// Order and work unit.
pub(super) type Key = (String, String);
/// What is planned, by order and work unit.
pub(super) type Table = BTreeMap<Key, Fact<OrderV1>>;

/// What became of orders.
#[derive(Default)]
pub(super) struct Worked {
    pub(super) totals: BTreeMap<Key, (Totals, Option<String>)>,
    pub(super) times: BTreeMap<Key, Span>,
}

/// Reads what is planned; of several plans the one that begins last.
pub(super) fn table(reader: &Reader, units: &[&WorkUnit]) -> Result<Table, AnalysisError> {
    let mut known: Vec<Fact<OrderV1>> = facts(events(reader, EventKind::ORDER)?);
    known.retain(|(.., order)| units.iter().any(|unit| unit.name == order.work_unit));
    known.sort_by_key(|(planned_start, ..)| *planned_start);
    let keyed = known.into_iter().map(|(planned_start, subject, order)| {
        let name = order.order(&subject).to_owned();
        let key = (name.clone(), order.work_unit.clone());
        (key, (planned_start, name, order))
    });
    Ok(keyed.collect())
}

/// What was made of every order in `span`.
pub(super) fn worked(
    plant: &Plant<'_>,
    units: &[&WorkUnit],
    span: Span,
    now: Timestamp,
) -> Result<Worked, AnalysisError> {
    let mut worked = Worked::default();
    if span.is_empty() {
        return Ok(worked);
    }
    for unit in units {
        let mut account = account(plant, unit, (span, now))?;
        complete(&mut account, plant, unit, now)?;
        let mut told = BTreeSet::new();
        for time in &account.course.orders {
            told.insert((time.shift.clone(), time.order.to_string()));
            worked.note((&time.order, unit), time.span);
        }
        for atom in &account.atoms {
            let Some(order) = &atom.key.order else {
                continue;
            };
            let key = (order.to_string(), unit.name.clone());
            let (totals, product) = worked.totals.entry(key).or_default();
            totals.add(atom);
            *product = atom.key.product.as_deref().map(str::to_owned);
            // Where the moments are not kept the shift is known.
            if !told.contains(&(atom.key.shift.clone(), order.to_string())) {
                worked.note((order, unit), atom.credit.clip(&span));
            }
        }
    }
    Ok(worked)
}

impl Worked {
    fn note(&mut self, (order, unit): (&str, &WorkUnit), span: Span) {
        let key = (order.to_owned(), unit.name.clone());
        let known = self.times.entry(key).or_insert(span);
        *known = known.hull(&span);
    }

    /// Whether another order was at the work unit after `time`.
    pub(super) fn is_followed(&self, (order, unit): &Key, time: Timestamp) -> bool {
        let mut others = self.times.iter();
        others.any(|((other, at), span)| other != order && at == unit && span.end > time)
    }
}

/// Whether an order is planned for a part of `span`.
pub(super) fn is_planned_in((start, _, order): &Fact<OrderV1>, span: Span) -> bool {
    let ends = [order.planned_end_ns, order.actual_end_ns];
    let last = ends.into_iter().flatten().map(Timestamp::from_nanos).max();
    let end = last
        .unwrap_or(*start)
        .max(start.saturating_add(Duration::from_nanos(1)));
    Span::new(*start, end).overlaps(&span)
}

/// Not before this was an order begun.
pub(super) fn begun((planned_start, _, order): &Fact<OrderV1>) -> Timestamp {
    let early = planned_start.saturating_sub(EARLY_MAX);
    order.actual_start_ns.map_or(early, Timestamp::from_nanos)
}

/// What is planned of an order, in the terms of production.
pub(super) fn plan_of((planned_start, _, order): &Fact<OrderV1>) -> OrderPlan {
    OrderPlan {
        quantity: order.quantity,
        start: *planned_start,
        end: order.planned_end_ns.map(Timestamp::from_nanos),
    }
}

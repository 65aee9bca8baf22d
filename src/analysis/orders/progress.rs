//! How far an order is, and what is still to be made of it.

use super::Asked;
use super::worked::{Key, Worked, plan_of};
use crate::analysis::error::AnalysisError;
use crate::analysis::plant::{Fact, Plant, own_product};
use crate::analysis::stored::OrderV1;
use crate::config::WorkUnit;
use crate::model::Timestamp;
use crate::production::kpi::takt_s;
use crate::production::order::{OrderMade, OrderPlan, OrderState, Outlook, outlook};
use crate::production::span::Span;

/// Where an order is in its life.
pub(super) struct Progress {
    pub(super) state: OrderState,
    pub(super) start: Option<Timestamp>,
    pub(super) end: Option<Timestamp>,
    pub(super) has_figures: bool,
}

impl Progress {
    pub(super) fn of(
        asked: &Asked<'_>,
        unit: &WorkUnit,
        key: &Key,
        (fact, worked): (Option<&Fact<OrderV1>>, &Worked),
    ) -> Result<Self, AnalysisError> {
        let now = asked.now;
        let time = worked.times.get(key).copied();
        let passed = |time_ns: Option<i64>| {
            let time = time_ns.map(Timestamp::from_nanos);
            time.filter(|time| *time <= now)
        };
        let ended = fact.and_then(|(.., order)| passed(order.actual_end_ns));
        let begun = fact.and_then(|(.., order)| passed(order.actual_start_ns));
        let totals = worked.totals.get(key).map(|(totals, _)| totals.output);
        let is_full = fact
            .zip(totals)
            .is_some_and(|(fact, made)| plan_of(fact).remaining(&made) <= 0.0);
        let left = time.map(|time| time.end.min(now));
        let end = ended.or(left.filter(|_| is_full));
        let state = match left {
            _ if end.is_some() => OrderState::Done,
            None if begun.is_none() => OrderState::Waiting,
            None => OrderState::Interrupted,
            Some(left) => {
                let calendar = asked.plant.calendar_of(unit)?;
                let since = calendar.busy(Span::new(left, now), &asked.plant.planned_of(unit));
                if since.is_zero() && !worked.is_followed(key, left) {
                    OrderState::Running
                } else {
                    OrderState::Interrupted
                }
            }
        };
        Ok(Self {
            state,
            start: begun.or(time.map(|time| time.start)),
            end,
            has_figures: totals.is_some(),
        })
    }
}

/// What is still to be made.
#[derive(Default)]
pub(super) struct Rest {
    /// Good pieces.
    pub(super) pieces: Option<f64>,
    /// What they take at the ideal cycle.
    pub(super) ideal_s: Option<f64>,
    /// Busy seconds for each that are left.
    pub(super) needed_s: Option<f64>,
    /// Busy seconds that the plan gives each piece of the order.
    pub(super) takt_s: Option<f64>,
    pub(super) outlook: Option<Outlook>,
}

/// What is still to be made of an order; nothing is known without a plan.
pub(super) fn rest(
    asked: &Asked<'_>,
    unit: &WorkUnit,
    (plan, product): (Option<OrderPlan>, Option<&str>),
    (made, progress): (&OrderMade, &Progress),
) -> Result<Rest, AnalysisError> {
    let Some(plan) = plan else {
        return Ok(Rest::default());
    };
    let calendar = asked.plant.calendar_of(unit)?;
    let planned = asked.plant.planned_of(unit);
    let busy = |from: Timestamp| {
        let end = plan.end?;
        Some(calendar.busy(Span::new(from, end), &planned))
    };
    let takt_s = |from: Timestamp, pieces: f64| takt_s(busy(from)?, pieces);
    let pieces = Some(plan.remaining(&made.output));
    let pieces = pieces.filter(|_| progress.state != OrderState::Done);
    let ideal_s = ideal_of(asked.plant, unit, product, asked.now);
    let around = (calendar, &planned[..], asked.now);
    Ok(Rest {
        pieces,
        ideal_s: ideal_s.zip(pieces).map(|(ideal, pieces)| ideal * pieces),
        needed_s: pieces.and_then(|pieces| takt_s(asked.now, pieces)),
        takt_s: takt_s(plan.start, plan.quantity),
        outlook: pieces.map(|pieces| outlook(pieces, made, ideal_s, around)),
    })
}

fn ideal_of(
    plant: &Plant<'_>,
    unit: &WorkUnit,
    product: Option<&str>,
    now: Timestamp,
) -> Option<f64> {
    let of = |product: &str| plant.catalogue.ideal(product, now);
    let ideal = product
        .and_then(of)
        .or_else(|| of(&own_product(&unit.name)));
    ideal.map(|ideal| ideal.pru_s)
}

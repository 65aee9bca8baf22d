//! Orders: what was made of them, how far they are, and whether they will be done in time.

mod forms;
mod progress;
mod verdict;
mod worked;

use std::collections::BTreeSet;
use std::time::Duration;

pub use self::forms::{OrderRow, OrdersAnswer, OrdersQuestion};
use self::progress::{Progress, rest};
use self::verdict::{late_s, verdict};
use self::worked::{Key, Table, Worked, begun, is_planned_in, plan_of, table, worked};
use super::error::AnalysisError;
use super::oee::loss_model;
use super::plant::Plant;
use crate::config::{Config, WorkUnit};
use crate::history::Reader;
use crate::model::Timestamp;
use crate::production::kpi::{LossModel, OrderFigures, Rules, takt_s};
use crate::production::order::OrderMade;
use crate::production::span::Span;

/// Of the answer; a reader refuses what it does not know.
const SCHEMA: u32 = 1;
/// How long before the period an order may have begun.
const LONG_MAX: Duration = Duration::from_hours(24 * 400);

/// What is common to all rows.
struct Asked<'a> {
    plant: &'a Plant<'a>,
    model: LossModel,
    now: Timestamp,
}

/// Answers a question about orders.
pub(super) fn orders(
    question: &OrdersQuestion,
    config: &Config,
    reader: &Reader,
    now: Timestamp,
) -> Result<OrdersAnswer, AnalysisError> {
    let plant = Plant::load(config, reader)?;
    let mut span = plant.span(&question.period, now)?;
    span.end = span.end.min(now).max(span.start);
    let units = plant.work_units(&question.work_units)?;
    let table = table(reader, &units)?;
    let mut worked = worked(&plant, &units, span, now)?;
    check_names(&question.orders, &table, &worked)?;
    let mut wanted: BTreeSet<String> = question.orders.iter().cloned().collect();
    if wanted.is_empty() {
        let planned = table.iter().filter(|(_, fact)| is_planned_in(fact, span));
        wanted.extend(planned.map(|((order, _), _)| order.clone()));
        wanted.extend(worked.totals.keys().map(|(order, _)| order.clone()));
    }
    let begun = table
        .iter()
        .filter(|((order, _), _)| wanted.contains(order))
        .map(|(_, fact)| begun(fact));
    let since = begun.min().unwrap_or(span.start);
    if since < span.start {
        let earliest = span.start.saturating_sub(LONG_MAX);
        let longer = Span::new(since.max(earliest), span.end);
        worked = self::worked(&plant, &units, longer, now)?;
    }
    let asked = Asked {
        plant: &plant,
        model: loss_model(None, config)?,
        now: span.end,
    };
    let mut rows = Vec::new();
    for key in keys(&wanted, &table, &worked) {
        let unit = units.iter().find(|unit| unit.name == key.1);
        if let Some(unit) = unit {
            rows.push(row(&asked, unit, &key, (&table, &worked))?);
        }
    }
    rows.sort_by_key(|row| row.planned_start.clone().or_else(|| row.start.clone()));
    Ok(OrdersAnswer {
        schema: SCHEMA,
        from: span.start.to_string(),
        to: span.end.to_string(),
        orders: rows,
    })
}

fn check_names(names: &[String], table: &Table, worked: &Worked) -> Result<(), AnalysisError> {
    let known = || {
        let planned = table.keys().map(|(order, _)| order.as_str());
        planned.chain(worked.totals.keys().map(|(order, _)| order.as_str()))
    };
    let stranger = names
        .iter()
        .find(|name| !known().any(|order| order == **name));
    stranger.map_or(Ok(()), |name| {
        let near = crate::config::did_you_mean(name, known());
        Err(AnalysisError::Unknown {
            what: "order",
            name: name.clone(),
            allowed: format!("an order that was taken in or worked on in the period{near}"),
        })
    })
}

/// Rows: where an order was worked, and where it is planned unless it was worked elsewhere.
fn keys(wanted: &BTreeSet<String>, table: &Table, worked: &Worked) -> BTreeSet<Key> {
    let is_worked = |order: &str| worked.totals.keys().any(|(known, _)| known == order);
    let planned = table.keys().filter(|(order, _)| !is_worked(order));
    let all = worked.totals.keys().chain(planned);
    all.filter(|(order, _)| wanted.contains(order))
        .cloned()
        .collect()
}

fn row(
    asked: &Asked<'_>,
    unit: &WorkUnit,
    key: &Key,
    (table, worked): (&Table, &Worked),
) -> Result<OrderRow, AnalysisError> {
    let now = asked.now;
    let mut elsewhere = table.iter().filter(|((order, _), _)| *order == key.0);
    let fact = table
        .get(key)
        .or_else(|| elsewhere.next().map(|(_, fact)| fact));
    let plan = fact.map(plan_of);
    let (totals, product) = worked.totals.get(key).cloned().unwrap_or_default();
    let product = fact.map(|(.., order)| order.product.clone()).or(product);
    let figures = totals.figures(Rules {
        model: asked.model,
        ..Rules::default()
    });
    let made = OrderMade {
        output: totals.output,
        busy: totals.elements.pbt(),
    };
    let progress = Progress::of(asked, unit, key, (fact, worked))?;
    let rest = rest(asked, unit, (plan, product.as_deref()), (&made, &progress))?;
    let outlook = rest.outlook;
    let planned_end = plan.and_then(|plan| plan.end);
    let expected = outlook.and_then(|outlook| outlook.expected);
    let late_s = late_s(progress.end.or(expected), planned_end);
    let execution = progress.start.map(|start| {
        let end = progress.end.unwrap_or(now);
        OrderFigures::of(&figures, Span::new(start, end).length())
    });
    let told = |time: Option<Timestamp>| time.map(|time| time.to_string());
    let elsewhere = fact.filter(|(.., order)| order.work_unit != unit.name);
    Ok(OrderRow {
        order: key.0.clone(),
        work_unit: key.1.clone(),
        quantity: plan.map(|plan| plan.quantity),
        state: progress.state.as_str().to_owned(),
        has_figures: worked.totals.contains_key(key),
        planned_start: told(plan.map(|plan| plan.start)),
        planned_end: told(planned_end),
        start: told(progress.start),
        end: told(progress.end),
        pieces: made.output.pieces,
        good: made.output.good(),
        scrap: made.output.scrap,
        rework: made.output.rework,
        progress: plan.and_then(|plan| plan.progress(&made.output)),
        throughput_per_h: execution
            .and_then(|e| e.throughput_per_s)
            .map(|rate| rate * 3_600.0),
        production_process_ratio: execution.and_then(|e| e.production_process_ratio),
        allocation_ratio: execution.and_then(|e| e.allocation_ratio),
        pace_s: takt_s(made.busy, made.output.good()),
        takt_s: rest.takt_s,
        needed_s: rest.needed_s,
        remaining: rest.pieces,
        ideal_rest_s: rest.ideal_s,
        earliest_end: told(outlook.and_then(|outlook| outlook.earliest)),
        expected_end: told(expected),
        late_s,
        verdict: verdict(&progress, plan, (late_s, outlook, now), elsewhere),
        product,
    })
}

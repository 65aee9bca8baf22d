//! Orders: what was made of them, how far they are, and whether they will be done in time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::account::{account, complete};
use super::error::AnalysisError;
use super::oee::loss_model;
use super::period::Period;
use super::plant::{Fact, Plant, events, facts, own_product};
use super::stored::OrderV1;
use crate::config::{Config, WorkUnit};
use crate::history::{EventKind, Reader};
use crate::model::Timestamp;
use crate::production::atoms::Totals;
use crate::production::kpi::{LossModel, OrderFigures, Rules, takt_s};
use crate::production::order::{OrderMade, OrderPlan, OrderState, Outlook, outlook};
use crate::production::span::Span;

/// Of the answer; a reader refuses what it does not know.
const SCHEMA: u32 = 1;
/// How long before its planned start an order may have begun.
const EARLY_MAX: Duration = Duration::from_hours(7 * 24);
/// How long before the period an order may have begun.
const LONG_MAX: Duration = Duration::from_hours(24 * 400);
/// What is no later than this is in time.
const LATE_MIN_S: f64 = 60.0;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrdersQuestion {
    /// Orders that were planned for or worked on in it. What was made of them is told from their begin to its end.
    pub period: Period,
    /// Names of orders; all when none are named.
    pub orders: Vec<String>,
    /// Names of work units; all when none are named.
    pub work_units: Vec<String>,
}

/// Orders by their planned, else their actual start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrdersAnswer {
    /// Version of this form.
    pub schema: u32,
    /// First moment.
    pub from: String,
    /// As of when.
    pub to: String,
    /// The orders, one row for each work unit that an order is planned or worked at.
    pub orders: Vec<OrderRow>,
}

/// An order at a work unit. Times in seconds; what is not known is null.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderRow {
    /// Order.
    pub order: String,
    /// Work unit.
    pub work_unit: String,
    /// Product.
    pub product: Option<String>,
    /// Good pieces ordered.
    pub quantity: Option<f64>,
    /// `waiting`, `running`, `interrupted` or `done`.
    pub state: String,
    /// Whether there are figures of it.
    pub has_figures: bool,
    /// Planned start.
    pub planned_start: Option<String>,
    /// Planned end.
    pub planned_end: Option<String>,
    /// When it began: by the table, else by the machine.
    pub start: Option<String>,
    /// When it was done; null while it is not.
    pub end: Option<String>,
    /// Pieces made.
    pub pieces: f64,
    /// Good the first time.
    pub good: f64,
    /// Scrap.
    pub scrap: f64,
    /// Rework.
    pub rework: f64,
    /// Good pieces by the quantity.
    pub progress: Option<f64>,
    /// Pieces an hour from its start to its end, nights and breaks included (throughput rate of ISO 22400-2).
    pub throughput_per_h: Option<f64>,
    /// Production time by execution time.
    pub production_process_ratio: Option<f64>,
    /// Busy time by execution time.
    pub allocation_ratio: Option<f64>,
    /// Busy seconds that a good piece has taken.
    pub pace_s: Option<f64>,
    /// Busy seconds that the plan gives a good piece.
    pub takt_s: Option<f64>,
    /// Busy seconds that are left for each good piece that is.
    pub needed_s: Option<f64>,
    /// Good pieces to be made.
    pub remaining: Option<f64>,
    /// What they take at the ideal cycle.
    pub ideal_rest_s: Option<f64>,
    /// When it could be done at best: at the ideal cycle, from now on.
    pub earliest_end: Option<String>,
    /// When it will be done at its pace so far, from now on.
    pub expected_end: Option<String>,
    /// Its end, or the one that is expected, after the planned one; negative for earlier.
    pub late_s: Option<f64>,
    /// How it stands, in words.
    pub verdict: String,
}

/// Order and work unit.
type Key = (String, String);

/// What became of orders.
#[derive(Default)]
struct Worked {
    totals: BTreeMap<Key, (Totals, Option<String>)>,
    times: BTreeMap<Key, Span>,
}

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

/// What is planned, by order and work unit; of several plans the one that begins last.
fn table(
    reader: &Reader,
    units: &[&WorkUnit],
) -> Result<BTreeMap<Key, Fact<OrderV1>>, AnalysisError> {
    let mut known: Vec<Fact<OrderV1>> = facts(events(reader, EventKind::ORDER)?);
    known.retain(|(.., order)| units.iter().any(|unit| unit.name == order.work_unit));
    known.sort_by_key(|(planned_start, ..)| *planned_start);
    let keyed = known.into_iter().map(|fact| {
        let key = (fact.1.clone(), fact.2.work_unit.clone());
        (key, fact)
    });
    Ok(keyed.collect())
}

/// What was made of every order in `span`.
fn worked(
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
        *known = Span::new(known.start.min(span.start), known.end.max(span.end));
    }

    /// Whether another order was at the work unit after `time`.
    fn is_followed(&self, (order, unit): &Key, time: Timestamp) -> bool {
        let mut others = self.times.iter();
        others.any(|((other, at), span)| other != order && at == unit && span.end > time)
    }
}

fn check_names(
    names: &[String],
    table: &BTreeMap<Key, Fact<OrderV1>>,
    worked: &Worked,
) -> Result<(), AnalysisError> {
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

fn is_planned_in((start, _, order): &Fact<OrderV1>, span: Span) -> bool {
    let ends = [order.planned_end_ns, order.actual_end_ns];
    let last = ends.into_iter().flatten().map(Timestamp::from_nanos).max();
    let end = last
        .unwrap_or(*start)
        .max(start.saturating_add(Duration::from_nanos(1)));
    Span::new(*start, end).overlaps(&span)
}

/// Not before this was an order begun.
fn begun((planned_start, _, order): &Fact<OrderV1>) -> Timestamp {
    let early = planned_start.saturating_sub(EARLY_MAX);
    order.actual_start_ns.map_or(early, Timestamp::from_nanos)
}

/// Rows: where an order was worked, and where it is planned unless it was worked elsewhere.
fn keys(
    wanted: &BTreeSet<String>,
    table: &BTreeMap<Key, Fact<OrderV1>>,
    worked: &Worked,
) -> BTreeSet<Key> {
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
    (table, worked): (&BTreeMap<Key, Fact<OrderV1>>, &Worked),
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

/// What is still to be made.
#[derive(Default)]
struct Rest {
    /// Good pieces.
    pieces: Option<f64>,
    /// What they take at the ideal cycle.
    ideal_s: Option<f64>,
    /// Busy seconds for each that are left.
    needed_s: Option<f64>,
    /// Busy seconds that the plan gives each piece of the order.
    takt_s: Option<f64>,
    outlook: Option<Outlook>,
}

fn rest(
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

fn plan_of((planned_start, _, order): &Fact<OrderV1>) -> OrderPlan {
    OrderPlan {
        quantity: order.quantity,
        start: *planned_start,
        end: order.planned_end_ns.map(Timestamp::from_nanos),
    }
}

/// Where an order is in its life.
struct Progress {
    state: OrderState,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    has_figures: bool,
}

impl Progress {
    fn of(
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

/// Seconds from `planned` to `end`.
fn late_s(end: Option<Timestamp>, planned: Option<Timestamp>) -> Option<f64> {
    let (end, planned) = (end?, planned?);
    let after = Span::new(planned, end).length().as_secs_f64();
    let before = Span::new(end, planned).length().as_secs_f64();
    Some(after - before)
}

/// How an order stands, in words.
fn verdict(
    progress: &Progress,
    plan: Option<OrderPlan>,
    (after_s, outlook, now): (Option<f64>, Option<Outlook>, Timestamp),
    elsewhere: Option<&Fact<OrderV1>>,
) -> String {
    let mut words: Vec<String> = Vec::new();
    let hours = |seconds: f64| format!("{:.1} h", seconds / 3_600.0);
    let late = after_s.filter(|late| *late > LATE_MIN_S);
    let end = plan.and_then(|plan| plan.end);
    let earliest = outlook.and_then(|outlook| outlook.earliest);
    let too_late = late_s(earliest, end).filter(|late| *late > LATE_MIN_S);
    words.push(progress.state.as_str().to_owned());
    match (progress.state, late, after_s) {
        (OrderState::Done, Some(late), _) => words.push(format!("{} late", hours(late))),
        (OrderState::Done, None, Some(_)) => words.push("in time".to_owned()),
        (OrderState::Done, ..) => {}
        (OrderState::Waiting, ..) => {
            let begin = plan.and_then(|plan| late_s(Some(now), Some(plan.start)));
            if let Some(late) = begin.filter(|late| *late > LATE_MIN_S) {
                words.push(format!("should have begun {} ago", hours(late)));
            }
        }
        (_, Some(late), _) => words.push(format!("will be {} late", hours(late))),
        (_, None, Some(_)) => words.push("will be in time".to_owned()),
        (_, None, None) if plan.is_some() && end.is_some() => {
            words.push("no good piece yet to expect an end from".to_owned());
        }
        _ => {}
    }
    if let Some(late) = too_late {
        words.push(format!("at the ideal cycle {} late", hours(late)));
    }
    match (plan, end) {
        (None, _) => words.push("not in the table of orders".to_owned()),
        (Some(_), None) => words.push("no planned end".to_owned()),
        _ => {}
    }
    if !progress.has_figures {
        words.push("no figures".to_owned());
    }
    if let Some((.., order)) = elsewhere {
        words.push(format!("planned at {}", order.work_unit));
    }
    words.join(", ")
}

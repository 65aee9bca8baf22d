//! The parts put together.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::super::atoms::{Atom, Mark};
use super::super::calendar::{ShiftInstance, ShiftKey};
use super::super::changeover::{Changeover, ProductRun, changeovers};
use super::super::counter::{Counted, CounterRulesError, counted_in};
use super::super::cycle::{Cycle, undisturbed};
use super::super::elements::{Element, Output};
use super::super::handover::{HandoverRates, handover_rates};
use super::super::reason::{ReasonEdit, ReasonEditError, ReasonRevision};
use super::super::reliability::Failure;
use super::super::restate::RestateError;
use super::super::span::{Span, union};
use super::super::state::Category;
use super::super::time_model::{Downtime, Interval, Schedule, time_model};
use super::cells::Cells;
use super::facts::{Allocation, Facts, Settings, Startup};
use super::pieces::{CounterLog, Pieces};
use super::segments::{Segment, segments};
use super::stops::{Edited, apply_reasons};
use super::timeline::{maintenance, timeline};
use crate::model::Timestamp;

/// Longest window: ten years.
const WINDOW_MAX: Duration = Duration::from_hours(24 * 3_660);
/// How far before and after the window readings are looked at.
const MARGIN: Duration = Duration::from_hours(24 * 7);
/// The shortest time there is.
const MOMENT: Duration = Duration::from_nanos(1);

/// Why nothing can be assembled.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum AssembleError {
    /// Nothing in it, or too much.
    #[error("a window from {start} to {end}; more than none and at most ten years are allowed")]
    Window {
        /// First moment.
        start: Timestamp,
        /// First moment after.
        end: Timestamp,
    },
    /// Rules that no counter can have.
    #[error("counters cannot be read")]
    Counter(#[source] CounterRulesError),
    /// A list that jumps back in time.
    #[error("the {0} of the work unit are not in order of time")]
    Order(&'static str),
}

/// What became of the facts of a work unit in a window.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Assembled {
    /// In order of their keys; none for keys without time and pieces.
    pub atoms: Vec<Atom>,
    /// Downtimes in order.
    pub stops: Vec<Stop>,
    /// Cycles by product, without disturbed ones.
    pub cycles: Vec<ProductCycles>,
    /// Changeovers that ended in the window.
    pub changeovers: Vec<Changeover>,
    /// From when to when orders were allocated in the window, one for each order and shift.
    pub orders: Vec<OrderTime>,
    /// What changes of shift cost.
    pub handovers: Vec<HandoverRates>,
    /// Maintenance in the window, one for each shift that had some.
    pub maintenance: Vec<Maintenance>,
    /// What was done outside every shift: in no atom.
    pub unscheduled: Unscheduled,
    /// Counts of long gaps, which were booked as blocks.
    pub blocks: Vec<Counted>,
    /// What was not normal about the counters.
    pub counters: CounterLog,
    /// Reasons that operators gave.
    pub revisions: Vec<ReasonRevision>,
    /// Reasons that were refused, and why.
    pub refused_edits: Vec<(ReasonEdit, ReasonEditError)>,
    /// Late rejects of shifts in the window that no atom could take, by their place in the facts, and why.
    pub refused_rejects: Vec<(usize, RestateError)>,
}

/// A downtime with the shift it belongs to.
#[derive(Debug, Clone, PartialEq)]
pub struct Stop {
    /// What and when.
    pub downtime: Downtime,
    /// The shift in which it began to count.
    pub shift: Option<ShiftKey>,
}

/// Cycles of one product.
#[derive(Debug, Clone, PartialEq)]
pub struct ProductCycles {
    /// The product; `None` while nothing was allocated.
    pub product: Option<Arc<str>>,
    /// In order of time.
    pub cycles: Vec<Cycle>,
}

/// When an order was allocated in a shift; it may have been interrupted in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderTime {
    /// The order.
    pub order: Arc<str>,
    /// The shift.
    pub shift: ShiftKey,
    /// First moment, and first moment after the last.
    pub span: Span,
}

/// Maintenance of a machine in a shift.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Maintenance {
    /// The shift.
    pub shift: ShiftKey,
    /// CMT: time in maintenance mode without a planned order.
    pub corrective: Duration,
    /// PMT: time in maintenance mode with one.
    pub planned: Duration,
}

/// Production outside every shift.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Unscheduled {
    /// Time producing.
    pub run: Duration,
    /// Pieces.
    pub output: Output,
}

/// Assembles the facts of one work unit. A month of readings each second takes a fraction of a second.
pub fn assemble(facts: &Facts<'_>, settings: &Settings<'_>) -> Result<Assembled, AssembleError> {
    check(facts)?;
    let window = facts.window;
    let pieces = Pieces::read(facts, settings).map_err(AssembleError::Counter)?;
    let runs = pieces.runs(facts.counts.main_counts, facts.allocations);
    let changes = changeovers(&runs);
    // A moment past the last change: what reaches it has not ended.
    let last = facts.states.last().map_or(window.end, |change| change.at);
    let range = range(facts);
    let end = range.end.max(last.saturating_add(MOMENT));
    let open = changeover_spans(&runs, &changes, end);
    let shifts: Vec<ShiftInstance> = facts.calendar.instances(range.start, range.end).collect();
    let credits: Vec<Span> = shifts.iter().map(|shift| shift.credit).collect();
    let mut planned = facts.planned.to_vec();
    planned.extend(shifts.iter().flat_map(|shift| &shift.breaks));
    let mut intervals = timeline(facts, settings, (&open, &planned), end);
    let edited = apply_reasons(&mut intervals, facts.edits, settings);
    let schedule = Schedule {
        window,
        shifts: &credits,
        planned: &planned,
        microstop: settings.microstop,
    };
    let model = time_model(&intervals, &schedule);
    let segments = segments(facts, settings, &shifts, range);
    let startups = startups(&intervals, open, &pieces, settings.startup);
    let mut cells = Cells::new(facts, &segments, &shifts);
    cells.add_times(&model);
    cells.add_pieces(&pieces, &intervals, &startups, settings.count_gap);
    for at in &pieces.rebased {
        cells.mark(*at, Mark::CounterRebased);
    }
    let downtimes = model.downtimes(&intervals, Some(end));
    let stops = stops(downtimes, &shifts, window.start);
    let cycles = cycles(facts, &pieces.main, &intervals);
    let mut assembled = cells.finish(facts);
    let pause = union(&planned);
    let ideal = |at| ideal_at(&segments, at);
    assembled.handovers = handover_rates(&shifts, &pieces.main, &pause, window, ideal);
    assembled.orders = order_times(&segments, &shifts);
    assembled.maintenance = maintenances(facts, &shifts);
    assembled.stops = stops;
    assembled.cycles = cycles;
    assembled.take(edited, changes, window);
    for change in &mut assembled.changeovers {
        let of = |counted| counted_in(counted, change.span).fold(0.0, |sum, c| sum + c.pieces);
        (change.scrap, change.rework) = (of(&pieces.scrap), of(&pieces.rework));
        let schedule = Schedule {
            window: change.span,
            ..schedule
        };
        change.elements = time_model(&intervals, &schedule).elements();
    }
    assembled.counters = pieces.log;
    Ok(assembled)
}

impl Assembled {
    /// Stops for causes of the machine that are no minor stops, as failures.
    pub fn failures(&self) -> Vec<Failure> {
        let downtimes = self.stops.iter().map(|stop| &stop.downtime);
        let failures = downtimes.filter(|downtime| downtime.element == Element::Stop);
        failures
            .map(|downtime| Failure {
                down: downtime.span.start,
                restored: (!downtime.is_open).then_some(downtime.span.end),
            })
            .collect()
    }

    fn take(&mut self, edited: Edited, changes: Vec<Changeover>, window: Span) {
        self.revisions = edited.revisions;
        self.refused_edits = edited.refused;
        let ended =
            |change: &Changeover| window.start < change.span.end && change.span.end <= window.end;
        self.changeovers = changes.into_iter().filter(ended).collect();
    }
}

fn check(facts: &Facts<'_>) -> Result<(), AssembleError> {
    let Span { start, end } = facts.window;
    if facts.window.is_empty() || facts.window.length() > WINDOW_MAX {
        return Err(AssembleError::Window { start, end });
    }
    let lists = [
        ("states", facts.states.is_sorted_by_key(|s| s.at)),
        ("modes", facts.modes.is_sorted_by_key(|(at, _)| *at)),
        (
            "work orders",
            facts.work_orders.is_sorted_by_key(|(at, _)| *at),
        ),
        ("reasons", facts.reasons.is_sorted_by_key(|(at, _)| *at)),
        (
            "allocations",
            facts.allocations.is_sorted_by_key(|(at, _)| *at),
        ),
    ];
    match lists.into_iter().find(|(_, is_sorted)| !is_sorted) {
        Some((name, _)) => Err(AssembleError::Order(name)),
        None => Ok(()),
    }
}

/// The window with the readings around it, so that a count over its border is split the same way from both sides.
fn range(facts: &Facts<'_>) -> Span {
    let Span { start, end } = facts.window;
    let counts = &facts.counts;
    let lists = [counts.main, counts.scrap, counts.rework];
    let first = lists.iter().filter_map(|list| list.first()).map(|r| r.at);
    let last = lists.iter().filter_map(|list| list.last()).map(|r| r.at);
    let earliest = first.fold(start, Timestamp::min);
    let latest = last.fold(end, Timestamp::max);
    Span::new(
        earliest.max(start.saturating_sub(MARGIN)),
        latest.min(end.saturating_add(MARGIN)),
    )
}

/// Changeovers, and the one that has not ended: from the last good piece before a product that has none yet.
fn changeover_spans(runs: &[ProductRun], changes: &[Changeover], end: Timestamp) -> Vec<Span> {
    let mut spans: Vec<Span> = changes.iter().map(|change| change.span).collect();
    let waits = runs.last().filter(|run| run.first_good.is_none());
    let before = runs.iter().rev().find_map(|run| run.last_good);
    if let Some((_, since)) = waits.zip(before) {
        spans.push(Span::new(since, end));
    }
    spans
}

/// When rejects are start-up: in changeovers and setups, and for a while after.
fn startups(
    intervals: &[Interval],
    changeovers: Vec<Span>,
    pieces: &Pieces,
    startup: Startup,
) -> Vec<Span> {
    let mut spans = changeovers;
    let setups = intervals.iter().filter(|i| i.category == Category::Setup);
    spans.extend(setups.map(|setup| {
        let since = setup.span.end;
        let until = match startup {
            Startup::Time(time) => since.saturating_add(time),
            Startup::Pieces(n) => after_pieces(&pieces.main, since, n),
        };
        Span::new(setup.span.start, until)
    }));
    union(&spans)
}

/// When `n` pieces were made after `since`; `since` itself for none.
fn after_pieces(main: &[Counted], since: Timestamp, n: f64) -> Timestamp {
    let mut made = 0.0;
    let mut until = since;
    let first = main.partition_point(|counted| counted.span.end <= since);
    for counted in main.iter().skip(first) {
        if made >= n {
            break;
        }
        made += counted.pieces;
        // The reject of a piece is counted with it or right after.
        until = counted.span.end.saturating_add(MOMENT);
    }
    until
}

/// The ideal cycle of a piece that was counted at `at`, in seconds: of what was made before.
fn ideal_at(segments: &[Segment<'_>], at: Timestamp) -> Option<f64> {
    let place = segments.partition_point(|segment| segment.span.end < at);
    let ideal = segments.get(place)?.ideal;
    ideal.map(|ideal| ideal.pru_s)
}

fn maintenances(facts: &Facts<'_>, shifts: &[ShiftInstance]) -> Vec<Maintenance> {
    let inside = shifts.iter().map(|s| (s, s.credit.clip(&facts.window)));
    let times = inside.map(|(shift, credit)| {
        let (corrective, planned) = maintenance(facts, credit);
        Maintenance {
            shift: shift.key.clone(),
            corrective,
            planned,
        }
    });
    times
        .filter(|time| !(time.corrective + time.planned).is_zero())
        .collect()
}

fn order_times(segments: &[Segment<'_>], shifts: &[ShiftInstance]) -> Vec<OrderTime> {
    let mut times: Vec<OrderTime> = Vec::new();
    for segment in segments.iter().filter(|segment| segment.is_inside) {
        let order = segment.allocation.and_then(|a| a.order.as_ref());
        let shift = segment.shift.and_then(|place| shifts.get(place));
        let (Some(order), Some(shift)) = (order, shift) else {
            continue;
        };
        let known = times
            .iter_mut()
            .find(|time| time.order == *order && time.shift == shift.key);
        match known {
            Some(time) => time.span.end = segment.span.end,
            None => times.push(OrderTime {
                order: Arc::clone(order),
                shift: shift.key.clone(),
                span: segment.span,
            }),
        }
    }
    times
}

fn stops(downtimes: Vec<Downtime>, shifts: &[ShiftInstance], start: Timestamp) -> Vec<Stop> {
    let stops = downtimes.into_iter().map(|downtime| {
        let since = downtime.span.start.max(start);
        let first = shifts.partition_point(|shift| shift.credit.end <= since);
        let shift = shifts.get(first).map(|shift| shift.key.clone());
        Stop { downtime, shift }
    });
    stops.collect()
}

fn cycles(facts: &Facts<'_>, main: &[Counted], intervals: &[Interval]) -> Vec<ProductCycles> {
    let disturbed = intervals.iter().filter(|i| i.category != Category::Run);
    let disturbed: Vec<Span> = union(&disturbed.map(|i| i.span).collect::<Vec<_>>());
    let all = main.iter().zip(main.iter().skip(1));
    let all: Vec<Cycle> = all
        .map(|(before, this)| Cycle {
            span: Span::new(before.span.end, this.span.end),
            pieces: this.pieces,
        })
        .collect();
    let Span { start, end } = facts.window;
    let mut cycles = undisturbed(&all, &disturbed);
    cycles.retain(|cycle| start < cycle.span.end && cycle.span.end <= end);
    by_product(&cycles, facts.allocations)
}

/// Cycles by what was made; one over a change of product is none.
fn by_product(
    cycles: &[Cycle],
    allocations: &[(Timestamp, Option<Allocation>)],
) -> Vec<ProductCycles> {
    let mut lists: BTreeMap<Option<Arc<str>>, Vec<Cycle>> = BTreeMap::new();
    let mut rest = cycles;
    let mut product = None;
    let ends = allocations
        .iter()
        .map(|(at, next)| (Some(*at), next.as_ref()));
    for (until, next) in ends.chain([(None, None)]) {
        let ended = |cycle: &Cycle| until.is_none_or(|until| cycle.span.end <= until);
        let (own, after) = rest.split_at(rest.partition_point(ended));
        if !own.is_empty() {
            lists.entry(product.clone()).or_default().extend(own);
        }
        rest = after;
        let before = product;
        product = next.and_then(|allocation| allocation.product.clone());
        if before != product {
            let crosses = |cycle: &Cycle| until.is_some_and(|until| cycle.span.start < until);
            rest = rest.split_at(rest.partition_point(crosses)).1;
        }
    }
    let lists = lists.into_iter();
    lists
        .map(|(product, cycles)| ProductCycles { product, cycles })
        .collect()
}

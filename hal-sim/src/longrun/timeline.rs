//! What happened to one machine: the events that recording and ledger are made of.

use std::collections::BTreeMap;

/// What a machine does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Activity {
    Run,
    Setup,
    Malfunction,
    MinorStop,
    External,
    /// Nothing to do: no order.
    Idle,
    Break,
    Maintenance,
    Off,
}

/// One activity, for one order in one shift instance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Interval {
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) activity: Activity,
    /// In a planned window: whatever is neither run nor setup is a planned stop.
    pub(super) is_planned: bool,
    pub(super) instance: Option<usize>,
    pub(super) order: Option<usize>,
}

/// How a part came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Good,
    Scrap,
    Rework,
}

/// A finished part.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Part {
    pub(super) at: i64,
    pub(super) outcome: Outcome,
}

/// A stop that nobody planned.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stop {
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) activity: Activity,
    pub(super) reason: String,
    pub(super) order: Option<usize>,
    /// How much of it lies in planned windows.
    pub(super) planned_ms: i64,
    /// Whether it ended within the run.
    pub(super) is_over: bool,
}

/// A changeover.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Changeover {
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) from_product: usize,
    pub(super) order: usize,
    pub(super) planned_ms: i64,
}

/// An order at its machine.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Order {
    pub(super) number: String,
    pub(super) product: usize,
    pub(super) quantity: u64,
    pub(super) planned_end: i64,
    pub(super) start: i64,
    pub(super) end: Option<i64>,
    pub(super) made: Made,
}

/// Parts by outcome, with what they were worth in ideal time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Made {
    /// All of them.
    pub(super) produced: u64,
    pub(super) scrap: u64,
    pub(super) rework: u64,
    pub(super) late_scrap: u64,
    pub(super) ideal_ms: i64,
    pub(super) ideal_good_ms: i64,
    pub(super) measured: u64,
}

/// Causes of a cycle's length; their logarithms add up.
pub(super) const CAUSES: [&str; 7] = [
    "shift",
    "crew",
    "machine",
    "product",
    "staffing",
    "experience",
    "noise",
];

/// Sum over parts of the logarithm of what each cause does to a cycle.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct CycleSums {
    pub(super) parts: u64,
    pub(super) logs: [f64; CAUSES.len()],
}

/// Scrap that was found later.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LateScrap {
    pub(super) found_at: i64,
    pub(super) origin: i64,
    pub(super) order: usize,
}

/// Everything that happened to a machine, by time.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Timeline {
    pub(super) intervals: Vec<Interval>,
    pub(super) parts: Vec<Part>,
    pub(super) stops: Vec<Stop>,
    pub(super) changeovers: Vec<Changeover>,
    pub(super) orders: Vec<Order>,
    pub(super) late_scrap: Vec<LateScrap>,
    /// When the characteristic was measured, and what it was.
    pub(super) measurements: Vec<(i64, f64)>,
    /// One per sample, from the start of the run on.
    pub(super) temps: Vec<f32>,
    /// By shift instance and order.
    pub(super) made: BTreeMap<(usize, usize), Made>,
    /// By shift.
    pub(super) cycles: BTreeMap<usize, CycleSums>,
}

/// The number of an order; empty without one.
pub(super) fn order_number(timeline: &Timeline, order: Option<usize>) -> String {
    let order = order.and_then(|order| timeline.orders.get(order));
    order.map_or_else(String::new, |order| order.number.clone())
}

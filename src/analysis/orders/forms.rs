//! The forms of a question about orders, and of its answer.

use serde::{Deserialize, Serialize};

use crate::analysis::period::Period;

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

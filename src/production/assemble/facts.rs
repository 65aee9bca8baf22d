//! What is known about a work unit.

use std::sync::Arc;
use std::time::Duration;

use super::super::calendar::Calendar;
use super::super::counter::{CounterRules, Reading};
use super::super::product::Catalogue;
use super::super::reason::{ReasonEdit, ReasonTree};
use super::super::restate::LateRejects;
use super::super::span::Span;
use super::super::state::{MachineState, Mode, StateMap, WorkOrder};
use crate::model::{AssetPath, Quality, Timestamp};

/// Facts of one work unit, each list in order of time.
///
/// Lists may begin before the window and should: the state, order and count at its start are the last ones before it, and
/// the whole length of a stop decides whether it is a minor one. They may also reach beyond its end.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The work unit.
    pub unit: &'a AssetPath,
    /// What is asked for; ends now for a shift that is not over.
    pub window: Span,
    /// Its shifts.
    pub calendar: &'a Calendar,
    /// What the machine said about itself; each holds until the next.
    pub states: &'a [StateChange],
    /// Modes; production before the first.
    pub modes: &'a [(Timestamp, Mode)],
    /// Maintenance orders; none before the first.
    pub work_orders: &'a [(Timestamp, WorkOrder)],
    /// Reasons that the machine gave; the first one in a stop is its reason.
    pub reasons: &'a [(Timestamp, Option<Arc<str>>)],
    /// Orders and products allocated. Where the list is empty nobody tells, and an order is taken to be allocated.
    pub allocations: &'a [(Timestamp, Option<Allocation>)],
    /// Counters.
    pub counts: Counts<'a>,
    /// Planned stops besides the breaks of the calendar.
    pub planned: &'a [Span],
    /// Reasons that operators gave afterwards.
    pub edits: &'a [ReasonEdit],
    /// Rejects that were found afterwards.
    pub late_rejects: &'a [LateRejects],
}

impl<'a> Facts<'a> {
    /// A unit of which nothing is known but its shifts.
    pub const fn new(unit: &'a AssetPath, window: Span, calendar: &'a Calendar) -> Self {
        Self {
            unit,
            window,
            calendar,
            states: &[],
            modes: &[],
            work_orders: &[],
            reasons: &[],
            allocations: &[],
            counts: Counts::NONE,
            planned: &[],
            edits: &[],
            late_rejects: &[],
        }
    }
}

/// A state that a machine entered or repeated.
#[derive(Debug, Clone, PartialEq)]
pub struct StateChange {
    /// When.
    pub at: Timestamp,
    /// What it said.
    pub state: MachineState,
    /// Whether it may be believed; time after one that is not Good is unknown.
    pub quality: Quality,
}

/// What is made, and for what order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Allocation {
    /// The order; `None` where the plant has none.
    pub order: Option<Arc<str>>,
    /// The product; `None` where it is not known.
    pub product: Option<Arc<str>>,
}

/// Readings of the counters of a work unit.
#[derive(Debug, Clone, Copy)]
pub struct Counts<'a> {
    /// The main counter.
    pub main: &'a [Reading],
    /// What it counts.
    pub main_counts: MainCounter,
    /// Pieces scrapped.
    pub scrap: &'a [Reading],
    /// Pieces to rework.
    pub rework: &'a [Reading],
}

impl Counts<'_> {
    /// No counter.
    pub const NONE: Self = Self {
        main: &[],
        main_counts: MainCounter::All,
        scrap: &[],
        rework: &[],
    };
}

/// What the main counter counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MainCounter {
    /// Every piece.
    #[default]
    All,
    /// Good pieces; all are these with scrap and rework.
    Good,
}

/// By what facts are judged.
#[derive(Debug, Clone, Copy)]
pub struct Settings<'a> {
    /// Meaning of the machine's states.
    pub states: &'a StateMap,
    /// Products with the ideal cycles of this work unit.
    pub catalogue: &'a Catalogue,
    /// Reasons; `None` where any text is one.
    pub reasons: Option<&'a ReasonTree>,
    /// Rules of the main counter.
    pub counter: CounterRules,
    /// Rules of the counters of scrap and rework, where they are not those of the main counter.
    pub rejects: Option<CounterRules>,
    /// A stop shorter than this is a minor stop; 300 s is usual.
    pub microstop: Duration,
    /// Which rejects after a setup are start-up.
    pub startup: Startup,
    /// Readings further apart leave a gap, whose pieces are booked as a block.
    pub count_gap: Duration,
    /// How long after its begin a stop may be coded.
    pub reason_editable: Duration,
    /// A state that is not repeated within this is no longer known; `None` for machines that tell changes only.
    pub state_age_max: Option<Duration>,
}

impl<'a> Settings<'a> {
    /// Usual settings: minor stops below 300 s, no start-up beyond the setup itself, gaps above ten minutes, a week to
    /// code a stop, states that hold until the next.
    pub const fn new(
        states: &'a StateMap,
        catalogue: &'a Catalogue,
        counter: CounterRules,
    ) -> Self {
        Self {
            states,
            catalogue,
            reasons: None,
            counter,
            rejects: None,
            microstop: Duration::from_mins(5),
            startup: Startup::Time(Duration::ZERO),
            count_gap: Duration::from_mins(10),
            reason_editable: Duration::from_hours(7 * 24),
            state_age_max: None,
        }
    }
}

/// How long start-up lasts after a setup.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Startup {
    /// Until that many pieces were made.
    Pieces(f64),
    /// For that time.
    Time(Duration),
}

//! Behaviour of the assembly: the plant that its tests share.

mod counts;
mod figures;
mod properties;
mod times;

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::super::atoms::{Atom, Mark, Totals};
use super::super::calendar::{Calendar, CalendarDefinition, ShiftDef};
use super::super::counter::{Counter, CounterEvent, CounterRules, Reading};
use super::super::elements::Element;
use super::super::kpi::{LossModel, Rules};
use super::super::losses::SixLosses;
use super::super::product::{Catalogue, IdealCycle, Product};
use super::super::reason::{self, ReasonEdit, ReasonTree};
use super::super::restate::{Cause, LateRejects, restate};
use super::super::span::Span;
use super::super::state::{Category, MachineState, Mode, StateMap, WorkOrder};
use super::*;
use crate::model::{AssetPath, Quality, Reason, Role, Timestamp, Zone};

/// Seconds after midnight of the fourth of May 2026, UTC.
fn at(second: i64) -> Timestamp {
    const MIDNIGHT_S: i64 = 1_777_852_800;
    Timestamp::from_millis((MIDNIGHT_S + second) * 1_000)
}

fn span(start: i64, end: i64) -> Span {
    Span::new(at(start), at(end))
}

/// Shifts of 8 hours; one thousand seconds of the first are what most tests look at.
fn calendar() -> Calendar {
    let shifts = [("a", 0, 8), ("b", 8, 16)].map(|(name, start, end)| {
        let clock = |hour| jiff::civil::time(hour, 0, 0, 0);
        ShiftDef::new(name, clock(start), clock(end))
    });
    Calendar::new(CalendarDefinition::new(Zone::UTC, shifts.into())).unwrap()
}

fn catalogue() -> Catalogue {
    let product = |id: &str, ideal: &[(u32, i64, f64)]| Product {
        id: id.to_owned(),
        family: None,
        ideal: ideal
            .iter()
            .map(|(version, second, pru_s)| IdealCycle {
                version: *version,
                valid_from: at(*second),
                pru_s: *pru_s,
            })
            .collect(),
    };
    let a = product("A", &[(1, -9_000, 5.0)]);
    let b = product("B", &[(1, -9_000, 2.0), (2, 600, 4.0)]);
    Catalogue::new(vec![a, b]).unwrap()
}

/// Everything a test varies, with room for the settings it borrows.
struct Plant {
    unit: AssetPath,
    calendar: Calendar,
    catalogue: Catalogue,
    states: StateMap,
    reasons: Option<ReasonTree>,
    changes: Vec<StateChange>,
    allocations: Vec<(Timestamp, Option<Allocation>)>,
    main: Vec<Reading>,
    scrap: Vec<Reading>,
}

fn change(second: i64, category: Category) -> StateChange {
    StateChange {
        at: at(second),
        state: MachineState::Category(category),
        quality: Quality::Good,
    }
}

fn allocation(second: i64, product: Option<&str>) -> (Timestamp, Option<Allocation>) {
    let allocation = product.map(|product| Allocation {
        order: Some(format!("order-{product}").into()),
        product: Some(product.into()),
    });
    (at(second), allocation)
}

/// Readings each second of a counter that counts at `ends`.
fn counter(from: i64, to: i64, ends: &[i64]) -> Vec<Reading> {
    (from..=to)
        .map(|second| {
            let counted = ends.iter().filter(|end| **end <= second).count();
            Reading::good(at(second), 100.0 + counted as f64)
        })
        .collect()
}

impl Plant {
    fn new(changes: &[(i64, Category)]) -> Self {
        Self {
            unit: AssetPath::parse("site/line/press").unwrap(),
            calendar: calendar(),
            catalogue: catalogue(),
            states: StateMap::packml(),
            reasons: None,
            changes: changes.iter().map(|(s, c)| change(*s, *c)).collect(),
            allocations: vec![allocation(-100, Some("A"))],
            main: Vec::new(),
            scrap: Vec::new(),
        }
    }

    fn facts(&self, window: Span) -> Facts<'_> {
        Facts {
            states: &self.changes,
            allocations: &self.allocations,
            counts: Counts {
                main: &self.main,
                scrap: &self.scrap,
                ..Counts::NONE
            },
            ..Facts::new(&self.unit, window, &self.calendar)
        }
    }

    fn settings(&self) -> Settings<'_> {
        let rules = CounterRules::new(1.0, None);
        Settings {
            microstop: Duration::from_mins(1),
            reasons: self.reasons.as_ref(),
            ..Settings::new(&self.states, &self.catalogue, rules)
        }
    }

    fn assemble(&self, window: Span) -> Assembled {
        assemble(&self.facts(window), &self.settings()).unwrap()
    }
}

fn seconds(atom: &Atom) -> [u64; 9] {
    atom.elements.named().map(|(_, time)| time.as_secs())
}

fn edit(stop: i64, said: i64, reason: &str) -> ReasonEdit {
    ReasonEdit {
        stop_start: at(stop),
        at: at(said),
        by: Role::parse("operator").unwrap(),
        reason: Some(reason.into()),
    }
}

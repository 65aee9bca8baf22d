//! What was worked out of work units, put together by place, people, product, order or time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::Of;
use super::forms::GroupBy;
use crate::analysis::period::Per;
use crate::config::{Line, WorkUnit};
use crate::production::assemble::Maintenance;
use crate::production::atoms::Atom;
use crate::production::calendar::ShiftKey;
use crate::production::cycle::Cycle;
use crate::production::elements::{Element, Elements, Output};
use crate::production::line::Step;
use crate::production::reliability::Failure;
use crate::production::time_model::Downtime;

/// Of a group whose product or order nobody has told.
pub(super) const UNNAMED: &str = "-";

/// Atoms, stops and cycles of one group.
#[derive(Default)]
pub(super) struct Group {
    pub(super) elements: Elements,
    pub(super) output: Output,
    pub(super) failures: Vec<Failure>,
    pub(super) cycles: Vec<Cycle>,
    /// What each work unit made.
    pub(super) units: BTreeMap<String, Step>,
    /// Maintenance without and with a planned order.
    pub(super) maintenance: (Duration, Duration),
    pub(super) revision: u32,
    pub(super) marks: BTreeSet<&'static str>,
}

impl Group {
    fn add(&mut self, unit: &WorkUnit, atom: &Atom) {
        self.elements += &atom.elements;
        self.output += &atom.output;
        self.revision = self.revision.max(atom.revision);
        self.marks
            .extend(atom.marks.iter().map(|mark| mark.as_str()));
        let step = self.units.entry(unit.name.clone());
        step.or_insert_with(|| Step::new(&unit.name)).add(atom);
    }

    fn add_maintenance(&mut self, time: &Maintenance) {
        let (corrective, planned) = &mut self.maintenance;
        *corrective = corrective.saturating_add(time.corrective);
        *planned = planned.saturating_add(time.planned);
    }
}

/// Adds what is known of one work unit to its groups and to the total.
pub(super) fn gather_groups(
    of: &Of<'_>,
    (by, lines): (GroupBy, &[Line]),
    groups: &mut BTreeMap<String, Group>,
    total: &mut Group,
) {
    let mut shifts: BTreeMap<&ShiftKey, BTreeSet<String>> = BTreeMap::new();
    for atom in &of.account.atoms {
        let name = group_of(of, atom, (by, lines));
        shifts
            .entry(&atom.key.shift)
            .or_default()
            .insert(name.clone());
        groups.entry(name).or_default().add(of.unit, atom);
        total.add(of.unit, atom);
    }
    let is_by_time_or_place = !matches!(by, GroupBy::Product | GroupBy::Order);
    for stop in &of.account.stops {
        let Some(failure) = failure(&stop.downtime) else {
            continue;
        };
        total.failures.push(failure);
        let names = stop.shift.as_ref().and_then(|shift| shifts.get(shift));
        // A shift can make several products, and a stop between them is of none.
        for name in names.into_iter().flatten().filter(|_| is_by_time_or_place) {
            if let Some(group) = groups.get_mut(name) {
                group.failures.push(failure);
            }
        }
    }
    for time in &of.account.course.maintenance {
        total.add_maintenance(time);
        let names = shifts.get(&time.shift);
        for name in names.into_iter().flatten().filter(|_| is_by_time_or_place) {
            if let Some(group) = groups.get_mut(name) {
                group.add_maintenance(time);
            }
        }
    }
    for (product, cycles) in &of.account.cycles {
        total.cycles.extend(cycles);
        let name = match by {
            GroupBy::WorkUnit => of.unit.name.clone(),
            GroupBy::Line => line_of(of.unit, lines),
            GroupBy::Product => named(product.as_ref()),
            _ => continue,
        };
        if let Some(group) = groups.get_mut(&name) {
            group.cycles.extend(cycles);
        }
    }
}

fn failure(downtime: &Downtime) -> Option<Failure> {
    (downtime.element == Element::Stop).then_some(Failure {
        down: downtime.span.start,
        restored: (!downtime.is_open).then_some(downtime.span.end),
    })
}

fn group_of(of: &Of<'_>, atom: &Atom, (by, lines): (GroupBy, &[Line])) -> String {
    let day = atom.production_day;
    match by {
        GroupBy::WorkUnit => of.unit.name.clone(),
        GroupBy::Line => line_of(of.unit, lines),
        GroupBy::Shift => atom.key.shift.shift.to_string(),
        GroupBy::Crew => of.crews.get(&atom.key.shift).cloned().unwrap_or_default(),
        GroupBy::Product => named(atom.key.product.as_ref()),
        GroupBy::Order => named(atom.key.order.as_ref()),
        GroupBy::Day => day.to_string(),
        GroupBy::Week => Per::Week.first_day(day).to_string(),
        GroupBy::Month => day.strftime("%Y-%m").to_string(),
    }
}

fn named(name: Option<&Arc<str>>) -> String {
    name.map_or_else(|| UNNAMED.to_owned(), ToString::to_string)
}

/// The line of a work unit, else what stands above it.
pub(super) fn line_of(unit: &WorkUnit, lines: &[Line]) -> String {
    if let Some(line) = lines.iter().find(|line| line.units.contains(&unit.name)) {
        return line.name.clone();
    }
    let path = unit.asset.to_string();
    path.rsplit_once('/')
        .map_or(path.clone(), |(line, _)| line.to_owned())
}

//! From numbers to names: the entries of each part of the ledger.

use std::collections::BTreeMap;

use super::entries::{
    ChangeoverEntry, CounterEntry, EffectEntry, Gap, InstanceEntry, MachineEntry, OrderEntry,
    Record, Reliability, Seconds, StaffingEntry, StopEntry,
};
use crate::longrun::calendar::{Calendar, iso};
use crate::longrun::number::seconds;
use crate::longrun::plan::{Kind, Plan};
use crate::longrun::recording::{Defects, Spell};
use crate::longrun::tables::is_coded;
use crate::longrun::timeline::{
    Activity, Changeover, Interval, Outcome, Part, Stop, Timeline, order_number,
};
use crate::longrun::values::CounterEvent;

/// Shift instance and order of a record.
type Key = (usize, Option<usize>);

/// Seconds as a reader can know them and as they were.
#[derive(Debug, Clone, Copy, Default)]
struct Sides {
    known: Seconds,
    actual: Seconds,
}

/// The good parts around a changeover, by the rows that show them, and the others after the one up to the other.
#[derive(Debug, Clone, Copy, Default)]
struct Around {
    last_good: Option<i64>,
    first_good: Option<i64>,
    scrap: usize,
    rework: usize,
}

/// Numbers to names.
pub(super) struct Book<'b> {
    pub(super) plan: &'b Plan,
    pub(super) calendar: &'b Calendar,
}

impl Book<'_> {
    pub(super) fn machine(&self, number: usize) -> String {
        self.plan
            .machines
            .get(number)
            .map_or_else(String::new, |one| one.name.clone())
    }

    pub(super) fn product(&self, number: usize) -> String {
        self.plan
            .products
            .get(number)
            .map_or_else(String::new, |one| one.name.clone())
    }

    pub(super) fn shift(&self, number: usize) -> String {
        self.plan
            .shifts
            .get(number)
            .map_or_else(String::new, |one| one.name.clone())
    }

    pub(super) fn crew(&self, number: Option<usize>) -> String {
        let crew = number.and_then(|number| self.plan.crews.get(number));
        crew.map_or_else(String::new, |one| one.name.clone())
    }

    pub(super) fn machines(&self) -> Vec<MachineEntry> {
        let entry = |one: &crate::longrun::plan::MachinePlan| MachineEntry {
            name: one.name.clone(),
            hall: one.hall.clone(),
            line: one.line.clone(),
            kind: match one.kind {
                Kind::PackMl => "packml",
                Kind::Plain => "plain",
            },
            counter_modulus: one.modulus,
            speed_factor: 1.0 + one.slower_percent / 100.0,
        };
        self.plan.machines.iter().map(entry).collect()
    }

    pub(super) fn instances(&self) -> Vec<InstanceEntry> {
        let entry = |one: &crate::longrun::calendar::Instance| InstanceEntry {
            id: one.id.clone(),
            production_day: one.day.to_string(),
            shift: self.shift(one.shift),
            crew: self.crew(one.crew),
            start: iso(one.start),
            end: iso(one.end),
            hours: seconds(one.end - one.start) / 3_600.0,
            planned_headcount: one.planned_headcount,
            headcount: one.headcount,
            experience_share: one.experience,
        };
        self.calendar.instances.iter().map(entry).collect()
    }

    /// One record per shift instance and order, by both.
    pub(super) fn records(
        &self,
        machine: usize,
        (timeline, defects): &(Timeline, Defects),
    ) -> Vec<Record> {
        let mut times: BTreeMap<Key, Sides> = BTreeMap::new();
        for interval in &timeline.intervals {
            let Some(instance) = interval.instance else {
                continue;
            };
            let sides = times.entry((instance, interval.order)).or_default();
            let length_ms = interval.end - interval.start;
            let hidden_ms = hidden_ms(interval, &defects.spells);
            sides.actual.add(interval, length_ms);
            sides.known.add(interval, length_ms - hidden_ms);
            sides.known.add_hidden(interval, hidden_ms);
        }
        let record = |((instance, order), sides): (Key, Sides)| {
            let made = order.and_then(|order| timeline.made.get(&(instance, order)));
            let made = made.copied().unwrap_or_default();
            let order = order.and_then(|order| timeline.orders.get(order));
            let instance = self.calendar.instances.get(instance);
            Record {
                machine: self.machine(machine),
                shift_instance: instance.map_or_else(String::new, |one| one.id.clone()),
                product: order.map_or_else(String::new, |order| self.product(order.product)),
                order: order.map_or_else(String::new, |order| order.number.clone()),
                scheduled_s: sides.actual.total(),
                known: sides.known,
                actual: sides.actual,
                produced: made.produced,
                scrap: made.scrap,
                rework: made.rework,
                late_scrap: made.late_scrap,
                ideal_s: seconds(made.ideal_ms),
                ideal_good_s: seconds(made.ideal_good_ms),
                measured: made.measured,
            }
        };
        times.into_iter().map(record).collect()
    }

    pub(super) fn stops(
        &self,
        machine: usize,
        (timeline, defects): &(Timeline, Defects),
    ) -> Vec<StopEntry> {
        let entry = |(number, stop): (usize, &Stop)| StopEntry {
            machine: self.machine(machine),
            start: iso(stop.start),
            end: iso(stop.end),
            category: category(stop.activity),
            reason: stop.reason.clone(),
            coded: is_coded(self.plan, machine, number, stop.activity).is_some(),
            order: order_number(timeline, stop.order),
            planned_s: seconds(stop.planned_ms),
            is_over: stop.is_over,
            is_hidden: is_hidden(stop, &defects.spells),
        };
        timeline.stops.iter().enumerate().map(entry).collect()
    }

    /// What a reader of the samples can see: a part is in the first row after it.
    fn around(&self, one: &Changeover, timeline: &Timeline) -> Around {
        let row = |part: &Part| {
            let past = (part.at - self.calendar.from).rem_euclid(self.plan.sample_ms);
            part.at - past + self.plan.sample_ms
        };
        let setup = timeline.parts.partition_point(|part| part.at < one.start);
        let (before, after) = timeline.parts.split_at(setup);
        let is_good = |part: &&Part| part.outcome == Outcome::Good;
        let last_good = before.iter().rfind(is_good).map(row);
        let first_good = after.iter().find(is_good).map(row);
        let mut around = Around {
            last_good,
            first_good,
            ..Around::default()
        };
        if let (Some(last), Some(first)) = (last_good, first_good) {
            let rejects = |outcome| {
                let parts = timeline.parts.iter();
                let inside = parts.filter(|part| last < row(part) && row(part) <= first);
                inside.filter(|part| part.outcome == outcome).count()
            };
            around.scrap = rejects(Outcome::Scrap);
            around.rework = rejects(Outcome::Rework);
        }
        around
    }

    pub(super) fn changeovers(
        &self,
        machine: usize,
        (timeline, defects): &(Timeline, Defects),
    ) -> Vec<ChangeoverEntry> {
        let entry = |one: &Changeover| {
            let around = self.around(one, timeline);
            ChangeoverEntry {
                last_good: around.last_good.map(iso),
                first_good: around.first_good.map(iso),
                scrap: around.scrap,
                rework: around.rework,
                machine: self.machine(machine),
                start: iso(one.start),
                end: (one.end > one.start).then(|| iso(one.end)),
                from_product: self.product(one.from_product),
                to_product: timeline
                    .orders
                    .get(one.order)
                    .map_or_else(String::new, |order| self.product(order.product)),
                order: order_number(timeline, Some(one.order)),
                planned_s: seconds(one.planned_ms),
                hidden_s: seconds(hidden_setup_ms(one, timeline, &defects.spells)),
            }
        };
        timeline.changeovers.iter().map(entry).collect()
    }

    pub(super) fn reliability(&self, machine: usize, timeline: &Timeline) -> Reliability {
        let operating = |one: &&Interval| matches!(one.activity, Activity::Run | Activity::Setup);
        let operating_ms: i64 = timeline
            .intervals
            .iter()
            .filter(operating)
            .map(|one| one.end - one.start)
            .sum();
        let failures = timeline
            .stops
            .iter()
            .filter(|stop| stop.activity == Activity::Malfunction);
        let closed = failures.clone().filter(|stop| stop.is_over);
        Reliability {
            machine: self.machine(machine),
            failures: failures.count(),
            operating_s: seconds(operating_ms),
            repair_s: seconds(closed.map(|stop| stop.end - stop.start).sum()),
        }
    }

    pub(super) fn orders(&self, machine: usize, timeline: &Timeline) -> Vec<OrderEntry> {
        let entry = |order: &crate::longrun::timeline::Order| OrderEntry {
            order: order.number.clone(),
            product: self.product(order.product),
            machine: self.machine(machine),
            quantity: order.quantity,
            produced: order.made.produced,
            scrap: order.made.scrap,
            rework: order.made.rework,
            start: iso(order.start),
            end: order.end.map(iso),
        };
        timeline.orders.iter().map(entry).collect()
    }

    pub(super) fn gaps(&self, machine: usize, defects: &Defects) -> Vec<Gap> {
        let entry = |spell: &Spell| Gap {
            machine: self.machine(machine),
            start: iso(spell.start),
            end: iso(spell.end),
            kind: if spell.is_bad { "bad" } else { "gap" },
        };
        defects.spells.iter().map(entry).collect()
    }

    pub(super) fn counter_event(&self, event: &CounterEvent) -> CounterEntry {
        CounterEntry {
            machine: self.machine(event.machine),
            counter: event.counter,
            at: iso(event.at),
            kind: event.kind,
        }
    }

    pub(super) fn effects(&self) -> Vec<EffectEntry> {
        let entry = |one: &crate::longrun::plan::Effect| EffectEntry {
            label: one.label.clone(),
            shift: one.shift.map(|number| self.shift(number)),
            crew: one.crew.map(|number| self.crew(Some(number))),
            machine: one.machine.map(|number| self.machine(number)),
            product: one.product.map(|number| self.product(number)),
            cycle_percent: one.cycle_percent,
            minor_stops_per_hour: one.minor_stops_per_hour,
            failure_factor: one.failure_factor,
            scrap_factor: one.scrap_factor,
            rework_factor: one.rework_factor,
            setup_percent: one.setup_percent,
        };
        self.plan.effects.iter().map(entry).collect()
    }

    pub(super) const fn staffing(&self) -> StaffingEntry {
        let staffing = &self.plan.staffing;
        StaffingEntry {
            full_headcount: staffing.full_headcount,
            cycle_percent_per_missing: staffing.cycle_percent_per_missing,
            setup_percent_per_missing: staffing.setup_percent_per_missing,
            experience_reference: staffing.experience_reference,
            cycle_percent_per_10_points: staffing.cycle_percent_per_10_points,
        }
    }
}

/// How much of an interval no sample shows.
fn hidden_ms(interval: &Interval, spells: &[Spell]) -> i64 {
    let first = spells.partition_point(|spell| spell.end <= interval.start);
    spells
        .iter()
        .skip(first)
        .take_while(|spell| spell.start < interval.end)
        .map(|spell| spell.end.min(interval.end) - spell.start.max(interval.start))
        .sum()
}

/// How much of the setup of a changeover no sample shows.
fn hidden_setup_ms(one: &Changeover, timeline: &Timeline, spells: &[Spell]) -> i64 {
    let intervals = &timeline.intervals;
    let first = intervals.partition_point(|interval| interval.end <= one.start);
    let during = intervals.iter().skip(first);
    let during = during.take_while(|interval| interval.start < one.end);
    let inside = during.map(|interval| Interval {
        start: interval.start.max(one.start),
        end: interval.end.min(one.end),
        ..*interval
    });
    inside.map(|interval| hidden_ms(&interval, spells)).sum()
}

/// Whether one spell covers all of a stop.
fn is_hidden(stop: &Stop, spells: &[Spell]) -> bool {
    let first = spells.partition_point(|spell| spell.end < stop.end);
    spells
        .get(first)
        .is_some_and(|spell| spell.start <= stop.start)
}

const fn category(activity: Activity) -> &'static str {
    match activity {
        Activity::Malfunction => "malfunction",
        Activity::External => "external",
        _ => "minor_stop",
    }
}

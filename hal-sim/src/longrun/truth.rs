//! What shifts really differ by: the effect that was planted, and what else was not the same.

use std::collections::BTreeMap;

use serde::Serialize;

use super::calendar::{Calendar, missing};
use super::number::{float, seconds, share};
use super::plan::Plan;
use super::timeline::{Activity, CAUSES, CycleSums, Timeline};

/// A cause whose mean differs by more than this from that of the other shifts is a confounder: 0.5 % of a cycle.
const CONFOUNDING: f64 = 0.005;

/// The truth about one shift.
#[derive(Debug, Serialize)]
pub(super) struct ShiftTruth {
    shift: String,
    records: usize,
    parts: u64,
    direct: Direct,
    has_direct_effect: bool,
    mean_headcount: f64,
    mean_missing: f64,
    mean_experience: f64,
    machine_share: BTreeMap<String, f64>,
    product_share: BTreeMap<String, f64>,
    mean_log_cycle: BTreeMap<&'static str, f64>,
    confounders: Vec<&'static str>,
}

/// What a shift itself does, effects that name nothing else taken together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Direct {
    cycle_percent: f64,
    minor_stops_per_hour: f64,
    failure_factor: f64,
    scrap_factor: f64,
    rework_factor: f64,
    setup_percent: f64,
}

const NEUTRAL: Direct = Direct {
    cycle_percent: 0.0,
    minor_stops_per_hour: 0.0,
    failure_factor: 1.0,
    scrap_factor: 1.0,
    rework_factor: 1.0,
    setup_percent: 0.0,
};

pub(super) fn shift_truth(
    plan: &Plan,
    calendar: &Calendar,
    timelines: &[&Timeline],
) -> Vec<ShiftTruth> {
    let sums: Vec<CycleSums> = (0..plan.shifts.len())
        .map(|shift| {
            let of = timelines
                .iter()
                .filter_map(|timeline| timeline.cycles.get(&shift));
            of.fold(CycleSums::default(), CycleSums::plus)
        })
        .collect();
    let truth = |(shift, own): (usize, &CycleSums)| {
        let others = sums.iter().enumerate().filter(|(other, _)| *other != shift);
        let others = others.fold(CycleSums::default(), |sum, (_, one)| sum.plus(one));
        one(plan, calendar, timelines, (shift, own, &others))
    };
    sums.iter().enumerate().map(truth).collect()
}

fn one(
    plan: &Plan,
    calendar: &Calendar,
    timelines: &[&Timeline],
    (shift, own, others): (usize, &CycleSums, &CycleSums),
) -> ShiftTruth {
    let instances: Vec<_> = calendar
        .instances
        .iter()
        .filter(|one| one.shift == shift)
        .collect();
    let count = instances.len() as f64;
    let mean = |of: &dyn Fn(&super::calendar::Instance) -> f64| {
        share(instances.iter().map(|one| of(one)).sum(), count)
    };
    let (mut machines, mut products) = (BTreeMap::new(), BTreeMap::new());
    let mut records = 0;
    for (machine, timeline) in plan.machines.iter().zip(timelines) {
        let of_shift = |instance: usize| {
            calendar
                .instances
                .get(instance)
                .is_some_and(|one| one.shift == shift)
        };
        records += timeline
            .made
            .keys()
            .filter(|(instance, _)| of_shift(*instance))
            .count();
        let running = timeline.intervals.iter().filter(|interval| {
            interval.activity == Activity::Run && interval.instance.is_some_and(of_shift)
        });
        for interval in running {
            let span_s = seconds(interval.end - interval.start);
            *machines.entry(machine.name.clone()).or_default() += span_s;
            let order = interval.order.and_then(|order| timeline.orders.get(order));
            if let Some(product) = order.and_then(|order| plan.products.get(order.product)) {
                *products.entry(product.name.clone()).or_default() += span_s;
            }
        }
    }
    let (direct, has_direct_effect) = direct(plan, shift);
    let (own_means, other_means) = (own.means(), others.means());
    let is_apart = |cause: &&str| {
        let gap = own_means
            .get(*cause)
            .zip(other_means.get(*cause))
            .map(|(own, other)| own - other);
        own.parts > 0 && others.parts > 0 && gap.is_some_and(|gap| gap.abs() > CONFOUNDING)
    };
    let confounders = CAUSES
        .into_iter()
        .filter(|cause| !matches!(*cause, "shift" | "noise"))
        .filter(is_apart)
        .collect();
    ShiftTruth {
        shift: plan
            .shifts
            .get(shift)
            .map_or_else(String::new, |shift| shift.name.clone()),
        records,
        parts: own.parts,
        direct,
        has_direct_effect,
        mean_headcount: mean(&|one| float(i64::from(one.headcount))),
        mean_missing: mean(&|one| missing(plan, one)),
        mean_experience: mean(&|one| one.experience),
        machine_share: shares(machines),
        product_share: shares(products),
        mean_log_cycle: own_means,
        confounders,
    }
}

/// Effects of the shift alone, and whether any effect names it.
fn direct(plan: &Plan, shift: usize) -> (Direct, bool) {
    let of = plan
        .effects
        .iter()
        .filter(|effect| effect.shift == Some(shift));
    let alone = of.clone().filter(|effect| {
        effect.crew.is_none() && effect.machine.is_none() && effect.product.is_none()
    });
    let longer = |before: f64, percent: f64| {
        ((1.0 + before / 100.0) * (1.0 + percent / 100.0) - 1.0) * 100.0
    };
    let direct = alone.fold(NEUTRAL, |sum, effect| Direct {
        cycle_percent: longer(sum.cycle_percent, effect.cycle_percent),
        minor_stops_per_hour: sum.minor_stops_per_hour + effect.minor_stops_per_hour,
        failure_factor: sum.failure_factor * effect.failure_factor,
        scrap_factor: sum.scrap_factor * effect.scrap_factor,
        rework_factor: sum.rework_factor * effect.rework_factor,
        setup_percent: longer(sum.setup_percent, effect.setup_percent),
    });
    (direct, of.count() > 0)
}

impl CycleSums {
    fn plus(mut self, other: &Self) -> Self {
        self.parts += other.parts;
        for (sum, log) in self.logs.iter_mut().zip(other.logs) {
            *sum += log;
        }
        self
    }

    fn means(&self) -> BTreeMap<&'static str, f64> {
        let parts = self.parts as f64;
        CAUSES
            .into_iter()
            .zip(self.logs)
            .map(|(cause, sum)| (cause, share(sum, parts)))
            .collect()
    }
}

/// Share of each name in the sum.
fn shares(sums: BTreeMap<String, f64>) -> BTreeMap<String, f64> {
    let total: f64 = sums.values().sum();
    sums.into_iter()
        .map(|(name, sum)| (name, share(sum, total)))
        .collect()
}

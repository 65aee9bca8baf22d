//! Puts the parts of the ledger together.

use super::book::Book;
use super::entries::{Ledger, VERSION};
use crate::longrun::calendar::{Calendar, iso};
use crate::longrun::number::seconds;
use crate::longrun::plan::Plan;
use crate::longrun::recording::Defects;
use crate::longrun::timeline::Timeline;
use crate::longrun::truth::shift_truth;
use crate::longrun::values::CounterEvent;

/// Puts the ledger together.
pub(in crate::longrun) fn ledger(
    plan: &Plan,
    calendar: &Calendar,
    recorded: &[(Timeline, Defects)],
    events: &[CounterEvent],
) -> Ledger {
    let book = Book { plan, calendar };
    let tracks = || recorded.iter().enumerate();
    Ledger {
        format: "hal-sim.ledger",
        version: VERSION,
        scenario: plan.name.clone(),
        seed: plan.seed,
        from: iso(calendar.from),
        to: iso(calendar.to),
        time_zone: plan.zone.iana_name().unwrap_or("UTC").to_owned(),
        sample_s: seconds(plan.sample_ms),
        microstop_s: seconds(plan.microstop_ms),
        machines: book.machines(),
        shift_instances: book.instances(),
        records: tracks()
            .flat_map(|(machine, track)| book.records(machine, track))
            .collect(),
        stops: tracks()
            .flat_map(|(machine, track)| book.stops(machine, track))
            .collect(),
        changeovers: tracks()
            .flat_map(|(machine, track)| book.changeovers(machine, track))
            .collect(),
        reliability: tracks()
            .map(|(machine, (timeline, _))| book.reliability(machine, timeline))
            .collect(),
        orders: tracks()
            .flat_map(|(machine, (timeline, _))| book.orders(machine, timeline))
            .collect(),
        gaps: tracks()
            .flat_map(|(machine, (_, defects))| book.gaps(machine, defects))
            .collect(),
        counter_events: events
            .iter()
            .map(|event| book.counter_event(event))
            .collect(),
        effects: book.effects(),
        staffing: book.staffing(),
        shift_truth: shift_truth(
            plan,
            calendar,
            &recorded
                .iter()
                .map(|(timeline, _)| timeline)
                .collect::<Vec<_>>(),
        ),
    }
}

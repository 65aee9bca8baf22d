//! What happened in the course of shifts and is in no sum: changeovers, handovers, orders, maintenance.

use std::time::Duration;

use super::stored::{ChangeoverV2, CourseV2, PartV2};
use crate::model::Timestamp;
use crate::production::assemble::{Assembled, Maintenance, OrderTime};
use crate::production::calendar::ShiftKey;
use crate::production::changeover::Changeover;
use crate::production::handover::{HandoverRates, Part};
use crate::production::span::Span;
use crate::production::stored::{elements, nanos, times_ns};

/// The course of any number of shifts of one work unit.
#[derive(Debug, Default)]
pub(super) struct Course {
    pub(super) changeovers: Vec<Changeover>,
    pub(super) handovers: Vec<HandoverRates>,
    pub(super) orders: Vec<OrderTime>,
    pub(super) maintenance: Vec<Maintenance>,
}

impl Course {
    /// Adds what was stated of `shift`.
    pub(super) fn take(&mut self, stated: &CourseV2, shift: &ShiftKey) {
        self.changeovers
            .extend(stated.changeovers.iter().map(read_changeover));
        let handover = stated.handover.as_ref().map(|(transition, settled)| {
            let (transition, settled) = (read_part(transition), read_part(settled));
            HandoverRates {
                shift: shift.clone(),
                transition,
                settled,
            }
        });
        self.handovers.extend(handover);
        let orders = stated.orders.iter().map(|(order, start, end)| OrderTime {
            order: order.as_str().into(),
            shift: shift.clone(),
            span: Span::new(Timestamp::from_nanos(*start), Timestamp::from_nanos(*end)),
        });
        self.orders.extend(orders);
        let (corrective, planned) = stated.maintenance_ns;
        if corrective > 0 || planned > 0 {
            self.maintenance.push(Maintenance {
                shift: shift.clone(),
                corrective: Duration::from_nanos(corrective),
                planned: Duration::from_nanos(planned),
            });
        }
    }

    /// Adds what was worked out.
    pub(super) fn add(&mut self, assembled: &Assembled) {
        self.changeovers
            .extend(assembled.changeovers.iter().cloned());
        self.handovers.extend(assembled.handovers.iter().cloned());
        self.orders.extend(assembled.orders.iter().cloned());
        self.maintenance
            .extend(assembled.maintenance.iter().cloned());
    }
}

/// What is stated of the one shift that `assembled` is of.
pub(super) fn course(assembled: &Assembled, shift: &ShiftKey) -> CourseV2 {
    let mut handovers = assembled.handovers.iter();
    let handover = handovers.find(|handover| handover.shift == *shift);
    let orders = assembled.orders.iter().filter(|time| time.shift == *shift);
    let mut maintenance = assembled.maintenance.iter();
    let maintained = maintenance.find(|time| time.shift == *shift);
    CourseV2 {
        changeovers: assembled.changeovers.iter().map(changeover_v2).collect(),
        handover: handover.map(|rates| (part_v2(&rates.transition), part_v2(&rates.settled))),
        orders: orders
            .map(|time| {
                let Span { start, end } = time.span;
                (time.order.to_string(), start.as_nanos(), end.as_nanos())
            })
            .collect(),
        maintenance_ns: maintained
            .map_or((0, 0), |time| (nanos(time.corrective), nanos(time.planned))),
    }
}

fn changeover_v2(change: &Changeover) -> ChangeoverV2 {
    ChangeoverV2 {
        from: change.from.to_string(),
        to: change.to.to_string(),
        start_ns: change.span.start.as_nanos(),
        end_ns: change.span.end.as_nanos(),
        scrap: change.scrap,
        rework: change.rework,
        times_ns: times_ns(&change.elements),
    }
}

fn read_changeover(stated: &ChangeoverV2) -> Changeover {
    let start = Timestamp::from_nanos(stated.start_ns);
    let span = Span::new(start, Timestamp::from_nanos(stated.end_ns));
    Changeover {
        scrap: stated.scrap,
        rework: stated.rework,
        elements: elements(stated.times_ns),
        ..Changeover::new(stated.from.as_str().into(), stated.to.as_str().into(), span)
    }
}

fn part_v2(part: &Part) -> PartV2 {
    PartV2 {
        pieces: part.pieces,
        standard_s: part.standard_s,
        unrated: part.unrated,
        length_ns: nanos(part.length),
    }
}

fn read_part(stated: &PartV2) -> Part {
    Part {
        pieces: stated.pieces,
        standard_s: stated.standard_s,
        unrated: stated.unrated,
        length: Duration::from_nanos(stated.length_ns),
    }
}

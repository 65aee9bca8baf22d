//! Time cut into segments of one shift, one allocation and one ideal cycle each.

use std::collections::BTreeSet;

use super::super::calendar::ShiftInstance;
use super::super::product::IdealCycle;
use super::super::span::Span;
use super::facts::{Allocation, Facts, Settings};
use crate::model::Timestamp;

/// A stretch in which every piece and every second has one key.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Segment<'a> {
    pub(super) span: Span,
    /// Place in the list of shifts; `None` where nothing is scheduled.
    pub(super) shift: Option<usize>,
    pub(super) allocation: Option<&'a Allocation>,
    pub(super) ideal: Option<IdealCycle>,
    /// Whether it is in the window.
    pub(super) is_inside: bool,
}

/// Segments over `range`, in order and without a gap; `range` holds the window.
pub(super) fn segments<'a>(
    facts: &Facts<'a>,
    settings: &Settings<'a>,
    shifts: &[ShiftInstance],
    range: Span,
) -> Vec<Segment<'a>> {
    let starts: Vec<Timestamp> = starts(facts, settings, shifts, range).into_iter().collect();
    let ends = starts.iter().skip(1).copied().chain([range.end]);
    let mut segments = Vec::with_capacity(starts.len());
    let mut next_shift = 0;
    for (start, end) in starts.iter().copied().zip(ends) {
        while shifts
            .get(next_shift)
            .is_some_and(|s| s.credit.end <= start)
        {
            next_shift += 1;
        }
        let shift = shifts.get(next_shift).filter(|s| s.credit.contains(start));
        let allocation = latest(facts.allocations, start).and_then(Option::as_ref);
        let product = allocation.and_then(|a| a.product.as_ref());
        segments.push(Segment {
            span: Span::new(start, end),
            shift: shift.map(|_| next_shift),
            allocation,
            ideal: product.and_then(|p| settings.catalogue.ideal(p, start)),
            is_inside: facts.window.contains(start),
        });
    }
    segments
}

fn starts(
    facts: &Facts<'_>,
    settings: &Settings<'_>,
    shifts: &[ShiftInstance],
    range: Span,
) -> BTreeSet<Timestamp> {
    let mut starts = BTreeSet::from([range.start]);
    let mut cut = |at: Timestamp| {
        if range.contains(at) {
            starts.insert(at);
        }
    };
    cut(facts.window.start);
    cut(facts.window.end);
    for shift in shifts {
        cut(shift.credit.start);
        cut(shift.credit.end);
    }
    let mut products = BTreeSet::new();
    for (at, allocation) in facts.allocations {
        cut(*at);
        products.extend(allocation.as_ref().and_then(|a| a.product.as_ref()));
    }
    for product in products {
        let known = settings.catalogue.product(product);
        known
            .into_iter()
            .flat_map(|p| &p.ideal)
            .for_each(|ideal| cut(ideal.valid_from));
    }
    starts
}

/// What the latest entry at or before `time` says.
pub(super) fn latest<T>(entries: &[(Timestamp, T)], time: Timestamp) -> Option<&T> {
    let after = entries.partition_point(|(at, _)| *at <= time);
    let place = after.checked_sub(1)?;
    entries.get(place).map(|(_, what)| what)
}

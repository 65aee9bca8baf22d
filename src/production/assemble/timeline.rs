//! Categories over time, from states, modes and orders.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::span::{Span, union};
use super::super::state::{Category, Circumstances, MachineState, Mode, WorkOrder};
use super::super::time_model::Interval;
use super::facts::{Facts, Settings};
use super::segments::latest;
use crate::model::Timestamp;

/// When a state is known, and from when on not any more.
type Known<'a> = (Timestamp, Option<&'a MachineState>);

/// Intervals in order, without overlap. They begin with the first state and end with `end`. Stops that follow each other
/// are one, with the first reason given; but another state that begins in a planned stop belongs to that one: a minor stop
/// that lasts until the break is still a minor one.
pub(super) fn timeline(
    facts: &Facts<'_>,
    settings: &Settings<'_>,
    (changeovers, planned): (&[Span], &[Span]),
    end: Timestamp,
) -> Vec<Interval> {
    let known = known_states(facts, settings, end);
    let Some((first, _)) = known.first() else {
        return Vec::new();
    };
    let mut times: BTreeSet<Timestamp> = known.iter().map(|(at, _)| *at).collect();
    times.extend(facts.modes.iter().map(|(at, _)| *at));
    times.extend(facts.work_orders.iter().map(|(at, _)| *at));
    times.extend(facts.reasons.iter().map(|(at, _)| *at));
    times.extend(facts.allocations.iter().map(|(at, _)| *at));
    times.extend(changeovers.iter().flat_map(|span| [span.start, span.end]));
    let starts: Vec<Timestamp> = times.range(*first..end).copied().collect();
    let ends = starts.iter().skip(1).copied().chain([end]);
    let planned = union(planned);
    let mut intervals: Vec<Interval> = Vec::new();
    let mut before = None;
    for (start, end) in starts.iter().copied().zip(ends) {
        let now = circumstances(facts, changeovers, start);
        let state = latest(&known, start).copied().flatten();
        let is_other = state != std::mem::replace(&mut before, state);
        let is_planned = is_other && covers(&planned, start);
        let category = state.map_or(Category::Unknown, |s| settings.states.category(s, now));
        let reason = latest(facts.reasons, start).cloned().flatten();
        let next = Interval {
            span: Span::new(start, end),
            category,
            reason,
        };
        extend(&mut intervals, next, is_planned);
    }
    intervals
}

/// Whether `time` is inside one of `spans`, which are in order.
fn covers(spans: &[Span], time: Timestamp) -> bool {
    let place = spans.partition_point(|span| span.end <= time);
    spans.get(place).is_some_and(|span| span.contains(time))
}

/// Adds an interval; it goes on with the one before when that is of its category and it is not one of its own.
fn extend(intervals: &mut Vec<Interval>, next: Interval, is_own: bool) {
    let Interval {
        span,
        category,
        reason,
    } = next;
    // A reason that a machine still shows while it runs explains nothing, nor does one from before the data broke off.
    let reason = reason.filter(|_| !matches!(category, Category::Run | Category::Unknown));
    match intervals.last_mut() {
        Some(last) if last.category == category && !is_own => {
            last.span.end = span.end;
            if last.reason.is_none() {
                last.reason = reason;
            }
        }
        _ => intervals.push(Interval {
            span,
            category,
            reason,
        }),
    }
}

/// Time in maintenance mode inside `window`: corrective, planned.
pub(super) fn maintenance(facts: &Facts<'_>, window: Span) -> (Duration, Duration) {
    if window.is_empty() {
        return (Duration::ZERO, Duration::ZERO);
    }
    let mut times = BTreeSet::from([window.start]);
    times.extend(facts.modes.iter().map(|(at, _)| *at));
    times.extend(facts.work_orders.iter().map(|(at, _)| *at));
    let starts: Vec<Timestamp> = times.range(window.start..window.end).copied().collect();
    let ends = starts.iter().skip(1).copied().chain([window.end]);
    let (mut corrective, mut planned) = (Duration::ZERO, Duration::ZERO);
    for (start, end) in starts.iter().copied().zip(ends) {
        let now = circumstances(facts, &[], start);
        let sum = match (now.mode, now.work_order) {
            (Mode::Maintenance, WorkOrder::Planned) => &mut planned,
            (Mode::Maintenance, _) => &mut corrective,
            _ => continue,
        };
        *sum = sum.saturating_add(Span::new(start, end).length());
    }
    (corrective, planned)
}

fn circumstances(facts: &Facts<'_>, changeovers: &[Span], at: Timestamp) -> Circumstances {
    let allocation = latest(facts.allocations, at);
    Circumstances {
        has_order: facts.allocations.is_empty() || allocation.is_some_and(Option::is_some),
        in_changeover: changeovers.iter().any(|span| span.contains(at)),
        mode: latest(facts.modes, at).copied().unwrap_or_default(),
        work_order: latest(facts.work_orders, at).copied().unwrap_or_default(),
    }
}

/// The states, with the moments from which on they are no longer known.
fn known_states<'a>(facts: &Facts<'a>, settings: &Settings<'_>, end: Timestamp) -> Vec<Known<'a>> {
    let mut known: Vec<Known<'a>> = Vec::with_capacity(facts.states.len());
    let next = facts.states.iter().skip(1).map(|change| change.at);
    for (change, next) in facts.states.iter().zip(next.chain([end])) {
        let state = change.quality.is_good().then_some(&change.state);
        let is_repeated = known.last().is_some_and(|(_, before)| *before == state);
        if !is_repeated {
            known.push((change.at, state));
        }
        let lost = settings
            .state_age_max
            .map(|age| change.at.saturating_add(age))
            .filter(|lost| *lost < next);
        known.extend(lost.map(|at| (at, None)));
    }
    known
}

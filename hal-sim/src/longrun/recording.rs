//! What a recorder makes of a machine: gaps, samples of bad quality, counters that forget and slip.
//!
//! Gaps and bad spells begin and end while the machine runs, inside of one shift instance and one order: a stop is either hidden or
//! seen as a whole, and the parts of a gap belong to one order. A controller restarts at the end of a stop, when nothing is made.

use super::calendar::Calendar;
use super::number::{count, float, rounded};
use super::plan::{MachinePlan, Plan};
use super::timeline::{Activity, Interval, Outcome, Part, Timeline};
use crate::plant::noise::{exponential, generator};

const WEEK_MS: f64 = 7.0 * 86_400_000.0;
const MONTH_MS: f64 = 30.0 * 86_400_000.0;
/// Distance of gaps from shift changes, order changes and each other; length of the gap of a restart.
const MARGIN_MS: i64 = 60_000;
/// Tries to place one gap.
const TRIES: usize = 30;
/// Shortest gap, in samples: shorter ones are bridged by holding the last value.
const SHORTEST_SAMPLES: i64 = 6;
/// A counter below this could be taken for one that slipped back when it restarts.
const DISTINCT_COUNT: u64 = 20;
/// A spell without sound samples, from the first such row to the first sound one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spell {
    pub(super) start: i64,
    pub(super) end: i64,
    /// Samples of bad quality, rather than none.
    pub(super) is_bad: bool,
}

/// What goes wrong with the recording of one machine.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Defects {
    /// By start, apart from each other.
    pub(super) spells: Vec<Spell>,
    /// The first rows after a restart.
    pub(super) resets: Vec<i64>,
    /// Rows with one part too few.
    pub(super) backsteps: Vec<i64>,
}

/// Draws the defects of one machine's recording.
pub(super) fn defects(
    plan: &Plan,
    calendar: &Calendar,
    machine: &MachinePlan,
    timeline: &Timeline,
) -> Defects {
    let mut rng = generator(plan.seed, &format!("{}.recording", machine.name));
    let mut defects = Defects::default();
    let length_ms = float(calendar.to - calendar.from);
    let rules = &plan.recording;
    let mut draw = |per: f64, span_ms: f64| count(per * length_ms / span_ms + rng.f64());
    let restarts = draw(rules.restarts_per_month, MONTH_MS);
    let kinds = [
        (draw(rules.gaps_per_week, WEEK_MS), rules.gap_ms, false),
        (draw(rules.bad_per_week, WEEK_MS), rules.bad_ms, true),
    ];
    let backsteps = draw(rules.backsteps_per_month, MONTH_MS);
    restart(plan, machine, timeline, (restarts, &mut rng), &mut defects);
    for (number, mean_ms, is_bad) in kinds {
        for _ in 0..number {
            let spell = (0..TRIES).find_map(|_| {
                let drawn = draw_spell(plan, calendar, (mean_ms, is_bad), &mut rng);
                is_free(&defects.spells, drawn)
                    .then_some(drawn)
                    .filter(|spell| is_seen_through(timeline, *spell))
            });
            if let Some(spell) = spell {
                let place = defects
                    .spells
                    .partition_point(|one| one.start < spell.start);
                defects.spells.insert(place, spell);
            }
        }
    }
    for _ in 0..backsteps {
        let at = (0..TRIES).find_map(|_| {
            let at = draw_time(plan, calendar, &mut rng);
            can_slip(plan, machine, timeline, &defects, at).then_some(at)
        });
        defects.backsteps.extend(at);
    }
    defects.backsteps.sort_unstable();
    defects.backsteps.dedup();
    defects
}

fn draw_time(plan: &Plan, calendar: &Calendar, rng: &mut fastrand::Rng) -> i64 {
    let steps = (calendar.to - calendar.from) / plan.sample_ms;
    calendar.from + rng.i64(0..steps.max(1)) * plan.sample_ms
}

fn draw_spell(
    plan: &Plan,
    calendar: &Calendar,
    (mean_ms, is_bad): (f64, bool),
    rng: &mut fastrand::Rng,
) -> Spell {
    let start = draw_time(plan, calendar, rng);
    let steps = rounded(exponential(rng, mean_ms).min(10.0 * mean_ms) / float(plan.sample_ms));
    let end = start + steps.max(SHORTEST_SAMPLES) * plan.sample_ms;
    Spell { start, end, is_bad }
}

/// Whether it is apart from all spells, which stand by start and do not overlap.
fn is_free(spells: &[Spell], wanted: Spell) -> bool {
    let after = spells.partition_point(|one| one.end + MARGIN_MS <= wanted.start);
    spells
        .get(after)
        .is_none_or(|one| wanted.end + MARGIN_MS <= one.start)
}

/// Whether the machine runs before and after, for the same order in the same shift.
fn is_seen_through(timeline: &Timeline, spell: Spell) -> bool {
    let around = [
        spell.start - MARGIN_MS,
        spell.start,
        spell.end,
        spell.end + MARGIN_MS,
    ];
    let mut found = around.iter().filter_map(|time| at(timeline, *time));
    let Some(first) = found.next() else {
        return false;
    };
    let same = |one: &Interval| {
        one.activity == Activity::Run && (one.instance, one.order) == (first.instance, first.order)
    };
    same(first) && found.filter(|one| same(one)).count() == around.len() - 1
}

fn at(timeline: &Timeline, time: i64) -> Option<&Interval> {
    let number = timeline.intervals.partition_point(|one| one.end <= time);
    timeline
        .intervals
        .get(number)
        .filter(|one| one.start <= time)
}

/// Restarts in the last minute of long stops and changeovers.
fn restart(
    plan: &Plan,
    machine: &MachinePlan,
    timeline: &Timeline,
    (number, rng): (usize, &mut fastrand::Rng),
    defects: &mut Defects,
) {
    let is_candidate = |(one, next): (&Interval, &Interval)| {
        let seen_ms = one.end - one.start - MARGIN_MS;
        let is_long = match one.activity {
            Activity::Malfunction => seen_ms >= plan.microstop_ms,
            Activity::Setup => seen_ms >= 2 * MARGIN_MS,
            _ => false,
        };
        is_long && !one.is_planned && next.activity == Activity::Run
    };
    let pairs = timeline
        .intervals
        .iter()
        .zip(timeline.intervals.iter().skip(1));
    let mut candidates: Vec<i64> = pairs
        .filter(|pair| is_candidate(*pair))
        .map(|(one, _)| one.end)
        .collect();
    rng.shuffle(&mut candidates);
    candidates.truncate(number);
    candidates.sort_unstable();
    for end in candidates {
        let shown = shown_before(machine, timeline, &defects.resets, end);
        let is_clear =
            |value: &u64| *value == 0 || (DISTINCT_COUNT..machine.modulus / 10 * 9).contains(value);
        if shown.iter().all(is_clear) {
            defects.spells.push(Spell {
                start: end - MARGIN_MS,
                end,
                is_bad: false,
            });
            defects.resets.push(end);
        }
    }
}

/// Parts since the last restart that are finished before `time`, and what the counters held at its start.
fn since_reset<'t>(
    machine: &MachinePlan,
    timeline: &'t Timeline,
    resets: &[i64],
    time: i64,
) -> (&'t [Part], u64) {
    let reset = resets.iter().rev().find(|reset| **reset <= time);
    let from = reset.map_or(0, |reset| {
        timeline.parts.partition_point(|part| part.at < *reset)
    });
    let until = timeline.parts.partition_point(|part| part.at < time);
    let base = if reset.is_some() {
        0
    } else {
        machine.counter_start
    };
    (timeline.parts.get(from..until).unwrap_or_default(), base)
}

/// What the counter of all parts holds in the row at `time`, without its modulus.
fn produced_before(machine: &MachinePlan, timeline: &Timeline, resets: &[i64], time: i64) -> u64 {
    let (parts, base) = since_reset(machine, timeline, resets, time);
    base + u64::try_from(parts.len()).unwrap_or(0)
}

/// What the counters show in the row at `time`, slips aside.
fn shown_before(machine: &MachinePlan, timeline: &Timeline, resets: &[i64], time: i64) -> [u64; 3] {
    let (parts, base) = since_reset(machine, timeline, resets, time);
    let mut shown = [base; 3];
    for part in parts {
        advance(&mut shown, part.outcome);
    }
    shown.map(|value| value % machine.modulus)
}

pub(super) fn advance(counters: &mut [u64; 3], outcome: Outcome) {
    let [produced, scrap, rework] = counters;
    *produced += 1;
    *scrap += u64::from(outcome == Outcome::Scrap);
    *rework += u64::from(outcome == Outcome::Rework);
}

/// Whether one part less than in the row before can be shown here: the machine runs, and no other defect is near.
fn can_slip(
    plan: &Plan,
    machine: &MachinePlan,
    timeline: &Timeline,
    defects: &Defects,
    time: i64,
) -> bool {
    let here = Spell {
        start: time,
        end: time + plan.sample_ms,
        is_bad: false,
    };
    // The parts that the slip hides until the next row belong to the same order.
    let (here_is, before_is) = (at(timeline, time), at(timeline, time - plan.sample_ms));
    let is_running = here_is.zip(before_is).is_some_and(|(one, before)| {
        one.activity == Activity::Run
            && (one.instance, one.order) == (before.instance, before.order)
    });
    if !is_running || !is_free(&defects.spells, here) {
        return false;
    }
    let produced =
        |time| produced_before(machine, timeline, &defects.resets, time) % machine.modulus;
    let (before, now) = (produced(time - plan.sample_ms), produced(time));
    before >= 1 && now >= before
}

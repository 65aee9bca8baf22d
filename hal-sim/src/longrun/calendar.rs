//! The plan's calendar over the days of a run: shift instances with their staff, and what each machine is scheduled for.
//!
//! Shifts are defined in local time. A boundary that the clocks skip moves forward, one that they show twice is taken
//! the first time (RFC 5545, section 3.3.5), so nights around a change of the clocks are an hour shorter or longer. An instance
//! belongs to the production day on which it starts; starts are included, ends are not.

use jiff::civil::{Date, Time};
use jiff::{Timestamp, ToSpan};

use super::number::float;
use super::plan::Plan;
use crate::plant::noise::{gaussian, generator};

/// Longest run, in days.
pub(super) const DAYS_MAX: u32 = 1_000;

/// One shift on one production day.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Instance {
    /// Production day and shift, `2026-03-28.night`.
    pub(super) id: String,
    pub(super) day: Date,
    pub(super) shift: usize,
    pub(super) crew: Option<usize>,
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) planned_headcount: u32,
    pub(super) headcount: u32,
    /// Share of experienced persons, 0 to 1.
    pub(super) experience: f64,
}

/// Why a machine is not meant to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// It is meant to run.
    Work,
    /// A break.
    Break,
    /// Planned maintenance.
    Maintenance,
    /// No shift, or closed.
    Off,
}

/// A stretch of time in which a machine is scheduled for one thing in one shift instance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Segment {
    pub(super) start: i64,
    pub(super) end: i64,
    /// Number of the instance; none when off.
    pub(super) instance: Option<usize>,
    pub(super) use_for: Use,
}

/// The calendar of one run.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Calendar {
    pub(super) from: i64,
    pub(super) to: i64,
    /// By start.
    pub(super) instances: Vec<Instance>,
    /// By machine, without a hole from `from` to `to`.
    pub(super) segments: Vec<Vec<Segment>>,
}

impl Calendar {
    /// The calendar of `days` production days from `first` on.
    ///
    /// # Errors
    /// Dates beyond the calendar.
    pub(super) fn new(plan: &Plan, first: Date, days: u32) -> Result<Self, jiff::Error> {
        let start = plan
            .shifts
            .first()
            .map_or(Time::midnight(), |shift| shift.start);
        let last = first.checked_add(i64::from(days).days())?;
        let (from, to) = (instant(plan, first, start)?, instant(plan, last, start)?);
        let mut instances = Vec::new();
        for offset in 0..i64::from(days) {
            let day = first.checked_add(offset.days())?;
            for shift in 0..plan.shifts.len() {
                instances.extend(instance(plan, day, shift)?);
            }
        }
        instances.sort_by_key(|one| one.start);
        staff(plan, &mut instances);
        let segments = (0..plan.machines.len())
            .map(|machine| segments(plan, &instances, machine, (from, to)))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            from,
            to,
            instances,
            segments,
        })
    }
}

/// A local time as milliseconds of Unix time.
pub(super) fn instant(plan: &Plan, day: Date, time: Time) -> Result<i64, jiff::Error> {
    let local = day.to_datetime(time);
    // "Compatible": forward over a gap, the first of two (RFC 5545).
    Ok(plan
        .zone
        .to_ambiguous_zoned(local)
        .compatible()?
        .timestamp()
        .as_millisecond())
}

/// The text of a time, RFC 3339 in UTC.
pub(super) fn iso(time_ms: i64) -> String {
    Timestamp::from_millisecond(time_ms).map_or_else(|_| String::new(), |time| time.to_string())
}

/// The shift on that day, unless it does not start on such days of the week.
fn instance(plan: &Plan, day: Date, shift: usize) -> Result<Option<Instance>, jiff::Error> {
    let Some(def) = plan
        .shifts
        .get(shift)
        .filter(|def| def.days.contains(&day.weekday()))
    else {
        return Ok(None);
    };
    let end_day = if def.end > def.start {
        day
    } else {
        day.tomorrow()?
    };
    Ok(Some(Instance {
        id: format!("{day}.{}", def.name),
        day,
        shift,
        crew: crew(plan, day, shift),
        start: instant(plan, day, def.start)?,
        end: instant(plan, end_day, def.end)?,
        planned_headcount: def.headcount,
        headcount: def.headcount,
        experience: plan.staffing.experience_reference,
    }))
}

/// `cycle[(day - anchor + crew * offset) mod length]` is the crew's shift.
fn crew(plan: &Plan, day: Date, shift: usize) -> Option<usize> {
    let Some(rotation) = &plan.rotation else {
        return plan.shifts.get(shift).and_then(|def| def.crew);
    };
    let since = i64::from((day - rotation.anchor).get_days());
    let length = i64::try_from(rotation.cycle.len()).ok()?;
    (0..plan.crews.len()).find(|crew| {
        let turn = i64::try_from(*crew).unwrap_or(0) * i64::from(rotation.offset_days);
        let at = usize::try_from((since + turn).rem_euclid(length)).unwrap_or(0);
        rotation.cycle.get(at) == Some(&Some(shift))
    })
}

/// Who is there: absence and the mix of experience vary by instance.
fn staff(plan: &Plan, instances: &mut [Instance]) {
    let mut rng = generator(plan.seed, "roster");
    for one in instances {
        let absent = (0..one.planned_headcount).filter(|_| rng.f64() < plan.staffing.absence);
        let absent = u32::try_from(absent.count()).unwrap_or(0);
        one.headcount = one.planned_headcount.saturating_sub(absent).max(1);
        let base = one.crew.and_then(|crew| plan.crews.get(crew));
        let base = base.map_or(plan.staffing.experience_reference, |crew| crew.experience);
        let drawn = base + 0.05 * gaussian(&mut rng);
        one.experience = (drawn.clamp(0.0, 1.0) * 100.0).round() / 100.0;
    }
}

/// The machine's day: off outside of its instances, planned stops cut out of them.
fn segments(
    plan: &Plan,
    instances: &[Instance],
    machine: usize,
    (from, to): (i64, i64),
) -> Result<Vec<Segment>, jiff::Error> {
    let mut segments = Vec::new();
    let mut at = from;
    for (number, one) in instances.iter().enumerate() {
        let is_closed = plan.closed.iter().any(|closed| {
            closed.date == one.day
                && closed.shifts.contains(&one.shift)
                && closed.machines.contains(&machine)
        });
        let is_scheduled = plan
            .machines
            .get(machine)
            .is_some_and(|rules| rules.shifts.contains(&one.shift));
        let (start, end) = (one.start.max(at), one.end.min(to));
        if is_closed || !is_scheduled || start >= end {
            continue;
        }
        push(&mut segments, (at, start), None, Use::Off);
        at = start;
        for window in planned(plan, one, machine)? {
            let (start, stop) = (window.start.clamp(at, end), window.end.clamp(at, end));
            push(&mut segments, (at, start), Some(number), Use::Work);
            push(&mut segments, (start, stop), Some(number), window.use_for);
            at = stop;
        }
        push(&mut segments, (at, end), Some(number), Use::Work);
        at = end;
    }
    push(&mut segments, (at, to), None, Use::Off);
    Ok(segments)
}

fn push(
    segments: &mut Vec<Segment>,
    (start, end): (i64, i64),
    instance: Option<usize>,
    use_for: Use,
) {
    if start < end {
        segments.push(Segment {
            start,
            end,
            instance,
            use_for,
        });
    }
}

/// A planned stop.
struct Window {
    start: i64,
    end: i64,
    use_for: Use,
}

/// Planned windows of a machine that begin in an instance or reach into it, by start.
fn planned(plan: &Plan, one: &Instance, machine: usize) -> Result<Vec<Window>, jiff::Error> {
    let mut windows = Vec::new();
    let yesterday = one.day.yesterday()?;
    let days = [yesterday, one.day, one.day.tomorrow()?];
    for pause in plan
        .breaks
        .iter()
        .filter(|pause| pause.shift == one.shift && pause.machines.contains(&machine))
    {
        // The first such time of day that is not before the shift's start.
        for day in days {
            let start = instant(plan, day, pause.start)?;
            if (one.start..one.end).contains(&start) {
                windows.push(Window {
                    start,
                    end: start + pause.span_ms,
                    use_for: Use::Break,
                });
                break;
            }
        }
    }
    for work in plan
        .maintenance
        .iter()
        .filter(|work| work.machines.contains(&machine))
    {
        for day in days.into_iter().filter(|day| day.weekday() == work.day) {
            let start = instant(plan, day, work.start)?;
            if start < one.end && start + work.span_ms > one.start {
                windows.push(Window {
                    start,
                    end: start + work.span_ms,
                    use_for: Use::Maintenance,
                });
            }
        }
    }
    windows.sort_by_key(|window| (window.start, window.end));
    Ok(windows)
}

/// Persons below full headcount.
pub(super) fn missing(plan: &Plan, one: &Instance) -> f64 {
    (plan.staffing.full_headcount - float(i64::from(one.headcount))).max(0.0)
}

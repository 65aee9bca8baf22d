//! What systems around the machines know: roster, orders, products, reasons, scrap found later, and the calendar.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::calendar::{Calendar, Use, instant, iso};
use super::number::{float, rounded};
use super::plan::Plan;
use super::timeline::{Activity, Timeline, order_number};
use crate::plant::noise::generator;

const DAY_MS: f64 = 86_400_000.0;

/// A file: its name and its text.
pub(super) type Table = (&'static str, String);

/// Every table of a run.
///
/// # Errors
/// Dates of the plan beyond the calendar.
pub(super) fn tables(
    plan: &Plan,
    calendar: &Calendar,
    timelines: &[&Timeline],
) -> Result<Vec<Table>, jiff::Error> {
    Ok(vec![
        ("roster.csv", roster(plan, calendar)),
        ("orders.csv", orders(plan, timelines)),
        ("products.csv", products(plan, calendar)?),
        ("reasons.csv", reasons(plan, timelines)),
        ("late_scrap.csv", late_scrap(plan, timelines)),
        ("planned_stops.csv", planned_stops(plan, calendar)),
        ("calendar.json", planned(plan, calendar)),
    ])
}

fn lines(header: &str, rows: impl Iterator<Item = String>) -> String {
    let mut text = format!("{header}\n");
    for row in rows {
        text.extend([row.as_str(), "\n"]);
    }
    text
}

fn roster(plan: &Plan, calendar: &Calendar) -> String {
    let header = "shift_instance,production_day,shift,crew,start,end,planned_headcount,headcount,experience_share";
    let row = |one: &super::calendar::Instance| {
        let shift = plan
            .shifts
            .get(one.shift)
            .map_or("", |shift| shift.name.as_str());
        let crew = one
            .crew
            .and_then(|crew| plan.crews.get(crew))
            .map_or("\"\"", |crew| crew.name.as_str());
        let (start, end) = (iso(one.start), iso(one.end));
        let (planned, there) = (one.planned_headcount, one.headcount);
        format!(
            "{},{},{shift},{crew},{start},{end},{planned},{there},{}",
            one.id, one.day, one.experience
        )
    };
    lines(header, calendar.instances.iter().map(row))
}

/// Every machine with its timeline, by name.
fn tracks<'t>(
    plan: &'t Plan,
    timelines: &'t [&Timeline],
) -> impl Iterator<Item = (&'t str, &'t Timeline)> {
    plan.machines
        .iter()
        .map(|machine| machine.name.as_str())
        .zip(timelines.iter().copied())
}

fn product(plan: &Plan, number: usize) -> &str {
    plan.products
        .get(number)
        .map_or("", |product| product.name.as_str())
}

fn orders(plan: &Plan, timelines: &[&Timeline]) -> String {
    let header =
        "order,product,quantity,work_unit,planned_start,planned_end,actual_start,actual_end";
    let rows = tracks(plan, timelines).flat_map(|(machine, timeline)| {
        timeline.orders.iter().map(move |order| {
            let (start, planned_end) = (iso(order.start), iso(order.planned_end));
            let end = order.end.map_or_else(String::new, iso);
            let (product, quantity) = (product(plan, order.product), order.quantity);
            format!(
                "{},{product},{quantity},{machine},{start},{planned_end},{start},{end}",
                order.number
            )
        })
    });
    lines(header, rows)
}

/// A version is valid from the start of the first shift of its production day.
fn products(plan: &Plan, calendar: &Calendar) -> Result<String, jiff::Error> {
    let header = "product,family,ideal_cycle_s,valid_from,characteristic,unit,nominal,lsl,usl";
    let mut rows = Vec::new();
    for product in &plan.products {
        for (from, cycle_ms) in &product.versions {
            let start = plan
                .shifts
                .first()
                .map(|shift| shift.start)
                .unwrap_or_default();
            let from = from
                .or(product.from)
                .map(|day| instant(plan, day, start))
                .transpose()?;
            let from = iso(from.unwrap_or(calendar.from).min(calendar.to));
            let (cycle_s, width) = (float(*cycle_ms) / 1_000.0, &product.width);
            rows.push(format!(
                "{},{},{cycle_s},{from},width,mm,{},{},{}",
                product.name, product.family, width.nominal, width.lsl, width.usl
            ));
        }
    }
    Ok(lines(header, rows.into_iter()))
}

/// How a stop was coded, if it was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Coding {
    /// From the stop's end to the first entry.
    delay_ms: i64,
    /// From the first entry to its correction, with which wrong reason it was.
    edit: Option<(i64, usize)>,
}

/// Whether and how the `number`th stop of a machine was coded: the same answer each time.
pub(super) fn is_coded(
    plan: &Plan,
    machine: usize,
    number: usize,
    activity: Activity,
) -> Option<Coding> {
    let mut rng = generator(plan.seed, &format!("reason.{machine}.{number}"));
    let rules = &plan.reasons;
    let share = if activity == Activity::MinorStop {
        rules.minor_coded_share
    } else {
        rules.coded_share
    };
    let minutes = |drawn: f64| rounded(drawn) * 60_000;
    let is_coded = rng.f64() < share;
    let delay_ms = minutes(1.0 + 20.0 * rng.f64());
    let is_edited = rng.f64() < rules.edited_share;
    let edit_ms = minutes((0.2 + 2.5 * rng.f64()) * DAY_MS / 60_000.0);
    let wrong = rng.usize(..64);
    is_coded.then_some(Coding {
        delay_ms,
        edit: is_edited.then_some((edit_ms, wrong)),
    })
}

fn reasons(plan: &Plan, timelines: &[&Timeline]) -> String {
    let mut rows: Vec<(i64, String)> = Vec::new();
    for (machine, (name, timeline)) in tracks(plan, timelines).enumerate() {
        for (number, stop) in timeline.stops.iter().enumerate() {
            let Some(coding) =
                is_coded(plan, machine, number, stop.activity).filter(|_| stop.is_over)
            else {
                continue;
            };
            let list = match stop.activity {
                Activity::Malfunction => &plan.reasons.malfunction,
                Activity::External => &plan.reasons.external,
                _ => &plan.reasons.minor_stop,
            };
            let (start, end) = (iso(stop.start), iso(stop.end));
            let mut entry = |at: i64, reason: &str, revision: u32| {
                rows.push((
                    at,
                    format!("{},{name},{start},{end},{reason},{revision}", iso(at)),
                ));
            };
            let at = stop.end + coding.delay_ms;
            let others: Vec<&String> = list
                .iter()
                .filter(|reason| **reason != stop.reason)
                .collect();
            let edit = coding.edit.and_then(|(later_ms, wrong)| {
                others
                    .get(wrong % others.len().max(1))
                    .map(|wrong| (later_ms, *wrong))
            });
            match edit {
                Some((later_ms, wrong)) => {
                    entry(at, wrong, 1);
                    entry(at + later_ms, &stop.reason, 2);
                }
                None => entry(at, &stop.reason, 1),
            }
        }
    }
    rows.sort();
    let header = "entered_at,machine,stop_start,stop_end,reason,revision";
    lines(header, rows.into_iter().map(|(_, row)| row))
}

/// One row per place and time of finding; what was found together is counted together.
fn late_scrap(plan: &Plan, timelines: &[&Timeline]) -> String {
    let mut found: BTreeMap<(i64, String), u64> = BTreeMap::new();
    for (name, timeline) in tracks(plan, timelines) {
        for one in &timeline.late_scrap {
            let order = timeline.orders.get(one.order);
            let made = order.map_or("", |order| product(plan, order.product));
            let number = order_number(timeline, Some(one.order));
            let row = format!(
                "{},{name},{},{made},{number}",
                iso(one.found_at),
                iso(one.origin)
            );
            *found.entry((one.found_at, row)).or_default() += 1;
        }
    }
    let header = "found_at,machine,origin_time,product,order,count";
    lines(
        header,
        found
            .into_iter()
            .map(|((_, row), count)| format!("{row},{count}")),
    )
}

#[derive(Debug, Serialize)]
struct PlannedCalendar<'c> {
    format: &'static str,
    version: u32,
    time_zone: &'c str,
    shifts: Vec<PlannedShift<'c>>,
    machines: Vec<PlannedMachine<'c>>,
    planned_stops: Vec<PlannedStop<'c>>,
    closed: Vec<PlannedClosed<'c>>,
}

#[derive(Debug, Serialize)]
struct PlannedShift<'c> {
    name: &'c str,
    start: String,
    end: String,
    days: Vec<String>,
}

/// The shifts in which a machine is scheduled.
#[derive(Debug, Serialize)]
struct PlannedMachine<'c> {
    machine: &'c str,
    shifts: Vec<&'c str>,
}

#[derive(Debug, Serialize)]
struct PlannedStop<'c> {
    machine: &'c str,
    start: String,
    end: String,
    kind: &'static str,
}

#[derive(Debug, Serialize)]
struct PlannedClosed<'c> {
    date: String,
    label: &'c str,
    machines: Vec<&'c str>,
    shifts: Vec<&'c str>,
}

fn stops<'p>(plan: &'p Plan, calendar: &Calendar) -> Vec<PlannedStop<'p>> {
    let machine = |number: usize| {
        plan.machines
            .get(number)
            .map_or("", |one| one.name.as_str())
    };
    let stops = calendar
        .segments
        .iter()
        .enumerate()
        .flat_map(|(number, segments)| {
            segments.iter().filter_map(move |segment| {
                let kind = match segment.use_for {
                    Use::Break => "break",
                    Use::Maintenance => "maintenance",
                    Use::Work | Use::Off => return None,
                };
                Some(PlannedStop {
                    machine: machine(number),
                    start: iso(segment.start),
                    end: iso(segment.end),
                    kind,
                })
            })
        });
    stops.collect()
}

/// Maintenance; breaks are part of the shifts.
fn planned_stops(plan: &Plan, calendar: &Calendar) -> String {
    let stops = stops(plan, calendar).into_iter();
    let maintenance = stops.filter(|stop| stop.kind == "maintenance");
    let rows = maintenance.map(|stop| {
        let PlannedStop {
            machine,
            start,
            end,
            kind,
        } = stop;
        format!("{machine},{start},{end},{kind}")
    });
    lines("work_unit,start,end,kind", rows)
}

fn planned(plan: &Plan, calendar: &Calendar) -> String {
    let machine = |number: usize| {
        plan.machines
            .get(number)
            .map_or("", |one| one.name.as_str())
    };
    let shift = |number: usize| plan.shifts.get(number).map_or("", |one| one.name.as_str());
    let time = |time: jiff::civil::Time| format!("{:02}:{:02}", time.hour(), time.minute());
    let day = |day: &jiff::civil::Weekday| {
        format!("{day:?}")
            .chars()
            .take(3)
            .collect::<String>()
            .to_lowercase()
    };
    let closed = plan.closed.iter().map(|closed| PlannedClosed {
        date: closed.date.to_string(),
        label: &closed.label,
        machines: closed
            .machines
            .iter()
            .map(|number| machine(*number))
            .collect(),
        shifts: closed.shifts.iter().map(|number| shift(*number)).collect(),
    });
    let shifts = plan.shifts.iter().map(|one| PlannedShift {
        name: &one.name,
        start: time(one.start),
        end: time(one.end),
        days: one.days.iter().map(day).collect(),
    });
    let machines = plan.machines.iter().map(|one| PlannedMachine {
        machine: &one.name,
        shifts: one.shifts.iter().map(|number| shift(*number)).collect(),
    });
    let calendar = PlannedCalendar {
        format: "hal-sim.calendar",
        version: 1,
        time_zone: plan.zone.iana_name().unwrap_or("UTC"),
        shifts: shifts.collect(),
        machines: machines.collect(),
        planned_stops: stops(plan, calendar),
        closed: closed.collect(),
    };
    let mut text = serde_json::to_string_pretty(&calendar).unwrap_or_default();
    // Writing to a String does not fail.
    writeln!(text).map(|()| text).unwrap_or_default()
}

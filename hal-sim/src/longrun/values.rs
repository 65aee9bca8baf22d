//! The file of values: one row per sample, and what the counters did on the way.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::calendar::{Calendar, iso};
use super::number::float;
use super::plan::{Kind, MachinePlan, Plan};
use super::recording::{Defects, advance};
use super::timeline::{Activity, Interval, Timeline};
use crate::plant::noise::{gaussian, generator};

/// Names of the three counters.
const COUNTERS: [&str; 3] = ["count", "scrap", "rework"];

/// What happened to a counter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct CounterEvent {
    pub(super) machine: usize,
    pub(super) counter: &'static str,
    pub(super) at: i64,
    pub(super) kind: &'static str,
}

/// State and mode that a machine shows; see the table in the docs of [`crate::longrun`].
const fn code(kind: Kind, activity: Activity) -> (u16, u16) {
    let mode = match activity {
        Activity::Maintenance => 2,
        Activity::Setup => 3,
        _ => 1,
    };
    let packml = match activity {
        Activity::Run => 6,
        Activity::Malfunction => 9,
        Activity::MinorStop => 11,
        Activity::External => 5,
        Activity::Idle => 4,
        Activity::Setup | Activity::Maintenance | Activity::Break | Activity::Off => 2,
    };
    let plain = match activity {
        Activity::Idle => 0,
        Activity::Run => 1,
        Activity::Setup => 2,
        Activity::Malfunction => 3,
        Activity::MinorStop => 4,
        Activity::External => 5,
        Activity::Break | Activity::Off => 6,
        Activity::Maintenance => 7,
    };
    match kind {
        Kind::PackMl => (packml, mode),
        Kind::Plain => (plain, mode),
    }
}

/// One machine while the file is written.
struct Track<'r> {
    plan: &'r Plan,
    calendar: &'r Calendar,
    number: usize,
    machine: &'r MachinePlan,
    timeline: &'r Timeline,
    defects: &'r Defects,
    interval: usize,
    part: usize,
    spell: usize,
    reset: usize,
    measurement: usize,
    counters: [u64; 3],
    /// What the counter of all parts showed in the row before.
    before: u64,
    pressure: f64,
    rng: fastrand::Rng,
}

/// Writes the values of all machines, one row per sample, and says what the counters did.
pub(super) fn write_values(
    out: &mut impl Write,
    plan: &Plan,
    calendar: &Calendar,
    recorded: &[(Timeline, Defects)],
) -> io::Result<Vec<CounterEvent>> {
    let machines = plan.machines.iter().zip(recorded).enumerate();
    let mut tracks: Vec<Track<'_>> = machines
        .map(|(number, (machine, (timeline, defects)))| {
            Track::new((plan, calendar), number, machine, (timeline, defects))
        })
        .collect();
    let mut row = String::from("time");
    for track in &tracks {
        track.header(&mut row);
    }
    let mut events = Vec::new();
    let mut time = calendar.from;
    while time <= calendar.to {
        row.push('\n');
        out.write_all(row.as_bytes())?;
        row.clear();
        row.push_str(&iso(time));
        for track in &mut tracks {
            // Writing to a String does not fail.
            track
                .cells(time, &mut row, &mut events)
                .map_err(io::Error::other)?;
        }
        time += plan.sample_ms;
    }
    row.push('\n');
    out.write_all(row.as_bytes())?;
    events.sort_by_key(|event| (event.machine, event.at));
    Ok(events)
}

impl<'r> Track<'r> {
    fn new(
        (plan, calendar): (&'r Plan, &'r Calendar),
        number: usize,
        machine: &'r MachinePlan,
        (timeline, defects): (&'r Timeline, &'r Defects),
    ) -> Self {
        Self {
            plan,
            calendar,
            number,
            machine,
            timeline,
            defects,
            interval: 0,
            part: 0,
            spell: 0,
            reset: 0,
            measurement: 0,
            counters: [machine.counter_start; 3],
            before: machine.counter_start,
            pressure: 0.0,
            rng: generator(plan.seed, &format!("{}.pressure", machine.name)),
        }
    }

    fn header(&self, row: &mut String) {
        let names: &[&str] = match self.machine.kind {
            Kind::PackMl => &["state", "mode"],
            Kind::Plain => &["state"],
        };
        let rest = ["order", "product", "cycle_s", "temp", "pressure", "width"];
        for name in names.iter().chain(&COUNTERS).chain(&rest) {
            row.extend([",", &self.machine.name, ".", name]);
        }
    }

    fn cells(
        &mut self,
        time: i64,
        row: &mut String,
        events: &mut Vec<CounterEvent>,
    ) -> std::fmt::Result {
        self.catch_up(time, events);
        let measured = self.measured(time);
        self.pressure = 0.9 * self.pressure + 0.436 * gaussian(&mut self.rng);
        let spell = self
            .defects
            .spells
            .get(self.spell)
            .filter(|spell| spell.start <= time);
        let columns = if self.machine.kind == Kind::PackMl {
            11
        } else {
            10
        };
        if let Some(spell) = spell {
            let numbers = if spell.is_bad { ",NaN" } else { "," };
            // State, mode and counters; order, product; setpoint, temperature, pressure; width.
            (0..columns - 6).for_each(|_| row.push_str(numbers));
            row.push_str(",,");
            (0..3).for_each(|_| row.push_str(numbers));
            row.push(',');
            return Ok(());
        }
        let interval = self
            .timeline
            .intervals
            .get(self.interval)
            .or(self.timeline.intervals.last());
        let activity = interval.map_or(Activity::Off, |interval| interval.activity);
        let (state, mode) = code(self.machine.kind, activity);
        write!(row, ",{state}")?;
        if self.machine.kind == Kind::PackMl {
            write!(row, ",{mode}")?;
        }
        let [mut produced, scrap, rework] = self.counters.map(|value| value % self.machine.modulus);
        let is_slipped = self.defects.backsteps.binary_search(&time).is_ok();
        if is_slipped && self.before > 0 {
            produced = self.before - 1;
            self.note("count", time, "backstep", events);
        } else {
            self.before = produced;
        }
        write!(row, ",{produced},{scrap},{rework}")?;
        self.order(interval, row)?;
        let temp = self.temp(time);
        write!(row, ",{temp:.2},{:.3},", 6.0 + 0.05 * self.pressure)?;
        if let Some(width) = measured {
            write!(row, "{width:.3}")?;
        }
        Ok(())
    }

    /// Everything that happened before this row.
    fn catch_up(&mut self, time: i64, events: &mut Vec<CounterEvent>) {
        let is_past = |end: Option<i64>| end.is_some_and(|end| end <= time);
        while is_past(
            self.timeline
                .intervals
                .get(self.interval)
                .map(|one| one.end),
        ) {
            self.interval += 1;
        }
        while is_past(self.defects.spells.get(self.spell).map(|one| one.end)) {
            self.spell += 1;
        }
        while let Some(part) = self
            .timeline
            .parts
            .get(self.part)
            .filter(|part| part.at < time)
        {
            let before = self.counters;
            advance(&mut self.counters, part.outcome);
            let moved = before.iter().zip(self.counters).zip(COUNTERS);
            for ((before, now), name) in moved {
                if *before != now && now.is_multiple_of(self.machine.modulus) {
                    events.push(CounterEvent {
                        machine: self.number,
                        counter: name,
                        at: part.at,
                        kind: "rollover",
                    });
                }
            }
            self.part += 1;
        }
        if is_past(self.defects.resets.get(self.reset).copied()) {
            self.reset += 1;
            self.counters = [0; 3];
            for name in COUNTERS {
                self.note(name, time, "reset", events);
            }
        }
    }

    fn note(
        &self,
        counter: &'static str,
        at: i64,
        kind: &'static str,
        events: &mut Vec<CounterEvent>,
    ) {
        events.push(CounterEvent {
            machine: self.number,
            counter,
            at,
            kind,
        });
    }

    /// The latest measurement since the row before.
    fn measured(&mut self, time: i64) -> Option<f64> {
        let mut latest = None;
        while let Some((_, value)) = self
            .timeline
            .measurements
            .get(self.measurement)
            .filter(|(at, _)| *at < time)
        {
            latest = Some(*value);
            self.measurement += 1;
        }
        latest
    }

    fn order(&self, interval: Option<&Interval>, row: &mut String) -> std::fmt::Result {
        let order = interval.and_then(|interval| interval.order);
        let Some(order) = order.and_then(|order| self.timeline.orders.get(order)) else {
            row.push_str(",\"\",\"\",0");
            return Ok(());
        };
        let product = self
            .plan
            .products
            .get(order.product)
            .map_or("", |product| product.name.as_str());
        let instance = interval.and_then(|interval| interval.instance);
        let day = instance
            .and_then(|instance| self.calendar.instances.get(instance))
            .map(|one| one.day);
        let ideal_ms = self.plan.ideal_ms(order.product, day.unwrap_or_default());
        write!(
            row,
            ",{},{product},{}",
            order.number,
            float(ideal_ms) / 1_000.0
        )
    }

    fn temp(&self, time: i64) -> f32 {
        let start = self
            .timeline
            .intervals
            .first()
            .map_or(time, |one| one.start);
        let number = usize::try_from((time - start) / self.plan.sample_ms).unwrap_or(0);
        self.timeline.temps.get(number).copied().unwrap_or_default()
    }
}

//! The flow: what a machine does in each stretch of its calendar.

use crate::longrun::calendar::{Calendar, Instance, Segment, Use};
use crate::longrun::conditions::Conditions;
use crate::longrun::number::{float, rounded};
use crate::longrun::plan::{MachinePlan, Plan};
use crate::longrun::thermal::Thermal;
use crate::longrun::timeline::{Activity, CAUSES, Interval, Timeline};
use crate::plant::noise::{exponential, generator};

/// Running between two stops, in samples: two stops in a row would be one to whoever reads states.
const APART_SAMPLES: i64 = 2;

/// Simulates a machine from the start to the end of the calendar.
pub(in crate::longrun) fn simulate(plan: &Plan, calendar: &Calendar, machine: usize) -> Timeline {
    let Some(rules) = plan.machines.get(machine) else {
        return Timeline::default();
    };
    let mut simulation = Simulation::new(plan, calendar, machine, rules);
    for segment in calendar.segments.get(machine).into_iter().flatten() {
        simulation.pass(segment);
    }
    simulation.finish()
}

/// What goes on, with what is left of it in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Doing {
    pub(super) activity: Activity,
    pub(super) left_ms: i64,
}

pub(super) const RUNNING: Doing = Doing {
    activity: Activity::Run,
    left_ms: 0,
};

/// Budgets of the three kinds of stops, in units of their mean.
#[derive(Debug)]
pub(super) struct Budgets {
    pub(super) minor: f64,
    pub(super) failure: f64,
    pub(super) external: f64,
}

pub(super) struct Simulation<'p> {
    pub(super) plan: &'p Plan,
    pub(super) calendar: &'p Calendar,
    pub(super) number: usize,
    pub(super) rules: &'p MachinePlan,
    pub(super) rng: fastrand::Rng,
    pub(super) thermal: Thermal,
    pub(super) now: i64,
    pub(super) doing: Doing,
    pub(super) budgets: Budgets,
    /// No stop begins before.
    pub(super) quiet_until: i64,
    pub(super) order: Option<usize>,
    pub(super) product: Option<usize>,
    /// What is left of the part in work, and what its cycle is made of.
    pub(super) part_left_ms: f64,
    pub(super) part_logs: [f64; CAUSES.len()],
    /// The shift in which it was begun.
    pub(super) part_shift: usize,
    pub(super) since_setup: u64,
    pub(super) turn: usize,
    pub(super) out: Timeline,
}

impl<'p> Simulation<'p> {
    fn new(plan: &'p Plan, calendar: &'p Calendar, number: usize, rules: &'p MachinePlan) -> Self {
        let mut rng = generator(plan.seed, &rules.name);
        let heat = generator(plan.seed, &format!("{}.temp", rules.name));
        let budgets = Budgets {
            minor: exponential(&mut rng, 1.0),
            failure: exponential(&mut rng, 1.0),
            external: exponential(&mut rng, 1.0),
        };
        Self {
            plan,
            calendar,
            number,
            rules,
            rng,
            thermal: Thermal::new(rules.temp.clone(), heat, calendar.from, plan.sample_ms),
            now: calendar.from,
            doing: RUNNING,
            budgets,
            quiet_until: calendar.from,
            order: None,
            product: None,
            part_left_ms: 0.0,
            part_logs: [0.0; CAUSES.len()],
            part_shift: 0,
            since_setup: u64::MAX,
            turn: 0,
            out: Timeline::default(),
        }
    }

    fn finish(mut self) -> Timeline {
        let to = self.calendar.to;
        self.thermal.advance(
            to,
            self.doing.activity == Activity::Run,
            &mut self.out.temps,
        );
        if let Some(stop) = self.out.stops.last_mut().filter(|stop| !stop.is_over) {
            stop.end = to;
        }
        self.out
    }

    /// Lets a stretch of the calendar pass.
    fn pass(&mut self, segment: &Segment) {
        let Some(instance) = segment
            .instance
            .and_then(|number| self.calendar.instances.get(number))
        else {
            self.stand_still(segment, Activity::Off);
            return;
        };
        let runs = self.rules.runs_through_breaks && self.doing.activity == Activity::Run;
        match segment.use_for {
            Use::Work => self.work(segment, instance),
            Use::Break if runs => self.work(segment, instance),
            Use::Break => self.stand_still(segment, Activity::Break),
            Use::Maintenance => {
                self.stand_still(segment, Activity::Maintenance);
                self.thermal.mend(0.0);
            }
            Use::Off => self.stand_still(segment, Activity::Off),
        }
    }

    /// Off, or a planned stop: a repair goes on, a changeover waits, any other stop is over.
    fn stand_still(&mut self, segment: &Segment, activity: Activity) {
        let length_ms = segment.end - segment.start;
        let is_repair = self.doing.activity == Activity::Malfunction && activity != Activity::Off;
        match self.doing.activity {
            Activity::Malfunction if is_repair => {
                let left_ms = self.doing.left_ms - length_ms;
                // What would be left as a stop too short for a malfunction is done within the planned stop.
                self.doing.left_ms = if left_ms < self.plan.microstop_ms {
                    0
                } else {
                    left_ms
                };
            }
            Activity::Malfunction | Activity::MinorStop | Activity::External => self.end_stop(),
            Activity::Idle => {
                self.doing.left_ms = (self.doing.left_ms - length_ms).max(self.plan.sample_ms);
            }
            _ => {}
        }
        let shown = if is_repair {
            Activity::Malfunction
        } else {
            activity
        };
        self.spend(segment, segment.end, shown);
        if is_repair && self.doing.left_ms == 0 {
            self.end_stop();
        }
    }

    fn work(&mut self, segment: &Segment, instance: &Instance) {
        if self.order.is_none() && self.doing.activity == Activity::Run {
            self.start_order(instance);
        }
        while self.now < segment.end {
            if self.doing.activity == Activity::Run {
                self.run(segment, instance);
                continue;
            }
            let until = (self.now + self.doing.left_ms).min(segment.end);
            self.doing.left_ms -= until - self.now;
            self.spend(segment, until, self.doing.activity);
            if self.doing.left_ms <= 0 {
                match self.doing.activity {
                    Activity::Idle => self.start_order(instance),
                    Activity::Setup => self.end_setup(),
                    _ => self.end_stop(),
                }
            }
        }
    }

    /// Books the time up to `until`.
    pub(super) fn spend(&mut self, segment: &Segment, until: i64, activity: Activity) {
        let is_running = activity == Activity::Run;
        // The sample at `until` shows what comes then.
        self.thermal
            .advance(until - 1, is_running, &mut self.out.temps);
        let is_planned = segment.use_for != Use::Work;
        // A changeover that goes on through a break does not wait in it.
        if is_planned && activity != Activity::Setup {
            self.note_planned(until - self.now);
        }
        if until > self.now {
            self.out.intervals.push(Interval {
                start: self.now,
                end: until,
                activity,
                is_planned: is_planned && segment.use_for != Use::Off,
                instance: segment.instance,
                order: self.order,
            });
            if !is_running {
                self.quiet_until = until + APART_SAMPLES * self.plan.sample_ms;
            }
        }
        self.now = until;
    }

    /// What a stop or changeover spends in planned windows, or where nothing is scheduled.
    fn note_planned(&mut self, span_ms: i64) {
        match self.doing.activity {
            Activity::Setup => {
                if let Some(changeover) = self.out.changeovers.last_mut() {
                    changeover.planned_ms += span_ms;
                }
            }
            Activity::Malfunction => {
                if let Some(stop) = self.out.stops.last_mut() {
                    stop.planned_ms += span_ms;
                }
            }
            _ => {}
        }
    }

    pub(super) fn on_grid(&self, time: f64) -> i64 {
        let step_ms = self.plan.sample_ms;
        let steps = rounded((time / float(step_ms)).ceil());
        steps.saturating_mul(step_ms)
    }

    /// A length drawn for a stop or a changeover, on the grid.
    pub(super) fn length(&self, drawn_ms: f64, least_ms: i64) -> i64 {
        self.on_grid(drawn_ms)
            .max(least_ms)
            .max(self.plan.sample_ms)
    }

    /// Runs until something happens or the segment ends.
    fn run(&mut self, segment: &Segment, instance: &Instance) {
        let Some(product) = self.product else {
            self.spend(segment, segment.end, Activity::Idle);
            return;
        };
        let conditions = Conditions::new(self.plan, self.number, product, instance);
        let next_stop = if segment.use_for == Use::Work {
            self.next_stop(&conditions)
        } else {
            None
        };
        let mut until = next_stop.map_or(segment.end, |(at, _)| at.min(segment.end));
        let mut is_done = false;
        loop {
            let at = float(self.now) + self.part_left_ms;
            // A part that finishes at the very end of the stretch belongs to what comes then.
            if at >= float(until) {
                break;
            }
            let at_ms = rounded(at).clamp(self.now, until - 1);
            self.finish_part(at_ms, segment, &conditions);
            self.draw_cycle(&conditions);
            self.part_left_ms += at - float(self.now);
            if !is_done && self.is_order_done() {
                is_done = true;
                // The first row after the part shows it, and is the first without its order.
                until = until.min(self.on_grid(float(at_ms + 1)));
            }
        }
        let ran_ms = float(until - self.now);
        self.part_left_ms = (self.part_left_ms - ran_ms).max(0.0);
        if segment.use_for == Use::Work {
            self.use_up(&conditions, ran_ms);
        }
        self.spend(segment, until, Activity::Run);
        if is_done {
            self.end_order(instance);
        } else if let Some((at, activity)) = next_stop
            && at == until
            && until < segment.end
        {
            self.start_stop(activity, segment);
        }
    }

    fn end_setup(&mut self) {
        if let Some(changeover) = self.out.changeovers.last_mut() {
            changeover.end = self.now;
        }
        self.since_setup = 0;
        self.doing = RUNNING;
    }
}

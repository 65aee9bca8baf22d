//! Stops: when the next one comes, how long it lasts, and when it is over.

use super::simulation::{Doing, RUNNING, Simulation};
use crate::longrun::calendar::{Segment, Use};
use crate::longrun::conditions::Conditions;
use crate::longrun::number::float;
use crate::longrun::timeline::{Activity, Stop};
use crate::plant::noise::exponential;

impl Simulation<'_> {
    /// The stop that comes first at these rates, on the grid.
    pub(super) fn next_stop(&self, conditions: &Conditions) -> Option<(i64, Activity)> {
        let budgets = [
            (
                self.budgets.failure,
                conditions.failure_rate,
                Activity::Malfunction,
            ),
            (
                self.budgets.external,
                conditions.external_rate,
                Activity::External,
            ),
            (
                self.budgets.minor,
                conditions.minor_rate,
                Activity::MinorStop,
            ),
        ];
        let step_ms = self.plan.sample_ms;
        let first = self.quiet_until.max(self.now + step_ms);
        budgets
            .into_iter()
            .filter(|(_, rate, _)| *rate > 0.0)
            .map(|(budget, rate, activity)| {
                (
                    self.on_grid(float(self.now) + budget / rate).max(first),
                    activity,
                )
            })
            .min_by_key(|(at, _)| *at)
    }

    pub(super) fn use_up(&mut self, conditions: &Conditions, ran_ms: f64) {
        let left = |budget: f64, rate: f64| (budget - rate * ran_ms).max(0.0);
        self.budgets.failure = left(self.budgets.failure, conditions.failure_rate);
        self.budgets.external = left(self.budgets.external, conditions.external_rate);
        self.budgets.minor = left(self.budgets.minor, conditions.minor_rate);
    }

    pub(super) fn start_stop(&mut self, activity: Activity, segment: &Segment) {
        let (plan, rules) = (self.plan, self.rules);
        let budget = exponential(&mut self.rng, 1.0);
        let (left_ms, reasons) = match activity {
            Activity::Malfunction => {
                self.budgets.failure = budget;
                let beyond_ms = (rules.mttr_ms - float(plan.microstop_ms)).max(1_000.0);
                let drawn_ms = float(plan.microstop_ms)
                    + exponential(&mut self.rng, beyond_ms).min(10.0 * beyond_ms);
                (
                    self.length(drawn_ms, plan.microstop_ms),
                    &plan.reasons.malfunction,
                )
            }
            Activity::External => {
                self.budgets.external = budget;
                let drawn_ms =
                    exponential(&mut self.rng, rules.external_ms).min(10.0 * rules.external_ms);
                (self.length(drawn_ms, 0), &plan.reasons.external)
            }
            _ => {
                self.budgets.minor = budget;
                let longest_ms = (plan.microstop_ms - plan.sample_ms).max(plan.sample_ms);
                let drawn_ms = exponential(&mut self.rng, rules.minor_stop_ms);
                (
                    self.length(drawn_ms, 0).min(longest_ms),
                    &plan.reasons.minor_stop,
                )
            }
        };
        let is_cut = activity == Activity::Malfunction && !self.has_room(segment);
        if is_cut {
            return;
        }
        let reason = self.rng.usize(..reasons.len().max(1));
        self.out.stops.push(Stop {
            start: self.now,
            end: self.now,
            activity,
            reason: reasons.get(reason).cloned().unwrap_or_default(),
            order: self.order,
            planned_ms: 0,
            is_over: false,
        });
        self.doing = Doing { activity, left_ms };
    }

    /// A malfunction must be seen as one before a planned stop cuts it.
    pub(super) fn has_room(&self, segment: &Segment) -> bool {
        let segments = self.calendar.segments.get(self.number);
        let cut = segments
            .into_iter()
            .flatten()
            .find(|one| one.start >= segment.end && one.use_for != Use::Work);
        let cut = cut.map_or(self.calendar.to, |one| one.start);
        cut - self.now >= self.plan.microstop_ms
    }

    pub(super) fn end_stop(&mut self) {
        if self.doing.activity == Activity::Malfunction {
            self.thermal.mend(0.5);
        }
        if let Some(stop) = self.out.stops.last_mut() {
            stop.end = self.now;
            stop.is_over = true;
        }
        self.doing = RUNNING;
    }
}

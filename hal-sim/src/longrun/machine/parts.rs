//! Parts: how long each takes, and how it comes out.

use super::simulation::Simulation;
use crate::longrun::calendar::Segment;
use crate::longrun::conditions::Conditions;
use crate::longrun::number::{float, rounded};
use crate::longrun::timeline::{LateScrap, Outcome, Part};
use crate::plant::noise::gaussian;

const DAY_MS: f64 = 86_400_000.0;
/// No share of scrap or rework grows above this.
const SHARE_MAX: f64 = 0.45;

impl Simulation<'_> {
    /// Draws the cycle of the next part: the ideal times what each cause does to it.
    pub(super) fn draw_cycle(&mut self, conditions: &Conditions) {
        let sigma = self.rules.cycle_noise;
        self.part_logs = conditions.logs;
        self.part_shift = conditions.shift;
        if let Some(noise) = self.part_logs.last_mut() {
            // The mean of the factor is 1.
            *noise = sigma * gaussian(&mut self.rng) - sigma * sigma / 2.0;
        }
        let log: f64 = self.part_logs.iter().sum();
        self.part_left_ms = float(conditions.ideal_ms) * log.exp();
    }

    pub(super) fn finish_part(&mut self, at: i64, segment: &Segment, conditions: &Conditions) {
        self.thermal.advance(at, true, &mut self.out.temps);
        let (Some(order), Some(instance)) = (self.order, segment.instance) else {
            return;
        };
        let outcome = self.judge(conditions);
        let is_good = outcome == Outcome::Good;
        let is_late = is_good && self.rng.f64() < self.plan.late_scrap.per_million / 1e6;
        self.out.parts.push(Part { at, outcome });
        self.since_setup = self.since_setup.saturating_add(1);
        let number = self.out.parts.len();
        let every = usize::try_from(self.rules.measure_every).unwrap_or(0);
        let is_measured = every > 0 && number.is_multiple_of(every);
        if is_measured {
            let width = self.width();
            self.out.measurements.push((at, width));
        }
        if is_late {
            let rules = &self.plan.late_scrap;
            let days = rules.days_min + (rules.days_max - rules.days_min) * self.rng.f64();
            let found_at = at + rounded(days * DAY_MS / 60_000.0) * 60_000;
            self.out.late_scrap.push(LateScrap {
                found_at,
                origin: at,
                order,
            });
        }
        let sums = self.out.cycles.entry(self.part_shift).or_default();
        sums.parts += 1;
        for (sum, log) in sums.logs.iter_mut().zip(self.part_logs) {
            *sum += log;
        }
        let made = self.out.made.entry((instance, order)).or_default();
        let of_order = self.out.orders.get_mut(order).map(|order| &mut order.made);
        for made in std::iter::once(made).chain(of_order) {
            made.produced += 1;
            made.scrap += u64::from(outcome == Outcome::Scrap);
            made.rework += u64::from(outcome == Outcome::Rework);
            made.late_scrap += u64::from(is_late);
            made.ideal_ms += conditions.ideal_ms;
            made.ideal_good_ms += if is_good { conditions.ideal_ms } else { 0 };
            made.measured += u64::from(is_measured);
        }
    }

    /// Heat makes scrap and rework, and so does a fresh changeover.
    pub(super) fn judge(&mut self, conditions: &Conditions) -> Outcome {
        let heat = (self.rules.temp.defect_gain * self.thermal.deviation().max(0.0)).exp();
        let rules = &self.plan.changeover;
        let is_startup = self.since_setup < u64::from(rules.startup_parts);
        let startup = if is_startup {
            rules.startup_scrap_factor
        } else {
            1.0
        };
        let scrap = (conditions.scrap_share * heat * startup).min(SHARE_MAX);
        let rework = (conditions.rework_share * heat).min(SHARE_MAX);
        match self.rng.f64() {
            drawn if drawn < scrap => Outcome::Scrap,
            drawn if drawn < scrap + rework => Outcome::Rework,
            _ => Outcome::Good,
        }
    }

    pub(super) fn width(&mut self) -> f64 {
        let width = self
            .product
            .and_then(|product| self.plan.products.get(product))
            .map(|product| &product.width);
        let (nominal, sigma) = width.map_or((0.0, 0.0), |width| (width.nominal, width.sigma));
        let moved = self.rules.width_per_degree * self.thermal.deviation();
        ((nominal + moved + sigma * gaussian(&mut self.rng)) * 1_000.0).round() / 1_000.0
    }
}

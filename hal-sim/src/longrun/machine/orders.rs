//! Orders: which product comes next, how many, and the changeover before it.

use super::simulation::{Doing, RUNNING, Simulation};
use crate::longrun::calendar::Instance;
use crate::longrun::conditions::Conditions;
use crate::longrun::number::{count, float, rounded};
use crate::longrun::timeline::{Activity, Changeover, Made, Order};
use crate::plant::noise::{exponential, gaussian};

impl Simulation<'_> {
    pub(super) fn is_order_done(&self) -> bool {
        let order = self.order.and_then(|number| self.out.orders.get(number));
        order.is_some_and(|order| order.made.produced >= order.quantity)
    }

    pub(super) fn end_order(&mut self, instance: &Instance) {
        if let Some(order) = self
            .order
            .and_then(|number| self.out.orders.get_mut(number))
        {
            order.end = Some(self.now);
        }
        if self.rng.f64() < self.plan.orders.idle_share {
            let drawn_ms = exponential(&mut self.rng, self.plan.orders.idle_ms);
            let left_ms = self.length(drawn_ms.min(10.0 * self.plan.orders.idle_ms), 0);
            self.order = None;
            self.doing = Doing {
                activity: Activity::Idle,
                left_ms,
            };
        } else {
            self.start_order(instance);
        }
    }

    pub(super) fn start_order(&mut self, instance: &Instance) {
        let product = self.choose(instance);
        let conditions = Conditions::new(self.plan, self.number, product, instance);
        let rules = &self.plan.orders;
        let hours = rules.hours_min + (rules.hours_max - rules.hours_min) * self.rng.f64();
        let parts = (hours * 3_600_000.0 / float(conditions.ideal_ms) / 10.0).ceil() * 10.0;
        let before = self.product.replace(product);
        let setup_ms = before.map_or(0, |before| self.setup_ms(before, product, &conditions));
        let planned_ms = float(setup_ms) + parts * float(conditions.ideal_ms) / 0.75;
        let number = self.out.orders.len();
        self.out.orders.push(Order {
            number: format!("WO-{:02}{:05}", self.number + 1, number + 1),
            product,
            quantity: u64::try_from(count(parts)).unwrap_or(0).max(1),
            planned_end: self.now + rounded(planned_ms / 60_000.0) * 60_000,
            start: self.now,
            end: None,
            made: Made::default(),
        });
        self.order = Some(number);
        self.draw_cycle(&conditions);
        self.doing = RUNNING;
        if let (Some(from_product), true) = (before, setup_ms > 0) {
            self.out.changeovers.push(Changeover {
                start: self.now,
                end: self.now,
                from_product,
                order: number,
                planned_ms: 0,
            });
            self.doing = Doing {
                activity: Activity::Setup,
                left_ms: setup_ms,
            };
        }
    }

    /// In turn, or drawn by the shift's mix among what has been introduced.
    pub(super) fn choose(&mut self, instance: &Instance) -> usize {
        let products = &self.rules.products;
        let is_known = |product: &usize| {
            let from = self
                .plan
                .products
                .get(*product)
                .and_then(|product| product.from);
            from.is_none_or(|from| from <= instance.day)
        };
        let known: Vec<usize> = products.iter().copied().filter(is_known).collect();
        let first = products.first().copied().unwrap_or(0);
        if self.rules.in_turn {
            let turn = self.turn % known.len().max(1);
            self.turn += 1;
            return known.get(turn).copied().unwrap_or(first);
        }
        let mix = self
            .plan
            .shifts
            .get(instance.shift)
            .map_or(&[][..], |shift| &shift.mix);
        let weight = |product: usize| mix.get(product).copied().unwrap_or(1.0);
        let total: f64 = known.iter().map(|product| weight(*product)).sum();
        let mut drawn = self.rng.f64() * total;
        for product in &known {
            drawn -= weight(*product);
            if drawn < 0.0 {
                return *product;
            }
        }
        known.last().copied().unwrap_or(first)
    }

    pub(super) fn setup_ms(
        &mut self,
        before: usize,
        product: usize,
        conditions: &Conditions,
    ) -> i64 {
        if before == product {
            return 0;
        }
        let family = |product: usize| {
            self.plan
                .products
                .get(product)
                .map(|product| &product.family)
        };
        let rules = &self.plan.changeover;
        let base_ms = if family(before) == family(product) {
            rules.same_family_ms
        } else {
            rules.other_family_ms
        };
        let spread = (rules.spread * gaussian(&mut self.rng)).exp();
        self.length(base_ms * conditions.setup_factor * spread, 0)
    }
}

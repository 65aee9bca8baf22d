//! What holds for a machine, an order and a shift instance together: cycle, rates of stops, shares of scrap.

use super::calendar::{Instance, missing};
use super::number::float;
use super::plan::{Effect, Plan};
use super::timeline::CAUSES;

const HOUR_MS: f64 = 3_600_000.0;
const DAY_MS: f64 = 86_400_000.0;

/// Constant as long as machine, product and shift instance stay the same.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Conditions {
    /// Number of the shift.
    pub(super) shift: usize,
    /// Ideal cycle of the version that is valid.
    pub(super) ideal_ms: i64,
    /// Logarithm of what each cause does to the cycle; noise is drawn per part.
    pub(super) logs: [f64; CAUSES.len()],
    /// Of running, per millisecond.
    pub(super) minor_rate: f64,
    pub(super) failure_rate: f64,
    pub(super) external_rate: f64,
    /// Before temperature and start-up.
    pub(super) scrap_share: f64,
    pub(super) rework_share: f64,
    /// Factor on a changeover.
    pub(super) setup_factor: f64,
}

impl Conditions {
    pub(super) fn new(plan: &Plan, machine: usize, product: usize, one: &Instance) -> Self {
        let effects = plan
            .effects
            .iter()
            .filter(|effect| fits(effect, machine, product, one));
        let rules = plan.machines.get(machine);
        let ideal_ms = plan.ideal_ms(product, one.day);
        let percent = |value: f64| (value / 100.0).ln_1p();
        let staffing = &plan.staffing;
        let missing = missing(plan, one);
        let lacking = (staffing.experience_reference - one.experience) * 10.0;
        let first = plan.products.get(product).map_or(0.0, |product| {
            let base_ms = product
                .versions
                .first()
                .map_or(ideal_ms, |(_, cycle_ms)| *cycle_ms);
            percent(product.actual_percent) + (float(base_ms) / float(ideal_ms)).ln()
        });
        let mut logs = [
            0.0,
            0.0,
            percent(rules.map_or(0.0, |machine| machine.slower_percent)),
            first,
            percent(staffing.cycle_percent_per_missing * missing),
            percent(staffing.cycle_percent_per_10_points * lacking),
            0.0,
        ];
        let mut conditions = Self {
            shift: one.shift,
            ideal_ms,
            logs,
            minor_rate: rules.map_or(0.0, |machine| machine.minor_stops_per_hour) / HOUR_MS,
            failure_rate: rules
                .and_then(|machine| machine.mtbf_ms)
                .map_or(0.0, |mtbf_ms| 1.0 / mtbf_ms),
            external_rate: rules.map_or(0.0, |machine| machine.external_per_day) / DAY_MS,
            scrap_share: rules.map_or(0.0, |machine| machine.scrap_percent) / 100.0,
            rework_share: rules.map_or(0.0, |machine| machine.rework_percent) / 100.0,
            setup_factor: 1.0 + staffing.setup_percent_per_missing * missing / 100.0,
        };
        for effect in effects {
            if let Some(log) = logs.get_mut(cause(effect)) {
                *log += percent(effect.cycle_percent);
            }
            conditions.minor_rate += effect.minor_stops_per_hour / HOUR_MS;
            conditions.failure_rate *= effect.failure_factor;
            conditions.scrap_share *= effect.scrap_factor;
            conditions.rework_share *= effect.rework_factor;
            conditions.setup_factor *= 1.0 + effect.setup_percent / 100.0;
        }
        conditions.minor_rate = conditions.minor_rate.max(0.0);
        conditions.logs = logs;
        conditions
    }
}

fn fits(effect: &Effect, machine: usize, product: usize, one: &Instance) -> bool {
    effect.shift.is_none_or(|shift| shift == one.shift)
        && effect.crew.is_none_or(|crew| Some(crew) == one.crew)
        && effect.machine.is_none_or(|known| known == machine)
        && effect.product.is_none_or(|known| known == product)
}

/// An effect that names a shift is the shift's, whatever else it names; then crew, machine, product.
const fn cause(effect: &Effect) -> usize {
    if effect.shift.is_some() {
        0
    } else if effect.crew.is_some() {
        1
    } else if effect.product.is_some() && effect.machine.is_none() {
        3
    } else {
        2
    }
}

//! A machine: its state, its cycle, what it makes.

use std::sync::Arc;
use std::time::Duration;

use super::noise::{exponential, generator};

/// What a machine does; the number is the code that it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum MachineState {
    /// Ready, but nothing to do.
    Idle = 0,
    /// Producing.
    Running = 1,
    /// Being set up for another product.
    Changeover = 2,
    /// Broken.
    Down = 3,
}

/// Mean stay in each state, in seconds; the stays are exponentially distributed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StateTimes {
    /// Running.
    pub running_s: f64,
    /// Idle; 0: never.
    pub idle_s: f64,
    /// Changeover; 0: never.
    pub changeover_s: f64,
    /// Down; 0: never.
    pub down_s: f64,
}

/// How a machine produces.
#[derive(Debug, Clone, PartialEq)]
pub struct Production {
    /// One machine cycle, which makes one part; above 0.
    pub cycle: Duration,
    /// Share of parts that are scrap, 0 to 1.
    pub scrap_rate: f64,
    /// Product codes, made in turn; never empty.
    pub products: Vec<String>,
    /// Stays in each state; without them the machine always runs.
    pub states: Option<StateTimes>,
}

/// A machine with its state.
#[derive(Debug, Clone)]
pub(super) struct MachineSource {
    production: Production,
    rng: fastrand::Rng,
    state: MachineState,
    stay_s: f64,
    cycle_position: Duration,
    good: u64,
    scrap: u64,
    orders: u64,
    product: Arc<str>,
    order: Arc<str>,
}

impl MachineSource {
    pub(super) fn new(production: Production, seed: u64, name: &str) -> Self {
        let mut rng = generator(seed, name);
        let stay_s = production.states.map_or(f64::INFINITY, |times| {
            exponential(&mut rng, times.running_s)
        });
        let mut machine = Self {
            production,
            rng,
            state: MachineState::Running,
            stay_s,
            cycle_position: Duration::ZERO,
            good: 0,
            scrap: 0,
            orders: 0,
            product: Arc::from(""),
            order: Arc::from(""),
        };
        machine.next_order();
        machine
    }

    pub(super) const fn state(&self) -> MachineState {
        self.state
    }

    /// Parts made since the start that are good.
    pub(super) const fn good(&self) -> u64 {
        self.good
    }

    /// Parts made since the start that are scrap.
    pub(super) const fn scrap(&self) -> u64 {
        self.scrap
    }

    pub(super) fn product(&self) -> Arc<str> {
        Arc::clone(&self.product)
    }

    pub(super) fn order(&self) -> Arc<str> {
        Arc::clone(&self.order)
    }

    /// Position in the machine cycle, 0 to below 1.
    pub(super) fn phase(&self) -> f64 {
        self.cycle_position.as_secs_f64() / self.production.cycle.as_secs_f64()
    }

    /// Lets a tick pass.
    pub(super) fn step(&mut self, tick: Duration) {
        self.stay_s -= tick.as_secs_f64();
        if self.stay_s <= 0.0 {
            self.change_state();
        }
        if self.state != MachineState::Running {
            return;
        }
        self.cycle_position += tick;
        while self.cycle_position >= self.production.cycle {
            self.cycle_position -= self.production.cycle;
            if self.rng.f64() < self.production.scrap_rate {
                self.scrap += 1;
            } else {
                self.good += 1;
            }
        }
    }

    /// Running is followed by one of the interruptions that the scenario knows, and those by running.
    fn change_state(&mut self) {
        let Some(times) = self.production.states else {
            self.stay_s = f64::INFINITY;
            return;
        };
        if self.state == MachineState::Changeover {
            self.next_order();
        }
        let interruptions = [
            (MachineState::Idle, times.idle_s),
            (MachineState::Changeover, times.changeover_s),
            (MachineState::Down, times.down_s),
        ];
        let mut known = interruptions.iter().filter(|(_, mean_s)| *mean_s > 0.0);
        let choice = match self.state {
            MachineState::Running => known.clone().count(),
            _ => 0,
        };
        let (state, mean_s) = match choice {
            0 => (MachineState::Running, times.running_s),
            count => {
                let pick = self.rng.usize(..count);
                *known
                    .nth(pick)
                    .unwrap_or(&(MachineState::Running, times.running_s))
            }
        };
        self.state = state;
        self.stay_s = exponential(&mut self.rng, mean_s);
    }

    fn next_order(&mut self) {
        let products = &self.production.products;
        let count = u64::try_from(products.len()).unwrap_or(1).max(1);
        let turn = usize::try_from(self.orders % count).unwrap_or(0);
        self.product = Arc::from(products.get(turn).map_or("", String::as_str));
        self.orders += 1;
        self.order = Arc::from(format!("ORD-{:05}", 10_000 + self.orders));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn production(states: Option<StateTimes>) -> Production {
        Production {
            cycle: Duration::from_secs(2),
            scrap_rate: 0.25,
            products: vec!["A".to_owned(), "B".to_owned()],
            states,
        }
    }

    #[test]
    fn a_machine_without_state_times_runs_and_counts_every_cycle() {
        let mut machine = MachineSource::new(production(None), 1, "m");
        (0..80_000).for_each(|_| machine.step(Duration::from_millis(100)));
        assert_eq!(machine.state(), MachineState::Running);
        assert_eq!(machine.good() + machine.scrap(), 4_000);
        assert!(
            (900..1_100).contains(&machine.scrap()),
            "{}",
            machine.scrap()
        );
        assert_eq!(&*machine.order(), "ORD-10001");
    }

    #[test]
    fn every_state_is_visited_and_a_changeover_brings_the_next_order() {
        let times = StateTimes {
            running_s: 60.0,
            idle_s: 10.0,
            changeover_s: 20.0,
            down_s: 5.0,
        };
        let mut machine = MachineSource::new(production(Some(times)), 1, "m");
        let mut stays = [0_u32; 4];
        for _ in 0..100_000 {
            machine.step(Duration::from_millis(100));
            stays[machine.state() as usize] += 1;
        }
        assert!(stays.iter().all(|stay| *stay > 0), "{stays:?}");
        assert!(stays[1] > 60_000, "{stays:?}");
        assert_ne!(&*machine.order(), "ORD-10001");
    }
}

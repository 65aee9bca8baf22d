//! The plant as a whole: every signal of every machine, advanced tick by tick.

use std::time::Duration;

use super::analog::{AnalogSource, Surroundings};
use super::effect::Effect;
use super::machine::{MachineSource, MachineState};
use super::value::{Reading, Status, Value};
use crate::scenario::{Behaviour, Machine, Scenario};

/// The plant's state. Signals are numbered in the order of the scenario, machine by machine.
#[derive(Debug, Clone)]
pub struct Plant {
    tick: Duration,
    ticks: u64,
    machines: Vec<Line>,
    readings: Vec<Reading>,
    effects: Vec<Effect>,
}

/// A machine with its signals.
#[derive(Debug, Clone)]
struct Line {
    machine: MachineSource,
    first: usize,
    signals: Vec<Source>,
}

/// Where a signal's value comes from.
#[derive(Debug, Clone)]
struct Source {
    kind: Kind,
    /// Counters wrap at this value; 0 never.
    modulus: u64,
}

#[derive(Debug, Clone)]
enum Kind {
    Analog {
        source: Box<AnalogSource>,
        setpoint: Option<usize>,
    },
    Setpoint(f64),
    State,
    Running,
    Good {
        start: u64,
    },
    Scrap {
        start: u64,
    },
    Product,
    Order,
    Ticks,
}

impl Plant {
    /// The plant at time 0.
    pub fn new(scenario: &Scenario) -> Self {
        let mut first = 0;
        let mut machines = Vec::with_capacity(scenario.machines.len());
        for machine in &scenario.machines {
            let signals = sources(scenario, machine);
            let count = signals.len();
            let source =
                MachineSource::new(machine.production.clone(), scenario.seed, &machine.name);
            machines.push(Line {
                machine: source,
                first,
                signals,
            });
            first += count;
        }
        let empty = Reading {
            value: Value::Number(0.0),
            status: Status::Good,
        };
        let mut plant = Self {
            tick: scenario.tick,
            ticks: 0,
            machines,
            readings: vec![empty; first],
            effects: vec![Effect::default(); first],
        };
        plant.read_all(Duration::ZERO);
        plant
    }

    /// Plant time since the start.
    pub fn elapsed(&self) -> Duration {
        let nanos = self.tick.as_nanos().saturating_mul(u128::from(self.ticks));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Ticks since the start.
    pub const fn ticks(&self) -> u64 {
        self.ticks
    }

    /// The current readings, one per signal.
    pub fn readings(&self) -> &[Reading] {
        &self.readings
    }

    /// Lets one tick pass.
    pub fn step(&mut self) {
        self.ticks += 1;
        self.read_all(self.tick);
    }

    /// Lets whole ticks pass until `elapsed` is reached; a time in the past changes nothing.
    pub fn advance_to(&mut self, elapsed: Duration) {
        while self.elapsed() + self.tick <= elapsed {
            self.step();
        }
    }

    /// Sets what faults do to a signal from the next tick on; unknown signals are ignored.
    pub fn set_effect(&mut self, signal: usize, effect: Effect) {
        if let Some(slot) = self.effects.get_mut(signal) {
            *slot = effect;
        }
    }

    /// Writes a setpoint; returns false for a signal that is none. The readings show it at once.
    pub fn write_setpoint(&mut self, signal: usize, value: f64) -> bool {
        let line = self
            .machines
            .iter_mut()
            .find(|line| (line.first..line.first + line.signals.len()).contains(&signal));
        let Some(line) = line else { return false };
        let source = line.signals.get_mut(signal - line.first);
        let Some(Source {
            kind: Kind::Setpoint(target),
            ..
        }) = source
        else {
            return false;
        };
        *target = value;
        if let Some(reading) = self.readings.get_mut(signal) {
            reading.value = Value::Number(value);
        }
        true
    }

    /// Renews every reading; `tick` is zero for the readings of the start.
    fn read_all(&mut self, tick: Duration) {
        let elapsed_s = self.elapsed().as_secs_f64();
        for line in &mut self.machines {
            if !tick.is_zero() {
                line.machine.step(tick);
            }
            let setpoints: Vec<Option<f64>> = line
                .signals
                .iter()
                .map(|source| source.followed(&line.signals))
                .collect();
            let slots = self
                .readings
                .iter_mut()
                .zip(&self.effects)
                .skip(line.first)
                .zip(line.signals.iter_mut().zip(setpoints));
            for ((reading, effect), (source, setpoint)) in slots {
                let around = Surroundings {
                    state: line.machine.state(),
                    phase: line.machine.phase(),
                    elapsed_s,
                    setpoint,
                };
                let value = source.step(&line.machine, around, effect, self.ticks);
                if !effect.stuck {
                    reading.value = value;
                }
                reading.status = effect.status;
            }
        }
    }
}

/// The signals of one machine, with the setpoints that they follow resolved.
fn sources(scenario: &Scenario, machine: &Machine) -> Vec<Source> {
    let tick_s = scenario.tick.as_secs_f64();
    let source = |signal: &crate::scenario::Signal| {
        let kind = match &signal.behaviour {
            Behaviour::Analog(analog) => {
                let owner = format!("{}.{}", machine.name, signal.name);
                let source = AnalogSource::new(analog.clone(), scenario.seed, &owner, tick_s);
                let setpoint = source
                    .setpoint()
                    .and_then(|name| machine.signals.iter().position(|other| other.name == name));
                Kind::Analog {
                    source: Box::new(source),
                    setpoint,
                }
            }
            Behaviour::Setpoint { value } => Kind::Setpoint(*value),
            Behaviour::State => Kind::State,
            Behaviour::Running => Kind::Running,
            Behaviour::Good { start } => Kind::Good { start: *start },
            Behaviour::Scrap { start } => Kind::Scrap { start: *start },
            Behaviour::Product => Kind::Product,
            Behaviour::Order => Kind::Order,
            Behaviour::Ticks => Kind::Ticks,
        };
        Source {
            kind,
            modulus: signal.data_type.modulus(),
        }
    };
    machine.signals.iter().map(source).collect()
}

impl Source {
    /// The value of the setpoint that this signal follows.
    fn followed(&self, all: &[Self]) -> Option<f64> {
        let Kind::Analog {
            setpoint: Some(index),
            ..
        } = &self.kind
        else {
            return None;
        };
        match all.get(*index).map(|source| &source.kind) {
            Some(Kind::Setpoint(value)) => Some(*value),
            _ => None,
        }
    }

    fn step(
        &mut self,
        machine: &MachineSource,
        around: Surroundings,
        effect: &Effect,
        ticks: u64,
    ) -> Value {
        let modulus = self.modulus;
        let wrapped = |count: u64| Value::Count(if modulus == 0 { count } else { count % modulus });
        match &mut self.kind {
            Kind::Analog { source, .. } => Value::Number(source.step(around, effect)),
            Kind::Setpoint(value) => Value::Number(*value + effect.shift_units),
            Kind::State => Value::Count(u64::from(machine.state() as u16)),
            Kind::Running => Value::Flag(machine.state() == MachineState::Running),
            Kind::Good { start } => wrapped(start.wrapping_add(machine.good())),
            Kind::Scrap { start } => wrapped(start.wrapping_add(machine.scrap())),
            Kind::Product => Value::Text(machine.product()),
            Kind::Order => Value::Text(machine.order()),
            Kind::Ticks => wrapped(ticks),
        }
    }
}

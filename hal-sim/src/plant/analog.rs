//! A measured quantity: level, machine cycle, daily drift, noise, resolution.

use std::f64::consts::TAU;

use super::effect::Effect;
use super::machine::MachineState;
use super::noise::{Autocorrelated, generator};

/// Seconds of the daily drift's period.
const DAY_S: f64 = 86_400.0;

/// How a measured quantity behaves.
#[derive(Debug, Clone, PartialEq)]
pub struct Analog {
    /// Level while the machine runs, in engineering units.
    pub mean: f64,
    /// Standard deviation of the noise, in engineering units; at least 0.
    pub sigma: f64,
    /// Autocorrelation of the noise at a lag of one second; 0 to below 1.
    pub phi: f64,
    /// What the machine cycle adds.
    pub waveform: Option<Waveform>,
    /// Amplitude of a sine over 24 h, in engineering units.
    pub daily_amplitude: f64,
    /// Resolution of the sensor, in engineering units; 0 is continuous.
    pub quantum: f64,
    /// Level while the machine does not run; without it the level stays.
    pub idle_mean: Option<f64>,
    /// Name of the setpoint of the same machine that replaces `mean`.
    pub setpoint: Option<String>,
}

/// What one machine cycle adds to a quantity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Waveform {
    /// Form over one cycle.
    pub shape: CycleShape,
    /// Half of the peak-to-peak swing, in engineering units.
    pub amplitude: f64,
}

/// Form of a machine cycle; each has mean 0 over a cycle except `Stroke`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CycleShape {
    /// A sine.
    Sine,
    /// A rising ramp that falls back at the end.
    Saw,
    /// High in the first half, low in the second.
    Square,
    /// A half sine in the first fifth of the cycle, else 0: the force of a press.
    Stroke,
}

impl Waveform {
    /// The part that the cycle adds at `phase`, 0 to below 1.
    fn at(self, phase: f64) -> f64 {
        let unit = match self.shape {
            CycleShape::Sine => (TAU * phase).sin(),
            CycleShape::Saw => 2.0 * phase - 1.0,
            CycleShape::Square if phase < 0.5 => 1.0,
            CycleShape::Square => -1.0,
            CycleShape::Stroke if phase < 0.2 => (TAU * phase * 2.5).sin(),
            CycleShape::Stroke => 0.0,
        };
        self.amplitude * unit
    }
}

/// What of the machine a quantity depends on at one tick.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surroundings {
    /// State of the machine.
    pub(super) state: MachineState,
    /// Position in the machine cycle, 0 to below 1.
    pub(super) phase: f64,
    /// Plant time in seconds.
    pub(super) elapsed_s: f64,
    /// Level that replaces the mean.
    pub(super) setpoint: Option<f64>,
}

/// A measured quantity with its state.
#[derive(Debug, Clone)]
pub(super) struct AnalogSource {
    behaviour: Analog,
    noise: Autocorrelated,
    rng: fastrand::Rng,
}

impl AnalogSource {
    pub(super) fn new(behaviour: Analog, seed: u64, owner: &str, tick_s: f64) -> Self {
        let mut rng = generator(seed, owner);
        let noise = Autocorrelated::new(behaviour.phi, tick_s, &mut rng);
        Self {
            behaviour,
            noise,
            rng,
        }
    }

    /// The setpoint that this quantity follows.
    pub(super) fn setpoint(&self) -> Option<&str> {
        self.behaviour.setpoint.as_deref()
    }

    /// The next reading in engineering units.
    pub(super) fn step(&mut self, around: Surroundings, effect: &Effect) -> f64 {
        let behaviour = &self.behaviour;
        let running = around.state == MachineState::Running;
        let level = match behaviour.idle_mean {
            Some(idle) if !running => idle,
            _ => around.setpoint.unwrap_or(behaviour.mean),
        };
        let cycle = behaviour
            .waveform
            .filter(|_| running)
            .map_or(0.0, |form| form.at(around.phase));
        let daily = behaviour.daily_amplitude * (TAU * around.elapsed_s / DAY_S).sin();
        let noise = behaviour.sigma * effect.noise_factor * self.noise.step(&mut self.rng);
        let shift = effect.shift_sigma * behaviour.sigma + effect.shift_units;
        quantise(level + cycle + daily + noise + shift, behaviour.quantum)
    }
}

/// Rounds to the nearest step of the sensor.
fn quantise(value: f64, quantum: f64) -> f64 {
    if quantum > 0.0 {
        (value / quantum).round() * quantum
    } else {
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(shape: CycleShape, phase: f64, expected: f64) {
        let value = Waveform {
            shape,
            amplitude: 2.0,
        }
        .at(phase);
        assert!(
            (value - expected).abs() < 1e-9,
            "{shape:?} at {phase}: {value}"
        );
    }

    #[test]
    fn cycle_shapes() {
        check(CycleShape::Sine, 0.25, 2.0);
        check(CycleShape::Sine, 0.75, -2.0);
        check(CycleShape::Saw, 0.0, -2.0);
        check(CycleShape::Saw, 0.5, 0.0);
        check(CycleShape::Square, 0.1, 2.0);
        check(CycleShape::Square, 0.6, -2.0);
        check(CycleShape::Stroke, 0.1, 2.0);
        check(CycleShape::Stroke, 0.5, 0.0);
    }

    fn quantity() -> Analog {
        Analog {
            mean: 100.0,
            sigma: 2.0,
            phi: 0.0,
            waveform: None,
            daily_amplitude: 0.0,
            quantum: 0.5,
            idle_mean: Some(20.0),
            setpoint: None,
        }
    }

    fn mean_of(effect: Effect, state: MachineState, setpoint: Option<f64>) -> (f64, f64) {
        let mut source = AnalogSource::new(quantity(), 7, "q", 0.1);
        let around = Surroundings {
            state,
            phase: 0.0,
            elapsed_s: 0.0,
            setpoint,
        };
        let values: Vec<f64> = (0..20_000).map(|_| source.step(around, &effect)).collect();
        let mean = values.iter().sum::<f64>() / 20_000.0;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 20_000.0;
        assert!(
            values.iter().all(|v| (v * 2.0).fract() == 0.0),
            "not on the grid"
        );
        (mean, variance.sqrt())
    }

    #[test]
    fn level_noise_and_faults_are_what_was_asked_for() {
        let near = |(mean, sigma): (f64, f64), wanted: (f64, f64)| {
            assert!(
                (mean - wanted.0).abs() < 0.2,
                "mean {mean}, wanted {}",
                wanted.0
            );
            assert!(
                (sigma - wanted.1).abs() < 0.2,
                "sigma {sigma}, wanted {}",
                wanted.1
            );
        };
        let run = MachineState::Running;
        near(mean_of(Effect::default(), run, None), (100.0, 2.0));
        near(mean_of(Effect::default(), run, Some(80.0)), (80.0, 2.0));
        near(
            mean_of(Effect::default(), MachineState::Down, None),
            (20.0, 2.0),
        );
        near(
            mean_of(
                Effect {
                    shift_sigma: 4.0,
                    ..Effect::default()
                },
                run,
                None,
            ),
            (108.0, 2.0),
        );
        near(
            mean_of(
                Effect {
                    shift_units: -5.0,
                    ..Effect::default()
                },
                run,
                None,
            ),
            (95.0, 2.0),
        );
        near(
            mean_of(
                Effect {
                    noise_factor: 3.0,
                    ..Effect::default()
                },
                run,
                None,
            ),
            (100.0, 6.0),
        );
    }
}

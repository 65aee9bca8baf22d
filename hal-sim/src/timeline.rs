//! Which faults are active at a plant time, and what they come to on a signal or a device: pure.

use std::collections::VecDeque;
use std::time::Duration;

use crate::plant::{Effect, Status};
use crate::scenario::{DeviceFault, Fault, FaultKind, Shift, SignalFault};

/// A fault that has begun.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Active {
    /// Number of the fault in this run, from 1.
    pub(crate) id: u64,
    pub(crate) fault: Fault,
    /// Plant time of its begin.
    pub(crate) begin: Duration,
}

impl Active {
    /// Plant time of its intended end.
    pub(crate) fn until(&self) -> Option<Duration> {
        self.fault.hold.map(|hold| self.begin.saturating_add(hold))
    }
}

/// What happened at a step of the timeline.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Change {
    Began(Active),
    Ended(Active),
}

/// The faults of a run.
#[derive(Debug)]
pub(crate) struct Timeline {
    pending: VecDeque<Fault>,
    active: Vec<Active>,
    next_id: u64,
}

impl Timeline {
    /// `faults` are ordered by their start.
    pub(crate) fn new(faults: Vec<Fault>) -> Self {
        Self {
            pending: faults.into(),
            active: Vec::new(),
            next_id: 1,
        }
    }

    /// Whether any fault is active.
    pub(crate) fn is_quiet(&self) -> bool {
        self.active.is_empty()
    }

    /// Ends and begins what is due.
    pub(crate) fn advance(&mut self, elapsed: Duration) -> Vec<Change> {
        let over = |active: &mut Active| active.until().is_some_and(|until| until <= elapsed);
        let mut changes: Vec<Change> = self
            .active
            .extract_if(.., over)
            .map(Change::Ended)
            .collect();
        while let Some(fault) = self.pending.pop_front_if(|fault| fault.at <= elapsed) {
            changes.push(Change::Began(self.begin(fault, elapsed)));
        }
        changes
    }

    /// Begins a fault now.
    pub(crate) fn begin(&mut self, fault: Fault, elapsed: Duration) -> Active {
        let active = Active {
            id: self.next_id,
            fault,
            begin: elapsed,
        };
        self.next_id += 1;
        self.active.push(active.clone());
        active
    }

    /// Ends a fault now; none if it is not active.
    pub(crate) fn end(&mut self, id: u64) -> Option<Active> {
        let index = self.active.iter().position(|active| active.id == id)?;
        Some(self.active.remove(index))
    }

    /// Names of the signals that an active fault is on.
    pub(crate) fn signals(&self) -> impl Iterator<Item = &str> {
        self.active
            .iter()
            .filter_map(|active| match &active.fault.kind {
                FaultKind::Signal { signal, .. } => Some(signal.as_str()),
                FaultKind::Device { .. } => None,
            })
    }

    /// What the active faults come to on a signal: shifts add up, noise factors multiply, the latest
    /// status counts.
    pub(crate) fn effect(&self, name: &str, elapsed: Duration) -> Effect {
        let mut effect = Effect::default();
        for active in &self.active {
            match &active.fault.kind {
                FaultKind::Signal { signal, fault } if signal == name => {
                    add(&mut effect, *fault, progress(active, elapsed));
                }
                _ => {}
            }
        }
        effect
    }

    /// The latest fault on any of these devices that `pick` takes.
    pub(crate) fn latest<T>(
        &self,
        names: &[&str],
        pick: impl Fn(DeviceFault) -> Option<T>,
    ) -> Option<T> {
        self.active
            .iter()
            .rev()
            .find_map(|active| match &active.fault.kind {
                FaultKind::Device { device, fault } if names.contains(&device.as_str()) => {
                    pick(*fault)
                }
                _ => None,
            })
    }
}

/// Which part of its time a fault has lasted, 0 to 1; 1 without an end.
fn progress(active: &Active, elapsed: Duration) -> f64 {
    let Some(hold) = active.fault.hold.filter(|hold| !hold.is_zero()) else {
        return 1.0;
    };
    (elapsed.saturating_sub(active.begin).as_secs_f64() / hold.as_secs_f64()).min(1.0)
}

fn add(effect: &mut Effect, fault: SignalFault, progress: f64) {
    let mut shift = |shift: Shift| match shift {
        Shift::Sigma(sigma) => effect.shift_sigma += sigma,
        Shift::Units(units) => effect.shift_units += units,
    };
    match fault {
        SignalFault::Step(by) | SignalFault::Spike(by) => shift(by),
        SignalFault::Drift(by) => shift(by.times(progress)),
        SignalFault::Variance(factor) => effect.noise_factor *= factor,
        SignalFault::Stuck => effect.stuck = true,
        SignalFault::Dropout(status) => effect.status = status,
    }
}

/// The quality that active faults give a device.
pub(crate) fn quality(timeline: &Timeline, names: &[&str]) -> Status {
    let bad = timeline.latest(names, |fault| match fault {
        DeviceFault::BadQuality(status) => Some(status),
        _ => None,
    });
    bad.unwrap_or(Status::Good)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn on_signal(from: u64, hold: Option<u64>, fault: SignalFault) -> Fault {
        let kind = FaultKind::Signal {
            signal: "m.x".to_owned(),
            fault,
        };
        Fault {
            at: at(from),
            hold: hold.map(at),
            label: "l".to_owned(),
            kind,
        }
    }

    fn on_device(from: u64, hold: u64, fault: DeviceFault) -> Fault {
        let kind = FaultKind::Device {
            device: "d".to_owned(),
            fault,
        };
        Fault {
            at: at(from),
            hold: Some(at(hold)),
            label: "l".to_owned(),
            kind,
        }
    }

    #[test]
    fn faults_begin_and_end_on_time() {
        let mut timeline = Timeline::new(vec![on_device(5, 2, DeviceFault::Refuse)]);
        assert_eq!(timeline.advance(at(4)), []);
        assert!(
            matches!(timeline.advance(at(5)).as_slice(), [Change::Began(active)] if active.id == 1)
        );
        assert_eq!(timeline.advance(at(6)), []);
        assert!(
            matches!(timeline.advance(at(7)).as_slice(), [Change::Ended(active)] if active.id == 1)
        );
        assert!(timeline.is_quiet());
    }

    #[test]
    fn a_drift_grows_and_shifts_add_up() {
        let drift = on_signal(0, Some(10), SignalFault::Drift(Shift::Sigma(4.0)));
        let step = on_signal(0, None, SignalFault::Step(Shift::Sigma(1.0)));
        let mut timeline = Timeline::new(vec![drift, step]);
        timeline.advance(at(0));
        let shift = |seconds| timeline.effect("m.x", at(seconds)).shift_sigma;
        assert!((shift(0) - 1.0).abs() < 1e-9);
        assert!((shift(5) - 3.0).abs() < 1e-9);
        assert_eq!(timeline.effect("m.y", at(5)), Effect::default());
    }

    #[test]
    fn the_latest_fault_on_a_device_counts_until_it_ends() {
        let faults = vec![
            on_device(0, 10, DeviceFault::Slow(at(1))),
            on_device(1, 2, DeviceFault::Silence),
        ];
        let mut timeline = Timeline::new(faults);
        let mut latest = |seconds| {
            timeline.advance(at(seconds));
            timeline.latest(&["other", "d"], Some)
        };
        assert_eq!(latest(0), Some(DeviceFault::Slow(at(1))));
        assert_eq!(latest(1), Some(DeviceFault::Silence));
        assert_eq!(latest(3), Some(DeviceFault::Slow(at(1))));
        assert_eq!(latest(10), None);
    }

    #[test]
    fn a_fault_can_be_ended_by_hand() {
        let mut timeline = Timeline::new(Vec::new());
        let id = timeline
            .begin(on_signal(0, None, SignalFault::Stuck), at(3))
            .id;
        assert!(timeline.effect("m.x", at(3)).stuck);
        assert!(timeline.end(id).is_some());
        assert!(timeline.end(id).is_none());
        assert!(!timeline.effect("m.x", at(4)).stuck);
    }
}

//! Faults: what goes wrong, where, when, for how long.

use std::time::Duration;

use crate::plant::Status;

/// One fault.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// `at`: plant time of its start. Ignored by [`crate::SimHandle::inject`], which starts at once.
    pub at: Duration,
    /// `for`: how long it lasts; without it until the end.
    pub hold: Option<Duration>,
    /// `label`: what the truth calls it.
    pub label: String,
    /// Where and what.
    pub kind: FaultKind,
}

/// Where a fault is and what it does.
#[derive(Debug, Clone, PartialEq)]
pub enum FaultKind {
    /// On a Modbus unit, on a whole Modbus listener, on an OPC UA server or on the broker.
    Device {
        /// Name of the device or server; the broker is `mqtt`.
        device: String,
        /// What it does.
        fault: DeviceFault,
    },
    /// On one signal, wherever it is served.
    Signal {
        /// `machine.signal`.
        signal: String,
        /// What it does.
        fault: SignalFault,
    },
}

/// `kind` of a fault on a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceFault {
    /// `"refuse"`: the port is closed and connections end. On a unit: on its listener.
    Refuse,
    /// `"silence"`: connections are accepted and requests swallowed.
    Silence,
    /// `"slow"`: every answer is late by `delay`.
    Slow(Duration),
    /// `"exception"`: Modbus answers with this exception `code`.
    Exception(u8),
    /// `"truncated"`: Modbus sends half of each answer and closes.
    Truncated,
    /// `"wrong_transaction"`: Modbus answers carry another transaction id.
    WrongTransaction,
    /// `"wrong_unit"`: Modbus answers carry another unit id.
    WrongUnit,
    /// `"garbage"`: Modbus answers are bytes without meaning.
    Garbage,
    /// `"restart"`: the server is stopped, and started again when the fault ends; sessions are lost.
    Restart,
    /// `"bad_quality"`: no signal has a sound measurement.
    BadQuality(Status),
    /// `"clock_jump"`: source timestamps are off by this many nanoseconds; OPC UA only.
    ClockJump(i64),
}

/// How far a value is moved.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shift {
    /// `sigma`: in standard deviations of the signal's noise.
    Sigma(f64),
    /// `units`: in engineering units.
    Units(f64),
}

impl Shift {
    /// This part of the shift.
    #[must_use]
    pub fn times(self, part: f64) -> Self {
        match self {
            Self::Sigma(sigma) => Self::Sigma(sigma * part),
            Self::Units(units) => Self::Units(units * part),
        }
    }
}

/// `kind` of a fault on a signal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SignalFault {
    /// `"step"`: moved at once.
    Step(Shift),
    /// `"drift"`: moved evenly, fully at the end; needs `for`.
    Drift(Shift),
    /// `"spike"`: moved for a moment (`for`, default one second).
    Spike(Shift),
    /// `"variance"`: the noise's standard deviation is multiplied by `factor`.
    Variance(f64),
    /// `"stuck"`: the value stands still.
    Stuck,
    /// `"dropout"` or `"bad_quality"`: no sound measurement. Modbus shows NaN or the type's extreme.
    Dropout(Status),
}

impl DeviceFault {
    /// The `kind`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Silence => "silence",
            Self::Slow(_) => "slow",
            Self::Exception(_) => "exception",
            Self::Truncated => "truncated",
            Self::WrongTransaction => "wrong_transaction",
            Self::WrongUnit => "wrong_unit",
            Self::Garbage => "garbage",
            Self::Restart => "restart",
            Self::BadQuality(_) => "bad_quality",
            Self::ClockJump(_) => "clock_jump",
        }
    }
}

impl SignalFault {
    /// The `kind`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Step(_) => "step",
            Self::Drift(_) => "drift",
            Self::Spike(_) => "spike",
            Self::Variance(_) => "variance",
            Self::Stuck => "stuck",
            Self::Dropout(_) => "dropout",
        }
    }
}

impl FaultKind {
    /// The `kind`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Device { fault, .. } => fault.name(),
            Self::Signal { fault, .. } => fault.name(),
        }
    }
}

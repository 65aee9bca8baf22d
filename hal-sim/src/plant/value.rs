//! What a signal reads at one moment.

use std::sync::Arc;

/// A value in engineering units.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A measured or set quantity.
    Number(f64),
    /// A count that is already wrapped to the width of its register.
    Count(u64),
    /// On or off.
    Flag(bool),
    /// A product or order code.
    Text(Arc<str>),
}

impl Value {
    /// The value as a number, where it is one.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Count(count) => Some(*count as f64),
            Self::Flag(flag) => Some(f64::from(u8::from(*flag))),
            Self::Text(_) => None,
        }
    }
}

/// How far a reading can be trusted; the names are those of OPC UA Part 8, table 15 ff.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Status {
    /// The measurement is sound.
    #[default]
    Good,
    /// The last value that was usable; the source gives no newer one.
    UncertainLastUsable,
    /// The sensor is broken.
    BadSensorFailure,
    /// The server has lost the device behind it.
    BadNoCommunication,
    /// The signal is configured but not connected.
    BadNotConnected,
    /// The signal was taken out of service.
    BadOutOfService,
}

impl Status {
    /// Every status with the name it has in a scenario file.
    pub const ALL: [(&'static str, Self); 6] = [
        ("Good", Self::Good),
        ("UncertainLastUsable", Self::UncertainLastUsable),
        ("BadSensorFailure", Self::BadSensorFailure),
        ("BadNoCommunication", Self::BadNoCommunication),
        ("BadNotConnected", Self::BadNotConnected),
        ("BadOutOfService", Self::BadOutOfService),
    ];

    /// Whether a register server has no measurement to show.
    pub const fn is_bad(self) -> bool {
        !matches!(self, Self::Good | Self::UncertainLastUsable)
    }
}

/// A value and its status.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The value; while `status` is bad, the one it would have had.
    pub value: Value,
    /// How far it can be trusted.
    pub status: Status,
}

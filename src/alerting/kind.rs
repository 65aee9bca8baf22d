//! Kinds of alarms.

/// What kind of trouble. The numbers are on disk and on the wire: never renumber.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum AlarmKind {
    /// A detector found the process level shifted or drifting.
    ProcessShift = 1,
    /// Values outside the configured range.
    OutOfRange = 2,
    /// Values change faster than the process can.
    RateOfChange = 3,
    /// A sensor repeats the same value.
    Stuck = 4,
    /// A sensor's source time stands still, or it reports Bad.
    BadSensor = 5,
    /// A device does not answer.
    DeviceDown = 6,
    /// A tag's address, credentials or certificate is wrong.
    Misconfigured = 7,
    /// The buffer was damaged, lost records, or the disk is full.
    Storage = 8,
    /// The wall clock stepped.
    ClockStep = 9,
    /// A signal varies more than it did when its baseline was learned.
    Unsteady = 10,
    /// A value has not moved for longer than it ever stood still.
    Frozen = 11,
    /// A signal without a normal level did something unusual.
    Unusual = 12,
    /// The tags of a machine do not go together as they did.
    MachinePattern = 13,
    /// The plant's history is not written, or figures of shifts are missing in it.
    History = 14,
}

impl AlarmKind {
    /// Every kind, in code order.
    pub const ALL: [Self; 14] = [
        Self::ProcessShift,
        Self::OutOfRange,
        Self::RateOfChange,
        Self::Stuck,
        Self::BadSensor,
        Self::DeviceDown,
        Self::Misconfigured,
        Self::Storage,
        Self::ClockStep,
        Self::Unsteady,
        Self::Frozen,
        Self::Unusual,
        Self::MachinePattern,
        Self::History,
    ];

    /// The name used in config, JSON and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ProcessShift => "process_shift",
            Self::OutOfRange => "out_of_range",
            Self::RateOfChange => "rate_of_change",
            Self::Stuck => "stuck",
            Self::BadSensor => "bad_sensor",
            Self::DeviceDown => "device_down",
            Self::Misconfigured => "misconfigured",
            Self::Storage => "storage",
            Self::ClockStep => "clock_step",
            Self::Unsteady => "unsteady",
            Self::Frozen => "frozen",
            Self::Unusual => "unusual",
            Self::MachinePattern => "machine_pattern",
            Self::History => "history",
        }
    }

    /// The inverse of [`AlarmKind::as_str`].
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.as_str() == name)
    }

    /// The inverse of the number.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|k| *k as u8 == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_survive_name_and_code() {
        for kind in AlarmKind::ALL {
            assert_eq!(AlarmKind::from_name(kind.as_str()), Some(kind));
            assert_eq!(AlarmKind::from_code(kind as u8), Some(kind));
        }
        assert_eq!(AlarmKind::from_name("fire"), None);
        assert_eq!(AlarmKind::from_code(0), None);
    }
}

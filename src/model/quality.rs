//! Quality of a sample, after OPC UA Part 8: Good, Uncertain or Bad, with the reason.

/// How far a value may be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quality {
    /// Measured, in time, plausible.
    Good,
    /// A value exists but something speaks against it; published, never learned from.
    Uncertain(Reason),
    /// No usable value; published as such, never fed to a detector.
    Bad(Reason),
}

impl Quality {
    /// Whether the value may feed summaries and detectors.
    pub const fn is_good(self) -> bool {
        matches!(self, Self::Good)
    }

    /// Whether there is no usable value.
    pub const fn is_bad(self) -> bool {
        matches!(self, Self::Bad(_))
    }

    /// The reason, unless Good.
    pub const fn reason(self) -> Option<Reason> {
        match self {
            Self::Good => None,
            Self::Uncertain(reason) | Self::Bad(reason) => Some(reason),
        }
    }

    /// One byte for stored and sent records: 0 Good, 64 + reason Uncertain, 128 + reason Bad.
    pub const fn code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Uncertain(reason) => 64 + reason as u8,
            Self::Bad(reason) => 128 + reason as u8,
        }
    }

    /// The inverse of [`Quality::code`]; `None` for a code no version has used.
    pub fn from_code(code: u8) -> Option<Self> {
        let reason = |n: u8| Reason::ALL.iter().copied().find(|r| *r as u8 == n);
        match code {
            0 => Some(Self::Good),
            64..=127 => reason(code - 64).map(Self::Uncertain),
            128..=191 => reason(code - 128).map(Self::Bad),
            _ => None,
        }
    }
}

/// Why a sample is not Good. The numbers are on disk and on the wire: never renumber.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Reason {
    /// The device says so and gives no more.
    Unspecified = 0,
    /// No connection to the device.
    NotConnected = 1,
    /// Connected, but the request failed or timed out.
    CommFailure = 2,
    /// The device does not know the address or node, or refuses it.
    ConfigError = 3,
    /// The device reports its own failure.
    DeviceFailure = 4,
    /// The device reports a failed sensor.
    SensorFailure = 5,
    /// The device is out of service or in simulation.
    OutOfService = 6,
    /// The device repeats its last known value.
    LastKnown = 7,
    /// NaN, an infinity, or a sentinel value configured as "no measurement".
    NotANumber = 8,
    /// The value does not fit the configured type.
    TypeMismatch = 9,
    /// Outside the configured or the device's engineering range.
    OutOfRange = 10,
    /// Changed faster than the configured rate.
    RateOfChange = 11,
    /// Too old: the source time stands still or lags.
    Stale = 12,
    /// The same value for longer than allowed.
    Stuck = 13,
    /// First sample after a gap.
    Gap = 14,
    /// Dropped inside the gateway because a bounded queue was full.
    Overrun = 15,
}

impl Reason {
    /// Every reason, in code order.
    pub const ALL: [Self; 16] = [
        Self::Unspecified,
        Self::NotConnected,
        Self::CommFailure,
        Self::ConfigError,
        Self::DeviceFailure,
        Self::SensorFailure,
        Self::OutOfService,
        Self::LastKnown,
        Self::NotANumber,
        Self::TypeMismatch,
        Self::OutOfRange,
        Self::RateOfChange,
        Self::Stale,
        Self::Stuck,
        Self::Gap,
        Self::Overrun,
    ];

    /// The name used in JSON, CSV and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::NotConnected => "not_connected",
            Self::CommFailure => "comm_failure",
            Self::ConfigError => "config_error",
            Self::DeviceFailure => "device_failure",
            Self::SensorFailure => "sensor_failure",
            Self::OutOfService => "out_of_service",
            Self::LastKnown => "last_known",
            Self::NotANumber => "not_a_number",
            Self::TypeMismatch => "type_mismatch",
            Self::OutOfRange => "out_of_range",
            Self::RateOfChange => "rate_of_change",
            Self::Stale => "stale",
            Self::Stuck => "stuck",
            Self::Gap => "gap",
            Self::Overrun => "overrun",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quality_survives_its_code() {
        let qualities = Reason::ALL
            .iter()
            .flat_map(|r| [Quality::Uncertain(*r), Quality::Bad(*r)])
            .chain([Quality::Good]);
        for quality in qualities {
            assert_eq!(Quality::from_code(quality.code()), Some(quality));
        }
    }

    #[test]
    fn an_unknown_code_is_refused() {
        assert_eq!(Quality::from_code(1), None);
        assert_eq!(Quality::from_code(100), None);
        assert_eq!(Quality::from_code(255), None);
    }
}

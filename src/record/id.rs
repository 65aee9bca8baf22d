//! Identity of a record: `gateway:epoch:lane:seq`.

use std::fmt;

use super::wire::IdRef;

/// A separate stream with its own order, store and numbering.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Lane {
    /// Alerts, events and drop records: own store, absolute priority, never dropped by policy.
    Alerts = 0,
    /// Summaries and raw values.
    Telemetry = 1,
}

impl Lane {
    /// Every lane, most urgent first.
    pub const ALL: [Self; 2] = [Self::Alerts, Self::Telemetry];

    /// One letter in ids: `a` or `t`.
    pub const fn letter(self) -> char {
        match self {
            Self::Alerts => 'a',
            Self::Telemetry => 't',
        }
    }

    /// The inverse of the number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|l| *l as u8 == number)
    }

    /// The inverse of [`Lane::letter`].
    pub fn from_letter(letter: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|l| letter.chars().eq([l.letter()]))
    }

    /// Directory and metric name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alerts => "alerts",
            Self::Telemetry => "telemetry",
        }
    }
}

/// Identity of a record. Within (gateway, lane) `seq` is gapless from 1 and goes on across epochs;
/// a record that was never committed may see its number used again, but only in a later epoch.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId {
    /// The gateway's configured id.
    pub gateway: String,
    /// Start-up number of the gateway process; grows with each start.
    pub epoch: u32,
    /// Which stream.
    pub lane: Lane,
    /// Position in the stream.
    pub seq: u64,
}

/// Why a text is not a record id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a record id is `gateway:epoch:lane:seq`, e.g. `gw1:7:t:42`, not `{0}`")]
pub struct RecordIdError(String);

impl RecordId {
    /// Reads `gateway:epoch:lane:seq`. Only the form that `Display` writes is accepted, so equal ids are equal texts.
    pub fn parse(text: &str) -> Result<Self, RecordIdError> {
        let refused = || RecordIdError(text.to_owned());
        let mut parts = text.split(':');
        let mut part = || parts.next().ok_or_else(refused);
        let id = Self {
            gateway: part()?.to_owned(),
            epoch: part()?.parse().map_err(|_unparsable| refused())?,
            lane: Lane::from_letter(part()?).ok_or_else(refused)?,
            seq: part()?.parse().map_err(|_unparsable| refused())?,
        };
        let canonical = is_gateway_id(&id.gateway) && id.to_string() == text;
        if canonical { Ok(id) } else { Err(refused()) }
    }

    /// The same identity, borrowed.
    pub fn as_ref(&self) -> IdRef<'_> {
        IdRef {
            gateway: &self.gateway,
            epoch: self.epoch,
            lane: self.lane,
            seq: self.seq,
        }
    }
}

/// Whether `text` can be a gateway id: 1 to 32 of `A-Z a-z 0-9 _ -`.
pub fn is_gateway_id(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}:{}:{}",
            self.gateway,
            self.epoch,
            self.lane.letter(),
            self.seq
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, accepted: bool) {
        assert_eq!(RecordId::parse(text).is_ok(), accepted, "{text:?}");
    }

    #[test]
    fn only_the_written_form_is_an_id() {
        check("gw1:7:t:42", true);
        check("gw1:0:a:1", true);
        check("", false);
        check("gw1:7:t", false);
        check("gw1:7:t:42:1", false);
        check("gw1:7:x:42", false);
        check("gw1:7:tt:42", false);
        check("gw1:07:t:42", false);
        check("gw1:+7:t:42", false);
        check("gw1:7:t:-1", false);
        check("gw 1:7:t:42", false);
        check(":7:t:42", false);
        check("gw1:4294967296:t:42", false);
        check("gw1:7:t:18446744073709551615", true);
    }

    proptest! {
        #[test]
        fn every_id_is_read_back(id in crate::record::testing::id()) {
            prop_assert_eq!(RecordId::parse(&id.to_string()), Ok(id));
        }
    }
}

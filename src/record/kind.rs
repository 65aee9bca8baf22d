//! The kinds of records, by name.

use super::BodyV1;

/// Kind of a record. The numbers are the variants of [`BodyV1`] in encoded form: never renumber. An explained alert
/// (variant 5) is an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Summaries of one asset's tags over one interval.
    Summary = 0,
    /// Single values of one asset's tags.
    Raw = 1,
    /// An alert raised, changed or cleared.
    Alert = 2,
    /// Records that will never be delivered.
    Drop = 3,
    /// Something that happened to the gateway itself.
    Event = 4,
}

/// Variant of an alert with an explanation.
const EXPLAINED: u32 = 5;

impl Kind {
    /// Every kind, in number order.
    pub const ALL: [Self; 5] = [
        Self::Summary,
        Self::Raw,
        Self::Alert,
        Self::Drop,
        Self::Event,
    ];

    /// The name in JSON (`type`).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Summary => "summary",
            Self::Raw => "raw",
            Self::Alert => "alert",
            Self::Drop => "drop",
            Self::Event => "event",
        }
    }

    /// The kind behind the variant number of an encoded body.
    pub fn from_variant(number: u32) -> Option<Self> {
        if number == EXPLAINED {
            return Some(Self::Alert);
        }
        Self::ALL.into_iter().find(|k| *k as u32 == number)
    }
}

impl BodyV1 {
    /// Which kind this is.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Summary(_) => Kind::Summary,
            Self::Raw(_) => Kind::Raw,
            Self::Alert(_) | Self::Explained(_) => Kind::Alert,
            Self::Drop(_) => Kind::Drop,
            Self::Event(_) => Kind::Event,
        }
    }
}

//! One measured value and the batch that carries it from a driver into the pipeline.

use super::{Mono, Quality, Timestamp};

/// Index of a tag in the running configuration: dense, `0..config.tags.len()`.
///
/// It lives for one run only; what is stored or sent carries the stable number of
/// [`crate::record::registry`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TagId(pub u32);

impl TagId {
    /// As an index into per-tag tables.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Index of a device in the running configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId(pub u32);

impl DeviceId {
    /// As an index into per-device tables.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Index of a group of tags in the running configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub u32);

impl GroupId {
    /// As an index into per-group tables.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Text value held inline: product codes, order numbers, short states (at most 30 bytes of UTF-8).
pub type ShortText = heapless::String<30, u8>;

/// A value as the plant means it, after scaling and byte order.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing was obtained; the quality says why.
    Missing,
    /// A measured or scaled number. May be NaN only with Bad quality.
    Float(f64),
    /// A counter or code.
    Int(i64),
    /// A coil, a bit, a Boolean node.
    Bool(bool),
    /// Short text.
    Text(ShortText),
}

impl Value {
    /// The value as a number for summaries and detection; `None` for text and missing values.
    #[expect(
        clippy::cast_precision_loss,
        reason = "counters beyond 2^53 lose only their last digits here"
    )]
    pub const fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Float(x) => Some(*x),
            Self::Int(n) => Some(*n as f64),
            Self::Bool(b) => Some(if *b { 1.0 } else { 0.0 }),
            Self::Text(_) | Self::Missing => None,
        }
    }
}

/// One value of one tag at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Which tag.
    pub tag: TagId,
    /// When the source says it was measured, else when the gateway received it.
    pub time: Timestamp,
    /// What was measured.
    pub value: Value,
    /// How far it may be trusted.
    pub quality: Quality,
}

/// The samples of one scan, in the order of the scan group.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Which device was read.
    pub device: DeviceId,
    /// The grid point this scan belongs to; detectors use it, never the wall clock.
    pub due: Mono,
    /// When the answer was complete.
    pub received: Mono,
    /// The samples; Bad ones included.
    pub samples: Vec<Sample>,
}

//! Version 1 of the record body. Encoded with postcard in field order: fields are only ever appended in a new
//! version, never changed here.

use serde::{Deserialize, Serialize};

/// The content of a record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum BodyV1 {
    /// Summaries of one asset's tags over one interval.
    Summary(SummaryV1),
    /// Single values of one asset's tags.
    Raw(RawV1),
    /// An alert raised, changed or cleared.
    Alert(AlertV1),
    /// Records that will never be delivered.
    Drop(DropV1),
    /// Something that happened to the gateway itself.
    Event(EventV1),
    /// An alert of a detector, with what it knows about it.
    Explained(ExplainedAlertV1),
}

/// Summaries of one asset's tags over `[from, to)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SummaryV1 {
    /// ISA-95 path of the asset.
    pub asset: String,
    /// Start of the interval, ms since the Unix epoch.
    pub from_ms: i64,
    /// End of the interval (exclusive), ms since the Unix epoch.
    pub to_ms: i64,
    /// One item per tag.
    pub items: Vec<SummaryItemV1>,
}

/// Summary of one tag. Statistics are over Good samples; all `None` when there were none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SummaryItemV1 {
    /// Stable tag number, see the birth message.
    pub tag: u32,
    /// Good samples.
    pub good: u32,
    /// Uncertain samples.
    pub uncertain: u32,
    /// Bad samples.
    pub bad: u32,
    /// Statistics of the Good samples of a numeric tag.
    pub stats: Option<StatsV1>,
    /// The last value with its quality code.
    pub last: ValueV1,
    /// Quality code of `last`.
    pub last_quality: u8,
}

/// Statistics over Good samples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StatsV1 {
    /// Arithmetic mean.
    pub mean: f64,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// Sample standard deviation (n − 1); 0 for one sample.
    pub std: f64,
}

/// A value on disk and on the wire.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ValueV1 {
    /// No value.
    Missing,
    /// A number that single precision holds exactly.
    F32(f32),
    /// A number.
    F64(f64),
    /// A counter or code (zig-zag varint).
    Int(i64),
    /// A Boolean.
    Bool(bool),
    /// Text.
    Text(String),
}

/// Single values of one asset's tags.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RawV1 {
    /// ISA-95 path of the asset.
    pub asset: String,
    /// Time that the points' offsets count from, ns since the Unix epoch.
    pub base_ns: i64,
    /// The values in the order they were taken.
    pub points: Vec<PointV1>,
}

/// One value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PointV1 {
    /// Stable tag number.
    pub tag: u32,
    /// Source time minus `base_ns` (zig-zag varint).
    pub offset_ns: i64,
    /// The value.
    pub value: ValueV1,
    /// Quality code.
    pub quality: u8,
}

/// An alert raised, changed or cleared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertV1 {
    /// The same for raise, changes and clear of one occurrence: `<seq of the raise>` is not known yet, so
    /// it is `<epoch>-<counter>`.
    pub alert_id: String,
    /// What happened: 1 raised, 2 severity changed, 3 cleared.
    pub transition: u8,
    /// Alarm kind, see [`crate::alerting::AlarmKind`].
    pub kind: u8,
    /// Severity number.
    pub severity: u8,
    /// ISA-95 path of the asset.
    pub asset: String,
    /// Stable tag number, when it is about a tag.
    pub tag: Option<u32>,
    /// Name of the tag or device it is about.
    pub subject: String,
    /// Who is told.
    pub roles: Vec<String>,
    /// When the condition began, ms since the Unix epoch.
    pub since_ms: i64,
    /// When this transition happened, ms since the Unix epoch.
    pub at_ms: i64,
    /// The value at the transition, if there is one.
    pub value: Option<f64>,
    /// What is normal: the baseline mean.
    pub normal: Option<f64>,
    /// Distance from normal in baseline standard deviations.
    pub sigmas: Option<f64>,
    /// Test statistic over its limit (≥ 1 alarms).
    pub ratio: Option<f64>,
    /// One or two sentences for the line lead.
    pub message: String,
    /// What to do.
    pub advice: String,
}

/// An alert of a detector and why it was raised or has changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExplainedAlertV1 {
    /// The alert.
    pub alert: AlertV1,
    /// Why.
    pub explanation: ExplanationV1,
}

/// What a detector knows about an alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExplanationV1 {
    /// Chart and direction, see [`crate::detection::Chart`].
    pub chart: u8,
    /// Test statistic, in standard deviations of what the chart looks at; samples for a value that is stuck.
    pub statistic: f64,
    /// Limit of the statistic.
    pub limit: f64,
    /// When the change probably began, ms since the Unix epoch: the last time the CUSUM of this direction was zero.
    pub onset_ms: i64,
    /// Estimated change of the level, in the tag's unit; negative is below.
    pub shift: Option<f64>,
    /// Standard deviation of the baseline, in the tag's unit.
    pub sigma: Option<f64>,
    /// Mode whose baseline it was held against; empty where none is announced.
    pub mode: String,
    /// Since when that baseline counts, ms since the Unix epoch; none while it is being learned.
    pub baseline_ms: Option<i64>,
    /// The tags of a group that have the largest part in it, largest first; empty for an alert about one tag.
    pub shares: Vec<ShareV1>,
    /// The level has stayed so long that it may be the new normal: a person decides.
    pub is_proposal: bool,
}

/// A tag's part in the alert of a group.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ShareV1 {
    /// Stable tag number.
    pub tag: u32,
    /// Distance of its level from normal in standard deviations; negative is below.
    pub sigmas: f64,
}

/// Records that will never be delivered, by range.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DropV1 {
    /// Lane number of the lost records.
    pub lane: u8,
    /// First lost sequence number.
    pub seq_from: u64,
    /// Last lost sequence number.
    pub seq_to: u64,
    /// When it was noticed, ms since the Unix epoch.
    pub at_ms: i64,
    /// Why.
    pub reason: DropReasonV1,
}

/// Why records were lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DropReasonV1 {
    /// The buffer's byte bound was reached: oldest telemetry first.
    Quota,
    /// The disk was full.
    DiskFull,
    /// A record's checksum was wrong.
    Corrupt,
    /// A segment could not be opened and was set aside.
    Quarantine,
    /// The store ended before its high-water mark.
    StoreLost,
    /// The broker refused it for good.
    Rejected,
}

/// Something that happened to the gateway itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventV1 {
    /// When, ms since the Unix epoch.
    pub at_ms: i64,
    /// What.
    pub kind: EventKindV1,
}

/// Kinds of events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum EventKindV1 {
    /// The gateway started; the previous run's epoch, if any.
    Started {
        /// Software version.
        version: String,
        /// Epoch of the run before.
        previous_epoch: Option<u32>,
    },
    /// The wall clock stepped by this much.
    ClockStep {
        /// New minus expected, ms.
        delta_ms: i64,
    },
    /// Samples were lost inside the gateway because a bounded queue was full.
    Overrun {
        /// Device name.
        device: String,
        /// Samples lost.
        samples: u64,
    },
}

impl From<&crate::model::Value> for ValueV1 {
    /// Numbers that single precision holds exactly take half the room.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::float_cmp,
        reason = "the comparison decides whether it truncates"
    )]
    fn from(value: &crate::model::Value) -> Self {
        use crate::model::Value;
        match value {
            Value::Missing => Self::Missing,
            Value::Float(x) if f64::from(*x as f32) == *x => Self::F32(*x as f32),
            Value::Float(x) => Self::F64(*x),
            Value::Int(n) => Self::Int(*n),
            Value::Bool(b) => Self::Bool(*b),
            Value::Text(text) => Self::Text(text.as_str().to_owned()),
        }
    }
}

impl BodyV1 {
    /// The alert, explained or not.
    pub const fn alert(&self) -> Option<&AlertV1> {
        match self {
            Self::Alert(alert) => Some(alert),
            Self::Explained(explained) => Some(&explained.alert),
            Self::Summary(_) | Self::Raw(_) | Self::Drop(_) | Self::Event(_) => None,
        }
    }
}

impl AlertV1 {
    /// `transition` of an alert that was raised.
    pub const RAISED: u8 = 1;
    /// `transition` of an alert whose severity or text changed.
    pub const CHANGED: u8 = 2;
    /// `transition` of an alert that was cleared.
    pub const CLEARED: u8 = 3;
}

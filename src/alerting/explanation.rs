//! What a detector knows about an alarm, for machines and for the engineer who asks why.

use crate::detection::{Change, Chart, Finding};
use crate::model::{TagId, Timestamp};

/// Why a detector alarms.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// Chart and direction.
    pub chart: Chart,
    /// Test statistic, in standard deviations of what the chart looks at; samples for a value that is stuck; the charts of
    /// a group are kept in units of their limit.
    pub statistic: f64,
    /// Limit of the statistic.
    pub limit: f64,
    /// When the change probably began.
    pub onset: Timestamp,
    /// Estimated change of the level, in the tag's unit; negative is below.
    pub shift: Option<f64>,
    /// Standard deviation of the baseline, in the tag's unit.
    pub sigma: Option<f64>,
    /// Mode whose baseline it was held against; empty where none is announced.
    pub mode: String,
    /// Since when that baseline counts; none while it is being learned.
    pub baseline_since: Option<Timestamp>,
    /// The tags of a group that have the largest part in it, with their distance from normal in standard deviations.
    pub shares: Vec<(TagId, f64)>,
    /// The level has stayed so long that it may be the new normal.
    pub is_proposal: bool,
}

/// What is known of the baseline that a finding was held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Known<'a> {
    /// Name of the mode; empty where none is announced.
    pub mode: &'a str,
    /// Since when it counts; none while it is being learned.
    pub since: Option<Timestamp>,
}

impl Explanation {
    /// Explains a finding about one tag whose change began at `onset`.
    pub fn of(finding: &Finding, onset: Timestamp, known: Known<'_>) -> Self {
        Self {
            chart: finding.chart,
            statistic: finding.statistic(),
            limit: finding.limit,
            onset,
            shift: finding.shift(),
            sigma: Some(finding.sigma).filter(|sigma| *sigma > 0.0),
            mode: known.mode.to_owned(),
            baseline_since: known.since,
            shares: Vec::new(),
            is_proposal: finding.change == Change::Proposed,
        }
    }
}

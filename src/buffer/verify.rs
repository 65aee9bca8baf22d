//! Walks every stored record of a lane: checksum, order, gaps, epochs, high-water mark. Changes nothing.

use serde::{Deserialize, Serialize};

use super::codec;
use super::ledger::Ledger;
use super::store::{ReadLimit, Store};

/// Faults listed by name; the rest is only counted.
const FAULTS_MAX: usize = 100;

/// Records looked at in one step, so that a running gateway does its work in between.
const STEP: ReadLimit = ReadLimit {
    records: 256,
    bytes: 1 << 20,
};

/// The result for the whole buffer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct VerifyReport {
    /// Alerts, then telemetry.
    pub lanes: Vec<LaneReport>,
}

impl VerifyReport {
    /// Nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.lanes.iter().all(|lane| lane.fault_count == 0)
    }
}

/// The result for one lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct LaneReport {
    /// `alerts` or `telemetry`.
    pub lane: String,
    /// Segments walked.
    pub segments: u64,
    /// Whole records found.
    pub records: u64,
    /// Records named in drop records and not yet passed by the cursor.
    pub accounted: u64,
    /// Segments set aside earlier.
    pub quarantined_segments: u64,
    /// How many faults were found.
    pub fault_count: u64,
    /// The first of them, in words.
    pub faults: Vec<String>,
}

/// What a lane is compared with.
#[derive(Debug)]
pub(super) struct Expected<'a> {
    /// Losses that are accounted for.
    pub ledger: &'a Ledger,
    /// Everything up to here is delivered.
    pub cursor: u64,
    /// Highest committed sequence number.
    pub last: u64,
}

/// A walk in progress.
#[derive(Debug, Default)]
pub(super) struct Walk {
    report: LaneReport,
    /// Next sequence number to look for; 0 before the first segment.
    at: u64,
    epoch: u32,
    /// Segment being walked.
    segment: Option<u64>,
}

impl Walk {
    pub(super) fn new(lane: &str) -> Self {
        Self {
            report: LaneReport {
                lane: lane.to_owned(),
                ..LaneReport::default()
            },
            ..Self::default()
        }
    }

    /// Looks at some records. True when the lane is done.
    pub(super) fn step<S: Store>(&mut self, store: &mut S, expected: &Expected<'_>) -> bool {
        let segments = store.segments();
        let Some(index) = segments
            .iter()
            .position(|s| self.segment.is_none_or(|walked| s.first >= walked))
        else {
            self.finish(store, expected);
            return true;
        };
        let Some(segment) = segments.get(index) else {
            return true;
        };
        let end = segments
            .get(index + 1)
            .map_or(expected.last, |next| next.first - 1)
            .min(expected.last);
        if self.segment != Some(segment.first) {
            self.enter(segment.first, expected);
        }
        if self.at > end || !self.walk(store, segment.first, end, expected) {
            // The name above this one: the walk goes on in the next segment, whatever became of this one.
            self.segment = Some(segment.first + 1);
        }
        false
    }

    fn enter(&mut self, first: u64, expected: &Expected<'_>) {
        self.report.segments += 1;
        self.segment = Some(first);
        let missing_from = if self.at == 0 {
            expected.cursor + 1
        } else {
            self.at
        };
        self.missing(missing_from, first.saturating_sub(1), expected);
        self.at = first;
    }

    /// False when the segment is done.
    fn walk<S: Store>(
        &mut self,
        store: &mut S,
        segment: u64,
        end: u64,
        expected: &Expected<'_>,
    ) -> bool {
        let records = match store.read(segment, self.at, STEP) {
            Ok(records) => records,
            Err(error) => {
                self.fault(error.chain());
                self.at = end + 1;
                return false;
            }
        };
        for (seq, value) in &records {
            if *seq > end {
                self.missing(self.at, end, expected);
                self.at = end + 1;
                return false;
            }
            self.missing(self.at, seq - 1, expected);
            self.at = seq + 1;
            match codec::decode(*seq, value) {
                Ok(record) => {
                    self.report.records += 1;
                    if record.epoch < self.epoch {
                        self.fault(format!(
                            "record {seq} has epoch {}, the one before has {}",
                            record.epoch, self.epoch
                        ));
                    }
                    self.epoch = self.epoch.max(record.epoch);
                }
                Err(error) if expected.ledger.skip(*seq) == *seq => {
                    self.fault(format!("record {seq}: {error}"));
                }
                Err(_) => {}
            }
        }
        let is_more = records.last().is_some_and(|(seq, _)| *seq < end);
        if records.is_empty() {
            self.missing(self.at, end, expected);
            self.at = self.at.max(end + 1);
        }
        is_more
    }

    fn finish<S: Store>(&mut self, store: &S, expected: &Expected<'_>) {
        let from = self.at.max(expected.cursor + 1);
        self.missing(from, expected.last, expected);
        self.report.accounted = expected
            .ledger
            .count_within(expected.cursor + 1, expected.last);
        self.report.quarantined_segments = store.quarantined().0;
    }

    fn missing(&mut self, from: u64, to: u64, expected: &Expected<'_>) {
        let from = from.max(expected.cursor + 1);
        if from > to {
            return;
        }
        for (from, to) in expected.ledger.missing(from, to) {
            self.fault(format!(
                "records {from} to {to} are missing and not accounted for"
            ));
        }
    }

    /// Adds a fault in words.
    pub(super) fn fault(&mut self, what: String) {
        self.report.fault_count += 1;
        if self.report.faults.len() < FAULTS_MAX {
            self.report.faults.push(what);
        }
    }

    pub(super) fn into_report(self) -> LaneReport {
        self.report
    }
}

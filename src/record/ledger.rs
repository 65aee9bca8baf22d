//! Accounting of a recorded stream: is every record there, once by id, in order, or named in a drop record?
//!
//! Memory is bounded by the holes and by [`RECENT`] records per lane, not by the length of the stream.

use std::collections::BTreeMap;

use super::intervals::IntervalSet;
use super::{Lane, RecordId};

/// Records per lane whose bytes are remembered, to compare repeats with. Repeats follow their first occurrence within
/// an acknowledgement window, so this is generous.
pub const RECENT: usize = 65_536;

/// One record as received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// Identity.
    pub id: RecordId,
    /// The role an alert message is for; empty otherwise. One record to two roles is no repeat.
    pub role: String,
    /// Checksum of the payload.
    pub checksum: u32,
    /// Single values in it.
    pub points: u64,
    /// Samples that its summaries are made of.
    pub samples: u64,
    /// What it says is lost for ever.
    pub dropped: Option<(Lane, u64, u64)>,
}

/// One lane's account.
#[derive(Debug, Default)]
struct Account {
    seen: IntervalSet,
    dropped: IntervalSet,
    by_role: BTreeMap<String, IntervalSet>,
    recent: BTreeMap<u64, (u32, u32)>,
    last: Option<(u32, u64)>,
    records: u64,
    duplicates: u64,
    out_of_order: u64,
    conflicts: u64,
    reused: u64,
    points: u64,
    samples: u64,
}

/// What a lane adds up to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneReport {
    /// The gateway's id.
    pub gateway: String,
    /// Which stream.
    pub lane: Lane,
    /// First expected number: given, else the first one seen or dropped.
    pub first: u64,
    /// Last expected number, likewise.
    pub last: u64,
    /// Different records.
    pub records: u64,
    /// Repeats of a record (to the same role).
    pub duplicates: u64,
    /// Numbers named in drop records and not seen.
    pub dropped: u64,
    /// Expected numbers neither seen nor named in a drop record, as ranges.
    pub missing: Vec<(u64, u64)>,
    /// First occurrences after a record that comes later by (epoch, seq).
    pub out_of_order: u64,
    /// Repeats of an id with other bytes.
    pub conflicts: u64,
    /// Numbers seen with two epochs.
    pub reused: u64,
    /// Single values, repeats not counted.
    pub points: u64,
    /// Samples behind summaries, repeats not counted.
    pub samples: u64,
}

impl LaneReport {
    /// How many numbers are missing.
    pub fn missing_records(&self) -> u64 {
        let sizes = self
            .missing
            .iter()
            .map(|(from, to)| (to - from).saturating_add(1));
        sizes.fold(0, u64::saturating_add)
    }

    /// Whether nothing is missing, out of order or contradictory.
    pub fn holds(&self) -> bool {
        self.missing.is_empty() && self.out_of_order + self.conflicts + self.reused == 0
    }
}

/// What the numbers of a lane should begin and end with, when that is known from elsewhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Expected {
    /// First number.
    pub first: Option<u64>,
    /// Last number.
    pub last: Option<u64>,
}

/// The accounts of every gateway and lane in a stream.
#[derive(Debug, Default)]
pub struct Ledger {
    accounts: BTreeMap<(String, Lane), Account>,
}

impl Ledger {
    /// Books one record.
    pub fn observe(&mut self, observation: &Observation) {
        let id = &observation.id;
        let is_new = self.account(&id.gateway, id.lane).book(observation);
        if let Some((lane, from, to)) = observation.dropped
            && is_new
        {
            self.account(&id.gateway, lane).dropped.insert(from, to);
        }
    }

    /// Every lane with its faults; `expected` gives each lane's ends.
    pub fn report(&self, expected: impl Fn(Lane) -> Expected) -> Vec<LaneReport> {
        let accounts = self.accounts.iter();
        accounts
            .map(|((gateway, lane), account)| account.report(gateway, *lane, expected(*lane)))
            .collect()
    }

    fn account(&mut self, gateway: &str, lane: Lane) -> &mut Account {
        self.accounts.entry((gateway.to_owned(), lane)).or_default()
    }
}

impl Account {
    /// Whether the record was not seen before.
    fn book(&mut self, observation: &Observation) -> bool {
        let RecordId { epoch, seq, .. } = observation.id;
        let roles = self.by_role.entry(observation.role.clone()).or_default();
        if roles.contains(seq) {
            self.duplicates += 1;
        }
        roles.insert(seq, seq);
        if self.seen.contains(seq) {
            self.compare(observation);
            return false;
        }
        self.seen.insert(seq, seq);
        self.remember(observation);
        if self.last.is_some_and(|last| last > (epoch, seq)) {
            self.out_of_order += 1;
        }
        self.last = self.last.max(Some((epoch, seq)));
        self.records += 1;
        self.points += observation.points;
        self.samples += observation.samples;
        true
    }

    fn compare(&mut self, observation: &Observation) {
        if let Some((epoch, checksum)) = self.recent.get(&observation.id.seq) {
            let is_reused = *epoch != observation.id.epoch;
            self.reused += u64::from(is_reused);
            self.conflicts += u64::from(!is_reused && *checksum != observation.checksum);
        }
    }

    fn remember(&mut self, observation: &Observation) {
        let known = (observation.id.epoch, observation.checksum);
        self.recent.insert(observation.id.seq, known);
        if self.recent.len() > RECENT {
            self.recent.pop_first();
        }
    }

    fn report(&self, gateway: &str, lane: Lane, expected: Expected) -> LaneReport {
        let mut accounted = self.seen.clone();
        accounted.extend(&self.dropped);
        let first = expected.first.or_else(|| accounted.first()).unwrap_or(1);
        let last = expected.last.or_else(|| accounted.last()).unwrap_or(0);
        LaneReport {
            gateway: gateway.to_owned(),
            lane,
            first,
            last,
            records: self.records,
            duplicates: self.duplicates,
            dropped: accounted.len() - self.seen.len(),
            missing: accounted.gaps(first, last),
            out_of_order: self.out_of_order,
            conflicts: self.conflicts,
            reused: self.reused,
            points: self.points,
            samples: self.samples,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(epoch: u32, seq: u64) -> Observation {
        Observation {
            id: RecordId {
                gateway: "gw1".into(),
                epoch,
                lane: Lane::Telemetry,
                seq,
            },
            role: String::new(),
            checksum: 1,
            points: 2,
            samples: 10,
            dropped: None,
        }
    }

    fn drop_record(seq: u64, from: u64, to: u64) -> Observation {
        let mut observation = record(1, seq);
        observation.id.lane = Lane::Alerts;
        observation.dropped = Some((Lane::Telemetry, from, to));
        observation
    }

    /// The telemetry lane's account of a stream.
    fn account(stream: &[Observation]) -> LaneReport {
        let mut ledger = Ledger::default();
        for observation in stream {
            ledger.observe(observation);
        }
        let reports = ledger.report(|_| Expected::default());
        reports
            .into_iter()
            .find(|r| r.lane == Lane::Telemetry)
            .unwrap()
    }

    #[test]
    fn a_whole_stream_holds() {
        let report = account(&[record(1, 5), record(1, 6), record(2, 7)]);
        assert!(report.holds());
        assert_eq!((report.first, report.last, report.records), (5, 7, 3));
        assert_eq!((report.points, report.samples), (6, 30));
    }

    #[test]
    fn repeats_are_counted_and_harmless() {
        let stream = [1, 2, 3, 2, 3, 4].map(|seq| record(1, seq));
        let report = account(&stream);
        assert!(report.holds());
        assert_eq!(
            (report.records, report.duplicates, report.points),
            (4, 2, 8)
        );
    }

    #[test]
    fn a_hole_is_missing_unless_a_drop_record_names_it() {
        let stream = [record(1, 1), record(1, 2), record(1, 6)];
        assert_eq!(account(&stream).missing, [(3, 5)]);
        assert_eq!(account(&stream).missing_records(), 3);
        let named = [&stream[..], &[drop_record(1, 3, 4)]].concat();
        let report = account(&named);
        assert_eq!((report.dropped, report.missing.clone()), (2, vec![(5, 5)]));
        assert!(!report.holds());
        let all_named = [&named[..], &[drop_record(2, 4, 5)]].concat();
        assert!(account(&all_named).holds());
    }

    #[test]
    fn a_dropped_record_that_arrives_is_not_dropped() {
        let report = account(&[record(1, 1), record(1, 2), drop_record(1, 1, 2)]);
        assert_eq!((report.dropped, report.records), (0, 2));
    }

    #[test]
    fn order_is_by_epoch_and_number_of_first_occurrences() {
        assert_eq!(account(&[record(1, 2), record(1, 1)]).out_of_order, 1);
        assert_eq!(account(&[record(2, 1), record(1, 2)]).out_of_order, 1);
        assert_eq!(
            account(&[record(1, 1), record(1, 2), record(1, 1)]).out_of_order,
            0
        );
    }

    #[test]
    fn one_id_with_two_contents_is_a_conflict() {
        let mut other = record(1, 1);
        other.checksum = 2;
        assert_eq!(account(&[record(1, 1), other]).conflicts, 1);
        assert_eq!(account(&[record(1, 1), record(2, 1)]).reused, 1);
    }

    #[test]
    fn an_alert_to_two_roles_is_no_repeat() {
        let to = |role: &str| Observation {
            role: role.into(),
            ..record(1, 1)
        };
        let report = account(&[to("operator"), to("quality"), to("operator")]);
        assert_eq!(
            (report.records, report.duplicates, report.points),
            (1, 1, 2)
        );
    }

    #[test]
    fn expected_ends_show_what_is_missing_outside() {
        let mut ledger = Ledger::default();
        ledger.observe(&record(1, 5));
        let expected = Expected {
            first: Some(1),
            last: Some(7),
        };
        let reports = ledger.report(|_| expected);
        assert_eq!(reports[0].missing, [(1, 4), (6, 7)]);
    }

    #[test]
    fn remembered_bytes_are_bounded() {
        let mut ledger = Ledger::default();
        for seq in 1..=RECENT as u64 + 10 {
            ledger.observe(&record(1, seq));
        }
        let account = ledger.account("gw1", Lane::Telemetry);
        assert_eq!(account.recent.len(), RECENT);
        assert_eq!(account.seen.len(), RECENT as u64 + 10);
    }

    proptest! {
        /// Whatever is delivered again, removed and cut: what never came is missing, nothing else is.
        #[test]
        fn exactly_the_lost_records_are_missing(
            lost in proptest::collection::btree_set(2_u64..49, 0..20),
            rewinds in proptest::collection::vec((1_usize..40, 1_usize..10), 0..5),
        ) {
            let kept: Vec<u64> = (1..=50).filter(|seq| !lost.contains(seq)).collect();
            let mut stream: Vec<u64> = kept.clone();
            for (at, back) in rewinds {
                let at = at.min(stream.len());
                let again = stream[at.saturating_sub(back)..at].to_vec();
                stream.splice(at..at, again);
            }
            let report = account(&stream.iter().map(|seq| record(1, *seq)).collect::<Vec<_>>());
            let missing: Vec<u64> = report.missing.iter().flat_map(|(a, b)| *a..=*b).collect();
            prop_assert_eq!(missing, lost.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(report.duplicates, (stream.len() - kept.len()) as u64);
            prop_assert_eq!((report.out_of_order, report.conflicts), (0, 0));
        }
    }
}

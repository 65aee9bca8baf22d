//! The ledger: which sequence numbers above the cursor will never be delivered, and where that is told.
//!
//! A lane is gapless, so everything in `cursor + 1 ..= last` is pending unless the ledger names it. A range is
//! entered *before* its records are destroyed, then told upstream by a drop record in the alert lane, and
//! forgotten once that drop record is *acknowledged* and the cursor has passed the range: what a drop record says
//! survives the loss of the record that carries it. Because a range remembers which alert tells of it, its carrier,
//! a power cut between the two files neither loses a drop record nor doubles it: a carrier beyond the alert lane's
//! last record was never written, and one that the alert lane's own ledger names is lost; both are told again.
//!
//! ```text
//! [version u8 = 1][6 x count u64 LE][ranges u32 LE]
//! ranges x { [from u64][to u64][at_ms i64][alert u64, 0 = not told yet][reason u8] }  all LE
//! [crc32c u32 LE]
//! ```

use crate::model::Timestamp;
use crate::record::DropReasonV1;

/// All reasons, in the order of their codes in the ledger and of the counters in the status.
pub(super) const REASONS: [DropReasonV1; 6] = [
    DropReasonV1::Quota,
    DropReasonV1::DiskFull,
    DropReasonV1::Corrupt,
    DropReasonV1::Quarantine,
    DropReasonV1::StoreLost,
    DropReasonV1::Rejected,
];

const VERSION: u8 = 1;

/// Ranges beyond which neighbours that were told one by one become one range again, to be told once more: an outage
/// of months with an eviction every few seconds must not make a ledger that takes seconds to save.
const RANGES_MAX: usize = 1024;

/// The name of a reason in status and logs.
pub const fn reason_name(reason: DropReasonV1) -> &'static str {
    match reason {
        DropReasonV1::Quota => "quota",
        DropReasonV1::DiskFull => "disk_full",
        DropReasonV1::Corrupt => "corrupt",
        DropReasonV1::Quarantine => "quarantine",
        DropReasonV1::StoreLost => "store_lost",
        DropReasonV1::Rejected => "rejected",
    }
}

const fn code(reason: DropReasonV1) -> u8 {
    match reason {
        DropReasonV1::Quota => 0,
        DropReasonV1::DiskFull => 1,
        DropReasonV1::Corrupt => 2,
        DropReasonV1::Quarantine => 3,
        DropReasonV1::StoreLost => 4,
        DropReasonV1::Rejected => 5,
    }
}

/// Records that will never be delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DropRange {
    /// First lost sequence number.
    pub from: u64,
    /// Last lost sequence number.
    pub to: u64,
    /// When it was first noticed.
    pub at: Timestamp,
    /// Why.
    pub reason: DropReasonV1,
    /// Sequence number in the alert lane of the drop record that tells of it.
    pub alert: Option<u64>,
}

/// Ranges in order, without overlap, and how many records were ever dropped for each reason.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Ledger {
    ranges: Vec<DropRange>,
    counts: [u64; REASONS.len()],
}

impl Ledger {
    /// Enters what of `from..=to` is not in the ledger yet. Returns how many records that is.
    pub(super) fn add(&mut self, from: u64, to: u64, reason: DropReasonV1, at: Timestamp) -> u64 {
        let mut added = 0;
        for (from, to) in self.missing(from, to) {
            added += to - from + 1;
            self.insert(DropRange {
                from,
                to,
                at,
                reason,
                alert: None,
            });
        }
        if let Some(count) = self.counts.get_mut(usize::from(code(reason))) {
            *count += added;
        }
        added
    }

    /// The parts of `from..=to` that the ledger does not name.
    pub(super) fn missing(&self, from: u64, to: u64) -> Vec<(u64, u64)> {
        let mut parts = Vec::new();
        let mut at = from;
        for range in self.overlapping(from, to) {
            if range.from > at {
                parts.push((at, range.from - 1));
            }
            at = at.max(range.to.saturating_add(1));
        }
        if at <= to {
            parts.push((at, to));
        }
        parts
    }

    /// The first number at or after `seq` that the ledger does not name.
    pub(super) fn skip(&self, seq: u64) -> u64 {
        let mut at = seq;
        for range in self.overlapping(seq, u64::MAX) {
            if range.from > at {
                break;
            }
            at = range.to.saturating_add(1);
        }
        at
    }

    /// How many of `from..=to` the ledger names.
    pub(super) fn count_within(&self, from: u64, to: u64) -> u64 {
        self.overlapping(from, to)
            .map(|r| r.to.min(to) - r.from.max(from) + 1)
            .sum()
    }

    /// Ranges in order.
    #[cfg(test)]
    pub(super) fn ranges(&self) -> &[DropRange] {
        &self.ranges
    }

    /// The lowest number named; 0 when there is none.
    pub(super) fn start(&self) -> u64 {
        self.ranges.first().map_or(0, |range| range.from)
    }

    /// The highest number named; 0 when there is none.
    pub(super) fn end(&self) -> u64 {
        self.ranges.last().map_or(0, |range| range.to)
    }

    /// Records ever dropped, by reason.
    pub(super) fn counts(&self) -> impl Iterator<Item = (DropReasonV1, u64)> + '_ {
        REASONS.into_iter().zip(self.counts)
    }

    /// Gives every untold range whose time is due to `tell`, which returns the alert's number. Returns how many.
    pub(super) fn tell(
        &mut self,
        is_due: impl Fn(Timestamp) -> bool,
        mut tell: impl FnMut(&DropRange) -> u64,
    ) -> usize {
        let mut told = 0;
        for range in &mut self.ranges {
            if range.alert.is_none() && is_due(range.at) {
                range.alert = Some(tell(range));
                told += 1;
            }
        }
        told
    }

    /// Whether this record is named.
    pub(super) fn names(&self, seq: u64) -> bool {
        self.skip(seq) != seq
    }

    /// The alerts that tell of ranges.
    pub(super) fn carriers(&self) -> impl Iterator<Item = u64> + '_ {
        self.ranges.iter().filter_map(|range| range.alert)
    }

    /// Marks as untold every range whose alert is gone, and says whether any was. Untold neighbours become one range,
    /// so that losing many drop records takes few to make good.
    pub(super) fn untell(&mut self, is_gone: impl Fn(u64) -> bool) -> bool {
        let mut untold = false;
        for range in &mut self.ranges {
            if range.alert.is_some_and(&is_gone) {
                range.alert = None;
                untold = true;
            }
        }
        if untold {
            self.join(|a, b| a.alert.is_none() && b.alert.is_none());
        }
        untold
    }

    /// Makes neighbours one range, told or not, when there are too many. Says whether anything changed.
    pub(super) fn condense(&mut self) -> bool {
        let before = self.ranges.len();
        if before > RANGES_MAX {
            self.join(|_, _| true);
        }
        self.ranges.len() != before
    }

    /// Forgets ranges that the saved cursor has passed and whose alert is delivered. Says whether any was.
    pub(super) fn prune(&mut self, cursor: u64, is_delivered: impl Fn(u64) -> bool) -> bool {
        let before = self.ranges.len();
        self.ranges
            .retain(|r| r.to > cursor || !r.alert.is_some_and(&is_delivered));
        self.ranges.len() != before
    }

    /// Joins direct neighbours of the same reason; what is joined is untold.
    fn join(&mut self, may_join: impl Fn(&DropRange, &DropRange) -> bool) {
        self.ranges.dedup_by(|next, kept| {
            let joins =
                kept.reason == next.reason && kept.to + 1 == next.from && may_join(kept, next);
            if joins {
                kept.to = next.to;
                kept.at = kept.at.min(next.at);
                kept.alert = None;
            }
            joins
        });
    }

    fn overlapping(&self, from: u64, to: u64) -> impl Iterator<Item = &DropRange> {
        let start = self.ranges.partition_point(|r| r.to < from);
        self.ranges
            .get(start..)
            .unwrap_or_default()
            .iter()
            .take_while(move |r| r.from <= to)
    }

    fn insert(&mut self, new: DropRange) {
        let index = self.ranges.partition_point(|r| r.to < new.from);
        let joins = |a: &DropRange, b: &DropRange| {
            a.reason == b.reason && a.alert.is_none() && b.alert.is_none() && a.to + 1 == b.from
        };
        let before = index.checked_sub(1).and_then(|i| self.ranges.get_mut(i));
        if let Some(before) = before
            && joins(before, &new)
        {
            before.to = new.to;
        } else {
            self.ranges.insert(index, new);
        }
    }

    /// The bytes on disk.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        for count in self.counts {
            out.extend_from_slice(&count.to_le_bytes());
        }
        let len = u32::try_from(self.ranges.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&len.to_le_bytes());
        for range in &self.ranges {
            out.extend_from_slice(&range.from.to_le_bytes());
            out.extend_from_slice(&range.to.to_le_bytes());
            out.extend_from_slice(&range.at.as_millis().to_le_bytes());
            out.extend_from_slice(&range.alert.unwrap_or(0).to_le_bytes());
            out.push(code(range.reason));
        }
        let crc = crc32c::crc32c(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        out
    }

    /// The ledger in these bytes, or nothing when they are damaged.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (content, crc) = bytes.split_last_chunk::<4>()?;
        if crc32c::crc32c(content) != u32::from_le_bytes(*crc) {
            return None;
        }
        let (version, mut rest) = content.split_first()?;
        if *version != VERSION {
            return None;
        }
        let mut counts = [0; REASONS.len()];
        for count in &mut counts {
            *count = take_u64(&mut rest)?;
        }
        let (len, mut rest) = rest.split_first_chunk::<4>()?;
        let mut ranges = Vec::new();
        for _ in 0..u32::from_le_bytes(*len) {
            ranges.push(take_range(&mut rest)?);
        }
        let ordered =
            ranges.is_sorted_by(|a, b| a.to < b.from) && ranges.iter().all(|r| r.from <= r.to);
        (ordered && rest.is_empty()).then_some(Self { ranges, counts })
    }
}

fn take_u64(rest: &mut &[u8]) -> Option<u64> {
    let (head, tail) = rest.split_first_chunk::<8>()?;
    *rest = tail;
    Some(u64::from_le_bytes(*head))
}

fn take_range(rest: &mut &[u8]) -> Option<DropRange> {
    let from = take_u64(rest)?;
    let to = take_u64(rest)?;
    let at_ms = take_u64(rest)?.cast_signed();
    let alert = take_u64(rest)?;
    let (reason, tail) = rest.split_first()?;
    *rest = tail;
    Some(DropRange {
        from,
        to,
        at: Timestamp::from_millis(at_ms),
        reason: *REASONS.get(usize::from(*reason))?,
        alert: (alert > 0).then_some(alert),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const AT: Timestamp = Timestamp::from_millis(1_000);

    fn check(entries: &[(u64, u64, DropReasonV1)], expected: &[(u64, u64)]) {
        let mut ledger = Ledger::default();
        for (from, to, reason) in entries {
            ledger.add(*from, *to, *reason, AT);
        }
        let ranges: Vec<_> = ledger.ranges().iter().map(|r| (r.from, r.to)).collect();
        assert_eq!(ranges, expected);
    }

    #[test]
    fn neighbours_merge_only_for_the_same_reason() {
        use DropReasonV1::{Corrupt, Quota};
        check(&[(1, 5, Quota), (6, 9, Quota)], &[(1, 9)]);
        check(&[(1, 5, Quota), (6, 9, Corrupt)], &[(1, 5), (6, 9)]);
        check(&[(1, 5, Quota), (7, 9, Quota)], &[(1, 5), (7, 9)]);
        check(&[(3, 5, Quota), (1, 9, Corrupt)], &[(1, 2), (3, 5), (6, 9)]);
        check(&[(3, 5, Quota), (4, 4, Corrupt)], &[(3, 5)]);
    }

    #[test]
    fn a_told_range_is_not_extended() {
        let mut ledger = Ledger::default();
        ledger.add(1, 5, DropReasonV1::Quota, AT);
        assert_eq!(ledger.tell(|_| true, |_| 7), 1);
        ledger.add(6, 6, DropReasonV1::Quota, AT);
        assert_eq!(ledger.ranges().len(), 2);
        assert_eq!(ledger.carriers().collect::<Vec<_>>(), vec![7]);
        assert!(!ledger.prune(4, |_| true));
        assert!(!ledger.prune(5, |alert| alert < 7));
        assert!(ledger.prune(6, |alert| alert == 7));
        assert_eq!(ledger.ranges().len(), 1, "the untold one");
    }

    #[test]
    fn lost_drop_records_of_neighbours_are_told_again_as_one() {
        let mut ledger = Ledger::default();
        for (seq, reason) in [
            (1, DropReasonV1::Quota),
            (2, DropReasonV1::Quota),
            (3, DropReasonV1::Corrupt),
        ] {
            ledger.add(seq, seq, reason, AT);
            ledger.tell(|_| true, |_| 10 + seq);
        }
        assert!(ledger.untell(|alert| alert < 13));
        assert!(!ledger.untell(|alert| alert < 13));
        let ranges: Vec<_> = ledger
            .ranges()
            .iter()
            .map(|r| (r.from, r.to, r.alert))
            .collect();
        assert_eq!(ranges, vec![(1, 2, None), (3, 3, Some(13))]);
    }

    #[test]
    fn too_many_told_neighbours_are_told_once_more_as_one() {
        let mut ledger = Ledger::default();
        for seq in 1..=RANGES_MAX as u64 + 1 {
            assert!(!ledger.condense());
            ledger.add(seq, seq, DropReasonV1::Quota, AT);
            ledger.tell(|_| true, |_| seq);
        }
        assert!(ledger.condense());
        let ranges: Vec<_> = ledger
            .ranges()
            .iter()
            .map(|r| (r.from, r.to, r.alert))
            .collect();
        assert_eq!(ranges, vec![(1, RANGES_MAX as u64 + 1, None)]);
    }

    #[test]
    fn an_alert_that_was_never_written_is_told_again() {
        let mut ledger = Ledger::default();
        ledger.add(1, 5, DropReasonV1::Quota, AT);
        ledger.tell(|_| true, |_| 7);
        ledger.untell(|alert| alert > 7);
        assert_eq!(ledger.tell(|_| true, |_| 8), 0);
        ledger.untell(|alert| alert > 6);
        assert_eq!(ledger.tell(|_| true, |_| 8), 1);
    }

    fn any_ledger() -> impl Strategy<Value = (Ledger, BTreeMap<u64, usize>)> {
        prop::collection::vec((0_u64..60, 0_u64..8, 0_usize..6), 0..12).prop_map(|entries| {
            let mut ledger = Ledger::default();
            let mut model = BTreeMap::new();
            for (from, len, reason) in entries {
                ledger.add(from, from + len, REASONS[reason], AT);
                for seq in from..=from + len {
                    model.entry(seq).or_insert(reason);
                }
            }
            (ledger, model)
        })
    }

    proptest! {
        #[test]
        fn a_ledger_names_exactly_what_was_entered((ledger, model) in any_ledger()) {
            let named: BTreeMap<u64, usize> = ledger.ranges().iter()
                .flat_map(|r| (r.from..=r.to).map(|s| (s, usize::from(code(r.reason))))).collect();
            prop_assert_eq!(&named, &model);
            for seq in 0..70 {
                let mut expected = seq;
                while model.contains_key(&expected) { expected += 1; }
                prop_assert_eq!(ledger.skip(seq), expected);
            }
            prop_assert_eq!(ledger.count_within(10, 40), model.range(10..=40).count() as u64);
            let total: u64 = ledger.counts().map(|(_, n)| n).sum();
            prop_assert_eq!(total, model.len() as u64);
        }

        #[test]
        fn a_ledger_survives_the_disk((ledger, _) in any_ledger()) {
            prop_assert_eq!(Ledger::decode(&ledger.encode()), Some(ledger));
        }

        #[test]
        fn a_damaged_ledger_is_noticed((ledger, _) in any_ledger(), at: prop::sample::Index) {
            let mut bytes = ledger.encode();
            let at = at.index(bytes.len());
            bytes[at] ^= 0x10;
            prop_assert_eq!(Ledger::decode(&bytes), None);
            bytes.truncate(at);
            prop_assert_eq!(Ledger::decode(&bytes), None);
        }
    }
}

//! A set of sequence numbers kept as ranges: its size grows with the holes, not with the numbers.

use std::collections::BTreeMap;

/// Ranges of numbers, inclusive on both ends, neither overlapping nor touching.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IntervalSet {
    /// Start → end.
    ranges: BTreeMap<u64, u64>,
}

impl IntervalSet {
    /// Whether the number is in the set.
    pub fn contains(&self, number: u64) -> bool {
        let before = self.ranges.range(..=number).next_back();
        before.is_some_and(|(_, end)| *end >= number)
    }

    /// Adds `from..=to`; nothing when `from` is above `to`.
    pub fn insert(&mut self, from: u64, to: u64) {
        if from > to {
            return;
        }
        let (mut from, mut to) = (from, to);
        // Every range that overlaps or touches; the last such starts at `to + 1` at most.
        while let Some((start, end)) = self.last_starting_by(to.saturating_add(1))
            && end.saturating_add(1) >= from
        {
            from = from.min(start);
            to = to.max(end);
            self.ranges.remove(&start);
        }
        self.ranges.insert(from, to);
    }

    /// Adds everything that `other` has.
    pub fn extend(&mut self, other: &Self) {
        for (from, to) in &other.ranges {
            self.insert(*from, *to);
        }
    }

    /// The smallest number.
    pub fn first(&self) -> Option<u64> {
        self.ranges.first_key_value().map(|(start, _)| *start)
    }

    /// The largest number.
    pub fn last(&self) -> Option<u64> {
        self.ranges.last_key_value().map(|(_, end)| *end)
    }

    /// How many numbers, saturating.
    pub fn len(&self) -> u64 {
        let sizes = self
            .ranges
            .iter()
            .map(|(start, end)| (end - start).saturating_add(1));
        sizes.fold(0, u64::saturating_add)
    }

    /// Whether the set has no number.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Ranges within `from..=to` that are not in the set.
    pub fn gaps(&self, from: u64, to: u64) -> Vec<(u64, u64)> {
        let mut gaps = Vec::new();
        let mut next = Some(from);
        for (start, end) in &self.ranges {
            let Some(at) = next.filter(|at| *at <= to) else {
                break;
            };
            if *end < at {
                continue;
            }
            if *start > at {
                gaps.push((at, to.min(start - 1)));
            }
            next = end.checked_add(1);
        }
        if let Some(at) = next.filter(|at| *at <= to) {
            gaps.push((at, to));
        }
        gaps
    }

    fn last_starting_by(&self, number: u64) -> Option<(u64, u64)> {
        let found = self.ranges.range(..=number).next_back();
        found.map(|(start, end)| (*start, *end))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_ends_of_the_number_line_hold() {
        let mut set = IntervalSet::default();
        set.insert(u64::MAX, u64::MAX);
        set.insert(0, 0);
        assert_eq!(set.gaps(0, u64::MAX), [(1, u64::MAX - 1)]);
        set.insert(1, u64::MAX - 1);
        assert_eq!((set.first(), set.last()), (Some(0), Some(u64::MAX)));
        assert_eq!(set.gaps(0, u64::MAX), []);
        assert_eq!(set.len(), u64::MAX);
    }

    #[test]
    fn an_empty_set_is_one_gap() {
        let set = IntervalSet::default();
        assert!(set.is_empty());
        assert_eq!(set.gaps(3, 5), [(3, 5)]);
        assert_eq!(set.gaps(5, 3), []);
    }

    proptest! {
        #[test]
        fn it_behaves_like_a_set_of_numbers(
            inserts in proptest::collection::vec((0_u64..60, 0_u64..8), 0..30),
            from in 0_u64..40, span in 0_u64..40,
        ) {
            let mut set = IntervalSet::default();
            let mut model = BTreeSet::new();
            for (start, length) in inserts {
                set.insert(start, start + length);
                model.extend(start..=start + length);
            }
            for number in 0..80 {
                prop_assert_eq!(set.contains(number), model.contains(&number));
            }
            prop_assert_eq!(set.len(), model.len() as u64);
            prop_assert_eq!((set.first(), set.last()), (model.first().copied(), model.last().copied()));
            let missing: Vec<u64> = set.gaps(from, from + span).into_iter().flat_map(|(a, b)| a..=b).collect();
            let expected: Vec<u64> = (from..=from + span).filter(|n| !model.contains(n)).collect();
            prop_assert_eq!(missing, expected);
            let ranges: Vec<_> = set.ranges.iter().collect();
            prop_assert!(ranges.windows(2).all(|w| w[0].1 + 1 < *w[1].0), "{:?}", ranges);
        }
    }
}

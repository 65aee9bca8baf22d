//! Half-open stretches of wall-clock time.

use std::time::Duration;

use crate::model::Timestamp;

/// From `start` up to, and without, `end`; empty when the end is not after the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// First moment inside.
    pub start: Timestamp,
    /// First moment after.
    pub end: Timestamp,
}

impl Span {
    /// From `start` to `end`.
    pub const fn new(start: Timestamp, end: Timestamp) -> Self {
        Self { start, end }
    }

    /// Whether nothing is inside.
    pub fn is_empty(&self) -> bool {
        self.end <= self.start
    }

    /// Whether `time` is inside.
    pub fn contains(&self, time: Timestamp) -> bool {
        self.start <= time && time < self.end
    }

    /// Whether some moment is inside both.
    pub fn overlaps(&self, other: &Self) -> bool {
        !self.clip(other).is_empty()
    }

    /// The part inside `other`; empty when there is none.
    #[must_use]
    pub fn clip(&self, other: &Self) -> Self {
        Self {
            start: self.start.max(other.start),
            end: self.end.min(other.end),
        }
    }

    /// The shortest span with both inside, and what is between them.
    #[must_use]
    pub fn hull(&self, other: &Self) -> Self {
        Self {
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }

    /// Elapsed time; zero when empty.
    pub fn length(&self) -> Duration {
        elapsed(self.start, self.end)
    }
}

/// Time from `from` to `to`; zero when `to` is not later.
pub(super) fn elapsed(from: Timestamp, to: Timestamp) -> Duration {
    let nanos = to.as_nanos().abs_diff(from.as_nanos());
    Duration::from_nanos(if to > from { nanos } else { 0 })
}

/// The same time as spans that are in order and neither touch nor overlap.
pub fn union(spans: &[Span]) -> Vec<Span> {
    let mut sorted: Vec<Span> = spans.iter().copied().filter(|s| !s.is_empty()).collect();
    sorted.sort_unstable();
    let mut merged: Vec<Span> = Vec::with_capacity(sorted.len());
    for span in sorted {
        match merged.last_mut() {
            Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
            _ => merged.push(span),
        }
    }
    merged
}

/// Time that `span` shares with `sorted`, which are in order and do not overlap.
pub(super) fn shared(span: &Span, sorted: &[Span]) -> Duration {
    let first = sorted.partition_point(|s| s.end <= span.start);
    sorted
        .iter()
        .skip(first)
        .take_while(|s| s.start < span.end)
        .map(|s| s.clip(span).length())
        .sum()
}

/// A ratio; `None` when the denominator is zero or the result is not a number.
pub(super) fn ratio(numerator: f64, denominator: f64) -> Option<f64> {
    let quotient = numerator / denominator;
    (denominator != 0.0 && quotient.is_finite()).then_some(quotient)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(start: i64, end: i64) -> Span {
        Span::new(Timestamp::from_nanos(start), Timestamp::from_nanos(end))
    }

    #[test]
    fn the_end_is_outside() {
        assert!(span(0, 5).contains(Timestamp::from_nanos(0)));
        assert!(!span(0, 5).contains(Timestamp::from_nanos(5)));
        assert!(!span(0, 5).overlaps(&span(5, 9)));
        assert!(span(0, 5).overlaps(&span(4, 9)));
    }

    #[test]
    fn a_reversed_span_is_empty() {
        assert!(span(5, 0).is_empty());
        assert_eq!(span(5, 0).length(), Duration::ZERO);
        assert_eq!(
            span(i64::MIN, i64::MAX).length().as_nanos(),
            u64::MAX.into()
        );
    }

    #[test]
    fn a_hull_holds_what_is_between() {
        assert_eq!(span(5, 7).hull(&span(0, 2)), span(0, 7));
        assert_eq!(span(0, 9).hull(&span(1, 2)), span(0, 9));
    }

    #[test]
    fn touching_spans_are_one() {
        let all = [span(5, 7), span(0, 2), span(2, 3), span(6, 6), span(6, 9)];
        assert_eq!(union(&all), [span(0, 3), span(5, 9)]);
        assert_eq!(shared(&span(1, 6), &union(&all)).as_nanos(), 3);
        assert_eq!(shared(&span(10, 20), &union(&all)), Duration::ZERO);
    }

    #[test]
    fn a_ratio_without_a_denominator_is_none() {
        assert_eq!(ratio(1.0, 0.0), None);
        assert_eq!(ratio(f64::NAN, 2.0), None);
        assert_eq!(ratio(1.0, f64::INFINITY), Some(0.0));
        assert_eq!(ratio(1.0, 2.0), Some(0.5));
    }
}

//! Which segment a count belongs to.
//!
//! A count between two readings in one segment belongs to it. One over a border is split by the run time in each part, by
//! elapsed time where the machine did not run. One over a gap in the readings is not spread: it is booked as a block to
//! the part in which the machine ran longest.

use std::time::Duration;

use super::super::counter::Counted;
use super::super::span::{Span, shared};
use super::segments::Segment;

/// Where the pieces of a count go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Share {
    /// Place in the list of segments.
    pub(super) segment: usize,
    pub(super) pieces: f64,
    pub(super) is_split: bool,
    pub(super) is_block: bool,
}

/// Distributes counts that come in order of time.
pub(super) struct Attribution<'a> {
    segments: &'a [Segment<'a>],
    /// When the machine ran, in order.
    runs: &'a [Span],
    gap: Duration,
    /// The segment in which the last count began.
    place: usize,
}

impl<'a> Attribution<'a> {
    pub(super) fn new(segments: &'a [Segment<'a>], runs: &'a [Span], gap: Duration) -> Self {
        Self {
            segments,
            runs,
            gap,
            place: 0,
        }
    }

    /// Hands each part of `counted` to `book`.
    pub(super) fn share(&mut self, counted: &Counted, mut book: impl FnMut(Share)) {
        let span = counted.span;
        while self.segment_ends_before(span) {
            self.place += 1;
        }
        let Some(first) = self.segments.get(self.place) else {
            return;
        };
        let is_block = span.length() > self.gap;
        if span.end <= first.span.end {
            book(Share {
                segment: self.place,
                pieces: counted.pieces,
                is_split: false,
                is_block,
            });
            return;
        }
        let weights = self.weights(span);
        let total: f64 = weights.iter().map(|(_, weight)| weight).sum();
        if is_block {
            let mut largest = (self.place, 0.0);
            for (place, weight) in weights {
                if weight > largest.1 {
                    largest = (place, weight);
                }
            }
            book(Share {
                segment: largest.0,
                pieces: counted.pieces,
                is_split: false,
                is_block,
            });
            return;
        }
        for (segment, weight) in weights.into_iter().filter(|(_, weight)| *weight > 0.0) {
            book(Share {
                segment,
                pieces: counted.pieces * (weight / total),
                is_split: true,
                is_block,
            });
        }
    }

    /// A count belongs to the time up to its reading: a segment that ends where the count begins has no part in it.
    fn segment_ends_before(&self, span: Span) -> bool {
        let current = self.segments.get(self.place);
        let is_last = self.place + 1 >= self.segments.len();
        current.is_some_and(|segment| segment.span.end <= span.start) && !is_last
    }

    /// Run time in each segment that `span` overlaps, or elapsed time where there is none.
    fn weights(&self, span: Span) -> Vec<(usize, f64)> {
        let overlapped = || {
            let rest = self.segments.iter().enumerate().skip(self.place);
            rest.take_while(move |(_, segment)| segment.span.start < span.end)
                .map(move |(place, segment)| (place, segment.span.clip(&span)))
        };
        let run = |part: &Span| shared(part, self.runs).as_secs_f64();
        let by_run: Vec<(usize, f64)> = overlapped().map(|(p, part)| (p, run(&part))).collect();
        if by_run.iter().any(|(_, weight)| *weight > 0.0) {
            return by_run;
        }
        overlapped()
            .map(|(place, part)| (place, part.length().as_secs_f64()))
            .collect()
    }
}

//! Cycle times from the moments at which pieces were counted.
//!
//! Gaps that overlap a stop or a setup are no cycles, and neither is the last piece before one, which is often late or
//! early. What is left is described by robust figures. The ideal cycle of a product is proposed from its fastest cycles.

use super::span::{Span, ratio};
use crate::model::quantile;

/// Fewest cycles that an ideal cycle is proposed from.
pub const CANDIDATE_CYCLES_MIN: usize = 500;

/// Time between two counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cycle {
    /// From the count before to this one.
    pub span: Span,
    /// Pieces that this one counted; the cycle of one piece is the mean where they are several.
    pub pieces: f64,
}

impl Cycle {
    /// Seconds per piece.
    pub fn seconds(&self) -> Option<f64> {
        ratio(self.span.length().as_secs_f64(), self.pieces).filter(|s| *s > 0.0)
    }
}

/// Cycle times of one product on one work unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CycleStatistics {
    /// Cycles.
    pub n: usize,
    /// Half are shorter, in seconds.
    pub median_s: f64,
    /// One in ten is shorter.
    pub p10_s: f64,
    /// One in ten is longer.
    pub p90_s: f64,
    /// Median of the distances to the median, unscaled.
    pub mad_s: f64,
    /// Standard deviation by mean; `None` for a single cycle.
    pub cv: Option<f64>,
    /// The shortest.
    pub min_s: f64,
}

/// A proposal for the ideal cycle: the truth lies between the two.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IdealCandidate {
    /// Cycles it is made from.
    pub n: usize,
    /// One in twenty is shorter, in seconds.
    pub p05_s: f64,
    /// One in ten is shorter.
    pub p10_s: f64,
}

/// The cycles, in order of time, that neither overlap one of `disturbances` (stops and setups, in order and without
/// overlap) nor are the last before one.
pub fn undisturbed(cycles: &[Cycle], disturbances: &[Span]) -> Vec<Cycle> {
    let next = cycles
        .iter()
        .skip(1)
        .map(|c| Some(c.span.end))
        .chain([None]);
    let mut kept = Vec::with_capacity(cycles.len());
    let mut ahead = disturbances.iter().peekable();
    let mut last_stop: Option<&Span> = None;
    for (cycle, next) in cycles.iter().zip(next) {
        while let Some(begun) = ahead.next_if(|d| d.start < cycle.span.end) {
            last_stop = Some(begun);
        }
        let is_disturbed = last_stop.is_some_and(|stop| stop.end > cycle.span.start);
        let is_last = ahead
            .peek()
            .is_some_and(|stop| next.is_none_or(|end| end > stop.start));
        if !is_disturbed && !is_last {
            kept.push(*cycle);
        }
    }
    kept
}

/// Figures of cycles; `None` without any.
pub fn cycle_statistics(cycles: &[Cycle]) -> Option<CycleStatistics> {
    let sorted = sorted_seconds(cycles);
    let median_s = quantile(&sorted, 0.5)?;
    let mut distances: Vec<f64> = sorted.iter().map(|s| (s - median_s).abs()).collect();
    distances.sort_by(f64::total_cmp);
    let n = sorted.len();
    let mean = sorted.iter().sum::<f64>() / n as f64;
    let squares: f64 = sorted.iter().map(|s| (s - mean).powi(2)).sum();
    Some(CycleStatistics {
        n,
        median_s,
        p10_s: quantile(&sorted, 0.1)?,
        p90_s: quantile(&sorted, 0.9)?,
        mad_s: quantile(&distances, 0.5)?,
        cv: ratio(squares, n as f64 - 1.0).and_then(|variance| ratio(variance.sqrt(), mean)),
        min_s: *sorted.first()?,
    })
}

/// Proposes an ideal cycle; `None` below 500 cycles.
pub fn ideal_candidate(cycles: &[Cycle]) -> Option<IdealCandidate> {
    let sorted = sorted_seconds(cycles);
    if sorted.len() < CANDIDATE_CYCLES_MIN {
        return None;
    }
    Some(IdealCandidate {
        n: sorted.len(),
        p05_s: quantile(&sorted, 0.05)?,
        p10_s: quantile(&sorted, 0.1)?,
    })
}

fn sorted_seconds(cycles: &[Cycle]) -> Vec<f64> {
    let mut seconds: Vec<f64> = cycles.iter().filter_map(Cycle::seconds).collect();
    seconds.sort_by(f64::total_cmp);
    seconds
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    fn span(start: i64, end: i64) -> Span {
        let at = |s: i64| Timestamp::from_millis(s * 1_000);
        Span::new(at(start), at(end))
    }

    /// One piece at each of `ends`, the first after `0`.
    fn cycles(ends: &[i64]) -> Vec<Cycle> {
        let starts = [0].into_iter().chain(ends.iter().copied());
        let spans = starts.zip(ends).map(|(start, end)| span(start, *end));
        spans.map(|span| Cycle { span, pieces: 1.0 }).collect()
    }

    #[track_caller]
    fn check(ends: &[i64], stops: &[Span], kept: &[i64]) {
        let left = undisturbed(&cycles(ends), stops);
        let wanted: Vec<Timestamp> = kept.iter().map(|end| span(0, *end).end).collect();
        let got: Vec<Timestamp> = left.iter().map(|c| c.span.end).collect();
        assert_eq!(got, wanted);
    }

    #[test]
    fn gaps_over_stops_and_the_last_piece_before_them_are_no_cycles() {
        check(&[10, 20, 30, 90, 100], &[span(35, 80)], &[10, 20, 100]);
        check(&[10, 20, 30, 90, 100], &[span(30, 80)], &[10, 20, 100]);
        check(&[10, 20, 30], &[span(200, 300)], &[10, 20]);
        check(&[10, 20, 30], &[], &[10, 20, 30]);
        check(
            &[10, 20, 100, 110],
            &[span(25, 30), span(40, 50)],
            &[10, 110],
        );
        check(&[], &[span(25, 30)], &[]);
    }

    #[test]
    fn cycles_are_described_by_robust_figures() {
        let all = cycle_statistics(&cycles(&[10, 20, 31, 43, 143])).unwrap();
        assert_eq!(
            (all.n, all.median_s, all.min_s, all.mad_s),
            (5, 11.0, 10.0, 1.0)
        );
        assert!((all.p10_s - 10.0).abs() < 1e-9 && (all.p90_s - 64.8).abs() < 1e-9);
        assert!((all.cv.unwrap() - 1.395_889).abs() < 1e-6, "{all:?}");
        assert_eq!(cycle_statistics(&cycles(&[10])).unwrap().cv, None);
        assert_eq!(cycle_statistics(&[]), None);
        let odd = [0.0, f64::NAN, -1.0].map(|pieces| Cycle {
            span: span(0, 10),
            pieces,
        });
        assert_eq!(cycle_statistics(&odd), None);
    }

    #[test]
    fn an_ideal_cycle_needs_five_hundred() {
        let ends: Vec<i64> = (1..=500).map(|n| n * (n + 1) / 2).collect();
        let proposed = ideal_candidate(&cycles(&ends)).unwrap();
        assert!((proposed.p05_s - 25.95).abs() < 1e-9 && (proposed.p10_s - 50.9).abs() < 1e-9);
        assert_eq!(proposed.n, 500);
        assert_eq!(ideal_candidate(&cycles(&ends[..499])), None);
    }

    #[test]
    fn several_pieces_share_their_time() {
        let pair = Cycle {
            span: span(0, 10),
            pieces: 4.0,
        };
        assert_eq!(pair.seconds(), Some(2.5));
    }
}

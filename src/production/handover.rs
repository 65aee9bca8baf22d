//! What a change of shift costs: the rate in the first and last part of a shift against the middle of it.
//!
//! Pieces count by their ideal time, so that a product with a longer cycle is no loss; where some piece has none, every
//! piece counts the same. Planned stops are in neither part.

use std::ops::AddAssign;
use std::time::Duration;

use super::calendar::{ShiftInstance, ShiftKey};
use super::counter::{Counted, counted_in, is_counted_in};
use super::span::{Span, ratio, shared};
use crate::model::Timestamp;

/// A part of a shift.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Part {
    /// Pieces made.
    pub pieces: f64,
    /// What they should have taken, in seconds.
    pub standard_s: f64,
    /// Those of the pieces that have no ideal cycle: they are not in `standard_s`.
    pub unrated: f64,
    /// Its length without planned stops.
    pub length: Duration,
}

impl Part {
    /// Pieces an hour; `None` for one without length.
    pub fn per_hour(&self) -> Option<f64> {
        ratio(self.pieces * 3_600.0, self.length.as_secs_f64())
    }
}

impl AddAssign<&Self> for Part {
    fn add_assign(&mut self, other: &Self) {
        self.pieces += other.pieces;
        self.standard_s += other.standard_s;
        self.unrated += other.unrated;
        self.length = self.length.saturating_add(other.length);
    }
}

/// Pieces of one shift by whether it was settled. Sums of several shifts are right.
#[derive(Debug, Clone, PartialEq)]
pub struct HandoverRates {
    /// Which shift.
    pub shift: ShiftKey,
    /// Its first and last part.
    pub transition: Part,
    /// What is in between.
    pub settled: Part,
}

impl HandoverRates {
    /// Share of the settled rate that is lost in transition; negative when it is faster. `None` without a rate.
    pub fn loss(&self) -> Option<f64> {
        let is_rated = self.transition.unrated + self.settled.unrated == 0.0;
        let rate = |part: &Part| {
            let made = if is_rated {
                part.standard_s
            } else {
                part.pieces
            };
            ratio(made, part.length.as_secs_f64())
        };
        let lost = ratio(rate(&self.transition)?, rate(&self.settled)?);
        lost.map(|share| 1.0 - share)
    }
}

/// Rates of each shift in `window`. `counted` is in order of time; a count belongs to the moment of its reading. `planned`
/// are planned stops in order and without overlap, and what a machine makes in them is in neither part, as their time is;
/// `ideal` is the ideal cycle of what is made at a time, in seconds.
pub fn handover_rates(
    shifts: &[ShiftInstance],
    counted: &[Counted],
    planned: &[Span],
    window: Span,
    ideal: impl Fn(Timestamp) -> Option<f64>,
) -> Vec<HandoverRates> {
    let part = |span: Span| {
        let mut part = Part {
            length: span.length().saturating_sub(shared(&span, planned)),
            ..Part::default()
        };
        let outside = |made: &&Counted| !is_counted_in(planned, made);
        for made in counted_in(counted, span).filter(outside) {
            part.pieces += made.pieces;
            match ideal(made.span.end) {
                Some(pru_s) => part.standard_s += pru_s * made.pieces,
                None => part.unrated += made.pieces,
            }
        }
        part
    };
    let inside = shifts.iter().filter(|shift| shift.credit.overlaps(&window));
    let rates = inside.map(|shift| {
        let credit = shift.credit.clip(&window);
        let middle = shift.settled().clip(&credit);
        if middle.is_empty() {
            return HandoverRates {
                shift: shift.key.clone(),
                transition: part(credit),
                settled: Part::default(),
            };
        }
        let mut transition = part(Span::new(credit.start, middle.start));
        transition += &part(Span::new(middle.end, credit.end));
        HandoverRates {
            shift: shift.key.clone(),
            transition,
            settled: part(middle),
        }
    });
    rates.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Zone;
    use crate::production::calendar::{Calendar, CalendarDefinition, ShiftDef};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1_000)
    }

    /// One piece every `step` seconds in `span` of seconds after midnight.
    fn made(spans: &[(i64, i64, i64)]) -> Vec<Counted> {
        let mut counted = Vec::new();
        for (start, end, step) in spans {
            let mut second = start + step;
            while second <= *end {
                let span = Span::new(at(second - step), at(second));
                counted.push(Counted { span, pieces: 1.0 });
                second += step;
            }
        }
        counted
    }

    fn rates_of(
        counted: &[Counted],
        planned: &[Span],
        window: (i64, i64),
        ideal: impl Fn(Timestamp) -> Option<f64>,
    ) -> Vec<HandoverRates> {
        let clock = |hour| jiff::civil::time(hour, 0, 0, 0);
        let shift = ShiftDef::new("a", clock(0), clock(8));
        let calendar = Calendar::new(CalendarDefinition::new(Zone::UTC, vec![shift])).unwrap();
        let window = Span::new(at(window.0), at(window.1));
        let shifts: Vec<ShiftInstance> = calendar.instances(window.start, window.end).collect();
        handover_rates(&shifts, counted, planned, window, ideal)
    }

    fn rates(counted: &[Counted], window: (i64, i64)) -> Vec<HandoverRates> {
        rates_of(counted, &[], window, |_| None)
    }

    #[test]
    fn a_slow_start_and_end_are_a_loss_of_transition() {
        // Half as fast in the first and the last half hour.
        let counted = made(&[(0, 1_800, 20), (1_800, 27_000, 10), (27_000, 28_800, 20)]);
        let [shift] = &rates(&counted, (0, 28_800))[..] else {
            panic!("one shift is expected")
        };
        assert_eq!(
            (shift.transition.pieces, shift.settled.pieces),
            (180.0, 2_520.0)
        );
        assert_eq!(
            (shift.transition.length, shift.settled.length),
            (Duration::from_hours(1), Duration::from_hours(7))
        );
        assert_eq!(shift.loss(), Some(0.5));
    }

    #[test]
    fn neither_a_break_nor_a_slower_product_is_a_loss() {
        // A piece every 10 s; from the sixth hour on one of the other product every 20 s; nothing in a break of an hour.
        let counted = made(&[(0, 7_200, 10), (10_800, 21_600, 10), (21_600, 28_800, 20)]);
        let pause = [Span::new(at(7_200), at(10_800))];
        let ideal = |time: Timestamp| Some(if time > at(21_600) { 20.0 } else { 10.0 });
        let whole = rates_of(&counted, &pause, (0, 28_800), ideal);
        assert_eq!(whole[0].settled.length, Duration::from_hours(6));
        assert_eq!(whole[0].loss(), Some(0.0));
        // By pieces the last half hour is half as fast: 180 + 90 in an hour against 540 + 1080 + 270 in six.
        let by_pieces = rates_of(&counted, &pause, (0, 28_800), |_| None);
        let expected = 1.0 - 270.0 / 315.0;
        assert!((by_pieces[0].loss().unwrap() - expected).abs() < 1e-12);
    }

    #[test]
    fn working_through_a_break_is_no_loss_of_transition() {
        let counted = made(&[(0, 28_800, 10)]);
        let pause = [Span::new(at(7_200), at(10_800))];
        let whole = rates_of(&counted, &pause, (0, 28_800), |_| Some(10.0));
        assert_eq!(whole[0].loss(), Some(0.0));
        assert!((whole[0].settled.pieces - 6.0 * 360.0).abs() < 1e-9);
    }

    #[test]
    fn a_shift_that_is_not_settled_yet_has_no_loss() {
        let counted = made(&[(0, 600, 20)]);
        assert_eq!(rates(&counted, (0, 600))[0].loss(), None);
        assert_eq!(rates(&[], (0, 28_800))[0].loss(), None);
        assert_eq!(rates(&counted, (30_000, 40_000)), []);
    }
}

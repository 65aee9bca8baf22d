//! What a change of shift costs: the rate in the first and last part of a shift against the middle of it.

use std::time::Duration;

use super::calendar::{ShiftInstance, ShiftKey};
use super::counter::Counted;
use super::span::{Span, ratio};

/// Pieces of one shift by whether it was settled. Sums of several shifts are right.
#[derive(Debug, Clone, PartialEq)]
pub struct HandoverRates {
    /// Which shift.
    pub shift: ShiftKey,
    /// Pieces of its first and last part.
    pub transition_pieces: f64,
    /// Length of the two.
    pub transition: Duration,
    /// Pieces in between.
    pub settled_pieces: f64,
    /// Length of the middle.
    pub settled: Duration,
}

impl HandoverRates {
    /// Share of the settled rate that is lost in transition; negative when it is faster. `None` without a rate.
    pub fn loss(&self) -> Option<f64> {
        let rate = |pieces: f64, time: Duration| ratio(pieces, time.as_secs_f64());
        let transition = rate(self.transition_pieces, self.transition)?;
        ratio(transition, rate(self.settled_pieces, self.settled)?).map(|share| 1.0 - share)
    }
}

/// Rates of each shift in `window`. `counted` is in order of time; a count belongs to the moment of its reading.
pub fn handover_rates(
    shifts: &[ShiftInstance],
    counted: &[Counted],
    window: Span,
) -> Vec<HandoverRates> {
    let inside = shifts.iter().filter(|shift| shift.credit.overlaps(&window));
    let rates = inside.map(|shift| {
        let credit = shift.credit.clip(&window);
        let settled = Span::new(
            shift.present.start.saturating_add(shift.transition),
            shift.present.end.saturating_sub(shift.transition),
        );
        let settled = settled.clip(&credit);
        let made = pieces(counted, credit);
        let settled_pieces = pieces(counted, settled);
        HandoverRates {
            shift: shift.key.clone(),
            transition_pieces: made - settled_pieces,
            transition: credit.length().saturating_sub(settled.length()),
            settled_pieces,
            settled: settled.length(),
        }
    });
    rates.collect()
}

/// Pieces whose reading is after the start of `span` and not after its end.
fn pieces(counted: &[Counted], span: Span) -> f64 {
    let first = counted.partition_point(|c| c.span.end <= span.start);
    let own = counted.iter().skip(first);
    own.take_while(|c| c.span.end <= span.end)
        .map(|c| c.pieces)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Timestamp, Zone};
    use crate::production::calendar::{Calendar, CalendarDefinition, ShiftDef};

    /// One piece every `step` seconds in `span` of seconds after midnight.
    fn made(spans: &[(i64, i64, i64)]) -> Vec<Counted> {
        let at = |s: i64| Timestamp::from_millis(s * 1_000);
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

    fn rates(counted: &[Counted], window: (i64, i64)) -> Vec<HandoverRates> {
        let clock = |hour| jiff::civil::time(hour, 0, 0, 0);
        let shift = ShiftDef::new("a", clock(0), clock(8));
        let calendar = Calendar::new(CalendarDefinition::new(Zone::UTC, vec![shift])).unwrap();
        let at = |s: i64| Timestamp::from_millis(s * 1_000);
        let window = Span::new(at(window.0), at(window.1));
        let shifts: Vec<ShiftInstance> = calendar.instances(window.start, window.end).collect();
        handover_rates(&shifts, counted, window)
    }

    #[test]
    fn a_slow_start_and_end_are_a_loss_of_transition() {
        // Half as fast in the first and the last half hour.
        let counted = made(&[(0, 1_800, 20), (1_800, 27_000, 10), (27_000, 28_800, 20)]);
        let [shift] = &rates(&counted, (0, 28_800))[..] else {
            panic!("one shift is expected")
        };
        assert_eq!(
            (shift.transition_pieces, shift.settled_pieces),
            (180.0, 2_520.0)
        );
        assert_eq!(
            (shift.transition, shift.settled),
            (Duration::from_hours(1), Duration::from_hours(7))
        );
        assert_eq!(shift.loss(), Some(0.5));
    }

    #[test]
    fn a_shift_that_is_not_settled_yet_has_no_loss() {
        let counted = made(&[(0, 600, 20)]);
        assert_eq!(rates(&counted, (0, 600))[0].loss(), None);
        assert_eq!(rates(&[], (0, 28_800))[0].loss(), None);
        assert_eq!(rates(&counted, (30_000, 40_000)), []);
    }
}

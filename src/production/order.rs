//! Orders: how far they are, and when they will be done.

use std::time::Duration;

use super::calendar::Calendar;
use super::elements::Output;
use super::span::{Span, ratio};
use crate::model::Timestamp;

/// What is planned of an order at a work unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OrderPlan {
    /// Good pieces ordered.
    pub quantity: f64,
    /// When it is to begin.
    pub start: Timestamp,
    /// When it is to be done.
    pub end: Option<Timestamp>,
}

impl OrderPlan {
    /// Share of the quantity that there are good pieces of; above 1 when there are more.
    pub fn progress(&self, made: &Output) -> Option<f64> {
        ratio(made.good(), self.quantity)
    }

    /// Good pieces that are still to be made.
    pub fn remaining(&self, made: &Output) -> f64 {
        (self.quantity - made.good()).max(0.0)
    }
}

/// What has become of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderState {
    /// Not begun.
    Waiting,
    /// At the machine.
    Running,
    /// Begun, not done, and not at the machine.
    Interrupted,
    /// Done.
    Done,
}

impl OrderState {
    /// The name used in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Interrupted => "interrupted",
            Self::Done => "done",
        }
    }
}

/// What has been made of an order so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OrderMade {
    /// Pieces.
    pub output: Output,
    /// Planned busy time that it has taken.
    pub busy: Duration,
}

/// When the rest of an order can be done. Planned stops and time outside of shifts are waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outlook {
    /// When it will be done at its throughput so far; `None` without good pieces.
    pub expected: Option<Timestamp>,
    /// When it would be done at the ideal cycle; `None` where that is not known.
    pub earliest: Option<Timestamp>,
}

/// The outlook of `remaining` pieces from `now` on, on a machine with these shifts and `planned` stops. `ideal_s` is the
/// ideal cycle in seconds.
pub fn outlook(
    remaining: f64,
    made: &OrderMade,
    ideal_s: Option<f64>,
    (calendar, planned, now): (&Calendar, &[Span], Timestamp),
) -> Outlook {
    let after = |seconds: Option<f64>| {
        let time = Duration::try_from_secs_f64(seconds?).ok()?;
        calendar.after_busy(now, time, planned)
    };
    let pace_s = ratio(made.busy.as_secs_f64(), made.output.good()).filter(|pace| *pace > 0.0);
    Outlook {
        expected: after(pace_s.map(|pace| pace * remaining)),
        earliest: after(ideal_s.map(|ideal| ideal * remaining)),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::time;

    use super::*;
    use crate::model::Zone;
    use crate::production::calendar::{CalendarDefinition, ShiftDef};

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_millis(hour * 3_600_000)
    }

    const PLAN: OrderPlan = OrderPlan {
        quantity: 200.0,
        start: Timestamp::from_nanos(0),
        end: None,
    };

    #[test]
    fn an_order_progresses_by_good_pieces() {
        let made = Output::of(None, 60.0, 8.0, 2.0);
        assert_eq!(PLAN.progress(&made), Some(0.25));
        assert_eq!(PLAN.remaining(&made).to_bits(), 150.0_f64.to_bits());
        let more = Output::of(None, 210.0, 0.0, 0.0);
        assert_eq!(PLAN.remaining(&more).to_bits(), 0.0_f64.to_bits());
    }

    #[test]
    fn the_rest_takes_what_the_pieces_before_took() {
        // Every day from 6 to 14; 50 good pieces in five hours are one in six minutes.
        let shift = ShiftDef::new("day", time(6, 0, 0, 0), time(14, 0, 0, 0));
        let calendar = Calendar::new(CalendarDefinition::new(Zone::UTC, vec![shift])).unwrap();
        let made = |good: f64| OrderMade {
            output: Output::of(None, good, 0.0, 0.0),
            busy: Duration::from_hours(5),
        };
        let of = |good, ideal| {
            let outlook = outlook(150.0, &made(good), ideal, (&calendar, &[], at(11)));
            (outlook.expected, outlook.earliest)
        };
        // 15 h: three today, eight tomorrow, four the day after. 150 of 2 min are 5 h: three today, two tomorrow.
        assert_eq!(of(50.0, Some(120.0)), (Some(at(58)), Some(at(32))));
        assert_eq!(of(0.0, None), (None, None));
    }
}

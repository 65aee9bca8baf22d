//! Pieces from a counter that rolls over, is reset, jumps and drops out.
//!
//! A counter is read sample by sample. With `d` the difference to the base (the last accepted sample), `dt` the time
//! since it, and `cap = 1.5 * max_rate * dt + slack`:
//!
//! | condition | verdict | action |
//! |---|---|---|
//! | `0 <= d <= cap` | normal | count `d` |
//! | `d > cap` | spike | ignore, keep the base |
//! | `d < 0`, `-d <= backstep` | backstep | ignore, keep the base |
//! | `d < 0`, `0 <= d + modulus <= cap` | rollover | count `d + modulus` |
//! | any other `d < 0` | reset | count the new value |
//! | a second spike that follows the first as a counter does | rebased | take it as base, count nothing |
//!
//! Only Good values take part. Never counts a piece twice, and never stays stuck below a counter that was set forward.

use std::time::Duration;

use super::span::{Span, elapsed};
use crate::model::{Quality, Timestamp};

/// More than the fastest machine may count, as it may catch up.
const RATE_MARGIN: f64 = 1.5;
/// Above this a counter of pieces in an `f64` no longer counts single ones: 2^53.
const VALUE_MAX: f64 = 9_007_199_254_740_992.0;
/// A limit is met when it is met but for rounding.
const ROUNDING: f64 = 1e-9;

/// One reading of a counter or another number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// Source time.
    pub at: Timestamp,
    /// The value; without meaning when it is not Good.
    pub value: f64,
    /// Whether it may be used.
    pub quality: Quality,
}

impl Reading {
    /// A Good one.
    pub const fn good(at: Timestamp, value: f64) -> Self {
        Self {
            at,
            value,
            quality: Quality::Good,
        }
    }
}

/// What is known about a counter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CounterRules {
    /// Value at which it starts again from zero; `None` for one that never does.
    pub modulus: Option<f64>,
    /// Fastest rate of the machine, in pieces per second.
    pub max_rate_per_s: f64,
    /// Largest step back that is a repeated or late value, in pieces.
    pub backstep_max: f64,
    /// Pieces above the rate that are allowed at any time.
    pub slack: f64,
}

/// Why a counter cannot be read by its rules.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("{name} of a counter is {value}; {allowed} is allowed")]
pub struct CounterRulesError {
    name: &'static str,
    value: f64,
    allowed: &'static str,
}

impl CounterRules {
    /// Backstep 2 and slack 5 pieces.
    pub const fn new(max_rate_per_s: f64, modulus: Option<f64>) -> Self {
        Self {
            modulus,
            max_rate_per_s,
            backstep_max: 2.0,
            slack: 5.0,
        }
    }

    fn check(self) -> Result<Self, CounterRulesError> {
        let not_negative = |value: f64| value.is_finite() && value >= 0.0;
        let refuse = |name, value, allowed| {
            Err(CounterRulesError {
                name,
                value,
                allowed,
            })
        };
        let modulus = self.modulus.unwrap_or(1.0);
        if !(self.max_rate_per_s.is_finite() && self.max_rate_per_s > 0.0) {
            refuse("max_rate_per_s", self.max_rate_per_s, "more than 0")
        } else if !(modulus.is_finite() && modulus >= 1.0) {
            refuse("modulus", modulus, "1 or more")
        } else if !not_negative(self.backstep_max) {
            refuse("backstep_max", self.backstep_max, "0 or more")
        } else if !not_negative(self.slack) {
            refuse("slack", self.slack, "0 or more")
        } else {
            Ok(self)
        }
    }

    fn cap(&self, dt: Duration) -> f64 {
        let cap = RATE_MARGIN * self.max_rate_per_s * dt.as_secs_f64() + self.slack;
        cap * (1.0 + ROUNDING)
    }
}

/// Pieces counted between two readings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Counted {
    /// From the base to the reading.
    pub span: Span,
    /// How many; more than zero.
    pub pieces: f64,
}

/// Those of `counted`, which are in order of time, whose reading is after the start of `span` and not after its end.
pub fn counted_in(counted: &[Counted], span: Span) -> impl Iterator<Item = &Counted> {
    let first = counted.partition_point(|c| c.span.end <= span.start);
    let own = counted.iter().skip(first);
    own.take_while(move |c| c.span.end <= span.end)
}

/// Whether a reading was in one of `spans`, which are in order and do not overlap, or at its end.
pub fn is_counted_in(spans: &[Span], counted: &Counted) -> bool {
    let at = counted.span.end;
    let first = spans.partition_point(|span| span.end < at);
    spans.get(first).is_some_and(|span| span.start < at)
}

/// What was not a normal step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CounterEvent {
    /// No Good value, or one that no counter has.
    BadQuality,
    /// A small step back, ignored.
    Backstep,
    /// Started again from zero at its modulus.
    Rollover,
    /// Faster than the machine can, ignored.
    Spike,
    /// Set back; the new value was counted.
    Reset,
    /// Set forward; taken as the new base without counting.
    Rebased,
    /// Not later than the base, ignored.
    OutOfOrder,
}

impl CounterEvent {
    /// The name used in JSON and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadQuality => "bad_quality",
            Self::Backstep => "backstep",
            Self::Rollover => "rollover",
            Self::Spike => "spike",
            Self::Reset => "reset",
            Self::Rebased => "counter_rebased",
            Self::OutOfOrder => "out_of_order",
        }
    }
}

/// What one reading gave.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Step {
    /// Pieces, when any were counted.
    pub counted: Option<Counted>,
    /// What was not normal.
    pub event: Option<CounterEvent>,
}

/// Reads one counter. Memory does not grow.
#[derive(Debug, Clone)]
pub struct Counter {
    rules: CounterRules,
    base: Option<(Timestamp, f64)>,
    spike: Option<(Timestamp, f64)>,
}

impl Counter {
    /// A counter of which nothing has been read.
    pub fn new(rules: CounterRules) -> Result<Self, CounterRulesError> {
        Ok(Self {
            rules: rules.check()?,
            base: None,
            spike: None,
        })
    }

    /// Takes the next reading. The first Good one is the base and counts nothing.
    pub fn step(&mut self, reading: &Reading) -> Step {
        let (at, value) = (reading.at, reading.value);
        if !reading.quality.is_good() || !(0.0..=VALUE_MAX).contains(&value) {
            return Step::event(CounterEvent::BadQuality);
        }
        let Some((since, base)) = self.base else {
            self.base = Some((at, value));
            return Step::default();
        };
        if at < since {
            return Step::event(CounterEvent::OutOfOrder);
        }
        let d = value - base;
        let cap = self.rules.cap(elapsed(since, at));
        if d > cap {
            return self.spike(at, value);
        }
        if d < 0.0 && -d <= self.rules.backstep_max {
            // The counter stands where it stood: what jumped in between was no counter set forward.
            self.spike = None;
            return Step::event(CounterEvent::Backstep);
        }
        let rolled = self.rules.modulus.map(|modulus| d + modulus);
        let (pieces, event) = match rolled {
            _ if d >= 0.0 => (d, None),
            Some(rolled) if (0.0..=cap).contains(&rolled) => (rolled, Some(CounterEvent::Rollover)),
            _ => (value, Some(CounterEvent::Reset)),
        };
        self.base = Some((at, value));
        self.spike = None;
        let span = Span::new(since, at);
        let counted = (pieces > 0.0).then_some(Counted { span, pieces });
        Step { counted, event }
    }

    fn spike(&mut self, at: Timestamp, value: f64) -> Step {
        let follows = self.spike.is_some_and(|(since, before)| {
            let d = value - before;
            at >= since && (0.0..=self.rules.cap(elapsed(since, at))).contains(&d)
        });
        if follows {
            self.base = Some((at, value));
            self.spike = None;
            return Step::event(CounterEvent::Rebased);
        }
        self.spike = Some((at, value));
        Step::event(CounterEvent::Spike)
    }
}

impl Step {
    fn event(event: CounterEvent) -> Self {
        Self {
            counted: None,
            event: Some(event),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Reason;
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1_000)
    }

    /// Reads `(second, value)` at half a piece per second and 16 bits.
    fn read(values: &[(i64, f64)]) -> (f64, Vec<(i64, &'static str)>) {
        let mut counter = Counter::new(CounterRules::new(0.5, Some(65_536.0))).unwrap();
        let (mut total, mut events) = (0.0, Vec::new());
        for (second, value) in values {
            let step = counter.step(&Reading::good(at(*second), *value));
            total += step.counted.map_or(0.0, |c| c.pieces);
            events.extend(step.event.map(|e| (*second, e.as_str())));
        }
        (total, events)
    }

    #[track_caller]
    fn check(values: &[(i64, f64)], total: f64, events: &[(i64, &'static str)]) {
        assert_eq!(read(values), (total, events.to_vec()), "{values:?}");
    }

    #[test]
    fn a_counter_counts_from_its_first_value() {
        check(&[], 0.0, &[]);
        check(&[(0, 700.0)], 0.0, &[]);
        check(&[(0, 700.0), (60, 720.0), (120, 720.0)], 20.0, &[]);
    }

    #[test]
    fn the_rules_decide_each_step() {
        // cap after 60 s: 1.5 * 0.5 * 60 + 5 = 50.
        check(&[(0, 0.0), (60, 50.0)], 50.0, &[]);
        check(&[(0, 0.0), (60, 51.0)], 0.0, &[(60, "spike")]);
        check(
            &[(0, 9.0), (60, 7.0), (120, 12.0)],
            3.0,
            &[(60, "backstep")],
        );
        check(&[(0, 9.0), (60, 6.0)], 6.0, &[(60, "reset")]);
        check(&[(0, 65_530.0), (60, 20.0)], 26.0, &[(60, "rollover")]);
        check(&[(0, 65_400.0), (60, 20.0)], 20.0, &[(60, "reset")]);
        check(
            &[(0, 9.0), (60, f64::NAN), (120, 12.0)],
            3.0,
            &[(60, "bad_quality")],
        );
        check(
            &[(0, 9.0), (60, -4.0), (120, 12.0)],
            3.0,
            &[(60, "bad_quality")],
        );
        check(
            &[(60, 9.0), (0, 8.0), (120, 12.0)],
            3.0,
            &[(0, "out_of_order")],
        );
        check(&[(0, 9.0), (0, 9.0)], 0.0, &[]);
    }

    #[test]
    fn a_limit_is_met_in_spite_of_rounding() {
        // 1.5 * 0.7 * 20 + 5 = 26 but for rounding.
        let mut counter = Counter::new(CounterRules::new(0.7, None)).unwrap();
        counter.step(&Reading::good(at(0), 0.0));
        assert_eq!(counter.step(&Reading::good(at(20), 26.0)).event, None);
    }

    #[test]
    fn a_counter_that_was_set_forward_is_followed_without_counting() {
        check(
            &[(0, 0.0), (60, 9_000.0), (120, 9_020.0), (180, 9_040.0)],
            20.0,
            &[(60, "spike"), (120, "counter_rebased")],
        );
        // Two that do not follow each other are both wrong.
        check(
            &[(0, 0.0), (60, 9_000.0), (120, 20_000.0), (180, 30.0)],
            30.0,
            &[(60, "spike"), (120, "spike")],
        );
        check(
            &[(0, 0.0), (60, 9_000.0), (120, 8_000.0), (180, 8_010.0)],
            0.0,
            &[(60, "spike"), (120, "spike"), (180, "counter_rebased")],
        );
    }

    #[test]
    fn a_step_back_ends_what_looked_like_a_counter_set_forward() {
        check(
            &[(0, 9.0), (60, 9_000.0), (120, 8.0), (180, 9_010.0)],
            0.0,
            &[(60, "spike"), (120, "backstep"), (180, "spike")],
        );
    }

    #[test]
    fn only_good_values_count() {
        let mut counter = Counter::new(CounterRules::new(0.5, None)).unwrap();
        counter.step(&Reading::good(at(0), 0.0));
        for quality in [
            Quality::Bad(Reason::CommFailure),
            Quality::Uncertain(Reason::Stale),
        ] {
            let step = counter.step(&Reading {
                at: at(10),
                value: 5.0,
                quality,
            });
            assert_eq!(step, Step::event(CounterEvent::BadQuality));
        }
        let step = counter.step(&Reading::good(at(20), 5.0));
        assert_eq!(step.counted.unwrap().span, Span::new(at(0), at(20)));
    }

    #[track_caller]
    fn check_refused(rules: CounterRules, wanted: &str) {
        assert_eq!(Counter::new(rules).unwrap_err().to_string(), wanted);
    }

    #[test]
    fn impossible_rules_are_refused() {
        let rules = CounterRules::new(0.5, None);
        check_refused(
            CounterRules::new(0.0, None),
            "max_rate_per_s of a counter is 0; more than 0 is allowed",
        );
        check_refused(
            CounterRules::new(0.5, Some(f64::NAN)),
            "modulus of a counter is NaN; 1 or more is allowed",
        );
        check_refused(
            CounterRules {
                slack: -1.0,
                ..rules
            },
            "slack of a counter is -1; 0 or more is allowed",
        );
        check_refused(
            CounterRules {
                backstep_max: f64::INFINITY,
                ..rules
            },
            "backstep_max of a counter is inf; 0 or more is allowed",
        );
    }

    proptest! {
        /// Whatever rolls over, the pieces of a counter within its rate are all counted.
        #[test]
        fn pieces_are_counted_over_every_rollover(steps in prop::collection::vec(0_u32..40, 1..200)) {
            let mut value = 65_000_u32;
            let mut values = vec![(0, f64::from(value))];
            for (place, step) in (1_i64..).zip(&steps) {
                value = (value + step) % 65_536;
                values.push((place * 60, f64::from(value)));
            }
            let made: u32 = steps.iter().sum();
            prop_assert_eq!(Some(read(&values).0), Some(f64::from(made)));
        }

        /// No reading, however wild, makes a count that is not a number.
        #[test]
        fn counts_stay_numbers(values in prop::collection::vec((any::<i32>(), any::<f64>()), 0..50)) {
            let values: Vec<(i64, f64)> = values.into_iter().map(|(t, v)| (t.into(), v)).collect();
            let (total, _) = read(&values);
            prop_assert!(total >= 0.0 && !total.is_nan());
        }
    }
}

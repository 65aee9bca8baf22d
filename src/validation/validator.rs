//! The checks and what they remember per tag.

use std::sync::Arc;
use std::time::Duration;

use crate::config::{Tag, ValidationRules};
use crate::model::{Mono, Quality, Reason, Sample, Timestamp, Value};

/// A silence of up to this many times the one before is a slower cadence, not a gap.
const GAP_CADENCES: u64 = 2;

/// Judges the samples of all tags.
#[derive(Debug, Clone)]
pub struct Validator {
    tags: Vec<TagCheck>,
}

impl Validator {
    /// Checks for `tags`, which are indexed by tag id.
    pub fn new(tags: &[Tag]) -> Self {
        Self {
            tags: tags.iter().map(TagCheck::new).collect(),
        }
    }

    /// Judges one sample in place: may lower its quality, never raises it. `at` is when it was taken, by monotonic
    /// time. A sample of a tag that does not exist is left as it is.
    pub fn judge(&mut self, sample: &mut Sample, at: Mono) {
        if let Some(check) = self.tags.get_mut(sample.tag.index()) {
            check.judge(sample, at);
        }
    }
}

/// Rules and memory of one tag.
#[derive(Debug, Clone)]
struct TagCheck {
    rules: Arc<ValidationRules>,
    /// Like the cadence in nanoseconds: both are compared with every sample, and a `Duration` has to be split first.
    gap_after_ns: u64,
    /// When a sample with a value last came.
    usable_at: Option<Mono>,
    /// Time between the last two samples with a value.
    cadence_ns: u64,
    /// The last plausible number, for the rate of change.
    plausible: Option<(f64, Mono)>,
    /// The source time, and when it became this.
    source_time: Option<(Timestamp, Mono)>,
    /// The value, and when it became this; kept only when the tag watches for it.
    held: Option<(Value, Mono)>,
}

impl TagCheck {
    fn new(tag: &Tag) -> Self {
        let gap_after = tag.validation.gap_after.unwrap_or(Duration::MAX);
        Self {
            rules: Arc::clone(&tag.validation),
            gap_after_ns: u64::try_from(gap_after.as_nanos()).unwrap_or(u64::MAX),
            usable_at: None,
            cadence_ns: 0,
            plausible: None,
            source_time: None,
            held: None,
        }
    }

    fn judge(&mut self, sample: &mut Sample, at: Mono) {
        if sample.quality.is_bad() || sample.value == Value::Missing {
            return;
        }
        let number = sample.value.as_f64();
        if let Some(reason) = number.and_then(|x| self.impossible(x)) {
            sample.quality = Quality::Bad(reason);
            return;
        }
        let is_gap = self.is_first_after_gap(at);
        let is_stale = self.is_stale(sample.time, at);
        let is_stuck = self.is_stuck(&sample.value, at, is_gap);
        let is_too_fast = number.is_some_and(|x| self.is_too_fast(x, at));
        let finding = match (is_stale, is_stuck, is_too_fast, is_gap) {
            (true, ..) => Some(Reason::Stale),
            (_, true, ..) => Some(Reason::Stuck),
            (_, _, true, _) => Some(Reason::RateOfChange),
            (.., true) => Some(Reason::Gap),
            _ => None,
        };
        if let (Some(reason), Quality::Good) = (finding, sample.quality) {
            sample.quality = Quality::Uncertain(reason);
        }
        let is_plausible = matches!(
            sample.quality,
            Quality::Good | Quality::Uncertain(Reason::Gap)
        );
        if let (Some(x), true) = (number, is_plausible) {
            self.plausible = Some((x, at));
        }
    }

    /// Why no process can have this value.
    fn impossible(&self, x: f64) -> Option<Reason> {
        if !x.is_finite() {
            return Some(Reason::NotANumber);
        }
        let is_below = self.rules.min.is_some_and(|min| x < min);
        let is_above = self.rules.max.is_some_and(|max| x > max);
        (is_below || is_above).then_some(Reason::OutOfRange)
    }

    fn is_first_after_gap(&mut self, at: Mono) -> bool {
        let Some(before) = self.usable_at else {
            self.usable_at = Some(at);
            return false;
        };
        let silence_ns = at.as_nanos().saturating_sub(before.as_nanos());
        let usual_ns = std::mem::replace(&mut self.cadence_ns, silence_ns);
        self.usable_at = Some(at.max(before));
        silence_ns > self.gap_after_ns && silence_ns > usual_ns.saturating_mul(GAP_CADENCES)
    }

    fn is_stale(&mut self, time: Timestamp, at: Mono) -> bool {
        let Some(limit) = self.rules.stale_after else {
            return false;
        };
        match self.source_time {
            Some((known, since)) if known == time => at.since(since) > limit,
            _ => {
                self.source_time = Some((time, at));
                false
            }
        }
    }

    fn is_stuck(&mut self, value: &Value, at: Mono, is_gap: bool) -> bool {
        let Some(limit) = self.rules.stuck_after else {
            return false;
        };
        match &self.held {
            Some((known, since)) if known == value && !is_gap => at.since(*since) > limit,
            _ => {
                self.held = Some((value.clone(), at));
                false
            }
        }
    }

    /// Whether the way from the last plausible value is too far for the time passed. After a real step the time grows
    /// until the new value is believed. Two samples at the same moment have no rate.
    fn is_too_fast(&self, x: f64, at: Mono) -> bool {
        let (Some(limit), Some((before, then))) = (self.rules.max_rate_per_s, self.plausible)
        else {
            return false;
        };
        let seconds = at.since(then).as_secs_f64();
        seconds > 0.0 && (x - before).abs() > limit * seconds
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::TagId;
    use crate::validation::testing::tag;

    const GOOD: Quality = Quality::Good;

    const fn uncertain(reason: Reason) -> Quality {
        Quality::Uncertain(reason)
    }

    const fn bad(reason: Reason) -> Quality {
        Quality::Bad(reason)
    }

    /// What is configured by default for a tag polled every second.
    fn by_rate() -> ValidationRules {
        ValidationRules {
            gap_after: Some(s(3)),
            ..ValidationRules::default()
        }
    }

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn sample(value: Value, time_ms: i64, quality: Quality) -> Sample {
        Sample {
            tag: TagId(0),
            time: Timestamp::from_millis(time_ms),
            value,
            quality,
        }
    }

    /// Samples as (monotonic ms, value) of a tag polled every second; the source time follows the monotonic time.
    #[track_caller]
    fn check(rules: &ValidationRules, samples: &[(u64, f64)], expected: &[Quality]) {
        let steps = samples
            .iter()
            .map(|(ms, x)| (*ms, ms.cast_signed(), Value::Float(*x), GOOD));
        check_full(rules, steps, expected);
    }

    #[track_caller]
    fn check_full(
        rules: &ValidationRules,
        steps: impl Iterator<Item = (u64, i64, Value, Quality)>,
        expected: &[Quality],
    ) {
        let mut tag = tag("press.temp");
        tag.validation = Arc::new(rules.clone());
        let mut validator = Validator::new(&[tag]);
        let judged: Vec<Quality> = steps
            .map(|(mono_ms, time_ms, value, quality)| {
                let mut sample = sample(value, time_ms, quality);
                validator.judge(&mut sample, Mono::from_nanos(mono_ms * 1_000_000));
                sample.quality
            })
            .collect();
        assert_eq!(judged, expected);
    }

    #[test]
    fn values_outside_the_range_are_bad_and_the_limits_belong_to_it() {
        let rules = ValidationRules {
            min: Some(0.0),
            max: Some(10.0),
            ..by_rate()
        };
        let out = bad(Reason::OutOfRange);
        check(
            &rules,
            &[
                (0, 0.0),
                (1000, 10.0),
                (2000, 10.1),
                (3000, -0.1),
                (4000, 5.0),
            ],
            &[GOOD, GOOD, out, out, GOOD],
        );
    }

    #[test]
    fn what_is_not_a_number_is_bad() {
        let nan = bad(Reason::NotANumber);
        check(
            &by_rate(),
            &[(0, f64::NAN), (1000, f64::INFINITY), (2000, 1.0)],
            &[nan, nan, GOOD],
        );
    }

    fn at_most_one_per_s() -> ValidationRules {
        ValidationRules {
            max_rate_per_s: Some(1.0),
            ..by_rate()
        }
    }

    #[test]
    fn a_spike_is_doubted_and_the_value_after_it_is_not() {
        check(
            &at_most_one_per_s(),
            &[(0, 1.0), (1000, 2.0), (2000, 9.0), (3000, 2.5)],
            &[GOOD, GOOD, uncertain(Reason::RateOfChange), GOOD],
        );
    }

    #[test]
    fn a_step_is_believed_once_there_was_time_for_it() {
        let fast = uncertain(Reason::RateOfChange);
        check(
            &at_most_one_per_s(),
            &[(0, 0.0), (1000, 3.0), (2000, 3.0), (3000, 3.0), (4000, 3.0)],
            &[GOOD, fast, fast, GOOD, GOOD],
        );
    }

    #[test]
    fn two_samples_at_one_moment_have_no_rate() {
        check(&at_most_one_per_s(), &[(5, 0.0), (5, 9.0)], &[GOOD, GOOD]);
        check(&at_most_one_per_s(), &[(5, 0.0), (4, 9.0)], &[GOOD, GOOD]);
    }

    fn times(rules: &ValidationRules, times: &[(u64, i64)], expected: &[Quality]) {
        let steps = times
            .iter()
            .enumerate()
            .map(|(i, (mono, time))| (*mono, *time, Value::Int(i.cast_signed() as i64), GOOD));
        check_full(rules, steps, expected);
    }

    #[test]
    fn a_source_time_that_stands_still_is_stale() {
        let rules = ValidationRules {
            stale_after: Some(s(2)),
            ..by_rate()
        };
        times(
            &rules,
            &[(0, 7), (1000, 7), (2000, 7), (3000, 7), (4000, 8)],
            &[GOOD, GOOD, GOOD, uncertain(Reason::Stale), GOOD],
        );
    }

    #[test]
    fn source_times_may_run_backwards_or_jump() {
        let rules = ValidationRules {
            stale_after: Some(s(1)),
            ..by_rate()
        };
        times(
            &rules,
            &[(0, 9_000), (1000, 8_000), (2000, -5), (3000, i64::MAX)],
            &[GOOD; 4],
        );
    }

    fn stuck_after_2_s() -> ValidationRules {
        ValidationRules {
            stuck_after: Some(s(2)),
            ..by_rate()
        }
    }

    #[test]
    fn a_value_that_never_moves_is_stuck_until_it_does() {
        check(
            &stuck_after_2_s(),
            &[(0, 1.0), (1000, 1.0), (2000, 1.0), (3000, 1.0), (4000, 1.1)],
            &[GOOD, GOOD, GOOD, uncertain(Reason::Stuck), GOOD],
        );
    }

    #[test]
    fn text_can_be_stuck_too() {
        let text = || Value::Text("P-100".try_into().unwrap());
        let steps = [0_u64, 2000, 4001].map(|ms| (ms, ms.cast_signed(), text(), GOOD));
        check_full(
            &stuck_after_2_s(),
            steps.into_iter(),
            &[GOOD, GOOD, uncertain(Reason::Stuck)],
        );
    }

    #[test]
    fn nobody_knows_whether_a_value_was_stuck_during_a_gap() {
        check(
            &stuck_after_2_s(),
            &[(0, 1.0), (9000, 1.0), (10_000, 1.0)],
            &[GOOD, uncertain(Reason::Gap), GOOD],
        );
    }

    #[test]
    fn the_first_sample_after_a_gap_is_marked() {
        let rules = by_rate();
        check(&rules, &[(0, 1.0), (1000, 2.0), (4000, 3.0)], &[GOOD; 3]);
        check(
            &rules,
            &[(0, 1.0), (1000, 2.0), (4001, 3.0), (5001, 4.0)],
            &[GOOD, GOOD, uncertain(Reason::Gap), GOOD],
        );
    }

    #[test]
    fn a_slower_cadence_is_marked_once() {
        let gap = uncertain(Reason::Gap);
        check(
            &by_rate(),
            &[
                (0, 1.0),
                (1000, 2.0),
                (6000, 3.0),
                (11_000, 4.0),
                (17_000, 5.0),
            ],
            &[GOOD, GOOD, gap, GOOD, GOOD],
        );
    }

    #[test]
    fn samples_without_a_value_do_not_end_a_gap() {
        let down = bad(Reason::CommFailure);
        let steps = [
            (0, 0, Value::Int(1), GOOD),
            (2000, 2, Value::Missing, down),
            (4000, 4, Value::Int(2), GOOD),
        ];
        check_full(
            &by_rate(),
            steps.into_iter(),
            &[GOOD, down, uncertain(Reason::Gap)],
        );
    }

    #[test]
    fn a_gap_can_be_configured() {
        let rules = ValidationRules {
            gap_after: Some(s(10)),
            ..by_rate()
        };
        check(&rules, &[(0, 1.0), (9000, 2.0)], &[GOOD, GOOD]);
        let off = ValidationRules::default();
        check(&off, &[(0, 1.0), (1000, 2.0), (900_000, 3.0)], &[GOOD; 3]);
    }

    #[test]
    fn the_value_after_a_gap_is_what_the_next_is_compared_with() {
        check(
            &at_most_one_per_s(),
            &[(0, 0.0), (50_000, 40.0), (51_000, 40.5), (52_000, 60.0)],
            &[
                GOOD,
                uncertain(Reason::Gap),
                GOOD,
                uncertain(Reason::RateOfChange),
            ],
        );
    }

    #[test]
    fn what_the_device_says_stays_unless_it_is_worse() {
        let rules = ValidationRules {
            max: Some(5.0),
            max_rate_per_s: Some(1.0),
            ..by_rate()
        };
        let known = uncertain(Reason::LastKnown);
        let steps = [
            (0, 0, Value::Float(1.0), GOOD),
            (1000, 1, Value::Float(4.0), known),
            (2000, 2, Value::Float(9.0), known),
            (3000, 3, Value::Float(9.0), bad(Reason::SensorFailure)),
        ];
        let expected = [
            GOOD,
            known,
            bad(Reason::OutOfRange),
            bad(Reason::SensorFailure),
        ];
        check_full(&rules, steps.into_iter(), &expected);
    }

    #[test]
    fn an_unknown_tag_is_left_alone() {
        let mut validator = Validator::new(&[]);
        let mut sample = sample(Value::Float(f64::NAN), 0, GOOD);
        validator.judge(&mut sample, Mono::default());
        assert_eq!(sample.quality, GOOD);
    }

    const fn rank(quality: Quality) -> u8 {
        match quality {
            Quality::Good => 0,
            Quality::Uncertain(_) => 1,
            Quality::Bad(_) => 2,
        }
    }

    proptest! {
        #[test]
        fn quality_only_ever_falls(
            steps in prop::collection::vec(
                (any::<u64>(), any::<i64>(), any::<f64>(), 0u8..3), 1..50),
        ) {
            let mut tag = tag("press.temp");
            tag.validation = Arc::new(ValidationRules {
                min: Some(-1e300),
                max: Some(1e300),
                max_rate_per_s: Some(1e10),
                stale_after: Some(s(1)),
                stuck_after: Some(s(1)),
                gap_after: None,
            });
            let mut validator = Validator::new(&[tag]);
            for (mono, time, x, given) in steps {
                let given = match given {
                    0 => GOOD,
                    1 => uncertain(Reason::Unspecified),
                    _ => bad(Reason::Unspecified),
                };
                let mut sample = sample(Value::Float(x), 0, given);
                sample.time = Timestamp::from_nanos(time);
                validator.judge(&mut sample, Mono::from_nanos(mono));
                prop_assert!(rank(sample.quality) >= rank(given));
                prop_assert!(x.is_finite() || sample.quality.is_bad());
            }
        }
    }
}

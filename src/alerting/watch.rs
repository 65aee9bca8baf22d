//! Runs of doubtful samples become conditions: one Bad value is data, a run of them is somebody's job.

use std::sync::Arc;
use std::time::Duration;

use super::wording::{number, span};
use super::{AlarmKind, Condition, ConditionState, Subject};
use crate::config::{Tag, ValidationRules};
use crate::model::{Mono, Reason, Sample, Severity, Timestamp};

/// Score that a doubtful sample adds; a sample without the same doubt takes 1 away, once active 2.
const HIT: u8 = 2;
/// Score at which a condition is raised: three doubtful samples in a row, or most of ten.
const RAISED_AT: u8 = 6;
/// On fast tags the doubt must also last this long: a glitch of three samples in 30 ms is nobody's job.
const LASTS_MIN: Duration = Duration::from_millis(250);
/// The alarms that samples can cause.
const KINDS: [AlarmKind; 5] = [
    AlarmKind::OutOfRange,
    AlarmKind::RateOfChange,
    AlarmKind::Stuck,
    AlarmKind::BadSensor,
    AlarmKind::Misconfigured,
];

/// Watches the quality of every tag.
///
/// Three doubtful samples in a row raise a condition (on fast tags, once they last a quarter of a second), and so do
/// five of nine; three good ones in a row clear it.
/// Samples that say only that the device did not answer change nothing: that is the device's alarm, and what was known
/// about the sensor before is still the best knowledge. Memory is bounded by the number of tags; a tag without doubts
/// takes next to none.
#[derive(Debug, Clone)]
pub struct QualityWatch {
    tags: Vec<TagWatch>,
}

impl QualityWatch {
    /// Watches `tags`, which are indexed by tag id.
    pub fn new(tags: &[Tag]) -> Self {
        Self {
            tags: tags.iter().map(TagWatch::new).collect(),
        }
    }

    /// Takes one judged sample; transitions are appended to `out`. `at` is when it was taken, by monotonic time.
    pub fn observe(&mut self, sample: &Sample, at: Mono, out: &mut Vec<Condition>) {
        if let Some(watch) = self.tags.get_mut(sample.tag.index()) {
            watch.observe(sample, at, out);
        }
    }
}

#[derive(Debug, Clone)]
struct TagWatch {
    rules: Arc<ValidationRules>,
    /// None while there is no doubt, which is most tags' whole life.
    scores: Option<Box<[Score; KINDS.len()]>>,
}

/// How sure one kind of doubt is.
#[derive(Debug, Clone, Copy, Default)]
struct Score {
    points: u8,
    is_active: bool,
    since: Timestamp,
    since_mono: Mono,
}

impl TagWatch {
    fn new(tag: &Tag) -> Self {
        Self {
            rules: Arc::clone(&tag.validation),
            scores: None,
        }
    }

    fn observe(&mut self, sample: &Sample, at: Mono, out: &mut Vec<Condition>) {
        let reason = sample.quality.reason();
        if matches!(reason, Some(Reason::NotConnected | Reason::CommFailure)) {
            return;
        }
        let doubt = reason.and_then(kind_of);
        if doubt.is_none() && self.scores.is_none() {
            return;
        }
        let scores = self.scores.get_or_insert_default();
        let subject = Subject::Tag(sample.tag);
        for (kind, score) in KINDS.into_iter().zip(scores.iter_mut()) {
            if doubt != Some(kind) {
                if score.miss() {
                    out.push(Condition::inactive(subject, kind));
                }
                continue;
            }
            if score.hit(sample.time, at) {
                let state = active(kind, sample, score.since, &self.rules);
                out.push(Condition {
                    subject,
                    kind,
                    state,
                });
            }
        }
        if scores.iter().all(|score| score.points == 0) {
            self.scores = None;
        }
    }
}

impl Score {
    /// Counts a doubtful sample; true when the condition begins.
    fn hit(&mut self, time: Timestamp, at: Mono) -> bool {
        if self.points == 0 {
            self.since = time;
            self.since_mono = at;
        }
        self.points = (self.points + HIT).min(RAISED_AT);
        let lasts = at.since(self.since_mono) >= LASTS_MIN;
        let begins = !self.is_active && self.points >= RAISED_AT && lasts;
        self.is_active |= begins;
        begins
    }

    /// Counts a sample without this doubt; true when the condition ends.
    fn miss(&mut self) -> bool {
        let step = if self.is_active { 2 } else { 1 };
        self.points = self.points.saturating_sub(step);
        let ends = self.is_active && self.points == 0;
        self.is_active &= !ends;
        ends
    }
}

/// Which alarm a reason belongs to; none for what is not the sensor's or the configuration's fault.
const fn kind_of(reason: Reason) -> Option<AlarmKind> {
    match reason {
        Reason::OutOfRange => Some(AlarmKind::OutOfRange),
        Reason::RateOfChange => Some(AlarmKind::RateOfChange),
        Reason::Stuck => Some(AlarmKind::Stuck),
        Reason::Unspecified
        | Reason::DeviceFailure
        | Reason::SensorFailure
        | Reason::OutOfService
        | Reason::LastKnown
        | Reason::NotANumber
        | Reason::Stale => Some(AlarmKind::BadSensor),
        Reason::ConfigError | Reason::TypeMismatch => Some(AlarmKind::Misconfigured),
        Reason::NotConnected | Reason::CommFailure | Reason::Gap | Reason::Overrun => None,
    }
}

fn active(
    kind: AlarmKind,
    sample: &Sample,
    since: Timestamp,
    rules: &ValidationRules,
) -> ConditionState {
    let severity = match kind {
        AlarmKind::RateOfChange => Severity::Low,
        _ => Severity::Medium,
    };
    ConditionState::Active {
        severity,
        since,
        value: sample.value.as_f64().filter(|x| x.is_finite()),
        normal: None,
        sigmas: None,
        ratio: None,
        detail: sample
            .quality
            .reason()
            .map_or_else(String::new, |reason| detail(reason, rules)),
        explanation: None,
    }
}

/// What is wrong, as a clause for the line lead.
fn detail(reason: Reason, rules: &ValidationRules) -> String {
    match reason {
        Reason::OutOfRange => match (rules.min, rules.max) {
            (Some(min), Some(max)) => format!("allowed is {} to {}", number(min), number(max)),
            (Some(min), None) => format!("allowed is {} or more", number(min)),
            (None, Some(max)) => format!("allowed is {} or less", number(max)),
            (None, None) => "outside the range that the device states".to_owned(),
        },
        Reason::RateOfChange => rules.max_rate_per_s.map_or_else(String::new, |rate| {
            format!("it changes by more than {} per second", number(rate))
        }),
        Reason::Stuck => rules.stuck_after.map_or_else(String::new, |after| {
            format!("the value has not changed for more than {}", span(after))
        }),
        Reason::Stale => "the device repeats an old measurement".to_owned(),
        Reason::SensorFailure => "the device reports a failed sensor".to_owned(),
        Reason::DeviceFailure => "the device reports a failure of its own".to_owned(),
        Reason::OutOfService => "the device is out of service or in simulation".to_owned(),
        Reason::LastKnown => "the device has lost the sensor and repeats its last value".to_owned(),
        Reason::NotANumber => "the device sends no valid number".to_owned(),
        Reason::ConfigError => "the device does not know this address or refuses it".to_owned(),
        Reason::TypeMismatch => "the value does not fit the configured type".to_owned(),
        _ => "the device marks the value as doubtful".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Quality, TagId, Value};
    use crate::validation::testing::tag;

    const GOOD: Quality = Quality::Good;
    const OUT: Quality = Quality::Bad(Reason::OutOfRange);
    const NAN: Quality = Quality::Bad(Reason::NotANumber);
    const DOWN: Quality = Quality::Bad(Reason::CommFailure);
    const FAST: Quality = Quality::Uncertain(Reason::RateOfChange);

    /// What a run of samples leads to: (sample index, kind, whether it begins).
    fn transitions(rate_ms: u64, qualities: &[Quality]) -> Vec<(usize, AlarmKind, bool)> {
        let mut watch = QualityWatch::new(&[tag("press.temp")]);
        let mut seen = Vec::new();
        for (index, quality) in qualities.iter().enumerate() {
            let ms = index as u64 * rate_ms;
            let sample = Sample {
                tag: TagId(0),
                time: Timestamp::from_millis(ms.cast_signed()),
                value: Value::Float(1.0),
                quality: *quality,
            };
            let mut out = Vec::new();
            watch.observe(&sample, Mono::from_nanos(ms * 1_000_000), &mut out);
            seen.extend(
                out.iter()
                    .map(|c| (index, c.kind, c.state != ConditionState::Inactive)),
            );
        }
        seen
    }

    #[track_caller]
    fn check(qualities: &[Quality], expected: &[(usize, AlarmKind, bool)]) {
        assert_eq!(transitions(1000, qualities), expected);
    }

    #[test]
    fn three_in_a_row_begin_and_three_good_ones_end() {
        check(
            &[GOOD, OUT, OUT, OUT, OUT, GOOD, GOOD, GOOD, GOOD],
            &[
                (3, AlarmKind::OutOfRange, true),
                (7, AlarmKind::OutOfRange, false),
            ],
        );
    }

    #[test]
    fn one_or_two_are_data() {
        check(&[OUT, OUT, GOOD, GOOD, GOOD, GOOD, OUT, GOOD], &[]);
    }

    #[test]
    fn doubt_that_keeps_coming_back_begins_too() {
        check(
            &[FAST, GOOD, FAST, GOOD, FAST, GOOD, FAST, GOOD, FAST],
            &[(8, AlarmKind::RateOfChange, true)],
        );
    }

    #[test]
    fn a_device_that_is_down_changes_nothing() {
        check(&[DOWN, DOWN, DOWN, DOWN], &[]);
        check(
            &[NAN, NAN, DOWN, DOWN, DOWN, NAN, DOWN, DOWN, DOWN, DOWN],
            &[(5, AlarmKind::BadSensor, true)],
        );
    }

    #[test]
    fn another_doubt_replaces_the_first() {
        check(
            &[OUT, OUT, OUT, NAN, NAN, NAN],
            &[
                (2, AlarmKind::OutOfRange, true),
                (5, AlarmKind::OutOfRange, false),
                (5, AlarmKind::BadSensor, true),
            ],
        );
    }

    #[test]
    fn on_a_fast_tag_the_doubt_must_last() {
        assert_eq!(transitions(10, &[OUT; 25]), []);
        assert_eq!(
            transitions(10, &[OUT; 40]),
            [(25, AlarmKind::OutOfRange, true)]
        );
    }

    #[test]
    fn gaps_and_overruns_are_not_the_sensors_fault() {
        check(&[Quality::Uncertain(Reason::Gap); 5], &[]);
        check(&[Quality::Bad(Reason::Overrun); 5], &[]);
    }

    #[test]
    fn an_unknown_tag_is_ignored() {
        let mut watch = QualityWatch::new(&[]);
        let sample = Sample {
            tag: TagId(7),
            time: Timestamp::default(),
            value: Value::Missing,
            quality: OUT,
        };
        let mut out = Vec::new();
        watch.observe(&sample, Mono::default(), &mut out);
        assert_eq!(out, []);
    }

    #[track_caller]
    fn check_detail(reason: Reason, min: Option<f64>, max: Option<f64>, expected: &str) {
        let rules = ValidationRules {
            min,
            max,
            max_rate_per_s: Some(2.5),
            stuck_after: Some(Duration::from_secs(90)),
            ..ValidationRules::default()
        };
        assert_eq!(detail(reason, &rules), expected);
    }

    #[test]
    fn details_are_in_plain_words() {
        check_detail(
            Reason::OutOfRange,
            Some(0.0),
            Some(9.5),
            "allowed is 0 to 9.5",
        );
        check_detail(Reason::OutOfRange, Some(1.0), None, "allowed is 1 or more");
        check_detail(Reason::OutOfRange, None, Some(1.0), "allowed is 1 or less");
        let plain = |reason, expected| check_detail(reason, None, None, expected);
        plain(
            Reason::OutOfRange,
            "outside the range that the device states",
        );
        plain(
            Reason::RateOfChange,
            "it changes by more than 2.5 per second",
        );
        plain(
            Reason::Stuck,
            "the value has not changed for more than 1 min 30 s",
        );
        plain(Reason::Stale, "the device repeats an old measurement");
        plain(Reason::SensorFailure, "the device reports a failed sensor");
        plain(
            Reason::DeviceFailure,
            "the device reports a failure of its own",
        );
        plain(
            Reason::OutOfService,
            "the device is out of service or in simulation",
        );
        plain(
            Reason::LastKnown,
            "the device has lost the sensor and repeats its last value",
        );
        plain(Reason::NotANumber, "the device sends no valid number");
        plain(
            Reason::ConfigError,
            "the device does not know this address or refuses it",
        );
        plain(
            Reason::TypeMismatch,
            "the value does not fit the configured type",
        );
        plain(
            Reason::Unspecified,
            "the device marks the value as doubtful",
        );
        assert_eq!(detail(Reason::Stuck, &ValidationRules::default()), "");
        assert_eq!(
            detail(Reason::RateOfChange, &ValidationRules::default()),
            ""
        );
    }

    #[test]
    fn the_condition_says_since_when_and_how_bad() {
        let mut watch = QualityWatch::new(&[tag("press.temp")]);
        let mut out = Vec::new();
        for ms in [1000_u64, 2000, 3000] {
            let sample = Sample {
                tag: TagId(0),
                time: Timestamp::from_millis(ms.cast_signed()),
                value: Value::Float(f64::NAN),
                quality: NAN,
            };
            watch.observe(&sample, Mono::from_nanos(ms * 1_000_000), &mut out);
        }
        let [condition] = &out[..] else {
            panic!("{out:?}");
        };
        let ConditionState::Active {
            severity,
            since,
            value,
            ..
        } = &condition.state
        else {
            panic!("{condition:?}");
        };
        assert_eq!(*severity, Severity::Medium);
        assert_eq!(*since, Timestamp::from_millis(1000));
        assert_eq!(*value, None);
    }
}

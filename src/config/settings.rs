//! Settings of a tag that are inherited: `[defaults]` → device → tag, each key on its own.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::node::Value;
use super::section::{Section, Switch};
use super::types::{DetectionRules, Level, Profile, PublishRules, RawMode, ValidationRules};
use super::units::{format_duration, parse_rate};

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Allowed polling periods.
pub(super) const RATE: RangeInclusive<Duration> = ms(10)..=ms(3_600_000);
/// Allowed silence and standstill limits.
const WATCH: RangeInclusive<Duration> = ms(10)..=ms(30 * 86_400_000);
/// Allowed summary intervals.
const SUMMARY: RangeInclusive<Duration> = ms(1_000)..=ms(3_600_000);
/// Allowed heartbeats of report by exception.
const HEARTBEAT: RangeInclusive<Duration> = ms(1_000)..=ms(86_400_000);
/// Allowed wishes for the time to find a shift.
const WITHIN: RangeInclusive<Duration> = ms(10)..=ms(30 * 86_400_000);
/// Allowed mean times between false alarms.
const FALSE_ALARMS: RangeInclusive<Duration> = ms(60_000)..=ms(3_153_600_000_000);

const RATE_DEFAULT: Duration = ms(1_000);
const SUMMARY_DEFAULT: Duration = ms(10_000);
const HEARTBEAT_DEFAULT: Duration = ms(60_000);
/// `gap_after` in polling periods…
const GAP_RATES: u32 = 3;
/// …but never less than this: on fast tags a busy device is late more often than silent.
const GAP_MIN: Duration = ms(100);

/// Fewest samples between false alarms that a chart is designed for: the lowest in-control run length of the
/// published design tables (ARL0 = 370.4, the 3-sigma Shewhart chart; Montgomery, "Introduction to Statistical
/// Quality Control", 7th ed., section 9.1).
const FALSE_ALARM_SAMPLES_MIN: u32 = 370;

/// One level of settings; a key that is `None` is inherited.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    pub rate: Option<Duration>,
    min: Option<Switch<f64>>,
    max: Option<Switch<f64>>,
    max_rate_per_s: Option<Switch<f64>>,
    stale_after: Option<Switch<Duration>>,
    stuck_after: Option<Switch<Duration>>,
    gap_after: Option<Switch<Duration>>,
    summary: Option<Switch<Duration>>,
    raw: Option<RawKind>,
    deadband: Option<f64>,
    heartbeat: Option<Duration>,
    detect: Option<bool>,
    false_alarms: Option<Duration>,
    shift_sigma: Option<f64>,
    learn_samples: Option<u32>,
    within: Option<Switch<Duration>>,
    profile: Option<Profile>,
    level: Option<Level>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum RawKind {
    Off,
    All,
    Change,
}

impl Settings {
    /// Reads `rate`, `validate`, `publish` and `detect` of one level.
    pub(super) fn read(section: &Section<'_>) -> Self {
        let mut settings = Self {
            rate: section.duration("rate", &RATE),
            ..Self::default()
        };
        if let Some(validate) = section.section("validate") {
            settings.read_validate(&validate);
            validate.finish();
        }
        if let Some(publish) = section.section("publish") {
            settings.read_publish(&publish);
            publish.finish();
        }
        settings.read_detect(section);
        settings
    }

    /// These settings, and where they say nothing, those of `base`.
    pub(super) fn over(self, base: &Self) -> Self {
        Self {
            rate: self.rate.or(base.rate),
            min: self.min.or(base.min),
            max: self.max.or(base.max),
            max_rate_per_s: self.max_rate_per_s.or(base.max_rate_per_s),
            stale_after: self.stale_after.or(base.stale_after),
            stuck_after: self.stuck_after.or(base.stuck_after),
            gap_after: self.gap_after.or(base.gap_after),
            summary: self.summary.or(base.summary),
            raw: self.raw.or(base.raw),
            deadband: self.deadband.or(base.deadband),
            heartbeat: self.heartbeat.or(base.heartbeat),
            detect: self.detect.or(base.detect),
            false_alarms: self.false_alarms.or(base.false_alarms),
            shift_sigma: self.shift_sigma.or(base.shift_sigma),
            learn_samples: self.learn_samples.or(base.learn_samples),
            within: self.within.or(base.within),
            profile: self.profile.or(base.profile),
            level: self.level.or(base.level),
        }
    }

    /// The polling period.
    pub(super) fn rate(&self) -> Duration {
        self.rate.unwrap_or(RATE_DEFAULT)
    }

    /// The rules of `validate`. Inherited limits that mean nothing for bits and text are left out.
    pub(super) fn validation(&self, numeric: bool) -> ValidationRules {
        let rate = self.rate();
        let number = |switch: Option<Switch<f64>>| switch.and_then(Switch::on).filter(|_| numeric);
        let watch = |switch: Option<Switch<Duration>>| {
            switch.and_then(Switch::on).map(|after| after.max(rate))
        };
        let gap_default = rate.saturating_mul(GAP_RATES).max(GAP_MIN);
        let gap = self.gap_after.unwrap_or(Switch::On(gap_default)).on();
        ValidationRules {
            min: number(self.min),
            max: number(self.max),
            max_rate_per_s: number(self.max_rate_per_s),
            stale_after: watch(self.stale_after),
            stuck_after: watch(self.stuck_after),
            gap_after: gap.map(|after| if after > rate { after } else { gap_default }),
        }
    }

    /// The rules of `publish`; inherited intervals are never shorter than the polling period.
    pub(super) fn publish(&self) -> PublishRules {
        let rate = self.rate();
        let summary = self.summary.unwrap_or(Switch::On(SUMMARY_DEFAULT));
        PublishRules {
            summary: summary.on().map(|interval| interval.max(rate)),
            raw: match self.raw.unwrap_or(RawKind::Off) {
                RawKind::Off => RawMode::Off,
                RawKind::All => RawMode::All,
                RawKind::Change => RawMode::OnChange {
                    deadband: self.deadband.unwrap_or(0.0),
                    heartbeat: self.heartbeat.unwrap_or(HEARTBEAT_DEFAULT).max(rate),
                },
            },
        }
    }

    /// The rules of `detect`, when it is on and the values can be charted.
    pub(super) fn detection(&self, numeric: bool) -> Option<DetectionRules> {
        (numeric && self.detect == Some(true)).then(|| self.detection_rules())
    }

    fn detection_rules(&self) -> DetectionRules {
        let default = DetectionRules::default();
        let between = self.false_alarms;
        DetectionRules {
            mean_time_between_false_alarms: between
                .unwrap_or(default.mean_time_between_false_alarms),
            shift_sigma: self.shift_sigma.unwrap_or(default.shift_sigma),
            learn_samples: self.learn_samples.unwrap_or(default.learn_samples),
            within: self.within.and_then(Switch::on),
            profile: self.profile.unwrap_or(default.profile),
            level: self.level.unwrap_or(default.level),
        }
    }

    /// Reads `detect` where nothing is inherited and detection is the purpose: it is on. `rate` is the sampling period
    /// where it is known.
    pub(super) fn read_detection(
        section: &Section<'_>,
        rate: Option<Duration>,
    ) -> Option<DetectionRules> {
        let mut settings = Self {
            rate,
            detect: Some(true),
            ..Self::default()
        };
        settings.read_detect(section);
        if settings.detect == Some(false) {
            section.fault_unquoted("detect", "is off; nothing would be detected");
            settings.detect = Some(true);
        }
        if rate.is_some() {
            settings.check_detect(section, true);
        }
        settings.detection(true)
    }

    /// Reports what the tag's own keys contradict, given everything it inherits (`self`).
    pub(super) fn check(&self, section: &Section<'_>, numeric: bool) {
        self.check_validate(section, numeric);
        self.check_publish(section, numeric);
        self.check_detect(section, numeric);
    }

    fn read_validate(&mut self, section: &Section<'_>) {
        self.min = section.number_or_off("min");
        self.max = section.number_or_off("max");
        self.max_rate_per_s = section.number_or_off("max_rate_per_s");
        if let Some(Switch::On(limit)) = self.max_rate_per_s
            && limit <= 0.0
        {
            section.fault("max_rate_per_s", "must be greater than 0");
        }
        self.stale_after = section.duration_or_off("stale_after", &WATCH);
        self.stuck_after = section.duration_or_off("stuck_after", &WATCH);
        self.gap_after = section.duration_or_off("gap_after", &WATCH);
        if let (Some(Switch::On(min)), Some(Switch::On(max))) = (self.min, self.max)
            && min >= max
        {
            section.fault("min", &format!("must be less than max = {max}"));
        }
    }

    fn read_publish(&mut self, section: &Section<'_>) {
        self.summary = section.duration_or_off("summary", &SUMMARY);
        self.raw = section.choice(
            "raw",
            "a way to publish single values",
            &[
                ("off", RawKind::Off),
                ("all", RawKind::All),
                ("change", RawKind::Change),
            ],
        );
        self.deadband = section.number("deadband");
        if self.deadband.is_some_and(|width| width < 0.0) {
            section.fault("deadband", "must be 0 or greater");
        }
        self.heartbeat = section.duration("heartbeat", &HEARTBEAT);
    }

    /// `detect = true`, `detect = false`, or a table, which switches detection on unless it says `on = false`.
    fn read_detect(&mut self, section: &Section<'_>) {
        match section.node("detect").map(|node| &node.value) {
            None => {}
            Some(Value::Flag(on)) => self.detect = Some(*on),
            Some(Value::Table(_)) => {
                if let Some(detect) = section.section("detect") {
                    self.read_detect_table(&detect);
                    detect.finish();
                }
            }
            Some(_) => section.fault(
                "detect",
                "is neither a switch nor a table; allowed: true, false, { detect_shift = …, false_alarms = …, learn = … }",
            ),
        }
    }

    fn read_detect_table(&mut self, section: &Section<'_>) {
        self.detect = Some(section.flag("on").unwrap_or(true));
        self.shift_sigma = section.number_in("detect_shift", 0.25..=5.0);
        self.false_alarms = section.read("false_alarms", |value| {
            let between = value.text().and_then(parse_rate);
            between
                .filter(|time| FALSE_ALARMS.contains(time))
                .ok_or_else(|| {
                    "is not a rate; allowed: \"N per hour\", day, week, month or year, up to 60 per hour, down to \
                     \"0.01 per year\""
                        .to_owned()
                })
        });
        let learn = section.integer("learn", 50..=1_000_000);
        self.learn_samples = learn.and_then(|n| u32::try_from(n).ok());
        self.within = section.duration_or_off("within", &WITHIN);
        let profiles = [
            ("auto", Profile::Auto),
            ("none", Profile::None),
            ("cycle", Profile::Cycle),
            ("day", Profile::Day),
            ("week", Profile::Week),
        ];
        self.profile = section.choice("profile", "a pattern that repeats", &profiles);
        let levels = [("fixed", Level::Fixed), ("wandering", Level::Wandering)];
        self.level = section.choice("level", "a kind of level", &levels);
    }

    fn check_validate(&self, section: &Section<'_>, numeric: bool) {
        let Some(own) = nested(section, "validate") else {
            return;
        };
        for key in ["min", "max", "max_rate_per_s"] {
            if own.has(key) && !numeric {
                own.fault(key, "has no meaning for bits and text; remove it");
            }
        }
        let rate = self.rate();
        let watches = [
            ("stale_after", self.stale_after),
            ("stuck_after", self.stuck_after),
            ("gap_after", self.gap_after),
        ];
        for (key, watch) in watches {
            if let Some(Switch::On(after)) = watch
                && own.has(key)
                && after <= rate
            {
                own.fault(key, &not_longer(rate));
            }
        }
        if let (Some(Switch::On(min)), Some(Switch::On(max))) = (self.min, self.max)
            && min >= max
            && own.has("min") != own.has("max")
        {
            let (key, what) = if own.has("min") {
                (
                    "min",
                    format!("must be less than the inherited max = {max}"),
                )
            } else {
                (
                    "max",
                    format!("must be greater than the inherited min = {min}"),
                )
            };
            own.fault(key, &what);
        }
    }

    fn check_publish(&self, section: &Section<'_>, numeric: bool) {
        let Some(own) = nested(section, "publish") else {
            return;
        };
        let rate = self.rate();
        if let Some(Switch::On(interval)) = self.summary
            && own.has("summary")
            && interval < rate
        {
            own.fault("summary", &not_shorter(rate));
        }
        if self.heartbeat.is_some_and(|beat| beat < rate) && own.has("heartbeat") {
            own.fault("heartbeat", &not_shorter(rate));
        }
        for key in ["deadband", "heartbeat"] {
            if own.has(key) && self.raw != Some(RawKind::Change) {
                own.fault(key, "needs raw = \"change\"");
            }
        }
        if own.has("deadband") && !numeric {
            own.fault("deadband", "has no meaning for bits and text; remove it");
        }
    }

    fn check_detect(&self, section: &Section<'_>, numeric: bool) {
        if self.detect != Some(true) {
            return;
        }
        if section.has("detect") && !numeric {
            section.fault_unquoted(
                "detect",
                "needs numbers; bits and text have no level to watch",
            );
            return;
        }
        let between = self.detection_rules().mean_time_between_false_alarms;
        let least = self.rate().saturating_mul(FALSE_ALARM_SAMPLES_MIN);
        if numeric && between < least {
            section.fault_unquoted(
                "detect",
                &format!(
                    "allows a false alarm every {}, which is fewer than {FALSE_ALARM_SAMPLES_MIN} samples at rate = \"{}\"; \
                     allowed: false_alarms of 1 in {} or rarer",
                    format_duration(between),
                    format_duration(self.rate()),
                    format_duration(least)
                ),
            );
        }
    }
}

/// The tag's own table behind `key`, only to look into; its faults have been reported by [`Settings::read`].
pub(super) fn nested<'a>(section: &Section<'a>, key: &'static str) -> Option<Section<'a>> {
    let node = section.node(key)?;
    matches!(node.value, Value::Table(_)).then(|| section.section(key))?
}

fn not_longer(rate: Duration) -> String {
    format!("must be longer than the rate of {}", format_duration(rate))
}

fn not_shorter(rate: Duration) -> String {
    format!(
        "must not be shorter than the rate of {}",
        format_duration(rate)
    )
}

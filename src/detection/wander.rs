//! Signals without a normal level: load, demand, traffic. Their baseline follows them, so only sudden and unusual changes
//! are told, and a new level is told once.
//!
//! Three statistics, each held against its own past (z is taken before the value is learned, and what is learned is
//! winsorised, so that a fault does not become the measure of itself):
//!
//! ```text
//! A  y <- y + λ (|f - s| - y)        f, s: fast and slow EWMA              the level moves away from where it was
//! D  ln(q + floor)                   q: EWMA of |x - x'|                   the signal gets restless or goes flat
//! C  y <- y + λ (|f| - y)            f: EWMA of the residual from the      the day does not go as days go
//!                                    time of day, where that explains it
//! ```
//!
//! Every rate is `max(rate, 1/n)`: running means first, exponential ones later (Welford 1962; Roberts 1959), so there is
//! no separate learning phase.

use serde::{Deserialize, Serialize};

use super::number::single;
use super::pattern::Phase;

/// Fast EWMA: a change is judged over about sixteen samples.
const FAST: f32 = 0.125;
/// Slow EWMA: the level of the last few hundred samples.
const SLOW: f32 = 0.003;
/// How fast a statistic's own mean and variance follow.
const OWN: f32 = 0.000_4;
/// EWMA of the activity.
const ACTIVITY: f32 = 0.04;
/// How fast the time of day is learned.
const DAY: f32 = 0.03;
/// Limits of the three statistics at one alarm in a thousand samples.
const LEVEL_LIMIT: f32 = 3.25;
const ACTIVITY_LIMIT: f32 = 3.5;
const DAY_LIMIT: f32 = 4.0;
/// What is learned is winsorised here, in standard deviations.
const LESSON_MAX: f32 = 5.0;
/// An alarm ends below this share of the limit.
const CLEARED: f32 = 0.8;
/// The time of day counts where it explains more than this share of the variance.
const EXPLAINED: f32 = 0.6;
/// Activity below this share of the usual is flat.
const FLAT: f32 = 0.1;
/// Samples between two alarms at least; what begins within them belongs to the first.
const HOLD: u32 = 90;
/// Samples before the first alarm.
const ARMED: u32 = 200;
/// Samples before anything is standardised.
const WARM: u32 = 30;
/// Bins of a day.
const BINS: usize = 48;
/// Seconds of a bin.
const BIN_S: f32 = 86_400.0 / BINS as f32;

/// One statistic's own mean and variance.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Own {
    mean: f32,
    variance: f32,
}

impl Own {
    /// Standardises `x` and learns it.
    fn score(
        &mut self,
        x: f32,
        rate: f32,
        floor: f32,
        (is_warm, is_two_sided): (bool, bool),
    ) -> f32 {
        let deviation = self.variance.sqrt() + floor;
        let distance = x - self.mean;
        let z = distance / deviation;
        let lesson = if is_warm {
            let lowest = if is_two_sided {
                -LESSON_MAX
            } else {
                f32::NEG_INFINITY
            };
            z.clamp(lowest, LESSON_MAX) * deviation
        } else {
            distance
        };
        self.mean += rate * lesson;
        self.variance = (1.0 - rate) * (self.variance + rate * lesson * lesson);
        if is_warm { z } else { 0.0 }
    }
}

/// The detector of one slot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Wander {
    /// Limits over those of one alarm in a thousand samples.
    caution: f32,
    first: f64,
    fast: f32,
    slow: f32,
    away: f32,
    level: Own,
    before: f32,
    activity: f32,
    usual: f32,
    restlessness: Own,
    count: u32,
    since: u32,
    is_ready: bool,
    is_on: bool,
    day: Option<Box<Day>>,
}

/// The time of day, learned as it goes by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Day {
    /// By bin of workdays and of weekends.
    mean: Vec<f32>,
    seen: Vec<u8>,
    residual_square: f32,
    level_square: f32,
    fast: f32,
    away: f32,
    own: Own,
    count: u32,
}

/// What is said of a sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Said {
    /// The largest statistic over its limit, and that limit, in standard deviations of the statistic.
    pub(super) ratio: f32,
    pub(super) limit: f32,
    /// Whether an alarm stands.
    pub(super) is_on: bool,
    /// Level before the change, and distance from it, in the tag's unit.
    pub(super) normal: f64,
}

impl Wander {
    /// A detector that alarms about once in `arl` samples; `has_day` when the time of day is to be learned.
    ///
    /// The limits were set for a thousand samples. On independent, autocorrelated and heavy-tailed noise alike every
    /// half of them more makes alarms ten times rarer (measured; log-normal noise is the exception, it stays talkative).
    pub(super) fn new(arl: f64, has_day: bool) -> Self {
        let caution = (1.0 + (arl.log10() - 3.0) / 2.0).max(1.0);
        Self {
            caution: single(caution),
            first: 0.0,
            fast: 0.0,
            slow: 0.0,
            away: 0.0,
            level: Own::default(),
            before: 0.0,
            activity: 0.0,
            usual: 0.0,
            restlessness: Own::default(),
            count: 0,
            since: u32::MAX / 2,
            is_ready: true,
            is_on: false,
            day: has_day.then(Box::default),
        }
    }

    /// Samples seen and samples needed before the first alarm.
    pub(super) const fn progress(&self) -> (u32, u32) {
        (self.count, ARMED)
    }

    /// Whether alarms are possible.
    pub(super) const fn is_armed(&self) -> bool {
        self.count >= ARMED
    }

    /// Whether the numbers, which may come from a file, can be gone on with.
    pub(super) fn is_usable(&self) -> bool {
        let own = |own: &Own| own.mean.is_finite() && own.variance >= 0.0;
        let numbers = [
            self.fast,
            self.slow,
            self.away,
            self.before,
            self.activity,
            self.usual,
        ];
        let day = |day: &Day| {
            day.mean.len() == 2 * BINS
                && day.seen.len() == 2 * BINS
                && day.mean.iter().all(|x| x.is_finite())
                && own(&day.own)
                && [day.residual_square, day.level_square, day.fast, day.away]
                    .iter()
                    .all(|x| x.is_finite())
        };
        self.first.is_finite()
            && numbers.iter().all(|x| x.is_finite())
            && own(&self.level)
            && own(&self.restlessness)
            && self.day.as_deref().is_none_or(day)
    }

    /// Goes on as `before` did, with the limits of now. False, and nothing changes, when it was not ready, or learns the
    /// day otherwise.
    pub(super) fn recall(&mut self, before: Self) -> bool {
        if !before.is_armed() || before.day.is_some() != self.day.is_some() || self.is_armed() {
            return false;
        }
        *self = Self {
            caution: self.caution,
            ..before
        };
        true
    }

    /// Takes a finite value.
    pub(super) fn step(&mut self, value: f64, phase: Phase) -> Said {
        if self.count == 0 {
            self.first = value;
        }
        let x = single(value - self.first).clamp(-1e15, 1e15);
        let floor = 1e-6 * single(self.first.abs()).max(x.abs()).min(1e15) + 1e-12;
        let slow = self.slow;
        let mut loudest = (0.0, LEVEL_LIMIT);
        if self.count > 0 {
            loudest = louder(loudest, self.judge_level(x, floor), LEVEL_LIMIT);
            loudest = louder(loudest, self.judge_activity(x, floor), ACTIVITY_LIMIT);
        }
        let by_day = self
            .day
            .as_mut()
            .and_then(|day| day.judge(x, slow, floor, phase))
            .unwrap_or(0.0);
        self.before = x;
        let (ratio, limit) = louder(loudest, by_day, DAY_LIMIT);
        let ratio = ratio / self.caution;
        self.decide(ratio);
        self.count = self.count.saturating_add(1);
        Said {
            ratio,
            limit: limit * self.caution,
            is_on: self.is_on,
            normal: self.first + f64::from(slow),
        }
    }

    fn judge_level(&mut self, x: f32, floor: f32) -> f32 {
        let (now, next) = (1.0 / self.count as f32, 1.0 / (self.count as f32 + 1.0));
        let before = self.slow;
        self.fast += next.max(FAST) * (x - self.fast);
        self.slow += next.max(SLOW) * (x - self.slow);
        self.away += now.max(FAST) * ((self.fast - before).abs() - self.away);
        let sides = (self.count > WARM, false);
        self.level.score(self.away, now.max(OWN), floor, sides)
    }

    fn judge_activity(&mut self, x: f32, floor: f32) -> f32 {
        let now = 1.0 / self.count as f32;
        let is_warm = self.count > WARM;
        let step = (x - self.before).abs();
        let lesson = if is_warm {
            step.min(10.0 * self.usual)
        } else {
            step
        };
        self.usual += now.max(OWN) * (lesson - self.usual);
        self.activity += now.max(ACTIVITY) * (step - self.activity);
        if !is_warm {
            return 0.0;
        }
        let size = (self.activity + FLAT * self.usual + floor).ln();
        if self.count == WARM + 1 {
            self.restlessness.mean = size;
        }
        let sides = (self.count > 100, true);
        self.restlessness
            .score(size, now.max(OWN), 1e-6, sides)
            .abs()
    }

    /// An alarm for every episode: it begins at the limit, ends well below, and holds back a while.
    fn decide(&mut self, ratio: f32) {
        self.since = self.since.saturating_add(1);
        if ratio < CLEARED {
            self.is_ready = true;
            self.is_on = false;
        }
        if ratio >= 1.0 {
            if self.is_ready && self.since > HOLD && self.is_armed() {
                self.since = 0;
                self.is_on = true;
            }
            self.is_ready = false;
        }
    }
}

/// The louder of a ratio with its limit and of a statistic held against another limit.
fn louder(loudest: (f32, f32), statistic: f32, limit: f32) -> (f32, f32) {
    let ratio = statistic / limit;
    if ratio > loudest.0 {
        (ratio, limit)
    } else {
        loudest
    }
}

impl Default for Day {
    fn default() -> Self {
        Self {
            mean: vec![0.0; 2 * BINS],
            seen: vec![0; 2 * BINS],
            residual_square: 0.0,
            level_square: 0.0,
            fast: 0.0,
            away: 0.0,
            own: Own::default(),
            count: 0,
        }
    }
}

impl Day {
    /// The standardised residual from the time of day, where that explains the signal, else 0.
    /// `None` while no time of day is known.
    fn judge(&mut self, x: f32, level: f32, floor: f32, phase: Phase) -> Option<f32> {
        let bin = bin(phase)?;
        let other = (bin + BINS) % (2 * BINS);
        let seen = |bin: usize| self.seen.get(bin).is_some_and(|seen| *seen > 0);
        let expected = [bin, other].into_iter().find(|bin| seen(*bin));
        let expected = expected.and_then(|bin| self.mean.get(bin)).copied();
        let z = expected.map_or(0.0, |expected| self.score(x - expected, x - level, floor));
        if let (Some(seen), Some(mean)) = (self.seen.get_mut(bin), self.mean.get_mut(bin)) {
            *seen = seen.saturating_add(1);
            *mean += (1.0 / f32::from(*seen)).max(DAY) * (x - *mean);
        }
        Some(z)
    }

    fn score(&mut self, residual: f32, distance: f32, floor: f32) -> f32 {
        self.count = self.count.saturating_add(1);
        let now = 1.0 / self.count as f32;
        let (rate, is_warm) = (now.max(OWN), self.count > WARM);
        let follow = |mean: &mut f32, square: f32| {
            let lesson = if is_warm {
                square.min(25.0 * *mean)
            } else {
                square
            };
            *mean += rate * (lesson - *mean);
        };
        follow(&mut self.residual_square, residual * residual);
        follow(&mut self.level_square, distance * distance);
        self.fast += now.max(FAST) * (residual - self.fast);
        self.away += now.max(FAST) * (self.fast.abs() - self.away);
        let z = self.own.score(self.away, rate, floor, (is_warm, false));
        let is_explained = self.residual_square < (1.0 - EXPLAINED) * self.level_square;
        if self.count > 100 && is_explained {
            z
        } else {
            0.0
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a bin of a day: checked to be within it"
)]
fn bin(phase: Phase) -> Option<usize> {
    let bin = (phase.position_s / BIN_S).floor();
    let is_known = bin >= 0.0 && bin < BINS as f32;
    is_known.then(|| bin as usize + if phase.is_weekend { BINS } else { 0 })
}

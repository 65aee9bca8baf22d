//! What a signal repeats: its offset from the level at every phase of the machine cycle or of the day.

use serde::{Deserialize, Serialize};

use super::number::single;
use super::robust::level_and_spread;
use crate::config::Profile;

/// Bins of a machine cycle at most.
const CYCLE_BINS_MAX: usize = 128;
/// Bins of a day: half an hour each.
pub(super) const DAY_BINS: usize = 48;
/// Seconds of a day.
const DAY_S: f32 = 86_400.0;
/// Cycles seen before a cycle's length is believed.
const CYCLES_MIN: usize = 3;
/// A cycle may last this much longer than usual before its phase is unknown.
const OVERLONG: f32 = 1.05;
/// Samples that a bin needs to have an offset of its own.
const BIN_SAMPLES_MIN: usize = 3;
/// A bin's spread is drawn towards the common one with the weight of this many samples.
const SPREAD_PRIOR: f64 = 20.0;
/// Days after which a class of days counts as learned.
const CLASS_DAYS_MIN: f32 = 1.8;
/// While a class of days is not known, a sample further from what its bin has shown than this many standard deviations
/// teaches no more than one there…
const MEETING_MAX: f32 = 0.5;
/// …but for the first ones of a bin, which have nothing to be held against.
const FREE_SAMPLES: f32 = 5.0;
/// Bins go on learning as if they had at most this many visits.
const VISITS_MAX: f32 = 50.0;

/// Where a sample stands in what repeats.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// Seconds since the cycle began, or of the day; not a number while that is unknown.
    pub position_s: f32,
    /// Whether it is a weekend; always false unless the profile is the week.
    pub is_weekend: bool,
}

impl Phase {
    /// No phase is known.
    pub const UNKNOWN: Self = Self {
        position_s: f32::NAN,
        is_weekend: false,
    };
}

/// Offset and spread at a phase.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Expected {
    /// Distance from the level, in the tag's unit.
    pub(super) offset: f64,
    /// Spread there over the common spread.
    pub(super) spread: f64,
    /// Whether days of this class have been learned; without, the offset is that of the other class.
    pub(super) is_learned: bool,
}

/// The pattern of one signal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Pattern {
    profile: Cyclic,
    bin_s: f32,
    /// Bins of workdays or of the cycle, then as many of weekends.
    bins: Vec<Bin>,
    /// Days seen of each class; of a cycle the cycles.
    seen: [f32; 2],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Cyclic {
    Cycle,
    Day,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Bin {
    offset: f32,
    spread: f32,
    samples: f32,
}

/// A sample while a pattern is learned: its phase and its distance from the level.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Deviation {
    pub(super) phase: Phase,
    pub(super) distance: f64,
}

impl Pattern {
    /// Learns from samples in time order; none when the profile has nothing to learn from yet.
    pub(super) fn learn(profile: Profile, samples: &[Deviation], period_s: f32) -> Option<Self> {
        let mut pattern = Self::empty(profile, samples, period_s)?;
        let mut by_bin: Vec<Vec<f64>> = vec![Vec::new(); pattern.bins.len()];
        for sample in samples {
            let bin = pattern
                .bin(sample.phase)
                .and_then(|bin| by_bin.get_mut(bin));
            if let Some(bin) = bin {
                bin.push(sample.distance);
            }
        }
        for (bin, values) in pattern.bins.iter_mut().zip(&by_bin) {
            bin.samples = values.len() as f32;
            if values.len() >= BIN_SAMPLES_MIN {
                bin.offset = single(level_and_spread(values).0);
            }
        }
        let per_day = DAY_S / period_s;
        let half = by_bin.len() / 2;
        for (class, days) in pattern.seen.iter_mut().enumerate() {
            let bins = by_bin.iter().skip(class * half).take(half);
            *days = bins.map(Vec::len).sum::<usize>() as f32 / per_day;
        }
        match pattern.profile {
            Cyclic::Cycle => pattern.finish_cycle(samples, &by_bin),
            Cyclic::Day => pattern.finish_days(),
        }
        Some(pattern)
    }

    fn empty(profile: Profile, samples: &[Deviation], period_s: f32) -> Option<Self> {
        let (profile, bin_s, count) = match profile {
            Profile::Auto | Profile::None => return None,
            Profile::Day | Profile::Week => (Cyclic::Day, DAY_S / DAY_BINS as f32, DAY_BINS),
            Profile::Cycle => {
                let longest = cycle_length(samples)? * OVERLONG + 2.0 * period_s;
                let bin_s = (longest / CYCLE_BINS_MAX as f32).max(period_s);
                let count = (longest / bin_s).ceil();
                (Cyclic::Cycle, bin_s, whole(count).clamp(1, CYCLE_BINS_MAX))
            }
        };
        let bin = Bin {
            spread: 1.0,
            ..Bin::default()
        };
        Some(Self {
            profile,
            bin_s,
            bins: vec![bin; 2 * count],
            seen: [0.0; 2],
        })
    }

    /// Bins that are rarely reached go on like the one before; every bin gets a spread of its own.
    fn finish_cycle(&mut self, samples: &[Deviation], by_bin: &[Vec<f64>]) {
        self.seen = [cycle_starts(samples).count() as f32, 0.0];
        let mut before = 0.0;
        for bin in &mut self.bins {
            if bin.samples < 5.0 {
                bin.samples = 0.0;
                bin.offset = before;
            }
            before = bin.offset;
        }
        let residual = |(bin, values): (&Bin, &Vec<f64>)| -> Vec<f64> {
            values.iter().map(|v| v - f64::from(bin.offset)).collect()
        };
        let residuals: Vec<Vec<f64>> = self.bins.iter().zip(by_bin).map(residual).collect();
        let (_, common) = level_and_spread(&residuals.concat());
        // Without any spread there is nothing to share.
        let bins = self.bins.iter_mut().zip(&residuals);
        for (bin, values) in bins.filter(|_| common > 0.0) {
            let bound = 4.0 * common;
            let squares: f64 = values.iter().map(|v| v.clamp(-bound, bound).powi(2)).sum();
            let count = values.len() as f64;
            if count >= 5.0 {
                let pooled =
                    (squares + SPREAD_PRIOR * common * common) / (count - 1.0 + SPREAD_PRIOR);
                bin.spread = single((pooled.sqrt() / common).clamp(0.5, 3.0));
            }
        }
    }

    /// A class of days without samples takes over the other's offsets; neighbouring bins smooth each other.
    fn finish_days(&mut self) {
        let half = self.bins.len() / 2;
        for class in 0..2 {
            self.smooth(class);
        }
        let seen = self.seen;
        let (workdays, weekends) = self.bins.split_at_mut(half);
        match seen {
            [0.0, _] => borrow(workdays, weekends),
            [_, 0.0] => borrow(weekends, workdays),
            _ => {}
        }
    }

    fn smooth(&mut self, class: usize) {
        let half = self.bins.len() / 2;
        let bins = self.bins.get_mut(class * half..(class + 1) * half);
        let bins = bins.unwrap_or_default();
        let raw: Vec<f32> = bins.iter().map(|bin| bin.offset).collect();
        let before = raw.iter().cycle().skip(half.saturating_sub(1));
        let after = raw.iter().cycle().skip(1);
        for (((bin, offset), before), after) in bins.iter_mut().zip(&raw).zip(before).zip(after) {
            bin.offset = 0.25 * before + 0.5 * offset + 0.25 * after;
        }
    }

    /// How often the pattern has been seen: cycles, or days of the class seen most.
    pub(super) fn visits(&self) -> f64 {
        let [one, other] = self.seen;
        f64::from(one.max(other)).max(1.0)
    }

    /// What is expected at a phase; none where the pattern does not reach.
    pub(super) fn expected(&self, phase: Phase) -> Option<Expected> {
        let bin = self.bin(phase)?;
        let half = self.bins.len() / 2;
        let own = usize::from(bin >= half);
        let is_learned = self.is_learned(own);
        let (class, position) = if is_learned {
            (own, bin % half)
        } else {
            (1 - own, bin % half)
        };
        let here = *self.bins.get(class * half + position)?;
        let offset = match self.profile {
            Cyclic::Cycle => f64::from(here.offset),
            Cyclic::Day => self.between_bins(class * half, position, phase)?,
        };
        Some(Expected {
            offset,
            spread: f64::from(here.spread),
            is_learned,
        })
    }

    /// Linear interpolation between the middles of neighbouring bins.
    fn between_bins(&self, base: usize, position: usize, phase: Phase) -> Option<f64> {
        let half = self.bins.len() / 2;
        let into = f64::from(phase.position_s / self.bin_s) - position as f64;
        let (neighbour, weight) = if into < 0.5 {
            ((position + half - 1) % half, 0.5 - into)
        } else {
            ((position + 1) % half, into - 0.5)
        };
        let here = f64::from(self.bins.get(base + position)?.offset);
        let there = f64::from(self.bins.get(base + neighbour)?.offset);
        Some(here + weight * (there - here))
    }

    fn is_learned(&self, class: usize) -> bool {
        let days = |class: usize| self.seen.get(class).copied().unwrap_or(0.0);
        self.profile == Cyclic::Cycle
            || days(class) >= CLASS_DAYS_MIN
            || days(class) >= days(1 - class)
    }

    /// Learns slowly from a quiet sample that is `surprise` from what was expected.
    /// `None` where the pattern does not reach.
    pub(super) fn refine(&mut self, phase: Phase, surprise: f64, period_s: f32) -> Option<()> {
        let visit = match self.profile {
            Cyclic::Cycle => 1.0,
            Cyclic::Day => self.bin_s / period_s,
        };
        let index = self.bin(phase)?;
        let bin = self.bins.get_mut(index)?;
        bin.samples = (bin.samples + 1.0).min(VISITS_MAX * visit);
        bin.offset += single(surprise) / bin.samples.max(5.0);
        self.note_day(index, period_s);
        Some(())
    }

    /// Learns from a sample of a class of days that is not known yet, `distance` from the level; `spread` is that of the
    /// signal. A fault on one of the few days must not become their pattern.
    pub(super) fn meet(
        &mut self,
        phase: Phase,
        (distance, spread): (f64, f64),
        period_s: f32,
    ) -> Option<()> {
        let index = self.bin(phase)?;
        let bin = self.bins.get_mut(index)?;
        bin.samples += 1.0;
        let bound = if bin.samples > FREE_SAMPLES {
            MEETING_MAX * single(spread)
        } else {
            f32::INFINITY
        };
        bin.offset += (single(distance) - bin.offset).clamp(-bound, bound) / bin.samples;
        let class = self.note_day(index, period_s);
        if self.is_learned(class) {
            self.smooth(class);
        }
        Some(())
    }

    /// Counts a sample towards the days of its class, which is returned.
    fn note_day(&mut self, index: usize, period_s: f32) -> usize {
        let class = usize::from(index >= self.bins.len() / 2);
        if self.profile == Cyclic::Day
            && let Some(days) = self.seen.get_mut(class)
        {
            *days += period_s / DAY_S;
        }
        class
    }

    fn bin(&self, phase: Phase) -> Option<usize> {
        let half = self.bins.len() / 2;
        let bin = (phase.position_s / self.bin_s).floor();
        if !(bin >= 0.0 && bin < half as f32) {
            return None;
        }
        Some(whole(bin) + if phase.is_weekend { half } else { 0 })
    }

    /// Whether the numbers, which may come from a file, can be worked with.
    pub(super) fn is_usable(&self) -> bool {
        let limit = 2 * CYCLE_BINS_MAX;
        let fits = (2..=limit).contains(&self.bins.len()) && self.bins.len().is_multiple_of(2);
        let is_sane = |bin: &Bin| {
            bin.offset.is_finite()
                && bin.spread > 0.0
                && bin.spread.is_finite()
                && bin.samples >= 0.0
        };
        fits && self.bin_s > 0.0 && self.bin_s.is_finite() && self.bins.iter().all(is_sane)
    }
}

/// Takes over offsets until own samples come.
fn borrow(to: &mut [Bin], from: &[Bin]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = Bin {
            samples: 0.0,
            ..*from
        };
    }
}

/// Median time from the start of a cycle to the start of the next.
fn cycle_length(samples: &[Deviation]) -> Option<f32> {
    // The last position before a new start is the length but for one period, which the bins' margin covers.
    let mut lengths: Vec<f32> = cycle_starts(samples).collect();
    if lengths.len() < CYCLES_MIN {
        return None;
    }
    lengths.sort_unstable_by(f32::total_cmp);
    lengths.get(lengths.len() / 2).copied()
}

/// The positions from which a new cycle starts.
fn cycle_starts(samples: &[Deviation]) -> impl Iterator<Item = f32> {
    samples.windows(2).filter_map(|pair| match pair {
        [a, b] if b.phase.position_s < a.phase.position_s => Some(a.phase.position_s),
        _ => None,
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number of bins: whole, not negative and small"
)]
const fn whole(x: f32) -> usize {
    x as usize
}

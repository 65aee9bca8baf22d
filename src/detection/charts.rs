//! The per-sample arithmetic: one EWMA and one two-sided CUSUM per slot, in columns.
//!
//! ```text
//! w  = clamp((x - mean) / scale, -clip, clip)
//! Z  <- Z + lambda (w - Z)                 alarm when |Z| > limit      (Roberts 1959)
//! C+ <- min(max(0, C+ + w - k), 1.5 h)     alarm when C+ > h           (Page 1954)
//! C- <- min(max(0, C- - w - k), 1.5 h)     alarm when C- > h
//! ```
//!
//! The cap lets the CUSUM come back in bounded time after a long fault. Single precision is enough once a value is
//! centred; 76 bytes per slot.

use super::design::ChartDesign;
use super::limits::Limits;
use crate::model::Mono;

/// The CUSUM is capped at this multiple of its limit.
const CUSUM_CAP: f32 = 1.5;
/// Smaller EWMA values are zero: a signal resting on its median must not end in slow denormal arithmetic.
const EWMA_ZERO: f32 = 1e-20;
/// A silence longer than this many EWMA time constants starts the charts afresh.
const RESET_TIME_CONSTANTS: f64 = 10.0;
/// Marks a slot that has seen no sample.
const NEVER: u64 = u64::MAX;

/// Statistics of one slot after a sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Reading {
    /// The value in standard deviations from normal, winsorised.
    pub(super) z: f32,
    /// C+ over its limit.
    pub(super) cusum_high: f32,
    /// C- over its limit.
    pub(super) cusum_low: f32,
    /// Z over its limit, signed.
    pub(super) ewma: f32,
}

impl Reading {
    /// The largest ratio of any chart in any direction.
    pub(super) fn worst(&self) -> f32 {
        self.cusum_high.max(self.cusum_low).max(self.ewma.abs())
    }
}

/// Chart state and limits, one element per slot in every column.
#[derive(Debug, Clone, Default)]
pub(super) struct Charts {
    mean: Vec<f64>,
    inverse_scale: Vec<f64>,
    last_ns: Vec<u64>,
    period_ns: Vec<u64>,
    ewma: Vec<f32>,
    high: Vec<f32>,
    low: Vec<f32>,
    k: Vec<f32>,
    h: Vec<f32>,
    /// One over `h`, and one over the EWMA's limit: a product is cheaper than a division.
    inverse_h: Vec<f32>,
    inverse_limit: Vec<f32>,
    clip: Vec<f32>,
    lambda: Vec<f32>,
    samples_high: Vec<u32>,
    samples_low: Vec<u32>,
}

impl Charts {
    /// Adds a slot that charts nothing yet.
    pub(super) fn push(&mut self, design: &ChartDesign) {
        self.mean.push(0.0);
        self.inverse_scale.push(0.0);
        self.last_ns.push(NEVER);
        let period_ns = u64::try_from(design.period.as_nanos()).unwrap_or(u64::MAX);
        self.period_ns.push(period_ns.max(1));
        for column in [&mut self.ewma, &mut self.high, &mut self.low] {
            column.push(0.0);
        }
        for column in [
            &mut self.k,
            &mut self.h,
            &mut self.inverse_h,
            &mut self.inverse_limit,
            &mut self.clip,
        ] {
            column.push(1.0);
        }
        self.lambda.push(single(design.lambda));
        self.samples_high.push(0);
        self.samples_low.push(0);
    }

    /// Sets level and limits of a slot; its statistics go on.
    pub(super) fn set(&mut self, slot: usize, mean: f64, limits: &Limits) {
        put(&mut self.mean, slot, mean);
        put(&mut self.inverse_scale, slot, 1.0 / limits.scale);
        put(&mut self.k, slot, single(limits.k));
        put(&mut self.h, slot, single(limits.h));
        put(&mut self.inverse_h, slot, single(1.0 / limits.h));
        put(&mut self.inverse_limit, slot, single(1.0 / limits.limit));
        put(&mut self.clip, slot, single(limits.clip));
    }

    /// Sets the statistics of a slot to zero.
    pub(super) fn reset(&mut self, slot: usize) {
        for column in [&mut self.ewma, &mut self.high, &mut self.low] {
            put(column, slot, 0.0);
        }
        put(&mut self.samples_high, slot, 0);
        put(&mut self.samples_low, slot, 0);
    }

    /// Takes note of a sample's time. `None` when it is not newer than the last one or the slot is unknown; else the
    /// number of expected samples that are missing before it.
    pub(super) fn arrive(&mut self, slot: usize, at: Mono) -> Option<u64> {
        let last = self.last_ns.get_mut(slot)?;
        let period = self.period_ns.get(slot).copied()?;
        let before = std::mem::replace(last, at.as_nanos());
        if before == NEVER {
            return Some(0);
        }
        if at.as_nanos() <= before {
            *last = before;
            return None;
        }
        let passed = at.as_nanos() - before;
        if passed <= period.saturating_add(period / 2) {
            return Some(0);
        }
        Some(passed.saturating_add(period / 2) / period - 1)
    }

    /// Lets the statistics fade over `missing` samples as if each had been normal, so that old evidence does not meet
    /// new evidence as though nothing lay between; a long silence starts afresh.
    pub(super) fn fade(&mut self, slot: usize, missing: u64) {
        let lambda = self.lambda.get(slot).copied().unwrap_or(1.0);
        if missing as f64 * f64::from(lambda) > RESET_TIME_CONSTANTS {
            self.reset(slot);
            return;
        }
        let steps = u32::try_from(missing).unwrap_or(u32::MAX);
        let k = self.k.get(slot).copied().unwrap_or(0.0);
        let fall = k * missing as f32;
        if let Some(z) = self.ewma.get_mut(slot) {
            *z *= (1.0 - lambda).powf(missing as f32);
        }
        for (column, samples) in [
            (&mut self.high, &mut self.samples_high),
            (&mut self.low, &mut self.samples_low),
        ] {
            if let (Some(c), Some(n)) = (column.get_mut(slot), samples.get_mut(slot)) {
                *c = (*c - fall).max(0.0);
                *n = count(*c, *n, steps);
            }
        }
    }

    /// Charts one finite value.
    #[inline]
    pub(super) fn advance(&mut self, slot: usize, value: f64) -> Option<Reading> {
        let mean = *self.mean.get(slot)?;
        let inverse_scale = *self.inverse_scale.get(slot)?;
        let clip = *self.clip.get(slot)?;
        let lambda = *self.lambda.get(slot)?;
        let k = *self.k.get(slot)?;
        let h = *self.h.get(slot)?;
        let inverse_h = *self.inverse_h.get(slot)?;
        let inverse_limit = *self.inverse_limit.get(slot)?;
        let z = single((value - mean) * inverse_scale).max(-clip).min(clip);

        let ewma = self.ewma.get_mut(slot)?;
        *ewma += lambda * (z - *ewma);
        if ewma.abs() < EWMA_ZERO {
            *ewma = 0.0;
        }
        let high = self.high.get_mut(slot)?;
        *high = (*high + z - k).max(0.0).min(CUSUM_CAP * h);
        let low = self.low.get_mut(slot)?;
        *low = (*low - z - k).max(0.0).min(CUSUM_CAP * h);
        let samples_high = self.samples_high.get_mut(slot)?;
        *samples_high = count(*high, *samples_high, 1);
        let samples_low = self.samples_low.get_mut(slot)?;
        *samples_low = count(*low, *samples_low, 1);
        Some(Reading {
            z,
            cusum_high: *high * inverse_h,
            cusum_low: *low * inverse_h,
            ewma: *ewma * inverse_limit,
        })
    }

    /// The largest statistic over its limit, of any chart in any direction, as of the last sample.
    pub(super) fn worst(&self, slot: usize) -> Option<f32> {
        let inverse_h = *self.inverse_h.get(slot)?;
        let cusum = self.high.get(slot)?.max(*self.low.get(slot)?) * inverse_h;
        let ewma = self.ewma.get(slot)?.abs() * self.inverse_limit.get(slot)?;
        Some(cusum.max(ewma))
    }

    /// Samples since the CUSUM of a direction was last zero.
    pub(super) fn samples_since_zero(&self, slot: usize, upward: bool) -> u32 {
        let column = if upward {
            &self.samples_high
        } else {
            &self.samples_low
        };
        column.get(slot).copied().unwrap_or(0)
    }

    /// When the CUSUM of a direction was last zero.
    pub(super) fn onset(&self, slot: usize, upward: bool) -> Mono {
        let last = self.last_ns.get(slot).copied().unwrap_or(0);
        let period = self.period_ns.get(slot).copied().unwrap_or(0);
        let since = u64::from(self.samples_since_zero(slot, upward)).saturating_mul(period);
        Mono::from_nanos(last.saturating_sub(since))
    }

    /// Shift in standard deviations as the CUSUM of a direction estimates it: `k + C / N` (Montgomery).
    pub(super) fn cusum_shift(&self, slot: usize, upward: bool) -> f64 {
        let column = if upward { &self.high } else { &self.low };
        let sum = f64::from(column.get(slot).copied().unwrap_or(0.0));
        let samples = f64::from(self.samples_since_zero(slot, upward).max(1));
        let k = f64::from(self.k.get(slot).copied().unwrap_or(0.0));
        let size = k + sum / samples;
        if upward { size } else { -size }
    }

    /// Shift in standard deviations as the EWMA estimates it, corrected for its start at zero when the shift began.
    pub(super) fn ewma_shift(&self, slot: usize) -> f64 {
        let z = f64::from(self.ewma.get(slot).copied().unwrap_or(0.0));
        let lambda = f64::from(self.lambda.get(slot).copied().unwrap_or(1.0));
        let clip = f64::from(self.clip.get(slot).copied().unwrap_or(0.0));
        let samples = f64::from(self.samples_since_zero(slot, z > 0.0).max(1));
        (z / (1.0 - (1.0 - lambda).powf(samples)))
            .max(-clip)
            .min(clip)
    }

    /// The level that a slot compares with.
    pub(super) fn mean(&self, slot: usize) -> f64 {
        self.mean.get(slot).copied().unwrap_or(0.0)
    }

    /// The spread that a slot standardises with.
    pub(super) fn scale(&self, slot: usize) -> f64 {
        1.0 / self.inverse_scale.get(slot).copied().unwrap_or(1.0)
    }
}

fn count(sum: f32, samples: u32, more: u32) -> u32 {
    if sum > 0.0 {
        samples.saturating_add(more)
    } else {
        0
    }
}

fn put<T>(column: &mut [T], slot: usize, value: T) {
    if let Some(place) = column.get_mut(slot) {
        *place = value;
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "statistics need no more than single precision; what is too large becomes infinite and is clamped"
)]
const fn single(x: f64) -> f32 {
    x as f32
}

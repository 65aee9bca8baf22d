//! The two charts of one group, row by row: `O(p²)` and no allocation.

use super::model::{GroupModel, TagModel};
use super::quantile::{pearson3, student};
use super::{
    CLEAR_SHARE, GroupReading, GroupShare, INNOVATION_CLIP, LEVEL_LAMBDA, PATTERN_LAMBDA, TAGS_MIN,
};

/// Standardised values beyond this say no more.
const VALUE_CLIP: f64 = 1e4;
/// A value takes part in the EWMA of the level up to this multiple of the limit, so that the EWMA comes back from any
/// value within 27 rows.
const LEVEL_CAP: f64 = 4.0;
/// The same for T²: 15 rows.
const PATTERN_CAP: f64 = 5.0;
/// Rows further apart are no neighbours, and a level is held for so many rows without a value.
pub(super) const HOLD_ROWS: u64 = 3;
/// A silence longer than this many time constants of the slower chart starts both afresh.
const RESET_TIME_CONSTANTS: f64 = 10.0;
/// Passes over the missing values of a row; each brings T² closer to its least.
const SWEEPS: usize = 8;
/// Smaller statistics are zero: they must not end in slow denormal arithmetic.
const ZERO: f64 = 1e-30;

/// Model, limits and statistics of one group.
#[derive(Debug, Clone)]
pub(super) struct Detector {
    model: GroupModel,
    tags: Vec<Tag>,
    /// Inverse covariance, row by row; symmetric.
    precision: Vec<f64>,
    /// Tags that take part.
    moving: f64,
    pattern_limit: f64,
    /// EWMA of T².
    pattern: f64,
    is_alarm: bool,
    /// Whether there is a row before.
    has_neighbour: bool,
    /// Innovations of the row, and their product with the inverse covariance.
    innovations: Vec<f64>,
    projected: Vec<f64>,
}

/// One tag's constants and statistics.
#[derive(Debug, Clone)]
struct Tag {
    model: TagModel,
    inverse_sigma: f64,
    level_limit: f64,
    /// Diagonal element of the inverse covariance.
    precision: f64,
    /// Last standardised value, or what the other tags let expect it to have been.
    last: f64,
    /// Rows without a value up to the one at hand, and up to the one before.
    absent: u64,
    absent_before: u64,
    /// EWMA of the standardised value.
    level: f64,
    /// EWMA of what the tag explains of T².
    explained: f64,
}

impl Detector {
    /// A detector on a valid model that alarms by mistake every `arl0` rows.
    pub(super) fn new(model: GroupModel, arl0: f64) -> Self {
        let alpha = 1.0 / arl0;
        let size = model.tags().len();
        let precision = model.precision();
        let tail = alpha / (2.0 * size as f64);
        let moving = model.tags().iter().filter(|tag| !tag.is_still).count();
        let diagonal = precision.diagonal();
        let tags = model.tags().iter().zip(diagonal.iter());
        let tags = tags.map(|(tag, precision)| Tag::new(tag, *precision, tail));
        let pattern = model.pattern();
        Self {
            tags: tags.collect(),
            moving: moving as f64,
            precision: precision.as_slice().to_vec(),
            pattern_limit: pearson3(alpha, pattern.mean, pattern.variance, pattern.skewness),
            pattern: pattern.mean,
            is_alarm: false,
            has_neighbour: false,
            innovations: vec![0.0; size],
            projected: vec![0.0; size],
            model,
        }
    }

    pub(super) const fn model(&self) -> &GroupModel {
        &self.model
    }

    /// Sets the statistics to those of normal data.
    pub(super) fn reset(&mut self) {
        for tag in &mut self.tags {
            tag.reset();
        }
        self.pattern = self.model.pattern().mean;
        self.is_alarm = false;
        self.has_neighbour = false;
    }

    /// Whether enough tags that take part have a value: two, and half of them.
    pub(super) fn can_use(&self, row: &[f64]) -> bool {
        let is_present = |(tag, value): &(&Tag, &f64)| !tag.model.is_still && value.is_finite();
        let present = self.tags.iter().zip(row).filter(is_present).count();
        present >= TAGS_MIN && 2.0 * present as f64 >= self.moving
    }

    /// Charts a row that came `rows` periods after the one before.
    pub(super) fn advance(&mut self, row: &[f64], rows: u64) -> GroupReading {
        self.fade(rows);
        let distance = Some(rows).filter(|_| self.has_neighbour);
        self.has_neighbour = true;
        let innovations = self.innovations.iter_mut();
        for ((tag, value), innovation) in self.tags.iter_mut().zip(row).zip(innovations) {
            *innovation = tag.observe(*value, distance);
        }
        self.project();
        let missing = self.tags.iter().filter(|tag| tag.is_missing()).count();
        if missing > 0 {
            (0..SWEEPS).for_each(|_| self.relax(Tag::is_missing, |_| 1.0));
        }
        self.relax(Tag::is_back, Tag::excess);
        for (tag, innovation) in self.tags.iter_mut().zip(&self.innovations) {
            tag.remember(*innovation, distance);
        }
        let t2 = self.t2() + self.model.pattern().mean * missing as f64 / self.moving;
        self.pattern += PATTERN_LAMBDA * (t2.min(PATTERN_CAP * self.pattern_limit) - self.pattern);
        for (tag, projected) in self.tags.iter_mut().zip(&self.projected) {
            tag.explain(*projected);
        }
        self.read(missing)
    }

    /// Tags by their share of the limit, largest first; those that take no part are left out.
    pub(super) fn contributions(&self) -> Vec<GroupShare> {
        let largest = self
            .tags
            .iter()
            .map(|tag| tag.explained)
            .fold(ZERO, f64::max);
        let pattern = self.pattern / self.pattern_limit;
        let moving = self
            .tags
            .iter()
            .enumerate()
            .filter(|(_, tag)| !tag.model.is_still);
        let mut shares: Vec<GroupShare> = moving
            .map(|(index, tag)| GroupShare {
                tag: index,
                share: tag.level_ratio().max(pattern * tag.explained / largest),
                sigmas: tag.level,
            })
            .collect();
        shares.sort_by(|a, b| b.share.total_cmp(&a.share));
        shares
    }

    /// Rows that did not come count as normal ones, so that old evidence does not meet new evidence as though nothing
    /// lay between. A few are bridged; a long silence starts afresh.
    fn fade(&mut self, rows: u64) {
        if rows <= HOLD_ROWS {
            return;
        }
        self.has_neighbour = false;
        let missing = (rows - 1) as f64;
        if missing * LEVEL_LAMBDA > RESET_TIME_CONSTANTS {
            self.reset();
            return;
        }
        let normal = self.model.pattern().mean;
        let kept = (1.0 - PATTERN_LAMBDA).powf(missing);
        self.pattern = normal + (self.pattern - normal) * kept;
        for tag in &mut self.tags {
            tag.level *= (1.0 - LEVEL_LAMBDA).powf(missing);
            tag.explained *= kept;
        }
    }

    /// The inverse covariance times the innovations. By columns, which are the rows: those sums need no order and
    /// become vector code.
    fn project(&mut self) {
        self.projected.fill(0.0);
        let columns = self.precision.chunks_exact(self.innovations.len());
        for (column, innovation) in columns.zip(&self.innovations) {
            add_scaled(&mut self.projected, column, *innovation);
        }
    }

    /// Moves the innovations of some tags by a share of the way to what the other tags let expect. All the way is where
    /// T² is least, and there it is the T² of the others alone. Coordinate descent: T² never becomes larger.
    fn relax(&mut self, is_meant: fn(&Tag) -> bool, share: fn(&Tag) -> f64) {
        let columns = self.precision.chunks_exact(self.tags.len());
        let innovations = self.innovations.iter_mut();
        let tags = self.tags.iter().zip(columns).zip(innovations).enumerate();
        for (index, ((tag, column), innovation)) in tags {
            if is_meant(tag) {
                let gradient = self.projected.get(index).copied().unwrap_or(0.0);
                let step = -share(tag) * gradient / tag.precision;
                *innovation += step;
                add_scaled(&mut self.projected, column, step);
            }
        }
    }

    fn t2(&self) -> f64 {
        let products = self.innovations.iter().zip(&self.projected);
        products.map(|(e, y)| e * y).sum::<f64>().max(0.0)
    }

    fn read(&mut self, missing: usize) -> GroupReading {
        let level = self.tags.iter().map(Tag::level_ratio).fold(0.0, f64::max);
        let pattern = self.pattern / self.pattern_limit;
        let score = level.max(pattern);
        let bound = if self.is_alarm { CLEAR_SHARE } else { 1.0 };
        self.is_alarm = score >= bound;
        GroupReading {
            score,
            is_alarm: self.is_alarm,
            level,
            pattern,
            missing,
        }
    }
}

impl Tag {
    fn new(model: &TagModel, precision: f64, tail: f64) -> Self {
        Self {
            model: *model,
            inverse_sigma: 1.0 / model.sigma,
            level_limit: model.level_spread * student(tail, model.freedom),
            precision,
            last: 0.0,
            absent: 0,
            absent_before: 0,
            level: 0.0,
            explained: 0.0,
        }
    }

    fn reset(&mut self) {
        self.absent = 0;
        self.level = 0.0;
        self.explained = 0.0;
    }

    const fn is_missing(&self) -> bool {
        self.absent > 0
    }

    /// Whether it has a value again.
    const fn is_back(&self) -> bool {
        self.absent == 0 && self.absent_before > 0
    }

    /// How much of the innovation of a tag that is back comes of not knowing its last value. The variance of what the
    /// others do not foretell is `1 + phi² + phi⁴ + ...` times the usual one, a term for each row.
    fn excess(&self) -> f64 {
        let squared = self.model.phi * self.model.phi;
        let kept = squared.powf(self.absent_before as f64 + 1.0);
        1.0 - ((1.0 - squared) / (1.0 - kept)).sqrt()
    }

    fn level_ratio(&self) -> f64 {
        self.level.abs() / self.level_limit
    }

    /// Charts the level; returns the innovation, zero for now where there is no value. `distance` is that to the row
    /// before, if there is one.
    fn observe(&mut self, value: f64, distance: Option<u64>) -> f64 {
        if self.model.is_still {
            return 0.0;
        }
        self.absent_before = self.absent;
        if !value.is_finite() {
            self.absent = self.absent.saturating_add(1);
            if self.absent > HOLD_ROWS {
                self.level = flushed(self.level * (1.0 - LEVEL_LAMBDA));
            }
            return 0.0;
        }
        self.absent = 0;
        let z = ((value - self.model.mean) * self.inverse_sigma).clamp(-VALUE_CLIP, VALUE_CLIP);
        let (kept, scale) = self.foretold(distance);
        let innovation = (z - kept * self.last) * scale;
        self.last = z;
        let cap = LEVEL_CAP * self.level_limit;
        self.level = flushed(self.level + LEVEL_LAMBDA * (z.clamp(-cap, cap) - self.level));
        innovation.clamp(-INNOVATION_CLIP, INNOVATION_CLIP)
    }

    /// Puts what the others let expect in the place of a value that is missing.
    fn remember(&mut self, innovation: f64, distance: Option<u64>) {
        if self.is_missing() {
            let (kept, scale) = self.foretold(distance);
            let bounded = innovation.clamp(-INNOVATION_CLIP, INNOVATION_CLIP);
            self.last = flushed(kept * self.last + bounded / scale);
        }
    }

    /// The share of the last value that is left after `distance` rows, and the factor that brings the innovation over
    /// that distance to the variance of one over one row.
    fn foretold(&self, distance: Option<u64>) -> (f64, f64) {
        let phi = self.model.phi;
        let one = 1.0 - phi * phi;
        match distance {
            Some(1) => (phi, 1.0),
            Some(rows) => {
                let kept = phi.powf(rows as f64);
                (kept, (one / (1.0 - kept * kept)).sqrt())
            }
            None => (0.0, one.sqrt()),
        }
    }

    /// Reconstruction-based contribution to T²: how much less it would be without this tag's deviation.
    fn explain(&mut self, projected: f64) {
        let share = projected * projected / self.precision;
        self.explained = flushed(self.explained + PATTERN_LAMBDA * (share - self.explained));
    }
}

fn add_scaled(sum: &mut [f64], column: &[f64], factor: f64) {
    for (sum, element) in sum.iter_mut().zip(column) {
        *sum += element * factor;
    }
}

fn flushed(x: f64) -> f64 {
    if x.abs() < ZERO { 0.0 } else { x }
}

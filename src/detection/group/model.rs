//! What is normal for one group, in the form that is stored.

use std::ops::RangeInclusive;

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use super::covariance::is_positive;
use super::{TAGS_MAX, TAGS_MIN};

/// Of the stored form. A reader refuses what it does not know.
const VERSION: u16 = 1;
/// Numbers in standard deviations that arithmetic carries, with much to spare.
const SANE: RangeInclusive<f64> = 1e-12..=1e12;

/// The learned normal behaviour of one group. It holds no limits: those follow from the model and the wanted
/// false-alarm rate, which may change between a stop and a start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupModel {
    version: u16,
    rows: u32,
    tags: Vec<TagModel>,
    pattern: Pattern,
    /// Lower triangle of the inverse covariance of the innovations, row by row, with the diagonal.
    precision: Vec<f64>,
}

/// The learned normal behaviour of one tag of a group.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TagModel {
    /// Level, in the tag's unit.
    pub mean: f64,
    /// Spread, in the tag's unit; above zero.
    pub sigma: f64,
    /// Lag-1 correlation, in [0, 1).
    pub phi: f64,
    /// Standard deviation to expect of the smoothed level, in `sigma`.
    pub level_spread: f64,
    /// Independent values that `level_spread` rests on.
    pub freedom: f64,
    /// Did not move, or had hardly a value, while the group learned. The tag takes no part.
    pub is_still: bool,
}

/// Distribution of the smoothed T² on normal data.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Pattern {
    pub(super) mean: f64,
    pub(super) variance: f64,
    pub(super) skewness: f64,
}

impl GroupModel {
    /// A model of what was fitted; `None` when it is not one that can be used.
    pub(super) fn fitted(
        rows: usize,
        tags: Vec<TagModel>,
        pattern: Pattern,
        precision: &DMatrix<f64>,
    ) -> Option<Self> {
        let lower = precision
            .row_iter()
            .enumerate()
            .flat_map(|(row, values)| values.iter().take(row + 1).copied().collect::<Vec<_>>())
            .collect();
        let model = Self {
            version: VERSION,
            rows: u32::try_from(rows).unwrap_or(u32::MAX),
            tags,
            pattern,
            precision: lower,
        };
        model.is_valid().then_some(model)
    }

    /// Rows that it was learned from.
    pub const fn rows(&self) -> u32 {
        self.rows
    }

    /// Its tags, in the order of the values of a row.
    pub fn tags(&self) -> &[TagModel] {
        &self.tags
    }

    /// Whether a detector can stand on it: known version, sizes that match, nothing that is not finite, at least two
    /// tags that move, a positive definite matrix.
    pub fn is_valid(&self) -> bool {
        let size = self.tags.len();
        let moving = self.tags.iter().filter(|tag| !tag.is_still).count();
        self.version == VERSION
            && (TAGS_MIN..=TAGS_MAX).contains(&size)
            && moving >= TAGS_MIN
            && self.precision.len() == size * (size + 1) / 2
            && self.tags.iter().all(TagModel::is_valid)
            && self.pattern.is_valid()
            && self.precision.iter().all(|x| x.is_finite())
            && self.precision().diagonal().iter().all(|x| SANE.contains(x))
            && is_positive(self.precision())
    }

    pub(super) const fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// The whole inverse covariance.
    pub(super) fn precision(&self) -> DMatrix<f64> {
        let size = self.tags.len();
        let at = |row: usize, column: usize| row * (row + 1) / 2 + column;
        DMatrix::from_fn(size, size, |row, column| {
            let place = at(row.max(column), row.min(column));
            self.precision.get(place).copied().unwrap_or(0.0)
        })
    }
}

impl TagModel {
    fn is_valid(&self) -> bool {
        self.mean.is_finite()
            && self.sigma > 0.0
            && self.sigma.is_finite()
            && (1.0 / self.sigma).is_finite()
            && (0.0..1.0).contains(&self.phi)
            && SANE.contains(&self.level_spread)
            && (1.0..=1e9).contains(&self.freedom)
    }
}

impl Pattern {
    fn is_valid(&self) -> bool {
        let all = [self.mean, self.variance, self.skewness];
        all.iter().all(|number| SANE.contains(number))
    }
}

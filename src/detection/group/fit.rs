//! From the learned rows to a model: each tag by itself, then the pattern of all together.

use nalgebra::DMatrix;

use super::covariance::{inverse, shrunk, wandering};
use super::learning::Learning;
use super::model::{GroupModel, Pattern, TagModel};
use super::robust::{centre_and_scale, hold_missing};
use super::{INNOVATION_CLIP, LEVEL_LAMBDA, PATTERN_LAMBDA};

/// Consecutive blocks whose means show how a level wanders.
const WANDER_BLOCKS: usize = 10;
/// Weight of the wandering: how many times farther than in the learned rows a level may go.
const WANDER_WEIGHT: f64 = 5.0;
/// Most of a variance that is put down to wandering.
const WANDER_MAX: f64 = 0.98;
/// Lag-1 correlations beyond these make limits that no fault reaches.
const PHI_MAX_LEVEL: f64 = 0.98;
const PHI_MAX_PATTERN: f64 = 0.99;
/// Fewest independent values that a spread counts as resting on.
const FREEDOM_MIN: f64 = 10.0;
/// Parts of the cross-validation.
const FOLDS: usize = 5;
/// T² of a row is capped at this multiple of the number of tags.
const T2_CAP_PER_TAG: f64 = 20.0;
/// Keeps quotients of a tag that stands still finite.
const TINY: f64 = 1e-9;

/// The model of the learned rows; `None` when fewer than two tags move or arithmetic does not carry.
pub(super) fn fit(learning: &Learning, tags: usize) -> Option<GroupModel> {
    let rows = learning.have();
    let fitted: Vec<Fitted> = (0..tags)
        .map(|tag| fit_tag(learning.column(tag), learning.starts()))
        .collect();
    let innovations = fitted.iter().flat_map(|tag| &tag.innovations).copied();
    let innovations = DMatrix::from_iterator(rows, tags, innovations);
    let wander: Vec<f64> = fitted.iter().map(Fitted::innovation_wander).collect();
    let (pattern, precision) = fit_pattern(&innovations, &wander)?;
    let tags = fitted.into_iter().map(|tag| tag.model).collect();
    GroupModel::fitted(rows, tags, pattern, &precision)
}

/// A tag's model, with what the pattern is fitted on.
struct Fitted {
    model: TagModel,
    innovations: Vec<f64>,
    /// Variance to be expected of the level later and of the estimated mean.
    wander: f64,
}

impl Fitted {
    /// What the wandering level does to the innovation.
    fn innovation_wander(&self) -> f64 {
        (1.0 - self.model.phi) * self.wander.sqrt()
    }
}

fn fit_tag(mut values: Vec<f64>, starts: &[bool]) -> Fitted {
    let is_known = hold_missing(&mut values);
    let standard = centre_and_scale(&values).filter(|_| is_known);
    let is_still = standard.is_none();
    let (mean, sigma) = standard.unwrap_or((0.0, 1.0));
    let standardise = |x: &f64| if is_still { 0.0 } else { (x - mean) / sigma };
    let z: Vec<f64> = values.iter().map(standardise).collect();
    let clipped: Vec<f64> = z.iter().map(|z| clip(*z)).collect();
    let count = z.len() as f64;

    let (wander, spread) = wander(&clipped);
    let phi = lag_one(&clipped, starts);
    // Kendall (1954): the estimate is too low by (1 + 3 phi) / n.
    let unbiased = (phi + (1.0 + 3.0 * phi.clamp(0.0, 1.0)) / count).clamp(0.0, PHI_MAX_LEVEL);
    let level = level_variance(&clipped, spread, unbiased);
    let phi = phi.clamp(0.0, PHI_MAX_PATTERN);
    Fitted {
        model: TagModel {
            mean,
            sigma,
            phi,
            level_spread: (level + wander).sqrt(),
            freedom: (count * (1.0 - unbiased) / (1.0 + unbiased)).max(FREEDOM_MIN),
            is_still,
        },
        innovations: innovations(&z, phi, starts),
        wander,
    }
}

/// Variance that a wandering level will add, and the variance in all.
///
/// With `r` the share of the block means in the variance `V`: `25 V r³ / (1 - r)`, next to nothing for a level that
/// stays and much for one that goes; and a tenth of the variance of the block means for the error of the mean.
fn wander(clipped: &[f64]) -> (f64, f64) {
    let spread = variance(clipped) + TINY;
    let means: Vec<f64> = blocks(clipped.len(), WANDER_BLOCKS)
        .map(|(start, length)| mean(clipped.iter().skip(start).take(length).copied()))
        .collect();
    let parts = WANDER_BLOCKS as f64;
    let between = variance(&means) * parts / (parts - 1.0);
    let share = (between / spread).min(WANDER_MAX);
    let later = WANDER_WEIGHT * WANDER_WEIGHT * spread * share.powi(3) / (1.0 - share);
    (later + between / parts, spread)
}

/// Lag-1 correlation over neighbours.
fn lag_one(clipped: &[f64], starts: &[bool]) -> f64 {
    let pairs = clipped.iter().zip(clipped.iter().skip(1));
    let products: f64 = pairs
        .zip(starts.iter().skip(1))
        .filter(|(_, is_start)| !**is_start)
        .map(|((before, now), _)| before * now)
        .sum();
    products / (clipped.iter().map(|z| z * z).sum::<f64>() + TINY)
}

/// Variance of the EWMA: of an AR(1) signal (Schmid 1997), or as seen when that is more.
fn level_variance(clipped: &[f64], spread: f64, phi: f64) -> f64 {
    let kept = phi * (1.0 - LEVEL_LAMBDA);
    let model = spread * LEVEL_LAMBDA / (2.0 - LEVEL_LAMBDA) * (1.0 + kept) / (1.0 - kept);
    let path = ewma(clipped, LEVEL_LAMBDA, 0.0);
    let settled: Vec<f64> = path.skip(skip_rows(2.0 / LEVEL_LAMBDA)).collect();
    model.max(variance(&settled))
}

/// What the row before does not foretell. A row without a neighbour is scaled to the same variance.
fn innovations(z: &[f64], phi: f64, starts: &[bool]) -> Vec<f64> {
    let mut before = 0.0;
    z.iter()
        .zip(starts)
        .map(|(z, is_start)| {
            let e = if *is_start {
                z * (1.0 - phi * phi).sqrt()
            } else {
                z - phi * before
            };
            before = *z;
            clip(e)
        })
        .collect()
}

/// The pattern and the inverse covariance that it is measured with.
///
/// The limits come from rows that the covariance was not estimated from: each fold is judged by the other four.
fn fit_pattern(innovations: &DMatrix<f64>, wander: &[f64]) -> Option<(Pattern, DMatrix<f64>)> {
    let covariance = shrunk(innovations);
    let wandering = wandering(&covariance, wander);
    let precision = inverse(covariance + &wandering)?;
    let folds: Vec<Vec<f64>> = blocks(innovations.nrows(), FOLDS)
        .map(|(start, length)| held_out(innovations, &wandering, start, length))
        .collect::<Option<_>>()?;
    Some((pattern(&folds), precision))
}

/// T² of the rows of one fold by the covariance of the others.
fn held_out(
    innovations: &DMatrix<f64>,
    wandering: &DMatrix<f64>,
    start: usize,
    length: usize,
) -> Option<Vec<f64>> {
    let others = innovations.clone().remove_rows(start, length);
    let precision = inverse(shrunk(&others) + wandering)?;
    let centre = others.row_mean();
    let cap = T2_CAP_PER_TAG * innovations.ncols() as f64;
    let t2 = |row: nalgebra::RowDVector<f64>| (&row * &precision).dot(&row).min(cap);
    let rows = innovations.rows(start, length);
    let centred = rows.row_iter().map(|row| (row - &centre).map(clip));
    Some(centred.map(t2).collect())
}

/// Mean, variance and skewness of the EWMA of T²: as seen, or as of independent values when that is more.
fn pattern(folds: &[Vec<f64>]) -> Pattern {
    let all: Vec<f64> = folds.iter().flatten().copied().collect();
    let centre = mean(all.iter().copied());
    let smooth: Vec<f64> = folds
        .iter()
        .flat_map(|fold| ewma(fold, PATTERN_LAMBDA, centre))
        .skip(skip_rows(1.0 / PATTERN_LAMBDA))
        .collect();
    let shrinks = PATTERN_LAMBDA / (2.0 - PATTERN_LAMBDA);
    let plain = variance(&all);
    let variance = variance(&smooth).max(plain * shrinks);
    let third = mean(all.iter().map(|t2| (t2 - centre).powi(3)));
    let skewness = third / plain.powf(1.5) * PATTERN_LAMBDA.powi(3)
        / (1.0 - (1.0 - PATTERN_LAMBDA).powi(3))
        / shrinks.powf(1.5);
    // At least that of a gamma distribution.
    Pattern {
        mean: centre,
        variance,
        skewness: skewness.max(2.0 * variance.sqrt() / centre),
    }
}

fn clip(x: f64) -> f64 {
    x.clamp(-INNOVATION_CLIP, INNOVATION_CLIP)
}

fn ewma(values: &[f64], lambda: f64, start: f64) -> impl Iterator<Item = f64> {
    values.iter().scan(start, move |level, value| {
        *level += lambda * (value - *level);
        Some(*level)
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "one over a smoothing factor is a small positive number"
)]
const fn skip_rows(time_constants: f64) -> usize {
    time_constants as usize
}

/// Start and length of `parts` consecutive blocks of `count` rows; the first ones are one longer where it does not
/// divide.
fn blocks(count: usize, parts: usize) -> impl Iterator<Item = (usize, usize)> {
    let (length, longer) = (count / parts, count % parts);
    (0..parts).map(move |part| {
        let start = part * length + part.min(longer);
        (start, length + usize::from(part < longer))
    })
}

pub(super) fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    sum / count
}

pub(super) fn variance(values: &[f64]) -> f64 {
    let centre = mean(values.iter().copied());
    let squares = values
        .iter()
        .map(|value| (value - centre) * (value - centre));
    squares.sum::<f64>() / values.len() as f64
}

//! Resampling of whole production days with a fixed seed: the same data give the same interval.

use super::report::Interval;

/// Resamples of an interval.
pub(super) const DRAWS: usize = 1000;
/// Fewer resamples give no interval.
pub(super) const DRAWS_MIN: usize = 200;
/// Most blocks that are drawn from; beyond it neighbouring days are drawn together.
pub(super) const BLOCKS_MAX: usize = 400;
/// Fewer days say nothing about the spread between days.
pub(super) const BLOCKS_MIN: usize = 5;
const SEED: u64 = 0x5eed_0da7;

/// Block of every record: the rank of its production day, neighbouring days together when there are many.
pub(super) fn blocks(days: &[usize]) -> (Vec<usize>, usize) {
    let distinct: std::collections::BTreeSet<usize> = days.iter().copied().collect();
    let count = distinct.len().min(BLOCKS_MAX);
    let rank: std::collections::BTreeMap<usize, usize> = distinct
        .iter()
        .enumerate()
        .map(|(rank, day)| (*day, rank * count / distinct.len().max(1)))
        .collect();
    let block = |day: &usize| rank.get(day).copied().unwrap_or(0);
    (days.iter().map(block).collect(), count)
}

/// Draws blocks with replacement, `draws` times, and gives `each` how often every block was drawn.
pub(super) fn resample(blocks: usize, draws: usize, mut each: impl FnMut(&[u32])) {
    let mut random = fastrand::Rng::with_seed(SEED);
    let mut times = vec![0_u32; blocks];
    for _ in 0..draws {
        times.fill(0);
        for _ in 0..blocks {
            if let Some(slot) = times.get_mut(random.usize(0..blocks)) {
                *slot += 1;
            }
        }
        each(&times);
    }
}

/// The middle 95 % of resampled values around an estimate; `None` with too few of them.
pub(super) fn interval(estimate: f64, mut values: Vec<f64>) -> Option<Interval> {
    values.retain(|value| value.is_finite());
    if values.len() < DRAWS_MIN {
        return None;
    }
    values.sort_by(f64::total_cmp);
    let cut = values.len() / 40;
    let low = *values.get(cut)?;
    let high = *values.get(values.len() - 1 - cut)?;
    Some(Interval {
        estimate,
        low,
        high,
    })
}

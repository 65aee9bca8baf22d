//! How a value has drifted over months and years, whatever the season did and whatever is missing.
//!
//! 1. Values of days, or of weeks over longer spans, so that there are at most about 2,000.
//! 2. A first slope: the median of the slopes of all pairs of the same season (Hirsch, Slack and Smith 1982).
//! 3. The season: the median, per season, of what that slope leaves over; it is taken off.
//! 4. The slope: the median of the slopes of all pairs of what is left (Theil 1950, Sen 1968).
//! 5. Its confidence interval: order statistics of those slopes after Sen 1968, with the variance of Kendall's S enlarged
//!    for autocorrelation after Hamed and Rao 1998, over the lags until the first that is not significant.

use std::collections::BTreeMap;

use super::error::Result;
use super::number::{float, float_u, round, u64_of};
use super::query::{Aggregate, QueryError};
use super::reader::{Export, Reader};
use super::rollup::Rollup;
use super::rows::Need;
use super::tables::Tier;
use super::view::hours_between;

/// Values that a trend is worked out from at most: 2 million pairs.
const POINTS_MAX: usize = 2_000;
/// Fewer values than this show no trend.
const POINTS_MIN: usize = 12;
/// Up to this many days, each day is a value; over more, each week.
const DAYS_MAX: i32 = 730;
/// Mean length of a year in days.
const YEAR_DAYS: f64 = 365.25;
/// Seasons of a year.
const SEASONS: i64 = 12;
/// A season needs as many values to be known.
const SEASON_MIN: usize = 2;

/// What a trend is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrendOptions {
    /// What of each day or week is looked at: mean, smallest, largest, time-weighted mean (default mean).
    pub of: Aggregate,
    /// Confidence of the interval, above 0.5 and below 1 (default 0.95).
    pub confidence: f64,
}

impl Default for TrendOptions {
    fn default() -> Self {
        Self {
            of: Aggregate::Mean,
            confidence: 0.95,
        }
    }
}

/// A trend and how sure it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Trend {
    /// Change per year of 365.25 days, in the unit of the series.
    pub per_year: f64,
    /// Lower end of the confidence interval of `per_year`.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Value of the line at the first point.
    pub start_value: f64,
    /// Value of the line at the last point.
    pub end_value: f64,
    /// Values it was worked out from.
    pub points: usize,
    /// Days that each value stands for: 1, or a multiple of 7.
    pub step_days: u32,
    /// Steps between the first and the last value that have none, as a share, 0 to 1.
    pub missing: f64,
    /// Independent values that the values are worth.
    pub effective_points: f64,
    /// Whether a yearly pattern was taken off; it takes two years of values.
    pub yearly: bool,
    /// Whether a weekly pattern was taken off.
    pub weekly: bool,
}

impl Trend {
    /// Whether the interval leaves out "no change".
    pub fn is_significant(&self) -> bool {
        self.low > 0.0 || self.high < 0.0
    }
}

/// Why there is no trend.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum TrendError {
    /// Too few values.
    #[error("{have} values are too few for a trend; {need} are needed")]
    TooFew {
        /// Days or weeks with a value.
        have: usize,
        /// The least.
        need: usize,
    },
    /// More values than can be compared pair by pair.
    #[error("{have} values are too many for a trend; {max} can be used")]
    TooMany {
        /// Values given.
        have: usize,
        /// The most.
        max: usize,
    },
    /// Of the aggregates only some have a trend.
    #[error("a trend can be of mean, min, max or weighted_mean, not of {0:?}")]
    Aggregate(Aggregate),
    /// The confidence is none.
    #[error("a confidence of {0} cannot be had; above 0.5 and below 1 can")]
    Confidence(f64),
}

impl Reader {
    /// The trend of a series in a range of time, from the 1-day tier.
    pub fn trend(
        &self,
        export: &Export<'_>,
        options: TrendOptions,
    ) -> Result<Result<Trend, TrendError>> {
        let (from, to) = (export.from, export.to);
        if from >= to {
            return Err(QueryError::Range { from, to }.into());
        }
        let second = |nanos: i64| nanos.div_euclid(1_000_000_000);
        let first = self.calendar.day_of(second(from.as_nanos()));
        let last = self
            .calendar
            .day_of(second(to.as_nanos().saturating_sub(1)));
        let mut days: BTreeMap<i32, Rollup> = BTreeMap::new();
        let hours = hours_between(from.as_nanos(), to.as_nanos());
        self.viewed(export.name, hours, |view, _| {
            let range = first..last.saturating_add(1);
            view.stream(Tier::Day, range, Need::ALL, &mut |(day, row)| {
                days.insert(*day, *row);
            })
        })?;
        Ok(trend_of_days(&days, options))
    }
}

fn trend_of_days(days: &BTreeMap<i32, Rollup>, options: TrendOptions) -> Result<Trend, TrendError> {
    let (Some((first, _)), Some((last, _))) = (days.first_key_value(), days.last_key_value())
    else {
        return Err(TrendError::TooFew {
            have: 0,
            need: POINTS_MIN,
        });
    };
    let span = last - first + 1;
    let mut step = if span <= DAYS_MAX { 1 } else { 7 };
    while span / step >= 1_900 {
        step += 7;
    }
    let mut parts: BTreeMap<i32, Rollup> = BTreeMap::new();
    for (day, row) in days {
        // From Monday: day 0 was a Thursday.
        parts
            .entry((day + 3).div_euclid(step))
            .or_default()
            .merge(row);
    }
    let value = |row: &Rollup| match options.of {
        Aggregate::Mean => Ok((row.n > 0).then_some(row.mean)),
        Aggregate::Min => Ok((row.n > 0).then_some(row.min)),
        Aggregate::Max => Ok((row.n > 0).then_some(row.max)),
        Aggregate::WeightedMean => Ok(row.weighted_mean()),
        other => Err(TrendError::Aggregate(other)),
    };
    let mut points = Vec::new();
    for (part, row) in &parts {
        if let Some(value) = value(row)? {
            points.push((i64::from(part * step), value));
        }
    }
    trend_of(
        &points,
        u32::try_from(step).unwrap_or(1),
        options.confidence,
    )
}

/// The trend of values on a grid of days: number of the day and value, in order, `step_days` apart or a multiple of it.
pub fn trend_of(
    points: &[(i64, f64)],
    step_days: u32,
    confidence: f64,
) -> Result<Trend, TrendError> {
    let points: Vec<(i64, f64)> = points
        .iter()
        .copied()
        .filter(|(_, v)| v.is_finite())
        .collect();
    if points.len() > POINTS_MAX {
        return Err(TrendError::TooMany {
            have: points.len(),
            max: POINTS_MAX,
        });
    }
    if !(confidence > 0.5 && confidence < 1.0) {
        return Err(TrendError::Confidence(confidence));
    }
    if points.len() < POINTS_MIN {
        return Err(TrendError::TooFew {
            have: points.len(),
            need: POINTS_MIN,
        });
    }
    Ok(judged(&points, i64::from(step_days.max(1)), confidence))
}

/// The trend of enough points.
fn judged(points: &[(i64, f64)], step_days: i64, confidence: f64) -> Trend {
    let first = points.first().map_or(0, |(day, _)| *day);
    let last = points.last().map_or(0, |(day, _)| *day);
    let steps = (last - first) / step_days + 1;
    let span = float(last - first);
    let weekly = step_days == 1 && span >= 28.0;
    let yearly = span >= 2.0 * YEAR_DAYS - 31.0;
    let mut adjusted = points.to_vec();
    if weekly {
        adjust(&mut adjusted, &|day| (day + 3).rem_euclid(7));
    }
    if yearly {
        adjust(&mut adjusted, &season_of);
    }
    let mut slopes = slopes(&adjusted, &|_, _| true);
    slopes.sort_by(f64::total_cmp);
    let slope = middle(&slopes);
    let rest: Vec<f64> = adjusted
        .iter()
        .map(|(day, value)| value - slope * float(day - first))
        .collect();
    let enlarged = enlargement(&adjusted, &rest, step_days);
    let n = float_u(u64::try_from(points.len()).unwrap_or(0));
    let variance = kendall_variance(&adjusted) * enlarged;
    let reach = normal_quantile(0.5 + confidence / 2.0) * variance.sqrt();
    let pairs = float_u(u64::try_from(slopes.len()).unwrap_or(0));
    let at = |rank: f64| {
        let place = usize::try_from(u64_of(round(rank))).unwrap_or(0);
        slopes
            .get(place.min(slopes.len().saturating_sub(1)))
            .copied()
            .unwrap_or(slope)
    };
    let mut ordered = rest;
    ordered.sort_by(f64::total_cmp);
    let start_value = middle(&ordered);
    Trend {
        per_year: slope * YEAR_DAYS,
        low: at((pairs - reach) / 2.0 - 1.0) * YEAR_DAYS,
        high: at(f64::midpoint(pairs, reach)) * YEAR_DAYS,
        start_value,
        end_value: start_value + slope * span,
        points: points.len(),
        step_days: u32::try_from(step_days).unwrap_or(u32::MAX),
        missing: (1.0 - n / float(steps.max(1))).max(0.0),
        effective_points: n / enlarged,
        yearly,
        weekly,
    }
}

/// One of twelve parts of the year.
fn season_of(day: i64) -> i64 {
    let of_year = float(day).rem_euclid(YEAR_DAYS) / YEAR_DAYS;
    round((of_year * float(SEASONS)).floor()).clamp(0, SEASONS - 1)
}

/// Takes off the pattern of a season.
fn adjust(points: &mut [(i64, f64)], season: &dyn Fn(i64) -> i64) {
    let mut first = slopes(points, &|a, b| season(a) == season(b));
    first.sort_by(f64::total_cmp);
    let slope = middle(&first);
    let mut left: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
    for (day, value) in points.iter() {
        left.entry(season(*day))
            .or_default()
            .push(value - slope * float(*day));
    }
    let medians: BTreeMap<i64, f64> = left
        .into_iter()
        .filter(|(_, values)| values.len() >= SEASON_MIN)
        .map(|(season, mut values)| {
            values.sort_by(f64::total_cmp);
            (season, middle(&values))
        })
        .collect();
    let mut levels: Vec<f64> = medians.values().copied().collect();
    levels.sort_by(f64::total_cmp);
    let level = middle(&levels);
    for (day, value) in points {
        *value -= medians
            .get(&season(*day))
            .map_or(0.0, |median| median - level);
    }
}

/// The slopes of all pairs that are wanted, per day.
fn slopes(points: &[(i64, f64)], wanted: &dyn Fn(i64, i64) -> bool) -> Vec<f64> {
    let mut slopes = Vec::new();
    for (i, (day, value)) in points.iter().enumerate() {
        for (later, then) in points.iter().skip(i + 1) {
            if later > day && wanted(*day, *later) {
                slopes.push((then - value) / float(later - day));
            }
        }
    }
    slopes
}

/// The median of sorted values; 0 of none.
fn middle(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    let upper = sorted.get(half).copied().unwrap_or(0.0);
    if sorted.len() % 2 == 1 {
        return upper;
    }
    let lower = half.checked_sub(1).and_then(|i| sorted.get(i)).copied();
    lower.map_or(upper, |lower| f64::midpoint(lower, upper))
}

/// Variance of Kendall's S with ties: `(n(n-1)(2n+5) - sum t(t-1)(2t+5)) / 18`.
fn kendall_variance(points: &[(i64, f64)]) -> f64 {
    let term = |n: usize| {
        let n = float_u(u64::try_from(n).unwrap_or(0));
        n * (n - 1.0) * (2.0 * n + 5.0)
    };
    let mut values: Vec<f64> = points.iter().map(|(_, value)| *value).collect();
    values.sort_by(f64::total_cmp);
    let ties: f64 = values
        .chunk_by(|a, b| a.total_cmp(b).is_eq())
        .map(|tied| term(tied.len()))
        .sum();
    ((term(points.len()) - ties) / 18.0).max(0.0)
}

/// By how much autocorrelation enlarges the variance of S (Hamed and Rao 1998, equation 10); at least 1.
fn enlargement(points: &[(i64, f64)], rest: &[f64], step_days: i64) -> f64 {
    let ranks = ranks(rest);
    let n = float_u(u64::try_from(ranks.len()).unwrap_or(0));
    let mean = f64::midpoint(n, 1.0);
    let by_day: BTreeMap<i64, f64> = points
        .iter()
        .zip(&ranks)
        .map(|((day, _), rank)| (*day, rank - mean))
        .collect();
    let total: f64 = by_day.values().map(|r| r * r).sum();
    if total <= 0.0 {
        return 1.0;
    }
    let mut sum = 0.0;
    let lags = i64::try_from(points.len() / 4).unwrap_or(0);
    for lag in 1..=lags {
        let products = by_day
            .iter()
            .filter_map(|(day, r)| Some(r * by_day.get(&(day + lag * step_days))?));
        let (count, product) = products.fold((0.0, 0.0), |(count, sum), p| (count + 1.0, sum + p));
        if count < 3.0 {
            continue;
        }
        let rho = product / count / (total / n);
        if rho <= 1.96 / n.sqrt() {
            break;
        }
        let left = n - float(lag);
        sum += left * (left - 1.0) * (left - 2.0) * rho.min(1.0);
    }
    (1.0 + 2.0 * sum / (n * (n - 1.0) * (n - 2.0))).max(1.0)
}

/// Ranks from 1, equal values sharing the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<(usize, f64)> = values.iter().copied().enumerate().collect();
    order.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0.0;
    for tied in order.chunk_by(|a, b| a.1.total_cmp(&b.1).is_eq()) {
        let count = float_u(u64::try_from(tied.len()).unwrap_or(0));
        for (place, _) in tied {
            if let Some(rank) = ranks.get_mut(*place) {
                *rank = before + f64::midpoint(count, 1.0);
            }
        }
        before += count;
    }
    ranks
}

/// Quantile of the standard normal distribution above its middle (Abramowitz and Stegun 1964, 26.2.23; error below
/// 4.5e-4).
fn normal_quantile(p: f64) -> f64 {
    let t = (-2.0 * (1.0 - p).ln()).sqrt();
    let above = 2.515_517 + t * (0.802_853 + t * 0.010_328);
    let below = 1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308));
    t - above / below
}

#[cfg(test)]
mod tests {
    #![expect(clippy::float_cmp, reason = "what is exact is compared as such")]

    use super::*;

    /// Weekly values: a slope per year, a yearly wave, AR(1) noise with standard deviation 1.
    fn weekly(weeks: i64, per_year: f64, wave: f64, phi: f64, seed: u64) -> Vec<(i64, f64)> {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut normal = move || (0..12).map(|_| random.f64()).sum::<f64>() - 6.0;
        let mut noise = normal();
        (0..weeks)
            .map(|week| {
                noise = phi * noise + (1.0 - phi * phi).sqrt() * normal();
                let years = float(week * 7) / YEAR_DAYS;
                let season = wave * (years * std::f64::consts::TAU).sin();
                (20_000 + week * 7, 50.0 + per_year * years + season + noise)
            })
            .collect()
    }

    #[test]
    fn a_line_is_found_exactly() {
        let line: Vec<(i64, f64)> = (0..40).map(|day| (day, 3.0 + 0.5 * float(day))).collect();
        let trend = trend_of(&line, 1, 0.95).unwrap();
        assert!((trend.per_year - 0.5 * YEAR_DAYS).abs() < 1e-9, "{trend:?}");
        assert!((trend.start_value - 3.0).abs() < 1e-9);
        assert!((trend.end_value - 22.5).abs() < 1e-9);
        assert!(trend.is_significant() && trend.weekly && !trend.yearly);
        assert_eq!((trend.points, trend.missing), (40, 0.0));
    }

    #[test]
    fn sens_example_of_gilbert_is_met() {
        // Gilbert 1987, example 16.1 uses the median of pairwise slopes: 1..=4 with values 10, 14, 11, 22 has the
        // slopes 4, 0.5, 4, -3, 4, 11.
        let mut slopes = slopes(&[(1, 10.0), (2, 14.0), (3, 11.0), (4, 22.0)], &|_, _| true);
        slopes.sort_by(f64::total_cmp);
        assert_eq!(slopes, [-3.0, 0.5, 4.0, 4.0, 4.0, 11.0]);
        assert_eq!(middle(&slopes), 4.0);
    }

    #[test]
    fn the_variance_of_s_counts_ties() {
        let points: Vec<(i64, f64)> = (0..10).map(|i| (i, float(i))).collect();
        assert_eq!(kendall_variance(&points), 125.0);
        let tied: Vec<(i64, f64)> = (0..10).map(|i| (i, float(i / 2))).collect();
        assert_eq!(kendall_variance(&tied), 125.0 - 5.0 * 2.0 * 9.0 / 18.0);
        assert_eq!(kendall_variance(&[(0, 1.0); 3]), 0.0);
    }

    #[test]
    fn the_interval_covers_the_truth_about_as_often_as_it_says() {
        for phi in [0.0, 0.5, 0.7] {
            let covered = (0..100).filter(|seed| {
                let trend = trend_of(&weekly(260, 0.4, 5.0, phi, *seed), 7, 0.95).unwrap();
                assert!(trend.yearly);
                trend.low <= 0.4 && 0.4 <= trend.high
            });
            let covered = covered.count();
            assert!(covered >= 86, "phi {phi}: {covered} of 100");
        }
    }

    #[test]
    fn outliers_and_missing_months_do_not_turn_it() {
        let mut points = weekly(300, 1.0, 3.0, 0.3, 7);
        points.retain(|(day, _)| !(20_400..20_700).contains(day));
        for i in [10, 50, 90, 200] {
            points[i].1 += 500.0;
        }
        points.push((20_000 + 301 * 7, f64::NAN));
        let trend = trend_of(&points, 7, 0.95).unwrap();
        assert!((trend.per_year - 1.0).abs() < 0.25, "{trend:?}");
        assert!((0.1..0.2).contains(&trend.missing), "{trend:?}");
    }

    #[test]
    fn noise_alone_is_no_trend() {
        let trend = trend_of(&weekly(260, 0.0, 10.0, 0.3, 3), 7, 0.99).unwrap();
        assert!(!trend.is_significant(), "{trend:?}");
        assert!(trend.effective_points < 260.0);
    }

    #[test]
    fn what_cannot_be_judged_is_refused_with_a_reason() {
        let line: Vec<(i64, f64)> = (0..11).map(|day| (day, 1.0)).collect();
        assert_eq!(
            trend_of(&line, 1, 0.95),
            Err(TrendError::TooFew { have: 11, need: 12 })
        );
        assert_eq!(
            trend_of(&[], 1, 0.95),
            Err(TrendError::TooFew { have: 0, need: 12 })
        );
        let many: Vec<(i64, f64)> = (0..2_001).map(|day| (day, 1.0)).collect();
        assert_eq!(
            trend_of(&many, 1, 0.95),
            Err(TrendError::TooMany {
                have: 2_001,
                max: 2_000
            })
        );
        assert_eq!(
            trend_of(&many[..20], 1, 1.0),
            Err(TrendError::Confidence(1.0))
        );
        let options = TrendOptions {
            of: Aggregate::Std,
            ..TrendOptions::default()
        };
        let days: BTreeMap<i32, Rollup> = (0..20).map(|day| (day, Rollup::default())).collect();
        assert_eq!(
            trend_of_days(&days, options),
            Err(TrendError::Aggregate(Aggregate::Std))
        );
        assert_eq!(
            trend_of_days(&BTreeMap::new(), options),
            Err(TrendError::TooFew { have: 0, need: 12 })
        );
    }

    #[test]
    fn a_value_that_never_changes_has_no_trend() {
        let flat: Vec<(i64, f64)> = (0..100).map(|day| (day, 7.0)).collect();
        let trend = trend_of(&flat, 1, 0.95).unwrap();
        assert_eq!((trend.per_year, trend.low, trend.high), (0.0, 0.0, 0.0));
    }

    #[test]
    fn decades_are_judged_by_longer_steps() {
        let days: BTreeMap<i32, Rollup> = (0..20_000)
            .map(|day| {
                let mean = f64::from(day) * 0.01;
                (
                    day,
                    Rollup {
                        n: 1,
                        mean,
                        min: mean,
                        max: mean,
                        ..Rollup::default()
                    },
                )
            })
            .collect();
        let trend = trend_of_days(&days, TrendOptions::default()).unwrap();
        assert!((trend.per_year - 3.652_5).abs() < 0.01, "{trend:?}");
        assert!(trend.points <= POINTS_MAX && trend.step_days > 7);
        let options = TrendOptions {
            of: Aggregate::Max,
            ..TrendOptions::default()
        };
        assert!(trend_of_days(&days, options).unwrap().per_year > 0.0);
    }
}

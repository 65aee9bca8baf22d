//! Whether a rate of defects rises or falls.
//!
//! Given the total, the defects of periods with exposures `e_i` are spread over them like `e_i exp(b t_i)`. The score test
//! of `b = 0` is `z = sum t_i (c_i - C e_i / E) / sqrt(C var_e(t))` (Armitage 1955; Cox and Lewis 1966), and `b` itself is
//! the slope of the log rate. Where the periods scatter more than Poisson, `z` is divided by the square root of the
//! dispersion and compared with Student's t (quasi-likelihood, Wedderburn 1974).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::tally::{DefectRecord, Production, TallyScope, total_units};
use crate::model::Timestamp;
use crate::quality::distribution::{normal_two_sided, student_two_sided};
use crate::quality::error::QualityError;
use crate::quality::number::finite;

/// Fewest periods with production.
const PERIODS_MIN: usize = 6;
/// Fewest defects in all periods.
const DEFECTS_MIN: u64 = 10;
/// Probability of a trend this strong by chance, below which it is one.
const P_MAX: f64 = 0.05;
/// Newton steps for the slope; the likelihood is concave and each doubles the digits.
const STEPS_MAX: usize = 50;
/// Steepest slope looked for: the rate changes by this factor over the whole time, as a logarithm.
const SLOPE_MAX: f64 = 30.0;

/// A period, half open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// From, inclusive.
    pub from: Timestamp,
    /// To, exclusive.
    pub to: Timestamp,
}

impl Period {
    fn contains(&self, time: Timestamp) -> bool {
        self.from <= time && time < self.to
    }
}

/// Defects of one period.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PeriodCount {
    /// Defects.
    pub defects: u64,
    /// Units made; a period without any is left out.
    pub units: f64,
}

/// What a trend comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrendVerdict {
    /// More and more.
    Rising,
    /// Fewer and fewer.
    Falling,
    /// Nothing that chance would not make.
    NoTrend,
    /// Too few periods or defects to tell.
    TooFew,
}

/// The trend of a rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trend {
    /// The verdict.
    pub verdict: TrendVerdict,
    /// Periods with production.
    pub periods: usize,
    /// Defects in them.
    pub defects: u64,
    /// Probability of a trend at least this strong by chance; `None` where there is too little to tell.
    pub p: Option<f64>,
    /// `p` corrected for the number of categories that were tested together (Benjamini and Hochberg 1995).
    pub q: Option<f64>,
    /// Factor by which the rate changes per period; `None` where there is too little to tell, or all defects lie at one
    /// end.
    pub factor_per_period: Option<f64>,
    /// Scatter of the periods over that of chance, 1 at least.
    pub dispersion: Option<f64>,
}

/// Tests the trend of one rate over equally long periods in order of time.
pub fn rate_trend(counts: &[PeriodCount]) -> Trend {
    let usable = |count: &PeriodCount| count.units > 0.0 && count.units.is_finite();
    let points: Vec<Point> = counts
        .iter()
        .enumerate()
        .filter(|(_, count)| usable(count))
        .map(|(time, count)| Point {
            time: time as f64,
            defects: count.defects as f64,
            units: count.units,
        })
        .collect();
    let defects = counts
        .iter()
        .filter(|count| usable(count))
        .fold(0_u64, |sum, count| sum.saturating_add(count.defects));
    let none = Trend {
        verdict: TrendVerdict::TooFew,
        periods: points.len(),
        defects,
        p: None,
        q: None,
        factor_per_period: None,
        dispersion: None,
    };
    if points.len() < PERIODS_MIN || defects < DEFECTS_MIN {
        return none;
    }
    let Some((score, dispersion)) = score(&points) else {
        return none;
    };
    let p = if dispersion > 1.0 {
        student_two_sided(score / dispersion.sqrt(), (points.len() - 2) as f64)
    } else {
        Some(normal_two_sided(score))
    };
    Trend {
        verdict: verdict(score, p),
        p,
        q: p,
        factor_per_period: slope(&points).and_then(|slope| finite(slope.exp())),
        dispersion: Some(dispersion),
        ..none
    }
}

fn verdict(score: f64, p: Option<f64>) -> TrendVerdict {
    match p {
        None => TrendVerdict::TooFew,
        Some(p) if p >= P_MAX => TrendVerdict::NoTrend,
        Some(_) if score > 0.0 => TrendVerdict::Rising,
        Some(_) => TrendVerdict::Falling,
    }
}

#[derive(Debug, Clone, Copy)]
struct Point {
    time: f64,
    defects: f64,
    units: f64,
}

/// Moments of time under weights: total, mean, variance.
fn moments(points: &[Point], weight: impl Fn(&Point) -> f64) -> (f64, f64, f64) {
    let total: f64 = points.iter().map(&weight).sum();
    let mean = points
        .iter()
        .map(|point| weight(point) / total * point.time)
        .sum::<f64>();
    let variance = points
        .iter()
        .map(|point| weight(point) / total * (point.time - mean).powi(2))
        .sum::<f64>();
    (total, mean, variance)
}

/// The score test and the dispersion around the fitted trend.
fn score(points: &[Point]) -> Option<(f64, f64)> {
    let (units, time, variance) = moments(points, |point| point.units);
    let defects: f64 = points.iter().map(|point| point.defects).sum();
    let lean: f64 = points
        .iter()
        .map(|point| point.defects * (point.time - time))
        .sum();
    let score = finite(lean / (defects * variance).sqrt())?;
    let slope = slope(points).unwrap_or(0.0);
    let growth = |point: &Point| point.units / units * (slope * (point.time - time)).exp();
    let all: f64 = points.iter().map(growth).sum();
    let pearson: f64 = points
        .iter()
        .map(|point| {
            let expected = defects * growth(point) / all;
            (point.defects - expected).powi(2) / expected
        })
        .sum();
    let dispersion = finite(pearson / (points.len() - 2) as f64)?;
    Some((score, dispersion.max(1.0)))
}

/// The slope of the log rate per period; `None` where all defects lie in the first or last period.
fn slope(points: &[Point]) -> Option<f64> {
    let (first, last) = (points.first()?.time, points.last()?.time);
    let steepest = SLOPE_MAX / (last - first).max(1.0);
    let (defects, centre, _) = moments(points, |point| point.defects);
    if defects <= 0.0 || centre <= first || centre >= last {
        return None;
    }
    let mut slope: f64 = 0.0;
    for _ in 0..STEPS_MAX {
        // Times are counted from the middle, so that no exponential overflows.
        let middle = f64::midpoint(first, last);
        let (_, mean, variance) = moments(points, |point| {
            point.units * (slope * (point.time - middle)).exp()
        });
        let step = finite((centre - mean) / variance)?;
        // Far steps overshoot where the likelihood is flat.
        let bound = steepest / 10.0;
        slope = (slope + step.clamp(-bound, bound)).clamp(-steepest, steepest);
        if step.abs() < 1e-12 {
            break;
        }
    }
    Some(slope)
}

/// Most periods that are counted.
const PERIODS_MAX: usize = 10_000;

/// Tests the trend of every category over periods in order of time, in the order of their names. What lies in no period is
/// not counted, and of overlapping periods the first counts; more than 10 000 periods are refused.
pub fn category_trends(
    defects: &[DefectRecord],
    production: &[Production],
    scope: &TallyScope,
    periods: &[Period],
) -> Result<BTreeMap<String, Trend>, QualityError> {
    total_units(production)?;
    if periods.len() > PERIODS_MAX {
        return Err(QualityError::Setting {
            name: "periods",
            value: periods.len() as f64,
            allowed: "up to 10000 are",
        });
    }
    let place = |time: Timestamp| {
        let after = periods.partition_point(|period| period.to <= time);
        periods
            .get(after)
            .filter(|period| period.contains(time))
            .map(|_| after)
    };
    let mut empty = vec![
        PeriodCount {
            defects: 0,
            units: 0.0
        };
        periods.len()
    ];
    for made in production {
        if let Some(count) = place(made.at).and_then(|place| empty.get_mut(place)) {
            count.units += made.units;
        }
    }
    let mut counts: BTreeMap<&str, BTreeMap<usize, u64>> = BTreeMap::new();
    for record in defects.iter().filter(|record| record.count > 0) {
        if let Some(place) = place(record.at) {
            let own = counts
                .entry(scope.category(record))
                .or_default()
                .entry(place)
                .or_default();
            *own = own.saturating_add(record.count);
        }
    }
    let mut trends: BTreeMap<String, Trend> = counts
        .into_iter()
        .map(|(category, own)| {
            let mut filled = empty.clone();
            for (place, defects) in own {
                if let Some(count) = filled.get_mut(place) {
                    count.defects = defects;
                }
            }
            (category.to_owned(), rate_trend(&filled))
        })
        .collect();
    correct(&mut trends);
    Ok(trends)
}

/// Corrects `p` for the number of trends, and takes back a verdict that does not stand it.
fn correct(trends: &mut BTreeMap<String, Trend>) {
    let mut tested: Vec<(&String, f64)> = trends
        .iter()
        .filter_map(|(name, trend)| Some((name, trend.p?)))
        .collect();
    tested.sort_by(|a, b| b.1.total_cmp(&a.1));
    let count = tested.len();
    let mut least: f64 = 1.0;
    let mut corrected: BTreeMap<String, f64> = BTreeMap::new();
    for (above, (name, p)) in tested.into_iter().enumerate() {
        least = least.min(p * count as f64 / (count - above) as f64);
        corrected.insert(name.clone(), least);
    }
    for (name, q) in corrected {
        if let Some(trend) = trends.get_mut(&name) {
            trend.q = Some(q);
            if q >= P_MAX {
                trend.verdict = TrendVerdict::NoTrend;
            }
        }
    }
}

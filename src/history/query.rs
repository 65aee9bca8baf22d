//! What may be asked, and the grid of buckets that an answer has.

use std::time::Duration;

use super::calendar::Calendar;
use super::number::{i32_of, i64_of};
use super::tables::Tier;
use crate::model::Timestamp;

/// Buckets of one answer, all series together: 160 MB of numbers per aggregate.
const CELLS_MAX: usize = 20_000_000;
/// Series of one query.
const SERIES_MAX: usize = 20_000;
/// From this range on, one that does not begin on the hour is rounded to hours.
const ROUNDED_FROM_MS: i64 = 48 * 3_600_000;
/// Steps that an automatic one is chosen from, in seconds, up to half a day; then a day, a week, a month.
const NICE_S: [i64; 16] = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 21_600, 43_200,
];

/// A statistic per bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Aggregate {
    /// Mean of the Good values, each sample weighing the same.
    Mean,
    /// Smallest Good value.
    Min,
    /// Largest Good value.
    Max,
    /// Standard deviation of the Good values (n - 1).
    Std,
    /// Number of Good values.
    Count,
    /// Mean over time of the value that stood.
    WeightedMean,
    /// A percentile of the Good values, 0 to 100; linear between order statistics (Hyndman and Fan 1996, type 7).
    Percentile(f64),
    /// Earliest Good value.
    First,
    /// Latest Good value.
    Last,
}

impl Aggregate {
    /// As in column heads and JSON: `mean`, `p95`, `p99.9`.
    pub fn name(self) -> String {
        match self {
            Self::Mean => "mean".to_owned(),
            Self::Min => "min".to_owned(),
            Self::Max => "max".to_owned(),
            Self::Std => "std".to_owned(),
            Self::Count => "count".to_owned(),
            Self::WeightedMean => "weighted_mean".to_owned(),
            Self::Percentile(p) => format!("p{p}"),
            Self::First => "first".to_owned(),
            Self::Last => "last".to_owned(),
        }
    }

    /// The inverse of [`Aggregate::name`].
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "mean" => Self::Mean,
            "min" => Self::Min,
            "max" => Self::Max,
            "std" => Self::Std,
            "count" => Self::Count,
            "weighted_mean" => Self::WeightedMean,
            "first" => Self::First,
            "last" => Self::Last,
            _ => {
                let p: f64 = name.strip_prefix('p')?.parse().ok()?;
                (0.0..=100.0).contains(&p).then_some(Self::Percentile(p))?
            }
        })
    }
}

/// How long buckets are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The shortest usual step that makes no more buckets than this.
    Auto(usize),
    /// All of this length, from the (rounded) beginning of the range; at least a second.
    Fixed(Duration),
    /// This many local days.
    Days(u32),
    /// This many local weeks, from Monday.
    Weeks(u32),
    /// This many local months.
    Months(u32),
}

impl Step {
    /// As in tables and JSON: `15m`, `1d`, `1mo`.
    pub fn name(self) -> String {
        match self {
            Self::Auto(points) => format!("auto({points})"),
            Self::Fixed(length) => match length.as_secs() {
                s if s % 3_600 == 0 => format!("{}h", s / 3_600),
                s if s % 60 == 0 => format!("{}m", s / 60),
                s => format!("{s}s"),
            },
            Self::Days(n) => format!("{n}d"),
            Self::Weeks(n) => format!("{n}w"),
            Self::Months(n) => format!("{n}mo"),
        }
    }
}

/// What is wanted of some series.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// Names of the series.
    pub series: Vec<String>,
    /// First moment.
    pub from: Timestamp,
    /// Moment after the last.
    pub to: Timestamp,
    /// Length of the buckets.
    pub step: Step,
    /// Statistics, in the order of the answer's columns.
    pub aggregates: Vec<Aggregate>,
}

/// Why a query cannot be answered.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum QueryError {
    /// The range has no length.
    #[error("the range from {from} to {to} is empty")]
    Range {
        /// Its beginning.
        from: Timestamp,
        /// Its end.
        to: Timestamp,
    },
    /// The step is not one that buckets can have.
    #[error(
        "a step of {0:?} cannot be used; whole seconds, and whole days, weeks or months of the calendar can"
    )]
    Step(Step),
    /// The answer would be too large.
    #[error(
        "{series} series of {buckets} buckets are too much for one answer; {max} buckets in all can be had"
    )]
    TooLarge {
        /// Series asked for.
        series: usize,
        /// Buckets per series.
        buckets: usize,
        /// Most in all.
        max: usize,
    },
    /// A percentile is outside 0 to 100.
    #[error("percentile {0} is outside 0 to 100")]
    Percentile(f64),
    /// Nothing is asked for.
    #[error("a query names at least one series and one aggregate")]
    Nothing,
}

/// The buckets of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Grid {
    /// The tier whose rows make up the buckets.
    pub(super) tier: Tier,
    /// The step that was chosen.
    pub(super) step: Step,
    /// Edges in milliseconds: one more than buckets.
    pub(super) edges_ms: Vec<i64>,
    /// The same as row numbers of the tier; milliseconds do for raw samples.
    pub(super) edges_row: Vec<i32>,
}

impl Query {
    /// Checks the query and lays out its buckets.
    pub(super) fn grid(&self, calendar: &Calendar) -> Result<Grid, QueryError> {
        let (from, to) = (self.from, self.to);
        if from >= to {
            return Err(QueryError::Range { from, to });
        }
        if self.series.is_empty() || self.aggregates.is_empty() {
            return Err(QueryError::Nothing);
        }
        for aggregate in &self.aggregates {
            if let Aggregate::Percentile(p) = aggregate
                && !(0.0..=100.0).contains(p)
            {
                return Err(QueryError::Percentile(*p));
            }
        }
        let span = Span {
            from_ms: from.as_millis(),
            to_ms: to.as_nanos().div_euclid(1_000_000) + i64::from(to.as_nanos() % 1_000_000 != 0),
        };
        let buckets_max = CELLS_MAX / self.series.len().max(1);
        let too_large = |buckets: i64| QueryError::TooLarge {
            series: self.series.len(),
            buckets: usize::try_from(buckets).unwrap_or(usize::MAX),
            max: CELLS_MAX,
        };
        if self.series.len() > SERIES_MAX {
            return Err(too_large(1));
        }
        let step = match self.step {
            Step::Auto(points) => automatic(&span, points),
            step => step,
        };
        let expected =
            (span.to_ms - span.from_ms) / length_ms(step).ok_or(QueryError::Step(step))?;
        if usize::try_from(expected).unwrap_or(usize::MAX) > buckets_max {
            return Err(too_large(expected));
        }
        match step {
            Step::Fixed(length) => {
                let aligned = matches!(self.step, Step::Auto(_));
                fixed(&span, i64_of(length.as_secs()) * 1_000, aligned)
                    .ok_or(QueryError::Step(step))
            }
            step => Ok(days(&span, step, calendar)),
        }
    }
}

struct Span {
    from_ms: i64,
    to_ms: i64,
}

/// The usual length of a step; `None` when it cannot be used.
fn length_ms(step: Step) -> Option<i64> {
    const DAY_MS: i64 = 86_400_000;
    let length = match step {
        Step::Auto(_) => return None,
        Step::Fixed(length) => {
            let whole = length.subsec_nanos() == 0 && length.as_secs() < 1 << 40;
            whole.then(|| i64_of(length.as_secs()) * 1_000)?
        }
        Step::Days(n) => i64::from(n) * DAY_MS,
        Step::Weeks(n) => i64::from(n) * 7 * DAY_MS,
        Step::Months(n) => i64::from(n) * 30 * DAY_MS,
    };
    (length > 0).then_some(length)
}

fn automatic(span: &Span, points: usize) -> Step {
    let points = i64::try_from(points.max(1)).unwrap_or(i64::MAX);
    let length = span.to_ms.saturating_sub(span.from_ms);
    // The first and the last bucket may be cut.
    let fits = |step_ms: i64| length / step_ms + i64::from(points > 2) <= points;
    if let Some(step_s) = NICE_S.iter().find(|step_s| fits(**step_s * 1_000)) {
        return Step::Fixed(Duration::from_secs(super::number::u64_of(*step_s)));
    }
    let calendar = [
        Step::Days(1),
        Step::Weeks(1),
        Step::Months(1),
        Step::Months(3),
    ];
    let usual = calendar
        .into_iter()
        .find(|step| length_ms(*step).is_some_and(fits));
    usual.unwrap_or_else(|| {
        let months = length / points.max(1) / (30 * 86_400_000) + 1;
        Step::Months(u32::try_from(months).unwrap_or(u32::MAX))
    })
}

/// Buckets of equal length. They begin where the range does, rounded down to the rows of the tier that serves them: to
/// the hour for steps of whole hours over two days or more, else to the minute.
fn fixed(span: &Span, step_ms: i64, aligned: bool) -> Option<Grid> {
    let whole_hours = step_ms % 3_600_000 == 0;
    let on_hours = span.from_ms % 3_600_000 == 0 && span.to_ms % 3_600_000 == 0;
    let long = span.to_ms - span.from_ms >= ROUNDED_FROM_MS;
    let (tier, unit) = if whole_hours && (on_hours || long || aligned) {
        (Tier::Hour, 3_600_000)
    } else if step_ms % 60_000 == 0 {
        (Tier::Minute, 60_000)
    } else if step_ms % 1_000 == 0 {
        (Tier::Raw, 1_000)
    } else {
        return None;
    };
    let start_ms = span.from_ms
        - span
            .from_ms
            .rem_euclid(if aligned { step_ms } else { unit });
    let end_ms = span
        .to_ms
        .saturating_add((unit - span.to_ms.rem_euclid(unit)) % unit);
    let mut edges_ms = vec![start_ms];
    let mut edge = start_ms;
    while edge < end_ms {
        edge = edge
            .saturating_add(step_ms)
            .min(if aligned { i64::MAX } else { end_ms });
        edges_ms.push(edge);
    }
    let edges_row = edges_ms
        .iter()
        .map(|ms| i32_of(ms.div_euclid(unit)))
        .collect();
    let step = Step::Fixed(Duration::from_millis(super::number::u64_of(step_ms)));
    Some(Grid {
        tier,
        step,
        edges_ms,
        edges_row,
    })
}

/// Buckets of local days, weeks or months; the first and the last are whole.
fn days(span: &Span, step: Step, calendar: &Calendar) -> Grid {
    let first = calendar.day_of(span.from_ms.div_euclid(1_000));
    let last = calendar.day_of((span.to_ms - 1).div_euclid(1_000));
    let next = |day: i32| match step {
        Step::Weeks(n) => day.saturating_add(i32_of(i64::from(n) * 7)),
        Step::Months(n) => (0..n.min(12_000)).fold(day, |day, _month| Calendar::next_month(day)),
        Step::Days(n) => day.saturating_add(i32::try_from(n).unwrap_or(i32::MAX)),
        Step::Auto(_) | Step::Fixed(_) => day.saturating_add(1),
    };
    let mut day = match step {
        Step::Weeks(_) => Calendar::week_of(first),
        Step::Months(_) => Calendar::month_of(first),
        _ => first,
    };
    let mut edges_row = vec![day];
    while day <= last {
        let following = next(day);
        if following <= day {
            break;
        }
        day = following;
        edges_row.push(day);
    }
    let edges_ms = edges_row
        .iter()
        .map(|day| calendar.day_start(*day).saturating_mul(1_000));
    let edges_ms = edges_ms.collect();
    Grid {
        tier: Tier::Day,
        step,
        edges_ms,
        edges_row,
    }
}

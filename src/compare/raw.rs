//! Means as they are, before any adjustment, with intervals as if the records were independent.

use statrs::distribution::{ChiSquared, ContinuousCDF};

use super::distribution::critical_95;
use super::records::Records;
use super::report::Interval;
use super::request::Outcome;

/// Raw mean of a level with a 95 % interval; `None` without records.
///
/// Rates and durations: weighted mean with Student's t (a point with one record). Proportions: Wilson (1927). Counts:
/// exact Poisson limits (Garwood 1936).
pub(super) fn mean(records: &Records, level: usize, outcome: &Outcome) -> Option<Interval> {
    let rows = || {
        let rows = records
            .level
            .iter()
            .zip(records.value.iter().zip(&records.weight));
        rows.filter(move |(of, _)| **of == level)
            .map(|(_, row)| row)
    };
    let size: f64 = rows().map(|(_, weight)| weight).sum();
    if size <= 0.0 {
        return None;
    }
    let events: f64 = rows().map(|(value, _)| value).sum();
    Some(match outcome {
        Outcome::Proportion { .. } => wilson(events, size),
        Outcome::Count { .. } => poisson(events, size),
        Outcome::Rate { .. } | Outcome::Duration { .. } => {
            let mean = rows().map(|(value, weight)| value * weight).sum::<f64>() / size;
            let n = rows().count() as f64;
            let squares: f64 = rows()
                .map(|(value, weight)| weight * weight * (value - mean).powi(2))
                .sum();
            let half = if n > 1.0 {
                critical_95(Some(n - 1.0)) * (squares * n / (n - 1.0)).sqrt() / size
            } else {
                0.0
            };
            Interval {
                estimate: records.in_units(mean),
                low: records.in_units(mean - half),
                high: records.in_units(mean + half),
            }
        }
    })
}

fn wilson(events: f64, trials: f64) -> Interval {
    let z = critical_95(None);
    let p = events / trials;
    let centre = (p + z * z / (2.0 * trials)) / (1.0 + z * z / trials);
    let half = z / (1.0 + z * z / trials)
        * (p * (1.0 - p) / trials + z * z / (4.0 * trials * trials)).sqrt();
    Interval {
        estimate: p,
        low: (centre - half).max(0.0),
        high: (centre + half).min(1.0),
    }
}

fn poisson(events: f64, exposure: f64) -> Interval {
    let limit = |p: f64, events: f64| {
        let chi = ChiSquared::new(2.0 * events).ok();
        chi.map_or(0.0, |chi| chi.inverse_cdf(p) / 2.0 / exposure)
    };
    let low = if events > 0.0 {
        limit(0.025, events)
    } else {
        0.0
    };
    Interval {
        estimate: events / exposure,
        low,
        high: limit(0.975, events + 1.0),
    }
}

//! Which chart fits the data, with the reason in words.
//!
//! | data | chart |
//! |---|---|
//! | single readings | I-MR |
//! | subgroups of one size, 2 to 10 | X-bar/R |
//! | larger subgroups, or of changing size | X-bar/S |
//! | fewer than 5 events per sample on average | g, or time between events |
//! | scatter between samples outside 0.5 to 2 times chance | Laney p' or u' |
//! | nonconforming units, samples of one size | np, else p |
//! | defects, areas of one size | c, else u |

use super::charts::{ChartKind, Count, Series, dispersion_ratio};
use super::error::QualityError;

/// Largest subgroup whose range uses nearly all that its readings say about the spread.
const RANGE_SIZE_MAX: usize = 10;
/// Fewer events per sample on average are rare: limits of three sigma do not fit their skewed distribution.
const EVENTS_MIN: f64 = 5.0;
/// Scatter between samples, over that of chance, with which chance alone is a fair model.
const DISPERSION: std::ops::RangeInclusive<f64> = 0.5..=2.0;
/// Fewer samples give a dispersion ratio that is itself mostly chance.
const SAMPLES_FOR_DISPERSION: usize = 20;

/// What a count counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountOf {
    /// Units that do not conform; each counts once.
    NonconformingUnits,
    /// Defects; a unit may have several.
    Defects,
}

/// A chart with the reason for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Advice {
    /// The chart.
    pub chart: ChartKind,
    /// Why it.
    pub reason: String,
    /// Scatter between samples over that of chance, of counts; `None` where it cannot be told.
    pub dispersion_ratio: Option<f64>,
}

/// Advises on a chart for a series. `counts` says what its counts count; it is not read for measured values.
pub fn advise(series: &Series, counts: CountOf) -> Result<Advice, QualityError> {
    match series {
        Series::Measured(groups) => {
            let sizes: Vec<usize> = groups
                .iter()
                .map(|group| group.readings.len())
                .filter(|size| *size > 0)
                .collect();
            for_sizes(&sizes)
        }
        Series::Counted(samples) => for_counts(samples, counts),
    }
}

fn for_sizes(sizes: &[usize]) -> Result<Advice, QualityError> {
    let (Some(least), Some(most)) = (sizes.iter().min(), sizes.iter().max()) else {
        return Err(nothing());
    };
    let (chart, reason) = if *most == 1 {
        (
            ChartKind::IndividualsMr,
            "single readings: their moving ranges tell the spread".to_owned(),
        )
    } else if least != most {
        let reason = format!(
            "subgroups of {least} to {most} readings: only standard deviations pool over sizes"
        );
        (ChartKind::XbarS, reason)
    } else if *most <= RANGE_SIZE_MAX {
        (
            ChartKind::XbarR,
            format!("subgroups of {most} readings: the range tells the spread well up to 10"),
        )
    } else {
        (
            ChartKind::XbarS,
            format!("subgroups of {most} readings: the range wastes information above 10"),
        )
    };
    Ok(Advice {
        chart,
        reason,
        dispersion_ratio: None,
    })
}

fn for_counts(samples: &[Count], of: CountOf) -> Result<Advice, QualityError> {
    let sampled: Vec<&Count> = samples.iter().filter(|sample| sample.size > 0.0).collect();
    let first = *sampled.first().ok_or(nothing())?;
    let events: f64 = sampled.iter().map(|sample| sample.events as f64).sum();
    let per_sample = events / sampled.len() as f64;
    let units = of == CountOf::NonconformingUnits;
    let ratio = dispersion_ratio(samples, units);
    let scattered = ratio.filter(|ratio| !DISPERSION.contains(ratio));
    let one_size = sampled
        .iter()
        .all(|sample| (sample.size - first.size).abs() <= 1e-9 * first.size);
    let (chart, reason) = if per_sample < EVENTS_MIN {
        (
            ChartKind::G,
            format!(
                "{per_sample:.2} events per sample are fewer than 5: plot the good units, or the time, between events"
            ),
        )
    } else if let Some(ratio) = scattered {
        let chart = if units {
            ChartKind::LaneyP
        } else {
            ChartKind::LaneyU
        };
        (chart, scatter_reason(ratio, sampled.len()))
    } else {
        match (units, one_size) {
            (true, true) => (
                ChartKind::Np,
                "nonconforming units in samples of one size".to_owned(),
            ),
            (true, false) => (
                ChartKind::P,
                "nonconforming units in samples of changing size".to_owned(),
            ),
            (false, true) => (ChartKind::C, "defects on areas of one size".to_owned()),
            (false, false) => (ChartKind::U, "defects on areas of changing size".to_owned()),
        }
    };
    Ok(Advice {
        chart,
        reason,
        dispersion_ratio: ratio,
    })
}

fn scatter_reason(ratio: f64, samples: usize) -> String {
    let which = if ratio > 1.0 { "more" } else { "less" };
    let caution = if samples < SAMPLES_FOR_DISPERSION {
        ", as far as few samples can tell"
    } else {
        ""
    };
    format!(
        "samples scatter {which} than chance alone (variance {ratio:.2} times as large, outside 0.5 to 2{caution}): limits from their own scatter"
    )
}

const fn nothing() -> QualityError {
    QualityError::TooFew {
        what: "advice on a chart, in samples,",
        have: 0,
        needed: 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn measured(sizes: &[usize], expected: ChartKind) {
        let groups: Vec<Vec<f64>> = sizes.iter().map(|size| vec![1.0; *size]).collect();
        let advice = advise(&Series::subgroups(&groups), CountOf::Defects).unwrap();
        assert_eq!(advice.chart, expected);
        assert!(!advice.reason.is_empty());
    }

    #[track_caller]
    fn counted(of: CountOf, events: &[u64], sizes: &[f64], expected: ChartKind) {
        let advice = advise(&Series::counts(events, sizes), of).unwrap();
        assert_eq!(advice.chart, expected, "{advice:?}");
    }

    #[test]
    fn readings_are_charted_by_the_size_of_their_subgroups() {
        measured(&[1, 1, 0, 1], ChartKind::IndividualsMr);
        measured(&[5, 5, 5], ChartKind::XbarR);
        measured(&[10, 10], ChartKind::XbarR);
        measured(&[11, 11], ChartKind::XbarS);
        measured(&[5, 4, 5], ChartKind::XbarS);
    }

    #[test]
    fn counts_are_charted_by_what_they_count_and_how_they_scatter() {
        let (even, odd) = (
            [100.0; 8],
            [100.0, 120.0, 90.0, 100.0, 110.0, 95.0, 100.0, 105.0],
        );
        let chance = [9, 13, 10, 6, 11, 8, 12, 9];
        counted(CountOf::NonconformingUnits, &chance, &even, ChartKind::Np);
        counted(CountOf::NonconformingUnits, &chance, &odd, ChartKind::P);
        counted(CountOf::Defects, &chance, &even, ChartKind::C);
        counted(CountOf::Defects, &chance, &odd, ChartKind::U);
        let wild = [2, 30, 5, 28, 1, 33, 4, 25];
        counted(CountOf::NonconformingUnits, &wild, &even, ChartKind::LaneyP);
        counted(CountOf::Defects, &wild, &odd, ChartKind::LaneyU);
        counted(
            CountOf::Defects,
            &[10, 10, 10, 10, 10, 10, 10, 10],
            &even,
            ChartKind::LaneyU,
        );
        counted(
            CountOf::Defects,
            &[0, 1, 0, 2, 0, 0, 1, 0],
            &even,
            ChartKind::G,
        );
        counted(CountOf::NonconformingUnits, &[0; 8], &even, ChartKind::G);
    }

    #[test]
    fn a_single_outlier_is_no_scatter() {
        let mut events: Vec<u64> = [9, 13, 10, 6, 11, 8, 12, 9].repeat(4);
        events[15] = 25;
        counted(
            CountOf::NonconformingUnits,
            &events,
            &[100.0; 32],
            ChartKind::Np,
        );
    }

    #[test]
    fn no_sample_is_no_ground_for_advice() {
        assert!(advise(&Series::individuals(&[None]), CountOf::Defects).is_err());
        assert!(advise(&Series::counts(&[0], &[0.0]), CountOf::Defects).is_err());
    }
}

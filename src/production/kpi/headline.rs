//! Figures as they are shown: with coverage, bounds, and the reason where there is none.

use super::super::elements::{Elements, Output};
use super::{Doubt, Figures, LossModel, Rules, UnknownPolicy};

/// A figure that a headline can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kpi {
    /// [`Figures::availability`].
    Availability,
    /// [`Figures::effectiveness`].
    Effectiveness,
    /// [`Figures::quality_ratio`].
    QualityRatio,
    /// [`Figures::oee`].
    Oee,
    /// [`Figures::nee`].
    Nee,
}

impl Kpi {
    fn read(self, figures: &Figures) -> Option<f64> {
        match self {
            Self::Availability => figures.availability,
            Self::Effectiveness => figures.effectiveness,
            Self::QualityRatio => figures.quality_ratio,
            Self::Oee => figures.oee,
            Self::Nee => figures.nee,
        }
    }
}

/// Why a headline has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absence {
    /// No planned busy time: nothing was to be made.
    NoBusyTime,
    /// The machine did not produce.
    NoProduction,
    /// Nothing was made.
    NoOutput,
    /// Some pieces have no ideal cycle.
    NoIdealCycle,
    /// Data covers less than half of the busy time.
    TooLittleData,
}

impl Absence {
    /// The reason in words, for reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoBusyTime => "no planned busy time",
            Self::NoProduction => "no production time",
            Self::NoOutput => "no output",
            Self::NoIdealCycle => "a product has no ideal cycle",
            Self::TooLittleData => "less than half of the time has data",
        }
    }
}

/// A figure as it is shown: with how much data stands behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct Headline {
    /// The value with the unknown left out, or why there is none.
    pub value: Result<f64, Absence>,
    /// The least and the most it can be, by what the machine did in the unknown: between standing still, and producing good
    /// pieces at the ideal cycle. Pieces that were counted are facts in both; those counted over a gap (marked `block`) may
    /// be of the time before the shift. Without anything unknown they are the value.
    pub bounds: Option<(f64, f64)>,
    /// Share of the busy time with data.
    pub coverage: Option<f64>,
    /// What speaks against it.
    pub doubts: Vec<Doubt>,
    /// The loss model.
    pub model: LossModel,
}

/// The headline of `kpi`: the unknown is left out, and shown by coverage and bounds.
pub fn headline(kpi: Kpi, elements: &Elements, output: &Output, model: LossModel) -> Headline {
    let rules = |unknown| Rules { model, unknown };
    let figures = Figures::of(elements, output, rules(UnknownPolicy::Exclude));
    let is_withheld = kpi != Kpi::QualityRatio && figures.doubts.contains(&Doubt::Withheld);
    let value = if is_withheld {
        Err(Absence::TooLittleData)
    } else {
        kpi.read(&figures).ok_or_else(|| absence(kpi, &figures))
    };
    Headline {
        value,
        bounds: bounds(kpi, elements, output, &rules),
        coverage: figures.coverage,
        doubts: figures.doubts,
        model,
    }
}

fn bounds(
    kpi: Kpi,
    elements: &Elements,
    output: &Output,
    rules: &dyn Fn(UnknownPolicy) -> Rules,
) -> Option<(f64, f64)> {
    let by = |output: &Output, unknown| kpi.read(&Figures::of(elements, output, rules(unknown)));
    let down = by(output, UnknownPolicy::AsDown)?;
    let run = by(output, UnknownPolicy::AsRun)?;
    let mut most = *output;
    if kpi != Kpi::QualityRatio {
        let unknown_s = elements.unknown.as_secs_f64();
        most.standard_s += unknown_s;
        most.standard_good_s += unknown_s;
    }
    let best = by(&most, UnknownPolicy::AsRun)?;
    // Where more is made than the ideal cycle allows, leaving the gap out is most.
    let value = by(output, UnknownPolicy::Exclude).unwrap_or(down);
    let all = [down, run, best, value];
    let least = all.into_iter().fold(f64::INFINITY, f64::min);
    Some((least, all.into_iter().fold(f64::NEG_INFINITY, f64::max)))
}

fn absence(kpi: Kpi, figures: &Figures) -> Absence {
    let of_busy_time = matches!(kpi, Kpi::Availability | Kpi::Oee | Kpi::Nee);
    if of_busy_time && figures.pbt_effective_s <= 0.0 {
        Absence::NoBusyTime
    } else if figures.doubts.contains(&Doubt::NoIdealCycle) {
        Absence::NoIdealCycle
    } else if kpi != Kpi::QualityRatio && figures.apt_s <= 0.0 {
        Absence::NoProduction
    } else {
        Absence::NoOutput
    }
}

//! The charts by name, and what they plot.

use std::fmt;

/// A control chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChartKind {
    /// Means and ranges of subgroups of 2 to 25 readings, best to 10.
    XbarR,
    /// Means and standard deviations of subgroups of 2 readings or more, also of changing size.
    XbarS,
    /// Single readings and their moving ranges.
    IndividualsMr,
    /// Share of nonconforming units.
    P,
    /// Number of nonconforming units in samples of one size.
    Np,
    /// Number of defects on an area of one size.
    C,
    /// Defects per unit of area.
    U,
    /// Share of nonconforming units, whose scatter between samples is not binomial (Laney 2002).
    LaneyP,
    /// Defects per unit, whose scatter between samples is not that of Poisson (Laney 2002).
    LaneyU,
    /// Good units between two rare events.
    G,
    /// Time between two rare events.
    TimeBetween,
    /// Exponentially weighted moving average: finds small lasting shifts.
    Ewma,
    /// Cumulative sums of deviations from the target: finds and dates small lasting shifts.
    Cusum,
}

impl ChartKind {
    /// Every chart.
    pub const ALL: [Self; 13] = [
        Self::XbarR,
        Self::XbarS,
        Self::IndividualsMr,
        Self::P,
        Self::Np,
        Self::C,
        Self::U,
        Self::LaneyP,
        Self::LaneyU,
        Self::G,
        Self::TimeBetween,
        Self::Ewma,
        Self::Cusum,
    ];

    /// Its name in settings, reports and stores.
    pub const fn name(self) -> &'static str {
        match self {
            Self::XbarR => "xbar_r",
            Self::XbarS => "xbar_s",
            Self::IndividualsMr => "i_mr",
            Self::P => "p",
            Self::Np => "np",
            Self::C => "c",
            Self::U => "u",
            Self::LaneyP => "laney_p",
            Self::LaneyU => "laney_u",
            Self::G => "g",
            Self::TimeBetween => "time_between",
            Self::Ewma => "ewma",
            Self::Cusum => "cusum",
        }
    }

    /// The chart of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether it is for counts and not for measured values.
    pub const fn is_for_counts(self) -> bool {
        matches!(
            self,
            Self::P | Self::Np | Self::C | Self::U | Self::LaneyP | Self::LaneyU
        )
    }
}

impl fmt::Display for ChartKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a panel of a chart plots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Statistic {
    /// Mean of a subgroup.
    Mean,
    /// Range of a subgroup.
    Range,
    /// Standard deviation of a subgroup.
    Deviation,
    /// One reading.
    Individual,
    /// Distance of two readings in a row.
    MovingRange,
    /// Share of nonconforming units.
    Fraction,
    /// Nonconforming units or defects of a sample.
    Count,
    /// Defects per unit of area.
    Rate,
    /// Units between events.
    UnitsBetweenEvents,
    /// Time between events.
    TimeBetweenEvents,
    /// Weighted moving average.
    Ewma,
    /// Cumulative sum of what is above the target.
    CusumHigh,
    /// Cumulative sum of what is below the target.
    CusumLow,
}

impl Statistic {
    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Range => "range",
            Self::Deviation => "standard_deviation",
            Self::Individual => "individual",
            Self::MovingRange => "moving_range",
            Self::Fraction => "fraction",
            Self::Count => "count",
            Self::Rate => "rate",
            Self::UnitsBetweenEvents => "units_between_events",
            Self::TimeBetweenEvents => "time_between_events",
            Self::Ewma => "ewma",
            Self::CusumHigh => "cusum_high",
            Self::CusumLow => "cusum_low",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chart_is_known_by_its_name() {
        for kind in ChartKind::ALL {
            assert_eq!(ChartKind::parse(kind.name()), Some(kind));
            assert_eq!(kind.to_string(), kind.name());
        }
        assert_eq!(ChartKind::parse("pie"), None);
        assert!(ChartKind::LaneyU.is_for_counts() && !ChartKind::G.is_for_counts());
    }
}

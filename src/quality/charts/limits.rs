//! Limits of any chart: fitted, drawn, kept.

use super::attributes::check_units;
use super::series::{check_readings, check_sizes};
use super::{
    BetweenLimits, Chart, ChartKind, Count, CusumLimits, CusumScale, EwmaLimits, FractionLimits,
    GLimits, IndividualLimits, Panel, RateLimits, Series, Subgroup, SubgroupLimits,
};
use crate::quality::capability::WithinSigma;
use crate::quality::error::QualityError;
use crate::quality::rules::RuleSet;

/// Settings of charts that weigh the points before; the others have none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WeightedDesign {
    /// Weight of the newest point of an EWMA, in (0, 1].
    pub lambda: f64,
    /// Width of the limits of an EWMA in standard deviations of the average.
    pub limit_l: f64,
    /// Whether the first limits of an EWMA are the narrower exact ones.
    pub exact: bool,
    /// Allowance of a CUSUM in standard errors.
    pub k: f64,
    /// Decision interval of a CUSUM in standard errors.
    pub h: f64,
    /// Whether a CUSUM begins at 0 after a signal.
    pub reset_after_signal: bool,
    /// What is to be held; from the data where it is not given.
    pub target: Option<f64>,
    /// Standard deviation of one reading; from the data where it is not given.
    pub sigma: Option<f64>,
}

impl Default for WeightedDesign {
    /// `lambda` 0.2 with `L` 2.86 and `k` 0.5 with `h` 5: about 370 to 470 points between false alarms.
    fn default() -> Self {
        Self {
            lambda: 0.2,
            limit_l: 2.86,
            exact: true,
            k: 0.5,
            h: 5.0,
            reset_after_signal: true,
            target: None,
            sigma: None,
        }
    }
}

/// Limits of one chart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limits {
    /// X-bar/R.
    XbarR(SubgroupLimits),
    /// X-bar/S.
    XbarS(SubgroupLimits),
    /// I-MR.
    IndividualsMr(IndividualLimits),
    /// p.
    P(FractionLimits),
    /// np.
    Np(FractionLimits),
    /// c.
    C(RateLimits),
    /// u.
    U(RateLimits),
    /// Laney p'.
    LaneyP(FractionLimits),
    /// Laney u'.
    LaneyU(RateLimits),
    /// g.
    G(GLimits),
    /// Time between events.
    TimeBetween(BetweenLimits),
    /// EWMA.
    Ewma(EwmaLimits),
    /// CUSUM.
    Cusum(CusumLimits),
}

impl Limits {
    /// Limits of a chart from a series.
    pub fn fit(
        kind: ChartKind,
        series: &Series,
        design: &WeightedDesign,
    ) -> Result<Self, QualityError> {
        match series {
            Series::Measured(groups) => Self::of_groups(kind, groups, design),
            Series::Counted(counts) => Self::of_counts(kind, counts),
        }
    }

    fn of_groups(
        kind: ChartKind,
        groups: &[Subgroup],
        design: &WeightedDesign,
    ) -> Result<Self, QualityError> {
        Ok(match kind {
            ChartKind::XbarR => Self::XbarR(SubgroupLimits::from_ranges(groups)?),
            ChartKind::XbarS => Self::XbarS(SubgroupLimits::from_deviations(groups)?),
            ChartKind::IndividualsMr => Self::IndividualsMr(IndividualLimits::fit(groups)?),
            ChartKind::G => Self::G(GLimits::fit(groups)?),
            ChartKind::TimeBetween => Self::TimeBetween(BetweenLimits::fit(groups)?),
            ChartKind::Ewma => {
                let (target, sigma) = level(groups, design)?;
                Self::Ewma(
                    EwmaLimits {
                        target,
                        sigma,
                        lambda: design.lambda,
                        limit_l: design.limit_l,
                        exact: design.exact,
                    }
                    .checked()?,
                )
            }
            ChartKind::Cusum => {
                let (target, sigma) = level(groups, design)?;
                Self::Cusum(
                    CusumLimits {
                        target,
                        sigma,
                        k: design.k,
                        h: design.h,
                        scale: scale_for(groups),
                        reset_after_signal: design.reset_after_signal,
                    }
                    .checked()?,
                )
            }
            _ => return Err(wants_counts(kind)),
        })
    }

    fn of_counts(kind: ChartKind, counts: &[Count]) -> Result<Self, QualityError> {
        Ok(match kind {
            ChartKind::P => Self::P(FractionLimits::p(counts)?),
            ChartKind::Np => Self::Np(FractionLimits::np(counts)?),
            ChartKind::C => Self::C(RateLimits::c(counts)?),
            ChartKind::U => Self::U(RateLimits::u(counts)?),
            ChartKind::LaneyP => Self::LaneyP(FractionLimits::laney(counts)?),
            ChartKind::LaneyU => Self::LaneyU(RateLimits::laney(counts)?),
            _ => return Err(wants_readings(kind)),
        })
    }

    /// The chart they are of.
    pub const fn kind(&self) -> ChartKind {
        match self {
            Self::XbarR(_) => ChartKind::XbarR,
            Self::XbarS(_) => ChartKind::XbarS,
            Self::IndividualsMr(_) => ChartKind::IndividualsMr,
            Self::P(_) => ChartKind::P,
            Self::Np(_) => ChartKind::Np,
            Self::C(_) => ChartKind::C,
            Self::U(_) => ChartKind::U,
            Self::LaneyP(_) => ChartKind::LaneyP,
            Self::LaneyU(_) => ChartKind::LaneyU,
            Self::G(_) => ChartKind::G,
            Self::TimeBetween(_) => ChartKind::TimeBetween,
            Self::Ewma(_) => ChartKind::Ewma,
            Self::Cusum(_) => ChartKind::Cusum,
        }
    }

    /// Standard deviation of one reading within a subgroup with its degrees of freedom, of charts of measured values that
    /// estimate it.
    pub fn within(&self) -> Option<WithinSigma> {
        match self {
            Self::XbarR(limits) => Some(WithinSigma::from_ranges(limits)),
            Self::XbarS(limits) => Some(WithinSigma::from_deviations(limits)),
            Self::IndividualsMr(limits) => Some(WithinSigma::from_moving_ranges(limits)),
            _ => None,
        }
    }

    /// Draws a series against these limits. The panel of the level is read with those of `rules` that its statistic can
    /// carry, that of the spread with rule 1.
    pub fn draw(&self, series: &Series, rules: &RuleSet) -> Result<Chart, QualityError> {
        let breaks = series.breaks();
        let panels = match series {
            Series::Measured(groups) => self.group_panels(groups, &breaks, rules)?,
            Series::Counted(counts) => vec![self.count_panel(counts, &breaks, rules)?],
        };
        Ok(Chart {
            kind: self.kind(),
            panels,
        })
    }

    fn group_panels(
        &self,
        groups: &[Subgroup],
        breaks: &[bool],
        rules: &RuleSet,
    ) -> Result<Vec<Panel>, QualityError> {
        check_readings(groups)?;
        let spread_rules = &RuleSet::limits_only();
        Ok(match self {
            Self::XbarR(limits) => vec![
                limits.means(groups, breaks, rules),
                limits.ranges(groups, breaks, spread_rules),
            ],
            Self::XbarS(limits) => vec![
                limits.means(groups, breaks, rules),
                limits.deviations(groups, breaks, spread_rules),
            ],
            Self::IndividualsMr(limits) => {
                super::individuals::single_readings(groups, self.kind())?;
                vec![
                    limits.readings(groups, breaks, rules),
                    limits.ranges(groups, breaks, spread_rules),
                ]
            }
            Self::G(limits) => vec![limits.panel(groups, breaks, rules)],
            Self::TimeBetween(limits) => vec![limits.panel(groups, breaks, rules)],
            Self::Ewma(limits) => vec![limits.panel(groups)],
            Self::Cusum(limits) => limits.panels(groups),
            _ => return Err(wants_counts(self.kind())),
        })
    }

    fn count_panel(
        &self,
        counts: &[Count],
        breaks: &[bool],
        rules: &RuleSet,
    ) -> Result<Panel, QualityError> {
        check_sizes(counts)?;
        Ok(match self {
            Self::P(limits) | Self::LaneyP(limits) => {
                check_units(counts)?;
                limits.panel(counts, breaks, rules)
            }
            Self::Np(limits) => {
                check_units(counts)?;
                limits.count_panel(counts, breaks, rules)
            }
            Self::C(limits) => limits.count_panel(counts, breaks, rules),
            Self::U(limits) | Self::LaneyU(limits) => limits.panel(counts, breaks, rules),
            _ => return Err(wants_readings(self.kind())),
        })
    }
}

const fn wants_counts(chart: ChartKind) -> QualityError {
    QualityError::WrongData {
        chart,
        wanted: "counts of events",
    }
}

const fn wants_readings(chart: ChartKind) -> QualityError {
    QualityError::WrongData {
        chart,
        wanted: "measured values",
    }
}

/// Target and standard deviation of one reading: as given, else from the data.
fn level(groups: &[Subgroup], design: &WeightedDesign) -> Result<(f64, f64), QualityError> {
    if let (Some(target), Some(sigma)) = (design.target, design.sigma) {
        return Ok((target, sigma));
    }
    let single = groups.iter().all(|group| group.size() <= 1);
    let (center, sigma) = if single {
        let limits = IndividualLimits::fit(groups)?;
        (limits.center, limits.sigma_within)
    } else {
        let limits = SubgroupLimits::from_deviations(groups)?;
        (limits.center, limits.sigma_within)
    };
    Ok((
        design.target.unwrap_or(center),
        design.sigma.unwrap_or(sigma),
    ))
}

/// Sums in units of the data where all subgroups have one size, which reads more easily.
fn scale_for(groups: &[Subgroup]) -> CusumScale {
    let mut sizes = groups.iter().map(Subgroup::size).filter(|size| *size > 0);
    let first = sizes.next().unwrap_or(1);
    if sizes.all(|size| size == first) {
        CusumScale::Data { n: first }
    } else {
        CusumScale::StandardError
    }
}

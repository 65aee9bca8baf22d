//! Limits as they are kept, layout 1.
//!
//! Separate from the types that are worked with, so that either may change. Times are nanoseconds since 1970 UTC.

use serde::{Deserialize, Serialize};

use super::{AssignableCause, LimitBook, LimitVersion};
use crate::quality::charts::{
    CusumLimits, CusumScale, FractionLimits, IndividualLimits, Limits, RateLimits, SubgroupLimits,
};

/// The layout.
pub(super) const SCHEMA: u32 = 1;

/// All versions of the limits of one product, machine and characteristic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsV1 {
    /// 1.
    pub schema: u32,
    /// The product.
    pub product: String,
    /// The machine.
    pub machine: String,
    /// The characteristic.
    pub characteristic: String,
    /// Oldest first.
    pub versions: Vec<VersionV1>,
}

/// One version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VersionV1 {
    /// 1 for the first.
    pub version: u32,
    /// Whether they are frozen.
    pub frozen: bool,
    /// In force from, nanoseconds.
    pub at_ns: i64,
    /// Who made it.
    pub by: String,
    /// Why.
    pub why: String,
    /// Reference of the approved process change.
    pub approval: Option<String>,
    /// Run rules by name.
    pub rules: Vec<String>,
    /// Samples that made the limits.
    pub subgroups: u64,
    /// Readings or units in them; null of defects.
    pub observations: Option<u64>,
    /// Points beyond a limit without a recorded cause.
    pub unexplained: u64,
    /// Points left out.
    pub excluded: Vec<CauseV1>,
    /// The limits.
    pub limits: ParametersV1,
}

/// A point left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CauseV1 {
    /// Time of the point, nanoseconds.
    pub point_at_ns: i64,
    /// The cause.
    pub cause: String,
    /// Who recorded it.
    pub recorded_by: String,
    /// When, nanoseconds.
    pub recorded_at_ns: i64,
}

/// Numbers a chart is drawn from, by chart.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParametersV1 {
    /// X-bar/R.
    XbarR(SubgroupsV1),
    /// X-bar/S.
    XbarS(SubgroupsV1),
    /// I-MR.
    IMr(IndividualsV1),
    /// p.
    P(RateV1),
    /// np.
    Np(RateV1),
    /// c.
    C(RateV1),
    /// u.
    U(RateV1),
    /// Laney p'.
    LaneyP(RateV1),
    /// Laney u'.
    LaneyU(RateV1),
    /// g.
    G(LevelV1),
    /// Time between events.
    TimeBetween(LevelV1),
    /// EWMA.
    Ewma(EwmaV1),
    /// CUSUM.
    Cusum(CusumV1),
}

/// Of charts of subgroups.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubgroupsV1 {
    /// Readings per subgroup; null where it changes.
    pub n: Option<u64>,
    /// Subgroups.
    pub k: u64,
    /// Centre line.
    pub center: f64,
    /// Standard deviation within subgroups.
    pub sigma_within: f64,
    /// Mean range.
    pub mean_range: Option<f64>,
    /// Mean standard deviation.
    pub mean_deviation: Option<f64>,
    /// From the pooled variance.
    pub pooled_sigma: f64,
    /// Its degrees of freedom.
    pub pooled_df: u64,
}

/// Of charts of individuals.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndividualsV1 {
    /// Readings.
    pub k: u64,
    /// Moving ranges.
    pub pairs: u64,
    /// Centre line.
    pub center: f64,
    /// Mean moving range.
    pub mean_moving_range: f64,
    /// Standard deviation within.
    pub sigma_within: f64,
}

/// Of charts of counts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateV1 {
    /// Samples.
    pub k: u64,
    /// Units or area in them.
    pub inspected: f64,
    /// Events per unit.
    pub rate: f64,
    /// How many times as wide as by chance alone.
    pub widening: f64,
    /// Units per sample of np and c.
    pub size: Option<f64>,
}

/// Of charts of rare events.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LevelV1 {
    /// Points.
    pub k: u64,
    /// Centre line, of times transformed.
    pub center: f64,
    /// Standard deviation, of times transformed; 0 of g.
    pub sigma: f64,
}

/// Of EWMA.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EwmaV1 {
    /// Target.
    pub target: f64,
    /// Standard deviation of one reading.
    pub sigma: f64,
    /// Weight of the newest point.
    pub lambda: f64,
    /// Width of the limits.
    pub limit_l: f64,
    /// Exact limits of the first points.
    pub exact: bool,
}

/// Of CUSUM.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CusumV1 {
    /// Target.
    pub target: f64,
    /// Standard deviation of one reading.
    pub sigma: f64,
    /// Allowance in standard errors.
    pub k: f64,
    /// Decision interval in standard errors.
    pub h: f64,
    /// Readings per subgroup where sums are in units of the data; null in standard errors.
    pub data_n: Option<u64>,
    /// Whether sums begin anew after a signal.
    pub reset_after_signal: bool,
}

impl From<&LimitBook> for LimitsV1 {
    fn from(book: &LimitBook) -> Self {
        Self {
            schema: SCHEMA,
            product: book.key.product.clone(),
            machine: book.key.machine.clone(),
            characteristic: book.key.characteristic.clone(),
            versions: book.versions.iter().map(VersionV1::from).collect(),
        }
    }
}

impl From<&LimitVersion> for VersionV1 {
    fn from(version: &LimitVersion) -> Self {
        let (learned, change) = (&version.learned, &version.change);
        Self {
            version: version.version,
            frozen: version.frozen,
            at_ns: change.at.as_nanos(),
            by: change.by.clone(),
            why: change.why.clone(),
            approval: change.approval.clone(),
            rules: learned
                .rules
                .names()
                .into_iter()
                .map(str::to_owned)
                .collect(),
            subgroups: learned.subgroups as u64,
            observations: learned.observations.map(|observations| observations as u64),
            unexplained: learned.unexplained as u64,
            excluded: learned.excluded.iter().map(CauseV1::from).collect(),
            limits: ParametersV1::from(&learned.limits),
        }
    }
}

impl From<&AssignableCause> for CauseV1 {
    fn from(cause: &AssignableCause) -> Self {
        Self {
            point_at_ns: cause.point_at().as_nanos(),
            cause: cause.cause().to_owned(),
            recorded_by: cause.recorded_by().to_owned(),
            recorded_at_ns: cause.recorded_at().as_nanos(),
        }
    }
}

impl From<&Limits> for ParametersV1 {
    fn from(limits: &Limits) -> Self {
        let fraction = |of: &FractionLimits| RateV1 {
            k: of.k as u64,
            inspected: of.inspected,
            rate: of.fraction,
            widening: of.widening,
            size: of.size,
        };
        let rate = |of: &RateLimits| RateV1 {
            k: of.k as u64,
            inspected: of.inspected,
            rate: of.rate,
            widening: of.widening,
            size: of.size,
        };
        match limits {
            Limits::XbarR(of) => Self::XbarR(of.into()),
            Limits::XbarS(of) => Self::XbarS(of.into()),
            Limits::IndividualsMr(of) => Self::IMr(of.into()),
            Limits::P(of) => Self::P(fraction(of)),
            Limits::Np(of) => Self::Np(fraction(of)),
            Limits::C(of) => Self::C(rate(of)),
            Limits::U(of) => Self::U(rate(of)),
            Limits::LaneyP(of) => Self::LaneyP(fraction(of)),
            Limits::LaneyU(of) => Self::LaneyU(rate(of)),
            Limits::G(of) => Self::G(LevelV1 {
                k: of.k as u64,
                center: of.mean,
                sigma: 0.0,
            }),
            Limits::TimeBetween(of) => Self::TimeBetween(LevelV1 {
                k: of.k as u64,
                center: of.center,
                sigma: of.sigma,
            }),
            Limits::Ewma(of) => Self::Ewma(EwmaV1 {
                target: of.target,
                sigma: of.sigma,
                lambda: of.lambda,
                limit_l: of.limit_l,
                exact: of.exact,
            }),
            Limits::Cusum(of) => Self::Cusum(of.into()),
        }
    }
}

impl From<&SubgroupLimits> for SubgroupsV1 {
    fn from(of: &SubgroupLimits) -> Self {
        Self {
            n: of.n.map(|n| n as u64),
            k: of.k as u64,
            center: of.center,
            sigma_within: of.sigma_within,
            mean_range: of.mean_range,
            mean_deviation: of.mean_deviation,
            pooled_sigma: of.pooled_sigma,
            pooled_df: of.pooled_df as u64,
        }
    }
}

impl From<&IndividualLimits> for IndividualsV1 {
    fn from(of: &IndividualLimits) -> Self {
        Self {
            k: of.k as u64,
            pairs: of.pairs as u64,
            center: of.center,
            mean_moving_range: of.mean_moving_range,
            sigma_within: of.sigma_within,
        }
    }
}

impl From<&CusumLimits> for CusumV1 {
    fn from(of: &CusumLimits) -> Self {
        Self {
            target: of.target,
            sigma: of.sigma,
            k: of.k,
            h: of.h,
            data_n: match of.scale {
                CusumScale::Data { n } => Some(n as u64),
                CusumScale::StandardError => None,
            },
            reset_after_signal: of.reset_after_signal,
        }
    }
}

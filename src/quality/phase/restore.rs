//! From stored limits back to limits. What is read is checked again: a file may be damaged or written by hand.

use super::stored::{
    IndividualsV1, LimitsV1, ParametersV1, RateV1, SCHEMA, SubgroupsV1, VersionV1,
};
use super::{AssignableCause, ChangeRecord, LimitBook, LimitVersion, PhaseOne, StratumKey};
use crate::model::Timestamp;
use crate::quality::charts::{
    BetweenLimits, CusumLimits, CusumScale, EwmaLimits, FractionLimits, GLimits, IndividualLimits,
    Limits, RateLimits, SubgroupLimits,
};
use crate::quality::error::QualityError;
use crate::quality::rules::{Rule, RuleSet};

impl TryFrom<LimitsV1> for LimitBook {
    type Error = QualityError;

    fn try_from(stored: LimitsV1) -> Result<Self, QualityError> {
        if stored.schema != SCHEMA {
            return Err(QualityError::Stored("the layout is not 1"));
        }
        let mut versions: Vec<LimitVersion> = Vec::with_capacity(stored.versions.len());
        for version in stored.versions {
            let version = LimitVersion::try_from(version)?;
            let follows = versions.last().is_none_or(|last| {
                last.version < version.version && last.change.at <= version.change.at
            });
            if !follows {
                return Err(QualityError::Stored("versions are out of order"));
            }
            versions.push(version);
        }
        Ok(Self {
            key: StratumKey {
                product: stored.product,
                machine: stored.machine,
                characteristic: stored.characteristic,
            },
            versions,
        })
    }
}

impl TryFrom<VersionV1> for LimitVersion {
    type Error = QualityError;

    fn try_from(stored: VersionV1) -> Result<Self, QualityError> {
        let change =
            ChangeRecord::new(Timestamp::from_nanos(stored.at_ns), &stored.by, &stored.why)?;
        let change = match stored.approval {
            Some(reference) => change.approved(&reference)?,
            None => change,
        };
        let rules: Option<Vec<Rule>> = stored.rules.iter().map(|name| Rule::parse(name)).collect();
        let rules = rules.ok_or(QualityError::Stored("a run rule is not known"))?;
        let excluded: Result<Vec<AssignableCause>, QualityError> = stored
            .excluded
            .iter()
            .map(|cause| {
                let point_at = Timestamp::from_nanos(cause.point_at_ns);
                let recorded_at = Timestamp::from_nanos(cause.recorded_at_ns);
                AssignableCause::new(point_at, &cause.cause, &cause.recorded_by, recorded_at)
            })
            .collect();
        Ok(Self {
            version: stored.version,
            frozen: stored.frozen,
            learned: PhaseOne {
                limits: Limits::try_from(stored.limits)?,
                rules: RuleSet::new(&rules),
                subgroups: count(stored.subgroups),
                observations: stored.observations.map(count),
                excluded: excluded?,
                unexplained: count(stored.unexplained),
            },
            change,
        })
    }
}

impl TryFrom<ParametersV1> for Limits {
    type Error = QualityError;

    fn try_from(stored: ParametersV1) -> Result<Self, QualityError> {
        Ok(match stored {
            ParametersV1::XbarR(of) => Self::XbarR(of.try_into()?),
            ParametersV1::XbarS(of) => Self::XbarS(of.try_into()?),
            ParametersV1::IMr(of) => Self::IndividualsMr(of.try_into()?),
            ParametersV1::P(of) => Self::P(of.try_into()?),
            ParametersV1::Np(of) => Self::Np(of.try_into()?),
            ParametersV1::LaneyP(of) => Self::LaneyP(of.try_into()?),
            ParametersV1::C(of) => Self::C(of.try_into()?),
            ParametersV1::U(of) => Self::U(of.try_into()?),
            ParametersV1::LaneyU(of) => Self::LaneyU(of.try_into()?),
            ParametersV1::G(of) => Self::G(GLimits {
                k: count(of.k),
                mean: not_negative(of.center)?,
            }),
            ParametersV1::TimeBetween(of) => Self::TimeBetween(BetweenLimits {
                k: count(of.k),
                center: not_negative(of.center)?,
                sigma: not_negative(of.sigma)?,
            }),
            ParametersV1::Ewma(of) => Self::Ewma(
                EwmaLimits {
                    target: of.target,
                    sigma: of.sigma,
                    lambda: of.lambda,
                    limit_l: of.limit_l,
                    exact: of.exact,
                }
                .checked()?,
            ),
            ParametersV1::Cusum(of) => Self::Cusum(
                CusumLimits {
                    target: of.target,
                    sigma: of.sigma,
                    k: of.k,
                    h: of.h,
                    scale: match of.data_n {
                        Some(n) => CusumScale::Data { n: count(n) },
                        None => CusumScale::StandardError,
                    },
                    reset_after_signal: of.reset_after_signal,
                }
                .checked()?,
            ),
        })
    }
}

impl TryFrom<SubgroupsV1> for SubgroupLimits {
    type Error = QualityError;

    fn try_from(of: SubgroupsV1) -> Result<Self, QualityError> {
        Ok(Self {
            n: of.n.map(count),
            k: count(of.k),
            center: finite(of.center)?,
            sigma_within: not_negative(of.sigma_within)?,
            mean_range: of.mean_range.map(not_negative).transpose()?,
            mean_deviation: of.mean_deviation.map(not_negative).transpose()?,
            pooled_sigma: not_negative(of.pooled_sigma)?,
            pooled_df: count(of.pooled_df),
        })
    }
}

impl TryFrom<IndividualsV1> for IndividualLimits {
    type Error = QualityError;

    fn try_from(of: IndividualsV1) -> Result<Self, QualityError> {
        Ok(Self {
            k: count(of.k),
            pairs: count(of.pairs),
            center: finite(of.center)?,
            mean_moving_range: not_negative(of.mean_moving_range)?,
            sigma_within: not_negative(of.sigma_within)?,
        })
    }
}

impl TryFrom<RateV1> for FractionLimits {
    type Error = QualityError;

    fn try_from(of: RateV1) -> Result<Self, QualityError> {
        if of.rate > 1.0 {
            return Err(QualityError::Stored("a share is above 1"));
        }
        Ok(Self {
            k: count(of.k),
            inspected: not_negative(of.inspected)?,
            fraction: not_negative(of.rate)?,
            widening: not_negative(of.widening)?,
            size: of.size.map(not_negative).transpose()?,
        })
    }
}

impl TryFrom<RateV1> for RateLimits {
    type Error = QualityError;

    fn try_from(of: RateV1) -> Result<Self, QualityError> {
        Ok(Self {
            k: count(of.k),
            inspected: not_negative(of.inspected)?,
            rate: not_negative(of.rate)?,
            widening: not_negative(of.widening)?,
            size: of.size.map(not_negative).transpose()?,
        })
    }
}

/// A number of samples beyond the address space of a small gateway is still "very many".
fn count(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

fn finite(value: f64) -> Result<f64, QualityError> {
    let error = QualityError::Stored("a number is not finite");
    crate::quality::number::finite(value).ok_or(error)
}

fn not_negative(value: f64) -> Result<f64, QualityError> {
    if value < 0.0 {
        return Err(QualityError::Stored("a spread or rate is negative"));
    }
    finite(value)
}

//! The standard deviation within subgroups and how well it is known.

use crate::quality::charts::{IndividualLimits, SubgroupLimits};

/// Efficiency of ranges of small subgroups against the pooled variance.
const RANGE_EFFICIENCY: f64 = 0.9;
/// Degrees of freedom that each moving range is worth: neighbouring ones share a reading.
const MOVING_RANGE_EFFICIENCY: f64 = 0.62;

/// A standard deviation within subgroups with its effective degrees of freedom.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WithinSigma {
    /// Standard deviation of one reading, in units of the data.
    pub sigma: f64,
    /// Effective degrees of freedom, above 0.
    pub df: f64,
    /// How it was estimated: `rbar_d2`, `sbar_c4`, `pooled`, `mrbar_d2`.
    pub method: &'static str,
}

impl WithinSigma {
    /// From the mean range: `round(0.9 k (m - 1))` degrees of freedom.
    pub fn from_ranges(limits: &SubgroupLimits) -> Self {
        Self {
            sigma: limits.sigma_within,
            df: (RANGE_EFFICIENCY * limits.pooled_df as f64)
                .round()
                .max(1.0),
            method: "rbar_d2",
        }
    }

    /// From standard deviations: `k (m - 1)` degrees of freedom.
    pub fn from_deviations(limits: &SubgroupLimits) -> Self {
        Self {
            sigma: limits.sigma_within,
            df: limits.pooled_df.max(1) as f64,
            method: if limits.mean_deviation.is_some() {
                "sbar_c4"
            } else {
                "pooled"
            },
        }
    }

    /// From the pooled variance, whatever the chart is drawn with.
    pub fn pooled(limits: &SubgroupLimits) -> Self {
        Self {
            sigma: limits.pooled_sigma,
            df: limits.pooled_df.max(1) as f64,
            method: "pooled",
        }
    }

    /// From moving ranges: `round(0.62 (n - 1))` degrees of freedom.
    pub fn from_moving_ranges(limits: &IndividualLimits) -> Self {
        Self {
            sigma: limits.sigma_within,
            df: (MOVING_RANGE_EFFICIENCY * limits.pairs as f64)
                .round()
                .max(1.0),
            method: "mrbar_d2",
        }
    }
}

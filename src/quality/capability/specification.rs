//! What a characteristic is allowed to be.

use crate::quality::error::QualityError;
use crate::quality::number::{finite, tolerance};

/// Specification limits of a characteristic: one or both, and a target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Specification {
    lsl: Option<f64>,
    usl: Option<f64>,
    target: Option<f64>,
}

impl Specification {
    /// Limits in units of the data; at least one, the lower below the upper, the target not outside.
    pub fn new(
        lsl: Option<f64>,
        usl: Option<f64>,
        target: Option<f64>,
    ) -> Result<Self, QualityError> {
        let given = [lsl, usl, target];
        let all_finite = given.iter().flatten().all(|value| value.is_finite());
        let ordered = lsl.zip(usl).is_none_or(|(low, high)| low < high);
        let above = lsl.zip(target).is_none_or(|(low, target)| low <= target);
        let below = usl.zip(target).is_none_or(|(high, target)| target <= high);
        let limited = lsl.is_some() || usl.is_some();
        if all_finite && limited && ordered && above && below {
            Ok(Self { lsl, usl, target })
        } else {
            Err(QualityError::Specification)
        }
    }

    /// Lower limit.
    pub const fn lsl(&self) -> Option<f64> {
        self.lsl
    }

    /// Upper limit.
    pub const fn usl(&self) -> Option<f64> {
        self.usl
    }

    /// What is aimed at.
    pub const fn target(&self) -> Option<f64> {
        self.target
    }

    /// Distance of the limits; `None` of a one-sided specification.
    pub(crate) fn width(&self) -> Option<f64> {
        self.lsl
            .zip(self.usl)
            .and_then(|(low, high)| finite(high - low))
    }

    /// Whether a reading is below the lower limit; on the limit it is not.
    pub(crate) fn is_below(&self, value: f64) -> bool {
        self.lsl
            .is_some_and(|lsl| value < lsl - tolerance(0.0, lsl))
    }

    /// Whether a reading is above the upper limit; on the limit it is not.
    pub(crate) fn is_above(&self, value: f64) -> bool {
        self.usl
            .is_some_and(|usl| value > usl + tolerance(0.0, usl))
    }
}

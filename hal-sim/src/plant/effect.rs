//! What the active faults do to one signal at one moment.

use super::Status;

/// The sum of the faults on one signal; the default is none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effect {
    /// Added to the value, in standard deviations of the signal's noise.
    pub shift_sigma: f64,
    /// Added to the value, in engineering units.
    pub shift_units: f64,
    /// Factor on the standard deviation of the noise.
    pub noise_factor: f64,
    /// The reading keeps the value it had when this became true.
    pub stuck: bool,
    /// The status that the reading has.
    pub status: Status,
}

impl Default for Effect {
    fn default() -> Self {
        Self {
            shift_sigma: 0.0,
            shift_units: 0.0,
            noise_factor: 1.0,
            stuck: false,
            status: Status::Good,
        }
    }
}

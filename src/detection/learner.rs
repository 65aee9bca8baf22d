//! Learning: collects the first Good samples of a signal until its baseline can be estimated.

use super::design::ChartDesign;
use super::estimate::{Estimate, estimate};
use super::nursery::Place;

/// Samples kept while learning; a longer learning phase goes on without keeping them.
const KEPT_MAX: usize = 2048;
/// A signal that changes its value less often than this while learning shows no spread to measure by.
const CHANGES_MIN: u32 = 10;

/// Collects the samples of one slot.
///
/// They are kept as single-precision distances from the first one, which halves the memory and loses nothing that
/// matters: a distance is good to seven digits of itself however far from zero the signal is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Learner {
    place: Place,
    have: usize,
    first: f64,
    last: f64,
    changes: u32,
    is_still: bool,
}

impl Learner {
    /// Samples that a design needs before anything is estimated.
    pub(super) fn need(design: &ChartDesign) -> usize {
        let wanted = usize::try_from(design.learn_samples).unwrap_or(KEPT_MAX);
        wanted.clamp(2, KEPT_MAX)
    }

    /// Learns in the room at `place`.
    pub(super) const fn new(place: Place) -> Self {
        Self {
            place,
            have: 0,
            first: 0.0,
            last: 0.0,
            changes: 0,
            is_still: false,
        }
    }

    /// Where its samples are kept.
    pub(super) const fn place(&self) -> Place {
        self.place
    }

    /// Samples collected and samples needed.
    pub(super) const fn progress(&self) -> (usize, usize) {
        (self.have, self.place.len())
    }

    /// Whether a whole learning phase passed without enough movement to learn from.
    pub(super) const fn is_still(&self) -> bool {
        self.is_still
    }

    /// Takes one finite value into `room`; the estimate comes with the last one needed. When the signal did not move
    /// enough, or its values are beyond arithmetic, learning begins again.
    pub(super) fn observe(
        &mut self,
        value: f64,
        room: &mut [f32],
        design: &ChartDesign,
    ) -> Option<Estimate> {
        if self.have == 0 {
            self.first = value;
        } else {
            self.changes += u32::from(self.last.to_bits() != value.to_bits());
        }
        self.last = value;
        if let Some(free) = room.get_mut(self.have) {
            *free = single(value - self.first);
        }
        self.have += 1;
        if self.have < room.len() {
            return None;
        }
        let is_arithmetic = room.iter().all(|offset| offset.is_finite());
        let estimate = if self.changes >= CHANGES_MIN && is_arithmetic {
            let values: Vec<f64> = room.iter().map(|o| self.first + f64::from(*o)).collect();
            estimate(&values, design)
        } else {
            None
        };
        self.is_still = estimate.is_none();
        self.have = 0;
        self.changes = 0;
        estimate
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a distance to seven digits; one beyond single precision is infinite and no baseline comes of it"
)]
const fn single(distance: f64) -> f32 {
    distance as f32
}

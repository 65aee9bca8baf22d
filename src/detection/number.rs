//! Numbers that leave double precision.

/// In single precision. What needs no more than seven digits is kept in it: centred values, statistics, limits. A number
/// that is too large for it becomes infinite.
#[expect(
    clippy::cast_possible_truncation,
    reason = "that is what it is for: to seven digits, and infinite beyond"
)]
pub(super) const fn single(x: f64) -> f32 {
    x as f32
}

//! Plausibility of samples: range, rate of change, stale, stuck, gap. Each finding is a [`Quality`] with its reason.
//!
//! Pure: `(rules, state, sample, now) → quality`. A Bad sample stays Bad; a finding never makes a sample better.
//!
//! | check | finding | measured by |
//! |---|---|---|
//! | NaN, infinity | Bad (`not_a_number`) | the value |
//! | `min`, `max` | Bad (`out_of_range`) | the value |
//! | `stale_after` | Uncertain (`stale`) | monotonic time since the source time last changed, in any direction |
//! | `stuck_after` | Uncertain (`stuck`) | monotonic time since the value last changed; a gap starts it again |
//! | `max_rate_per_s` | Uncertain (`rate_of_change`) | against the last plausible value over monotonic time |
//! | `gap_after` | Uncertain (`gap`) | monotonic time since the last sample that carried a value |
//!
//! When several apply, the first of the table wins; a reason that the device itself gave is kept unless the finding is
//! worse. Source times only have to move: they may be out of order, wrong or stepping.
//!
//! A gap marks one sample, the first after it, and a new, slower cadence is marked once, not for ever. The mark keeps that one value from detectors and statistics, which cannot know what went before; the
//! value itself is published and stored like every other.
//!
//! [`Quality`]: crate::model::Quality

#[cfg(test)]
pub(crate) mod testing;
mod validator;

pub use validator::Validator;

//! Plausibility of samples: range, rate of change, stale, stuck, gap. Each finding is a [`Quality`] with its reason.
//!
//! Pure: `(rules, state, sample, now) → quality`. A Bad sample stays Bad; a finding never makes a sample better.

//! Streaming detection: EWMA and two-sided CUSUM per numeric tag on a learned baseline.
//!
//! Pure. State is a structure of arrays, one slot per detected tag.

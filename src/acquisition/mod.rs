//! Fixed-rate polling: schedule, scan groups, back-off, circuit breakers.

//! The only place of the simulator that reads the wall clock.

use std::time::{SystemTime, UNIX_EPOCH};

/// Nanoseconds since 1970-01-01 UTC; 0 on a host whose clock stands before that.
#[expect(
    clippy::disallowed_methods,
    reason = "the simulator shares no code with the gateway and this is its own clock"
)]
pub(crate) fn wall_ns() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_nanos()).ok())
        .unwrap_or(0)
}

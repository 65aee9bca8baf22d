//! Fixed-rate polling: when each scan group is read, what happens when an endpoint does not answer, and how
//! late every poll was.
//!
//! One task per endpoint, so that a slow or dead device never delays another. Inside an endpoint requests are
//! serialised; a unit that stays silent is set aside by its own circuit breaker. Every tick of every tag
//! yields a sample: when the device cannot be read, a Bad one. Nothing here waits for the pipeline: when
//! its queue is full, samples are dropped, counted and reported.
//!
//! | file | purity | what it does |
//! |---|---|---|
//! | `plan` | pure | tags → endpoints and scan groups with phase offsets |
//! | `schedule` | pure | the fixed grid: what is due next, how many deadlines were missed |
//! | `backoff` | pure | full-jitter delays |
//! | `breaker` | pure | per-unit circuit breaker |
//! | `stats` | shared | counters and the jitter histogram |
//! | `task` | edge | drives one [`crate::driver::Driver`] |

mod backoff;
mod breaker;
mod plan;
mod schedule;
mod stats;
mod task;
#[cfg(test)]
mod tests;

pub use backoff::Backoff;
pub use breaker::{Breaker, BreakerState};
pub use plan::{EndpointKey, EndpointPlan, plan_endpoints};
pub use schedule::{Due, Schedule};
pub use stats::{AcquisitionStats, JitterHistogram, JitterSummary};
pub use task::{Acquired, DeviceState, Endpoint, run};

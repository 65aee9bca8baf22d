//! Alarm conditions become alerts: raised, changed, cleared; worded for the line; routed to roles.
//!
//! ```text
//! samples  ─► QualityWatch ─┐
//! findings ─────────────────┼─► Condition ─► Alarms ─► Alert (raised → changed* → cleared)
//! devices, buffer, clock ───┘
//! ```
//!
//! Pure. Conditions come in, transitions come out. What a reader of the alerts may rely on:
//!
//! - One occurrence has one id, and its transitions are `raised`, any number of `changed`, `cleared`, in this order.
//! - There is at most one open occurrence per subject and kind.
//! - An alert clears when its condition has been gone for `clear_after`. A condition that comes back before is the
//!   same occurrence.
//! - A condition raised more than three times in ten minutes chatters: the fourth alert stays raised until it has been
//!   quiet for ten minutes, and says how often it came.
//! - A level that has stood long enough to be the new normal is told once per occurrence, with a `changed`.
//! - Severity rises within an occurrence, with a `changed` each time, and never falls: who was told at the worst is
//!   told until the end.

mod alarms;
mod book;
mod condition;
mod explanation;
mod kind;
mod routing;
#[cfg(test)]
mod tests;
mod watch;
mod wording;

pub use alarms::{ActiveAlert, Alarms};
pub use condition::{Condition, ConditionState, Subject};
pub use explanation::{Explanation, Known};
pub use kind::AlarmKind;
pub use watch::QualityWatch;

//! Streaming detection: EWMA and two-sided CUSUM per numeric tag on a learned baseline.
//!
//! ```text
//! rules ─► design (k, h, lambda, L) ─┐
//! Good samples ─► learn (mean, sigma, persistence) ─► limits ─► charts ─► findings
//! ```
//!
//! Pure. State is a structure of arrays, one slot per detected tag; a sample costs no allocation once its slot has
//! learned. What a caller may rely on:
//!
//! - Only Good samples go in. Values that are not finite, and samples that are not newer than the slot's last one, are
//!   ignored. Time is monotonic; the wall clock plays no part.
//! - Nothing alarms before a baseline exists, and a signal that does not move gets none: without a spread there is no
//!   distance from normal.
//! - The wanted false-alarm rate is a promise about the plant's data, not about textbook noise: limits are widened for
//!   autocorrelation and for what a short learning phase cannot know.

mod arl;
mod arrival;
mod bank;
mod charted;
mod charts;
mod context;
mod design;
mod fault;
mod finding;
mod fit;
mod group;
mod learner;
mod limits;
mod model;
mod number;
mod nursery;
mod pattern;
mod phases;
mod quadrature;
mod robust;
mod self_start;
mod tails;
mod tally;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod verdict;
mod wander;

pub use arl::{cusum_arl, ewma_arl};
pub use bank::{Bank, Input, Memory, Slot, SlotState};
pub use context::{ContextId, ContextPlan, DayTime};
pub use design::{CHARTS, ChartDesign, DesignError, Designer, design};
pub use finding::{Change, Chart, Finding};
pub use group::{
    Group, GroupDesign, GroupMemory, GroupModel, GroupReading, GroupShare, GroupState, TagModel,
};
pub use model::{ModeId, ModeLevel, Model};
pub use pattern::Phase;
pub use phases::Phases;
pub use tails::SpikeLimits;

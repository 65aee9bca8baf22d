//! Shift calendar: what shift a moment belongs to, from definitions in the plant's local time.
//!
//! Promises:
//! - A shift starts and ends when the plant's clocks show it; summer time makes a night 7 or 9 hours long, and the
//!   elapsed time is what counts. A boundary shown twice is the earlier one, a skipped one is moved forward.
//! - The start is inclusive, the end exclusive. Output is credited to one shift at any moment: during a handover to the
//!   outgoing shift until its scheduled end. Staffing counts both.
//! - A production day is named by a rule of the plant ([`DayAnchor`]).
//! - Dated exceptions win over the rule; what cannot be is refused when the calendar is made.
//!
//! Never reads a clock or the zone of the host.

mod busy;
mod check;
mod definition;
mod instance;
mod lookup;
mod pattern;
#[cfg(test)]
mod tests;

pub use check::CalendarError;
pub use definition::{
    Break, CalendarDefinition, Change, DayAnchor, Exception, RosterEntry, Rotation, ShiftDef,
    Weekdays,
};
pub use instance::{HeadcountSource, ShiftInstance, ShiftKey, ShiftKind, Staffing};
pub use lookup::Calendar;
pub use pattern::{OFF, Pattern, PatternError};

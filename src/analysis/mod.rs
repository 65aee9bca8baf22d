//! What people ask of the plant's memory: facts are fetched from the history, the pure analytics work on them.
//!
//! ```text
//!                    ┌─ gather ─► facts of a work unit ─► production ─► account ─┬─► oee, shifts, changeovers, orders
//! history (reader) ──┤                                                           ├─► compare
//!                    ├─ defects that were taken in ─► attribution ───────────────┼─► defects
//!                    │                                                           └─► counts ─┐
//!                    └─ samples ───────────────────────────────────────────────────────────┴─► spc
//! ```
//!
//! A [`Question`] is what a command asks, by itself on an idle data directory or through the running gateway;
//! [`answer`] is the same function in both. The figures of a shift are stated once it is over ([`Accountant`]) and kept
//! in the history for good; what is not stated yet is worked out from samples each time it is asked for.
//!
//! Nothing here knows the time: the caller says what is now.

mod account;
mod accountant;
#[cfg(test)]
mod accountant_tests;
mod amend;
mod attribution;
mod books;
mod changeovers;
mod charting;
mod comparison;
mod counts;
mod course;
mod defects;
mod error;
mod explain;
mod explain_counts;
mod explain_defects;
mod gather;
mod intake;
mod limits;
mod line;
mod link;
mod linked_alerts;
mod monitoring;
mod oee;
mod orders;
mod period;
mod plant;
mod process;
mod question;
mod records;
mod samples;
mod shifts;
mod spc;
mod stored;

pub use accountant::{Accountant, Restated, Stated};
pub use changeovers::{ChangeoverKind, ChangeoverRow, ChangeoversAnswer, ChangeoversQuestion};
pub use comparison::{CompareQuestion, Group as CompareBy, Metric};
pub use counts::{Counted, CountsOf, CountsPer};
pub use defects::{DefectsAnswer, DefectsQuestion};
pub use error::AnalysisError;
pub use explain::{ExplainQuestion, Explained};
pub use explain_defects::ExplainDefects;
pub use intake::{Intake, IntakeFault, TakenIn, read_intake};
pub use limits::{
    LimitsAnswer, LimitsChange, LimitsQuestion, LimitsRow, NewLimits, RefusedLimits, change_limits,
};
pub use line::{LineFigures, StepRow};
pub use link::{LinkedState, LinkedStop, LinkedValue, WindowLink};
pub use linked_alerts::LinkedAlert;
pub use oee::{Figure, GroupBy, IdealProposal, OeeAnswer, OeeQuestion, OeeRow, Ratios};
pub use orders::{OrderRow, OrdersAnswer, OrdersQuestion};
pub use period::{Per, Period, PeriodError};
pub use question::{Question, answer};
pub use samples::SamplesQuestion;
pub use shifts::{ShiftRow, ShiftsAnswer, ShiftsQuestion};
pub use spc::{Exclusion, Learn, SpcAnswer, SpcQuestion};

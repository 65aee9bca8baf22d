//! Production figures of a plant: the time model, OEE and its relatives, and the calendar they are of.
//!
//! ```text
//! calendar ─► shifts ──┐
//! state ─► categories ─┼─► time_model ─► elements ─┐
//! reason ─► edits ─────┘                           ├─► atoms ─► sums ─► kpi, losses, line
//! counter ─► pieces ─────────────────► output ─────┘      └─► restate, stored
//! ```
//!
//! [`assemble::assemble`] goes all of the way for one work unit. Every part can be used alone:
//!
//! | module | what it answers |
//! |---|---|
//! | [`calendar`] | which shift, crew and production day a moment belongs to |
//! | [`state`] | what a state of a machine counts to |
//! | [`counter`] | how many pieces a counter that jumps has counted |
//! | [`time_model`] | what every second was |
//! | [`elements`] | the sums that figures are made of |
//! | [`kpi`] | OEE, NEE, TEEP and the other ratios of ISO 22400-2, with coverage and bounds |
//! | [`losses`] | the six big losses |
//! | [`pareto`] | downtime by cause |
//! | [`reason`] | why machines stop, and what operators say about it later |
//! | [`product`] | products with versioned ideal cycles |
//! | [`mod@order`] | how far orders are, and when they will be done |
//! | [`atoms`] | what every report is a sum of |
//! | [`mod@line`] | areas, serial lines, partial shutdowns |
//! | [`restate`] | figures that change after they were stated |
//! | [`stored`] | atoms on disk and on the wire |
//! | [`cycle`] | cycle times |
//! | [`changeover`] | changeovers |
//! | [`reliability`] | MTBF and MTTR |
//! | [`yields`] | first-pass and rolled throughput yield |
//! | [`handover`] | what a change of shift costs |
//! | [`staffing`] | headcount against plan |
//!
//! Promises: sums, then ratios, never an average of ratios; `None` for what is not defined, never 0; time without data
//! is shown, never hidden; the same facts give the same figures, in whatever windows they are asked for.
//!
//! Never reads a clock, a file or the host's zone. After ISO 22400-2:2014 and ISA-TR88.00.02.

pub mod assemble;
pub mod atoms;
pub mod calendar;
pub mod changeover;
pub mod counter;
pub mod cycle;
pub mod elements;
pub mod handover;
pub mod kpi;
pub mod line;
pub mod losses;
pub mod order;
pub mod pareto;
pub mod product;
pub mod reason;
pub mod reliability;
pub mod restate;
pub mod span;
pub mod staffing;
pub mod state;
pub mod stored;
pub mod time_model;
pub mod yields;

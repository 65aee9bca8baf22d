//! Days and weeks of production in simulated time, recorded together with the truth about them.
//!
//! ```text
//!  plan.toml ─► Plan ─► Calendar ─► Timeline of each machine ─► Defects of its recording ─► values.csv
//!                                        │                              └──────────────────► ledger.json
//!                                        └─► roster, orders, products, reasons, late scrap, calendar
//! ```
//!
//! What it is for: figures of production - times, counts, OEE, comparisons of shifts - are judged by what is known to be true.
//!
//! What it promises:
//! - The same plan, seed and days give the same bytes; one machine more leaves the others as they were.
//! - States, orders and stops change on the sampling grid: who holds each state until the next sample, takes planned
//!   windows from the calendar and counts deltas (rollover, reset, a step back ignored) finds the
//!   seconds and parts of the ledger exactly, for every machine, shift instance and order.
//! - For every record the categories add up to the scheduled time.
//!
//! What it never does: read a clock, open a socket, share code with what reads the recording.
//!
//! # The plan
//!
//! `config/scenarios/month.toml` shows every table. Faults are reported all at once as `file:line:col: what`.
//!
//! # values.csv
//!
//! One row per sample: `time` (RFC 3339, UTC), then for each machine `M.state`, `M.mode` (PackML machines only),
//! `M.count`, `M.scrap`, `M.rework`, `M.order`, `M.product`, `M.cycle_s`, `M.temp`, `M.pressure`, `M.width`.
//! An empty cell is no sample, `NaN` a sample of bad quality, `""` an empty text: no order. `M.width` has a cell only in
//! the row after a measurement. A row shows the state from its time on, and the parts that were finished before it. Counters
//! show their start value plus parts, modulo 65536 or 2^32. The order changes when its changeover begins.
//!
//! | activity | PackML state, mode | plain state |
//! |---|---|---|
//! | running | 6 execute, 1 production | 1 |
//! | changeover | 2 stopped, 3 manual | 2 |
//! | malfunction: an internal stop of at least `microstop` | 9 aborted, 1 | 3 |
//! | minor stop: a shorter one | 11 held, 1 | 4 |
//! | external: starved or blocked | 5 suspended, 1 | 5 |
//! | idle: no order | 4 idle, 1 | 0 |
//! | break, or not scheduled | 2 stopped, 1 | 6 |
//! | planned maintenance | 2 stopped, 2 maintenance | 7 |
//!
//! A malfunction that reaches into a planned window keeps its code and may end in it; a changeover waits; every other stop ends.
//!
//! # Tables
//!
//! | file | columns |
//! |---|---|
//! | `roster.csv` | `shift_instance, production_day, shift, crew, start, end, planned_headcount, headcount, experience_share` |
//! | `orders.csv` | `order, product, quantity, work_unit, planned_start, planned_end, actual_start, actual_end` |
//! | `products.csv` | `product, family, ideal_cycle_s, valid_from, characteristic, unit, nominal, lsl, usl`: one row per version |
//! | `reasons.csv` | `entered_at, machine, stop_start, stop_end, reason, revision`: revision 2 corrects 1 |
//! | `late_scrap.csv` | `found_at, machine, origin_time, product, order, count` |
//! | `planned_stops.csv` | planned maintenance; a row is `work_unit,start,end,kind` |
//! | `calendar.json` | shifts, which machine works in which, planned stops, days without work |
//!
//! # ledger.json, version 1
//!
//! - `machines`, `shift_instances` (`hours` are real ones: seven in the night when clocks go forward), `orders`.
//! - `records`: one per machine, shift instance and order (product and order are empty without one). `scheduled_s`; seconds
//!   per category as they were (`actual`) and as a reader can know them (`known`, where gaps are `unknown_s`; a planned window
//!   stays planned in a gap); `produced` includes `scrap` and `rework`; `late_scrap` was good at its time; `ideal_s` and
//!   `ideal_good_s` are sums of the ideal cycle that was valid. A planned window in which the machine ran is `run_s`.
//! - `stops` with category, true reason, whether it was `coded`, and whether a gap hides it (`is_hidden`: all of it);
//!   `changeovers`; `planned_s` is what of them lies in planned windows or outside of shifts, `hidden_s` what of the rest lies
//!   in gaps. `last_good` and `first_good` of a changeover are the rows that show the last good part up to its begin and the
//!   first one after it; `scrap` and `rework` are the parts shown after the one row, up to and with the other. Where one of
//!   the two is missing, both are 0.
//! - `reliability`: failures, operating time (running and changeover) and repair time of those that are over.
//! - `gaps` and `counter_events`: rollover, reset, backstep.
//! - `effects` and `staffing`: what was planted.
//! - `shift_truth`: what a shift itself does (`direct`), what else it differs by (headcount, experience, shares of machines and
//!   products), the mean over its parts of the logarithm of cycle over ideal by cause (`mean_log_cycle`; they add up), and the
//!   `confounders`: causes other than the shift whose mean is apart from that of the other shifts by more than 0.5 %.

mod calendar;
mod check;
mod conditions;
mod ledger;
mod machine;
mod number;
mod plan;
mod raw;
mod recording;
mod run;
mod tables;
mod thermal;
mod timeline;
mod truth;
mod values;

pub use plan::{
    Break, ChangeoverRules, Closed, Crew, Effect, Kind, LateScrapRules, MachinePlan, Maintenance,
    OrderRules, Plan, Product, Reasons, RecordingRules, Rotation, ShiftDef, Staffing, TempRules,
    Width,
};
pub use run::{RecordError, Recorded, record};

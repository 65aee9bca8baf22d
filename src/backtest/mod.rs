//! Detectors over labelled recordings, with scores: what a profile finds, misses and cries out for nothing.
//!
//! ```text
//! data/**/*.csv ─► recording ─► engine (learn, then score row by row) ─► alarms ─► DIR/same path
//! segments.csv ──► segments ───────────────────────────────────────────────┴─► score ─► summary
//! ```
//!
//! A data set is a folder:
//! - `data/**/*.csv[.gz]`, one recording each, separated by comma or semicolon. A time column called `t_s` (seconds),
//!   `timestamp` or `datetime` (UTC); `mode` (text) and `cycle_start` (0 or 1) tell the detector what the machine does;
//!   `anomaly`, `changepoint`, `label`, `is_anomaly` and `class` are labels, which it never sees; every other column
//!   holds values. An empty cell or NaN is no value.
//! - `segments.csv`, `file,start,end,kind[,class]`: labelled stretches of rows, counted from 0, both ends included.
//!   `file` is the path below `data` without `.gz`. A `class` is `anomaly` (to be found), `legit` or `gap` (not to be
//!   flagged); without it all are anomalies. Without the file there are detections and no scores.
//!
//! What it writes, per recording: `index,alarm,score`, a row per data row, `score >= 1` where `alarm` is 1, and zeros
//! for the rows that taught; and `summary.json`.
//!
//! What it promises:
//! - Causal: a verdict depends on its row and the rows before it, in the order of the file, whatever their times say.
//! - The same input gives the same bytes, on any number of cores.
//! - A data set with faults is refused as a whole: every fault with its place, and nothing is written.
//! - Memory holds as many recordings as there are cores, at most [`THREADS_MAX`].

mod dataset;
mod engine;
mod recording;
mod run;
pub mod score;
mod segments;
mod summary;
mod teacher;
#[cfg(test)]
mod tests;
mod verdicts;
mod work;

pub use engine::{Engine, Row, Verdict};
pub use run::{BacktestError, Progress, Report, Request, THREADS_MAX, backtest};
pub use summary::summary_json;

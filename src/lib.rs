//! Andon, the edge gateway: see the README for what it does; this page is the map of how.
//!
//! ```text
//! driver ─► acquisition ─► validation ─► detection ─► alerting ─► buffer ─► publish ─► MQTT broker
//!                               └─► historian ─► history ─► analysis ─► production · quality · compare
//! ```
//!
//! | module | purity | what it does |
//! |---|---|---|
//! | [`model`] | pure | tag, sample, quality, asset path, time |
//! | [`config`] | edge | typed TOML; all faults at once, `file:line:col` |
//! | [`driver`] | edge | Modbus TCP and OPC UA; decoding and planning are pure |
//! | [`acquisition`] | edge | fixed-rate polling, back-off, circuit breakers |
//! | [`validation`] | pure | range, rate of change, stale, stuck, gap → Quality |
//! | [`detection`] | pure | EWMA and CUSUM on a learned baseline |
//! | [`alerting`] | pure | conditions → alerts, routed to roles |
//! | [`pipeline`] | pure + task | the chain of the three above, summaries, report by exception |
//! | [`baseline`] | edge | what the chain has learned, kept over a restart, taken to another gateway |
//! | [`history`] | edge | samples for days, roll-ups for years: redb and pco |
//! | [`production`] | pure | time model, OEE and its relatives, shift calendar, after ISO 22400-2 |
//! | [`quality`] | pure | control charts, run rules, capability, defects |
//! | [`compare`] | pure | shifts, crews, machines, products at the same circumstances |
//! | [`analysis`] | edge | questions about the past: facts from the history, figures from the three above |
//! | [`historian`] | edge | the one who writes the history, and states the figures of each shift |
//! | [`replay`] | edge | recorded samples through the pipeline, by the time of the data |
//! | [`backtest`] | edge | detectors over labelled recordings, with scores; `score` is pure |
//! | [`record`] | pure | what is stored and sent, versioned; its tag registry is a file |
//! | [`buffer`] | edge | store-and-forward in sled segments |
//! | [`publish`] | edge | topics, payloads, MQTT |
//! | [`app`] | edge | wiring: the one place that knows every stage, and the order of the shut-down |
//! | [`supervisor`] | edge | restarts units, ends the process when one keeps failing |
//! | [`control`] | edge | Unix socket through which commands ask the running gateway |
//! | [`clock`] | edge | the only place that asks what time it is |
//! | [`cli`] | edge | one file per subcommand |
//!
//! Which module may use which stands in `tests/architecture.rs`, which fails when a wall is broken. The chain is pure and
//! runs in one task; four threads keep apart what must not wait for each other: polling with the chain, publishing,
//! storage, history.

pub mod acquisition;
pub mod alerting;
pub mod analysis;
pub mod app;
pub mod backtest;
pub mod baseline;
pub mod buffer;
pub mod cli;
pub mod clock;
pub mod compare;
pub mod config;
pub mod control;
pub mod detection;
pub mod driver;
pub mod historian;
pub mod history;
pub mod model;
pub mod pipeline;
pub mod production;
pub mod publish;
pub mod quality;
pub mod record;
pub mod replay;
pub mod supervisor;
pub mod validation;

//! Andon, the edge gateway: see the README for what it does; this page is the map of how.
//!
//! ```text
//! driver ─► acquisition ─► validation ─► detection ─► alerting ─► buffer ─► publish ─► MQTT broker
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
//! | [`replay`] | edge | recorded samples through the pipeline, by the time of the data |
//! | [`record`] | pure | what is stored and sent, versioned |
//! | [`buffer`] | edge | store-and-forward in sled segments |
//! | [`publish`] | edge | topics, payloads, MQTT |
//! | [`cli`] | edge | one file per subcommand |

pub mod acquisition;
pub mod alerting;
pub mod app;
pub mod buffer;
pub mod cli;
pub mod clock;
pub mod config;
pub mod control;
pub mod detection;
pub mod driver;
pub mod model;
pub mod pipeline;
pub mod publish;
pub mod record;
pub mod replay;
pub mod supervisor;
pub mod validation;

//! The gateway's configuration: one TOML file plus tag CSV files.
//!
//! [`load`] reports every fault at once, each as `file:line:col: key = value is …; allowed …`, and names the
//! nearest known key for an unknown one. What it returns is checked: no later stage checks it again.
//! [`parse`] does the same as a function of its arguments.
//!
//! ```text
//! TOML ─► node ─┐
//!               ├─► section (typed keys, faults) ─► gateway, mqtt, device, tag … ─► Config
//! CSV  ─► node ─┘
//! ```
//!
//! A tag inherits `rate`, `validate`, `publish` and `detect` key by key: `[defaults]`, then its device, then itself.
//! Relative paths start at the folder of the configuration file.

mod address;
mod alerting;
mod calendar;
mod capacity;
mod context;
mod csv;
mod data_type;
mod defect;
mod device;
mod endpoint;
mod fault;
mod files;
mod gateway;
mod history;
mod line;
mod loader;
mod login;
mod modbus_link;
mod mqtt;
mod nearest;
mod node;
mod opcua_link;
mod profile;
mod section;
mod settings;
mod tag;
#[cfg(test)]
mod tests;
mod types;
mod units;
mod warning;
mod work_unit;

pub use address::table_name;
pub use calendar::ShiftCalendar;
pub use capacity::{Capacity, DeviceLoad};
pub use data_type::type_name;
pub use defect::{DefectCategories, DefectCategory};
pub use endpoint::join_host_port;
pub use fault::{ConfigError, Fault};
pub use files::{FileFault, FileSource, LocalFiles};
pub use history::HistoryConfig;
pub use line::Line;
pub use loader::{load, parse};
pub use nearest::did_you_mean;
pub use profile::{BacktestProfile, LearnPart, SamplingRate, load_profile, parse_profile};
pub use types::*;
pub use units::{
    format_duration, format_rate, format_size, parse_duration, parse_rate, parse_size,
};
pub use warning::{data_dir_warning, warnings};
pub use work_unit::{ProductionConfig, WorkUnit};

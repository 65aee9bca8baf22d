//! The plan file as it is written: one struct per table, every value with its place in the text.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned as At;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPlan {
    pub(super) name: Option<String>,
    pub(super) seed: Option<u64>,
    pub(super) sample: Option<At<String>>,
    pub(super) microstop: Option<At<String>>,
    pub(super) time_zone: Option<At<String>>,
    #[serde(default)]
    pub(super) shift: Vec<RawShift>,
    #[serde(default)]
    pub(super) crew: Vec<RawCrew>,
    pub(super) rotation: Option<RawRotation>,
    #[serde(default)]
    pub(super) staffing: RawStaffing,
    #[serde(default)]
    pub(super) effect: Vec<RawEffect>,
    #[serde(default)]
    pub(super) r#break: Vec<RawBreak>,
    #[serde(default)]
    pub(super) maintenance: Vec<RawMaintenance>,
    #[serde(default)]
    pub(super) closed: Vec<RawClosed>,
    #[serde(default)]
    pub(super) product: Vec<RawProduct>,
    #[serde(default)]
    pub(super) orders: RawOrders,
    #[serde(default)]
    pub(super) changeover: RawChangeover,
    #[serde(default)]
    pub(super) machine: Vec<RawMachine>,
    #[serde(default)]
    pub(super) recording: RawRecording,
    #[serde(default)]
    pub(super) reasons: RawReasons,
    #[serde(default)]
    pub(super) late_scrap: RawLateScrap,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawShift {
    pub(super) name: At<String>,
    pub(super) start: At<String>,
    pub(super) end: At<String>,
    pub(super) days: Option<Vec<At<String>>>,
    pub(super) headcount: Option<At<u32>>,
    pub(super) crew: Option<At<String>>,
    #[serde(default)]
    pub(super) mix: BTreeMap<At<String>, At<f64>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCrew {
    pub(super) name: At<String>,
    pub(super) experience: Option<At<f64>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRotation {
    pub(super) anchor: At<String>,
    pub(super) offset_days: At<u32>,
    pub(super) cycle: At<Vec<At<String>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStaffing {
    pub(super) full_headcount: Option<At<f64>>,
    pub(super) absence: Option<At<f64>>,
    pub(super) cycle_percent_per_missing: Option<At<f64>>,
    pub(super) setup_percent_per_missing: Option<At<f64>>,
    pub(super) experience_reference: Option<At<f64>>,
    pub(super) cycle_percent_per_10_points: Option<At<f64>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawEffect {
    pub(super) label: String,
    pub(super) shift: Option<At<String>>,
    pub(super) crew: Option<At<String>>,
    pub(super) machine: Option<At<String>>,
    pub(super) product: Option<At<String>>,
    pub(super) cycle_percent: Option<At<f64>>,
    pub(super) minor_stops_per_hour: Option<At<f64>>,
    pub(super) failure_factor: Option<At<f64>>,
    pub(super) scrap_factor: Option<At<f64>>,
    pub(super) rework_factor: Option<At<f64>>,
    pub(super) setup_percent: Option<At<f64>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBreak {
    pub(super) shift: At<String>,
    pub(super) start: At<String>,
    pub(super) r#for: At<String>,
    pub(super) machines: Option<Vec<At<String>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMaintenance {
    pub(super) day: At<String>,
    pub(super) start: At<String>,
    pub(super) r#for: At<String>,
    pub(super) machines: Option<Vec<At<String>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawClosed {
    pub(super) date: At<String>,
    #[serde(default)]
    pub(super) label: String,
    pub(super) machines: Option<Vec<At<String>>>,
    pub(super) shifts: Option<Vec<At<String>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawProduct {
    pub(super) name: At<String>,
    pub(super) family: Option<At<String>>,
    pub(super) cycle: At<String>,
    pub(super) actual_percent: Option<At<f64>>,
    pub(super) from: Option<At<String>>,
    pub(super) width: Option<RawWidth>,
    #[serde(default)]
    pub(super) revision: Vec<RawRevision>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWidth {
    pub(super) nominal: At<f64>,
    pub(super) lsl: At<f64>,
    pub(super) usl: At<f64>,
    pub(super) sigma: At<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRevision {
    pub(super) from: At<String>,
    pub(super) cycle: At<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawOrders {
    pub(super) hours_min: Option<At<f64>>,
    pub(super) hours_max: Option<At<f64>>,
    pub(super) idle_share: Option<At<f64>>,
    pub(super) idle: Option<At<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawChangeover {
    pub(super) same_family: Option<At<String>>,
    pub(super) other_family: Option<At<String>>,
    pub(super) spread: Option<At<f64>>,
    pub(super) startup_parts: Option<At<u32>>,
    pub(super) startup_scrap_factor: Option<At<f64>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMachine {
    pub(super) name: At<String>,
    pub(super) hall: Option<At<String>>,
    pub(super) line: Option<At<String>>,
    pub(super) kind: Option<At<String>>,
    pub(super) products: At<Vec<At<String>>>,
    pub(super) shifts: Option<Vec<At<String>>>,
    pub(super) in_turn: Option<bool>,
    pub(super) slower_percent: Option<At<f64>>,
    pub(super) cycle_noise: Option<At<f64>>,
    pub(super) minor_stops_per_hour: Option<At<f64>>,
    pub(super) minor_stop: Option<At<String>>,
    pub(super) mtbf: Option<At<String>>,
    pub(super) mttr: Option<At<String>>,
    pub(super) external_per_day: Option<At<f64>>,
    pub(super) external: Option<At<String>>,
    pub(super) scrap_percent: Option<At<f64>>,
    pub(super) rework_percent: Option<At<f64>>,
    pub(super) runs_through_breaks: Option<bool>,
    pub(super) counter: Option<At<String>>,
    pub(super) counter_start: Option<At<u32>>,
    pub(super) measure_every: Option<At<u32>>,
    pub(super) width_per_degree: Option<At<f64>>,
    #[serde(default)]
    pub(super) temp: RawTemp,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTemp {
    pub(super) setpoint: Option<At<f64>>,
    pub(super) sigma: Option<At<f64>>,
    pub(super) wear_per_100h: Option<At<f64>>,
    pub(super) defect_gain: Option<At<f64>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRecording {
    pub(super) gaps_per_week: Option<At<f64>>,
    pub(super) gap: Option<At<String>>,
    pub(super) bad_per_week: Option<At<f64>>,
    pub(super) bad: Option<At<String>>,
    pub(super) restarts_per_month: Option<At<f64>>,
    pub(super) backsteps_per_month: Option<At<f64>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawReasons {
    pub(super) coded_share: Option<At<f64>>,
    pub(super) minor_coded_share: Option<At<f64>>,
    pub(super) edited_share: Option<At<f64>>,
    pub(super) malfunction: Option<Vec<At<String>>>,
    pub(super) minor_stop: Option<Vec<At<String>>>,
    pub(super) external: Option<Vec<At<String>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLateScrap {
    pub(super) per_million: Option<At<f64>>,
    pub(super) days_min: Option<At<f64>>,
    pub(super) days_max: Option<At<f64>>,
}

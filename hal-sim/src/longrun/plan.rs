//! What a checked plan of a long run holds. Times of day and spans are milliseconds unless they say otherwise.

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;

/// A plant over days: calendar, staff, products, machines, and what is planted in them.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// `name`, by default that of the file.
    pub name: String,
    /// `seed` (default 1): same seed, same bytes.
    pub seed: u64,
    /// `sample` (default 5 s): one row per sample; divides a minute.
    pub sample_ms: i64,
    /// `microstop` (default 5 min): shorter internal stops are minor, others malfunctions.
    pub microstop_ms: i64,
    /// `time_zone` (default UTC): the plant's wall clock.
    pub zone: TimeZone,
    /// `[[shift]]`, in the order of the day; at least one.
    pub shifts: Vec<ShiftDef>,
    /// `[[crew]]`
    pub crews: Vec<Crew>,
    /// `[rotation]`
    pub rotation: Option<Rotation>,
    /// `[staffing]`
    pub staffing: Staffing,
    /// `[[effect]]`
    pub effects: Vec<Effect>,
    /// `[[break]]`
    pub breaks: Vec<Break>,
    /// `[[maintenance]]`
    pub maintenance: Vec<Maintenance>,
    /// `[[closed]]`
    pub closed: Vec<Closed>,
    /// `[[product]]`; at least one.
    pub products: Vec<Product>,
    /// `[orders]`
    pub orders: OrderRules,
    /// `[changeover]`
    pub changeover: ChangeoverRules,
    /// `[[machine]]`; at least one.
    pub machines: Vec<MachinePlan>,
    /// `[recording]`
    pub recording: RecordingRules,
    /// `[reasons]`
    pub reasons: Reasons,
    /// `[late_scrap]`
    pub late_scrap: LateScrapRules,
}

/// `[[shift]]`
#[derive(Debug, Clone, PartialEq)]
pub struct ShiftDef {
    /// `name`: unique.
    pub name: String,
    /// `start`: local time; included.
    pub start: Time,
    /// `end`: local time, on the next day when it is not after the start; excluded.
    pub end: Time,
    /// `days` (default all): on which it starts.
    pub days: Vec<Weekday>,
    /// `headcount` (default 10): persons planned.
    pub headcount: u32,
    /// `crew`: which crew, without a rotation; the number of a crew.
    pub crew: Option<usize>,
    /// `mix`: weight by product number; 1 where it says nothing.
    pub mix: Vec<f64>,
}

/// `[[crew]]`
#[derive(Debug, Clone, PartialEq)]
pub struct Crew {
    /// `name`: unique.
    pub name: String,
    /// `experience` (default 0.6): share of experienced persons, 0 to 1.
    pub experience: f64,
}

/// `[rotation]`: crew `k` works `cycle[(day - anchor + k * offset_days) mod length]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Rotation {
    /// `anchor`: production day on which crew 0 is at the start of the cycle.
    pub anchor: Date,
    /// `offset_days` between crews.
    pub offset_days: u32,
    /// `cycle`: number of a shift, or none for `"off"`.
    pub cycle: Vec<Option<usize>>,
}

/// `[staffing]`: what persons do to cycles and changeovers.
#[derive(Debug, Clone, PartialEq)]
pub struct Staffing {
    /// `full_headcount`: nobody is missing then; by default the most that a shift plans.
    pub full_headcount: f64,
    /// `absence` (default 0): probability that a planned person is not there.
    pub absence: f64,
    /// `cycle_percent_per_missing` (default 0): per person below `full_headcount`.
    pub cycle_percent_per_missing: f64,
    /// `setup_percent_per_missing` (default 0).
    pub setup_percent_per_missing: f64,
    /// `experience_reference` (default 0.6): share with no effect.
    pub experience_reference: f64,
    /// `cycle_percent_per_10_points` (default 0): per 0.1 of experience below the reference.
    pub cycle_percent_per_10_points: f64,
}

/// `[[effect]]`: planted where everything that it names fits.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect {
    /// `label`
    pub label: String,
    /// `shift`
    pub shift: Option<usize>,
    /// `crew`
    pub crew: Option<usize>,
    /// `machine`
    pub machine: Option<usize>,
    /// `product`
    pub product: Option<usize>,
    /// `cycle_percent` (default 0): longer cycles.
    pub cycle_percent: f64,
    /// `minor_stops_per_hour` (default 0): more of them per hour of running.
    pub minor_stops_per_hour: f64,
    /// `failure_factor` (default 1) on the rate of failures.
    pub failure_factor: f64,
    /// `scrap_factor` (default 1)
    pub scrap_factor: f64,
    /// `rework_factor` (default 1)
    pub rework_factor: f64,
    /// `setup_percent` (default 0): longer changeovers.
    pub setup_percent: f64,
}

/// `[[break]]`: a planned stop in every instance of a shift.
#[derive(Debug, Clone, PartialEq)]
pub struct Break {
    /// `shift`
    pub shift: usize,
    /// `start`: local time; the first after the shift's start.
    pub start: Time,
    /// `for`
    pub span_ms: i64,
    /// `machines`, by default all.
    pub machines: Vec<usize>,
}

/// `[[maintenance]]`: a planned stop once a week.
#[derive(Debug, Clone, PartialEq)]
pub struct Maintenance {
    /// `day` of the week, local.
    pub day: Weekday,
    /// `start`: local time.
    pub start: Time,
    /// `for`
    pub span_ms: i64,
    /// `machines`, by default all.
    pub machines: Vec<usize>,
}

/// `[[closed]]`: a holiday, or a partial shutdown: nothing is scheduled.
#[derive(Debug, Clone, PartialEq)]
pub struct Closed {
    /// `date`: production day.
    pub date: Date,
    /// `label`
    pub label: String,
    /// `machines`, by default all.
    pub machines: Vec<usize>,
    /// `shifts`, by default all.
    pub shifts: Vec<usize>,
}

/// `[[product]]`
#[derive(Debug, Clone, PartialEq)]
pub struct Product {
    /// `name`: unique; up to 8 characters.
    pub name: String,
    /// `family` (default the name): changeovers inside of a family are short.
    pub family: String,
    /// `actual_percent` (default 0): how much longer its cycles are than the first ideal.
    pub actual_percent: f64,
    /// `from`: first production day; orders for it come from then on.
    pub from: Option<Date>,
    /// `width`
    pub width: Width,
    /// `cycle`, then `[[product.revision]]`: ideal cycle with the production day from which it is valid, in order.
    pub versions: Vec<(Option<Date>, i64)>,
}

/// `width` of a product: the measured characteristic, mm.
#[derive(Debug, Clone, PartialEq)]
pub struct Width {
    /// `nominal` (default 50)
    pub nominal: f64,
    /// `lsl` (default 49.5): lower specification limit.
    pub lsl: f64,
    /// `usl` (default 50.5): upper specification limit.
    pub usl: f64,
    /// `sigma` (default 0.1): spread of parts and gauge.
    pub sigma: f64,
}

/// `[orders]`
#[derive(Debug, Clone, PartialEq)]
pub struct OrderRules {
    /// `hours_min` (default 4): ideal hours of the smallest order.
    pub hours_min: f64,
    /// `hours_max` (default 10)
    pub hours_max: f64,
    /// `idle_share` (default 0): how often nothing is there after an order.
    pub idle_share: f64,
    /// `idle` (default 20 min): mean length of that.
    pub idle_ms: f64,
}

/// `[changeover]`
#[derive(Debug, Clone, PartialEq)]
pub struct ChangeoverRules {
    /// `same_family` (default 10 min)
    pub same_family_ms: f64,
    /// `other_family` (default 30 min)
    pub other_family_ms: f64,
    /// `spread` (default 0.2): standard deviation of its logarithm.
    pub spread: f64,
    /// `startup_parts` (default 0): parts after a changeover that are often scrap.
    pub startup_parts: u32,
    /// `startup_scrap_factor` (default 1)
    pub startup_scrap_factor: f64,
}

/// How a machine shows its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `"packml"`: states of ISA-TR88.00.02 with a mode.
    PackMl,
    /// `"plain"`: codes 0 to 7 without a mode.
    Plain,
}

/// `[[machine]]`
#[derive(Debug, Clone, PartialEq)]
pub struct MachinePlan {
    /// `name`: unique; the device of its tags.
    pub name: String,
    /// `hall` (default `hall1`)
    pub hall: String,
    /// `line` (default `line1`)
    pub line: String,
    /// `kind` (default `"packml"`)
    pub kind: Kind,
    /// `products`: what it can make.
    pub products: Vec<usize>,
    /// `shifts` (default all) in which it is scheduled.
    pub shifts: Vec<usize>,
    /// `in_turn` (default false): products follow each other as listed, whatever the mix.
    pub in_turn: bool,
    /// `slower_percent` (default 0): longer cycles than ideal.
    pub slower_percent: f64,
    /// `cycle_noise` (default 0.03): standard deviation of the logarithm of a cycle.
    pub cycle_noise: f64,
    /// `minor_stops_per_hour` of running (default 0)
    pub minor_stops_per_hour: f64,
    /// `minor_stop` (default 1 min): mean length, below `microstop`.
    pub minor_stop_ms: f64,
    /// `mtbf`: mean running time between failures; none: never.
    pub mtbf_ms: Option<f64>,
    /// `mttr` (default 30 min): mean length of a failure, at least `microstop`.
    pub mttr_ms: f64,
    /// `external_per_day` of running (default 0): starved or blocked.
    pub external_per_day: f64,
    /// `external` (default 8 min): mean length.
    pub external_ms: f64,
    /// `scrap_percent` (default 1), at a temperature not above its setpoint.
    pub scrap_percent: f64,
    /// `rework_percent` (default 0)
    pub rework_percent: f64,
    /// `runs_through_breaks` (default false)
    pub runs_through_breaks: bool,
    /// `counter` (default `"u32"`): 65536 or 2^32.
    pub modulus: u64,
    /// `counter_start` (default 0), of all its counters.
    pub counter_start: u64,
    /// `measure_every` (default 50): every n-th part is measured; 0: none.
    pub measure_every: u32,
    /// `width_per_degree` (default 0): mm per degree above the setpoint.
    pub width_per_degree: f64,
    /// `temp`
    pub temp: TempRules,
}

/// `temp` of a machine.
#[derive(Debug, Clone, PartialEq)]
pub struct TempRules {
    /// `setpoint` (default 180), degrees.
    pub setpoint: f64,
    /// `sigma` (default 0.5)
    pub sigma: f64,
    /// `wear_per_100h` (default 0): degrees that 100 h of running add until maintenance.
    pub wear_per_100h: f64,
    /// `defect_gain` (default 0): scrap and rework grow by `exp(gain * degrees above the setpoint)`.
    pub defect_gain: f64,
}

/// `[recording]`: what goes wrong between machine and file, per machine.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordingRules {
    /// `gaps_per_week` (default 0): nothing is sampled.
    pub gaps_per_week: f64,
    /// `gap` (default 5 min): mean length.
    pub gap_ms: f64,
    /// `bad_per_week` (default 0): samples of bad quality.
    pub bad_per_week: f64,
    /// `bad` (default 3 min): mean length.
    pub bad_ms: f64,
    /// `restarts_per_month` of 30 days (default 0): the controller forgets its counts.
    pub restarts_per_month: f64,
    /// `backsteps_per_month` of 30 days (default 0): one sample shows one part too few.
    pub backsteps_per_month: f64,
}

/// `[reasons]`
#[derive(Debug, Clone, PartialEq)]
pub struct Reasons {
    /// `coded_share` (default 0.9) of malfunctions and external stops.
    pub coded_share: f64,
    /// `minor_coded_share` (default 0.1)
    pub minor_coded_share: f64,
    /// `edited_share` (default 0.05) of coded stops: first a wrong reason, later the right one.
    pub edited_share: f64,
    /// `malfunction`: paths of up to three levels.
    pub malfunction: Vec<String>,
    /// `minor_stop`
    pub minor_stop: Vec<String>,
    /// `external`
    pub external: Vec<String>,
}

/// `[late_scrap]`
#[derive(Debug, Clone, PartialEq)]
pub struct LateScrapRules {
    /// `per_million` good parts (default 0) that turn out to be scrap later.
    pub per_million: f64,
    /// `days_min` (default 1)
    pub days_min: f64,
    /// `days_max` (default 3)
    pub days_max: f64,
}

impl Plan {
    /// The ideal cycle of a product on a production day, in milliseconds.
    pub(super) fn ideal_ms(&self, product: usize, day: Date) -> i64 {
        let versions = self.products.get(product).map_or(&[][..], |p| &p.versions);
        let valid = |(from, _): &&(Option<Date>, i64)| from.is_none_or(|from| from <= day);
        let version = versions.iter().rev().find(valid).or(versions.first());
        version.map_or(1_000, |(_, cycle_ms)| *cycle_ms)
    }
}

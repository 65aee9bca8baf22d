//! The entries of the ledger as they stand in its file.

use serde::Serialize;

use crate::longrun::number::seconds;
use crate::longrun::timeline::{Activity, Interval};
use crate::longrun::truth::ShiftTruth;

/// Version of the ledger's format; a reader refuses others.
pub(super) const VERSION: u32 = 1;

#[derive(Debug, Serialize)]
pub(in crate::longrun) struct Ledger {
    pub(super) format: &'static str,
    pub(super) version: u32,
    pub(super) scenario: String,
    pub(super) seed: u64,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) time_zone: String,
    pub(super) sample_s: f64,
    pub(super) microstop_s: f64,
    pub(super) machines: Vec<MachineEntry>,
    pub(super) shift_instances: Vec<InstanceEntry>,
    pub(super) records: Vec<Record>,
    pub(super) stops: Vec<StopEntry>,
    pub(super) changeovers: Vec<ChangeoverEntry>,
    pub(super) reliability: Vec<Reliability>,
    pub(super) orders: Vec<OrderEntry>,
    pub(super) gaps: Vec<Gap>,
    pub(super) counter_events: Vec<CounterEntry>,
    pub(super) effects: Vec<EffectEntry>,
    pub(super) staffing: StaffingEntry,
    pub(super) shift_truth: Vec<ShiftTruth>,
}

#[derive(Debug, Serialize)]
pub(super) struct MachineEntry {
    pub(super) name: String,
    pub(super) hall: String,
    pub(super) line: String,
    pub(super) kind: &'static str,
    pub(super) counter_modulus: u64,
    pub(super) speed_factor: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct InstanceEntry {
    pub(super) id: String,
    pub(super) production_day: String,
    pub(super) shift: String,
    pub(super) crew: String,
    pub(super) start: String,
    pub(super) end: String,
    pub(super) hours: f64,
    pub(super) planned_headcount: u32,
    pub(super) headcount: u32,
    pub(super) experience_share: f64,
}

/// Seconds by category; they add up to the scheduled time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[expect(clippy::struct_field_names, reason = "the unit stands in the file")]
pub(super) struct Seconds {
    pub(super) planned_stop_s: f64,
    pub(super) run_s: f64,
    pub(super) setup_s: f64,
    pub(super) malfunction_s: f64,
    pub(super) minor_stop_s: f64,
    pub(super) external_s: f64,
    pub(super) idle_s: f64,
    pub(super) unknown_s: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct Record {
    pub(super) machine: String,
    pub(super) shift_instance: String,
    pub(super) product: String,
    pub(super) order: String,
    pub(super) scheduled_s: f64,
    pub(super) known: Seconds,
    pub(super) actual: Seconds,
    pub(super) produced: u64,
    pub(super) scrap: u64,
    pub(super) rework: u64,
    pub(super) late_scrap: u64,
    pub(super) ideal_s: f64,
    pub(super) ideal_good_s: f64,
    pub(super) measured: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct StopEntry {
    pub(super) machine: String,
    pub(super) start: String,
    pub(super) end: String,
    pub(super) category: &'static str,
    pub(super) reason: String,
    pub(super) coded: bool,
    pub(super) order: String,
    pub(super) planned_s: f64,
    pub(super) is_over: bool,
    pub(super) is_hidden: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct ChangeoverEntry {
    pub(super) machine: String,
    pub(super) start: String,
    pub(super) end: Option<String>,
    pub(super) from_product: String,
    pub(super) to_product: String,
    pub(super) order: String,
    pub(super) planned_s: f64,
    /// What of its setup no reader can know.
    pub(super) hidden_s: f64,
    /// The rows that show the good parts around it, and what did not become one after the one up to the other.
    pub(super) last_good: Option<String>,
    pub(super) first_good: Option<String>,
    pub(super) scrap: usize,
    pub(super) rework: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct Reliability {
    pub(super) machine: String,
    pub(super) failures: usize,
    pub(super) operating_s: f64,
    pub(super) repair_s: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct OrderEntry {
    pub(super) order: String,
    pub(super) product: String,
    pub(super) machine: String,
    pub(super) quantity: u64,
    pub(super) produced: u64,
    pub(super) scrap: u64,
    pub(super) rework: u64,
    pub(super) start: String,
    pub(super) end: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Gap {
    pub(super) machine: String,
    pub(super) start: String,
    pub(super) end: String,
    pub(super) kind: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct CounterEntry {
    pub(super) machine: String,
    pub(super) counter: &'static str,
    pub(super) at: String,
    pub(super) kind: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct EffectEntry {
    pub(super) label: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) shift: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) crew: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) machine: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) product: Option<String>,
    pub(super) cycle_percent: f64,
    pub(super) minor_stops_per_hour: f64,
    pub(super) failure_factor: f64,
    pub(super) scrap_factor: f64,
    pub(super) rework_factor: f64,
    pub(super) setup_percent: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct StaffingEntry {
    pub(super) full_headcount: f64,
    pub(super) cycle_percent_per_missing: f64,
    pub(super) setup_percent_per_missing: f64,
    pub(super) experience_reference: f64,
    pub(super) cycle_percent_per_10_points: f64,
}

impl Seconds {
    pub(super) fn add(&mut self, interval: &Interval, span_ms: i64) {
        let place = match interval.activity {
            // A machine that works through a break adds it back to its busy time, whether it runs or is set up.
            Activity::Run => &mut self.run_s,
            Activity::Setup => &mut self.setup_s,
            _ if interval.is_planned => &mut self.planned_stop_s,
            Activity::Malfunction => &mut self.malfunction_s,
            Activity::MinorStop => &mut self.minor_stop_s,
            Activity::External => &mut self.external_s,
            Activity::Idle => &mut self.idle_s,
            Activity::Break | Activity::Maintenance | Activity::Off => &mut self.planned_stop_s,
        };
        *place += seconds(span_ms);
    }

    /// Adds what no sample shows of an interval. Whoever has the calendar takes a planned stop for one, whatever the machine
    /// did in it.
    pub(super) fn add_hidden(&mut self, interval: &Interval, span_ms: i64) {
        let place = if interval.is_planned {
            &mut self.planned_stop_s
        } else {
            &mut self.unknown_s
        };
        *place += seconds(span_ms);
    }

    pub(super) fn total(&self) -> f64 {
        self.planned_stop_s
            + self.run_s
            + self.setup_s
            + self.malfunction_s
            + self.minor_stop_s
            + self.external_s
            + self.idle_s
            + self.unknown_s
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(activity: Activity, is_planned: bool, of: fn(&Seconds) -> f64) {
        check_with(Seconds::add, activity, is_planned, of);
    }

    #[track_caller]
    fn check_with(
        add: fn(&mut Seconds, &Interval, i64),
        activity: Activity,
        is_planned: bool,
        of: fn(&Seconds) -> f64,
    ) {
        let interval = Interval {
            start: 0,
            end: 60_000,
            activity,
            is_planned,
            instance: None,
            order: None,
        };
        let mut seconds = Seconds::default();
        add(&mut seconds, &interval, 60_000);
        assert_eq!(
            (of(&seconds).to_bits(), seconds.total().to_bits()),
            (60.0_f64.to_bits(), 60.0_f64.to_bits()),
            "{activity:?}"
        );
    }

    #[test]
    fn in_a_planned_stop_all_but_work_is_planned() {
        check(Activity::Run, true, |of| of.run_s);
        check(Activity::Setup, true, |of| of.setup_s);
        check(Activity::Idle, true, |of| of.planned_stop_s);
        check(Activity::MinorStop, true, |of| of.planned_stop_s);
        check(Activity::MinorStop, false, |of| of.minor_stop_s);
        check(Activity::Break, false, |of| of.planned_stop_s);
    }

    #[test]
    fn in_a_gap_a_planned_stop_is_planned_and_all_else_unknown() {
        let check = |activity, is_planned, of| {
            check_with(Seconds::add_hidden, activity, is_planned, of);
        };
        check(Activity::Run, true, |of| of.planned_stop_s);
        check(Activity::Setup, true, |of| of.planned_stop_s);
        check(Activity::Break, true, |of| of.planned_stop_s);
        check(Activity::Run, false, |of| of.unknown_s);
        check(Activity::MinorStop, false, |of| of.unknown_s);
    }
}

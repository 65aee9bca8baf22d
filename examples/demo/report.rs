//! What came of the demo: faults found, records accounted for, resources used.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write as _;
use std::time::Duration;

use hal_sim::TruthRecord;
use serde_json::{Value, json};

use crate::story::counter;
use crate::subscriber::{Received, Seen};

/// An alert this long after a fault has ended is not about it any more.
const AFTERMATH_MS: i64 = 5_000;

/// Prints one line at once; a closed pipe is no reason to panic.
pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .unwrap_or_default();
}

/// A fault and whether it was noticed.
struct Fault {
    label: String,
    kind: &'static str,
    found: Option<Found>,
}

struct Found {
    delay_s: f64,
    by: String,
}

/// The whole account.
pub(crate) struct Summary {
    faults: Vec<Fault>,
    false_alarms: Vec<String>,
    per_role: BTreeMap<String, u64>,
    status: Value,
    records: u64,
    lost: u64,
    duplicated: u64,
    is_complete: bool,
    wall: Duration,
    is_clean: bool,
}

impl Summary {
    pub(crate) fn of(
        truth: &[TruthRecord],
        received: &Received,
        status: &Value,
        verified: &Value,
    ) -> Self {
        let raised: Vec<&Seen> = received
            .alerts
            .iter()
            .filter(|alert| alert.transition == "raised")
            .collect();
        let lanes = verified
            .get("lanes")
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice);
        let sum = |name: &str| {
            lanes
                .iter()
                .filter_map(|lane| lane.get(name)?.as_u64())
                .sum()
        };
        let mut false_alarms: Vec<(&str, String)> = raised
            .iter()
            .filter(|alert| !truth.iter().any(|fault| explains(fault, alert)))
            .map(|alert| {
                (
                    alert.id.as_str(),
                    format!("{} {}", alert.kind, alert.subject),
                )
            })
            .collect();
        false_alarms.sort();
        false_alarms.dedup();
        Self {
            faults: truth
                .iter()
                .map(|fault| Fault::held_against(fault, &raised))
                .collect(),
            false_alarms: false_alarms.into_iter().map(|(_, what)| what).collect(),
            per_role: received.per_role.clone(),
            status: status.clone(),
            records: sum("records"),
            lost: sum("missing"),
            duplicated: sum("duplicates"),
            is_complete: verified
                .get("complete")
                .and_then(Value::as_bool)
                .unwrap_or(false),
            wall: Duration::ZERO,
            is_clean: false,
        }
    }

    pub(crate) fn ran_for(self, wall: Duration, is_clean: bool) -> Self {
        Self {
            wall,
            is_clean,
            ..self
        }
    }

    /// Every fault found, nothing lost, and the gateway ended cleanly.
    pub(crate) fn holds(&self) -> bool {
        !self.faults.is_empty()
            && self.faults.iter().all(|fault| fault.found.is_some())
            && self.is_complete
            && self.lost == 0
            && self.is_clean
    }

    pub(crate) fn to_json(&self) -> Value {
        let fault = |fault: &Fault| {
            json!({
                "label": fault.label,
                "kind": fault.kind,
                "found": fault.found.is_some(),
                "delay_s": fault.found.as_ref().map(|found| found.delay_s),
                "by": fault.found.as_ref().map(|found| found.by.clone()),
            })
        };
        json!({
            "holds": self.holds(),
            "seconds": self.wall.as_secs_f64(),
            "values_polled": counter(&self.status, "values_polled"),
            "missed_deadlines": counter(&self.status, "missed_deadlines"),
            "poll_jitter_p99_us": counter(&self.status, "poll_jitter_p99_us"),
            "faults_injected": self.faults.len(),
            "faults_found": self.found(),
            "faults": self.faults.iter().map(fault).collect::<Vec<_>>(),
            "alerts_without_a_fault": self.false_alarms,
            "alerts_per_role": self.per_role,
            "records_published": self.records,
            "messages_acknowledged": counter(&self.status, "messages_acknowledged"),
            "records_lost": self.lost,
            "records_duplicated": self.duplicated,
            "stream_complete": self.is_complete,
            "gateway_ended_cleanly": self.is_clean,
            "cpu_percent_of_a_core": self.cpu_percent(),
            "rss_peak_mib": self.rss_peak_mib(),
        })
    }

    fn found(&self) -> usize {
        self.faults
            .iter()
            .filter(|fault| fault.found.is_some())
            .count()
    }

    fn cpu_percent(&self) -> f64 {
        let cpu_ms = counter(&self.status, "cpu_ms") as f64;
        (cpu_ms / 10.0 / self.wall.as_secs_f64().max(1.0) * 10.0).round() / 10.0
    }

    fn rss_peak_mib(&self) -> f64 {
        (counter(&self.status, "rss_peak_kib") as f64 / 1024.0 * 10.0).round() / 10.0
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\nFaults found: {} of {}",
            self.found(),
            self.faults.len()
        )?;
        for fault in &self.faults {
            match &fault.found {
                Some(found) => writeln!(
                    f,
                    "  {:<42} {:<12} after {:>5.1} s by {}",
                    fault.label, fault.kind, found.delay_s, found.by
                )?,
                None => writeln!(f, "  {:<42} {:<12} NOT FOUND", fault.label, fault.kind)?,
            }
        }
        writeln!(f, "Alerts without a fault: {}", self.false_alarms.len())?;
        for what in &self.false_alarms {
            writeln!(f, "  {what}")?;
        }
        let roles: Vec<String> = self
            .per_role
            .iter()
            .map(|(role, n)| format!("{role} {n}"))
            .collect();
        writeln!(f, "Alerts per role: {}", roles.join(", "))?;
        writeln!(
            f,
            "Values polled: {}, missed deadlines: {}, poll jitter p99 {} us",
            counter(&self.status, "values_polled"),
            counter(&self.status, "missed_deadlines"),
            counter(&self.status, "poll_jitter_p99_us")
        )?;
        writeln!(
            f,
            "Records: {} published, {} messages acknowledged, {} lost, {} duplicated (removed by id)",
            self.records,
            counter(&self.status, "messages_acknowledged"),
            self.lost,
            self.duplicated
        )?;
        writeln!(
            f,
            "Gateway: {:.1} % of a core, {:.1} MiB at most, ended {}",
            self.cpu_percent(),
            self.rss_peak_mib(),
            if self.is_clean {
                "cleanly"
            } else {
                "NOT CLEANLY"
            }
        )?;
        write!(
            f,
            "{}",
            if self.holds() {
                "All held."
            } else {
                "NOT ALL HELD."
            }
        )
    }
}

impl Fault {
    /// The first alert that the fault explains.
    fn held_against(fault: &TruthRecord, raised: &[&Seen]) -> Self {
        let begin_ms = fault.begin_ns / 1_000_000;
        let first = raised
            .iter()
            .filter(|alert| explains(fault, alert))
            .min_by_key(|alert| alert.at_ms);
        let found = first.map(|alert| Found {
            delay_s: (alert.at_ms - begin_ms) as f64 / 1000.0,
            by: format!("{} {}", alert.kind, alert.subject),
        });
        Self {
            label: fault.label.clone(),
            kind: fault.kind,
            found,
        }
    }
}

/// Whether an alert is about what a fault did, while it lasted or shortly after.
fn explains(fault: &TruthRecord, alert: &Seen) -> bool {
    let begin_ms = fault.begin_ns / 1_000_000;
    let end_ms = fault
        .end_ns
        .map_or(i64::MAX, |end| end / 1_000_000 + AFTERMATH_MS);
    let about = if fault.signal.is_some() {
        fault.tags.contains(&alert.subject)
    } else {
        let of_device = |device: &String| alert.subject.starts_with(&format!("{device}."));
        fault.devices.contains(&alert.subject) || fault.devices.iter().any(of_device)
    };
    about && (begin_ms..=end_ms).contains(&alert.at_ms)
}

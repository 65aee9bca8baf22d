//! The pure chain: one owner of all per-tag state between acquisition and the buffer.

mod baselines;
#[cfg(test)]
mod tests;

pub use baselines::{Decision, Learned, LearnedGroup, LearnedTag};

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Announcements, Catalog, ClockWatch, Machines, RawReporter, Summaries};
use crate::acquisition::{Acquired, DeviceState};
use crate::alerting::{AlarmKind, Alarms, Condition, Known, QualityWatch, Subject};
use crate::config::Config;
use crate::detection::{Bank, ChartDesign, DayTime, Finding, Input, Phases, Slot};
use crate::model::{Batch, DeviceId, Mono, Now, Quality, Sample, Severity, TagId, Timestamp};
use crate::record::{AlertV1, BodyV1, EventKindV1, EventV1};
use crate::validation::Validator;

/// Records that a step produced, in order.
#[derive(Debug, Default)]
pub struct Outputs {
    /// For the alert lane: alerts, events.
    pub alerts: Vec<BodyV1>,
    /// For the telemetry lane: summaries, raw values.
    pub telemetry: Vec<BodyV1>,
    /// For the history: the samples of each scan, as validation has judged them.
    pub judged: Vec<Vec<Sample>>,
}

impl Outputs {
    /// Whether there is nothing to hand on.
    pub const fn is_empty(&self) -> bool {
        self.alerts.is_empty() && self.telemetry.is_empty() && self.judged.is_empty()
    }
}

/// Totals since start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChainCounters {
    /// Good samples.
    pub good: u64,
    /// Uncertain samples.
    pub uncertain: u64,
    /// Bad samples.
    pub bad: u64,
    /// Values that passed through a detector.
    pub detected: u64,
    /// Alerts raised.
    pub alerts_raised: u64,
}

/// Trouble of the gateway itself that people must know: storage damage, a full disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What kind; troubles of one kind take each other's place.
    pub kind: AlarmKind,
    /// Whether it has begun or ended.
    pub active: bool,
    /// How urgent.
    pub severity: Severity,
    /// What happened, for the alert text.
    pub detail: String,
}

/// Validation, detection, alerting, summaries and raw reporting of one gateway.
#[derive(Debug)]
pub struct Chain {
    config: std::sync::Arc<Config>,
    catalog: Catalog,
    validator: Validator,
    watch: QualityWatch,
    announcements: Announcements,
    bank: Bank,
    machines: Machines,
    slot_of: Vec<Option<Slot>>,
    tag_of: Vec<TagId>,
    /// Since when the baseline of each slot counts, where it was known before the start.
    known_since: Vec<Option<Timestamp>>,
    alarms: Alarms,
    summaries: Summaries,
    raw: RawReporter,
    clock_watch: ClockWatch,
    clock_alarm_ends: Option<Mono>,
    devices: Vec<Option<DeviceState>>,
    refused: BTreeMap<TagId, String>,
    counters: ChainCounters,
    inputs: Vec<Input>,
    findings: Vec<Finding>,
    conditions: Vec<Condition>,
    raised: Vec<BodyV1>,
}

/// What a chain is built from.
#[derive(Debug)]
pub struct Parts {
    /// The running configuration.
    pub config: std::sync::Arc<Config>,
    /// Stable tag numbers in tag order.
    pub numbers: Vec<u32>,
    /// Chart design per tag; `None` where nothing is detected.
    pub designs: Vec<Option<ChartDesign>>,
    /// Start-up number, part of alert ids.
    pub epoch: u32,
    /// Longest time that raw points wait to be packed with others.
    pub raw_hold: Duration,
    /// What an earlier run has learned.
    pub learned: Learned,
}

/// How long the alert about a clock step stands.
const CLOCK_ALARM: Duration = Duration::from_mins(1);

impl Chain {
    /// A chain that begins at `now`.
    pub fn new(parts: Parts, now: Now) -> Self {
        let Parts {
            config,
            numbers,
            designs,
            epoch,
            raw_hold,
            learned,
        } = parts;
        let catalog = Catalog::new(&config, numbers.clone());
        let mut slot_of = vec![None; config.tags.len()];
        let mut tag_of = Vec::new();
        let mut charts = Vec::new();
        for ((id, slot), design) in (0..).map(TagId).zip(&mut slot_of).zip(designs) {
            if let Some(design) = design {
                *slot = u32::try_from(tag_of.len()).ok().map(Slot);
                tag_of.push(id);
                charts.push(design);
            }
        }
        let bank = Bank::new(&charts, &Announcements::plans(&config, &slot_of));
        let machines = Machines::new(&config, &slot_of);
        let mut chain = Self {
            validator: Validator::new(&config.tags),
            watch: QualityWatch::new(&config.tags),
            announcements: Announcements::new(&config),
            bank,
            machines,
            slot_of,
            known_since: vec![None; tag_of.len()],
            tag_of,
            alarms: Alarms::new(std::sync::Arc::clone(&config), epoch, numbers),
            summaries: Summaries::new(&config.tags, &catalog, now),
            raw: RawReporter::new(&config.tags, &catalog, raw_hold),
            clock_watch: ClockWatch::default(),
            clock_alarm_ends: None,
            devices: vec![None; config.devices.len()],
            refused: BTreeMap::new(),
            counters: ChainCounters::default(),
            inputs: Vec::new(),
            findings: Vec::new(),
            conditions: Vec::new(),
            raised: Vec::new(),
            catalog,
            config,
        };
        chain.restore(learned, now);
        chain
    }

    /// Takes what acquisition sends.
    pub fn accept(&mut self, acquired: Acquired, now: Now, out: &mut Outputs) {
        match acquired {
            Acquired::Batch(batch) => self.step(batch, now, out),
            Acquired::Device(device, state) => self.device(device, &state, now, out),
            Acquired::Refused(device, tags) => self.note_refused(device, tags),
            Acquired::Overrun(device, samples) => {
                let device = self
                    .config
                    .device(device)
                    .map_or_else(String::new, |d| d.name.clone());
                out.alerts
                    .push(event(now, EventKindV1::Overrun { device, samples }));
            }
        }
    }

    /// One scan through validation, detection, alerting and reporting.
    pub fn step(&mut self, mut batch: Batch, now: Now, out: &mut Outputs) {
        self.scan(batch.due, &mut batch.samples, now, out);
        out.judged.push(batch.samples);
    }

    /// The same for samples that the caller keeps; their quality is what validation made of it.
    pub fn scan(&mut self, due: Mono, samples: &mut [Sample], now: Now, out: &mut Outputs) {
        self.inputs.clear();
        self.findings.clear();
        for sample in samples {
            self.validator.judge(sample, due);
            self.watch.observe(sample, due, &mut self.conditions);
            self.count(sample);
            self.summaries.add(sample);
            self.raw
                .offer(sample, now.mono, &self.catalog, &mut out.telemetry);
            self.queue_for_detection(sample, due, now);
        }
        let day = DayTime::at(now.wall, &self.config.gateway.time_zone);
        self.bank.step(&self.inputs, day, &mut self.findings);
        self.note_findings(now);
        self.settle(now, out);
    }

    /// Everything that happens by the passing of time; call at least ten times a second.
    pub fn tick(&mut self, now: Now, out: &mut Outputs) {
        self.watch_clock(now, out);
        self.machines.tick(now, &self.bank, &mut self.conditions);
        self.alarms.tick(now, &mut self.raised);
        self.settle(now, out);
        self.raw
            .flush_due(now.mono, &self.catalog, &mut out.telemetry);
        self.summaries
            .flush_due(now, &self.catalog, &mut out.telemetry);
    }

    /// Hands on everything that is still being gathered.
    pub fn finish(&mut self, now: Now, out: &mut Outputs) {
        self.raw.flush_all(&self.catalog, &mut out.telemetry);
        self.summaries
            .flush_all(now, &self.catalog, &mut out.telemetry);
    }

    /// Raises or clears an alert about the gateway itself.
    pub fn trouble(&mut self, trouble: &Trouble, now: Now, out: &mut Outputs) {
        let (subject, kind) = (Subject::Gateway, trouble.kind);
        self.conditions.push(if trouble.active {
            Condition::active(
                subject,
                kind,
                trouble.severity,
                now.wall,
                trouble.detail.clone(),
            )
        } else {
            Condition::inactive(subject, kind)
        });
        self.settle(now, out);
    }

    /// Totals since start.
    pub const fn counters(&self) -> ChainCounters {
        self.counters
    }

    /// How far the baselines of the detected tags are.
    pub const fn baselines(&self) -> Phases {
        self.bank.phases()
    }

    /// Alerts that stand now.
    pub const fn alarms(&self) -> &Alarms {
        &self.alarms
    }

    /// State of each device, `None` while nothing is known, in configuration order.
    pub fn devices(&self) -> &[Option<DeviceState>] {
        &self.devices
    }

    /// Tags whose address the device refuses, with the reason in words.
    pub const fn refused(&self) -> &BTreeMap<TagId, String> {
        &self.refused
    }

    fn count(&mut self, sample: &Sample) {
        match sample.quality {
            Quality::Good => self.counters.good += 1,
            Quality::Uncertain(_) => self.counters.uncertain += 1,
            Quality::Bad(_) => self.counters.bad += 1,
        }
    }

    fn queue_for_detection(&mut self, sample: &Sample, at: Mono, now: Now) {
        if !sample.quality.is_good() {
            return;
        }
        // What a scan announces counts for all of its values: they are charted after the whole scan was read.
        self.announcements
            .observe(sample, at, &mut self.bank, &mut self.findings);
        let slot = self.slot_of.get(sample.tag.index()).copied().flatten();
        if let (Some(slot), Some(value)) = (slot, sample.value.as_f64()) {
            self.inputs.push(Input { slot, value, at });
            let times = (at, now);
            self.machines.take(
                (sample.tag.index(), value),
                times,
                &self.bank,
                &mut self.conditions,
            );
            self.counters.detected += 1;
        }
    }

    fn device(&mut self, device: DeviceId, state: &DeviceState, now: Now, out: &mut Outputs) {
        if let Some(known) = self.devices.get_mut(device.index()) {
            *known = Some(state.clone());
        }
        let subject = Subject::Device(device);
        let active = |kind, reason: &str| {
            Condition::active(subject, kind, Severity::High, now.wall, reason.to_owned())
        };
        let inactive = |kind| Condition::inactive(subject, kind);
        let (down, wrong) = (AlarmKind::DeviceDown, AlarmKind::Misconfigured);
        self.conditions.extend(match state {
            DeviceState::Up => [inactive(down), inactive(wrong)],
            DeviceState::Down(reason) => [active(down, reason), inactive(wrong)],
            DeviceState::Misconfigured(reason) => [inactive(down), active(wrong, reason)],
        });
        self.settle(now, out);
    }

    fn note_refused(&mut self, device: DeviceId, tags: Vec<(TagId, String)>) {
        let of_device = self.config.device(device).map_or(0..0, |d| d.tags.clone());
        self.refused.retain(|tag, _| !of_device.contains(&tag.0));
        self.refused.extend(tags);
    }

    fn watch_clock(&mut self, now: Now, out: &mut Outputs) {
        let (subject, kind) = (Subject::Gateway, AlarmKind::ClockStep);
        if let Some(step_ns) = self.clock_watch.observe(now) {
            let delta_ms = step_ns / 1_000_000;
            out.alerts
                .push(event(now, EventKindV1::ClockStep { delta_ms }));
            let detail = format!("the gateway's clock stepped by {delta_ms} ms");
            let condition = Condition::active(subject, kind, Severity::Low, now.wall, detail);
            self.conditions.push(condition);
            self.clock_alarm_ends = Some(now.mono.saturating_add(CLOCK_ALARM));
        } else if self.clock_alarm_ends.is_some_and(|ends| ends <= now.mono) {
            self.clock_alarm_ends = None;
            self.conditions.push(Condition::inactive(subject, kind));
        }
    }

    /// Makes conditions of what the bank has found.
    fn note_findings(&mut self, now: Now) {
        for finding in &self.findings {
            let Some(tag) = self.tag_of.get(finding.slot.index()) else {
                continue;
            };
            let context = self
                .config
                .tag(*tag)
                .and_then(|tag| self.config.context_of(tag));
            let known = Known {
                mode: self
                    .announcements
                    .mode_name(context.unwrap_or(usize::MAX), finding.mode),
                since: self.baseline_since(finding.slot, now),
            };
            self.conditions
                .push(Condition::found(*tag, finding, known, now));
        }
    }

    /// Turns the gathered conditions into alerts.
    fn settle(&mut self, now: Now, out: &mut Outputs) {
        for condition in self.conditions.drain(..) {
            self.alarms.update(&condition, now, &mut self.raised);
        }
        for alert in self.raised.drain(..) {
            let is_raise = |alert: &AlertV1| alert.transition == AlertV1::RAISED;
            self.counters.alerts_raised += u64::from(alert.alert().is_some_and(is_raise));
            out.alerts.push(alert);
        }
    }
}

fn event(now: Now, kind: EventKindV1) -> BodyV1 {
    BodyV1::Event(EventV1 {
        at_ms: now.wall.as_millis(),
        kind,
    })
}

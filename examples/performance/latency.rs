//! From the sample that completes an alarm to the alert at the subscriber.

use std::collections::BTreeMap;
use std::time::Duration;

use andon::record::AlertV1;
use hal_sim::{DetectOptions, Fault as PlantFault, FaultKind, FragmentOptions, Shift, SignalFault};
use serde::Serialize;
use tokio::time::sleep;

use crate::gateway::Gateway;
use crate::plant::{Plant, modbus_plant};
use crate::subscriber::{Alert, Subscriber, Tally};
use crate::{Bench, Fault, proc};

/// Good samples that the baselines are made of: enough here, where the noise is known to be tame.
const LEARN: u32 = 60;
/// Pause between two steps.
const PAUSE: Duration = Duration::from_millis(170);
/// A step lasts long enough for every chart to cross its limit.
const HOLD: Duration = Duration::from_secs(20);
const SIGMAS: f64 = 20.0;
/// 25 Modbus units of 20 tags; 500 more tags on OPC UA.
const OPCUA: &str = "\n[[opcua]]\nname = \"line\"\nusers = [{ name = \"operator\", password = \"andon-test\" }]\n\n\
    [[bulk]]\nprefix = \"station\"\nmachines = 25\nsignals = 20\nserver = \"line\"\ntypes = [\"f64\", \"i32\"]\ndetect = true\n";

/// What was found.
#[derive(Debug, Serialize)]
pub(crate) struct Latency {
    pub(crate) tags: u64,
    pub(crate) injected: usize,
    pub(crate) measured: usize,
    pub(crate) p50_ms: f64,
    pub(crate) p90_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) max_ms: f64,
    /// Of these, from the alert's own time (the chain, after the answer was decoded) to the subscriber.
    pub(crate) chain_to_subscriber_p50_ms: f64,
    pub(crate) chain_to_subscriber_p99_ms: f64,
    pub(crate) usage: proc::Usage,
    pub(crate) missed_deadlines: u64,
    pub(crate) faults: Vec<String>,
}

impl Latency {
    /// The requirement: p99 below one second, and nothing lost.
    pub(crate) fn holds(&self) -> bool {
        self.measured * 10 >= self.injected * 9 && self.p99_ms < 1000.0 && self.faults.is_empty()
    }
}

pub(crate) async fn run(bench: &Bench, steps: usize) -> Result<Latency, Fault> {
    let dir = bench.dir.join("latency");
    let plant = Plant::start(&dir, &(modbus_plant("100ms", 5, 5, 20) + OPCUA))?;
    let options = FragmentOptions {
        raw: "all".to_owned(),
        detect: Some(DetectOptions {
            learn: LEARN,
            ..DetectOptions::default()
        }),
        ..FragmentOptions::default()
    };
    let subscriber = Subscriber::start(plant.broker()?, true)?;
    let gateway = Gateway::start(bench, &plant, &plant.configure(&dir, options)?).await?;
    println!(
        "{} tags at 1 Hz; the baselines are learned first",
        plant.tags
    );
    sleep(Duration::from_secs(u64::from(LEARN) + 10)).await;

    let polled = gateway.counter("values_polled").await?;
    let begun = tokio::time::Instant::now();
    let before = proc::Snapshot::take(gateway.pid);
    let alerts_before = subscriber.tally().alerts.len();
    let injected = inject(&plant, steps).await?;
    sleep(Duration::from_secs(12)).await;
    let usage = proc::Snapshot::take(gateway.pid).since(&before);
    let missed_deadlines = gateway.counter("missed_deadlines").await?;
    let polled = gateway.counter("values_polled").await? - polled;
    let per_s = polled as f64 / begun.elapsed().as_secs_f64();
    gateway.stop().await?;

    let tally = subscriber.tally();
    println!(
        "{} alerts before the first step, {} in all",
        alerts_before,
        tally.alerts.len()
    );
    let since_ns = before_ns(&tally, alerts_before);
    let (mut whole, mut part) = delays(&tally, since_ns);
    if injected > 0 && whole.is_empty() {
        return Err("no alert could be matched with its sample".into());
    }
    let mut faults = tally.faults();
    if per_s < 0.95 * plant.tags as f64 {
        faults.push(format!("{per_s:.0} values/s polled of {}", plant.tags));
    }
    whole.sort_by(f64::total_cmp);
    part.sort_by(f64::total_cmp);
    Ok(Latency {
        tags: plant.tags,
        injected,
        measured: whole.len(),
        p50_ms: quantile(&whole, 0.5),
        p90_ms: quantile(&whole, 0.9),
        p99_ms: quantile(&whole, 0.99),
        max_ms: quantile(&whole, 1.0),
        chain_to_subscriber_p50_ms: quantile(&part, 0.5),
        chain_to_subscriber_p99_ms: quantile(&part, 0.99),
        usage,
        missed_deadlines,
        faults,
    })
}

/// Puts a step on one Modbus signal after another, round the machines; returns how many.
async fn inject(plant: &Plant, steps: usize) -> Result<usize, Fault> {
    let mut by_place: BTreeMap<(usize, &str), String> = BTreeMap::new();
    for (machine, signal) in plant.sim.scenario().signals() {
        if signal.detect && machine.name.starts_with("cell") {
            let place = machine
                .signals
                .iter()
                .position(|known| known.name == signal.name);
            let name = format!("{}.{}", machine.name, signal.name);
            by_place.insert((place.unwrap_or(0), &machine.name), name);
        }
    }
    let mut injected = 0;
    for name in by_place.into_values().take(steps) {
        let fault = PlantFault {
            at: Duration::ZERO,
            hold: Some(HOLD),
            label: format!("step on {name}"),
            kind: FaultKind::Signal {
                signal: name,
                fault: SignalFault::Step(Shift::Sigma(SIGMAS)),
            },
        };
        plant.sim.inject(fault).await?;
        injected += 1;
        sleep(PAUSE).await;
    }
    Ok(injected)
}

/// When the last of the alerts that came before the first step was received.
fn before_ns(tally: &Tally, count: usize) -> i64 {
    let mut times: Vec<i64> = tally
        .alerts
        .values()
        .map(|alert: &Alert| alert.received_ns)
        .collect();
    times.sort_unstable();
    count
        .checked_sub(1)
        .and_then(|last| times.get(last))
        .copied()
        .unwrap_or(i64::MIN)
}

/// Source time of the sample that completed the alarm: the latest of its tag up to the alert that has its value.
fn completing_sample(tally: &Tally, alert: &AlertV1) -> Option<i64> {
    let (tag, value) = (alert.tag?, alert.value?);
    let latest_ns = (alert.at_ms + 1) * 1_000_000;
    let points = tally.points.as_ref()?.get(&tag)?;
    let same = |known: f64| (known - value).abs() <= 1e-6 * value.abs().max(1.0);
    points
        .iter()
        .rev()
        .find(|(time_ns, known)| *time_ns <= latest_ns && same(*known))
        .map(|(time_ns, _)| *time_ns)
}

fn ms(ns: i64) -> f64 {
    ns as f64 / 1e6
}

/// The value below which this share of the sorted numbers lies (nearest rank).
fn quantile(sorted: &[f64], share: f64) -> f64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank between 0 and the length"
    )]
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted
        .get(rank.saturating_sub(1))
        .copied()
        .unwrap_or(f64::NAN)
}

/// For every alert received later than `since_ns`: from the sample that completed it, and from its own time stamp.
fn delays(tally: &Tally, since_ns: i64) -> (Vec<f64>, Vec<f64>) {
    let (mut whole, mut part) = (Vec::new(), Vec::new());
    let late = |alert: &&Alert| alert.received_ns > since_ns;
    for alert in tally.alerts.values().filter(late) {
        if let Some(sampled_ns) = completing_sample(tally, &alert.alert) {
            whole.push(ms(alert.received_ns - sampled_ns));
            part.push(ms(alert.received_ns) - alert.alert.at_ms as f64);
        }
    }
    (whole, part)
}

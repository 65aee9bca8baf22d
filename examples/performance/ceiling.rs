//! The highest rate of values that is held with detection on, every value durable and published, nothing lost.

use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use andon::clock::{Clock, SystemClock};
use hal_sim::{DetectOptions, FragmentOptions};
use serde::Serialize;
use serde_json::Value;

use crate::gateway::Gateway;
use crate::plant::{Plant, modbus_plant};
use crate::subscriber::Subscriber;
use crate::{Bench, Fault, proc};

const LISTENERS: u32 = 4;
const UNITS: u32 = 50;
/// One request of 101 registers per unit and scan.
const SIGNALS: u32 = 100;
const LEARN: u32 = 60;
/// Records that wait for the broker at the end of a held rate; more is a backlog that grows.
const PENDING_MAX: u64 = 5_000;
/// Time for the last values to arrive before they are counted.
const SETTLE: Duration = Duration::from_secs(3);

/// One rate.
#[derive(Debug, Serialize)]
pub(crate) struct Step {
    pub(crate) values_per_s: u64,
    pub(crate) held: bool,
    pub(crate) why_not: Vec<String>,
    /// Values of the held time that the subscriber received, and that the grid makes.
    pub(crate) received: u64,
    pub(crate) expected: u64,
    pub(crate) messages_per_s: f64,
    pub(crate) jitter_p99_us: u64,
    pub(crate) rss_mb: f64,
    /// Detected tags whose charts run, and those that are still without a baseline.
    pub(crate) charts_running: u64,
    pub(crate) charts_waiting: u64,
    pub(crate) usage: proc::Usage,
    pub(crate) cpu_us_per_value: f64,
    /// CPU of this process: plant, broker and subscriber together.
    pub(crate) surroundings_cpu_percent: f64,
}

/// Tries each rate of the ladder until one is not held.
pub(crate) async fn run(bench: &Bench, ladder: &[u64]) -> Result<Vec<Step>, Fault> {
    let mut steps = Vec::new();
    for (index, target) in ladder.iter().enumerate() {
        let is_last = index + 1 == ladder.len();
        let step = hold(bench, *target, bench.profile && is_last).await?;
        println!(
            "{} values/s: {} (CPU {:.0} %, load {:.1}) {}",
            step.values_per_s,
            if step.held { "held" } else { "NOT held" },
            step.usage.cpu_percent,
            step.usage.load,
            step.why_not.join("; ")
        );
        let held = step.held;
        steps.push(step);
        if !held {
            break;
        }
    }
    Ok(steps)
}

/// Everything on: every value published and through detection.
fn options(period_ms: u64) -> FragmentOptions {
    FragmentOptions {
        rate: format!("{period_ms}ms"),
        raw: "all".to_owned(),
        detect: Some(DetectOptions {
            learn: LEARN,
            ..DetectOptions::default()
        }),
        ..FragmentOptions::default()
    }
}

async fn hold(bench: &Bench, target: u64, profile: bool) -> Result<Step, Fault> {
    let dir = bench.dir.join(format!("ceiling-{target}"));
    let tags = u64::from(LISTENERS * UNITS * SIGNALS);
    let period_ms = (tags * 1000).div_ceil(target.max(1)).max(10);
    // Every poll finds new values: repeated ones would teach no baseline, and charts without one do nothing.
    let tick = format!("{period_ms}ms");
    let plant = Plant::start(&dir, &modbus_plant(&tick, LISTENERS, UNITS, SIGNALS))?;
    let options = options(period_ms);
    let subscriber = Subscriber::start(plant.broker()?, false)?;
    let gateway = Gateway::start(bench, &plant, &plant.configure(&dir, options)?).await?;
    tokio::time::sleep(
        Duration::from_millis(period_ms * u64::from(LEARN)) + Duration::from_secs(10),
    )
    .await;

    let profiler = if profile {
        Some(record(&dir, gateway.pid)?)
    } else {
        None
    };
    let clock = SystemClock::start();
    let second = || clock.now().wall.as_millis().div_euclid(1000);
    let before = gateway.status().await?;
    let surroundings = proc::Snapshot::take(std::process::id());
    let messages = subscriber.tally().messages;
    let from = second() + 1;
    let usage = proc::over(gateway.pid, bench.hold + Duration::from_secs(1)).await;
    let to = second();
    let after = gateway.status().await?;
    let messages = subscriber.tally().messages - messages;
    let surroundings = proc::Snapshot::take(std::process::id()).since(&surroundings);
    let (rss_mb, _) = proc::memory_mb(gateway.pid);
    tokio::time::sleep(SETTLE).await;
    let (_, pending, dropped) = gateway.telemetry().await?;
    if let Some(mut profiler) = profiler {
        profiler.wait()?;
    }
    gateway.stop().await?;

    let tally = subscriber.tally();
    let seconds = u64::try_from(to - from)?;
    let scans = seconds * 1000 / period_ms;
    let expected = plant.tags * scans;
    let received = tally.values_between(from, to);
    let mut why_not = tally.faults();
    why_not.extend(losses(&before, &after, dropped));
    if pending > PENDING_MAX {
        why_not.push(format!("{pending} records wait for the broker"));
    }
    // Every tag has one scan more or less at either end of the time counted.
    if received.abs_diff(expected) > plant.tags {
        why_not.push(format!("{received} of {expected} values received"));
    }
    let (charts_running, charts_waiting) = charts(&before);
    if charts_waiting * 10 > charts_running {
        why_not.push(format!("{charts_waiting} charts without a baseline"));
    }
    let values_per_s = plant.tags * 1000 / period_ms;
    Ok(Step {
        values_per_s,
        held: why_not.is_empty(),
        why_not,
        received,
        expected,
        messages_per_s: messages as f64 / bench.hold.as_secs_f64(),
        jitter_p99_us: counter(&after, "poll_jitter_p99_us"),
        rss_mb,
        charts_running,
        charts_waiting,
        cpu_us_per_value: usage.cpu_percent * 1e4 / values_per_s as f64,
        usage,
        surroundings_cpu_percent: surroundings.cpu_percent,
    })
}

/// What the gateway itself says it lost or missed in between.
fn losses(before: &Value, after: &Value, dropped: u64) -> Vec<String> {
    let grown = |name: &str| counter(after, name) - counter(before, name);
    let counts = [
        ("missed deadlines", grown("missed_deadlines")),
        ("samples lost in a full queue", grown("overrun_samples")),
        ("values unread", grown("values_unread")),
        ("records dropped", dropped),
    ];
    let words = |(name, count): (&str, u64)| format!("{count} {name}");
    counts
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(words)
        .collect()
}

/// Detected tags whose charts run, and those without a baseline.
fn charts(status: &Value) -> (u64, u64) {
    let running = ["baselines_provisional", "baselines_armed"].map(|name| counter(status, name));
    (running.iter().sum(), counter(status, "baselines_learning"))
}

fn counter(status: &Value, name: &str) -> u64 {
    let value = status.get("counters").and_then(|all| all.get(name));
    value.and_then(Value::as_u64).unwrap_or(0)
}

/// Samples the gateway's stacks for ten seconds.
fn record(dir: &Path, pid: u32) -> Result<Child, Fault> {
    Ok(Command::new("perf")
        .args(["record", "-q", "-F", "499", "-g", "-o"])
        .arg(dir.join("perf.data"))
        .args(["-p", &pid.to_string(), "--", "sleep", "10"])
        .spawn()?)
}

//! What happens in the demo, in order.

use std::error::Error;
use std::time::Duration;

use hal_sim::proxy::{FaultProxy, LinkMode, Upstream};
use hal_sim::{Scenario, Sim, SimOptions};
use tokio::time::Instant;

use crate::gateway::{self, Gateway};
use crate::report::{Summary, say};
use crate::subscriber::{self, look};
use crate::{Args, WRITTEN_FOR};

type Failure = Box<dyn Error>;

/// Samples that make a baseline in a run of the full length: 20 s at ten a second.
const LEARN: f64 = 200.0;
/// When the broker is cut, as shares of the run: once before the faults, once amid them.
const OUTAGES: [(f64, f64); 2] = [(0.12, 0.28), (0.66, 0.74)];
/// How often a line about the state is printed.
const STATUS_PERIOD: Duration = Duration::from_secs(5);

/// Runs the demo and returns what came of it.
pub(crate) async fn tell(args: &Args) -> Result<Summary, Failure> {
    let dir = tempfile::tempdir()?;
    let share = args.time.as_secs_f64() / WRITTEN_FOR.as_secs_f64();
    let options = SimOptions {
        truth: Some(dir.path().join("truth.jsonl")),
        ..SimOptions::default()
    };
    let sim = Sim::start_with(scenario(args, share)?, options)?;
    let begun = Instant::now();
    let broker = sim.endpoints().mqtt.ok_or("the scenario has no broker")?;
    // The gateway reaches the broker through a cable of its own, which can be cut without the subscriber noticing.
    let cable = FaultProxy::start(([127, 0, 0, 1], 0).into(), Upstream::Fixed(broker))?;
    let recording = dir.path().join("recording.jsonl");
    let listener = subscriber::listen(broker, &recording).await?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "20 to 2000"
    )]
    let learn = (LEARN * share.min(1.0)).max(50.0) as u32;
    let gateway = Gateway::start(dir.path(), &sim, cable.address(), learn)?;
    introduce(&sim, args);
    let end = begun + args.time;
    let status = watch(args, (begun, end), &gateway, &cable, &listener).await;
    cable.set_mode(LinkMode::Open);
    drain(&gateway).await;
    let status = gateway.status().await.or(status).unwrap_or_default();
    say("Stopping the gateway.");
    let ended = gateway.stop().await?;
    let shared = std::sync::Arc::clone(&listener.shared);
    listener.finish().await?;
    let verified = gateway::verify(&recording)?;
    let faults = sim.truth();
    let summary = look(&shared, |received| {
        Summary::of(&faults, received, &status, &verified)
    });
    Ok(summary.ran_for(begun.elapsed(), ended.is_clean))
}

/// The demo's scenario with its timeline stretched or shrunk to the run.
fn scenario(args: &Args, share: f64) -> Result<Scenario, Failure> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/config/scenarios/demo.toml");
    let mut scenario = Scenario::load(path.as_ref())?;
    for fault in &mut scenario.faults {
        fault.at = fault.at.mul_f64(share);
        fault.hold = fault.hold.map(|hold| hold.mul_f64(share.max(0.6)));
    }
    if let Some(seed) = args.seed {
        scenario.seed = seed;
    }
    Ok(scenario)
}

fn introduce(sim: &Sim, args: &Args) {
    let scenario = sim.scenario();
    let names: Vec<&str> = scenario
        .machines
        .iter()
        .map(|machine| machine.name.as_str())
        .collect();
    say(&format!(
        "A plant of {} machines ({}) is running; the gateway polls it ten times a second for {} s.",
        names.len(),
        names.join(", "),
        args.time.as_secs()
    ));
    say("It learns what is normal; the plant then misbehaves, and the broker is cut twice.");
}

/// Lets the time pass: cuts the broker, prints the state. Returns the last status seen.
async fn watch(
    args: &Args,
    (begun, end): (Instant, Instant),
    gateway: &Gateway,
    cable: &FaultProxy,
    listener: &subscriber::Listener,
) -> Option<serde_json::Value> {
    let moment = |share: f64| begun + args.time.mul_f64(share);
    let mut cuts = Vec::new();
    for (from, to) in OUTAGES {
        cuts.push((moment(from), LinkMode::Refuse, "The broker is cut."));
        cuts.push((moment(to), LinkMode::Open, "The broker is back."));
    }
    let mut cuts = cuts.into_iter().peekable();
    let mut next_line = begun + STATUS_PERIOD;
    let mut status = None;
    loop {
        let next_cut = cuts.peek().map_or(end, |(at, ..)| *at);
        let next = next_cut.min(next_line).min(end);
        tokio::time::sleep_until(next).await;
        if next >= end {
            return status;
        }
        if let Some((_, mode, words)) = cuts.next_if(|(at, ..)| *at <= next) {
            say(words);
            cable.set_mode(mode);
        }
        if next_line <= next {
            next_line += STATUS_PERIOD;
            status = gateway.status().await.or(status);
            let polled = status.as_ref().map_or(0, |s| counter(s, "values_polled"));
            let waiting = gateway.pending().await.unwrap_or(0);
            let messages = look(&listener.shared, |received| received.messages);
            say(&format!(
                "{:>4} s  {polled} values polled, {waiting} records in the buffer, {messages} messages upstream",
                (next - begun).as_secs()
            ));
        }
    }
}

/// Gives the buffer up to twenty seconds to empty.
async fn drain(gateway: &Gateway) {
    for _ in 0..200 {
        if gateway.pending().await.is_some_and(|waiting| waiting < 50) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// One of the gateway's own counters.
pub(crate) fn counter(status: &serde_json::Value, name: &str) -> u64 {
    let counters = status.get("counters");
    counters
        .and_then(|counters| counters.get(name)?.as_u64())
        .unwrap_or(0)
}

//! What happens in the demo, in order.

use std::error::Error;
use std::time::Duration;

use hal_sim::proxy::{FaultProxy, LinkMode, Upstream};
use hal_sim::{Fault, Scenario, Sim, SimOptions};
use serde_json::Value;
use tokio::time::Instant;

use crate::gateway::{self, Gateway};
use crate::report::{Summary, say};
use crate::subscriber::{self, look};
use crate::{Args, WRITTEN_FOR};

type Failure = Box<dyn Error>;

/// Samples that make a baseline in a run of the full length: 24 s at ten a second. Half of that is the least with which
/// a persistent signal, as a temperature is, gets limits that its fault reaches in time.
const LEARN: f64 = 240.0;
/// Samples beyond those, for devices that were connected later than others.
const LEARN_SPARE: u64 = 15;
/// The longest the faults are put off until the gateway has learned what is normal.
const LEARN_LIMIT: Duration = Duration::from_mins(1);
/// The longest wait for the gateway's first poll.
const START_LIMIT: Duration = Duration::from_secs(30);
/// Pause between two looks at the gateway.
const LOOK: Duration = Duration::from_millis(100);
/// When the broker is cut, as shares of the run: once before the faults, once amid them.
const OUTAGES: [(f64, f64); 2] = [(0.12, 0.28), (0.66, 0.74)];
/// How often a line about the state is printed.
const STATUS_PERIOD: Duration = Duration::from_secs(5);

/// Something that is done to the plant or the broker.
enum Act {
    Begin(Box<Fault>),
    Link(LinkMode, &'static str),
}

/// What runs.
struct Stage<'a> {
    sim: &'a Sim,
    gateway: &'a Gateway,
    cable: &'a FaultProxy,
    listener: &'a subscriber::Listener,
}

/// Runs the demo and returns what came of it.
pub(crate) async fn tell(args: &Args) -> Result<Summary, Failure> {
    let dir = tempfile::tempdir()?;
    let share = args.time.as_secs_f64() / WRITTEN_FOR.as_secs_f64();
    let options = SimOptions {
        truth: Some(dir.path().join("truth.jsonl")),
        ..SimOptions::default()
    };
    let mut scenario = scenario(args, share)?;
    // Begun by hand, so that a slow machine learns before the first of them too.
    let faults = std::mem::take(&mut scenario.faults);
    let sim = Sim::start_with(scenario, options)?;
    let begun = Instant::now();
    let broker = sim.endpoints().mqtt.ok_or("the scenario has no broker")?;
    // The gateway reaches the broker through a cable of its own, which can be cut without the subscriber noticing.
    let cable = FaultProxy::start(([127, 0, 0, 1], 0).into(), Upstream::Fixed(broker))?;
    let recording = dir.path().join("recording.jsonl");
    let listener = subscriber::listen(broker, &recording).await?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "120 to 240"
    )]
    let learn = (LEARN * share.min(1.0)) as u32;
    let gateway = Gateway::start(dir.path(), &sim, cable.address(), learn)?;
    introduce(&sim, args);
    let stage = Stage {
        sim: &sim,
        gateway: &gateway,
        cable: &cable,
        listener: &listener,
    };
    wait_for(&gateway, "values_polled", 1, START_LIMIT).await;
    let status = stage.play(args, faults, learn).await?;
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

/// Faults and outages, each with its time from the first poll, in order.
fn acts(args: &Args, faults: Vec<Fault>) -> Vec<(Duration, Act)> {
    let mut acts: Vec<(Duration, Act)> = faults
        .into_iter()
        .map(|fault| (fault.at, Act::Begin(Box::new(fault))))
        .collect();
    for (from, to) in OUTAGES {
        let moment = |share: f64| args.time.mul_f64(share);
        let cut = Act::Link(LinkMode::Refuse, "The broker is cut.");
        let back = Act::Link(LinkMode::Open, "The broker is back.");
        acts.extend([(moment(from), cut), (moment(to), back)]);
    }
    acts.sort_by_key(|(at, _)| *at);
    acts
}

impl Stage<'_> {
    /// Lets the time pass, does what is due and prints the state. Returns the last status seen.
    async fn play(
        &self,
        args: &Args,
        faults: Vec<Fault>,
        learn: u32,
    ) -> Result<Option<Value>, Failure> {
        let mut begun = Instant::now();
        let mut acts = acts(args, faults).into_iter().peekable();
        let mut next_line = begun + STATUS_PERIOD;
        let mut status = None;
        let mut has_learned = false;
        loop {
            let end = begun + args.time;
            let next_act = acts.peek().map_or(end, |(at, _)| begun + *at);
            let next = next_act.min(next_line).min(end);
            tokio::time::sleep_until(next).await;
            if next >= end {
                return Ok(status);
            }
            if next_line <= next {
                next_line += STATUS_PERIOD;
                status = self.gateway.status().await.or(status);
                self.tell_state(next - begun, status.as_ref()).await;
            }
            let Some((_, act)) = acts.next_if(|(at, _)| begun + *at <= next) else {
                continue;
            };
            match act {
                Act::Link(mode, words) => {
                    say(words);
                    self.cable.set_mode(mode);
                }
                Act::Begin(fault) => {
                    if !std::mem::replace(&mut has_learned, true) {
                        // Whatever it takes longer than planned, everything after it comes later.
                        begun += self.learned(learn).await;
                    }
                    self.sim.inject(*fault).await?;
                }
            }
        }
    }

    /// Waits until every tag has its baseline; how long that took.
    async fn learned(&self, learn: u32) -> Duration {
        let asked = Instant::now();
        let tags = self.sim.scenario().signals();
        let tags = tags.filter(|(_, signal)| signal.detect).count() as u64;
        let needed = tags * (u64::from(learn) + LEARN_SPARE);
        wait_for(
            self.gateway,
            "values_through_detection",
            needed,
            LEARN_LIMIT,
        )
        .await;
        asked.elapsed()
    }

    async fn tell_state(&self, since: Duration, status: Option<&Value>) {
        let polled = status.map_or(0, |s| counter(s, "values_polled"));
        let waiting = self.gateway.pending().await.unwrap_or(0);
        let messages = look(&self.listener.shared, |received| received.messages);
        say(&format!(
            "{:>4} s  {polled} values polled, {waiting} records in the buffer, {messages} messages upstream",
            since.as_secs()
        ));
    }
}

/// Waits until one of the gateway's counters has got somewhere, or `limit` has passed.
async fn wait_for(gateway: &Gateway, name: &str, least: u64, limit: Duration) {
    let deadline = Instant::now() + limit;
    while Instant::now() < deadline {
        let status = gateway.status().await;
        if status.is_some_and(|status| counter(&status, name) >= least) {
            return;
        }
        tokio::time::sleep(LOOK).await;
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
pub(crate) fn counter(status: &Value, name: &str) -> u64 {
    let counters = status.get("counters");
    counters
        .and_then(|counters| counters.get(name)?.as_u64())
        .unwrap_or(0)
}

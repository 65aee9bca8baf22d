//! SIGKILL at random moments under load, then the proof that nothing acknowledged is lost.
//!
//! 1,000 values per second go out as single values. In half of the runs the broker is away, so that records of one
//! run are delivered by a later one. At the end everything pending is delivered and the recorded stream is checked
//! from the first record on: nothing missing, nothing out of order, no number used twice, no id with other bytes.

use std::time::Duration;

use hal_sim::FragmentOptions;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::Spread;
use crate::rig::{Rig, Tap};

const PLANT: &str = r#"
seed = 14
tick = "100ms"

[mqtt]

[[modbus]]
name = "hall1"

[[bulk]]
prefix = "cell"
machines = 10
signals = 10
server = "hall1"
"#;

/// The longest a gateway lives here.
const LIFE_MAX_MS: u64 = 1500;

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Seed of the moments.
    pub(crate) seed: u64,
    /// How often it was killed.
    pub(crate) kills: u32,
    /// Kills before the first request to a device.
    pub(crate) early: u32,
    /// From the start of the process to its first request at the device.
    pub(crate) restart: Spread,
    /// What `andon verify` found.
    pub(crate) stream: Value,
}

impl Outcome {
    /// For machines.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "trial": "kill",
            "seed": self.seed,
            "kills": self.kills,
            "killed_before_first_poll": self.early,
            "start_to_first_poll": self.restart.to_json(),
            "stream": self.stream,
        })
    }
}

/// Kills the gateway this often. Panics when anything is lost.
pub(crate) fn run(kills: u32, seed: u64) -> Outcome {
    println!("kill seed {seed}");
    let options = FragmentOptions {
        rate: "100ms".to_owned(),
        summary: "1s".to_owned(),
        raw: "all".to_owned(),
        ..FragmentOptions::default()
    };
    let rig = Rig::new(PLANT, options);
    let device = rig.sim.endpoints().modbus[0].addr;
    let tap = Tap::start(device);
    rig.configure(|c| c.replace(device.to_string(), tap.address().to_string()));
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut restarts = Vec::new();
    for _ in 0..kills {
        if rng.bool() {
            rig.cut();
        } else {
            rig.restore();
        }
        tap.take_first();
        let mut gateway = rig.start();
        pass(Duration::from_millis(rng.u64(0..LIFE_MAX_MS)));
        gateway.assert_runs();
        let spawned = gateway.spawned;
        gateway.kill();
        let first = tap.take_first();
        restarts.extend(first.and_then(|first| first.checked_duration_since(spawned)));
    }
    let stream = rig.settle();
    let restart = Spread::new(restarts);
    let counted = u32::try_from(restart.len()).unwrap_or(u32::MAX);
    Outcome {
        seed,
        kills,
        early: kills.saturating_sub(counted),
        restart,
        stream,
    }
}

/// Lets a random time pass: the moment of the kill is what is random.
fn pass(time: Duration) {
    let end = Instant::now() + time;
    while let Some(left) = end.checked_duration_since(Instant::now())
        && !left.is_zero()
    {
        std::thread::park_timeout(left);
    }
}

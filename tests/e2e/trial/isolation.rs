//! One device misbehaves; the sampling of the others must not feel it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use hal_sim::scenario::Security;
use hal_sim::{DeviceFault, FragmentOptions};
use serde_json::{Value, json};

use super::Spread;
use crate::rig::{Message, PATIENCE, Rig, eventually};

const PLANT: &str = r#"
seed = 15
tick = "10ms"

[mqtt]

[[modbus]]
name = "hall1"

[[modbus]]
name = "hall2"

[[modbus]]
name = "hall3"

[[opcua]]
name = "line1"
machines = ["mixer"]
security = ["None"]

[[bulk]]
prefix = "press"
machines = 1
signals = 6
server = "hall1"

[[bulk]]
prefix = "oven"
machines = 1
signals = 6
server = "hall2"

[[bulk]]
prefix = "saw"
machines = 1
signals = 6
server = "hall3"

[[machine]]
name = "mixer"

[[machine.signal]]
name = "torque"
mean = 38.0
sigma = 0.5

[[machine.signal]]
name = "level"
mean = 55.0
sigma = 0.5
"#;

/// One tag per device that is to stay untouched.
const OTHERS: [&str; 3] = ["oven1.current1", "saw1.current1", "line1.mixer.torque"];

/// How one device was sampled during one phase.
#[derive(Debug)]
pub(crate) struct Sampled {
    /// What was wrong with the first device meanwhile.
    pub(crate) phase: &'static str,
    /// The tag looked at.
    pub(crate) tag: &'static str,
    /// Samples that should have been there.
    pub(crate) missing: u64,
    /// Samples that were not Good.
    pub(crate) not_good: u64,
    /// How far the time between two samples was off the period.
    pub(crate) jitter: Spread,
}

impl Sampled {
    /// For machines.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "phase": self.phase,
            "tag": self.tag,
            "missing": self.missing,
            "not_good": self.not_good,
            "jitter": self.jitter.to_json(),
        })
    }
}

impl fmt::Display for Sampled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:<8} {:<20} {:>6} samples {:>4} missing {:>4} not good  {}",
            self.phase,
            self.tag,
            self.jitter.len(),
            self.missing,
            self.not_good,
            self.jitter
        )
    }
}

/// Samples all devices every `rate_ms`, `samples` times per phase: a quiet one, then one per fault of the first device.
pub(crate) fn run(rate_ms: u64, samples: usize) -> Vec<Sampled> {
    let options = FragmentOptions {
        rate: format!("{rate_ms}ms"),
        summary: "off".to_owned(),
        raw: "all".to_owned(),
        security: Some(Security::None),
        ..FragmentOptions::default()
    };
    let rig = Rig::new(PLANT, options);
    let gateway = rig.start();
    let rate = Duration::from_millis(rate_ms);
    // Every device is up before anything is measured.
    phase(&rig, "warm-up", (rate, 3));
    let mut all = phase(&rig, "quiet", (rate, samples));
    for (name, fault) in [
        ("refuses", DeviceFault::Refuse),
        ("hangs", DeviceFault::Silence),
        ("garbage", DeviceFault::Garbage),
    ] {
        let fault = rig.break_device("hall1", fault);
        all.extend(phase(&rig, name, (rate, samples)));
        rig.heal(fault);
    }
    gateway.stop();
    rig.settle();
    all
}

fn phase(rig: &Rig, name: &'static str, (rate, samples): (Duration, usize)) -> Vec<Sampled> {
    let mark = rig.recorder.mark();
    let mut looked = mark;
    let mut seen: BTreeMap<&str, Vec<(i128, bool)>> = BTreeMap::new();
    let patience = PATIENCE + rate.saturating_mul(u32::try_from(samples).unwrap_or(u32::MAX)) * 2;
    eventually("every other device is sampled", patience, || {
        let all = rig.recorder.since(looked);
        looked += all.len();
        for tag in OTHERS {
            let of_tag = all.iter().flat_map(|m| points(m, tag));
            seen.entry(tag).or_default().extend(of_tag);
        }
        let enough = |points: &Vec<(i128, bool)>| points.len() > samples;
        seen.values().all(enough).then_some(())
    });
    let sampled = OTHERS.map(|tag| judge(name, tag, (&seen[tag], rate)));
    sampled.into()
}

/// Times, in nanoseconds since 1970, of the values of a tag in a message, and whether they are Good.
fn points(message: &Message, tag: &str) -> Vec<(i128, bool)> {
    let all = message.json["points"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let of_tag = all.iter().filter(|point| point["tag"] == tag);
    of_tag
        .filter_map(|point| {
            let time: jiff::Timestamp = point["time"].as_str()?.parse().ok()?;
            Some((time.as_nanosecond(), point["quality"] == "good"))
        })
        .collect()
}

fn judge(
    phase: &'static str,
    tag: &'static str,
    (points, rate): (&[(i128, bool)], Duration),
) -> Sampled {
    let mut missing = 0;
    let mut off = Vec::new();
    for (before, after) in points.iter().zip(points.iter().skip(1)) {
        let step = u64::try_from(after.0 - before.0).map_or(Duration::ZERO, Duration::from_nanos);
        let periods = (step.as_secs_f64() / rate.as_secs_f64()).round();
        missing += (1..)
            .take_while(|n: &u32| f64::from(*n) < periods)
            .count();
        off.push(step.abs_diff(rate));
    }
    Sampled {
        phase,
        tag,
        missing: missing as u64,
        not_good: points.iter().filter(|(_, is_good)| !is_good).count() as u64,
        jitter: Spread::new(off),
    }
}

//! From the file as written to a checked scenario; every fault is collected.

mod collect;
mod fault;
mod machine;
mod server;

use std::collections::BTreeSet;
use std::time::Duration;

pub(super) use collect::Collector;

use super::bulk;
use super::error::ScenarioError;
use super::raw::RawScenario;
use super::types::Scenario;

impl Scenario {
    /// Reads and checks a scenario text.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        let mut raw: RawScenario =
            toml::from_str(text).map_err(|error| ScenarioError::Syntax(Box::new(error)))?;
        let mut faults = Collector::default();
        bulk::expand(&mut raw, &mut faults);
        let scenario = check(raw, &mut faults);
        faults.into_result(scenario)
    }
}

fn check(raw: RawScenario, faults: &mut Collector) -> Scenario {
    let tick = faults.duration("tick", raw.tick.as_deref(), Duration::from_millis(100));
    if !(Duration::from_millis(1)..=Duration::from_secs(10)).contains(&tick) {
        faults.add("tick", "must be 1ms to 10s");
    }
    let machines: Vec<_> = raw
        .machine
        .into_iter()
        .map(|machine| machine::check(machine, faults))
        .collect();
    unique(
        machines.iter().map(|machine| machine.name.as_str()),
        "machine",
        faults,
    );
    let modbus: Vec<_> = raw
        .modbus
        .into_iter()
        .map(|server| server::modbus(server, &machines, faults))
        .collect();
    let opcua: Vec<_> = raw
        .opcua
        .into_iter()
        .map(|server| server::opcua(server, &machines, faults))
        .collect();
    let mqtt = raw.mqtt.map(|server| server::mqtt(&server, faults));
    server::distinct_names(&modbus, &opcua, faults);
    let mut scenario = Scenario {
        seed: raw.seed.unwrap_or(1),
        tick,
        machines,
        modbus,
        opcua,
        mqtt,
        faults: Vec::new(),
    };
    let mut timeline: Vec<_> = raw
        .fault
        .into_iter()
        .filter_map(|fault| fault::check(fault, &scenario, faults))
        .collect();
    timeline.sort_by_key(|fault| fault.at);
    scenario.faults = timeline;
    scenario
}

/// Reports every name that occurs twice.
fn unique<'a>(names: impl Iterator<Item = &'a str>, what: &str, faults: &mut Collector) {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            faults.add(what, &format!("name `{name}` is used twice"));
        }
    }
}

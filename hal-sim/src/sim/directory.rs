//! Which devices and tags of a gateway show a fault.

use crate::scenario::{DeviceFault, Fault, FaultKind, Scenario};

/// Devices and tags that show a fault, named as in the gateway configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) devices: Vec<String>,
    pub(super) signal: Option<String>,
    pub(super) tags: Vec<String>,
}

/// Where a fault shows; none if its target does not exist.
pub(super) fn shown(scenario: &Scenario, fault: &Fault) -> Option<Shown> {
    match &fault.kind {
        FaultKind::Signal { signal, .. } => {
            scenario.signal_index(signal)?;
            Some(signal_shown(scenario, signal))
        }
        FaultKind::Device { device, fault } => {
            let devices = devices(scenario, device, *fault);
            (!devices.is_empty()).then(|| Shown {
                devices,
                ..Shown::default()
            })
        }
    }
}

fn signal_shown(scenario: &Scenario, signal: &str) -> Shown {
    let (machine, name) = signal.split_once('.').unwrap_or((signal, ""));
    let units = scenario.modbus.iter().flat_map(|server| &server.units);
    let on_modbus = units
        .filter(|unit| unit.machine == machine)
        .map(|unit| (unit.device.clone(), format!("{}.{name}", unit.device)));
    let on_opcua = scenario
        .opcua
        .iter()
        .filter(|server| server.machines.iter().any(|served| served == machine))
        .map(|server| (server.name.clone(), format!("{}.{signal}", server.name)));
    let (devices, tags) = on_modbus.chain(on_opcua).unzip();
    Shown {
        devices,
        signal: Some(signal.to_owned()),
        tags,
    }
}

fn devices(scenario: &Scenario, name: &str, fault: DeviceFault) -> Vec<String> {
    // A port that is closed is closed for every unit behind it.
    let whole_listener = matches!(fault, DeviceFault::Refuse | DeviceFault::Restart);
    for server in &scenario.modbus {
        let all = || {
            server
                .units
                .iter()
                .map(|unit| unit.device.clone())
                .collect()
        };
        if server.name == name {
            return all();
        }
        if server.units.iter().any(|unit| unit.device == name) {
            return if whole_listener {
                all()
            } else {
                vec![name.to_owned()]
            };
        }
    }
    let opcua = scenario.opcua.iter().any(|server| server.name == name);
    let mqtt = name == "mqtt" && scenario.mqtt.is_some();
    if opcua || mqtt {
        vec![name.to_owned()]
    } else {
        Vec::new()
    }
}

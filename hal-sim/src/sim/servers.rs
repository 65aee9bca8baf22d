//! The servers of a simulation and how faults reach them.

use std::io;
use std::path::Path;

use tokio::sync::mpsc;
use tracing::error;

use super::endpoints::{Endpoints, ModbusEndpoint, ModbusUnitEndpoint, OpcUaEndpoint};
use crate::broker::BrokerHandle;
use crate::modbus::{Listener, ListenerSetup, ServedUnit, SharedImage, UnitFault, UnitSwitch};
use crate::net::LinkMode;
use crate::opcua::{OpcUa, OpcUaSetup, Shared};
use crate::plant::Reading;
use crate::scenario::{DeviceFault, ModbusServer, OpcUaServer, Scenario};
use crate::snapshot::Snapshot;
use crate::timeline::{self, Timeline};

/// Everything that listens.
#[derive(Debug)]
pub(super) struct Servers {
    modbus: Vec<Plc>,
    opcua: Vec<(OpcUaServer, OpcUa)>,
    mqtt: Option<BrokerHandle>,
}

/// A Modbus listener with its units.
#[derive(Debug)]
struct Plc {
    config: ModbusServer,
    listener: Listener,
    units: Vec<ServedUnit>,
}

impl Servers {
    /// Starts all of them and waits until they answer.
    pub(super) fn start(
        scenario: &Scenario,
        pki_root: &Path,
        snapshot: &Snapshot,
        writes: &mpsc::Sender<(usize, f64)>,
    ) -> io::Result<Self> {
        let mqtt = scenario
            .mqtt
            .as_ref()
            .map(|broker| BrokerHandle::start(broker.bind))
            .transpose()?;
        let modbus = scenario
            .modbus
            .iter()
            .map(|config| Plc::start(scenario, config, snapshot, writes));
        let modbus = modbus.collect::<io::Result<_>>()?;
        let opcua = scenario.opcua.iter().map(|config| {
            let shared = Shared::new(snapshot.clone(), writes.clone());
            let server = OpcUa::start(OpcUaSetup::new(config, scenario, pki_root, shared))?;
            Ok((config.clone(), server))
        });
        Ok(Self {
            modbus,
            opcua: opcua.collect::<io::Result<_>>()?,
            mqtt,
        })
    }

    /// Where they can be reached.
    pub(super) fn endpoints(&self) -> Endpoints {
        Endpoints {
            modbus: self
                .modbus
                .iter()
                .map(|plc| ModbusEndpoint {
                    name: plc.config.name.clone(),
                    addr: plc.listener.address(),
                    units: plc
                        .config
                        .units
                        .iter()
                        .map(ModbusUnitEndpoint::new)
                        .collect(),
                })
                .collect(),
            opcua: self
                .opcua
                .iter()
                .map(|(config, server)| {
                    OpcUaEndpoint::new(config, server.address(), server.certificate())
                })
                .collect(),
            mqtt: self.mqtt.as_ref().map(BrokerHandle::address),
        }
    }

    /// Shows the readings of a tick in the register images.
    pub(super) fn show(&self, readings: &[Reading]) {
        for unit in self.modbus.iter().flat_map(|plc| &plc.units) {
            unit.image
                .write()
                .update(readings, |reading| unit.switch.adjust(reading));
        }
    }

    /// Makes every server do what the active faults come to.
    pub(super) fn apply(&self, timeline: &Timeline) {
        for plc in &self.modbus {
            plc.apply(timeline);
        }
        for (config, server) in &self.opcua {
            let names = [config.name.as_str()];
            let stopped = timeline.latest(&names, |fault| {
                (fault == DeviceFault::Restart).then_some(())
            });
            if let Err(error) = server.set_running(stopped.is_none()) {
                error!(server = %config.name, %error, "A simulated OPC UA server could not be started.");
            }
            server.set_link(link(timeline, &names));
            server.set_quality(timeline::quality(timeline, &names));
            server.set_clock_offset_ns(timeline.latest(&names, clock_jump).unwrap_or(0));
        }
        if let Some(broker) = &self.mqtt {
            broker.proxy().set_mode(link(timeline, &["mqtt"]));
        }
    }
}

impl Plc {
    fn start(
        scenario: &Scenario,
        config: &ModbusServer,
        snapshot: &Snapshot,
        writes: &mpsc::Sender<(usize, f64)>,
    ) -> io::Result<Self> {
        let served = config.units.iter().filter_map(|unit| {
            let image = SharedImage::new(scenario, unit)?;
            let switch = UnitSwitch::default();
            Some(ServedUnit {
                id: unit.id,
                max_registers: unit.max_registers,
                image,
                switch,
            })
        });
        let units: Vec<ServedUnit> = served.collect();
        let readings = snapshot.readings();
        for unit in &units {
            unit.image.write().update(&readings, Reading::clone);
        }
        let listener = Listener::start(ListenerSetup {
            name: config.name.clone(),
            bind: config.bind,
            unknown_unit: config.unknown_unit,
            units: units.clone(),
            writes: writes.clone(),
        })?;
        Ok(Self {
            config: config.clone(),
            listener,
            units,
        })
    }

    fn apply(&self, timeline: &Timeline) {
        let listener = self.config.name.as_str();
        let mut everyone = vec![listener];
        everyone.extend(self.config.units.iter().map(|unit| unit.device.as_str()));
        let closed = timeline.latest(&everyone, |fault| {
            matches!(fault, DeviceFault::Refuse | DeviceFault::Restart).then_some(())
        });
        self.listener.set_open(closed.is_none());
        for (config, unit) in self.config.units.iter().zip(&self.units) {
            let names = [listener, config.device.as_str()];
            unit.switch
                .set_fault(timeline.latest(&names, unit_fault).unwrap_or_default());
            unit.switch.set_quality(timeline::quality(timeline, &names));
        }
    }
}

fn unit_fault(fault: DeviceFault) -> Option<UnitFault> {
    Some(match fault {
        DeviceFault::Silence => UnitFault::Silence,
        DeviceFault::Slow(delay) => UnitFault::Slow(delay),
        DeviceFault::Exception(code) => UnitFault::Exception(code),
        DeviceFault::Truncated => UnitFault::Truncated,
        DeviceFault::WrongTransaction => UnitFault::WrongTransaction,
        DeviceFault::WrongUnit => UnitFault::WrongUnit,
        DeviceFault::Garbage => UnitFault::Garbage,
        DeviceFault::Refuse
        | DeviceFault::Restart
        | DeviceFault::BadQuality(_)
        | DeviceFault::ClockJump(_) => return None,
    })
}

/// What the proxy in front of a server does.
fn link(timeline: &Timeline, names: &[&str]) -> LinkMode {
    let mode = timeline.latest(names, |fault| match fault {
        DeviceFault::Refuse | DeviceFault::Restart => Some(LinkMode::Refuse),
        DeviceFault::Silence => Some(LinkMode::Silence),
        DeviceFault::Slow(delay) => Some(LinkMode::Delay(delay)),
        _ => None,
    });
    mode.unwrap_or_default()
}

fn clock_jump(fault: DeviceFault) -> Option<i64> {
    match fault {
        DeviceFault::ClockJump(offset_ns) => Some(offset_ns),
        _ => None,
    }
}

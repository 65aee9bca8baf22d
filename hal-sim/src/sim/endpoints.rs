//! Where the servers of a simulation can be reached.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Serialize;

use crate::scenario::{OpcUaServer, Scenario, Unit};

/// Every server of a simulation with its bound address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Endpoints {
    /// Modbus listeners, in the order of the scenario.
    pub modbus: Vec<ModbusEndpoint>,
    /// OPC UA servers, in the order of the scenario.
    pub opcua: Vec<OpcUaEndpoint>,
    /// The MQTT broker.
    pub mqtt: Option<SocketAddr>,
}

/// A Modbus listener.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModbusEndpoint {
    /// Name in the scenario.
    pub name: String,
    /// Where it listens.
    pub addr: SocketAddr,
    /// What stands behind it.
    pub units: Vec<ModbusUnitEndpoint>,
}

/// A Modbus unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModbusUnitEndpoint {
    /// Unit id.
    pub id: u8,
    /// Name as a device.
    pub device: String,
    /// Longest read that it answers, in registers.
    pub max_registers: u16,
}

/// An OPC UA server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OpcUaEndpoint {
    /// Name in the scenario.
    pub name: String,
    /// `opc.tcp://host:port/`.
    pub url: String,
    /// Where it listens.
    pub addr: SocketAddr,
    /// Its own certificate, DER.
    pub certificate: PathBuf,
}

impl Scenario {
    /// The endpoints as the scenario names them, without starting anything; port 0 is left as it is, and
    /// so is the place of certificates unless the scenario names it.
    pub fn planned_endpoints(&self) -> Endpoints {
        let modbus = self.modbus.iter().map(|server| ModbusEndpoint {
            name: server.name.clone(),
            addr: server.bind,
            units: server.units.iter().map(ModbusUnitEndpoint::new).collect(),
        });
        let opcua = self.opcua.iter().map(|server| {
            let pki = server
                .pki_dir
                .clone()
                .unwrap_or_else(|| PathBuf::from(&server.name));
            OpcUaEndpoint::new(server, server.bind, pki.join("own/cert.der"))
        });
        Endpoints {
            modbus: modbus.collect(),
            opcua: opcua.collect(),
            mqtt: self.mqtt.as_ref().map(|server| server.bind),
        }
    }
}

impl ModbusUnitEndpoint {
    pub(super) fn new(unit: &Unit) -> Self {
        Self {
            id: unit.id,
            device: unit.device.clone(),
            max_registers: unit.max_registers,
        }
    }
}

impl OpcUaEndpoint {
    pub(super) fn new(server: &OpcUaServer, addr: SocketAddr, certificate: PathBuf) -> Self {
        Self {
            name: server.name.clone(),
            url: format!("opc.tcp://{addr}/"),
            addr,
            certificate,
        }
    }
}

//! Servers and what they show.

use super::collect::Collector;
use super::unique;
use crate::scenario::data_type::DataType;
use crate::scenario::raw::{RawModbus, RawMqtt, RawOpcUa};
use crate::scenario::types::{
    Machine, ModbusServer, MqttServer, OpcUaServer, Security, Unit, UnknownUnit, User,
};

/// Longest Modbus read, in registers (MODBUS Application Protocol V1.1b3, 6.3).
const MAX_REGISTERS: u16 = 125;
/// Most nodes of one OPC UA read: what the server can still decode.
const MAX_NODES: u32 = 100_000;

pub(super) fn modbus(raw: RawModbus, machines: &[Machine], faults: &mut Collector) -> ModbusServer {
    let place = format!("modbus `{}`", raw.name);
    faults.name(&place, &raw.name, 48);
    let choices = [
        ("exception", UnknownUnit::Exception),
        ("silence", UnknownUnit::Silence),
    ];
    let unknown_unit = faults.choice(
        &format!("{place}.unknown_unit"),
        raw.unknown_unit.as_deref(),
        UnknownUnit::Exception,
        &choices,
    );
    let mut units: Vec<Unit> = Vec::with_capacity(raw.unit.len());
    for unit in raw.unit {
        let place = format!("{place} unit {}", unit.id);
        known_machine(&place, &unit.machine, machines, faults);
        if units.iter().any(|other| other.id == unit.id) {
            faults.add(&place, "id is used twice");
        }
        let device = unit.device.unwrap_or_else(|| unit.machine.clone());
        faults.name(&place, &device, 48);
        let max_registers = unit.max_registers.unwrap_or(MAX_REGISTERS);
        if !(1..=MAX_REGISTERS).contains(&max_registers) {
            faults.add(&place, "max_registers must be 1 to 125");
        }
        units.push(Unit {
            id: unit.id,
            machine: unit.machine,
            device,
            max_registers,
        });
    }
    let bind = faults.bind(&place, raw.bind.as_deref());
    ModbusServer {
        name: raw.name,
        bind,
        unknown_unit,
        units,
    }
}

pub(super) fn opcua(raw: RawOpcUa, machines: &[Machine], faults: &mut Collector) -> OpcUaServer {
    let place = format!("opcua `{}`", raw.name);
    faults.name(&place, &raw.name, 48);
    for name in &raw.machines {
        known_machine(&place, name, machines, faults);
        let digits = machines
            .iter()
            .filter(|machine| machine.name == *name)
            .any(|machine| {
                let bcd = |data_type| matches!(data_type, DataType::Bcd16 | DataType::Bcd32);
                machine.signals.iter().any(|signal| bcd(signal.data_type))
            });
        if digits {
            faults.add(
                &place,
                &format!("machine `{name}` has bcd signals, which OPC UA does not know"),
            );
        }
    }
    unique(raw.machines.iter().map(String::as_str), &place, faults);
    let security = raw
        .security
        .unwrap_or_else(|| vec!["None".to_owned(), "Basic256Sha256".to_owned()]);
    let security: Vec<Security> = security
        .iter()
        .map(|name| {
            faults.choice(
                &format!("{place}.security"),
                Some(name),
                Security::None,
                &Security::ALL,
            )
        })
        .collect();
    if security.is_empty() {
        faults.add(&place, "security must name at least one policy");
    }
    let anonymous = raw.anonymous.unwrap_or(true);
    if !anonymous && raw.users.is_empty() {
        faults.add(&place, "without anonymous sessions it needs users");
    }
    let max_nodes_per_read = raw.max_nodes_per_read.unwrap_or(10_000);
    if !(1..=MAX_NODES).contains(&max_nodes_per_read) {
        faults.add(&place, "max_nodes_per_read must be 1 to 100000");
    }
    let bind = faults.bind(&place, raw.bind.as_deref());
    let users = raw.users.into_iter();
    OpcUaServer {
        name: raw.name,
        bind,
        machines: raw.machines,
        security,
        anonymous,
        users: users
            .map(|user| User {
                name: user.name,
                password: user.password,
            })
            .collect(),
        pki_dir: raw.pki_dir,
        max_nodes_per_read,
        advertise_limits: raw.advertise_limits.unwrap_or(true),
    }
}

pub(super) fn mqtt(raw: &RawMqtt, faults: &mut Collector) -> MqttServer {
    MqttServer {
        bind: faults.bind("mqtt", raw.bind.as_deref()),
    }
}

fn known_machine(place: &str, name: &str, machines: &[Machine], faults: &mut Collector) {
    if !machines.iter().any(|machine| machine.name == name) {
        faults.add(place, &format!("machine `{name}` does not exist"));
    }
}

/// Faults name devices and servers alike, so no two may be the same.
pub(super) fn distinct_names(
    modbus: &[ModbusServer],
    opcua: &[OpcUaServer],
    faults: &mut Collector,
) {
    let listeners = modbus.iter().map(|server| server.name.as_str());
    let units = modbus
        .iter()
        .flat_map(|server| &server.units)
        .map(|unit| unit.device.as_str());
    let servers = opcua.iter().map(|server| server.name.as_str());
    unique(
        listeners.chain(units).chain(servers).chain(["mqtt"]),
        "device or server",
        faults,
    );
}

//! Folders, nodes and what happens when they are read or written.

use opcua::nodes::VariableBuilder;
use opcua::server::address_space::AddressSpace;
use opcua::server::node_manager::memory::SimpleNodeManager;
use opcua::types::{DataValue, NodeId, NumericRange, StatusCode, TimestampsToReturn};

use super::convert;
use super::server::Shared;
use crate::plant::{Reading, Status, Value};
use crate::scenario::{Behaviour, Machine, Signal};

/// Namespace of all nodes.
pub const NAMESPACE: &str = "urn:andon:sim";

/// A machine as a server shows it.
#[derive(Debug, Clone)]
pub(crate) struct ServedMachine {
    /// Number of its first signal.
    pub(crate) first: usize,
    pub(crate) machine: Machine,
}

/// Adds every machine to a server.
pub(super) fn fill(
    manager: &SimpleNodeManager,
    namespace: u16,
    machines: &[ServedMachine],
    shared: &Shared,
) {
    for served in machines {
        {
            let space = manager.address_space();
            add_machine(&mut space.write(), namespace, &served.machine);
        }
        for (offset, signal) in served.machine.signals.iter().enumerate() {
            let node = node_id(namespace, &served.machine, signal);
            connect(manager, node, (served.first + offset, signal), shared);
        }
    }
}

fn node_id(namespace: u16, machine: &Machine, signal: &Signal) -> NodeId {
    NodeId::new(namespace, format!("{}.{}", machine.name, signal.name))
}

fn add_machine(space: &mut AddressSpace, namespace: u16, machine: &Machine) {
    let name = machine.name.as_str();
    let folder = NodeId::new(namespace, name);
    space.add_folder(&folder, name, name, &NodeId::objects_folder_id());
    let variables = machine.signals.iter().map(|signal| {
        let name = signal.name.as_str();
        let start = Value::Number(0.0);
        let variable = VariableBuilder::new(&node_id(namespace, machine, signal), name, name)
            .data_type(convert::data_type(signal.data_type))
            .value(convert::variant(signal, &start));
        if is_setpoint(signal) {
            variable.writable().build()
        } else {
            variable.build()
        }
    });
    let variables = variables.collect();
    space.add_variables(variables, &folder);
}

const fn is_setpoint(signal: &Signal) -> bool {
    matches!(signal.behaviour, Behaviour::Setpoint { .. })
}

fn connect(
    manager: &SimpleNodeManager,
    node: NodeId,
    (index, signal): (usize, &Signal),
    shared: &Shared,
) {
    let (read_signal, source) = (signal.clone(), shared.clone());
    manager
        .inner()
        .add_read_callback(node.clone(), move |_: &NumericRange, wanted, _| {
            read(&read_signal, index, wanted, &source)
        });
    if is_setpoint(signal) {
        let (write_signal, target) = (signal.clone(), shared.clone());
        manager.inner().add_write_callback(node, move |value, _| {
            write(&write_signal, index, &value, &target)
        });
    }
}

fn read(
    signal: &Signal,
    index: usize,
    wanted: TimestampsToReturn,
    shared: &Shared,
) -> Result<DataValue, StatusCode> {
    let (at_ns, reading) = shared
        .snapshot
        .get(index)
        .ok_or(StatusCode::BadWaitingForInitialData)?;
    let own = shared.quality();
    let status = if own == Status::Good {
        reading.status
    } else {
        own
    };
    let reading = Reading {
        value: reading.value,
        status,
    };
    let source_ns = at_ns.saturating_add(shared.clock_offset_ns());
    Ok(convert::data_value(signal, &reading, source_ns, wanted))
}

fn write(signal: &Signal, index: usize, value: &DataValue, shared: &Shared) -> StatusCode {
    let Some(number) = value
        .value
        .as_ref()
        .and_then(|value| convert::written(signal, value))
    else {
        return StatusCode::BadTypeMismatch;
    };
    match shared.writes.try_send((index, number)) {
        Ok(()) => StatusCode::Good,
        Err(_) => StatusCode::BadTooManyOperations,
    }
}

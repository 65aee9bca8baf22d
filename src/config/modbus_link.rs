//! `driver = "modbus-tcp"`: how to reach a Modbus unit.

use std::time::Duration;

use super::endpoint::parse_host_port;
use super::section::Section;
use super::types::ModbusLink;

/// Keys of this driver alone.
pub(super) const KEYS: [&str; 5] = [
    "unit",
    "connect_timeout",
    "max_registers",
    "max_gap",
    "ignore_transaction_id",
];

const PORT_DEFAULT: u16 = 502;
const TIMEOUT_MIN: Duration = Duration::from_millis(10);
const TIMEOUT_MAX: Duration = Duration::from_mins(1);

/// Reads the link keys of a Modbus device; `None` only after a fault.
pub(super) fn read_modbus_link(section: &Section<'_>) -> Option<ModbusLink> {
    if !section.has("endpoint") {
        section.missing("endpoint", "allowed: \"host:port\", port 502 when left out");
    }
    let endpoint = section.read("endpoint", |value| {
        let text = value
            .text()
            .ok_or_else(|| format!("is {}; allowed: \"host:port\"", value.kind()))?;
        if text.contains("://") {
            return Err("is a URL; allowed: \"host:port\" without a scheme".to_owned());
        }
        parse_host_port(text)
    });
    let timeouts = TIMEOUT_MIN..=TIMEOUT_MAX;
    let timeout = section.duration("timeout", &timeouts);
    let connect_timeout = section.duration("connect_timeout", &timeouts);
    let unit = section.integer("unit", 0..=255);
    let max_registers = section.integer("max_registers", 1..=125);
    let max_gap = section.integer("max_gap", 0..=124);
    let ignore_transaction_id = section.flag("ignore_transaction_id");
    let endpoint = endpoint?;
    Some(ModbusLink {
        host: endpoint.host,
        port: endpoint.port.unwrap_or(PORT_DEFAULT),
        unit: unit.and_then(|n| u8::try_from(n).ok()).unwrap_or(1),
        timeout: timeout.unwrap_or(Duration::from_secs(1)),
        connect_timeout: connect_timeout.unwrap_or(Duration::from_secs(3)),
        max_registers: max_registers
            .and_then(|n| u16::try_from(n).ok())
            .unwrap_or(125),
        max_gap: max_gap.and_then(|n| u16::try_from(n).ok()).unwrap_or(8),
        ignore_transaction_id: ignore_transaction_id.unwrap_or(false),
    })
}

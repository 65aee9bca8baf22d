//! `[[device.tag]]` and lines of `tags_csv`: one table into one [`Tag`].

use std::sync::Arc;
use std::time::Duration;

use super::address::{check_opcua, parse_modbus};
use super::data_type::{self, ORDERS, is_numeric, parse_type, raw_range, registers, with_order};
use super::gateway::read_asset_below;
use super::node::Value;
use super::section::{Section, number};
use super::settings::Settings;
use super::types::{DataType, ModbusAddress, ModbusTable, Source, Tag, ValidationRules};
use super::units::format_duration;
use crate::model::{AssetPath, DeviceId};

/// Longest texts for people, in characters.
const WORDS_CHARS_MAX: usize = 500;
/// Longest engineering unit, in characters.
const UNIT_CHARS_MAX: usize = 32;
/// Most sentinels of a tag.
const SENTINELS_MAX: usize = 16;

/// What a tag takes from its device.
#[derive(Debug)]
pub(super) struct Parent<'a> {
    pub device: DeviceId,
    pub name: &'a str,
    /// The gateway's asset; `None` after a fault in it.
    pub gateway: Option<&'a AssetPath>,
    /// The longest read, for Modbus; `None` for OPC UA.
    pub max_registers: Option<u16>,
    pub settings: &'a Settings,
}

/// Reads one tag. Faults are reported; what comes back then only serves to find more of them.
pub(super) fn read_tag(section: Section<'_>, parent: &Parent<'_>) -> Tag {
    let name = read_name(&section);
    let (source, data_type) = if let Some(max_registers) = parent.max_registers {
        read_modbus(&section, max_registers)
    } else {
        read_opcua(&section)
    };
    let numeric = is_numeric(data_type);
    let settings = Settings::read(&section).over(parent.settings);
    settings.check(&section, numeric);
    let (scale, offset) = read_scaling(&section, numeric);
    let tag = Tag {
        name: format!("{}.{name}", parent.name),
        device: parent.device,
        asset: read_asset_below(&section, "asset", parent.gateway),
        description: section
            .words("description", WORDS_CHARS_MAX)
            .unwrap_or_default(),
        unit: section.words("unit", UNIT_CHARS_MAX).unwrap_or_default(),
        rate: settings.rate(),
        phase: read_phase(&section, settings.rate()),
        source,
        data_type,
        scale,
        offset,
        sentinels: read_sentinels(&section, data_type),
        validation: Arc::new(settings.validation(numeric)),
        publish: settings.publish(),
        detection: settings.detection(numeric),
        advice: section.words("advice", WORDS_CHARS_MAX).unwrap_or_default(),
    };
    check_reach(&section, &tag);
    section.finish();
    tag
}

fn read_name(section: &Section<'_>) -> String {
    if !section.has("name") {
        section.missing("name", "allowed: 1 to 64 of A-Z a-z 0-9 _ - .");
    }
    section.name("name", 64, "_-.").unwrap_or_default()
}

fn read_modbus(section: &Section<'_>, max_registers: u16) -> (Source, DataType) {
    let address = read_modbus_address(section);
    let is_bit = address.is_some_and(|a| {
        a.bit.is_some() || matches!(a.table, ModbusTable::Coil | ModbusTable::Discrete)
    });
    if !section.has("type") && address.is_some() && !is_bit {
        section.missing("type", &data_type::allowed());
    }
    let plain = section.read("type", type_of);
    // While the type is unknown, it must not make other keys look wrong.
    let unknown = section.has("type") || !is_bit;
    let absent = if unknown {
        DataType::Auto
    } else {
        DataType::Bool
    };
    let data_type = with_own_order(section, plain, absent);
    if let (Some(address), Some(_)) = (address, plain) {
        check_modbus_type(section, address, data_type, max_registers);
    }
    let address = address.unwrap_or(ModbusAddress {
        table: ModbusTable::Holding,
        address: 0,
        bit: None,
    });
    (Source::Modbus(address), data_type)
}

fn read_modbus_address(section: &Section<'_>) -> Option<ModbusAddress> {
    if !section.has("address") {
        section.missing(
            "address",
            "allowed: \"holding:N\", \"input:N\", \"coil:N\", \"discrete:N\"",
        );
    }
    section.read("address", |value| match value {
        Value::Text(text) | Value::Cell(text) => parse_modbus(text),
        Value::Integer(Some(n)) => Err(format!(
            "is a bare number; write \"holding:{n}\" (0-based) or the 1-based form in quotes, as \"400001\""
        )),
        _ => Err("is not a Modbus address; allowed: \"holding:N\", \"input:N\", \"coil:N\", \"discrete:N\"".into()),
    })
}

/// What table, bit, type and length forbid in combination.
fn check_modbus_type(
    section: &Section<'_>,
    address: ModbusAddress,
    data_type: DataType,
    max_registers: u16,
) {
    let is_bool = data_type == DataType::Bool;
    let one_bit = matches!(address.table, ModbusTable::Coil | ModbusTable::Discrete);
    if data_type == DataType::Auto {
        let what = format!(
            "has no meaning for Modbus, which does not tell types; {}",
            data_type::allowed()
        );
        section.fault("type", &what);
    } else if one_bit && !is_bool {
        section.fault(
            "type",
            "does not fit a coil or discrete input; allowed: bool",
        );
    } else if address.bit.is_some() && !is_bool {
        section.fault(
            "type",
            "does not fit the single bit that the address names; allowed: bool",
        );
    } else if !one_bit && address.bit.is_none() && is_bool {
        section.fault(
            "type",
            "needs one bit of the register; name it in the address, as \"holding:N.0\" for the least significant",
        );
    }
    let count = registers(data_type);
    if u32::from(address.address) + u32::from(count) > 65_536 {
        section.fault(
            "address",
            &format!("has no room for the {count} registers of the type before 65535"),
        );
    }
    if count > max_registers {
        section.fault(
            "type",
            &format!(
                "fills {count} registers, more than max_registers = {max_registers} of the device"
            ),
        );
    }
}

fn read_opcua(section: &Section<'_>) -> (Source, DataType) {
    if !section.has("address") {
        section.missing("address", "allowed: \"nsu=URI;s=NAME\", \"ns=N;i=NUMBER\"");
    }
    let address = section.read("address", |value| {
        let text = value.text().ok_or_else(|| {
            format!(
                "is {}; allowed: a node id as \"ns=2;s=press1.temp\"",
                value.kind()
            )
        })?;
        check_opcua(text).map(|()| text.to_owned())
    });
    let data_type = section.read("type", type_of).unwrap_or(DataType::Auto);
    if matches!(data_type, DataType::Bcd16 | DataType::Bcd32(_)) {
        section.fault(
            "type",
            "is a Modbus coding; on OPC UA leave the type out: the server tells it",
        );
    }
    if section.node("order").is_some() {
        section.fault(
            "order",
            "has no meaning on OPC UA, whose byte order is fixed; remove it",
        );
    }
    (Source::OpcUa(address.unwrap_or_default()), data_type)
}

fn type_of(value: &Value) -> Result<DataType, String> {
    match value.text() {
        Some(text) => parse_type(text),
        None => Err(format!("is {}; {}", value.kind(), data_type::allowed())),
    }
}

/// The type with the byte order that the tag names.
fn with_own_order(section: &Section<'_>, plain: Option<DataType>, absent: DataType) -> DataType {
    let order = section.choice("order", "a byte order", &ORDERS);
    let data_type = plain.unwrap_or(absent);
    let (Some(order), Some(_)) = (order, plain) else {
        return data_type;
    };
    with_order(data_type, order).unwrap_or_else(|what| {
        section.fault("order", &what);
        data_type
    })
}

fn read_phase(section: &Section<'_>, rate: Duration) -> Option<Duration> {
    let phase = section.duration("phase", &(Duration::ZERO..=Duration::from_hours(1)))?;
    if phase >= rate {
        let what = format!("must be shorter than the rate of {}", format_duration(rate));
        section.fault("phase", &what);
    }
    Some(phase)
}

fn read_scaling(section: &Section<'_>, numeric: bool) -> (f64, f64) {
    let scale = section.number("scale").unwrap_or(1.0);
    if scale == 0.0 {
        section.fault(
            "scale",
            "makes every value the same; allowed: any number but 0",
        );
    }
    let offset = section.number("offset").unwrap_or(0.0);
    for key in ["scale", "offset"] {
        if section.has(key) && !numeric {
            section.fault(key, "has no meaning for bits and text; remove it");
        }
    }
    (scale, offset)
}

fn read_sentinels(section: &Section<'_>, data_type: DataType) -> Vec<f64> {
    let range = raw_range(data_type);
    let sentinels = section.list("sentinels", |value| {
        let raw = number(value)?;
        match range {
            Some((low, high)) if raw < low || raw > high => Err(format!(
                "cannot occur: raw values of type \"{}\" are {low} to {high}",
                data_type::type_name(data_type)
            )),
            _ => Ok(raw),
        }
    });
    let sentinels = sentinels.unwrap_or_default();
    if sentinels.len() > SENTINELS_MAX {
        section.fault(
            "sentinels",
            &format!("has more than {SENTINELS_MAX} values"),
        );
    }
    if !sentinels.is_empty() && !is_numeric(data_type) {
        section.fault("sentinels", "has no meaning for bits and text; remove it");
    }
    sentinels
}

/// A range that no raw value can reach makes every sample Bad: most often a forgotten scale.
fn check_reach(section: &Section<'_>, tag: &Tag) {
    let Some((low, high)) = raw_range(tag.data_type) else {
        return;
    };
    let (a, b) = (low * tag.scale + tag.offset, high * tag.scale + tag.offset);
    let (least, most) = (a.min(b), a.max(b));
    let ValidationRules { min, max, .. } = *tag.validation;
    // A scale of 0 has been reported as such.
    let unreachable = tag.scale != 0.0
        && (min.is_some_and(|min| min > most) || max.is_some_and(|max| max < least));
    if unreachable {
        section.fault(
            "type",
            &format!(
                "with scale {} and offset {} gives {least} to {most}, all outside min and max",
                tag.scale, tag.offset
            ),
        );
    }
}

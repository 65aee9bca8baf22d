//! `andon check --live` for a Modbus unit: every tag read alone, and what to try when it does not work.

use std::time::Duration;

use crate::config::{
    ByteOrder, DataType, ModbusAddress, ModbusLink, ModbusTable, Source, Tag, ValidationRules,
};
use crate::driver::probe::{DeviceProbe, TagProbe};
use crate::model::{TagId, Value};

use super::connection::{Answer, Ask, Connection, Endpoint, Failure};
use super::decode::Decoder;
use super::driver::{ModbusPoint, ModbusUnit};
use super::exception::{Meaning, describe, meaning};
use super::group::pick;
use super::plan::Span;

/// Units tried when the configured one does not answer: the usual default, "the device itself" of the Modbus
/// Messaging Guide (255 and 0), and the next ones on a serial bus.
const OTHER_UNITS: [u8; 5] = [1, 255, 0, 2, 3];
/// Longest wait for one of them.
const OTHER_UNIT_MAX: Duration = Duration::from_millis(500);
/// Tags in a row without an answer before the unit is called silent.
const SILENT_TAGS_MAX: u32 = 2;
/// Magnitudes that a plant's quantity plausibly has; 0 is plausible too.
const PLAUSIBLE: std::ops::Range<f64> = 1e-6..1e9;

/// Connects and reads each tag alone. Takes at most the connect timeout plus about two timeouts per tag that does
/// not answer, and stops at a unit that is silent.
pub async fn probe_device(name: &str, link: &ModbusLink, tags: &[&Tag]) -> DeviceProbe {
    let mut session = Session {
        connection: Connection::new(Endpoint::from(link)),
        unit: ModbusUnit::from(link),
    };
    let (reachable, tags) = match session.connection.open().await {
        Ok(()) => session.tags(tags).await,
        Err(error) => (Err(error.to_string()), Vec::new()),
    };
    session.connection.close().await;
    DeviceProbe {
        device: name.to_owned(),
        reachable,
        tags,
    }
}

/// [`probe_device`] for a caller who wants one finding per tag whatever happens: if the device cannot be reached,
/// each says so.
pub async fn probe(link: &ModbusLink, tags: &[&Tag]) -> Vec<TagProbe> {
    let device = probe_device("", link, tags).await;
    match device.reachable {
        Err(reason) if device.tags.is_empty() => {
            tags.iter().map(|tag| failed(tag, reason.clone())).collect()
        }
        _ => device.tags,
    }
}

/// Whether the unit was there when a tag was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Contact {
    /// Nothing was asked.
    None,
    /// With a value or a refusal.
    Answered,
    /// Not in time, or so says the gateway.
    Silent(Span),
    /// The connection failed, or the answer was not one.
    Broken,
}

struct Session {
    connection: Connection,
    unit: ModbusUnit,
}

impl Session {
    async fn tags(&mut self, tags: &[&Tag]) -> (Result<String, String>, Vec<TagProbe>) {
        let unit = format!("unit {} at {}", self.unit.id, self.connection.endpoint());
        let mut found = Vec::with_capacity(tags.len());
        let (mut answers, mut silent, mut broken) = (0_u32, 0_u32, 0_u32);
        for tag in tags {
            let (tag_probe, contact) = self.tag(tag).await;
            found.push(tag_probe);
            match contact {
                Contact::None => {}
                Contact::Answered => (answers, silent) = (answers + 1, 0),
                Contact::Broken => broken += 1,
                Contact::Silent(span) => {
                    silent += 1;
                    if silent >= SILENT_TAGS_MAX || tags.len() == 1 {
                        let others = self.other_units(span).await;
                        let rest = tags.iter().skip(found.len());
                        let untried = "not tried: the unit is silent";
                        found.extend(rest.map(|tag| failed(tag, untried.to_owned())));
                        return (Err(format!("no answer from {unit}; {others}")), found);
                    }
                }
            }
        }
        let reachable = match (answers, broken) {
            (0, 0) => Ok(format!("connected; nothing was asked of {unit}")),
            (0, _) => Err(format!("connected, but {unit} gives no usable answer")),
            _ => Ok(format!("{unit} answers")),
        };
        (reachable, found)
    }

    /// Reads one tag.
    async fn tag(&mut self, tag: &Tag) -> (TagProbe, Contact) {
        let Source::Modbus(address) = tag.source else {
            return (failed(tag, "has no Modbus address".into()), Contact::None);
        };
        let (decoder, span) = match point(tag, address, tag.data_type).plan(self.unit.limits) {
            Ok(planned) => planned,
            Err(error) => return (failed(tag, error.to_string()), Contact::None),
        };
        let timeout = self.unit.timeout;
        match self.read(self.unit.id, span, timeout).await {
            Ok(answer) => (finding(tag, address, &decoder, &answer), Contact::Answered),
            Err(Failure::Exception(code)) => {
                let mut probe = failed(tag, format!("{span}: {}", describe(code)));
                if meaning(code) == Meaning::UnitSilent {
                    return (probe, Contact::Silent(span));
                }
                probe.hints = self.neighbours(code, span).await;
                (probe, Contact::Answered)
            }
            Err(Failure::Silent) => {
                let words = format!("{span}: no answer within {timeout:?}");
                (failed(tag, words), Contact::Silent(span))
            }
            Err(Failure::Link(words)) => (failed(tag, format!("{span}: {words}")), Contact::Broken),
        }
    }

    async fn read(&mut self, unit: u8, span: Span, timeout: Duration) -> Result<Answer, Failure> {
        if !self.connection.is_open() {
            let opened = self.connection.open().await;
            opened.map_err(|error| Failure::Link(error.to_string()))?;
        }
        let ask = Ask {
            unit,
            span,
            timeout,
        };
        self.connection.read(ask).await
    }

    /// Where a refused address might really be: one lower (counted from 1), or in the sister table.
    async fn neighbours(&mut self, code: u8, span: Span) -> Vec<String> {
        let mut hints = Vec::new();
        if meaning(code) != Meaning::Refused {
            return hints;
        }
        let lower = span
            .start
            .checked_sub(1)
            .map(|start| Span { start, ..span });
        let table = match span.table {
            ModbusTable::Coil => ModbusTable::Discrete,
            ModbusTable::Discrete => ModbusTable::Coil,
            ModbusTable::Holding => ModbusTable::Input,
            ModbusTable::Input => ModbusTable::Holding,
        };
        if let Some(lower) = lower
            && self.answers(lower).await
        {
            hints.push(format!(
                "{lower} answers: is the address in the manual counted from 1?"
            ));
        }
        let sister = Span { table, ..span };
        if self.answers(sister).await {
            hints.push(format!("{sister} answers: is it in that table?"));
        }
        hints
    }

    async fn answers(&mut self, span: Span) -> bool {
        let (unit, timeout) = (self.unit.id, self.unit.timeout);
        self.read(unit, span, timeout).await.is_ok()
    }

    /// Which other unit answers, in words.
    async fn other_units(&mut self, span: Span) -> String {
        let timeout = self.unit.timeout.min(OTHER_UNIT_MAX);
        let own = self.unit.id;
        for unit in OTHER_UNITS.into_iter().filter(|unit| *unit != own) {
            let there = match self.read(unit, span, timeout).await {
                Ok(_) => true,
                Err(Failure::Exception(code)) => meaning(code) != Meaning::UnitSilent,
                Err(Failure::Silent | Failure::Link(_)) => false,
            };
            if there {
                return format!("unit {unit} answers");
            }
        }
        "no other unit that was tried answers either".to_owned()
    }
}

fn failed(tag: &Tag, reason: String) -> TagProbe {
    TagProbe {
        tag: tag.name.clone(),
        outcome: Err(reason),
        hints: Vec::new(),
    }
}

fn point(tag: &Tag, address: ModbusAddress, data_type: DataType) -> ModbusPoint {
    ModbusPoint {
        tag: TagId(0),
        address,
        data_type,
        scale: tag.scale,
        offset: tag.offset,
        sentinels: tag.sentinels.clone(),
    }
}

fn finding(tag: &Tag, address: ModbusAddress, decoder: &Decoder, answer: &Answer) -> TagProbe {
    let (value, quality) = pick(decoder, answer, 0);
    let outcome = match (quality.reason(), answer) {
        (Some(reason), Answer::Registers(registers)) => {
            let raw: Vec<_> = registers.iter().map(|w| format!("{w:04X}")).collect();
            Err(format!("{} (registers {})", reason.as_str(), raw.join(" ")))
        }
        // A bit is never Bad.
        _ => Ok(words(&value, &tag.unit)),
    };
    TagProbe {
        tag: tag.name.clone(),
        outcome,
        hints: orders(tag, address, answer),
    }
}

/// The value in each byte order, for types that have one.
fn orders(tag: &Tag, address: ModbusAddress, answer: &Answer) -> Vec<String> {
    let decoded = ByteOrder::ALL.into_iter().filter_map(|order| {
        let (data_type, configured) = reordered(tag.data_type, order)?;
        let decoder = Decoder::new(address, data_type)
            .ok()?
            .scaled(tag.scale, tag.offset)
            .with_sentinels(&tag.sentinels);
        let (value, quality) = pick(&decoder, answer, 0);
        let name = order.as_str();
        let mut line = match quality.reason() {
            None => format!("{name} {}", words(&value, &tag.unit)),
            Some(reason) => format!("{name} {}", reason.as_str()),
        };
        if value
            .as_f64()
            .is_some_and(|x| plausible(x, &tag.validation))
        {
            line.push_str(" (plausible)");
        }
        if configured {
            line.push_str(" <- configured");
        }
        Some(line)
    });
    decoded.collect()
}

/// The type with another byte order, and whether it is the configured one.
const fn reordered(data_type: DataType, order: ByteOrder) -> Option<(DataType, bool)> {
    let (new, old) = match data_type {
        DataType::U32(old) => (DataType::U32(order), old),
        DataType::I32(old) => (DataType::I32(order), old),
        DataType::U64(old) => (DataType::U64(order), old),
        DataType::I64(old) => (DataType::I64(order), old),
        DataType::F32(old) => (DataType::F32(order), old),
        DataType::F64(old) => (DataType::F64(order), old),
        DataType::Bcd32(old) => (DataType::Bcd32(order), old),
        DataType::Auto
        | DataType::Bool
        | DataType::U16
        | DataType::I16
        | DataType::Bcd16
        | DataType::Text { .. } => return None,
    };
    Some((new, order as u8 == old as u8))
}

fn plausible(x: f64, rules: &ValidationRules) -> bool {
    let within = rules.min.is_none_or(|min| x >= min) && rules.max.is_none_or(|max| x <= max);
    let bounded = rules.min.is_some() && rules.max.is_some();
    within && (bounded || x.abs() <= 0.0 || PLAUSIBLE.contains(&x.abs()))
}

fn words(value: &Value, unit: &str) -> String {
    let value = match value {
        Value::Missing => "nothing".to_owned(),
        Value::Float(x) if x.abs() > 0.0 && !PLAUSIBLE.contains(&x.abs()) => format!("{x:e}"),
        Value::Float(x) => x.to_string(),
        Value::Int(n) => n.to_string(),
        Value::Bool(b) => b.to_string(),
        Value::Text(text) => format!("{text:?}"),
    };
    format!("{value} {unit}").trim_end().to_owned()
}

#[cfg(test)]
#[path = "probe_tests.rs"]
mod tests;

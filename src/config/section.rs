//! Takes typed values out of one table, collects what is wrong with them, and reports the keys nobody asked for.

use std::cell::RefCell;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::fault::{At, Faults};
use super::nearest::did_you_mean;
use super::node::{Node, Table, Value};
use super::units::{format_duration, format_size, parse_duration, parse_size};

/// A reader of one table.
///
/// Every getter returns `None` for a key that is absent or wrong; the wrong one has been reported, so the caller
/// goes on with the default and finds the other faults too.
#[derive(Debug)]
pub(super) struct Section<'a> {
    faults: &'a Faults,
    table: &'a Table,
    /// What a message starts with: `mqtt.` or `device "press1", tag "temp": `.
    label: String,
    asked: RefCell<Vec<&'static str>>,
}

/// A value that can be switched off where it would be inherited.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Switch<T> {
    /// `"off"`
    Off,
    /// A value.
    On(T),
}

impl<T> Switch<T> {
    /// The value, unless off.
    pub(super) fn on(self) -> Option<T> {
        match self {
            Self::Off => None,
            Self::On(value) => Some(value),
        }
    }
}

impl<'a> Section<'a> {
    /// A reader of `table`; `label` starts every message.
    pub(super) const fn new(faults: &'a Faults, table: &'a Table, label: String) -> Self {
        Self {
            faults,
            table,
            label,
            asked: RefCell::new(Vec::new()),
        }
    }

    /// Where faults go.
    pub(super) const fn faults(&self) -> &'a Faults {
        self.faults
    }

    /// What messages of this section start with.
    pub(super) fn label(&self) -> &str {
        &self.label
    }

    /// The place of a key's value, or of the table when it is absent.
    pub(super) fn at(&self, key: &str) -> At {
        self.table
            .entries
            .get(key)
            .map_or(self.table.at, |(_, node)| node.at)
    }

    /// Whether the key is there, right or wrong.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.entries.contains_key(key)
    }

    /// Reports `<path> = <value> <what>`, or `<path> <what>` for an absent key.
    pub(super) fn fault(&self, key: &str, what: &str) {
        let at = self.at(key);
        let written = if self.has(key) {
            format!(" = {}", self.faults.quote(at))
        } else {
            String::new()
        };
        let message = format!("{}{key}{written} {what}", self.label);
        self.faults.report_as(at, message, &format!("{key} {what}"));
    }

    /// Like [`Section::fault`], for values that must not be printed.
    pub(super) fn fault_unquoted(&self, key: &str, what: &str) {
        self.faults
            .report(self.at(key), format!("{}{key} {what}", self.label));
    }

    /// Reports that a key is missing.
    pub(super) fn missing(&self, key: &'static str, allowed: &str) {
        self.ask(key);
        let what = format!("{key} is missing; {allowed}");
        let message = format!("{}{what}", self.label);
        self.faults.report_as(self.table.at, message, &what);
    }

    /// Reports those of `keys` that are missing.
    pub(super) fn require(&self, keys: &[&'static str], allowed: &str) {
        for key in keys {
            if !self.has(key) {
                self.missing(key, allowed);
            }
        }
    }

    /// The sections of an array of tables, each labelled with its number.
    pub(super) fn numbered(&self, key: &'static str) -> impl Iterator<Item = Section<'a>> {
        let (faults, label) = (self.faults, self.label.clone());
        let tables = self.tables(key).into_iter().enumerate();
        tables.map(move |(index, table)| {
            Section::new(faults, table, format!("{label}{key} {}: ", index + 1))
        })
    }

    /// The node behind a key.
    pub(super) fn node(&self, key: &'static str) -> Option<&'a Node> {
        self.ask(key);
        self.table.entries.get(key).map(|(_, node)| node)
    }

    /// Reads a key with `parse`, which says what is wrong and what is allowed.
    pub(super) fn read<T>(
        &self,
        key: &'static str,
        parse: impl FnOnce(&Value) -> Result<T, String>,
    ) -> Option<T> {
        match parse(&self.node(key)?.value) {
            Ok(value) => Some(value),
            Err(what) => {
                self.fault(key, &what);
                None
            }
        }
    }

    /// Any text.
    pub(super) fn text(&self, key: &'static str) -> Option<String> {
        self.read(key, |value| match value.text() {
            Some(text) => Ok(text.to_owned()),
            None => Err(format!("is {}; allowed: text in quotes", value.kind())),
        })
    }

    /// Text for people, of at most `chars_max` characters on one line.
    pub(super) fn words(&self, key: &'static str, chars_max: usize) -> Option<String> {
        let text = self.text(key)?;
        if text.chars().any(char::is_control) {
            self.fault(key, "holds a line break or another control character");
        } else if text.chars().nth(chars_max).is_some() {
            self.fault(key, &format!("is longer than {chars_max} characters"));
        } else {
            return Some(text);
        }
        None
    }

    /// A name of 1 to `bytes_max` letters, digits and the characters of `marks`.
    pub(super) fn name(&self, key: &'static str, bytes_max: usize, marks: &str) -> Option<String> {
        let text = self.text(key)?;
        let fits = (1..=bytes_max).contains(&text.len())
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || marks.contains(c));
        if fits {
            return Some(text);
        }
        let marks: Vec<String> = marks.chars().map(String::from).collect();
        let allowed = format!(
            "is not a name; allowed: 1 to {bytes_max} of A-Z a-z 0-9 {}",
            marks.join(" ")
        );
        self.fault(key, &allowed);
        None
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, key: &'static str) -> Option<bool> {
        self.read(key, flag)
    }

    /// A whole number within `range`.
    pub(super) fn integer(&self, key: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        self.read(key, |value| {
            let allowed = format!("{} to {}", range.start(), range.end());
            let number = match value {
                Value::Integer(number) => *number,
                Value::Cell(text) if text.chars().all(|c| c.is_ascii_digit() || c == '-') => {
                    text.parse().ok()
                }
                _ => return Err(format!("is not a whole number; allowed: {allowed}")),
            };
            number
                .and_then(|n| u64::try_from(n).ok())
                .filter(|n| range.contains(n))
                .ok_or_else(|| format!("is outside {allowed}"))
        })
    }

    /// A finite number.
    pub(super) fn number(&self, key: &'static str) -> Option<f64> {
        self.read(key, number)
    }

    /// A finite number within `range`.
    pub(super) fn number_in(&self, key: &'static str, range: RangeInclusive<f64>) -> Option<f64> {
        self.read(key, |value| {
            let number = number(value)?;
            if range.contains(&number) {
                Ok(number)
            } else {
                Err(format!("is outside {} to {}", range.start(), range.end()))
            }
        })
    }

    /// A duration within `range`.
    pub(super) fn duration(
        &self,
        key: &'static str,
        range: &RangeInclusive<Duration>,
    ) -> Option<Duration> {
        self.read(key, |value| duration(value, range))
    }

    /// A duration within `range`, or `"off"`.
    pub(super) fn duration_or_off(
        &self,
        key: &'static str,
        range: &RangeInclusive<Duration>,
    ) -> Option<Switch<Duration>> {
        self.duration_or("off", key, range)
    }

    /// A duration within `range`, or `word` for none.
    pub(super) fn duration_or(
        &self,
        word: &str,
        key: &'static str,
        range: &RangeInclusive<Duration>,
    ) -> Option<Switch<Duration>> {
        self.read(key, |value| {
            if value.text() == Some(word) {
                return Ok(Switch::Off);
            }
            duration(value, range)
                .map(Switch::On)
                .map_err(|what| format!("{what}, or \"{word}\""))
        })
    }

    /// A finite number, or `"off"`.
    pub(super) fn number_or_off(&self, key: &'static str) -> Option<Switch<f64>> {
        self.read(key, |value| {
            if value.text() == Some("off") {
                return Ok(Switch::Off);
            }
            number(value)
                .map(Switch::On)
                .map_err(|what| format!("{what}, or \"off\""))
        })
    }

    /// A size within `range`: text with a unit, or bytes as a whole number.
    pub(super) fn size(&self, key: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        self.read(key, |value| {
            let allowed = format!(
                "{} to {}",
                format_size(*range.start()),
                format_size(*range.end())
            );
            let bytes = match value {
                Value::Integer(bytes) => bytes.and_then(|n| u64::try_from(n).ok()),
                Value::Text(text) => Some(parse_size(text).ok_or_else(|| {
                    format!("is not a size; allowed: {allowed}, as \"500MB\", \"8MiB\" or \"4GiB\"")
                })?),
                _ => return Err(format!("is {}; allowed: {allowed}", value.kind())),
            };
            bytes
                .filter(|n| range.contains(n))
                .ok_or_else(|| format!("is outside {allowed}"))
        })
    }

    /// One of the named choices; `noun` completes "is not …".
    pub(super) fn choice<T: Copy>(
        &self,
        key: &'static str,
        noun: &str,
        choices: &[(&'static str, T)],
    ) -> Option<T> {
        self.read(key, |value| choose(value, noun, choices))
    }

    /// The items of a list of texts, each parsed; each wrong item is reported at its own place.
    pub(super) fn list<T>(
        &self,
        key: &'static str,
        parse: impl Fn(&Value) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let node = self.node(key)?;
        let Value::List(items) = &node.value else {
            let what = format!("is {}; allowed: a list in [ ]", node.value.kind());
            self.fault(key, &what);
            return None;
        };
        let mut parsed = Vec::with_capacity(items.len());
        for item in items {
            match parse(&item.value) {
                Ok(value) => parsed.push(value),
                Err(what) => {
                    let written = self.faults.quote(item.at);
                    let message = format!("{}{key}: {written} {what}", self.label);
                    let kind = format!("{key}: {what}");
                    self.faults.report_as(item.at, message, &kind);
                }
            }
        }
        Some(parsed)
    }

    /// The table behind a key, as a section of its own.
    pub(super) fn section(&self, key: &'static str) -> Option<Self> {
        let node = self.node(key)?;
        let Value::Table(table) = &node.value else {
            self.fault(key, &format!("is {}; allowed: a table", node.value.kind()));
            return None;
        };
        let label = if table.flat {
            self.label.clone()
        } else {
            format!("{}{key}.", self.label)
        };
        Some(Section::new(self.faults, table, label))
    }

    /// The tables of an array of tables.
    pub(super) fn tables(&self, key: &'static str) -> Vec<&'a Table> {
        let Some(node) = self.node(key) else {
            return Vec::new();
        };
        let items = match &node.value {
            Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let mut tables = Vec::with_capacity(items.len());
        for item in items {
            match &item.value {
                Value::Table(table) if matches!(node.value, Value::List(_)) => tables.push(table),
                other => {
                    let message = format!(
                        "{}{key} is {}; allowed: tables, each under [[{key}]]",
                        self.label,
                        other.kind()
                    );
                    self.faults.report(item.at, message);
                }
            }
        }
        tables
    }

    /// Every key and its place, for tables whose keys are free.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'a str, &'a Node)> {
        let table = self.table;
        table
            .entries
            .iter()
            .map(|(key, (_, node))| (key.as_str(), node))
    }

    /// Marks a key as known without reading it.
    pub(super) fn ask(&self, key: &'static str) {
        self.asked.borrow_mut().push(key);
    }

    /// Reports every key that nobody asked for, with the nearest known one.
    pub(super) fn finish(self) {
        let asked = self.asked.into_inner();
        for (key, (at, _)) in &self.table.entries {
            if asked.contains(&key.as_str()) {
                continue;
            }
            let shown: String = key
                .chars()
                .take(60)
                .flat_map(char::escape_default)
                .collect();
            let hint = did_you_mean(key, asked.iter().copied());
            let mut known = asked.clone();
            known.sort_unstable();
            known.dedup();
            let message = format!(
                "{}{shown} is not a known key{hint}; allowed: {}",
                self.label,
                known.join(", ")
            );
            self.faults.report(*at, message);
        }
    }
}

/// `true` or `false`, also from a cell.
pub(super) fn flag(value: &Value) -> Result<bool, String> {
    match value {
        Value::Flag(flag) => Ok(*flag),
        Value::Cell(text) if text == "true" => Ok(true),
        Value::Cell(text) if text == "false" => Ok(false),
        _ => Err("is not a switch; allowed: true, false".to_owned()),
    }
}

/// A finite number, also from a cell.
pub(super) fn number(value: &Value) -> Result<f64, String> {
    let number = match value {
        Value::Integer(Some(n)) => *n as f64,
        Value::Integer(None) => f64::INFINITY,
        Value::Float(x) => *x,
        Value::Cell(text) => match text.parse() {
            Ok(number) => number,
            Err(_) if text.contains(',') => {
                return Err("is not a number; write the decimal point as `.`".to_owned());
            }
            Err(_) => return Err("is not a number".to_owned()),
        },
        _ => return Err("is not a number".to_owned()),
    };
    if number.is_finite() {
        Ok(number)
    } else {
        Err("is not a finite number".to_owned())
    }
}

/// One of the named choices.
pub(super) fn choose<T: Copy>(
    value: &Value,
    noun: &str,
    choices: &[(&'static str, T)],
) -> Result<T, String> {
    let names = || choices.iter().map(|(name, _)| *name);
    let found = choices
        .iter()
        .find(|(name, _)| value.text() == Some(*name))
        .map(|(_, choice)| *choice);
    found.ok_or_else(|| {
        let hint = value
            .text()
            .map_or_else(String::new, |text| did_you_mean(text, names()));
        let allowed: Vec<&str> = names().collect();
        format!("is not {noun}; allowed: {}{hint}", allowed.join(", "))
    })
}

fn duration(value: &Value, range: &RangeInclusive<Duration>) -> Result<Duration, String> {
    let allowed = format!(
        "{} to {}",
        format_duration(*range.start()),
        format_duration(*range.end())
    );
    let text = match value {
        Value::Text(text) | Value::Cell(text) => text,
        Value::Integer(_) | Value::Float(_) => {
            return Err(format!(
                "has no unit; allowed: {allowed}, as \"250ms\", \"10s\", \"5min\", \"1h\" or \"7d\""
            ));
        }
        other => return Err(format!("is {}; allowed: {allowed}", other.kind())),
    };
    let duration = parse_duration(text).ok_or_else(|| {
        format!(
            "is not a duration; allowed: {allowed}, as \"250ms\", \"10s\", \"5min\", \"1h\" or \"7d\""
        )
    })?;
    if range.contains(&duration) {
        Ok(duration)
    } else {
        Err(format!("is outside {allowed}"))
    }
}

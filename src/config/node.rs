//! The tree that a configuration is read from: TOML tables and CSV lines in one shape, every key and value
//! with its place.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::{At, Faults};

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// Where the value stands.
    pub at: At,
    /// The value.
    pub value: Value,
}

/// A value as written.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// A TOML string.
    Text(String),
    /// A CSV cell: text that may stand for a number or a flag.
    Cell(String),
    /// An integer; `None` when it exceeds 128 bits.
    Integer(Option<i128>),
    /// A float, NaN and infinities included.
    Float(f64),
    /// `true` or `false`.
    Flag(bool),
    /// An array.
    List(Vec<Node>),
    /// A table.
    Table(Table),
    /// A date or time; no key holds one.
    Date,
}

impl Value {
    /// What it is, for messages.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) | Self::Cell(_) => "text",
            Self::Integer(_) | Self::Float(_) => "a number",
            Self::Flag(_) => "true or false",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Date => "a date",
        }
    }

    /// The text of a string or a cell.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Cell(text) => Some(text),
            _ => None,
        }
    }
}

/// A table and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Table {
    /// Where its header or brace stands.
    pub at: At,
    /// Key → place of the key and value.
    pub entries: BTreeMap<String, (At, Node)>,
    /// A CSV line: its groups are columns of one header, so messages name the column alone.
    pub flat: bool,
}

impl Table {
    /// A table with nothing in it, for one that is not there.
    pub(super) const fn empty(at: At) -> Self {
        Self {
            at,
            entries: BTreeMap::new(),
            flat: false,
        }
    }
}

/// Parses TOML into a tree. Syntax faults are reported, as many as the parser finds; then there is no tree.
pub(super) fn parse_toml(text: &str, number: usize, faults: &Faults) -> Option<Table> {
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let span = error.span().unwrap_or(text.len()..text.len());
        let at = At {
            text: number,
            start: span.start,
            end: span.end,
        };
        faults.report(at, format!("not valid TOML: {}", error.message()));
    }
    let start = At {
        text: number,
        start: 0,
        end: 0,
    };
    errors
        .is_empty()
        .then(|| table(document.get_ref(), start, number))
}

fn table(source: &DeTable<'_>, at: At, text: usize) -> Table {
    let entries = source
        .iter()
        .map(|(key, value)| {
            let key_at = place(text, key);
            (key.get_ref().to_string(), (key_at, node(value, text)))
        })
        .collect();
    Table {
        at,
        entries,
        flat: false,
    }
}

fn node(source: &Spanned<DeValue<'_>>, text: usize) -> Node {
    let at = place(text, source);
    let value = match source.get_ref() {
        DeValue::String(string) => Value::Text(string.to_string()),
        DeValue::Integer(n) => Value::Integer(i128::from_str_radix(n.as_str(), n.radix()).ok()),
        DeValue::Float(x) => Value::Float(x.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Datetime(_) => Value::Date,
        DeValue::Array(items) => Value::List(items.iter().map(|item| node(item, text)).collect()),
        DeValue::Table(inner) => Value::Table(table(inner, at, text)),
    };
    Node { at, value }
}

fn place<T>(text: usize, spanned: &Spanned<T>) -> At {
    let span = spanned.span();
    At {
        text,
        start: span.start,
        end: span.end,
    }
}

//! A cell as a value of its tag.

use super::number::parse_number;
use crate::config::{DataType, Tag};
use crate::model::{Quality, Reason, ShortText, TagId, Value};

/// What a tag's values look like in a recording: engineering values, after scaling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// A number; always a float, so that `5` and `5.0` are the same.
    Number,
    /// A counter or code: an integer, but a fraction is a number all the same.
    Integer,
    /// `true`, `false`, `1` or `0`.
    Bool,
    /// Text of at most 30 bytes.
    Text,
    /// The device decides (OPC UA): a number, `true` or `false`, or a text with a letter in it.
    Any,
}

impl Expected {
    /// What the values of this tag look like.
    pub(super) fn of(tag: &Tag) -> Self {
        match tag.data_type {
            DataType::Auto => Self::Any,
            DataType::Bool => Self::Bool,
            DataType::Text { .. } => Self::Text,
            DataType::F32(_) | DataType::F64(_) => Self::Number,
            _ if (tag.scale, tag.offset) == (1.0, 0.0) => Self::Integer,
            _ => Self::Number,
        }
    }

    /// Whether what reads as a number is a float.
    pub(super) const fn is_float(self) -> bool {
        matches!(self, Self::Number | Self::Any)
    }

    /// The value of a cell, or what is allowed in it.
    pub(super) fn value(self, text: &[u8], decimal_comma: bool) -> Result<Value, &'static str> {
        match self {
            Self::Number => parse_number(text, decimal_comma)
                .map(Value::Float)
                .ok_or("a number is allowed"),
            Self::Integer => integer(text)
                .or_else(|| parse_number(text, decimal_comma).map(Value::Float))
                .ok_or("a number is allowed"),
            Self::Bool => boolean(text)
                .or(match text {
                    b"1" => Some(Value::Bool(true)),
                    b"0" => Some(Value::Bool(false)),
                    _ => None,
                })
                .ok_or("true, false, 1 or 0 is allowed"),
            Self::Text => short(text).ok_or("text of at most 30 bytes is allowed"),
            Self::Any => parse_number(text, decimal_comma)
                .map(Value::Float)
                .or_else(|| boolean(text))
                .or_else(|| {
                    let is_word = text.first().is_some_and(u8::is_ascii_alphabetic);
                    if is_word { short(text) } else { None }
                })
                .ok_or("a number, true, false, or text that begins with a letter is allowed"),
        }
    }
}

/// Which tag a column belongs to and what its cells hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TagColumn {
    /// Which tag.
    pub tag: TagId,
    /// What its cells hold.
    pub expected: Expected,
}

/// The quality of a value that was recorded without one, or with a better one than it can have.
pub(super) fn quality_of(value: &Value, recorded: Quality) -> Quality {
    let is_number = match value {
        Value::Float(x) => x.is_finite(),
        Value::Missing => false,
        _ => true,
    };
    if is_number || recorded.is_bad() {
        recorded
    } else {
        Quality::Bad(Reason::NotANumber)
    }
}

fn integer(text: &[u8]) -> Option<Value> {
    std::str::from_utf8(text).ok()?.parse().ok().map(Value::Int)
}

fn boolean(text: &[u8]) -> Option<Value> {
    if text.eq_ignore_ascii_case(b"true") {
        return Some(Value::Bool(true));
    }
    text.eq_ignore_ascii_case(b"false")
        .then_some(Value::Bool(false))
}

/// A text, with doubled quotes made single; none when it is too long or not UTF-8.
fn short(text: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(text).ok()?;
    if text.contains("\"\"") {
        return ShortText::try_from(text.replace("\"\"", "\"").as_str())
            .ok()
            .map(Value::Text);
    }
    ShortText::try_from(text).ok().map(Value::Text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(expected: Expected, text: &str, value: impl Into<Option<Value>>) {
        assert_eq!(
            expected.value(text.as_bytes(), false).ok(),
            value.into(),
            "{expected:?} {text:?}"
        );
    }

    fn text(text: &str) -> Value {
        Value::Text(text.try_into().unwrap())
    }

    #[test]
    fn a_cell_is_read_as_its_tag_says() {
        use Expected::{Any, Bool, Integer, Number, Text};
        check(Number, "5", Some(Value::Float(5.0)));
        check(Number, "true", None);
        check(Integer, "5", Some(Value::Int(5)));
        check(Integer, "5.5", Some(Value::Float(5.5)));
        check(Integer, "x", None);
        check(Bool, "TRUE", Some(Value::Bool(true)));
        check(Bool, "0", Some(Value::Bool(false)));
        check(Bool, "1", Some(Value::Bool(true)));
        check(Bool, "2", None);
        check(Text, "P-100", text("P-100"));
        check(Text, "a \"\"b\"\"", text("a \"b\""));
        check(Text, "42", text("42"));
        check(Text, &"x".repeat(31), None);
        check(Any, "5", Some(Value::Float(5.0)));
        check(Any, "false", Some(Value::Bool(false)));
        check(Any, "P-100", text("P-100"));
        check(Any, "#N/A", None);
        check(Any, "12,5", None);
    }

    #[test]
    fn no_number_is_never_good() {
        let bad = Quality::Bad(Reason::NotANumber);
        assert_eq!(quality_of(&Value::Float(f64::NAN), Quality::Good), bad);
        assert_eq!(quality_of(&Value::Missing, Quality::Good), bad);
        let down = Quality::Bad(Reason::CommFailure);
        assert_eq!(quality_of(&Value::Missing, down), down);
        assert_eq!(quality_of(&Value::Float(1.0), Quality::Good), Quality::Good);
    }
}

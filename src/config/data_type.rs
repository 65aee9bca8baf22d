//! `type` and `order` of a tag: names, lengths, ranges.

use super::nearest::did_you_mean;
use super::types::{ByteOrder, DataType};

/// Longest text value, in bytes; what [`crate::model::ShortText`] holds.
const TEXT_BYTES_MAX: u8 = 30;

/// Types with a fixed name; byte order as if none were written.
const NAMED: [(&str, DataType); 12] = [
    ("auto", DataType::Auto),
    ("bool", DataType::Bool),
    ("u16", DataType::U16),
    ("i16", DataType::I16),
    ("u32", DataType::U32(ByteOrder::Abcd)),
    ("i32", DataType::I32(ByteOrder::Abcd)),
    ("u64", DataType::U64(ByteOrder::Abcd)),
    ("i64", DataType::I64(ByteOrder::Abcd)),
    ("f32", DataType::F32(ByteOrder::Abcd)),
    ("f64", DataType::F64(ByteOrder::Abcd)),
    ("bcd16", DataType::Bcd16),
    ("bcd32", DataType::Bcd32(ByteOrder::Abcd)),
];

/// The byte orders by name.
pub(super) const ORDERS: [(&str, ByteOrder); 4] = [
    ("ABCD", ByteOrder::Abcd),
    ("CDAB", ByteOrder::Cdab),
    ("BADC", ByteOrder::Badc),
    ("DCBA", ByteOrder::Dcba),
];

/// Parses a type, byte order `ABCD`; the error says what is allowed.
pub(super) fn parse_type(text: &str) -> Result<DataType, String> {
    if let Some(length) = text.strip_prefix("string:") {
        let plain = length.bytes().all(|b| b.is_ascii_digit());
        let bytes = length
            .parse()
            .ok()
            .filter(|n| plain && (1..=TEXT_BYTES_MAX).contains(n));
        return bytes
            .map(|bytes| DataType::Text {
                bytes,
                swapped: false,
            })
            .ok_or_else(|| format!("has a length outside 1 to {TEXT_BYTES_MAX} bytes"));
    }
    let found = NAMED.iter().find(|(name, _)| *name == text);
    found.map(|(_, data_type)| *data_type).ok_or_else(|| {
        let hint = did_you_mean(text, NAMED.map(|(name, _)| name));
        format!("is not a type; {}{hint}", allowed())
    })
}

/// `allowed: bool, u16, …`
pub(super) fn allowed() -> String {
    let names: Vec<&str> = NAMED
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| *name != "auto")
        .collect();
    format!("allowed: {}, string:N", names.join(", "))
}

/// The type with a byte order; the error says why it has none.
pub(super) fn with_order(data_type: DataType, order: ByteOrder) -> Result<DataType, String> {
    Ok(match data_type {
        DataType::U32(_) => DataType::U32(order),
        DataType::I32(_) => DataType::I32(order),
        DataType::U64(_) => DataType::U64(order),
        DataType::I64(_) => DataType::I64(order),
        DataType::F32(_) => DataType::F32(order),
        DataType::F64(_) => DataType::F64(order),
        DataType::Bcd32(_) => DataType::Bcd32(order),
        DataType::Text { bytes, .. } => match order {
            ByteOrder::Abcd => DataType::Text {
                bytes,
                swapped: false,
            },
            ByteOrder::Badc | ByteOrder::Dcba => DataType::Text {
                bytes,
                swapped: true,
            },
            ByteOrder::Cdab => {
                return Err("has no meaning for text; allowed: ABCD, BADC (bytes swapped)".into());
            }
        },
        DataType::Auto | DataType::Bool | DataType::U16 | DataType::I16 | DataType::Bcd16 => {
            return Err(format!(
                "has no meaning for type \"{}\", which fills one register at most; remove it",
                type_name(data_type)
            ));
        }
    })
}

/// The name used in config, without byte order.
pub fn type_name(data_type: DataType) -> String {
    let name = match data_type {
        DataType::Auto => "auto",
        DataType::Bool => "bool",
        DataType::U16 => "u16",
        DataType::I16 => "i16",
        DataType::U32(_) => "u32",
        DataType::I32(_) => "i32",
        DataType::U64(_) => "u64",
        DataType::I64(_) => "i64",
        DataType::F32(_) => "f32",
        DataType::F64(_) => "f64",
        DataType::Bcd16 => "bcd16",
        DataType::Bcd32(_) => "bcd32",
        DataType::Text { bytes, .. } => return format!("string:{bytes}"),
    };
    name.to_owned()
}

/// How many registers a value fills; 1 for a bit.
pub(crate) const fn registers(data_type: DataType) -> u16 {
    match data_type {
        DataType::Auto | DataType::Bool | DataType::U16 | DataType::I16 | DataType::Bcd16 => 1,
        DataType::U32(_) | DataType::I32(_) | DataType::F32(_) | DataType::Bcd32(_) => 2,
        DataType::U64(_) | DataType::I64(_) | DataType::F64(_) => 4,
        DataType::Text { bytes, .. } => (bytes as u16).div_ceil(2),
    }
}

/// Smallest and largest raw value; `None` when the type says nothing about it or is not a number.
pub(super) fn raw_range(data_type: DataType) -> Option<(f64, f64)> {
    Some(match data_type {
        DataType::U16 => (0.0, f64::from(u16::MAX)),
        DataType::I16 => (f64::from(i16::MIN), f64::from(i16::MAX)),
        DataType::U32(_) => (0.0, f64::from(u32::MAX)),
        DataType::I32(_) => (f64::from(i32::MIN), f64::from(i32::MAX)),
        DataType::U64(_) => (0.0, u64::MAX as f64),
        DataType::I64(_) => (i64::MIN as f64, i64::MAX as f64),
        DataType::F32(_) => (f64::from(f32::MIN), f64::from(f32::MAX)),
        DataType::Bcd16 => (0.0, 9_999.0),
        DataType::Bcd32(_) => (0.0, 99_999_999.0),
        DataType::Auto | DataType::Bool | DataType::F64(_) | DataType::Text { .. } => return None,
    })
}

/// Whether values of the type are measured or counted: they have a scale, a range, and can be charted.
pub(super) const fn is_numeric(data_type: DataType) -> bool {
    !matches!(data_type, DataType::Bool | DataType::Text { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<DataType>) {
        assert_eq!(parse_type(text).ok(), expected, "{text:?}");
    }

    #[test]
    fn types_are_named() {
        for (name, data_type) in NAMED {
            check(name, Some(data_type));
            assert_eq!(type_name(data_type), name);
        }
        let text = |bytes| DataType::Text {
            bytes,
            swapped: false,
        };
        check("string:1", Some(text(1)));
        check("string:30", Some(text(30)));
        assert_eq!(type_name(text(12)), "string:12");
        check("string:0", None);
        check("string:31", None);
        check("string:+3", None);
        check("string:", None);
        check("string", None);
        check("U16", None);
        check("", None);
        assert!(
            parse_type("f33")
                .unwrap_err()
                .ends_with("(did you mean \"f32\"?)")
        );
    }

    #[test]
    fn only_values_over_several_registers_have_an_order() {
        for (name, data_type) in NAMED {
            let ordered = with_order(data_type, ByteOrder::Dcba);
            assert_eq!(ordered.is_ok(), registers(data_type) > 1, "{name}");
            if let Ok(ordered) = ordered {
                assert_ne!(ordered, data_type);
                assert_eq!(type_name(ordered), name);
            }
        }
    }

    #[test]
    fn text_is_swapped_within_registers_only() {
        let text = |swapped| DataType::Text { bytes: 5, swapped };
        let check = |order, expected| assert_eq!(with_order(text(false), order).ok(), expected);
        check(ByteOrder::Abcd, Some(text(false)));
        check(ByteOrder::Badc, Some(text(true)));
        check(ByteOrder::Dcba, Some(text(true)));
        check(ByteOrder::Cdab, None);
        assert_eq!(registers(text(false)), 3);
    }

    #[test]
    fn numbers_have_a_raw_range() {
        for (name, data_type) in NAMED {
            if let Some((low, high)) = raw_range(data_type) {
                assert!(low < high && is_numeric(data_type), "{name}");
            }
        }
        assert_eq!(raw_range(DataType::U16), Some((0.0, 65_535.0)));
        assert!(!is_numeric(DataType::Bool));
    }
}

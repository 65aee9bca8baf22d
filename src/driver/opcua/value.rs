//! From an OPC UA value to the plant's value: type, sentinel, scale. Pure.
//!
//! Order: the server's type is checked against the declared one, sentinels are compared with the raw value, then
//! `raw * scale + offset` is applied. A value that would lose information is Bad, never bent to fit.

use opcua::types::Variant;

use crate::config::{DataType, Tag};
use crate::model::{Quality, Reason, ShortText, Value};

/// What a variant means for a tag, or why it means nothing.
pub(super) fn value_of(variant: &Variant, tag: &Tag) -> Result<Value, Reason> {
    let raw = plain(variant).ok_or(Reason::TypeMismatch)?;
    let raw = declared(raw, tag.data_type).ok_or(Reason::TypeMismatch)?;
    match raw {
        Value::Float(x) => measured(x, tag),
        Value::Int(n) => counted(n, tag),
        Value::Bool(_) | Value::Text(_) | Value::Missing => Ok(raw),
    }
}

/// The value and quality of a sample whose server status is at best `quality`.
pub(super) fn judged(variant: Option<&Variant>, tag: &Tag, quality: Quality) -> (Value, Quality) {
    if quality.is_bad() {
        return (Value::Missing, quality);
    }
    match variant {
        None | Some(Variant::Empty) => (Value::Missing, Quality::Bad(Reason::Unspecified)),
        Some(variant) => match value_of(variant, tag) {
            Ok(value) => (value, quality),
            Err(reason) => (Value::Missing, Quality::Bad(reason)),
        },
    }
}

fn measured(x: f64, tag: &Tag) -> Result<Value, Reason> {
    if !x.is_finite() || is_sentinel(x, tag) {
        return Err(Reason::NotANumber);
    }
    let scaled = x.mul_add(tag.scale, tag.offset);
    if scaled.is_finite() {
        Ok(Value::Float(scaled))
    } else {
        Err(Reason::NotANumber)
    }
}

/// An unscaled integer stays one, so that counters keep their last digit.
fn counted(n: i64, tag: &Tag) -> Result<Value, Reason> {
    #[expect(
        clippy::cast_precision_loss,
        reason = "sentinels and scaled counts live far below 2^53"
    )]
    let x = n as f64;
    if is_sentinel(x, tag) {
        return Err(Reason::NotANumber);
    }
    #[expect(
        clippy::float_cmp,
        reason = "exactly the configured defaults mean: not scaled"
    )]
    let unscaled = tag.scale == 1.0 && tag.offset == 0.0;
    if unscaled {
        return Ok(Value::Int(n));
    }
    measured(x, tag)
}

#[expect(
    clippy::float_cmp,
    reason = "a sentinel is an exact bit pattern, not a measured quantity"
)]
fn is_sentinel(x: f64, tag: &Tag) -> bool {
    tag.sentinels
        .iter()
        .any(|s| *s == x || (s.is_nan() && x.is_nan()))
}

/// The value as the server holds it; `None` for arrays, structures and types without a plant meaning.
fn plain(variant: &Variant) -> Option<Value> {
    Some(match variant {
        Variant::Boolean(b) => Value::Bool(*b),
        Variant::SByte(n) => Value::Int(i64::from(*n)),
        Variant::Byte(n) => Value::Int(i64::from(*n)),
        Variant::Int16(n) => Value::Int(i64::from(*n)),
        Variant::UInt16(n) => Value::Int(i64::from(*n)),
        Variant::Int32(n) => Value::Int(i64::from(*n)),
        Variant::UInt32(n) => Value::Int(i64::from(*n)),
        Variant::Int64(n) => Value::Int(*n),
        Variant::UInt64(n) => wide(*n),
        Variant::Float(x) => Value::Float(f64::from(*x)),
        Variant::Double(x) => Value::Float(*x),
        Variant::String(text) => Value::Text(short(text.as_ref())),
        Variant::LocalizedText(text) => Value::Text(short(text.text.as_ref())),
        Variant::ByteString(bytes) => Value::Text(short(&String::from_utf8_lossy(
            bytes.value.as_deref().unwrap_or_default(),
        ))),
        Variant::DateTime(time) => Value::Int(super::time::timestamp(time).as_millis()),
        Variant::Variant(inner) => return plain(inner),
        _ => return None,
    })
}

/// An unsigned 64-bit value beyond `i64` is kept as the nearest float: magnitude matters more than its last digits.
#[expect(
    clippy::cast_precision_loss,
    reason = "only values above 2^63 come here; they have no exact form in the plant's types"
)]
fn wide(n: u64) -> Value {
    i64::try_from(n).map_or(Value::Float(n as f64), Value::Int)
}

/// The longest prefix of whole characters that fits a short text.
fn short(text: &str) -> ShortText {
    let mut out = ShortText::new();
    for c in text.trim_end_matches('\0').chars() {
        if out.push(c).is_err() {
            break;
        }
    }
    out
}

/// The value as the declared type; `None` when that would lose information.
fn declared(value: Value, data_type: DataType) -> Option<Value> {
    let fits = |low: i64, high: i64| whole(&value).filter(|n| (low..=high).contains(n));
    match data_type {
        DataType::Auto => Some(value),
        DataType::Bool => truth(&value).map(Value::Bool),
        DataType::U16 => fits(0, i64::from(u16::MAX)).map(Value::Int),
        DataType::I16 => fits(i64::from(i16::MIN), i64::from(i16::MAX)).map(Value::Int),
        DataType::Bcd16 => fits(0, 9_999).map(Value::Int),
        DataType::U32(_) => fits(0, i64::from(u32::MAX)).map(Value::Int),
        DataType::I32(_) => fits(i64::from(i32::MIN), i64::from(i32::MAX)).map(Value::Int),
        DataType::Bcd32(_) => fits(0, 99_999_999).map(Value::Int),
        DataType::U64(_) => fits(0, i64::MAX).map(Value::Int).or(beyond_i64(value)),
        DataType::I64(_) => fits(i64::MIN, i64::MAX).map(Value::Int),
        DataType::F32(_) | DataType::F64(_) => value.as_f64().map(Value::Float),
        DataType::Text { .. } => match value {
            Value::Text(_) => Some(value),
            _ => None,
        },
    }
}

/// What [`wide`] makes of an unsigned 64-bit value that `i64` does not hold: from 2^63 to 2^64.
fn beyond_i64(value: Value) -> Option<Value> {
    const HALF: f64 = (1_u64 << 63) as f64;
    Some(value).filter(|v| matches!(v, Value::Float(x) if (HALF..=2.0 * HALF).contains(x)))
}

/// The value as an integer when it is exactly one.
fn whole(value: &Value) -> Option<i64> {
    /// 2^53: beyond it not every integer is a double.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Int(n) => Some(*n),
        Value::Bool(b) => Some(i64::from(*b)),
        Value::Float(x) if x.abs() <= EXACT && x.fract().abs() < f64::MIN_POSITIVE =>
        {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "checked: whole and within 2^53"
            )]
            Some(*x as i64)
        }
        Value::Float(_) | Value::Text(_) | Value::Missing => None,
    }
}

fn truth(value: &Value) -> Option<bool> {
    match whole(value)? {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use opcua::types::{ByteString, DateTime, LocalizedText, StatusCode, UAString};
    use proptest::prelude::*;

    use super::super::testing::tag;
    use super::*;
    use crate::config::ByteOrder;

    fn typed(data_type: DataType) -> Tag {
        Tag {
            data_type,
            ..tag("ns=2;s=x")
        }
    }

    fn text(s: &str) -> Value {
        Value::Text(s.parse().unwrap())
    }

    #[track_caller]
    #[expect(clippy::needless_pass_by_value, reason = "keeps the cases to one line")]
    fn check(variant: impl Into<Variant>, expected: Result<Value, Reason>) {
        let variant = variant.into();
        assert_eq!(
            value_of(&variant, &tag("ns=2;s=x")),
            expected,
            "{variant:?}"
        );
    }

    #[test]
    fn every_scalar_type_has_a_value() {
        check(true, Ok(Value::Bool(true)));
        check(-5_i8, Ok(Value::Int(-5)));
        check(250_u8, Ok(Value::Int(250)));
        check(-300_i16, Ok(Value::Int(-300)));
        check(60_000_u16, Ok(Value::Int(60_000)));
        check(-70_000_i32, Ok(Value::Int(-70_000)));
        check(4_000_000_000_u32, Ok(Value::Int(4_000_000_000)));
        check(i64::MIN, Ok(Value::Int(i64::MIN)));
        check(42_u64, Ok(Value::Int(42)));
        check(u64::MAX, Ok(Value::Float(18_446_744_073_709_552_000.0)));
        check(1.5_f32, Ok(Value::Float(1.5)));
        check(-2.25_f64, Ok(Value::Float(-2.25)));
        check("running", Ok(text("running")));
        check(LocalizedText::new("de", "läuft"), Ok(text("läuft")));
        check(ByteString::from(b"AB\0\0"), Ok(text("AB")));
        check(
            DateTime::ymd_hms(2026, 3, 1, 6, 0, 0),
            Ok(Value::Int(1_772_344_800_000)),
        );
        check(
            Variant::Variant(Box::new(Variant::from(7_u16))),
            Ok(Value::Int(7)),
        );
        check(Variant::String(UAString::null()), Ok(text("")));
    }

    #[test]
    fn arrays_and_structures_are_a_type_mismatch() {
        check(vec![1_i32, 2], Err(Reason::TypeMismatch));
        check(
            Variant::StatusCode(StatusCode::Good),
            Err(Reason::TypeMismatch),
        );
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        check("ä".repeat(40).as_str(), Ok(text(&"ä".repeat(15))));
        check("x".repeat(40).as_str(), Ok(text(&"x".repeat(30))));
        check(
            format!("{}ä", "x".repeat(29)).as_str(),
            Ok(text(&"x".repeat(29))),
        );
    }

    #[test]
    fn what_is_not_a_number_is_bad() {
        check(f64::NAN, Err(Reason::NotANumber));
        check(f64::INFINITY, Err(Reason::NotANumber));
        check(f32::NEG_INFINITY, Err(Reason::NotANumber));
    }

    #[test]
    fn sentinels_are_compared_before_scaling() {
        let tag = Tag {
            scale: 0.1,
            sentinels: vec![-9999.0],
            ..tag("ns=2;s=x")
        };
        assert_eq!(
            value_of(&Variant::from(-9999.0), &tag),
            Err(Reason::NotANumber)
        );
        assert_eq!(
            value_of(&Variant::from(-9999_i16), &tag),
            Err(Reason::NotANumber)
        );
        assert!(value_of(&Variant::from(-9998_i16), &tag).is_ok());
    }

    #[test]
    fn scaling_makes_floats_and_leaves_plain_counters_alone() {
        let scaled = Tag {
            scale: 0.5,
            offset: 10.0,
            ..tag("ns=2;s=x")
        };
        assert_eq!(
            value_of(&Variant::from(4_u16), &scaled),
            Ok(Value::Float(12.0))
        );
        assert_eq!(
            value_of(
                &Variant::from(f64::MAX),
                &Tag {
                    scale: 10.0,
                    ..scaled
                }
            ),
            Err(Reason::NotANumber)
        );
        check(
            9_007_199_254_740_993_i64,
            Ok(Value::Int(9_007_199_254_740_993)),
        );
    }

    #[track_caller]
    #[expect(clippy::needless_pass_by_value, reason = "keeps the cases to one line")]
    fn check_declared(variant: impl Into<Variant>, as_type: DataType, expected: Option<Value>) {
        let variant = variant.into();
        assert_eq!(
            value_of(&variant, &typed(as_type)).ok(),
            expected,
            "{variant:?} as {as_type:?}"
        );
    }

    /// Exactly the integers from `low` to `high` are of this type.
    #[track_caller]
    fn check_range(as_type: DataType, low: i64, high: i64) {
        for n in [low, high] {
            check_declared(n, as_type, Some(Value::Int(n)));
        }
        let outside = [low.checked_sub(1), high.checked_add(1)];
        for n in outside.into_iter().flatten() {
            check_declared(n, as_type, None);
        }
    }

    #[test]
    fn a_declared_integer_holds_its_range_and_nothing_else() {
        let order = ByteOrder::Abcd;
        check_range(DataType::U16, 0, 65_535);
        check_range(DataType::I16, -32_768, 32_767);
        check_range(DataType::Bcd16, 0, 9_999);
        check_range(DataType::U32(order), 0, 4_294_967_295);
        check_range(DataType::I32(order), -2_147_483_648, 2_147_483_647);
        check_range(DataType::Bcd32(order), 0, 99_999_999);
        check_range(DataType::U64(order), 0, i64::MAX);
        check_range(DataType::I64(order), i64::MIN, i64::MAX);
    }

    #[test]
    fn a_u64_beyond_i64_is_the_nearest_float_declared_or_not_as_on_modbus() {
        let (declared, half, whole) = (
            DataType::U64(ByteOrder::Abcd),
            1_u64 << 63,
            1.844_674_407_370_955_2e19,
        );
        for as_type in [DataType::Auto, declared] {
            check_declared(half, as_type, Some(Value::Float(whole / 2.0)));
            check_declared(u64::MAX, as_type, Some(Value::Float(whole)));
        }
        check_declared(half, DataType::I64(ByteOrder::Abcd), None);
        check_declared(whole * 1.01, declared, None);
        check_declared(-whole, declared, None);
    }

    #[test]
    fn a_declared_type_accepts_only_what_it_can_hold() {
        let order = ByteOrder::Abcd;
        check_declared(1_u16, DataType::Bool, Some(Value::Bool(true)));
        check_declared(false, DataType::Bool, Some(Value::Bool(false)));
        check_declared(2_u16, DataType::Bool, None);
        check_declared(2.0_f64, DataType::I32(order), Some(Value::Int(2)));
        check_declared(2.5_f64, DataType::I32(order), None);
        check_declared(f64::NAN, DataType::I32(order), None);
        check_declared(3_u16, DataType::F32(order), Some(Value::Float(3.0)));
        check_declared(0.1_f64, DataType::F64(order), Some(Value::Float(0.1)));
        check_declared("7", DataType::F64(order), None);
        let text_type = DataType::Text {
            bytes: 30,
            swapped: false,
        };
        check_declared("P-7", text_type, Some(text("P-7")));
        check_declared(7_u16, text_type, None);
        check_declared("true", DataType::Bool, None);
    }

    #[test]
    fn a_bad_status_hides_the_value_and_an_uncertain_one_keeps_it() {
        let tag = tag("ns=2;s=x");
        let one = Variant::from(1.0);
        let lost = Quality::Bad(Reason::SensorFailure);
        assert_eq!(judged(Some(&one), &tag, lost), (Value::Missing, lost));
        let held = Quality::Uncertain(Reason::LastKnown);
        assert_eq!(judged(Some(&one), &tag, held), (Value::Float(1.0), held));
        let none = (Value::Missing, Quality::Bad(Reason::Unspecified));
        assert_eq!(judged(None, &tag, Quality::Good), none);
        assert_eq!(judged(Some(&Variant::Empty), &tag, Quality::Good), none);
        assert_eq!(
            judged(Some(&Variant::from(f64::NAN)), &tag, Quality::Good),
            (Value::Missing, Quality::Bad(Reason::NotANumber))
        );
    }

    proptest! {
        #[test]
        fn any_text_becomes_valid_text_of_at_most_30_bytes(s in ".*") {
            let Ok(Value::Text(out)) = value_of(&Variant::from(s.as_str()), &tag("ns=2;s=x")) else {
                panic!("text stays text");
            };
            prop_assert!(s.starts_with(out.as_str()));
            prop_assert!(out.len() > 26 || out.len() == s.trim_end_matches('\0').len());
        }

        #[test]
        fn a_good_number_is_always_finite(x in any::<f64>(), scale in -1e6..1e6_f64) {
            let tag = Tag { scale, ..tag("ns=2;s=x") };
            if let Ok(Value::Float(y)) = value_of(&Variant::from(x), &tag) {
                prop_assert!(y.is_finite());
            }
        }
    }
}

//! Readings to OPC UA values.

use opcua::types::{DataTypeId, DataValue, DateTime, StatusCode, TimestampsToReturn, Variant};

use crate::plant::{Reading, Status, Value};
use crate::scenario::{DataType, Signal};

/// 100 ns ticks from 1601-01-01 to 1970-01-01 (OPC UA Part 6, 5.2.2.5).
const UNIX_EPOCH_TICKS: i64 = 116_444_736_000_000_000;

/// Nanoseconds since 1970-01-01 UTC as an OPC UA time.
pub(super) fn time(at_ns: i64) -> DateTime {
    DateTime::from(at_ns / 100 + UNIX_EPOCH_TICKS)
}

/// The status code of a reading.
pub(super) const fn status(status: Status) -> StatusCode {
    match status {
        Status::Good => StatusCode::Good,
        Status::UncertainLastUsable => StatusCode::UncertainLastUsableValue,
        Status::BadSensorFailure => StatusCode::BadSensorFailure,
        Status::BadNoCommunication => StatusCode::BadNoCommunication,
        Status::BadNotConnected => StatusCode::BadNotConnected,
        Status::BadOutOfService => StatusCode::BadOutOfService,
    }
}

/// The OPC UA type of a signal. BCD does not occur: a scenario cannot put it on OPC UA.
pub(super) const fn data_type(data_type: DataType) -> DataTypeId {
    match data_type {
        DataType::Bool => DataTypeId::Boolean,
        DataType::U16 | DataType::Bcd16 => DataTypeId::UInt16,
        DataType::I16 => DataTypeId::Int16,
        DataType::U32 | DataType::Bcd32 => DataTypeId::UInt32,
        DataType::I32 => DataTypeId::Int32,
        DataType::U64 => DataTypeId::UInt64,
        DataType::I64 => DataTypeId::Int64,
        DataType::F32 => DataTypeId::Float,
        DataType::F64 => DataTypeId::Double,
        DataType::Text(_) => DataTypeId::String,
    }
}

/// A value in the signal's type; what does not fit is held at the end of the range.
pub(super) fn variant(signal: &Signal, value: &Value) -> Variant {
    if let Value::Text(text) = value {
        return Variant::from(&**text);
    }
    let raw = match value {
        Value::Count(count) => {
            return whole(signal.data_type, i128::from(*count));
        }
        other => (other.as_f64().unwrap_or(0.0) - signal.offset) / signal.scale,
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a float cast holds at the ends"
    )]
    match signal.data_type {
        DataType::Bool => Variant::Boolean(raw != 0.0),
        DataType::F32 => Variant::Float(raw as f32),
        DataType::F64 => Variant::Double(raw),
        other => whole(other, raw.round() as i128),
    }
}

fn whole(data_type: DataType, raw: i128) -> Variant {
    fn held<T: TryFrom<i128>>(raw: i128, low: T, high: T) -> T {
        let end = if raw < 0 { low } else { high };
        T::try_from(raw).unwrap_or(end)
    }
    match data_type {
        DataType::Bool => Variant::Boolean(raw != 0),
        DataType::U16 | DataType::Bcd16 => Variant::UInt16(held(raw, u16::MIN, u16::MAX)),
        DataType::I16 => Variant::Int16(held(raw, i16::MIN, i16::MAX)),
        DataType::U32 | DataType::Bcd32 => Variant::UInt32(held(raw, u32::MIN, u32::MAX)),
        DataType::I32 => Variant::Int32(held(raw, i32::MIN, i32::MAX)),
        DataType::U64 => Variant::UInt64(held(raw, u64::MIN, u64::MAX)),
        DataType::I64 => Variant::Int64(held(raw, i64::MIN, i64::MAX)),
        DataType::F32 => Variant::Float(raw as f32),
        DataType::F64 => Variant::Double(raw as f64),
        DataType::Text(_) => Variant::from(raw.to_string()),
    }
}

/// The engineering value that a client wrote; none if it is no number.
pub(super) fn written(signal: &Signal, value: &Variant) -> Option<f64> {
    let raw = match value {
        Variant::UInt16(raw) => f64::from(*raw),
        Variant::Int16(raw) => f64::from(*raw),
        Variant::UInt32(raw) => f64::from(*raw),
        Variant::Int32(raw) => f64::from(*raw),
        Variant::UInt64(raw) => *raw as f64,
        Variant::Int64(raw) => *raw as f64,
        Variant::Float(raw) => f64::from(*raw),
        Variant::Double(raw) => *raw,
        _ => return None,
    };
    Some(raw * signal.scale + signal.offset).filter(|value| value.is_finite())
}

/// A reading as a data value; a bad one carries no value.
pub(super) fn data_value(
    signal: &Signal,
    reading: &Reading,
    source_ns: i64,
    wanted: TimestampsToReturn,
) -> DataValue {
    let source = matches!(
        wanted,
        TimestampsToReturn::Source | TimestampsToReturn::Both
    );
    let server = matches!(
        wanted,
        TimestampsToReturn::Server | TimestampsToReturn::Both
    );
    DataValue {
        value: (!reading.status.is_bad()).then(|| variant(signal, &reading.value)),
        status: Some(status(reading.status)),
        source_timestamp: source.then(|| time(source_ns)),
        server_timestamp: server.then(DateTime::now),
        ..DataValue::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_epoch_is_1970() {
        assert_eq!(time(0).to_rfc3339(), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn whole_numbers_are_held_at_the_ends_of_their_type() {
        assert_eq!(whole(DataType::U16, -1), Variant::UInt16(0));
        assert_eq!(whole(DataType::U16, 70_000), Variant::UInt16(u16::MAX));
        assert_eq!(whole(DataType::I16, -70_000), Variant::Int16(i16::MIN));
        assert_eq!(
            whole(DataType::U64, i128::from(u64::MAX)),
            Variant::UInt64(u64::MAX)
        );
        assert_eq!(whole(DataType::I64, -5), Variant::Int64(-5));
        assert_eq!(whole(DataType::F64, 3), Variant::Double(3.0));
    }
}

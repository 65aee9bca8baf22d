//! Values to registers and back.

use crate::plant::{Reading, Value};
use crate::scenario::{ByteOrder, DataType, Signal};

/// Longest value in bytes: a text of 30.
const MAX_BYTES: usize = 30;

/// The bytes of a value in register order: two per register, as they stand on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Raw {
    bytes: [u8; MAX_BYTES],
    len: usize,
}

impl Raw {
    fn new(value: &[u8]) -> Self {
        let mut bytes = [0; MAX_BYTES];
        let len = value.len().min(MAX_BYTES);
        for (slot, byte) in bytes.iter_mut().zip(value) {
            *slot = *byte;
        }
        Self { bytes, len }
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&[])
    }

    /// The registers.
    pub fn registers(&self) -> impl Iterator<Item = u16> {
        self.as_bytes().chunks_exact(2).filter_map(|pair| {
            let pair: [u8; 2] = pair.try_into().ok()?;
            Some(u16::from_be_bytes(pair))
        })
    }
}

/// The registers that show a reading of a signal; a reading without a sound measurement shows the
/// type's sentinel (NaN, the extreme of the range, digits that are none).
pub fn encode(signal: &Signal, reading: &Reading) -> Raw {
    if reading.status.is_bad()
        && let Some(raw) = lost(signal)
    {
        return raw;
    }
    match &reading.value {
        Value::Text(text) => text_bytes(text, signal),
        Value::Count(count) => integer(i128::from(*count), signal),
        Value::Flag(flag) => integer(i128::from(*flag), signal),
        Value::Number(number) => number_bytes((number - signal.offset) / signal.scale, signal),
    }
}

/// What "no measurement" looks like; none for bits and texts, which just stand still.
fn lost(signal: &Signal) -> Option<Raw> {
    Some(match signal.data_type {
        DataType::Bool | DataType::Text(_) => return None,
        DataType::Bcd16 => Raw::new(&[0xff; 2]),
        DataType::Bcd32 => Raw::new(&[0xff; 4]),
        DataType::U64 => ordered(u64::MAX.to_be_bytes(), signal.order),
        DataType::I64 => ordered(i64::MIN.to_be_bytes(), signal.order),
        other => number_bytes(other.sentinel()?, signal),
    })
}

/// A raw number in the signal's type; what does not fit is held at the end of the range.
fn number_bytes(raw: f64, signal: &Signal) -> Raw {
    match signal.data_type {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the device has single precision"
        )]
        DataType::F32 => ordered((raw as f32).to_be_bytes(), signal.order),
        DataType::F64 => ordered(raw.to_be_bytes(), signal.order),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a float cast holds at the ends"
        )]
        _ => integer(raw.round() as i128, signal),
    }
}

fn integer(raw: i128, signal: &Signal) -> Raw {
    fn held<T: TryFrom<i128>>(raw: i128, low: T, high: T) -> T {
        let end = if raw < 0 { low } else { high };
        T::try_from(raw).unwrap_or(end)
    }
    let order = signal.order;
    match signal.data_type {
        DataType::Bool => ordered(u16::from(raw != 0).to_be_bytes(), order),
        DataType::U16 => ordered(held(raw, u16::MIN, u16::MAX).to_be_bytes(), ByteOrder::Abcd),
        DataType::I16 => ordered(held(raw, i16::MIN, i16::MAX).to_be_bytes(), ByteOrder::Abcd),
        DataType::U32 => ordered(held(raw, u32::MIN, u32::MAX).to_be_bytes(), order),
        DataType::I32 => ordered(held(raw, i32::MIN, i32::MAX).to_be_bytes(), order),
        DataType::U64 => ordered(held(raw, u64::MIN, u64::MAX).to_be_bytes(), order),
        DataType::I64 => ordered(held(raw, i64::MIN, i64::MAX).to_be_bytes(), order),
        DataType::Bcd16 => {
            let digits = bcd(held(raw.min(9_999), 0, u32::MAX));
            let [_, _, high, low] = digits.to_be_bytes();
            Raw::new(&[high, low])
        }
        DataType::Bcd32 => ordered(
            bcd(held(raw.min(99_999_999), 0, u32::MAX)).to_be_bytes(),
            order,
        ),
        DataType::F32 => ordered((raw as f32).to_be_bytes(), order),
        DataType::F64 => ordered((raw as f64).to_be_bytes(), order),
        DataType::Text(_) => text_bytes("", signal),
    }
}

/// Binary coded decimal: four bits per digit.
fn bcd(mut value: u32) -> u32 {
    let mut digits = 0;
    for position in 0..8 {
        digits |= (value % 10) << (4 * position);
        value /= 10;
    }
    digits
}

/// Big-endian bytes in the device's order.
fn ordered<const N: usize>(mut bytes: [u8; N], order: ByteOrder) -> Raw {
    if order.swaps_words() {
        bytes.reverse();
        swap_pairs(&mut bytes);
    }
    if order.swaps_bytes() {
        swap_pairs(&mut bytes);
    }
    Raw::new(&bytes)
}

fn swap_pairs(bytes: &mut [u8]) {
    for pair in bytes.chunks_exact_mut(2) {
        pair.reverse();
    }
}

fn text_bytes(text: &str, signal: &Signal) -> Raw {
    let DataType::Text(limit) = signal.data_type else {
        return Raw::new(&[]);
    };
    let mut bytes = [0; MAX_BYTES];
    for (slot, byte) in bytes.iter_mut().zip(text.bytes().take(usize::from(limit))) {
        *slot = byte;
    }
    if signal.order.swaps_bytes() {
        swap_pairs(&mut bytes);
    }
    let len = usize::from(signal.data_type.registers()) * 2;
    Raw { bytes, len }
}

/// The engineering value of a setpoint's registers; none where they make no number.
pub(super) fn decode(signal: &Signal, registers: &[u16]) -> Option<f64> {
    let mut bytes: Vec<u8> = registers
        .iter()
        .flat_map(|word| word.to_be_bytes())
        .collect();
    if signal.order.swaps_bytes() && bytes.len() > 2 {
        swap_pairs(&mut bytes);
    }
    if signal.order.swaps_words() {
        bytes.reverse();
        swap_pairs(&mut bytes);
    }
    let raw = match signal.data_type {
        DataType::U16 => f64::from(u16::from_be_bytes(bytes.try_into().ok()?)),
        DataType::I16 => f64::from(i16::from_be_bytes(bytes.try_into().ok()?)),
        DataType::U32 => f64::from(u32::from_be_bytes(bytes.try_into().ok()?)),
        DataType::I32 => f64::from(i32::from_be_bytes(bytes.try_into().ok()?)),
        DataType::U64 => u64::from_be_bytes(bytes.try_into().ok()?) as f64,
        DataType::I64 => i64::from_be_bytes(bytes.try_into().ok()?) as f64,
        DataType::F32 => f64::from(f32::from_be_bytes(bytes.try_into().ok()?)),
        DataType::F64 => f64::from_be_bytes(bytes.try_into().ok()?),
        DataType::Bcd16 | DataType::Bcd32 => bytes.iter().try_fold(0.0, |value, byte| {
            let (high, low) = (byte >> 4, byte & 0x0f);
            (high < 10 && low < 10).then(|| value * 100.0 + f64::from(high * 10 + low))
        })?,
        DataType::Bool | DataType::Text(_) => return None,
    };
    Some(raw * signal.scale + signal.offset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plant::Status;
    use crate::scenario::{Behaviour, Place, Table};

    fn signal(data_type: &str, order: &str) -> Signal {
        Signal {
            name: "x".to_owned(),
            description: String::new(),
            unit: String::new(),
            data_type: DataType::parse(data_type).unwrap(),
            order: ByteOrder::ALL
                .iter()
                .find(|(name, _)| *name == order)
                .unwrap()
                .1,
            place: Place {
                table: Table::Holding,
                address: 0,
                bit: None,
            },
            scale: 1.0,
            offset: 0.0,
            behaviour: Behaviour::State,
            detect: false,
            advice: String::new(),
        }
    }

    #[track_caller]
    #[expect(clippy::needless_pass_by_value, reason = "so that a case is one line")]
    fn check(data_type: &str, order: &str, value: Value, expected: &[u8]) {
        let signal = signal(data_type, order);
        let raw = encode(
            &signal,
            &Reading {
                value: value.clone(),
                status: Status::Good,
            },
        );
        assert_eq!(raw.as_bytes(), expected, "{data_type} {order} {value:?}");
        if let (Some(number), true) = (value.as_f64(), signal.data_type.is_number()) {
            let registers: Vec<u16> = raw.registers().collect();
            let decoded = decode(&signal, &registers).unwrap();
            assert!(
                (decoded - number).abs() < 1e-3,
                "{data_type} {order}: {decoded}"
            );
        }
    }

    fn number(value: f64) -> Value {
        Value::Number(value)
    }

    #[test]
    fn sixteen_bits_know_no_order() {
        for order in ["ABCD", "CDAB"] {
            check("u16", order, number(258.0), &[0x01, 0x02]);
            check("i16", order, number(-2.0), &[0xff, 0xfe]);
            check("bcd16", order, number(1234.0), &[0x12, 0x34]);
        }
        check("bool", "ABCD", Value::Flag(true), &[0x00, 0x01]);
    }

    #[test]
    fn four_orders_of_32_bits() {
        let value = || Value::Count(0x0a0b_0c0d);
        check("u32", "ABCD", value(), &[0x0a, 0x0b, 0x0c, 0x0d]);
        check("u32", "CDAB", value(), &[0x0c, 0x0d, 0x0a, 0x0b]);
        check("u32", "BADC", value(), &[0x0b, 0x0a, 0x0d, 0x0c]);
        check("u32", "DCBA", value(), &[0x0d, 0x0c, 0x0b, 0x0a]);
        check("i32", "ABCD", number(-2.0), &[0xff, 0xff, 0xff, 0xfe]);
        check("i32", "CDAB", number(-2.0), &[0xff, 0xfe, 0xff, 0xff]);
        check(
            "bcd32",
            "ABCD",
            number(12_345_678.0),
            &[0x12, 0x34, 0x56, 0x78],
        );
        check(
            "bcd32",
            "CDAB",
            number(12_345_678.0),
            &[0x56, 0x78, 0x12, 0x34],
        );
        // 1.5 = 0x3fc00000
        check("f32", "ABCD", number(1.5), &[0x3f, 0xc0, 0x00, 0x00]);
        check("f32", "CDAB", number(1.5), &[0x00, 0x00, 0x3f, 0xc0]);
        check("f32", "BADC", number(1.5), &[0xc0, 0x3f, 0x00, 0x00]);
        check("f32", "DCBA", number(1.5), &[0x00, 0x00, 0xc0, 0x3f]);
    }

    #[test]
    fn four_orders_of_64_bits() {
        let value = || Value::Count(0x0102_0304_0506_0708);
        check("u64", "ABCD", value(), &[1, 2, 3, 4, 5, 6, 7, 8]);
        check("u64", "CDAB", value(), &[7, 8, 5, 6, 3, 4, 1, 2]);
        check("u64", "BADC", value(), &[2, 1, 4, 3, 6, 5, 8, 7]);
        check("u64", "DCBA", value(), &[8, 7, 6, 5, 4, 3, 2, 1]);
        check("i64", "ABCD", number(-1.0), &[0xff; 8]);
        // 1.5 = 0x3ff8000000000000
        check("f64", "ABCD", number(1.5), &[0x3f, 0xf8, 0, 0, 0, 0, 0, 0]);
        check("f64", "CDAB", number(1.5), &[0, 0, 0, 0, 0, 0, 0x3f, 0xf8]);
        check("f64", "DCBA", number(1.5), &[0, 0, 0, 0, 0, 0, 0xf8, 0x3f]);
    }

    #[test]
    fn texts_are_padded_cut_and_swapped() {
        let text = |text: &str| Value::Text(text.into());
        check("string:4", "ABCD", text("AB1"), b"AB1\0");
        check("string:4", "BADC", text("AB1"), b"BA\x001");
        check("string:4", "CDAB", text("AB1"), b"AB1\0");
        check("string:3", "ABCD", text("ABCDE"), b"ABC\0");
    }

    #[test]
    fn values_beyond_the_range_are_held_at_its_end() {
        for (data_type, value, expected) in [
            ("u16", -5.0, vec![0x00, 0x00]),
            ("u16", 1e9, vec![0xff, 0xff]),
            ("i16", 40_000.0, vec![0x7f, 0xff]),
            ("i16", -40_000.0, vec![0x80, 0x00]),
            ("bcd16", 12_345.0, vec![0x99, 0x99]),
            ("bcd16", -1.0, vec![0x00, 0x00]),
        ] {
            let reading = Reading {
                value: number(value),
                status: Status::Good,
            };
            assert_eq!(
                encode(&signal(data_type, "ABCD"), &reading).as_bytes(),
                expected
            );
        }
    }

    #[test]
    fn scale_and_offset_are_undone() {
        let scaled = Signal {
            scale: 0.1,
            offset: -50.0,
            ..signal("i16", "ABCD")
        };
        let reading = Reading {
            value: number(-40.0),
            status: Status::Good,
        };
        assert_eq!(encode(&scaled, &reading).as_bytes(), &[0, 100]);
        assert_eq!(decode(&scaled, &[100]), Some(-40.0));
    }

    #[test]
    fn a_lost_measurement_shows_the_sentinel() {
        let lost = |data_type: &str| {
            let reading = Reading {
                value: number(1.0),
                status: Status::BadSensorFailure,
            };
            encode(&signal(data_type, "ABCD"), &reading)
                .as_bytes()
                .to_vec()
        };
        assert_eq!(lost("f32"), [0x7f, 0xc0, 0, 0]);
        assert_eq!(lost("f64"), [0x7f, 0xf8, 0, 0, 0, 0, 0, 0]);
        assert_eq!(lost("u16"), [0xff, 0xff]);
        assert_eq!(lost("i16"), [0x80, 0x00]);
        assert_eq!(lost("u32"), [0xff; 4]);
        assert_eq!(lost("i32"), [0x80, 0, 0, 0]);
        assert_eq!(lost("u64"), [0xff; 8]);
        assert_eq!(lost("i64"), [0x80, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(lost("bcd16"), [0xff; 2]);
        assert_eq!(lost("bcd32"), [0xff; 4]);
    }
}

use proptest::prelude::*;

use super::*;
use ByteOrder::{Abcd, Badc, Cdab, Dcba};
use ModbusTable::{Coil, Discrete, Holding, Input};

fn holding(bit: Option<u8>) -> ModbusAddress {
    ModbusAddress {
        table: Holding,
        address: 10,
        bit,
    }
}

fn decoder(data_type: DataType) -> Decoder {
    Decoder::new(holding(None), data_type).unwrap()
}

/// Registers as a device with this byte order would send a number whose bytes, the highest first, are `bytes`.
/// The letters are spelled out, so that nothing is shared with the decoder.
fn encode(bytes: &[u8], order: ByteOrder) -> Vec<u16> {
    let letters = match (bytes.len(), order) {
        (2, _) => "AB",
        (4, Abcd) => "ABCD",
        (4, Cdab) => "CDAB",
        (4, Badc) => "BADC",
        (4, Dcba) => "DCBA",
        (8, Abcd) => "ABCDEFGH",
        (8, Cdab) => "GHEFCDAB",
        (8, Badc) => "BADCFEHG",
        (8, Dcba) => "HGFEDCBA",
        other => panic!("{other:?}"),
    };
    let wire: Vec<u8> = letters
        .bytes()
        .map(|letter| bytes[usize::from(letter - b'A')])
        .collect();
    wire.chunks(2)
        .map(|pair| u16::from(pair[0]) * 256 + u16::from(pair[1]))
        .collect()
}

#[track_caller]
fn check(decoder: &Decoder, registers: &[u16], expected: Value) {
    assert_eq!(decoder.registers(registers), (expected, Quality::Good));
}

#[track_caller]
fn check_bad(decoder: &Decoder, registers: &[u16], reason: Reason) {
    let expected = (Value::Missing, Quality::Bad(reason));
    assert_eq!(decoder.registers(registers), expected);
}

#[test]
fn examples_from_manuals_decode_by_hand() {
    // 123456.789 as a 32-bit float is 0x47F12065.
    for (order, registers) in [
        (Abcd, [0x47F1, 0x2065]),
        (Cdab, [0x2065, 0x47F1]),
        (Badc, [0xF147, 0x6520]),
        (Dcba, [0x6520, 0xF147]),
    ] {
        let value = f64::from(123_456.79_f32);
        check(
            &decoder(DataType::F32(order)),
            &registers,
            Value::Float(value),
        );
    }
    check(&decoder(DataType::U16), &[0xFFFF], Value::Int(65535));
    check(&decoder(DataType::I16), &[0xFFFF], Value::Int(-1));
    check(
        &decoder(DataType::U32(Abcd)),
        &[0xFFFF, 0xFFFE],
        Value::Int(4_294_967_294),
    );
    check(
        &decoder(DataType::I32(Abcd)),
        &[0xFFFF, 0xFFFE],
        Value::Int(-2),
    );
    check(
        &decoder(DataType::I64(Cdab)),
        &[0xFFFE, 0xFFFF, 0xFFFF, 0xFFFF],
        Value::Int(-2),
    );
}

#[test]
fn an_unsigned_counter_beyond_i64_is_a_float() {
    let wide = decoder(DataType::U64(Abcd));
    check(
        &wide,
        &[0x7FFF, 0xFFFF, 0xFFFF, 0xFFFF],
        Value::Int(i64::MAX),
    );
    check(&wide, &[0x8000, 0, 0, 0], Value::Float(2_f64.powi(63)));
}

#[test]
fn flags_and_bits_are_bools() {
    let flag = decoder(DataType::Bool);
    check(&flag, &[0], Value::Bool(false));
    check(&flag, &[0x0100], Value::Bool(true));
    for bit in 0..16 {
        let decoder = Decoder::new(holding(Some(bit)), DataType::Bool).unwrap();
        check(&decoder, &[1 << bit], Value::Bool(true));
        check(&decoder, &[!(1 << bit)], Value::Bool(false));
    }
    assert_eq!(Decoder::bit(true), (Value::Bool(true), Quality::Good));
}

#[test]
fn scaling_makes_floats_and_leaves_flags_and_text_alone() {
    check(
        &decoder(DataType::I16).scaled(0.1, -40.0),
        &[250],
        Value::Float(-15.0),
    );
    check(
        &decoder(DataType::I16).scaled(1.0, 0.0),
        &[250],
        Value::Int(250),
    );
    check(
        &decoder(DataType::U16).scaled(1.0, 5.0),
        &[1],
        Value::Float(6.0),
    );
    check(
        &decoder(DataType::F32(Abcd)).scaled(2.0, 0.0),
        &[0x3FC0, 0],
        Value::Float(3.0),
    );
    check(
        &decoder(DataType::Bool).scaled(3.0, 1.0),
        &[1],
        Value::Bool(true),
    );
}

#[test]
fn what_is_not_a_number_is_bad() {
    let float = decoder(DataType::F32(Abcd));
    check_bad(&float, &[0x7FC0, 0], Reason::NotANumber);
    check_bad(&float, &[0x7F80, 0], Reason::NotANumber);
    check_bad(&float, &[0xFF80, 0], Reason::NotANumber);
    let double = decoder(DataType::F64(Abcd));
    check_bad(&double, &[0x7FF8, 0, 0, 0], Reason::NotANumber);
    check_bad(
        &double.scaled(10.0, 0.0),
        &[0x7FEF, 0xFFFF, 0xFFFF, 0xFFFF],
        Reason::NotANumber,
    );
}

#[test]
fn sentinels_are_compared_with_the_raw_value_in_its_own_precision() {
    let marked = |data_type, sentinel: f64| decoder(data_type).with_sentinels(&[sentinel]);
    check_bad(
        &marked(DataType::U16, 65535.0),
        &[0xFFFF],
        Reason::NotANumber,
    );
    check_bad(
        &marked(DataType::I16, -32768.0),
        &[0x8000],
        Reason::NotANumber,
    );
    check_bad(
        &marked(DataType::I16, 32768.0),
        &[0x8000],
        Reason::NotANumber,
    );
    check_bad(
        &marked(DataType::I16, 65535.0),
        &[0xFFFF],
        Reason::NotANumber,
    );
    check(&marked(DataType::I16, 65536.0), &[0], Value::Int(0));
    check_bad(
        &marked(DataType::I32(Abcd), 2_147_483_648.0),
        &[0x8000, 0],
        Reason::NotANumber,
    );
    check_bad(
        &marked(DataType::I64(Abcd), 2_f64.powi(63)),
        &[0x8000, 0, 0, 0],
        Reason::NotANumber,
    );
    // -9999.9 has no exact float; the device sends the nearest 32-bit one.
    let nearest = encode(&(-9999.9_f32).to_be_bytes(), Abcd);
    check_bad(
        &marked(DataType::F32(Abcd), -9999.9),
        &nearest,
        Reason::NotANumber,
    );
    let scaled = marked(DataType::I16, -1.0).scaled(0.1, 0.0);
    check_bad(&scaled, &[0xFFFF], Reason::NotANumber);
    check(&scaled, &[10], Value::Float(1.0));
}

#[test]
fn bcd_is_decimal_digits_or_bad() {
    check(&decoder(DataType::Bcd16), &[0x1234], Value::Int(1234));
    check(&decoder(DataType::Bcd16), &[0x9999], Value::Int(9999));
    check_bad(&decoder(DataType::Bcd16), &[0x12A4], Reason::TypeMismatch);
    check(
        &decoder(DataType::Bcd32(Abcd)),
        &[0x1234, 0x5678],
        Value::Int(12_345_678),
    );
    check(
        &decoder(DataType::Bcd32(Cdab)),
        &[0x5678, 0x1234],
        Value::Int(12_345_678),
    );
    check_bad(
        &decoder(DataType::Bcd32(Abcd)),
        &[0xF000, 0],
        Reason::TypeMismatch,
    );
}

fn pack(bytes: &[u8], swapped: bool) -> Vec<u16> {
    let at = |i: usize| u16::from(bytes.get(i).copied().unwrap_or_default());
    let pairs = (0..bytes.len().div_ceil(2)).map(|i| (at(2 * i), at(2 * i + 1)));
    let join = |(a, b): (u16, u16)| if swapped { b * 256 + a } else { a * 256 + b };
    pairs.map(join).collect()
}

#[track_caller]
fn check_text(bytes: &[u8], expected: Option<&str>) {
    for swapped in [false, true] {
        let length = u8::try_from(bytes.len()).unwrap();
        let decoder = decoder(DataType::Text {
            bytes: length,
            swapped,
        });
        let registers = pack(bytes, swapped);
        match expected {
            Some(text) => {
                let text = ShortText::try_from(text).unwrap();
                check(&decoder, &registers, Value::Text(text));
            }
            None => check_bad(&decoder, &registers, Reason::TypeMismatch),
        }
    }
}

#[test]
fn text_ends_at_nul_and_is_never_guessed() {
    check_text(b"P-4711", Some("P-4711"));
    check_text(b"P-471", Some("P-471"));
    check_text(b"ab\0cd\0", Some("ab"));
    check_text(b"\0\0", Some(""));
    check_text("Größe".as_bytes(), Some("Größe"));
    check_text(b"Gr\xF6\xDFe", Some("Größe"));
    check_text(&[b'x'; 30], Some(&"x".repeat(30)));
    check_text(&[0xFF; 6], None);
    check_text(b"\x81\x02", None);
    // Fifteen Latin-1 letters take thirty bytes of UTF-8; one more does not fit.
    check_text(&[0xE4; 15], Some(&"ä".repeat(15)));
    check_text(&[0xE4; 16], None);
}

#[test]
fn a_wrong_number_of_registers_is_never_a_value() {
    for data_type in [
        DataType::Bool,
        DataType::U16,
        DataType::F32(Abcd),
        DataType::U64(Dcba),
        DataType::Bcd32(Badc),
        DataType::Text {
            bytes: 5,
            swapped: false,
        },
    ] {
        let decoder = decoder(data_type);
        let width = usize::from(decoder.width());
        check_bad(&decoder, &vec![1; width + 1], Reason::TypeMismatch);
        check_bad(&decoder, &vec![1; width - 1], Reason::TypeMismatch);
    }
}

#[test]
fn what_cannot_be_read_is_refused_with_a_reason() {
    let new = |table, address, bit, data_type| {
        let address = ModbusAddress {
            table,
            address,
            bit,
        };
        Decoder::new(address, data_type).map(|decoder| decoder.width())
    };
    assert_eq!(new(Coil, 65535, None, DataType::Bool), Ok(1));
    assert_eq!(
        new(Discrete, 0, None, DataType::U16),
        Err(PointError::NotABit)
    );
    assert_eq!(
        new(Coil, 0, Some(1), DataType::Bool),
        Err(PointError::NotABit)
    );
    assert_eq!(new(Holding, 0, None, DataType::Auto), Err(PointError::Auto));
    assert_eq!(
        new(Holding, 0, Some(16), DataType::Bool),
        Err(PointError::BitType)
    );
    assert_eq!(
        new(Input, 0, Some(0), DataType::U16),
        Err(PointError::BitType)
    );
    assert_eq!(new(Input, 65534, None, DataType::F32(Abcd)), Ok(2));
    assert_eq!(
        new(Input, 65535, None, DataType::F32(Abcd)),
        Err(PointError::PastEnd)
    );
    assert_eq!(
        new(Input, 65533, None, DataType::I64(Abcd)),
        Err(PointError::PastEnd)
    );
}

fn orders() -> impl Strategy<Value = ByteOrder> {
    prop::sample::select(ByteOrder::ALL.to_vec())
}

proptest! {
    #[test]
    fn every_integer_survives_every_order(n: u64, order in orders()) {
        let low32 = u32::try_from(n & 0xFFFF_FFFF).unwrap();
        let low16 = u16::try_from(n & 0xFFFF).unwrap();
        let cases = [
            (DataType::U16, low16.to_be_bytes().to_vec(), i128::from(low16)),
            (DataType::I16, low16.to_be_bytes().to_vec(), i128::from(low16.cast_signed())),
            (DataType::U32(order), low32.to_be_bytes().to_vec(), i128::from(low32)),
            (DataType::I32(order), low32.to_be_bytes().to_vec(), i128::from(low32.cast_signed())),
            (DataType::I64(order), n.to_be_bytes().to_vec(), i128::from(n.cast_signed())),
            (DataType::U64(order), n.to_be_bytes().to_vec(), i128::from(n)),
        ];
        for (data_type, bytes, expected) in cases {
            let (value, quality) = decoder(data_type).registers(&encode(&bytes, order));
            prop_assert_eq!(quality, Quality::Good);
            let exact = i64::try_from(expected).map(Value::Int);
            prop_assert_eq!(value, exact.unwrap_or(Value::Float(n as f64)));
        }
    }

    #[test]
    fn every_float_survives_or_is_bad(bits32: u32, bits64: u64, order in orders()) {
        let (x, y) = (f64::from(f32::from_bits(bits32)), f64::from_bits(bits64));
        let cases = [
            (DataType::F32(order), bits32.to_be_bytes().to_vec(), x),
            (DataType::F64(order), bits64.to_be_bytes().to_vec(), y),
        ];
        for (data_type, bytes, expected) in cases {
            let (value, quality) = decoder(data_type).registers(&encode(&bytes, order));
            if expected.is_finite() {
                prop_assert_eq!(value, Value::Float(expected));
                prop_assert_eq!(quality, Quality::Good);
            } else {
                prop_assert_eq!(value, Value::Missing);
                prop_assert_eq!(quality, Quality::Bad(Reason::NotANumber));
            }
        }
    }

    #[test]
    fn every_bcd_number_survives(n in 0_u32..100_000_000, order in orders()) {
        let digits = u32::from_str_radix(&n.to_string(), 16).unwrap();
        let registers = encode(&digits.to_be_bytes(), order);
        let (value, _) = decoder(DataType::Bcd32(order)).registers(&registers);
        prop_assert_eq!(value, Value::Int(i64::from(n)));
    }

    #[test]
    fn short_utf8_survives(text in "[^\\x00]{0,7}", swapped: bool) {
        let bytes = u8::try_from(text.len()).unwrap().max(1);
        let data_type = DataType::Text { bytes, swapped };
        let mut registers = pack(text.as_bytes(), swapped);
        registers.resize(usize::from(bytes).div_ceil(2), 0);
        let (value, _) = decoder(data_type).registers(&registers);
        prop_assert_eq!(value, Value::Text(ShortText::try_from(text.as_str()).unwrap()));
    }

    #[test]
    fn no_registers_make_a_number_that_is_not_finite(
        registers in prop::collection::vec(any::<u16>(), 0..20),
        scale in -1e300..1e300_f64,
        order in orders(),
    ) {
        for data_type in [
            DataType::U16, DataType::I32(order), DataType::F32(order), DataType::F64(order),
            DataType::Bcd16, DataType::Text { bytes: 9, swapped: true },
        ] {
            let (value, quality) = decoder(data_type).scaled(scale, 1.0).registers(&registers);
            prop_assert_eq!(quality.is_bad(), value == Value::Missing);
            prop_assert!(value.as_f64().is_none_or(f64::is_finite));
        }
    }
}

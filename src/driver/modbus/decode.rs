//! Registers and bits to values: pure, without allocation.
//!
//! A register arrives as a 16-bit number whose high byte was sent first. Values over several registers differ
//! between makers in the order of words and of the bytes within a word: [`ByteOrder`].
//!
//! Choices where the field disagrees:
//! - Numbers without scaling keep their type (`Value::Int`); with scaling they are `raw * scale + offset` in f64.
//!   A `u64` beyond `i64::MAX` is a float.
//! - NaN, infinities and sentinels are Bad (`not_a_number`), without a value. A sentinel is compared with the raw
//!   value in the raw value's own precision; for a signed integer one beyond its maximum is taken as the bit
//!   pattern, so that `0x8000` means what the device's manual means.
//! - A BCD nibble above 9 is Bad (`type_mismatch`).
//! - Text ends at the first NUL. Bytes that are not UTF-8 are read as Latin-1 if all are printable there and the
//!   result fits; else, and for registers of 0xFF only (never written), the text is Bad (`type_mismatch`): a
//!   shortened or guessed product code would be a wrong value.

use crate::config::{ByteOrder, DataType, ModbusAddress, ModbusTable};
use crate::model::{Quality, Reason, ShortText, Value};

/// A decoded value and how far it may be trusted.
pub type Reading = (Value, Quality);

/// Longest text in bytes.
const TEXT_BYTES_MAX: usize = 30;

/// Why a tag cannot be read from the address it is configured with, whatever the device answers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PointError {
    /// Only an OPC UA server names its types.
    #[error("type \"auto\" does not exist on Modbus; name the register's type")]
    Auto,
    /// Coils and discrete inputs are single bits.
    #[error("a coil or discrete input is a bool; it has no number, text or bit")]
    NotABit,
    /// A bit of a register, with a type that is not a bit.
    #[error("a bit of a register is a bool, and a register has bits 0 to 15")]
    BitType,
    /// The value ends behind the last address.
    #[error("the value runs past the last address, 65535")]
    PastEnd,
    /// The value cannot be read in one request.
    #[error("the value needs {needed} registers and the device answers at most {allowed}")]
    TooWide {
        /// Registers of the value.
        needed: u16,
        /// The device's `max_registers`.
        allowed: u16,
    },
}

/// What to make of a tag's registers, worked out once.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoder {
    form: Form,
    scaling: Option<(f64, f64)>,
    sentinels: Box<[f64]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A coil, a discrete input, or a whole register that is true when not 0.
    Flag,
    Bit(u8),
    U16,
    I16,
    U32(ByteOrder),
    I32(ByteOrder),
    U64(ByteOrder),
    I64(ByteOrder),
    F32(ByteOrder),
    F64(ByteOrder),
    Bcd16,
    Bcd32(ByteOrder),
    Text {
        bytes: usize,
        swapped: bool,
    },
}

/// A number as the device holds it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Raw {
    Int(i64),
    Float(f64),
}

impl Decoder {
    /// Works out how a tag is read, and refuses what cannot be.
    pub fn new(address: ModbusAddress, data_type: DataType) -> Result<Self, PointError> {
        let form = match (address.table, address.bit, data_type) {
            (_, _, DataType::Auto) => return Err(PointError::Auto),
            (ModbusTable::Coil | ModbusTable::Discrete, None, DataType::Bool) => Form::Flag,
            (ModbusTable::Coil | ModbusTable::Discrete, _, _) => return Err(PointError::NotABit),
            (_, Some(bit @ 0..=15), DataType::Bool) => Form::Bit(bit),
            (_, Some(_), _) => return Err(PointError::BitType),
            (_, None, DataType::Bool) => Form::Flag,
            (_, None, DataType::U16) => Form::U16,
            (_, None, DataType::I16) => Form::I16,
            (_, None, DataType::U32(order)) => Form::U32(order),
            (_, None, DataType::I32(order)) => Form::I32(order),
            (_, None, DataType::U64(order)) => Form::U64(order),
            (_, None, DataType::I64(order)) => Form::I64(order),
            (_, None, DataType::F32(order)) => Form::F32(order),
            (_, None, DataType::F64(order)) => Form::F64(order),
            (_, None, DataType::Bcd16) => Form::Bcd16,
            (_, None, DataType::Bcd32(order)) => Form::Bcd32(order),
            (_, None, DataType::Text { bytes, swapped }) => Form::Text {
                bytes: usize::from(bytes).clamp(1, TEXT_BYTES_MAX),
                swapped,
            },
        };
        let decoder = Self {
            form,
            scaling: None,
            sentinels: Box::default(),
        };
        if u32::from(address.address) + u32::from(decoder.width()) > 0x1_0000 {
            return Err(PointError::PastEnd);
        }
        Ok(decoder)
    }

    /// With `value = raw * scale + offset`; numbers only.
    #[must_use]
    pub fn scaled(mut self, scale: f64, offset: f64) -> Self {
        let moves = (scale - 1.0).abs() > 0.0 || offset.abs() > 0.0;
        self.scaling = moves.then_some((scale, offset));
        self
    }

    /// With raw values that mean "no measurement"; numbers only.
    #[must_use]
    pub fn with_sentinels(mut self, sentinels: &[f64]) -> Self {
        self.sentinels = sentinels.iter().map(|s| self.form.as_raw(*s)).collect();
        self
    }

    /// How many registers (or bits of a bit table) the value takes.
    pub const fn width(&self) -> u16 {
        match self.form {
            Form::Flag | Form::Bit(_) | Form::U16 | Form::I16 | Form::Bcd16 => 1,
            Form::U32(_) | Form::I32(_) | Form::F32(_) | Form::Bcd32(_) => 2,
            Form::U64(_) | Form::I64(_) | Form::F64(_) => 4,
            #[expect(
                clippy::cast_possible_truncation,
                reason = "at most TEXT_BYTES_MAX / 2"
            )]
            Form::Text { bytes, .. } => bytes.div_ceil(2) as u16,
        }
    }

    /// The value of a coil or discrete input.
    pub const fn bit(on: bool) -> Reading {
        (Value::Bool(on), Quality::Good)
    }

    /// The value of exactly [`Self::width`] registers; Bad (`type_mismatch`) for any other number of them.
    pub fn registers(&self, registers: &[u16]) -> Reading {
        self.value(registers)
            .map_or_else(bad, |value| (value, Quality::Good))
    }

    fn value(&self, registers: &[u16]) -> Result<Value, Reason> {
        if registers.len() != usize::from(self.width()) {
            return Err(Reason::TypeMismatch);
        }
        let int = |n: Option<i64>| n.map(Raw::Int);
        let raw = match self.form {
            Form::Flag => return flag(registers, u16::MAX),
            Form::Bit(bit) => return flag(registers, 1 << bit),
            Form::Text { bytes, swapped } => return text(registers, bytes, swapped),
            Form::U16 => int(registers.first().map(|w| i64::from(*w))),
            Form::I16 => int(registers.first().map(|w| i64::from(w.cast_signed()))),
            Form::U32(order) => int(join_u32(registers, order).map(i64::from)),
            Form::I32(order) => int(join_u32(registers, order).map(|n| i64::from(n.cast_signed()))),
            Form::I64(order) => int(join_u64(registers, order).map(u64::cast_signed)),
            Form::U64(order) => join_u64(registers, order).map(unsigned),
            Form::F32(order) => {
                join_u32(registers, order).map(|bits| Raw::Float(f64::from(f32::from_bits(bits))))
            }
            Form::F64(order) => {
                join_u64(registers, order).map(|bits| Raw::Float(f64::from_bits(bits)))
            }
            Form::Bcd16 => int(registers.first().and_then(|w| bcd(u32::from(*w)))),
            Form::Bcd32(order) => int(join_u32(registers, order).and_then(bcd)),
        };
        self.number(raw.ok_or(Reason::TypeMismatch)?)
    }

    fn number(&self, raw: Raw) -> Result<Value, Reason> {
        let plain = raw.as_f64();
        if !plain.is_finite() || self.sentinels.contains(&plain) {
            return Err(Reason::NotANumber);
        }
        match (self.scaling, raw) {
            (None, Raw::Int(n)) => Ok(Value::Int(n)),
            (None, Raw::Float(x)) => Ok(Value::Float(x)),
            (Some((scale, offset)), _) => {
                let value = plain * scale + offset;
                let fits = value.is_finite().then_some(Value::Float(value));
                fits.ok_or(Reason::NotANumber)
            }
        }
    }
}

impl Form {
    /// A configured sentinel as [`Raw::as_f64`] would give it.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a float register holds the sentinel in its own precision"
    )]
    fn as_raw(self, sentinel: f64) -> f64 {
        let bits = match self {
            Self::F32(_) => return f64::from(sentinel as f32),
            Self::I16 => 16,
            Self::I32(_) => 32,
            Self::I64(_) => 64,
            _ => return sentinel,
        };
        let (half, whole) = (2_f64.powi(bits - 1), 2_f64.powi(bits));
        if sentinel >= half && sentinel < whole {
            sentinel - whole
        } else {
            sentinel
        }
    }
}

impl Raw {
    const fn as_f64(self) -> f64 {
        match self {
            Self::Int(n) => n as f64,
            Self::Float(x) => x,
        }
    }
}

fn bad(reason: Reason) -> Reading {
    (Value::Missing, Quality::Bad(reason))
}

fn flag(registers: &[u16], mask: u16) -> Result<Value, Reason> {
    let word = registers.first().ok_or(Reason::TypeMismatch)?;
    Ok(Value::Bool(word & mask != 0))
}

/// The register's bytes in the order that makes big-endian words.
const fn word(register: u16, order: ByteOrder) -> u16 {
    match order {
        ByteOrder::Abcd | ByteOrder::Cdab => register,
        ByteOrder::Badc | ByteOrder::Dcba => register.swap_bytes(),
    }
}

const fn low_word_first(order: ByteOrder) -> bool {
    matches!(order, ByteOrder::Cdab | ByteOrder::Dcba)
}

fn join_u32(registers: &[u16], order: ByteOrder) -> Option<u32> {
    let &[first, second] = registers.first_chunk::<2>()?;
    let (high, low) = if low_word_first(order) {
        (second, first)
    } else {
        (first, second)
    };
    Some(u32::from(word(high, order)) << 16 | u32::from(word(low, order)))
}

fn join_u64(registers: &[u16], order: ByteOrder) -> Option<u64> {
    let (front, back) = registers.split_at_checked(2)?;
    let (front, back) = (join_u32(front, order)?, join_u32(back, order)?);
    let (high, low) = if low_word_first(order) {
        (back, front)
    } else {
        (front, back)
    };
    Some(u64::from(high) << 32 | u64::from(low))
}

fn unsigned(n: u64) -> Raw {
    i64::try_from(n).map_or(Raw::Float(n as f64), Raw::Int)
}

/// Decimal digits, one per nibble, the highest first.
fn bcd(nibbles: u32) -> Option<i64> {
    (0..8).rev().try_fold(0, |sum, index| {
        let digit = nibbles >> (4 * index) & 0xF;
        (digit <= 9).then(|| sum * 10 + i64::from(digit))
    })
}

fn text(registers: &[u16], bytes: usize, swapped: bool) -> Result<Value, Reason> {
    let mut buffer = [0_u8; TEXT_BYTES_MAX];
    for (pair, register) in buffer.chunks_exact_mut(2).zip(registers) {
        let register = if swapped {
            register.swap_bytes()
        } else {
            *register
        };
        pair.copy_from_slice(&register.to_be_bytes());
    }
    let field = buffer.get(..bytes).unwrap_or(&buffer);
    let end = field.iter().position(|b| *b == 0).unwrap_or(field.len());
    let bytes = field.get(..end).unwrap_or(field);
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => ShortText::try_from(text).ok(),
        Err(_not_utf8) => latin_1(bytes),
    };
    text.map(Value::Text).ok_or(Reason::TypeMismatch)
}

fn latin_1(bytes: &[u8]) -> Option<ShortText> {
    let printable = |b: &u8| matches!(b, b'\t' | 0x20..=0x7E | 0xA0..=0xFF);
    let written = bytes.iter().any(|b| *b != 0xFF);
    if !written || !bytes.iter().all(printable) {
        return None;
    }
    let mut text = ShortText::new();
    for byte in bytes {
        text.push(char::from(*byte)).ok()?;
    }
    Some(text)
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;

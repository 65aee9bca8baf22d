//! One request, one answer: pure.

use super::image::UnitImage;
use crate::scenario::Table;

const ILLEGAL_FUNCTION: u8 = 1;
const ILLEGAL_ADDRESS: u8 = 2;
const ILLEGAL_VALUE: u8 = 3;

/// Longest bit read (MODBUS Application Protocol V1.1b3, 6.1).
const MAX_BITS: u16 = 2000;

/// Longest register and coil writes (6.12 and 6.11 there).
const MAX_WRITTEN_REGISTERS: u16 = 123;
const MAX_WRITTEN_BITS: u16 = 1968;

/// What a request did.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// It read, or was refused.
    Done,
    /// It wrote these setpoints: number of the signal, value in engineering units.
    Wrote(Vec<(usize, f64)>),
}

/// Appends the answer PDU to `out`. Writing is the only thing that changes the image.
pub fn answer(
    pdu: &[u8],
    image: &super::SharedImage,
    max_registers: u16,
    out: &mut Vec<u8>,
) -> Answer {
    let Some((&function, body)) = pdu.split_first() else {
        return Answer::Done;
    };
    let mark = out.len();
    let result = match function {
        1 => read_bits(function, Table::Coil, body, &image.read(), out),
        2 => read_bits(function, Table::Discrete, body, &image.read(), out),
        3 => read_words(Table::Holding, body, &image.read(), (max_registers, out)),
        4 => read_words(Table::Input, body, &image.read(), (max_registers, out)),
        5 => write_one(Table::Coil, pdu, &mut image.write(), out),
        6 => write_one(Table::Holding, pdu, &mut image.write(), out),
        15 => write_bits(body, &mut image.write(), out),
        16 => write_words(body, &mut image.write(), (max_registers, out)),
        _ => Err(ILLEGAL_FUNCTION),
    };
    result.unwrap_or_else(|code| {
        out.truncate(mark);
        exception(function, code, out);
        Answer::Done
    })
}

/// Appends an exception answer.
pub(super) fn exception(function: u8, code: u8, out: &mut Vec<u8>) {
    out.extend_from_slice(&[function | 0x80, code]);
}

fn pair(body: &[u8]) -> Result<(u16, u16), u8> {
    match body {
        [a, b, c, d, ..] => Ok((u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]))),
        _ => Err(ILLEGAL_VALUE),
    }
}

fn read_words(
    table: Table,
    body: &[u8],
    image: &UnitImage,
    (max_registers, out): (u16, &mut Vec<u8>),
) -> Result<Answer, u8> {
    let (address, count) = pair(body)?;
    if count == 0 || count > max_registers || body.len() != 4 {
        return Err(ILLEGAL_VALUE);
    }
    let words = image.read(table, address, count).ok_or(ILLEGAL_ADDRESS)?;
    let function = if table == Table::Holding { 3 } else { 4 };
    out.extend_from_slice(&[function, u8::try_from(count * 2).or(Err(ILLEGAL_VALUE))?]);
    out.extend(words.iter().flat_map(|word| word.to_be_bytes()));
    Ok(Answer::Done)
}

fn read_bits(
    function: u8,
    table: Table,
    body: &[u8],
    image: &UnitImage,
    out: &mut Vec<u8>,
) -> Result<Answer, u8> {
    let (address, count) = pair(body)?;
    if !(1..=MAX_BITS).contains(&count) || body.len() != 4 {
        return Err(ILLEGAL_VALUE);
    }
    let words = image.read(table, address, count).ok_or(ILLEGAL_ADDRESS)?;
    out.extend_from_slice(&[
        function,
        u8::try_from(count.div_ceil(8)).or(Err(ILLEGAL_VALUE))?,
    ]);
    out.extend(words.chunks(8).map(|chunk| {
        chunk
            .iter()
            .rev()
            .fold(0_u8, |byte, word| byte << 1 | u8::from(*word != 0))
    }));
    Ok(Answer::Done)
}

/// Functions 5 and 6 echo the request.
fn write_one(
    table: Table,
    pdu: &[u8],
    image: &mut UnitImage,
    out: &mut Vec<u8>,
) -> Result<Answer, u8> {
    let (address, value) = pair(pdu.get(1..).unwrap_or(&[]))?;
    if pdu.len() != 5 {
        return Err(ILLEGAL_VALUE);
    }
    let word = match (table, value) {
        (Table::Coil, 0) => 0,
        (Table::Coil, 0xff00) => 1,
        (Table::Coil, _) => return Err(ILLEGAL_VALUE),
        _ => value,
    };
    let written = image
        .write(table, address, &[word])
        .ok_or(ILLEGAL_ADDRESS)?;
    out.extend_from_slice(pdu);
    Ok(Answer::Wrote(written))
}

fn write_words(
    body: &[u8],
    image: &mut UnitImage,
    (max_registers, out): (u16, &mut Vec<u8>),
) -> Result<Answer, u8> {
    let (address, count) = pair(body)?;
    let data = body.get(5..).unwrap_or(&[]);
    let limit = max_registers.min(MAX_WRITTEN_REGISTERS);
    if !(1..=limit).contains(&count) || data.len() != usize::from(count) * 2 {
        return Err(ILLEGAL_VALUE);
    }
    let words: Vec<u16> = data
        .chunks_exact(2)
        .filter_map(|pair| Some(u16::from_be_bytes(pair.try_into().ok()?)))
        .collect();
    finish_write((Table::Holding, 16), address, &words, image, out)
}

fn write_bits(body: &[u8], image: &mut UnitImage, out: &mut Vec<u8>) -> Result<Answer, u8> {
    let (address, count) = pair(body)?;
    let data = body.get(5..).unwrap_or(&[]);
    if !(1..=MAX_WRITTEN_BITS).contains(&count) || data.len() != usize::from(count.div_ceil(8)) {
        return Err(ILLEGAL_VALUE);
    }
    let words: Vec<u16> = data
        .iter()
        .flat_map(|byte| (0..8).map(move |bit| u16::from(byte >> bit & 1)))
        .take(usize::from(count))
        .collect();
    finish_write((Table::Coil, 15), address, &words, image, out)
}

fn finish_write(
    (table, function): (Table, u8),
    address: u16,
    words: &[u16],
    image: &mut UnitImage,
    out: &mut Vec<u8>,
) -> Result<Answer, u8> {
    let written = image.write(table, address, words).ok_or(ILLEGAL_ADDRESS)?;
    out.push(function);
    out.extend_from_slice(&address.to_be_bytes());
    out.extend_from_slice(&u16::try_from(words.len()).unwrap_or(0).to_be_bytes());
    Ok(Answer::Wrote(written))
}

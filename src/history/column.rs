//! Columns of numbers, each in the smallest of a few encodings.
//!
//! A column is `tag (1)` and then, by tag: 0 one zigzag varint, the value of every row; 1 `length · pco` of `i64`;
//! 2 one zigzag varint per row; 3 decimals (1) and a column of integers, the value times ten to the decimals; 4 `length ·
//! pco` of `f64`. The number of rows is known from outside, so that a damaged length cannot take memory.
//!
//! Values of instruments are multiples of their resolution. As integers they cost a fraction of what they cost as
//! doubles, and sums of them stay exact.

use pco::ChunkConfig;
use pco::standalone::{simple_compress, simple_decompress_into};

use super::blob::Damage;
use super::number::{float, round};

/// Up to this many rows a list of varints may be smaller than pco with its header.
const SHORT_ROWS: usize = 64;
/// Finest decimal resolution that is looked for.
const DECIMALS_MAX: u8 = 9;
/// Integers beyond this are not exact as doubles.
const EXACT_MAX: f64 = 9.0e15;

const SAME: u8 = 0;
const PACKED: u8 = 1;
const VARINTS: u8 = 2;
const GRID: u8 = 3;
const FLOATS: u8 = 4;

/// Ten to the `decimals`, at most nine.
pub(super) fn scale_of(decimals: u8) -> f64 {
    const SCALES: [f64; 10] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
    SCALES.get(usize::from(decimals)).copied().unwrap_or(1e9)
}

/// The fewest decimals with which every value is exactly an integer over ten to the decimals; `None` when there are none
/// up to nine.
pub(super) fn decimals_of(values: impl Iterator<Item = f64> + Clone) -> Option<u8> {
    let mut decimals = 0;
    for value in values {
        while !is_on_grid(value, decimals) {
            if decimals == DECIMALS_MAX {
                return None;
            }
            decimals += 1;
        }
    }
    Some(decimals)
}

/// Whether a value is exactly an integer over ten to the `decimals`. A value that is on a coarse grid is on every finer.
fn is_on_grid(value: f64, decimals: u8) -> bool {
    let scale = scale_of(decimals);
    let scaled = value * scale;
    // Through the integer: it has no negative zero.
    scaled.abs() < EXACT_MAX && (float(round(scaled)) / scale).to_bits() == value.to_bits()
}

/// Appends columns to a body.
#[derive(Debug, Default)]
pub(super) struct Encoder {
    bytes: Vec<u8>,
}

impl Encoder {
    pub(super) fn finish(self) -> Vec<u8> {
        self.bytes
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    pub(super) fn varint(&mut self, mut n: u64) {
        while n >= 0x80 {
            self.bytes.push(low_seven(n) | 0x80);
            n >>= 7;
        }
        self.bytes.push(low_seven(n));
    }

    fn signed(&mut self, n: i64) {
        self.varint(((n << 1) ^ (n >> 63)).cast_unsigned());
    }

    /// Bytes with their length.
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.varint(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        self.bytes.extend_from_slice(bytes);
    }

    /// A column of integers.
    pub(super) fn ints(&mut self, values: &[i64]) {
        let first = values.first().copied().unwrap_or(0);
        if values.iter().all(|value| *value == first) {
            self.byte(SAME);
            return self.signed(first);
        }
        let packed = simple_compress(values, &ChunkConfig::default()).ok();
        if values.len() <= SHORT_ROWS {
            let mut list = Self::default();
            for value in values {
                list.signed(*value);
            }
            if packed
                .as_ref()
                .is_none_or(|packed| list.bytes.len() <= packed.len() + 1)
            {
                self.byte(VARINTS);
                return self.bytes.extend_from_slice(&list.bytes);
            }
        }
        self.byte(PACKED);
        self.raw(&packed.unwrap_or_default());
    }

    /// A column of numbers, exact to the bit.
    pub(super) fn floats(&mut self, values: &[f64]) {
        if let Some(decimals) = decimals_of(values.iter().copied()) {
            let scale = scale_of(decimals);
            let ints: Vec<i64> = values.iter().map(|value| round(value * scale)).collect();
            self.byte(GRID);
            self.byte(decimals);
            return self.ints(&ints);
        }
        self.byte(FLOATS);
        self.raw(&simple_compress(values, &ChunkConfig::default()).unwrap_or_default());
    }
}

const fn low_seven(n: u64) -> u8 {
    (n & 0x7f) as u8
}

/// A column as it was read.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Column<T> {
    /// Every row has the same value.
    Same(T),
    /// Each row has its own.
    Each(Vec<T>),
}

impl<T: Copy + Default> Column<T> {
    /// The value of a row; there is none behind the last.
    pub(super) fn at(&self, row: usize) -> T {
        match self {
            Self::Same(value) => *value,
            Self::Each(values) => values.get(row).copied().unwrap_or_default(),
        }
    }

    /// The values of so many rows.
    pub(super) fn iter(&self, rows: usize) -> impl Iterator<Item = T> {
        (0..rows).map(|row| self.at(row))
    }
}

/// Takes columns from a body.
#[derive(Debug)]
pub(super) struct Decoder<'a> {
    rest: &'a [u8],
}

const SHORT: Damage = Damage("a column is cut off");

impl<'a> Decoder<'a> {
    pub(super) const fn new(body: &'a [u8]) -> Self {
        Self { rest: body }
    }

    /// Nothing may follow the last column.
    pub(super) fn finish(self) -> Result<(), Damage> {
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(Damage("it is longer than its content"))
    }

    pub(super) fn byte(&mut self) -> Result<u8, Damage> {
        let (byte, rest) = self.rest.split_first().ok_or(SHORT)?;
        self.rest = rest;
        Ok(*byte)
    }

    pub(super) fn varint(&mut self) -> Result<u64, Damage> {
        let mut n = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            n |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(n);
            }
        }
        Err(Damage("a number is too long"))
    }

    fn signed(&mut self) -> Result<i64, Damage> {
        let n = self.varint()?;
        Ok((n >> 1).cast_signed() ^ -(n & 1).cast_signed())
    }

    /// Bytes with their length.
    pub(super) fn raw(&mut self) -> Result<&'a [u8], Damage> {
        let length = usize::try_from(self.varint()?).map_err(|_too_long| SHORT)?;
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(SHORT)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// A column of `rows` integers.
    pub(super) fn ints(&mut self, rows: usize) -> Result<Column<i64>, Damage> {
        match self.byte()? {
            SAME => self.signed().map(Column::Same),
            PACKED => unpack(self.raw()?, rows).map(Column::Each),
            VARINTS if rows <= SHORT_ROWS => {
                let values: Result<_, _> = (0..rows).map(|_row| self.signed()).collect();
                values.map(Column::Each)
            }
            _ => Err(Damage("a column has an unknown tag")),
        }
    }

    /// Passes over a column of integers.
    pub(super) fn skip_ints(&mut self, rows: usize) -> Result<(), Damage> {
        match self.byte()? {
            SAME => self.signed().map(|_value| ()),
            PACKED => self.raw().map(|_bytes| ()),
            VARINTS if rows <= SHORT_ROWS => {
                (0..rows).try_for_each(|_row| self.signed().map(|_n| ()))
            }
            _ => Err(Damage("a column has an unknown tag")),
        }
    }

    /// A column of `rows` numbers.
    pub(super) fn floats(&mut self, rows: usize) -> Result<Column<f64>, Damage> {
        match self.byte()? {
            GRID => {
                let scale = scale_of(self.byte()?.min(DECIMALS_MAX));
                Ok(match self.ints(rows)? {
                    Column::Same(n) => Column::Same(float(n) / scale),
                    Column::Each(ints) => {
                        Column::Each(ints.into_iter().map(|n| float(n) / scale).collect())
                    }
                })
            }
            FLOATS => unpack(self.raw()?, rows).map(Column::Each),
            _ => Err(Damage("a column has an unknown tag")),
        }
    }

    /// Passes over a column of numbers.
    pub(super) fn skip_floats(&mut self, rows: usize) -> Result<(), Damage> {
        match self.byte()? {
            GRID => {
                self.byte()?;
                self.skip_ints(rows)
            }
            FLOATS => self.raw().map(|_bytes| ()),
            _ => Err(Damage("a column has an unknown tag")),
        }
    }
}

/// pco's decoder is fed with checked bytes only; should it fail on them all the same, it costs this column, not the
/// process.
fn unpack<T: pco::data_types::Number + Default>(
    bytes: &[u8],
    rows: usize,
) -> Result<Vec<T>, Damage> {
    let decode = || {
        let mut values = vec![T::default(); rows];
        let progress = simple_decompress_into(bytes, &mut values).ok()?;
        (progress.n_processed == rows && progress.finished).then_some(values)
    };
    let decoded = std::panic::catch_unwind(decode).ok().flatten();
    decoded.ok_or(Damage("a column cannot be decoded"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check_floats(values: &[f64], bytes_max: usize) {
        let mut encoder = Encoder::default();
        encoder.floats(values);
        let body = encoder.finish();
        assert!(body.len() <= bytes_max, "{} bytes", body.len());
        let mut decoder = Decoder::new(&body);
        let back = decoder.floats(values.len()).unwrap();
        let back: Vec<f64> = back.iter(values.len()).collect();
        let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&back), bits(values));
        decoder.finish().unwrap();
        let mut decoder = Decoder::new(&body);
        decoder.skip_floats(values.len()).unwrap();
        decoder.finish().unwrap();
    }

    #[test]
    fn what_does_not_change_costs_nothing() {
        check_floats(&vec![21.5; 10_000], 6);
        check_floats(&[], 4);
        check_floats(&[0.0], 4);
    }

    #[test]
    fn values_of_an_instrument_cost_bits() {
        let walk: Vec<f64> = (0..3_600)
            .map(|i: i32| f64::from(200 + i * i % 7) / 10.0)
            .collect();
        check_floats(&walk, 1_800);
    }

    #[test]
    fn every_double_survives() {
        check_floats(
            &[
                -0.0,
                f64::NAN,
                f64::INFINITY,
                f64::MIN_POSITIVE,
                1e300,
                0.1 + 0.2,
            ],
            200,
        );
    }

    #[test]
    fn a_negative_zero_stays_one() {
        check_floats(&[-0.0], 40);
        check_floats(&[-0.0, 0.5, 0.0], 60);
    }

    #[test]
    fn damage_is_an_error() {
        assert!(Decoder::new(&[]).floats(1).is_err());
        assert!(Decoder::new(&[9]).floats(1).is_err());
        assert!(Decoder::new(&[9]).skip_floats(1).is_err());
        assert!(Decoder::new(&[9]).ints(1).is_err());
        assert!(Decoder::new(&[9]).skip_ints(1).is_err());
        assert!(Decoder::new(&[PACKED, 3, 1, 2, 3]).ints(5).is_err());
        assert!(Decoder::new(&[PACKED, 200, 1]).ints(5).is_err());
        assert!(Decoder::new(&[0xff; 12]).varint().is_err());
        assert!(Decoder::new(&[1]).finish().is_err());
    }

    proptest! {
        #[test]
        fn integers_survive(values in proptest::collection::vec(any::<i64>(), 0..200)) {
            let mut encoder = Encoder::default();
            encoder.ints(&values);
            let body = encoder.finish();
            let mut decoder = Decoder::new(&body);
            let back: Vec<i64> = decoder.ints(values.len()).unwrap().iter(values.len()).collect();
            prop_assert_eq!(&back, &values);
            decoder.finish().unwrap();
            let mut decoder = Decoder::new(&body);
            decoder.skip_ints(values.len()).unwrap();
            decoder.finish().unwrap();
        }

        #[test]
        fn arbitrary_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100), rows in 0usize..100) {
            drop(Decoder::new(&bytes).ints(rows));
            drop(Decoder::new(&bytes).floats(rows));
        }
    }
}

//! Samples as the store holds them, and the block that carries them: a journal row, a piece, or the raw chunk of an hour.
//!
//! Body of a block: rows (varint), hold in milliseconds (varint), then the columns series, time in nanoseconds, kind,
//! quality, numbers (one per `Float`), integers (one per `Int`, `Bool` and `Text`; a text is its place in the list), and
//! the list of texts: their number (varint), each with its length.

use crate::model::{Quality, Reason, ShortText, Timestamp, Value};

use super::blob::{Damage, seal, unseal};
use super::column::{Decoder, Encoder};
use super::number::i64_of;

/// More samples than any block holds: what says it has more is damaged.
const ROWS_MAX: u64 = 1 << 24;

/// What a cell's bits mean. The numbers are on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Missing = 0,
    Float = 1,
    Int = 2,
    Bool = 3,
    Text = 4,
}

impl Kind {
    fn of(code: i64) -> Result<Self, Damage> {
        Ok(match code {
            0 => Self::Missing,
            1 => Self::Float,
            2 => Self::Int,
            3 => Self::Bool,
            4 => Self::Text,
            _ => return Err(Damage("a value has an unknown kind")),
        })
    }
}

/// One sample in 24 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    /// Nanoseconds since the epoch.
    pub(super) time: i64,
    /// The number, the integer, or the place of the text.
    pub(super) bits: u64,
    pub(super) series: u32,
    pub(super) kind: Kind,
    /// [`Quality::code`].
    pub(super) quality: u8,
}

/// Larger ones are garbage of a device, and sums of their squares would be infinite.
const MAGNITUDE_MAX: f64 = 1e140;

impl Cell {
    /// The value as a number when it may feed statistics: Good, not text, and not so large that its square is none.
    pub(super) fn good_number(&self) -> Option<f64> {
        if self.quality != 0 {
            return None;
        }
        let number = match self.kind {
            Kind::Float => f64::from_bits(self.bits),
            Kind::Int | Kind::Bool => super::number::float(self.bits.cast_signed()),
            Kind::Text | Kind::Missing => return None,
        };
        (number.abs() <= MAGNITUDE_MAX).then_some(number)
    }

    /// What is known of its quality; a code of a later version counts as Bad.
    pub(super) fn quality(&self) -> Quality {
        Quality::from_code(self.quality).unwrap_or(Quality::Bad(Reason::Unspecified))
    }
}

/// Samples of one or several series and the texts among them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Points {
    pub(super) cells: Vec<Cell>,
    texts: Vec<ShortText>,
}

impl Points {
    /// Adds a sample.
    pub(super) fn push(&mut self, series: u32, time: Timestamp, value: &Value, quality: Quality) {
        let (kind, bits) = match value {
            Value::Missing => (Kind::Missing, 0),
            Value::Float(x) => (Kind::Float, x.to_bits()),
            Value::Int(n) => (Kind::Int, n.cast_unsigned()),
            Value::Bool(b) => (Kind::Bool, u64::from(*b)),
            Value::Text(text) => (Kind::Text, self.place_of(text)),
        };
        self.cells.push(Cell {
            time: time.as_nanos(),
            bits,
            series,
            kind,
            quality: quality.code(),
        });
    }

    /// Adds a cell of other points.
    pub(super) fn adopt(&mut self, other: &Self, cell: Cell) {
        let bits = match cell.kind {
            Kind::Text => other.text(&cell).map_or(0, |text| self.place_of(text)),
            _ => cell.bits,
        };
        self.cells.push(Cell { bits, ..cell });
    }

    /// Adds all cells of other points.
    pub(super) fn adopt_all(&mut self, other: &Self) {
        self.cells.reserve(other.cells.len());
        for cell in &other.cells {
            self.adopt(other, *cell);
        }
    }

    /// The text of a cell.
    pub(super) fn text(&self, cell: &Cell) -> Option<&ShortText> {
        self.texts.get(usize::try_from(cell.bits).ok()?)
    }

    /// The value of a cell.
    pub(super) fn value(&self, cell: &Cell) -> Value {
        match cell.kind {
            Kind::Missing => Value::Missing,
            Kind::Float => Value::Float(f64::from_bits(cell.bits)),
            Kind::Int => Value::Int(cell.bits.cast_signed()),
            Kind::Bool => Value::Bool(cell.bits != 0),
            Kind::Text => self
                .text(cell)
                .map_or(Value::Missing, |text| Value::Text(text.clone())),
        }
    }

    /// Into order of series and time; of samples with the same series and time the one added last stays.
    pub(super) fn sort(&mut self) {
        let key = |cell: &Cell| (cell.series, cell.time);
        if self.cells.is_sorted_by(|a, b| key(a) < key(b)) {
            return;
        }
        self.cells.sort_by_key(key);
        let mut kept: Vec<Cell> = Vec::with_capacity(self.cells.len());
        for cell in self.cells.drain(..) {
            match kept.last_mut() {
                Some(last) if key(last) == key(&cell) => *last = cell,
                _ => kept.push(cell),
            }
        }
        self.cells = kept;
    }

    // Lists of texts are short: the states of the machines of a plant.
    fn place_of(&mut self, text: &ShortText) -> u64 {
        let found = self.texts.iter().rposition(|known| known == text);
        let place = found.unwrap_or_else(|| {
            self.texts.push(text.clone());
            self.texts.len() - 1
        });
        u64::try_from(place).unwrap_or(u64::MAX)
    }
}

/// Encodes sorted points. `hold_ms` is how long a sample of them stands.
pub(super) fn encode(points: &Points, hold_ms: i64) -> Vec<u8> {
    let cells = &points.cells;
    let column = |of: &dyn Fn(&Cell) -> i64| cells.iter().map(of).collect::<Vec<i64>>();
    let mut body = Encoder::default();
    body.varint(u64::try_from(cells.len()).unwrap_or(u64::MAX));
    body.varint(super::number::u64_of(hold_ms));
    body.ints(&column(&|cell| i64::from(cell.series)));
    body.ints(&column(&|cell| cell.time));
    body.ints(&column(&|cell| cell.kind as i64));
    body.ints(&column(&|cell| i64::from(cell.quality)));
    let is_float = |cell: &&Cell| cell.kind == Kind::Float;
    let floats: Vec<f64> = cells
        .iter()
        .filter(is_float)
        .map(|cell| f64::from_bits(cell.bits))
        .collect();
    body.floats(&floats);
    let ints: Vec<i64> = cells
        .iter()
        .filter(|cell| has_integer(cell.kind))
        .map(|cell| cell.bits.cast_signed())
        .collect();
    body.ints(&ints);
    body.varint(u64::try_from(points.texts.len()).unwrap_or(u64::MAX));
    for text in &points.texts {
        body.raw(text.as_bytes());
    }
    seal(&body.finish())
}

const fn has_integer(kind: Kind) -> bool {
    matches!(kind, Kind::Int | Kind::Bool | Kind::Text)
}

/// Decodes what [`encode`] made: the points and their hold in milliseconds.
pub(super) fn decode(bytes: &[u8]) -> Result<(Points, i64), Damage> {
    let mut body = Decoder::new(unseal(bytes)?);
    let rows = body.varint()?;
    if rows > ROWS_MAX {
        return Err(Damage("it has more rows than can be"));
    }
    let rows = usize::try_from(rows).map_err(|_too_many| Damage("it has more rows than can be"))?;
    let hold_ms = i64_of(body.varint()?);
    let series = body.ints(rows)?;
    let times = body.ints(rows)?;
    let kinds: Result<Vec<Kind>, Damage> = body.ints(rows)?.iter(rows).map(Kind::of).collect();
    let kinds = kinds?;
    let qualities = body.ints(rows)?;
    let count = |wanted: &dyn Fn(Kind) -> bool| kinds.iter().filter(|kind| wanted(**kind)).count();
    let (number_of_floats, number_of_ints) =
        (count(&|kind| kind == Kind::Float), count(&has_integer));
    let (floats, ints) = (body.floats(number_of_floats)?, body.ints(number_of_ints)?);
    let (mut floats, mut ints) = (floats.iter(number_of_floats), ints.iter(number_of_ints));
    let texts = texts_of(&mut body, rows)?;
    body.finish()?;
    let columns = series.iter(rows).zip(times.iter(rows));
    let columns = columns.zip(kinds).zip(qualities.iter(rows));
    let cells = columns.map(|(((series, time), kind), quality)| Cell {
        time,
        bits: match kind {
            Kind::Missing => 0,
            Kind::Float => floats.next().unwrap_or(f64::NAN).to_bits(),
            _ => ints.next().unwrap_or(0).cast_unsigned(),
        },
        series: u32::try_from(series).unwrap_or(u32::MAX),
        kind,
        quality: u8::try_from(quality).unwrap_or(u8::MAX),
    });
    let cells = cells.collect();
    Ok((Points { cells, texts }, hold_ms))
}

fn texts_of(body: &mut Decoder<'_>, rows: usize) -> Result<Vec<ShortText>, Damage> {
    let texts = usize::try_from(body.varint()?).unwrap_or(usize::MAX);
    if texts > rows.max(1) * 2 {
        return Err(Damage("it has more texts than rows"));
    }
    let text = |bytes: &[u8]| {
        let text = std::str::from_utf8(bytes).ok()?;
        ShortText::try_from(text).ok()
    };
    (0..texts)
        .map(|_place| text(body.raw()?).ok_or(Damage("a text is not one")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(text: &str) -> Value {
        Value::Text(ShortText::try_from(text).unwrap())
    }

    fn points(samples: &[(u32, i64, Value, Quality)]) -> Points {
        let mut points = Points::default();
        for (series, ms, value, quality) in samples {
            points.push(*series, Timestamp::from_millis(*ms), value, *quality);
        }
        points
    }

    #[test]
    fn the_last_writer_wins_and_is_counted_once() {
        let mut points = points(&[
            (2, 5, Value::Int(1), Quality::Good),
            (1, 9, Value::Int(2), Quality::Good),
            (2, 5, Value::Int(3), Quality::Good),
            (1, 8, Value::Int(4), Quality::Good),
        ]);
        points.sort();
        let values: Vec<Value> = points.cells.iter().map(|c| points.value(c)).collect();
        assert_eq!(values, [Value::Int(4), Value::Int(2), Value::Int(3)]);
    }

    #[test]
    fn texts_keep_their_meaning_in_other_points() {
        let ours = points(&[
            (1, 1, text("RUN"), Quality::Good),
            (1, 2, text("STOP"), Quality::Good),
        ]);
        let mut theirs = points(&[(1, 0, text("IDLE"), Quality::Good)]);
        theirs.adopt_all(&ours);
        let values: Vec<Value> = theirs.cells.iter().map(|c| theirs.value(c)).collect();
        assert_eq!(values, [text("IDLE"), text("RUN"), text("STOP")]);
    }

    #[test]
    fn only_good_finite_numbers_feed_statistics() {
        let bad = Quality::Bad(Reason::NotConnected);
        let cells = points(&[
            (1, 1, Value::Float(2.5), Quality::Good),
            (1, 2, Value::Bool(true), Quality::Good),
            (1, 3, Value::Int(-3), Quality::Good),
            (1, 4, Value::Float(f64::NAN), Quality::Good),
            (1, 5, Value::Float(1.0), bad),
            (1, 6, Value::Float(1.0), Quality::Uncertain(Reason::Stuck)),
            (1, 7, text("RUN"), Quality::Good),
            (1, 8, Value::Missing, bad),
        ]);
        let numbers: Vec<Option<f64>> = cells.cells.iter().map(Cell::good_number).collect();
        assert_eq!(
            numbers,
            [
                Some(2.5),
                Some(1.0),
                Some(-3.0),
                None,
                None,
                None,
                None,
                None
            ]
        );
        assert_eq!(cells.cells[4].quality(), bad);
        let later = Cell {
            quality: 255,
            ..cells.cells[0]
        };
        assert!(later.quality().is_bad());
    }

    #[test]
    fn a_regular_hour_costs_less_than_a_byte_a_sample() {
        let mut hour = Points::default();
        for second in 0..3_600 {
            let value = Value::Float(f64::from(200 + second * second % 5) / 10.0);
            hour.push(
                7,
                Timestamp::from_millis(i64::from(second) * 1_000),
                &value,
                Quality::Good,
            );
        }
        assert!(encode(&hour, 5_000).len() < 1_800);
    }

    #[test]
    fn damage_is_an_error() {
        let good = encode(&points(&[(1, 1, text("RUN"), Quality::Good)]), 0);
        assert!(decode(&good).is_ok());
        for cut in 0..good.len() {
            assert!(decode(&good[..cut]).is_err());
        }
        assert!(decode(&seal(&[0xff, 0xff, 0xff, 0xff, 0x7f])).is_err());
    }

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Missing),
            any::<f64>().prop_map(Value::Float),
            (-100i32..100).prop_map(|n| Value::Float(f64::from(n) / 10.0)),
            any::<i64>().prop_map(Value::Int),
            any::<bool>().prop_map(Value::Bool),
            "[A-Z]{0,3}".prop_map(|s| text(&s)),
        ]
    }

    proptest! {
        #[test]
        fn every_sample_survives(samples in proptest::collection::vec((0u32..4, any::<i64>(), value(), 0u8..16), 0..80)) {
            let mut points = Points::default();
            for (series, time, value, reason) in &samples {
                let quality = Quality::from_code(if *reason == 0 { 0 } else { 64 + reason }).unwrap();
                points.push(*series, Timestamp::from_nanos(*time), value, quality);
            }
            points.sort();
            let (back, hold) = decode(&encode(&points, 1_500)).unwrap();
            prop_assert_eq!(hold, 1_500);
            prop_assert_eq!(back, points);
        }

        #[test]
        fn arbitrary_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            drop(decode(&seal(&bytes)));
        }
    }
}

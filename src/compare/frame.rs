//! The table a comparison works on: one row per record, columns of numbers or labels by name.
//!
//! A record is one (production day, shift, work unit, product run). Its columns are what was made, for how many hours,
//! and under which circumstances. A frame holds groups of persons at most, never single persons.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::error::CompareError;

/// Most records of one frame: five years of fifty machines in three shifts.
const ROWS_MAX: usize = 1_000_000;
/// Larger magnitudes are no measurements, and their squares leave double precision.
const MAGNITUDE_MAX: f64 = 1e100;

/// What the cells of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Decimal numbers; an empty cell is a missing value.
    Number,
    /// Labels; an empty cell is a missing value.
    Label,
}

/// A table of records with named columns of one length.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Frame {
    rows: Option<usize>,
    numbers: BTreeMap<String, Vec<f64>>,
    labels: BTreeMap<String, Labels>,
}

/// A column of labels: their sorted names, and for every row which one it has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Labels {
    /// Different labels in sort order.
    pub(super) names: Vec<String>,
    /// Position in `names` for every row; `None` where the label is missing.
    pub(super) codes: Vec<Option<usize>>,
}

impl Labels {
    fn new<'a>(cells: impl Iterator<Item = &'a str> + Clone) -> Self {
        let distinct: BTreeSet<&str> = cells.clone().filter(|cell| !cell.is_empty()).collect();
        let position: BTreeMap<&str, usize> = distinct
            .iter()
            .enumerate()
            .map(|(at, name)| (*name, at))
            .collect();
        Self {
            codes: cells.map(|cell| position.get(cell).copied()).collect(),
            names: distinct.into_iter().map(str::to_owned).collect(),
        }
    }
}

impl Frame {
    /// A frame without columns; the first column decides the number of records.
    pub fn new() -> Self {
        Self::default()
    }

    /// With a column of numbers. A value that is not finite, or beyond 1e100, is missing.
    pub fn with_numbers(mut self, name: &str, values: Vec<f64>) -> Result<Self, CompareError> {
        self.admit(name, values.len())?;
        self.numbers.insert(name.to_owned(), values);
        Ok(self)
    }

    /// With a column of labels. An empty label is missing.
    pub fn with_labels<S: AsRef<str>>(
        mut self,
        name: &str,
        values: &[S],
    ) -> Result<Self, CompareError> {
        self.admit(name, values.len())?;
        let labels = Labels::new(values.iter().map(AsRef::as_ref));
        self.labels.insert(name.to_owned(), labels);
        Ok(self)
    }

    /// A frame from rows of text, as a CSV file gives them; `columns` says what each cell of a row is.
    pub fn from_rows<R, S>(columns: &[(&str, ColumnKind)], rows: &[R]) -> Result<Self, CompareError>
    where
        R: AsRef<[S]>,
        S: AsRef<str>,
    {
        for (at, row) in rows.iter().enumerate() {
            let got = row.as_ref().len();
            if got != columns.len() {
                let what = format!("row {}", at + 1);
                let expected = columns.len();
                return Err(CompareError::Length {
                    what,
                    got,
                    expected,
                });
            }
        }
        let mut frame = Self::new();
        for (at, (name, kind)) in columns.iter().enumerate() {
            let cells = rows
                .iter()
                .filter_map(|row| row.as_ref().get(at))
                .map(|cell| cell.as_ref().trim());
            frame = match kind {
                ColumnKind::Number => frame.with_numbers(name, numbers(name, cells)?)?,
                ColumnKind::Label => frame.with_labels(name, &cells.collect::<Vec<_>>())?,
            };
        }
        Ok(frame)
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.rows.unwrap_or(0)
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn admit(&mut self, name: &str, len: usize) -> Result<(), CompareError> {
        if self.numbers.contains_key(name) || self.labels.contains_key(name) {
            return Err(CompareError::DuplicateColumn {
                name: name.to_owned(),
            });
        }
        if len > ROWS_MAX {
            return Err(CompareError::TooLarge {
                rows: len,
                columns: 1,
                maximum: ROWS_MAX,
            });
        }
        let expected = *self.rows.get_or_insert(len);
        if expected == len {
            return Ok(());
        }
        Err(CompareError::Length {
            what: format!("column `{name}`"),
            got: len,
            expected,
        })
    }

    /// The numbers of a column; what is not usable is `None`.
    pub(super) fn number(
        &self,
        name: &str,
        role: &'static str,
    ) -> Result<Vec<Option<f64>>, CompareError> {
        if let Some(values) = self.numbers.get(name) {
            return Ok(values.iter().map(|value| usable(*value)).collect());
        }
        if self.labels.contains_key(name) {
            let name = name.to_owned();
            return Err(CompareError::NotNumeric { name, role });
        }
        Err(self.unknown(name))
    }

    /// The labels of a column; numbers serve as labels too, in the order of their text.
    pub(super) fn labels(&self, name: &str) -> Result<Cow<'_, Labels>, CompareError> {
        if let Some(labels) = self.labels.get(name) {
            return Ok(Cow::Borrowed(labels));
        }
        let values = self.numbers.get(name).ok_or_else(|| self.unknown(name))?;
        let text = |value: &f64| usable(*value).map_or_else(String::new, |value| value.to_string());
        let cells: Vec<String> = values.iter().map(text).collect();
        Ok(Cow::Owned(Labels::new(cells.iter().map(String::as_str))))
    }

    fn unknown(&self, name: &str) -> CompareError {
        let known: Vec<&str> = self
            .numbers
            .keys()
            .chain(self.labels.keys())
            .map(String::as_str)
            .collect();
        CompareError::UnknownColumn {
            name: name.to_owned(),
            known: known.join(", "),
        }
    }
}

fn usable(value: f64) -> Option<f64> {
    (value.abs() <= MAGNITUDE_MAX).then_some(value)
}

fn numbers<'a>(
    column: &str,
    cells: impl Iterator<Item = &'a str>,
) -> Result<Vec<f64>, CompareError> {
    let parse = |(at, cell): (usize, &str)| match cell {
        "" => Ok(f64::NAN),
        _ => cell.parse().ok().ok_or_else(|| CompareError::Cell {
            row: at + 1,
            column: column.to_owned(),
        }),
    };
    cells.enumerate().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(frame: Result<Frame, CompareError>, text: &str) {
        assert_eq!(frame.unwrap_err().to_string(), text);
    }

    #[test]
    fn rows_of_text_become_columns() {
        let columns = [("shift", ColumnKind::Label), ("rate", ColumnKind::Number)];
        let frame = Frame::from_rows(&columns, &[["b", " 1.5"], ["a", ""], ["", "1e300"]]).unwrap();
        assert_eq!(frame.len(), 3);
        assert!(!frame.is_empty());
        assert_eq!(frame.number("rate", "x").unwrap(), [Some(1.5), None, None]);
        assert_eq!(
            frame.labels("shift").unwrap().codes,
            [Some(1), Some(0), None]
        );
        assert_eq!(
            frame.labels("rate").unwrap().names,
            ["1.5"],
            "1e300 is no measurement"
        );
    }

    #[test]
    fn what_is_no_table_is_refused_with_its_place() {
        let columns = [("rate", ColumnKind::Number)];
        fails(
            Frame::from_rows(&columns, &[["1"], ["x"]]),
            "row 2, column `rate`: not a number; a decimal number or an empty cell is allowed",
        );
        fails(
            Frame::from_rows(&columns, &[vec!["1", "2"]]),
            "row 1 has 2 values, not 1",
        );
        let frame = Frame::new().with_numbers("a", vec![1.0]).unwrap();
        fails(
            frame.clone().with_labels("a", &["x"]),
            "column `a` is given twice",
        );
        fails(
            frame.clone().with_labels("b", &["x", "y"]),
            "column `b` has 2 values, not 1",
        );
        assert!(
            frame
                .clone()
                .with_numbers("b", vec![0.0; ROWS_MAX + 1])
                .is_err()
        );
        let frame = frame.with_labels("b", &["x"]).unwrap();
        assert_eq!(
            frame.number("b", "an outcome").unwrap_err().to_string(),
            "column `b` holds labels; an outcome needs numbers"
        );
        assert_eq!(
            frame.labels("c").unwrap_err().to_string(),
            "no column `c`; the frame has a, b"
        );
        assert!(Frame::new().is_empty());
    }
}

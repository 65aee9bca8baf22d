//! A recording in memory: times, modes, cycle marks and values, row by row.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use super::engine::{Outline, Row};
use crate::model::Timestamp;
use crate::replay::{
    Cell, Cells, Fault, Faults, column, open_counted, parse_number, parse_time, read_line, shown,
};

/// Names of the time column.
const TIME_NAMES: [&str; 3] = ["t_s", "timestamp", "datetime"];
/// Columns of labels, which a detector must not see.
const LABEL_NAMES: [&str; 5] = ["anomaly", "changepoint", "label", "is_anomaly", "class"];
/// Seconds from 1970 that a time may be away: as far as the calendar times of recordings go.
const SECONDS_MAX: f64 = 9e9;

/// Seconds below this count from the start of the recording, which is taken to be a Monday; others are Unix times.
const UNIX_FROM: f64 = 1e8;
/// The first Monday of 1970.
const MONDAY_S: f64 = 4.0 * 86_400.0;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Seconds,
    Calendar,
    Mode,
    CycleStart,
    Value,
    Ignored,
}

/// A whole recording.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Recording {
    /// Names of the value columns.
    pub(super) columns: Vec<String>,
    times: Vec<Timestamp>,
    /// Per row, an index into the names of modes; none where no mode is recorded.
    modes: Vec<Option<usize>>,
    mode_names: Vec<String>,
    cycle_starts: Vec<bool>,
    /// Row by row, as many as there are columns.
    values: Vec<f64>,
}

impl Recording {
    /// Rows.
    pub(super) const fn rows(&self) -> usize {
        self.times.len()
    }

    /// The rows in the order of the file.
    pub(super) fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        let values = self.values.chunks_exact(self.columns.len().max(1));
        let context = self.modes.iter().zip(&self.cycle_starts);
        self.times
            .iter()
            .zip(context)
            .zip(values)
            .map(|((time, (mode, cycle_start)), values)| Row {
                time: *time,
                mode: mode.and_then(|mode| self.mode_names.get(mode).map(String::as_str)),
                cycle_start: *cycle_start,
                values,
            })
    }

    /// What it is like, as far as the first `learn` rows tell.
    pub(super) fn outline(&self, period: Duration, learn: usize) -> Outline {
        let taught = || self.times.iter().take(learn);
        let span = taught().next().zip(taught().next_back());
        let span_ns = span.map_or(0, |(first, last)| {
            last.as_nanos().saturating_sub(first.as_nanos())
        });
        let cycles = self.cycle_starts.iter().take(learn);
        Outline {
            columns: self.columns.len(),
            period,
            learn_rows: learn,
            learn_span: Duration::from_nanos(u64::try_from(span_ns).unwrap_or(0)),
            cycles: cycles.filter(|starts| **starts).count(),
        }
    }

    /// The median interval of the first `rows` rows; intervals that do not advance are left out.
    pub(super) fn median_interval(&self, rows: usize) -> Option<Duration> {
        let times = self.times.iter().take(rows);
        let mut intervals: Vec<i64> = times
            .clone()
            .zip(times.skip(1))
            .map(|(a, b)| b.as_nanos().saturating_sub(a.as_nanos()))
            .filter(|interval| *interval > 0)
            .collect();
        intervals.sort_unstable();
        let median = intervals.get(intervals.len() / 2)?;
        Some(Duration::from_nanos(median.unsigned_abs()))
    }
}

/// Reads a recording; `read` counts the bytes taken from it. The error holds every fault.
pub(super) fn read(path: &Path, read: Arc<AtomicU64>) -> Result<Recording, Faults> {
    let mut reading = Reading {
        name: path.display().to_string(),
        faults: Faults::default(),
        number: 0,
        separator: b',',
        meanings: Vec::new(),
        mode_of: BTreeMap::new(),
        recording: Recording::default(),
    };
    match open_counted(path, read) {
        Err(error) => reading.fault_file(format!("cannot be opened: {error}")),
        Ok(mut reader) => {
            let mut line = Vec::new();
            loop {
                reading.number += 1;
                match read_line(&mut reader, &mut line) {
                    Ok(true) if reading.number == 1 => {
                        if !reading.take_header(&line) {
                            break;
                        }
                    }
                    Ok(true) => reading.take_row(&line),
                    Ok(false) => {
                        reading.check_end();
                        break;
                    }
                    Err(error) => {
                        reading.fault(0, format!("cannot be read further: {error}"));
                        break;
                    }
                }
            }
        }
    }
    if reading.faults.count() == 0 {
        Ok(reading.recording)
    } else {
        Err(reading.faults)
    }
}

/// A recording while it is read.
struct Reading {
    name: String,
    faults: Faults,
    /// Of the line, from 1.
    number: u64,
    separator: u8,
    meanings: Vec<Meaning>,
    mode_of: BTreeMap<Vec<u8>, usize>,
    recording: Recording,
}

impl Reading {
    /// Reads what the columns mean; false when nothing can be read by it.
    fn take_header(&mut self, line: &[u8]) -> bool {
        let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
        let count = |separator| Cells::new(line, separator).count();
        self.separator = if count(b';') > count(b',') {
            b';'
        } else {
            b','
        };
        let mut names: Vec<String> = Vec::new();
        for cell in Cells::new(line, self.separator) {
            let name = String::from_utf8_lossy(cell.text).into_owned();
            let meaning = meaning_of(&name);
            let is_time = |m: &Meaning| matches!(m, Meaning::Seconds | Meaning::Calendar);
            if !name.is_empty() && names.contains(&name) {
                let message = format!("the column \"{name}\" is there twice");
                self.fault(column(line, cell.at), message);
            } else if is_time(&meaning) && self.meanings.iter().any(is_time) {
                let message = format!("\"{name}\" is a second time column; allowed is one");
                self.fault(column(line, cell.at), message);
            }
            if meaning == Meaning::Value {
                self.recording.columns.push(name.clone());
            }
            self.meanings.push(meaning);
            names.push(name);
        }
        let has_time = self
            .meanings
            .iter()
            .any(|m| matches!(m, Meaning::Seconds | Meaning::Calendar));
        if !has_time {
            let allowed = TIME_NAMES.join(", ");
            self.fault(1, format!("no column holds the time; allowed: {allowed}"));
        }
        if self.recording.columns.is_empty() {
            let text = "no column holds values; allowed is any name but those of time, mode, cycle_start and labels";
            self.fault(1, text.to_owned());
        }
        self.faults.count() == 0
    }

    fn take_row(&mut self, line: &[u8]) {
        if line.trim_ascii().is_empty() {
            return;
        }
        let columns = self.meanings.len();
        let cells = Cells::new(line, self.separator).count();
        if cells != columns {
            let message = format!("the row has {cells} cells, the header has {columns}");
            self.fault(0, message);
            return;
        }
        let mut time = None;
        let (mut mode, mut cycle_start) = (None, false);
        let meanings = std::mem::take(&mut self.meanings);
        for (cell, meaning) in Cells::new(line, self.separator).zip(&meanings) {
            match meaning {
                Meaning::Seconds => time = self.seconds(line, cell),
                Meaning::Calendar => time = self.calendar(line, cell),
                Meaning::Mode => mode = self.mode(cell.text),
                Meaning::CycleStart => cycle_start = self.cycle_start(line, cell),
                Meaning::Value => self.value(line, cell),
                Meaning::Ignored => {}
            }
        }
        self.meanings = meanings;
        self.recording.times.extend(time);
        self.recording.modes.push(mode);
        self.recording.cycle_starts.push(cycle_start);
    }

    fn seconds(&mut self, line: &[u8], cell: Cell<'_>) -> Option<Timestamp> {
        let seconds = parse_number(cell.text, self.separator == b';')
            .filter(|seconds| seconds.abs() <= SECONDS_MAX);
        if seconds.is_none() {
            self.fault_cell(line, cell, "is no time; allowed are seconds, as 12 or 12.5");
        }
        let monday = |seconds: f64| {
            if seconds.abs() < UNIX_FROM {
                MONDAY_S
            } else {
                0.0
            }
        };
        seconds.map(|seconds| Timestamp::from_nanos(nanos(seconds + monday(seconds))))
    }

    fn calendar(&mut self, line: &[u8], cell: Cell<'_>) -> Option<Timestamp> {
        let time = parse_time(cell.text);
        if time.is_none() {
            let allowed = "is no time; allowed is YYYY-MM-DD HH:MM:SS[.fff] (UTC), or RFC 3339";
            self.fault_cell(line, cell, allowed);
        }
        time
    }

    fn mode(&mut self, text: &[u8]) -> Option<usize> {
        if text.is_empty() {
            return None;
        }
        if let Some(known) = self.mode_of.get(text) {
            return Some(*known);
        }
        let names = &mut self.recording.mode_names;
        names.push(String::from_utf8_lossy(text).into_owned());
        let number = names.len() - 1;
        self.mode_of.insert(text.to_owned(), number);
        Some(number)
    }

    fn cycle_start(&mut self, line: &[u8], cell: Cell<'_>) -> bool {
        match cell.text {
            b"1" | b"1.0" => true,
            b"0" | b"0.0" | b"" => false,
            _ => {
                self.fault_cell(line, cell, "is no cycle mark; allowed: 0, 1");
                false
            }
        }
    }

    fn value(&mut self, line: &[u8], cell: Cell<'_>) {
        let value = if cell.text.is_empty() {
            Some(f64::NAN)
        } else {
            parse_number(cell.text, self.separator == b';').filter(|value| !value.is_infinite())
        };
        if value.is_none() {
            let allowed = "is no number; allowed: a finite number, NaN, or nothing";
            self.fault_cell(line, cell, allowed);
        }
        self.recording.values.push(value.unwrap_or(f64::NAN));
    }

    fn check_end(&mut self) {
        if self.number == 1 {
            self.fault_file("the file is empty".to_owned());
        } else if self.recording.modes.is_empty() && self.faults.count() == 0 {
            self.fault_file("there is no row below the header".to_owned());
        }
    }

    fn fault_cell(&mut self, line: &[u8], cell: Cell<'_>, what: &str) {
        let message = format!("{} {what}", shown(cell.text));
        self.fault(column(line, cell.at), message);
    }

    fn fault_file(&mut self, message: String) {
        self.number = 0;
        self.fault(0, message);
    }

    fn fault(&mut self, column: usize, message: String) {
        let (file, line) = (&self.name, self.number);
        self.faults.add(|| Fault {
            file: file.clone(),
            line,
            column,
            message,
        });
    }
}

fn meaning_of(name: &str) -> Meaning {
    let is = |wanted: &str| name.eq_ignore_ascii_case(wanted);
    if is("t_s") {
        Meaning::Seconds
    } else if TIME_NAMES.iter().any(|name| is(name)) {
        Meaning::Calendar
    } else if is("mode") {
        Meaning::Mode
    } else if is("cycle_start") {
        Meaning::CycleStart
    } else if name.is_empty() || LABEL_NAMES.iter().any(|name| is(name)) {
        Meaning::Ignored
    } else {
        Meaning::Value
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the caller has bounded the seconds so that the nanoseconds fit"
)]
fn nanos(seconds: f64) -> i64 {
    (seconds * 1e9).round() as i64
}

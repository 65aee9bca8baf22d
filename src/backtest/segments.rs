//! Labelled stretches of rows: `segments.csv`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::score::{Class, Segment};
use crate::config::did_you_mean;
use crate::replay::{Cell, Cells, Fault, Faults, column, open_counted, read_line, shown};

/// Columns that must be there.
const COLUMNS: [&str; 4] = ["file", "start", "end", "kind"];

/// A segment and where it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Located {
    pub(super) segment: Segment,
    /// Line of the file, from 1.
    line: u64,
    /// Column of its end, in characters from 1.
    column: usize,
}

/// The segments of every recording that has some, in the order of their start.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Segments {
    name: String,
    by_file: BTreeMap<String, Vec<Located>>,
}

impl Segments {
    /// Reads the file; none when there is none. `files` are the names that it may name.
    pub(super) fn read(path: &Path, files: &[&str], faults: &mut Faults) -> Option<Self> {
        if !path.exists() {
            return None;
        }
        let mut reading = Reading {
            name: path.display().to_string(),
            files,
            number: 0,
            columns: Columns::default(),
            by_file: BTreeMap::new(),
            faults,
        };
        reading.run(path);
        let mut by_file = reading.by_file;
        for segments in by_file.values_mut() {
            segments.sort_by_key(|located| (located.segment.start, located.segment.end));
        }
        Some(Self {
            name: path.display().to_string(),
            by_file,
        })
    }

    /// The segments of a recording of `rows` rows; those that reach beyond it are faults.
    pub(super) fn of(&self, file: &str, rows: usize, faults: &mut Faults) -> Vec<Segment> {
        let located = self.by_file.get(file).map_or(&[][..], Vec::as_slice);
        for outside in located.iter().filter(|l| l.segment.end >= rows) {
            faults.add(|| Fault {
                file: self.name.clone(),
                line: outside.line,
                column: outside.column,
                message: format!(
                    "end = {} is outside of {file}, which has {rows} rows; allowed: start to {}",
                    outside.segment.end,
                    rows.saturating_sub(1)
                ),
            });
        }
        located.iter().map(|l| l.segment.clone()).collect()
    }
}

/// Where the columns are.
#[derive(Debug, Clone, Copy, Default)]
struct Columns {
    count: usize,
    file: usize,
    start: usize,
    end: usize,
    kind: usize,
    class: Option<usize>,
}

struct Reading<'a> {
    name: String,
    files: &'a [&'a str],
    number: u64,
    columns: Columns,
    by_file: BTreeMap<String, Vec<Located>>,
    faults: &'a mut Faults,
}

impl Reading<'_> {
    fn run(&mut self, path: &Path) {
        let mut reader = match open_counted(path, Arc::new(AtomicU64::new(0))) {
            Ok(reader) => reader,
            Err(error) => return self.fault(0, format!("cannot be opened: {error}")),
        };
        let mut line = Vec::new();
        loop {
            self.number += 1;
            match read_line(&mut reader, &mut line) {
                Ok(true) if self.number == 1 => {
                    if !self.take_header(&line) {
                        return;
                    }
                }
                Ok(true) => self.take_row(&line),
                Ok(false) if self.number == 1 => {
                    let columns = COLUMNS.join(", ");
                    return self.fault(0, format!("is empty; its first line names {columns}"));
                }
                Ok(false) => return,
                Err(error) => return self.fault(0, format!("cannot be read further: {error}")),
            }
        }
    }

    fn take_header(&mut self, line: &[u8]) -> bool {
        let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
        let names: Vec<&[u8]> = Cells::new(line, b',').map(|cell| cell.text).collect();
        let place = |wanted: &str| names.iter().position(|name| *name == wanted.as_bytes());
        let [file, start, end, kind] = COLUMNS.map(place);
        if let (Some(file), Some(start), Some(end), Some(kind)) = (file, start, end, kind) {
            self.columns = Columns {
                count: names.len(),
                file,
                start,
                end,
                kind,
                class: place("class"),
            };
            return true;
        }
        let missing: Vec<&str> = COLUMNS
            .into_iter()
            .filter(|name| place(name).is_none())
            .collect();
        let message = format!(
            "has no column {}; needed are {}, allowed is class",
            missing.join(", "),
            COLUMNS.join(", ")
        );
        self.fault(1, message);
        false
    }

    fn take_row(&mut self, line: &[u8]) {
        if line.trim_ascii().is_empty() {
            return;
        }
        let cells: Vec<Cell<'_>> = Cells::new(line, b',').collect();
        let columns = self.columns;
        if cells.len() != columns.count {
            let (has, header) = (cells.len(), columns.count);
            self.fault(
                0,
                format!("the row has {has} cells, the header has {header}"),
            );
            return;
        }
        let cell = |index: usize| cells.get(index).copied();
        let (Some(file), Some(start), Some(end), Some(kind)) = (
            cell(columns.file),
            cell(columns.start),
            cell(columns.end),
            cell(columns.kind),
        ) else {
            return;
        };
        let name = self.file(line, file);
        let rows = (self.row(line, start), self.row(line, end));
        let class = match columns.class.and_then(cell) {
            Some(class) => self.class(line, class),
            None => Some(Class::Anomaly),
        };
        let (Some(name), (Some(first), Some(last)), Some(class)) = (name, rows, class) else {
            return;
        };
        if last < first {
            let message = format!("end = {last} is before start = {first}");
            self.fault(column(line, end.at), message);
            return;
        }
        let located = Located {
            segment: Segment {
                start: first,
                end: last,
                kind: String::from_utf8_lossy(kind.text).into_owned(),
                class,
            },
            line: self.number,
            column: column(line, end.at),
        };
        self.by_file.entry(name).or_default().push(located);
    }

    fn file(&mut self, line: &[u8], cell: Cell<'_>) -> Option<String> {
        let name = String::from_utf8_lossy(cell.text).into_owned();
        if self.files.contains(&name.as_str()) {
            return Some(name);
        }
        let hint = did_you_mean(&name, self.files.iter().copied());
        let shown = shown(cell.text);
        let what = format!(
            "{shown} is no recording of this data set{hint}; allowed: paths below data without .gz"
        );
        self.fault(column(line, cell.at), what);
        None
    }

    fn row(&mut self, line: &[u8], cell: Cell<'_>) -> Option<usize> {
        let row = std::str::from_utf8(cell.text)
            .ok()
            .and_then(|text| text.parse().ok());
        if row.is_none() {
            let what = format!("{} is no row; allowed: 0, 1, 2, …", shown(cell.text));
            self.fault(column(line, cell.at), what);
        }
        row
    }

    fn class(&mut self, line: &[u8], cell: Cell<'_>) -> Option<Class> {
        let text = String::from_utf8_lossy(cell.text);
        let class = Class::ALL.into_iter().find(|class| class.as_str() == text);
        if class.is_none() {
            let names = Class::ALL.map(Class::as_str);
            let hint = did_you_mean(&text, names);
            let allowed = names.join(", ");
            let what = format!("{} is no class; allowed: {allowed}{hint}", shown(cell.text));
            self.fault(column(line, cell.at), what);
        }
        class
    }

    fn fault(&mut self, column: usize, message: String) {
        let (file, line) = (
            &self.name,
            if column == 0 && self.number == 1 {
                0
            } else {
                self.number
            },
        );
        self.faults.add(|| Fault {
            file: file.clone(),
            line,
            column,
            message,
        });
    }
}

//! One input: plain or gzip, read row by row.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::bytes::{open_counted, read_line};
use super::cell::{TagColumn, quality_of};
use super::fault::{Fault, Faults, shown};
use super::header::{KnownTags, Layout, Meaning, Reading, read_header};
use super::line::{Cell, Cells, column};
use super::quality::{self, parse_quality};
use super::time::{self, parse_time};
use crate::model::{Quality, Sample, TagId, Timestamp, Value};

/// Names of unknown tags remembered, so that each is reported once.
const UNKNOWN_KEPT: usize = 100;

/// What reading gathers besides samples.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// Cells and rows that could not be read.
    pub(super) faults: Faults,
    /// Unknown tags that were ignored, with what is to be said of each.
    pub(super) unknown: BTreeMap<String, String>,
}

/// An input with the row that comes next.
pub(super) struct Source<'t> {
    name: String,
    reader: Box<dyn BufRead + Send>,
    tags: &'t KnownTags,
    reading: Reading,
    time_column: usize,
    ignore_unknown: bool,
    line: Vec<u8>,
    number: u64,
    head: Option<Timestamp>,
    /// Text of the last time: in long files many rows have the same.
    time_text: Vec<u8>,
    /// The tag that came after each tag last time: in long files they come in turns.
    follower: Vec<TagId>,
    last: TagId,
}

impl<'t> Source<'t> {
    /// Opens an input (`-` is standard input) and reads its header. `read` counts the bytes taken from it.
    pub(super) fn open(
        path: &Path,
        tags: &'t KnownTags,
        ignore_unknown: bool,
        read: Arc<AtomicU64>,
    ) -> Result<Self, Vec<Fault>> {
        let name = path.display().to_string();
        let fault = |line, column, message| Fault {
            file: name.clone(),
            line,
            column,
            message,
        };
        let mut reader = open_counted(path, read)
            .map_err(|error| vec![fault(0, 0, format!("cannot be opened: {error}"))])?;
        let mut line = Vec::new();
        let is_there = read_line(&mut reader, &mut line)
            .map_err(|error| vec![fault(1, 0, format!("cannot be read: {error}"))])?;
        if !is_there {
            return Err(vec![fault(0, 0, "the file is empty".to_owned())]);
        }
        let text = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&line);
        let reading = read_header(text, tags, ignore_unknown).map_err(|faults| {
            let located = |(column, message)| fault(1, column, message);
            faults.into_iter().map(located).collect::<Vec<_>>()
        })?;
        let time_column = reading.columns.iter().position(|c| *c == Meaning::Time);
        Ok(Self {
            time_column: time_column.unwrap_or(0),
            follower: vec![TagId(0); tags.count()],
            last: TagId(0),
            head: None,
            time_text: Vec::new(),
            number: 1,
            name,
            reader,
            tags,
            reading,
            ignore_unknown,
            line,
        })
    }

    /// Columns that no tag has, with what is to be said of each.
    pub(super) fn unknown_columns(&self) -> impl Iterator<Item = (String, String)> {
        let named = |name: &String| (name.clone(), self.tags.unknown(name.as_bytes()));
        self.reading.unknown.iter().map(named)
    }

    /// The time of the next row; none at the end.
    pub(super) const fn head(&self) -> Option<Timestamp> {
        self.head
    }

    /// Where the next row stands.
    pub(super) fn place(&self) -> String {
        format!("{}:{}", self.name, self.number)
    }

    /// Goes to the next row that has a time.
    pub(super) fn advance(&mut self, notes: &mut Notes) {
        let known = self.head.take();
        loop {
            self.number += 1;
            match read_line(&mut self.reader, &mut self.line) {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    let text = format!("cannot be read further: {error}");
                    notes.faults.add(|| self.fault(0, text));
                    return;
                }
            }
            if self.line.is_empty() {
                continue;
            }
            let mut cells = Cells::new(&self.line, self.reading.separator);
            let cell = cells.nth(self.time_column);
            let text = cell.map_or(&[][..], |cell| cell.text);
            if text == self.time_text && known.is_some() {
                self.head = known;
                return;
            }
            if let Some(time) = parse_time(text) {
                self.time_text.clear();
                self.time_text.extend_from_slice(text);
                self.head = Some(time);
                return;
            }
            let at = cell.map_or(0, |cell| cell.at);
            notes.faults.add(|| {
                let message = format!("{} is no time; allowed are {}", shown(text), time::ALLOWED);
                self.fault(column(&self.line, at), message)
            });
        }
    }

    /// The samples of the row. The error is an unknown tag, unless those are ignored.
    pub(super) fn take(&mut self, out: &mut Vec<Sample>, notes: &mut Notes) -> Result<(), Fault> {
        let Some(time) = self.head else {
            return Ok(());
        };
        match self.reading.layout {
            Layout::Wide => {
                self.take_wide(time, out, notes);
                Ok(())
            }
            Layout::Long => self.take_long(time, out, notes),
        }
    }

    fn take_wide(&self, time: Timestamp, out: &mut Vec<Sample>, notes: &mut Notes) {
        let begin = out.len();
        let decimal_comma = self.reading.separator != b',';
        let mut cells = Cells::new(&self.line, self.reading.separator);
        out.reserve(self.reading.columns.len());
        for (done, meaning) in self.reading.columns.iter().enumerate() {
            // Nearly all cells are plain numbers.
            if let Meaning::Of(TagColumn { tag, expected }) = *meaning
                && expected.is_float()
                && let Some(value) = cells.next_number()
            {
                out.push(Sample {
                    tag,
                    time,
                    quality: Quality::Good,
                    value: Value::Float(value),
                });
                continue;
            }
            let Some(cell) = cells.next() else {
                out.truncate(begin);
                self.note_length(done, notes);
                return;
            };
            let Meaning::Of(TagColumn { tag, expected }) = *meaning else {
                continue;
            };
            if cell.text.is_empty() && !cell.is_quoted {
                continue;
            }
            match expected.value(cell.text, decimal_comma) {
                Ok(value) => out.push(Sample {
                    tag,
                    time,
                    quality: quality_of(&value, Quality::Good),
                    value,
                }),
                Err(allowed) => self.note_cell(cell, allowed, notes),
            }
        }
        if let Some(more) = self.surplus(cells) {
            out.truncate(begin);
            self.note_length(more, notes);
        }
    }

    fn take_long(
        &mut self,
        time: Timestamp,
        out: &mut Vec<Sample>,
        notes: &mut Notes,
    ) -> Result<(), Fault> {
        let mut cells = Cells::new(&self.line, self.reading.separator);
        let (mut tag, mut value, mut quality) = (None, None, None);
        for (done, meaning) in self.reading.columns.iter().enumerate() {
            let cell = cells.next();
            match meaning {
                _ if cell.is_none() => {
                    self.note_length(done, notes);
                    return Ok(());
                }
                Meaning::Tag => tag = cell,
                Meaning::Value => value = cell,
                Meaning::Quality => quality = cell,
                Meaning::Time | Meaning::Of(_) | Meaning::Ignored => {}
            }
        }
        if let Some(more) = self.surplus(cells) {
            self.note_length(more, notes);
            return Ok(());
        }
        let (Some(tag), Some(value)) = (tag, value) else {
            return Ok(());
        };
        let Some(known) = self.known(tag.text) else {
            return self.note_unknown(tag, notes);
        };
        if let Some(follower) = self.follower.get_mut(self.last.index()) {
            *follower = known.tag;
        }
        self.last = known.tag;
        let quality = match quality.filter(|cell| !cell.text.is_empty()) {
            None => Quality::Good,
            Some(cell) => {
                let Some(quality) = parse_quality(cell.text) else {
                    self.note_cell(cell, quality::ALLOWED, notes);
                    return Ok(());
                };
                quality
            }
        };
        let decimal_comma = self.reading.separator != b',';
        let parsed = if value.text.is_empty() && !value.is_quoted {
            Ok(Value::Missing)
        } else {
            known.expected.value(value.text, decimal_comma)
        };
        match parsed {
            Ok(value) => out.push(Sample {
                tag: known.tag,
                time,
                quality: quality_of(&value, quality),
                value,
            }),
            Err(allowed) => self.note_cell(value, allowed, notes),
        }
        Ok(())
    }

    /// The tag with this name; the one that followed last time is looked at first.
    fn known(&self, name: &[u8]) -> Option<TagColumn> {
        let guess = self.follower.get(self.last.index()).copied();
        guess
            .and_then(|guess| self.tags.get_if(guess, name))
            .or_else(|| self.tags.get(name))
    }

    /// How many cells the row has, when there are more than the header has and one of them holds something.
    fn surplus(&self, cells: Cells<'_>) -> Option<usize> {
        let known = self.reading.columns.len();
        let (mut count, mut is_filled) = (known, false);
        for cell in cells {
            count += 1;
            is_filled |= !cell.text.is_empty();
        }
        is_filled.then_some(count)
    }

    fn note_length(&self, cells: usize, notes: &mut Notes) {
        notes.faults.add(|| {
            let columns = self.reading.columns.len();
            let message = format!("the row has {cells} cells, the header has {columns}");
            self.fault(0, message)
        });
    }

    fn note_cell(&self, cell: Cell<'_>, allowed: &str, notes: &mut Notes) {
        notes.faults.add(|| {
            let message = format!("{} cannot be read: {allowed}", shown(cell.text));
            self.fault(column(&self.line, cell.at), message)
        });
    }

    fn note_unknown(&self, cell: Cell<'_>, notes: &mut Notes) -> Result<(), Fault> {
        if !self.ignore_unknown {
            let message = self.tags.unknown(cell.text);
            return Err(self.fault(column(&self.line, cell.at), message));
        }
        if notes.unknown.len() < UNKNOWN_KEPT {
            let name = String::from_utf8_lossy(cell.text).into_owned();
            let describe = || self.tags.unknown(cell.text);
            notes.unknown.entry(name).or_insert_with(describe);
        }
        Ok(())
    }

    fn fault(&self, column: usize, message: String) -> Fault {
        Fault {
            file: self.name.clone(),
            line: self.number,
            column,
            message,
        }
    }
}

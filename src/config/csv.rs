//! Tag CSV files: a header line, then one tag per line, every cell with its place.
//!
//! RFC 4180 with what spreadsheets make of it: `,`, `;` or tab between cells (the header decides), quotes around
//! cells, a byte order mark, CRLF. Blank lines and lines that start with `#` are skipped.

use std::collections::BTreeMap;

use super::fault::{At, Faults};
use super::nearest::did_you_mean;
use super::node::{Node, Table, Value};

/// Columns, the table of a tag that they belong to (empty: the tag itself), and the key there.
const COLUMNS: [(&str, &str, &str); 27] = [
    ("name", "", "name"),
    ("address", "", "address"),
    ("asset", "", "asset"),
    ("type", "", "type"),
    ("order", "", "order"),
    ("rate", "", "rate"),
    ("phase", "", "phase"),
    ("unit", "", "unit"),
    ("scale", "", "scale"),
    ("offset", "", "offset"),
    ("sentinels", "", "sentinels"),
    ("description", "", "description"),
    ("advice", "", "advice"),
    ("min", "validate", "min"),
    ("max", "validate", "max"),
    ("max_rate_per_s", "validate", "max_rate_per_s"),
    ("stale_after", "validate", "stale_after"),
    ("stuck_after", "validate", "stuck_after"),
    ("gap_after", "validate", "gap_after"),
    ("summary", "publish", "summary"),
    ("raw", "publish", "raw"),
    ("deadband", "publish", "deadband"),
    ("heartbeat", "publish", "heartbeat"),
    ("detect", "detect", "on"),
    ("detect_shift", "detect", "detect_shift"),
    ("false_alarms", "detect", "false_alarms"),
    ("learn", "detect", "learn"),
];

/// A column of `andon browse` that is not read: it shows what a tag held, for whoever picks the tags.
const SHOWN: &str = "value";

/// One cell: where it stands, quotes included, and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cell {
    start: usize,
    end: usize,
    text: String,
    /// A quote without its partner.
    broken: bool,
}

type Column = (&'static str, &'static str, &'static str);

/// The lines of a tag CSV as tables of the same shape as `[[device.tag]]`, one at a time: a plant's whole list as
/// tables takes ten times its room as text.
pub(super) fn parse_csv<'t>(
    text: &'t str,
    number: usize,
    faults: &'t Faults,
) -> impl Iterator<Item = Table> + 't {
    let mut lines = Lines {
        text,
        at: text.len() - text.trim_start_matches('\u{feff}').len(),
        delimiter: delimiter(text),
    };
    let header = lines.next().unwrap_or_default();
    if header.is_empty() {
        let at = At {
            text: number,
            start: 0,
            end: 0,
        };
        faults.report(at, format!("the header line is missing; {}", allowed()));
    }
    let columns = columns(&header, number, faults);
    lines.filter_map(move |cells| row(&cells, &columns, number, faults))
}

/// Whichever of `,`, `;` and tab stands most often in the header line.
fn delimiter(text: &str) -> char {
    let header = text
        .lines()
        .map(|line| line.trim_start_matches('\u{feff}'))
        .find(|line| !is_skipped(line))
        .unwrap_or_default();
    [';', '\t'].into_iter().fold(',', |best, candidate| {
        if header.matches(candidate).count() > header.matches(best).count() {
            candidate
        } else {
            best
        }
    })
}

fn is_skipped(line: &str) -> bool {
    line.trim().is_empty() || line.starts_with('#')
}

fn columns(header: &[Cell], number: usize, faults: &Faults) -> Vec<Option<Column>> {
    let mut seen: Vec<Column> = Vec::new();
    let mut columns = Vec::with_capacity(header.len());
    for cell in header {
        let name = cell.text.trim();
        let found = COLUMNS.into_iter().find(|(column, _, _)| *column == name);
        let report = |message: String| faults.report(place(cell, number), message);
        match found {
            None if name == SHOWN => {}
            None if name.is_empty() => report("a column has no name".to_owned()),
            None => {
                let hint = did_you_mean(name, COLUMNS.map(|(column, _, _)| column));
                let name: String = name
                    .chars()
                    .take(60)
                    .flat_map(char::escape_default)
                    .collect();
                let message = format!("{name} is not a known column{hint}; {}", allowed());
                faults.report_as(place(cell, number), message, "unknown column");
            }
            Some(column) if seen.contains(&column) => {
                report(format!("the column {name} is there twice"));
            }
            Some(column) => seen.push(column),
        }
        columns.push(found);
    }
    columns
}

fn row(
    cells: &[Cell],
    columns: &[Option<Column>],
    number: usize,
    faults: &Faults,
) -> Option<Table> {
    let (first, last) = (cells.first()?, cells.last()?);
    let at = At {
        text: number,
        start: first.start,
        end: last.end,
    };
    // Spreadsheets pad short lines with empty cells.
    if cells.iter().all(|cell| cell.text.trim().is_empty()) {
        return None;
    }
    if let Some(extra) = cells
        .get(columns.len()..)
        .and_then(|rest| rest.iter().find(|cell| !cell.text.trim().is_empty()))
    {
        let message = format!("there is a cell beyond the {} of the header", columns.len());
        faults.report(place(extra, number), message);
    }
    let mut groups: BTreeMap<&str, Table> = BTreeMap::new();
    for (cell, column) in cells.iter().zip(columns) {
        let text = cell.text.trim();
        if cell.broken {
            faults.report(place(cell, number), "a quote has no partner".to_owned());
        }
        if let (Some((_, group, key)), false) = (column, text.is_empty()) {
            let node = value(key, cell, number);
            let table = groups.entry(group).or_insert_with(|| flat(at));
            table.entries.insert((*key).to_owned(), (node.at, node));
        }
    }
    let mut tag = groups.remove("").unwrap_or_else(|| flat(at));
    for (group, table) in groups {
        let node = Node {
            at: first_place(&table).unwrap_or(at),
            value: Value::Table(table),
        };
        tag.entries.insert(group.to_owned(), (node.at, node));
    }
    Some(tag)
}

/// A cell as a value; `sentinels` holds several numbers separated by blanks.
fn value(key: &str, cell: &Cell, number: usize) -> Node {
    let at = place(cell, number);
    let text = cell.text.trim();
    let value = if key == "sentinels" {
        let items = text.split_whitespace().map(|item| Node {
            at,
            value: Value::Cell(item.to_owned()),
        });
        Value::List(items.collect())
    } else {
        Value::Cell(text.to_owned())
    };
    Node { at, value }
}

fn flat(at: At) -> Table {
    Table {
        flat: true,
        ..Table::empty(at)
    }
}

fn first_place(table: &Table) -> Option<At> {
    table.entries.values().map(|(at, _)| *at).min()
}

fn place(cell: &Cell, number: usize) -> At {
    At {
        text: number,
        start: cell.start,
        end: cell.end,
    }
}

fn allowed() -> String {
    let names: Vec<&str> = COLUMNS.iter().map(|(name, _, _)| *name).collect();
    format!("allowed: {}", names.join(", "))
}

/// The lines of a CSV text, split into cells.
#[derive(Debug)]
struct Lines<'t> {
    text: &'t str,
    at: usize,
    delimiter: char,
}

impl Iterator for Lines<'_> {
    type Item = Vec<Cell>;

    fn next(&mut self) -> Option<Vec<Cell>> {
        loop {
            let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
            let line = rest.lines().next().unwrap_or_default();
            if !is_skipped(line) {
                return Some(self.cells());
            }
            self.at += rest.find('\n').map_or(rest.len(), |newline| newline + 1);
        }
    }
}

impl Lines<'_> {
    /// The cells up to the end of the line, which a quoted cell may carry over line breaks.
    fn cells(&mut self) -> Vec<Cell> {
        let mut cells = Vec::new();
        loop {
            let cell = self.cell();
            self.at = cell.end;
            cells.push(cell);
            let rest = self.text.get(self.at..).unwrap_or_default();
            if let Some(after) = rest.strip_prefix(self.delimiter) {
                self.at = self.text.len() - after.len();
                continue;
            }
            let after = rest.strip_prefix('\r').unwrap_or(rest);
            let after = after.strip_prefix('\n').unwrap_or(after);
            self.at = self.text.len() - after.len();
            return cells;
        }
    }

    /// One cell from `self.at` to the delimiter or line end after it.
    fn cell(&self) -> Cell {
        let start = self.at;
        let rest = self.text.get(start..).unwrap_or_default();
        let Some(quoted) = rest.strip_prefix('"') else {
            let end = self.plain_end(rest);
            return Cell {
                start,
                end: start + end,
                text: rest.get(..end).unwrap_or_default().to_owned(),
                broken: false,
            };
        };
        let mut text = String::new();
        let mut chars = quoted.char_indices().peekable();
        while let Some((index, c)) = chars.next() {
            if c != '"' {
                text.push(c);
                continue;
            }
            if chars.next_if(|(_, next)| *next == '"').is_some() {
                text.push('"');
                continue;
            }
            let after = quoted.get(index + 1..).unwrap_or_default();
            let trailing = self.plain_end(after);
            return Cell {
                start,
                end: start + 1 + index + 1 + trailing,
                text,
                broken: trailing > 0,
            };
        }
        // Without a closing quote the cell is this line only, so that the lines below are still checked.
        let end = 1 + self.plain_end(quoted);
        Cell {
            start,
            end: start + end,
            text: rest.get(1..end).unwrap_or_default().to_owned(),
            broken: true,
        }
    }

    fn plain_end(&self, rest: &str) -> usize {
        let line = rest.find('\n').unwrap_or(rest.len());
        let line = rest.get(..line).unwrap_or_default();
        let line = line.strip_suffix('\r').unwrap_or(line);
        line.find(self.delimiter).unwrap_or(line.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(text: &str, delimiter: char) -> Vec<Vec<String>> {
        let lines = Lines {
            text,
            at: 0,
            delimiter,
        };
        lines
            .map(|cells| cells.into_iter().map(|cell| cell.text).collect())
            .collect()
    }

    #[test]
    fn cells_may_be_quoted() {
        let text = "a,\"b,\"\"c\"\"\",\r\n\n# note\n\"two\nlines\",x";
        assert_eq!(
            split(text, ','),
            [vec!["a", "b,\"c\"", ""], vec!["two\nlines", "x"]]
        );
    }

    #[test]
    fn the_header_decides_the_delimiter() {
        assert_eq!(delimiter("name,address\na;b;c"), ',');
        assert_eq!(delimiter("# a,b,c\nname;address"), ';');
        assert_eq!(delimiter("\u{feff}name\taddress"), '\t');
        assert_eq!(delimiter(""), ',');
    }

    #[test]
    fn cells_know_their_place() {
        let text = "ä,\"b\"\nc,d";
        let lines = Lines {
            text,
            at: 0,
            delimiter: ',',
        };
        let places: Vec<&str> = lines
            .flatten()
            .map(|c| text.get(c.start..c.end).unwrap())
            .collect();
        assert_eq!(places, ["ä", "\"b\"", "c", "d"]);
    }

    proptest! {
        /// The csv crate is the reference for well-formed text.
        #[test]
        fn well_formed_text_splits_like_the_csv_crate(
            rows in prop::collection::vec(prop::collection::vec("[a-c,\"\nä ]{1,6}", 3), 1..6)
        ) {
            let mut writer = csv::WriterBuilder::new()
                .quote_style(csv::QuoteStyle::Always)
                .from_writer(Vec::new());
            for row in &rows {
                writer.write_record(row).unwrap();
            }
            let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            prop_assert_eq!(split(&text, ','), rows);
        }
    }
}

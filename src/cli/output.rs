//! How commands print: results on stdout, everything else on stderr, a closed pipe is no error.

use std::io::{self, ErrorKind, Write};

/// Writes `text` to stdout. `andon … | head` closes the pipe early on purpose: that is success.
pub(super) fn print(text: &str) -> io::Result<()> {
    quiet(io::stdout().lock(), text)
}

/// Writes `value` and a line break to stdout as JSON.
pub(super) fn print_json(value: &serde_json::Value) -> io::Result<()> {
    print(&format!("{value:#}\n"))
}

/// Writes `text` to stderr. When not even that works there is nowhere left to say so.
pub(super) fn complain(text: &str) {
    quiet(io::stderr().lock(), text).ok();
}

fn quiet(mut out: impl Write, text: &str) -> io::Result<()> {
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// On which side of its column a cell stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// A table for people: columns as wide as their widest cell, two blanks between them.
#[derive(Debug, Clone)]
pub(super) struct Table {
    columns: Vec<(String, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with a header.
    pub(super) fn new(columns: &[(&str, Align)]) -> Self {
        let columns = columns
            .iter()
            .map(|(name, align)| ((*name).to_owned(), *align))
            .collect();
        Self {
            columns,
            rows: Vec::new(),
        }
    }

    /// Adds a row; cells beyond the header are left out, missing ones are empty.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let mut cells: Vec<String> = cells.into_iter().collect();
        cells.resize(self.columns.len(), String::new());
        self.rows.push(cells);
    }

    /// The table as lines without trailing blanks.
    pub(super) fn render(&self) -> String {
        let header: Vec<String> = self.columns.iter().map(|(name, _)| name.clone()).collect();
        let mut widths: Vec<usize> = header.iter().map(|cell| width(cell)).collect();
        for row in &self.rows {
            for (widest, cell) in widths.iter_mut().zip(row) {
                *widest = (*widest).max(width(cell));
            }
        }
        let mut text = String::new();
        for row in std::iter::once(&header).chain(&self.rows) {
            let cells = row.iter().zip(&widths).zip(&self.columns);
            let line: Vec<String> = cells
                .map(|((cell, widest), (_, align))| padded(cell, *widest, *align))
                .collect();
            text.push_str(line.join("  ").trim_end());
            text.push('\n');
        }
        text
    }
}

fn padded(cell: &str, widest: usize, align: Align) -> String {
    let blanks = " ".repeat(widest.saturating_sub(width(cell)));
    match align {
        Align::Left => format!("{cell}{blanks}"),
        Align::Right => format!("{blanks}{cell}"),
    }
}

/// Width on a terminal, taking every character as one cell wide.
fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_fit_their_widest_cell() {
        let mut table = Table::new(&[("name", Align::Left), ("n", Align::Right)]);
        table.row(["öfen".to_owned(), "7".to_owned()]);
        table.row(["press-12".to_owned(), "1000".to_owned(), "extra".to_owned()]);
        table.row(["last".to_owned()]);
        assert_eq!(
            table.render(),
            "name         n\nöfen         7\npress-12  1000\nlast\n"
        );
    }

    /// Fails every write with one kind of error.
    #[derive(Debug)]
    struct Broken(ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_closed_pipe_is_quiet_and_a_full_disk_is_not() {
        assert!(quiet(Broken(ErrorKind::BrokenPipe), "x").is_ok());
        assert!(quiet(Broken(ErrorKind::StorageFull), "x").is_err());
    }
}

//! A line and its cells.

use super::number::leading_number;

/// One cell of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cell<'a> {
    /// The text without blanks around it and without the quotes; a doubled quote inside of quotes is still double.
    pub(crate) text: &'a [u8],
    /// Where the cell begins in its line, in bytes from 0.
    pub(crate) at: usize,
    /// Whether it stood in quotes.
    pub(crate) is_quoted: bool,
}

/// The cells of one line, left to right; a line of nothing has one empty cell.
#[derive(Debug, Clone)]
pub(crate) struct Cells<'a> {
    line: &'a [u8],
    separator: u8,
    /// Where the next cell begins; none after the last.
    next: Option<usize>,
}

impl<'a> Cells<'a> {
    pub(crate) const fn new(line: &'a [u8], separator: u8) -> Self {
        Self {
            line,
            separator,
            next: Some(0),
        }
    }

    /// The value of the next cell when it is a short, plain number; otherwise the cell is still to come.
    #[inline]
    pub(super) fn next_number(&mut self) -> Option<f64> {
        let at = self.next?;
        let (value, length) = leading_number(self.line.get(at..)?, self.separator)?;
        self.next = Some(at + length + 1);
        Some(value)
    }
}

impl<'a> Iterator for Cells<'a> {
    type Item = Cell<'a>;

    fn next(&mut self) -> Option<Cell<'a>> {
        let at = self.next?;
        let rest = self.line.get(at..).unwrap_or_default();
        let is_quoted = rest.first() == Some(&b'"');
        let inside = if is_quoted { quoted_length(rest) } else { 0 };
        let tail = rest.get(inside..).unwrap_or_default();
        let end = tail.iter().position(|b| *b == self.separator);
        self.next = end.map(|end| at + inside + end + 1);
        let length = inside + end.unwrap_or(tail.len());
        let text = rest.get(..length).unwrap_or_default().trim_ascii();
        Some(Cell {
            text: if is_quoted { unquoted(text) } else { text },
            at,
            is_quoted,
        })
    }
}

/// Length of the quoted text that `rest` begins with, quotes included; all of it when the quotes never close.
fn quoted_length(rest: &[u8]) -> usize {
    let mut at = 1;
    while let Some(byte) = rest.get(at) {
        at += 1;
        if *byte == b'"' {
            match rest.get(at) {
                Some(b'"') => at += 1,
                _ => return at,
            }
        }
    }
    rest.len()
}

fn unquoted(text: &[u8]) -> &[u8] {
    let text = text.strip_prefix(b"\"").unwrap_or(text);
    text.strip_suffix(b"\"").unwrap_or(text).trim_ascii()
}

/// The column, in characters from 1, of a byte of a line.
pub(crate) fn column(line: &[u8], at: usize) -> usize {
    let before = line.get(..at).unwrap_or(line);
    String::from_utf8_lossy(before).chars().count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(line: &str, separator: u8, expected: &[(&str, usize)]) {
        let cells: Vec<(&str, usize)> = Cells::new(line.as_bytes(), separator)
            .map(|cell| (std::str::from_utf8(cell.text).unwrap(), cell.at))
            .collect();
        assert_eq!(cells, expected, "{line:?}");
    }

    #[test]
    fn a_line_is_cut_at_its_separators() {
        check("a,b,c", b',', &[("a", 0), ("b", 2), ("c", 4)]);
        check("a, b ,", b',', &[("a", 0), ("b", 2), ("", 6)]);
        check("a;b,c", b';', &[("a", 0), ("b,c", 2)]);
        check("a\t\tc", b'\t', &[("a", 0), ("", 2), ("c", 3)]);
        check("", b',', &[("", 0)]);
    }

    #[test]
    fn quotes_protect_separators() {
        check(r#""a,b",c"#, b',', &[("a,b", 0), ("c", 6)]);
        check(r#""a""b",c"#, b',', &[(r#"a""b"#, 0), ("c", 7)]);
        check(r#""a" ,"b"#, b',', &[("a", 0), ("b", 5)]);
        check(r#"a"b,c"#, b',', &[(r#"a"b"#, 0), ("c", 4)]);
        check(r#""","#, b',', &[("", 0), ("", 3)]);
        check(r#""a,b"#, b',', &[("a,b", 0)]);
    }

    #[test]
    fn a_number_is_taken_only_when_it_is_plain() {
        let mut cells = Cells::new(b"1.5,\"2\",-3,bad,4", b',');
        assert_eq!(cells.next_number(), Some(1.5));
        assert_eq!(cells.next_number(), None);
        assert_eq!(cells.next().unwrap().text, b"2");
        assert_eq!(cells.next_number(), Some(-3.0));
        assert_eq!(cells.next_number(), None);
        assert_eq!(cells.next().unwrap().text, b"bad");
        assert_eq!(
            cells.next().unwrap(),
            Cell {
                text: b"4",
                at: 15,
                is_quoted: false
            }
        );
        assert_eq!(cells.next_number(), None);
    }

    #[test]
    fn columns_are_characters() {
        assert_eq!(column("°C,x".as_bytes(), 4), 4);
        assert_eq!(column(b"abc", 99), 4);
    }

    proptest! {
        #[test]
        fn cells_never_overlap_and_always_end(line in prop::collection::vec(any::<u8>(), 0..60), separator in any::<u8>()) {
            let starts: Vec<usize> = Cells::new(&line, separator).map(|cell| cell.at).collect();
            prop_assert!(starts.is_sorted_by(|a, b| a < b));
            prop_assert!(starts.len() <= line.len() + 1);
        }
    }
}

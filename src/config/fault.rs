//! Faults and where they stand: texts by number, places as byte ranges, `file:line:col` only when printed.

use std::cell::RefCell;
use std::collections::BTreeMap;

/// Most faults kept; a wrong file (say, a log given as configuration) must not fill the memory.
const FAULTS_MAX: usize = 1_000;

/// Faults of one tag CSV that say the same, value and line aside, are shown this often and then counted: a whole file
/// may have a wrong decimal point.
const ALIKE_SHOWN: usize = 3;

/// Most characters of a value quoted in a message.
const QUOTED_CHARS_MAX: usize = 60;

/// Every fault found, in file order.
#[derive(Debug, thiserror::Error)]
#[error("the configuration has {total} fault(s)")]
pub struct ConfigError {
    /// The faults; at most 1,000. Of those of a tag CSV that say the same, the first few.
    pub faults: Vec<Fault>,
    /// How many there are, those that are not listed included.
    pub total: usize,
}

/// One fault and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// `file:line:col`, file as given by the user; line and column count from 1, columns in characters.
    pub at: String,
    /// What is wrong and what is allowed.
    pub message: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.at, self.message)
    }
}

/// A stretch of one of the texts that make up a configuration. Ordered as the operator reads: the TOML file
/// first, then each tag CSV in the order in which it is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct At {
    /// Which text, see [`Faults::add_text`].
    pub text: usize,
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// Collects faults while a configuration is read, and holds the texts they point into.
#[derive(Debug, Default)]
pub(super) struct Faults {
    texts: RefCell<Vec<(String, String)>>,
    found: RefCell<Found>,
}

#[derive(Debug, Default)]
struct Found {
    listed: Vec<(At, String)>,
    total: usize,
    /// By text and by what they say.
    alike: BTreeMap<(usize, String), Alike>,
}

/// Faults of one tag CSV that say the same.
#[derive(Debug, Default)]
struct Alike {
    /// Where the latest stands.
    last: Option<At>,
    count: usize,
    /// The last one that is listed.
    listed: Option<usize>,
}

impl Found {
    fn add(&mut self, at: At, message: String, what: &str) {
        // The first text is the TOML file, where every fault is written by hand.
        if at.text > 0 {
            let alike = self.alike.entry((at.text, what.to_owned())).or_default();
            if alike.last.replace(at) == Some(at) {
                return;
            }
            alike.count += 1;
            if alike.count > ALIKE_SHOWN {
                self.total += 1;
                return;
            }
            alike.listed = Some(self.listed.len());
        }
        self.total += 1;
        if self.listed.len() < FAULTS_MAX {
            self.listed.push((at, message));
        }
    }

    /// Says at the last listed of each kind how many more there are.
    fn sum_up(&mut self) {
        for alike in self.alike.values() {
            let more = alike.count.saturating_sub(ALIKE_SHOWN);
            let last = alike.listed.and_then(|index| self.listed.get_mut(index));
            if let (Some((_, message)), true) = (last, more > 0) {
                *message = format!("{message}; and {more} more like it in this file");
            }
        }
    }
}

impl Faults {
    /// Registers a text under the name by which the operator knows it.
    pub(super) fn add_text(&self, name: &str, text: &str) -> usize {
        let mut texts = self.texts.borrow_mut();
        texts.push((name.to_owned(), text.to_owned()));
        texts.len() - 1
    }

    /// Reports a fault.
    pub(super) fn report(&self, at: At, message: String) {
        let what = message.clone();
        self.report_as(at, message, &what);
    }

    /// Reports a fault; `what` is the part of its message that others of its kind share.
    pub(super) fn report_as(&self, at: At, message: String, what: &str) {
        self.found.borrow_mut().add(at, message, what);
    }

    /// How many faults have been reported.
    pub(super) fn count(&self) -> usize {
        self.found.borrow().total
    }

    /// The text at a place, shortened to fit into one line of a message.
    pub(super) fn quote(&self, at: At) -> String {
        let texts = self.texts.borrow();
        let written = texts
            .get(at.text)
            .and_then(|(_, text)| text.get(at.start..at.end))
            .unwrap_or_default();
        let mut quoted: String = written
            .chars()
            .take(QUOTED_CHARS_MAX)
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        if written.chars().nth(QUOTED_CHARS_MAX).is_some() {
            quoted.push('…');
        }
        quoted
    }

    /// Every fault in file order, each once.
    pub(super) fn into_error(self) -> Option<ConfigError> {
        let mut found = self.found.into_inner();
        found.sum_up();
        let mut listed = found.listed;
        if listed.is_empty() {
            return None;
        }
        let reported = listed.len();
        listed.sort();
        listed.dedup();
        let total = found.total - (reported - listed.len());
        let texts = self.texts.into_inner();
        let faults = listed
            .into_iter()
            .map(|(at, message)| Fault {
                at: place(&texts, at),
                message,
            })
            .collect();
        Some(ConfigError { faults, total })
    }
}

fn place(texts: &[(String, String)], at: At) -> String {
    let Some((name, text)) = texts.get(at.text) else {
        return String::new();
    };
    let (line, column) = line_and_column(text, at.start);
    format!("{name}:{line}:{column}")
}

/// Line and column of a byte offset, both from 1; the column counts characters. An offset inside a character
/// or beyond the end is moved back to the nearest border.
fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text
        .get(..text.floor_char_boundary(offset))
        .unwrap_or_default();
    // A byte order mark is invisible in every editor.
    let before = before.strip_prefix('\u{feff}').unwrap_or(before);
    let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
    let last = before.rsplit('\n').next().unwrap_or_default();
    (line, last.chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, offset: usize, expected: (usize, usize)) {
        assert_eq!(line_and_column(text, offset), expected, "{text:?} {offset}");
    }

    #[test]
    fn columns_count_characters_from_one() {
        check("", 0, (1, 1));
        check("ab\ncd", 0, (1, 1));
        check("ab\ncd", 2, (1, 3));
        check("ab\ncd", 3, (2, 1));
        check("ab\ncd", 4, (2, 2));
        check("ab\ncd", 99, (2, 3));
        check("°C = 1", 5, (1, 5));
        check("°C = 1", 1, (1, 1));
        check("\u{feff}a", 3, (1, 1));
        check("a\r\nb", 3, (2, 1));
    }

    #[test]
    fn faults_come_out_in_file_order_and_once() {
        let faults = Faults::default();
        let first = faults.add_text("a.toml", "one\ntwo\n");
        let second = faults.add_text("b.csv", "x,y");
        let at = |text, start| At {
            text,
            start,
            end: start + 1,
        };
        faults.report(at(second, 2), "third".into());
        faults.report(at(first, 4), "second".into());
        faults.report(at(first, 1), "first".into());
        faults.report(at(first, 1), "first".into());
        let lines: Vec<String> = faults
            .into_error()
            .unwrap()
            .faults
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            lines,
            [
                "a.toml:1:2: first",
                "a.toml:2:1: second",
                "b.csv:1:3: third"
            ]
        );
    }

    #[test]
    fn quotes_stay_on_one_short_line() {
        let faults = Faults::default();
        let text = format!("a\nb{}", "°".repeat(100));
        let number = faults.add_text("a.toml", &text);
        let quote = faults.quote(At {
            text: number,
            start: 0,
            end: text.len(),
        });
        assert_eq!(quote.chars().count(), QUOTED_CHARS_MAX + 1);
        assert!(quote.starts_with("a b°"));
    }

    #[test]
    fn a_flood_of_faults_is_bounded_but_counted() {
        let faults = Faults::default();
        let text = faults.add_text("a", "");
        for n in 0..FAULTS_MAX + 5 {
            let at = At {
                text,
                start: n,
                end: n,
            };
            faults.report(at, n.to_string());
        }
        assert_eq!(faults.count(), FAULTS_MAX + 5);
        let error = faults.into_error().unwrap();
        assert_eq!(error.faults.len(), FAULTS_MAX);
        assert_eq!(error.total, FAULTS_MAX + 5);
    }

    #[test]
    fn faults_of_one_csv_that_say_the_same_are_folded_and_counted() {
        let faults = Faults::default();
        let texts = ["a.toml", "b.csv", "c.csv"].map(|name| faults.add_text(name, "0123456789"));
        for start in 0..6 {
            for text in texts {
                let at = At {
                    text,
                    start,
                    end: start + 1,
                };
                faults.report_as(at, format!("scale = {start} is bad"), "scale is bad");
                // The same fault again counts once.
                faults.report_as(at, format!("scale = {start} is bad"), "scale is bad");
            }
        }
        let other = At {
            text: texts[1],
            start: 9,
            end: 10,
        };
        faults.report(other, "other".into());
        let error = faults.into_error().unwrap();
        assert_eq!(error.total, 3 * 6 + 1);
        let lines: Vec<String> = error.faults.iter().map(ToString::to_string).collect();
        assert_eq!(
            lines[6..],
            [
                "b.csv:1:1: scale = 0 is bad",
                "b.csv:1:2: scale = 1 is bad",
                "b.csv:1:3: scale = 2 is bad; and 3 more like it in this file",
                "b.csv:1:10: other",
                "c.csv:1:1: scale = 0 is bad",
                "c.csv:1:2: scale = 1 is bad",
                "c.csv:1:3: scale = 2 is bad; and 3 more like it in this file",
            ]
        );
    }
}

//! What could not be read, and where.

use std::fmt;

/// Faults kept with their place; beyond that they are counted only.
const KEPT: usize = 20;
/// Characters of a cell shown in a message.
const SHOWN_CHARS: usize = 40;

/// Something in an input that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which input, as given.
    pub file: String,
    /// Line, from 1; 0 is the file as a whole.
    pub line: u64,
    /// Column in characters, from 1; 0 is the line as a whole.
    pub column: usize,
    /// What is wrong and what is allowed.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if self.column > 0 {
            write!(f, ":{}", self.column)?;
        }
        write!(f, ": {}", self.message)
    }
}

/// All faults: a bounded list of the first ones, and how many there were.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Faults {
    count: u64,
    first: Vec<Fault>,
}

impl Faults {
    /// Counts a fault; `make` is called only if it is kept.
    pub(crate) fn add(&mut self, make: impl FnOnce() -> Fault) {
        self.count += 1;
        if self.first.len() < KEPT {
            self.first.push(make());
        }
    }

    /// Adds those of another list behind these.
    pub(crate) fn append(&mut self, others: Self) {
        self.count += others.count;
        let free = KEPT.saturating_sub(self.first.len());
        self.first.extend(others.first.into_iter().take(free));
    }

    /// How many there were.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The first ones.
    pub fn first(&self) -> &[Fault] {
        &self.first
    }

    /// The first ones as lines of text, and how many more there were; empty without any.
    pub fn text(&self) -> String {
        let mut lines: Vec<String> = self.first.iter().map(ToString::to_string).collect();
        match self.count.saturating_sub(lines.len() as u64) {
            0 => {}
            more => lines.push(format!("and {more} more")),
        }
        lines.join("\n")
    }
}

/// A cell as messages show it: in quotes, cut when it is long.
pub(crate) fn shown(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let cut: String = text.chars().take(SHOWN_CHARS).collect();
    let dots = if cut.len() < text.len() { "..." } else { "" };
    format!("{:?}", cut + dots)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(line: u64, column: usize) -> Fault {
        Fault {
            file: "a.csv".into(),
            line,
            column,
            message: "no".into(),
        }
    }

    #[test]
    fn a_fault_says_as_much_of_its_place_as_is_known() {
        assert_eq!(fault(3, 7).to_string(), "a.csv:3:7: no");
        assert_eq!(fault(3, 0).to_string(), "a.csv:3: no");
        assert_eq!(fault(0, 0).to_string(), "a.csv: no");
    }

    #[test]
    fn the_first_faults_are_kept_and_the_rest_is_counted() {
        let mut faults = Faults::default();
        assert_eq!(faults.text(), "");
        for line in 1..=25 {
            faults.add(|| fault(line, 1));
        }
        assert_eq!((faults.count(), faults.first().len()), (25, 20));
        assert!(faults.text().ends_with("a.csv:20:1: no\nand 5 more"));
    }

    #[test]
    fn lists_are_joined_in_order_and_stay_bounded() {
        let list = |lines: std::ops::Range<u64>| {
            let mut faults = Faults::default();
            lines.for_each(|line| faults.add(|| fault(line, 1)));
            faults
        };
        let mut all = list(1..16);
        all.append(list(16..41));
        assert_eq!((all.count(), all.first().len()), (40, 20));
        assert!(all.text().ends_with("a.csv:20:1: no\nand 20 more"));
    }
}

//! What the columns of a recording mean.

use std::collections::BTreeMap;

use super::cell::{Expected, TagColumn};
use super::line::{Cells, column};
use crate::config::{Config, did_you_mean};
use crate::model::TagId;

/// Names of the time column.
const TIME_NAMES: [&str; 7] = [
    "time",
    "timestamp",
    "datetime",
    "date_time",
    "date",
    "ts",
    "_time",
];
/// Separators, the most usual first.
const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];

/// What one column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// The time of the row.
    Time,
    /// The name of a tag.
    Tag,
    /// The value of the row's tag.
    Value,
    /// The quality of the row's value.
    Quality,
    /// Values of one tag.
    Of(TagColumn),
    /// Nothing that is looked at.
    Ignored,
}

/// Whether a row holds one value or one per tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `time,tag,value[,quality]`
    Long,
    /// A time column and one column per tag.
    Wide,
}

/// How a recording is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Byte between cells.
    pub separator: u8,
    /// One value or many per row.
    pub layout: Layout,
    /// What each column holds.
    pub columns: Vec<Meaning>,
    /// Names of columns that no tag has.
    pub unknown: Vec<String>,
}

/// The tags that a recording may name.
#[derive(Debug, Clone)]
pub struct KnownTags {
    by_name: BTreeMap<Vec<u8>, TagColumn>,
    /// By tag id.
    in_order: Vec<(Vec<u8>, TagColumn)>,
}

impl KnownTags {
    /// The tags of a configuration.
    pub fn new(config: &Config) -> Self {
        let column = |(number, tag): (u32, &crate::config::Tag)| {
            let column = TagColumn {
                tag: TagId(number),
                expected: Expected::of(tag),
            };
            (tag.name.clone().into_bytes(), column)
        };
        let in_order: Vec<_> = (0..).zip(&config.tags).map(column).collect();
        Self {
            by_name: in_order.iter().cloned().collect(),
            in_order,
        }
    }

    /// How many there are.
    pub(super) const fn count(&self) -> usize {
        self.in_order.len()
    }

    /// The tag with this number, if this is its name.
    pub(super) fn get_if(&self, tag: TagId, name: &[u8]) -> Option<TagColumn> {
        let (known, column) = self.in_order.get(tag.index())?;
        (known == name).then_some(*column)
    }

    /// The tag with this name.
    pub(super) fn get(&self, name: &[u8]) -> Option<TagColumn> {
        self.by_name.get(name).copied()
    }

    /// What is wrong with a name that no tag has, with the nearest one that some tag has.
    pub(super) fn unknown(&self, name: &[u8]) -> String {
        let name = String::from_utf8_lossy(name);
        let known = self
            .by_name
            .keys()
            .filter_map(|k| std::str::from_utf8(k).ok());
        let hint = did_you_mean(&name, known);
        format!("no tag is called \"{name}\"{hint}")
    }
}

/// Reads a header line. The error is the column in characters and what is wrong; several unknown columns are
/// several errors, unless `ignore_unknown`.
pub fn read_header(
    line: &[u8],
    tags: &KnownTags,
    ignore_unknown: bool,
) -> Result<Reading, Vec<(usize, String)>> {
    let separator = separator_of(line);
    let names: Vec<(Vec<u8>, usize)> = Cells::new(line, separator)
        .map(|cell| (cell.text.to_vec(), column(line, cell.at)))
        .collect();
    let has = |wanted: &str| names.iter().any(|(name, _)| is_name(name, wanted));
    let layout = if has("tag") && has("value") {
        Layout::Long
    } else {
        Layout::Wide
    };
    let mut columns: Vec<Meaning> = Vec::with_capacity(names.len());
    let (mut faults, mut unknown) = (Vec::new(), Vec::new());
    for (name, at) in &names {
        let meaning = meaning_of(name, layout, tags);
        if meaning.is_some_and(|meaning| is_taken(&columns, meaning)) {
            let name = String::from_utf8_lossy(name);
            faults.push((*at, format!("the column \"{name}\" is there twice")));
        } else if meaning.is_none() && !ignore_unknown {
            faults.push((*at, describe_unknown(name, layout, tags)));
        }
        if meaning.is_none() {
            unknown.push(String::from_utf8_lossy(name).into_owned());
        }
        columns.push(meaning.unwrap_or(Meaning::Ignored));
    }
    if !columns.contains(&Meaning::Time) {
        let names = TIME_NAMES.join(", ");
        faults.insert(0, (1, format!("no column holds the time: {names}")));
    } else if layout == Layout::Wide && !columns.iter().any(|c| matches!(c, Meaning::Of(_))) {
        let text = "no column holds values: a long file has the columns time, tag, value and, if wanted, quality; \
                    a wide file has a time column and one column per tag";
        faults.insert(0, (1, text.to_owned()));
    }
    if faults.is_empty() {
        Ok(Reading {
            separator,
            layout,
            columns,
            unknown,
        })
    } else {
        Err(faults)
    }
}

fn is_name(name: &[u8], wanted: &str) -> bool {
    name.eq_ignore_ascii_case(wanted.as_bytes())
}

/// Time, tag, value and quality may be there once each, as may each tag.
fn is_taken(columns: &[Meaning], meaning: Meaning) -> bool {
    meaning != Meaning::Ignored && columns.contains(&meaning)
}

fn meaning_of(name: &[u8], layout: Layout, tags: &KnownTags) -> Option<Meaning> {
    if TIME_NAMES.iter().any(|wanted| is_name(name, wanted)) {
        return Some(Meaning::Time);
    }
    if name.is_empty() {
        return Some(Meaning::Ignored);
    }
    match layout {
        Layout::Wide => tags.get(name).map(Meaning::Of),
        Layout::Long if is_name(name, "tag") => Some(Meaning::Tag),
        Layout::Long if is_name(name, "value") => Some(Meaning::Value),
        Layout::Long if is_name(name, "quality") => Some(Meaning::Quality),
        Layout::Long => None,
    }
}

fn describe_unknown(name: &[u8], layout: Layout, tags: &KnownTags) -> String {
    match layout {
        Layout::Wide => tags.unknown(name),
        Layout::Long => {
            let name = String::from_utf8_lossy(name);
            format!("a long file has no column \"{name}\": allowed are time, tag, value, quality")
        }
    }
}

/// The separator that the header has most of outside of quotes; a comma if it has none.
fn separator_of(line: &[u8]) -> u8 {
    let count = |separator: u8| Cells::new(line, separator).count();
    // Of equals `max_by_key` takes the last.
    let most = SEPARATORS.into_iter().rev().max_by_key(|s| count(*s));
    most.unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::testing;
    use proptest::prelude::*;

    fn read(line: &str, ignore_unknown: bool) -> Result<Reading, Vec<(usize, String)>> {
        let tags = KnownTags::new(&testing::config(3));
        read_header(line.as_bytes(), &tags, ignore_unknown)
    }

    #[track_caller]
    fn check(line: &str, layout: Layout, separator: u8, columns: &str) {
        let reading = read(line, true).unwrap();
        let letter = |meaning: &Meaning| match meaning {
            Meaning::Time => 'T',
            Meaning::Tag => 'N',
            Meaning::Value => 'V',
            Meaning::Quality => 'Q',
            Meaning::Of(column) => char::from_digit(column.tag.0, 10).unwrap(),
            Meaning::Ignored => '-',
        };
        let letters: String = reading.columns.iter().map(letter).collect();
        assert_eq!(
            (reading.layout, reading.separator, letters.as_str()),
            (layout, separator, columns),
            "{line:?}"
        );
    }

    #[test]
    fn the_header_tells_the_layout_and_the_separator() {
        check("time,tag,value", Layout::Long, b',', "TNV");
        check("tag;VALUE;Timestamp;quality", Layout::Long, b';', "NVTQ");
        check("ts\tpress.t2\tpress.t0", Layout::Wide, b'\t', "T20");
        check("\"date\",\"press.t1\"", Layout::Wide, b',', "T1");
        check("time,press.t0,nope,press.t1,", Layout::Wide, b',', "T0-1-");
        check("time,tag,press.t0", Layout::Wide, b',', "T-0");
        check("\"time;;;\",time,press.t0", Layout::Wide, b',', "-T0");
    }

    #[track_caller]
    fn check_faults(line: &str, expected: &[(usize, &str)]) {
        let faults = read(line, false).unwrap_err();
        let starts = |((at, text), (column, start)): (&(usize, String), &(usize, &str))| {
            at == column && text.starts_with(start)
        };
        assert!(
            faults.len() == expected.len() && faults.iter().zip(expected).all(starts),
            "{faults:#?}"
        );
    }

    #[test]
    fn a_header_that_cannot_be_used_says_why_and_where() {
        let near = "no tag is called \"press.t\" (did you mean \"press.t0\"?)";
        check_faults("time,press.t,press.t1", &[(6, near)]);
        check_faults(
            "time,x,press.t0,y",
            &[
                (6, "no tag is called \"x\""),
                (17, "no tag is called \"y\""),
            ],
        );
        check_faults(
            "when,press.t0",
            &[(1, "no column holds the time"), (1, "no tag")],
        );
        check_faults("time", &[(1, "no column holds values")]);
        check_faults("", &[(1, "no column holds the time")]);
        check_faults(
            "time,press.t0,press.t0",
            &[(15, "the column \"press.t0\" is there twice")],
        );
        check_faults(
            "time,ts,press.t0",
            &[(6, "the column \"ts\" is there twice")],
        );
        check_faults(
            "time,tag,value,unit",
            &[(16, "a long file has no column \"unit\"")],
        );
    }

    #[test]
    fn unknown_columns_are_named_when_they_are_ignored() {
        assert_eq!(read("time,a,press.t0,b", true).unwrap().unknown, ["a", "b"]);
        assert!(read("time,a", true).is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(line in prop::collection::vec(any::<u8>(), 0..60), ignore: bool) {
            let tags = KnownTags::new(&testing::config(1));
            if let Err(faults) = read_header(&line, &tags, ignore) {
                prop_assert!(!faults.is_empty());
            }
        }
    }
}

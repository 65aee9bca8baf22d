//! Rotating shift patterns: which crew works what on which day.
//!
//! A pattern is one cycle of one-character codes per crew; `-` is a day off. Crews of a uniform pattern walk through
//! the same cycle at a fixed distance: crew `j` works `cycle[(day + j * offset) mod length]`.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;

/// A day off.
pub const OFF: char = '-';
/// Longest cycle, in days: two years.
const DAYS_MAX: usize = 731;
/// Most crews; they are named `A` to `Z`.
const CREWS_MAX: usize = 26;

/// Code of every crew on every day of a cycle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    crews: BTreeMap<Arc<str>, Vec<char>>,
}

/// Why a pattern is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// No crew, or too many.
    #[error("a pattern has 1 to 26 crews, not {0}")]
    Crews(usize),
    /// An empty or endless cycle.
    #[error("the cycle of crew `{crew}` has {days} days; 1 to 731 are allowed")]
    Days {
        /// Whose.
        crew: String,
        /// How long.
        days: usize,
    },
    /// No pattern of that name is built in.
    #[error("no shift pattern is named `{0}`; known are {known}", known = Pattern::NAMES.join(", "))]
    Unknown(String),
}

impl Pattern {
    /// Names that [`Pattern::named`] knows.
    pub const NAMES: [&'static str; 7] = [
        "2x12",
        "3x8",
        "continental",
        "pitman",
        "panama",
        "dupont",
        "4on4off",
    ];

    /// `crews` crews named `A`, `B`, … in one cycle, each `offset` days ahead of the one before.
    pub fn uniform(cycle: &str, offset: usize, crews: usize) -> Result<Self, PatternError> {
        if !(1..=CREWS_MAX).contains(&crews) {
            return Err(PatternError::Crews(crews));
        }
        let codes: Vec<char> = cycle.chars().collect();
        check_days("A", &codes)?;
        let crews = ('A'..='Z').take(crews).enumerate().map(|(j, name)| {
            let mut own = codes.clone();
            own.rotate_left((offset % codes.len()) * j % codes.len());
            (Arc::from(name.to_string()), own)
        });
        Ok(Self {
            crews: crews.collect(),
        })
    }

    /// One cycle per crew; they may differ in length.
    pub fn explicit(cycles: &BTreeMap<String, String>) -> Result<Self, PatternError> {
        if !(1..=CREWS_MAX).contains(&cycles.len()) {
            return Err(PatternError::Crews(cycles.len()));
        }
        let mut crews = BTreeMap::new();
        for (name, cycle) in cycles {
            let codes: Vec<char> = cycle.chars().collect();
            check_days(name, &codes)?;
            crews.insert(Arc::from(name.as_str()), codes);
        }
        Ok(Self { crews })
    }

    /// A pattern in common use. Codes: `D` day and `N` night of 12 hours; `M` morning, `A` afternoon and `N` night of 8.
    ///
    /// | name | crews | cycle |
    /// |---|---|---|
    /// | `2x12` | 2 | a week of days, a week of nights |
    /// | `3x8` | 3 | a week each of mornings, afternoons, nights |
    /// | `continental` | 4 | 2-2-3 through three shifts, 28 days |
    /// | `pitman` | 4 | 2-2-3 with fixed days or nights, 14 days |
    /// | `panama` | 4 | 2-2-3, two weeks of days, two of nights |
    /// | `dupont` | 4 | 4 N, 3 off, 3 D, 1 off, 3 N, 3 off, 4 D, 7 off |
    /// | `4on4off` | 4 | 4 D, 4 off, 4 N, 4 off |
    pub fn named(name: &str) -> Result<Self, PatternError> {
        match name {
            "2x12" => Self::uniform("DDDDDDDNNNNNNN", 7, 2),
            "3x8" => Self::uniform("MMMMMMMAAAAAAANNNNNNN", 7, 3),
            "continental" => Self::uniform("MMAANNN--MMAAANN--MMMAANN---", 7, 4),
            "panama" => Self::uniform("DD--DDD--DD---NN--NNN--NN---", 7, 4),
            "dupont" => Self::uniform("NNNN---DDD-NNN---DDDD-------", 7, 4),
            "4on4off" => Self::uniform("DDDD----NNNN----", 4, 4),
            "pitman" => {
                let cycles = [
                    ("A", "DD--DDD--DD---"),
                    ("B", "--DD---DD--DDD"),
                    ("C", "NN--NNN--NN---"),
                    ("D", "--NN---NN--NNN"),
                ];
                let owned = cycles.map(|(crew, cycle)| (crew.to_owned(), cycle.to_owned()));
                Self::explicit(&owned.into_iter().collect())
            }
            _ => Err(PatternError::Unknown(name.to_owned())),
        }
    }

    /// What every crew does on `date` when day 0 of the cycle is `start`; days before it count backwards.
    pub fn on(&self, start: Date, date: Date) -> impl Iterator<Item = (&Arc<str>, char)> {
        let day = i64::from(days_between(start, date));
        self.crews.iter().filter_map(move |(crew, codes)| {
            let length = i64::try_from(codes.len()).ok()?;
            let place = usize::try_from(day.rem_euclid(length)).ok()?;
            Some((crew, *codes.get(place)?))
        })
    }

    /// Names of the crews.
    pub fn crews(&self) -> impl Iterator<Item = &Arc<str>> {
        self.crews.keys()
    }

    /// Days of the longest cycle.
    pub(super) fn days_max(&self) -> usize {
        self.crews.values().map(Vec::len).max().unwrap_or(1)
    }

    /// Codes that occur, without the day off.
    pub(super) fn codes(&self) -> impl Iterator<Item = char> {
        self.crews.values().flatten().copied().filter(|c| *c != OFF)
    }
}

fn check_days(crew: &str, codes: &[char]) -> Result<(), PatternError> {
    if (1..=DAYS_MAX).contains(&codes.len()) {
        return Ok(());
    }
    Err(PatternError::Days {
        crew: crew.to_owned(),
        days: codes.len(),
    })
}

fn days_between(start: Date, date: Date) -> i32 {
    start.until(date).map_or(0, |distance| distance.get_days())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    /// Every named pattern has each of its shifts manned by exactly one crew on every day.
    #[test]
    fn every_named_pattern_covers_each_shift_once() {
        let start = date(2026, 1, 5);
        for name in Pattern::NAMES {
            let pattern = Pattern::named(name).unwrap();
            let mut wanted: Vec<char> = pattern.codes().collect();
            wanted.sort_unstable();
            wanted.dedup();
            for day in start.series(jiff::Span::new().days(1)).take(84) {
                let mut worked: Vec<char> = pattern.on(start, day).map(|(_, c)| c).collect();
                worked.retain(|code| *code != OFF);
                worked.sort_unstable();
                assert_eq!(worked, wanted, "{name} on {day}");
            }
        }
    }

    #[test]
    fn days_before_the_start_count_backwards() {
        let pattern = Pattern::uniform("DN-", 1, 1).unwrap();
        let start = date(2026, 1, 5);
        let code = |day| pattern.on(start, day).next().unwrap().1;
        assert_eq!(code(date(2026, 1, 4)), '-');
        assert_eq!(code(date(2026, 1, 3)), 'N');
        assert_eq!(code(date(2026, 1, 2)), 'D');
        assert_eq!(pattern.crews().count(), 1);
    }

    #[test]
    fn impossible_patterns_are_refused() {
        assert_eq!(Pattern::uniform("D", 0, 0), Err(PatternError::Crews(0)));
        assert_eq!(Pattern::uniform("D", 0, 27), Err(PatternError::Crews(27)));
        assert_eq!(
            Pattern::uniform("", 1, 1).unwrap_err().to_string(),
            "the cycle of crew `A` has 0 days; 1 to 731 are allowed"
        );
        assert!(Pattern::explicit(&BTreeMap::new()).is_err());
        assert!(Pattern::uniform("DDNN", usize::MAX, 4).is_ok());
        assert_eq!(
            Pattern::named("5x9").unwrap_err().to_string(),
            "no shift pattern is named `5x9`; known are 2x12, 3x8, continental, pitman, panama, dupont, 4on4off"
        );
    }
}

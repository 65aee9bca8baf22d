//! Collecting faults with their place in the text, and the checks that values have in common.

use std::fmt::Display;
use std::ops::RangeInclusive;

use jiff::civil::{Date, Time, Weekday};
use toml::Spanned as At;

use crate::scenario::{ScenarioError, parse_duration};

const DAY_NAMES: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// The faults found so far, each with its byte offset.
pub(super) struct Faults<'t> {
    file: &'t str,
    text: &'t str,
    found: Vec<(usize, String)>,
}

impl<'t> Faults<'t> {
    pub(super) const fn new(file: &'t str, text: &'t str) -> Self {
        Self {
            file,
            text,
            found: Vec::new(),
        }
    }

    /// Notes what is wrong at a byte of the text.
    pub(super) fn add(&mut self, at: usize, what: String) {
        self.found.push((at, what));
    }

    /// The value, unless anything was noted; faults come in the order of the text.
    pub(super) fn into_result<T>(mut self, value: T) -> Result<T, ScenarioError> {
        if self.found.is_empty() {
            return Ok(value);
        }
        self.found.sort();
        let located = self.found.iter().map(|(at, what)| {
            let (line, column) = place(self.text, *at);
            format!("{}:{line}:{column}: {what}", self.file)
        });
        Err(ScenarioError::Faults(located.collect()))
    }

    /// A number within its range, or its default.
    pub(super) fn number<T: PartialOrd + Copy + Display>(
        &mut self,
        key: &str,
        value: Option<&At<T>>,
        default: T,
        allowed: RangeInclusive<T>,
    ) -> T {
        let Some(value) = value else { return default };
        if allowed.contains(value.get_ref()) {
            return *value.get_ref();
        }
        let (low, high) = (allowed.start(), allowed.end());
        let what = format!("{key} = {} is outside {low} to {high}", value.get_ref());
        self.add(value.span().start, what);
        default
    }

    /// The upper end of a range whose lower one is known; noted when it lies below that.
    pub(super) fn upper(
        &mut self,
        (key, value): (&str, Option<&At<f64>>),
        (lower_key, lower): (&str, f64),
        default: f64,
        allowed: RangeInclusive<f64>,
    ) -> f64 {
        let upper = self.number(key, value, default.max(lower), allowed);
        if upper < lower {
            let at = value.map_or(0, |value| value.span().start);
            self.add(
                at,
                format!("{key} = {upper} is below {lower_key} = {lower}"),
            );
        }
        upper.max(lower)
    }

    /// A span in milliseconds of 1 s to 30 days, or its default.
    pub(super) fn span_ms(&mut self, key: &str, text: Option<&At<String>>, default_ms: i64) -> i64 {
        const LONGEST_MS: i64 = 30 * 86_400_000;
        let Some(text) = text else { return default_ms };
        let parsed = parse_duration(text.get_ref());
        let span_ms = parsed.and_then(|span| i64::try_from(span.as_millis()).ok());
        match span_ms {
            Some(span_ms) if (1_000..=LONGEST_MS).contains(&span_ms) => span_ms,
            _ => {
                let what = format!(
                    "{key} = \"{}\" is no duration of 1 s to 30 days; write e.g. \"90s\", \"10m\", \"2h\"",
                    text.get_ref()
                );
                self.add(text.span().start, what);
                default_ms
            }
        }
    }

    /// A local time of day.
    pub(super) fn time(&mut self, key: &str, text: &At<String>) -> Time {
        let parsed = text.get_ref().parse::<Time>();
        let whole = parsed
            .ok()
            .filter(|t| t.second() == 0 && t.subsec_nanosecond() == 0);
        whole.unwrap_or_else(|| {
            let what = format!(
                "{key} = \"{}\" is no time of day; write e.g. \"06:00\", \"22:30\"",
                text.get_ref()
            );
            self.add(text.span().start, what);
            Time::midnight()
        })
    }

    /// A date.
    pub(super) fn date(&mut self, key: &str, text: &At<String>) -> Option<Date> {
        let parsed = text.get_ref().parse().ok();
        if parsed.is_none() {
            let what = format!(
                "{key} = \"{}\" is no date; write e.g. \"2026-03-01\"",
                text.get_ref()
            );
            self.add(text.span().start, what);
        }
        parsed
    }

    /// A day of the week.
    pub(super) fn weekday(&mut self, key: &str, text: &At<String>) -> Weekday {
        self.choice(key, Some(text), Weekday::Monday, &DAY_NAMES)
    }

    /// One of the named choices, or the default.
    pub(super) fn choice<T: Copy>(
        &mut self,
        key: &str,
        text: Option<&At<String>>,
        default: T,
        choices: &[(&str, T)],
    ) -> T {
        let Some(text) = text else { return default };
        if let Some((_, choice)) = choices.iter().find(|(name, _)| name == text.get_ref()) {
            return *choice;
        }
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        self.unknown(key, text, &names);
        default
    }

    /// The number of a name among those that exist.
    pub(super) fn known(
        &mut self,
        key: &str,
        text: &At<String>,
        names: &[String],
    ) -> Option<usize> {
        let found = names.iter().position(|name| name == text.get_ref());
        if found.is_none() {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            self.unknown(key, text, &names);
        }
        found
    }

    /// The numbers of names among those that exist; without a list all of them.
    pub(super) fn each_known(
        &mut self,
        key: &str,
        list: Option<&[At<String>]>,
        names: &[String],
    ) -> Vec<usize> {
        list.map_or_else(
            || (0..names.len()).collect(),
            |list| {
                list.iter()
                    .filter_map(|text| self.known(key, text, names))
                    .collect()
            },
        )
    }

    fn unknown(&mut self, key: &str, text: &At<String>, allowed: &[&str]) {
        let allowed = if allowed.is_empty() {
            "nothing: none is defined".to_owned()
        } else {
            allowed.join(", ")
        };
        let what = format!(
            "{key} = \"{}\" is unknown; allowed: {allowed}",
            text.get_ref()
        );
        self.add(text.span().start, what);
    }

    /// A word of `A-Z a-z 0-9 _ -`, or its default.
    pub(super) fn word(&mut self, key: &str, text: Option<&At<String>>, default: &str) -> String {
        let Some(text) = text else {
            return default.to_owned();
        };
        if !is_word(text.get_ref(), 48) {
            let what = format!(
                "{key} = \"{}\" must be 1 to 48 of A-Z a-z 0-9 _ -",
                text.get_ref()
            );
            self.add(text.span().start, what);
        }
        text.get_ref().clone()
    }

    /// Names of 1 to `longest` of `A-Z a-z 0-9 _ -`, none of them twice.
    pub(super) fn names<'a>(
        &mut self,
        what: &str,
        names: impl Iterator<Item = &'a At<String>>,
        longest: usize,
    ) -> Vec<String> {
        let mut known: Vec<String> = Vec::new();
        for name in names {
            let (text, at) = (name.get_ref(), name.span().start);
            if !is_word(text, longest) {
                self.add(
                    at,
                    format!("{what} name \"{text}\" must be 1 to {longest} of A-Z a-z 0-9 _ -"),
                );
            }
            if known.contains(text) {
                self.add(at, format!("{what} name \"{text}\" is used twice"));
            }
            known.push(text.clone());
        }
        known
    }
}

/// Whether it is 1 to `longest` of `A-Z a-z 0-9 _ -`.
pub(super) fn is_word(text: &str, longest: usize) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    !text.is_empty() && text.len() <= longest && text.chars().all(plain)
}

/// Line and column of a byte, both from 1; the column in characters.
pub(super) fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before.get(start..).unwrap_or_default().chars().count() + 1;
    (line, column)
}

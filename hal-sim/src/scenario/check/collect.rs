//! Collecting faults instead of stopping at the first.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::scenario::error::ScenarioError;
use crate::scenario::quantity;

/// The faults found so far, each `where: what`.
#[derive(Debug, Default)]
pub(in crate::scenario) struct Collector(Vec<String>);

impl Collector {
    /// Notes a fault.
    pub(in crate::scenario) fn add(&mut self, place: &str, what: &str) {
        self.0.push(format!("{place}: {what}"));
    }

    /// The value, unless anything was noted.
    pub(super) fn into_result<T>(self, value: T) -> Result<T, ScenarioError> {
        if self.0.is_empty() {
            Ok(value)
        } else {
            Err(ScenarioError::Faults(self.0))
        }
    }

    /// A duration, or its default where there is none or a wrong one.
    pub(super) fn duration(
        &mut self,
        place: &str,
        text: Option<&str>,
        default: Duration,
    ) -> Duration {
        let Some(text) = text else { return default };
        quantity::parse_duration(text).unwrap_or_else(|| {
            self.add(
                place,
                &format!("`{text}` is no duration; write e.g. \"250ms\", \"10s\", \"2h\""),
            );
            default
        })
    }

    /// A number within its range, or its default.
    pub(super) fn number(
        &mut self,
        place: &str,
        value: Option<f64>,
        default: f64,
        allowed: RangeInclusive<f64>,
    ) -> f64 {
        let Some(value) = value else { return default };
        if allowed.contains(&value) {
            return value;
        }
        let (low, high) = (allowed.start(), allowed.end());
        self.add(place, &format!("{value} is outside {low} to {high}"));
        default
    }

    /// One of the named choices, or the default.
    pub(super) fn choice<T: Copy>(
        &mut self,
        place: &str,
        name: Option<&str>,
        default: T,
        choices: &[(&str, T)],
    ) -> T {
        let Some(name) = name else { return default };
        if let Some((_, choice)) = choices.iter().find(|(known, _)| *known == name) {
            return *choice;
        }
        let known: Vec<&str> = choices.iter().map(|(known, _)| *known).collect();
        self.add(
            place,
            &format!("`{name}` is unknown; allowed: {}", known.join(", ")),
        );
        default
    }

    /// A name of 1 to `longest` of `A-Z a-z 0-9 _ -`.
    pub(super) fn name(&mut self, place: &str, name: &str, longest: usize) {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || name.len() > longest || !name.chars().all(plain) {
            self.add(
                place,
                &format!("name `{name}` must be 1 to {longest} of A-Z a-z 0-9 _ -"),
            );
        }
    }

    /// An address to listen on; by default any free port of this machine alone.
    pub(super) fn bind(&mut self, place: &str, text: Option<&str>) -> SocketAddr {
        let default = SocketAddr::from(([127, 0, 0, 1], 0));
        let Some(text) = text else { return default };
        text.parse().unwrap_or_else(|_| {
            self.add(
                place,
                &format!("bind `{text}` is no address; write e.g. \"127.0.0.1:5020\""),
            );
            default
        })
    }
}

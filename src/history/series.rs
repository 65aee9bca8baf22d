//! Who the samples are of. A series is a tag's name; its number is given once and never to another name, so that a
//! re-ordered configuration cannot mix two.

use std::collections::BTreeMap;
use std::time::Duration;

use redb::{ReadableTable, Table};
use serde::{Deserialize, Serialize};

use super::error::{HistoryError, Result};

/// Longest name, unit, asset path or subject in bytes.
pub(super) const TEXT_MAX: usize = 512;
/// A sample stands no longer than this, so that an hour depends on the one before it alone.
const HOLD_MAX: Duration = Duration::from_hours(1);

/// Number of a series in the store: given once, for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesId(pub u32);

/// What a tag tells the history about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesSpec {
    /// The tag's name: the identity of the series.
    pub name: String,
    /// Unit of the values, as shown; may be empty.
    pub unit: String,
    /// Asset path; may be empty.
    pub asset: String,
    /// How long a sample stands when no other follows, at most 1 h: two to three scan periods, or the heartbeat of
    /// report-by-exception. It decides what is a gap.
    pub hold: Duration,
}

impl SeriesSpec {
    /// A series without unit and asset whose samples stand for two minutes.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            unit: String::new(),
            asset: String::new(),
            hold: Duration::from_mins(2),
        }
    }

    /// The hold in milliseconds, within its bounds.
    pub(super) fn hold_ms(&self) -> i64 {
        i64::try_from(self.hold.min(HOLD_MAX).as_millis()).unwrap_or(0)
    }

    fn check(&self) -> Result<()> {
        [&self.name, &self.unit, &self.asset]
            .into_iter()
            .try_for_each(|text| check_length(text))
    }
}

/// Refuses a text that is too long for a key.
pub(super) fn check_length(text: &str) -> Result<()> {
    if text.len() <= TEXT_MAX {
        return Ok(());
    }
    Err(HistoryError::TooLong {
        text: text.chars().take(20).collect(),
        bytes: text.len(),
        max: TEXT_MAX,
    })
}

/// The series of a store, in memory.
#[derive(Debug, Default)]
pub(super) struct Registry {
    by_name: BTreeMap<String, u32>,
    specs: BTreeMap<u32, SeriesSpec>,
}

impl Registry {
    /// Reads all of a store.
    pub(super) fn read(series: &impl ReadableTable<u32, &'static [u8]>) -> Result<Self> {
        let mut registry = Self::default();
        for entry in series.iter()? {
            let (number, bytes) = entry?;
            if let Some(spec) = decode(bytes.value()) {
                registry.by_name.insert(spec.name.clone(), number.value());
                registry.specs.insert(number.value(), spec);
            }
        }
        Ok(registry)
    }

    /// The number of a series; a new one, or changed words of an old one, are written down.
    pub(super) fn register(
        &mut self,
        spec: &SeriesSpec,
        series: &mut Table<'_, u32, &'static [u8]>,
        names: &mut Table<'_, &'static str, u32>,
    ) -> Result<SeriesId> {
        spec.check()?;
        let known = self.by_name.get(&spec.name).copied();
        if let Some(number) = known
            && self.specs.get(&number) == Some(spec)
        {
            return Ok(SeriesId(number));
        }
        let number = match known {
            Some(number) => number,
            // From the table, not from memory: a number whose entry cannot be read is taken all the same.
            None => series
                .last()?
                .map_or(1, |(last, _)| last.value().saturating_add(1)),
        };
        let bytes = postcard::to_stdvec(spec).map_err(|_bug| HistoryError::Encode("a series"))?;
        series.insert(number, super::blob::seal(&bytes).as_slice())?;
        names.insert(spec.name.as_str(), number)?;
        self.by_name.insert(spec.name.clone(), number);
        self.specs.insert(number, spec.clone());
        Ok(SeriesId(number))
    }

    /// What is known of a series.
    pub(super) fn spec(&self, series: u32) -> Option<&SeriesSpec> {
        self.specs.get(&series)
    }

    /// How long samples of a series stand, in milliseconds.
    pub(super) fn hold_ms(&self, series: u32) -> i64 {
        self.specs.get(&series).map_or(120_000, SeriesSpec::hold_ms)
    }

    /// The series numbers, in order.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> + '_ {
        self.specs.keys().copied()
    }
}

/// What an entry of the table says.
pub(super) fn decode(bytes: &[u8]) -> Option<SeriesSpec> {
    postcard::from_bytes(super::blob::unseal(bytes).ok()?).ok()
}

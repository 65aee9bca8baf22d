//! Names of stable tag numbers.

use std::collections::BTreeMap;
use std::sync::Arc;

/// What a stable tag number stands for. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TagName {
    /// `<device>.<name>` of the configuration.
    pub name: Arc<str>,
    /// Engineering unit, empty when none is configured.
    pub unit: Arc<str>,
}

/// Number → name and unit, for every tag this gateway has ever had. Cheap to clone: readers keep a snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TagNames {
    entries: Arc<BTreeMap<u32, TagName>>,
}

impl TagNames {
    /// From pairs of number and name.
    pub fn new(entries: impl IntoIterator<Item = (u32, TagName)>) -> Self {
        Self {
            entries: Arc::new(entries.into_iter().collect()),
        }
    }

    /// The name behind a number; `None` for a number never given out.
    pub fn get(&self, number: u32) -> Option<&TagName> {
        self.entries.get(&number)
    }

    /// Every known number with its name, in number order.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &TagName)> {
        self.entries.iter().map(|(number, name)| (*number, name))
    }
}

//! What the chain needs to know of each tag, by dense index.

use std::collections::BTreeMap;

use crate::config::Config;
use crate::model::TagId;

/// Stable numbers and assets of the running configuration's tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalog {
    numbers: Vec<u32>,
    asset_of: Vec<usize>,
    assets: Vec<String>,
}

impl Catalog {
    /// `numbers` are the stable tag numbers in [`TagId`] order, see [`crate::record::registry`].
    pub fn new(config: &Config, numbers: Vec<u32>) -> Self {
        let mut index: BTreeMap<&str, usize> = BTreeMap::new();
        let mut assets = Vec::new();
        let mut asset_of = Vec::with_capacity(config.tags.len());
        for tag in &config.tags {
            let path = config
                .device(tag.device)
                .map_or("", |device| device.asset.as_str());
            let at = *index.entry(path).or_insert_with(|| {
                assets.push(path.to_owned());
                assets.len() - 1
            });
            asset_of.push(at);
        }
        Self {
            numbers,
            asset_of,
            assets,
        }
    }

    /// The stable number of a tag.
    pub fn number(&self, tag: TagId) -> u32 {
        self.numbers.get(tag.index()).copied().unwrap_or(u32::MAX)
    }

    /// Index of the asset that a tag belongs to.
    pub fn asset_index(&self, tag: TagId) -> usize {
        self.asset_of.get(tag.index()).copied().unwrap_or(0)
    }

    /// ISA-95 paths, by asset index.
    pub fn assets(&self) -> &[String] {
        &self.assets
    }
}

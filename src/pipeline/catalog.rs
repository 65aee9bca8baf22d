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
            let path = config.asset(tag).as_str();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::AssetPath;
    use crate::pipeline::testing;

    #[test]
    fn tags_are_grouped_by_their_own_asset_or_their_devices() {
        let mut config = testing::config(4);
        for tag in [1, 3] {
            config.tags[tag].asset = Some(AssetPath::parse("acme/line1/saw").unwrap());
        }
        let catalog = Catalog::new(&config, vec![1, 2, 3, 4]);
        assert_eq!(catalog.assets(), ["acme/line1/press", "acme/line1/saw"]);
        let groups = [0, 1, 2, 3].map(|tag| catalog.asset_index(TagId(tag)));
        assert_eq!(groups, [0, 1, 0, 1]);
    }
}

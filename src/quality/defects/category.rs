//! The tree of defect categories.

use std::collections::BTreeMap;

use crate::quality::error::QualityError;

/// Levels of the tree.
pub const LEVELS_MAX: usize = 3;
/// Where defects without a category are counted.
pub const UNCLASSIFIED: &str = "unclassified";

/// Which category stands below which.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CategoryTree {
    parents: BTreeMap<String, String>,
}

impl CategoryTree {
    /// A tree from pairs of category and parent. Each category has one parent, no circle, three levels at most.
    pub fn new(pairs: &[(&str, &str)]) -> Result<Self, QualityError> {
        let mut tree = Self::default();
        for (child, parent) in pairs {
            let (child, parent) = (child.trim(), parent.trim());
            let fault = |fault| {
                Err(QualityError::Category {
                    category: child.to_owned(),
                    fault,
                })
            };
            if child.is_empty() || parent.is_empty() {
                return fault("needs a name, and so does its parent");
            }
            let other = tree.parents.insert(child.to_owned(), parent.to_owned());
            if other.is_some_and(|other| other != parent) {
                return fault("has two parents");
            }
        }
        for child in tree.parents.keys() {
            // A circle has no root within any number of levels.
            if tree.path(child).len() > LEVELS_MAX {
                return Err(QualityError::Category {
                    category: child.clone(),
                    fault: "is below its own child, or on a fourth level",
                });
            }
        }
        Ok(tree)
    }

    /// The category and what it is below, the root first; one level more than allowed shows a fault.
    fn path<'a>(&'a self, category: &'a str) -> Vec<&'a str> {
        let mut path = vec![category];
        while let Some(parent) = path.last().and_then(|last| self.parents.get(*last)) {
            path.push(parent);
            if path.len() > LEVELS_MAX {
                break;
            }
        }
        path.reverse();
        path
    }

    /// The ancestor of a category on `level`, 1 for the roots; the category itself where it stands higher. Nothing but
    /// blanks is `unclassified`.
    pub fn at_level<'a>(&'a self, category: &'a str, level: usize) -> &'a str {
        let category = category.trim();
        if category.is_empty() {
            return UNCLASSIFIED;
        }
        let path = self.path(category);
        let place = level.clamp(1, path.len()) - 1;
        path.get(place).copied().unwrap_or(category)
    }

    /// Whether a category is `above`, or stands below it.
    pub fn is_below(&self, category: &str, above: &str) -> bool {
        self.path(category.trim()).contains(&above.trim())
    }

    /// The parent of a category; `None` of a root.
    pub fn parent(&self, category: &str) -> Option<&str> {
        self.parents.get(category.trim()).map(String::as_str)
    }
}

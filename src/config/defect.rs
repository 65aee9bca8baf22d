//! `[[defect]]`: the tree of defect categories.

use std::collections::BTreeMap;

use super::nearest::did_you_mean;
use super::section::Section;

/// Most levels of the tree.
const LEVELS_MAX: usize = 3;
/// Longest code and label, in characters.
const CODE_CHARS_MAX: usize = 64;
const LABEL_CHARS_MAX: usize = 80;
/// What defects without a category are counted as; no code may be the same.
const RESERVED: &str = "unclassified";
const EXAMPLE: &str = "allowed: code = \"scratch\", label = \"Scratch\", parent = \"surface\"";

/// `[[defect]]`: one category of defects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefectCategory {
    /// `label` (default the code): for people.
    pub label: String,
    /// `parent`: code of the category above; none at the top.
    pub parent: Option<String>,
}

/// Categories of defects by their `code`: a tree of at most three levels.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DefectCategories(BTreeMap<String, DefectCategory>);

impl DefectCategories {
    /// Whether `code` is one of them.
    pub fn contains(&self, code: &str) -> bool {
        self.0.contains_key(code)
    }

    /// All codes with their categories, in the order of the codes.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &DefectCategory)> {
        self.0.iter().map(|(code, of)| (code.as_str(), of))
    }

    /// What to say of a code that is none of them.
    pub fn near(&self, code: &str) -> String {
        did_you_mean(code, self.0.keys().map(String::as_str))
    }

    /// Whether `code` stands on a level that there is; a circle has no top.
    fn is_within_levels(&self, code: &str) -> bool {
        let mut parent = self.0.get(code).and_then(|of| of.parent.as_ref());
        for _ in 1..LEVELS_MAX {
            let Some(above) = parent else {
                return true;
            };
            parent = self.0.get(above).and_then(|of| of.parent.as_ref());
        }
        parent.is_none()
    }
}

/// Reads `[[defect]]`: `code`, `label`, `parent`. None without them: then any text is a category.
pub(super) fn read_defects(root: &Section<'_>) -> Option<DefectCategories> {
    let mut categories = DefectCategories::default();
    let mut sections = Vec::new();
    for section in root.numbered("defect") {
        section.require(&["code"], EXAMPLE);
        let code = section.words("code", CODE_CHARS_MAX);
        let label = section.words("label", LABEL_CHARS_MAX);
        let parent = section.words("parent", CODE_CHARS_MAX);
        if let Some(code) = code.filter(|code| is_code(&section, code, &categories)) {
            let label = label.unwrap_or_else(|| code.clone());
            let category = DefectCategory { label, parent };
            categories.0.insert(code.clone(), category);
            sections.push((code, section));
        } else {
            section.finish();
        }
    }
    for (code, section) in sections {
        check_parent(&section, &code, &categories);
        section.finish();
    }
    root.has("defect").then_some(categories)
}

fn is_code(section: &Section<'_>, code: &str, known: &DefectCategories) -> bool {
    let what = if code.is_empty() || code.trim() != code {
        "is empty, or has blanks at its ends"
    } else if code == RESERVED {
        "is what defects without a category are counted as; allowed: any other code"
    } else if known.contains(code) {
        "is the code of two [[defect]]; allowed: each code once"
    } else {
        return true;
    };
    section.fault("code", what);
    false
}

fn check_parent(section: &Section<'_>, code: &str, all: &DefectCategories) {
    let Some(parent) = all.0.get(code).and_then(|of| of.parent.as_deref()) else {
        return;
    };
    if !all.contains(parent) {
        let near = all.near(parent);
        section.fault("parent", &format!("is not the code of a [[defect]]{near}"));
    } else if !all.is_within_levels(code) {
        section.fault(
            "parent",
            "puts it on a fourth level, or below itself; allowed: at most 3 levels",
        );
    }
}

//! Why machines stop: a tree of reasons, and what operators say about a stop afterwards.
//!
//! An edit never overwrites: each is a revision with who, when, old and new, and is accepted for a number of days after
//! the stop began.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::state::Category;
use crate::model::{Role, Timestamp};

/// Most levels of a tree.
pub const LEVELS_MAX: usize = 3;
/// Longest code, in bytes.
const CODE_BYTES_MAX: usize = 64;

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReasonNode {
    /// As stops name it.
    pub code: String,
    /// Code of the reason above; `None` at the top.
    pub parent: Option<String>,
    /// For people.
    pub label: String,
    /// What its time counts to, whatever the machine says: `no material` is external, `cleaning` planned.
    pub category: Option<Category>,
}

/// Reasons, checked: at most three levels, no circle, every code once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReasonTree {
    nodes: BTreeMap<Arc<str>, Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    /// Codes from the top down to the reason itself.
    path: Vec<Arc<str>>,
    label: Arc<str>,
    category: Option<Category>,
}

/// Why reasons are no tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReasonTreeError {
    /// A code that cannot be shown.
    #[error("reason code `{0}` must have 1 to 64 bytes without control characters")]
    Code(String),
    /// A code that two reasons have.
    #[error("reason `{0}` is defined twice")]
    Twice(String),
    /// A parent that is not one of the reasons.
    #[error("reason `{code}` stands below `{parent}`, which is not defined")]
    Parent {
        /// Whose.
        code: String,
        /// The name.
        parent: String,
    },
    /// Too deep, or a circle.
    #[error("reason `{0}` stands below more than two others; a tree has at most 3 levels")]
    Depth(String),
}

impl ReasonTree {
    /// Checks `nodes`, which may be in any order.
    pub fn new(nodes: &[ReasonNode]) -> Result<Self, ReasonTreeError> {
        let mut by_code: BTreeMap<&str, &ReasonNode> = BTreeMap::new();
        for node in nodes {
            let fits = (1..=CODE_BYTES_MAX).contains(&node.code.len());
            if !fits || node.code.chars().any(char::is_control) {
                return Err(ReasonTreeError::Code(node.code.clone()));
            }
            if by_code.insert(&node.code, node).is_some() {
                return Err(ReasonTreeError::Twice(node.code.clone()));
            }
        }
        let mut tree = Self::default();
        for node in nodes {
            let entry = Entry {
                path: path(&by_code, node)?,
                label: node.label.as_str().into(),
                category: node.category,
            };
            tree.nodes.insert(node.code.as_str().into(), entry);
        }
        Ok(tree)
    }

    /// The code at `level` (1 is the top) of the branch that `code` stands on; `code` itself when it stands higher.
    /// `None` for a code that is not in the tree.
    pub fn at_level(&self, code: &str, level: usize) -> Option<&Arc<str>> {
        let path = &self.nodes.get(code)?.path;
        path.get(level.saturating_sub(1)).or_else(|| path.last())
    }

    /// Text for people.
    pub fn label(&self, code: &str) -> Option<&str> {
        self.nodes.get(code).map(|entry| &*entry.label)
    }

    /// What time of `code` counts to; that of the nearest reason above where it has none of its own.
    pub fn category(&self, code: &str) -> Option<Category> {
        let path = &self.nodes.get(code)?.path;
        path.iter().rev().find_map(|c| self.nodes.get(c)?.category)
    }

    /// Whether `code` is one of the tree.
    pub fn contains(&self, code: &str) -> bool {
        self.nodes.contains_key(code)
    }
}

fn path(
    nodes: &BTreeMap<&str, &ReasonNode>,
    node: &ReasonNode,
) -> Result<Vec<Arc<str>>, ReasonTreeError> {
    let mut path = vec![Arc::from(node.code.as_str())];
    let mut below = node;
    while let Some(parent) = &below.parent {
        if path.len() == LEVELS_MAX {
            return Err(ReasonTreeError::Depth(node.code.clone()));
        }
        let unknown = || ReasonTreeError::Parent {
            code: below.code.clone(),
            parent: parent.clone(),
        };
        below = nodes.get(parent.as_str()).ok_or_else(unknown)?;
        path.push(Arc::from(below.code.as_str()));
    }
    path.reverse();
    Ok(path)
}

/// What an operator says about a stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReasonEdit {
    /// First moment of the stop that is meant.
    pub stop_start: Timestamp,
    /// When it was said.
    pub at: Timestamp,
    /// In what role.
    pub by: Role,
    /// The reason; `None` takes one back.
    pub reason: Option<Arc<str>>,
}

/// An accepted edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReasonRevision {
    /// First moment of the stop.
    pub stop_start: Timestamp,
    /// Number of the revision of this stop, from 1.
    pub revision: u32,
    /// When.
    pub at: Timestamp,
    /// In what role.
    pub by: Role,
    /// The reason before.
    pub old: Option<Arc<str>>,
    /// The reason after.
    pub new: Option<Arc<str>>,
}

/// Why an edit is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReasonEditError {
    /// No stop begins then.
    #[error("no stop begins at {0}")]
    NoStop(Timestamp),
    /// The tree has no such reason.
    #[error("reason `{0}` is not in the reason tree")]
    Unknown(Arc<str>),
    /// The stop is too old.
    #[error("the stop of {start} may be coded within {days} days, not at {at}")]
    TooLate {
        /// The stop.
        start: Timestamp,
        /// When it was tried.
        at: Timestamp,
        /// How long is allowed.
        days: u64,
    },
    /// Said before the stop began.
    #[error("the stop of {start} was coded at {at}, before it began")]
    TooEarly {
        /// The stop.
        start: Timestamp,
        /// When it was tried.
        at: Timestamp,
    },
}

/// Whether the reason of a stop that began at `start` may be given at `at`.
pub fn in_time(start: Timestamp, at: Timestamp, editable: Duration) -> Result<(), ReasonEditError> {
    if at < start {
        return Err(ReasonEditError::TooEarly { start, at });
    }
    if at > start.saturating_add(editable) {
        let days = editable.as_secs() / 86_400;
        return Err(ReasonEditError::TooLate { start, at, days });
    }
    Ok(())
}

/// Checks one edit of a stop whose reason is `old` at `revision`.
///
/// `tree` is `None` in a plant without a tree: then every reason is accepted.
pub fn revise(
    edit: &ReasonEdit,
    (revision, old): (u32, Option<&Arc<str>>),
    tree: Option<&ReasonTree>,
    editable: Duration,
) -> Result<ReasonRevision, ReasonEditError> {
    in_time(edit.stop_start, edit.at, editable)?;
    if let (Some(tree), Some(reason)) = (tree, &edit.reason)
        && !tree.contains(reason)
    {
        return Err(ReasonEditError::Unknown(Arc::clone(reason)));
    }
    Ok(ReasonRevision {
        stop_start: edit.stop_start,
        revision: revision.saturating_add(1),
        at: edit.at,
        by: edit.by.clone(),
        old: old.cloned(),
        new: edit.reason.clone(),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn node(code: &str, parent: Option<&str>, category: Option<Category>) -> ReasonNode {
        ReasonNode {
            code: code.to_owned(),
            parent: parent.map(str::to_owned),
            label: code.to_uppercase(),
            category,
        }
    }

    /// electrical > sensor > {trip, cable}; logistics (external) > `no_material`.
    pub(crate) fn tree() -> ReasonTree {
        ReasonTree::new(&[
            node("trip", Some("sensor"), None),
            node("cable", Some("sensor"), Some(Category::Planned)),
            node("sensor", Some("electrical"), None),
            node("electrical", None, None),
            node("logistics", None, Some(Category::External)),
            node("no_material", Some("logistics"), None),
        ])
        .unwrap()
    }

    #[test]
    fn a_reason_is_grouped_by_the_level_asked_for() {
        let tree = tree();
        let at = |code, level| tree.at_level(code, level).map(ToString::to_string);
        assert_eq!(at("trip", 1).as_deref(), Some("electrical"));
        assert_eq!(at("trip", 2).as_deref(), Some("sensor"));
        assert_eq!(at("trip", 3).as_deref(), Some("trip"));
        assert_eq!(at("electrical", 3).as_deref(), Some("electrical"));
        assert_eq!(at("trip", 0).as_deref(), Some("electrical"));
        assert_eq!(at("gremlin", 1), None);
        assert_eq!(tree.label("trip"), Some("TRIP"));
    }

    #[test]
    fn a_reason_inherits_its_category() {
        let tree = tree();
        assert_eq!(tree.category("no_material"), Some(Category::External));
        assert_eq!(tree.category("cable"), Some(Category::Planned));
        assert_eq!(tree.category("trip"), None);
        assert_eq!(tree.category("gremlin"), None);
    }

    #[track_caller]
    fn check_refused(nodes: &[ReasonNode], wanted: &str) {
        assert_eq!(ReasonTree::new(nodes).unwrap_err().to_string(), wanted);
    }

    #[test]
    fn what_is_no_tree_is_refused() {
        check_refused(
            &[node("a", Some("b"), None), node("b", Some("a"), None)],
            "reason `a` stands below more than two others; a tree has at most 3 levels",
        );
        check_refused(
            &[
                node("a", None, None),
                node("b", Some("a"), None),
                node("c", Some("b"), None),
                node("d", Some("c"), None),
            ],
            "reason `d` stands below more than two others; a tree has at most 3 levels",
        );
        check_refused(
            &[node("a", Some("x"), None)],
            "reason `a` stands below `x`, which is not defined",
        );
        check_refused(
            &[node("a", None, None), node("a", None, None)],
            "reason `a` is defined twice",
        );
        check_refused(
            &[node("", None, None)],
            "reason code `` must have 1 to 64 bytes without control characters",
        );
    }

    #[test]
    fn an_edit_is_a_revision_or_refused() {
        let at = |day: i64| Timestamp::from_millis(day * 86_400_000);
        let edit = |at, reason: &str| ReasonEdit {
            stop_start: Timestamp::from_millis(0),
            at,
            by: Role::parse("operator").unwrap(),
            reason: Some(reason.into()),
        };
        let tree = tree();
        let week = Duration::from_hours(7 * 24);
        let old: Arc<str> = "sensor".into();
        let made = |edit: &ReasonEdit| revise(edit, (1, Some(&old)), Some(&tree), week);
        let made_ok = made(&edit(at(7), "trip")).unwrap();
        assert_eq!(
            (made_ok.revision, made_ok.old, made_ok.new),
            (2, Some(Arc::clone(&old)), Some("trip".into()))
        );
        let refused = |edit: &ReasonEdit| made(edit).unwrap_err().to_string();
        assert_eq!(
            refused(&edit(at(8), "trip")),
            "the stop of 1970-01-01T00:00:00.000Z may be coded within 7 days, not at 1970-01-09T00:00:00.000Z"
        );
        assert_eq!(
            refused(&edit(at(1), "gremlin")),
            "reason `gremlin` is not in the reason tree"
        );
        assert!(refused(&edit(at(-1), "trip")).contains("before it began"));
        assert!(revise(&edit(at(1), "gremlin"), (0, None), None, week).is_ok());
    }
}

//! Where a thing stands in the plant: the ISA-95 equipment hierarchy as a path.

use std::fmt;
use std::sync::Arc;

/// `enterprise/site/area/line/cell…`: one to eight levels, each 1 to 64 bytes without `+ # /`,
/// control characters or leading/trailing blanks, so that it is safe as MQTT topic levels. Cheap to clone: every tag of
/// a machine has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssetPath(Arc<str>);

/// Why a text is not an asset path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssetPathError {
    /// No level, or more than eight.
    #[error("an asset path has 1 to 8 levels separated by `/`, not {0}")]
    Levels(usize),
    /// A level is empty, too long, or holds a forbidden character.
    #[error(
        "level `{0}` must be 1 to 64 bytes without `+`, `#`, control characters or blanks at its ends, and must not start with `$`"
    )]
    Level(String),
}

impl AssetPath {
    /// Checks `text` and keeps it.
    pub fn parse(text: &str) -> Result<Self, AssetPathError> {
        let levels = text.split('/').count();
        if text.is_empty() || levels > 8 {
            return Err(AssetPathError::Levels(if text.is_empty() {
                0
            } else {
                levels
            }));
        }
        for level in text.split('/') {
            let bad = level.is_empty()
                || level.len() > 64
                || level.trim() != level
                || level.starts_with('$')
                || level
                    .chars()
                    .any(|c| c.is_control() || matches!(c, '+' | '#'));
            if bad {
                return Err(AssetPathError::Level(level.to_owned()));
            }
        }
        Ok(Self(text.into()))
    }

    /// This path with `below` appended.
    pub fn join(&self, below: &Self) -> Result<Self, AssetPathError> {
        Self::parse(&format!("{}/{}", self.0, below.0))
    }

    /// The whole path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last level: the machine's own name.
    pub fn leaf(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// Whether `self` is `other` or stands below it.
    pub fn is_within(&self, other: &Self) -> bool {
        self.0
            .strip_prefix(other.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl fmt::Display for AssetPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, accepted: bool) {
        assert_eq!(AssetPath::parse(text).is_ok(), accepted, "{text:?}");
    }

    #[test]
    fn paths_are_safe_topic_levels() {
        check("acme/berlin/paint/line1", true);
        check("one", true);
        check("häll/9", true);
        check("", false);
        check("a//b", false);
        check("/a", false);
        check("a/+/b", false);
        check("a/#", false);
        check("$SYS/a", false);
        check("a/ b", false);
        check("a\n/b", false);
        check("1/2/3/4/5/6/7/8", true);
        check("1/2/3/4/5/6/7/8/9", false);
    }

    #[test]
    fn within_respects_level_borders() {
        let line = AssetPath::parse("acme/line1").unwrap();
        assert!(
            AssetPath::parse("acme/line1/press")
                .unwrap()
                .is_within(&line)
        );
        assert!(line.is_within(&line));
        assert!(!AssetPath::parse("acme/line10").unwrap().is_within(&line));
    }

    #[test]
    fn the_leaf_names_the_machine() {
        assert_eq!(
            AssetPath::parse("acme/line1/press").unwrap().leaf(),
            "press"
        );
    }
}

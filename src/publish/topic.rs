//! Topic names, in the order of ISA-95 / a unified namespace.
//!
//! ```text
//! [<topic_root>/]<asset of the machine>/_summary/<gateway>
//! [<topic_root>/]<asset of the machine>/_raw/<gateway>
//! [<topic_root>/]<asset of the machine>/_alert/<role>/<gateway>       one message per role that is told
//! [<topic_root>/]<asset of the gateway>/_event/<gateway>              drop and event records
//! [<topic_root>/]<asset of the gateway>/_birth/<gateway>              retained; its parts above 0 below `/<part>`
//! [<topic_root>/]<asset of the gateway>/_health/<gateway>             retained; also the last will
//! ```
//!
//! The first level that begins with exactly one `_` is the kind: an asset level that itself begins with `_` gets
//! one more. Levels come from checked types only, so no name of a tag, asset or role can add a level or a wildcard.
//! A subscriber to `acme/berlin/#` sees one site, one to `+/+/+/+/+/_alert/maintenance/#` one team's alerts at
//! machines five levels deep.

use crate::model::{AssetPath, Role};
use crate::record::Kind;

/// Makes topics for one gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topics {
    root: String,
    gateway: String,
    gateway_asset: String,
}

impl Topics {
    /// `gateway` is the checked gateway id, `asset` the gateway's own path.
    pub fn new(root: Option<&AssetPath>, gateway: &str, asset: &AssetPath) -> Self {
        let root = root.map_or_else(String::new, |path| {
            let mut text = levels(path);
            text.push('/');
            text
        });
        Self {
            gateway_asset: levels(asset),
            gateway: gateway.to_owned(),
            root,
        }
    }

    /// Summaries of an asset.
    pub fn summary(&self, asset: &AssetPath) -> String {
        self.of(&levels(asset), "_summary")
    }

    /// Raw values of an asset.
    pub fn raw(&self, asset: &AssetPath) -> String {
        self.of(&levels(asset), "_raw")
    }

    /// An alert for one role.
    pub fn alert(&self, asset: &AssetPath, role: &Role) -> String {
        let root = &self.root;
        let gateway = &self.gateway;
        let asset = levels(asset);
        format!("{root}{asset}/_alert/{role}/{gateway}")
    }

    /// Drop and event records.
    pub fn event(&self) -> String {
        self.of(&self.gateway_asset, "_event")
    }

    /// A part of the retained birth.
    pub fn birth(&self, part: usize) -> String {
        let first = self.of(&self.gateway_asset, "_birth");
        match part {
            0 => first,
            part => format!("{first}/{part}"),
        }
    }

    /// The retained health message and last will.
    pub fn health(&self) -> String {
        self.of(&self.gateway_asset, "_health")
    }

    fn of(&self, asset: &str, kind: &str) -> String {
        let root = &self.root;
        let gateway = &self.gateway;
        format!("{root}{asset}/{kind}/{gateway}")
    }
}

/// What a topic says about the record in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopicParts<'a> {
    /// Kind of record.
    pub kind: Kind,
    /// The role that an alert is for.
    pub role: Option<&'a str>,
    /// The gateway that sent it.
    pub gateway: &'a str,
}

/// Reads a record's topic back; `None` for birth, health and anything else.
pub fn parse(topic: &str) -> Option<TopicParts<'_>> {
    let mut levels = topic.split('/');
    let word = levels.find(|l| l.starts_with('_') && !l.starts_with("__"))?;
    let kind = match word {
        "_summary" => Kind::Summary,
        "_raw" => Kind::Raw,
        "_alert" => Kind::Alert,
        "_event" => Kind::Event,
        _ => return None,
    };
    let role = if kind == Kind::Alert {
        Some(levels.next()?)
    } else {
        None
    };
    let gateway = levels.next()?;
    levels.next().is_none().then_some(TopicParts {
        kind,
        role,
        gateway,
    })
}

/// Whether a topic is that of a part of a birth.
pub fn is_birth(topic: &str) -> bool {
    let mut levels = topic.split('/');
    levels.find(|l| l.starts_with('_') && !l.starts_with("__")) == Some("_birth")
}

/// The levels of a path, none of which can be taken for a kind.
fn levels(path: &AssetPath) -> String {
    let mut out = String::with_capacity(path.as_str().len());
    for (index, level) in path.as_str().split('/').enumerate() {
        if index > 0 {
            out.push('/');
        }
        if level.starts_with('_') {
            out.push('_');
        }
        out.push_str(level);
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn path(text: &str) -> AssetPath {
        AssetPath::parse(text).unwrap()
    }

    #[test]
    fn topics_are_as_documented() {
        let topics = Topics::new(None, "gw1", &path("acme/berlin"));
        let press = path("acme/berlin/paint/press1");
        let role = Role::parse("maintenance").unwrap();
        let all = [
            topics.summary(&press),
            topics.raw(&press),
            topics.alert(&press, &role),
            topics.event(),
            topics.birth(0),
            topics.birth(12),
            topics.health(),
        ];
        assert_eq!(
            all,
            [
                "acme/berlin/paint/press1/_summary/gw1",
                "acme/berlin/paint/press1/_raw/gw1",
                "acme/berlin/paint/press1/_alert/maintenance/gw1",
                "acme/berlin/_event/gw1",
                "acme/berlin/_birth/gw1",
                "acme/berlin/_birth/gw1/12",
                "acme/berlin/_health/gw1",
            ]
        );
        let rooted = Topics::new(Some(&path("uns/v1")), "gw1", &path("acme"));
        assert_eq!(rooted.health(), "uns/v1/acme/_health/gw1");
    }

    #[test]
    fn an_asset_cannot_pose_as_a_kind() {
        let topics = Topics::new(None, "gw1", &path("_health"));
        assert_eq!(topics.health(), "__health/_health/gw1");
        let asset = path("acme/_alert");
        assert_eq!(topics.summary(&asset), "acme/__alert/_summary/gw1");
    }

    #[test]
    fn other_topics_are_not_records() {
        for topic in [
            "",
            "a/b",
            "a/_health/gw1",
            "a/_summary",
            "a/_alert/x",
            "a/_raw/g/x",
        ] {
            assert_eq!(parse(topic), None, "{topic}");
        }
    }

    fn any_path() -> impl Strategy<Value = AssetPath> {
        // Any text that the checked type lets through, with the characters that matter in topics made likely.
        "[/+#$_ a-c\\PC]{1,12}".prop_filter_map("not a path", |text| AssetPath::parse(&text).ok())
    }

    proptest! {
        #[test]
        fn no_text_injects_levels_or_wildcards(
            root in proptest::option::of(any_path()),
            own in any_path(),
            asset in any_path(),
            role in "[a-z0-9_-]{1,32}",
            gateway in "[A-Za-z0-9_-]{1,32}",
        ) {
            let role = Role::parse(&role).unwrap();
            let topics = Topics::new(root.as_ref(), &gateway, &own);
            let depth = |p: &AssetPath| p.as_str().split('/').count();
            let base = root.as_ref().map_or(0, depth);
            let machine = base + depth(&asset);
            let checks = [
                (topics.summary(&asset), machine + 2, Some((Kind::Summary, None))),
                (topics.raw(&asset), machine + 2, Some((Kind::Raw, None))),
                (topics.alert(&asset, &role), machine + 3, Some((Kind::Alert, Some(role.as_str())))),
                (topics.event(), base + depth(&own) + 2, Some((Kind::Event, None))),
                (topics.birth(0), base + depth(&own) + 2, None),
                (topics.birth(1), base + depth(&own) + 3, None),
                (topics.health(), base + depth(&own) + 2, None),
            ];
            let mut seen = BTreeSet::new();
            for (topic, levels, parts) in &checks {
                prop_assert_eq!(topic.split('/').count(), *levels);
                prop_assert!(!topic.contains(['+', '#', '\0']) && !topic.starts_with('$'));
                prop_assert_eq!(parse(topic).map(|p| (p.kind, p.role)), *parts);
                prop_assert!(parse(topic).is_none_or(|p| p.gateway == gateway));
                prop_assert_eq!(is_birth(topic), topic.contains("/_birth/"));
                prop_assert!(seen.insert(topic.clone()), "{} twice", topic);
            }
        }
    }
}

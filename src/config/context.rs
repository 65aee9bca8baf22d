//! `[[context]]` and `[[group]]`: what the plant announces about its machines, and which tags belong together.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::gateway::join_asset_item;
use super::nearest::did_you_mean;
use super::node::Value;
use super::section::Section;
use super::types::{Context, Group, QuietWhen, Tag};
use crate::model::{AssetPath, TagId};

/// Allowed settling times.
pub(super) const SETTLE: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_hours(24);
/// Settling time unless stated.
pub(super) const SETTLE_DEFAULT: Duration = Duration::from_secs(30);
/// Tags of a group: fewer have no pattern, more cost more than a small processor has.
const GROUP_TAGS: RangeInclusive<usize> = 2..=64;
/// Most tags that make a mode, and most values that mean quiet.
const LIST_MAX: usize = 16;

/// Finds tags by name.
#[derive(Debug)]
pub(super) struct TagNames<'a> {
    by_name: BTreeMap<&'a str, TagId>,
}

impl<'a> TagNames<'a> {
    /// The names of `tags`, which are in the order of their ids.
    pub(super) fn new(tags: &'a [Tag]) -> Self {
        let named = (0..).map(TagId).zip(tags);
        Self {
            by_name: named.map(|(id, tag)| (tag.name.as_str(), id)).collect(),
        }
    }

    pub(super) fn find(&self, value: &Value) -> Result<TagId, String> {
        let text = value
            .text()
            .ok_or_else(|| format!("is {}; allowed: the name of a tag", value.kind()))?;
        self.by_name.get(text).copied().ok_or_else(|| {
            let hint = did_you_mean(text, self.by_name.keys().copied());
            format!("is not a tag; allowed: <device>.<name> of one{hint}")
        })
    }
}

/// Reads one `[[context]]`.
pub(super) fn read_context(
    section: Section<'_>,
    gateway: Option<&AssetPath>,
    names: &TagNames<'_>,
) -> Context {
    let tag_list = |key| -> Vec<TagId> {
        let tags = section.list(key, |value| names.find(value));
        let tags = tags.unwrap_or_default();
        if tags.len() > LIST_MAX {
            section.fault(key, &format!("names more than {LIST_MAX} tags"));
        }
        tags
    };
    let assets = section.list("assets", |value| join_asset_item(value, gateway));
    let context = Context {
        assets: assets.unwrap_or_default(),
        mode: tag_list("mode"),
        setpoints: tag_list("setpoints"),
        cycle: section.read("cycle", |value| names.find(value)),
        quiet: read_quiet(&section, names),
        settle: section
            .duration("settle", &SETTLE)
            .unwrap_or(SETTLE_DEFAULT),
    };
    let says_nothing = context.mode.is_empty()
        && context.setpoints.is_empty()
        && context.cycle.is_none()
        && context.quiet.is_empty();
    if says_nothing
        && !["mode", "setpoints", "cycle", "quiet"]
            .iter()
            .any(|key| section.has(key))
    {
        section.missing(
            "mode",
            "a context needs at least one of mode, setpoints, cycle and quiet",
        );
    }
    section.finish();
    context
}

/// `quiet = [{ tag = "…", values = ["…"] }]`
fn read_quiet(section: &Section<'_>, names: &TagNames<'_>) -> Vec<QuietWhen> {
    let tables = section.tables("quiet");
    let read = |(index, table): (usize, _)| {
        let label = format!("{}quiet {}: ", section.label(), index + 1);
        let quiet = Section::new(section.faults(), table, label);
        quiet.require(
            &["tag", "values"],
            "allowed: { tag = \"press1.state\", values = [\"MAINT\"] }",
        );
        let tag = quiet.read("tag", |value| names.find(value));
        let values = quiet.list("values", |value| match value {
            Value::Text(text) => Ok(text.clone()),
            Value::Integer(Some(number)) => Ok(number.to_string()),
            Value::Flag(flag) => Ok(flag.to_string()),
            other => Err(format!(
                "is {}; allowed: text, a whole number, true or false",
                other.kind()
            )),
        });
        quiet.finish();
        Some(QuietWhen {
            tag: tag?,
            values: values?,
        })
    };
    tables.into_iter().enumerate().filter_map(read).collect()
}

/// Reads one `[[group]]`; `earlier` are the groups before it.
pub(super) fn read_group(
    section: Section<'_>,
    names: &TagNames<'_>,
    tags: &[Tag],
    earlier: &[Group],
) -> Option<Group> {
    section.require(
        &["name", "tags"],
        "allowed: name = \"pump1\", tags = [\"…\", \"…\"]",
    );
    let name = section.name("name", 48, "_-.");
    if let Some(name) = &name
        && earlier.iter().any(|group| group.name == *name)
    {
        section.fault("name", "is the name of an earlier group; names are unique");
    }
    let members = section.list("tags", |value| {
        let id = names.find(value)?;
        let detected = tags
            .get(id.index())
            .is_some_and(|tag| tag.detection.is_some());
        if detected {
            Ok(id)
        } else {
            Err("has no detection; a group needs tags with detect".to_owned())
        }
    });
    if let Some(members) = &members {
        check_members(&section, members, tags);
    }
    section.finish();
    Some(Group {
        name: name?,
        tags: members?,
    })
}

fn check_members(section: &Section<'_>, members: &[TagId], tags: &[Tag]) {
    let (least, most) = (GROUP_TAGS.start(), GROUP_TAGS.end());
    if !GROUP_TAGS.contains(&members.len()) {
        let what = format!("has {} tags; allowed: {least} to {most}", members.len());
        section.fault_unquoted("tags", &what);
    }
    let mut sorted = members.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    if sorted.len() < members.len() {
        section.fault_unquoted("tags", "names a tag twice");
    }
    let rates = |id: &TagId| tags.get(id.index()).map(|tag| tag.rate);
    let mut all = members.iter().filter_map(rates);
    if let Some(first) = all.next()
        && all.any(|rate| rate != first)
    {
        section.fault_unquoted("tags", "have different rates; a group is read at one rate");
    }
}

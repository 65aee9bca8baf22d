//! `[[device]]`: one Modbus unit or one OPC UA server, and its tags.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::csv::parse_csv;
use super::fault::At;
use super::gateway::{join_asset, read_asset_below};
use super::login::Beside;
use super::modbus_link::{self, read_modbus_link};
use super::node::Table;
use super::opcua_link::{self, read_opcua_link};
use super::section::Section;
use super::settings::Settings;
use super::tag::{Parent, read_tag};
use super::types::{Device, Link, Profile, Tag};
use crate::model::{AssetPath, DeviceId};

/// What a device takes from the rest of the configuration.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plant<'a> {
    pub gateway: Option<&'a AssetPath>,
    pub defaults: &'a Settings,
    pub beside: Beside<'a>,
}

/// Devices and tags read so far.
#[derive(Debug, Default)]
pub(super) struct Devices {
    pub list: Vec<Device>,
    pub tags: Vec<Tag>,
    /// Tags that are compared with a machine cycle, and where that is written.
    pub cyclic: Vec<(usize, At)>,
    names: BTreeMap<String, At>,
}

/// The tags of a device read so far.
#[derive(Debug, Default)]
struct Siblings {
    names: BTreeSet<String>,
    count: usize,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum DriverName {
    ModbusTcp,
    OpcUa,
}

impl Devices {
    /// Reads one `[[device]]` and adds it, unless faults leave nothing to add.
    pub(super) fn read(&mut self, section: Section<'_>, plant: Plant<'_>) {
        let name = self.read_name(&section);
        let asset = read_device_asset(&section, name.as_deref(), plant.gateway);
        let link = read_link(&section, plant.beside);
        let settings = Settings::read(&section).over(plant.defaults);
        let list = tag_list(&section, plant.beside);
        let tables = section.tables("tag");
        if tables.is_empty() && !section.has("tag") && !section.has("tags_csv") {
            section.missing(
                "tag",
                "a device needs at least one [[device.tag]] or tags_csv = \"…\"",
            );
        }
        let id = DeviceId(index(self.list.len()));
        let first = index(self.tags.len());
        let parent = Parent {
            device: id,
            name: name.as_deref().unwrap_or_default(),
            gateway: plant.gateway,
            max_registers: match (&link, driver(&section)) {
                (Some(Link::ModbusTcp(link)), _) => Some(link.max_registers),
                (None, Some(DriverName::ModbusTcp)) => Some(125),
                _ => None,
            },
            settings: &settings,
        };
        // Without a known driver nobody can tell what an address should look like.
        let is_known = driver(&section).is_some();
        let mut siblings = Siblings::default();
        for table in tables.into_iter().filter(|_| is_known) {
            self.read_tag(&section, table, &parent, &mut siblings);
        }
        if let Some((text, number)) = &list {
            let before = section.faults().count();
            let mut lines = 0;
            for table in parse_csv(text, *number, section.faults()) {
                lines += 1;
                if is_known {
                    self.read_tag(&section, &table, &parent, &mut siblings);
                }
            }
            if lines == 0 && section.faults().count() == before {
                section.fault("tags_csv", "holds no tag below its header line");
            }
        }
        section.finish();
        if let (Some(name), Some(asset), Some(link)) = (name, asset, link) {
            self.list.push(Device {
                name,
                asset,
                link,
                tags: first..index(self.tags.len()),
            });
        }
    }

    fn read_name(&mut self, section: &Section<'_>) -> Option<String> {
        if !section.has("name") {
            section.missing("name", "allowed: 1 to 48 of A-Z a-z 0-9 _ -");
        }
        let name = section.name("name", 48, "_-")?;
        let at = section.at("name");
        if self.names.insert(name.clone(), at).is_some() {
            section.fault("name", "is the name of an earlier device; names are unique");
        }
        Some(name)
    }

    /// Reads one tag; `siblings` are the device's tags before it.
    fn read_tag(
        &mut self,
        section: &Section<'_>,
        table: &Table,
        parent: &Parent<'_>,
        siblings: &mut Siblings,
    ) {
        let name = table
            .entries
            .get("name")
            .and_then(|(_, node)| node.value.text());
        siblings.count += 1;
        let tag_label = match name {
            Some(name) => format!("tag {}", quoted(name)),
            None => format!("tag {}", siblings.count),
        };
        let label = format!("{}, {tag_label}: ", section.label().trim_end_matches(": "));
        let tag = Section::new(section.faults(), table, label);
        if name.is_some_and(|name| !siblings.names.insert(name.to_owned())) {
            tag.fault(
                "name",
                "is the name of an earlier tag of the device; names are unique",
            );
        }
        let at = tag.at("detect");
        let mut tag = read_tag(tag, parent);
        if tag
            .detection
            .is_some_and(|rules| rules.profile == Profile::Cycle)
        {
            self.cyclic.push((self.tags.len(), at));
        }
        if let Some(before) = self.tags.last() {
            share(&mut tag, before);
        }
        self.tags.push(tag);
    }
}

/// Neighbours mostly stand on one machine and follow the same rules: one copy of those is enough.
fn share(tag: &mut Tag, before: &Tag) {
    if tag.asset == before.asset {
        tag.asset.clone_from(&before.asset);
    }
    if tag.validation == before.validation {
        tag.validation = Arc::clone(&before.validation);
    }
}

/// What messages about a device start with.
pub(super) fn label(table: &Table, index: usize) -> String {
    let name = table
        .entries
        .get("name")
        .and_then(|(_, node)| node.value.text());
    match name {
        Some(name) => format!("device {}: ", quoted(name)),
        None => format!("device {}: ", index + 1),
    }
}

fn quoted(name: &str) -> String {
    let shown: String = name.chars().take(64).flat_map(char::escape_debug).collect();
    format!("\"{shown}\"")
}

/// Where a device stands: its `asset`, by default its name, below the gateway's.
fn read_device_asset(
    section: &Section<'_>,
    name: Option<&str>,
    gateway: Option<&AssetPath>,
) -> Option<AssetPath> {
    if section.has("asset") {
        return read_asset_below(section, "asset", gateway);
    }
    let below = AssetPath::parse(name?).ok()?;
    join_asset(section, "name", gateway?, &below)
}

fn driver(section: &Section<'_>) -> Option<DriverName> {
    match section.node("driver")?.value.text()? {
        "modbus-tcp" => Some(DriverName::ModbusTcp),
        "opcua" => Some(DriverName::OpcUa),
        _ => None,
    }
}

fn read_link(section: &Section<'_>, beside: Beside<'_>) -> Option<Link> {
    if !section.has("driver") {
        section.missing("driver", "allowed: \"modbus-tcp\", \"opcua\"");
    }
    let driver = section.choice(
        "driver",
        "a driver",
        &[
            ("modbus-tcp", DriverName::ModbusTcp),
            ("opcua", DriverName::OpcUa),
        ],
    );
    match driver {
        Some(DriverName::ModbusTcp) => {
            refuse_keys(section, &opcua_link::KEYS, ["opcua", "modbus-tcp"]);
            read_modbus_link(section).map(Link::ModbusTcp)
        }
        Some(DriverName::OpcUa) => {
            refuse_keys(section, &modbus_link::KEYS, ["modbus-tcp", "opcua"]);
            read_opcua_link(section, beside).map(Link::OpcUa)
        }
        None => {
            // Their keys are not unknown; which of them fit is open until the driver is right.
            let keys = opcua_link::KEYS.iter().chain(&modbus_link::KEYS);
            keys.chain(&["endpoint", "timeout"])
                .for_each(|key| section.ask(key));
            None
        }
    }
}

/// Reports keys of the other driver; `drivers` names theirs and the device's own.
fn refuse_keys(section: &Section<'_>, keys: &[&'static str], drivers: [&str; 2]) {
    let [theirs, own] = drivers;
    for key in keys {
        if section.has(key) {
            section.ask(key);
            section.fault(
                key,
                &format!("belongs to driver \"{theirs}\", not to \"{own}\"; remove it"),
            );
        }
    }
}

/// The tag CSV, if the device names one, and its number among the texts that faults refer to.
fn tag_list(section: &Section<'_>, beside: Beside<'_>) -> Option<(String, usize)> {
    let path = beside.path(section, "tags_csv")?;
    match beside.source.text(&path) {
        Ok(text) => {
            let number = section
                .faults()
                .add_text(&path.display().to_string(), &text);
            Some((text, number))
        }
        Err(fault) => {
            section.fault("tags_csv", &fault.to_string());
            None
        }
    }
}

/// Ids are dense 32-bit indices; the text limits keep counts far below that.
fn index(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

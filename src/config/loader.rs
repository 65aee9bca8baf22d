//! From text to a checked [`Config`], or every fault.

use std::path::Path;

use super::alerting::read_alerting;
use super::calendar::read_calendar;
use super::context::{TagNames, read_context, read_group};
use super::device::{Devices, Plant, label};
use super::fault::{At, ConfigError, Fault, Faults};
use super::files::{FileSource, LocalFiles};
use super::gateway::{read_buffer, read_gateway, read_log};
use super::history::read_history;
use super::login::Beside;
use super::mqtt::read_mqtt;
use super::node::{Table, parse_toml};
use super::section::Section;
use super::settings::Settings;
use super::types::{Config, Context, Device, Gateway, Group, Tag};
use super::work_unit::{Around, ProductionConfig, read_production};
use crate::model::{AssetPath, Zone};

/// Reads and checks the configuration at `path`, with the files and environment of this machine.
///
/// Relative paths inside start at the folder of `path`.
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    let text = text_of(path, "configuration")?;
    parse(&text, &path.display().to_string(), &LocalFiles)
}

/// The text of a file that the operator gave as `what`.
pub(super) fn text_of(path: &Path, what: &str) -> Result<String, ConfigError> {
    LocalFiles.text(path).map_err(|fault| ConfigError {
        faults: vec![Fault {
            at: path.display().to_string(),
            message: format!("the {what} {fault}"),
        }],
        total: 1,
    })
}

/// Checks the configuration `text` known to the operator as `file`; `resolver` supplies what it names.
pub fn parse(text: &str, file: &str, resolver: &dyn FileSource) -> Result<Config, ConfigError> {
    let faults = Faults::default();
    let number = faults.add_text(file, text);
    let folder = Path::new(file).parent().unwrap_or(Path::new(""));
    let beside = Beside {
        source: resolver,
        folder,
    };
    let config =
        parse_toml(text, number, &faults).and_then(|root| read_config(&root, &faults, beside));
    match (config, faults.into_error()) {
        (Some(config), None) => Ok(config),
        (_, error) => Err(error.unwrap_or(ConfigError {
            faults: Vec::new(),
            total: 0,
        })),
    }
}

/// Reads the whole tree; `None` only after a fault.
fn read_config(root: &Table, faults: &Faults, beside: Beside<'_>) -> Option<Config> {
    let section = Section::new(faults, root, String::new());
    let empty = Table::empty(root.at);
    let child = |key: &'static str| {
        let absent = || Section::new(faults, &empty, format!("{key}."));
        section.section(key).unwrap_or_else(absent)
    };
    if !section.has("gateway") {
        section.missing(
            "[gateway]",
            "it says who this gateway is: id = \"…\", asset = \"…\"",
        );
    }
    let gateway = section
        .section("gateway")
        .and_then(|table| read_gateway(table, beside));
    let buffer = read_buffer(child("buffer"));
    let id = gateway.as_ref().map_or("", |gateway| gateway.id.as_str());
    let mqtt = section
        .section("mqtt")
        .map(|table| read_mqtt(table, id, beside));
    let asset = gateway.as_ref().map(|gateway| &gateway.asset);
    let alerting = read_alerting(child("alerting"), asset);
    let history = read_history(child("history"));
    let log = read_log(child("log"));
    let defaults = child("defaults");
    let settings = Settings::read(&defaults);
    defaults.finish();
    let plant = Plant {
        gateway: asset,
        defaults: &settings,
        beside,
    };
    let Devices {
        list,
        mut tags,
        cyclic,
        ..
    } = read_devices(&section, plant, root.at);
    tags.shrink_to_fit();
    let (contexts, groups) = read_relations(&section, asset, &tags);
    let production = read_plant(&section, gateway.as_ref(), (&tags, &list));
    section.finish();
    let config = Config {
        gateway: gateway?,
        buffer,
        mqtt,
        devices: list,
        tags,
        contexts,
        groups,
        history,
        production,
        alerting,
        log,
    };
    check_cycles(&config, &cyclic, faults);
    Some(config)
}

/// Reads `[calendar]` and what production figures are made of.
fn read_plant(
    section: &Section<'_>,
    gateway: Option<&Gateway>,
    (tags, devices): (&[Tag], &[Device]),
) -> ProductionConfig {
    let zone = gateway.map_or(Zone::UTC, |gateway| gateway.time_zone.clone());
    let calendar = section
        .section("calendar")
        .and_then(|calendar| read_calendar(calendar, &zone));
    let asset_of = |tag: &Tag| {
        let device = devices.get(tag.device.index());
        let own = tag.asset.clone();
        own.or_else(|| device.map(|device| device.asset.clone()))
    };
    let around = Around {
        gateway: gateway.map(|gateway| &gateway.asset),
        names: &TagNames::new(tags),
        tags,
        asset_of: &asset_of,
    };
    read_production(section, calendar, around)
}

/// A signal can be compared with the machine cycle only where something tells the cycle.
fn check_cycles(config: &Config, cyclic: &[(usize, At)], faults: &Faults) {
    for (index, at) in cyclic {
        let tag = config.tags.get(*index);
        if let Some(tag) = tag.filter(|tag| !config.has_cycle(tag)) {
            let message = format!(
                "tag {}: detect.profile = \"cycle\" needs a [[context]] with a cycle; none that names the asset of the tag has one",
                tag.name
            );
            faults.report(*at, message);
        }
    }
}

/// Reads `[[context]]` and `[[group]]`, which name tags.
fn read_relations(
    section: &Section<'_>,
    gateway: Option<&AssetPath>,
    tags: &[Tag],
) -> (Vec<Context>, Vec<Group>) {
    let names = TagNames::new(tags);
    let contexts = section
        .numbered("context")
        .map(|table| read_context(table, gateway, &names));
    let contexts = contexts.collect();
    let mut groups = Vec::new();
    for table in section.numbered("group") {
        groups.extend(read_group(table, &names, tags, &groups));
    }
    (contexts, groups)
}

fn read_devices(section: &Section<'_>, plant: Plant<'_>, at: At) -> Devices {
    let mut devices = Devices::default();
    let tables = section.tables("device");
    if tables.is_empty() && !section.has("device") {
        let message = "there is no [[device]]; a gateway needs at least one with a tag".to_owned();
        section.faults().report(at, message);
    }
    for (index, table) in tables.into_iter().enumerate() {
        let device = Section::new(section.faults(), table, label(table, index));
        devices.read(device, plant);
    }
    devices
}

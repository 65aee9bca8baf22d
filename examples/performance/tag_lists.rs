//! Moves the tags of a configuration into tag CSV files, one per device: the form in which plants of this size keep them.

use std::path::Path;

use toml::{Table, Value};

use crate::Fault;

/// Column, and the keys that lead to its value in `[[device.tag]]`.
const COLUMNS: [(&str, &[&str]); 20] = [
    ("name", &["name"]),
    ("address", &["address"]),
    ("type", &["type"]),
    ("order", &["order"]),
    ("rate", &["rate"]),
    ("unit", &["unit"]),
    ("scale", &["scale"]),
    ("offset", &["offset"]),
    ("sentinels", &["sentinels"]),
    ("asset", &["asset"]),
    ("description", &["description"]),
    ("advice", &["advice"]),
    ("stuck_after", &["validate", "stuck_after"]),
    ("summary", &["publish", "summary"]),
    ("raw", &["publish", "raw"]),
    ("detect", &["detect"]),
    ("detect_shift", &["detect", "detect_shift"]),
    ("false_alarms", &["detect", "false_alarms"]),
    ("learn", &["detect", "learn"]),
    ("deadband", &["publish", "deadband"]),
];

/// Writes the files into `dir` and returns the configuration that names them.
pub(crate) fn split(dir: &Path, config: &str) -> Result<String, Fault> {
    let tree: Table = config.parse()?;
    let devices = tree.get("device").and_then(Value::as_array);
    let mut files = Vec::new();
    for device in devices.ok_or("the configuration has no device")? {
        let name = device.get("name").and_then(Value::as_str);
        let file = format!("{}.csv", name.ok_or("a device has no name")?);
        let tags = device.get("tag").and_then(Value::as_array);
        let mut list = csv::Writer::from_path(dir.join(&file))?;
        list.write_record(COLUMNS.map(|(column, _)| column))?;
        for tag in tags.into_iter().flatten() {
            list.write_record(COLUMNS.map(|(_, keys)| cell(tag, keys)))?;
        }
        list.flush()?;
        files.push(file);
    }
    Ok(without_tags(config, files.into_iter()))
}

/// The configuration as it is, but for the tags: the first of each device makes room for the name of its file.
fn without_tags(config: &str, mut files: impl Iterator<Item = String>) -> String {
    let mut kept = String::new();
    let mut in_tags = false;
    for line in config.lines() {
        let is_tag = line == "[[device.tag]]";
        if is_tag && !in_tags {
            let file = files.next().unwrap_or_default();
            kept.extend(["tags_csv = \"", &file, "\"\n\n"]);
        }
        in_tags = is_tag || (in_tags && line != "[[device]]");
        if !in_tags {
            kept += line;
            kept += "\n";
        }
    }
    kept
}

fn cell(tag: &Value, keys: &[&str]) -> String {
    let value = keys.iter().try_fold(tag, |value, key| value.get(key));
    value.map(text).unwrap_or_default()
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(" "),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Boolean(flag) => flag.to_string(),
        // `detect = { ... }` is on.
        Value::Table(_) => "true".to_owned(),
        Value::Datetime(_) => String::new(),
    }
}

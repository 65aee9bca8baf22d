//! What a valid configuration still puts at risk.

use std::collections::BTreeMap;
use std::path::Path;

use super::endpoint::join_host_port;
use super::files;
use super::types::{Config, Device, Link, OpcUaMode, OpcUaPolicy};
use crate::model::AssetPath;

/// Every warning about `config`, in the order of the file.
pub fn warnings(config: &Config) -> Vec<String> {
    let mut found = mqtt_warnings(config);
    let mut units: BTreeMap<(String, u8), &str> = BTreeMap::new();
    for device in &config.devices {
        found.extend(link_warnings(device));
        if let Link::ModbusTcp(link) = &device.link {
            let endpoint = join_host_port(&link.host, link.port);
            if let Some(other) = units.insert((endpoint.clone(), link.unit), &device.name) {
                found.push(format!(
                    "device \"{}\" is the same unit {} at {endpoint} as \"{other}\"; one device with all tags needs fewer requests",
                    device.name, link.unit
                ));
            }
        }
    }
    for (index, route) in config.alerting.routes.iter().enumerate() {
        for asset in &route.assets {
            let mut devices = config.devices.iter().map(|device| &device.asset);
            let mut tags = config.tags.iter().filter_map(|tag| tag.asset.as_ref());
            let within = |place: &AssetPath| place.is_within(asset);
            if !devices.any(within) && !tags.any(within) {
                found.push(format!(
                    "alerting.route {}: no device and no tag stands within {asset}, so it matches nothing there",
                    index + 1
                ));
            }
        }
    }
    if config.tags.iter().all(|tag| tag.detection.is_none()) {
        found.push(
            "no tag has detection, so shifts and drifts go unnoticed; add detect = true".to_owned(),
        );
    }
    found
}

/// A warning when anyone on the machine may write into the data folder.
pub fn data_dir_warning(folder: &Path) -> Option<String> {
    let mode = files::mode(folder).ok()?;
    (mode & 0o002 != 0).then(|| {
        format!(
            "gateway.data_dir {} can be written by anyone (mode {mode:04o}); run `chmod o-w {}`",
            folder.display(),
            folder.display()
        )
    })
}

fn mqtt_warnings(config: &Config) -> Vec<String> {
    let Some(mqtt) = &config.mqtt else {
        return vec!["there is no [mqtt], so nothing goes upstream".to_owned()];
    };
    let place = join_host_port(&mqtt.host, mqtt.port);
    match (&mqtt.tls, &mqtt.login) {
        (None, Some(_)) => vec![format!(
            "the MQTT password crosses the network to {place} in plain text; use mqtts://"
        )],
        (None, None) => vec![format!(
            "MQTT to {place} is plain text: anyone on the way can read and forge records; use mqtts://"
        )],
        (Some(_), _) => Vec::new(),
    }
}

fn link_warnings(device: &Device) -> Vec<String> {
    let Link::OpcUa(link) = &device.link else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let name = &device.name;
    if link.policy == OpcUaPolicy::None {
        found.push(format!(
            "device \"{name}\": OPC UA security is None: values can be read and forged on the way"
        ));
    }
    if link.mode == OpcUaMode::Sign {
        found.push(format!(
            "device \"{name}\": OPC UA messages are signed but not encrypted: values can be read on the way"
        ));
    }
    if link.skip_hostname_check {
        found.push(format!(
            "device \"{name}\": the host name of the server's certificate is not checked; the certificate itself is"
        ));
    }
    found
}

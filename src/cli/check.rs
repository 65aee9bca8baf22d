//! `andon check`: validate a configuration, with --live against the devices.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::Outcome;
use super::live::probe_all;
use super::output::{Align, Table, complain, print, print_json};
use crate::app::{AppError, unmet_wishes};
use crate::config::{
    self, Capacity, Config, ConfigError, Device, DeviceLoad, Fault, Link, format_duration,
    format_size, join_host_port,
};
use crate::driver::probe::DeviceProbe;
use crate::model::with_causes;

/// Wishes that cannot be met and are told one by one; more are counted.
const UNMET_SHOWN: usize = 20;

/// Validate a configuration: every fault at once, or what it amounts to.
///
/// Exit code 0 when it is valid, 64 when it is not, 2 when --live finds a device or tag that does not work.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The configuration file.
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,
    /// Connect to every device and say what works and why not.
    #[arg(long)]
    live: bool,
    /// Print machine-readable JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Outcome {
    match check(args) {
        Ok(outcome) => outcome,
        Err(error) => {
            complain(&format!("andon: cannot finish the check: {error}\n"));
            Outcome::Failed
        }
    }
}

/// Loads a configuration; prints every fault and returns nothing when there are any.
pub(super) fn load_or_complain(path: &Path) -> Option<Config> {
    config::load(path)
        .map_err(|error| complain(&faults_text(&error)))
        .ok()
}

/// Loads a configuration; wishes for detection that no chart can meet are faults of it, too.
fn load(path: &Path) -> Result<Config, ConfigError> {
    let config = config::load(path)?;
    let unmet = unmet_wishes(&config);
    if unmet.is_empty() {
        return Ok(config);
    }
    let fault = |error: &AppError| Fault {
        at: path.display().to_string(),
        message: with_causes(error),
    };
    Err(ConfigError {
        total: unmet.len(),
        faults: unmet.iter().take(UNMET_SHOWN).map(fault).collect(),
    })
}

fn check(args: &Args) -> io::Result<Outcome> {
    let config = match load(&args.config) {
        Ok(config) => config,
        Err(error) => {
            if args.json {
                print_json(&faults_json(&error))?;
            }
            complain(&faults_text(&error));
            return Ok(Outcome::Usage);
        }
    };
    let capacity = Capacity::of(&config);
    let mut warnings = config::warnings(&config);
    warnings.extend(config::data_dir_warning(&config.gateway.data_dir));
    let probes = if args.live {
        Some(probe_all(&config)?)
    } else {
        None
    };
    if args.json {
        print_json(&report_json(
            &config,
            &capacity,
            &warnings,
            probes.as_deref(),
        ))?;
    } else {
        let live = probes.as_deref().map(probes_text).unwrap_or_default();
        print(&(report_text(&config, &capacity) + &live))?;
        for warning in &warnings {
            complain(&format!("warning: {warning}\n"));
        }
    }
    let works = probes.iter().flatten().all(works);
    Ok(if works {
        Outcome::Clean
    } else {
        Outcome::CheckFailed
    })
}

/// Each fault on its own line, then how many there are.
pub(super) fn faults_text(error: &ConfigError) -> String {
    let lines: Vec<String> = error.faults.iter().map(ToString::to_string).collect();
    let lines = lines.join("\n");
    let count = match error.total {
        1 => "1 fault".to_owned(),
        n => format!("{n} faults"),
    };
    format!("{lines}\n{count}; nothing was started\n")
}

fn faults_json(error: &ConfigError) -> serde_json::Value {
    let faults: Vec<_> = error
        .faults
        .iter()
        .map(|fault| json!({ "at": fault.at, "message": fault.message }))
        .collect();
    json!({ "valid": false, "faults": faults, "count": error.total })
}

fn report_text(config: &Config, capacity: &Capacity) -> String {
    let mut table = Table::new(&[
        ("device", Align::Left),
        ("driver", Align::Left),
        ("endpoint", Align::Left),
        ("tags", Align::Right),
        ("assets", Align::Right),
        ("rate", Align::Left),
        ("values/s", Align::Right),
        ("requests/s", Align::Right),
        ("per cycle", Align::Right),
        ("detection", Align::Right),
    ]);
    for (device, load) in config.devices.iter().zip(&capacity.devices) {
        let (driver, endpoint) = link_text(&device.link);
        table.row([
            device.name.clone(),
            driver.to_owned(),
            endpoint,
            load.tags.to_string(),
            load.assets.to_string(),
            rates_text(load),
            format!("{:.1}", load.values_per_s),
            format!("{:.1}", load.requests_per_s),
            load.requests_per_cycle.to_string(),
            load.detected_tags.to_string(),
        ]);
    }
    format!(
        "{}\ngateway  {} serves {}, state in {}\nmqtt     {}\nbuffer   up to {}, durable within {}\nload     {} tags, {:.1} values/s, {} with detection, up to {:.1} records/s upstream, about {:.0} MB of memory\nalarms   up to {:.1} false ones a day are allowed, of 144 that one operator can deal with\n",
        table.render(),
        config.gateway.id,
        config.gateway.asset,
        config.gateway.data_dir.display(),
        mqtt_text(config),
        format_size(config.buffer.max_bytes),
        format_duration(config.buffer.commit_interval),
        capacity.tags,
        capacity.values_per_s,
        capacity.detected_tags,
        capacity.records_per_s,
        capacity.memory_bytes as f64 / 1e6,
        capacity.false_alarms_per_day,
    )
}

fn link_text(link: &Link) -> (&'static str, String) {
    match link {
        Link::ModbusTcp(link) => (
            "modbus-tcp",
            format!(
                "{} unit {}",
                join_host_port(&link.host, link.port),
                link.unit
            ),
        ),
        Link::OpcUa(link) => ("opcua", link.url.clone()),
    }
}

fn rates_text(load: &DeviceLoad) -> String {
    match load.rates {
        None => String::new(),
        Some((shortest, longest)) if shortest == longest => format_duration(shortest),
        Some((shortest, longest)) => {
            format!(
                "{}..{}",
                format_duration(shortest),
                format_duration(longest)
            )
        }
    }
}

fn mqtt_text(config: &Config) -> String {
    let Some(mqtt) = &config.mqtt else {
        return "none".to_owned();
    };
    let security = match &mqtt.tls {
        None => "plain text",
        Some(tls) if tls.client.is_some() => "TLS with client certificate",
        Some(_) => "TLS",
    };
    let login = mqtt.login.as_ref().map_or_else(
        || "without login".to_owned(),
        |login| format!("as {}", login.username),
    );
    let place = join_host_port(&mqtt.host, mqtt.port);
    format!("{place}, {security}, {login}, client id {}", mqtt.client_id)
}

fn report_json(
    config: &Config,
    capacity: &Capacity,
    warnings: &[String],
    probes: Option<&[DeviceProbe]>,
) -> serde_json::Value {
    let devices: Vec<_> = config
        .devices
        .iter()
        .zip(&capacity.devices)
        .map(|(device, load)| {
            let (driver, endpoint) = link_text(&device.link);
            json!({
                "name": device.name,
                "asset": device.asset.as_str(),
                "driver": driver,
                "endpoint": endpoint,
                "tags": load.tags,
                "assets": device_assets(config, device),
                "tags_with_detection": load.detected_tags,
                "values_per_s": load.values_per_s,
                "requests_per_s": load.requests_per_s,
                "requests_per_cycle": load.requests_per_cycle,
            })
        })
        .collect();
    let mqtt = config
        .mqtt
        .as_ref()
        .map(|mqtt| json!({ "host": mqtt.host, "port": mqtt.port, "tls": mqtt.tls.is_some() }));
    let mut report = json!({
        "valid": true,
        "gateway": config.gateway.id,
        "asset": config.gateway.asset.as_str(),
        "devices": devices,
        "mqtt": mqtt,
        "tags": capacity.tags,
        "tags_with_detection": capacity.detected_tags,
        "false_alarms_per_day": capacity.false_alarms_per_day,
        "values_per_s": capacity.values_per_s,
        "records_per_s_max": capacity.records_per_s,
        "memory_bytes": capacity.memory_bytes,
        "warnings": warnings,
    });
    if let (Some(probes), Some(fields)) = (probes, report.as_object_mut()) {
        let probes = probes.iter().map(probe_json).collect();
        fields.insert("live".to_owned(), serde_json::Value::Array(probes));
    }
    report
}

/// Tags per asset of a device, by path.
fn device_assets<'a>(config: &'a Config, device: &Device) -> BTreeMap<&'a str, usize> {
    let mut assets = BTreeMap::new();
    for tag in config.device_tags(device) {
        *assets.entry(config.asset(tag).as_str()).or_default() += 1;
    }
    assets
}

fn works(probe: &DeviceProbe) -> bool {
    probe.reachable.is_ok() && probe.tags.iter().all(|tag| tag.outcome.is_ok())
}

fn probes_text(probes: &[DeviceProbe]) -> String {
    let mut text = String::from("\n");
    for probe in probes {
        text.push_str(&verdict(&probe.device, &probe.reachable));
        for tag in &probe.tags {
            text.push_str("  ");
            text.push_str(&verdict(&tag.tag, &tag.outcome));
            for hint in &tag.hints {
                text.push_str("        ");
                text.push_str(hint);
                text.push('\n');
            }
        }
    }
    text
}

fn verdict(subject: &str, outcome: &Result<String, String>) -> String {
    match outcome {
        Ok(words) => format!("ok    {subject}: {words}\n"),
        Err(words) => format!("FAIL  {subject}: {words}\n"),
    }
}

fn probe_json(probe: &DeviceProbe) -> serde_json::Value {
    let words = |outcome: &Result<String, String>| match outcome {
        Ok(words) | Err(words) => words.clone(),
    };
    let tags: Vec<_> = probe
        .tags
        .iter()
        .map(|tag| {
            json!({
                "tag": tag.tag,
                "ok": tag.outcome.is_ok(),
                "outcome": words(&tag.outcome),
                "hints": tag.hints,
            })
        })
        .collect();
    json!({
        "device": probe.device,
        "ok": probe.reachable.is_ok(),
        "outcome": words(&probe.reachable),
        "tags": tags,
    })
}

//! The gateway configuration that matches a simulation: its `[[device]]` and `[[device.tag]]` tables.

use std::fmt::{self, Write};
use std::path::PathBuf;

use crate::scenario::{Behaviour, DataType, ModbusServer, OpcUaServer, Scenario, Security, Signal};
use crate::sim::{Endpoints, ModbusUnitEndpoint, OpcUaEndpoint};

/// What the configuration asks for on every tag.
#[derive(Debug, Clone, PartialEq)]
pub struct FragmentOptions {
    /// `rate`, e.g. `"1s"`.
    pub rate: String,
    /// `publish.summary`, e.g. `"10s"` or `"off"`.
    pub summary: String,
    /// `publish.raw`: `"off"`, `"all"` or `"change"`.
    pub raw: String,
    /// `detect` on tags whose signal asks for it; without it no tag has one.
    pub detect: Option<DetectOptions>,
    /// `validate.stuck_after` on signals that move, e.g. `"5s"`.
    pub stuck_after: Option<String>,
    /// Security of OPC UA devices, if their server offers it; else the server's best.
    pub security: Option<Security>,
    /// `access` of OPC UA devices: `"poll"` or `"subscribe"`.
    pub access: String,
    /// File with the password of the first user of an OPC UA server. Without it sessions are
    /// anonymous.
    pub password_file: Option<PathBuf>,
    /// Whether every tag of an OPC UA server stands on the asset of its machine rather than on the server's.
    pub machine_assets: bool,
}

/// `detect` of a tag.
#[derive(Debug, Clone, PartialEq)]
pub struct DetectOptions {
    /// `false_alarms`, e.g. `"1 per month"`.
    pub false_alarms: String,
    /// `detect_shift` in standard deviations.
    pub shift_sigma: f64,
    /// `learn`: samples that make the baseline.
    pub learn: u32,
}

impl Default for FragmentOptions {
    fn default() -> Self {
        Self {
            rate: "1s".to_owned(),
            summary: "10s".to_owned(),
            raw: "off".to_owned(),
            detect: Some(DetectOptions::default()),
            stuck_after: None,
            security: None,
            access: "poll".to_owned(),
            password_file: None,
            machine_assets: false,
        }
    }
}

impl Default for DetectOptions {
    fn default() -> Self {
        Self {
            false_alarms: "1 per month".to_owned(),
            shift_sigma: 1.0,
            learn: 300,
        }
    }
}

/// A whole gateway configuration for a running plant: its state stands beside the file, its records go to the plant's
/// broker if there is one.
pub fn gateway_config(scenario: &Scenario, endpoints: &Endpoints) -> String {
    let broker = endpoints.mqtt.map_or_else(String::new, |address| {
        format!("[mqtt]\nurl = \"mqtt://{address}\"\n\n")
    });
    let gateway =
        "[gateway]\nid = \"sim\"\nasset = \"acme/berlin/hall1\"\ndata_dir = \"andon-data\"\n\n";
    format!(
        "{gateway}{broker}{}",
        gateway_config_fragment(scenario, endpoints)
    )
}

/// The fragment with the default options.
pub fn gateway_config_fragment(scenario: &Scenario, endpoints: &Endpoints) -> String {
    gateway_config_fragment_with(scenario, endpoints, &FragmentOptions::default())
}

/// The fragment: one device per Modbus unit, with tags named like signals, and one per OPC UA server,
/// with tags named `machine.signal`.
pub fn gateway_config_fragment_with(
    scenario: &Scenario,
    endpoints: &Endpoints,
    options: &FragmentOptions,
) -> String {
    let mut text = String::new();
    let written = write_all(scenario, endpoints, options, &mut text);
    // Writing to a String does not fail.
    written.map(|()| text).unwrap_or_default()
}

fn write_all(
    scenario: &Scenario,
    endpoints: &Endpoints,
    options: &FragmentOptions,
    text: &mut String,
) -> fmt::Result {
    for (server, endpoint) in scenario.modbus.iter().zip(&endpoints.modbus) {
        for unit in &endpoint.units {
            modbus_device(text, unit, endpoint.addr)?;
            modbus_tags(text, scenario, (server, unit), options)?;
        }
    }
    for (server, endpoint) in scenario.opcua.iter().zip(&endpoints.opcua) {
        opcua_device(text, (server, endpoint), options)?;
        for name in &server.machines {
            let signals = scenario
                .machine(name)
                .map_or(&[][..], |(_, machine)| &machine.signals);
            for signal in signals {
                let full = format!("{name}.{}", signal.name);
                tag_head(
                    text,
                    &full,
                    &format!("nsu={};s={full}", crate::opcua::NAMESPACE),
                )?;
                if options.machine_assets {
                    writeln!(text, "asset = {}", quoted(name))?;
                }
                tag_rest(text, signal, options)?;
            }
        }
    }
    Ok(())
}

fn modbus_device(
    text: &mut String,
    unit: &ModbusUnitEndpoint,
    address: std::net::SocketAddr,
) -> fmt::Result {
    write!(
        text,
        "[[device]]\nname = {}\ndriver = \"modbus-tcp\"\nendpoint = \"{address}\"\nunit = {}\n",
        quoted(&unit.device),
        unit.id
    )?;
    if unit.max_registers < 125 {
        writeln!(text, "max_registers = {}", unit.max_registers)?;
    }
    writeln!(text)
}

fn modbus_tags(
    text: &mut String,
    scenario: &Scenario,
    (server, unit): (&ModbusServer, &ModbusUnitEndpoint),
    options: &FragmentOptions,
) -> fmt::Result {
    let machine = server
        .units
        .iter()
        .find(|known| known.id == unit.id)
        .map(|known| &known.machine);
    let signals = machine
        .and_then(|name| scenario.machine(name))
        .map_or(&[][..], |(_, machine)| &machine.signals);
    for signal in signals {
        tag_head(text, &signal.name, &signal.place.to_string())?;
        writeln!(text, "type = \"{}\"", signal.data_type.name())?;
        if signal.data_type.registers() > 1 {
            writeln!(text, "order = \"{}\"", signal.order.name())?;
        }
        if let Some(sentinel) = sentinel(signal) {
            writeln!(text, "sentinels = [{sentinel:.1}]")?;
        }
        tag_rest(text, signal, options)?;
    }
    Ok(())
}

/// What a dropout of a quantity looks like; a counter may reach that value for good.
fn sentinel(signal: &Signal) -> Option<f64> {
    let quantity = matches!(signal.behaviour, Behaviour::Analog(_));
    signal
        .data_type
        .sentinel()
        .filter(|value| quantity && !value.is_nan())
}

fn opcua_device(
    text: &mut String,
    (server, endpoint): (&OpcUaServer, &OpcUaEndpoint),
    options: &FragmentOptions,
) -> fmt::Result {
    let offered = |wanted: &Security| server.security.contains(wanted);
    let best = [
        Security::Aes256Sha256RsaPss,
        Security::Basic256Sha256,
        Security::Aes128Sha256RsaOaep,
        Security::None,
    ];
    let security = options
        .security
        .filter(offered)
        .or_else(|| best.into_iter().find(offered))
        .unwrap_or(Security::None);
    write!(
        text,
        "[[device]]\nname = {}\ndriver = \"opcua\"\nendpoint = \"{}\"\nsecurity_policy = \"{}\"\n",
        quoted(&server.name),
        endpoint.url,
        policy_name(security)
    )?;
    match security {
        Security::None => writeln!(text, "security_mode = \"None\"\nallow_insecure = true")?,
        _ => writeln!(text, "security_mode = \"SignAndEncrypt\"")?,
    }
    if let (Some(user), Some(file)) = (server.users.first(), &options.password_file) {
        let file = quoted(&file.display().to_string());
        writeln!(
            text,
            "username = {}\npassword_file = {file}",
            quoted(&user.name)
        )?;
    }
    if options.access != "poll" {
        writeln!(text, "access = {}", quoted(&options.access))?;
    }
    writeln!(text)
}

/// The last part of the policy's URI (OPC UA Part 7), which is what the gateway's configuration takes.
const fn policy_name(security: Security) -> &'static str {
    match security {
        Security::None => "None",
        Security::Basic256Sha256 => "Basic256Sha256",
        Security::Aes128Sha256RsaOaep => "Aes128-Sha256-RsaOaep",
        Security::Aes256Sha256RsaPss => "Aes256-Sha256-RsaPss",
    }
}

fn tag_head(text: &mut String, name: &str, address: &str) -> fmt::Result {
    writeln!(
        text,
        "[[device.tag]]\nname = {}\naddress = {}",
        quoted(name),
        quoted(address)
    )
}

fn tag_rest(text: &mut String, signal: &Signal, options: &FragmentOptions) -> fmt::Result {
    let texts = [("description", &signal.description), ("unit", &signal.unit)];
    for (key, value) in texts {
        if !value.is_empty() {
            writeln!(text, "{key} = {}", quoted(value))?;
        }
    }
    let raw_is_scaled = !matches!(signal.data_type, DataType::Bool | DataType::Text(_));
    for (key, value, default) in [("scale", signal.scale, 1.0), ("offset", signal.offset, 0.0)] {
        if raw_is_scaled && (value - default).abs() > 0.0 {
            writeln!(text, "{key} = {value:?}")?;
        }
    }
    writeln!(text, "rate = {}", quoted(&options.rate))?;
    let (summary, raw) = (quoted(&options.summary), quoted(&options.raw));
    writeln!(text, "publish = {{ summary = {summary}, raw = {raw} }}")?;
    if let Some(limit) = options.stuck_after.as_ref().filter(|_| signal.detect) {
        writeln!(text, "validate = {{ stuck_after = {} }}", quoted(limit))?;
    }
    if let Some(detect) = options.detect.as_ref().filter(|_| signal.detect) {
        writeln!(
            text,
            "detect = {{ false_alarms = {}, detect_shift = {:?}, learn = {} }}",
            quoted(&detect.false_alarms),
            detect.shift_sigma,
            detect.learn
        )?;
    }
    if !signal.advice.is_empty() {
        writeln!(text, "advice = {}", quoted(&signal.advice))?;
    }
    writeln!(text)
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => quoted.extend(format!("\\u{:04X}", u32::from(c)).chars()),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn strings_are_toml() {
        for text in [
            "plain",
            "quote \" and \\ slash",
            "line\nbreak\ttab",
            "bell\u{7}",
            "°C",
        ] {
            let parsed: toml::Table = toml::from_str(&format!("x = {}", quoted(text))).unwrap();
            assert_eq!(parsed["x"].as_str(), Some(text));
        }
    }
}

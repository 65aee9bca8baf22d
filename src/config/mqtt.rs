//! `[mqtt]`: the broker upstream.

use std::time::Duration;

use super::endpoint::{parse_host_port, split_scheme};
use super::login::{Beside, Pem, read_login};
use super::section::Section;
use super::types::{MqttConfig, MqttTls, MqttVersion, PayloadFormat};
use crate::model::AssetPath;

const PORT_PLAIN: u16 = 1_883;
const PORT_TLS: u16 = 8_883;

const fn s(s: u64) -> Duration {
    Duration::from_secs(s)
}

#[derive(Debug)]
struct Broker {
    host: String,
    port: u16,
    tls: bool,
}

/// Reads `[mqtt]`.
pub(super) fn read_mqtt(section: Section<'_>, gateway_id: &str, beside: Beside<'_>) -> MqttConfig {
    if !section.has("url") {
        section.missing(
            "url",
            "allowed: \"mqtt://host:1883\" or \"mqtts://host:8883\"",
        );
    }
    let broker = section.text("url").and_then(|url| match parse_url(&url) {
        Ok(broker) => Some(broker),
        // A URL may hold a password.
        Err(what) if url.contains('@') => {
            section.fault_unquoted("url", &what);
            None
        }
        Err(what) => {
            section.fault("url", &what);
            None
        }
    });
    let tls = read_tls(&section, beside, broker.as_ref().map(|broker| broker.tls));
    let client_id = section.name("client_id", 128, "_-.:/");
    let max_in_flight = section.integer("max_in_flight", 1..=1_000);
    let mqtt = MqttConfig {
        host: broker.as_ref().map(|b| b.host.clone()).unwrap_or_default(),
        port: broker.as_ref().map_or(PORT_PLAIN, |b| b.port),
        tls,
        version: section
            .choice(
                "version",
                "an MQTT version",
                &[("5", MqttVersion::V5), ("3.1.1", MqttVersion::V311)],
            )
            .unwrap_or(MqttVersion::V5),
        client_id: client_id.unwrap_or_else(|| gateway_id.to_owned()),
        login: read_login(&section, beside),
        keep_alive: section
            .duration("keep_alive", &(s(5)..=s(600)))
            .unwrap_or(s(15)),
        payload: section
            .choice(
                "payload",
                "a payload format",
                &[
                    ("json", PayloadFormat::Json),
                    ("postcard", PayloadFormat::Postcard),
                ],
            )
            .unwrap_or(PayloadFormat::Json),
        topic_root: section.read("topic_root", |value| match value.text() {
            Some(text) => {
                AssetPath::parse(text).map_err(|error| format!("is not a topic: {error}"))
            }
            None => Err(format!("is {}; allowed: text as \"uns/v1\"", value.kind())),
        }),
        max_in_flight: max_in_flight
            .and_then(|n| usize::try_from(n).ok())
            .unwrap_or(64),
        ack_timeout: section
            .duration("ack_timeout", &(s(1)..=s(600)))
            .unwrap_or(s(10)),
        health_interval: section
            .duration("health_interval", &(s(5)..=s(3_600)))
            .unwrap_or(s(30)),
    };
    section.finish();
    mqtt
}

fn parse_url(url: &str) -> Result<Broker, String> {
    const ALLOWED: &str =
        "allowed: \"mqtt://host:1883\" (plain text) or \"mqtts://host:8883\" (TLS)";
    let (scheme, rest) = split_scheme(url).ok_or(format!("is not a broker URL; {ALLOWED}"))?;
    let tls = match scheme {
        "mqtt" => false,
        "mqtts" => true,
        _ => return Err(format!("has an unknown scheme; {ALLOWED}")),
    };
    if rest.contains('@') {
        return Err(
            "holds a user name or password; use username = \"…\" with password_file = \"…\"".into(),
        );
    }
    let place = rest.strip_suffix('/').unwrap_or(rest);
    if place.contains(['/', '?', '#']) {
        return Err(format!("has a path; {ALLOWED}"));
    }
    let parsed = parse_host_port(place)?;
    Ok(Broker {
        host: parsed.host,
        port: parsed
            .port
            .unwrap_or(if tls { PORT_TLS } else { PORT_PLAIN }),
        tls,
    })
}

/// The TLS files; `tls` is what the URL says, unknown when the URL is wrong.
fn read_tls(section: &Section<'_>, beside: Beside<'_>, tls: Option<bool>) -> Option<MqttTls> {
    let ca_file = beside.pem(section, "ca_file", Pem::Certificate);
    let cert = beside.pem(section, "client_cert_file", Pem::Certificate);
    let key = beside.pem(section, "client_key_file", Pem::PrivateKey);
    match (
        section.has("client_cert_file"),
        section.has("client_key_file"),
    ) {
        (true, false) => section.fault("client_cert_file", "needs client_key_file = \"…\""),
        (false, true) => section.fault("client_key_file", "needs client_cert_file = \"…\""),
        _ => {}
    }
    match tls {
        Some(false) => {
            for name in ["ca_file", "client_cert_file", "client_key_file"] {
                if section.has(name) {
                    section.fault(name, "needs TLS: url = \"mqtts://…\"");
                }
            }
            None
        }
        Some(true) if !section.has("ca_file") => {
            section.missing(
                "ca_file",
                "mqtts:// needs the PEM certificates that may sign the broker's",
            );
            None
        }
        _ => Some(MqttTls {
            ca_file: ca_file?,
            client: cert.zip(key),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, expected: Option<(&str, u16, bool)>) {
        let found = parse_url(url).ok();
        let found = found.as_ref().map(|b| (b.host.as_str(), b.port, b.tls));
        assert_eq!(found, expected, "{url:?}");
    }

    #[test]
    fn the_scheme_decides_tls_and_port() {
        check("mqtt://broker", Some(("broker", 1_883, false)));
        check("mqtts://broker", Some(("broker", 8_883, true)));
        check("mqtt://broker:1884/", Some(("broker", 1_884, false)));
        check("mqtts://[::1]:1", Some(("::1", 1, true)));
        check("broker:1883", None);
        check("ws://broker", None);
        check("tcp://broker", None);
        check("mqtt://", None);
        check("mqtt://broker/path", None);
        check("mqtt://user:secret@broker", None);
        check("mqtt://broker:0", None);
    }
}

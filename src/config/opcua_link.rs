//! `driver = "opcua"`: how to reach an OPC UA server, and how safely.

use std::time::Duration;

use super::endpoint::{join_host_port, parse_host_port, split_scheme};
use super::login::{Beside, read_login};
use super::section::Section;
use super::types::{OpcUaAccess, OpcUaLink, OpcUaMode, OpcUaPolicy};

/// Keys of this driver alone; a plain `password` is left to the login, which says more about it.
pub(super) const KEYS: [&str; 9] = [
    "security_policy",
    "security_mode",
    "allow_insecure",
    "skip_hostname_check",
    "access",
    "max_nodes_per_read",
    "username",
    "password_file",
    "password_env",
];

const PORT_DEFAULT: u16 = 4_840;

const POLICIES: [(&str, OpcUaPolicy); 4] = [
    ("None", OpcUaPolicy::None),
    ("Basic256Sha256", OpcUaPolicy::Basic256Sha256),
    ("Aes128-Sha256-RsaOaep", OpcUaPolicy::Aes128Sha256RsaOaep),
    ("Aes256-Sha256-RsaPss", OpcUaPolicy::Aes256Sha256RsaPss),
];

const MODES: [(&str, OpcUaMode); 3] = [
    ("None", OpcUaMode::None),
    ("Sign", OpcUaMode::Sign),
    ("SignAndEncrypt", OpcUaMode::SignAndEncrypt),
];

/// Reads the link keys of an OPC UA device; `None` only after a fault.
pub(super) fn read_opcua_link(section: &Section<'_>, beside: Beside<'_>) -> Option<OpcUaLink> {
    if !section.has("endpoint") {
        section.missing("endpoint", "allowed: \"opc.tcp://host:4840/path\"");
    }
    let url = section.read("endpoint", |value| match value.text() {
        Some(text) => parse_url(text),
        None => Err(format!(
            "is {}; allowed: \"opc.tcp://host:4840\"",
            value.kind()
        )),
    });
    let (policy, mode) = read_security(section);
    if section.has("trust_any_server") {
        section.ask("trust_any_server");
        section.fault(
            "trust_any_server",
            "does not exist on purpose; look at the server's certificate and trust it once",
        );
    }
    let access = section.choice(
        "access",
        "a way to obtain values",
        &[
            ("poll", OpcUaAccess::Poll),
            ("subscribe", OpcUaAccess::Subscribe),
        ],
    );
    let timeouts = Duration::from_millis(100)..=Duration::from_mins(1);
    let timeout = section.duration("timeout", &timeouts);
    let batch = section.integer("max_nodes_per_read", 0..=100_000);
    let skip_hostname_check = section.flag("skip_hostname_check");
    let login = read_login(section, beside);
    Some(OpcUaLink {
        url: url?,
        policy,
        mode,
        login,
        skip_hostname_check: skip_hostname_check.unwrap_or(false),
        access: access.unwrap_or(OpcUaAccess::Poll),
        timeout: timeout.unwrap_or(Duration::from_secs(2)),
        max_nodes_per_read: batch.and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
    })
}

/// Policy and mode: both None or neither, and None only when the file says that it is meant.
fn read_security(section: &Section<'_>) -> (OpcUaPolicy, OpcUaMode) {
    let policy = section
        .choice("security_policy", "a security policy", &POLICIES)
        .unwrap_or(OpcUaPolicy::Basic256Sha256);
    let written = section.choice("security_mode", "a security mode", &MODES);
    let allow_insecure = section.flag("allow_insecure").unwrap_or(false);
    let open = policy == OpcUaPolicy::None;
    let mode = written.unwrap_or(if open {
        OpcUaMode::None
    } else {
        OpcUaMode::SignAndEncrypt
    });
    if open && !allow_insecure {
        section.fault(
            "security_policy",
            "sends values and passwords unprotected; if that is meant, add allow_insecure = true",
        );
    }
    if open && mode != OpcUaMode::None {
        section.fault(
            "security_mode",
            "needs a security_policy other than \"None\"",
        );
    }
    if !open && mode == OpcUaMode::None {
        section.fault(
            "security_mode",
            "goes with security_policy = \"None\" only; allowed: Sign, SignAndEncrypt",
        );
    }
    (policy, mode)
}

/// The URL with its port written out.
fn parse_url(text: &str) -> Result<String, String> {
    const ALLOWED: &str = "allowed: \"opc.tcp://host:4840/path\"";
    let rest = match split_scheme(text) {
        Some(("opc.tcp", rest)) => rest,
        Some((scheme, _)) => return Err(format!("has scheme {scheme}; {ALLOWED}")),
        None => return Err(format!("is not a URL; {ALLOWED}")),
    };
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(format!("holds blanks; {ALLOWED}"));
    }
    let (place, path) = match rest.find('/') {
        Some(slash) => rest.split_at_checked(slash).unwrap_or((rest, "")),
        None => (rest, ""),
    };
    if place.contains('@') {
        return Err(
            "holds a user name; use username = \"…\" with password_file = \"…\"".to_owned(),
        );
    }
    let parsed = parse_host_port(place)?;
    let port = parsed.port.unwrap_or(PORT_DEFAULT);
    Ok(format!(
        "opc.tcp://{}{path}",
        join_host_port(&parsed.host, port)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, expected: Option<&str>) {
        assert_eq!(parse_url(url).ok().as_deref(), expected, "{url:?}");
    }

    #[test]
    fn the_port_is_always_written_out() {
        check("opc.tcp://press1", Some("opc.tcp://press1:4840"));
        check(
            "opc.tcp://press1:4841/ua/x",
            Some("opc.tcp://press1:4841/ua/x"),
        );
        check("opc.tcp://[::1]/", Some("opc.tcp://[::1]:4840/"));
        check("press1:4840", None);
        check("http://press1:4840", None);
        check("opc.tcp://", None);
        check("opc.tcp://a b", None);
        check("opc.tcp://user:secret@press1", None);
    }
}

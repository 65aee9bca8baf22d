//! `andon opcua …`: the certificates of OPC UA servers, and whom the gateway trusts.

use std::io::{self, Write};
use std::path::PathBuf;

use super::Outcome;
use super::browse::complain;
use crate::config::{Config, Link};
use crate::driver::opcua::{Pki, ServerCertificate};

/// OPC UA certificates and trust.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List the trusted and rejected certificates of every OPC UA device.
    List {
        /// The gateway's configuration.
        #[arg(short, long, value_name = "FILE")]
        config: PathBuf,
        /// Print machine-readable JSON.
        #[arg(long)]
        json: bool,
    },
    /// Trust a rejected certificate. Compare its thumbprint at the server first.
    Trust {
        /// The gateway's configuration.
        #[arg(short, long, value_name = "FILE")]
        config: PathBuf,
        /// A device with exactly one rejected certificate, or a SHA-1 thumbprint.
        #[arg(value_name = "DEVICE|THUMBPRINT")]
        wanted: String,
        /// Print machine-readable JSON.
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(command: &Command) -> Outcome {
    let (Command::List { config, json } | Command::Trust { config, json, .. }) = command;
    let loaded = match crate::config::load(config) {
        Ok(loaded) => loaded,
        Err(error) => {
            for fault in &error.faults {
                complain(&format!("{}: {}", fault.at, fault.message));
            }
            return Outcome::Usage;
        }
    };
    let pki = Pki::in_data_dir(&loaded.gateway.data_dir);
    let devices = opcua_devices(&loaded);
    let found = match command {
        Command::List { .. } => pki.list(&devices),
        Command::Trust { wanted, .. } => pki.trust(&devices, wanted).map(|c| vec![c]),
    };
    let found = match found {
        Ok(found) => found,
        Err(error) => {
            let cause = std::error::Error::source(&error);
            let cause = cause.map_or_else(String::new, |cause| format!(": {cause}"));
            complain(&format!("{error}{cause}"));
            return Outcome::Failed;
        }
    };
    match print(&mut io::stdout().lock(), &pki, &found, *json) {
        Ok(()) => Outcome::Clean,
        Err(error) => {
            complain(&format!("print the list: {error}"));
            Outcome::Failed
        }
    }
}

fn opcua_devices(config: &Config) -> Vec<&str> {
    config
        .devices
        .iter()
        .filter(|d| matches!(d.link, Link::OpcUa(_)))
        .map(|d| d.name.as_str())
        .collect()
}

fn print(
    out: &mut impl Write,
    pki: &Pki,
    found: &[ServerCertificate],
    json: bool,
) -> io::Result<()> {
    if json {
        let list: Vec<serde_json::Value> = found.iter().map(as_json).collect();
        let own = pki.own_certificate_path().display().to_string();
        return writeln!(
            out,
            "{}",
            serde_json::json!({ "own_certificate": own, "servers": list })
        );
    }
    for one in found {
        writeln!(
            out,
            "{:<24} {:<9} {}",
            one.device,
            one.trust.as_str(),
            one.words
        )?;
    }
    if found.is_empty() {
        writeln!(out, "no server certificates yet")?;
    }
    let own = pki.own_certificate_path();
    if own.exists() {
        writeln!(
            out,
            "own certificate, to be trusted at the servers: {}",
            own.display()
        )?;
    }
    out.flush()
}

fn as_json(one: &ServerCertificate) -> serde_json::Value {
    let moment = |t: Option<crate::model::Timestamp>| t.map(|t| t.to_string());
    serde_json::json!({
        "device": one.device,
        "trust": one.trust.as_str(),
        "subject": one.words.subject,
        "thumbprint_sha1": one.words.thumbprint,
        "not_before": moment(one.words.not_before),
        "not_after": moment(one.words.not_after),
        "key_bits": one.words.key_bits,
        "path": one.path.display().to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::opcua::{CertificateWords, Trust};
    use crate::model::Timestamp;

    fn certificate() -> ServerCertificate {
        ServerCertificate {
            device: "press".to_owned(),
            trust: Trust::Rejected,
            path: PathBuf::from("/data/x.der"),
            words: CertificateWords {
                subject: "CN=PLC".to_owned(),
                thumbprint: "ab12".to_owned(),
                not_before: Some(Timestamp::from_millis(1_772_344_800_000)),
                not_after: None,
                key_bits: 2048,
            },
        }
    }

    fn printed(found: &[ServerCertificate], json: bool) -> String {
        let dir = tempfile::tempdir().unwrap();
        let mut out = Vec::new();
        print(&mut out, &Pki::in_data_dir(dir.path()), found, json).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_list_is_one_line_per_certificate() {
        let expected = "press                    rejected  CN=PLC (SHA-1 ab12, valid 2026-03-01 to ?, RSA 2048)\n";
        assert_eq!(printed(&[certificate()], false), expected);
        assert_eq!(printed(&[], false), "no server certificates yet\n");
    }

    #[test]
    fn the_json_list_holds_the_same() {
        let whole: serde_json::Value =
            serde_json::from_str(&printed(&[certificate()], true)).unwrap();
        assert_eq!(whole["servers"][0]["thumbprint_sha1"], "ab12");
        assert_eq!(whole["servers"][0]["not_after"], serde_json::Value::Null);
    }
}

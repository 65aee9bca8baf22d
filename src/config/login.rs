//! `username` with `password_file` or `password_env`, and the certificate files.

use std::path::{Path, PathBuf};

use super::files::{FileFault, FileSource};
use super::section::Section;
use super::types::{Login, Secret};

/// Keys that people try for a password.
const PLAIN_KEYS: [&str; 3] = ["password", "pass", "passwd"];

/// Files beside the configuration.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beside<'a> {
    pub source: &'a dyn FileSource,
    /// The folder of the configuration: relative paths start there.
    pub folder: &'a Path,
}

impl std::fmt::Debug for dyn FileSource + '_ {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FileSource")
    }
}

impl Beside<'_> {
    /// A path of the configuration as one from the working folder.
    pub(super) fn resolve(&self, written: &str) -> PathBuf {
        self.folder.join(written)
    }

    /// A path key; relative paths start at the configuration.
    pub(super) fn path(&self, section: &Section<'_>, key: &'static str) -> Option<PathBuf> {
        let text = section.text(key)?;
        if text.trim().is_empty() || text.contains('\0') {
            section.fault(key, "is not a path");
            return None;
        }
        Some(self.resolve(&text))
    }

    /// A PEM file that must hold `marker`; a private one must be readable by its owner only.
    pub(super) fn pem(
        &self,
        section: &Section<'_>,
        key: &'static str,
        pem: Pem,
    ) -> Option<PathBuf> {
        let path = self.path(section, key)?;
        let (read, marker, noun) = match pem {
            Pem::Certificate => (self.source.text(&path), "CERTIFICATE-----", "certificate"),
            Pem::PrivateKey => (self.source.secret(&path), "PRIVATE KEY-----", "private key"),
        };
        match read {
            Ok(text) if text.contains(marker) => return Some(path),
            Ok(_) => section.fault(key, &format!("holds no PEM {noun}")),
            Err(fault) => report(section, key, &fault),
        }
        None
    }
}

/// What a PEM file must hold.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pem {
    Certificate,
    PrivateKey,
}

/// Reads the login of a section, if it has one.
pub(super) fn read_login(section: &Section<'_>, beside: Beside<'_>) -> Option<Login> {
    for key in PLAIN_KEYS {
        if section.has(key) {
            section.ask(key);
            section.fault_unquoted(
                key,
                "must not stand in the configuration; put it into a file readable by its owner only and name that: \
                 password_file = \"…\", or name a variable: password_env = \"…\"",
            );
        }
    }
    let username = section.words("username", 256);
    let password = read_password(section, beside);
    let from = [section.has("password_file"), section.has("password_env")];
    match (section.has("username"), from) {
        (false, [false, false]) => return None,
        (false, [file, _]) => {
            let key = if file {
                "password_file"
            } else {
                "password_env"
            };
            section.fault(key, "needs username = \"…\"");
        }
        (true, [false, false]) if !PLAIN_KEYS.iter().any(|key| section.has(key)) => {
            section.fault(
                "username",
                "needs password_file = \"…\" or password_env = \"…\"",
            );
        }
        (true, [true, true]) => {
            section.fault(
                "password_env",
                "stands beside password_file; allowed: one of the two",
            );
        }
        (true, _) => {}
    }
    Some(Login {
        username: username?,
        password: password?,
    })
}

fn read_password(section: &Section<'_>, beside: Beside<'_>) -> Option<Secret> {
    let from_file = beside.path(section, "password_file").and_then(|path| {
        let read = beside.source.secret(&path);
        read.map_err(|fault| report(section, "password_file", &fault))
            .ok()
    });
    let from_env = section.text("password_env").and_then(|name| {
        let value = beside.source.variable(&name);
        if value.is_none() {
            section.fault(
                "password_env",
                "is not set in the environment, or not as UTF-8",
            );
        }
        value
    });
    let key = if from_file.is_some() {
        "password_file"
    } else {
        "password_env"
    };
    // Editors end a file with a line break that is not part of the password.
    let password = from_file.or(from_env)?;
    let password = password.strip_suffix('\n').unwrap_or(&password);
    let password = password.strip_suffix('\r').unwrap_or(password);
    if password.is_empty() {
        section.fault(key, "holds no password: it is empty");
    } else if password.contains('\n') {
        section.fault(key, "holds more than one line");
    }
    Some(Secret::new(password.to_owned()))
}

fn report(section: &Section<'_>, key: &str, fault: &FileFault) {
    section.fault(key, &fault.to_string());
}

//! Certificates on disk: the gateway's own, and the servers' it trusts or has rejected.
//!
//! ```text
//! <data_dir>/pki/own/cert.der                      one certificate for all servers: operators trust it once
//! <data_dir>/pki/own/application_uri               urn:<host>:andon:<gateway id>; fixed when the certificate is made
//! <data_dir>/pki/private/key.pem                   0600, in a directory of 0700
//! <data_dir>/pki/servers/<device>/trusted/*.der    exactly these certificates are accepted, for this device only
//! <data_dir>/pki/servers/<device>/rejected/*.der   seen and refused; stays refused until a person moves it
//! ```
//!
//! Trust is the exact certificate (pinning), per device. Nothing here ever trusts by itself.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use opcua::crypto::{CertificateStore, X509, X509Data};

use super::certificate::CertificateWords;

/// A certificate lives longer than the gateway: 20 years. A PLC trusts it once; renewal would stop the line.
const OWN_CERTIFICATE_DAYS: u32 = 20 * 365;

/// RSA key length that every offered policy accepts.
const OWN_KEY_BITS: u32 = 2048;

/// Rejected certificates kept per device.
const REJECTED_MAX: usize = 16;

/// Only one thread makes the key, however many devices connect first.
static MAKING_KEY: Mutex<()> = Mutex::new(());

/// Why the certificate directory could not be used.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// A file or directory could not be read or written.
    #[error("{action} `{}`", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The key or certificate could not be made.
    #[error("make the gateway's own certificate in `{}`: {why}", path.display())]
    Make {
        /// Where.
        path: PathBuf,
        /// What the library said.
        why: String,
    },
    /// A server's certificate could not be kept.
    #[error("keep the certificate of a server in `{}`: {why}", path.display())]
    Store {
        /// Where.
        path: PathBuf,
        /// What the library said.
        why: String,
    },
    /// Nothing to trust.
    #[error(
        "no rejected certificate matches `{0}`; connect once (`andon check --live`), then list them with `andon opcua list`"
    )]
    NothingRejected(String),
    /// More than one certificate to choose from.
    #[error("`{wanted}` has several rejected certificates; name one by its thumbprint: {}", thumbprints.join(", "))]
    Ambiguous {
        /// The device as given.
        wanted: String,
        /// Its candidates.
        thumbprints: Vec<String>,
    },
}

/// Whether a server's certificate is accepted for a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// In `trusted/`.
    Trusted,
    /// In `rejected/`: wins over `trusted/`.
    Rejected,
    /// In neither.
    Unknown,
}

impl Trust {
    /// The word for lists.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trusted => "trusted",
            Self::Rejected => "rejected",
            Self::Unknown => "unknown",
        }
    }
}

/// One certificate file of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerCertificate {
    /// The device that it was presented by or is trusted for.
    pub device: String,
    /// In which directory it lies.
    pub trust: Trust,
    /// Where it lies.
    pub path: PathBuf,
    /// What it says.
    pub words: CertificateWords,
}

/// Who the gateway is towards servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OwnIdentity {
    /// `urn:<host>:andon:<gateway id>`; the same in the certificate.
    pub(super) application_uri: String,
    /// `None` while no secured endpoint has been used.
    pub(super) certificate: Option<CertificateWords>,
}

/// The certificate directory of a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pki {
    root: PathBuf,
}

impl Pki {
    /// The directory `pki` in `data_dir`.
    pub fn in_data_dir(data_dir: &Path) -> Self {
        Self::at(&data_dir.join("pki"))
    }

    /// The directory itself. Made absolute, because the library resolves relative paths against its own.
    pub fn at(root: &Path) -> Self {
        Self {
            root: std::path::absolute(root).unwrap_or_else(|_error| root.to_owned()),
        }
    }

    /// Where the library keeps a device's `trusted` and `rejected` directories.
    pub(super) fn server_dir(&self, device: &str) -> PathBuf {
        self.root.join("servers").join(device)
    }

    /// The gateway's own certificate: what a server's operator has to trust.
    pub fn own_certificate_path(&self) -> PathBuf {
        self.root.join("own").join("cert.der")
    }

    pub(super) fn own_key_path(&self) -> PathBuf {
        self.root.join("private").join("key.pem")
    }

    fn uri_path(&self) -> PathBuf {
        self.root.join("own").join("application_uri")
    }

    /// Reads the gateway's identity; makes key and certificate when `with_certificate` and there are none yet.
    /// Blocks for the time of an RSA key generation then.
    pub(super) fn own(
        &self,
        gateway: &str,
        with_certificate: bool,
    ) -> Result<OwnIdentity, PkiError> {
        let _one_at_a_time = MAKING_KEY.lock().unwrap_or_else(PoisonError::into_inner);
        let (cert, key) = (self.own_certificate_path(), self.own_key_path());
        let complete = cert.exists() && key.exists() && self.uri_path().exists();
        if with_certificate && !complete {
            self.make_own(&application_uri(gateway))?;
        }
        let application_uri = match fs::read_to_string(self.uri_path()) {
            Ok(uri) => uri.trim().to_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => application_uri(gateway),
            Err(source) => return Err(file("read", &self.uri_path())(source)),
        };
        let certificate = if cert.exists() {
            let read = CertificateStore::read_cert(&cert);
            let read = read.map_err(|why| PkiError::Make { path: cert, why })?;
            Some(CertificateWords::of(&read))
        } else {
            None
        };
        Ok(OwnIdentity {
            application_uri,
            certificate,
        })
    }

    /// Every file is written beside its place and renamed, the certificate last: a power cut leaves nothing half done.
    fn make_own(&self, uri: &str) -> Result<(), PkiError> {
        let (cert, key) = (self.own_certificate_path(), self.own_key_path());
        self.make_private_dir()?;
        let own = self.root.join("own");
        fs::create_dir_all(&own).map_err(file("create", &own))?;
        tracing::info!(path = %cert.display(), uri, "Making this gateway's OPC UA certificate, once.");

        let new_cert = cert.with_extension("new");
        let new_key = key.with_extension("new");
        CertificateStore::create_certificate_and_key(
            &own_certificate_data(uri),
            true,
            &new_cert,
            &new_key,
        )
        .map_err(|why| PkiError::Make {
            path: cert.clone(),
            why,
        })?;
        fs::set_permissions(&new_key, fs::Permissions::from_mode(0o600))
            .map_err(file("protect", &new_key))?;
        let new_uri = self.uri_path().with_extension("new");
        fs::write(&new_uri, uri).map_err(file("write", &new_uri))?;
        for (from, to) in [(new_key, key), (new_uri, self.uri_path()), (new_cert, cert)] {
            let synced = fs::File::open(&from).and_then(|f| f.sync_all());
            synced
                .and_then(|()| fs::rename(&from, &to))
                .map_err(file("write", &to))?;
        }
        Ok(())
    }

    fn make_private_dir(&self) -> Result<(), PkiError> {
        let private = self.root.join("private");
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&private)
            .and_then(|()| fs::set_permissions(&private, fs::Permissions::from_mode(0o700)))
            .map_err(file("create", &private))
    }

    /// Whether `certificate` is accepted for `device`. A rejected one stays so even when it is trusted, too.
    pub(super) fn trust_of(&self, device: &str, certificate: &X509) -> Trust {
        let name = CertificateStore::cert_file_name(certificate);
        let dir = self.server_dir(device);
        if dir.join("rejected").join(&name).exists() {
            Trust::Rejected
        } else if dir.join("trusted").join(&name).exists() {
            Trust::Trusted
        } else {
            Trust::Unknown
        }
    }

    /// Puts an unknown certificate among the rejected ones, where a person can look at it and trust it. Keeps at most
    /// [`REJECTED_MAX`] of a device, so that a peer which invents certificates cannot fill the disk.
    pub(super) fn reject(&self, device: &str, certificate: &X509) -> Result<(), PkiError> {
        let dir = self.server_dir(device);
        let store = CertificateStore::new(&dir);
        let failed = |why| PkiError::Store {
            path: dir.clone(),
            why,
        };
        store.ensure_pki_path().map_err(failed)?;
        if self.list_dir(device, Trust::Rejected)?.len() < REJECTED_MAX {
            store.store_rejected_cert(certificate).map_err(failed)?;
        }
        Ok(())
    }

    /// All certificates of `devices`, in their order: trusted, then rejected, then by file name.
    pub fn list(&self, devices: &[&str]) -> Result<Vec<ServerCertificate>, PkiError> {
        let mut found = Vec::new();
        for device in devices {
            for trust in [Trust::Trusted, Trust::Rejected] {
                found.extend(self.list_dir(device, trust)?);
            }
        }
        Ok(found)
    }

    fn list_dir(&self, device: &str, trust: Trust) -> Result<Vec<ServerCertificate>, PkiError> {
        let dir = self.server_dir(device).join(trust.as_str());
        let entries = match fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(file("read", &dir)(source)),
        };
        let mut paths = Vec::new();
        for entry in entries {
            paths.push(entry.map_err(file("read", &dir))?.path());
        }
        paths.sort();
        // A file that is no certificate is nothing that could be trusted; the library ignores it as well.
        Ok(paths
            .into_iter()
            .filter_map(|path| {
                let certificate = CertificateStore::read_cert(&path).ok()?;
                Some(ServerCertificate {
                    device: device.to_owned(),
                    trust,
                    path,
                    words: CertificateWords::of(&certificate),
                })
            })
            .collect())
    }

    /// Moves a rejected certificate to the trusted ones. `wanted` is a device that has exactly one, or a SHA-1
    /// thumbprint (upper or lower case, with or without colons).
    pub fn trust(&self, devices: &[&str], wanted: &str) -> Result<ServerCertificate, PkiError> {
        let thumbprint = wanted.replace([':', ' '], "").to_ascii_lowercase();
        let mut matching = self.list(devices)?;
        matching.retain(|c| {
            c.trust == Trust::Rejected && (c.device == wanted || c.words.thumbprint == thumbprint)
        });
        let mut matching = matching.into_iter();
        let Some(chosen) = matching.next() else {
            return Err(PkiError::NothingRejected(wanted.to_owned()));
        };
        let others: Vec<String> = matching
            .filter(|c| c.words.thumbprint != chosen.words.thumbprint || c.device != chosen.device)
            .map(|c| c.words.thumbprint)
            .collect();
        if !others.is_empty() {
            return Err(PkiError::Ambiguous {
                wanted: wanted.to_owned(),
                thumbprints: [vec![chosen.words.thumbprint], others].concat(),
            });
        }
        self.move_to_trusted(chosen)
    }

    fn move_to_trusted(&self, chosen: ServerCertificate) -> Result<ServerCertificate, PkiError> {
        let dir = self.server_dir(&chosen.device).join("trusted");
        fs::create_dir_all(&dir).map_err(file("create", &dir))?;
        let to = dir.join(chosen.path.file_name().unwrap_or_default());
        fs::rename(&chosen.path, &to).map_err(file("move", &chosen.path))?;
        Ok(ServerCertificate {
            trust: Trust::Trusted,
            path: to,
            ..chosen
        })
    }
}

fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> PkiError {
    let path = path.to_owned();
    move |source| PkiError::File {
        action,
        path,
        source,
    }
}

fn host_name() -> String {
    let host = X509Data::computer_hostnames().into_iter().next();
    host.unwrap_or_else(|| "localhost".to_owned())
}

fn application_uri(gateway: &str) -> String {
    format!("urn:{}:andon:{gateway}", host_name())
}

fn own_certificate_data(uri: &str) -> X509Data {
    X509Data {
        key_size: OWN_KEY_BITS,
        common_name: "Andon".to_owned(),
        organization: "Andon".to_owned(),
        organizational_unit: "Edge gateway".to_owned(),
        country: "ZZ".to_owned(),
        state: "-".to_owned(),
        alt_host_names: X509Data::alt_host_names(uri, None, false, true, false),
        certificate_duration_days: OWN_CERTIFICATE_DAYS,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::gateway_dir;
    use super::*;

    fn mode_of(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn some_certificate(name: &str) -> X509 {
        let data = X509Data {
            common_name: name.to_owned(),
            ..own_certificate_data("urn:plc")
        };
        X509::cert_and_pkey(&data).unwrap().0
    }

    #[test]
    fn the_own_key_is_private_and_made_once() {
        let dir = tempfile::tempdir().unwrap();
        let pki = Pki::in_data_dir(dir.path());
        let without = pki.own("gw1", false).unwrap();
        assert_eq!(without.certificate, None);
        assert!(!pki.own_key_path().exists());

        let first = pki.own("gw1", true).unwrap();
        assert!(first.application_uri.starts_with("urn:"));
        assert!(first.application_uri.ends_with(":andon:gw1"));
        assert_eq!(mode_of(&pki.own_key_path()), 0o600);
        assert_eq!(mode_of(pki.own_key_path().parent().unwrap()), 0o700);
        let certificate = CertificateStore::read_cert(&pki.own_certificate_path()).unwrap();
        assert!(
            certificate
                .is_application_uri_valid(&first.application_uri)
                .is_ok()
        );
        assert!(CertificateStore::read_pkey(&pki.own_key_path()).is_ok());

        // A renamed gateway keeps its certificate and the URI in it.
        assert_eq!(pki.own("gw2", true).unwrap(), first);
    }

    #[test]
    fn a_half_made_certificate_is_made_again() {
        let dir = gateway_dir();
        let pki = Pki::in_data_dir(dir.path());
        let before = pki.own("gw1", true).unwrap();
        fs::remove_file(pki.uri_path()).unwrap();
        assert_ne!(
            pki.own("gw1", true).unwrap().certificate,
            before.certificate
        );
        fs::write(pki.own_certificate_path(), "rubbish").unwrap();
        assert!(matches!(pki.own("gw1", true), Err(PkiError::Make { .. })));
    }

    #[test]
    fn rejected_certificates_are_listed_and_trusted_by_device_or_thumbprint() {
        let dir = tempfile::tempdir().unwrap();
        let pki = Pki::in_data_dir(dir.path());
        let (a, b) = (some_certificate("A"), some_certificate("B"));
        assert_eq!(pki.trust_of("press", &a), Trust::Unknown);
        assert!(pki.list(&["press"]).unwrap().is_empty());
        assert!(matches!(
            pki.trust(&["press"], "press"),
            Err(PkiError::NothingRejected(_))
        ));

        pki.reject("press", &a).unwrap();
        pki.reject("press", &b).unwrap();
        assert_eq!(pki.trust_of("press", &a), Trust::Rejected);
        assert_eq!(pki.trust_of("oven", &a), Trust::Unknown);
        assert!(matches!(
            pki.trust(&["press"], "press"),
            Err(PkiError::Ambiguous { .. })
        ));

        let thumbprint = a.thumbprint().as_hex_string().to_uppercase();
        let colons: Vec<&str> = thumbprint
            .as_bytes()
            .chunks(2)
            .map(|c| std::str::from_utf8(c).unwrap())
            .collect();
        let trusted = pki.trust(&["press"], &colons.join(":")).unwrap();
        assert_eq!(trusted.trust, Trust::Trusted);
        assert!(trusted.words.subject.contains("CN=A"));
        assert_eq!(pki.trust_of("press", &a), Trust::Trusted);
        pki.trust(&["press"], "press").unwrap();
        assert_eq!(pki.trust_of("press", &b), Trust::Trusted);
        let all = pki.list(&["press", "oven"]).unwrap();
        assert!(all.iter().all(|c| c.trust == Trust::Trusted));
        assert_eq!(all.len(), 2);

        pki.reject("press", &a).unwrap();
        assert_eq!(pki.trust_of("press", &a), Trust::Rejected);
    }

    #[test]
    fn each_trust_has_a_word() {
        let words = [Trust::Trusted, Trust::Rejected, Trust::Unknown].map(Trust::as_str);
        assert_eq!(words, ["trusted", "rejected", "unknown"]);
    }

    /// Something of the wrong kind lies at `in_the_way` (a directory when it ends in `/`); the failure is said so.
    #[track_caller]
    fn check_in_the_way(
        in_the_way: &str,
        attempt: impl FnOnce(&Pki) -> Result<(), PkiError>,
        expected: &str,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join(in_the_way);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        if in_the_way.ends_with('/') {
            fs::create_dir(&place).unwrap();
        } else {
            fs::write(&place, "not a directory").unwrap();
        }
        let error = attempt(&Pki::at(dir.path())).unwrap_err().to_string();
        let error = error.replace(&dir.path().display().to_string(), "PKI");
        assert!(error.starts_with(expected), "{error}");
    }

    #[test]
    fn what_cannot_be_read_or_written_is_named() {
        let own = |pki: &Pki| pki.own("gw1", true).map(drop);
        check_in_the_way("private", own, "create `PKI/private`");
        check_in_the_way("own", own, "create `PKI/own`");
        let made = "make the gateway's own certificate in `PKI/own/cert.der`: ";
        check_in_the_way("own/cert.new/", own, made);
        check_in_the_way(
            "own/application_uri.new/",
            own,
            "write `PKI/own/application_uri.new`",
        );
        let unsecured = |pki: &Pki| pki.own("gw1", false).map(drop);
        check_in_the_way(
            "own/application_uri/",
            unsecured,
            "read `PKI/own/application_uri`",
        );
        let list = |pki: &Pki| pki.list(&["press"]).map(drop);
        check_in_the_way(
            "servers/press/trusted",
            list,
            "read `PKI/servers/press/trusted`",
        );
        let reject = |pki: &Pki| pki.reject("press", &some_certificate("A"));
        let kept = "keep the certificate of a server in `PKI/servers/press`: ";
        check_in_the_way("servers/press", reject, kept);
    }

    #[test]
    fn the_rejected_directory_is_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let pki = Pki::in_data_dir(dir.path());
        let one = some_certificate("A");
        pki.reject("press", &one).unwrap();
        let rejected = pki.server_dir("press").join("rejected");
        let file = rejected.join(CertificateStore::cert_file_name(&one));
        for n in 0..REJECTED_MAX {
            fs::copy(&file, rejected.join(format!("{n}.der"))).unwrap();
        }
        let other = some_certificate("B");
        pki.reject("press", &other).unwrap();
        assert_eq!(pki.trust_of("press", &other), Trust::Unknown);
        fs::write(rejected.join("rubbish.der"), "no certificate").unwrap();
        assert_eq!(pki.list(&["press"]).unwrap().len(), REJECTED_MAX + 1);
    }
}

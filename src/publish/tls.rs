//! TLS towards the broker: the configured authorities only, the server's name always checked, TLS 1.2 or later.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::config::MqttTls;

/// Why the TLS settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A PEM file cannot be read or holds something else.
    #[error("read {what} from {}", path.display())]
    Pem {
        /// What the file should hold.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// The file holds no certificate.
    #[error("read certificates from {}: there is none", .0.display())]
    Empty(PathBuf),
    /// A certificate or key is not usable.
    #[error("use {what} from {}", path.display())]
    Unusable {
        /// What was to be used.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: rustls::Error,
    },
    /// The crypto provider offers no protocol version.
    #[error("set up TLS")]
    Provider(#[source] rustls::Error),
}

/// Reads the files and makes a client configuration. Called for every connection, so rotated files take effect.
pub fn client_config(tls: &MqttTls) -> Result<Arc<ClientConfig>, TlsError> {
    let mut roots = RootCertStore::empty();
    for cert in certificates("authorities", &tls.ca_file)? {
        let unusable = |source| TlsError::Unusable {
            what: "an authority",
            path: tls.ca_file.clone(),
            source,
        };
        roots.add(cert).map_err(unusable)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Provider)?
        .with_root_certificates(roots);
    let Some((cert_file, key_file)) = &tls.client else {
        return Ok(Arc::new(builder.with_no_client_auth()));
    };
    let chain = certificates("the client certificate", cert_file)?;
    let key = PrivateKeyDer::from_pem_file(key_file).map_err(|source| TlsError::Pem {
        what: "the client key",
        path: key_file.clone(),
        source,
    })?;
    let config = builder
        .with_client_auth_cert(chain, key)
        .map_err(|source| TlsError::Unusable {
            what: "the client certificate and key",
            path: cert_file.clone(),
            source,
        })?;
    Ok(Arc::new(config))
}

fn certificates(what: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let failed = |source| TlsError::Pem {
        what,
        path: path.to_owned(),
        source,
    };
    let certs: Vec<_> = CertificateDer::pem_file_iter(path)
        .map_err(failed)?
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    if certs.is_empty() {
        return Err(TlsError::Empty(path.to_owned()));
    }
    Ok(certs)
}

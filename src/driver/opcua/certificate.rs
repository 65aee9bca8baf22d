//! What a certificate says, in words. Pure.

use std::fmt;

use opcua::crypto::X509;

use crate::model::Timestamp;

/// A certificate that ends sooner than this is worth a warning: 30 days.
const EXPIRES_SOON_NS: i64 = 30 * 86_400 * 1_000_000_000;

/// What an operator compares before trusting a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateWords {
    /// The subject, e.g. `CN=Press 1,O=Acme`.
    pub subject: String,
    /// SHA-1 thumbprint, 40 lower-case hexadecimal digits.
    pub thumbprint: String,
    /// Valid from, when the certificate says so.
    pub not_before: Option<Timestamp>,
    /// Valid until, when the certificate says so.
    pub not_after: Option<Timestamp>,
    /// RSA key length in bits; 0 when it cannot be read.
    pub key_bits: usize,
}

impl CertificateWords {
    /// Reads a certificate.
    pub fn of(certificate: &X509) -> Self {
        let moment = |millis: i64| Timestamp::from_millis(millis);
        Self {
            subject: certificate.subject_name(),
            thumbprint: certificate.thumbprint().as_hex_string(),
            not_before: certificate
                .not_before()
                .ok()
                .map(|t| moment(t.timestamp_millis())),
            not_after: certificate
                .not_after()
                .ok()
                .map(|t| moment(t.timestamp_millis())),
            key_bits: certificate.key_length().unwrap_or(0),
        }
    }

    /// Whether it ends within 30 days or has ended.
    pub fn expires_soon(&self, now: Timestamp) -> bool {
        self.not_after
            .is_some_and(|end| end.nanos_since(now) < EXPIRES_SOON_NS)
    }
}

/// `CN=Press 1 (SHA-1 ab12…, valid 2026-01-01 to 2036-01-01, RSA 2048)`
impl fmt::Display for CertificateWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} (SHA-1 {}, valid {} to {}, RSA {})",
            self.subject,
            self.thumbprint,
            day(self.not_before),
            day(self.not_after),
            self.key_bits
        )
    }
}

/// The day of a moment, for people.
fn day(moment: Option<Timestamp>) -> String {
    let text = moment.map_or_else(|| "?".to_owned(), |t| t.to_string());
    text.split('T').next().unwrap_or("?").to_owned()
}

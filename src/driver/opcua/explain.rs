//! Why a connection failed, in words that name the next step. Pure.

use opcua::types::StatusCode;

use super::certificate::CertificateWords;
use super::pki::Trust;
use super::quality::{about_a_certificate, bare, needs_a_person};
use crate::driver::DriverError;
use crate::model::Timestamp;

/// What is known about the attempt that failed.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    /// The device's name.
    pub(super) device: String,
    /// The configured URL.
    pub(super) url: String,
    /// The configured user; `None` is anonymous.
    pub(super) user: Option<String>,
    /// The certificate that the server presents; `None` without security.
    pub(super) server: Option<CertificateWords>,
    /// What to run to trust it.
    pub(super) trust_command: String,
    /// Whether it is trusted for this device.
    pub(super) trust: Trust,
    /// The library's own objection to host name or application URI, when it has one.
    pub(super) objection: Option<String>,
    /// The gateway's own certificate, when it has one.
    pub(super) own: Option<CertificateWords>,
    /// Where the gateway's own certificate lies.
    pub(super) own_path: String,
}

impl Attempt {
    /// The error for `status`: a configuration fault or a lost link.
    pub(super) fn error(&self, status: StatusCode, wall: Timestamp) -> DriverError {
        let text = self.words(status, wall);
        if needs_a_person(status) {
            DriverError::Config(text)
        } else {
            DriverError::Link(text)
        }
    }

    fn words(&self, status: StatusCode, wall: Timestamp) -> String {
        let Self { device, url, .. } = self;
        match bare(status) {
            StatusCode::BadIdentityTokenRejected
            | StatusCode::BadIdentityTokenInvalid
            | StatusCode::BadUserAccessDenied => format!(
                "{url} refuses {} ({status}); check username and password of device `{device}`",
                self.who()
            ),
            StatusCode::BadUserSignatureInvalid => {
                format!("{url} refuses the user's signature ({status})")
            }
            StatusCode::BadSecurityPolicyRejected
            | StatusCode::BadSecurityModeRejected
            | StatusCode::BadSecurityModeInsufficient => format!(
                "{url} refuses the configured security ({status}); check security_policy and security_mode of device `{device}`"
            ),
            StatusCode::BadTooManySessions => format!(
                "{url} has no free session ({status}); other clients hold them, or old ones have to time out"
            ),
            code if about_a_certificate(code) || code == StatusCode::BadSecurityChecksFailed => {
                self.certificate_words(status, wall)
            }
            _ => format!("connect to {url}: {status}"),
        }
    }

    fn who(&self) -> String {
        self.user
            .as_ref()
            .map_or_else(|| "anonymous access".to_owned(), |u| format!("user `{u}`"))
    }

    /// The server's certificate is looked at first; when it is in order, the server must have refused ours.
    fn certificate_words(&self, status: StatusCode, wall: Timestamp) -> String {
        let Self { device, url, .. } = self;
        let Some(server) = &self.server else {
            return self.refused_by_server(status);
        };
        let expired = server.not_after.is_some_and(|end| end < wall);
        let early = server.not_before.is_some_and(|start| start > wall);
        if self.trust != Trust::Trusted {
            return format!(
                "the certificate of {url} is not trusted: {server}; compare the thumbprint at the server, then run \
                 `{}`",
                self.trust_command
            );
        }
        match bare(status) {
            StatusCode::BadCertificateTimeInvalid if expired || early => format!(
                "the certificate of {url} is {}: {server}; renew it at the server (or set this gateway's clock), then \
                 trust the new one",
                if expired { "expired" } else { "not valid yet" }
            ),
            StatusCode::BadCertificateHostNameInvalid => format!(
                "the certificate of {url} is trusted but names other hosts{}: {server}; use one of them in `endpoint`, or \
                 set skip_hostname_check = true for device `{device}` (the exact certificate stays required)",
                self.objecting()
            ),
            StatusCode::BadCertificateUriInvalid => format!(
                "the certificate of {url} is trusted but does not carry the server's application URI{}: {server}; have it \
                 reissued, or set skip_hostname_check = true for device `{device}`",
                self.objecting()
            ),
            _ => self.refused_by_server(status),
        }
    }

    fn objecting(&self) -> String {
        self.objection
            .as_ref()
            .map_or_else(String::new, |text| format!(" ({text})"))
    }

    fn refused_by_server(&self, status: StatusCode) -> String {
        let own = self
            .own
            .as_ref()
            .map_or_else(|| "none yet".to_owned(), ToString::to_string);
        format!(
            "{} refuses this gateway's certificate ({status}); trust it at the server: {}, {own}",
            self.url, self.own_path
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_772_344_800_000);

    fn certificate(from_day: i64, to_day: i64) -> CertificateWords {
        let day = |n: i64| Some(Timestamp::from_millis(NOW.as_millis() + n * 86_400_000));
        CertificateWords {
            subject: "CN=PLC".to_owned(),
            thumbprint: "ab12".to_owned(),
            not_before: day(from_day),
            not_after: day(to_day),
            key_bits: 2048,
        }
    }

    fn attempt(trust: Trust, server: Option<CertificateWords>) -> Attempt {
        Attempt {
            device: "press".to_owned(),
            trust_command: "andon opcua trust -c FILE press".to_owned(),
            url: "opc.tcp://plc:4840".to_owned(),
            user: Some("op".to_owned()),
            server,
            trust,
            objection: Some("names plc.local".to_owned()),
            own: None,
            own_path: "/data/pki/own/cert.der".to_owned(),
        }
    }

    #[track_caller]
    fn check(attempt: &Attempt, status: StatusCode, expected: &[&str]) {
        let error = attempt.error(status, NOW);
        assert_eq!(
            matches!(error, DriverError::Config(_)),
            needs_a_person(status),
            "{error:?}"
        );
        for part in expected {
            assert!(error.to_string().contains(part), "{part}: {error}");
        }
    }

    #[test]
    fn every_text_names_what_is_wrong_and_what_to_do() {
        let good = attempt(Trust::Trusted, Some(certificate(-10, 10)));
        check(
            &good,
            StatusCode::BadIdentityTokenRejected,
            &["user `op`", "device `press`"],
        );
        check(&good, StatusCode::BadUserSignatureInvalid, &["signature"]);
        check(
            &good,
            StatusCode::BadSecurityPolicyRejected,
            &["security_policy"],
        );
        check(&good, StatusCode::BadTooManySessions, &["no free session"]);
        check(
            &good,
            StatusCode::BadTimeout,
            &["connect to opc.tcp://plc:4840: BadTimeout"],
        );
        check(
            &good,
            StatusCode::BadCertificateHostNameInvalid,
            &[
                "names other hosts",
                "names plc.local",
                "skip_hostname_check",
            ],
        );
        check(
            &good,
            StatusCode::BadCertificateUriInvalid,
            &["application URI", "skip_hostname_check"],
        );
        let refused = [
            "refuses this gateway's certificate",
            "/data/pki/own/cert.der",
        ];
        check(&good, StatusCode::BadSecurityChecksFailed, &refused);
        check(&good, StatusCode::BadCertificateTimeInvalid, &refused);
        check(
            &attempt(Trust::Unknown, None),
            StatusCode::BadCertificateUntrusted,
            &refused,
        );
        let untrusted = attempt(Trust::Rejected, Some(certificate(-10, 10)));
        check(
            &untrusted,
            StatusCode::BadSecurityChecksFailed,
            &[
                "is not trusted: CN=PLC (SHA-1 ab12, valid 2026-02-19 to 2026-03-11, RSA 2048)",
                "andon opcua trust -c FILE press",
            ],
        );
        let old = attempt(Trust::Trusted, Some(certificate(-10, -1)));
        check(&old, StatusCode::BadCertificateTimeInvalid, &["is expired"]);
        let early = attempt(Trust::Trusted, Some(certificate(1, 10)));
        check(
            &early,
            StatusCode::BadCertificateTimeInvalid,
            &["not valid yet"],
        );
    }

    #[test]
    fn anonymous_access_is_called_so() {
        let anonymous = Attempt {
            user: None,
            ..attempt(Trust::Trusted, None)
        };
        check(
            &anonymous,
            StatusCode::BadUserAccessDenied,
            &["anonymous access"],
        );
    }

    #[test]
    fn a_certificate_near_its_end_is_noticed() {
        assert!(certificate(-10, 29).expires_soon(NOW));
        assert!(certificate(-10, -1).expires_soon(NOW));
        assert!(!certificate(-10, 31).expires_soon(NOW));
    }
}

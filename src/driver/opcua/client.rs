//! How the library is set up, and which of a server's endpoints is used. The defaults that would hurt a gateway are
//! overridden in one place, [`client_builder`]. Pure but for the paths it names.

use std::time::Duration;

use opcua::client::{ClientBuilder, IdentityToken};
use opcua::crypto::SecurityPolicy;
use opcua::types::{EndpointDescription, MessageSecurityMode, UserTokenType};

use super::pki::Pki;
use crate::config::{OpcUaLink, OpcUaMode, OpcUaPolicy};
use crate::driver::DriverError;

/// A dead link is declared lost after about three of these.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(2);
const KEEP_ALIVES_FAILED_MAX: u64 = 3;
/// Long enough for slow machines: every renewal is an RSA operation that delays a poll cycle.
const CHANNEL_LIFETIME_MS: u32 = 600_000;
/// Short enough that sessions lost with a cable free their place in a small server soon.
const SESSION_TIMEOUT_MS: u32 = 60_000;
const MESSAGE_BYTES_MAX: usize = 16 << 20;
const CHUNKS_MAX: usize = 1024;
const ARRAY_LENGTH_MAX: usize = 100_000;
const TEXT_BYTES_MAX: usize = 1 << 20;
/// Publishing as fast as the fastest tag rate may ask for.
const PUBLISH_INTERVAL_MIN: Duration = Duration::from_millis(10);
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(30);
/// Acquisition decides when to try again; the library only must never wait on its own or give up for good.
const RETRY_DELAY: Duration = Duration::from_millis(1);

/// Whether the library tries once or for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Retry {
    /// One attempt with its own error: asking for endpoints.
    Never,
    /// The event loop survives any number of losses; it is driven one attempt at a time.
    Always,
}

/// The library's client set up for a device.
pub(super) fn client_builder(
    link: &OpcUaLink,
    pki: &Pki,
    (device, application_uri): (&str, &str),
    retry: Retry,
) -> ClientBuilder {
    ClientBuilder::new()
        .application_name("Andon")
        .application_uri(application_uri)
        .product_uri("urn:andon")
        .session_name(format!("Andon {device}"))
        .pki_dir(pki.server_dir(device))
        .certificate_path(pki.own_certificate_path())
        .private_key_path(pki.own_key_path())
        .create_sample_keypair(false)
        .trust_server_certs(false)
        .verify_server_certs(!link.skip_hostname_check)
        .session_retry_limit(match retry {
            Retry::Never => 0,
            Retry::Always => -1,
        })
        .session_retry_initial(RETRY_DELAY)
        .session_retry_max(RETRY_DELAY)
        .keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .max_failed_keep_alive_count(KEEP_ALIVES_FAILED_MAX)
        .request_timeout(link.timeout)
        .publish_timeout(PUBLISH_TIMEOUT)
        .min_publish_interval(PUBLISH_INTERVAL_MIN)
        .channel_lifetime(CHANNEL_LIFETIME_MS)
        .session_timeout(SESSION_TIMEOUT_MS)
        .max_message_size(MESSAGE_BYTES_MAX)
        .max_chunk_count(CHUNKS_MAX)
        .max_array_length(ARRAY_LENGTH_MAX)
        .max_string_length(TEXT_BYTES_MAX)
        .max_byte_string_length(TEXT_BYTES_MAX)
        // Subscriptions are made anew after every reconnect, see `subscribe`.
        .recreate_subscriptions(false)
}

/// Who logs in.
pub(super) fn identity(link: &OpcUaLink) -> IdentityToken {
    link.login
        .as_ref()
        .map_or(IdentityToken::Anonymous, |login| {
            IdentityToken::new_user_name(login.username.clone(), login.password.expose())
        })
}

/// The endpoint with exactly the configured policy and mode, reachable at the configured host and port. Never a
/// weaker one: what the server does not offer is a configuration fault.
pub(super) fn choose_endpoint(
    offered: &[EndpointDescription],
    link: &OpcUaLink,
) -> Result<EndpointDescription, DriverError> {
    let wanted = (policy(link.policy), mode(link.mode));
    let matching = offered.iter().filter(|e| {
        (security_policy_of(e), e.security_mode) == wanted
            && e.endpoint_url.as_ref().starts_with("opc.tcp://")
    });
    // Prefer the path that was configured, then what the server itself ranks highest.
    let best = matching.max_by_key(|e| {
        let same_path = path_of(e.endpoint_url.as_ref()) == path_of(&link.url);
        (same_path, e.security_level)
    });
    let Some(best) = best else {
        return Err(DriverError::Config(format!(
            "{} does not offer {}; it offers: {}",
            link.url,
            security_words(wanted.0, wanted.1),
            offers(offered)
        )));
    };
    check_login(best, link)?;
    let mut chosen = best.clone();
    // Servers advertise names that only they can resolve; the configured host and port have just answered.
    chosen.endpoint_url = reachable_url(&link.url, best.endpoint_url.as_ref()).into();
    Ok(chosen)
}

/// Each policy and mode a server offers, in words.
pub(super) fn offers(offered: &[EndpointDescription]) -> String {
    let mut words: Vec<String> = offered
        .iter()
        .map(|e| security_words(security_policy_of(e), e.security_mode))
        .collect();
    words.sort();
    words.dedup();
    if words.is_empty() {
        "nothing".to_owned()
    } else {
        words.join(", ")
    }
}

fn check_login(endpoint: &EndpointDescription, link: &OpcUaLink) -> Result<(), DriverError> {
    let tokens = endpoint.user_identity_tokens.as_deref().unwrap_or_default();
    let wanted = match link.login {
        Some(_) => UserTokenType::UserName,
        None => UserTokenType::Anonymous,
    };
    if tokens.is_empty() || tokens.iter().any(|t| t.token_type == wanted) {
        return Ok(());
    }
    let accepted: Vec<&str> = tokens
        .iter()
        .map(|t| match t.token_type {
            UserTokenType::Anonymous => "anonymous",
            UserTokenType::UserName => "user and password",
            UserTokenType::Certificate => "user certificate",
            UserTokenType::IssuedToken => "issued token",
        })
        .collect();
    Err(DriverError::Config(format!(
        "{} does not accept {} at this endpoint; it accepts: {}",
        link.url,
        if link.login.is_some() {
            "a user name"
        } else {
            "anonymous access"
        },
        accepted.join(", ")
    )))
}

fn security_policy_of(endpoint: &EndpointDescription) -> SecurityPolicy {
    SecurityPolicy::from_uri(endpoint.security_policy_uri.as_ref())
}

fn security_words(policy: SecurityPolicy, mode: MessageSecurityMode) -> String {
    let mode = match mode {
        MessageSecurityMode::None => "None",
        MessageSecurityMode::Sign => "Sign",
        MessageSecurityMode::SignAndEncrypt => "SignAndEncrypt",
        MessageSecurityMode::Invalid => "an unknown mode",
    };
    let policy = match policy {
        SecurityPolicy::Unknown => "an unknown policy",
        known => known.to_str(),
    };
    format!("{policy}/{mode}")
}

const fn policy(policy: OpcUaPolicy) -> SecurityPolicy {
    match policy {
        OpcUaPolicy::None => SecurityPolicy::None,
        OpcUaPolicy::Basic256Sha256 => SecurityPolicy::Basic256Sha256,
        OpcUaPolicy::Aes128Sha256RsaOaep => SecurityPolicy::Aes128Sha256RsaOaep,
        OpcUaPolicy::Aes256Sha256RsaPss => SecurityPolicy::Aes256Sha256RsaPss,
    }
}

const fn mode(mode: OpcUaMode) -> MessageSecurityMode {
    match mode {
        OpcUaMode::None => MessageSecurityMode::None,
        OpcUaMode::Sign => MessageSecurityMode::Sign,
        OpcUaMode::SignAndEncrypt => MessageSecurityMode::SignAndEncrypt,
    }
}

/// Scheme, host and port; and the path without slashes at its ends.
fn split(url: &str) -> (&str, &str) {
    let after_scheme = url.find("://").map_or(0, |at| at + 3);
    let end = url
        .get(after_scheme..)
        .and_then(|rest| rest.find('/'))
        .map_or(url.len(), |at| after_scheme + at);
    let (authority, path) = url.split_at_checked(end).unwrap_or((url, ""));
    (authority, path.trim_matches('/'))
}

fn path_of(url: &str) -> &str {
    split(url).1
}

fn reachable_url(configured: &str, advertised: &str) -> String {
    format!("{}/{}", split(configured).0, path_of(advertised))
}

/// The host of an `opc.tcp` URL, for certificate checks.
pub(super) fn host_of(url: &str) -> String {
    opcua::core::comms::url::hostname_from_url(url).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use opcua::types::{ByteString, UserTokenPolicy};

    use super::super::testing::{open_link, secure_link};
    use super::*;

    #[test]
    fn every_dangerous_default_is_overridden() {
        let link = secure_link("opc.tcp://plc:4840", "secret");
        let pki = Pki::in_data_dir(Path::new("/data"));
        let always = client_builder(&link, &pki, ("plc", "urn:x"), Retry::Always);
        let set = serde_json::to_value(always.config()).unwrap();
        let check = |key: &str, expected: serde_json::Value| {
            let found = key.split('/').fold(&set, |v, k| &v[k]);
            assert_eq!(found, &expected, "{key}");
        };
        let secs = |s: u64| serde_json::json!({ "secs": s, "nanos": 0 });
        check("max_failed_keep_alive_count", 3.into());
        check("keep_alive_interval", secs(2));
        check("request_timeout", secs(2));
        check("publish_timeout", secs(30));
        check("session_retry_limit", (-1).into());
        check("session_timeout", 60_000.into());
        check("channel_lifetime", 600_000.into());
        check("decoding_options/max_message_size", (16 << 20).into());
        check("decoding_options/max_chunk_count", 1024.into());
        check("decoding_options/max_array_length", 100_000.into());
        check("recreate_subscriptions", false.into());
        check("create_sample_keypair", false.into());
        check("trust_server_certs", false.into());
        check("verify_server_certs", true.into());
        check("application_uri", "urn:x".into());
        check("pki_dir", "/data/pki/servers/plc".into());
        check("certificate_path", "/data/pki/own/cert.der".into());
        check("private_key_path", "/data/pki/private/key.pem".into());

        let once = client_builder(&link, &pki, ("plc", "urn:x"), Retry::Never);
        let once = serde_json::to_value(once.config()).unwrap();
        assert_eq!(once["session_retry_limit"], 0);
        let lax = OpcUaLink {
            skip_hostname_check: true,
            ..link
        };
        let lax = client_builder(&lax, &pki, ("plc", "urn:x"), Retry::Always);
        let lax = serde_json::to_value(lax.config()).unwrap();
        assert_eq!(lax["verify_server_certs"], false);
        assert_eq!(lax["trust_server_certs"], false);
    }

    fn endpoint(
        url: &str,
        policy: SecurityPolicy,
        mode: MessageSecurityMode,
    ) -> EndpointDescription {
        EndpointDescription {
            endpoint_url: url.into(),
            security_policy_uri: policy.to_uri().into(),
            security_mode: mode,
            server_certificate: ByteString::null(),
            user_identity_tokens: Some(vec![UserTokenPolicy {
                token_type: UserTokenType::UserName,
                ..Default::default()
            }]),
            ..Default::default()
        }
    }

    fn plant_endpoints() -> Vec<EndpointDescription> {
        use MessageSecurityMode::{None, Sign, SignAndEncrypt};
        vec![
            endpoint("opc.tcp://inner:4840/a", SecurityPolicy::None, None),
            endpoint(
                "opc.tcp://inner:4840/a",
                SecurityPolicy::Basic256Sha256,
                Sign,
            ),
            endpoint(
                "opc.tcp://inner:4840/a",
                SecurityPolicy::Basic256Sha256,
                SignAndEncrypt,
            ),
            endpoint(
                "opc.tcp://inner:4840/b",
                SecurityPolicy::Basic256Sha256,
                SignAndEncrypt,
            ),
            endpoint(
                "https://inner/a",
                SecurityPolicy::Aes256Sha256RsaPss,
                SignAndEncrypt,
            ),
        ]
    }

    #[test]
    fn the_endpoint_matches_policy_and_mode_and_keeps_the_configured_host() {
        let offered = plant_endpoints();
        let chosen = |url: &str| choose_endpoint(&offered, &secure_link(url, "x")).unwrap();
        let b = chosen("opc.tcp://10.0.0.5:14840/b/");
        assert_eq!(b.endpoint_url.as_ref(), "opc.tcp://10.0.0.5:14840/b");
        assert_eq!(b.security_mode, MessageSecurityMode::SignAndEncrypt);
        let any = chosen("opc.tcp://10.0.0.5:14840");
        assert!(
            any.endpoint_url
                .as_ref()
                .starts_with("opc.tcp://10.0.0.5:14840/")
        );
    }

    #[test]
    fn a_weaker_endpoint_is_never_taken() {
        let offered = plant_endpoints();
        let link = OpcUaLink {
            policy: OpcUaPolicy::Aes256Sha256RsaPss,
            ..secure_link("opc.tcp://10.0.0.5:4840", "x")
        };
        let Err(DriverError::Config(text)) = choose_endpoint(&offered, &link) else {
            panic!("no endpoint matches");
        };
        assert_eq!(
            text,
            "opc.tcp://10.0.0.5:4840 does not offer Aes256-Sha256-RsaPss/SignAndEncrypt; it offers: \
             Aes256-Sha256-RsaPss/SignAndEncrypt, Basic256Sha256/Sign, Basic256Sha256/SignAndEncrypt, None/None"
        );
        assert!(choose_endpoint(&[], &link).is_err());
        assert_eq!(offers(&[]), "nothing");
    }

    #[test]
    fn a_login_must_be_accepted() {
        let offered = plant_endpoints();
        let Err(DriverError::Config(text)) =
            choose_endpoint(&offered, &open_link("opc.tcp://10.0.0.5:4840"))
        else {
            panic!("anonymous is not accepted");
        };
        assert!(text.contains("does not accept anonymous access"), "{text}");
    }

    /// What is said when an endpoint with these tokens is asked for with this link's login.
    #[track_caller]
    fn check_refused(tokens: &[UserTokenType], link: &OpcUaLink, expected: &str) {
        let mut offered = endpoint(&link.url, policy(link.policy), mode(link.mode));
        let token = |token_type: &UserTokenType| UserTokenPolicy {
            token_type: *token_type,
            ..Default::default()
        };
        offered.user_identity_tokens = Some(tokens.iter().map(token).collect());
        let error = choose_endpoint(&[offered], link).unwrap_err();
        assert_eq!(
            error,
            DriverError::Config(format!("{} {expected}", link.url))
        );
    }

    #[test]
    fn a_refused_login_names_every_kind_that_is_accepted() {
        use UserTokenType::{Anonymous, Certificate, IssuedToken, UserName};
        check_refused(
            &[Anonymous, Certificate],
            &secure_link("opc.tcp://plc:4840", "x"),
            "does not accept a user name at this endpoint; it accepts: anonymous, user certificate",
        );
        check_refused(
            &[UserName, IssuedToken],
            &open_link("opc.tcp://plc:4840"),
            "does not accept anonymous access at this endpoint; it accepts: user and password, issued token",
        );
    }

    #[test]
    fn every_policy_and_mode_has_a_name() {
        let named = |p, m| security_words(policy(p), mode(m));
        assert_eq!(named(OpcUaPolicy::None, OpcUaMode::None), "None/None");
        assert_eq!(
            named(OpcUaPolicy::Basic256Sha256, OpcUaMode::Sign),
            "Basic256Sha256/Sign"
        );
        assert_eq!(
            named(OpcUaPolicy::Aes128Sha256RsaOaep, OpcUaMode::SignAndEncrypt),
            "Aes128-Sha256-RsaOaep/SignAndEncrypt"
        );
        assert_eq!(
            named(OpcUaPolicy::Aes256Sha256RsaPss, OpcUaMode::SignAndEncrypt),
            "Aes256-Sha256-RsaPss/SignAndEncrypt"
        );
        let odd = EndpointDescription {
            security_policy_uri: "urn:vendor".into(),
            security_mode: MessageSecurityMode::Invalid,
            ..Default::default()
        };
        assert_eq!(offers(&[odd]), "an unknown policy/an unknown mode");
    }

    #[test]
    fn urls_are_taken_apart() {
        assert_eq!(split("opc.tcp://h:1/a/b/"), ("opc.tcp://h:1", "a/b"));
        assert_eq!(split("opc.tcp://h"), ("opc.tcp://h", ""));
        assert_eq!(host_of("opc.tcp://plc.local:4840/x"), "plc.local");
    }
}

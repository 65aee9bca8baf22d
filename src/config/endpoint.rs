//! `host:port` and URLs, IPv6 in brackets.

/// A host and, when it is written, a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostPort {
    /// Name, IPv4 address, or IPv6 address without brackets.
    pub host: String,
    /// The port, when written.
    pub port: Option<u16>,
}

/// `host`, `host:port`, `[v6]` or `[v6]:port`; the error says what is wrong.
pub(super) fn parse_host_port(text: &str) -> Result<HostPort, String> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => bracketed(rest)?,
        None if text.matches(':').count() > 1 => {
            return Err(
                "has an IPv6 address without brackets; allowed: \"[2001:db8::1]:502\"".into(),
            );
        }
        None => {
            let (host, port) = text
                .split_once(':')
                .map_or((text, None), |(host, port)| (host, Some(port)));
            check_name(host)?;
            (host, port)
        }
    };
    let port = port.map(parse_port).transpose()?;
    Ok(HostPort {
        host: host.to_owned(),
        port,
    })
}

/// `<scheme>://<rest>` as scheme and rest.
pub(super) fn split_scheme(text: &str) -> Option<(&str, &str)> {
    text.split_once("://")
}

/// `host:port` with brackets around an IPv6 address.
pub fn join_host_port(host: &str, port: u16) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

fn bracketed(rest: &str) -> Result<(&str, Option<&str>), String> {
    let Some((host, after)) = rest.split_once(']') else {
        return Err("has no `]` after its IPv6 address".into());
    };
    // A zone (`fe80::1%eth0`) names the interface of a link-local address.
    let address = host.split_once('%').map_or(host, |(address, _)| address);
    if address.parse::<std::net::Ipv6Addr>().is_err() {
        return Err("has no IPv6 address between its brackets".into());
    }
    match after.strip_prefix(':') {
        Some(port) => Ok((host, Some(port))),
        None if after.is_empty() => Ok((host, None)),
        None => Err("has text after `]` that is not `:port`".into()),
    }
}

fn check_name(host: &str) -> Result<(), String> {
    let fits = (1..=253).contains(&host.len())
        && host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    if !fits {
        return Err("has no valid host name or address before the port".into());
    }
    let looks_like_v4 = host.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if looks_like_v4 && host.parse::<std::net::Ipv4Addr>().is_err() {
        return Err("is not a valid IPv4 address".into());
    }
    Ok(())
}

fn parse_port(text: &str) -> Result<u16, String> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|port| digits && *port != 0)
        .ok_or_else(|| "has a port outside 1 to 65535".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(&str, Option<u16>)>) {
        let found = parse_host_port(text).ok();
        let expected = expected.map(|(host, port)| HostPort {
            host: host.to_owned(),
            port,
        });
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn endpoints_are_host_and_port() {
        check("10.0.0.5:502", Some(("10.0.0.5", Some(502))));
        check("plc-7.hall_3.example", Some(("plc-7.hall_3.example", None)));
        check("[::1]:1502", Some(("::1", Some(1502))));
        check("[fe80::1%eth0]", Some(("fe80::1%eth0", None)));
        check("::1", None);
        check("[::1", None);
        check("[::1]x", None);
        check("[zz]:502", None);
        check("", None);
        check(":502", None);
        check("host:", None);
        check("host:0", None);
        check("host:65536", None);
        check("host:+5", None);
        check("10.0.0.256", None);
        check("10.0.0", None);
        check("tcp://host:502", None);
        check("user@host", None);
        check("hä", None);
        check(&"x".repeat(254), None);
    }

    #[test]
    fn joining_brings_the_brackets_back() {
        assert_eq!(join_host_port("::1", 502), "[::1]:502");
        assert_eq!(join_host_port("plc", 502), "plc:502");
    }

    proptest! {
        #[test]
        fn what_is_joined_parses(host in "[a-z][a-z0-9.-]{0,20}", port in 1_u16..) {
            let parsed = parse_host_port(&join_host_port(&host, port)).unwrap();
            prop_assert_eq!(parsed, HostPort { host, port: Some(port) });
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            parse_host_port(&text).ok();
        }
    }
}

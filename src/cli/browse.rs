//! `andon browse`: list an OPC UA server's variables as tag CSV.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::Outcome;
use crate::clock::{Clock, SystemClock};
use crate::config::{Login, OpcUaAccess, OpcUaLink, OpcUaMode, OpcUaPolicy, Secret};
use crate::driver::DriverError;
use crate::driver::opcua::{Bounds, BrowseRequest, FoundVariable, Listing, list_variables};

/// Longest tag name that a configuration accepts.
const NAME_MAX: usize = 64;
/// Nodes looked at per variable asked for: folders and properties are looked at, too.
const NODES_PER_VARIABLE: usize = 20;
const DEPTH_MAX: usize = 16;
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// List an OPC UA server's variables as tag CSV (name, address, type, unit, description, value).
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The server, e.g. `opc.tcp://plc1:4840`.
    url: String,
    /// Log in as this user instead of anonymously.
    #[arg(long, requires = "password_file")]
    user: Option<String>,
    /// File with the password.
    #[arg(long, requires = "user")]
    password_file: Option<PathBuf>,
    /// Security policy.
    #[arg(long, value_enum, default_value_t = Policy::Basic256Sha256)]
    policy: Policy,
    /// Message security mode; with policy `None` always `None`.
    #[arg(long, value_enum, default_value_t = Mode::SignAndEncrypt)]
    mode: Mode,
    /// Certificate directory (`pki` in a gateway's `data_dir`).
    #[arg(long, default_value = "pki")]
    pki_dir: PathBuf,
    /// Trust the server's certificate from now on if it has this SHA-1 thumbprint; compare it at the server first.
    #[arg(long, value_name = "THUMBPRINT")]
    trust: Option<String>,
    /// Accept a trusted certificate that names another host.
    #[arg(long)]
    skip_hostname_check: bool,
    /// Variables listed at most.
    #[arg(long, default_value_t = 10_000)]
    max: usize,
    /// Give up after this many seconds.
    #[arg(long, default_value_t = 300)]
    time_max_s: u64,
    /// Print machine-readable JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Policy {
    #[value(name = "None")]
    None,
    #[value(name = "Basic256Sha256")]
    Basic256Sha256,
    #[value(name = "Aes128-Sha256-RsaOaep")]
    Aes128Sha256RsaOaep,
    #[value(name = "Aes256-Sha256-RsaPss")]
    Aes256Sha256RsaPss,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Mode {
    #[value(name = "Sign")]
    Sign,
    #[value(name = "SignAndEncrypt")]
    SignAndEncrypt,
}

pub(super) fn run(args: &Args) -> Outcome {
    let link = match link(args) {
        Ok(link) => link,
        Err(error) => {
            complain(&format!("read the password: {error}"));
            return Outcome::Usage;
        }
    };
    let listing = match browse(args, link) {
        Ok(listing) => listing,
        Err(error) => {
            complain(&error.to_string());
            return match error {
                DriverError::Config(_) => Outcome::Usage,
                DriverError::Link(_) | DriverError::Silent(_) => Outcome::Failed,
            };
        }
    };
    if listing.is_cut {
        complain(&format!(
            "the list is cut at {} variables; raise --max for more",
            args.max
        ));
    }
    let mut out = io::stdout().lock();
    let printed = if args.json {
        print_json(&mut out, &listing)
    } else {
        print_csv(&mut out, &listing.variables)
    };
    match printed.and_then(|()| out.flush()) {
        Ok(()) => Outcome::Clean,
        Err(error) => {
            complain(&format!("print the list: {error}"));
            Outcome::Failed
        }
    }
}

/// A line for the person at the terminal; one that cannot be written has no reader.
pub(super) fn complain(text: &str) {
    if writeln!(io::stderr().lock(), "andon: {text}").is_err() {
        tracing::debug!(text, "Standard error is closed.");
    }
}

fn link(args: &Args) -> io::Result<OpcUaLink> {
    let password = args.password_file.as_ref().map(std::fs::read_to_string);
    let login = match (args.user.clone(), password.transpose()?) {
        (Some(username), Some(password)) => Some(Login {
            username,
            password: Secret::new(password.trim_end_matches(['\r', '\n']).to_owned()),
        }),
        _ => None,
    };
    let policy = match args.policy {
        Policy::None => OpcUaPolicy::None,
        Policy::Basic256Sha256 => OpcUaPolicy::Basic256Sha256,
        Policy::Aes128Sha256RsaOaep => OpcUaPolicy::Aes128Sha256RsaOaep,
        Policy::Aes256Sha256RsaPss => OpcUaPolicy::Aes256Sha256RsaPss,
    };
    let mode = match (args.policy, args.mode) {
        (Policy::None, _) => OpcUaMode::None,
        (_, Mode::Sign) => OpcUaMode::Sign,
        (_, Mode::SignAndEncrypt) => OpcUaMode::SignAndEncrypt,
    };
    Ok(OpcUaLink {
        url: args.url.clone(),
        policy,
        mode,
        login,
        skip_hostname_check: args.skip_hostname_check,
        access: OpcUaAccess::Poll,
        timeout: REQUEST_TIMEOUT,
        max_nodes_per_read: 0,
    })
}

fn browse(args: &Args, link: OpcUaLink) -> Result<Listing, DriverError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| DriverError::Link(format!("start the runtime: {error}")))?;
    let bounds = Bounds {
        variables_max: args.max,
        nodes_max: args.max.saturating_mul(NODES_PER_VARIABLE),
        depth_max: DEPTH_MAX,
    };
    let request = BrowseRequest {
        link,
        pki_dir: args.pki_dir.clone(),
        trust: args.trust.clone(),
        bounds,
        time_max: Duration::from_secs(args.time_max_s),
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    runtime.block_on(list_variables(&request, &clock))
}

/// A tag CSV: what a tag cannot hold is left out and counted on standard error.
fn print_csv(out: &mut impl Write, variables: &[FoundVariable]) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record([
        "name",
        "address",
        "asset",
        "type",
        "unit",
        "description",
        "value",
    ])?;
    let mut taken = BTreeSet::new();
    let mut left_out = 0_usize;
    for variable in variables {
        if !variable.is_scalar {
            left_out += 1;
            continue;
        }
        let name = unique(&tag_name(&variable.path), &mut taken);
        csv.write_record([
            name.as_str(),
            &variable.address,
            // Which machine it measures is for a person to say; empty is the device's.
            "",
            &variable.data_type,
            &variable.unit,
            &variable.description,
            &variable.value,
        ])?;
    }
    if left_out > 0 {
        complain(&format!(
            "{left_out} arrays, structures and unreadable variables are left out"
        ));
    }
    csv.flush()
}

fn print_json(out: &mut impl Write, listing: &Listing) -> io::Result<()> {
    let mut taken = BTreeSet::new();
    let variables: Vec<serde_json::Value> = listing
        .variables
        .iter()
        .map(|v| {
            serde_json::json!({
                "name": unique(&tag_name(&v.path), &mut taken),
                "path": v.path,
                "address": v.address,
                "type": v.data_type,
                "unit": v.unit,
                "description": v.description,
                "value": v.value,
                "scalar": v.is_scalar,
            })
        })
        .collect();
    let whole = serde_json::json!({ "variables": variables, "cut": listing.is_cut });
    writeln!(out, "{whole}")
}

/// A tag name from browse names: joined by dots, other characters replaced, the end kept when it is too long.
fn tag_name(path: &[String]) -> String {
    let joined = path.join(".");
    let clean: Vec<char> = joined
        .chars()
        .map(|c| match c {
            'A'..='Z' | 'a'..='z' | '0'..='9' | '_' | '-' | '.' => c,
            _ => '_',
        })
        .collect();
    let skip = clean.len().saturating_sub(NAME_MAX);
    let name: String = clean.into_iter().skip(skip).collect();
    if name.is_empty() {
        "node".to_owned()
    } else {
        name
    }
}

/// The name, numbered when it is taken.
fn unique(name: &str, taken: &mut BTreeSet<String>) -> String {
    let mut candidate = name.to_owned();
    let mut number = 2_usize;
    while !taken.insert(candidate.clone()) {
        let suffix = format!("_{number}");
        let keep = NAME_MAX.saturating_sub(suffix.len());
        let stem: String = name.chars().take(keep).collect();
        candidate = format!("{stem}{suffix}");
        number += 1;
    }
    candidate
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &[&str], expected: &str) {
        let path: Vec<String> = path.iter().map(|s| (*s).to_owned()).collect();
        assert_eq!(tag_name(&path), expected);
    }

    #[test]
    fn tag_names_keep_to_the_allowed_characters_and_length() {
        check(&["Press 1", "Temp"], "Press_1.Temp");
        check(&["Öfen", "a/b"], "_fen.a_b");
        check(&[], "node");
        check(
            &["x".repeat(80).as_str(), "y"],
            &format!("{}.y", "x".repeat(62)),
        );
    }

    #[test]
    fn equal_names_are_numbered() {
        let mut taken = BTreeSet::new();
        let long = "z".repeat(64);
        assert_eq!(unique("a", &mut taken), "a");
        assert_eq!(unique("a", &mut taken), "a_2");
        assert_eq!(unique("a", &mut taken), "a_3");
        assert_eq!(unique(&long, &mut taken), long);
        assert_eq!(unique(&long, &mut taken), format!("{}_2", "z".repeat(62)));
    }

    fn variable(name: &str, is_scalar: bool) -> FoundVariable {
        FoundVariable {
            path: vec!["press".to_owned(), name.to_owned()],
            address: format!("nsu=urn:plant;s={name}"),
            data_type: "f64".to_owned(),
            unit: "°C".to_owned(),
            description: "Oil, \"hot\" side".to_owned(),
            value: "21.5".to_owned(),
            is_scalar,
        }
    }

    #[test]
    fn the_csv_has_one_line_per_usable_variable() {
        let mut out = Vec::new();
        print_csv(&mut out, &[variable("temp", true), variable("list", false)]).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "name,address,asset,type,unit,description,value\n\
             press.temp,nsu=urn:plant;s=temp,,f64,°C,\"Oil, \"\"hot\"\" side\",21.5\n"
        );
    }

    #[test]
    fn the_json_names_everything_found() {
        let mut out = Vec::new();
        let listing = Listing {
            variables: vec![variable("list", false)],
            is_cut: true,
        };
        print_json(&mut out, &listing).unwrap();
        let whole: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(whole["cut"], true);
        assert_eq!(whole["variables"][0]["name"], "press.list");
        assert_eq!(whole["variables"][0]["scalar"], false);
    }
}

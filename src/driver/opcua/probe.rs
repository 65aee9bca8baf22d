//! `andon check --live` for one OPC UA device: endpoint, certificate, session and every node, in words.

use std::sync::Arc;
use std::time::Duration;

use opcua::client::Session;
use opcua::types::{DataValue, ReadValueId, StatusCode};

use super::batch::BatchLimit;
use super::browse::{Bounds, list, type_words};
use super::client::offers;
use super::connection::{Connection, Target, offered};
use super::driver::target;
use super::plan::node_of;
use super::quality::{quality_of, refusal};
use super::request::{read_all, server_facts};
use super::suggest::nearest;
use super::value::judged;
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Source, Tag};
use crate::driver::probe::{DeviceProbe, TagProbe};
use crate::model::{DeviceId, Quality, Reason, Value};

/// The whole probe of one device takes at most this long beyond its timeout.
const PROBE_MAX: Duration = Duration::from_mins(1);

/// Nodes looked at to suggest what a wrong address may have meant.
const SUGGESTION_BOUNDS: Bounds = Bounds {
    variables_max: 5_000,
    nodes_max: 10_000,
    depth_max: 8,
};

/// Connects to `device` and reads each of its nodes once. Changes nothing but the certificate directory: an unknown
/// server certificate is kept among the rejected ones.
pub async fn probe(config: &Config, device: DeviceId) -> DeviceProbe {
    probe_within(config, device, PROBE_MAX).await
}

async fn probe_within(config: &Config, device: DeviceId, extra: Duration) -> DeviceProbe {
    let name = config
        .device(device)
        .map_or_else(String::new, |d| d.name.clone());
    let mut found = DeviceProbe {
        device: name.clone(),
        reachable: Err(format!("`{name}` is not an OPC UA device")),
        tags: Vec::new(),
    };
    let Some(target) = target(config, device) else {
        return found;
    };
    let tags: Vec<&Tag> = config.tags.iter().filter(|t| t.device == device).collect();
    let bound = target.link.timeout.saturating_add(extra);
    let work = tokio::time::timeout(bound, Box::pin(examine(&target, &tags))).await;
    match work {
        Ok(Ok((words, tags))) => {
            found.reachable = Ok(words);
            found.tags = tags;
        }
        Ok(Err(words)) => found.reachable = Err(words),
        Err(_) => {
            found.reachable = Err(format!(
                "{} did not answer everything within {} s",
                target.link.url,
                bound.as_secs()
            ));
        }
    }
    found
}

async fn examine(target: &Target, tags: &[&Tag]) -> Result<(String, Vec<TagProbe>), String> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let offered = offered(target).await.map_err(|error| error.to_string())?;
    let offers = offers(&offered);
    let opened = Connection::open(target, &clock).await;
    let connection = opened.map_err(|error| format!("{error} (offered: {offers})"))?;
    let words = match connection.server_certificate() {
        Some(certificate) => {
            format!("session open; server certificate {certificate}; offered: {offers}")
        }
        None => format!("session open without security; offered: {offers}"),
    };
    let probes = read_tags(connection.session(), target, tags).await;
    connection.close().await;
    Ok((words, probes?))
}

async fn read_tags(
    session: &Arc<Session>,
    target: &Target,
    tags: &[&Tag],
) -> Result<Vec<TagProbe>, String> {
    let failed =
        |error: opcua::types::Error| format!("read the nodes of {}: {error}", target.link.url);
    let facts = server_facts(session).await.map_err(failed)?;
    let nodes: Vec<Result<ReadValueId, String>> = tags
        .iter()
        .map(|tag| node_of(tag, &facts.namespaces))
        .collect();
    let known: Vec<ReadValueId> = nodes.iter().filter_map(|n| n.clone().ok()).collect();
    let mut limit = BatchLimit::configured(target.link.max_nodes_per_read);
    limit.respect(facts.nodes_per_read_max);
    let mut values = read_all(session, &known, &mut limit)
        .await
        .map_err(failed)?
        .into_iter();
    let mut probes: Vec<TagProbe> = tags
        .iter()
        .zip(&nodes)
        .map(|(tag, node)| TagProbe {
            tag: tag.name.clone(),
            outcome: match node {
                Err(why) => Err(why.clone()),
                Ok(_) => outcome(tag, &values.next().unwrap_or_default()),
            },
            hints: Vec::new(),
        })
        .collect();
    if probes.iter().any(|p| p.outcome.is_err()) {
        suggest(session, tags, &mut probes).await;
    }
    Ok(probes)
}

/// The value as the gateway would take it, with the server's type and status.
fn outcome(tag: &Tag, answer: &DataValue) -> Result<String, String> {
    let status = answer.status.unwrap_or(StatusCode::Good);
    let (value, quality) = judged(answer.value.as_ref(), tag, quality_of(status));
    let (data_type, _) = type_words(answer.value.as_ref());
    match quality {
        Quality::Bad(Reason::TypeMismatch) if !status.is_bad() => Err(format!(
            "the server holds a value of type {data_type} here, which does not fit {:?}",
            tag.data_type
        )),
        Quality::Bad(reason) => Err(match refusal(status) {
            Some(why) => format!("{why} ({status})"),
            None => format!("no usable value: {} ({status})", reason.as_str()),
        }),
        Quality::Good | Quality::Uncertain(_) => {
            Ok(format!("{} ({data_type}, {status})", words(&value)))
        }
    }
}

fn words(value: &Value) -> String {
    match value {
        Value::Missing => "nothing".to_owned(),
        Value::Float(x) => x.to_string(),
        Value::Int(n) => n.to_string(),
        Value::Bool(b) => b.to_string(),
        Value::Text(text) => format!("\"{text}\""),
    }
}

/// Looks through the server's variables for what the failing addresses may have meant.
async fn suggest(session: &Arc<Session>, tags: &[&Tag], probes: &mut [TagProbe]) {
    let listing = match list(session, SUGGESTION_BOUNDS).await {
        Ok(listing) => listing,
        Err(error) => {
            tracing::debug!(%error, "No suggestions: the server could not be browsed.");
            return;
        }
    };
    for (tag, probe) in tags.iter().zip(probes) {
        if let (Source::OpcUa(address), Err(_)) = (&tag.source, &probe.outcome) {
            let known = listing.variables.iter().map(|v| v.address.as_str());
            let near = nearest(address, known);
            probe.hints = near.into_iter().map(|a| format!("near: {a}")).collect();
        }
    }
}

#[cfg(test)]
#[path = "probe_tests.rs"]
mod tests;

//! Walks a server's address space: for `andon browse`, and to suggest nodes that a wrong address may have meant.
//!
//! The walk is breadth first and bounded in depth, nodes and requests; a node is visited once however many
//! references lead to it. Objects of namespace 0 below `Objects` (the server's own diagnostics) are left out.

use std::collections::{BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use opcua::client::Session;
use opcua::types::{
    BrowseDescription, BrowseDirection, BrowseResult, ByteString, DataValue, EUInformation, Error,
    NodeClass, NodeId, ReadValueId, ReferenceDescription, ReferenceTypeId, StatusCode, Variant,
};

use super::batch::BatchLimit;
use super::connection::{Connection, Target, config_fault};
use super::node::Namespaces;
use super::pki::Pki;
use super::quality::asks_for_less;
use super::request::{all_of, read_all, server_facts};
use crate::clock::Clock;
use crate::config::OpcUaLink;
use crate::driver::DriverError;

/// Nodes per Browse request until the server asks for less.
const NODES_PER_BROWSE: u32 = 50;
/// References per node and answer; the rest comes by continuation point.
const REFERENCES_MAX: u32 = 1_000;
/// Continuations of one node: a server that never ends its list is not followed for ever.
const CONTINUATIONS_MAX: usize = 1_000;

/// Names the certificate directory of servers that are browsed, and the gateway when it has no certificate yet.
const BROWSE: &str = "browse";

/// How far a walk goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Variables found at most.
    pub variables_max: usize,
    /// Nodes looked at most.
    pub nodes_max: usize,
    /// Levels below the start.
    pub depth_max: usize,
}

/// One variable of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundVariable {
    /// Browse names from below the start to the variable.
    pub path: Vec<String>,
    /// The address for a tag: `nsu=…;s=…`.
    pub address: String,
    /// The tag type that holds it: `f64`, `u16`, …; `auto` where none fits exactly.
    pub data_type: String,
    /// Engineering unit, or empty.
    pub unit: String,
    /// The server's display name where it differs from the browse name.
    pub description: String,
    /// The present value in words, or the status.
    pub value: String,
    /// Whether a tag can hold it: a scalar of a supported type.
    pub is_scalar: bool,
}

/// What a walk found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// The variables, breadth first.
    pub variables: Vec<FoundVariable>,
    /// Whether a bound ended the walk early.
    pub is_cut: bool,
}

/// A variable before its value has been read.
#[derive(Debug, Clone)]
struct Leaf {
    path: Vec<String>,
    node: NodeId,
    display: String,
    unit: Option<NodeId>,
}

/// What `andon browse` is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct BrowseRequest {
    /// The server.
    pub link: OpcUaLink,
    /// Certificate directory.
    pub pki_dir: PathBuf,
    /// SHA-1 thumbprint of a server certificate to trust from now on.
    pub trust: Option<String>,
    /// How far to walk.
    pub bounds: Bounds,
    /// When to give up.
    pub time_max: Duration,
}

/// Opens a session, lists the variables below `Objects` and closes it.
pub async fn list_variables(
    request: &BrowseRequest,
    clock: &Arc<dyn Clock>,
) -> Result<Listing, DriverError> {
    let target = Target {
        device: BROWSE.to_owned(),
        gateway: BROWSE.to_owned(),
        pki: Pki::at(&request.pki_dir),
        link: request.link.clone(),
        trust_command: "andon browse URL --trust THUMBPRINT".to_owned(),
    };
    let time_max = request.time_max;
    let url = target.link.url.clone();
    let work = async {
        let opened = Connection::open(&target, clock).await;
        let connection = match (opened, &request.trust) {
            (Err(DriverError::Config(_)), Some(thumbprint)) => {
                let trusted = target.pki.trust(&[BROWSE], thumbprint);
                trusted.map_err(|error| config_fault(&error))?;
                Connection::open(&target, clock).await?
            }
            (opened, _) => opened?,
        };
        let listing = list(connection.session(), request.bounds).await;
        let listing = listing.map_err(|error| DriverError::Link(format!("browse {url}: {error}")));
        connection.close().await;
        listing
    };
    tokio::time::timeout(time_max, Box::pin(work))
        .await
        .unwrap_or_else(|_elapsed| {
            let seconds = time_max.as_secs();
            Err(DriverError::Link(format!(
                "browse {url}: not finished within {seconds} s"
            )))
        })
}

/// Lists the variables below `Objects` of a session.
pub(super) async fn list(session: &Arc<Session>, bounds: Bounds) -> Result<Listing, Error> {
    let facts = server_facts(session).await?;
    let (leaves, is_cut) = walk(session, bounds).await?;
    let mut limit = BatchLimit::configured(facts.nodes_per_read_max);
    let nodes: Vec<ReadValueId> = leaves.iter().map(|l| l.node.clone().into()).collect();
    let values = read_all(session, &nodes, &mut limit).await?;
    let with_unit: Vec<ReadValueId> = leaves
        .iter()
        .filter_map(|l| l.unit.clone().map(Into::into))
        .collect();
    let mut units = read_all(session, &with_unit, &mut limit).await?.into_iter();
    let variables = leaves
        .into_iter()
        .zip(&values)
        .map(|(leaf, value)| {
            let unit = leaf.unit.as_ref().and_then(|_| units.next());
            found(leaf, value, unit.as_ref(), &facts.namespaces)
        })
        .collect();
    Ok(Listing { variables, is_cut })
}

fn found(
    leaf: Leaf,
    value: &DataValue,
    unit: Option<&DataValue>,
    namespaces: &Namespaces,
) -> FoundVariable {
    let status = value.status.unwrap_or(StatusCode::Good);
    let (data_type, is_scalar) = type_words(value.value.as_ref());
    let name = leaf.path.last().cloned().unwrap_or_default();
    FoundVariable {
        address: namespaces.address_of(&leaf.node),
        data_type: data_type.to_owned(),
        unit: unit.and_then(unit_words).unwrap_or_default(),
        description: if leaf.display == name {
            String::new()
        } else {
            leaf.display
        },
        value: match (&value.value, status.is_bad()) {
            (Some(value), false) if is_scalar => value.to_string(),
            (_, true) => status.to_string(),
            _ => format!("({data_type})"),
        },
        is_scalar: is_scalar && !status.is_bad(),
        path: leaf.path,
    }
}

/// The tag type for a value, and whether a tag can hold it.
pub(super) fn type_words(value: Option<&Variant>) -> (&'static str, bool) {
    match value {
        None | Some(Variant::Empty) => ("auto", true),
        Some(value) => match value {
            Variant::Boolean(_) => ("bool", true),
            Variant::SByte(_) | Variant::Int16(_) => ("i16", true),
            Variant::Byte(_) | Variant::UInt16(_) => ("u16", true),
            Variant::Int32(_) => ("i32", true),
            Variant::UInt32(_) => ("u32", true),
            Variant::Int64(_) => ("i64", true),
            Variant::UInt64(_) => ("u64", true),
            Variant::Float(_) => ("f32", true),
            Variant::Double(_) => ("f64", true),
            Variant::String(_) | Variant::LocalizedText(_) | Variant::ByteString(_) => {
                ("string:30", true)
            }
            Variant::DateTime(_) => ("auto", true),
            Variant::Array(_) => ("array", false),
            _ => ("structure", false),
        },
    }
}

fn unit_words(value: &DataValue) -> Option<String> {
    match value.value.as_ref()? {
        Variant::ExtensionObject(object) => {
            let unit = object.inner_as::<EUInformation>()?;
            Some(unit.display_name.text.as_ref().to_owned())
        }
        _ => None,
    }
}

/// Breadth first from `Objects`.
async fn walk(session: &Arc<Session>, bounds: Bounds) -> Result<(Vec<Leaf>, bool), Error> {
    let mut leaves: Vec<Leaf> = Vec::new();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut queue: VecDeque<(NodeId, Vec<String>, Option<usize>)> = VecDeque::new();
    let mut limit = BatchLimit::configured(NODES_PER_BROWSE);
    queue.push_back((NodeId::objects_folder_id(), Vec::new(), None));
    while !queue.is_empty() {
        let take = limit.nodes().min(queue.len());
        let level: Vec<_> = queue.drain(..take).collect();
        let nodes: Vec<NodeId> = level.iter().map(|(node, ..)| node.clone()).collect();
        let children = browse_all(session, &nodes, &mut limit).await?;
        for ((_, path, parent), references) in level.into_iter().zip(children) {
            for reference in references {
                if leaves.len() >= bounds.variables_max || seen.len() >= bounds.nodes_max {
                    return Ok((leaves, true));
                }
                let node = reference.node_id.node_id.clone();
                if reference.node_id.server_index != 0 || !seen.insert(node.to_string()) {
                    continue;
                }
                if is_property(&reference) {
                    note_unit(&mut leaves, parent, &reference);
                    continue;
                }
                let below = [
                    path.clone(),
                    vec![reference.browse_name.name.as_ref().to_owned()],
                ]
                .concat();
                let own = node.namespace != 0;
                let leaf = (own && reference.node_class == NodeClass::Variable).then(|| {
                    leaves.push(Leaf {
                        path: below.clone(),
                        node: node.clone(),
                        display: reference.display_name.text.as_ref().to_owned(),
                        unit: None,
                    });
                    leaves.len() - 1
                });
                if own && below.len() < bounds.depth_max {
                    queue.push_back((node, below, leaf));
                }
            }
        }
    }
    Ok((leaves, false))
}

fn is_property(reference: &ReferenceDescription) -> bool {
    reference.reference_type_id == ReferenceTypeId::HasProperty
}

fn note_unit(leaves: &mut [Leaf], parent: Option<usize>, reference: &ReferenceDescription) {
    if reference.browse_name.name.as_ref() != "EngineeringUnits" {
        return;
    }
    if let Some(leaf) = parent.and_then(|at| leaves.get_mut(at)) {
        leaf.unit = Some(reference.node_id.node_id.clone());
    }
}

/// The references of each node, in order; continuation points are followed. A node that cannot be browsed has none.
pub(super) async fn browse_all(
    session: &Arc<Session>,
    nodes: &[NodeId],
    limit: &mut BatchLimit,
) -> Result<Vec<Vec<ReferenceDescription>>, Error> {
    let mut all = Vec::with_capacity(nodes.len());
    while let Some(rest) = nodes.get(all.len()..).filter(|rest| !rest.is_empty()) {
        let batch = rest.get(..limit.nodes()).unwrap_or(rest);
        let wanted: Vec<BrowseDescription> = batch.iter().map(description).collect();
        match session.browse(&wanted, REFERENCES_MAX, None).await {
            Err(error) if asks_for_less(error.status()) && limit.halve(batch.len()) => {}
            Err(error) => return Err(error),
            Ok(results) => {
                for result in all_of(batch.len(), Some(results))? {
                    all.push(references(session, result).await?);
                }
            }
        }
    }
    Ok(all)
}

async fn references(
    session: &Arc<Session>,
    first: BrowseResult,
) -> Result<Vec<ReferenceDescription>, Error> {
    let mut found = first.references.unwrap_or_default();
    let mut more: ByteString = first.continuation_point;
    let mut continuations = 0;
    while !more.is_null_or_empty() && continuations < CONTINUATIONS_MAX {
        continuations += 1;
        let answer = session.browse_next(false, &[more]).await?;
        more = ByteString::null();
        for next in answer {
            found.extend(next.references.unwrap_or_default());
            more = next.continuation_point;
        }
    }
    Ok(found)
}

fn description(node: &NodeId) -> BrowseDescription {
    /// Objects and variables (Part 4 §7.3, node class mask).
    const OBJECTS_AND_VARIABLES: u32 = 1 | 2;
    /// Every field of the reference description.
    const ALL_FIELDS: u32 = 0x3F;
    BrowseDescription {
        node_id: node.clone(),
        browse_direction: BrowseDirection::Forward,
        reference_type_id: ReferenceTypeId::HierarchicalReferences.into(),
        include_subtypes: true,
        node_class_mask: OBJECTS_AND_VARIABLES,
        result_mask: ALL_FIELDS,
    }
}

#[cfg(test)]
#[path = "browse_tests.rs"]
mod tests;

//! Batched requests: reads that fit the server's limits, in bounded time.

use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};
use opcua::client::services::Read;
use opcua::client::{Session, UARequest};
use opcua::types::{
    DataValue, Error, NodeId, ReadValueId, StatusCode, TimestampsToReturn, VariableId, Variant,
};

use super::batch::BatchLimit;
use super::node::Namespaces;
use super::quality::asks_for_less;

/// Requests under way at once when a read needs several: hides the round trip, spares small servers.
const CONCURRENT_MAX: usize = 4;

/// What a session has to tell before it can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ServerFacts {
    /// The namespace table.
    pub(super) namespaces: Namespaces,
    /// `MaxNodesPerRead`; 0 is none.
    pub(super) nodes_per_read_max: u32,
    /// `MaxMonitoredItemsPerCall`; 0 is none.
    pub(super) items_per_call_max: u32,
}

/// Reads namespace table and operation limits; also shows that the session answers.
pub(super) async fn server_facts(session: &Arc<Session>) -> Result<ServerFacts, Error> {
    let nodes = [
        VariableId::Server_NamespaceArray,
        VariableId::Server_ServerCapabilities_OperationLimits_MaxNodesPerRead,
        VariableId::Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall,
    ]
    .map(|id| ReadValueId::from(NodeId::from(id)));
    // One by one: a server may allow a single node per request and still has to say so somewhere.
    let mut limit = BatchLimit::configured(0);
    facts(read_all(session, &nodes, &mut limit).await?)
}

/// What the values say, in the order that [`server_facts`] asks for.
fn facts(answers: Vec<DataValue>) -> Result<ServerFacts, Error> {
    let mut answers = answers.into_iter().map(|v| v.value);
    let namespaces = answers.next().flatten();
    let namespaces = Namespaces::from_variant(namespaces.as_ref()).ok_or_else(|| {
        Error::new(
            StatusCode::BadNoValue,
            "the server's namespace array is not an array of strings",
        )
    })?;
    let mut limits = answers.map(|v| v.as_ref().map_or(0, number));
    Ok(ServerFacts {
        namespaces,
        nodes_per_read_max: limits.next().unwrap_or(0),
        items_per_call_max: limits.next().unwrap_or(0),
    })
}

/// An unsigned number of any width; 0 for anything else, which means no limit.
fn number(value: &Variant) -> u32 {
    match value {
        Variant::Byte(n) => u32::from(*n),
        Variant::UInt16(n) => u32::from(*n),
        Variant::UInt32(n) => *n,
        _ => 0,
    }
}

/// Reads the values of `nodes`, in order, in as few requests as `limit` allows. A request that is too large halves
/// the limit, which the caller keeps, and is repeated at once.
pub(super) async fn read_all(
    session: &Arc<Session>,
    nodes: &[ReadValueId],
    limit: &mut BatchLimit,
) -> Result<Vec<DataValue>, Error> {
    if nodes.is_empty() {
        return Ok(Vec::new());
    }
    loop {
        match read_batches(session, nodes, limit.nodes()).await {
            Err(error) if asks_for_less(error.status()) && limit.halve(nodes.len()) => {
                tracing::info!(nodes = limit.nodes(), status = %error.status(), "The OPC UA server asks for smaller reads.");
            }
            outcome => return outcome,
        }
    }
}

async fn read_batches(
    session: &Arc<Session>,
    nodes: &[ReadValueId],
    size: usize,
) -> Result<Vec<DataValue>, Error> {
    if nodes.len() <= size {
        return read_batch(Arc::clone(session), nodes.to_vec()).await;
    }
    let batches: Vec<Vec<ReadValueId>> = nodes.chunks(size.max(1)).map(<[_]>::to_vec).collect();
    let requests = batches
        .into_iter()
        .map(|batch| read_batch(Arc::clone(session), batch));
    let answers: Vec<Vec<DataValue>> = stream::iter(requests)
        .buffered(CONCURRENT_MAX)
        .try_collect()
        .await?;
    Ok(answers.into_iter().flatten().collect())
}

async fn read_batch(
    session: Arc<Session>,
    nodes: Vec<ReadValueId>,
) -> Result<Vec<DataValue>, Error> {
    let asked = nodes.len();
    let response = Read::new(&session)
        .nodes_to_read(nodes)
        .timestamps_to_return(TimestampsToReturn::Both)
        .max_age(0.0)
        .send(session.channel())
        .await?;
    all_of(asked, response.results)
}

/// The results of a request for `asked` nodes: one for each, or none can be told from another.
pub(super) fn all_of<T>(asked: usize, results: Option<Vec<T>>) -> Result<Vec<T>, Error> {
    let results = results.unwrap_or_default();
    if results.len() == asked {
        return Ok(results);
    }
    Err(Error::new(
        StatusCode::BadUnknownResponse,
        format!(
            "{asked} nodes were asked for and {} answered",
            results.len()
        ),
    ))
}

#[cfg(test)]
mod tests {
    use opcua::types::{Array, VariantScalarTypeId};

    use super::*;

    fn value(value: impl Into<Variant>) -> DataValue {
        DataValue {
            value: Some(value.into()),
            ..Default::default()
        }
    }

    fn namespaces() -> Variant {
        let uris = vec![Variant::from("ua"), Variant::from("urn:plant")];
        Variant::Array(Box::new(
            Array::new(VariantScalarTypeId::String, uris).unwrap(),
        ))
    }

    /// The stated limits for these two values.
    #[track_caller]
    fn check(limits: [Variant; 2], expected: (u32, u32)) {
        let [read, items] = limits;
        let found = facts(vec![value(namespaces()), value(read), value(items)]).unwrap();
        let found_limits = (found.nodes_per_read_max, found.items_per_call_max);
        assert_eq!(found_limits, expected);
        let known = Namespaces::from_variant(Some(&namespaces()));
        assert_eq!(Some(found.namespaces), known);
    }

    #[test]
    fn limits_are_numbers_of_any_width_and_anything_else_is_none() {
        check([500_u32.into(), 1_000_u32.into()], (500, 1_000));
        check([50_u16.into(), 7_u8.into()], (50, 7));
        check([Variant::Empty, "many".into()], (0, 0));
        check([(-1_i32).into(), 3_u32.into()], (0, 3));
        let alone = facts(vec![value(namespaces())]).unwrap();
        assert_eq!((alone.nodes_per_read_max, alone.items_per_call_max), (0, 0));
    }

    #[test]
    fn a_server_without_namespaces_is_of_no_use() {
        for answers in [vec![], vec![DataValue::default()], vec![value("urn:plant")]] {
            let error = facts(answers).unwrap_err();
            assert_eq!(error.status(), StatusCode::BadNoValue);
        }
    }

    #[test]
    fn an_answer_of_another_length_is_no_answer() {
        assert_eq!(all_of(2, Some(vec![1, 2])).unwrap(), [1, 2]);
        for results in [None, Some(vec![1]), Some(vec![1, 2, 3])] {
            let error = all_of(2, results).unwrap_err();
            assert_eq!(error.status(), StatusCode::BadUnknownResponse);
            assert!(
                error.to_string().contains("2 nodes were asked for"),
                "{error}"
            );
        }
    }
}

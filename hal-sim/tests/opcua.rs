//! The OPC UA server as a client sees it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[cfg(test)]
mod support;

use std::sync::Arc;
use std::time::Duration;

use hal_sim::plant::Status;
use hal_sim::{DeviceFault, SignalFault, Sim};
use opcua::client::{Client, ClientBuilder, IdentityToken, Session};
use opcua::crypto::SecurityPolicy;
use opcua::types::{
    DataValue, MessageSecurityMode, NodeId, ReadValueId, StatusCode, TimestampsToReturn,
    UserTokenPolicy, UserTokenType, Variant, WriteValue,
};
use support::{eventually, on_device, on_signal, start};
use tempfile::TempDir;

const PLANT: &str = r#"
    tick = "10ms"

    [[machine]]
    name = "m"
    signal = [
        { name = "f64", type = "f64", mean = 1.5 },
        { name = "f32", type = "f32", mean = 2.5 },
        { name = "i16", type = "i16", mean = -3, scale = 0.5 },
        { name = "u16", kind = "state" },
        { name = "u64", kind = "good", type = "u64", start = 5000000000 },
        { name = "on", kind = "running" },
        { name = "code", kind = "product" },
        { name = "target", kind = "setpoint", type = "f64", mean = 10 },
    ]

    [[opcua]]
    name = "ua"
    machines = ["m"]
    max_nodes_per_read = 20
    security = ["None", "Basic256Sha256", "Aes256Sha256RsaPss"]
    users = [{ name = "operator", password = "secret" }]
"#;

fn client(pki: &TempDir, policy: SecurityPolicy) -> Client {
    ClientBuilder::new()
        .application_name("test")
        .application_uri("urn:test")
        .product_uri("urn:test")
        .pki_dir(pki.path())
        .create_sample_keypair(policy != SecurityPolicy::None)
        .trust_server_certs(true)
        .verify_server_certs(true)
        .session_retry_limit(0)
        .request_timeout(Duration::from_secs(5))
        .client()
        .unwrap()
}

async fn connect(
    sim: &Sim,
    policy: SecurityPolicy,
    login: Option<&str>,
) -> Result<Arc<Session>, String> {
    let pki = TempDir::new().unwrap();
    let mode = match policy {
        SecurityPolicy::None => MessageSecurityMode::None,
        _ => MessageSecurityMode::SignAndEncrypt,
    };
    let (user, token) = match login {
        None => (UserTokenPolicy::anonymous(), IdentityToken::Anonymous),
        Some(password) => (
            UserTokenPolicy {
                token_type: UserTokenType::UserName,
                ..UserTokenPolicy::default()
            },
            IdentityToken::new_user_name("operator", password),
        ),
    };
    let url = sim.endpoints().opcua[0].url.clone();
    let mut client = client(&pki, policy);
    let endpoint = (url.as_str(), policy.to_str(), mode, user);
    let connecting = client.connect_to_matching_endpoint(endpoint, token);
    let (session, event_loop) = connecting.await.map_err(|error| error.to_string())?;
    let mut running = event_loop.spawn();
    let connected = tokio::time::timeout(Duration::from_secs(20), session.wait_for_connection());
    tokio::select! {
        ended = &mut running => Err(format!("the session ended: {ended:?}")),
        connected = connected => match connected {
            Ok(true) => Ok(session),
            other => Err(format!("no session: {other:?}")),
        },
    }
}

async fn read(session: &Session, signals: &[&str]) -> Result<Vec<DataValue>, StatusCode> {
    let namespace = session
        .get_namespace_index("urn:andon:sim")
        .await
        .map_err(|error| error.status())?;
    let nodes: Vec<ReadValueId> = signals
        .iter()
        .map(|name| ReadValueId::from(NodeId::new(namespace, format!("m.{name}"))))
        .collect();
    session
        .read(&nodes, TimestampsToReturn::Both, 0.0)
        .await
        .map_err(|error| error.status())
}

#[tokio::test]
async fn every_type_is_read_with_its_source_time() {
    let sim = start(PLANT);
    let session = connect(&sim, SecurityPolicy::None, None).await.unwrap();
    let values = read(&session, &["f64", "f32", "i16", "u16", "u64", "on", "code"])
        .await
        .unwrap();
    let got: Vec<Variant> = values
        .iter()
        .map(|value| value.value.clone().unwrap())
        .collect();
    let expected = [
        Variant::Double(1.5),
        Variant::Float(2.5),
        Variant::Int16(-6),
        Variant::UInt16(1),
        Variant::UInt64(5_000_000_000),
        Variant::Boolean(true),
        Variant::from("P-100"),
    ];
    assert_eq!(got, expected);
    for value in values {
        assert_eq!(value.status, Some(StatusCode::Good));
        assert!(value.source_timestamp.is_some() && value.server_timestamp.is_some());
    }
}

#[tokio::test]
async fn users_and_encryption_are_checked() {
    let sim = start(PLANT);
    for policy in [
        SecurityPolicy::Basic256Sha256,
        SecurityPolicy::Aes256Sha256RsaPss,
    ] {
        let session = connect(&sim, policy, Some("secret")).await.unwrap();
        let values = read(&session, &["f64"]).await.unwrap();
        assert_eq!(values[0].value, Some(Variant::Double(1.5)), "{policy:?}");
    }
    assert!(
        connect(&sim, SecurityPolicy::Basic256Sha256, Some("wrong"))
            .await
            .is_err()
    );
    assert!(sim.endpoints().opcua[0].certificate.exists());
}

#[tokio::test]
async fn reads_beyond_the_limit_are_refused_and_setpoints_can_be_written() {
    let sim = start(PLANT);
    let session = connect(&sim, SecurityPolicy::None, None).await.unwrap();
    let refused = read(&session, &["f64"; 21]).await.unwrap_err();
    assert_eq!(refused, StatusCode::BadTooManyOperations);

    let namespace = session.get_namespace_index("urn:andon:sim").await.unwrap();
    let write = |name: &str| {
        WriteValue::value_attr(
            NodeId::new(namespace, format!("m.{name}")),
            Variant::Double(12.5),
        )
    };
    let results = session
        .write(&[write("target"), write("f64")])
        .await
        .unwrap();
    assert_eq!(results[0], StatusCode::Good);
    assert_ne!(results[1], StatusCode::Good);
    eventually("the setpoint is read back", || async {
        let value = read(&session, &["target"]).await.unwrap().remove(0).value;
        (value == Some(Variant::Double(12.5))).then_some(())
    })
    .await;
}

#[tokio::test]
async fn quality_and_clock_faults_show_in_the_values() {
    let sim = start(PLANT);
    let session = connect(&sim, SecurityPolicy::None, None).await.unwrap();
    let one = |name: &'static str| {
        let session = Arc::clone(&session);
        async move { read(&session, &[name]).await.unwrap().remove(0) }
    };

    let fault = SignalFault::Dropout(Status::BadSensorFailure);
    sim.inject(on_signal("m.f64", fault)).await.unwrap();
    eventually("the node is bad", || async {
        let value = one("f64").await;
        (value.status == Some(StatusCode::BadSensorFailure) && value.value.is_none()).then_some(())
    })
    .await;
    assert_eq!(one("f32").await.status, Some(StatusCode::Good));

    let fault = DeviceFault::BadQuality(Status::BadOutOfService);
    let id = sim.inject(on_device("ua", fault)).await.unwrap();
    assert_eq!(one("f32").await.status, Some(StatusCode::BadOutOfService));
    sim.clear(id).await.unwrap();
    assert_eq!(one("f32").await.status, Some(StatusCode::Good));

    sim.inject(on_device("ua", DeviceFault::ClockJump(-7_200_000_000_000)))
        .await
        .unwrap();
    let value = one("f32").await;
    let (source, server) = (
        value.source_timestamp.unwrap(),
        value.server_timestamp.unwrap(),
    );
    let behind_s = (server.ticks() - source.ticks()) / 10_000_000;
    assert!((7_195..7_260).contains(&behind_s), "{behind_s} s");
}

#[tokio::test]
async fn silence_holds_answers_back_and_a_restart_ends_the_session() {
    let sim = start(PLANT);
    let session = connect(&sim, SecurityPolicy::None, None).await.unwrap();
    let id = sim
        .inject(on_device("ua", DeviceFault::Silence))
        .await
        .unwrap();
    let pending = read(&session, &["f64"]);
    tokio::pin!(pending);
    let early = tokio::time::timeout(Duration::from_millis(200), &mut pending).await;
    assert!(early.is_err(), "it answered");
    sim.clear(id).await.unwrap();
    pending.await.unwrap();

    let id = sim.stop("ua").await.unwrap();
    eventually("connecting is refused", || async {
        let address = sim.endpoints().opcua[0].addr;
        tokio::net::TcpStream::connect(address).await.err()
    })
    .await;
    sim.clear(id).await.unwrap();
    let again = eventually("a new session", || async {
        connect(&sim, SecurityPolicy::None, None).await.ok()
    })
    .await;
    assert_eq!(
        read(&again, &["f64"]).await.unwrap()[0].value,
        Some(Variant::Double(1.5))
    );
}

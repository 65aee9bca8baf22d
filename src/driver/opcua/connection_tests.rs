use std::fs;

use opcua::types::ByteString;

use super::super::driver::target;
use super::super::testing::{
    Behaviour, BlackHole, TestServer, config, gateway_dir, open, open_link, secure_link,
};
use super::*;
use crate::clock::{ManualClock, SystemClock};
use crate::config::Config;
use crate::driver::testing::Log;
use crate::model::DeviceId;

/// Long enough for anything on a busy machine, short enough to end a hung test.
const PATIENCE: Duration = Duration::from_secs(20);
const NOW: Timestamp = Timestamp::from_millis(1_772_344_800_000);

/// The text of a fault that needs a person, with the data directory written as DATA.
async fn fault(config: &Config) -> String {
    match open(config).await.err() {
        Some(DriverError::Config(words)) => {
            words.replace(&config.gateway.data_dir.display().to_string(), "DATA")
        }
        other => panic!("a configuration error was expected, not {other:?}"),
    }
}

#[tokio::test]
async fn a_data_directory_that_cannot_be_used_is_named_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("pki"), "in the way").unwrap();
    let link = secure_link("opc.tcp://127.0.0.1:1/", "secret");
    let words = fault(&config(dir.path(), link, &[])).await;
    let expected = "create `DATA/pki/private`: Not a directory";
    assert!(words.starts_with(expected), "{words}");
}

#[tokio::test]
async fn a_damaged_identity_is_named() {
    let dir = gateway_dir();
    fs::write(dir.path().join("pki/own/application_uri"), "").unwrap();
    let link = open_link("opc.tcp://127.0.0.1:1/");
    let words = fault(&config(dir.path(), link, &[])).await;
    let expected = "set up the OPC UA client for `plc`: Application uri is empty";
    assert_eq!(words, expected);
}

#[test]
fn an_endpoint_without_a_readable_certificate_is_refused() {
    let dir = gateway_dir();
    let link = secure_link("opc.tcp://plc:4840", "secret");
    let target = target(&config(dir.path(), link, &[]), DeviceId(0)).unwrap();
    let own = OwnIdentity {
        application_uri: "urn:x".to_owned(),
        certificate: None,
    };
    for bytes in [ByteString::null(), ByteString::from(b"rubbish")] {
        let endpoint = EndpointDescription {
            server_certificate: bytes,
            ..Default::default()
        };
        let Err(DriverError::Config(words)) = attempt(&target, &own, &endpoint) else {
            panic!("nothing to trust");
        };
        let expected = "opc.tcp://plc:4840 presents no readable certificate: ";
        assert!(words.starts_with(expected), "{words}");
    }
}

#[tokio::test]
async fn a_certificate_that_ends_soon_is_said_with_every_connection() {
    let (log, _guard) = Log::start();
    let server = TestServer::start(Behaviour::default());
    let dir = gateway_dir();
    let config = config(dir.path(), secure_link(&server.url(), "secret"), &[]);
    assert!(open(&config).await.is_err(), "not trusted yet");
    let target = target(&config, DeviceId(0)).unwrap();
    target.pki.trust(&["plc"], "plc").unwrap();
    let ends_soon = async |days: i64| {
        let today = SystemClock::start().now().wall;
        let then = Timestamp::from_millis(today.as_millis() + days * 86_400_000);
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(then));
        let connection = Connection::open(&target, &clock).await.unwrap();
        connection.close().await;
        log.lines_with("An OPC UA certificate ends within 30 days.")
    };
    // The server's lasts a year, the gateway's twenty.
    assert_eq!(ends_soon(300).await, [""; 0]);
    let said = ends_soon(350).await;
    assert_eq!(said.len(), 1);
    assert!(said[0].contains("device=plc whose=\"server\""), "{said:?}");
}

#[tokio::test]
async fn closing_waits_for_no_server_that_hangs_and_asks_none_that_is_gone() {
    let (log, _guard) = Log::start();
    let server = TestServer::start(Behaviour::default());
    let link = OpcUaLink {
        timeout: Duration::from_millis(200),
        ..open_link(&server.url())
    };
    let dir = gateway_dir();
    let config = config(dir.path(), link, &[]);
    let connection = open(&config).await.unwrap();
    let other = open(&config).await.unwrap();
    let thaw = server.freeze();
    let closing = tokio::time::timeout(PATIENCE, connection.close());
    closing.await.expect("in time");
    let dropped = "The OPC UA session was dropped without a goodbye.";
    assert_eq!(log.lines_with(dropped).len(), 1);

    drop(thaw);
    server.kill();
    let mut state = other.state.clone();
    let lost = state.wait_for(|state| matches!(state, State::Lost(_)));
    drop(tokio::time::timeout(PATIENCE, lost).await.expect("in time"));
    other.close().await;
    assert_eq!(log.lines_with(dropped).len(), 1);
}

/// A connection whose first attempt never ends.
async fn undecided(nobody: &BlackHole) -> Connection {
    let dir = gateway_dir();
    let target = target(
        &config(dir.path(), open_link(&nobody.url()), &[]),
        DeviceId(0),
    )
    .unwrap();
    let own = own_identity(&target).await.unwrap();
    let names = ("plc", own.application_uri.as_str());
    let mut client = client_builder(&target.link, &target.pki, names, Retry::Always)
        .client()
        .unwrap();
    let endpoint = EndpointDescription::from((
        nobody.url().as_str(),
        "None",
        opcua::types::MessageSecurityMode::None,
    ));
    let (session, event_loop) = client
        .connect_to_endpoint_directly(endpoint.clone(), identity(&target.link))
        .unwrap();
    let attempt = attempt(&target, &own, &endpoint).unwrap();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    Connection::drive(session, event_loop, attempt, clock)
}

#[tokio::test]
async fn an_attempt_whose_task_is_gone_ends_in_an_error() {
    let nobody = BlackHole::at(0);
    let connection = undecided(&nobody).await;
    assert_eq!(connection.state(), State::Connecting);
    connection.task.abort();
    let outcome = tokio::time::timeout(PATIENCE, connection.resume(NOW)).await;
    let words = format!("connect to {}: BadInternalError", nobody.url());
    assert_eq!(outcome.expect("in time"), Err(DriverError::Link(words)));
}

#[tokio::test]
async fn a_lost_session_whose_task_is_gone_keeps_its_last_word() {
    let server = TestServer::start(Behaviour::default());
    let dir = gateway_dir();
    let config = config(dir.path(), open_link(&server.url()), &[]);
    let connection = open(&config).await.unwrap();
    server.kill();
    let mut state = connection.state.clone();
    let lost = state.wait_for(|state| matches!(state, State::Lost(_)));
    let lost = tokio::time::timeout(PATIENCE, lost).await;
    let State::Lost(status) = *lost.expect("in time").unwrap() else {
        panic!("waited for");
    };
    connection.task.abort();
    let outcome = tokio::time::timeout(PATIENCE, connection.resume(NOW)).await;
    let expected = connection.error(status, NOW);
    assert_eq!(outcome.expect("in time"), Err(expected));
}

use opcua::types::Variant;

use super::super::testing::{
    Behaviour, BlackHole, TestServer, config, gateway_dir, open, open_link, tag,
};
use super::*;
use crate::config::{DataType, ModbusAddress, ModbusTable};

const TEMP: &str = "nsu=urn:plant;s=temp";

#[track_caller]
fn check(value: impl Into<Variant>, status: StatusCode, expected: Result<&str, &str>) {
    let tag = Tag {
        data_type: DataType::Auto,
        ..tag("ns=2;s=x")
    };
    let answer = DataValue {
        value: Some(value.into()),
        status: Some(status),
        ..Default::default()
    };
    let expected = expected.map(str::to_owned).map_err(str::to_owned);
    assert_eq!(outcome(&tag, &answer), expected);
}

#[test]
fn an_answer_is_shown_as_the_gateway_takes_it() {
    check(21.5, StatusCode::Good, Ok("21.5 (f64, Good)"));
    check(7_u32, StatusCode::Good, Ok("7 (u32, Good)"));
    check(
        true,
        StatusCode::UncertainLastUsableValue,
        Ok("true (bool, UncertainLastUsableValue)"),
    );
    check("P-7", StatusCode::Good, Ok("\"P-7\" (string:30, Good)"));
    check(
        vec![1_i32, 2],
        StatusCode::Good,
        Err("the server holds a value of type array here, which does not fit Auto"),
    );
    check(
        1.0,
        StatusCode::BadNodeIdUnknown,
        Err("the server does not know this node (BadNodeIdUnknown)"),
    );
    check(
        1.0,
        StatusCode::BadSensorFailure,
        Err("no usable value: sensor_failure (BadSensorFailure)"),
    );
    check(
        f64::NAN,
        StatusCode::Good,
        Err("no usable value: not_a_number (Good)"),
    );
    assert_eq!(words(&Value::Missing), "nothing");
}

#[tokio::test]
async fn a_tag_with_a_modbus_address_is_named_and_the_others_are_read() {
    let server = TestServer::start(Behaviour::default());
    let dir = gateway_dir();
    let mut config = config(dir.path(), open_link(&server.url()), &[TEMP, "i=1"]);
    config.tags[1].source = Source::Modbus(ModbusAddress {
        table: ModbusTable::Holding,
        address: 7,
        bit: None,
    });
    let found = probe(&config, DeviceId(0)).await;
    let outcomes: Vec<_> = found.tags.into_iter().map(|t| t.outcome).collect();
    let expected = [
        Ok("21.5 (f64, Good)".to_owned()),
        Err("this tag has a Modbus address".to_owned()),
    ];
    assert_eq!(outcomes, expected);
}

#[tokio::test]
async fn a_server_without_a_free_session_says_so() {
    let server = TestServer::start(Behaviour {
        sessions_max: 0,
        ..Behaviour::default()
    });
    let dir = gateway_dir();
    let config = config(dir.path(), open_link(&server.url()), &[TEMP]);
    let words = probe(&config, DeviceId(0)).await.reachable.unwrap_err();
    assert!(
        words.contains("has no free session (BadTooManySessions)"),
        "{words}"
    );
    assert!(
        words.ends_with("(offered: Basic256Sha256/SignAndEncrypt, None/None)"),
        "{words}"
    );
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up_in_time() {
    let nobody = BlackHole::at(0);
    let dir = gateway_dir();
    let mut link = open_link(&nobody.url());
    link.timeout = Duration::from_millis(60);
    let config = config(dir.path(), link, &[TEMP]);
    let found = probe_within(&config, DeviceId(0), Duration::ZERO).await;
    let expected = format!("{} did not answer everything within 0 s", nobody.url());
    assert_eq!(found.reachable, Err(expected));
    assert!(found.tags.is_empty());
}

#[tokio::test]
async fn a_session_lost_halfway_is_an_error_and_suggests_nothing() {
    let server = TestServer::start(Behaviour::default());
    let dir = gateway_dir();
    let config = config(
        dir.path(),
        open_link(&server.url()),
        &["nsu=urn:plant;s=tmep"],
    );
    let target = target(&config, DeviceId(0)).unwrap();
    let connection = open(&config).await.unwrap();
    let tags = [&config.tags[0]];
    let mut probes = read_tags(connection.session(), &target, &tags)
        .await
        .unwrap();
    assert_eq!(probes[0].hints, ["near: nsu=urn:plant;s=temp"]);
    server.kill();
    let words = read_tags(connection.session(), &target, &tags)
        .await
        .unwrap_err();
    let expected = format!("read the nodes of {}: ", target.link.url);
    assert!(words.starts_with(&expected), "{words}");
    probes[0].hints.clear();
    suggest(connection.session(), &tags, &mut probes).await;
    assert!(probes[0].hints.is_empty(), "{probes:?}");
}

//! The driver against a real server on this machine.

use std::sync::Arc;
use std::time::Duration;

use opcua::types::StatusCode;

use super::testing::{
    Behaviour, Cable, TestServer, config, driver, driver_with, gateway_dir, open_link, secure_link,
};
use super::{Bounds, BrowseRequest, Listing, OpcUaDriver, Pki, list_variables, probe};
use crate::clock::{Clock, ManualClock, SystemClock};
use crate::config::{OpcUaAccess, OpcUaLink, OpcUaMode};
use crate::driver::{Driver, DriverError, GroupId};
use crate::model::{DeviceId, Quality, Reason, Sample, Value};

/// Long enough for anything on a busy machine, short enough to end a hung test.
const PATIENCE: Duration = Duration::from_secs(20);

async fn read(driver: &mut OpcUaDriver) -> Result<Vec<Sample>, DriverError> {
    let mut out = Vec::new();
    driver.read(GroupId(0), &mut out).await?;
    Ok(out)
}

/// Reads, reconnecting after errors as acquisition does, until `done`.
async fn until(driver: &mut OpcUaDriver, done: impl Fn(&[Sample]) -> bool) -> Vec<Sample> {
    tokio::time::timeout(PATIENCE, async {
        loop {
            match read(driver).await {
                Ok(samples) if done(&samples) => return samples,
                Ok(_) => {}
                Err(_) => drop(driver.connect().await),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("in time")
}

fn value(sample: &Sample) -> Value {
    sample.value.clone()
}

const TEMP: &str = "nsu=urn:plant;s=temp";
const COUNT: &str = "nsu=urn:plant;s=count";

#[tokio::test]
async fn values_of_all_kinds_are_polled_in_group_order() {
    let server = TestServer::start(Behaviour::default());
    let dir = gateway_dir();
    let addresses = [TEMP, COUNT, "nsu=urn:plant;s=name", "nsu=urn:plant;s=list"];
    let mut driver = driver(&config(dir.path(), open_link(&server.url()), &addresses));
    driver.connect().await.unwrap();
    let samples = read(&mut driver).await.unwrap();
    let values: Vec<Value> = samples.iter().map(value).collect();
    let name = Value::Text("P-7".parse().unwrap());
    assert_eq!(
        values,
        [Value::Float(21.5), Value::Int(7), name, Value::Missing]
    );
    let qualities: Vec<Quality> = samples.iter().map(|s| s.quality).collect();
    let mismatch = Quality::Bad(Reason::TypeMismatch);
    assert_eq!(
        qualities,
        [Quality::Good, Quality::Good, Quality::Good, mismatch]
    );
    assert!(samples.iter().zip(0..).all(|(s, n)| s.tag.0 == n));
    driver.close().await;
    assert!(matches!(read(&mut driver).await, Err(DriverError::Link(_))));
}

#[tokio::test]
async fn an_unknown_node_or_namespace_is_bad_alone_and_named() {
    let server = TestServer::start(Behaviour::default());
    let dir = gateway_dir();
    let addresses = [TEMP, "nsu=urn:plant;s=tmep", "nsu=urn:gone;s=temp", COUNT];
    let mut driver = driver(&config(dir.path(), open_link(&server.url()), &addresses));
    driver.connect().await.unwrap();
    let samples = read(&mut driver).await.unwrap();
    let refused = Quality::Bad(Reason::ConfigError);
    let qualities: Vec<Quality> = samples.iter().map(|s| s.quality).collect();
    assert_eq!(qualities, [Quality::Good, refused, refused, Quality::Good]);
    assert_eq!(samples[3].value, Value::Int(7));
    let words: Vec<String> = driver.refused().into_iter().map(|(_, why)| why).collect();
    assert_eq!(words.len(), 2);
    assert!(words[0].contains("`nsu=urn:plant;s=tmep`: the server does not know this node"));
    assert!(words[1].contains("no namespace `urn:gone`"), "{}", words[1]);
}

#[tokio::test]
async fn status_codes_of_the_server_become_qualities() {
    let server = TestServer::start(Behaviour::default());
    let dir = gateway_dir();
    let mut driver = driver(&config(
        dir.path(),
        open_link(&server.url()),
        &[TEMP, COUNT],
    ));
    driver.connect().await.unwrap();
    server.set("temp", 30.0, StatusCode::UncertainLastUsableValue);
    server.set("count", 8_u32, StatusCode::BadSensorFailure);
    let samples = read(&mut driver).await.unwrap();
    assert_eq!(samples[0].value, Value::Float(30.0));
    assert_eq!(samples[0].quality, Quality::Uncertain(Reason::LastKnown));
    assert_eq!(samples[1].value, Value::Missing);
    assert_eq!(samples[1].quality, Quality::Bad(Reason::SensorFailure));
}

fn all_v() -> Vec<String> {
    (0..10).map(|n| format!("nsu=urn:plant;s=v{n}")).collect()
}

async fn check_batches(behaviour: Behaviour, nodes_per_read_max: u32) {
    let server = TestServer::start(behaviour);
    let dir = gateway_dir();
    let link = OpcUaLink {
        max_nodes_per_read: nodes_per_read_max,
        ..open_link(&server.url())
    };
    let addresses = all_v();
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let mut driver = driver(&config(dir.path(), link, &addresses));
    driver.connect().await.unwrap();
    let values: Vec<Value> = read(&mut driver).await.unwrap().iter().map(value).collect();
    assert_eq!(values, (0..10).map(Value::Int).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_servers_read_limit_is_respected() {
    let three = Behaviour {
        nodes_per_read_max: 3,
        ..Behaviour::default()
    };
    check_batches(three, 0).await;
}

#[tokio::test]
async fn a_server_that_does_not_answer_two_nodes_at_once_is_read_one_by_one() {
    let one = Behaviour {
        nodes_per_read_max: 1,
        ..Behaviour::default()
    };
    check_batches(one, 0).await;
}

#[tokio::test]
async fn the_configured_read_limit_is_respected() {
    check_batches(Behaviour::default(), 4).await;
}

fn refusal(outcome: Result<(), DriverError>) -> String {
    match outcome {
        Err(DriverError::Config(text)) => text,
        other => panic!("a configuration error was expected, not {other:?}"),
    }
}

#[tokio::test]
async fn an_untrusted_certificate_is_refused_until_a_person_trusts_it() {
    let server = TestServer::start(Behaviour::default());
    let dir = gateway_dir();
    let mut driver = driver(&config(
        dir.path(),
        secure_link(&server.url(), "secret"),
        &[TEMP],
    ));
    for _attempt in 0..2 {
        let text = refusal(driver.connect().await);
        assert!(text.contains("is not trusted: CN=Test server"), "{text}");
        assert!(text.contains("andon opcua trust -c FILE plc"), "{text}");
    }
    Pki::in_data_dir(dir.path()).trust(&["plc"], "plc").unwrap();
    driver.connect().await.unwrap();
    let samples = read(&mut driver).await.unwrap();
    assert_eq!(samples[0].value, Value::Float(21.5));
}

#[tokio::test]
async fn a_wrong_password_is_a_configuration_error() {
    let server = TestServer::start(Behaviour::default());
    let dir = gateway_dir();
    let link = secure_link(&server.url(), "wrong");
    let mut driver = driver(&config(dir.path(), link, &[TEMP]));
    refusal(driver.connect().await);
    Pki::in_data_dir(dir.path()).trust(&["plc"], "plc").unwrap();
    let text = refusal(driver.connect().await);
    assert!(text.contains("user `operator`"), "{text}");
    assert!(!text.contains("wrong"), "{text}");
}

#[tokio::test]
async fn a_mode_that_is_not_offered_is_never_replaced() {
    let server = TestServer::start(Behaviour::default());
    let dir = gateway_dir();
    let link = OpcUaLink {
        mode: OpcUaMode::Sign,
        ..secure_link(&server.url(), "secret")
    };
    let text = refusal(driver(&config(dir.path(), link, &[TEMP])).connect().await);
    assert!(
        text.contains("does not offer Basic256Sha256/Sign;"),
        "{text}"
    );
    assert!(text.contains("Basic256Sha256/SignAndEncrypt"), "{text}");
}

#[tokio::test]
async fn a_login_that_is_not_accepted_is_a_configuration_error() {
    let server = TestServer::start(Behaviour::default());
    let dir = gateway_dir();
    let link = OpcUaLink {
        login: None,
        ..secure_link(&server.url(), "secret")
    };
    let text = refusal(driver(&config(dir.path(), link, &[TEMP])).connect().await);
    assert!(text.contains("it accepts: user and password"), "{text}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_lost_link() {
    let server = TestServer::start(Behaviour::default());
    let url = server.url();
    server.kill();
    let dir = gateway_dir();
    let mut driver = driver(&config(dir.path(), open_link(&url), &[TEMP]));
    assert!(matches!(driver.connect().await, Err(DriverError::Link(_))));
    assert!(matches!(read(&mut driver).await, Err(DriverError::Link(_))));
}

async fn check_restart(access: OpcUaAccess, link: impl FnOnce(&str) -> OpcUaLink) {
    let server = TestServer::start(Behaviour::default());
    let dir = gateway_dir();
    let link = OpcUaLink {
        access,
        ..link(&server.url())
    };
    let mut driver = driver(&config(dir.path(), link, &[TEMP]));
    if driver.connect().await.is_err() {
        Pki::in_data_dir(dir.path()).trust(&["plc"], "plc").unwrap();
        driver.connect().await.unwrap();
    }
    until(&mut driver, |s| s[0].value == Value::Float(21.5)).await;
    let port = server.address.port();
    server.kill();
    tokio::time::timeout(PATIENCE, async {
        while read(&mut driver).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("the loss is noticed");
    assert!(matches!(driver.connect().await, Err(DriverError::Link(_))));

    // The plant's namespace has another index now.
    let again = TestServer::start(Behaviour {
        port,
        namespaces_before: 2,
        ..Behaviour::default()
    });
    until(&mut driver, |s| s[0].value == Value::Float(21.5)).await;
    again.set("temp", 22.5, StatusCode::Good);
    until(&mut driver, |s| s[0].value == Value::Float(22.5)).await;
}

#[tokio::test]
async fn polling_recovers_from_a_restart_with_another_namespace_index() {
    check_restart(OpcUaAccess::Poll, open_link).await;
}

#[tokio::test]
async fn a_subscription_recovers_from_a_restart_with_another_namespace_index() {
    check_restart(OpcUaAccess::Subscribe, open_link).await;
}

#[tokio::test]
async fn an_encrypted_session_recovers_from_a_restart() {
    check_restart(OpcUaAccess::Poll, |url| secure_link(url, "secret")).await;
}

async fn check_cut_cable(access: OpcUaAccess, sessions: u32) {
    let server = TestServer::start(Behaviour::default());
    let cable = Cable::to(server.address).await;
    let dir = gateway_dir();
    let link = OpcUaLink {
        access,
        ..open_link(&cable.url())
    };
    let mut driver = driver(&config(dir.path(), link, &[TEMP]));
    driver.connect().await.unwrap();
    assert_eq!(server.sessions(), 1);
    cable.cut();
    tokio::time::timeout(PATIENCE, async {
        while read(&mut driver).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("the loss is noticed");
    driver.connect().await.unwrap();
    assert_eq!(server.sessions(), sessions);
    server.set("temp", 22.5, StatusCode::Good);
    until(&mut driver, |s| s[0].value == Value::Float(22.5)).await;
}

#[tokio::test]
async fn polling_takes_its_old_session_back_after_a_cut_cable() {
    check_cut_cable(OpcUaAccess::Poll, 1).await;
}

#[tokio::test]
async fn a_subscription_starts_afresh_after_a_cut_cable() {
    check_cut_cable(OpcUaAccess::Subscribe, 2).await;
}

#[tokio::test]
async fn a_subscription_holds_values_and_reports_refused_nodes() {
    let server = TestServer::start(Behaviour::default());
    let dir = gateway_dir();
    let link = OpcUaLink {
        access: OpcUaAccess::Subscribe,
        ..open_link(&server.url())
    };
    let addresses = [TEMP, "nsu=urn:plant;s=tmep", "nsu=urn:gone;s=x", COUNT];
    let mut driver = driver(&config(dir.path(), link, &addresses));
    driver.connect().await.unwrap();
    let first = read(&mut driver).await.unwrap();
    let refused = Quality::Bad(Reason::ConfigError);
    let qualities: Vec<Quality> = first.iter().map(|s| s.quality).collect();
    assert_eq!(qualities, [Quality::Good, refused, refused, Quality::Good]);
    assert_eq!(driver.refused().len(), 2);
    server.set("count", 8_u32, StatusCode::Good);
    let later = until(&mut driver, |s| s[3].value == Value::Int(8)).await;
    assert_eq!(later[0].value, Value::Float(21.5));
}

#[tokio::test]
async fn a_frozen_server_is_noticed_and_comes_back() {
    let server = TestServer::start(Behaviour::default());
    let dir = gateway_dir();
    let link = OpcUaLink {
        timeout: Duration::from_millis(200),
        ..open_link(&server.url())
    };
    let mut driver = driver(&config(dir.path(), link, &[TEMP]));
    driver.connect().await.unwrap();
    let thaw = server.freeze();
    assert!(matches!(read(&mut driver).await, Err(DriverError::Link(_))));
    drop(thaw);
    until(&mut driver, |s| s[0].value == Value::Float(21.5)).await;
}

#[tokio::test]
async fn an_abandoned_read_or_connect_never_answers_a_later_one() {
    let server = TestServer::start(Behaviour::default());
    let dir = gateway_dir();
    let mut driver = driver(&config(dir.path(), open_link(&server.url()), &[TEMP]));
    let soon = Duration::from_micros(1);
    drop(tokio::time::timeout(soon, driver.connect()).await);
    driver.connect().await.unwrap();
    drop(tokio::time::timeout(soon, read(&mut driver)).await);
    server.set("temp", 50.0, StatusCode::Good);
    let samples = read(&mut driver).await.unwrap();
    assert_eq!(samples[0].value, Value::Float(50.0));
    drop(tokio::time::timeout(soon, read(&mut driver)).await);
    drop(driver);
}

#[tokio::test]
async fn a_certificate_for_another_host_is_refused_unless_told_otherwise() {
    let server = TestServer::start(Behaviour::default());
    let dir = gateway_dir();
    // The same address, written in a way that the certificate does not name.
    let url = server.url().replace("127.0.0.1", "127.1");
    let link = secure_link(&url, "secret");
    refusal(
        driver(&config(dir.path(), link.clone(), &[TEMP]))
            .connect()
            .await,
    );
    Pki::in_data_dir(dir.path()).trust(&["plc"], "plc").unwrap();
    let text = refusal(
        driver(&config(dir.path(), link.clone(), &[TEMP]))
            .connect()
            .await,
    );
    assert!(text.contains("skip_hostname_check = true"), "{text}");
    assert!(text.contains("127.1"), "{text}");
    let link = OpcUaLink {
        skip_hostname_check: true,
        ..link
    };
    let mut driver = driver(&config(dir.path(), link, &[TEMP]));
    driver.connect().await.unwrap();
    assert_eq!(read(&mut driver).await.unwrap()[0].quality, Quality::Good);
}

#[tokio::test]
async fn a_silent_subscription_is_an_error_and_comes_back() {
    let server = TestServer::start(Behaviour::default());
    let dir = gateway_dir();
    let link = OpcUaLink {
        access: OpcUaAccess::Subscribe,
        timeout: Duration::from_millis(200),
        ..open_link(&server.url())
    };
    let clock = Arc::new(ManualClock::default());
    let own: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
    let mut driver = driver_with(&config(dir.path(), link, &[TEMP]), own);
    driver.connect().await.unwrap();
    assert_eq!(
        read(&mut driver).await.unwrap()[0].value,
        Value::Float(21.5)
    );
    let thaw = server.freeze();
    clock.advance(Duration::from_mins(1));
    let Err(DriverError::Link(text)) = read(&mut driver).await else {
        panic!("held values are not served without signs of life");
    };
    assert!(
        text.contains("no notification and no keep-alive for 60"),
        "{text}"
    );
    drop(thaw);
    until(&mut driver, |s| s[0].value == Value::Float(21.5)).await;
}

async fn browse(
    link: OpcUaLink,
    variables_max: usize,
    trust: Option<&str>,
) -> Result<Listing, DriverError> {
    let dir = gateway_dir();
    let request = BrowseRequest {
        link,
        pki_dir: dir.path().join("pki"),
        trust: trust.map(str::to_owned),
        bounds: Bounds {
            variables_max,
            nodes_max: 1_000,
            depth_max: 5,
        },
        time_max: PATIENCE,
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    list_variables(&request, &clock).await
}

#[tokio::test]
async fn browsing_trusts_exactly_the_named_certificate() {
    let server = TestServer::start(Behaviour::default());
    let link = || secure_link(&server.url(), "secret");
    let text = refusal(browse(link(), 100, None).await.map(drop));
    assert!(text.contains("--trust THUMBPRINT"), "{text}");
    let wrong = browse(link(), 100, Some(&"0".repeat(40))).await;
    refusal(wrong.map(drop));
    let (_, after) = text.split_once("SHA-1 ").unwrap();
    let thumbprint = after.get(..40).unwrap();
    let listing = browse(link(), 100, Some(thumbprint)).await.unwrap();
    assert_eq!(listing.variables.len(), 14);
}

#[tokio::test]
async fn monitored_items_are_created_in_the_servers_chunks() {
    let server = TestServer::start(Behaviour {
        items_per_call_max: 3,
        nodes_per_read_max: 4,
        ..Behaviour::default()
    });
    let dir = gateway_dir();
    let link = OpcUaLink {
        access: OpcUaAccess::Subscribe,
        ..open_link(&server.url())
    };
    let addresses = all_v();
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let mut driver = driver(&config(dir.path(), link, &addresses));
    driver.connect().await.unwrap();
    server.set("v9", 90_u32, StatusCode::Good);
    server.set("v0", 10_u32, StatusCode::Good);
    let samples = until(&mut driver, |s| {
        s[9].value == Value::Int(90) && s[0].value == Value::Int(10)
    })
    .await;
    assert_eq!(samples[5].value, Value::Int(5));
}

#[tokio::test]
async fn browsing_finds_every_variable_with_type_and_value() {
    let server = TestServer::start(Behaviour::default());
    let listing = browse(open_link(&server.url()), 100, None).await.unwrap();
    assert!(!listing.is_cut);
    assert_eq!(listing.variables.len(), 14);
    let find = |name: &str| {
        let address = format!("nsu=urn:plant;s={name}");
        let mut found = listing.variables.iter();
        found.find(|v| v.address == address).unwrap()
    };
    let temp = find("temp");
    assert_eq!(temp.path, ["press", "temp"]);
    assert_eq!(
        (temp.data_type.as_str(), temp.value.as_str()),
        ("f64", "21.5")
    );
    assert_eq!(temp.description, "Temperature");
    assert_eq!(find("name").data_type, "string:30");
    assert!(!find("list").is_scalar);
}

#[tokio::test]
async fn browsing_stops_at_its_bound() {
    let server = TestServer::start(Behaviour::default());
    let listing = browse(open_link(&server.url()), 3, None).await.unwrap();
    assert!(listing.is_cut);
    assert_eq!(listing.variables.len(), 3);
}

#[tokio::test]
async fn a_probe_says_what_works_and_what_a_wrong_address_may_have_meant() {
    let server = TestServer::start(Behaviour::default());
    let dir = gateway_dir();
    let addresses = [TEMP, "nsu=urn:plant;s=tmep", "nsu=urn:plnat;s=count"];
    let config = config(dir.path(), open_link(&server.url()), &addresses);
    let found = probe(&config, DeviceId(0)).await;
    let reachable = found.reachable.unwrap();
    assert!(reachable.contains("session open without security"));
    assert!(reachable.contains("Basic256Sha256/SignAndEncrypt, None/None"));
    assert_eq!(found.tags[0].outcome, Ok("21.5 (f64, Good)".to_owned()));
    let unknown = found.tags[1].outcome.clone().unwrap_err();
    assert!(unknown.contains("does not know this node"), "{unknown}");
    assert_eq!(found.tags[1].hints, ["near: nsu=urn:plant;s=temp"]);
    assert_eq!(found.tags[2].hints, ["near: nsu=urn:plant;s=count"]);
}

#[tokio::test]
async fn a_probe_of_an_untrusted_server_names_certificate_and_offers() {
    let server = TestServer::start(Behaviour::default());
    let dir = gateway_dir();
    let config = config(dir.path(), secure_link(&server.url(), "secret"), &[TEMP]);
    let text = probe(&config, DeviceId(0)).await.reachable.unwrap_err();
    assert!(text.contains("is not trusted: CN=Test server"), "{text}");
    assert!(
        text.contains("(offered: Basic256Sha256/SignAndEncrypt, None/None)"),
        "{text}"
    );
    let pki = Pki::in_data_dir(dir.path());
    let listed = pki.list(&["plc"]).unwrap();
    assert_eq!(listed.len(), 1);
    pki.trust(&["plc"], &listed[0].words.thumbprint).unwrap();
    let words = probe(&config, DeviceId(0)).await.reachable.unwrap();
    assert!(
        words.contains("server certificate CN=Test server"),
        "{words}"
    );
}

//! What the driver does when a session is lost, refused, late or of no use.

use super::super::testing::{
    Behaviour, BlackHole, TestServer, config, driver, driver_with, gateway_dir, open_link,
    secure_link,
};
use super::*;
use crate::clock::{ManualClock, SystemClock};
use crate::config::{ModbusLink, OpcUaLink};
use crate::driver::testing::Log;
use crate::model::{Quality, Reason, Value};

/// Long enough for anything on a busy machine, short enough to end a hung test.
const PATIENCE: Duration = Duration::from_secs(20);
/// Short enough to wait for where nothing comes.
const HASTY: Duration = Duration::from_millis(60);
const TEMP: &str = "nsu=urn:plant;s=temp";

async fn read(driver: &mut OpcUaDriver) -> Result<Vec<Sample>, DriverError> {
    let mut out = Vec::new();
    driver.read(GroupId(0), &mut out).await?;
    Ok(out)
}

/// Reads until the loss of the server shows.
async fn until_lost(driver: &mut OpcUaDriver) -> DriverError {
    let lost = async {
        loop {
            match read(driver).await {
                Ok(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                Err(error) => return error,
            }
        }
    };
    tokio::time::timeout(PATIENCE, lost)
        .await
        .expect("the loss is noticed")
}

fn link_words<T: std::fmt::Debug>(outcome: Result<T, DriverError>) -> String {
    match outcome {
        Err(DriverError::Link(words)) => words,
        other => panic!("a lost link was expected, not {other:?}"),
    }
}

fn subscribing(url: &str) -> OpcUaLink {
    OpcUaLink {
        access: OpcUaAccess::Subscribe,
        ..open_link(url)
    }
}

#[tokio::test]
async fn a_device_that_is_not_opc_ua_is_a_configuration_error() {
    let dir = gateway_dir();
    let mut config = config(dir.path(), open_link("opc.tcp://plc"), &[TEMP]);
    config.devices[0].link = Link::ModbusTcp(ModbusLink {
        host: "plc".to_owned(),
        port: 502,
        unit: 1,
        timeout: HASTY,
        connect_timeout: HASTY,
        max_registers: 125,
        max_gap: 8,
        ignore_transaction_id: false,
    });
    let expected = "`plc` is not an OPC UA device".to_owned();
    let mut driver = driver(&config);
    let outcome = driver.connect().await;
    assert_eq!(outcome, Err(DriverError::Config(expected.clone())));
    driver.close().await;
    let found = super::super::probe(&config, DeviceId(0)).await;
    assert_eq!(found.reachable, Err(expected));
}

#[test]
fn the_debug_form_names_the_device_and_no_secret() {
    let link = secure_link("opc.tcp://plc", "hunter2");
    let driver = driver(&config(std::path::Path::new("/data"), link, &[TEMP]));
    let text = format!("{driver:?}");
    assert!(text.contains("device: \"plc\""), "{text}");
    assert!(text.contains("connected: false"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn connecting_again_keeps_the_session_and_replaces_the_subscription() {
    let server = TestServer::start(Behaviour::default());
    let dir = gateway_dir();
    let mut driver = driver(&config(dir.path(), subscribing(&server.url()), &[TEMP]));
    let mut ids = Vec::new();
    for _ in 0..2 {
        driver.connect().await.unwrap();
        ids.push(driver.subscription.as_ref().unwrap().id());
        let samples = read(&mut driver).await.unwrap();
        assert_eq!(samples[0].value, Value::Float(21.5));
    }
    assert_ne!(ids[0], ids[1]);
    assert_eq!(server.sessions(), 1);
}

#[tokio::test]
async fn a_session_is_asked_for_three_times_before_everything_starts_over() {
    let server = TestServer::start(Behaviour::default());
    let dir = gateway_dir();
    let mut driver = driver(&config(dir.path(), open_link(&server.url()), &[TEMP]));
    driver.connect().await.unwrap();
    let url = server.url();
    server.kill();
    until_lost(&mut driver).await;
    for _ in 0..RESUMES_MAX {
        let words = link_words(driver.connect().await);
        assert!(words.starts_with(&format!("connect to {url}: ")), "{words}");
    }
    let words = link_words(driver.connect().await);
    let afresh = format!("ask {url} for its endpoints: ");
    assert!(words.starts_with(&afresh), "{words}");
}

#[tokio::test]
async fn a_resumed_session_whose_password_is_refused_is_not_tried_again_by_itself() {
    let server = TestServer::start(Behaviour::default());
    let dir = gateway_dir();
    let link = secure_link(&server.url(), "secret");
    let mut driver = driver(&config(dir.path(), link, &[TEMP]));
    assert!(driver.connect().await.is_err(), "not trusted yet");
    Pki::in_data_dir(dir.path()).trust(&["plc"], "plc").unwrap();
    driver.connect().await.unwrap();
    let port = server.address.port();
    server.kill();
    until_lost(&mut driver).await;
    let _again = TestServer::start(Behaviour {
        port,
        password: "changed",
        ..Behaviour::default()
    });
    let Err(DriverError::Config(words)) = driver.connect().await else {
        panic!("the password has been changed");
    };
    assert!(words.contains("refuses user `operator`"), "{words}");
    assert!(driver.connection.is_none(), "a second try could lock it");
}

#[tokio::test]
async fn an_abandoned_reconnect_is_waited_for_not_repeated() {
    let server = TestServer::start(Behaviour::default());
    let dir = gateway_dir();
    let mut driver = driver(&config(dir.path(), open_link(&server.url()), &[TEMP]));
    driver.connect().await.unwrap();
    let port = server.address.port();
    server.kill();
    until_lost(&mut driver).await;

    let silent = BlackHole::at(port);
    let abandoned = tokio::time::timeout(HASTY, driver.connect()).await;
    assert!(abandoned.is_err(), "nothing answers");
    assert_eq!(
        link_words(read(&mut driver).await),
        "`plc` is not connected"
    );
    drop(silent);
    let _again = TestServer::start(Behaviour {
        port,
        ..Behaviour::default()
    });
    let words = link_words(driver.connect().await);
    assert!(words.starts_with("connect to "), "{words}");
    driver.connect().await.unwrap();
    assert_eq!(
        read(&mut driver).await.unwrap()[0].value,
        Value::Float(21.5)
    );
}

#[tokio::test]
async fn a_group_that_does_not_exist_is_a_configuration_error() {
    let server = TestServer::start(Behaviour::default());
    let dir = gateway_dir();
    for link in [open_link(&server.url()), subscribing(&server.url())] {
        let mut driver = driver(&config(dir.path(), link, &[TEMP]));
        driver.connect().await.unwrap();
        let mut out = Vec::new();
        let outcome = driver.read(GroupId(7), &mut out).await;
        let expected = DriverError::Config("no scan group 7".to_owned());
        assert_eq!((outcome, out), (Err(expected), vec![]));
    }
}

#[tokio::test]
async fn a_subscription_that_the_server_refuses_is_an_error_and_no_values() {
    let server = TestServer::start(Behaviour {
        subscriptions_max: 0,
        ..Behaviour::default()
    });
    let dir = gateway_dir();
    let mut driver = driver(&config(dir.path(), subscribing(&server.url()), &[TEMP]));
    let words = link_words(driver.connect().await);
    assert!(words.starts_with("subscribe on `plc`: "), "{words}");
    assert!(words.contains("BadTooManySubscriptions"), "{words}");
    assert_eq!(
        link_words(read(&mut driver).await),
        "`plc` is not connected"
    );
}

#[tokio::test]
async fn a_missing_namespace_is_looked_for_again_every_minute() {
    let server = TestServer::start(Behaviour::default());
    let dir = gateway_dir();
    let clock = Arc::new(ManualClock::default());
    let own: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
    let link = open_link(&server.url());
    let mut driver = driver_with(&config(dir.path(), link, &[TEMP, "nsu=urn:gone;s=x"]), own);
    driver.connect().await.unwrap();
    let mut looked = Vec::new();
    for seconds in [0, 59, 1, 30, 30] {
        clock.advance(Duration::from_secs(seconds));
        let samples = read(&mut driver).await.unwrap();
        assert_eq!(samples[0].quality, Quality::Good);
        assert_eq!(samples[1].quality, Quality::Bad(Reason::ConfigError));
        looked.push(driver.resolved_at.as_nanos() / 1_000_000_000);
    }
    assert_eq!(looked, [0, 0, 60, 60, 120]);
}

#[tokio::test]
async fn a_request_refused_for_want_of_rights_needs_a_person() {
    let server = TestServer::start(Behaviour::default());
    let dir = gateway_dir();
    let mut driver = driver(&config(dir.path(), open_link(&server.url()), &[TEMP]));
    let denied = Error::new(StatusCode::BadUserAccessDenied, "no");
    let lost = Error::new(StatusCode::BadConnectionClosed, "gone");
    driver.connect().await.unwrap();
    let DriverError::Config(words) = driver.failed("read", &denied) else {
        panic!("a person must act");
    };
    assert!(words.contains("refuses anonymous access"), "{words}");
    let words = link_words(Err::<(), _>(driver.failed("read", &lost)));
    assert!(words.starts_with("read on `plc`: "), "{words}");
}

#[tokio::test]
async fn no_call_outlasts_its_bound_whatever_the_library_does() {
    let nobody = BlackHole::at(0);
    let dir = gateway_dir();
    let mut driver = driver(&config(dir.path(), open_link(&nobody.url()), &[TEMP]));
    driver.connect_max = HASTY;
    let words = link_words(driver.connect().await);
    assert_eq!(words, "`plc` did not let us connect within 0.1 s");
    assert!(driver.connection.is_none());

    let server = TestServer::start(Behaviour::default());
    let link = OpcUaLink {
        timeout: PATIENCE,
        ..open_link(&server.url())
    };
    let mut driver = super::super::testing::driver(&config(dir.path(), link, &[TEMP]));
    driver.connect().await.unwrap();
    driver.read_max = HASTY;
    let thaw = server.freeze();
    let words = link_words(read(&mut driver).await);
    assert_eq!(
        words,
        "`plc` did not answer a read within 0.1 s (BadTimeout)"
    );
    drop(thaw);
}

#[tokio::test]
async fn what_changes_with_a_tag_or_the_servers_clock_is_said_once() {
    let (log, _guard) = Log::start();
    let server = TestServer::start(Behaviour::default());
    let dir = gateway_dir();
    let clock = Arc::new(ManualClock::at(SystemClock::start().now().wall));
    let own: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
    let link = open_link(&server.url());
    let list = "nsu=urn:plant;s=list";
    let mut driver = driver_with(&config(dir.path(), link, &[list]), own);
    driver.connect().await.unwrap();
    let said = [
        "The OPC UA server refuses a tag.",
        "The OPC UA server delivers a refused tag again.",
        "The OPC UA server's clock is off by more than an hour",
        "The OPC UA server's clock is right again.",
    ];
    let mut check = async |expected: [usize; 4]| {
        for _ in 0..2 {
            read(&mut driver).await.unwrap();
            assert_eq!(said.map(|text| log.lines_with(text).len()), expected);
        }
    };
    let two_hours_ns = 7_200_000_000_000;
    check([1, 0, 0, 0]).await;
    server.set("list", 5_u32, StatusCode::Good);
    check([1, 1, 0, 0]).await;
    clock.step_wall(two_hours_ns);
    check([1, 1, 1, 0]).await;
    clock.step_wall(-two_hours_ns);
    check([1, 1, 1, 1]).await;
    let refused = log.lines_with(said[0]).remove(0);
    assert!(
        refused.contains("device=plc tag=plc.nsu=urn:plant;s=list"),
        "{refused}"
    );
}

use opcua::types::{Array, DateTime, LocalizedText, VariantScalarTypeId};

use super::super::testing::{
    Behaviour, BlackHole, TestServer, config, gateway_dir, open, open_link,
};
use super::*;
use crate::clock::SystemClock;

const BOUNDS: Bounds = Bounds {
    variables_max: 100,
    nodes_max: 1_000,
    depth_max: 5,
};

#[test]
fn every_type_has_a_tag_type_or_none() {
    let check = |value: Variant, expected: (&str, bool)| {
        assert_eq!(type_words(Some(&value)), expected, "{value:?}");
    };
    assert_eq!(type_words(None), ("auto", true));
    check(Variant::Empty, ("auto", true));
    check(true.into(), ("bool", true));
    check((-1_i8).into(), ("i16", true));
    check((-1_i16).into(), ("i16", true));
    check(1_u8.into(), ("u16", true));
    check(1_u16.into(), ("u16", true));
    check((-1_i32).into(), ("i32", true));
    check(1_u32.into(), ("u32", true));
    check((-1_i64).into(), ("i64", true));
    check(1_u64.into(), ("u64", true));
    check(1.5_f32.into(), ("f32", true));
    check(1.5_f64.into(), ("f64", true));
    check("P-7".into(), ("string:30", true));
    check(LocalizedText::new("de", "an").into(), ("string:30", true));
    check(ByteString::from(b"AB").into(), ("string:30", true));
    check(DateTime::now().into(), ("auto", true));
    let array = Array::new(VariantScalarTypeId::Double, vec![1.0.into()]).unwrap();
    check(Variant::Array(Box::new(array)), ("array", false));
    check(StatusCode::Good.into(), ("structure", false));
}

async fn listing(behaviour: Behaviour) -> Listing {
    let server = TestServer::start(behaviour);
    server.set("v3", 3_u32, StatusCode::BadSensorFailure);
    let dir = gateway_dir();
    let config = config(dir.path(), open_link(&server.url()), &[]);
    let connection = open(&config).await.unwrap();
    let mut listing = list(connection.session(), BOUNDS).await.unwrap();
    connection.close().await;
    // Within a level the order is the server's.
    listing.variables.sort_by(|a, b| a.address.cmp(&b.address));
    listing
}

fn find<'a>(listing: &'a Listing, name: &str) -> &'a FoundVariable {
    let address = format!("nsu=urn:plant;s={name}");
    let mut found = listing.variables.iter();
    found.find(|v| v.address == address).unwrap()
}

#[tokio::test]
async fn a_variable_is_listed_once_with_its_unit_and_state() {
    let listing = listing(Behaviour::default()).await;
    assert_eq!(listing.variables.len(), 14);
    let temp = find(&listing, "temp");
    assert_eq!(
        (temp.path.join("/").as_str(), temp.unit.as_str()),
        ("press/temp", "°C")
    );
    assert_eq!(
        find(&listing, "count").unit,
        "",
        "a unit in plain text is not one"
    );
    let broken = find(&listing, "v3");
    assert_eq!(
        (broken.value.as_str(), broken.is_scalar),
        ("BadSensorFailure", false)
    );
    assert_eq!(find(&listing, "list").value, "(array)");
}

#[tokio::test]
async fn a_server_that_answers_in_small_portions_lists_the_same() {
    let small = Behaviour {
        nodes_per_browse_max: 2,
        references_per_node_max: 3,
        ..Behaviour::default()
    };
    assert_eq!(listing(small).await, listing(Behaviour::default()).await);
}

#[tokio::test]
async fn a_server_that_goes_away_is_an_error_not_an_empty_list() {
    let server = TestServer::start(Behaviour::default());
    let dir = gateway_dir();
    let config = config(dir.path(), open_link(&server.url()), &[]);
    let connection = open(&config).await.unwrap();
    server.kill();
    let mut limit = BatchLimit::configured(0);
    let nodes = [NodeId::objects_folder_id()];
    let outcome = browse_all(connection.session(), &nodes, &mut limit).await;
    assert!(outcome.is_err(), "{outcome:?}");
}

#[tokio::test]
async fn browsing_gives_up_in_time() {
    let nobody = BlackHole::at(0);
    let dir = tempfile::tempdir().unwrap();
    let request = BrowseRequest {
        link: open_link(&nobody.url()),
        pki_dir: dir.path().to_owned(),
        trust: None,
        bounds: BOUNDS,
        time_max: Duration::from_millis(60),
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let error = list_variables(&request, &clock).await.unwrap_err();
    let expected = format!("browse {}: not finished within 0 s", nobody.url());
    assert_eq!(error, DriverError::Link(expected));
}

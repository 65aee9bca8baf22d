//! Reads of many nodes against the simulator's server and its limits.

use hal_sim::{Scenario, Sim};

use super::testing::{config, driver, gateway_dir, open_link};
use crate::driver::{Driver, GroupId};
use crate::model::Quality;

const TAGS: usize = 2_500;

/// Reads all tags of a server with these keys; none is missing, and the last requests had `batch` nodes at most.
async fn check(keys: &str, batch: usize) {
    let scenario = format!(
        r#"
        [[opcua]]
        name = "line"
        security = ["None"]
        {keys}

        [[bulk]]
        prefix = "m"
        machines = 25
        signals = 100
        server = "line"
        "#
    );
    let sim = Sim::start(Scenario::parse(&scenario).unwrap()).unwrap();
    let signals = sim.scenario().signals();
    let addresses: Vec<String> = signals
        .map(|(machine, signal)| format!("nsu=urn:andon:sim;s={}.{}", machine.name, signal.name))
        .collect();
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    assert_eq!(addresses.len(), TAGS);

    let dir = gateway_dir();
    let url = &sim.endpoints().opcua.first().unwrap().url;
    let mut driver = driver(&config(dir.path(), open_link(url), &addresses));
    driver.connect().await.unwrap();
    let mut samples = Vec::new();
    driver.read(GroupId(0), &mut samples).await.unwrap();
    assert_eq!(driver.limit.nodes(), batch, "{keys}");
    assert_eq!(samples.len(), TAGS, "{keys}");
    assert!(samples.iter().all(|s| s.quality == Quality::Good), "{keys}");
    assert!(samples.iter().zip(0..).all(|(s, n)| s.tag.0 == n));
}

#[tokio::test]
async fn a_generous_server_is_read_at_once() {
    check("", 10_000).await;
}

#[tokio::test]
async fn an_advertised_limit_is_used_from_the_first_read() {
    check("max_nodes_per_read = 1000", 1_000).await;
}

#[tokio::test]
async fn reads_are_halved_until_a_server_without_a_stated_limit_can_decode_them() {
    let keys = "max_nodes_per_read = 1000\nadvertise_limits = false";
    // 2,500, 1,250, 625.
    check(keys, 625).await;
}

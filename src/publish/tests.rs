//! The whole task against a scripted broker on a real socket.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::testing::{Action, Broker, Greeting, Memory, Seen};
use super::*;
use crate::clock::SystemClock;
use crate::config::{Login, MqttConfig, MqttVersion, PayloadFormat, Secret};
use crate::model::{AssetPath, Timestamp};
use crate::record::names::TagNames;
use crate::record::{Lane, samples};

use Lane::{Alerts, Telemetry};
use MqttVersion::{V5, V311};

/// Longer than any scenario takes; a scenario that hangs fails instead.
const PATIENCE: Duration = Duration::from_mins(1);

struct Scene {
    memory: Memory,
    broker: Broker,
    setup: Setup,
    health: watch::Sender<Health>,
    stats: Arc<PublishStats>,
}

fn health(status: HealthStatus) -> Health {
    Health {
        status,
        at: Timestamp::from_millis(0),
        devices: vec![],
        buffer: BufferHealth::default(),
        counters: vec![],
    }
}

impl Scene {
    async fn new(version: MqttVersion) -> Self {
        let memory = Memory::new();
        let broker = Broker::bind(&memory).await;
        let sender = watch::Sender::new(health(HealthStatus::Online));
        let stats = Arc::new(PublishStats::default());
        let setup = Setup {
            mqtt: MqttConfig {
                host: "127.0.0.1".into(),
                port: broker.address().port(),
                tls: None,
                version,
                client_id: "gw1".into(),
                login: None,
                keep_alive: Duration::from_secs(15),
                payload: PayloadFormat::Json,
                topic_root: None,
                max_in_flight: 8,
                ack_timeout: Duration::from_millis(300),
                health_interval: Duration::from_hours(1),
            },
            identity: Identity {
                gateway: "gw1".into(),
                asset: AssetPath::parse("acme").unwrap(),
                version: "0.1.0".into(),
                epoch: 7,
                started: Timestamp::from_millis(0),
            },
            names: TagNames::default(),
            birth: Arc::new(Birth {
                generation: 1,
                tags: vec![],
                parts_before: 0,
            }),
            health: sender.subscribe(),
            stats: Arc::clone(&stats),
            clock: Arc::new(SystemClock::start()),
            seed: 1,
        };
        Self {
            memory,
            broker,
            setup,
            health: sender,
            stats,
        }
    }

    fn telemetry(self, count: u64) -> Self {
        for _ in 0..count {
            self.memory.commit(Telemetry, &samples::summary());
        }
        self
    }

    /// Runs publisher and broker until `done`, then stops the gateway; what the broker saw.
    async fn play(
        mut self,
        script: impl FnMut(&Seen) -> Action,
        done: impl AsyncFnOnce(&Memory, &watch::Sender<Health>, &PublishStats),
    ) -> (Broker, Memory, Arc<PublishStats>) {
        let cancel = CancellationToken::new();
        let director = async {
            done(&self.memory, &self.health, &self.stats).await;
            cancel.cancel();
        };
        let publisher = run(self.setup, self.memory.clone(), cancel.clone());
        let serving = self.broker.serve(&cancel, script);
        let played = async { tokio::join!(publisher, director, serving) };
        tokio::time::timeout(PATIENCE, played)
            .await
            .expect("the scenario ends");
        (self.broker, self.memory, self.stats)
    }
}

/// First occurrences of records in the order the broker accepted them.
fn order(broker: &Broker, lane: Lane) -> Vec<u64> {
    let letter = format!(":{}:", lane.letter());
    let mut seqs = Vec::new();
    for seen in &broker.seen {
        let Some(id) = seen.id().filter(|id| id.contains(&letter)) else {
            continue;
        };
        let seq = id.rsplit(':').next().unwrap().parse().unwrap();
        if !seqs.contains(&seq) {
            seqs.push(seq);
        }
    }
    seqs
}

fn same_id_same_bytes(broker: &Broker) {
    let mut bytes = BTreeMap::new();
    for seen in &broker.seen {
        if let Some(id) = seen.id() {
            assert_eq!(*bytes.entry(id).or_insert(&seen.payload), &seen.payload);
        }
    }
}

fn acked(lane: Lane, seq: u64) -> impl AsyncFnOnce(&Memory, &watch::Sender<Health>, &PublishStats) {
    async move |memory, _, _| memory.until(|m| m.acked(lane) >= seq).await
}

#[tokio::test]
async fn everything_committed_arrives_in_order() {
    for version in [V311, V5] {
        let scene = Scene::new(version).await.telemetry(200);
        let (broker, _, stats) = scene.play(|_| Action::Ack, acked(Telemetry, 200)).await;
        assert_eq!(order(&broker, Telemetry), (1..=200).collect::<Vec<_>>());
        assert_eq!(broker.connections, 1);
        assert_eq!(stats.counts().rejected, 0);
        assert!(stats.counts().acknowledged >= 202);
    }
}

#[tokio::test]
async fn birth_health_and_farewell_are_retained() {
    for version in [V311, V5] {
        let scene = Scene::new(version).await.telemetry(1);
        let (broker, _, _) = scene.play(|_| Action::Ack, acked(Telemetry, 1)).await;
        let retained: Vec<(&str, bool)> = broker
            .seen
            .iter()
            .filter(|s| s.retain)
            .map(|s| {
                (
                    s.topic.as_str(),
                    s.payload.contains(r#""status":"offline""#),
                )
            })
            .collect();
        assert_eq!(
            retained,
            [
                ("acme/_birth/gw1", false),
                ("acme/_health/gw1", false),
                ("acme/_health/gw1", true)
            ]
        );
        assert_eq!(broker.orderly_closes, 1);
        let will = String::from_utf8_lossy(&broker.connects[0]).into_owned();
        assert!(will.contains("acme/_health/gw1") && will.contains("connection lost"));
    }
}

fn many_tags(count: u32) -> Vec<BirthTag> {
    let tag = |number| BirthTag {
        number,
        name: format!("press1.{number:060}").into(),
        unit: "".into(),
        asset: AssetPath::parse("acme/press1").unwrap(),
        data_type: crate::config::DataType::Bool,
    };
    (1..=count).map(tag).collect()
}

#[tokio::test]
async fn a_birth_that_the_broker_does_not_take_is_left_out_and_records_flow() {
    let mut scene = Scene::new(V5).await.telemetry(20);
    scene.broker.greeting.max_packet = Some(20_000);
    Arc::make_mut(&mut scene.setup.birth).tags = many_tags(2_000);
    let (broker, _, _) = scene.play(|_| Action::Ack, acked(Telemetry, 20)).await;
    assert_eq!(broker.connections, 1);
    assert!(!broker.seen.iter().any(|s| topic::is_birth(&s.topic)));
    assert!(broker.seen.iter().any(|s| s.topic.contains("_health")));
}

#[tokio::test]
async fn a_large_birth_goes_out_in_parts_and_clears_what_is_left_of_a_larger_one() {
    for version in [V311, V5] {
        let mut scene = Scene::new(version).await.telemetry(1);
        Arc::make_mut(&mut scene.setup.birth).tags = many_tags(10_000);
        let parts = scene
            .setup
            .birth
            .part_count(&scene.setup.identity, PayloadFormat::Json);
        Arc::make_mut(&mut scene.setup.birth).parts_before = parts + 2;
        // Once it is told as a whole: with health, every part and what is cleared.
        let told = async |_: &Memory, _: &watch::Sender<Health>, stats: &PublishStats| {
            while stats.counts().acknowledged < parts as u64 + 2 + 1 + 1 {
                tokio::task::yield_now().await;
            }
        };
        let (broker, _, _) = scene.play(|_| Action::Ack, told).await;
        let births: Vec<&Seen> = broker
            .seen
            .iter()
            .filter(|s| topic::is_birth(&s.topic))
            .collect();
        assert!(births.iter().all(|s| s.retain));
        let topics: Vec<&str> = births.iter().map(|s| s.topic.as_str()).collect();
        let expected = (0..parts + 2).map(|n| match n {
            0 => "acme/_birth/gw1".to_owned(),
            n => format!("acme/_birth/gw1/{n}"),
        });
        assert_eq!(topics, expected.collect::<Vec<_>>());
        let empty: Vec<bool> = births.iter().map(|s| s.payload.is_empty()).collect();
        let expected: Vec<bool> = (0..parts + 2).map(|n| n >= parts).collect();
        assert_eq!(empty, expected);
    }
}

#[tokio::test]
async fn a_change_of_state_is_told_at_once_and_a_counter_is_not() {
    let scene = Scene::new(V5).await;
    let degraded = async |_: &Memory, health_tx: &watch::Sender<Health>, stats: &PublishStats| {
        while stats.counts().acknowledged < 2 {
            tokio::task::yield_now().await;
        }
        health_tx.send_modify(|h| h.counters = vec![("samples", 1)]);
        health_tx.send_modify(|h| h.status = HealthStatus::Degraded);
        while stats.counts().acknowledged < 3 {
            tokio::task::yield_now().await;
        }
    };
    let (broker, _, _) = scene.play(|_| Action::Ack, degraded).await;
    let told: Vec<bool> = broker
        .seen
        .iter()
        .filter(|s| s.topic.contains("_health") && !s.payload.contains("offline"))
        .map(|s| s.payload.contains("degraded"))
        .collect();
    assert_eq!(told, [false, true]);
}

#[tokio::test]
async fn a_dropped_connection_rewinds_to_the_oldest_unacknowledged() {
    for version in [V311, V5] {
        for session_present in [false, true] {
            let mut scene = Scene::new(version).await.telemetry(60);
            scene.broker.greeting.session_present = session_present;
            // Some acknowledgements are missing when the connection is cut, three times.
            let script = |seen: &Seen| match (seen.connection, seen.nth) {
                (1..=3, 12) => Action::Drop,
                (1..=3, 5 | 8) => Action::Stall,
                _ => Action::Ack,
            };
            let (broker, _, _) = scene.play(script, acked(Telemetry, 60)).await;
            assert_eq!(broker.connections, 4);
            assert_eq!(order(&broker, Telemetry), (1..=60).collect::<Vec<_>>());
            same_id_same_bytes(&broker);
        }
    }
}

#[tokio::test]
async fn stalled_acknowledgements_rebuild_the_client() {
    for version in [V311, V5] {
        let scene = Scene::new(version).await.telemetry(30);
        let script = |seen: &Seen| {
            if seen.connection < 3 && seen.nth > 4 {
                Action::Stall
            } else {
                Action::Ack
            }
        };
        let (broker, _, stats) = scene.play(script, acked(Telemetry, 30)).await;
        assert_eq!(broker.connections, 3);
        assert_eq!(stats.counts().rebuilds, 2);
        assert_eq!(order(&broker, Telemetry), (1..=30).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn acknowledgements_out_of_order_are_matched() {
    for version in [V311, V5] {
        let scene = Scene::new(version).await.telemetry(101);
        let script = |seen: &Seen| {
            if seen.nth % 2 == 1 && seen.id().is_some_and(|id| !id.ends_with(":101")) {
                Action::AckLate
            } else {
                Action::Ack
            }
        };
        let (broker, _, _) = scene.play(script, acked(Telemetry, 101)).await;
        assert_eq!(order(&broker, Telemetry), (1..=101).collect::<Vec<_>>());
        assert_eq!(broker.connections, 1);
    }
}

#[tokio::test]
async fn alerts_overtake_a_backlog() {
    for version in [V311, V5] {
        let scene = Scene::new(version).await.telemetry(500);
        let memory = scene.memory.clone();
        let mut after_alert = None;
        // The alert is committed while the backlog drains.
        let script = |seen: &Seen| {
            let id = seen.id().unwrap_or_default();
            if id == "gw1:7:t:40" {
                memory.commit(Alerts, &samples::alert());
            }
            if id == "gw1:7:a:1" && after_alert.is_none() {
                after_alert = Some(seen.nth);
            }
            Action::Ack
        };
        scene.play(script, acked(Alerts, 1)).await;
        // Birth, health and 40 records before it; at most the window and what sits in socket buffers in between.
        assert!(after_alert.unwrap() < 42 + 2 * 8, "{after_alert:?}");
    }
}

#[tokio::test]
async fn an_alert_is_acknowledged_when_every_role_has_it() {
    let scene = Scene::new(V5).await;
    scene.memory.commit(Alerts, &samples::alert());
    // The second role's message stalls once: the record must not be acknowledged before both are.
    let script = |seen: &Seen| {
        if seen.connection == 1 && seen.topic.contains("/operator/") {
            Action::Stall
        } else {
            Action::Ack
        }
    };
    let (broker, _, _) = scene.play(script, acked(Alerts, 1)).await;
    let told = |role: &str| {
        broker
            .seen
            .iter()
            .filter(|s| s.topic.contains(role))
            .count()
    };
    assert_eq!((broker.connections, told("/operator/")), (2, 2));
    assert_eq!(told("/maintenance/"), 2);
}

#[tokio::test]
async fn a_refused_record_is_tried_again_and_the_rest_goes_on() {
    let scene = Scene::new(V5).await.telemetry(20);
    let mut refusals = 0;
    let script = |seen: &Seen| {
        if seen.id().as_deref() == Some("gw1:7:t:3") && refusals < 1 {
            refusals += 1;
            return Action::Refuse(0x83);
        }
        Action::Ack
    };
    let (broker, memory, stats) = scene.play(script, acked(Telemetry, 20)).await;
    assert_eq!((broker.connections, stats.counts().refused), (1, 1));
    assert_eq!(memory.rejected(), []);
    same_id_same_bytes(&broker);
}

#[tokio::test]
async fn a_record_too_large_for_the_broker_is_given_up() {
    let mut scene = Scene::new(V5).await.telemetry(1);
    scene.broker.greeting = Greeting {
        max_packet: Some(700),
        ..Greeting::default()
    };
    // The sample's JSON is about 460 bytes; the alert's about 600 and its topic.
    scene.memory.commit(Telemetry, &samples::raw());
    scene.memory.commit(Telemetry, &samples::summary());
    let (broker, memory, stats) = scene.play(|_| Action::Ack, acked(Telemetry, 3)).await;
    assert_eq!(memory.rejected(), [(Telemetry, 2)]);
    assert_eq!(order(&broker, Telemetry), [1, 3]);
    assert_eq!((broker.connections, stats.counts().rejected), (1, 1));
}

#[tokio::test]
async fn an_unreadable_record_is_given_up() {
    let scene = Scene::new(V311).await.telemetry(1);
    scene.memory.commit_bytes(Telemetry, vec![99, 1, 2]);
    scene.memory.commit(Telemetry, &samples::summary());
    let (broker, memory, _) = scene.play(|_| Action::Ack, acked(Telemetry, 3)).await;
    assert_eq!(memory.rejected(), [(Telemetry, 2)]);
    assert_eq!(order(&broker, Telemetry), [1, 3]);
}

#[tokio::test]
async fn numbers_without_a_record_are_skipped() {
    let scene = Scene::new(V311).await.telemetry(40);
    for seq in (1..=25).chain(30..=39) {
        scene.memory.drop_record(Telemetry, seq);
    }
    let (broker, _, _) = scene.play(|_| Action::Ack, acked(Telemetry, 40)).await;
    assert_eq!(order(&broker, Telemetry), [26, 27, 28, 29, 40]);
}

#[tokio::test]
async fn a_narrow_receive_maximum_is_kept() {
    let mut scene = Scene::new(V5).await.telemetry(100);
    scene.broker.greeting.receive_max = Some(2);
    let (broker, _, _) = scene.play(|_| Action::Ack, acked(Telemetry, 100)).await;
    assert_eq!(order(&broker, Telemetry).len(), 100);
    assert_eq!(broker.connections, 1);
}

#[tokio::test]
async fn a_wrong_password_is_not_hammered() {
    for (version, code) in [(V311, 4), (V311, 5), (V5, 0x86), (V5, 0x87)] {
        let mut scene = Scene::new(version).await.telemetry(1);
        scene.setup.mqtt.login = Some(Login {
            username: "gw".into(),
            password: Secret::new("wrong".into()),
        });
        scene.broker.greeting.code = code;
        let refused = async |_: &Memory, _: &watch::Sender<Health>, stats: &PublishStats| {
            let mut error = stats.error();
            error.wait_for(Option::is_some).await.unwrap();
        };
        let (broker, memory, stats) = scene.play(|_| Action::Ack, refused).await;
        assert_eq!((broker.connections, memory.acked(Telemetry)), (1, 0));
        let text = stats.error().borrow().clone().unwrap();
        assert!(
            text.contains("refused") && !text.contains("wrong"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_take_over_is_named_and_survived() {
    let scene = Scene::new(V5).await.telemetry(10);
    let script = |seen: &Seen| {
        if seen.connection == 1 && seen.nth == 6 {
            Action::Disconnect(0x8E)
        } else {
            Action::Ack
        }
    };
    let (broker, _, _) = scene.play(script, acked(Telemetry, 10)).await;
    assert_eq!(broker.connections, 2);
    assert_eq!(order(&broker, Telemetry), (1..=10).collect::<Vec<_>>());
}

#[tokio::test]
async fn stopping_waits_for_what_is_under_way() {
    // The gateway stops when the broker has the third record but has not acknowledged it yet.
    let scene = Scene::new(V5).await.telemetry(3);
    let (tx, rx) = watch::channel(false);
    let script = |seen: &Seen| {
        if seen.id().as_deref() == Some("gw1:7:t:3") {
            tx.send_replace(true);
            return Action::AckLate;
        }
        Action::Ack
    };
    let third_seen = async |_: &Memory, _: &watch::Sender<Health>, _: &PublishStats| {
        rx.clone().wait_for(|seen| *seen).await.unwrap();
    };
    let (broker, memory, _) = scene.play(script, third_seen).await;
    // The late acknowledgement comes with that of the farewell.
    assert_eq!(memory.acked(Telemetry), 3);
    assert_eq!(broker.orderly_closes, 1);
}

#[tokio::test]
async fn a_record_that_makes_the_broker_hang_up_is_found_and_given_up() {
    let scene = Scene::new(V311).await.telemetry(12);
    let script = |seen: &Seen| {
        if seen.id().as_deref() == Some("gw1:7:t:3") {
            Action::Drop
        } else {
            Action::Ack
        }
    };
    let (broker, memory, _) = scene.play(script, acked(Telemetry, 12)).await;
    assert_eq!(memory.rejected(), [(Telemetry, 3)]);
    assert_eq!(order(&broker, Telemetry), (1..=12).collect::<Vec<_>>());
    // Two that got nothing across and three with the record alone, at least.
    assert!(broker.connections > 5);
}

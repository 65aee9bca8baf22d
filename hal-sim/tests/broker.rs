//! The embedded broker as MQTT clients of both versions see it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[cfg(test)]
mod support;

use std::time::Duration;

use hal_sim::{BrokerHandle, DeviceFault};
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use support::{eventually, on_device, start};

const MESSAGES: usize = 4_000;

fn broker() -> BrokerHandle {
    BrokerHandle::start("127.0.0.1:0".parse().unwrap()).unwrap()
}

fn v4(broker: &BrokerHandle, id: &str) -> (AsyncClient, rumqttc::EventLoop) {
    let mut options = MqttOptions::new(id, "127.0.0.1", broker.address().port());
    options
        .set_keep_alive(Duration::from_secs(5))
        .set_inflight(200);
    AsyncClient::new(options, 100)
}

#[tokio::test]
async fn version_5_messages_reach_a_version_4_subscriber_at_speed() {
    use rumqttc::v5::mqttbytes::v5::Packet as Packet5;
    let broker = broker();
    let (subscriber, mut events) = v4(&broker, "sub");
    subscriber
        .subscribe("plant/#", QoS::AtLeastOnce)
        .await
        .unwrap();
    while !matches!(
        events.poll().await.unwrap(),
        Event::Incoming(Packet::SubAck(_))
    ) {}

    let mut options = rumqttc::v5::MqttOptions::new("pub", "127.0.0.1", broker.address().port());
    options.set_keep_alive(Duration::from_secs(5));
    let (publisher, mut sending) = rumqttc::v5::AsyncClient::new(options, 100);
    let send = async {
        for number in 0..MESSAGES {
            let payload = format!("{number:06}{}", "x".repeat(500));
            let qos = rumqttc::v5::mqttbytes::QoS::AtLeastOnce;
            publisher
                .publish("plant/line/tag", qos, false, payload)
                .await
                .unwrap();
        }
    };
    let acknowledge = async {
        let mut acknowledged = 0;
        while acknowledged < MESSAGES {
            if let rumqttc::v5::Event::Incoming(Packet5::PubAck(_)) = sending.poll().await.unwrap()
            {
                acknowledged += 1;
            }
        }
    };
    let receive = async {
        let mut numbers = Vec::with_capacity(MESSAGES);
        while numbers.len() < MESSAGES {
            if let Event::Incoming(Packet::Publish(message)) = events.poll().await.unwrap() {
                let text = std::str::from_utf8(&message.payload[..6])
                    .unwrap()
                    .to_owned();
                numbers.push(text.parse::<usize>().unwrap());
            }
        }
        numbers
    };
    let ((), (), numbers) = tokio::join!(send, acknowledge, receive);
    assert_eq!(numbers, (0..MESSAGES).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_slow_subscriber_loses_nothing() {
    let broker = broker();
    let (subscriber, mut events) = v4(&broker, "sub");
    subscriber.subscribe("t", QoS::AtLeastOnce).await.unwrap();
    while !matches!(
        events.poll().await.unwrap(),
        Event::Incoming(Packet::SubAck(_))
    ) {}
    let (publisher, mut sending) = v4(&broker, "pub");
    let send = async {
        for number in 0..MESSAGES {
            publisher
                .publish("t", QoS::AtLeastOnce, false, vec![0_u8; 500 + number % 7])
                .await
                .unwrap();
        }
    };
    let acknowledge = async {
        let mut acknowledged = 0;
        while acknowledged < MESSAGES {
            if let Event::Incoming(Packet::PubAck(_)) = sending.poll().await.unwrap() {
                acknowledged += 1;
            }
        }
    };
    // Nobody reads from the subscriber's socket until everything is sent.
    tokio::join!(send, acknowledge);
    let mut received = 0;
    while received < MESSAGES {
        if let Event::Incoming(Packet::Publish(_)) = events.poll().await.unwrap() {
            received += 1;
        }
    }
}

#[tokio::test]
async fn a_cut_ends_connections_and_a_restore_lets_them_in() {
    let broker = broker();
    let (_client, mut events) = v4(&broker, "c");
    assert!(matches!(
        events.poll().await.unwrap(),
        Event::Incoming(Packet::ConnAck(_))
    ));
    broker.cut();
    while events.poll().await.is_ok() {}
    assert!(events.poll().await.is_err(), "connecting is refused");
    broker.restore();
    while !matches!(events.poll().await, Ok(Event::Incoming(Packet::ConnAck(_)))) {}
}

#[tokio::test]
async fn a_scenario_can_cut_its_broker() {
    let sim = start("[mqtt]");
    let address = sim.endpoints().mqtt.unwrap();
    let id = sim
        .inject(on_device("mqtt", DeviceFault::Refuse))
        .await
        .unwrap();
    eventually("refused", || async {
        tokio::net::TcpStream::connect(address).await.err()
    })
    .await;
    sim.clear(id).await.unwrap();
    eventually("let in", || async {
        tokio::net::TcpStream::connect(address).await.ok()
    })
    .await;
}

//! Somebody upstream: receives everything, prints alerts as they come, keeps a recording for `andon verify`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{AsyncClient, Event, MqttOptions};
use serde_json::Value;

use crate::report::say;

/// An alert as received.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) id: String,
    pub(crate) role: String,
    pub(crate) transition: String,
    pub(crate) kind: String,
    pub(crate) subject: String,
    pub(crate) at_ms: i64,
}

/// What has been received so far.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) messages: u64,
    pub(crate) alerts: Vec<Seen>,
    pub(crate) per_role: BTreeMap<String, u64>,
}

pub(crate) type Shared = Arc<Mutex<Received>>;

/// Looks at what has been received.
pub(crate) fn look<T>(shared: &Shared, read: impl FnOnce(&Received) -> T) -> T {
    read(&shared.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Subscribes to everything and records it into `file` until dropped.
pub(crate) async fn listen(broker: SocketAddr, file: &Path) -> io::Result<Listener> {
    let mut options = MqttOptions::new("demo-subscriber", broker.ip().to_string(), broker.port());
    options
        .set_max_packet_size(Some(4 << 20))
        .set_keep_alive(Duration::from_secs(30));
    let (client, mut events) = AsyncClient::new(options, 64);
    client
        .subscribe("#", QoS::AtLeastOnce)
        .await
        .map_err(io::Error::other)?;
    let shared = Shared::default();
    let mut recording = BufWriter::new(File::create(file)?);
    let received = Arc::clone(&shared);
    let (ready, is_ready) = tokio::sync::oneshot::channel();
    let mut ready = Some(ready);
    #[expect(clippy::disallowed_methods, reason = "the demo has no supervisor")]
    let task = tokio::spawn(async move {
        // The client lives as long as its event loop.
        let _client = client;
        loop {
            match events.poll().await {
                Ok(Event::Incoming(Packet::SubAck(_))) => {
                    if let Some(ready) = ready.take() {
                        ready.send(()).unwrap_or_default();
                    }
                }
                Ok(Event::Incoming(Packet::Publish(message))) => {
                    let topic = String::from_utf8_lossy(&message.topic);
                    take(&received, &mut recording, &topic, &message.payload)?;
                }
                Ok(_) => {}
                Err(error) => {
                    say(&format!("The subscriber lost the broker: {error}"));
                    return Err(io::Error::other(error));
                }
            }
        }
    });
    tokio::time::timeout(Duration::from_secs(10), is_ready)
        .await
        .map_err(io::Error::other)?
        .map_err(io::Error::other)?;
    Ok(Listener { shared, task })
}

/// The subscriber's task.
pub(crate) struct Listener {
    pub(crate) shared: Shared,
    task: tokio::task::JoinHandle<io::Result<()>>,
}

impl Listener {
    /// Waits until nothing has come for a second, then closes the recording.
    pub(crate) async fn finish(self) -> io::Result<()> {
        let mut before = None;
        while before != Some(look(&self.shared, |received| received.messages)) {
            before = Some(look(&self.shared, |received| received.messages));
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        self.task.abort();
        match self.task.await {
            Ok(Err(error)) => Err(error),
            _ => Ok(()),
        }
    }
}

fn take(
    shared: &Shared,
    recording: &mut impl io::Write,
    topic: &str,
    payload: &[u8],
) -> io::Result<()> {
    let text = std::str::from_utf8(payload).map_err(io::Error::other)?;
    writeln!(
        recording,
        r#"{{"topic":{},"payload":{text}}}"#,
        Value::from(topic)
    )?;
    recording.flush()?;
    let mut received = shared.lock().unwrap_or_else(PoisonError::into_inner);
    received.messages += 1;
    if let Some((_, role)) = topic.split_once("/_alert/") {
        let role = role.split('/').next().unwrap_or(role);
        if let Some(alert) = Seen::read(role, text) {
            print_alert(&alert, text);
            if alert.transition == "raised" {
                *received.per_role.entry(alert.role.clone()).or_insert(0) += 1;
            }
            received.alerts.push(alert);
        }
    }
    Ok(())
}

impl Seen {
    fn read(role: &str, text: &str) -> Option<Self> {
        let json: Value = serde_json::from_str(text).ok()?;
        let field = |name: &str| json.get(name)?.as_str().map(str::to_owned);
        let time = |name: &str| {
            let time: jiff::Timestamp = field(name)?.parse().ok()?;
            Some(time.as_millisecond())
        };
        Some(Self {
            id: field("id")?,
            role: role.to_owned(),
            transition: field("transition")?,
            kind: field("kind")?,
            subject: field("subject")?,
            at_ms: time("at")?,
        })
    }
}

fn print_alert(alert: &Seen, text: &str) {
    let json: Value = serde_json::from_str(text).unwrap_or_default();
    let field = |name: &str| {
        json.get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let mark = match alert.transition.as_str() {
        "raised" => "ALERT ",
        "cleared" => "clear ",
        _ => "update",
    };
    say(&format!(
        "  {mark} {:<11} {:<8} {}",
        format!("[{}]", alert.role),
        field("severity"),
        field("message")
    ));
}

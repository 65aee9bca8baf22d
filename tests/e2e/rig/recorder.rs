//! An MQTT subscriber that keeps everything.

use std::fmt;
use std::io::{BufWriter, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{Client, Event, MqttOptions};
use serde_json::Value;

use super::{PATIENCE, eventually};

/// One message as it came.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    /// Its topic.
    pub(crate) topic: String,
    /// Its content.
    pub(crate) json: Value,
    text: String,
}

impl Message {
    /// `summary`, `raw`, `alert`, `drop`, `event`, `birth`, `health`.
    pub(crate) fn kind(&self) -> &str {
        self.json["type"].as_str().unwrap_or_default()
    }

    /// A text of the content.
    pub(crate) fn text(&self, key: &str) -> &str {
        self.json[key].as_str().unwrap_or_default()
    }

    /// The epoch of a record.
    pub(crate) fn epoch(&self) -> u32 {
        let mut parts = self.text("id").split(':').skip(1);
        parts.next().and_then(|n| n.parse().ok()).unwrap_or(0)
    }
}

/// Keeps every message of a broker.
pub(crate) struct Recorder {
    messages: Arc<Mutex<Vec<Message>>>,
    ending: Arc<AtomicBool>,
    client: Client,
    thread: Option<JoinHandle<()>>,
}

impl Recorder {
    /// Subscribes to everything; returns when the broker has confirmed it.
    pub(super) fn start(broker: SocketAddr) -> Self {
        let mut options = MqttOptions::new("recorder", broker.ip().to_string(), broker.port());
        options.set_max_packet_size(Some(4 << 20));
        options.set_keep_alive(Duration::from_secs(60));
        let (client, mut connection) = Client::new(options, 100);
        client.subscribe("#", QoS::AtLeastOnce).expect("subscribe");
        let messages = Arc::new(Mutex::new(Vec::new()));
        let (ending, ready) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicBool::new(false)),
        );
        let thread = std::thread::spawn({
            let (messages, ending, ready) = (
                Arc::clone(&messages),
                Arc::clone(&ending),
                Arc::clone(&ready),
            );
            move || {
                for event in connection.iter() {
                    match event {
                        Ok(Event::Incoming(Packet::Publish(publish))) => {
                            let message = message(&String::from_utf8_lossy(&publish.topic), &publish.payload);
                            let mut all = messages.lock().unwrap_or_else(PoisonError::into_inner);
                            all.push(message);
                        }
                        Ok(Event::Incoming(Packet::SubAck(_))) => {
                            ready.store(true, Ordering::Release);
                        }
                        Ok(_) => {}
                        Err(error) => {
                            let is_over = ending.load(Ordering::Acquire);
                            assert!(is_over, "the recorder lost the broker: {error}");
                            return;
                        }
                    }
                }
            }
        });
        let recorder = Self {
            messages,
            ending,
            client,
            thread: Some(thread),
        };
        eventually("the recorder is subscribed", PATIENCE, || {
            ready.load(Ordering::Acquire).then_some(())
        });
        recorder
    }

    /// Everything so far.
    pub(crate) fn all(&self) -> Vec<Message> {
        self.since(0)
    }

    /// Everything after a mark.
    pub(crate) fn since(&self, mark: usize) -> Vec<Message> {
        self.with(|all| all.get(mark..).unwrap_or_default().to_vec())
    }

    /// How many messages there are; a mark for [`Self::wait_since`].
    pub(crate) fn mark(&self) -> usize {
        self.with(<[Message]>::len)
    }

    /// Waits for a message.
    pub(crate) fn wait(&self, what: &str, wanted: impl FnMut(&Message) -> bool) -> Message {
        self.wait_since(0, what, wanted)
    }

    /// Waits for a message after a mark.
    pub(crate) fn wait_since(
        &self,
        mark: usize,
        what: &str,
        mut wanted: impl FnMut(&Message) -> bool,
    ) -> Message {
        let mut looked = mark;
        eventually(what, PATIENCE, || {
            self.with(|all| {
                let fresh = all.get(looked..).unwrap_or_default();
                looked = all.len();
                fresh.iter().find(|message| wanted(message)).cloned()
            })
        })
    }

    /// Writes the stream as `topic payload` lines.
    pub(crate) fn save(&self, file: &Path) {
        let mut out = BufWriter::new(std::fs::File::create(file).expect("make a file"));
        for message in self.all() {
            writeln!(out, "{} {}", message.topic, message.text).expect("write the stream");
        }
        out.flush().expect("write the stream");
    }

    fn with<T>(&self, read: impl FnOnce(&[Message]) -> T) -> T {
        let all = self.messages.lock();
        read(&all.unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recorder({} messages)", self.mark())
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Release);
        // A connection that is gone already has ended the thread as well.
        drop(self.client.disconnect());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(
                ended.is_ok() || std::thread::panicking(),
                "the recorder failed"
            );
        }
    }
}

fn message(topic: &str, payload: &[u8]) -> Message {
    let text = String::from_utf8_lossy(payload).into_owned();
    Message {
        topic: topic.to_owned(),
        json: serde_json::from_str(&text).unwrap_or_default(),
        text,
    }
}

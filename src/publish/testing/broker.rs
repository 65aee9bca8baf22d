//! As much of an MQTT broker as the tests need: CONNECT, PUBLISH, PINGREQ and DISCONNECT of both versions, one
//! connection at a time, doing what a script says.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use tokio_util::sync::CancellationToken;

use super::Memory;

/// A message as the broker saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::publish) struct Seen {
    /// Which connection, from 1.
    pub(in crate::publish) connection: usize,
    /// Which message on it, from 1.
    pub(in crate::publish) nth: usize,
    pub(in crate::publish) topic: String,
    pub(in crate::publish) payload: String,
    pub(in crate::publish) retain: bool,
}

impl Seen {
    /// The record's id; `None` for birth, health and what clears one.
    pub(in crate::publish) fn id(&self) -> Option<String> {
        if self.payload.is_empty() {
            return None;
        }
        let value: serde_json::Value = serde_json::from_str(&self.payload).unwrap();
        Some(value.get("id")?.as_str()?.to_owned())
    }
}

/// What to do with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::publish) enum Action {
    /// PUBACK.
    Ack,
    /// PUBACK, but only after the next message.
    AckLate,
    /// Nothing.
    Stall,
    /// PUBACK with a reason code (version 5).
    Refuse(u8),
    /// Close the connection.
    Drop,
    /// DISCONNECT with a reason code, then close (version 5).
    Disconnect(u8),
}

/// How to answer CONNECT.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::publish) struct Greeting {
    pub(in crate::publish) code: u8,
    pub(in crate::publish) session_present: bool,
    /// Version 5 properties.
    pub(in crate::publish) receive_max: Option<u16>,
    pub(in crate::publish) max_packet: Option<u32>,
}

pub(in crate::publish) struct Broker {
    listener: TcpListener,
    memory: Memory,
    /// Everything received, in order.
    pub(in crate::publish) seen: Vec<Seen>,
    pub(in crate::publish) connections: usize,
    pub(in crate::publish) orderly_closes: usize,
    /// Raw CONNECT packets.
    pub(in crate::publish) connects: Vec<Vec<u8>>,
    pub(in crate::publish) greeting: Greeting,
}

impl Broker {
    pub(in crate::publish) async fn bind(memory: &Memory) -> Self {
        Self {
            listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
            memory: memory.clone(),
            seen: Vec::new(),
            connections: 0,
            orderly_closes: 0,
            connects: Vec::new(),
            greeting: Greeting::default(),
        }
    }

    pub(in crate::publish) fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    /// Serves connections one after another until the gateway has been told to stop and has left.
    pub(in crate::publish) async fn serve(
        &mut self,
        stop: &CancellationToken,
        mut script: impl FnMut(&Seen) -> Action,
    ) {
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = stop.cancelled() => return,
            };
            let (mut stream, _) = accepted.unwrap();
            self.connections += 1;
            // A closed connection is the end of it, whoever closed.
            drop(self.connection(&mut stream, &mut script).await);
        }
    }

    async fn connection(
        &mut self,
        stream: &mut TcpStream,
        script: &mut impl FnMut(&Seen) -> Action,
    ) -> std::io::Result<()> {
        let (_, connect) = packet(stream).await?;
        // Length-prefixed "MQTT", then the protocol level.
        let is_v5 = connect[6] == 5;
        self.connects.push(connect);
        stream.write_all(&self.connack(is_v5)).await?;
        if self.greeting.code != 0 {
            return Ok(());
        }
        let mut nth = 0;
        let mut late: Vec<u8> = Vec::new();
        loop {
            let (first, body) = packet(stream).await?;
            match first >> 4 {
                3 => {
                    nth += 1;
                    let (pkid, seen) = self.publish(first, &body, is_v5, nth);
                    let action = script(&seen);
                    let [high, low] = pkid.to_be_bytes();
                    if matches!(action, Action::Ack | Action::AckLate)
                        && let Some(id) = seen.id()
                    {
                        self.memory.delivered(&id, &seen.topic);
                    }
                    self.seen.push(seen);
                    let mut answer = match action {
                        Action::Ack => vec![0x40, 2, high, low],
                        Action::AckLate => {
                            late.extend([0x40, 2, high, low]);
                            continue;
                        }
                        Action::Refuse(code) => vec![0x40, 4, high, low, code, 0],
                        Action::Stall => Vec::new(),
                        Action::Drop => return Ok(()),
                        Action::Disconnect(code) => {
                            return stream.write_all(&[0xE0, 2, code, 0]).await;
                        }
                    };
                    answer.append(&mut late);
                    stream.write_all(&answer).await?;
                }
                12 => stream.write_all(&[0xD0, 0]).await?,
                14 => {
                    self.orderly_closes += 1;
                    return Ok(());
                }
                other => panic!("packet type {other}"),
            }
        }
    }

    fn connack(&self, is_v5: bool) -> Vec<u8> {
        let greeting = self.greeting;
        let mut body = vec![u8::from(greeting.session_present), greeting.code];
        if is_v5 {
            let mut properties = Vec::new();
            if let Some(max) = greeting.receive_max {
                properties.push(0x21);
                properties.extend(max.to_be_bytes());
            }
            if let Some(max) = greeting.max_packet {
                properties.push(0x27);
                properties.extend(max.to_be_bytes());
            }
            body.push(u8::try_from(properties.len()).unwrap());
            body.extend(properties);
        }
        let mut packet = vec![0x20, u8::try_from(body.len()).unwrap()];
        packet.extend(body);
        packet
    }

    fn publish(&self, first: u8, body: &[u8], is_v5: bool, nth: usize) -> (u16, Seen) {
        assert_eq!(first & 0b110, 0b010, "QoS 1");
        let topic_len = usize::from(u16::from_be_bytes([body[0], body[1]]));
        let (topic, rest) = body[2..].split_at(topic_len);
        let pkid = u16::from_be_bytes([rest[0], rest[1]]);
        let mut payload = &rest[2..];
        if is_v5 {
            // All properties of these tests fit a one-byte length.
            payload = &payload[1 + usize::from(payload[0])..];
        }
        let seen = Seen {
            connection: self.connections,
            nth,
            topic: String::from_utf8(topic.to_vec()).unwrap(),
            payload: String::from_utf8(payload.to_vec()).unwrap(),
            retain: first & 1 == 1,
        };
        (pkid, seen)
    }
}

/// First byte and body of the next packet.
async fn packet(stream: &mut TcpStream) -> std::io::Result<(u8, Vec<u8>)> {
    let first = stream.read_u8().await?;
    let mut length = 0;
    for shift in [0, 7, 14, 21] {
        let byte = stream.read_u8().await?;
        length |= usize::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok((first, body))
}

//! The embedded MQTT broker, which can be cut off and brought back.
//!
//! The broker (rumqttd) has no stop: its threads live as long as the process. A proxy in front ends and
//! refuses connections instead, which is what a client sees when a broker goes down. One public port
//! serves MQTT 3.1.1 and 5; the proxy looks at the version in CONNECT.
//!
//! Sessions survive a cut, as with a broker that persists them; a client that connects with a clean
//! session starts anew.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use rumqttd::{Broker as Rumqttd, Config, ConnectionSettings, RouterConfig, ServerSettings};
use tracing::error;

use crate::net::{FaultProxy, LinkMode, Upstream};

/// Largest packet.
const MAX_PACKET_BYTES: usize = 4 << 20;

/// Packets that wait per connection before the broker stops reading from it.
const MAX_INFLIGHT: usize = 1000;

/// Retention per subscribed filter: a subscriber that is slower than this much data loses the oldest.
/// At 2,000 messages of 500 bytes per second it may lag by more than a minute.
const SEGMENT_BYTES: usize = 16 << 20;
const SEGMENTS: usize = 8;

/// Tries to find free ports for the broker behind the proxy.
const START_TRIES: usize = 5;

/// How long one try may take, in steps of 10 ms.
const PROBES: usize = 300;

/// A running broker. Dropping the handle closes its public port.
#[derive(Debug)]
pub struct BrokerHandle {
    proxy: FaultProxy,
}

impl BrokerHandle {
    /// Starts a broker that clients reach at `bind` (port 0: any free one), and waits until it answers.
    pub fn start(bind: SocketAddr) -> io::Result<Self> {
        let mut last = io::Error::other("the broker was not tried");
        for _ in 0..START_TRIES {
            match start_behind() {
                Ok(upstream) => {
                    return Ok(Self {
                        proxy: FaultProxy::start(bind, upstream)?,
                    });
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Where clients connect.
    pub const fn address(&self) -> SocketAddr {
        self.proxy.address()
    }

    /// Ends all connections and refuses new ones.
    pub fn cut(&self) {
        self.proxy.set_mode(LinkMode::Refuse);
    }

    /// Lets clients connect again.
    pub fn restore(&self) {
        self.proxy.set_mode(LinkMode::Open);
    }

    /// The proxy in front, for other faults: hang, delay, reset.
    pub const fn proxy(&self) -> &FaultProxy {
        &self.proxy
    }
}

/// Starts a broker on two free local ports, one per protocol version.
fn start_behind() -> io::Result<Upstream> {
    let (v4, v5) = (free_port()?, free_port()?);
    let mut broker = Rumqttd::new(config(v4, v5));
    std::thread::Builder::new()
        .name("sim-broker".to_owned())
        .spawn(move || {
            if let Err(error) = broker.start() {
                error!(%error, "The embedded MQTT broker has failed.");
            }
        })?;
    wait_for(v4, 4)?;
    wait_for(v5, 5)?;
    Ok(Upstream::Mqtt { v4, v5 })
}

/// A port that was free a moment ago. Somebody else may take it before the broker does; then the
/// handshake fails and another is tried.
fn free_port() -> io::Result<SocketAddr> {
    TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?.local_addr()
}

/// Waits until an MQTT broker answers there.
fn wait_for(address: SocketAddr, level: u8) -> io::Result<()> {
    let mut last = io::Error::from(io::ErrorKind::TimedOut);
    for _ in 0..PROBES {
        match handshake(address, level) {
            Ok(()) => return Ok(()),
            Err(error) => last = error,
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    Err(last)
}

/// Connects, expects CONNACK, disconnects.
fn handshake(address: SocketAddr, level: u8) -> io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    // CONNECT: clean session, keep alive 10 s; version 5 has a property length; client id "probe".
    let mut rest = vec![0, 4, b'M', b'Q', b'T', b'T', level, 0x02, 0, 10];
    rest.extend_from_slice(if level == 5 { &[0] } else { &[] });
    rest.extend_from_slice(&[0, 5, b'p', b'r', b'o', b'b', b'e']);
    let mut packet = vec![0x10, u8::try_from(rest.len()).unwrap_or(0)];
    packet.append(&mut rest);
    stream.write_all(&packet)?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer)?;
    if answer[0] != 0x20 || answer[3] != 0 {
        return Err(io::Error::other(format!(
            "{address} does not answer like an MQTT broker"
        )));
    }
    stream.write_all(&[0xe0, 0])?;
    // Properties of CONNACK follow in version 5; closing with them unread would reset the connection.
    stream.read_to_end(&mut Vec::new()).map(|_| ())
}

fn config(v4: SocketAddr, v5: SocketAddr) -> Config {
    let server = |name: &str, listen: SocketAddr| {
        let settings = ServerSettings {
            name: name.to_owned(),
            listen,
            tls: None,
            next_connection_delay_ms: 1,
            connections: ConnectionSettings {
                connection_timeout_ms: 5000,
                max_payload_size: MAX_PACKET_BYTES,
                max_inflight_count: MAX_INFLIGHT,
                auth: None,
                external_auth: None,
                dynamic_filters: true,
            },
        };
        Some(
            BTreeMap::from([(name.to_owned(), settings)])
                .into_iter()
                .collect(),
        )
    };
    Config {
        id: 0,
        router: RouterConfig {
            max_connections: 1000,
            max_outgoing_packet_count: 1000,
            max_segment_size: SEGMENT_BYTES,
            max_segment_count: SEGMENTS,
            ..RouterConfig::default()
        },
        v4: server("sim-mqtt4", v4),
        v5: server("sim-mqtt5", v5),
        ..Config::default()
    }
}

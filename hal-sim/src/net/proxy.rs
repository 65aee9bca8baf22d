//! A TCP proxy that can misbehave: refuse, hang, delay, reset.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::warn;

use super::door::Door;
use super::thread::ServerThread;

/// Connections at a time; more are closed at once.
const MAX_CONNECTIONS: usize = 1024;

/// Bytes moved at a time.
const CHUNK: usize = 64 * 1024;

/// How long a client may take to name its MQTT version.
const SNIFF_TIMEOUT: Duration = Duration::from_secs(5);

/// What the proxy does with traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LinkMode {
    /// Passes it on.
    #[default]
    Open,
    /// Refuses new connections and ends those that are there.
    Refuse,
    /// Accepts connections and moves no byte; what was held back flows when the mode changes.
    Silence,
    /// Passes on everything from the server this much later.
    Delay(Duration),
    /// Resets every connection, old or new.
    Reset,
}

/// Where connections are passed on to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upstream {
    /// Always there.
    Fixed(SocketAddr),
    /// By the protocol level of the MQTT CONNECT packet.
    Mqtt {
        /// For 3.1.1 (level 4).
        v4: SocketAddr,
        /// For 5.
        v5: SocketAddr,
    },
}

/// A TCP proxy on an own thread. Dropping it ends it and its connections.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    mode: watch::Sender<LinkMode>,
    connections: Arc<AtomicUsize>,
    _thread: ServerThread,
}

impl FaultProxy {
    /// Listens on `bind` (port 0: any free one) and passes connections on.
    pub fn start(bind: SocketAddr, upstream: Upstream) -> io::Result<Self> {
        let (told, bound) = std::sync::mpsc::sync_channel(1);
        let (mode, wanted) = watch::channel(LinkMode::Open);
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let thread = ServerThread::start("sim-proxy", move || async move {
            let opened = Door::open(bind);
            let address = opened.as_ref().map(Door::address).map_err(|error| {
                io::Error::new(error.kind(), format!("listen on {bind}: {error}"))
            });
            if told.send(address).is_ok()
                && let Ok(door) = opened
            {
                serve(door, wanted, upstream, count).await;
            }
        })?;
        let address = bound.recv().map_err(io::Error::other)??;
        Ok(Self {
            address,
            mode,
            connections,
            _thread: thread,
        })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections at the moment.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// What it does with traffic.
    pub fn mode(&self) -> LinkMode {
        *self.mode.borrow()
    }

    /// Changes what it does with traffic, at once.
    pub fn set_mode(&self, mode: LinkMode) {
        self.mode
            .send_if_modified(|is| std::mem::replace(is, mode) != mode);
    }
}

async fn serve(
    mut door: Door,
    mut mode: watch::Receiver<LinkMode>,
    upstream: Upstream,
    count: Arc<AtomicUsize>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            changed = mode.changed() => {
                if changed.is_err() {
                    return;
                }
                let open = *mode.borrow_and_update() != LinkMode::Refuse;
                if !open {
                    connections.shutdown().await;
                }
                if let Err(error) = door.set_open(open) {
                    warn!(%error, address = %door.address(), open, "A simulated port could not be switched.");
                }
            }
            accepted = door.accept() => match accepted {
                Ok(stream) if connections.len() < MAX_CONNECTIONS => {
                    connections.spawn(connection(stream, upstream, mode.clone()));
                }
                Ok(_) => warn!(limit = MAX_CONNECTIONS, "Too many connections through a proxy."),
                Err(error) => warn!(%error, "A connection could not be accepted."),
            },
            Some(_) = connections.join_next() => {}
        }
        count.store(connections.len(), Ordering::Relaxed);
    }
}

/// Moves bytes both ways until one side closes, something fails, or the mode says reset.
async fn connection(client: TcpStream, upstream: Upstream, mut mode: watch::Receiver<LinkMode>) {
    if passable(&mut mode).await.is_none() {
        reset(&client);
        return;
    }
    let Ok(server) = connect(&client, upstream).await else {
        return;
    };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let up = pump(from_client, to_server, mode.clone(), false);
    let down = pump(from_server, to_client, mode, true);
    // Whichever direction ends, the connection ends: none of the protocols uses half-open ones.
    tokio::select! {
        () = up => {}
        () = down => {}
    }
}

/// Waits until bytes may flow; none if the connection is to be reset.
async fn passable(mode: &mut watch::Receiver<LinkMode>) -> Option<Duration> {
    let settled = mode
        .wait_for(|mode| *mode != LinkMode::Silence)
        .await
        .ok()?;
    match *settled {
        LinkMode::Delay(delay) => Some(delay),
        LinkMode::Open | LinkMode::Silence => Some(Duration::ZERO),
        LinkMode::Refuse | LinkMode::Reset => None,
    }
}

/// Makes closing the socket send RST instead of FIN.
fn reset(stream: &TcpStream) {
    if let Err(error) = stream.set_zero_linger() {
        warn!(%error, "A connection is closed instead of reset.");
    }
}

async fn connect(client: &TcpStream, upstream: Upstream) -> io::Result<TcpStream> {
    let address = match upstream {
        Upstream::Fixed(address) => address,
        Upstream::Mqtt { v4, v5 } => {
            let level = tokio::time::timeout(SNIFF_TIMEOUT, mqtt_level(client)).await??;
            if level == 5 { v5 } else { v4 }
        }
    };
    let server = TcpStream::connect(address).await?;
    server.set_nodelay(true)?;
    Ok(server)
}

/// Protocol level of the CONNECT packet that the client sends first, without taking it off the socket.
/// Fixed header: type, remaining length in 1 to 4 bytes; then the name (2 + 4 bytes) and the level.
async fn mqtt_level(client: &TcpStream) -> io::Result<u8> {
    let mut seen = [0; 12];
    loop {
        let count = client.peek(&mut seen).await?;
        let bytes = seen.get(..count).unwrap_or(&[]);
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let length_bytes = bytes
            .iter()
            .skip(1)
            .take(4)
            .take_while(|byte| **byte & 0x80 != 0)
            .count()
            + 1;
        if let Some(level) = bytes.get(1 + length_bytes + 6) {
            return Ok(*level);
        }
        // Peeking does not wait for more than what is there already.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut mode: watch::Receiver<LinkMode>,
    delayed: bool,
) {
    let mut chunk = vec![0; CHUNK];
    let mut watched = mode.clone();
    loop {
        let read = tokio::select! {
            read = from.read(&mut chunk) => read,
            _ = watched.wait_for(|mode| *mode == LinkMode::Reset) => return reset(to.as_ref()),
        };
        let Ok(count @ 1..) = read else { return };
        let Some(delay) = passable(&mut mode).await else {
            return reset(to.as_ref());
        };
        if delayed && !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        if to
            .write_all(chunk.get(..count).unwrap_or(&[]))
            .await
            .is_err()
        {
            return;
        }
    }
}

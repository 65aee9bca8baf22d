//! One OPC UA server behind its fault proxy.

use std::future::poll_fn;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use opcua::crypto::SecurityPolicy;
use opcua::server::diagnostics::NamespaceMetadata;
use opcua::server::node_manager::memory::{SimpleNodeManager, simple_node_manager};
use opcua::server::{
    ANONYMOUS_USER_TOKEN_ID, Limits, Server, ServerBuilder, ServerEndpoint, ServerHandle,
    ServerUserToken,
};
use opcua::types::MessageSecurityMode;
use tokio::sync::{mpsc, watch};
use tracing::error;

use super::address_space::{NAMESPACE, ServedMachine, fill};
use crate::net::{FaultProxy, LinkMode, ServerThread, Upstream};
use crate::plant::Status;
use crate::scenario::{OpcUaServer, Scenario, Security};
use crate::snapshot::Snapshot;

/// How long the first start may take: a new key pair takes seconds on a slow machine.
const START_TIMEOUT: Duration = Duration::from_mins(1);

/// Limits that let 100,000 nodes be read at once and many clients connect.
const MAX_MESSAGE_BYTES: usize = 16 << 20;
const MAX_ARRAY_LENGTH: usize = 100_000;
const MAX_CHUNKS: usize = 1024;
const MAX_SESSIONS: usize = 200;
const MAX_MONITORED_ITEMS: usize = 20_000;

/// A limit that no read reaches. It is advertised as its low 32 bits, which is 0: no limit (OPC UA Part 5, 6.3.11).
/// A real 0 would refuse every read.
#[cfg(target_pointer_width = "64")]
const UNSTATED: usize = 1 << 32;
/// A limit that no read reaches.
#[cfg(not(target_pointer_width = "64"))]
const UNSTATED: usize = usize::MAX;

/// What the nodes of a server read and write.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) snapshot: Snapshot,
    /// Where written setpoints go.
    pub(crate) writes: mpsc::Sender<(usize, f64)>,
    quality: watch::Sender<Status>,
    clock_offset_ns: watch::Sender<i64>,
}

impl Shared {
    pub(crate) fn new(snapshot: Snapshot, writes: mpsc::Sender<(usize, f64)>) -> Self {
        let (quality, clock_offset_ns) = (watch::Sender::new(Status::Good), watch::Sender::new(0));
        Self {
            snapshot,
            writes,
            quality,
            clock_offset_ns,
        }
    }

    /// Status that all readings have; Good leaves each its own.
    pub(super) fn quality(&self) -> Status {
        *self.quality.borrow()
    }

    /// Added to every source timestamp.
    pub(super) fn clock_offset_ns(&self) -> i64 {
        *self.clock_offset_ns.borrow()
    }
}

/// What a server is built from, each time it starts.
#[derive(Debug)]
pub(crate) struct OpcUaSetup {
    pub(crate) server: OpcUaServer,
    pub(crate) machines: Vec<ServedMachine>,
    pub(crate) pki_dir: PathBuf,
    pub(crate) shared: Shared,
}

impl OpcUaSetup {
    /// The part of a scenario that this server shows. `pki_root` is used unless the server names a
    /// directory of its own.
    pub(crate) fn new(
        server: &OpcUaServer,
        scenario: &Scenario,
        pki_root: &Path,
        shared: Shared,
    ) -> Self {
        let served = server.machines.iter().filter_map(|name| {
            let (first, machine) = scenario.machine(name)?;
            Some(ServedMachine {
                first,
                machine: machine.clone(),
            })
        });
        Self {
            server: server.clone(),
            machines: served.collect(),
            pki_dir: server
                .pki_dir
                .clone()
                .unwrap_or_else(|| pki_root.join(&server.name)),
            shared,
        }
    }
}

/// A server and the proxy in front of it; dropping it ends both.
#[derive(Debug)]
pub(crate) struct OpcUa {
    setup: Arc<OpcUaSetup>,
    inner: TcpListener,
    proxy: FaultProxy,
    running: Mutex<Option<ServerThread>>,
}

impl OpcUa {
    /// Starts it and waits until it answers.
    pub(crate) fn start(setup: OpcUaSetup) -> io::Result<Self> {
        let inner = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        inner.set_nonblocking(true)?;
        let upstream = Upstream::Fixed(inner.local_addr()?);
        let proxy = FaultProxy::start(setup.server.bind, upstream)?;
        let (told, ready) = std::sync::mpsc::sync_channel(1);
        let this = Self {
            setup: Arc::new(setup),
            inner,
            proxy,
            running: Mutex::new(None),
        };
        this.launch(Some(told))?;
        let started = ready
            .recv_timeout(START_TIMEOUT)
            .map_err(io::Error::other)?;
        started.map_err(io::Error::other)?;
        Ok(this)
    }

    /// Where clients connect.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.proxy.address()
    }

    /// The server's own certificate, DER.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.setup.pki_dir.join("own/cert.der")
    }

    pub(crate) fn set_link(&self, mode: LinkMode) {
        self.proxy.set_mode(mode);
    }

    pub(crate) fn set_quality(&self, status: Status) {
        self.setup.shared.quality.send_replace(status);
    }

    pub(crate) fn set_clock_offset_ns(&self, offset_ns: i64) {
        self.setup.shared.clock_offset_ns.send_replace(offset_ns);
    }

    /// Stops the server with all its sessions, or builds a new one. Clients that connect before that
    /// is ready wait.
    pub(crate) fn set_running(&self, run: bool) -> io::Result<()> {
        let is_running = self.running().is_some();
        match (is_running, run) {
            (true, false) => {
                let stopped = self.running().take();
                drop(stopped);
                Ok(())
            }
            (false, true) => self.launch(None),
            _ => Ok(()),
        }
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Option<ServerThread>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn launch(&self, told: Option<SyncSender<Result<(), String>>>) -> io::Result<()> {
        let listener = self.inner.try_clone()?;
        let setup = Arc::clone(&self.setup);
        let public = self.proxy.address();
        let thread = ServerThread::start("sim-opcua", move || async move {
            if let Err(error) = run(&setup, listener, public, told.as_ref()).await {
                error!(server = %setup.server.name, %error, "A simulated OPC UA server has failed.");
                if let Some(told) = told {
                    // Nobody waits any more once the start has timed out.
                    drop(told.try_send(Err(error)));
                }
            }
        })?;
        *self.running() = Some(thread);
        Ok(())
    }
}

async fn run(
    setup: &OpcUaSetup,
    listener: TcpListener,
    public: SocketAddr,
    told: Option<&SyncSender<Result<(), String>>>,
) -> Result<(), String> {
    let listener =
        tokio::net::TcpListener::from_std(listener).map_err(|error| error.to_string())?;
    let (server, handle) = build(setup, public)?;
    let manager = handle
        .node_managers()
        .get_of_type::<SimpleNodeManager>()
        .ok_or("the server has no node manager")?;
    let namespace = handle
        .get_namespace_index(NAMESPACE)
        .ok_or("the server has no namespace of its own")?;
    fill(&manager, namespace, &setup.machines, &setup.shared);
    let mut running = pin!(server.run_with(listener));
    // The server advertises the port that it listens on. Clients must see that of the proxy, so it is
    // replaced in the very poll that set it, before any connection is served.
    let mut advertised = false;
    poll_fn(|context| {
        let polled = running.as_mut().poll(context);
        if !advertised && advertise(&handle, public) {
            advertised = true;
            if let Some(told) = told {
                drop(told.try_send(Ok(())));
            }
        }
        match polled {
            Poll::Ready(result) => Poll::Ready(result),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

fn advertise(handle: &ServerHandle, public: SocketAddr) -> bool {
    let listening = handle.info().port.load(Ordering::Relaxed) != 0;
    if listening {
        handle.info().port.store(public.port(), Ordering::Relaxed);
    }
    listening
}

fn build(setup: &OpcUaSetup, public: SocketAddr) -> Result<(Server, ServerHandle), String> {
    let server = &setup.server;
    let host = public.ip().to_string();
    let mut builder = ServerBuilder::new()
        .application_name(format!("hal-sim {}", server.name))
        .application_uri(format!("{NAMESPACE}:{}", server.name))
        .product_uri(NAMESPACE)
        .create_sample_keypair(true)
        .pki_dir(&setup.pki_dir)
        .certificate_path("own/cert.der")
        .private_key_path("private/private.pem")
        .trust_client_certs(true)
        .host(host)
        .port(public.port())
        .discovery_urls(vec![format!("opc.tcp://{public}/")])
        .max_message_size(MAX_MESSAGE_BYTES)
        .max_chunk_count(MAX_CHUNKS)
        .max_sessions(MAX_SESSIONS);
    let mut tokens = Vec::with_capacity(server.users.len() + 1);
    if server.anonymous {
        tokens.push(ANONYMOUS_USER_TOKEN_ID.to_owned());
    }
    for (number, user) in server.users.iter().enumerate() {
        let key = format!("user{number}");
        let token = ServerUserToken::user_pass(user.name.as_str(), user.password.as_str());
        builder = builder.add_user_token(key.as_str(), token);
        tokens.push(key);
    }
    for security in &server.security {
        let (policy, mode) = endpoint(*security);
        builder = builder.add_endpoint(
            security.name(),
            ServerEndpoint::new("/", policy, mode, &tokens),
        );
    }
    limit(builder.limits_mut(), server);
    let namespace = NamespaceMetadata {
        namespace_uri: NAMESPACE.to_owned(),
        ..NamespaceMetadata::default()
    };
    builder
        .with_node_manager(simple_node_manager(namespace, "plant"))
        .build()
}

fn limit(limits: &mut Limits, server: &OpcUaServer) {
    let nodes = usize::try_from(server.max_nodes_per_read).unwrap_or(usize::MAX);
    (
        limits.operational.max_nodes_per_read,
        limits.max_array_length,
    ) = if server.advertise_limits {
        (nodes, MAX_ARRAY_LENGTH)
    } else {
        (UNSTATED, nodes)
    };
    limits.subscriptions.max_monitored_items_per_sub = MAX_MONITORED_ITEMS;
}

const fn endpoint(security: Security) -> (SecurityPolicy, MessageSecurityMode) {
    let encrypted = MessageSecurityMode::SignAndEncrypt;
    match security {
        Security::None => (SecurityPolicy::None, MessageSecurityMode::None),
        Security::Basic256Sha256 => (SecurityPolicy::Basic256Sha256, encrypted),
        Security::Aes128Sha256RsaOaep => (SecurityPolicy::Aes128Sha256RsaOaep, encrypted),
        Security::Aes256Sha256RsaPss => (SecurityPolicy::Aes256Sha256RsaPss, encrypted),
    }
}

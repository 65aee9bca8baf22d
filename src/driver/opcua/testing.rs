//! Configurations and a real server for the driver's own tests.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use opcua::crypto::{CertificateStore, SecurityPolicy, X509Data};
use opcua::nodes::{Variable, VariableBuilder};
use opcua::server::address_space::AddressSpace;
use opcua::server::diagnostics::NamespaceMetadata;
use opcua::server::node_manager::memory::{SimpleNodeManager, simple_node_manager};
use opcua::server::{ServerBuilder, ServerEndpoint, ServerHandle, ServerUserToken};
use opcua::types::{
    DataTypeId, DataValue, DateTime, EUInformation, ExtensionObject, MessageSecurityMode, NodeId,
    ReferenceTypeId, StatusCode, VariableId, Variant,
};
use tokio::sync::oneshot;

use super::OpcUaDriver;
use super::connection::Connection;
use super::driver::target;
use super::pki::Pki;
use crate::clock::{Clock, SystemClock};
use crate::config::{
    AlertingConfig, BufferConfig, Config, DataType, Device, Gateway, Link, LogConfig, LogLevel,
    Login, OpcUaAccess, OpcUaLink, OpcUaMode, OpcUaPolicy, PublishRules, RawMode, Secret, Source,
    Tag,
};
use crate::driver::{DriverError, ScanGroup};
use crate::model::{AssetPath, DeviceId, TagId};

/// A plain tag at 100 ms with this node address.
pub(super) fn tag(address: &str) -> Tag {
    Tag {
        name: format!("plc.{address}"),
        device: DeviceId(0),
        asset: None,
        description: String::new(),
        unit: String::new(),
        rate: Duration::from_millis(100),
        phase: None,
        source: Source::OpcUa(address.to_owned()),
        data_type: DataType::Auto,
        scale: 1.0,
        offset: 0.0,
        sentinels: Vec::new(),
        validation: Arc::default(),
        publish: PublishRules {
            summary: None,
            raw: RawMode::Off,
        },
        detection: None,
        advice: String::new(),
    }
}

/// A link without security and with a short timeout.
pub(super) fn open_link(url: &str) -> OpcUaLink {
    OpcUaLink {
        url: url.to_owned(),
        policy: OpcUaPolicy::None,
        mode: OpcUaMode::None,
        login: None,
        skip_hostname_check: false,
        access: OpcUaAccess::Poll,
        timeout: Duration::from_secs(2),
        max_nodes_per_read: 0,
    }
}

/// Signed, encrypted, user `operator`.
pub(super) fn secure_link(url: &str, password: &str) -> OpcUaLink {
    OpcUaLink {
        policy: OpcUaPolicy::Basic256Sha256,
        mode: OpcUaMode::SignAndEncrypt,
        login: Some(Login {
            username: "operator".to_owned(),
            password: Secret::new(password.to_owned()),
        }),
        ..open_link(url)
    }
}

/// A configuration of one device `plc` with these addresses.
pub(super) fn config(data_dir: &Path, link: OpcUaLink, addresses: &[&str]) -> Config {
    let asset = AssetPath::parse("acme/plc").unwrap();
    let tags: Vec<Tag> = addresses.iter().map(|a| tag(a)).collect();
    Config {
        gateway: Gateway {
            id: "gw1".to_owned(),
            asset: asset.clone(),
            data_dir: data_dir.to_owned(),
            time_zone: crate::model::Zone::UTC,
        },
        buffer: BufferConfig {
            commit_interval: Duration::from_millis(100),
            max_bytes: 64 << 20,
            alert_reserve_bytes: 16 << 20,
            segment_bytes: 8 << 20,
        },
        mqtt: None,
        devices: vec![Device {
            name: "plc".to_owned(),
            asset,
            link: Link::OpcUa(link),
            tags: 0..u32::try_from(tags.len()).unwrap(),
        }],
        tags,
        contexts: Vec::new(),
        groups: Vec::new(),
        history: crate::config::HistoryConfig::default(),
        production: crate::config::ProductionConfig::default(),
        alerting: AlertingConfig {
            routes: Vec::new(),
            default_roles: Vec::new(),
            clear_after: Duration::from_secs(10),
        },
        log: LogConfig {
            level: LogLevel::Info,
            json: false,
            targets: BTreeMap::new(),
        },
    }
}

/// A driver over all tags of the configuration in one group.
pub(super) fn driver(config: &Config) -> OpcUaDriver {
    driver_with(config, Arc::new(SystemClock::start()))
}

/// The same with a clock of the test's own.
pub(super) fn driver_with(config: &Config, clock: Arc<dyn Clock>) -> OpcUaDriver {
    let tags = (0..u32::try_from(config.tags.len()).unwrap()).map(TagId);
    let group = ScanGroup {
        device: DeviceId(0),
        tags: tags.collect(),
    };
    OpcUaDriver::for_endpoint(&Arc::new(config.clone()), DeviceId(0), &[group], clock)
}

/// Keys are slow to make: one pair for all test servers, one for all test gateways.
fn keys() -> &'static Path {
    static KEYS: OnceLock<tempfile::TempDir> = OnceLock::new();
    KEYS.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let names = Some(vec!["127.0.0.1".to_owned()]);
        let data = X509Data {
            key_size: 2048,
            common_name: "Test server".to_owned(),
            organization: "Andon".to_owned(),
            organizational_unit: "Tests".to_owned(),
            country: "ZZ".to_owned(),
            state: "-".to_owned(),
            alt_host_names: X509Data::alt_host_names("urn:test", names, false, false, false),
            certificate_duration_days: 365,
        };
        let server = dir.path().join("server");
        CertificateStore::create_certificate_and_key(
            &data,
            true,
            &server.join("own/cert.der"),
            &server.join("private/private.pem"),
        )
        .unwrap();
        Pki::in_data_dir(&dir.path().join("gateway"))
            .own("gw1", true)
            .unwrap();
        dir
    })
    .path()
}

/// A data directory whose gateway has its certificate already.
pub(super) fn gateway_dir() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for file in ["own/cert.der", "own/application_uri", "private/key.pem"] {
        let to = dir.path().join("pki").join(file);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(keys().join("gateway/pki").join(file), to).unwrap();
    }
    dir
}

/// How a test server behaves.
#[derive(Debug, Clone)]
pub(super) struct Behaviour {
    /// `MaxNodesPerRead`.
    pub(super) nodes_per_read_max: usize,
    /// `MaxMonitoredItemsPerCall`.
    pub(super) items_per_call_max: usize,
    /// Extra namespaces before the plant's, so that its index differs.
    pub(super) namespaces_before: usize,
    /// 0 chooses a free port.
    pub(super) port: u16,
    /// Of the user `operator`.
    pub(super) password: &'static str,
    /// Sessions at once.
    pub(super) sessions_max: usize,
    /// Subscriptions of one session.
    pub(super) subscriptions_max: usize,
    /// Publishing faster is revised to this.
    pub(super) publishing_interval_min_ms: f64,
    /// `MaxNodesPerBrowse`.
    pub(super) nodes_per_browse_max: usize,
    /// References of one node in one answer; the rest comes by continuation point.
    pub(super) references_per_node_max: usize,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            nodes_per_read_max: 1_000,
            items_per_call_max: 1_000,
            namespaces_before: 0,
            port: 0,
            password: "secret",
            sessions_max: 20,
            subscriptions_max: 100,
            publishing_interval_min_ms: 20.0,
            nodes_per_browse_max: 1_000,
            references_per_node_max: 1_000,
        }
    }
}

/// A real server on a thread and runtime of its own: it can die or freeze like a program.
pub(super) struct TestServer {
    pub(super) address: SocketAddr,
    handle: ServerHandle,
    stop: Option<oneshot::Sender<()>>,
    freeze: tokio::sync::mpsc::UnboundedSender<mpsc::Receiver<()>>,
    thread: Option<JoinHandle<()>>,
}

impl TestServer {
    pub(super) fn start(behaviour: Behaviour) -> Self {
        let (ready, wait) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        #[expect(clippy::disallowed_methods, reason = "a test's own switch")]
        let (freeze, frozen) = tokio::sync::mpsc::unbounded_channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(serve(behaviour, ready, stopped, frozen));
        });
        let (address, handle) = wait.recv().unwrap();
        Self {
            address,
            handle,
            stop: Some(stop),
            freeze,
            thread: Some(thread),
        }
    }

    pub(super) fn url(&self) -> String {
        format!("opc.tcp://{}/", self.address)
    }

    /// Dies without a goodbye and frees the port.
    pub(super) fn kill(mut self) {
        self.stop_now();
    }

    fn stop_now(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }

    /// Stops answering until the returned sender is dropped.
    pub(super) fn freeze(&self) -> mpsc::Sender<()> {
        let (thaw, until) = mpsc::channel();
        self.freeze.send(until).unwrap();
        thaw
    }

    /// The index of the plant's namespace.
    pub(super) fn namespace(&self) -> u16 {
        plant(&self.handle).1
    }

    /// Sessions created since the start.
    pub(super) fn sessions(&self) -> u32 {
        let count =
            VariableId::Server_ServerDiagnostics_ServerDiagnosticsSummary_CumulatedSessionCount;
        match self.handle.info().diagnostics.get(count).unwrap().value {
            Some(Variant::UInt32(n)) => n,
            other => panic!("a count, not {other:?}"),
        }
    }

    /// Sets a variable.
    pub(super) fn set(&self, name: &str, value: impl Into<Variant>, status: StatusCode) {
        let (nodes, ns) = plant(&self.handle);
        let now = DateTime::now();
        let value = DataValue {
            value: Some(value.into()),
            status: Some(status),
            source_timestamp: Some(now),
            server_timestamp: Some(now),
            ..Default::default()
        };
        let id = NodeId::new(ns, name);
        nodes
            .set_value(self.handle.subscriptions(), &id, None, value)
            .unwrap();
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.stop_now();
    }
}

async fn serve(
    behaviour: Behaviour,
    ready: mpsc::Sender<(SocketAddr, ServerHandle)>,
    stopped: oneshot::Receiver<()>,
    mut frozen: tokio::sync::mpsc::UnboundedReceiver<mpsc::Receiver<()>>,
) {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", behaviour.port))
        .await
        .unwrap();
    let address = listener.local_addr().unwrap();
    let pki = tempfile::tempdir().unwrap();
    let (server, handle) = build(&behaviour, address, pki.path().to_owned());
    fill(&handle);
    ready.send((address, handle)).unwrap();
    tokio::select! {
        result = server.run_with(listener) => result.unwrap(),
        _ = stopped => {}
        () = async {
            while let Some(until) = frozen.recv().await {
                // Blocks the whole runtime, as a hung program would; the sender is dropped to go on.
                assert!(until.recv().is_err());
            }
            std::future::pending::<()>().await;
        } => {}
    }
}

fn build(
    behaviour: &Behaviour,
    address: SocketAddr,
    pki: PathBuf,
) -> (opcua::server::Server, ServerHandle) {
    let own = keys().join("server");
    let users = ["ANONYMOUS".to_owned(), "operator".to_owned()];
    let mut builder = ServerBuilder::new()
        .application_name("Test server")
        .application_uri("urn:test")
        .product_uri("urn:test")
        .create_sample_keypair(false)
        .pki_dir(pki)
        .certificate_path(own.join("own/cert.der"))
        .private_key_path(own.join("private/private.pem"))
        .trust_client_certs(true)
        .host("127.0.0.1")
        .port(address.port())
        .discovery_urls(vec![format!("opc.tcp://{address}/")])
        .subscription_poll_interval_ms(10)
        .diagnostics_enabled(true)
        .max_sessions(behaviour.sessions_max)
        .add_user_token(
            "operator",
            ServerUserToken::user_pass("operator", behaviour.password),
        )
        .add_endpoint("none", ServerEndpoint::new_none("/", &users))
        .add_endpoint(
            "secure",
            ServerEndpoint::new(
                "/",
                SecurityPolicy::Basic256Sha256,
                MessageSecurityMode::SignAndEncrypt,
                &users[1..],
            ),
        );
    let limits = &mut builder.limits_mut().operational;
    limits.max_nodes_per_read = behaviour.nodes_per_read_max;
    limits.max_monitored_items_per_call = behaviour.items_per_call_max;
    limits.max_nodes_per_browse = behaviour.nodes_per_browse_max;
    limits.max_references_per_browse_node = behaviour.references_per_node_max;
    let limits = &mut builder.limits_mut().subscriptions;
    limits.max_subscriptions_per_session = behaviour.subscriptions_max;
    limits.min_publishing_interval_ms = behaviour.publishing_interval_min_ms;
    limits.min_sampling_interval_ms = 20.0;
    for n in 0..behaviour.namespaces_before {
        builder = builder.with_node_manager(simple_node_manager(
            NamespaceMetadata {
                namespace_uri: format!("urn:before{n}"),
                ..Default::default()
            },
            "before",
        ));
    }
    builder
        .with_node_manager(simple_node_manager(
            NamespaceMetadata {
                namespace_uri: "urn:plant".to_owned(),
                ..Default::default()
            },
            "plant",
        ))
        .build()
        .unwrap()
}

/// `urn:plant` has a folder `press` with `temp` (21.5 °C), `count` (7), `name` ("P-7"), `list` and `v0` to `v9`, and
/// below it a folder `again` that leads to `temp` once more.
fn fill(handle: &ServerHandle) {
    let (nodes, ns) = plant(handle);
    let mut space = nodes.address_space().write();
    add_press(&mut space, ns);
}

/// The plant's nodes and namespace index.
fn plant(handle: &ServerHandle) -> (Arc<SimpleNodeManager>, u16) {
    let ns = handle.get_namespace_index("urn:plant").unwrap();
    let nodes = handle
        .node_managers()
        .iter()
        .filter_map(|m| {
            Arc::clone(m)
                .into_any_arc()
                .downcast::<SimpleNodeManager>()
                .ok()
        })
        .find(|m| m.address_space().read().namespaces().contains_key(&ns))
        .unwrap();
    (nodes, ns)
}

fn add_press(space: &mut AddressSpace, ns: u16) {
    let folder = NodeId::new(ns, "press");
    space.add_folder(&folder, "press", "press", &NodeId::objects_folder_id());
    let mut variables = vec![
        Variable::new(&NodeId::new(ns, "temp"), "temp", "Temperature", 21.5_f64),
        Variable::new(&NodeId::new(ns, "count"), "count", "count", 7_u32),
        Variable::new(&NodeId::new(ns, "name"), "name", "name", "P-7"),
        Variable::new(&NodeId::new(ns, "list"), "list", "list", vec![1_i32, 2]),
    ];
    variables.extend((0_u32..10).map(|n| {
        let name = format!("v{n}");
        Variable::new(
            &NodeId::new(ns, name.as_str()),
            name.as_str(),
            name.as_str(),
            n,
        )
    }));
    space.add_variables(variables, &folder);

    let again = NodeId::new(ns, "again");
    space.add_folder(&again, "again", "again", &folder);
    let temp = NodeId::new(ns, "temp");
    space.insert_reference(&again, &temp, ReferenceTypeId::Organizes);

    let celsius = EUInformation {
        display_name: "°C".into(),
        ..Default::default()
    };
    let celsius = Variant::from(ExtensionObject::from_message(celsius));
    let mut property = |of: &str, name: &str, value: Variant| {
        let id = NodeId::new(ns, format!("{of}.{name}"));
        let built = VariableBuilder::new(&id, name, name)
            .data_type(DataTypeId::BaseDataType)
            .value(value);
        assert!(built.property_of(NodeId::new(ns, of)).insert(space));
    };
    property("temp", "EngineeringUnits", celsius.clone());
    property("temp", "Definition", "of the upper plate".into());
    property("count", "EngineeringUnits", "pieces".into());
    property("press", "EngineeringUnits", celsius);
}

/// An open session with the configuration's only device.
pub(super) async fn open(config: &Config) -> Result<Connection, DriverError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let target = target(config, DeviceId(0)).unwrap();
    Connection::open(&target, &clock).await
}

/// Something that takes connections at this port (0 chooses one) and never says a word.
pub(super) struct BlackHole(std::net::TcpListener);

impl BlackHole {
    pub(super) fn at(port: u16) -> Self {
        Self(std::net::TcpListener::bind(("127.0.0.1", port)).unwrap())
    }

    pub(super) fn url(&self) -> String {
        format!("opc.tcp://{}/", self.0.local_addr().unwrap())
    }
}

/// A connection that can be cut: passes bytes on until [`Cable::cut`]; later connections work again.
pub(super) struct Cable {
    address: SocketAddr,
    cut: tokio::sync::watch::Sender<u32>,
}

impl Cable {
    #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
    pub(super) async fn to(server: SocketAddr) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (cut, wait) = tokio::sync::watch::channel(0);
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut wait = wait.clone();
                wait.mark_unchanged();
                tokio::spawn(async move {
                    let mut far = tokio::net::TcpStream::connect(server).await.unwrap();
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                        _ = wait.changed() => {}
                    }
                });
            }
        });
        Self { address, cut }
    }

    pub(super) fn url(&self) -> String {
        format!("opc.tcp://{}/", self.address)
    }

    pub(super) fn cut(&self) {
        self.cut.send_modify(|n| *n += 1);
    }
}

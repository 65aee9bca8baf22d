//! What a checked configuration holds. Every value here is valid: no stage checks it again.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::history::HistoryConfig;
use super::work_unit::ProductionConfig;
use crate::model::{AssetPath, DeviceId, Role, Severity, TagId, Zone};

/// The whole configuration, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// `[gateway]`
    pub gateway: Gateway,
    /// `[buffer]`
    pub buffer: BufferConfig,
    /// `[mqtt]`; without it the gateway buffers, detects and alerts locally.
    pub mqtt: Option<MqttConfig>,
    /// `[[device]]`, indexed by [`DeviceId`].
    pub devices: Vec<Device>,
    /// Every tag of every device, indexed by [`TagId`], ordered by device.
    pub tags: Vec<Tag>,
    /// `[[context]]`: a tag follows the first one that names its asset.
    pub contexts: Vec<Context>,
    /// `[[group]]`: tags that are also judged together.
    pub groups: Vec<Group>,
    /// `[history]`
    pub history: HistoryConfig,
    /// `[production]`, `[calendar]`, `[[work_unit]]`, `[[product]]`, `[[reason]]`, `[[defect]]`
    pub production: ProductionConfig,
    /// `[alerting]`
    pub alerting: AlertingConfig,
    /// `[log]`
    pub log: LogConfig,
}

impl Config {
    /// The tag behind an id of this configuration.
    pub fn tag(&self, id: TagId) -> Option<&Tag> {
        self.tags.get(id.index())
    }

    /// Where a tag stands: its own asset, else its device's.
    pub fn asset<'a>(&'a self, tag: &'a Tag) -> &'a AssetPath {
        let device = || self.device(tag.device).map(|device| &device.asset);
        let own = tag.asset.as_ref();
        own.or_else(device).unwrap_or(&self.gateway.asset)
    }

    /// Which of [`Config::contexts`] a tag follows.
    pub fn context_of(&self, tag: &Tag) -> Option<usize> {
        let asset = self.asset(tag);
        let names = |context: &Context| {
            context.assets.is_empty() || context.assets.iter().any(|of| asset.is_within(of))
        };
        self.contexts.iter().position(names)
    }

    /// Whether the context that a tag follows tells machine cycles.
    pub fn has_cycle(&self, tag: &Tag) -> bool {
        let context = self
            .context_of(tag)
            .and_then(|index| self.contexts.get(index));
        context.is_some_and(|context| context.cycle.is_some())
    }

    /// The detection rules of a tag with everything decided that was left open.
    pub fn decided(&self, tag: &Tag, rules: &DetectionRules) -> DetectionRules {
        rules.decided(
            self.has_cycle(tag),
            tag.rate.saturating_mul(rules.learn_samples),
        )
    }

    /// The device behind an id of this configuration.
    pub fn device(&self, id: DeviceId) -> Option<&Device> {
        self.devices.get(id.index())
    }
}

/// `[gateway]`: who this gateway is and where it keeps its state.
#[derive(Debug, Clone, PartialEq)]
pub struct Gateway {
    /// `id`: unique on the broker, part of every record id; 1 to 32 of `A-Z a-z 0-9 _ -`.
    pub id: String,
    /// `asset`: the ISA-95 path that this gateway serves; devices and tags stand below it.
    pub asset: AssetPath,
    /// `data_dir`: buffer, certificates, epoch, tag registry.
    pub data_dir: PathBuf,
    /// `time_zone` (default "UTC"): where the plant's clocks stand; days and weeks go by it, and alerts tell its time.
    pub time_zone: Zone,
}

/// `[buffer]`: store-and-forward.
#[derive(Debug, Clone, PartialEq)]
pub struct BufferConfig {
    /// `commit_interval` (default 100 ms, 10 ms to 1 s): telemetry is durable at most this late.
    pub commit_interval: Duration,
    /// `max_bytes` (default 4 GiB, at least 64 MiB): bytes on disk for telemetry; the oldest is dropped first, with a drop record.
    pub max_bytes: u64,
    /// `alert_reserve_bytes` (default 16 MiB): kept free for alerts and drop records when the disk is full.
    pub alert_reserve_bytes: u64,
    /// `segment_bytes` (default 8 MiB, 1 to 64 MiB): most payload of a rotated segment; one that fills slowly
    /// is closed at a quarter.
    pub segment_bytes: u64,
}

/// `[mqtt]`: the broker upstream.
#[derive(Debug, Clone, PartialEq)]
pub struct MqttConfig {
    /// `url`: host part.
    pub host: String,
    /// `url`: port; default 1883, with TLS 8883.
    pub port: u16,
    /// `url` scheme `mqtts`: TLS; the scheme `mqtt` is plain text.
    pub tls: Option<MqttTls>,
    /// `version` (default "5"): protocol version.
    pub version: MqttVersion,
    /// `client_id` (default: the gateway id).
    pub client_id: String,
    /// `username` with `password_file` or `password_env`.
    pub login: Option<Login>,
    /// `keep_alive` (default 15 s, 5 s to 10 min).
    pub keep_alive: Duration,
    /// `payload` (default "json").
    pub payload: PayloadFormat,
    /// `topic_root` (default none): a level put before the ISA-95 path, e.g. `uns/v1`.
    pub topic_root: Option<AssetPath>,
    /// `max_in_flight` (default 64, 1 to 1000): records sent and not yet acknowledged.
    pub max_in_flight: usize,
    /// `ack_timeout` (default 10 s): without any PUBACK for this long the client is rebuilt.
    pub ack_timeout: Duration,
    /// `health_interval` (default 30 s): how often the retained health message is renewed.
    pub health_interval: Duration,
}

/// Files for TLS towards the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MqttTls {
    /// `ca_file`: PEM certificates that may sign the broker's.
    pub ca_file: PathBuf,
    /// `client_cert_file` and `client_key_file`: PEM, for mutual TLS.
    pub client: Option<(PathBuf, PathBuf)>,
}

/// MQTT protocol version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MqttVersion {
    /// `"3.1.1"`
    V311,
    /// `"5"`
    V5,
}

/// Form of MQTT payloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayloadFormat {
    /// `"json"`: see [`crate::record::json`].
    Json,
    /// `"postcard"`: see [`crate::record::wire`]; `andon decode` turns it into JSON lines.
    Postcard,
}

/// A user name and where its password is.
#[derive(Debug, Clone, PartialEq)]
pub struct Login {
    /// `username`
    pub username: String,
    /// The password, read when the configuration was loaded.
    pub password: Secret,
}

/// Text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The secret itself; only for handing it to a protocol library.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<secret>")
    }
}

/// `[[device]]`: one Modbus unit or one OPC UA server.
#[derive(Debug, Clone, PartialEq)]
pub struct Device {
    /// `name`: unique; first part of its tags' names; 1 to 48 of `A-Z a-z 0-9 _ -`.
    pub name: String,
    /// `asset` (default: the name), joined to the gateway's asset: where its tags stand that name no asset of their
    /// own, and where it stands itself when it is down.
    pub asset: AssetPath,
    /// How to reach it.
    pub link: Link,
    /// The ids of its tags: `tags[first..first + count]`.
    pub tags: std::ops::Range<u32>,
}

/// Protocol and endpoint of a device.
#[derive(Debug, Clone, PartialEq)]
pub enum Link {
    /// `driver = "modbus-tcp"`
    ModbusTcp(ModbusLink),
    /// `driver = "opcua"`
    OpcUa(OpcUaLink),
}

/// A Modbus unit. Devices with the same host and port share one connection; their requests are serialised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModbusLink {
    /// `endpoint = "host:port"`, host part.
    pub host: String,
    /// `endpoint`, port part (default 502).
    pub port: u16,
    /// `unit` (default 1, 0 to 255).
    pub unit: u8,
    /// `timeout` (default 1 s, 10 ms to 60 s): from request to whole answer.
    pub timeout: Duration,
    /// `connect_timeout` (default 3 s).
    pub connect_timeout: Duration,
    /// `max_registers` (default 125, 1 to 125): longest read this device answers.
    pub max_registers: u16,
    /// `max_gap` (default 8, 0 to 124): unused registers read along to save a request.
    pub max_gap: u16,
    /// `ignore_transaction_id` (default false): for gateways that do not echo it.
    pub ignore_transaction_id: bool,
}

/// An OPC UA server.
#[derive(Debug, Clone, PartialEq)]
pub struct OpcUaLink {
    /// `endpoint = "opc.tcp://host:port/path"`.
    pub url: String,
    /// `security_policy` (default `"Basic256Sha256"`); "None" needs `allow_insecure = true`.
    pub policy: OpcUaPolicy,
    /// `security_mode` (default `"SignAndEncrypt"`); "None" goes with policy "None" only.
    pub mode: OpcUaMode,
    /// `username` with `password_file` or `password_env`; anonymous without.
    pub login: Option<Login>,
    /// `trust_any_server` does not exist; `skip_hostname_check` (default false) still pins the exact certificate.
    pub skip_hostname_check: bool,
    /// `access` (default "poll"): polled Read, or a subscription resampled onto the tags' rates.
    pub access: OpcUaAccess,
    /// `timeout` (default 2 s, 100 ms to 60 s): per request.
    pub timeout: Duration,
    /// `max_nodes_per_read` (default 0 = what the server says): upper bound of a batch.
    pub max_nodes_per_read: u32,
}

/// OPC UA security policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpcUaPolicy {
    /// No security.
    None,
    /// `Basic256Sha256`
    Basic256Sha256,
    /// `Aes128-Sha256-RsaOaep`
    Aes128Sha256RsaOaep,
    /// `Aes256-Sha256-RsaPss`
    Aes256Sha256RsaPss,
}

/// OPC UA message security mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpcUaMode {
    /// No security.
    None,
    /// Signed.
    Sign,
    /// Signed and encrypted.
    SignAndEncrypt,
}

/// How values are obtained from an OPC UA server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpcUaAccess {
    /// `"poll"`: batched Read at the tags' rates.
    Poll,
    /// `"subscribe"`: monitored items, resampled.
    Subscribe,
}

/// `[[device.tag]]` or a line of the device's `tags_csv`.
#[derive(Debug, Clone, PartialEq)]
pub struct Tag {
    /// `<device>.<name>`: unique. `name` is 1 to 64 of `A-Z a-z 0-9 _ - .`.
    pub name: String,
    /// Which device it belongs to.
    pub device: DeviceId,
    /// `asset` (default: the device's), joined to the gateway's asset: the machine that the tag measures, when the
    /// device serves several. [`Config::asset`] tells the one that counts.
    pub asset: Option<AssetPath>,
    /// `description` (default ""): shown in alerts.
    pub description: String,
    /// `unit` (default ""): engineering unit, e.g. "°C".
    pub unit: String,
    /// `rate` (default 1 s, 10 ms to 1 h): fixed polling period.
    pub rate: Duration,
    /// `phase` (default: chosen by acquisition): offset on the period's grid.
    pub phase: Option<Duration>,
    /// Where it is read from.
    pub source: Source,
    /// `type`: what the source holds (OPC UA: optional, the server's type counts).
    pub data_type: DataType,
    /// `scale` (default 1) of `value = raw * scale + offset`; not 0.
    pub scale: f64,
    /// `offset` (default 0).
    pub offset: f64,
    /// `sentinels` (default none): raw values that mean "no measurement".
    pub sentinels: Vec<f64>,
    /// `[device.tag.validate]`; tags with the same rules mostly share them.
    pub validation: Arc<ValidationRules>,
    /// `[device.tag.publish]`
    pub publish: PublishRules,
    /// `[device.tag.detect]`; absent: no detection on this tag.
    pub detection: Option<DetectionRules>,
    /// `advice` (default ""): what to do when it alarms.
    pub advice: String,
}

/// Address of a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// `address = "holding:100"`, `"input:7"`, `"coil:3"`, `"discrete:3"` (0-based), or 1-based `"400101"` style;
    /// `"holding:100.5"` is bit 5.
    Modbus(ModbusAddress),
    /// `address = "nsu=urn:plant;s=press1.temp"` or `"ns=2;i=1001"`.
    OpcUa(String),
}

/// A Modbus address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ModbusAddress {
    /// Which table.
    pub table: ModbusTable,
    /// 0-based address of the first register or bit.
    pub address: u16,
    /// Bit of a register, 0 = least significant.
    pub bit: Option<u8>,
}

/// The four Modbus tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ModbusTable {
    /// Function 1, single bits.
    Coil,
    /// Function 2, single bits.
    Discrete,
    /// Function 3, 16-bit registers.
    Holding,
    /// Function 4, 16-bit registers.
    Input,
}

/// `type` and `order` of a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataType {
    /// `"auto"`: the OPC UA server's type; not for Modbus registers.
    Auto,
    /// `"bool"`
    Bool,
    /// `"u16"`
    U16,
    /// `"i16"`
    I16,
    /// `"u32"`
    U32(ByteOrder),
    /// `"i32"`
    I32(ByteOrder),
    /// `"u64"`
    U64(ByteOrder),
    /// `"i64"`
    I64(ByteOrder),
    /// `"f32"`
    F32(ByteOrder),
    /// `"f64"`
    F64(ByteOrder),
    /// `"bcd16"`: four decimal digits.
    Bcd16,
    /// `"bcd32"`: eight decimal digits.
    Bcd32(ByteOrder),
    /// `"string:N"`: N bytes (1 to 30), two per register; ends at the first NUL.
    Text {
        /// Length in bytes.
        bytes: u8,
        /// `order = "DCBA"` or `"BADC"`: the two bytes of each register are swapped.
        swapped: bool,
    },
}

/// `order`: how the bytes of a multi-register value arrive; `A` is the most significant byte of a 32-bit value.
/// 64-bit values follow the same pattern over four registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteOrder {
    /// `"ABCD"`: big-endian words, big-endian bytes (default).
    Abcd,
    /// `"CDAB"`: low word first.
    Cdab,
    /// `"BADC"`: bytes swapped within each word.
    Badc,
    /// `"DCBA"`: little-endian throughout.
    Dcba,
}

impl ByteOrder {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Abcd, Self::Cdab, Self::Badc, Self::Dcba];

    /// The name used in config and in `check --live`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Abcd => "ABCD",
            Self::Cdab => "CDAB",
            Self::Badc => "BADC",
            Self::Dcba => "DCBA",
        }
    }
}

/// `validate`: what makes a value implausible.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ValidationRules {
    /// `min`: below is Bad (`out_of_range`).
    pub min: Option<f64>,
    /// `max`: above is Bad (`out_of_range`).
    pub max: Option<f64>,
    /// `max_rate_per_s`: a faster change is Uncertain (`rate_of_change`).
    pub max_rate_per_s: Option<f64>,
    /// `stale_after`: a source time that stands still for longer is Uncertain (stale).
    pub stale_after: Option<Duration>,
    /// `stuck_after`: the same value for longer is Uncertain (stuck).
    pub stuck_after: Option<Duration>,
    /// `gap_after` (default 3 × rate, at least 100 ms): a longer silence is a gap; the first sample after it is marked. Off
    /// for what comes when it comes.
    pub gap_after: Option<Duration>,
}

/// `publish`: what goes upstream for a tag.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishRules {
    /// `summary` (default 10 s, 1 s to 1 h; "off"): interval of summaries.
    pub summary: Option<Duration>,
    /// `raw` (default "off").
    pub raw: RawMode,
}

/// `publish.raw`: which single values go upstream.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RawMode {
    /// `"off"`
    Off,
    /// `"all"`: every sample.
    All,
    /// `"change"`: report by exception.
    OnChange {
        /// `deadband` (default 0): smaller changes are not reported.
        deadband: f64,
        /// `heartbeat` (default 60 s): a value is reported at least this often.
        heartbeat: Duration,
    },
}

/// `[[context]]`: what the plant announces about the machines of some assets.
#[derive(Debug, Clone, PartialEq)]
pub struct Context {
    /// `assets` (default all): paths below the gateway's asset; detected tags within them follow this context.
    pub assets: Vec<AssetPath>,
    /// `mode`: tags whose values together name the mode (product, recipe, machine state). Each mode has baselines of
    /// its own, and a change of mode is no alarm.
    pub mode: Vec<TagId>,
    /// `setpoints`: a change of one of these moves levels on purpose, so it is followed by a settling time.
    pub setpoints: Vec<TagId>,
    /// `cycle`: a machine cycle starts whenever the value of this tag rises (a pulse, or a counter of cycles).
    pub cycle: Option<TagId>,
    /// `quiet`: while one of these holds nothing alarms and nothing learns (maintenance, a stopped part of the line).
    pub quiet: Vec<QuietWhen>,
    /// `settle` (default 30 s, 0 to 24 h): how long levels settle after a change of mode or setpoint, and after quiet.
    pub settle: Duration,
}

/// An item of `quiet`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuietWhen {
    /// `tag`
    pub tag: TagId,
    /// `values`: numbers as they are written without a fraction, `true`, `false`, or text.
    pub values: Vec<String>,
}

/// `[[group]]`: tags of one machine that are judged together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// `name`: unique; 1 to 48 of `A-Z a-z 0-9 _ - .`.
    pub name: String,
    /// `tags`: 2 to 64 detected tags of one rate.
    pub tags: Vec<TagId>,
}

/// `detect`: what the charts of a tag are designed for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DetectionRules {
    /// `false_alarms` (default "1 per month"): mean time between false alarms of this tag, all its charts together.
    pub mean_time_between_false_alarms: Duration,
    /// `detect_shift` (default 1.0, 0.25 to 5): the shift, in standard deviations, to be found fastest.
    pub shift_sigma: f64,
    /// `learn` (default 300, 50 to 1,000,000): Good samples that make the baseline.
    pub learn_samples: u32,
    /// `within`: the shift must be found within this time on average; a wish that the charts cannot meet is refused.
    pub within: Option<Duration>,
    /// `profile` (default "auto"): the pattern that the signal repeats and is compared with.
    pub profile: Profile,
    /// `level` (default "fixed"): whether the signal has a normal level.
    pub level: Level,
}

impl Default for DetectionRules {
    /// What holds for a key that is left out.
    fn default() -> Self {
        Self {
            mean_time_between_false_alarms: Duration::from_hours(30 * 24),
            shift_sigma: 1.0,
            learn_samples: 300,
            within: None,
            profile: Profile::default(),
            level: Level::default(),
        }
    }
}

impl DetectionRules {
    /// Learning at least this long sees enough of a day to learn what repeats with it.
    const WEEK_LEARNED: Duration = Duration::from_hours(36);

    /// These rules with [`Profile::Auto`] decided: for a signal that is learned over `learning`, in a context with
    /// machine cycles or without.
    #[must_use]
    pub fn decided(self, has_cycle: bool, learning: Duration) -> Self {
        let profile = match self.profile {
            Profile::Auto if has_cycle => Profile::Cycle,
            Profile::Auto if learning >= Self::WEEK_LEARNED => Profile::Week,
            Profile::Auto => Profile::None,
            stated => stated,
        };
        Self { profile, ..self }
    }
}

/// `detect.profile`: what a signal repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// `"auto"`: the machine cycle where the context has one, the week where learning takes a day and a half or more,
    /// else nothing.
    #[default]
    Auto,
    /// `"none"`: nothing.
    None,
    /// `"cycle"`: the machine cycle of its context.
    Cycle,
    /// `"day"`: the time of day.
    Day,
    /// `"week"`: the time of day, on workdays and on weekends.
    Week,
}

/// `detect.level`: whether a signal has a normal level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Level {
    /// `"fixed"`: it has; a lasting deviation is an alarm until it ends or a person accepts the new level.
    #[default]
    Fixed,
    /// `"wandering"`: it has none (load, demand, traffic); only sudden and unusual changes are alarms.
    Wandering,
}

/// `[alerting]`: who is told what.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertingConfig {
    /// `[[alerting.route]]`, in order; every matching route adds its roles.
    pub routes: Vec<Route>,
    /// `default_roles` (default `["operator"]`): when no route matches.
    pub default_roles: Vec<Role>,
    /// `clear_after` (default 10 s): a condition must be gone this long before the alert clears.
    pub clear_after: Duration,
}

/// `[[alerting.route]]`
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// `kinds` (default all): alarm kinds, see [`crate::alerting::AlarmKind`].
    pub kinds: Vec<crate::alerting::AlarmKind>,
    /// `assets` (default all): paths below the gateway's asset; a route matches what stands within one.
    pub assets: Vec<AssetPath>,
    /// `min_severity` (default low).
    pub min_severity: Severity,
    /// `roles`: who is told.
    pub roles: Vec<Role>,
}

/// `[log]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// `level` (default "info").
    pub level: LogLevel,
    /// `format` (default "text").
    pub json: bool,
    /// `targets`: levels per module prefix.
    pub targets: BTreeMap<String, LogLevel>,
}

/// Log level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// `"error"`
    Error,
    /// `"warn"`
    Warn,
    /// `"info"`
    Info,
    /// `"debug"`
    Debug,
    /// `"trace"`
    Trace,
}

//! A small configuration for unit tests of the stages.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::config::*;
use crate::model::{AssetPath, DeviceId, Role, Severity};

/// One Modbus device `press` at `acme/line1/press` with `tags` float tags `press.t0…` at 1 s, summaries every 10 s.
pub(crate) fn config(tags: u32) -> Config {
    let asset = AssetPath::parse("acme/line1").unwrap();
    Config {
        gateway: Gateway {
            id: "gw".into(),
            asset: asset.clone(),
            data_dir: PathBuf::from("unused"),
            time_zone: crate::model::Zone::UTC,
        },
        buffer: BufferConfig {
            commit_interval: Duration::from_millis(100),
            max_bytes: 1 << 30,
            alert_reserve_bytes: 1 << 20,
            segment_bytes: 8 << 20,
        },
        mqtt: None,
        devices: vec![Device {
            name: "press".into(),
            asset: AssetPath::parse("acme/line1/press").unwrap(),
            link: Link::ModbusTcp(ModbusLink {
                host: "127.0.0.1".into(),
                port: 502,
                unit: 1,
                timeout: Duration::from_secs(1),
                connect_timeout: Duration::from_secs(1),
                max_registers: 125,
                max_gap: 8,
                ignore_transaction_id: false,
            }),
            tags: 0..tags,
        }],
        tags: (0..tags).map(tag).collect(),
        contexts: vec![],
        groups: vec![],
        history: HistoryConfig::default(),
        production: ProductionConfig::default(),
        alerting: AlertingConfig {
            routes: vec![Route {
                kinds: vec![],
                assets: vec![],
                min_severity: Severity::Low,
                roles: vec![Role::parse("maintenance").unwrap()],
            }],
            default_roles: vec![Role::parse("operator").unwrap()],
            clear_after: Duration::from_secs(10),
        },
        log: LogConfig {
            level: LogLevel::Info,
            json: false,
            targets: std::collections::BTreeMap::new(),
        },
    }
}

/// Tag `press.t<n>` on holding register `2n`.
pub(crate) fn tag(n: u32) -> Tag {
    Tag {
        name: format!("press.t{n}"),
        device: DeviceId(0),
        asset: None,
        description: String::new(),
        unit: "degC".into(),
        rate: Duration::from_secs(1),
        phase: None,
        source: Source::Modbus(ModbusAddress {
            table: ModbusTable::Holding,
            address: u16::try_from(2 * n).unwrap(),
            bit: None,
        }),
        data_type: DataType::F32(ByteOrder::Abcd),
        scale: 1.0,
        offset: 0.0,
        sentinels: vec![],
        validation: Arc::default(),
        publish: PublishRules {
            summary: Some(Duration::from_secs(10)),
            raw: RawMode::Off,
        },
        detection: None,
        advice: String::new(),
    }
}

//! A Modbus TCP device for tests that does exactly what it is told, down to the bytes: on its own thread, so that
//! it shares nothing with the code under test but a socket.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use crate::clock::ManualClock;
use crate::config::{
    AlertingConfig, BufferConfig, Config, DataType, Device as DeviceConfig, Gateway, Link,
    LogConfig, LogLevel, ModbusAddress, ModbusLink, ModbusTable, PublishRules, RawMode, Source,
    Tag,
};
use crate::driver::{Driver, DriverError, GroupId};
use crate::model::{AssetPath, DeviceId, Quality, Reason, Sample, TagId, Timestamp, Value};

use super::connection::Endpoint;
use super::driver::{ModbusDriver, ModbusGroup, ModbusPoint, ModbusUnit};
use super::plan::Limits;

/// Long enough never to pass in a test where the device answers.
pub(super) const PATIENT: Duration = Duration::from_secs(20);
/// Short enough to wait for where it does not.
pub(super) const HASTY: Duration = Duration::from_millis(60);

/// A request as it arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    /// Which connection, from 0.
    pub(super) connection: usize,
    pub(super) id: [u8; 2],
    pub(super) unit: u8,
    pub(super) function: u8,
    pub(super) start: u16,
    pub(super) count: u16,
}

/// What the device does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    Send(Vec<u8>),
    /// Orderly end.
    Close,
    /// Reset: closes with the request still unread.
    Reset,
    /// Waits until [`Device::go_on`].
    Wait,
}

impl Asked {
    /// A frame with this PDU that answers the request.
    pub(super) fn frame(self, pdu: &[u8]) -> Vec<u8> {
        frame(self.id, self.unit, pdu)
    }

    /// The right answer: see [`register`] and [`bit`].
    pub(super) fn pdu(self) -> Vec<u8> {
        let addresses = self.start..=self.start + (self.count - 1);
        let data: Vec<u8> = if self.function < 3 {
            let mut packed = vec![0_u8; usize::from(self.count).div_ceil(8)];
            for (index, address) in addresses.enumerate() {
                packed[index / 8] |= u8::from(bit(address)) << (index % 8);
            }
            packed
        } else {
            addresses
                .flat_map(|address| register(self.unit, address).to_be_bytes())
                .collect()
        };
        [vec![self.function, u8::try_from(data.len()).unwrap()], data].concat()
    }

    pub(super) fn good(self) -> Vec<Act> {
        vec![Act::Send(self.frame(&self.pdu()))]
    }

    pub(super) fn exception(self, code: u8) -> Vec<Act> {
        vec![Act::Send(self.frame(&[self.function | 0x80, code]))]
    }

    pub(super) fn touches(self, address: u16) -> bool {
        (self.start..=self.start + (self.count - 1)).contains(&address)
    }
}

/// A frame: transaction id, protocol 0, length, unit, PDU.
pub(super) fn frame(id: [u8; 2], unit: u8, pdu: &[u8]) -> Vec<u8> {
    let length = u16::try_from(pdu.len() + 1).unwrap().to_be_bytes();
    let header = [id[0], id[1], 0, 0, length[0], length[1], unit];
    [&header, pdu].concat()
}

/// What every scripted device holds in its registers.
pub(super) fn register(unit: u8, address: u16) -> u16 {
    u16::from(unit).wrapping_mul(1000).wrapping_add(address)
}

/// What every scripted device holds in its bit tables.
pub(super) const fn bit(address: u16) -> bool {
    address.is_multiple_of(3)
}

/// The device's outside.
#[derive(Debug)]
pub(super) struct Device {
    port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
    connections: Arc<AtomicUsize>,
    go_on: mpsc::Sender<()>,
}

impl Device {
    /// A device that answers as `script` says.
    pub(super) fn new(script: impl FnMut(Asked) -> Vec<Act> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (go_on, wait) = mpsc::channel();
        let device = Self {
            port: listener.local_addr().unwrap().port(),
            asked: Arc::default(),
            connections: Arc::default(),
            go_on,
        };
        let mut inside = Inside {
            script,
            asked: Arc::clone(&device.asked),
            connections: Arc::clone(&device.connections),
            wait,
        };
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                inside.serve(stream);
            }
        });
        device
    }

    /// Lets the device go on after [`Act::Wait`].
    pub(super) fn go_on(&self) {
        self.go_on.send(()).unwrap();
    }

    /// Every request since the last call.
    pub(super) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(super) fn endpoint(&self) -> Endpoint {
        Endpoint {
            host: "127.0.0.1".into(),
            port: self.port,
            connect_timeout: PATIENT,
            ignore_transaction_id: false,
        }
    }

    pub(super) fn link(&self, unit: u8, timeout: Duration) -> ModbusLink {
        ModbusLink {
            host: "127.0.0.1".into(),
            port: self.port,
            unit,
            timeout,
            connect_timeout: PATIENT,
            max_registers: 125,
            max_gap: 8,
            ignore_transaction_id: false,
        }
    }
}

struct Inside<F> {
    script: F,
    asked: Arc<Mutex<Vec<Asked>>>,
    connections: Arc<AtomicUsize>,
    wait: mpsc::Receiver<()>,
}

impl<F: FnMut(Asked) -> Vec<Act>> Inside<F> {
    fn serve(&mut self, mut stream: TcpStream) {
        let connection = self.connections.fetch_add(1, Ordering::SeqCst);
        while let Some(asked) = next_request(&stream, connection) {
            self.asked.lock().unwrap().push(asked);
            let acts = (self.script)(asked);
            if !acts.contains(&Act::Reset) {
                stream.read_exact(&mut [0; 12]).unwrap();
            }
            for act in acts {
                match act {
                    // The client may have gone; that is what some tests are about.
                    Act::Send(bytes) => drop(stream.write_all(&bytes)),
                    Act::Close | Act::Reset => return,
                    Act::Wait => self.wait.recv().unwrap_or_default(),
                }
            }
        }
    }
}

/// Looks at the next request without taking it; `None` when the client has gone.
fn next_request(stream: &TcpStream, connection: usize) -> Option<Asked> {
    let mut bytes = [0_u8; 12];
    while stream.peek(&mut bytes).ok().filter(|n| *n > 0)? < bytes.len() {}
    let [a, b, _, _, _, _, unit, function, high, low, more, less] = bytes;
    Some(Asked {
        connection,
        id: [a, b],
        unit,
        function,
        start: u16::from_be_bytes([high, low]),
        count: u16::from_be_bytes([more, less]),
    })
}

pub(super) const fn address(table: ModbusTable, address: u16) -> ModbusAddress {
    ModbusAddress {
        table,
        address,
        bit: None,
    }
}

/// A group of unsigned holding registers of one unit; tag ids count from 0.
pub(super) fn holding(unit: u8, timeout: Duration, addresses: &[u16]) -> ModbusGroup {
    let unit = ModbusUnit {
        id: unit,
        timeout,
        limits: Limits::new(125, 8),
    };
    let points = (0..).zip(addresses).map(|(tag, register)| ModbusPoint {
        tag: TagId(tag),
        address: address(ModbusTable::Holding, *register),
        data_type: DataType::U16,
        scale: 1.0,
        offset: 0.0,
        sentinels: vec![],
    });
    ModbusGroup {
        unit,
        points: points.collect(),
    }
}

/// A tag of the device at index `device`, with nothing else said about it.
pub(super) fn tag(name: &str, device: u32, address: ModbusAddress, data_type: DataType) -> Tag {
    Tag {
        name: name.into(),
        device: DeviceId(device),
        asset: None,
        description: String::new(),
        unit: String::new(),
        rate: Duration::from_secs(1),
        phase: None,
        source: Source::Modbus(address),
        data_type,
        scale: 1.0,
        offset: 0.0,
        sentinels: vec![],
        validation: Arc::default(),
        publish: PublishRules {
            summary: None,
            raw: RawMode::Off,
        },
        detection: None,
        advice: String::new(),
    }
}

/// A configuration of these units, without tags.
pub(super) fn config(links: &[ModbusLink]) -> Config {
    let asset = || AssetPath::parse("plant").unwrap();
    let device = |link: &ModbusLink| DeviceConfig {
        name: format!("unit{}", link.unit),
        asset: asset(),
        link: Link::ModbusTcp(link.clone()),
        tags: 0..0,
    };
    Config {
        gateway: Gateway {
            id: "test".into(),
            asset: asset(),
            data_dir: "unused".into(),
            time_zone: crate::model::Zone::UTC,
        },
        buffer: BufferConfig {
            commit_interval: Duration::from_millis(100),
            max_bytes: 1 << 32,
            alert_reserve_bytes: 1 << 24,
            segment_bytes: 1 << 23,
        },
        mqtt: None,
        devices: links.iter().map(device).collect(),
        tags: vec![],
        contexts: vec![],
        groups: vec![],
        history: crate::config::HistoryConfig::default(),
        production: crate::config::ProductionConfig::default(),
        alerting: AlertingConfig {
            routes: vec![],
            default_roles: vec![],
            clear_after: Duration::from_secs(10),
        },
        log: LogConfig {
            level: LogLevel::Info,
            json: false,
            targets: std::collections::BTreeMap::new(),
        },
    }
}

pub(super) const NOON: Timestamp = Timestamp::from_millis(1_772_366_400_000);

pub(super) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(NOON))
}

pub(super) fn driver(device: &Device, groups: Vec<ModbusGroup>) -> ModbusDriver {
    ModbusDriver::new(device.endpoint(), groups, clock())
}

pub(super) async fn read(
    driver: &mut ModbusDriver,
    group: usize,
) -> Result<Vec<Sample>, DriverError> {
    let mut out = Vec::new();
    let result = driver.read(GroupId(group), &mut out).await;
    assert!(result.is_ok() || out.is_empty(), "samples despite an error");
    result.map(|()| out)
}

pub(super) fn good(tag: u32, value: i64) -> Sample {
    Sample {
        tag: TagId(tag),
        time: NOON,
        value: Value::Int(value),
        quality: Quality::Good,
    }
}

pub(super) fn bad(tag: u32, reason: Reason) -> Sample {
    Sample {
        value: Value::Missing,
        quality: Quality::Bad(reason),
        ..good(tag, 0)
    }
}

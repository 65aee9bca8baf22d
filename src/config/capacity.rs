//! What a configuration asks of the machine and the network, estimated before anything runs.
//!
//! Pure. Rates are exact; requests follow the default coalescing; memory is an order of magnitude.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::data_type::registers;
use super::types::{Config, Device, Link, ModbusLink, ModbusTable, RawMode, Source, Tag};
use crate::model::AssetPath;

/// Memory of the gateway without a tag: program, runtime, drivers, store cache. Measured with 200 and with 10,000 tags.
const BASE_BYTES: u64 = 24 << 20;
/// Memory of a tag besides its texts: plan, last value, summary, charts, topic.
const TAG_BYTES: u64 = 1_536;
/// Bits that one Modbus request may read (Modbus Application Protocol V1.1b3, section 6.1).
const BITS_PER_REQUEST: u32 = 2_000;
/// Nodes per OPC UA read when neither the configuration nor, yet, the server says.
const NODES_PER_REQUEST: usize = 1_000;

/// What the whole configuration asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Capacity {
    /// Per device, indexed by [`crate::model::DeviceId`].
    pub devices: Vec<DeviceLoad>,
    /// Tags.
    pub tags: usize,
    /// Tags with detection.
    pub detected_tags: usize,
    /// False alarms per day that the wishes of all tags allow.
    pub false_alarms_per_day: f64,
    /// Values polled per second.
    pub values_per_s: f64,
    /// Most records sent upstream per second: summaries and raw values.
    pub records_per_s: f64,
    /// Estimated memory, in bytes.
    pub memory_bytes: u64,
}

/// What one device is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceLoad {
    /// Tags.
    pub tags: usize,
    /// Tags with detection.
    pub detected_tags: usize,
    /// Assets that its tags stand on.
    pub assets: usize,
    /// The shortest and the longest polling period.
    pub rates: Option<(Duration, Duration)>,
    /// Values polled per second.
    pub values_per_s: f64,
    /// Requests per second.
    pub requests_per_s: f64,
    /// Requests of a cycle in which every tag is due.
    pub requests_per_cycle: usize,
}

impl Capacity {
    /// Estimates `config`.
    pub fn of(config: &Config) -> Self {
        let devices: Vec<DeviceLoad> = config
            .devices
            .iter()
            .map(|device| DeviceLoad::of(device, config))
            .collect();
        let learning = |tag: &Tag| {
            let rules = tag.detection.as_ref();
            rules.map_or(0, |rules| u64::from(rules.learn_samples.min(2_048)) * 4)
        };
        let words = |tag: &Tag| {
            let asset = tag.asset.as_ref().map_or(0, |asset| asset.as_str().len());
            let words = [&tag.name, &tag.description, &tag.unit, &tag.advice];
            (words.map(String::len).iter().sum::<usize>() + asset) as u64
        };
        let per_tag = |tag: &Tag| TAG_BYTES + words(tag) + learning(tag);
        Self {
            tags: config.tags.len(),
            // The sum of nothing would be -0.
            false_alarms_per_day: 0.0
                + config
                    .tags
                    .iter()
                    .filter_map(false_alarms_per_day)
                    .sum::<f64>(),
            detected_tags: devices.iter().map(|load| load.detected_tags).sum(),
            values_per_s: devices.iter().map(|load| load.values_per_s).sum(),
            records_per_s: config.tags.iter().map(records_per_s).sum(),
            memory_bytes: BASE_BYTES + config.tags.iter().map(per_tag).sum::<u64>(),
            devices,
        }
    }
}

fn false_alarms_per_day(tag: &Tag) -> Option<f64> {
    let rules = tag.detection.as_ref()?;
    Some(86_400.0 / rules.mean_time_between_false_alarms.as_secs_f64())
}

impl DeviceLoad {
    fn of(device: &Device, config: &Config) -> Self {
        let tags = config.device_tags(device);
        let assets: BTreeSet<&AssetPath> = tags.iter().map(|tag| config.asset(tag)).collect();
        let rates = tags.iter().map(|tag| tag.rate);
        let mut by_rate: BTreeMap<Duration, Vec<&Tag>> = BTreeMap::new();
        for tag in tags {
            by_rate.entry(tag.rate).or_default().push(tag);
        }
        let requests: Vec<(Duration, usize)> = by_rate
            .iter()
            .map(|(rate, tags)| (*rate, requests(&device.link, tags)))
            .collect();
        Self {
            tags: tags.len(),
            detected_tags: tags.iter().filter(|tag| tag.detection.is_some()).count(),
            assets: assets.len(),
            rates: rates.clone().min().zip(rates.clone().max()),
            values_per_s: rates.map(per_second).sum(),
            requests_per_s: requests
                .iter()
                .map(|(rate, count)| per_second(*rate) * *count as f64)
                .sum(),
            requests_per_cycle: requests.iter().map(|(_, count)| count).sum(),
        }
    }
}

impl Config {
    /// The tags of one device.
    pub fn device_tags(&self, device: &Device) -> &[Tag] {
        let range = device.tags.start as usize..device.tags.end as usize;
        self.tags.get(range).unwrap_or_default()
    }
}

fn per_second(period: Duration) -> f64 {
    period.as_secs_f64().recip()
}

fn records_per_s(tag: &Tag) -> f64 {
    let summaries = tag.publish.summary.map_or(0.0, per_second);
    let raw = match tag.publish.raw {
        RawMode::Off => 0.0,
        RawMode::All | RawMode::OnChange { .. } => per_second(tag.rate),
    };
    summaries + raw
}

/// Requests that read `tags` once.
fn requests(link: &Link, tags: &[&Tag]) -> usize {
    match link {
        Link::OpcUa(link) => {
            let batch = usize::try_from(link.max_nodes_per_read).unwrap_or(usize::MAX);
            let batch = if batch == 0 { NODES_PER_REQUEST } else { batch };
            tags.len().div_ceil(batch)
        }
        Link::ModbusTcp(link) => modbus_requests(link, tags),
    }
}

/// Blocks of neighbouring addresses, as long as the device answers and over gaps as wide as allowed.
fn modbus_requests(link: &ModbusLink, tags: &[&Tag]) -> usize {
    let mut spans: BTreeMap<ModbusTable, Vec<(u32, u32)>> = BTreeMap::new();
    for tag in tags {
        if let Source::Modbus(address) = tag.source {
            let start = u32::from(address.address);
            let end = start + u32::from(registers(tag.data_type));
            spans.entry(address.table).or_default().push((start, end));
        }
    }
    let blocks = |(table, mut spans): (ModbusTable, Vec<(u32, u32)>)| {
        let longest = match table {
            ModbusTable::Coil | ModbusTable::Discrete => BITS_PER_REQUEST,
            ModbusTable::Holding | ModbusTable::Input => u32::from(link.max_registers),
        };
        spans.sort_unstable();
        let mut count = 0_usize;
        let mut block = None;
        for (start, end) in spans {
            block = match block {
                Some((first, last))
                    if start <= last + u32::from(link.max_gap)
                        && end.max(last) - first <= longest =>
                {
                    Some((first, end.max(last)))
                }
                _ => {
                    count += 1;
                    Some((start, end))
                }
            };
        }
        count
    };
    spans.into_iter().map(blocks).sum()
}

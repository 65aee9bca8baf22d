//! From tags to endpoints and scan groups. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::{Config, Link};
use crate::driver::ScanGroup;
use crate::model::{DeviceId, TagId};

/// What is connected to once: devices with the same key share a connection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum EndpointKey {
    /// A Modbus TCP host and port.
    Modbus(String, u16),
    /// An OPC UA server: one session per device.
    OpcUa(DeviceId),
}

/// One endpoint with everything that is read over it.
#[derive(Debug, Clone, PartialEq)]
pub struct EndpointPlan {
    /// Which connection.
    pub key: EndpointKey,
    /// Devices behind it, in configuration order.
    pub devices: Vec<DeviceId>,
    /// Their configured names, for the log.
    pub names: BTreeMap<DeviceId, String>,
    /// Scan groups; [`crate::driver::GroupId`] indexes them.
    pub groups: Vec<ScanGroup>,
    /// Period and phase of each group.
    pub timing: Vec<(Duration, Duration)>,
}

/// Splits the configuration into endpoints, and each endpoint's tags into groups of one device, rate and phase.
///
/// Groups without a configured phase are spread evenly over their period within an endpoint, because its
/// requests are serialised; different endpoints start together, which wakes a small machine less often.
pub fn plan_endpoints(config: &Config) -> Vec<EndpointPlan> {
    let mut by_key: BTreeMap<EndpointKey, Vec<DeviceId>> = BTreeMap::new();
    for (index, device) in (0_u32..).zip(&config.devices) {
        let id = DeviceId(index);
        let key = match &device.link {
            Link::ModbusTcp(link) => EndpointKey::Modbus(link.host.clone(), link.port),
            Link::OpcUa(_) => EndpointKey::OpcUa(id),
        };
        by_key.entry(key).or_default().push(id);
    }
    by_key
        .into_iter()
        .map(|(key, devices)| plan_endpoint(config, key, devices))
        .collect()
}

/// Device, rate and configured phase.
type GroupKey = (DeviceId, Duration, Option<Duration>);

fn plan_endpoint(config: &Config, key: EndpointKey, devices: Vec<DeviceId>) -> EndpointPlan {
    let mut grouped: BTreeMap<GroupKey, Vec<TagId>> = BTreeMap::new();
    for id in &devices {
        let range = config
            .device(*id)
            .map_or(0..0, |device| device.tags.clone());
        for tag_id in range.map(TagId) {
            if let Some(tag) = config.tag(tag_id) {
                grouped
                    .entry((*id, tag.rate, tag.phase))
                    .or_default()
                    .push(tag_id);
            }
        }
    }
    let count = u32::try_from(grouped.len()).unwrap_or(u32::MAX).max(1);
    let name = |id: &DeviceId| Some((*id, config.device(*id)?.name.clone()));
    let mut plan = EndpointPlan {
        key,
        names: devices.iter().filter_map(name).collect(),
        devices,
        groups: Vec::new(),
        timing: Vec::new(),
    };
    for (index, ((device, rate, phase), tags)) in (0_u32..).zip(grouped) {
        let spread = || (rate / count).saturating_mul(index);
        plan.timing.push((rate, phase.unwrap_or_else(spread)));
        plan.groups.push(ScanGroup { device, tags });
    }
    plan
}

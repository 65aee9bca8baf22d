//! `andon check --live`: every device tried out at once.

use std::io;

use futures_util::future::join_all;

use crate::config::{Config, Device, Link, Tag};
use crate::driver::probe::DeviceProbe;
use crate::driver::{modbus, opcua};
use crate::model::DeviceId;

/// Tries every device of `config`, all at the same time; the answers are in the order of the configuration.
///
/// Takes no longer than the slowest device's own timeouts. Fails only when this machine has no runtime to offer.
pub(super) fn probe_all(config: &Config) -> io::Result<Vec<DeviceProbe>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let devices = (0_u32..).map(DeviceId).zip(&config.devices);
    Ok(runtime.block_on(join_all(
        devices.map(|(id, device)| probe_device(config, id, device)),
    )))
}

async fn probe_device(config: &Config, id: DeviceId, device: &Device) -> DeviceProbe {
    match &device.link {
        Link::ModbusTcp(link) => {
            let tags: Vec<&Tag> = config.device_tags(device).iter().collect();
            modbus::probe_device(&device.name, link, &tags).await
        }
        Link::OpcUa(_) => opcua::probe(config, id).await,
    }
}

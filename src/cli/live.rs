//! `andon check --live`: every device tried out at once.

use std::io;
use std::time::Duration;

use futures_util::future::join_all;

use crate::config::{Config, Device, Link, join_host_port};
use crate::driver::probe::DeviceProbe;

/// Tries every device of `config`, all at the same time; the answers are in the order of the configuration.
///
/// Takes no longer than the slowest device's own timeouts. Fails only when this machine has no runtime to offer.
pub(super) fn probe_all(config: &Config) -> io::Result<Vec<DeviceProbe>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    Ok(runtime.block_on(join_all(config.devices.iter().map(probe_device))))
}

/// Whether something accepts connections at the device's endpoint.
async fn probe_device(device: &Device) -> DeviceProbe {
    let (place, patience) = match &device.link {
        Link::ModbusTcp(link) => (join_host_port(&link.host, link.port), link.connect_timeout),
        Link::OpcUa(link) => (authority(&link.url).to_owned(), link.timeout),
    };
    DeviceProbe {
        device: device.name.clone(),
        reachable: connect(&place, patience).await,
        tags: Vec::new(),
    }
}

async fn connect(place: &str, patience: Duration) -> Result<String, String> {
    match tokio::time::timeout(patience, tokio::net::TcpStream::connect(place)).await {
        Ok(Ok(_)) => Ok(format!("{place} accepts connections")),
        Ok(Err(error)) => Err(format!("cannot connect to {place}: {error}")),
        Err(_) => Err(format!(
            "{place} did not answer within {}; look for a wrong address, a firewall or a device without power",
            crate::config::format_duration(patience)
        )),
    }
}

/// `host:port` of a URL.
fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

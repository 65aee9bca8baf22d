//! [`ModbusDriver`]: scan groups of several units over one connection.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::config::{Config, DataType, Link, ModbusAddress, ModbusLink, Source};
use crate::driver::{Driver, DriverError, GroupId, ScanGroup};
use crate::model::{DeviceId, Sample, TagId};

use super::connection::{Connection, Endpoint};
use super::decode::{Decoder, PointError};
use super::group::Group;
use super::plan::{Limits, Span};

/// One unit behind an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModbusUnit {
    /// The unit's number on the endpoint.
    pub id: u8,
    /// From a request to its whole answer.
    pub timeout: Duration,
    /// What one request may span.
    pub limits: Limits,
}

impl From<&ModbusLink> for ModbusUnit {
    fn from(link: &ModbusLink) -> Self {
        Self {
            id: link.unit,
            timeout: link.timeout,
            limits: Limits::new(link.max_registers, link.max_gap),
        }
    }
}

/// One tag as a unit holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct ModbusPoint {
    /// Which tag.
    pub tag: TagId,
    /// Where it stands.
    pub address: ModbusAddress,
    /// What stands there.
    pub data_type: DataType,
    /// `value = raw * scale + offset`
    pub scale: f64,
    /// `value = raw * scale + offset`
    pub offset: f64,
    /// Raw values that mean "no measurement".
    pub sentinels: Vec<f64>,
}

impl ModbusPoint {
    /// Works out how the point is read from a device with these limits, and refuses what cannot be.
    pub(super) fn plan(&self, limits: Limits) -> Result<(Decoder, Span), PointError> {
        let decoder = Decoder::new(self.address, self.data_type)?
            .scaled(self.scale, self.offset)
            .with_sentinels(&self.sentinels);
        let (needed, allowed) = (decoder.width(), limits.registers());
        if needed > allowed {
            return Err(PointError::TooWide { needed, allowed });
        }
        let span = Span {
            table: self.address.table,
            start: self.address.address,
            count: needed,
        };
        Ok((decoder, span))
    }
}

/// Tags of one unit that are read together.
#[derive(Debug, Clone, PartialEq)]
pub struct ModbusGroup {
    /// Which unit.
    pub unit: ModbusUnit,
    /// Its tags, in the order of the samples.
    pub points: Vec<ModbusPoint>,
}

/// The units behind one endpoint; see [`crate::driver::modbus`] for what it promises.
#[derive(Debug)]
pub struct ModbusDriver {
    connection: Connection,
    groups: Vec<Group>,
    clock: Arc<dyn Clock>,
}

impl ModbusDriver {
    /// A driver for an endpoint; [`GroupId`] counts the groups. Nothing is sent yet.
    pub fn new(endpoint: Endpoint, groups: Vec<ModbusGroup>, clock: Arc<dyn Clock>) -> Self {
        Self {
            connection: Connection::new(endpoint),
            groups: groups.into_iter().map(Group::new).collect(),
            clock,
        }
    }

    /// The driver for the endpoint that `devices` share. The longest of their `connect_timeout` counts, and one
    /// `ignore_transaction_id` counts for all: it is a trait of the gateway in front of them.
    ///
    /// # Errors
    /// [`DriverError::Config`] when a device or tag is not Modbus, or a group's device is not among `devices`.
    pub fn for_endpoint(
        config: &Config,
        devices: &[DeviceId],
        groups: &[ScanGroup],
        clock: Arc<dyn Clock>,
    ) -> Result<Self, DriverError> {
        let links = devices.iter().map(|id| modbus_link(config, *id));
        let links = links.collect::<Result<Vec<_>, _>>()?;
        let first = links
            .first()
            .ok_or_else(|| DriverError::Config("a Modbus endpoint without devices".to_owned()))?;
        let mut endpoint = Endpoint::from(*first);
        for link in &links {
            endpoint.connect_timeout = endpoint.connect_timeout.max(link.connect_timeout);
            endpoint.ignore_transaction_id |= link.ignore_transaction_id;
        }
        let groups = groups.iter().map(|group| modbus_group(config, group));
        Ok(Self::new(
            endpoint,
            groups.collect::<Result<_, _>>()?,
            clock,
        ))
    }

    /// Whether a connection stands; it may have been lost unnoticed.
    pub const fn is_connected(&self) -> bool {
        self.connection.is_open()
    }
}

fn modbus_link(config: &Config, id: DeviceId) -> Result<&ModbusLink, DriverError> {
    match config.device(id).map(|device| &device.link) {
        Some(Link::ModbusTcp(link)) => Ok(link),
        _ => Err(DriverError::Config(format!(
            "device {} is not a Modbus unit",
            id.0
        ))),
    }
}

fn modbus_group(config: &Config, group: &ScanGroup) -> Result<ModbusGroup, DriverError> {
    let unit = ModbusUnit::from(modbus_link(config, group.device)?);
    let point = |id: &TagId| match config.tag(*id).map(|tag| (tag, &tag.source)) {
        Some((tag, Source::Modbus(address))) => Ok(ModbusPoint {
            tag: *id,
            address: *address,
            data_type: tag.data_type,
            scale: tag.scale,
            offset: tag.offset,
            sentinels: tag.sentinels.clone(),
        }),
        _ => Err(DriverError::Config(format!(
            "tag {} has no Modbus address",
            id.0
        ))),
    };
    let points = group.tags.iter().map(point).collect::<Result<_, _>>()?;
    Ok(ModbusGroup { unit, points })
}

impl Driver for ModbusDriver {
    /// Does nothing while a connection stands, as after a unit was silent behind a gateway that said so.
    async fn connect(&mut self) -> Result<(), DriverError> {
        if self.connection.is_open() {
            return Ok(());
        }
        self.connection.open().await
    }

    /// Reconnects first if an earlier future was dropped halfway.
    async fn read(&mut self, group: GroupId, out: &mut Vec<Sample>) -> Result<(), DriverError> {
        let Some(group) = self.groups.get_mut(group.0) else {
            return Err(DriverError::Config(format!("no scan group {}", group.0)));
        };
        if !self.connection.is_open() {
            self.connection.open().await?;
        }
        let samples = group.read(&mut self.connection, &*self.clock).await?;
        out.append(samples);
        Ok(())
    }

    async fn close(&mut self) {
        self.connection.close().await;
    }

    fn refused(&self) -> Vec<(TagId, String)> {
        self.groups.iter().flat_map(Group::refused).collect()
    }
}

#[cfg(test)]
#[path = "driver_tests.rs"]
mod tests;

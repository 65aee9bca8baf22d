//! Field protocols. A driver connects to one endpoint and reads scan groups; it decides nothing about time,
//! retries or back-off: [`crate::acquisition`] does.

pub mod modbus;
pub mod opcua;
pub mod probe;
#[cfg(test)]
mod testing;

use crate::model::{DeviceId, Sample, TagId};

/// Tags of one device that are read together at one rate; its place in the list that a driver is built with is its
/// [`GroupId`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanGroup {
    /// Whose tags they are.
    pub device: DeviceId,
    /// The tags, in the order of the samples that `read` appends.
    pub tags: Vec<TagId>,
}

/// A set of tags of one device that are read together. Index into what [`Driver`] was built with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupId(pub usize);

/// One endpoint: a connection and the scan groups read over it.
///
/// Contract: `read` appends exactly one [`Sample`] per tag of the group, in group order, when it returns `Ok`, Bad
/// ones included (an exception code on one register, a Bad status on one node, a value that is not a number). On
/// `Err` it has appended nothing, and acquisition makes the Bad samples. No call outlasts the endpoint's
/// configured timeout by more than a constant. Dropping a future of a driver may lose the connection but never
/// leaves a later call reading an earlier answer.
pub trait Driver: Send {
    /// Connects, or reconnects after an error. Called only while not connected.
    fn connect(&mut self) -> impl Future<Output = Result<(), DriverError>> + Send;

    /// Reads one scan group.
    fn read(
        &mut self,
        group: GroupId,
        out: &mut Vec<Sample>,
    ) -> impl Future<Output = Result<(), DriverError>> + Send;

    /// Says goodbye, in bounded time.
    fn close(&mut self) -> impl Future<Output = ()> + Send;

    /// Tags whose address the device has refused, with the reason in words; for health and the log.
    fn refused(&self) -> Vec<(TagId, String)>;
}

/// Why an endpoint could not be used. The class decides what acquisition does; the text is for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DriverError {
    /// The connection is gone or cannot be made: back off, reconnect.
    #[error("{0}")]
    Link(String),
    /// The unit did not answer in time though the endpoint may be fine: reconnect, count against the unit's
    /// circuit breaker.
    #[error("{0}")]
    Silent(String),
    /// Credentials, certificates or security settings are wrong: retry slowly, a person must act.
    #[error("{0}")]
    Config(String),
}

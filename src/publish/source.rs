//! Where records come from: the part of the buffer that publishing needs.

use tokio::sync::watch;

use crate::record::Lane;

/// Highest durable sequence number per lane; 0 when there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Committed {
    /// Alerts, events and drop records.
    pub alerts: u64,
    /// Summaries and raw values.
    pub telemetry: u64,
}

impl Committed {
    /// The number of one lane.
    pub const fn of(self, lane: Lane) -> u64 {
        match lane {
            Lane::Alerts => self.alerts,
            Lane::Telemetry => self.telemetry,
        }
    }
}

/// How much one read returns at most; at least one record when there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadLimit {
    /// Records.
    pub records: usize,
    /// Bytes of their bodies together.
    pub bytes: usize,
}

/// A durable record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Epoch that committed it.
    pub epoch: u32,
    /// Position in its lane.
    pub seq: u64,
    /// Encoded body.
    pub body: Vec<u8>,
}

/// A store of committed records. Only durable records are ever returned, in order.
pub trait Source: Send + Sync {
    /// Why a read failed.
    type Error: std::error::Error + Send;

    /// Tells when more records are durable.
    fn committed(&self) -> watch::Receiver<Committed>;

    /// Where reading begins after a start: one above what is acknowledged.
    fn first_pending(&self, lane: Lane) -> impl Future<Output = Result<u64, Self::Error>> + Send;

    /// Records of a lane that are neither acknowledged nor rejected, from `from_seq` on, in order. Numbers without a
    /// record are skipped. Dropping the future has no effect on the store.
    fn read(
        &self,
        lane: Lane,
        from_seq: u64,
        limit: ReadLimit,
    ) -> impl Future<Output = Result<Vec<Stored>, Self::Error>> + Send;

    /// The broker has every record up to and including `up_to`, but for rejected ones.
    fn ack(&self, lane: Lane, up_to: u64);

    /// The broker will never take this record, or it cannot be read: a drop record takes its place. Called before the
    /// `ack` that passes the record. On an error the record stays pending and is tried again.
    fn reject(&self, lane: Lane, seq: u64) -> Result<(), Self::Error>;
}

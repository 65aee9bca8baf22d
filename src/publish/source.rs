//! Where records come from: the part of the buffer that publishing needs.

use tokio::sync::watch;

use crate::buffer::{Buffer, BufferError};
use crate::record::Lane;

pub use crate::buffer::{Committed, ReadLimit, Stored};

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

impl Source for Buffer {
    type Error = BufferError;

    fn committed(&self) -> watch::Receiver<Committed> {
        Self::committed(self)
    }

    async fn first_pending(&self, lane: Lane) -> Result<u64, BufferError> {
        Self::first_pending(self, lane).await
    }

    async fn read(
        &self,
        lane: Lane,
        from_seq: u64,
        limit: ReadLimit,
    ) -> Result<Vec<Stored>, BufferError> {
        Self::read(self, lane, from_seq, limit).await
    }

    fn ack(&self, lane: Lane, up_to: u64) {
        Self::ack(self, lane, up_to);
    }

    fn reject(&self, lane: Lane, seq: u64) -> Result<(), BufferError> {
        Self::reject(self, lane, seq)
    }
}

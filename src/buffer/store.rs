//! What a lane needs of its medium. Two implementations: sled segments on a disk, and a simulated disk in memory.

use super::error::StoreError;

/// How much one read may return; it always returns at least one record when there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadLimit {
    /// At most this many records.
    pub records: usize,
    /// Stop once this many bytes of bodies are read.
    pub bytes: usize,
}

/// A sequence number and the stored bytes under it, not checked yet.
pub type RawRecord = (u64, Vec<u8>);

/// The high-water mark: what the lane held at its last commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Epoch of that commit.
    pub epoch: u32,
    /// Lowest sequence number that was not acknowledged (one above `last` when all were).
    pub first: u64,
    /// Highest committed sequence number.
    pub last: u64,
}

/// The cursor: what is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Everything up to here is acknowledged, or named in the ledger.
    pub acked: u64,
    /// Lowest sequence number in the ledger, 0 when it is empty: should the ledger be lost, nobody can tell any more
    /// which records from here on were delivered.
    pub ledger_from: u64,
}

/// One segment on the medium.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentInfo {
    /// Its first sequence number, which is its name.
    pub first: u64,
    /// Bytes it takes on the medium.
    pub disk_bytes: u64,
}

/// What a store found when it was opened. `None`: never written, lost or damaged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// The high-water mark.
    pub mark: Option<Mark>,
    /// The cursor.
    pub cursor: Option<Cursor>,
    /// The encoded ledger.
    pub ledger: Option<Vec<u8>>,
}

/// The medium of one lane: segments of records, three small files beside them, and the space they stand on.
///
/// Contract: what `append` took is durable after the next `sync` that returns `Ok`, not before. An error of
/// `append` or `sync` makes everything since the last `sync` doubtful: the caller abandons the segment and writes
/// again into a fresh one, it never repeats the `sync`. `save_*`, `remove` and `quarantine` are durable and atomic
/// when they return `Ok`. No method panics on damaged contents.
pub trait Store {
    /// Reads the small files; segments are listed, not opened.
    fn found(&mut self) -> Found;
    /// All segments, oldest first, the active one included.
    fn segments(&self) -> Vec<SegmentInfo>;
    /// The segment that is written to, by its first sequence number.
    fn active(&self) -> Option<u64>;
    /// Starts a fresh segment to write to.
    fn begin(&mut self, first: u64) -> Result<(), StoreError>;
    /// Adds a record to the active segment.
    fn append(&mut self, seq: u64, value: &[u8]) -> Result<(), StoreError>;
    /// Makes everything appended durable.
    fn sync(&mut self) -> Result<(), StoreError>;
    /// Stops writing to the active segment; it stays readable.
    fn close(&mut self);
    /// Records of a segment from a sequence number on, in order; empty at its end.
    fn read(
        &mut self,
        segment: u64,
        from: u64,
        limit: ReadLimit,
    ) -> Result<Vec<RawRecord>, StoreError>;
    /// The highest sequence number in a segment.
    fn last(&mut self, segment: u64) -> Result<Option<u64>, StoreError>;
    /// Destroys a segment, whole or not at all.
    fn remove(&mut self, segment: u64) -> Result<(), StoreError>;
    /// Sets a damaged segment aside for a person to look at.
    fn quarantine(&mut self, segment: u64) -> Result<(), StoreError>;
    /// How many segments are set aside, and their bytes.
    fn quarantined(&self) -> (u64, u64);
    /// Destroys the oldest segment that was set aside; false when there is none.
    fn purge(&mut self) -> bool;
    /// Saves the high-water mark.
    fn save_mark(&mut self, mark: Mark) -> Result<(), StoreError>;
    /// Saves the cursor.
    fn save_cursor(&mut self, cursor: Cursor) -> Result<(), StoreError>;
    /// Saves the encoded ledger.
    fn save_ledger(&mut self, ledger: &[u8]) -> Result<(), StoreError>;
    /// Free bytes of the medium for this process; `None` when it cannot be told.
    fn free_bytes(&mut self) -> Option<u64>;
    /// Gives the reserved space back to the file system; false when there was none.
    fn release_reserve(&mut self) -> bool;
    /// Reserves the space again if it was released and there is room.
    fn restore_reserve(&mut self);
    /// The engine below is dead for good in this process.
    fn is_fatal(&self) -> bool;
}

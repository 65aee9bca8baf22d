//! [`MemStore`]: a simulated disk. It keeps what was written apart from what is durable, and fails on command.
//!
//! `andon replay` runs on it without faults; the model tests run on it with faults after every operation.

use std::collections::BTreeMap;
use std::io;

use super::error::StoreError;
use super::store::{Cursor, Found, Mark, RawRecord, ReadLimit, SegmentInfo, Store};

/// How a [`MemStore`] fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemFault {
    /// This operation fails with an I/O error, and so do the following `0` to `n`.
    Io(u32),
    /// This operation takes effect and reports an I/O error all the same, as when the last fsync of a rename fails.
    Late,
    /// The power goes: this and every later operation fails until [`MemStore::restart`].
    Cut,
}

/// One segment: `durable` survives a cut, `written` may or may not.
#[derive(Debug, Clone, Default)]
struct MemSegment {
    durable: BTreeMap<u64, Vec<u8>>,
    written: BTreeMap<u64, Vec<u8>>,
    damaged: bool,
    /// A sync failed: the kernel calls the lost pages clean, so later syncs succeed and save nothing.
    poisoned: bool,
}

/// A simulated disk.
#[derive(Debug)]
pub struct MemStore {
    segments: BTreeMap<u64, MemSegment>,
    active: Option<u64>,
    quarantined: Vec<u64>,
    files: Found,
    capacity_bytes: u64,
    reserve_bytes: u64,
    reserve_held: bool,
    /// Operations until the fault strikes, and the fault.
    fault: Option<(u32, MemFault)>,
    is_cut: bool,
    random: fastrand::Rng,
}

impl MemStore {
    /// A disk of this size, without faults.
    pub fn new(capacity_bytes: u64) -> Self {
        Self {
            segments: BTreeMap::new(),
            active: None,
            quarantined: Vec::new(),
            files: Found::default(),
            capacity_bytes,
            reserve_bytes: 0,
            reserve_held: false,
            fault: None,
            is_cut: false,
            random: fastrand::Rng::with_seed(0),
        }
    }

    /// Keeps this much of the capacity back.
    #[must_use]
    pub const fn with_reserve(mut self, bytes: u64) -> Self {
        self.reserve_bytes = bytes;
        self.reserve_held = true;
        self
    }

    /// Lets the operation after the next `after` ones fail.
    pub const fn inject(&mut self, after: u32, fault: MemFault) {
        self.fault = Some((after, fault));
    }

    /// Changes the size of the disk, as other programs do by filling or clearing it.
    pub const fn resize(&mut self, capacity_bytes: u64) {
        self.capacity_bytes = capacity_bytes;
    }

    /// Damages a segment so that opening it fails.
    pub fn damage(&mut self, segment: u64) {
        if let Some(segment) = self.segments.get_mut(&segment) {
            segment.damaged = true;
        }
    }

    /// Flips one bit of a stored record; false when it is not stored.
    pub fn flip(&mut self, seq: u64, bit: usize) -> bool {
        let value = self
            .segments
            .values_mut()
            .find_map(|s| s.durable.get_mut(&seq));
        let Some(value) = value else { return false };
        let index = (bit / 8) % value.len().max(1);
        if let Some(byte) = value.get_mut(index) {
            *byte ^= 1 << (bit % 8);
        }
        true
    }

    /// Empties every segment behind the store's back, as a failed recovery of the engine would.
    pub fn lose_contents(&mut self) {
        for segment in self.segments.values_mut() {
            segment.durable.clear();
            segment.written.clear();
        }
    }

    /// Loses the high-water mark.
    pub const fn lose_mark(&mut self) {
        self.files.mark = None;
    }

    /// Loses the ledger.
    pub fn lose_ledger(&mut self) {
        self.files.ledger = None;
    }

    /// Loses the cursor.
    pub const fn lose_cursor(&mut self) {
        self.files.cursor = None;
    }

    /// What is left after the power came back: everything durable, and of what was only written a random
    /// beginning, whose last record may be torn.
    #[must_use]
    pub fn restart(mut self, seed: u64) -> Self {
        self.random = fastrand::Rng::with_seed(seed);
        for segment in self.segments.values_mut() {
            let written = std::mem::take(&mut segment.written);
            let keep = self.random.usize(..=written.len());
            let torn = self.random.bool();
            for (index, (seq, mut value)) in written.into_iter().take(keep).enumerate() {
                if torn && index + 1 == keep {
                    value.truncate(self.random.usize(..value.len().max(1)));
                }
                segment.durable.insert(seq, value);
            }
        }
        self.active = None;
        self.fault = None;
        self.is_cut = false;
        self
    }

    /// Before an operation: whether it fails. What comes back is the result to end with once it has taken effect.
    fn step(&mut self, action: &'static str) -> Result<Result<(), StoreError>, StoreError> {
        if self.is_cut {
            return Err(broken(action));
        }
        match &mut self.fault {
            Some((after, _)) if *after > 0 => *after -= 1,
            None => {}
            Some((_, MemFault::Late)) => {
                self.fault = None;
                return Ok(Err(broken(action)));
            }
            Some((_, fault)) => {
                match fault {
                    MemFault::Cut => self.is_cut = true,
                    MemFault::Io(more) if *more > 0 => *more -= 1,
                    MemFault::Io(_) | MemFault::Late => self.fault = None,
                }
                return Err(broken(action));
            }
        }
        Ok(Ok(()))
    }

    fn used_bytes(&self) -> u64 {
        let reserve = if self.reserve_held {
            self.reserve_bytes
        } else {
            0
        };
        self.segments.values().map(MemSegment::bytes).sum::<u64>() + reserve
    }
}

impl MemSegment {
    fn bytes(&self) -> u64 {
        let values = self.durable.values().chain(self.written.values());
        values.map(|v| v.len() as u64).sum()
    }
}

impl Store for MemStore {
    fn found(&mut self) -> Found {
        self.files.clone()
    }

    fn segments(&self) -> Vec<SegmentInfo> {
        self.segments
            .iter()
            .map(|(first, segment)| SegmentInfo {
                first: *first,
                disk_bytes: segment.bytes(),
            })
            .collect()
    }

    fn active(&self) -> Option<u64> {
        self.active
    }

    fn begin(&mut self, first: u64) -> Result<(), StoreError> {
        self.active = None;
        let result = self.step("begin a segment")?;
        self.segments.insert(first, MemSegment::default());
        self.active = result.is_ok().then_some(first);
        result
    }

    fn append(&mut self, seq: u64, value: &[u8]) -> Result<(), StoreError> {
        const ACTION: &str = "append a record";
        let result = self.step(ACTION)?;
        if self.used_bytes() + value.len() as u64 > self.capacity_bytes {
            return Err(StoreError::NoSpace { action: ACTION });
        }
        let active = self.active.and_then(|first| self.segments.get_mut(&first));
        let segment = active.ok_or_else(|| broken(ACTION))?;
        segment.written.insert(seq, value.to_vec());
        result
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        const ACTION: &str = "sync";
        let stepped = self.step(ACTION);
        let active = self.active.and_then(|first| self.segments.get_mut(&first));
        let segment = active.ok_or_else(|| broken(ACTION))?;
        segment.poisoned |= stepped.is_err();
        if !segment.poisoned {
            segment.durable.append(&mut segment.written);
        }
        stepped?
    }

    fn close(&mut self) {
        self.active = None;
    }

    fn read(
        &mut self,
        segment: u64,
        from: u64,
        limit: ReadLimit,
    ) -> Result<Vec<RawRecord>, StoreError> {
        let found = self.segments.get(&segment).ok_or_else(|| broken("read"))?;
        if found.damaged {
            return Err(damaged("read", segment));
        }
        let mut all: BTreeMap<_, _> = found.durable.range(from..).collect();
        all.extend(found.written.range(from..));
        let mut bytes = 0;
        let mut out = Vec::new();
        for (seq, value) in all {
            if !out.is_empty() && (out.len() >= limit.records || bytes >= limit.bytes) {
                break;
            }
            bytes += value.len();
            out.push((*seq, value.clone()));
        }
        Ok(out)
    }

    fn last(&mut self, segment: u64) -> Result<Option<u64>, StoreError> {
        let found = self.segments.get(&segment).ok_or_else(|| broken("read"))?;
        if found.damaged {
            return Err(damaged("read the end of", segment));
        }
        let ends = [&found.durable, &found.written];
        Ok(ends
            .into_iter()
            .filter_map(|m| m.last_key_value().map(|(seq, _)| *seq))
            .max())
    }

    fn remove(&mut self, segment: u64) -> Result<(), StoreError> {
        let result = self.step("remove a segment")?;
        self.segments.remove(&segment);
        result
    }

    fn quarantine(&mut self, segment: u64) -> Result<(), StoreError> {
        let result = self.step("set a segment aside")?;
        if self.active == Some(segment) {
            self.active = None;
        }
        self.segments.remove(&segment);
        self.quarantined.push(segment);
        result
    }

    fn quarantined(&self) -> (u64, u64) {
        (self.quarantined.len() as u64, 0)
    }

    fn purge(&mut self) -> bool {
        self.quarantined.pop().is_some()
    }

    fn save_mark(&mut self, mark: Mark) -> Result<(), StoreError> {
        let result = self.step("save the mark")?;
        self.files.mark = Some(mark);
        result
    }

    fn save_cursor(&mut self, cursor: Cursor) -> Result<(), StoreError> {
        let result = self.step("save the cursor")?;
        self.files.cursor = Some(cursor);
        result
    }

    fn save_ledger(&mut self, ledger: &[u8]) -> Result<(), StoreError> {
        let result = self.step("save the ledger")?;
        self.files.ledger = Some(ledger.to_vec());
        result
    }

    fn free_bytes(&mut self) -> Option<u64> {
        Some(self.capacity_bytes.saturating_sub(self.used_bytes()))
    }

    fn release_reserve(&mut self) -> bool {
        std::mem::take(&mut self.reserve_held)
    }

    fn restore_reserve(&mut self) {
        if !self.reserve_held && self.capacity_bytes / 2 >= self.used_bytes() + self.reserve_bytes {
            self.reserve_held = self.reserve_bytes > 0;
        }
    }

    fn is_fatal(&self) -> bool {
        false
    }
}

fn broken(action: &'static str) -> StoreError {
    StoreError::Io {
        action,
        source: io::Error::other("simulated fault"),
    }
}

fn damaged(action: &'static str, segment: u64) -> StoreError {
    StoreError::Damaged {
        action,
        segment,
        what: "simulated damage".into(),
    }
}
